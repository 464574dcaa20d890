//! `crossbeam_skiplist::SkipList`, a lock-free skip list.
//!
//! `SkipSet` is the same list, but pins the thread and counts references for each key. A guard of the
//! caller's own avoids both.

use crossbeam_epoch as epoch;
use crossbeam_skiplist::SkipList;

use super::{Kind, Peer, Reader, View};
use crate::page::{Page, Sink, pack};

pub(super) const KIND: Kind = Kind {
    name: "SkipList",
    about: "crossbeam's lock-free skip list; changes one by one; one guard per enumeration",
    packages: &["crossbeam-skiplist"],
    is_ours: false,
    enumerates: true,
    is_of_one_time: false,
    is_ordered: true,
    has_batches: false,
    view: View::Missing,
    build: |keys| {
        let list = SkipList::new(epoch::default_collector().clone());
        list.change(keys, true);
        Box::new(list)
    },
};

impl Peer for SkipList<u64, ()> {
    fn change(&self, keys: &[u64], is_join: bool) {
        let guard = &epoch::pin();
        for key in keys {
            let entry =
                if is_join { Some(self.insert(*key, (), guard)) } else { self.remove(key, guard) };
            if let Some(entry) = entry {
                entry.release(guard);
            }
        }
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self)
    }
}

impl Reader for &SkipList<u64, ()> {
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>) {
        let guard = &epoch::pin();
        pack(self.iter(guard).map(|entry| *entry.key()), page, sink);
    }

    fn contains(&self, key: u64) -> bool {
        self.contains_key(&key, &epoch::pin())
    }
}
