//! Versions: what a commit publishes, how readers come to hold it, and when its nodes are freed.
//!
//! A commit makes a root, which never changes, and publishes a record of it. A reader that takes a
//! snapshot becomes a holder of the version that is current at that moment. A version lives as long
//! as it has holders; what only it could reach is freed by the writer after that.
//!
//! ```text
//! writer ── publish ──▶ Publication ── with_latest ──▶ Holder ── dropped last ──▶ inbox ──▶ writer
//! ```
//!
//! [`publication`] alone names arc-swap. [`record`] has the count of holders, [`live`] the rule that
//! frees nodes, [`core`] what versions share, [`store`] the table's side.
//!
//! # Progress
//!
//! Holding a version is lock-free: a reader tries again only when the version it loaded was superseded
//! and left by its last holder, or when the count changed under it. It allocates nothing and makes no
//! system call, but for what pinning does now and then ([`collector`](crate::collector)). Letting go is lock-free, and
//! does neither; only the last holder of all, after the table is gone, gives the table's memory back.
//! Transactions take turns; nothing that a reader does makes one wait.

#![allow(unsafe_code, reason = "versions are counted by hand, and their nodes freed by rule")]

mod core;
mod live;
mod publication;
mod record;
mod store;

use std::fmt;

use crate::tree::{NodePtr, PoolUse};

pub(crate) use self::core::Bounds;
pub(crate) use record::Holder;
pub(crate) use store::{Txn, Versions};

/// The number of a version of a table: 0 for the empty table, one more for each commit that
/// changed something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The version after this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a version consists of: some trees.
pub(crate) trait VersionSets: Send + Sync + Sized + 'static {
    /// What the writer keeps beside the versions.
    type Kept: Kept;

    /// No keys.
    fn empty() -> Self;

    /// The same trees once more.
    ///
    /// # Safety
    ///
    /// As [`Tree::duplicate`](crate::tree::Tree::duplicate).
    unsafe fn duplicate(&self) -> Self;

    /// Calls `visit` with the nodes of all trees, as
    /// [`Tree::for_each_node`](crate::tree::Tree::for_each_node).
    fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr));

    /// How many keys the sets have, to look at without a lock.
    fn counts(&self) -> Counts;
}

/// How many numbers of keys are published.
pub(crate) const COUNTS: usize = 6;

/// Numbers of keys, of which the sets know what they count.
pub(crate) type Counts = [usize; COUNTS];

/// What the writer keeps beside the versions: it follows the transactions' ends.
pub(crate) trait Kept: Default + Send + 'static {
    /// The transaction that made this version is about to be published.
    fn commit(&mut self, version: u64);

    /// The transaction has ended, and what it did is undone, unless it was committed.
    fn abort(&mut self);
}

impl Kept for () {
    fn commit(&mut self, _version: u64) {}
    fn abort(&mut self) {}
}

/// Why a version could not be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooManyVersions { limit: usize },
    OutOfCapacity { limit_bytes: usize },
}

/// What a live version retains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retained {
    pub(crate) version: Version,
    /// Those who hold it, beside its being current.
    pub(crate) holders: usize,
    /// The nodes that it alone reaches.
    pub(crate) nodes: usize,
}

/// How a table's memory is spent, as the writer saw it last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) live_versions: usize,
    pub(crate) pool: PoolUse,
    /// The nodes of the current version.
    pub(crate) current_nodes: usize,
    /// The nodes that wait to be freed or moved.
    pub(crate) pending_nodes: usize,
    pub(crate) counts: Counts,
}
