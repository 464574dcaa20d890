//! The contract of the Multicast Group Manager in safe Rust: protocols, the interfaces that they own, their
//! group memberships, and enumerations by handle.
//!
//! A [`GroupManager`] keeps one table for several independent clients. The C functions of `mgm.h` are thin
//! wrappers around it. If you need neither ownership nor handles, use [`GroupTable`] directly.
//!
//! ```text
//! register ──▶ ProtocolHandle ── take_interface, add_membership ──▶ GroupTable
//!                    │                                                  │ snapshot
//!                    └── start_enumeration ──▶ EnumerationHandle ── get_next(&mut [u8])
//! ```
//!
//! # The contract
//!
//! It is that of the public API pages of `mgm.h`. Where they leave it open:
//!
//! - An enumeration sees one version of the table, each record once, ascending by (group, source). It
//!   blocks no writer, and no writer blocks it.
//! - IGMP is any client whose protocol id has 10 in its low 16 bits. It may change memberships on every
//!   interface, with or without an owner.
//! - A membership is (source, group, interface, client). A (source, group) is enumerated while any client
//!   has a membership of it with [`JOIN`](crate::MembershipFlags::JOIN).
//! - An interface exists while it has an owner or memberships. Releasing an interface removes its owner's
//!   memberships there. Deregistering removes the client's remaining memberships, and ends its enumerations.
//!
//! # Progress
//!
//! Starting, reading and ending enumerations is lock-free. Starting allocates. Reading allocates nothing and
//! makes no system call, apart from a thread's first call, and from every 128th, which does a bounded step of
//! the epoch collector's work. Calls that change memberships, clients or owners wait for each other, and so
//! do [`protocol_on_interface`](GroupManager::protocol_on_interface), [`reclaim`](GroupManager::reclaim),
//! [`reclaim_step`](GroupManager::reclaim_step), [`retained`](GroupManager::retained) and
//! [`enumerations`](GroupManager::enumerations); none of them waits for readers. They take turns, first come,
//! first served, and give up after [`set_timeout`](GroupManager::set_timeout). No other call waits. Every call
//! may be made from any thread.
//!
//! # Costs
//!
//! A call on an enumeration costs a lookup of its handle and a counted reference more than the same call of
//! [`Enumeration`](crate::Enumeration): some ten nanoseconds. Each call that changes memberships is one
//! transaction, so combine many changes in one
//! [`update_memberships`](GroupManager::update_memberships).

mod clients;
mod clock;
mod error;
mod groups;
mod limits;
mod running;

use std::alloc::{self, Layout};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::sync::Ordering;
use crate::sync::turn::TurnLock;
use crate::table::{GroupTable, Retained, Snapshot, SnapshotError, Stats, WriteTxn};

pub use crate::handles::{EnumerationHandle, ProtocolHandle};
pub use clients::{Callback, Client, ProtocolConfig};
pub use error::{ManagerError, code};
pub use groups::{BulkError, ClientMembership, CommittedStep, MembershipUpdate};
pub use limits::ManagerLimits;
pub use running::EnumerationInfo;

use crate::handles::{Handles, Tag};
use clients::{Registered, State};
use running::Running;

/// A table of IPv4 memberships that several protocols share, and enumerate by handle.
///
/// Managers are independent: a process may have one per routing instance, and a handle of one is not valid
/// for another. Dropping a manager ends its enumerations; [snapshots](Self::snapshot) outlive it.
///
/// # Examples
///
/// ```
/// use groupscan::manager::{Client, GroupManager};
/// use groupscan::{Filter, Interface, MembershipFlags, SourceGroupEntry, V4, View};
///
/// let manager = GroupManager::new();
/// let pim = manager.register(Client::new(0x0137_0020, 0), None)?;
/// let lan = Interface::new(2);
/// manager.take_interface(pim, lan)?;
/// let join = SourceGroupEntry::new(V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1));
/// manager.add_membership(pim, &join, lan, MembershipFlags::JOIN)?;
///
/// let enumeration = manager.start_enumeration(pim, View::AllSources, Filter::all())?;
/// let mut buffer = [0; 1024];
/// let batch = manager.get_next(enumeration, &mut buffer)?;
/// assert_eq!(batch.entries(), [join]);
/// assert!(!batch.more());
/// manager.end_enumeration(enumeration)?;
/// # Ok::<(), groupscan::manager::ManagerError>(())
/// ```
pub struct GroupManager {
    /// The limits in force.
    limits: ManagerLimits,
    table: GroupTable,
    /// Locked before the table's writer lock, by every call that changes the state or the table.
    state: TurnLock<State>,
    protocols: Handles<Registered>,
    enumerations: Handles<Running>,
    /// How long calls wait for their turns, in nanoseconds, or [`WITHOUT_LIMIT`]. Not from `crate::sync`: it
    /// orders nothing, so no checker needs to see it.
    timeout: AtomicU64,
}

/// The timeout of calls that wait without limit.
const WITHOUT_LIMIT: u64 = u64::MAX;

impl GroupManager {
    /// Makes a manager with an empty table and the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(ManagerLimits::default())
    }

    /// Makes a manager with an empty table. If the system refuses memory, the process aborts, as with the
    /// collections of std.
    #[must_use]
    pub fn with_limits(limits: ManagerLimits) -> Self {
        Self::try_with_limits(limits)
            .unwrap_or_else(|_| alloc::handle_alloc_error(Layout::new::<Self>()))
    }

    /// As [`with_limits`](Self::with_limits), but returns an error if the system refuses memory: for limits
    /// from outside the program.
    ///
    /// # Errors
    ///
    /// [`ManagerError::OutOfMemory`].
    pub fn try_with_limits(limits: ManagerLimits) -> Result<Self, ManagerError> {
        let out_of_memory = |_| ManagerError::OutOfMemory;
        let protocols = Handles::new(Tag::Protocol, limits.protocols).map_err(out_of_memory)?;
        let enumerations =
            Handles::new(Tag::Enumeration, limits.enumerations).map_err(out_of_memory)?;
        let table = limits.table.or_live_versions(2 * enumerations.limit());
        let table = GroupTable::try_with_limits(table)?;
        let limits = ManagerLimits {
            table: table.limits(),
            protocols: protocols.limit(),
            enumerations: enumerations.limit(),
            ..limits
        };
        Ok(Self {
            limits,
            table,
            state: TurnLock::new(State::default()),
            protocols,
            enumerations,
            timeout: AtomicU64::new(WITHOUT_LIMIT),
        })
    }

    /// The limits in force: those that the manager was made with, with the limits on handles reduced to
    /// [`ManagerLimits::MOST`] and defaults in place of what was left open.
    #[must_use]
    pub fn limits(&self) -> ManagerLimits {
        self.limits
    }

    /// Sets how long each later call waits for other writers, of all its turns together. `None`, the default,
    /// waits without limit, and zero does not wait. Every call that returns a [`ManagerError`] and waits obeys
    /// it, and returns [`ManagerError::Timeout`] if its turn did not come in time; it has then changed
    /// nothing.
    ///
    /// Other threads see the new timeout soon. A call that waits already keeps the old one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use groupscan::manager::{Client, GroupManager, ManagerError};
    ///
    /// let manager = GroupManager::new();
    /// manager.set_timeout(Some(Duration::from_millis(10)));
    /// match manager.register(Client::new(10, 0), None) {
    ///     Ok(igmp) => manager.deregister(igmp)?,
    ///     Err(ManagerError::Timeout) => println!("the table is busy"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), ManagerError>(())
    /// ```
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        let nanos = timeout.map(|timeout| u64::try_from(timeout.as_nanos()));
        let nanos = nanos.and_then(Result::ok).unwrap_or(WITHOUT_LIMIT);
        self.timeout.store(nanos, Ordering::Relaxed);
    }

    /// How long each call waits for other writers. See [`set_timeout`](Self::set_timeout).
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        match self.timeout.load(Ordering::Relaxed) {
            WITHOUT_LIMIT => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// The time that a call may wait which begins now.
    fn wait(&self) -> Duration {
        self.timeout().unwrap_or(Duration::MAX)
    }

    /// Begins a transaction of the table in the turn of a call, and takes the time of the wait off `left`.
    fn begin_write(&self, left: &mut Duration) -> Result<WriteTxn<'_>, ManagerError> {
        self.table.begin_write_within(left).ok_or(ManagerError::Timeout)
    }

    /// Takes a snapshot of the table, for the queries that `mgm.h` lacks. As [`GroupTable::snapshot`].
    ///
    /// # Errors
    ///
    /// As [`GroupTable::snapshot`].
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        self.table.snapshot()
    }

    /// The size and the memory use of the table. As [`GroupTable::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.table.stats()
    }

    /// The memory that each live version retains. As [`GroupTable::retained`]: waits without limit, whatever
    /// the [timeout](Self::set_timeout).
    #[must_use]
    pub fn retained(&self) -> Vec<Retained> {
        self.table.retained()
    }

    /// As [`retained`](Self::retained), within the [timeout](Self::set_timeout).
    ///
    /// # Errors
    ///
    /// [`ManagerError::Timeout`], [`ManagerError::OutOfMemory`].
    pub fn try_retained(&self) -> Result<Vec<Retained>, ManagerError> {
        Ok(self.table.retained_timeout(self.wait())?)
    }

    /// Frees all nodes that dead versions left behind. As [`GroupTable::reclaim`]: waits without limit.
    pub fn reclaim(&self) {
        self.table.reclaim();
    }

    /// Frees some of the nodes that dead versions left behind, and returns whether more remain. As
    /// [`GroupTable::reclaim_step`]: waits without limit, whatever the [timeout](Self::set_timeout).
    #[must_use = "more may remain"]
    pub fn reclaim_step(&self) -> bool {
        self.table.reclaim_step()
    }

    /// Gives memory that is free back to the system. As [`GroupTable::trim`].
    pub fn trim(&self) {
        self.table.trim();
    }

    /// Gives some memory that is free back to the system, and returns whether more remains. As
    /// [`GroupTable::trim_step`].
    #[must_use = "more may remain"]
    pub fn trim_step(&self) -> bool {
        self.table.trim_step()
    }

    /// As [`trim_step`](Self::trim_step), within the [timeout](Self::set_timeout).
    ///
    /// # Errors
    ///
    /// [`ManagerError::Timeout`].
    pub fn try_trim_step(&self) -> Result<bool, ManagerError> {
        self.table.trim_step_timeout(self.wait()).ok_or(ManagerError::Timeout)
    }

    /// As [`reclaim_step`](Self::reclaim_step), within the [timeout](Self::set_timeout).
    ///
    /// # Errors
    ///
    /// [`ManagerError::Timeout`].
    pub fn try_reclaim_step(&self) -> Result<bool, ManagerError> {
        self.table.reclaim_step_timeout(self.wait()).ok_or(ManagerError::Timeout)
    }
}

impl Default for GroupManager {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for GroupManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupManager")
            .field("limits", &self.limits)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
