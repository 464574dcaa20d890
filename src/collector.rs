//! The crate's epoch collector: the one file that names crossbeam-epoch.
//!
//! A thread that reads memory which another may unlink pins itself for the moment of a call. What
//! was unlinked is dropped when every thread that was pinned at that time has unpinned. One
//! collector serves the crate, apart from the one that crossbeam shares among its own users, so
//! that nobody else's long pin holds our garbage.
//!
//! Under the cfg `groupscan_lock_twin`, and under loom or shuttle, a lock takes crossbeam-epoch's place:
//! threads that are pinned share it, and who drops garbage has it alone.
//!
//! # Progress
//!
//! Pinning is lock-free. A thread's first pin registers the thread; every 128th also does a bounded
//! step of collecting, which looks at all registered threads and drops what garbage it may.

#[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
pub(crate) use epoch::{collect, pinned};
#[cfg(any(loom, shuttle, groupscan_lock_twin))]
pub(crate) use twin::{collect, pinned};

#[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
mod epoch {
    use std::sync::LazyLock;

    use crossbeam_epoch::{Collector, Guard, LocalHandle};

    static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::new);

    thread_local! {
        static HANDLE: LocalHandle = COLLECTOR.register();
    }

    /// Proof that the thread is pinned.
    pub(crate) struct Pin<'a> {
        guard: &'a Guard,
    }

    impl Pin<'_> {
        /// Drops `garbage` once no thread that is pinned now can still read it. The calling thread may
        /// run the drop of earlier garbage on the way.
        pub(crate) fn drop_later<T: Send + 'static>(&self, garbage: T) {
            self.guard.defer(move || drop(garbage));
        }
    }

    /// Drops what garbage of this thread can be dropped now. Otherwise up to a bagful stays with a
    /// thread until it pins often enough, or ends.
    pub(crate) fn collect() {
        pinned(|pin| pin.guard.flush());
    }

    /// Runs `reading` while the thread is pinned. Must be short: garbage waits for it.
    pub(crate) fn pinned<R>(reading: impl FnOnce(&Pin<'_>) -> R) -> R {
        // While a thread's locals are being destroyed the handle is gone; a handle of the moment, made
        // and given back, does instead.
        let guard =
            HANDLE.try_with(LocalHandle::pin).unwrap_or_else(|_| COLLECTOR.register().pin());
        reading(&Pin { guard: &guard })
    }
}

#[cfg(any(loom, shuttle, groupscan_lock_twin))]
mod twin {
    use std::cell::RefCell;
    use std::sync::PoisonError;

    use crate::sync::RwLock;

    #[cfg(any(loom, shuttle))]
    crate::sync::lazy_static! {
        static ref PINNED: RwLock<()> = RwLock::new(());
    }

    #[cfg(not(any(loom, shuttle)))]
    static PINNED: RwLock<()> = RwLock::new(());

    /// Proof that the thread is pinned.
    pub(crate) struct Pin {
        garbage: RefCell<Vec<Box<dyn FnOnce()>>>,
    }

    impl Pin {
        /// Drops `garbage` when no thread is pinned any more.
        pub(crate) fn drop_later<T: Send + 'static>(&self, garbage: T) {
            self.garbage.borrow_mut().push(Box::new(move || drop(garbage)));
        }
    }

    /// Nothing waits.
    pub(crate) fn collect() {}

    /// Runs `reading` while the thread is pinned. Must not be called within another one.
    pub(crate) fn pinned<R>(reading: impl FnOnce(&Pin) -> R) -> R {
        let pin = Pin { garbage: RefCell::default() };
        let read = {
            let _pinned = PINNED.read().unwrap_or_else(PoisonError::into_inner);
            reading(&pin)
        };
        let garbage = pin.garbage.into_inner();
        if !garbage.is_empty() {
            let _alone = PINNED.write().unwrap_or_else(PoisonError::into_inner);
            garbage.into_iter().for_each(|drop| drop());
        }
        read
    }
}

#[cfg(all(test, not(any(loom, shuttle, groupscan_lock_twin))))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    /// Collects until `dropped`.
    fn turn_until(dropped: impl Fn() -> bool) {
        while !dropped() {
            collect();
            std::thread::yield_now();
        }
    }

    #[test]
    fn garbage_outlives_the_pins_of_its_time() {
        let garbage = Arc::new(());
        let seen = Arc::downgrade(&garbage);
        let (pinned_now, wait_for_pin) = channel();
        let (unpin, wait_for_unpin) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                pinned(|_| {
                    pinned_now.send(()).unwrap();
                    wait_for_unpin.recv().unwrap();
                });
            });
            wait_for_pin.recv().unwrap();
            pinned(|pin| pin.drop_later(garbage));
            for _ in 0..1000 {
                collect();
            }
            let outlived = seen.upgrade().is_some();
            unpin.send(()).unwrap();
            assert!(outlived, "dropped under a pin");
            turn_until(|| seen.upgrade().is_none());
        });
    }

    #[test]
    fn pins_while_thread_locals_are_destroyed() {
        struct PinOnDrop(std::sync::mpsc::Sender<()>);
        impl Drop for PinOnDrop {
            fn drop(&mut self) {
                pinned(|pin| pin.drop_later(()));
                self.0.send(()).unwrap();
            }
        }
        thread_local! {
            static LAST: std::cell::RefCell<Option<PinOnDrop>> =
                const { std::cell::RefCell::new(None) };
        }
        let (done, wait) = channel();
        std::thread::spawn(move || {
            // Made before the handle, so destroyed after it.
            LAST.with(|last| *last.borrow_mut() = Some(PinOnDrop(done)));
            pinned(|_| ());
        })
        .join()
        .unwrap();
        wait.recv().unwrap();
    }
}
