//! `scc::TreeIndex`, a B+tree with lock-free reads.

use scc::{Guard, TreeIndex};

use super::{Kind, Peer, Reader, View};
use crate::page::{Page, Sink, pack};

pub(super) const KIND: Kind = Kind {
    name: "scc::TreeIndex",
    about: "a B+tree with lock-free reads; changes one by one; one guard per enumeration",
    packages: &["scc"],
    is_ours: false,
    enumerates: true,
    is_of_one_time: false,
    is_ordered: true,
    has_batches: false,
    view: View::Missing,
    build: |keys| {
        let index = TreeIndex::new();
        index.change(keys, true);
        Box::new(index)
    },
};

impl Peer for TreeIndex<u64, ()> {
    fn change(&self, keys: &[u64], is_join: bool) {
        for key in keys {
            if is_join {
                self.insert_sync(*key, ()).expect("the key is new");
            } else {
                self.remove_sync(key);
            }
        }
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self)
    }
}

impl Reader for &TreeIndex<u64, ()> {
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>) {
        let guard = Guard::new();
        pack(self.iter(&guard).map(|(key, ())| *key), page, sink);
    }

    fn contains(&self, key: u64) -> bool {
        TreeIndex::contains(self, &key)
    }
}
