//! Who holds a version, and its death.
//!
//! ```text
//! Publication ──▶ Record ──▶ Root ──▶ the sets' trees
//!                   ▲ holders  │
//! Holder ───────────┘          └──▶ Core: the inbox, and the pool of the nodes
//! ```
//!
//! # Invariants
//!
//! - I1: `holders` counts the [`Holder`]s of a version; one of them stands for its being current.
//!   From 0 it never rises.
//! - I2: as long as a version has holders, its root is alive and does not change, its nodes are
//!   alive, and the root owns a reference to the core.
//! - I3: whoever takes `holders` to 0 puts the root into the inbox, once; nobody but the writer
//!   touches it from then on.
//! - I4: a record's memory is alive while its version has holders, and as long as a thread is pinned
//!   that could load it: the writer drops its reference, which is the last, by the collector. At the
//!   end of the table nobody can load a record any more.
//!
//! # Orderings
//!
//! - `holders` rises with relaxed ordering: who takes a reference got to the record by an acquiring
//!   load of the publication, or has a reference already.
//! - `holders` falls with a release, and who takes it to 0 then acquires it: all reads of the version
//!   by other holders come before its root goes to the inbox.
//! - The inbox is pushed with a release and emptied with an acquire: the writer frees nodes after
//!   the last read of them.

use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::core::Core;
use super::{Version, VersionSets};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// A version as it is published.
pub(super) struct Root<S: VersionSets> {
    pub(super) version: Version,
    pub(super) sets: S,
    /// The number of nodes that the sets' trees have.
    pub(super) nodes: usize,
    /// A reference that the version owns while it has holders.
    core: NonNull<Core<S>>,
    /// The next root in the inbox.
    next: AtomicPtr<Root<S>>,
}

/// What is swapped: the way to a root, and the count that says whether it may be gone.
pub(super) struct Record<S: VersionSets> {
    root: NonNull<Root<S>>,
    holders: AtomicUsize,
    /// Whether a reader must ask before it becomes the first to hold the version.
    is_closed: bool,
}

// SAFETY: a root is reached by holders only, which share it (I2), and then by the writer (I3). What
// it owns may be shared and sent: the sets and the core are.
unsafe impl<S: VersionSets> Send for Record<S> {}
// SAFETY: as above.
unsafe impl<S: VersionSets> Sync for Record<S> {}

/// What became of the attempt to hold a version.
pub(super) enum Hold<S: VersionSets, R> {
    Held(Holder<S>),
    /// The version is dead; the publication has a later one.
    Dead,
    Refused(R),
}

impl<S: VersionSets> Record<S> {
    /// Makes a version, whose one holder stands for its being current.
    pub(super) fn create(
        version: Version,
        sets: S,
        nodes: usize,
        core: Arc<Core<S>>,
        is_closed: bool,
    ) -> (Arc<Self>, Holder<S>) {
        // SAFETY: a pointer out of an `Arc` is not null.
        let core = unsafe { NonNull::new_unchecked(Arc::into_raw(core).cast_mut()) };
        let next = AtomicPtr::new(ptr::null_mut());
        let root = Box::new(Root { version, sets, nodes, core, next });
        let root = NonNull::from(Box::leak(root));
        let record = Arc::new(Self { root, holders: AtomicUsize::new(1), is_closed });
        let holder = Holder { record: NonNull::from(&*record), root };
        (record, holder)
    }

    /// Holds the version if it lives. A closed one that nobody holds yet is held only if `refuse`
    /// does not object.
    #[inline]
    pub(super) fn hold<R>(&self, refuse: impl Fn() -> Option<R>) -> Hold<S, R> {
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
                    return Hold::Held(Holder { record: NonNull::from(self), root: self.root });
                }
                Err(now) => holders = now,
            }
        }
    }

    /// How many hold the version; one of them for its being current.
    pub(super) fn holders(&self) -> usize {
        self.holders.load(Ordering::Relaxed)
    }

    /// The root.
    ///
    /// # Safety
    ///
    /// The version has a holder, or the caller is the writer and has not freed the root yet.
    pub(super) unsafe fn root(&self) -> &Root<S> {
        // SAFETY: as the caller promises; I2, I3.
        unsafe { self.root.as_ref() }
    }

    /// Frees the root.
    ///
    /// # Safety
    ///
    /// The caller is the writer, the version is dead, and this is done once.
    pub(super) unsafe fn free_root(&self) {
        // SAFETY: `create` made the root with a box; as the caller promises, nobody will come back.
        drop(unsafe { Box::from_raw(self.root.as_ptr()) });
    }
}

/// As `Arc` does, gives up where references were leaked until they can no longer be counted.
#[inline]
fn check_count(holders: usize) {
    if holders > usize::MAX / 2 {
        std::process::abort();
    }
}

/// A counted reference to a version.
pub(crate) struct Holder<S: VersionSets> {
    record: NonNull<Record<S>>,
    /// The record's, so that reading does not touch the memory in which holders are counted.
    root: NonNull<Root<S>>,
}

// SAFETY: a holder only reads what it holds (I2), and its count is atomic.
unsafe impl<S: VersionSets> Send for Holder<S> {}
// SAFETY: as above.
unsafe impl<S: VersionSets> Sync for Holder<S> {}

impl<S: VersionSets> Holder<S> {
    #[inline]
    fn record(&self) -> &Record<S> {
        // SAFETY: the version has a holder: this one (I4).
        unsafe { self.record.as_ref() }
    }

    #[inline]
    pub(super) fn root(&self) -> &Root<S> {
        // SAFETY: the version has a holder, this one, so its root is alive (I2).
        unsafe { self.root.as_ref() }
    }

    /// The number of the version.
    pub(crate) fn version(&self) -> Version {
        self.root().version
    }

    /// The sets of the version.
    #[inline]
    pub(crate) fn sets(&self) -> &S {
        &self.root().sets
    }
}

impl<S: VersionSets> Clone for Holder<S> {
    fn clone(&self) -> Self {
        check_count(self.record().holders.fetch_add(1, Ordering::Relaxed));
        Self { record: self.record, root: self.root }
    }
}

impl<S: VersionSets> Drop for Holder<S> {
    #[inline]
    fn drop(&mut self) {
        if self.record().holders.fetch_sub(1, Ordering::Release) == 1 {
            // Reads the 0 that ends the chain of falls, and so acquires what each released. A load and
            // not a fence, which thread sanitizers do not follow.
            self.record().holders.load(Ordering::Acquire);
            // SAFETY: the count fell to 0 by us, so the root is ours to put into the inbox (I3).
            unsafe { die(self.root) };
        }
    }
}

/// Puts the root of a dead version into the inbox of its core.
///
/// # Safety
///
/// The caller took the version's holders to 0.
#[cold]
unsafe fn die<S: VersionSets>(root: NonNull<Root<S>>) {
    // SAFETY: the root is alive until it is in the inbox (I3), and owns a reference to the core
    // (I2), which is taken over here.
    let core = unsafe { Arc::from_raw(root.as_ref().core.as_ptr().cast_const()) };
    core.note_death();
    // SAFETY: I3.
    unsafe { core.inbox.push(root) };
    // Dropped last, for it may be what keeps the inbox.
}

/// The dead versions that the writer has not heard of yet: a stack, linked through the roots.
pub(super) struct Inbox<S: VersionSets> {
    first: AtomicPtr<Root<S>>,
}

impl<S: VersionSets> Inbox<S> {
    pub(super) fn new() -> Self {
        Self { first: AtomicPtr::new(ptr::null_mut()) }
    }

    /// # Safety
    ///
    /// The root is alive, and nobody else touches it (I3).
    unsafe fn push(&self, root: NonNull<Root<S>>) {
        let mut first = self.first.load(Ordering::Relaxed);
        loop {
            // SAFETY: as the caller promises.
            unsafe { root.as_ref() }.next.store(first, Ordering::Relaxed);
            match self.first.compare_exchange_weak(
                first,
                root.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    /// Makes all that came before a death come before what follows.
    pub(super) fn acquire(&self) {
        self.first.load(Ordering::Acquire);
    }

    /// Takes out all versions, the latest first.
    ///
    /// # Safety
    ///
    /// The caller is the writer, and frees no root of theirs before the iterator has given it.
    #[inline]
    pub(super) unsafe fn take(&self) -> impl Iterator<Item = Version> + use<S> {
        let mut next = if self.first.load(Ordering::Relaxed).is_null() {
            ptr::null_mut()
        } else {
            self.first.swap(ptr::null_mut(), Ordering::Acquire)
        };
        std::iter::from_fn(move || {
            let root = NonNull::new(next)?;
            // SAFETY: a root in the inbox is alive, and the writer's alone (I3), who frees it when it was
            // given its number, and not before, as it promises; so it is read on before that.
            let root = unsafe { root.as_ref() };
            next = root.next.load(Ordering::Relaxed);
            Some(root.version)
        })
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::key::JoinKey4;
    use crate::tree::Tree;
    use crate::version::core::Bounds;

    #[test]
    fn a_closed_version_asks_before_it_is_held_first() {
        let bounds = Bounds { node_bytes: usize::MAX, live_versions: 2 };
        let core = Arc::new(Core::<Tree<JoinKey4>>::new(bounds));
        core.note_birth();
        let version = Version::default();
        let (record, current) = Record::create(version, Tree::empty(), 0, Arc::clone(&core), true);
        assert!(matches!(record.hold(|| Some("no")), Hold::Refused("no")));
        let Hold::Held(first) = record.hold(|| None::<&str>) else {
            panic!("nobody objected");
        };
        let Hold::Held(second) = record.hold(|| Some("no")) else {
            panic!("who holds a version that is held adds none");
        };
        assert_eq!(record.holders(), 3);
        drop((first, second));
        assert!(matches!(record.hold(|| Some("no")), Hold::Refused("no")));
        drop(current);
        assert!(matches!(record.hold(|| None::<&str>), Hold::Dead), "zero is final");
        // SAFETY: nobody else takes, and nothing is freed meanwhile.
        let dead = unsafe { core.inbox.take() };
        assert!(dead.eq([version]), "whoever let go last told the writer");
        assert_eq!((core.live(), Arc::strong_count(&core)), (0, 1));
        // SAFETY: the version is dead, and we are the only ones who know of it.
        unsafe { record.free_root() };
    }
}
