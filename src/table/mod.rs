//! The public face of the engine: the table, its transactions and its snapshots.

mod layout;
mod limits;
mod snapshot;
mod stats;
mod steps;
#[cfg(test)]
mod tests;
mod txn;
mod walks;

use std::fmt;

use crate::index::{self, TableIndexes};
use crate::mvcc::{Bounds, Version, Versions};
use crate::tree::PoolLimits;

pub use layout::{IndexLayout, Layout};
pub use limits::Limits;
pub use snapshot::{FamilySnapshot, Snapshot};
pub use stats::{FamilyStats, Stats};
pub use steps::{Committed, ReplacedFlags, Step};

pub use crate::index::{JoinOn, WriteError};
pub use crate::mvcc::{Retained, SnapshotError};
pub use txn::WriteTxn;
pub use walks::{AllMemberships, Interfaces, Outgoing};

/// A table of multicast group memberships, IPv4 and IPv6.
///
/// Readers take snapshots and never wait for writers, nor do writers wait for readers. One transaction is
/// open at a time.
///
/// # Examples
///
/// ```
/// use groupscan::{Filter, GroupTable, Interface, Join, Membership, Protocol, V4, View};
///
/// let table = GroupTable::new();
/// let join = Join::new(V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1));
/// let mut txn = table.begin_write();
/// txn.join(&Membership::new(join, Interface::new(2), Protocol::IGMP))?;
/// txn.commit();
///
/// let enumeration = table.snapshot()?.ipv4().enumerate(View::AllSources, Filter::all());
/// let mut buffer = [0; 1024];
/// let batch = enumeration.get_next(&mut buffer)?;
/// assert_eq!(batch.entries(), [join.to_entry()]);
/// assert!(!batch.more());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GroupTable {
    versions: Versions<TableIndexes>,
    limits: Limits,
}

impl GroupTable {
    /// Makes an empty table with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// Makes an empty table with these limits.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        let live_versions = limits.live_versions.unwrap_or(Limits::LIVE_VERSIONS);
        let live_versions = live_versions.max(Limits::LEAST_LIVE_VERSIONS);
        let limits = limits.with_live_versions(live_versions);
        let pool = PoolLimits { in_use: limits.node_bytes, mapped: limits.mapped_bytes };
        let bounds = Bounds { pool, live_versions };
        Self { versions: Versions::new(bounds), limits }
    }

    /// The limits in force: those that the table was made with, with the defaults in place of what was left
    /// open.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Takes a snapshot of the current version. It has every commit that returned before this call.
    ///
    /// Lock-free. Allocates nothing and makes no system call, apart from a thread's first call, and from
    /// every 128th, which does a bounded step of the epoch collector's work: that may free and allocate some
    /// hundred headers of dead versions, never nodes.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] if the snapshot would hold one more version than the table's limits allow. A version
    /// that already has a snapshot is never refused.
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        self.versions.hold().map(Snapshot::new)
    }

    /// The number of the current version. Lock-free, as [`snapshot`](Self::snapshot) is.
    #[must_use]
    pub fn version(&self) -> Version {
        self.versions.version()
    }

    /// Begins a transaction. Waits until no other transaction of the table is open.
    ///
    /// A thread with an open transaction would wait for itself if it began another one on the same table, or
    /// called [`reclaim`](Self::reclaim), [`reclaim_step`](Self::reclaim_step) or
    /// [`retained`](Self::retained). Dropping a table waits forever if a transaction was leaked
    /// (`mem::forget`).
    pub fn begin_write(&self) -> WriteTxn<'_> {
        WriteTxn::new(self.versions.begin(), self.limits.compaction)
    }

    /// Frees all nodes that dead versions left behind.
    ///
    /// Commits do this on the way and keep pace, so only an idle table needs this call: it keeps what the
    /// last snapshots left until its next commit. Waits for other writers, and lets them in between steps of
    /// a few hundred microseconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
    ///
    /// # let table = GroupTable::new();
    /// # let lan = Interface::new(2);
    /// # let mut txn = table.begin_write();
    /// # txn.join(&Membership::any_source(V4::new(239, 1, 1, 1), lan, Protocol::IGMP))?;
    /// # txn.commit();
    /// let held = table.snapshot()?;
    /// let mut txn = table.begin_write();
    /// txn.leave_all::<V4>(lan, Protocol::IGMP)?;
    /// txn.commit();
    /// drop(held);
    /// assert!(table.stats().retained_bytes > 0, "no commit since the drop");
    /// table.reclaim();
    /// assert_eq!(table.stats().retained_bytes, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reclaim(&self) {
        while self.reclaim_step() {}
    }

    /// Does one step of [`reclaim`](Self::reclaim), of at most a few hundred microseconds, and returns
    /// whether nodes remain to be freed. Waits for other writers.
    #[must_use = "more may remain"]
    pub fn reclaim_step(&self) -> bool {
        self.versions.reclaim()
    }

    /// Gives memory that is free back to the system: chunks of up to 2 MiB without nodes. A reserve for the
    /// next leave stays.
    ///
    /// Commits do this on the way while more than three quarters of the memory are free, which they are after
    /// bulk removals. This call does it at any time, and first [reclaims](Self::reclaim). Nodes are spread over
    /// the chunks in no order, so [`compact`](Self::compact) before it makes more chunks empty. Free memory in
    /// fuller chunks is used first afterwards. Readers are not disturbed. Waits for other writers, and lets them
    /// in between steps of a few hundred microseconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
    ///
    /// # let table = GroupTable::new();
    /// # let lan = Interface::new(2);
    /// # let mut txn = table.begin_write();
    /// # for group in 0..100_000 {
    /// #     let group = V4::from_bits(0xe800_0000 + group);
    /// #     txn.join(&Membership::any_source(group, lan, Protocol::IGMP))?;
    /// # }
    /// # txn.commit();
    /// table.leave_all::<V4>(lan, Protocol::IGMP)?;
    /// table.trim();
    /// assert_eq!(table.stats().mapped_bytes, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trim(&self) {
        self.reclaim();
        while self.trim_step() {}
    }

    /// Does one step of [`trim`](Self::trim), of at most a few hundred microseconds, and returns whether more
    /// remain. Waits for other writers.
    #[must_use = "more may remain"]
    pub fn trim_step(&self) -> bool {
        self.versions.trim()
    }

    /// Rewrites the leaves of all indexes that are less than 29/32 full, or that do not lie in the order of
    /// memory, into full ones in that order, with a little room left. So enumerations become faster, and the
    /// table smaller. The contents do not change.
    ///
    /// Commits [keep the table full](Limits::with_compaction); this call also makes up for what was changed
    /// without that, and restores the order of memory, which few changes undo. Each step is a commit:
    /// snapshots keep the versions that they hold, with their memory. Waits for other writers, and lets them
    /// in between steps of a few hundred microseconds.
    ///
    /// # Errors
    ///
    /// [`WriteError::OutOfCapacity`] or [`WriteError::OutOfMemory`] if there is no memory for a step. The steps
    /// before it have been made.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
    ///
    /// let table = GroupTable::new();
    /// for group in 0..10_000 {
    ///     let group = V4::from_bits(0xe000_0000 + group * 7919 % 10_000);
    ///     let mut txn = table.begin_write();
    ///     txn.join(&Membership::any_source(group, Interface::new(2), Protocol::IGMP))?;
    ///     txn.commit();
    /// }
    /// table.compact()?;
    /// assert!(table.snapshot()?.ipv4().layout().joins.fill() > 0.85);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact(&self) -> Result<(), WriteError> {
        while self.compact_step()? {}
        Ok(())
    }

    /// Does one step of [`compact`](Self::compact), of at most a few hundred microseconds, and returns
    /// whether more remain. The first step also sorts the free memory, which takes some milliseconds in a
    /// large table. Waits for other writers.
    ///
    /// # Errors
    ///
    /// As [`compact`](Self::compact). The step has then changed nothing, and the next call begins from the
    /// start.
    pub fn compact_step(&self) -> Result<bool, WriteError> {
        let mut txn = self.versions.begin();
        let more = index::compact(&mut txn);
        match more {
            Ok(_) => _ = txn.commit(),
            Err(_) => txn.abort(),
        }
        more
    }

    /// The size and the memory use of the table after the last commit, abort or [`reclaim`](Self::reclaim).
    ///
    /// [`live_versions`](Stats::live_versions) is that of this call.
    ///
    /// Wait-free. Each number was right at some moment. While writers work, the numbers of one call may
    /// belong to neighbouring versions.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::new(&self.versions.usage(), self.versions.figures())
    }

    /// The memory that each live version retains, from the oldest version to the current one.
    ///
    /// Waits for other writers and makes them wait, while it visits the nodes that old versions retain.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
    ///
    /// # let table = GroupTable::new();
    /// let held = table.snapshot()?;
    /// let mut txn = table.begin_write();
    /// let lan = Interface::new(2);
    /// txn.join(&Membership::any_source(V4::new(239, 1, 1, 1), lan, Protocol::IGMP))?;
    /// txn.commit();
    /// for retained in table.retained() {
    ///     println!("{}: {} bytes, {} holders", retained.version, retained.bytes, retained.holders);
    /// }
    /// assert_eq!(table.stats().live_versions, 2);
    /// drop(held);
    /// table.reclaim();
    /// assert_eq!((table.stats().live_versions, table.stats().retained_bytes), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn retained(&self) -> Vec<Retained> {
        self.versions.retained()
    }

    #[cfg(feature = "__internals")]
    pub(crate) fn versions(&self) -> &Versions<TableIndexes> {
        &self.versions
    }
}

impl Default for GroupTable {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for GroupTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupTable").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
