//! The peers: what one would take otherwise, each at its best documented use, and ourselves.

mod concread;
mod dashmap;
mod groupscan;
mod imbl;
mod join_set;
mod left_right;
mod locked;
mod scc;
mod skiplist;
#[cfg(test)]
mod tests;
mod vec;

use crate::page::{Page, Record, Sink};

/// All peers; the first is the one that the others are compared with.
pub static ALL: [Kind; 10] = [
    groupscan::KIND,
    join_set::KIND,
    vec::KIND,
    locked::KIND,
    imbl::KIND,
    concread::KIND,
    left_right::KIND,
    skiplist::KIND,
    scc::KIND,
    dashmap::KIND,
];

/// What there is to know about a kind of peer, and how one is made.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    /// What is stored, and how it is used.
    pub about: &'static str,
    /// The packages whose versions matter.
    pub packages: &'static [&'static str],
    /// Whether it is a part of groupscan.
    pub is_ours: bool,
    /// Whether it can be enumerated.
    pub enumerates: bool,
    /// Whether an enumeration is of one point in time, whatever writers do meanwhile.
    pub is_of_one_time: bool,
    /// Whether an enumeration ascends.
    pub is_ordered: bool,
    /// Whether the changes of a batch become visible all at once.
    pub has_batches: bool,
    pub view: View,
    /// Makes one that has these joins, put in in this order.
    pub build: fn(&[u64]) -> Box<dyn Peer>,
}

/// Whether a reader can keep what it sees from one call to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Yes, and writers go on.
    Snapshot,
    /// Yes, but no writer gets on until the reader is done.
    StopsWriters,
    /// There is no such thing.
    Missing,
}

/// A set of joins that threads share.
pub trait Peer: Send + Sync {
    /// Joins or leaves keys in one commit, or one by one where there are no batches. Keys that join
    /// are new, keys that leave are there.
    fn change(&self, keys: &[u64], is_join: bool);

    /// What one thread reads by.
    fn reader(&self) -> Box<dyn Reader + '_>;

    /// Begins an enumeration, gives its first page, and keeps the rest as it is now. `None` where
    /// there are no snapshots.
    fn park(&self, _page: &mut Page, _sink: Sink<'_>) -> Option<Box<dyn Parked + '_>> {
        None
    }

    /// The memory that does not come from the allocator.
    fn nodes(&self) -> Option<Nodes> {
        None
    }

    /// Whether it has these ascending keys and no others.
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

/// One thread's way to read. Each call looks at what was committed last when it began.
pub trait Reader {
    /// Gives the records of all joins, by pages.
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>);

    /// Whether a key is joined.
    fn contains(&self, key: u64) -> bool;
}

/// An enumeration that waits after its first page.
pub trait Parked {
    /// Gives the rest.
    fn finish(self: Box<Self>, page: &mut Page, sink: Sink<'_>);
}

/// Memory that a peer has mapped for itself.
#[derive(Clone, Copy, Debug)]
pub struct Nodes {
    /// What has nodes, of the current version and of older ones.
    pub in_use_bytes: usize,
    /// That part of it which the current version does not reach.
    pub retained_bytes: usize,
    /// What was got from the system, where that is known.
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
