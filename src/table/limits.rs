//! The limits of a table.

/// The limits on a table's memory.
///
/// # Examples
///
/// ```
/// use groupscan::{GroupTable, Limits};
///
/// // Some 200,000 memberships, and as many nodes again that only snapshots hold.
/// let table = GroupTable::with_limits(Limits::default().with_node_bytes(32 << 20).with_live_versions(64));
/// assert_eq!(table.limits().node_bytes, 32 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most bytes of nodes in use; `usize::MAX` means no limit.
    pub node_bytes: usize,
    /// The most bytes of memory that the system gives for nodes; `usize::MAX` means no limit.
    pub mapped_bytes: usize,
    /// The most live versions at a time. `None` means the default: [`LIVE_VERSIONS`](Self::LIVE_VERSIONS), or
    /// in a [`GroupManager`](crate::manager::GroupManager) twice the limit on its enumerations.
    pub live_versions: Option<usize>,
    /// Whether commits compact the table a little, so that it stays full. On by default.
    pub compaction: bool,
}

impl Limits {
    /// The default of [`live_versions`](Self::live_versions).
    pub const LIVE_VERSIONS: usize = 1024;

    /// The lowest limit on live versions.
    pub(super) const LEAST_LIVE_VERSIONS: usize = 2;

    /// Limits the bytes of nodes in use, by the current version and by older ones that snapshots hold. At the
    /// limit joins fail, and leaves do not. By default only the system limits them.
    ///
    /// A join needs free nodes for copies of its paths in the trees of two or three indexes: four to a dozen
    /// nodes of 2 or 4 KiB, and more if it splits nodes.
    #[must_use]
    pub const fn with_node_bytes(self, bytes: usize) -> Self {
        Self { node_bytes: bytes, ..self }
    }

    /// Limits the memory that the system gives for nodes: those in use, those that are free for new ones, and
    /// the remainders of chunks, which have up to 2 MiB. At the limit joins fail. So do leaves that copy more
    /// nodes than are free, because snapshots retain the old ones; but there are always enough for one leave.
    /// By default only the system limits it. [`GroupTable::trim`](crate::GroupTable::trim) gives back what is
    /// free.
    #[must_use]
    pub const fn with_mapped_bytes(self, bytes: usize) -> Self {
        Self { mapped_bytes: bytes, ..self }
    }

    /// Limits the live versions: the current one, and the older ones that snapshots hold. During a commit
    /// there may be one more. At the limit, the first snapshot of a version is refused. The lowest limit is
    /// 2.
    #[must_use]
    pub const fn with_live_versions(self, versions: usize) -> Self {
        Self { live_versions: Some(versions), ..self }
    }

    /// Lets commits compact the table, or not. If they do, a table that changes stays above 7/8 full, at some
    /// 2 % of the cost of its changes. One commit in a hundred takes a few microseconds longer. If they do
    /// not, random changes leave the table about 0.77 full.
    /// [`GroupTable::compact`](crate::GroupTable::compact) works in any case.
    #[must_use]
    pub const fn with_compaction(self, compaction: bool) -> Self {
        Self { compaction, ..self }
    }

    /// The same limits, with this many live versions if their number was left open.
    pub(crate) const fn or_live_versions(self, versions: usize) -> Self {
        match self.live_versions {
            Some(_) => self,
            None => self.with_live_versions(versions),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            node_bytes: usize::MAX,
            mapped_bytes: usize::MAX,
            live_versions: None,
            compaction: true,
        }
    }
}
