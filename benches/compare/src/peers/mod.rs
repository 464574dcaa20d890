//! The peers: the usual alternatives, each at its best documented use, and groupscan.

mod concread;
mod dashmap;
mod groupscan;
mod imbl;
mod join_index;
mod left_right;
mod locked;
mod scc;
mod skiplist;
#[cfg(test)]
mod tests;
mod vec;

use crate::page::{Page, Record, Sink};

/// All peers. The others are compared with the first.
pub static ALL: [Kind; 10] = [
    groupscan::KIND,
    join_index::KIND,
    vec::KIND,
    locked::KIND,
    imbl::KIND,
    concread::KIND,
    left_right::KIND,
    skiplist::KIND,
    scc::KIND,
    dashmap::KIND,
];

/// The properties of a kind of peer, and its constructor.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    /// What it stores, and how it is used.
    pub about: &'static str,
    /// The packages whose versions matter.
    pub packages: &'static [&'static str],
    /// Whether it is part of groupscan.
    pub is_ours: bool,
    /// Whether it can be enumerated.
    pub enumerates: bool,
    /// Whether an enumeration shows one point in time, also beside writers.
    pub is_of_one_time: bool,
    /// Whether an enumeration is in ascending order.
    pub is_ordered: bool,
    /// Whether the changes of a batch become visible all at once.
    pub has_batches: bool,
    pub view: View,
    /// Makes a peer with these joins, added in this order.
    pub build: fn(&[u64]) -> Box<dyn Peer>,
}

/// Whether a reader can keep its view from one call to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Yes, and writers continue.
    Snapshot,
    /// Yes, but writers wait until the reader is done.
    StopsWriters,
    /// No.
    Missing,
}

/// A set of joins that threads share.
pub trait Peer: Send + Sync {
    /// Joins or leaves keys in one commit, or one by one if the peer has no batches. Joining keys are new,
    /// leaving keys exist.
    fn change(&self, keys: &[u64], is_join: bool);

    /// A reader for one thread.
    fn reader(&self) -> Box<dyn Reader + '_>;

    /// Begins an enumeration, gives its first page, and keeps the rest as it is now. `None` if the peer
    /// has no snapshots.
    fn park(&self, _page: &mut Page, _sink: Sink<'_>) -> Option<Box<dyn Parked + '_>> {
        None
    }

    /// The memory that is not from the allocator.
    fn nodes(&self) -> Option<Nodes> {
        None
    }

    /// Whether it has exactly these ascending keys.
    fn holds(&self, keys: &[u64]) -> bool {
        let mut found = Vec::with_capacity(keys.len());
        let mut sink = |records: &[Record]| {
            found.extend(records.iter().map(|record| record.key()));
        };
        self.reader().enumerate(&mut Page::boxed(), &mut sink);
        found.sort_unstable();
        found == keys
    }
}

/// A thread's reader. Each call sees the last commit before its start.
pub trait Reader {
    /// Gives the records of all joins, page by page.
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>);

    /// Whether a key is joined.
    fn contains(&self, key: u64) -> bool;
}

/// An enumeration that is parked after its first page.
pub trait Parked {
    /// Gives the remaining pages.
    fn finish(self: Box<Self>, page: &mut Page, sink: Sink<'_>);
}

/// Memory that a peer maps itself.
#[derive(Clone, Copy, Debug)]
pub struct Nodes {
    /// The bytes of nodes, of the current version and of older ones.
    pub in_use_bytes: usize,
    /// The part of it that the current version does not reach.
    pub retained_bytes: usize,
    /// The bytes mapped from the system, if known.
    pub mapped_bytes: Option<usize>,
}

/// All peers that can be enumerated.
pub fn that_enumerate() -> Vec<&'static Kind> {
    ALL.iter().filter(|kind| kind.enumerates).collect()
}

/// All peers.
pub fn all() -> Vec<&'static Kind> {
    ALL.iter().collect()
}
