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

use std::sync::Arc;

#[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
pub(super) use swap::{Publication, drop_superseded};
#[cfg(any(loom, shuttle, groupscan_lock_twin))]
pub(super) use twin::{Publication, drop_superseded};

#[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
mod swap {
    use super::Arc;
    use crate::sync::epoch;
    use arc_swap::ArcSwap;

    /// One writer publishes headers here, and any thread reads the latest one.
    pub(in crate::mvcc) struct Publication<H> {
        latest: ArcSwap<H>,
    }

    impl<H: Send + Sync + 'static> Publication<H> {
        /// Publishes the first header.
        pub(in crate::mvcc) fn new(header: Arc<H>) -> Self {
            Self { latest: ArcSwap::new(header) }
        }

        /// Calls `read` with the latest header. It must be short, because garbage waits for it.
        #[inline]
        pub(in crate::mvcc) fn with_latest<T>(&self, read: impl FnOnce(&H) -> T) -> T {
            epoch::pinned(|_| read(&self.latest.load()))
        }

        /// Publishes a header in place of the previous one. The caller has a reference to the previous one.
        pub(in crate::mvcc) fn publish(&self, header: Arc<H>) {
            drop(self.latest.swap(header));
        }
    }

    /// Drops the last reference to a header that was superseded, once no thread reads it.
    pub(in crate::mvcc) fn drop_superseded<H: Send + Sync + 'static>(header: Arc<H>) {
        epoch::pinned(|pin| pin.drop_later(header));
    }
}

#[cfg(any(loom, shuttle, groupscan_lock_twin))]
mod twin {
    use super::Arc;
    use std::sync::PoisonError;

    use crate::sync::RwLock;

    /// The same with a lock.
    pub(in crate::mvcc) struct Publication<H> {
        latest: RwLock<Arc<H>>,
    }

    impl<H: Send + Sync + 'static> Publication<H> {
        pub(in crate::mvcc) fn new(header: Arc<H>) -> Self {
            Self { latest: RwLock::new(header) }
        }

        pub(in crate::mvcc) fn with_latest<T>(&self, read: impl FnOnce(&H) -> T) -> T {
            // Read without the lock: as with arc-swap, the header may be superseded meanwhile.
            let latest = Arc::clone(&self.latest.read().unwrap_or_else(PoisonError::into_inner));
            read(&latest)
        }

        pub(in crate::mvcc) fn publish(&self, header: Arc<H>) {
            *self.latest.write().unwrap_or_else(PoisonError::into_inner) = header;
        }
    }

    /// Drops a reference to a header that was superseded. Threads that read it have references of their own.
    pub(in crate::mvcc) fn drop_superseded<H: Send + Sync + 'static>(header: Arc<H>) {
        drop(header);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn readers_see_the_latest() {
        let publication = Publication::new(Arc::new(1));
        assert_eq!(publication.with_latest(|header| *header), 1);
        publication.publish(Arc::new(2));
        assert_eq!(publication.with_latest(|header| *header), 2);
    }

    #[test]
    fn readers_never_go_back() {
        let count = if cfg!(miri) { 200 } else { 20_000 };
        let publication = Publication::new(Arc::new(0u64));
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
                publication.publish(Arc::new(number));
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(publication.with_latest(|header| *header), count);
    }
}
