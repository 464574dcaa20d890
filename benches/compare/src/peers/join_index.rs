//! Our index of joins alone, with everything that a table has around its indexes. It stores what the peers
//! store.

use groupscan::internals::{JoinIndex, JoinIndexSnapshot};

use super::{Kind, Nodes, Peer, Reader, View};
use crate::page::{Page, Sink};

pub(super) const KIND: Kind = Kind {
    name: "groupscan (joins alone)",
    about: "`internals::JoinIndex`: one of the table's indexes; one transaction per commit",
    packages: &["groupscan"],
    is_ours: true,
    enumerates: false,
    is_of_one_time: true,
    is_ordered: true,
    has_batches: true,
    view: View::Snapshot,
    build: |keys| {
        let index = JoinIndex::new();
        Peer::change(&index, keys, true);
        Box::new(index)
    },
};

fn snapshot(index: &JoinIndex) -> JoinIndexSnapshot {
    index.snapshot().expect("few versions live")
}

impl Peer for JoinIndex {
    fn change(&self, keys: &[u64], is_join: bool) {
        assert!(self.change(keys.iter().copied(), is_join), "memory is available");
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self)
    }

    fn nodes(&self) -> Option<Nodes> {
        Some(Nodes {
            in_use_bytes: self.node_bytes(),
            retained_bytes: self.retained_bytes(),
            mapped_bytes: None,
        })
    }

    fn holds(&self, keys: &[u64]) -> bool {
        let snapshot = snapshot(self);
        snapshot.len() == keys.len() && keys.iter().all(|key| snapshot.contains(*key))
    }
}

impl Reader for &JoinIndex {
    fn enumerate(&self, _page: &mut Page, _sink: Sink<'_>) {
        unreachable!("the index alone does not enumerate");
    }

    fn contains(&self, key: u64) -> bool {
        snapshot(self).contains(key)
    }
}
