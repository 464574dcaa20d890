//! Where the current version is published: the one file that names arc-swap.
//!
//! What is swapped is a small record that points at the value without holding it. A reader, pinned
//! in the collector, loads the record and takes a reference to the value if it still lives; the
//! writer hands the record that it superseded to the collector. So the memory of a record outlives
//! every load of it, while the value goes by its holders alone: a thread that sleeps inside a pin
//! retains records and the emptied shells of their values, never what a version holds.
//!
//! # Invariants
//!
//! - I1: the value of the record that is published last has a holder: the writer keeps it until
//!   after it has published the next one.
//!
//! # Orderings
//!
//! arc-swap's load acquires what its swap released, so a reader sees the value's fields as they
//! were when it was published. Whether a reader takes the value or finds it dead is decided by the
//! value's own count in one compare-exchange (`Weak::upgrade`).
//!
//! # Progress
//!
//! `load` is lock-free: it loads again only when a value died between its two steps, which I1
//! allows only after another was published. `publish` never waits for readers.
//!
//! # Costs
//!
//! arc-swap's swap visits every thread that ever loaded, so `publish` is O(those threads).

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use super::collector;

/// A place where one writer publishes values of `T` and any thread loads the latest.
pub(crate) struct Publication<T> {
    latest: ArcSwap<Record<T>>,
}

struct Record<T> {
    value: Weak<T>,
}

impl<T: Send + Sync + 'static> Publication<T> {
    /// Publishes a first value, which the caller holds on to.
    pub(crate) fn new(value: &Arc<T>) -> Self {
        Self { latest: ArcSwap::from_pointee(Record { value: Arc::downgrade(value) }) }
    }

    /// The latest value.
    pub(crate) fn load(&self) -> Arc<T> {
        collector::pinned(|_| {
            loop {
                if let Some(value) = self.latest.load().value.upgrade() {
                    return value;
                }
            }
        })
    }

    /// Publishes `value` in place of the one before. The caller holds on to both until this
    /// returns (I1).
    pub(crate) fn publish(&self, value: &Arc<T>) {
        let superseded = self.latest.swap(Arc::new(Record { value: Arc::downgrade(value) }));
        collector::pinned(|pin| pin.drop_later(superseded));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn loads_give_the_latest() {
        let first = Arc::new(1);
        let publication = Publication::new(&first);
        assert_eq!(*publication.load(), 1);
        let second = Arc::new(2);
        publication.publish(&second);
        assert_eq!(*publication.load(), 2);
    }

    #[test]
    fn a_superseded_value_dies_with_its_last_holder() {
        let first = Arc::new(1);
        let publication = Publication::new(&first);
        let held = publication.load();
        let second = Arc::new(2);
        publication.publish(&second);
        let seen = Arc::downgrade(&first);
        drop(first);
        assert!(seen.upgrade().is_some());
        drop(held);
        assert!(seen.upgrade().is_none(), "the publication holds no value");
    }

    #[test]
    fn readers_never_go_back() {
        let mut current = Arc::new(0u64);
        let publication = Publication::new(&current);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) {
                        let seen = *publication.load();
                        assert!(seen >= last);
                        last = seen;
                    }
                });
            }
            for number in 1..=20_000 {
                let next = Arc::new(number);
                publication.publish(&next);
                current = next;
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(*publication.load(), *current);
    }
}
