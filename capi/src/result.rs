//! The outcome of changes.

#![allow(non_camel_case_types, reason = "names of the header")]
#![allow(unsafe_code, reason = "takes pointers from C")]

use bytemuck::{Pod, Zeroable};

use crate::status::groupscan_status;
use crate::status_of;

/// The outcome of a change.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_outcome {
    /// The version that has the changes.
    pub version: u64,
    /// The number of memberships that changed.
    pub changed: usize,
    /// The index of the element that was refused.
    pub refused_at: usize,
}

/// The index in an outcome if no element was refused.
pub const GROUPSCAN_NOWHERE: usize = usize::MAX;

/// Why a change was refused, and the index of the refused element.
pub(crate) type FailedAt = (groupscan_status, usize);

/// Makes a change, which returns its version and the number of memberships that changed, and writes the
/// outcome.
///
/// # Safety
///
/// The pointer is null or points to a writable outcome, aligned or not.
pub(crate) unsafe fn write_outcome(
    outcome: *mut groupscan_outcome,
    change: impl FnOnce() -> Result<(u64, usize), FailedAt>,
) -> groupscan_status {
    let mut written = groupscan_outcome { version: 0, changed: 0, refused_at: GROUPSCAN_NOWHERE };
    let status = status_of(|| match change() {
        Ok((version, changed)) => {
            (written.version, written.changed) = (version, changed);
            Ok(())
        }
        Err((status, at)) => {
            written.refused_at = at;
            Err(status)
        }
    });
    if !outcome.is_null() {
        // SAFETY: not null, so it is writable.
        unsafe { outcome.write_unaligned(written) };
    }
    status
}

/// The error of a change that was refused for another reason than one of its elements.
pub(crate) fn nowhere(status: impl Into<groupscan_status>) -> FailedAt {
    (status.into(), GROUPSCAN_NOWHERE)
}
