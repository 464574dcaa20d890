//! The size and the memory use of a table.

use crate::index::Figures;
use crate::mvcc::Usage;

/// The size and the memory use of a table. Returned by [`GroupTable::stats`](crate::GroupTable::stats).
///
/// Bytes are those of nodes, unless they say otherwise: of the indexes' memory, which comes in a few KiB for
/// each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The size of the current version's IPv4 part.
    pub ipv4: FamilyStats,
    /// The size of the current version's IPv6 part.
    pub ipv6: FamilyStats,
    /// The live versions: the current one, and the older ones that snapshots hold.
    pub live_versions: usize,
    /// The bytes in use, by the current version and by older ones.
    pub in_use_bytes: usize,
    /// The bytes in use that the current version does not reach: live older versions retain them, or they
    /// wait to be reclaimed.
    pub retained_bytes: usize,
    /// The retained bytes that a writer has still to check, because versions died.
    pub pending_bytes: usize,
    /// The bytes that are free for new nodes.
    pub free_bytes: usize,
    /// The bytes that the system gave: those in use, those free, and the remainders of chunks.
    pub mapped_bytes: usize,
}

impl Stats {
    pub(crate) fn new(usage: &Usage, figures: &Figures) -> Self {
        Self {
            ipv4: FamilyStats::new(figures.v4.load()),
            ipv6: FamilyStats::new(figures.v6.load()),
            live_versions: usage.live_versions,
            in_use_bytes: usage.pool.in_use,
            retained_bytes: usage.pool.in_use.saturating_sub(usage.current_bytes),
            pending_bytes: usage.pending_bytes,
            free_bytes: usage.pool.free,
            mapped_bytes: usage.pool.mapped,
        }
    }
}

/// The size of one family's part of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FamilyStats {
    /// The joins: distinct (group, source) pairs that are joined.
    pub joins: usize,
    /// The memberships, including those that are not joins.
    pub memberships: usize,
    /// The interfaces that have memberships.
    pub interfaces: usize,
    /// The joins that the leaves of their index have room for: [`joins`](Self::joins) divided by this is how
    /// full they are. [`FamilySnapshot::layout`](crate::FamilySnapshot::layout) also shows their order in
    /// memory.
    pub join_capacity: usize,
    /// The memberships that the leaves of the index by interface have room for.
    pub membership_capacity: usize,
}

impl FamilyStats {
    fn new(figures: [usize; 5]) -> Self {
        let [joins, memberships, interfaces, join_capacity, membership_capacity] = figures;
        Self { joins, memberships, interfaces, join_capacity, membership_capacity }
    }
}
