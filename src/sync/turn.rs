//! The lock of writers, who take turns: the only file that names a fair lock.
//!
//! ```text
//! lock ──▶ free: a compare-exchange ──────────────────────────────▶ guard
//!     └──▶ held: a short spin, then the end of the queue ── unlock ──▶ guard of the thread in front
//! ```
//!
//! An unlock hands the lock over to the thread in front of the queue. So a thread that comes later cannot
//! take the lock first, however often it tries, and [`try_lock`](TurnLock::try_lock) fails while another
//! thread waits. A thread that finds the lock held and the queue empty spins for some microseconds before it
//! queues: among threads that arrive within that time the order is not defined.
//!
//! A panic of a thread that holds the lock unlocks it. It does not poison the lock: the holder restores
//! what the lock guards while it unwinds.
//!
//! Under loom or shuttle, the checker's lock replaces that of parking_lot. It gives the lock to any of the
//! threads that wait, so a test finds what depends on the order. There time does not pass: a thread with a
//! timeout gives up at once if the lock is held, and otherwise gets it.
//!
//! # Progress
//!
//! Blocking. With k threads in front in the queue, a thread waits for k + 1 turns, whatever others do.

use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

#[cfg(not(any(loom, shuttle)))]
use fair::{Guard, Lock};
#[cfg(any(loom, shuttle))]
use twin::{Guard, Lock};

/// A lock that threads get in the order in which they began to wait.
pub(crate) struct TurnLock<T>(Lock<T>);

/// A turn: what the lock guards, until the guard is dropped.
pub(crate) struct TurnGuard<'a, T>(Guard<'a, T>);

// As std's lock, although no panic poisons this one: a holder that unwinds restores what the lock guards.
impl<T> UnwindSafe for TurnLock<T> {}
impl<T> RefUnwindSafe for TurnLock<T> {}

impl<T> TurnLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    /// Waits for a turn.
    #[inline]
    pub(crate) fn lock(&self) -> TurnGuard<'_, T> {
        TurnGuard(self.0.lock())
    }

    /// Takes a turn if the lock is free and no thread waits for it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<TurnGuard<'_, T>> {
        self.0.try_lock().map(TurnGuard)
    }

    /// Waits for a turn, but not longer than `left`, from which the time of the wait is taken off. Zero does
    /// not wait, and [`Duration::MAX`] waits without limit. A thread that gives up leaves the queue.
    #[inline]
    pub(crate) fn lock_within(&self, left: &mut Duration) -> Option<TurnGuard<'_, T>> {
        match self.try_lock() {
            Some(turn) => Some(turn),
            None if left.is_zero() => None,
            None => self.0.wait_within(left).map(TurnGuard),
        }
    }
}

impl<T> Deref for TurnGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for TurnGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

#[cfg(not(any(loom, shuttle)))]
mod fair {
    use std::time::{Duration, Instant};

    use parking_lot::{FairMutex, FairMutexGuard};

    pub(super) type Guard<'a, T> = FairMutexGuard<'a, T>;

    pub(super) struct Lock<T>(FairMutex<T>);

    impl<T> Lock<T> {
        pub(super) fn new(value: T) -> Self {
            Self(FairMutex::new(value))
        }

        #[inline]
        pub(super) fn lock(&self) -> Guard<'_, T> {
            self.0.lock()
        }

        #[inline]
        pub(super) fn try_lock(&self) -> Option<Guard<'_, T>> {
            self.0.try_lock()
        }

        /// Waits, and takes the time off.
        #[cold]
        pub(super) fn wait_within(&self, left: &mut Duration) -> Option<Guard<'_, T>> {
            let start = Instant::now();
            // Without limit if the clock cannot express the end of the wait.
            let guard = match start.checked_add(*left) {
                Some(end) => self.0.try_lock_until(end),
                None => Some(self.0.lock()),
            };
            *left = left.saturating_sub(start.elapsed());
            guard
        }
    }
}

#[cfg(any(loom, shuttle))]
mod twin {
    use std::sync::{PoisonError, TryLockError};
    use std::time::Duration;

    use crate::sync::checker::sync::{Mutex, MutexGuard};

    pub(super) type Guard<'a, T> = MutexGuard<'a, T>;

    pub(super) struct Lock<T>(Mutex<T>);

    impl<T> Lock<T> {
        pub(super) fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        pub(super) fn lock(&self) -> Guard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(super) fn try_lock(&self) -> Option<Guard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }

        /// Gives up at once, because time does not pass, or waits without limit.
        pub(super) fn wait_within(&self, left: &mut Duration) -> Option<Guard<'_, T>> {
            (*left == Duration::MAX).then(|| self.lock())
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    /// Longer than any test waits.
    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_held_lock_is_refused_and_a_free_one_given() {
        let lock = TurnLock::new(0);
        let mut turn = lock.lock();
        *turn += 1;
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(lock.try_lock().is_none());
                let (mut none, mut short) = (Duration::ZERO, Duration::from_millis(5));
                assert!(lock.lock_within(&mut none).is_none());
                assert!(lock.lock_within(&mut short).is_none());
                assert_eq!(short, Duration::ZERO, "it waited for all of its time");
            });
        });
        drop(turn);
        for mut left in [Duration::ZERO, LONG, Duration::MAX] {
            let before = left;
            let turn = lock.lock_within(&mut left).expect("the lock is free");
            assert_eq!((*turn, left), (1, before), "it did not wait");
        }
        assert_eq!(lock.try_lock().as_deref(), Some(&1));
    }

    #[test]
    fn a_panic_gives_the_turn_back() {
        let lock = TurnLock::new(0);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            *lock.lock() = 1;
            let _turn = lock.lock();
            panic!("on purpose");
        }));
        panicked.unwrap_err();
        assert_eq!(lock.try_lock().as_deref(), Some(&1));
    }
}
