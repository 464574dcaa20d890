//! `crossbeam_skiplist::SkipSet`, a lock-free skip list.

use crossbeam_skiplist::SkipSet;

use super::{Kind, Peer, Reader, View};
use crate::page::{Page, Sink, pack};

pub(super) const KIND: Kind = Kind {
    name: "SkipSet",
    about: "crossbeam's lock-free skip list; changes one by one",
    packages: &["crossbeam-skiplist"],
    is_ours: false,
    enumerates: true,
    is_of_one_time: false,
    is_ordered: true,
    has_batches: false,
    view: View::Missing,
    build: |keys| {
        let set = SkipSet::new();
        set.change(keys, true);
        Box::new(set)
    },
};

impl Peer for SkipSet<u64> {
    fn change(&self, keys: &[u64], is_join: bool) {
        for key in keys {
            if is_join {
                self.insert(*key);
            } else {
                self.remove(key);
            }
        }
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self)
    }
}

impl Reader for &SkipSet<u64> {
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>) {
        pack(self.iter().map(|entry| *entry.value()), page, sink);
    }

    fn contains(&self, key: u64) -> bool {
        SkipSet::contains(self, &key)
    }
}
