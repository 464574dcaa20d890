//! The size and the memory use of a table.

use crate::index::Figures;
use crate::mvcc::Usage;
use crate::tree::SLOT_BYTES;

/// The size and the memory use of a table. Returned by [`GroupTable::stats`](crate::GroupTable::stats).
///
/// A *slot* is the memory of one node of a tree: [`SLOT_BYTES`](Self::SLOT_BYTES) bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The size of the current version's IPv4 part.
    pub ipv4: FamilyStats,
    /// The size of the current version's IPv6 part.
    pub ipv6: FamilyStats,
    /// The live versions: the current one, and the older ones that snapshots hold.
    pub live_versions: usize,
    /// The slots with nodes, of the current version and of older ones.
    pub slots_in_use: usize,
    /// The slots in use that the current version does not reach: live older versions retain them, or they
    /// wait to be reclaimed.
    pub slots_retained: usize,
    /// The retained slots that a writer has still to check, because versions died.
    pub slots_pending: usize,
    /// The mapped slots without nodes.
    pub slots_free: usize,
    /// The bytes that the system gave for nodes: all slots, and the remainders of chunks.
    pub mapped_bytes: usize,
}

impl Stats {
    /// The size of a slot in bytes.
    pub const SLOT_BYTES: usize = SLOT_BYTES;

    pub(crate) fn new(usage: &Usage, figures: &Figures) -> Self {
        Self {
            ipv4: FamilyStats::new(figures.v4.load()),
            ipv6: FamilyStats::new(figures.v6.load()),
            live_versions: usage.live_versions,
            slots_in_use: usage.pool.in_use,
            slots_retained: usage.pool.in_use.saturating_sub(usage.current_nodes),
            slots_pending: usage.pending_nodes,
            slots_free: usage.pool.free,
            mapped_bytes: usage.pool.mapped_bytes,
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
}

impl FamilyStats {
    fn new([joins, memberships, interfaces]: [usize; 3]) -> Self {
        Self { joins, memberships, interfaces }
    }
}
