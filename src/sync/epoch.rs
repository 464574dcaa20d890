//! The epoch collector of the crate (epoch-based reclamation): the only file that names crossbeam-epoch.
//!
//! ```text
//! reader   ── pin ── load pointer ── read ── unpin ──
//! writer   ──────────── unlink ── drop_later ──────────── dropped
//! ```
//!
//! A thread that reads memory which another thread may unlink pins itself while it reads. Unlinked memory
//! is dropped when all threads that were pinned at that time have unpinned. The crate has a collector of
//! its own, apart from crossbeam's default collector, so that a long pin of another crate does not hold
//! our garbage.
//!
//! Under the cfg `groupscan_lock_twin`, and under loom or shuttle, a lock replaces crossbeam-epoch. Pinned
//! threads share the lock, and a thread that drops garbage has it exclusively.
//!
//! # Progress
//!
//! Pinning is lock-free. The first pin of a thread registers the thread. Every 128th pin also does a bounded
//! step of collection, which visits all registered threads and drops the garbage that no thread can read.

#[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
pub(crate) use collector::{collect, collect_from_spare, keep_spare, pinned};
#[cfg(any(loom, shuttle, groupscan_lock_twin))]
pub(crate) use twin::{collect, collect_from_spare, keep_spare, pinned};

#[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
mod collector {
    use std::hint::black_box;
    use std::sync::{LazyLock, Mutex, PoisonError};

    use crossbeam_epoch::{Collector, Guard, LocalHandle};

    static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::new);

    thread_local! {
        static HANDLE: LocalHandle = COLLECTOR.register();
    }

    /// The proof that the thread is pinned.
    pub(crate) struct Pin<'a> {
        guard: &'a Guard,
    }

    impl Pin<'_> {
        /// Drops `garbage` after all threads that are pinned now have unpinned. The call may also drop
        /// earlier garbage.
        pub(crate) fn drop_later<T: Send + 'static>(&self, garbage: T) {
            self.guard.defer(move || drop(garbage));
        }
    }

    /// More than the memory that crossbeam-epoch takes for a bag of 64 pieces of garbage: 2,072 bytes.
    const BAG_BYTES: usize = 2500;

    /// Drops the garbage of this thread that can be dropped now. Without this call, up to one bag of garbage
    /// stays with a thread until the thread pins often enough or ends.
    ///
    /// Does nothing if the system refuses memory for a bag.
    pub(crate) fn collect() {
        // crossbeam-epoch aborts if it gets no memory for the bag, so this asks first.
        let mut bag = Vec::<u8>::new();
        let is_refused = black_box(&mut bag).try_reserve_exact(BAG_BYTES).is_err();
        drop(black_box(bag));
        if !is_refused {
            pinned(|pin| pin.guard.flush());
        }
    }

    /// Memory for a bag, for a time when the system refuses it.
    static SPARE: Mutex<Option<Vec<u8>>> = Mutex::new(None);

    /// How often a thread pins itself until its garbage of before is dropped, if no other thread is pinned:
    /// every 128th pin does a step of collection, and needs no memory for that.
    const PINS: usize = 4 * 128;

    /// Requests memory for a bag.
    fn request_spare() -> Option<Vec<u8>> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(BAG_BYTES).is_ok().then_some(memory)
    }

    /// Ensures that there is memory for [`collect_from_spare`], unless the system refuses it.
    pub(crate) fn keep_spare() {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.is_none() {
            *spare = request_spare();
        }
    }

    /// Drops the garbage of this thread, although the system may refuse memory for a bag.
    pub(crate) fn collect_from_spare() {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        drop(spare.take());
        collect();
        (0..PINS).for_each(|_| pinned(|_| ()));
        *spare = request_spare();
    }

    /// Runs `reading` while the thread is pinned. It must be short, because garbage waits for it.
    pub(crate) fn pinned<R>(reading: impl FnOnce(&Pin<'_>) -> R) -> R {
        // While thread-locals are being destroyed the handle may be gone. Then this call registers the thread
        // for itself.
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

    /// The proof that the thread is pinned.
    pub(crate) struct Pin {
        garbage: RefCell<Vec<Box<dyn FnOnce()>>>,
    }

    impl Pin {
        /// Drops `garbage` when no thread is pinned.
        pub(crate) fn drop_later<T: Send + 'static>(&self, garbage: T) {
            self.garbage.borrow_mut().push(Box::new(move || drop(garbage)));
        }
    }

    /// Does nothing, because no garbage waits here.
    pub(crate) fn collect() {}

    /// As [`collect`].
    pub(crate) fn collect_from_spare() {}

    /// As [`collect`].
    pub(crate) fn keep_spare() {}

    /// Runs `reading` while the thread is pinned. Calls must not be nested.
    pub(crate) fn pinned<R>(reading: impl FnOnce(&Pin) -> R) -> R {
        let pin = Pin { garbage: RefCell::default() };
        let read = {
            let _pinned = PINNED.read().unwrap_or_else(PoisonError::into_inner);
            reading(&pin)
        };
        let garbage = pin.garbage.into_inner();
        if !garbage.is_empty() {
            let _exclusive = PINNED.write().unwrap_or_else(PoisonError::into_inner);
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

    /// Collects until `dropped` returns true.
    fn collect_until(dropped: impl Fn() -> bool) {
        while !dropped() {
            collect();
            std::thread::yield_now();
        }
    }

    #[test]
    fn garbage_outlives_the_threads_that_were_pinned() {
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
            assert!(outlived, "garbage waits for a pinned thread");
            collect_until(|| seen.upgrade().is_none());
        });
    }

    #[test]
    fn a_thread_can_pin_while_its_locals_are_destroyed() {
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
            // Initialised before the handle, so destroyed after it.
            LAST.with(|last| *last.borrow_mut() = Some(PinOnDrop(done)));
            pinned(|_| ());
        })
        .join()
        .unwrap();
        wait.recv().unwrap();
    }
}
