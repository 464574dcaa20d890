//! The lock and the atomics that threads of a table share: those of std, or under `cfg(loom)` those
//! of loom, which tries every order of their operations.
//!
//! Under `cfg(groupscan_tsan)` the lock is one that is compiled with the crate, for the thread
//! sanitizer does not see what std's does where threads wait for each other.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(any(loom, groupscan_tsan)))]
pub(crate) use std::sync::{Mutex, MutexGuard};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering},
};

#[cfg(groupscan_tsan)]
pub(crate) use visible::{Mutex, MutexGuard};

#[cfg(groupscan_tsan)]
mod visible {
    use std::sync::LockResult;

    pub(crate) use parking_lot::MutexGuard;

    /// A lock with the face of std's.
    pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(parking_lot::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
            Ok(self.0.lock())
        }
    }
}
