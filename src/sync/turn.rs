//! The lock of writers, who take turns: first come, first served.
//!
//! ```text
//! lock ──▶ free: a compare-exchange ───────────────────────▶ guard
//!     └──▶ held: the end of the queue ── unlock ──▶ guard of the thread in front
//! ```
//!
//! An unlock hands the lock over to the thread in front of the queue: the lock stays held meanwhile. So a
//! thread that comes later cannot take the lock first, however often it tries, and
//! a try fails while another thread waits.
//!
//! parking_lot's fair lock was not fair enough. There a thread yields to others some times before it queues,
//! and a writer that runs on the same processor takes up to 26 turns of 0.4 ms in between.
//!
//! A panic of a thread that holds the lock unlocks it. It does not poison the lock: the holder restores
//! what the lock guards while it unwinds.
//!
//! Under loom or shuttle time does not pass: a thread with a timeout gives up as soon as it would wait.
//!
//! # Invariants
//!
//! - I1: `state` is [`FREE`] while no thread holds the lock. Then no thread is in the queue. While threads
//!   are in the queue, it is [`QUEUED`].
//! - I2: only a thread that has the queue's lock changes the queue, or `state` to or from [`QUEUED`].
//! - I3: a thread that waits owns its place in the queue, and does not leave [`TurnLock::wait`] before the
//!   place has left the queue. So places in the queue are alive.
//! - I4: only the thread that holds the lock refers to `value`.
//!
//! # Orderings
//!
//! A thread that gets the lock acquires what the one before it released: by `state`, or by `is_granted` of
//! its place. So it sees `value` as that one left it.
//!
//! # Progress
//!
//! Blocking. With k threads in front in the queue, a thread waits for k + 1 turns, whatever others do.

#![allow(unsafe_code, reason = "threads wait in places on their stacks")]

use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{AtomicU32, Mutex, MutexGuard, Ordering, thread};

/// The lock is free.
const FREE: u32 = 0;

/// A thread holds the lock, and no other one waits.
const HELD: u32 = 1;

/// A thread holds the lock, and others may wait.
const QUEUED: u32 = 2;

/// How often a thread looks for its turn before it sleeps.
const SPINS: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 100 };

/// A lock that threads get in the order in which they began to wait.
pub(crate) struct TurnLock<T> {
    state: AtomicU32,
    queue: Mutex<Queue>,
    value: UnsafeCell<T>,
}

/// The threads that wait.
struct Queue {
    first: *const Place,
    last: *const Place,
}

/// A thread's place in the queue.
struct Place {
    thread: thread::Thread,
    /// Whether the thread has the lock; 0 or 1.
    is_granted: AtomicU32,
    /// The place behind this one. Only the queue uses it (I2).
    next: Cell<*const Place>,
}

/// A turn: what the lock guards, until the guard is dropped.
pub(crate) struct TurnGuard<'a, T> {
    lock: &'a TurnLock<T>,
    /// Dropped by the thread that got it, as the guards of std are.
    not_send: PhantomData<*const ()>,
}

// SAFETY: the lock gives the value to one thread at a time (I4), which may be any.
unsafe impl<T: Send> Send for TurnLock<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for TurnLock<T> {}

// SAFETY: places are alive while they are in the queue (I3), and their thread uses only `is_granted` then, as
// the queue does, and `thread`, which is shared.
unsafe impl Send for Queue {}

// SAFETY: a shared guard gives shared access to the value alone.
unsafe impl<T: Sync> Sync for TurnGuard<'_, T> {}

// As std's lock, although no panic poisons this one: a holder that unwinds restores what the lock guards.
impl<T> UnwindSafe for TurnLock<T> {}
impl<T> RefUnwindSafe for TurnLock<T> {}

impl<T> TurnLock<T> {
    pub(crate) fn new(value: T) -> Self {
        let queue = Queue { first: ptr::null(), last: ptr::null() };
        Self {
            state: AtomicU32::new(FREE),
            queue: Mutex::new(queue),
            value: UnsafeCell::new(value),
        }
    }

    /// Waits for a turn.
    #[inline]
    pub(crate) fn lock(&self) -> TurnGuard<'_, T> {
        let got = self.try_take() || self.wait(None);
        debug_assert!(got, "a wait without limit ends with a turn");
        self.guard()
    }

    /// Waits for a turn, but not longer than `left`, from which the time of the wait is taken off. Zero does
    /// not wait, and [`Duration::MAX`] waits without limit. A thread that gives up leaves the queue.
    #[inline]
    pub(crate) fn lock_within(&self, left: &mut Duration) -> Option<TurnGuard<'_, T>> {
        let got = self.try_take() || (!left.is_zero() && self.wait_within(left));
        got.then(|| self.guard())
    }

    /// Takes the lock if it is free. Then no thread waits for it (I1).
    #[inline]
    fn try_take(&self) -> bool {
        self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// The guard of this thread, which has just got the lock.
    #[inline]
    fn guard(&self) -> TurnGuard<'_, T> {
        TurnGuard { lock: self, not_send: PhantomData }
    }

    #[cold]
    fn wait_within(&self, left: &mut Duration) -> bool {
        let start = Instant::now();
        // Without limit if the clock cannot express the end of the wait.
        let got = self.wait(start.checked_add(*left));
        *left = left.saturating_sub(start.elapsed());
        got
    }

    /// Waits in the queue. Returns whether this thread has the lock.
    #[cold]
    fn wait(&self, end: Option<Instant>) -> bool {
        let place = Place {
            thread: thread::current(),
            is_granted: AtomicU32::new(0),
            next: Cell::new(ptr::null()),
        };
        {
            let mut queue = self.queue();
            // The holder may unlock meanwhile, and another thread take the lock.
            loop {
                if self.try_take() {
                    return true;
                }
                let marked =
                    self.state.compare_exchange(HELD, QUEUED, Ordering::Relaxed, Ordering::Relaxed);
                if let Ok(_) | Err(QUEUED) = marked {
                    break;
                }
            }
            queue.push(&place);
        }
        let mut spins = SPINS;
        loop {
            if place.is_granted.load(Ordering::Acquire) != 0 {
                return true;
            }
            if spins > 0 {
                spins -= 1;
                std::hint::spin_loop();
                continue;
            }
            let is_over = match end {
                None => {
                    thread::park();
                    false
                }
                Some(end) => !park_until(end),
            };
            if is_over {
                let mut queue = self.queue();
                // Under the queue's lock: an unlock grants under it, too.
                if place.is_granted.load(Ordering::Acquire) != 0 {
                    return true;
                }
                queue.remove(&place);
                return false;
            }
        }
    }

    /// Locks the queue. No code that may panic runs under this lock, so it is never poisoned.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn unlock(&self) {
        let freed = self.state.compare_exchange(HELD, FREE, Ordering::Release, Ordering::Relaxed);
        if freed.is_err() {
            self.hand_over();
        }
    }

    /// Hands the lock over to the thread in front of the queue, if it is still there.
    #[cold]
    fn hand_over(&self) {
        let mut queue = self.queue();
        let Some(place) = queue.pop() else {
            self.state.store(FREE, Ordering::Release);
            return;
        };
        if queue.first.is_null() {
            self.state.store(HELD, Ordering::Relaxed);
        }
        // SAFETY: the place was in the queue, so it is alive (I3) until its thread sees that it has the lock.
        // What follows the store does not use the place.
        let thread = unsafe {
            let thread = (*place).thread.clone();
            (*place).is_granted.store(1, Ordering::Release);
            thread
        };
        drop(queue);
        thread.unpark();
    }
}

/// Sleeps until the thread is woken, or until a moment. Returns whether that is still to come.
fn park_until(end: Instant) -> bool {
    #[cfg(not(any(loom, shuttle)))]
    {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::park_timeout(left);
        true
    }
    #[cfg(any(loom, shuttle))]
    {
        let _ = end;
        false
    }
}

impl Queue {
    /// Puts a place, which is in no queue, at the end.
    fn push(&mut self, place: &Place) {
        match self.last.is_null() {
            true => self.first = place,
            // SAFETY: places in the queue are alive (I3), and only the queue uses `next`.
            false => unsafe { (*self.last).next.set(place) },
        }
        self.last = place;
    }

    /// Takes the place in front out.
    fn pop(&mut self) -> Option<*const Place> {
        let first = self.first;
        if first.is_null() {
            return None;
        }
        // SAFETY: as in `push`.
        self.first = unsafe { (*first).next.get() };
        if self.first.is_null() {
            self.last = ptr::null();
        }
        Some(first)
    }

    /// Takes a place out, which is in the queue.
    fn remove(&mut self, place: &Place) {
        let (mut before, mut at) = (ptr::null::<Place>(), self.first);
        while !ptr::eq(at, place) {
            assert!(!at.is_null(), "I3: a thread that waits has its place in the queue");
            // SAFETY: as in `push`.
            (before, at) = (at, unsafe { (*at).next.get() });
        }
        let next = place.next.get();
        match before.is_null() {
            true => self.first = next,
            // SAFETY: as in `push`.
            false => unsafe { (*before).next.set(next) },
        }
        if next.is_null() {
            self.last = before;
        }
    }
}

impl<T> Deref for TurnGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this thread holds the lock, so no other one refers to the value (I4). What this thread
        // borrows from the guard, the guard's borrow covers.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for TurnGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for TurnGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.unlock();
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicUsize;
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
        assert_eq!(lock.lock_within(&mut Duration::default()).as_deref(), Some(&1));
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
        assert_eq!(lock.lock_within(&mut Duration::default()).as_deref(), Some(&1));
    }

    #[test]
    fn threads_that_give_up_leave_the_others_in_their_order() {
        let rounds = if cfg!(miri) { 3 } else { 300 };
        let (lock, gave_up) = (TurnLock::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for thread in 0..4u32 {
                let (lock, gave_up) = (&lock, &gave_up);
                scope.spawn(move || {
                    for round in 0..rounds {
                        let mut left =
                            Duration::from_micros(u64::from((thread * 7 + round) % 5 * 20));
                        let turn = match (thread + round) % 3 {
                            0 => Some(lock.lock()),
                            _ => lock.lock_within(&mut left),
                        };
                        match turn {
                            Some(mut turn) => {
                                *turn += 1;
                                if round % 8 == 0 {
                                    thread::sleep(Duration::from_micros(50));
                                }
                            }
                            None => _ = gave_up.fetch_add(1, Ordering::Relaxed),
                        }
                    }
                });
            }
        });
        let turns = *lock.lock();
        assert_eq!(turns + gave_up.into_inner(), 4 * rounds as usize);
    }
}
