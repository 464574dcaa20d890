//! Why the manager refused a call, and the codes of `mgm.h` for it.

use std::error::Error;
use std::fmt;

use super::Client;
use crate::enumeration::GetNextError;
use crate::family::V4;
use crate::table::{SnapshotError, WriteError};

/// The codes that the calls of `mgm.h` return, under their public names (`winerror.h`).
pub mod code {
    /// The call did what it says.
    pub const NO_ERROR: u32 = 0;
    /// A limit or the system leaves no room.
    pub const ERROR_NOT_ENOUGH_MEMORY: u32 = 8;
    /// A handle or another argument is not valid.
    pub const ERROR_INVALID_PARAMETER: u32 = 87;
    /// The buffer does not take even one record.
    pub const ERROR_INSUFFICIENT_BUFFER: u32 = 122;
    /// Registered already, or owned by another protocol.
    pub const ERROR_ALREADY_EXISTS: u32 = 183;
    /// Records were returned, and more are available.
    pub const ERROR_MORE_DATA: u32 = 234;
    /// No records are left after those returned, which may be none.
    pub const ERROR_NO_MORE_ITEMS: u32 = 259;
    /// The call cannot be completed now.
    pub const ERROR_CAN_NOT_COMPLETE: u32 = 1003;
    /// There is no such interface.
    pub const ERROR_NOT_FOUND: u32 = 1168;
}

/// Why the manager refused a call, which then has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManagerError {
    /// The handle stands for nothing: it was ended, is of another kind or another manager, or nobody
    /// ever issued it. Trying again does not help.
    InvalidHandle,
    /// A client with these ids is registered.
    AlreadyRegistered {
        /// The ids.
        client: Client,
    },
    /// As many clients are registered as may be. Trying again helps once one has deregistered.
    TooManyProtocols {
        /// How many there may be.
        limit: usize,
    },
    /// The client must release the interfaces that it owns before it can deregister.
    OwnsInterfaces {
        /// How many it owns.
        count: usize,
    },
    /// Another client owns the interface that is to be taken.
    AlreadyOwned {
        /// Who.
        owner: Client,
    },
    /// As many interfaces are owned as may be. Trying again helps once one was released.
    TooManyOwnedInterfaces {
        /// How many there may be.
        limit: usize,
    },
    /// The client does not own the interface that it wants to release.
    NotOwned,
    /// Only the owner of an interface, and IGMP, may change memberships there.
    NotTheOwner {
        /// Who owns it, if somebody does.
        owner: Option<Client>,
    },
    /// Nobody owns the interface; or, where memberships are concerned, it has none either.
    InterfaceNotFound,
    /// The group is no multicast address (224.0.0.0/4), nor is it 0 for all groups.
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
    /// As many enumerations run as may. Trying again helps once one has ended.
    TooManyEnumerations {
        /// How many there may be.
        limit: usize,
    },
    /// The enumeration has records left, and the buffer does not take even one. Trying again with a
    /// buffer of the size given helps.
    BufferTooSmall {
        /// The bytes of one record.
        needed_bytes: usize,
    },
    /// The table refused a version to enumerate.
    Snapshot(SnapshotError),
    /// The table refused a change.
    Write(WriteError),
    /// The table had no room to remove memberships. Trying again may help.
    NotRemoved(WriteError),
    /// The operating system gives no memory. Trying again may help.
    OutOfMemory,
}

impl ManagerError {
    /// The code that the calls of `mgm.h` return for this.
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
            Self::OwnsInterfaces { .. } | Self::NotRemoved(_) => code::ERROR_CAN_NOT_COMPLETE,
            Self::InterfaceNotFound => code::ERROR_NOT_FOUND,
            Self::BufferTooSmall { .. } => code::ERROR_INSUFFICIENT_BUFFER,
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
            Self::InvalidHandle => f.write_str("the handle stands for nothing"),
            Self::AlreadyRegistered { client } => write!(f, "{client} is registered already"),
            Self::TooManyProtocols { limit } => {
                write!(f, "as many protocols are registered as may be: {limit}")
            }
            Self::OwnsInterfaces { count } => {
                write!(f, "interfaces must be released first: {count}")
            }
            Self::AlreadyOwned { owner } => write!(f, "the interface is owned by {owner}"),
            Self::TooManyOwnedInterfaces { limit } => {
                write!(f, "as many interfaces are owned as may be: {limit}")
            }
            Self::NotOwned => f.write_str("the protocol does not own the interface"),
            Self::NotTheOwner { owner: Some(owner) } => {
                write!(f, "memberships on the interface are for its owner, {owner}, and IGMP")
            }
            Self::NotTheOwner { owner: None } => {
                f.write_str("memberships on an interface that nobody owns are for IGMP")
            }
            Self::InterfaceNotFound => f.write_str("there is no such interface"),
            Self::NotMulticast { group } => write!(f, "{group} is no multicast group"),
            Self::SourceWithoutGroup { source } => {
                write!(f, "all groups cannot be joined from {source} only")
            }
            Self::RangeMask { address, mask } => {
                write!(f, "ranges are not supported: {address} with the mask {mask}")
            }
            Self::TooManyEnumerations { limit } => {
                write!(f, "as many enumerations run as may: {limit}")
            }
            Self::BufferTooSmall { needed_bytes } => {
                let error = GetNextError::BufferTooSmall { needed_bytes: *needed_bytes };
                fmt::Display::fmt(&error, f)
            }
            Self::Snapshot(error) => fmt::Display::fmt(error, f),
            Self::Write(error) => fmt::Display::fmt(error, f),
            Self::NotRemoved(error) => write!(f, "memberships could not be removed: {error}"),
            Self::OutOfMemory => fmt::Display::fmt(&WriteError::OutOfMemory, f),
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
