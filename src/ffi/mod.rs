//! The C ABI of `mgm.h`, on one manager that the process has.
//!
//! The header is `include/mgm.h`, which documents the calls for those who make them. A call here turns
//! C's arguments into those of [`GroupManager`], and its result into a code. Nothing else happens here.
//!
//! # Invariants
//!
//! - I1: no panic leaves a call: it becomes `ERROR_CAN_NOT_COMPLETE`.
//! - I2: a pointer of the caller's is used in the call that it came with only, by unaligned reads and
//!   writes. No mutable reference is made of one, and of records that were written a shared one, for the
//!   moment in which they are counted.
//! - I3: the manager is never dropped, and needs nothing that is: calls from destructors of thread-local
//!   storage and from `atexit` work as others do.
//!
//! # Progress and costs
//!
//! Those of the [`manager`](crate::manager). A call adds some nanoseconds.

#![allow(unsafe_code, reason = "takes pointers from C")]

mod mgm;

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use crate::manager::{GroupManager, ManagerError, code};

pub use mgm::*;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the C ABI's handles are pointers of 64 bits");

static MANAGER: LazyLock<GroupManager> = LazyLock::new(GroupManager::new);

/// The manager that the calls of `mgm.h` are made on: for a router in Rust whose protocols are in C.
///
/// It has the default limits.
pub fn process_manager() -> &'static GroupManager {
    &MANAGER
}

/// The version of the library, such as `0.1.0`.
#[unsafe(no_mangle)]
pub extern "C" fn groupscan_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// A code that is not the one of a call that did what it says.
struct Refused(u32);

impl From<ManagerError> for Refused {
    fn from(error: ManagerError) -> Self {
        Self(error.code())
    }
}

/// The code of a call.
#[inline]
fn answer(call: impl FnOnce() -> Result<u32, Refused>) -> u32 {
    // What a panic leaves is whole: transactions abort, locks go on, references are given back.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(code) | Err(Refused(code))) => code,
        Err(payload) => {
            // Its drop may panic, too.
            std::mem::forget(payload);
            code::ERROR_CAN_NOT_COMPLETE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_code() {
        assert_eq!(answer(|| panic!("as a test")), code::ERROR_CAN_NOT_COMPLETE);
        assert_eq!(answer(|| Ok(code::ERROR_MORE_DATA)), code::ERROR_MORE_DATA);
        let refused = || Err(ManagerError::InvalidHandle.into());
        assert_eq!(answer(refused), code::ERROR_INVALID_PARAMETER);
    }

    #[test]
    fn the_version_is_the_crate_s() {
        // SAFETY: a string that ends with a null byte, and lives for ever.
        let version = unsafe { CStr::from_ptr(groupscan_version()) };
        assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    }
}
