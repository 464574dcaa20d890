//! Why a change is refused.

use std::error::Error;
use std::fmt;

use crate::tree::AllocError;

/// Why a transaction refused a change. None of the change was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The family has as many memberships as a table can count.
    /// [`WriteTxn::replace`](crate::WriteTxn::replace) counts those that it adds before it subtracts those
    /// that it removes. A retry helps after memberships were removed.
    TooManyMemberships {
        /// The limit.
        limit: usize,
    },
    /// The change might bring more nodes into use than [`Limits::node_bytes`](crate::Limits::node_bytes)
    /// allows, or map more memory than [`Limits::mapped_bytes`](crate::Limits::mapped_bytes) allows. A retry
    /// helps after memberships were removed or snapshots were dropped.
    OutOfCapacity {
        /// The limit on bytes of nodes, or of mapped memory.
        limit_bytes: usize,
    },
    /// The operating system refused memory. A retry may help.
    OutOfMemory,
    /// The list does not ascend strictly. A retry helps with a sorted list without repetitions.
    NotAscending {
        /// The index of the first join that is not greater than the one before.
        at: usize,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyMemberships { limit } => write!(f, "membership limit ({limit}) reached"),
            Self::OutOfCapacity { limit_bytes } => {
                write!(f, "table memory limit ({limit_bytes} bytes) reached")
            }
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::NotAscending { at } => {
                write!(f, "the list does not ascend strictly at index {at}")
            }
        }
    }
}

impl Error for WriteError {}

/// The operating system refused memory. The call has changed nothing; a retry may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&WriteError::OutOfMemory, f)
    }
}

impl Error for OutOfMemory {}

impl From<OutOfMemory> for WriteError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<AllocError> for WriteError {
    fn from(error: AllocError) -> Self {
        match error {
            AllocError::Capacity { limit_bytes } | AllocError::Mapped { limit_bytes } => {
                Self::OutOfCapacity { limit_bytes }
            }
            AllocError::System => Self::OutOfMemory,
        }
    }
}
