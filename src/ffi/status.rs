//! What a call of `groupscan.h` answers.

#![allow(non_camel_case_types, reason = "names of the header")]

use std::ffi::{CStr, c_char, c_int};

use crate::enumeration::{GetNextError, PrefixError};
use crate::manager::ManagerError;
use crate::table::{SnapshotError, WriteError};

/// What a call answers. The numbers are fixed, and none is used for another meaning, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[must_use]
pub enum groupscan_status {
    /// The call did what it says.
    GROUPSCAN_OK = 0,
    /// A pointer is null that must not be.
    GROUPSCAN_ERROR_NULL_POINTER = 1,
    /// A size or a number of elements cannot be right.
    GROUPSCAN_ERROR_INVALID_SIZE = 2,
    /// Options say something that this version of the library does not know.
    GROUPSCAN_ERROR_UNKNOWN_OPTION = 3,
    /// The view is none of `groupscan_view`.
    GROUPSCAN_ERROR_INVALID_VIEW = 4,
    /// Flags of a membership are missing or unknown.
    GROUPSCAN_ERROR_INVALID_FLAGS = 5,
    /// A prefix is too long, or has bits set beyond its length.
    GROUPSCAN_ERROR_INVALID_PREFIX = 6,
    /// A position is of the other address family.
    GROUPSCAN_ERROR_INVALID_FAMILY = 7,
    /// A client may not have such a membership.
    GROUPSCAN_ERROR_INVALID_MEMBERSHIP = 8,
    /// A handle stands for nothing.
    GROUPSCAN_ERROR_INVALID_HANDLE = 9,
    /// A list does not ascend strictly.
    GROUPSCAN_ERROR_NOT_ASCENDING = 10,
    /// The buffer does not take what there is.
    GROUPSCAN_ERROR_BUFFER_TOO_SMALL = 11,
    /// The operating system gives no memory.
    GROUPSCAN_ERROR_OUT_OF_MEMORY = 12,
    /// The table's limit of bytes leaves no room.
    GROUPSCAN_ERROR_OUT_OF_CAPACITY = 13,
    /// There are as many as may be.
    GROUPSCAN_ERROR_TOO_MANY = 14,
    /// It exists already.
    GROUPSCAN_ERROR_ALREADY_EXISTS = 15,
    /// There is no such thing.
    GROUPSCAN_ERROR_NOT_FOUND = 16,
    /// The client does not own the interface.
    GROUPSCAN_ERROR_NOT_OWNER = 17,
    /// Another client owns the interface.
    GROUPSCAN_ERROR_ALREADY_OWNED = 18,
    /// The client owns interfaces.
    GROUPSCAN_ERROR_OWNS_INTERFACES = 19,
    /// The library has a fault.
    GROUPSCAN_ERROR_INTERNAL = 20,
}

pub use groupscan_status::*;

/// What a status says, in English, without a full stop.
const MESSAGES: [&CStr; 21] = [
    c"success",
    c"a pointer is null that must not be",
    c"a size or a number of elements cannot be right",
    c"the options say something that this version of the library does not know",
    c"there is no such view",
    c"the flags of a membership are missing or unknown",
    c"a prefix is too long or has bits set beyond its length",
    c"the position is of the other address family",
    c"a client may only join multicast groups, and all groups from all sources only",
    c"the handle stands for nothing",
    c"the list does not ascend strictly",
    c"the buffer does not take what there is",
    c"the system gives no memory; trying again may help",
    c"the table's limit of bytes leaves no room until something leaves or is let go",
    c"there are as many as may be until one goes",
    c"it exists already",
    c"there is no such thing",
    c"the client does not own the interface",
    c"another client owns the interface",
    c"the client must release its interfaces first",
    c"the library has a fault; nothing was changed",
];

/// What a status says, as `strerror` does.
#[unsafe(no_mangle)]
pub extern "C" fn groupscan_strerror(status: c_int) -> *const c_char {
    let message = usize::try_from(status).ok().and_then(|status| MESSAGES.get(status));
    message.unwrap_or(&c"this version of the library knows no such status").as_ptr()
}

impl From<WriteError> for groupscan_status {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::TooManyInterfaces { .. } | WriteError::TooManyMemberships { .. } => {
                GROUPSCAN_ERROR_TOO_MANY
            }
            WriteError::OutOfCapacity { .. } => GROUPSCAN_ERROR_OUT_OF_CAPACITY,
            WriteError::OutOfMemory => GROUPSCAN_ERROR_OUT_OF_MEMORY,
            WriteError::NotAscending { .. } => GROUPSCAN_ERROR_NOT_ASCENDING,
        }
    }
}

impl From<SnapshotError> for groupscan_status {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::TooManyVersions { .. } => GROUPSCAN_ERROR_TOO_MANY,
            SnapshotError::OutOfCapacity { .. } => GROUPSCAN_ERROR_OUT_OF_CAPACITY,
        }
    }
}

impl From<GetNextError> for groupscan_status {
    fn from(error: GetNextError) -> Self {
        match error {
            GetNextError::BufferTooSmall { .. } => GROUPSCAN_ERROR_BUFFER_TOO_SMALL,
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn message(status: c_int) -> &'static str {
        // SAFETY: a string that ends with a null byte, and lives for ever.
        unsafe { CStr::from_ptr(groupscan_strerror(status)) }.to_str().unwrap()
    }

    #[test]
    fn each_status_has_a_message_of_its_own() {
        let last = GROUPSCAN_ERROR_INTERNAL as usize;
        assert_eq!(MESSAGES.len(), last + 1);
        let distinct: BTreeSet<&CStr> = MESSAGES.into_iter().collect();
        assert_eq!(distinct.len(), MESSAGES.len());
        assert_eq!(message(GROUPSCAN_OK as c_int), "success");
        assert_eq!(
            message(GROUPSCAN_ERROR_NOT_ASCENDING as c_int),
            "the list does not ascend strictly"
        );
        for unknown in [-1, last as c_int + 1, c_int::MIN, c_int::MAX] {
            assert!(message(unknown).contains("knows no such status"), "{unknown}");
        }
    }

    #[test]
    fn what_no_test_can_bring_about_has_its_status() {
        for (error, status) in [
            (WriteError::TooManyMemberships { limit: 1 }, GROUPSCAN_ERROR_TOO_MANY),
            (WriteError::TooManyInterfaces { limit: 1 }, GROUPSCAN_ERROR_TOO_MANY),
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
