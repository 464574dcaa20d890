//! The errors of the manager, and their codes in `mgm.h`.

use std::error::Error;
use std::fmt;

use super::Client;
use crate::enumeration::GetNextError;
use crate::table::{OutOfMemory, RetainedError, SnapshotError, WriteError};
use crate::types::V4;

/// The codes that the calls of `mgm.h` return, under their public names (`winerror.h`).
pub mod code {
    /// The call succeeded.
    pub const NO_ERROR: u32 = 0;
    /// A limit is reached, or the system refuses memory.
    pub const ERROR_NOT_ENOUGH_MEMORY: u32 = 8;
    /// A handle or another argument is not valid.
    pub const ERROR_INVALID_PARAMETER: u32 = 87;
    /// The buffer is too small for one record.
    pub const ERROR_INSUFFICIENT_BUFFER: u32 = 122;
    /// Already registered, or owned by another protocol.
    pub const ERROR_ALREADY_EXISTS: u32 = 183;
    /// Records were returned, and more are available.
    pub const ERROR_MORE_DATA: u32 = 234;
    /// No records remain after those returned, if any.
    pub const ERROR_NO_MORE_ITEMS: u32 = 259;
    /// The call cannot be completed now.
    pub const ERROR_CAN_NOT_COMPLETE: u32 = 1003;
    /// There is no such interface.
    pub const ERROR_NOT_FOUND: u32 = 1168;
}

/// Why the manager refused a call. The call has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManagerError {
    /// The handle is invalid: it was ended, is of another kind or another manager, or was never issued. A
    /// retry does not help.
    InvalidHandle,
    /// A client with these ids is already registered. A retry helps after it has deregistered.
    AlreadyRegistered {
        /// The ids.
        client: Client,
    },
    /// [`ManagerLimits::protocols`](super::ManagerLimits::protocols) is reached. A retry helps after a client
    /// has deregistered.
    TooManyProtocols {
        /// The limit.
        limit: usize,
    },
    /// The client owns interfaces, which it must release before it deregisters.
    OwnsInterfaces {
        /// The number of interfaces.
        count: usize,
    },
    /// Another client owns the interface. A retry helps after it has released it.
    AlreadyOwned {
        /// The owner.
        owner: Client,
    },
    /// [`ManagerLimits::owned_interfaces`](super::ManagerLimits::owned_interfaces) is reached. A retry helps
    /// after an interface was released.
    TooManyOwnedInterfaces {
        /// The limit.
        limit: usize,
    },
    /// The client does not own the interface.
    NotOwned,
    /// The client is neither the owner of the interface nor IGMP, and no other client may change memberships
    /// there.
    NotTheOwner {
        /// The owner, if there is one.
        owner: Option<Client>,
    },
    /// The interface has no owner and, for calls that delete memberships, no memberships either.
    InterfaceNotFound,
    /// The group is neither a multicast address (224.0.0.0/4) nor 0 for all groups.
    NotMulticast {
        /// The group.
        group: V4,
    },
    /// All groups, (\*,\*), can only be joined from all sources.
    SourceWithoutGroup {
        /// The source.
        source: V4,
    },
    /// Ranges are not supported: a mask is 255.255.255.255, or 0 with an address of 0.
    RangeMask {
        /// The address.
        address: V4,
        /// Its mask.
        mask: V4,
    },
    /// [`ManagerLimits::enumerations`](super::ManagerLimits::enumerations) is reached. A retry helps after an
    /// enumeration has ended.
    TooManyEnumerations {
        /// The limit.
        limit: usize,
    },
    /// Records remain, and the buffer is too small for one. A retry with a buffer of `needed_bytes` helps.
    BufferTooSmall {
        /// The size of one record in bytes.
        needed_bytes: usize,
    },
    /// The table refused a snapshot; the cause says whether a retry helps.
    Snapshot(SnapshotError),
    /// The table refused the change; the cause says whether a retry helps.
    Write(WriteError),
    /// The table could not remove memberships. A retry may help.
    NotRemoved(WriteError),
    /// The operating system refused memory. A retry may help.
    OutOfMemory,
    /// The turn of the call did not come within [`GroupManager::timeout`](super::GroupManager::timeout). A
    /// retry may help.
    Timeout,
}

impl ManagerError {
    /// The code that the calls of `mgm.h` return for this.
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            Self::AlreadyRegistered { .. } | Self::AlreadyOwned { .. } => {
                code::ERROR_ALREADY_EXISTS
            }
            Self::InvalidHandle
            | Self::NotOwned
            | Self::NotTheOwner { .. }
            | Self::NotMulticast { .. }
            | Self::SourceWithoutGroup { .. }
            | Self::RangeMask { .. }
            | Self::Write(WriteError::NotAscending { .. }) => code::ERROR_INVALID_PARAMETER,
            Self::TooManyProtocols { .. }
            | Self::TooManyOwnedInterfaces { .. }
            | Self::TooManyEnumerations { .. }
            | Self::Snapshot(_)
            | Self::Write(_)
            | Self::OutOfMemory => code::ERROR_NOT_ENOUGH_MEMORY,
            Self::OwnsInterfaces { .. } | Self::NotRemoved(_) | Self::Timeout => {
                code::ERROR_CAN_NOT_COMPLETE
            }
            Self::InterfaceNotFound => code::ERROR_NOT_FOUND,
            Self::BufferTooSmall { .. } => code::ERROR_INSUFFICIENT_BUFFER,
        }
    }
}

impl From<OutOfMemory> for ManagerError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<RetainedError> for ManagerError {
    fn from(error: RetainedError) -> Self {
        match error {
            RetainedError::Timeout => Self::Timeout,
            RetainedError::OutOfMemory => Self::OutOfMemory,
        }
    }
}

impl From<GetNextError> for ManagerError {
    fn from(error: GetNextError) -> Self {
        match error {
            GetNextError::BufferTooSmall { needed_bytes } => Self::BufferTooSmall { needed_bytes },
        }
    }
}

impl fmt::Display for ManagerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidHandle => f.write_str("invalid handle"),
            Self::AlreadyRegistered { client } => write!(f, "{client} is already registered"),
            Self::TooManyProtocols { limit } => {
                write!(f, "protocol limit ({limit}) reached")
            }
            Self::OwnsInterfaces { count } => {
                write!(f, "the protocol still owns {count} interfaces")
            }
            Self::AlreadyOwned { owner } => write!(f, "the interface is owned by {owner}"),
            Self::TooManyOwnedInterfaces { limit } => {
                write!(f, "owned interface limit ({limit}) reached")
            }
            Self::NotOwned => f.write_str("the protocol does not own the interface"),
            Self::NotTheOwner { owner: Some(owner) } => {
                write!(
                    f,
                    "only the owner, {owner}, and IGMP may change memberships on the interface"
                )
            }
            Self::NotTheOwner { owner: None } => {
                f.write_str("only IGMP may change memberships on an interface without an owner")
            }
            Self::InterfaceNotFound => f.write_str("interface not found"),
            Self::NotMulticast { group } => write!(f, "{group} is not a multicast group"),
            Self::SourceWithoutGroup { source } => {
                write!(f, "all groups cannot be joined from the single source {source}")
            }
            Self::RangeMask { address, mask } => {
                write!(f, "ranges are not supported: {address} with mask {mask}")
            }
            Self::TooManyEnumerations { limit } => {
                write!(f, "enumeration limit ({limit}) reached")
            }
            Self::BufferTooSmall { needed_bytes } => {
                let error = GetNextError::BufferTooSmall { needed_bytes: *needed_bytes };
                fmt::Display::fmt(&error, f)
            }
            Self::Snapshot(_) => f.write_str("snapshot refused"),
            Self::Write(_) => f.write_str("change refused"),
            Self::NotRemoved(_) => f.write_str("memberships could not be removed"),
            Self::OutOfMemory => fmt::Display::fmt(&WriteError::OutOfMemory, f),
            Self::Timeout => fmt::Display::fmt(&RetainedError::Timeout, f),
        }
    }
}

impl Error for ManagerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Snapshot(error) => Some(error),
            Self::Write(error) | Self::NotRemoved(error) => Some(error),
            _ => None,
        }
    }
}
