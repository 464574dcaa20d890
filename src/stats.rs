//! How a table's memory is spent.

use crate::tree::SLOT_BYTES;
use crate::version::{self, Usage, Version};

/// How many keys a family has, and how a table's memory is spent. See
/// [`GroupTable::stats`](crate::GroupTable::stats).
///
/// A *slot* is the memory of one node of a tree, [`SLOT_BYTES`](Self::SLOT_BYTES) bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// What the current version has of IPv4.
    pub ipv4: FamilyStats,
    /// What the current version has of IPv6.
    pub ipv6: FamilyStats,
    /// The versions that live: the current one, and the older ones that snapshots hold.
    pub live_versions: usize,
    /// The slots that have nodes, of the current version and of older ones.
    pub slots_in_use: usize,
    /// Those of the slots in use that the current version does not reach: live older versions
    /// retain them, or they wait to be reclaimed.
    pub slots_retained: usize,
    /// Those of the retained slots that a writer must still look at, because versions died.
    pub slots_pending: usize,
    /// The slots that are mapped and have no nodes.
    pub slots_free: usize,
    /// The memory that the table's nodes were given by the system: all slots, and the remainders
    /// of chunks.
    pub mapped_bytes: usize,
}

impl Stats {
    /// The bytes of a slot.
    pub const SLOT_BYTES: usize = SLOT_BYTES;

    pub(crate) fn new(usage: &Usage) -> Self {
        let [ipv4, ipv6] = usage.counts.as_chunks::<3>().0 else {
            unreachable!("two families of three counts each");
        };
        Self {
            ipv4: FamilyStats::new(*ipv4),
            ipv6: FamilyStats::new(*ipv6),
            live_versions: usage.live_versions,
            slots_in_use: usage.pool.in_use,
            slots_retained: usage.pool.in_use.saturating_sub(usage.current_nodes),
            slots_pending: usage.pending_nodes,
            slots_free: usage.pool.free,
            mapped_bytes: usage.pool.mapped_bytes,
        }
    }
}

/// How many keys the sets of a family have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FamilyStats {
    /// Distinct (source, group) pairs that are joined.
    pub joins: usize,
    /// Memberships, those that are no joins included.
    pub memberships: usize,
    /// Interfaces that memberships name.
    pub interfaces: usize,
}

impl FamilyStats {
    fn new([joins, memberships, interfaces]: [usize; 3]) -> Self {
        Self { joins, memberships, interfaces }
    }
}

/// What a live version retains. See [`GroupTable::retained`](crate::GroupTable::retained).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retained {
    /// The version.
    pub version: Version,
    /// The snapshots and enumerations that hold it.
    pub holders: usize,
    /// The slots that it alone reaches: those that would be free without it.
    pub slots: usize,
}

impl Retained {
    pub(crate) fn new(retained: version::Retained) -> Self {
        let version::Retained { version, holders, nodes } = retained;
        Self { version, holders, slots: nodes }
    }
}
