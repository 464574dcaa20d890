//! What bounds a manager.

use std::time::Duration;

use super::handle::SLOTS;
use crate::table::Limits;

/// What bounds a manager's memory: the table's limits, and how much clients may have at a time.
///
/// Unless the table's limits say otherwise twice as many versions may live as enumerations run, so that
/// each may be of a version of its own.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use groupscan::Limits;
/// use groupscan::manager::{GroupManager, ManagerLimits};
///
/// let limits = ManagerLimits::default()
///     .table(Limits::default().node_bytes(64 << 20))
///     .enumerations(256)
///     .idle(Duration::from_secs(60));
/// let manager = GroupManager::with_limits(limits);
/// assert_eq!(manager.limits().table.live_versions, Some(512));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManagerLimits {
    /// The table's.
    pub table: Limits,
    /// The protocols that may be registered at a time.
    pub protocols: usize,
    /// The interfaces that may be owned at a time.
    pub owned_interfaces: usize,
    /// The enumerations that may run at a time.
    pub enumerations: usize,
    /// The time after which an enumeration that is not used may be ended; `None` is never.
    pub idle: Option<Duration>,
}

impl ManagerLimits {
    /// The protocols that may be registered at a time unless it is said otherwise.
    pub const PROTOCOLS: usize = 256;

    /// The interfaces that may be owned at a time unless it is said otherwise.
    pub const OWNED_INTERFACES: usize = 65_536;

    /// The enumerations that may run at a time unless it is said otherwise.
    pub const ENUMERATIONS: usize = 1024;

    /// The most protocols, and the most enumerations, that can be allowed.
    pub const MOST: usize = SLOTS;

    /// Bounds the table.
    pub const fn table(self, table: Limits) -> Self {
        Self { table, ..self }
    }

    /// Bounds the protocols that are registered at a time; [`MOST`](Self::MOST) at most.
    pub const fn protocols(self, protocols: usize) -> Self {
        Self { protocols, ..self }
    }

    /// Bounds the interfaces that are owned at a time.
    pub const fn owned_interfaces(self, owned_interfaces: usize) -> Self {
        Self { owned_interfaces, ..self }
    }

    /// Bounds the enumerations that run at a time; [`MOST`](Self::MOST) at most. Each place takes 24
    /// bytes from the start on, and each enumeration some 200.
    pub const fn enumerations(self, enumerations: usize) -> Self {
        Self { enumerations, ..self }
    }

    /// Has [`GroupManager::expire_idle`](super::GroupManager::expire_idle) end enumerations that were
    /// not used for so long. A start that finds as many enumerations running as may be does it, too.
    /// Unless this is called, an enumeration runs until somebody ends it.
    pub const fn idle(self, idle: Duration) -> Self {
        Self { idle: Some(idle), ..self }
    }
}

impl Default for ManagerLimits {
    fn default() -> Self {
        Self {
            table: Limits::default(),
            protocols: Self::PROTOCOLS,
            owned_interfaces: Self::OWNED_INTERFACES,
            enumerations: Self::ENUMERATIONS,
            idle: None,
        }
    }
}
