//! Our set of joins alone, with everything that a table has around its sets. It stores what the peers store.

use groupscan::Stats;
use groupscan::internals::{JoinSet, JoinSetSnapshot};

use super::{Kind, Nodes, Peer, Reader, View};
use crate::page::{Page, Sink};

pub(super) const KIND: Kind = Kind {
    name: "groupscan (joins alone)",
    about: "`internals::JoinSet`: one of the table's three sets; one transaction per commit",
    packages: &["groupscan"],
    is_ours: true,
    enumerates: false,
    is_of_one_time: true,
    is_ordered: true,
    has_batches: true,
    view: View::Snapshot,
    build: |keys| {
        let set = JoinSet::new();
        Peer::change(&set, keys, true);
        Box::new(set)
    },
};

fn snapshot(set: &JoinSet) -> JoinSetSnapshot {
    set.snapshot().expect("few versions live")
}

impl Peer for JoinSet {
    fn change(&self, keys: &[u64], is_join: bool) {
        assert!(self.change(keys.iter().copied(), is_join), "memory is available");
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self)
    }

    fn nodes(&self) -> Option<Nodes> {
        Some(Nodes {
            in_use_bytes: self.node_bytes(),
            retained_bytes: self.retained_nodes() * Stats::SLOT_BYTES,
            mapped_bytes: None,
        })
    }

    fn holds(&self, keys: &[u64]) -> bool {
        let snapshot = snapshot(self);
        snapshot.len() == keys.len() && keys.iter().all(|key| snapshot.contains(*key))
    }
}

impl Reader for &JoinSet {
    fn enumerate(&self, _page: &mut Page, _sink: Sink<'_>) {
        unreachable!("the set alone does not enumerate");
    }

    fn contains(&self, key: u64) -> bool {
        snapshot(self).contains(key)
    }
}
