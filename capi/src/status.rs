//! The statuses that calls of `groupscan.h` return.

#![allow(non_camel_case_types, reason = "names of the header")]
#![allow(unsafe_code, reason = "exports symbols")]

use std::ffi::{CStr, c_char, c_int};

use groupscan::manager::ManagerError;
use groupscan::{GetNextError, OutOfMemory, PrefixError, RetainedError, SnapshotError, WriteError};

/// What a call returns. A number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[must_use]
pub enum groupscan_status {
    /// The call succeeded.
    GROUPSCAN_OK = 0,
    /// A required pointer is null.
    GROUPSCAN_ERROR_NULL_POINTER = 1,
    /// A size or a number of elements is invalid.
    GROUPSCAN_ERROR_INVALID_SIZE = 2,
    /// An option is unknown to this version of the library.
    GROUPSCAN_ERROR_UNKNOWN_OPTION = 3,
    /// There is no such view.
    GROUPSCAN_ERROR_INVALID_VIEW = 4,
    /// The flags of a membership are 0 or unknown.
    GROUPSCAN_ERROR_INVALID_FLAGS = 5,
    /// A prefix is too long or has bits set beyond its length.
    GROUPSCAN_ERROR_INVALID_PREFIX = 6,
    /// A position is of the other address family.
    GROUPSCAN_ERROR_INVALID_FAMILY = 7,
    /// A client of a manager cannot have this membership.
    GROUPSCAN_ERROR_INVALID_MEMBERSHIP = 8,
    /// Invalid handle.
    GROUPSCAN_ERROR_INVALID_HANDLE = 9,
    /// A list is not in strictly ascending order.
    GROUPSCAN_ERROR_NOT_ASCENDING = 10,
    /// The buffer is too small.
    GROUPSCAN_ERROR_BUFFER_TOO_SMALL = 11,
    /// Out of memory.
    GROUPSCAN_ERROR_OUT_OF_MEMORY = 12,
    /// The table's limit on bytes is reached.
    GROUPSCAN_ERROR_OUT_OF_CAPACITY = 13,
    /// A limit is reached.
    GROUPSCAN_ERROR_TOO_MANY = 14,
    /// It already exists.
    GROUPSCAN_ERROR_ALREADY_EXISTS = 15,
    /// It does not exist, or none follows.
    GROUPSCAN_ERROR_NOT_FOUND = 16,
    /// The client does not own the interface.
    GROUPSCAN_ERROR_NOT_OWNER = 17,
    /// Another client owns the interface.
    GROUPSCAN_ERROR_ALREADY_OWNED = 18,
    /// The client owns interfaces.
    GROUPSCAN_ERROR_OWNS_INTERFACES = 19,
    /// Internal error.
    GROUPSCAN_ERROR_INTERNAL = 20,
    /// There is no such order of memberships.
    GROUPSCAN_ERROR_INVALID_ORDER = 21,
    /// The turn of the call did not come in time.
    GROUPSCAN_ERROR_TIMEOUT = 22,
}

pub use groupscan_status::*;

/// The message of each status.
const MESSAGES: [&CStr; 23] = [
    c"success",
    c"null pointer",
    c"invalid size or number of elements",
    c"unknown option",
    c"invalid view",
    c"invalid membership flags",
    c"invalid prefix: too long, or bits set beyond its length",
    c"invalid address family of a position",
    c"invalid membership: not a multicast group, or all groups from one source",
    c"invalid handle",
    c"list not in strictly ascending order",
    c"buffer too small",
    c"out of memory",
    c"table full: limit on bytes reached",
    c"limit reached",
    c"already exists",
    c"not found",
    c"interface not owned by the client",
    c"interface owned by another client",
    c"client still owns interfaces",
    c"internal error",
    c"invalid order of memberships",
    c"timeout",
];

/// The message of a status, as `strerror` returns it.
#[unsafe(no_mangle)]
pub extern "C" fn groupscan_strerror(status: c_int) -> *const c_char {
    let message = usize::try_from(status).ok().and_then(|status| MESSAGES.get(status));
    message.unwrap_or(&c"unknown status").as_ptr()
}

impl From<WriteError> for groupscan_status {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::TooManyMemberships { .. } => GROUPSCAN_ERROR_TOO_MANY,
            WriteError::OutOfCapacity { .. } => GROUPSCAN_ERROR_OUT_OF_CAPACITY,
            WriteError::OutOfMemory => GROUPSCAN_ERROR_OUT_OF_MEMORY,
            WriteError::NotAscending { .. } => GROUPSCAN_ERROR_NOT_ASCENDING,
            _ => GROUPSCAN_ERROR_INTERNAL,
        }
    }
}

impl From<OutOfMemory> for groupscan_status {
    fn from(_: OutOfMemory) -> Self {
        GROUPSCAN_ERROR_OUT_OF_MEMORY
    }
}

impl From<SnapshotError> for groupscan_status {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::TooManyVersions { .. } => GROUPSCAN_ERROR_TOO_MANY,
            SnapshotError::OutOfCapacity { .. } => GROUPSCAN_ERROR_OUT_OF_CAPACITY,
            _ => GROUPSCAN_ERROR_INTERNAL,
        }
    }
}

impl From<RetainedError> for groupscan_status {
    fn from(error: RetainedError) -> Self {
        match error {
            RetainedError::Timeout => GROUPSCAN_ERROR_TIMEOUT,
            RetainedError::OutOfMemory => GROUPSCAN_ERROR_OUT_OF_MEMORY,
            _ => GROUPSCAN_ERROR_INTERNAL,
        }
    }
}

impl From<GetNextError> for groupscan_status {
    fn from(error: GetNextError) -> Self {
        match error {
            GetNextError::BufferTooSmall { .. } => GROUPSCAN_ERROR_BUFFER_TOO_SMALL,
            _ => GROUPSCAN_ERROR_INTERNAL,
        }
    }
}

impl From<PrefixError> for groupscan_status {
    fn from(_: PrefixError) -> Self {
        GROUPSCAN_ERROR_INVALID_PREFIX
    }
}

impl From<ManagerError> for groupscan_status {
    fn from(error: ManagerError) -> Self {
        match error {
            ManagerError::InvalidHandle => GROUPSCAN_ERROR_INVALID_HANDLE,
            ManagerError::AlreadyRegistered { .. } => GROUPSCAN_ERROR_ALREADY_EXISTS,
            ManagerError::TooManyProtocols { .. }
            | ManagerError::TooManyOwnedInterfaces { .. }
            | ManagerError::TooManyEnumerations { .. } => GROUPSCAN_ERROR_TOO_MANY,
            ManagerError::OwnsInterfaces { .. } => GROUPSCAN_ERROR_OWNS_INTERFACES,
            ManagerError::AlreadyOwned { .. } => GROUPSCAN_ERROR_ALREADY_OWNED,
            ManagerError::NotOwned | ManagerError::NotTheOwner { .. } => GROUPSCAN_ERROR_NOT_OWNER,
            ManagerError::InterfaceNotFound => GROUPSCAN_ERROR_NOT_FOUND,
            ManagerError::NotMulticast { .. }
            | ManagerError::SourceWithoutGroup { .. }
            | ManagerError::RangeMask { .. } => GROUPSCAN_ERROR_INVALID_MEMBERSHIP,
            ManagerError::BufferTooSmall { .. } => GROUPSCAN_ERROR_BUFFER_TOO_SMALL,
            ManagerError::Snapshot(error) => error.into(),
            ManagerError::Write(error) | ManagerError::NotRemoved(error) => error.into(),
            ManagerError::OutOfMemory => GROUPSCAN_ERROR_OUT_OF_MEMORY,
            ManagerError::Timeout => GROUPSCAN_ERROR_TIMEOUT,
            _ => GROUPSCAN_ERROR_INTERNAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn message(status: c_int) -> &'static str {
        // SAFETY: a static string that ends with a null byte.
        unsafe { CStr::from_ptr(groupscan_strerror(status)) }.to_str().unwrap()
    }

    #[test]
    fn each_status_has_a_message_of_its_own() {
        let last = GROUPSCAN_ERROR_TIMEOUT as usize;
        assert_eq!(MESSAGES.len(), last + 1);
        let distinct: BTreeSet<&CStr> = MESSAGES.into_iter().collect();
        assert_eq!(distinct.len(), MESSAGES.len());
        assert_eq!(message(GROUPSCAN_OK as c_int), "success");
        assert_eq!(
            message(GROUPSCAN_ERROR_NOT_ASCENDING as c_int),
            "list not in strictly ascending order"
        );
        for unknown in [-1, last as c_int + 1, c_int::MIN, c_int::MAX] {
            assert!(message(unknown).contains("unknown status"), "{unknown}");
        }
    }

    #[test]
    fn errors_that_no_other_test_causes_have_a_status() {
        for (error, status) in [
            (WriteError::TooManyMemberships { limit: 1 }, GROUPSCAN_ERROR_TOO_MANY),
            (WriteError::OutOfMemory, GROUPSCAN_ERROR_OUT_OF_MEMORY),
        ] {
            assert_eq!(groupscan_status::from(error), status);
            assert_eq!(groupscan_status::from(ManagerError::Write(error)), status);
            assert_eq!(groupscan_status::from(ManagerError::NotRemoved(error)), status);
        }
        assert_eq!(
            groupscan_status::from(ManagerError::OutOfMemory),
            GROUPSCAN_ERROR_OUT_OF_MEMORY
        );
    }
}
