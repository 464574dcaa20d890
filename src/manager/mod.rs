//! The Multicast Group Manager's contract in safe Rust: protocols, the interfaces that they own, group
//! memberships, and enumerations behind handles.
//!
//! A [`GroupManager`] keeps a table for several clients that know nothing of each other. It is what the
//! C functions of `mgm.h` call, and what a router written in Rust may use in their place; who needs
//! neither ownership nor handles takes a [`GroupTable`] and its snapshots.
//!
//! ```text
//! register ──▶ ProtocolHandle ── take_interface, add_membership ──▶ GroupTable
//!                    │                                                  │ snapshot
//!                    └── start_enumeration ──▶ EnumerationHandle ── get_next(&mut [u8])
//! ```
//!
//! # The contract
//!
//! It is that of the public API pages of `mgm.h`; where those leave room:
//!
//! - An enumeration sees one version of the table, each record once, ascending by (group, source). It
//!   blocks no writer, and no writer blocks it.
//! - IGMP is the client whose protocol id has 10 in its low 16 bits. It may change memberships on
//!   interfaces that others own, or nobody.
//! - A membership is (source, group, interface, client). A (source, group) is enumerated while a
//!   membership with [`JOIN`](crate::MembershipFlags::JOIN) has it, whoever's that is.
//! - An interface exists while it is owned or has memberships. Releasing one removes its owner's
//!   memberships there; deregistering removes those that are left, and ends the client's enumerations.
//!
//! # Progress
//!
//! Starting, reading and ending enumerations is lock-free; starting allocates. Reading does not, and makes no
//! system call, but for a thread's first call, and for a bounded step of the epoch collector's work in every
//! 128th. What changes memberships, clients or owners waits for other calls of that kind, and so do
//! [`protocol_on_interface`](GroupManager::protocol_on_interface), [`reclaim`](GroupManager::reclaim) and
//! [`enumerations`](GroupManager::enumerations); none of them waits for readers. No other call waits. Any call
//! may be made from any thread.
//!
//! # Costs
//!
//! A call on an enumeration costs a look-up of its handle and a counted reference more than the same
//! call of [`Enumeration`](crate::Enumeration): some ten nanoseconds. Each call that changes memberships is
//! a transaction: many changes belong in one of
//! [`update_memberships`](GroupManager::update_memberships).

mod clients;
mod clock;
mod error;
mod free;
mod groups;
mod handle;
mod handles;
mod limits;
mod running;

use std::alloc::{self, Layout};
use std::fmt;

use crate::snapshot::Snapshot;
use crate::stats::Stats;
use crate::sync::Mutex;
use crate::table::{GroupTable, SnapshotError};

pub use clients::{Callback, Client, ProtocolConfig};
pub use error::{ManagerError, code};
#[cfg(feature = "capi")]
pub(crate) use groups::Change;
pub use groups::{BulkError, ClientMembership, Committed};
pub use handle::{EnumerationHandle, ProtocolHandle};
pub use limits::ManagerLimits;
pub use running::EnumerationInfo;

use clients::{Registered, State};
use handle::Tag;
use handles::Handles;
use running::Running;

/// A table of IPv4 memberships that several protocols keep, and enumerate by handles.
///
/// Managers have nothing in common with each other: a process may have one for each routing instance,
/// and a handle of one is not valid for another. Dropping a manager ends all that its handles stand
/// for; [snapshots](Self::snapshot) outlive it.
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
    limits: ManagerLimits,
    table: GroupTable,
    /// Taken before the table's writer lock, by every call that changes what it has or the table.
    state: Mutex<State>,
    protocols: Handles<Registered>,
    enumerations: Handles<Running>,
}

impl GroupManager {
    /// Makes a manager of an empty table, with the default limits.
    pub fn new() -> Self {
        Self::with_limits(ManagerLimits::default())
    }

    /// Makes a manager of an empty table. Where the system gives no memory for it, the process ends, as
    /// with the collections of std.
    pub fn with_limits(limits: ManagerLimits) -> Self {
        Self::try_with_limits(limits)
            .unwrap_or_else(|_| alloc::handle_alloc_error(Layout::new::<Self>()))
    }

    /// As [`with_limits`](Self::with_limits), for limits of somebody else's.
    ///
    /// # Errors
    ///
    /// [`ManagerError::OutOfMemory`] where the system gives no memory for so many handles.
    pub fn try_with_limits(limits: ManagerLimits) -> Result<Self, ManagerError> {
        let out_of_memory = |_| ManagerError::OutOfMemory;
        let protocols = Handles::new(Tag::Protocol, limits.protocols).map_err(out_of_memory)?;
        let enumerations =
            Handles::new(Tag::Enumeration, limits.enumerations).map_err(out_of_memory)?;
        let table = limits.table.or_live_versions(2 * enumerations.limit());
        Ok(Self {
            limits,
            table: GroupTable::with_limits(table),
            state: Mutex::new(State::default()),
            protocols,
            enumerations,
        })
    }

    /// The limits that hold: those that the manager was made with, and for what these left open what was
    /// chosen. Those on handles are at most [`ManagerLimits::MOST`].
    pub fn limits(&self) -> ManagerLimits {
        ManagerLimits {
            table: self.table.limits(),
            protocols: self.protocols.limit(),
            enumerations: self.enumerations.limit(),
            ..self.limits
        }
    }

    /// Takes a snapshot of the memberships, for all that a [`Snapshot`] answers and the contract does
    /// not know. As [`GroupTable::snapshot`].
    ///
    /// # Errors
    ///
    /// As [`GroupTable::snapshot`].
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        self.table.snapshot()
    }

    /// The table that the memberships are in.
    #[cfg(feature = "capi")]
    pub(crate) fn table(&self) -> &GroupTable {
        &self.table
    }

    /// How the table's memory is spent. As [`GroupTable::stats`].
    pub fn stats(&self) -> Stats {
        self.table.stats()
    }

    /// Frees some of what dead versions left behind, and says whether there is more. As
    /// [`GroupTable::reclaim`].
    pub fn reclaim(&self) -> bool {
        self.table.reclaim()
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
