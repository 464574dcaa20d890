//! Tables: `groupscan_table_…`.

#![allow(non_camel_case_types, reason = "names of the header")]

use std::ptr;

use super::answer;
use super::figures::{groupscan_retained, groupscan_stats};
use super::memory::{List, grown, hand_out, object, options, result, take_back, value, values};
use super::outcome::{RefusedAt, changing, groupscan_outcome, nowhere};
use super::snapshots::groupscan_snapshot;
use super::status::groupscan_status;
use super::types::*;
use crate::family::{V4, V6};
use crate::membership::Protocol;
use crate::table::{GroupTable, WriteError};

/// A table.
pub struct groupscan_table(GroupTable);

impl groupscan_table {
    /// The table, for Rust beside C.
    pub fn table(&self) -> &GroupTable {
        &self.0
    }
}

/// Makes an empty table.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_create(
    options: *const groupscan_table_options,
    table: *mut *mut groupscan_table,
) -> groupscan_status {
    answer(|| {
        let table = result(table)?;
        // SAFETY: as the caller promises (P3).
        let options = unsafe { self::options(options) }?;
        // SAFETY: as the caller promises (P2).
        unsafe { hand_out(table, groupscan_table(GroupTable::with_limits(options.into()))) }
    })
}

/// Drops a table.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_destroy(table: *mut groupscan_table) {
    let _ = answer(|| {
        // SAFETY: as the caller promises (P1, P4).
        unsafe { take_back(table) };
        Ok(())
    });
}

/// Adds IPv4 memberships of a protocol, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_join4(
    table: *mut groupscan_table,
    protocol: u32,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let memberships = (memberships, count);
    // SAFETY: as the caller promises (P1 to P4), and none need no place.
    unsafe { update::<V4>(table, protocol, none(), memberships, outcome) }
}

/// Adds IPv6 memberships of a protocol, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_join6(
    table: *mut groupscan_table,
    protocol: u32,
    memberships: *const groupscan_membership6,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let memberships = (memberships, count);
    // SAFETY: as the caller promises (P1 to P4), and none need no place.
    unsafe { update::<V6>(table, protocol, none(), memberships, outcome) }
}

/// Removes IPv4 memberships of a protocol, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_leave4(
    table: *mut groupscan_table,
    protocol: u32,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let memberships = (memberships, count);
    // SAFETY: as the caller promises (P1 to P4), and none need no place.
    unsafe { update::<V4>(table, protocol, memberships, none(), outcome) }
}

/// Removes IPv6 memberships of a protocol, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_leave6(
    table: *mut groupscan_table,
    protocol: u32,
    memberships: *const groupscan_membership6,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let memberships = (memberships, count);
    // SAFETY: as the caller promises (P1 to P4), and none need no place.
    unsafe { update::<V6>(table, protocol, memberships, none(), outcome) }
}

/// Removes IPv4 memberships of a protocol and adds others, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_update4(
    table: *mut groupscan_table,
    protocol: u32,
    leaves: *const groupscan_membership4,
    leave_count: usize,
    joins: *const groupscan_membership4,
    join_count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let (leaves, joins) = ((leaves, leave_count), (joins, join_count));
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { update::<V4>(table, protocol, leaves, joins, outcome) }
}

/// Removes IPv6 memberships of a protocol and adds others, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_update6(
    table: *mut groupscan_table,
    protocol: u32,
    leaves: *const groupscan_membership6,
    leave_count: usize,
    joins: *const groupscan_membership6,
    join_count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let (leaves, joins) = ((leaves, leave_count), (joins, join_count));
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { update::<V6>(table, protocol, leaves, joins, outcome) }
}

/// Removes all IPv4 memberships of a protocol on an interface.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_leave_all4(
    table: *mut groupscan_table,
    protocol: u32,
    iface: *const groupscan_interface4,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { leave_all::<V4>(table, protocol, iface, outcome) }
}

/// Removes all IPv6 memberships of a protocol on an interface.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_leave_all6(
    table: *mut groupscan_table,
    protocol: u32,
    iface: *const groupscan_interface6,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { leave_all::<V6>(table, protocol, iface, outcome) }
}

/// Makes the IPv4 memberships of a protocol on an interface those of a list.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_replace4(
    table: *mut groupscan_table,
    protocol: u32,
    iface: *const groupscan_interface4,
    joins: *const groupscan_join4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { replace::<V4>(table, protocol, iface, joins, count, outcome) }
}

/// Makes the IPv6 memberships of a protocol on an interface those of a list.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_replace6(
    table: *mut groupscan_table,
    protocol: u32,
    iface: *const groupscan_interface6,
    joins: *const groupscan_join6,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { replace::<V6>(table, protocol, iface, joins, count, outcome) }
}

/// Takes a snapshot of a table.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_snapshot(
    table: *const groupscan_table,
    snapshot: *mut *mut groupscan_snapshot,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { snapshot_of(table_in(table), snapshot) }
}

/// How a table's memory is spent.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_stats(
    table: *const groupscan_table,
    stats: *mut groupscan_stats,
    stats_bytes: usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { stats_of(table_in(table), stats, stats_bytes) }
}

/// What each live version of a table retains.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_retained(
    table: *const groupscan_table,
    retained: *mut groupscan_retained,
    capacity: usize,
    element_bytes: usize,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { retained_of(table_in(table), retained, capacity, element_bytes, count) }
}

/// Frees some of what dead versions of a table left.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_reclaim(
    table: *mut groupscan_table,
    more: *mut bool,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { reclaim_of(table_in(table), more) }
}

/// The table that a pointer of the caller's leads to, or why it leads to none.
type Found<'a> = Result<&'a GroupTable, groupscan_status>;

/// # Safety
///
/// As for [`object`].
unsafe fn table_in<'a>(table: *const groupscan_table) -> Found<'a> {
    // SAFETY: as the caller promises (P1).
    unsafe { object(table) }.map(|table| &table.0)
}

/// Takes a snapshot of a table, be it one's own or a manager's.
///
/// # Safety
///
/// The place is null or may be written.
pub(super) unsafe fn snapshot_of(
    table: Found<'_>,
    snapshot: *mut *mut groupscan_snapshot,
) -> groupscan_status {
    answer(|| {
        let (table, snapshot) = (table?, result(snapshot)?);
        // SAFETY: as the caller promises (P2).
        unsafe { hand_out(snapshot, groupscan_snapshot(table.snapshot()?)) }
    })
}

/// How the memory of a table is spent.
///
/// # Safety
///
/// As for [`grown`].
pub(super) unsafe fn stats_of(
    table: Found<'_>,
    stats: *mut groupscan_stats,
    stats_bytes: usize,
) -> groupscan_status {
    answer(|| {
        let table = table?;
        // SAFETY: as the caller promises (P2).
        unsafe { grown(stats, stats_bytes, || table.stats().into()) }
    })
}

/// What each live version of a table retains.
///
/// # Safety
///
/// As for [`List::new`].
pub(super) unsafe fn retained_of(
    table: Found<'_>,
    retained: *mut groupscan_retained,
    capacity: usize,
    element_bytes: usize,
    count: *mut usize,
) -> groupscan_status {
    answer(|| {
        let table = table?;
        // SAFETY: as the caller promises (P2).
        let list = unsafe { List::new(retained, capacity, element_bytes, count) }?;
        list.fill(table.retained().into_iter().map(groupscan_retained::from))
    })
}

/// Frees some of what dead versions of a table left.
///
/// # Safety
///
/// The place is null or may be written.
pub(super) unsafe fn reclaim_of(table: Found<'_>, more: *mut bool) -> groupscan_status {
    answer(|| {
        let (table, more) = (table?, result(more)?);
        let there_is_more = table.reclaim();
        // SAFETY: as the caller promises (P2).
        unsafe { more.write_unaligned(there_is_more) };
        Ok(())
    })
}

/// An array of the caller's, and how many it has.
pub(super) type Array<T> = (*const T, usize);

/// The array of none.
pub(super) fn none<T>() -> Array<T> {
    (ptr::null(), 0)
}

/// Removes and adds memberships, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[inline]
unsafe fn update<F: InC>(
    table: *mut groupscan_table,
    protocol: u32,
    leaves: Array<F::Membership>,
    joins: Array<F::Membership>,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let protocol = Protocol(protocol);
    let changed = || {
        // SAFETY: as the caller promises (P1 to P4).
        let table = unsafe { table_in(table) }.map_err(nowhere)?;
        // SAFETY: as the caller promises (P3).
        let leaves = unsafe { values(leaves.0, leaves.1) }.map_err(nowhere)?;
        // SAFETY: as the caller promises (P3).
        let joins = unsafe { values(joins.0, joins.1) }.map_err(nowhere)?;
        let first_join = leaves.len();
        let mut txn = table.begin_write();
        let left =
            change_each(leaves, 0, |leave| Ok(txn.leave(&F::membership_in(leave, protocol)?)?))?;
        let joined = change_each(joins, first_join, |join| {
            Ok(txn.join(&F::membership_in(join, protocol)?)?)
        })?;
        Ok((txn.commit().number(), left + joined))
    };
    // SAFETY: as the caller promises (P2).
    unsafe { changing(outcome, changed) }
}

/// Makes changes, whose places count from `first` on, and says how many changed anything.
#[inline]
fn change_each<M>(
    changes: impl Iterator<Item = M>,
    first: usize,
    mut change: impl FnMut(M) -> Result<bool, groupscan_status>,
) -> Result<usize, RefusedAt> {
    let mut changed = 0;
    for (at, one) in changes.enumerate() {
        changed += usize::from(change(one).map_err(|status| (status, first + at))?);
    }
    Ok(changed)
}

/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn leave_all<F: InC>(
    table: *mut groupscan_table,
    protocol: u32,
    iface: *const F::Interface,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4), and of no joins there need not be a list.
    unsafe { replace::<F>(table, protocol, iface, ptr::null(), 0, outcome) }
}

/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn replace<F: InC>(
    table: *mut groupscan_table,
    protocol: u32,
    iface: *const F::Interface,
    joins: *const F::Join,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let changed = || {
        // SAFETY: as the caller promises (P1 to P4).
        let table = unsafe { table_in(table) }.map_err(nowhere)?;
        // SAFETY: as the caller promises (P3).
        let interface = F::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
        // SAFETY: as the caller promises (P3).
        let joins = unsafe { joins_in::<F>(joins, count) }.map_err(nowhere)?;
        let mut txn = table.begin_write();
        let changed = txn.replace(interface, Protocol(protocol), &joins);
        let changed = changed.map_err(|error| match error {
            WriteError::NotAscending { at } => (error.into(), at),
            _ => nowhere(error),
        })?;
        Ok((txn.commit().number(), changed))
    };
    // SAFETY: as the caller promises (P2).
    unsafe { changing(outcome, changed) }
}

/// A list of joins, copied.
///
/// # Safety
///
/// As for [`values`].
pub(super) unsafe fn joins_in<F: InC>(
    joins: *const F::Join,
    count: usize,
) -> Result<Vec<(F, F)>, groupscan_status> {
    // SAFETY: as the caller promises (P3).
    let given = unsafe { values(joins, count) }?;
    let mut joins = Vec::new();
    joins.try_reserve_exact(count).map_err(|_| WriteError::OutOfMemory)?;
    joins.extend(given.map(F::join_in));
    Ok(joins)
}
