//! The lock and the atomics that threads of a table share: those of std, or those of a checker that
//! chooses the order of their operations. Under `cfg(loom)` every order is tried, under `cfg(shuttle)`
//! many are, of more threads.
//!
//! Under `cfg(groupscan_tsan)` the lock is one that is compiled with the crate, for the thread
//! sanitizer does not see what std's does where threads wait for each other.

#[cfg(loom)]
use loom as checker;
#[cfg(shuttle)]
use shuttle as checker;

#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(any(loom, shuttle, groupscan_tsan)))]
pub(crate) use std::sync::{Mutex, MutexGuard};

#[cfg(all(groupscan_lock_twin, not(any(loom, shuttle, groupscan_tsan))))]
pub(crate) use std::sync::RwLock;

// A checker begins each run with new statics, which it must be told of.
#[cfg(any(loom, shuttle))]
pub(crate) use checker::{
    lazy_static,
    sync::{
        Mutex, MutexGuard, RwLock,
        atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
};

#[cfg(groupscan_tsan)]
pub(crate) use visible::{Mutex, MutexGuard, RwLock};

#[cfg(groupscan_tsan)]
mod visible {
    use std::sync::LockResult;

    pub(crate) use parking_lot::MutexGuard;

    /// A lock with the face of std's.
    pub(crate) struct RwLock<T>(parking_lot::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(parking_lot::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> LockResult<parking_lot::RwLockReadGuard<'_, T>> {
            Ok(self.0.read())
        }

        pub(crate) fn write(&self) -> LockResult<parking_lot::RwLockWriteGuard<'_, T>> {
            Ok(self.0.write())
        }
    }

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
