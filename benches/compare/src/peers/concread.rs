//! `concread::bptree::BptreeMap`, a B+tree with read and write transactions.

use std::ops::Bound;

use concread::bptree::{BptreeMap, BptreeMapReadTxn};

use super::{Kind, Parked, Peer, Reader, View};
use crate::page::{Page, Sink, pack};

pub(super) const KIND: Kind = Kind {
    name: "concread::BptreeMap",
    about: "a copy-on-write B+tree with transactions",
    packages: &["concread"],
    is_ours: false,
    enumerates: true,
    is_of_one_time: true,
    is_ordered: true,
    has_batches: true,
    view: View::Snapshot,
    build: |keys| {
        let map = Map::new();
        map.change(keys, true);
        Box::new(map)
    },
};

type Map = BptreeMap<u64, ()>;

impl Peer for Map {
    fn change(&self, keys: &[u64], is_join: bool) {
        let mut txn = self.write();
        for key in keys {
            if is_join {
                txn.insert(*key, ())
            } else {
                txn.remove(key)
            };
        }
        txn.commit();
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self)
    }

    fn park(&self, page: &mut Page, sink: Sink<'_>) -> Option<Box<dyn Parked + '_>> {
        let txn = self.read();
        let mut last = None;
        pack(txn.keys().take(Page::RECORDS).inspect(|key| last = Some(**key)).copied(), page, sink);
        Some(Box::new(Rest { txn, last }))
    }
}

impl Reader for &Map {
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>) {
        pack(self.read().keys().copied(), page, sink);
    }

    fn contains(&self, key: u64) -> bool {
        self.read().contains_key(&key)
    }
}

struct Rest<'m> {
    txn: BptreeMapReadTxn<'m, u64, ()>,
    /// The last key that was packed.
    last: Option<u64>,
}

impl Parked for Rest<'_> {
    fn finish(self: Box<Self>, page: &mut Page, sink: Sink<'_>) {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.txn.range::<_, u64>((after, Bound::Unbounded));
        pack(rest.map(|(key, ())| *key), page, sink);
    }
}
