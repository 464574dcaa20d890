//! The limits of a manager.

use std::time::Duration;

use crate::handles::MAX_HANDLES;
use crate::table::Limits;

/// The limits of a manager: those of its table, and those on what clients may have at a time.
///
/// If the table's limits leave the number of live versions open, it is twice the number of enumerations, so
/// that each enumeration can hold its own version.
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
///     .with_table(Limits::default().with_node_bytes(64 << 20))
///     .with_enumerations(256)
///     .with_idle(Duration::from_secs(60));
/// let manager = GroupManager::with_limits(limits);
/// assert_eq!(manager.limits().table.live_versions, Some(512));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManagerLimits {
    /// The limits of the table.
    pub table: Limits,
    /// The most protocols registered at a time.
    pub protocols: usize,
    /// The most interfaces owned at a time.
    pub owned_interfaces: usize,
    /// The most enumerations running at a time.
    pub enumerations: usize,
    /// The time after which an unused enumeration may be ended; `None` means never.
    pub idle: Option<Duration>,
}

impl ManagerLimits {
    /// The default of [`protocols`](Self::protocols).
    pub const PROTOCOLS: usize = 256;

    /// The default of [`owned_interfaces`](Self::owned_interfaces).
    pub const OWNED_INTERFACES: usize = 65_536;

    /// The default of [`enumerations`](Self::enumerations).
    pub const ENUMERATIONS: usize = 1024;

    /// The highest possible limit on protocols, and on enumerations.
    pub const MOST: usize = MAX_HANDLES;

    /// Sets the limits of the table.
    #[must_use]
    pub const fn with_table(self, table: Limits) -> Self {
        Self { table, ..self }
    }

    /// Limits the protocols registered at a time, to [`MOST`](Self::MOST) at most.
    #[must_use]
    pub const fn with_protocols(self, protocols: usize) -> Self {
        Self { protocols, ..self }
    }

    /// Limits the interfaces owned at a time.
    #[must_use]
    pub const fn with_owned_interfaces(self, owned_interfaces: usize) -> Self {
        Self { owned_interfaces, ..self }
    }

    /// Limits the enumerations running at a time, to [`MOST`](Self::MOST) at most. The manager allocates 24
    /// bytes for each when it is made; an enumeration that runs takes some 200 more.
    #[must_use]
    pub const fn with_enumerations(self, enumerations: usize) -> Self {
        Self { enumerations, ..self }
    }

    /// Lets [`GroupManager::expire_idle`](super::GroupManager::expire_idle) end enumerations that were not
    /// used for this long. A start that reaches the limit on enumerations ends them, too. By default an
    /// enumeration runs until it is ended.
    #[must_use]
    pub const fn with_idle(self, idle: Duration) -> Self {
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
