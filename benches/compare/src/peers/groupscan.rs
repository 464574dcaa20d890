//! Our table, with all its indexes of memberships.

use groupscan::{
    Enumeration, Filter, GroupTable, Interface, Join, Membership, Protocol, Snapshot, V4,
    View as Shown,
};

use super::{Kind, Nodes, Parked, Peer, Reader, View};
use crate::page::{Page, Sink};

pub(super) const KIND: Kind = Kind {
    name: "groupscan",
    about: "`GroupTable`: two indexes, or three; `get_next` on a snapshot; one transaction per commit",
    packages: &["groupscan"],
    is_ours: true,
    enumerates: true,
    is_of_one_time: true,
    is_ordered: true,
    has_batches: true,
    view: View::Snapshot,
    build: |keys| {
        let table = GroupTable::new();
        table.change(keys, true);
        Box::new(table)
    },
};

fn membership(key: u64) -> Membership<V4> {
    let [group, source] = [(key >> 32) as u32, key as u32].map(V4::from_bits);
    Membership::source_specific(group, source, Interface::new(1), Protocol::IGMP)
}

fn snapshot(table: &GroupTable) -> Snapshot {
    table.snapshot().expect("few versions live")
}

/// Gives the next page. Returns whether more remain.
fn next(enumeration: &Enumeration<V4>, page: &mut Page, sink: Sink<'_>) -> bool {
    let batch = enumeration.get_next(page.bytes_mut()).expect("a page takes a record");
    sink(bytemuck::cast_slice(batch.entries()));
    batch.more()
}

impl Peer for GroupTable {
    fn change(&self, keys: &[u64], is_join: bool) {
        let mut txn = self.begin_write();
        for key in keys {
            let membership = membership(*key);
            let changed = if is_join { txn.join(&membership) } else { txn.leave(&membership) };
            assert_eq!(changed, Ok(true), "joining keys are new, leaving keys exist");
        }
        txn.commit();
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self)
    }

    fn park(&self, page: &mut Page, sink: Sink<'_>) -> Option<Box<dyn Parked + '_>> {
        let enumeration = snapshot(self).ipv4().enumerate(Shown::AllSources, Filter::all());
        next(&enumeration, page, sink);
        Some(Box::new(enumeration))
    }

    fn nodes(&self) -> Option<Nodes> {
        let stats = self.stats();
        Some(Nodes {
            in_use_bytes: stats.in_use_bytes,
            retained_bytes: stats.retained_bytes,
            mapped_bytes: Some(stats.mapped_bytes),
        })
    }
}

impl Reader for &GroupTable {
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>) {
        let enumeration = snapshot(self).ipv4().enumerate(Shown::AllSources, Filter::all());
        while next(&enumeration, page, sink) {}
    }

    fn contains(&self, key: u64) -> bool {
        let [group, source] = [(key >> 32) as u32, key as u32].map(V4::from_bits);
        snapshot(self).ipv4().contains(Join::new(group, source))
    }
}

impl Parked for Enumeration<V4> {
    fn finish(self: Box<Self>, page: &mut Page, sink: Sink<'_>) {
        while next(&self, page, sink) {}
    }
}
