//! What the versions of a table share: the pool of their nodes, the list of those that live, and the
//! inbox of those that died.
//!
//! # Invariants
//!
//! - I1: the table and each version with holders own a reference to the core; so the last of the
//!   table and its snapshots drops the pool, which gives the nodes' memory back without a look at
//!   them.
//! - I2: `live` counts the versions that have holders. It rises before a version is published and
//!   falls with the version's last holder; so for the moment of a commit it counts two current ones.

use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize as PlainUsize;

use super::live::LiveVersions;
use super::record::{Holder, Inbox};
use super::{COUNTS, Counts, Refused, Usage, Version, VersionSets};
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering};
use crate::tree::{Nodes, Pool, PoolUse, SLOT_BYTES};

/// How many pending nodes a commit sees to beside twice those that it replaced.
const STEPS_A_COMMIT: usize = 8;

/// How many pending nodes one call of `reclaim` sees to: some hundred microseconds' work.
const STEPS_A_RECLAIM: usize = 4096;

/// What bounds a table's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The bytes of nodes that joins may bring into use.
    pub(crate) node_bytes: usize,
    /// The versions that may live at a time; 2 at least.
    pub(crate) live_versions: usize,
}

impl Bounds {
    /// Whether so many slots in use are more than joins may bring into use.
    fn is_over(&self, in_use: usize) -> bool {
        in_use > self.node_bytes / SLOT_BYTES
    }
}

/// What the versions of a table share.
pub(super) struct Core<S: VersionSets> {
    pub(super) inbox: Inbox<S>,
    bounds: Bounds,
    live: AtomicUsize,
    published: PublishedUse,
    writer: Mutex<Writer<S>>,
}

/// What only the writer touches.
pub(super) struct Writer<S: VersionSets> {
    pub(super) nodes: Nodes,
    pub(super) live: LiveVersions<S>,
    /// Holds the current version for its being current. `None` before the first and when the table
    /// is gone.
    pub(super) current: Option<Holder<S>>,
    /// What the sets keep beside their versions.
    pub(super) kept: S::Kept,
}

/// What the writer saw last, for those who do not lock. Numbers that guard nothing, so loom need not
/// try their orders.
#[derive(Default)]
struct PublishedUse {
    in_use: PlainUsize,
    free: PlainUsize,
    mapped_bytes: PlainUsize,
    current: PlainUsize,
    pending: PlainUsize,
    counts: [PlainUsize; COUNTS],
}

impl<S: VersionSets> Core<S> {
    pub(super) fn new(bounds: Bounds) -> Self {
        let nodes = Nodes::new(Pool::new(bounds.node_bytes / SLOT_BYTES));
        let live = LiveVersions::new();
        let writer = Writer { nodes, live, current: None, kept: S::Kept::default() };
        Self {
            inbox: Inbox::new(),
            bounds,
            live: AtomicUsize::new(0),
            published: PublishedUse::default(),
            writer: Mutex::new(writer),
        }
    }

    /// Waits for the writer's part. A panic of another writer is no reason to stop: its transaction
    /// was aborted on the way.
    pub(super) fn lock(&self) -> MutexGuard<'_, Writer<S>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a version that is about to be published (I2).
    pub(super) fn note_birth(&self) {
        // Relaxed: who sees the version published sees this, and only then it counts.
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note that a version has no holders any more (I2).
    pub(super) fn note_death(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }

    /// The number of versions that have holders.
    pub(super) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// What the writer saw last.
    pub(super) fn usage(&self) -> Usage {
        let load = |count: &PlainUsize| count.load(Ordering::Relaxed);
        let mut counts: Counts = [0; COUNTS];
        counts.iter_mut().zip(&self.published.counts).for_each(|(n, count)| *n = load(count));
        Usage {
            live_versions: self.live(),
            pool: PoolUse {
                in_use: load(&self.published.in_use),
                free: load(&self.published.free),
                mapped_bytes: load(&self.published.mapped_bytes),
            },
            current_nodes: load(&self.published.current),
            pending_nodes: load(&self.published.pending),
            counts,
        }
    }

    /// Why nobody may become the first to hold the current version, if so.
    ///
    /// With it held, the next commit would add a version to those that live, or keep nodes that a
    /// table beyond its capacity must be able to free.
    pub(super) fn refusal(&self) -> Option<Refused> {
        if self.live() >= self.bounds.live_versions {
            return Some(Refused::TooManyVersions { limit: self.bounds.live_versions });
        }
        let is_over = self.bounds.is_over(self.published.in_use.load(Ordering::Relaxed));
        is_over.then_some(Refused::OutOfCapacity { limit_bytes: self.bounds.node_bytes })
    }
}

impl<S: VersionSets> Writer<S> {
    /// Hears of the versions that died.
    pub(super) fn hear(&mut self, inbox: &Inbox<S>) {
        // SAFETY: this is the writer, which frees a root when it buries the version, and not before.
        for version in unsafe { inbox.take() } {
            // SAFETY: the version comes from the inbox, once.
            unsafe { self.live.bury(version) };
        }
    }

    /// Does the reclaiming that a commit owes which replaced so many nodes: at least twice what it
    /// added, so that garbage cannot outrun the commits; or all, while the table is beyond its capacity,
    /// for so long joins and new holders are refused.
    pub(super) fn keep_pace(&mut self, core: &Core<S>, replaced: usize) {
        self.hear(&core.inbox);
        let is_over = core.bounds.is_over(self.nodes.pool().in_use());
        let steps = if is_over { usize::MAX } else { 2 * replaced + STEPS_A_COMMIT };
        self.live.work(&mut self.nodes, steps);
    }

    /// Does a step of reclaiming and says whether there is more to do.
    pub(super) fn reclaim(&mut self, core: &Core<S>) -> bool {
        self.hear(&core.inbox);
        let left = self.live.work(&mut self.nodes, STEPS_A_RECLAIM);
        self.publish_use(core);
        left > 0
    }

    /// Shows the use of the pool to those who do not lock.
    pub(super) fn publish_use(&self, core: &Core<S>) {
        let usage = self.nodes.pool().usage();
        // Relaxed: numbers to look at, which guard nothing.
        core.published.in_use.store(usage.in_use, Ordering::Relaxed);
        core.published.free.store(usage.free, Ordering::Relaxed);
        core.published.mapped_bytes.store(usage.mapped_bytes, Ordering::Relaxed);
        core.published.current.store(self.current().nodes(), Ordering::Relaxed);
        core.published.pending.store(self.live.pending(), Ordering::Relaxed);
        let counts = self.current().sets().counts();
        for (published, count) in core.published.counts.iter().zip(counts) {
            published.store(count, Ordering::Relaxed);
        }
    }

    /// The current version.
    pub(super) fn current(&self) -> &Holder<S> {
        let Some(current) = &self.current else {
            unreachable!("a table has a current version from its beginning to its end");
        };
        current
    }

    /// The number of the current version.
    pub(super) fn version(&self) -> Version {
        self.current().version()
    }
}

impl<S: VersionSets> Drop for Core<S> {
    fn drop(&mut self) {
        // All that was done with versions that died comes before this. The count of references to the
        // core says so too, but by a fence, which thread sanitizers do not follow.
        self.inbox.acquire();
        let mut writer = self.lock();
        let writer = &mut *writer;
        // SAFETY: the table and all versions with holders are gone (I1), so nobody can read nodes or roots.
        unsafe {
            #[cfg(groupscan_check)]
            writer.live.free_nodes(&mut writer.nodes);
            writer.live.free_roots();
        }
    }
}
