//! What becomes of changes.

#![allow(non_camel_case_types, reason = "names of the header")]

use bytemuck::{Pod, Zeroable};

use super::answer;
use super::status::groupscan_status;

/// What became of a change.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_outcome {
    /// The version that has the changes.
    pub version: u64,
    /// How many memberships changed.
    pub changed: usize,
    /// The place of the element at which the change failed.
    pub refused_at: usize,
}

/// The place of an outcome where no element was refused.
pub const GROUPSCAN_NOWHERE: usize = usize::MAX;

/// Why a change was refused, and which of the elements that it was about.
pub(super) type RefusedAt = (groupscan_status, usize);

/// Says what became of a change.
///
/// # Safety
///
/// The pointer is null or points to an outcome that may be written.
pub(super) unsafe fn changing(
    outcome: *mut groupscan_outcome,
    change: impl FnOnce() -> Result<(u64, usize), RefusedAt>,
) -> groupscan_status {
    let mut became = groupscan_outcome { version: 0, changed: 0, refused_at: GROUPSCAN_NOWHERE };
    let status = answer(|| match change() {
        Ok((version, changed)) => {
            (became.version, became.changed) = (version, changed);
            Ok(())
        }
        Err((status, at)) => {
            became.refused_at = at;
            Err(status)
        }
    });
    if !outcome.is_null() {
        // SAFETY: as the caller promises (P2).
        unsafe { outcome.write_unaligned(became) };
    }
    status
}

/// That a change was refused, but for no element of it.
pub(super) fn nowhere(status: impl Into<groupscan_status>) -> RefusedAt {
    (status.into(), GROUPSCAN_NOWHERE)
}
