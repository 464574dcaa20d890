//! Where the record of the current version is published: the one file that names arc-swap.
//!
//! arc-swap works inside a harness. A reader is pinned in the crate's collector while it looks at
//! the record that it loaded, and the writer, which has a reference of its own to every record,
//! hands that to the collector when the version is dead. So a record's memory outlives every look at
//! it, even on a machine on which arc-swap's writer overlooked a reader's debt.
//!
//! Under the cfg `groupscan_lock_twin`, and under loom or shuttle, a lock takes arc-swap's place.
//!
//! # Orderings
//!
//! arc-swap's load acquires what its swap released (the twin's lock does the same), so a reader sees
//! a record, and all that it leads to, as it was when it was published.
//!
//! # Progress
//!
//! `with_latest` is lock-free, as pinning is. `publish` never waits for readers; it is O(threads that
//! ever loaded), for arc-swap visits each.

use std::sync::Arc;

#[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
pub(super) use swap::{Publication, drop_superseded};
#[cfg(any(loom, shuttle, groupscan_lock_twin))]
pub(super) use twin::{Publication, drop_superseded};

#[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
mod swap {
    use super::Arc;
    use crate::collector;
    use arc_swap::ArcSwap;

    /// A place where one writer publishes records and any thread looks at the latest.
    pub(in crate::version) struct Publication<R> {
        latest: ArcSwap<R>,
    }

    impl<R: Send + Sync + 'static> Publication<R> {
        /// Publishes a first record.
        pub(in crate::version) fn new(record: Arc<R>) -> Self {
            Self { latest: ArcSwap::new(record) }
        }

        /// Looks at the latest record. Must be short: garbage waits for it.
        #[inline]
        pub(in crate::version) fn with_latest<T>(&self, look: impl FnOnce(&R) -> T) -> T {
            collector::pinned(|_| look(&self.latest.load()))
        }

        /// Publishes a record in place of the one before, to which the caller has a reference of its
        /// own.
        pub(in crate::version) fn publish(&self, record: Arc<R>) {
            drop(self.latest.swap(record));
        }
    }

    /// Drops the last reference to a record that was superseded.
    pub(in crate::version) fn drop_superseded<R: Send + Sync + 'static>(record: Arc<R>) {
        collector::pinned(|pin| pin.drop_later(record));
    }
}

#[cfg(any(loom, shuttle, groupscan_lock_twin))]
mod twin {
    use super::Arc;
    use crate::sync::{Mutex, MutexGuard};

    /// The same with a lock.
    pub(in crate::version) struct Publication<R> {
        latest: Mutex<Arc<R>>,
    }

    impl<R: Send + Sync + 'static> Publication<R> {
        pub(in crate::version) fn new(record: Arc<R>) -> Self {
            Self { latest: Mutex::new(record) }
        }

        pub(in crate::version) fn with_latest<T>(&self, look: impl FnOnce(&R) -> T) -> T {
            // Looked at without the lock: as with arc-swap, the record may be superseded meanwhile.
            let latest = Arc::clone(&self.lock());
            look(&latest)
        }

        pub(in crate::version) fn publish(&self, record: Arc<R>) {
            *self.lock() = record;
        }

        fn lock(&self) -> MutexGuard<'_, Arc<R>> {
            self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }

    /// Drops a reference to a record that was superseded. Those who look at it have their own.
    pub(in crate::version) fn drop_superseded<R: Send + Sync + 'static>(record: Arc<R>) {
        drop(record);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn looks_show_the_latest() {
        let publication = Publication::new(Arc::new(1));
        assert_eq!(publication.with_latest(|record| *record), 1);
        publication.publish(Arc::new(2));
        assert_eq!(publication.with_latest(|record| *record), 2);
    }

    #[test]
    fn readers_never_go_back() {
        let publication = Publication::new(Arc::new(0u64));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) {
                        let seen = publication.with_latest(|record| *record);
                        assert!(seen >= last);
                        last = seen;
                    }
                });
            }
            for number in 1..=20_000 {
                publication.publish(Arc::new(number));
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(publication.with_latest(|record| *record), 20_000);
    }
}
