//! What the versions of a table share: the pool of their nodes, the list of live versions, and the inbox of
//! dead ones.
//!
//! # Invariants
//!
//! - I1: the table and each version with references own a reference to [`Shared`]. So the last of the table
//!   and its snapshots drops the pool, which returns the nodes' memory without visiting the nodes.
//! - I2: `live` counts the versions that have references. It rises before a version is published and falls
//!   with the version's last reference. So during a commit it briefly counts two current versions.

use std::ptr::NonNull;
use std::sync::atomic::AtomicUsize as PlainUsize;
use std::time::Duration;

use super::counted::Room;
use super::header::{Inbox, Owner, VersionData, VersionRef, VersionRooms};
use super::live::LiveVersions;
use super::{SnapshotError, Usage, Version, VersionIndexes};
use crate::sync::epoch;
use crate::sync::turn::{TurnGuard, TurnLock};
use crate::sync::{AtomicUsize, Ordering};
use crate::tree::{AllocError, Demand, Nodes, Pool, PoolLimits, PoolUse, Reach, Released};

/// How many pending nodes a commit processes in addition to twice those that it replaced.
const STEPS_A_COMMIT: usize = 8;

/// How many pending nodes one reclamation step processes: a few hundred microseconds of work.
const STEPS_A_RECLAIM: usize = 4096;

/// The number of free slots that a step of trimming looks at: a few hundred microseconds of work.
const STEPS_A_TRIM: usize = 4096;

/// What bounds a table's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The bytes of nodes that joins may bring into use, and those of mapped memory.
    pub(crate) pool: PoolLimits,
    /// The number of live versions; at least 2.
    pub(crate) live_versions: usize,
}

impl Bounds {
    /// Whether that many bytes in use are more than joins may bring into use.
    fn is_over(&self, in_use: usize) -> bool {
        in_use > self.pool.in_use
    }
}

/// What the versions of a table share.
pub(super) struct Shared<S: VersionIndexes> {
    pub(super) inbox: Inbox<S>,
    bounds: Bounds,
    live: AtomicUsize,
    published: PublishedFigures<S::Figures>,
    /// Locked, before the writer's lock, by the call that lists what versions retain.
    pub(super) listing: TurnLock<()>,
    writer: TurnLock<Writer<S>>,
}

/// What only the writer touches.
pub(super) struct Writer<S: VersionIndexes> {
    pub(super) nodes: Nodes,
    pub(super) live: LiveVersions<S>,
    /// The reference of the current version for being current. `None` before the first version and after
    /// the table is gone.
    pub(super) current: Option<VersionRef<S>>,
    pub(super) state: S::State,
    /// Memory for the next version. A transaction that does not need it leaves it to the next one.
    rooms: Option<VersionRooms<S>>,
    /// Memory for one more version. Joins leave it to leaves, so that a table can shrink even while the system
    /// refuses memory.
    reserve: Option<VersionRooms<S>>,
    /// The memory of a dead version's data, for a later version.
    spare_data: Option<Room<VersionData<S>>>,
}

/// Figures that are read without the lock. They guard no other memory, so loom need not try their orders.
#[derive(Default)]
struct PublishedFigures<G> {
    in_use: PlainUsize,
    free: PlainUsize,
    mapped: PlainUsize,
    current: PlainUsize,
    pending: PlainUsize,
    of_indexes: G,
}

impl<S: VersionIndexes> Shared<S> {
    pub(super) fn new(bounds: Bounds) -> Self {
        let writer = Writer {
            nodes: Nodes::new(Pool::new(bounds.pool)),
            live: LiveVersions::new(),
            current: None,
            state: S::State::default(),
            rooms: None,
            reserve: None,
            spare_data: None,
        };
        Self {
            inbox: Inbox::new(),
            bounds,
            live: AtomicUsize::new(0),
            published: PublishedFigures::default(),
            listing: TurnLock::new(()),
            writer: TurnLock::new(writer),
        }
    }

    /// Waits for a turn as the writer. A transaction of a thread that panicked was aborted while it unwound.
    pub(super) fn lock(&self) -> TurnGuard<'_, Writer<S>> {
        self.writer.lock()
    }

    /// As [`lock`](Self::lock), but gives up as [`TurnLock::lock_within`] does.
    pub(super) fn lock_within(&self, left: &mut Duration) -> Option<TurnGuard<'_, Writer<S>>> {
        self.writer.lock_within(left)
    }

    /// Counts a version that is about to be published (I2).
    pub(super) fn note_birth(&self) {
        // Relaxed: a thread that sees the version published sees this too, and only then it matters.
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a version that has lost its last reference (I2).
    pub(super) fn note_death(&self) {
        // Relaxed: the number guards nothing.
        self.live.fetch_sub(1, Ordering::Relaxed);
    }

    /// Stores the bytes of slots in use that [`refusal`](Self::refusal) goes by.
    pub(super) fn note_in_use(&self, bytes: usize) {
        // Relaxed: a number that guards nothing.
        self.published.in_use.store(bytes, Ordering::Relaxed);
    }

    /// The number of versions that have references.
    pub(super) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// How memory is used, as of the end of the last transaction or reclamation step.
    pub(super) fn usage(&self) -> Usage {
        let load = |figure: &PlainUsize| figure.load(Ordering::Relaxed);
        Usage {
            live_versions: self.live(),
            pool: PoolUse {
                in_use: load(&self.published.in_use),
                free: load(&self.published.free),
                mapped: load(&self.published.mapped),
            },
            current_bytes: load(&self.published.current),
            pending_bytes: load(&self.published.pending),
        }
    }

    /// The figures of the indexes, as of the same time.
    pub(super) fn figures(&self) -> &S::Figures {
        &self.published.of_indexes
    }

    /// Why the current version must not get its first reader now, if so.
    ///
    /// With that reader, the next commit would add a live version, or would keep nodes that a table over its
    /// capacity must be able to free.
    pub(super) fn refusal(&self) -> Option<SnapshotError> {
        let Bounds { pool, live_versions } = self.bounds;
        if self.live() >= live_versions {
            return Some(SnapshotError::TooManyVersions { limit: live_versions });
        }
        let is_over = self.bounds.is_over(self.published.in_use.load(Ordering::Relaxed));
        is_over.then_some(SnapshotError::OutOfCapacity { limit_bytes: pool.in_use })
    }
}

impl<S: VersionIndexes> Owner<S> for Shared<S> {
    unsafe fn on_death(&self, data: NonNull<VersionData<S>>) {
        self.note_death();
        // SAFETY: the caller took the version's count to 0, so only we touch its data.
        unsafe { self.inbox.push(data) };
    }
}

impl<S: VersionIndexes> Writer<S> {
    /// Whether there is memory for the next version.
    #[inline]
    pub(super) fn has_rooms(&self) -> bool {
        self.rooms.is_some() && self.live.has_room(1)
    }

    /// Ensures that there is memory for the next version: for its header, its data, and its place in the list
    /// of live versions. A change that may go beyond the capacity may use the reserve.
    #[inline]
    pub(super) fn reserve_version(&mut self, reach: Reach) -> Result<(), AllocError> {
        match self.rooms.is_some() && self.reserve.is_some() && self.live.has_room(2) {
            true => Ok(()),
            false => self.request_version(reach),
        }
    }

    fn request_version(&mut self, reach: Reach) -> Result<(), AllocError> {
        let mut requested = self.request_rooms();
        if requested.is_err() {
            // The headers of dead versions wait in the collector.
            epoch::collect_from_spare();
            requested = self.request_rooms();
        }
        if requested.is_err() && reach == Reach::System {
            self.rooms = self.rooms.take().or_else(|| self.reserve.take());
            if self.has_rooms() {
                return Ok(());
            }
        }
        requested
    }

    fn request_rooms(&mut self) -> Result<(), AllocError> {
        self.live.reserve(2)?;
        for rooms in [&mut self.rooms, &mut self.reserve] {
            if rooms.is_none() {
                *rooms = Some(VersionRooms::reserve(&mut self.spare_data)?);
            }
        }
        Ok(())
    }

    /// Takes the memory for the next version, which was [reserved](Self::reserve_version).
    pub(super) fn take_rooms(&mut self) -> VersionRooms<S> {
        let Some(rooms) = self.rooms.take() else {
            unreachable!("memory for a version is reserved before it is made");
        };
        rooms
    }

    /// Removes a dead version from the list of live versions.
    ///
    /// # Safety
    ///
    /// As for [`LiveVersions::remove_dead`].
    pub(super) unsafe fn remove_dead(&mut self, version: Version) {
        // SAFETY: the contract is the same.
        self.spare_data = Some(unsafe { self.live.remove_dead(version) });
    }

    /// Removes the versions that have died from the list of live versions.
    pub(super) fn drain_dead(&mut self, inbox: &Inbox<S>) {
        // SAFETY: this is the writer, which frees a version's data when it removes it from the list, and not
        // before.
        for version in unsafe { inbox.take() } {
            // SAFETY: the version comes from the inbox, for the first and last time.
            unsafe { self.remove_dead(version) };
        }
    }

    /// Reclaims on behalf of a commit that replaced `replaced` nodes: at least twice that many, so garbage
    /// stays bounded. While the table is over capacity, where joins and new snapshots are refused, reclaims
    /// everything.
    pub(super) fn reclaim_for_commit(&mut self, shared: &Shared<S>, replaced: usize) {
        self.drain_dead(&shared.inbox);
        let is_over = shared.bounds.is_over(self.nodes.pool().in_use_bytes());
        let steps = if is_over { usize::MAX } else { 2 * replaced + STEPS_A_COMMIT };
        self.live.work(&mut self.nodes, steps);
    }

    /// Does a step of reclamation, and returns whether more remains.
    pub(super) fn reclaim(&mut self, inbox: &Inbox<S>) -> bool {
        self.drain_dead(inbox);
        self.live.work(&mut self.nodes, STEPS_A_RECLAIM) > 0
    }

    /// Does a step of trimming on behalf of a commit that replaced `replaced` nodes, if most of the memory is
    /// free: keeps as much free as is in use. The caller drops the chunks after it has released the lock.
    #[inline]
    pub(super) fn trim_for_commit(&mut self, replaced: usize) -> Released {
        let pool = self.nodes.pool_mut();
        match pool.kept_by_trim().is_some() || pool.is_mostly_free() {
            true => self.trim_some(replaced),
            false => Released::new(),
        }
    }

    #[cold]
    fn trim_some(&mut self, replaced: usize) -> Released {
        let pool = self.nodes.pool_mut();
        let keep = pool.kept_by_trim().unwrap_or_else(|| pool.in_use());
        pool.trim(keep, 2 * replaced + STEPS_A_COMMIT).0
    }

    /// Does a step of trimming, as far as that is possible. Returns the chunks, which the caller drops after it
    /// has released the lock, and whether more remains.
    pub(super) fn trim(&mut self) -> (Released, bool) {
        self.nodes.pool_mut().trim(Demand::default(), STEPS_A_TRIM)
    }

    /// Publishes the figures for readers without the lock.
    pub(super) fn publish_figures(&self, shared: &Shared<S>) {
        let PublishedFigures { free, mapped, current, pending, of_indexes, .. } = &shared.published;
        let usage = self.nodes.pool().usage();
        shared.note_in_use(usage.in_use);
        // Relaxed: numbers that guard nothing.
        free.store(usage.free, Ordering::Relaxed);
        mapped.store(usage.mapped, Ordering::Relaxed);
        current.store(self.current().node_bytes(), Ordering::Relaxed);
        pending.store(self.live.pending_bytes(), Ordering::Relaxed);
        self.current().indexes().publish_figures(of_indexes);
    }

    /// The current version.
    pub(super) fn current(&self) -> &VersionRef<S> {
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

impl<S: VersionIndexes> Drop for Shared<S> {
    fn drop(&mut self) {
        // Everything done with versions that died happens before this. The reference count of `Arc` ensures
        // that too, but by a fence, which thread sanitizers do not follow.
        self.inbox.acquire();
        let mut writer = self.lock();
        let writer = &mut *writer;
        // SAFETY: the table and all versions with references are gone (I1), so no thread can read nodes or
        // data.
        unsafe {
            #[cfg(groupscan_check)]
            writer.live.free_nodes(&mut writer.nodes);
            writer.live.free_data();
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::mvcc::counted::Counted;
    use crate::mvcc::header::{Hold, VersionHeader};
    use crate::tree::Tree;
    use crate::types::key::JoinKey4;

    #[test]
    fn a_closed_version_asks_before_it_is_held_first() {
        let bounds = Bounds { pool: PoolLimits::NONE, live_versions: 2 };
        let shared = Shared::<Tree<JoinKey4, ()>>::new(bounds);
        let shared = Counted::new(Room::request().unwrap(), shared);
        shared.note_birth();
        let version = Version::default();
        let (rooms, owner) = (VersionRooms::reserve(&mut None).unwrap(), shared.clone());
        let (header, current) =
            VersionHeader::create(rooms, version, Tree::empty(), 0, owner, true);
        let refusal = SnapshotError::TooManyVersions { limit: 2 };
        let is_refused = || match header.hold(|| Some(refusal)) {
            Hold::Refused(error) => error == refusal,
            Hold::Held(_) | Hold::Dead => false,
        };
        assert!(is_refused());
        let Hold::Held(first) = header.hold(|| None) else {
            panic!("not refused");
        };
        let Hold::Held(second) = header.hold(|| Some(refusal)) else {
            panic!("a version that is held already is not refused");
        };
        assert_eq!(header.holders(), 3);
        drop((first, second));
        assert!(is_refused());
        drop(current);
        assert!(matches!(header.hold(|| None), Hold::Dead), "zero is final");
        // SAFETY: this thread alone empties the inbox, and frees nothing meanwhile.
        let dead = unsafe { shared.inbox.take() };
        assert!(dead.eq([version]), "the last drop informs the writer");
        assert_eq!((shared.live(), shared.pointers()), (0, 1));
        // SAFETY: the version is dead, and only this thread knows of it.
        drop(unsafe { header.free_data() });
    }
}
