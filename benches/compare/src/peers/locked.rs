//! `RwLock<BTreeSet<u64>>`, the obvious choice.
//!
//! An enumeration holds the read lock from start to end. Otherwise it would not show one point in time.

use std::collections::BTreeSet;
use std::sync::{RwLock, RwLockReadGuard};

use super::{Kind, Peer, Reader, View};
use crate::page::{Page, Sink, pack};

pub(super) const KIND: Kind = Kind {
    name: "RwLock<BTreeSet>",
    about: "the standard library's; the read lock is held for a whole enumeration",
    packages: &[],
    is_ours: false,
    enumerates: true,
    is_of_one_time: true,
    is_ordered: true,
    has_batches: true,
    view: View::StopsWriters,
    build: |keys| {
        let set = Locked::default();
        set.change(keys, true);
        Box::new(set)
    },
};

type Locked = RwLock<BTreeSet<u64>>;

fn read(set: &Locked) -> RwLockReadGuard<'_, BTreeSet<u64>> {
    set.read().expect("no writer panicked")
}

impl Peer for Locked {
    fn change(&self, keys: &[u64], is_join: bool) {
        let mut set = self.write().expect("no writer panicked");
        for key in keys {
            if is_join {
                set.insert(*key)
            } else {
                set.remove(key)
            };
        }
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self)
    }
}

impl Reader for &Locked {
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>) {
        pack(read(self).iter().copied(), page, sink);
    }

    fn contains(&self, key: u64) -> bool {
        read(self).contains(&key)
    }
}
