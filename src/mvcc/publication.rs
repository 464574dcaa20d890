//! The publication of the current version's header: the only file that names arc-swap.
//!
//! ```text
//! writer ── publish(header) ──▶ latest ── with_latest(read), pinned ──▶ reader
//! ```
//!
//! arc-swap has a second safeguard here. A reader is pinned in the crate's epoch collector while it reads
//! the header that it loaded. The writer has a reference of its own to every header, and hands it to the
//! collector when the version is dead. So the memory of a header outlives every read of it, even if
//! arc-swap's writer missed a reader's debt.
//!
//! Under the cfg `groupscan_lock_twin`, and under loom or shuttle, a lock replaces arc-swap.
//!
//! # Orderings
//!
//! arc-swap's load acquires what its swap released, and so does the lock. So a reader sees a header, and all
//! that it points to, as it was when it was published.
//!
//! # Progress
//!
//! `with_latest` is lock-free, because pinning is. `publish` never waits for readers. It takes O(threads
//! that ever loaded), because arc-swap visits each.

use super::counted::Counted;

#[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
pub(super) use swap::{Publication, drop_superseded};
#[cfg(any(loom, shuttle, groupscan_lock_twin))]
pub(super) use twin::{Publication, drop_superseded};

#[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
mod swap {
    use std::ptr::NonNull;

    use arc_swap::{ArcSwapAny, RefCnt};

    use super::Counted;
    use crate::mvcc::counted::Block;
    use crate::sync::epoch;

    // SAFETY: `clone` adds one to the count and `drop` takes one off. The address stays the same when the
    // pointer is moved or cloned, and `into_ptr` and `from_ptr` leave the count as it is. Equal addresses are
    // of one block, because a block is never of size 0. None of the methods panics or unwinds.
    unsafe impl<H> RefCnt for Counted<H> {
        type Base = Block<H>;

        fn into_ptr(header: Self) -> *mut Block<H> {
            header.into_raw().as_ptr()
        }

        fn as_ptr(header: &Self) -> *mut Block<H> {
            header.as_raw().as_ptr()
        }

        unsafe fn from_ptr(block: *const Block<H>) -> Self {
            // SAFETY: arc-swap calls this with what `into_ptr` returned, which is not null, while that pointer
            // is counted. If it does so more often, it forgets the result, or has added to the count.
            unsafe { Self::from_raw(NonNull::new_unchecked(block.cast_mut())) }
        }
    }

    /// One writer publishes headers here, and any thread reads the latest one.
    pub(in crate::mvcc) struct Publication<H> {
        latest: ArcSwapAny<Counted<H>>,
    }

    impl<H: Send + Sync + 'static> Publication<H> {
        /// Publishes the first header.
        pub(in crate::mvcc) fn new(header: Counted<H>) -> Self {
            Self { latest: ArcSwapAny::new(header) }
        }

        /// Calls `read` with the latest header. It must be short, because garbage waits for it.
        #[inline]
        pub(in crate::mvcc) fn with_latest<T>(&self, read: impl FnOnce(&H) -> T) -> T {
            epoch::pinned(|_| read(&self.latest.load()))
        }

        /// Publishes a header in place of the previous one. The caller has a reference to the previous one.
        pub(in crate::mvcc) fn publish(&self, header: Counted<H>) {
            drop(self.latest.swap(header));
        }
    }

    /// Drops the last reference to a header that was superseded, once no thread reads it.
    pub(in crate::mvcc) fn drop_superseded<H: Send + Sync + 'static>(header: Counted<H>) {
        epoch::pinned(|pin| pin.drop_later(header));
    }
}

#[cfg(any(loom, shuttle, groupscan_lock_twin))]
mod twin {
    use std::sync::PoisonError;

    use super::Counted;
    use crate::sync::RwLock;

    /// The same with a lock.
    pub(in crate::mvcc) struct Publication<H> {
        latest: RwLock<Counted<H>>,
    }

    impl<H: Send + Sync + 'static> Publication<H> {
        pub(in crate::mvcc) fn new(header: Counted<H>) -> Self {
            Self { latest: RwLock::new(header) }
        }

        pub(in crate::mvcc) fn with_latest<T>(&self, read: impl FnOnce(&H) -> T) -> T {
            // Read without the lock: as with arc-swap, the header may be superseded meanwhile.
            let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner).clone();
            read(&latest)
        }

        pub(in crate::mvcc) fn publish(&self, header: Counted<H>) {
            *self.latest.write().unwrap_or_else(PoisonError::into_inner) = header;
        }
    }

    /// Drops a reference to a header that was superseded. Threads that read it have references of their own.
    pub(in crate::mvcc) fn drop_superseded<H: Send + Sync + 'static>(header: Counted<H>) {
        drop(header);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::mvcc::counted::Room;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn header<H>(value: H) -> Counted<H> {
        Counted::new(Room::request().unwrap(), value)
    }

    #[test]
    fn readers_see_the_latest() {
        let publication = Publication::new(header(1));
        assert_eq!(publication.with_latest(|header| *header), 1);
        publication.publish(header(2));
        assert_eq!(publication.with_latest(|header| *header), 2);
    }

    #[test]
    fn readers_never_go_back() {
        let count = if cfg!(miri) { 200 } else { 20_000 };
        let publication = Publication::new(header(0u64));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) {
                        let seen = publication.with_latest(|header| *header);
                        assert!(seen >= last);
                        last = seen;
                    }
                });
            }
            for number in 1..=count {
                publication.publish(header(number));
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(publication.with_latest(|header| *header), count);
    }
}
