//! `dashmap::DashSet`, a hash set in shards, each behind a lock.
//!
//! The hash is the default of the standard library. Hosts choose groups, and could choose groups that
//! collide.

use dashmap::DashSet;

use super::{Kind, Peer, Reader, View};
use crate::page::{Page, Sink, pack};

pub(super) const KIND: Kind = Kind {
    name: "DashSet",
    about: "dashmap's hash set in shards; changes one by one; an enumeration locks shard by shard",
    packages: &["dashmap"],
    is_ours: false,
    enumerates: true,
    is_of_one_time: false,
    is_ordered: false,
    has_batches: false,
    view: View::Missing,
    build: |keys| {
        let set = DashSet::new();
        set.change(keys, true);
        Box::new(set)
    },
};

impl Peer for DashSet<u64> {
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

impl Reader for &DashSet<u64> {
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>) {
        pack(self.iter().map(|key| *key), page, sink);
    }

    fn contains(&self, key: u64) -> bool {
        DashSet::contains(self, &key)
    }
}
