//! The C interfaces of groupscan: `mgm.h`, on one manager per process, and `groupscan.h`, on tables and
//! managers that the caller creates.
//!
//! The headers are `include/mgm.h` and `include/groupscan.h`; they document the calls. A call here converts
//! the arguments from C to Rust and the result to a code or a status, and does nothing else.
//!
//! # Invariants
//!
//! - I1: no panic leaves a call: it becomes `ERROR_CAN_NOT_COMPLETE` or `GROUPSCAN_ERROR_INTERNAL`.
//! - I2: a pointer from the caller is used only during its call, by unaligned reads and writes. No reference
//!   is made of one, except to a buffer for records, as uninitialised bytes, and to the library's own objects
//!   (see `memory`).
//! - I3: the manager of the process is never dropped, and needs nothing that is: calls from destructors of
//!   thread-local storage and from `atexit` functions work like others.
//!
//! # What callers promise
//!
//! The headers require the following, and every block of unsafe code relies on it. Null is checked instead.
//!
//! - P1: a pointer to an object is one that the library handed out as an object of that type, and the object
//!   is not taken back before the call returns.
//! - P2: output pointers, and buffers up to the stated length, are writable and not accessed by others
//!   during the call.
//! - P3: input pointers are readable, up to the stated number of elements, and nothing changes what they
//!   point to during the call.
//! - P4: an object that is destroyed or moved on is not used by others during the call.
//!
//! # Progress and costs
//!
//! As the Rust calls. A call adds some nanoseconds.

#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[macro_use]
mod families;

mod enumerations;
mod managers;
mod memory;
mod mgm;
mod result;
mod snapshots;
mod stats;
mod status;
mod steps;
mod tables;
mod types;
mod version;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use groupscan::manager::{GroupManager, ManagerError, ManagerLimits};

pub use enumerations::*;
pub use managers::*;
pub use mgm::*;
pub use result::*;
pub use snapshots::*;
pub use stats::*;
pub use status::*;
pub use steps::*;
pub use tables::*;
pub use types::*;
pub use version::*;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the C interfaces pass handles of 64 bits as pointers");

static MANAGER: OnceLock<groupscan_manager> = OnceLock::new();

/// The manager that the calls of `mgm.h` act on, for a router in Rust whose protocols are in C.
///
/// It has the default limits, unless C has set others with `groupscan_manager_of_process`.
///
/// # Errors
///
/// [`ManagerError::OutOfMemory`] if this is the first use of the manager, and the system refuses memory.
#[inline]
pub fn process_manager() -> Result<&'static GroupManager, ManagerError> {
    Ok(&process_object()?.0)
}

/// The manager of the process as an object of C.
#[inline]
fn process_object() -> Result<&'static groupscan_manager, ManagerError> {
    match MANAGER.get() {
        Some(manager) => Ok(manager),
        None => make_process_object(),
    }
}

#[cold]
fn make_process_object() -> Result<&'static groupscan_manager, ManagerError> {
    let made = groupscan_manager(GroupManager::try_with_limits(ManagerLimits::default())?);
    // If another thread made one meanwhile, its manager is used, and this one dropped.
    Ok(MANAGER.get_or_init(|| made))
}

/// The result of `call`, or `panicked` if it panics.
#[inline]
fn guarded<R>(panicked: R, call: impl FnOnce() -> R) -> R {
    // Unwind safe: on a panic transactions abort, locks ignore poisoning, references are returned.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result,
        Err(payload) => {
            // Dropping it may panic as well.
            std::mem::forget(payload);
            panicked
        }
    }
}

/// The status of a call of `groupscan.h`.
#[inline]
fn status_of(call: impl FnOnce() -> Result<(), groupscan_status>) -> groupscan_status {
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
        assert_eq!(status_of(|| panic!("as a test")), GROUPSCAN_ERROR_INTERNAL);
        assert_eq!(status_of(|| Ok(())), GROUPSCAN_OK);
        assert_eq!(status_of(|| Err(GROUPSCAN_ERROR_NOT_FOUND)), GROUPSCAN_ERROR_NOT_FOUND);
    }
}
