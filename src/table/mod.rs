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

use std::alloc::{Layout as MemoryLayout, handle_alloc_error};
use std::fmt;
use std::time::Duration;

use crate::index::{self, TableIndexes};
use crate::mvcc::{Bounds, Version, Versions};
use crate::tree::PoolLimits;

pub use layout::{IndexLayout, Layout};
pub use limits::Limits;
pub use snapshot::{FamilySnapshot, Snapshot};
pub use stats::{FamilyStats, Stats};
pub use steps::{Committed, ReplacedFlags, Step};

pub use crate::index::{JoinOn, OutOfMemory, WriteError};
pub use crate::mvcc::{Retained, RetainedError, SnapshotError};
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

    /// Makes an empty table with these limits. If the system refuses memory, the process aborts, as with the
    /// collections of std.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self::try_with_limits(limits)
            .unwrap_or_else(|_| handle_alloc_error(MemoryLayout::new::<Self>()))
    }

    /// As [`with_limits`](Self::with_limits), but returns an error if the system refuses memory.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn try_with_limits(limits: Limits) -> Result<Self, OutOfMemory> {
        let live_versions = limits.live_versions.unwrap_or(Limits::LIVE_VERSIONS);
        let live_versions = live_versions.max(Limits::LEAST_LIVE_VERSIONS);
        let limits = limits.with_live_versions(live_versions);
        let pool = PoolLimits { in_use: limits.node_bytes, mapped: limits.mapped_bytes };
        let bounds = Bounds { pool, live_versions };
        let versions = Versions::try_new(bounds).map_err(|_| OutOfMemory)?;
        Ok(Self { versions, limits })
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
    /// Writers take turns, first come, first served: a writer that commits and begins again waits behind
    /// those that wait already. So with k writers in front, a writer waits for the transactions of these k
    /// and for the one that is open. The order of writers that arrive within some microseconds of each other
    /// is not defined.
    ///
    /// A thread with an open transaction would wait for itself if it began another one on the same table, or
    /// called [`reclaim`](Self::reclaim), [`reclaim_step`](Self::reclaim_step), [`compact`](Self::compact),
    /// [`compact_step`](Self::compact_step) or [`retained`](Self::retained). Dropping a table waits forever
    /// if a transaction was leaked (`mem::forget`).
    pub fn begin_write(&self) -> WriteTxn<'_> {
        WriteTxn::new(self.versions.begin(), self.limits.compaction)
    }

    /// Begins a transaction if no other one is open and no writer waits; otherwise returns `None`, without
    /// waiting.
    ///
    /// It never takes the turn of a writer that waits. Under constant writing it may therefore always fail;
    /// [`begin_write_timeout`](Self::begin_write_timeout) queues. In a thread with an open transaction it
    /// returns `None`, where [`begin_write`](Self::begin_write) would wait for itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::GroupTable;
    ///
    /// let table = GroupTable::new();
    /// let txn = table.begin_write();
    /// assert!(table.try_begin_write().is_none());
    /// txn.abort();
    /// table.try_begin_write().expect("no transaction is open").commit();
    /// ```
    #[must_use = "a transaction that is dropped is aborted"]
    pub fn try_begin_write(&self) -> Option<WriteTxn<'_>> {
        self.begin_write_timeout(Duration::ZERO)
    }

    /// As [`begin_write`](Self::begin_write), but returns `None` if the turn of this writer does not come
    /// within `timeout`. It then has left the queue, and nothing was changed.
    ///
    /// A timeout of zero does not wait, and one of [`Duration::MAX`] waits without limit. In a thread with an
    /// open transaction it waits for all of the timeout, in vain. A transaction that began is not bounded.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    /// use std::time::Duration;
    ///
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
    ///
    /// let table = GroupTable::new();
    /// let heard = Membership::any_source(V4::new(239, 1, 1, 1), Interface::new(2), Protocol::IGMP);
    /// let txn = table.begin_write();
    /// thread::scope(|scope| {
    ///     scope.spawn(|| match table.begin_write_timeout(Duration::from_millis(1)) {
    ///         Some(mut txn) => {
    ///             txn.join(&heard)?;
    ///             Ok(txn.commit())
    ///         }
    ///         // Report that the table is busy, and try again with the next report of the host.
    ///         None => Ok::<_, groupscan::WriteError>(table.version()),
    ///     });
    /// });
    /// txn.commit();
    /// assert!(table.begin_write_timeout(Duration::from_millis(1)).is_some());
    /// ```
    #[must_use = "a transaction that is dropped is aborted"]
    pub fn begin_write_timeout(&self, mut timeout: Duration) -> Option<WriteTxn<'_>> {
        self.begin_write_within(&mut timeout)
    }

    /// As [`begin_write_timeout`](Self::begin_write_timeout), and takes the time of the wait off `left`.
    pub(crate) fn begin_write_within(&self, left: &mut Duration) -> Option<WriteTxn<'_>> {
        let txn = self.versions.begin_within(left)?;
        Some(WriteTxn::new(txn, self.limits.compaction))
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
        // Only without a limit on the wait there is always a turn.
        self.reclaim_step_timeout(Duration::MAX).unwrap_or(true)
    }

    /// As [`reclaim_step`](Self::reclaim_step), but returns `None` if the turn of this call does not come
    /// within `timeout`, which is as in [`begin_write_timeout`](Self::begin_write_timeout).
    #[must_use = "more may remain"]
    pub fn reclaim_step_timeout(&self, timeout: Duration) -> Option<bool> {
        self.versions.reclaim_within(timeout)
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
        // Only without a limit on the wait there is always a turn.
        self.trim_step_timeout(Duration::MAX).unwrap_or(true)
    }

    /// As [`trim_step`](Self::trim_step), but returns `None` if the turn of this call does not come within
    /// `timeout`, which is as in [`begin_write_timeout`](Self::begin_write_timeout).
    #[must_use = "more may remain"]
    pub fn trim_step_timeout(&self, timeout: Duration) -> Option<bool> {
        self.versions.trim_within(timeout)
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
    /// The numbers are of one moment if no writer works meanwhile. Otherwise the list has the versions that
    /// were live when the call began, unless they died before it came to them.
    ///
    /// Waits for other calls of its kind and for other writers, and makes writers wait for some microseconds
    /// for every 64 versions. Between these steps it holds the versions that it looks at, as a snapshot does,
    /// also at [`Limits::live_versions`]. It visits the nodes of each version that are younger than the last
    /// but one version before it. If the system refuses memory, the process aborts, as with the collections
    /// of std.
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
        match self.retained_timeout(Duration::MAX) {
            Ok(retained) => retained,
            Err(RetainedError::OutOfMemory) => handle_alloc_error(MemoryLayout::new::<Retained>()),
            Err(RetainedError::Timeout) => unreachable!("a wait without limit ends with a turn"),
        }
    }

    /// As [`retained`](Self::retained), but returns an error if it waited for `timeout` in all, which is as in
    /// [`begin_write_timeout`](Self::begin_write_timeout), or if the system refuses memory.
    ///
    /// # Errors
    ///
    /// [`RetainedError`].
    pub fn retained_timeout(&self, timeout: Duration) -> Result<Vec<Retained>, RetainedError> {
        self.versions.retained_within(timeout)
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
