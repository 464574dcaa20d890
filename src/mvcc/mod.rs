//! Versions (MVCC): what a commit publishes, how readers hold it, and when its nodes are freed.
//!
//! A commit builds the trees of the next version, which never change afterwards, and publishes a header
//! that points to them. A reader that takes a snapshot adds a reference to the current version. A version
//! lives as long as it has references; the writer then frees the nodes that only that version reached.
//!
//! ```text
//! writer ── publish ──▶ Publication ── with_latest ──▶ VersionRef ── last drop ──▶ inbox ──▶ writer
//! ```
//!
//! Files, from the bottom up: [`counted`] has memory that the system may refuse; [`header`] counts the references of a version; [`publication`] publishes
//! headers and alone names arc-swap; [`live`] decides when a node is freed; [`shared`] is what the
//! versions of a table share; [`txn`] is a write transaction; [`retained`] tells what a version costs;
//! [`versions`] is the table's side.
//!
//! # Progress
//!
//! | operation | progress |
//! |---|---|
//! | hold a version | lock-free: retried only if that version was superseded and lost its last reference, or if the count changed. Allocates nothing and makes no system call, apart from what pinning does now and then ([`epoch`](crate::sync::epoch)) |
//! | drop a reference | lock-free; allocates and frees nothing. The last reference of all, after the table is gone, frees the table's memory |
//! | begin a transaction | blocking: writers take turns, first come, first served ([`turn`](crate::sync::turn)). A reader never makes one wait |

#![allow(unsafe_code, reason = "versions are counted by hand, and their nodes freed by a rule")]

mod counted;
mod header;
mod live;
mod publication;
mod retained;
mod shared;
mod txn;
mod versions;

use std::error::Error;
use std::fmt;

use crate::tree::{NodePtr, PoolUse};

pub(crate) use header::VersionRef;
pub(crate) use shared::Bounds;
pub(crate) use txn::Txn;
pub(crate) use versions::Versions;

/// The number of a version of a table: 0 for the empty table, and one more for each commit that changed
/// something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Version(u64);

impl Version {
    /// The version after this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl From<Version> for u64 {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Why a snapshot was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The number of live versions is at [`Limits::live_versions`](crate::Limits::live_versions). A retry
    /// helps after the last snapshot of one of them was dropped.
    TooManyVersions {
        /// The limit on live versions.
        limit: usize,
    },
    /// More nodes are in use than [`Limits::node_bytes`](crate::Limits::node_bytes) allows, because leaves
    /// may exceed it. A retry helps after snapshots were dropped or memberships removed, and a commit or
    /// [`GroupTable::reclaim`](crate::GroupTable::reclaim) has freed their nodes.
    OutOfCapacity {
        /// The limit on bytes of nodes.
        limit_bytes: usize,
    },
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyVersions { limit } => write!(f, "live version limit ({limit}) reached"),
            Self::OutOfCapacity { limit_bytes } => {
                write!(f, "table memory limit ({limit_bytes} bytes) exceeded")
            }
        }
    }
}

impl Error for SnapshotError {}

/// The contents of a version: some trees.
pub(crate) trait VersionIndexes: Send + Sync + Sized + 'static {
    /// What the writer keeps besides the versions, from one transaction to the next, whether they are
    /// committed or not.
    type State: Default + Send + 'static;

    /// Figures about the contents, which anyone may read without a lock.
    type Figures: Default + Send + Sync;

    /// Empty trees.
    fn empty() -> Self;

    /// The same trees again, which share all nodes.
    ///
    /// # Safety
    ///
    /// As [`Tree::duplicate`](crate::tree::Tree::duplicate).
    unsafe fn duplicate(&self) -> Self;

    /// Calls `visit` with the nodes of all trees, as
    /// [`Tree::for_each_node`](crate::tree::Tree::for_each_node).
    fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr));

    /// Stores the figures of these contents.
    fn publish_figures(&self, figures: &Self::Figures);
}

/// What a live version retains. See [`GroupTable::retained`](crate::GroupTable::retained).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retained {
    /// The version.
    pub version: Version,
    /// The number of snapshots and enumerations that hold it.
    pub holders: usize,
    /// The bytes of the nodes that only this version reaches: they would be free without it.
    pub bytes: usize,
}

/// Why a list of what versions retain was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetainedError {
    /// Other writers did not let the call have its turns in time. A retry may help.
    Timeout,
    /// The operating system refused memory for the list. A retry may help.
    OutOfMemory,
}

impl fmt::Display for RetainedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "timeout",
            Self::OutOfMemory => "out of memory",
        })
    }
}

impl Error for RetainedError {}

/// How a table's memory is used, in bytes, as of the end of the last transaction or reclamation step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) live_versions: usize,
    pub(crate) pool: PoolUse,
    /// The bytes of the slots of the current version's nodes.
    pub(crate) current_bytes: usize,
    /// The bytes of the slots of the nodes that wait to be freed or moved.
    pub(crate) pending_bytes: usize,
}
