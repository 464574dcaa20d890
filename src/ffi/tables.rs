//! Tables: `groupscan_table_…`.

#![allow(non_camel_case_types, reason = "names of the header")]

use super::answer;
use super::memory::{List, grown, hand_out, object, options, result, take_back, value, values};
use super::snapshots::groupscan_snapshot;
use super::status::groupscan_status;
use super::types::*;
use crate::family::{V4, V6};
use crate::membership::{Membership, Protocol};
use crate::table::{GroupTable, WriteError, WriteTxn};

/// A table.
pub struct groupscan_table(GroupTable);

/// Makes an empty table.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_create(
    options: *const groupscan_table_options,
    table: *mut *mut groupscan_table,
) -> groupscan_status {
    answer(|| {
        let table = result(table)?;
        // SAFETY: as the caller promises.
        let options = unsafe { self::options(options) }?;
        // SAFETY: as the caller promises.
        unsafe { hand_out(table, groupscan_table(GroupTable::with_limits(options.into()))) }
    })
}

/// Drops a table.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_destroy(table: *mut groupscan_table) {
    let _ = answer(|| {
        // SAFETY: as the caller promises.
        unsafe { take_back(table) };
        Ok(())
    });
}

/// Adds IPv4 memberships of a protocol, in one commit.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_join4(
    table: *const groupscan_table,
    protocol: u32,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let change = |txn: &mut WriteTxn<'_>, membership: &_| txn.join(membership);
    // SAFETY: as the caller promises.
    unsafe { change_each::<V4>(table, protocol, memberships, count, outcome, change) }
}

/// Adds IPv6 memberships of a protocol, in one commit.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_join6(
    table: *const groupscan_table,
    protocol: u32,
    memberships: *const groupscan_membership6,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let change = |txn: &mut WriteTxn<'_>, membership: &_| txn.join(membership);
    // SAFETY: as the caller promises.
    unsafe { change_each::<V6>(table, protocol, memberships, count, outcome, change) }
}

/// Removes IPv4 memberships of a protocol, in one commit.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_leave4(
    table: *const groupscan_table,
    protocol: u32,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let change = |txn: &mut WriteTxn<'_>, membership: &_| txn.leave(membership);
    // SAFETY: as the caller promises.
    unsafe { change_each::<V4>(table, protocol, memberships, count, outcome, change) }
}

/// Removes IPv6 memberships of a protocol, in one commit.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_leave6(
    table: *const groupscan_table,
    protocol: u32,
    memberships: *const groupscan_membership6,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let change = |txn: &mut WriteTxn<'_>, membership: &_| txn.leave(membership);
    // SAFETY: as the caller promises.
    unsafe { change_each::<V6>(table, protocol, memberships, count, outcome, change) }
}

/// Removes all IPv4 memberships of a protocol on an interface.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_leave_all4(
    table: *const groupscan_table,
    protocol: u32,
    interface: *const groupscan_interface4,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { leave_all::<V4>(table, protocol, interface, outcome) }
}

/// Removes all IPv6 memberships of a protocol on an interface.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_leave_all6(
    table: *const groupscan_table,
    protocol: u32,
    interface: *const groupscan_interface6,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { leave_all::<V6>(table, protocol, interface, outcome) }
}

/// Makes the IPv4 memberships of a protocol on an interface those of a list.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_replace4(
    table: *const groupscan_table,
    protocol: u32,
    interface: *const groupscan_interface4,
    joins: *const groupscan_join4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { replace::<V4>(table, protocol, interface, joins, count, outcome) }
}

/// Makes the IPv6 memberships of a protocol on an interface those of a list.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_replace6(
    table: *const groupscan_table,
    protocol: u32,
    interface: *const groupscan_interface6,
    joins: *const groupscan_join6,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { replace::<V6>(table, protocol, interface, joins, count, outcome) }
}

/// Takes a snapshot of a table.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_snapshot(
    table: *const groupscan_table,
    snapshot: *mut *mut groupscan_snapshot,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { snapshot_of(table_in(table), snapshot) }
}

/// How a table's memory is spent.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_stats(
    table: *const groupscan_table,
    stats: *mut groupscan_stats,
    stats_bytes: usize,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { stats_of(table_in(table), stats, stats_bytes) }
}

/// What each live version of a table retains.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_retained(
    table: *const groupscan_table,
    retained: *mut groupscan_retained,
    capacity: usize,
    element_bytes: usize,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { retained_of(table_in(table), retained, capacity, element_bytes, count) }
}

/// Frees some of what dead versions of a table left.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_reclaim(
    table: *const groupscan_table,
    more: *mut bool,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { reclaim_of(table_in(table), more) }
}

/// The table that a pointer of the caller's leads to, or why it leads to none.
type Found<'a> = Result<&'a GroupTable, groupscan_status>;

/// # Safety
///
/// As for [`object`].
unsafe fn table_in<'a>(table: *const groupscan_table) -> Found<'a> {
    // SAFETY: as the caller promises.
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
        // SAFETY: as the caller promises.
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
        // SAFETY: as the caller promises.
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
        // SAFETY: as the caller promises.
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
        // SAFETY: as the caller promises.
        unsafe { more.write_unaligned(there_is_more) };
        Ok(())
    })
}

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
        // SAFETY: as the caller promises.
        unsafe { outcome.write_unaligned(became) };
    }
    status
}

/// That a change was refused, but for no element of it.
pub(super) fn nowhere(status: impl Into<groupscan_status>) -> RefusedAt {
    (status.into(), GROUPSCAN_NOWHERE)
}

/// Changes memberships one by one, in one commit.
///
/// # Safety
///
/// As the header says of pointers.
#[inline]
unsafe fn change_each<F: InC>(
    table: *const groupscan_table,
    protocol: u32,
    memberships: *const F::Membership,
    count: usize,
    outcome: *mut groupscan_outcome,
    change: impl Fn(&mut WriteTxn<'_>, &Membership<F>) -> Result<bool, WriteError>,
) -> groupscan_status {
    let changed = || {
        // SAFETY: as the caller promises.
        let table = unsafe { table_in(table) }.map_err(nowhere)?;
        // SAFETY: as the caller promises.
        let memberships = unsafe { values(memberships, count) }.map_err(nowhere)?;
        let mut txn = table.begin_write();
        let mut changed = 0;
        for (at, membership) in memberships.enumerate() {
            let membership = F::membership_in(membership, Protocol(protocol));
            let membership = membership.map_err(|status| (status, at))?;
            let is_change = change(&mut txn, &membership).map_err(|error| (error.into(), at))?;
            changed += usize::from(is_change);
        }
        Ok((txn.commit().number(), changed))
    };
    // SAFETY: as the caller promises.
    unsafe { changing(outcome, changed) }
}

/// # Safety
///
/// As the header says of pointers.
unsafe fn leave_all<F: InC>(
    table: *const groupscan_table,
    protocol: u32,
    interface: *const F::Interface,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises, and of no joins there need not be a list.
    unsafe { replace::<F>(table, protocol, interface, std::ptr::null(), 0, outcome) }
}

/// # Safety
///
/// As the header says of pointers.
unsafe fn replace<F: InC>(
    table: *const groupscan_table,
    protocol: u32,
    interface: *const F::Interface,
    joins: *const F::Join,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let changed = || {
        // SAFETY: as the caller promises.
        let table = unsafe { table_in(table) }.map_err(nowhere)?;
        // SAFETY: as the caller promises.
        let interface = F::interface_in(unsafe { value(interface) }.map_err(nowhere)?);
        // SAFETY: as the caller promises.
        let given = unsafe { values(joins, count) }.map_err(nowhere)?;
        let mut joins = Vec::new();
        let reserved = joins.try_reserve_exact(count);
        reserved.map_err(|_| nowhere(WriteError::OutOfMemory))?;
        joins.extend(given.map(F::join_in));
        let mut txn = table.begin_write();
        let changed = txn.replace(interface, Protocol(protocol), &joins);
        let changed = changed.map_err(|error| match error {
            WriteError::NotAscending { at } => (error.into(), at),
            _ => nowhere(error),
        })?;
        Ok((txn.commit().number(), changed))
    };
    // SAFETY: as the caller promises.
    unsafe { changing(outcome, changed) }
}
