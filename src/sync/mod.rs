//! The locks and the atomics that the threads of a table share.
//!
//! | cfg | locks | atomics |
//! |---|---|---|
//! | none | [`turn`], over a lock of std | those of std |
//! | `groupscan_lock_twin` | also a lock in place of crossbeam-epoch and one in place of arc-swap | those of std |
//! | `loom` | those of loom | those of loom, which tries every order of the operations |
//! | `shuttle` | those of shuttle | those of shuttle, which tries many orders of more threads |
//!
//! The thread sanitizer does not see how threads wait for each other in std's locks. Those of parking_lot
//! are compiled with the crate, so it does: under the cfg `groupscan_tsan` all locks are of parking_lot.

pub(crate) mod epoch;
pub(crate) mod turn;

#[cfg(loom)]
use loom as checker;
#[cfg(shuttle)]
use shuttle as checker;

#[cfg(not(any(loom, shuttle, groupscan_tsan)))]
pub(crate) use std::sync::{Mutex, MutexGuard};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::{
    sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    thread,
};

#[cfg(all(groupscan_lock_twin, not(any(loom, shuttle, groupscan_tsan))))]
pub(crate) use std::sync::RwLock;

// A checker initialises statics for each run, so it must know them.
#[cfg(any(loom, shuttle))]
pub(crate) use checker::{
    lazy_static,
    sync::{
        Mutex, MutexGuard, RwLock,
        atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

#[cfg(groupscan_tsan)]
pub(crate) use visible::{Mutex, MutexGuard, RwLock};

#[cfg(groupscan_tsan)]
mod visible {
    use std::sync::LockResult;

    pub(crate) use parking_lot::MutexGuard;

    /// A lock with the interface of std's.
    pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(parking_lot::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
            Ok(self.0.lock())
        }
    }

    /// A lock with the interface of std's.
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
}
