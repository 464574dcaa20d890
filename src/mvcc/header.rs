//! The references of a version, and its death.
//!
//! ```text
//! Publication ──▶ VersionHeader ──▶ VersionData ──▶ the trees
//!                       ▲ holders        │
//! VersionRef ───────────┘                └──▶ Owner: the inbox, and the pool of the nodes
//! ```
//!
//! # Invariants
//!
//! - I1: `holders` counts the [`VersionRef`]s of a version; the current version has one of them for being
//!   current. From 0 it never rises.
//! - I2: while a version has references, its data is alive and does not change, its nodes are alive, and
//!   the data owns a reference to the owner.
//! - I3: the thread that takes `holders` to 0 pushes the data to the inbox, once, unless it is the writer,
//!   which takes the version at once. From then on only the writer touches the data.
//! - I4: a header's memory is alive while its version has references, and as long as a thread is pinned
//!   that could have loaded it: the writer hands its reference, which is the last, to the epoch
//!   collector. When the table is gone, no thread can load a header.
//! - I5: the data is a leaked box until the writer, which alone frees it, takes its memory back.
//!
//! # Orderings
//!
//! - `holders` rises with relaxed ordering: the thread reached the header by an acquiring load of the
//!   publication, or has a reference already.
//! - `holders` falls with release, and the thread that takes it to 0 then acquires it: all reads of the
//!   version through other references happen before its data goes to the inbox.
//! - The inbox is pushed with release and emptied with acquire: the writer frees nodes after the last
//!   read of them.

use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use super::counted::{Block, Counted, Room, check_count};
use super::{SnapshotError, Version, VersionIndexes};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};
use crate::tree::AllocError;

/// What owns the memory of the versions: it is told of their deaths.
pub(super) trait Owner<S: VersionIndexes>: Send + Sync {
    /// A version lost its last reference.
    ///
    /// # Safety
    ///
    /// The caller took the version's `holders` to 0 (I3).
    unsafe fn on_death(&self, data: NonNull<VersionData<S>>);
}

/// The contents of a version.
pub(super) struct VersionData<S: VersionIndexes> {
    pub(super) version: Version,
    pub(super) indexes: S,
    /// The bytes of the slots of the trees' nodes.
    pub(super) node_bytes: usize,
    /// A reference that the version owns while it has references itself, from [`Counted::into_raw`].
    owner: NonNull<Block<dyn Owner<S>>>,
    /// The next version in the inbox.
    next: AtomicPtr<VersionData<S>>,
}

/// What is published: the way to the data, and the count that tells whether it may be gone.
pub(super) struct VersionHeader<S: VersionIndexes> {
    version: Version,
    data: NonNull<VersionData<S>>,
    holders: AtomicUsize,
    /// Whether a reader must ask before it becomes the first to hold the version.
    is_closed: bool,
}

// SAFETY: the data is reached through references only, which share it (I2), and then by the writer (I3).
// What it owns may be shared and sent: the indexes and the owner are `Send + Sync`.
unsafe impl<S: VersionIndexes> Send for VersionHeader<S> {}
// SAFETY: as above.
unsafe impl<S: VersionIndexes> Sync for VersionHeader<S> {}

/// The result of an attempt to hold a version.
pub(super) enum Hold<S: VersionIndexes> {
    Held(VersionRef<S>),
    /// The version is dead; the publication has a later one.
    Dead,
    Refused(SnapshotError),
}

impl<S: VersionIndexes> VersionHeader<S> {
    /// Makes a version with one reference, for being current. Allocates nothing.
    pub(super) fn create(
        rooms: VersionRooms<S>,
        version: Version,
        indexes: S,
        node_bytes: usize,
        owner: Counted<impl Owner<S> + 'static>,
        is_closed: bool,
    ) -> (Counted<Self>, VersionRef<S>) {
        let (owner, next) = (owner.into_raw(), AtomicPtr::new(ptr::null_mut()));
        let data = VersionData { version, indexes, node_bytes, owner, next };
        let data = NonNull::from(Box::leak(rooms.data.fill(data)));
        let header = Self { version, data, holders: AtomicUsize::new(1), is_closed };
        let header = Counted::new(rooms.header, header);
        let current = VersionRef { header: NonNull::from(&*header), data };
        (header, current)
    }

    /// Holds the version if it lives. The first reader to hold a closed version is refused if `refuse`
    /// gives a reason.
    #[inline]
    pub(super) fn hold(&self, refuse: impl Fn() -> Option<SnapshotError>) -> Hold<S> {
        let mut holders = self.holders.load(Ordering::Relaxed);
        loop {
            if holders == 0 {
                return Hold::Dead;
            }
            if self.is_closed
                && holders == 1
                && let Some(refusal) = refuse()
            {
                return Hold::Refused(refusal);
            }
            check_count(holders);
            match self.holders.compare_exchange_weak(
                holders,
                holders + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    return Hold::Held(VersionRef { header: NonNull::from(self), data: self.data });
                }
                Err(now) => holders = now,
            }
        }
    }

    /// The number of the version.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// The number of references; one of them is for being current.
    pub(super) fn holders(&self) -> usize {
        self.holders.load(Ordering::Relaxed)
    }

    /// The data.
    ///
    /// # Safety
    ///
    /// The version has a reference, or the caller is the writer and has not freed the data yet.
    #[cfg(groupscan_check)]
    pub(super) unsafe fn data(&self) -> &VersionData<S> {
        // SAFETY: the data is alive while the version has a reference (I2), and after that until the writer
        // frees it (I3).
        unsafe { self.data.as_ref() }
    }

    /// Drops the data, and returns its memory.
    ///
    /// # Safety
    ///
    /// The caller is the writer, the version is dead, and this is called once.
    pub(super) unsafe fn free_data(&self) -> Room<VersionData<S>> {
        // SAFETY: the data is a leaked box (I5), which this call takes back, once. The version is dead, so no
        // reference reaches it (I1, I2).
        Room::of_dropped(unsafe { Box::from_raw(self.data.as_ptr()) })
    }
}

/// Memory for one version.
pub(super) struct VersionRooms<S: VersionIndexes> {
    header: Room<Block<VersionHeader<S>>>,
    data: Room<VersionData<S>>,
}

impl<S: VersionIndexes> VersionRooms<S> {
    /// Requests memory for a version. If `data` has memory for its data, only that for the header is
    /// requested. If the system refuses, `data` is unchanged.
    pub(super) fn reserve(data: &mut Option<Room<VersionData<S>>>) -> Result<Self, AllocError> {
        let header = Room::request()?;
        let data = data.take().map_or_else(Room::request, Ok)?;
        Ok(Self { header, data })
    }
}

/// A counted reference to a version.
pub(crate) struct VersionRef<S: VersionIndexes> {
    header: NonNull<VersionHeader<S>>,
    /// The header's, so that reading does not touch the cache line of the count.
    data: NonNull<VersionData<S>>,
}

// SAFETY: a reference only reads the version (I2), and its count is atomic.
unsafe impl<S: VersionIndexes> Send for VersionRef<S> {}
// SAFETY: as above.
unsafe impl<S: VersionIndexes> Sync for VersionRef<S> {}

impl<S: VersionIndexes> VersionRef<S> {
    #[inline]
    fn header(&self) -> &VersionHeader<S> {
        // SAFETY: the version has a reference, this one, so its header is alive (I4).
        unsafe { self.header.as_ref() }
    }

    #[inline]
    fn data(&self) -> &VersionData<S> {
        // SAFETY: the version has a reference, this one, so its data is alive (I2).
        unsafe { self.data.as_ref() }
    }

    /// The number of the version.
    pub(crate) fn version(&self) -> Version {
        self.data().version
    }

    /// The number of references, this one included.
    pub(super) fn holders(&self) -> usize {
        self.header().holders()
    }

    /// The bytes of the slots of the version's nodes.
    pub(crate) fn node_bytes(&self) -> usize {
        self.data().node_bytes
    }

    /// The contents of the version.
    #[inline]
    pub(crate) fn indexes(&self) -> &S {
        &self.data().indexes
    }
}

impl<S: VersionIndexes> VersionRef<S> {
    /// Drops the reference. Returns whether it was the last one: then the caller, which is the writer, has
    /// the version as if it had taken it from the inbox.
    #[inline]
    pub(super) fn release(self) -> bool {
        let this = ManuallyDrop::new(self);
        let is_last = this.header().holders.fetch_sub(1, Ordering::Release) == 1;
        if is_last {
            // As in `drop`.
            this.header().holders.load(Ordering::Acquire);
            // SAFETY: the version owns a reference to the owner (I2), which is taken over. The data stays
            // until the writer frees it (I3).
            drop(unsafe { Counted::from_raw(this.data().owner) });
        }
        is_last
    }
}

impl<S: VersionIndexes> Clone for VersionRef<S> {
    fn clone(&self) -> Self {
        check_count(self.header().holders.fetch_add(1, Ordering::Relaxed));
        Self { header: self.header, data: self.data }
    }
}

impl<S: VersionIndexes> Drop for VersionRef<S> {
    #[inline]
    fn drop(&mut self) {
        if self.header().holders.fetch_sub(1, Ordering::Release) == 1 {
            // Reads the 0 that ends the chain of falls, and so acquires what each of them released. A load
            // and not a fence, because thread sanitizers do not follow fences.
            self.header().holders.load(Ordering::Acquire);
            // SAFETY: this call took the count to 0, so the data is ours to hand over (I3).
            unsafe { on_last_drop(self.data) };
        }
    }
}

/// Hands a dead version over to its owner.
///
/// # Safety
///
/// The caller took the version's `holders` to 0.
#[cold]
unsafe fn on_last_drop<S: VersionIndexes>(data: NonNull<VersionData<S>>) {
    // SAFETY: the data is alive until it is in the inbox (I3) and owns a reference to the owner (I2), which
    // is taken over here.
    let owner = unsafe { Counted::from_raw(data.as_ref().owner) };
    // SAFETY: the caller took the count to 0.
    unsafe { owner.on_death(data) };
    // `owner` is dropped last, since it may be all that keeps the inbox alive.
}

/// The dead versions that the writer does not know of yet: a stack, linked through the versions' data.
pub(super) struct Inbox<S: VersionIndexes> {
    first: AtomicPtr<VersionData<S>>,
}

impl<S: VersionIndexes> Inbox<S> {
    pub(super) fn new() -> Self {
        Self { first: AtomicPtr::new(ptr::null_mut()) }
    }

    /// # Safety
    ///
    /// The data is alive, and no other thread touches it (I3).
    pub(super) unsafe fn push(&self, data: NonNull<VersionData<S>>) {
        let mut first = self.first.load(Ordering::Relaxed);
        loop {
            // SAFETY: the data is alive, and only this thread touches it (I3).
            unsafe { data.as_ref() }.next.store(first, Ordering::Relaxed);
            match self.first.compare_exchange_weak(
                first,
                data.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    /// Makes everything before a death happen before what follows this call.
    pub(super) fn acquire(&self) {
        self.first.load(Ordering::Acquire);
    }

    /// Takes out all versions, the last one pushed first.
    ///
    /// # Safety
    ///
    /// The caller is the writer, and frees a version's data only after the iterator has returned that
    /// version.
    #[inline]
    pub(super) unsafe fn take(&self) -> impl Iterator<Item = Version> + use<S> {
        let mut next = if self.first.load(Ordering::Relaxed).is_null() {
            ptr::null_mut()
        } else {
            self.first.swap(ptr::null_mut(), Ordering::Acquire)
        };
        std::iter::from_fn(move || {
            let data = NonNull::new(next)?;
            // SAFETY: data in the inbox is alive and the writer's alone (I3). The writer frees it only after
            // it was returned, as it promises, and `next` is read before that.
            let data = unsafe { data.as_ref() };
            next = data.next.load(Ordering::Relaxed);
            Some(data.version)
        })
    }
}
