//! The C ABI: that of `mgm.h`, on one manager that the process has, and that of `groupscan.h`, on tables
//! and managers that the caller makes.
//!
//! The headers are `include/mgm.h` and `include/groupscan.h`, which document the calls for those who make
//! them. A call here turns C's arguments into those of Rust, and the result into a code or a status.
//! Nothing else happens here.
//!
//! # Invariants
//!
//! - I1: no panic leaves a call: it becomes `ERROR_CAN_NOT_COMPLETE` or `GROUPSCAN_ERROR_INTERNAL`.
//! - I2: a pointer of the caller's is used in the call that it came with only, by unaligned reads and
//!   writes. No mutable reference is made of one, and of records that were written a shared one, for the
//!   moment in which they are counted. (Objects of the library's own are another matter: see
//!   `memory`.)
//! - I3: the process's manager is never dropped, and needs nothing that is: calls from destructors of
//!   thread-local storage and from `atexit` work as others do.
//!
//! # What callers promise
//!
//! The headers ask it of them, and each block of unsafe code rests on it, besides null, which is checked:
//!
//! - P1: a pointer to an object is one that was handed out as an object of that type, and that is not
//!   taken back before the call returns.
//! - P2: where a result goes, and a buffer as far as its bytes are said to go, may be written, and nobody
//!   else looks there before the call returns.
//! - P3: arguments behind a pointer, as many as are said to be there, may be read, and nobody changes them
//!   before the call returns.
//! - P4: an object that is destroyed or moved on is used by nobody else during the call.
//!
//! # Progress and costs
//!
//! Those of the Rust calls. A call adds some nanoseconds.

#![allow(unsafe_code, reason = "takes pointers from C")]

mod enumerations;
mod figures;
mod library;
mod managers;
mod memory;
mod mgm;
mod outcome;
mod snapshots;
mod status;
mod tables;
mod types;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use crate::manager::{GroupManager, ManagerLimits};

pub use enumerations::*;
pub use figures::*;
pub use library::*;
pub use managers::*;
pub use mgm::*;
pub use outcome::*;
pub use snapshots::*;
pub use status::*;
pub use tables::*;
pub use types::*;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the C ABI's handles are pointers of 64 bits");

static MANAGER: OnceLock<groupscan_manager> = OnceLock::new();

/// The manager that the calls of `mgm.h` are made on: for a router in Rust whose protocols are in C.
///
/// It has the default limits, unless C said otherwise by `groupscan_manager_of_process`.
#[inline]
pub fn process_manager() -> &'static GroupManager {
    &process_manager_with(ManagerLimits::default).0
}

/// The same, with limits for the case that it has not been there before.
#[inline]
fn process_manager_with(limits: impl FnOnce() -> ManagerLimits) -> &'static groupscan_manager {
    MANAGER.get_or_init(|| groupscan_manager(GroupManager::with_limits(limits())))
}

/// What a call gives, or, if it panics, what is said then.
#[inline]
fn guarded<R>(panicked: R, call: impl FnOnce() -> R) -> R {
    // What a panic leaves is whole: transactions abort, locks go on, references are given back.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result,
        Err(payload) => {
            // Its drop may panic, too.
            std::mem::forget(payload);
            panicked
        }
    }
}

/// The status of a call of `groupscan.h`.
#[inline]
fn answer(call: impl FnOnce() -> Result<(), groupscan_status>) -> groupscan_status {
    guarded(groupscan_status::GROUPSCAN_ERROR_INTERNAL, || match call() {
        Ok(()) => groupscan_status::GROUPSCAN_OK,
        Err(status) => status,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_become_statuses() {
        assert_eq!(answer(|| panic!("as a test")), GROUPSCAN_ERROR_INTERNAL);
        assert_eq!(answer(|| Ok(())), GROUPSCAN_OK);
        assert_eq!(answer(|| Err(GROUPSCAN_ERROR_NOT_FOUND)), GROUPSCAN_ERROR_NOT_FOUND);
    }
}
