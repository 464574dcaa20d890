//! Snapshots: `groupscan_snapshot_…`.

#![allow(non_camel_case_types, reason = "names of the header")]
#![allow(unsafe_code, reason = "takes pointers from C")]

use std::ptr::NonNull;

use groupscan::Snapshot;

use crate::enumerations::groupscan_enumeration;
use crate::families::InC;
use crate::memory::{List, grown, hand_out, object, optional, options, take_back, value, writable};
use crate::stats::groupscan_snapshot_info;
use crate::status::groupscan_status::{self, GROUPSCAN_ERROR_NOT_FOUND};
use crate::status_of;
use crate::types::{order_in, view_in};

/// A snapshot.
pub struct groupscan_snapshot(pub(crate) Snapshot);

impl groupscan_snapshot {
    /// The snapshot in Rust.
    pub fn snapshot(&self) -> &Snapshot {
        &self.0
    }
}

/// Drops a snapshot.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_destroy(snapshot: *mut groupscan_snapshot) {
    let _ = status_of(|| {
        // SAFETY: P1, P4.
        unsafe { take_back(snapshot) };
        Ok(())
    });
}

/// Returns a second snapshot of the same version.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_clone(
    snapshot: *const groupscan_snapshot,
    clone: *mut *mut groupscan_snapshot,
) -> groupscan_status {
    status_of(|| {
        let clone = writable(clone)?;
        // SAFETY: P1.
        let snapshot = unsafe { object(snapshot) }?;
        // SAFETY: P2.
        unsafe { hand_out(clone, groupscan_snapshot(snapshot.0.clone())) }
    })
}

/// The version of a snapshot, and its numbers of joins, memberships and interfaces.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_get_info(
    snapshot: *const groupscan_snapshot,
    info: *mut groupscan_snapshot_info,
    info_bytes: usize,
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let snapshot = unsafe { object(snapshot) }?;
        // SAFETY: P2.
        unsafe { grown(info, info_bytes, || (&snapshot.0).into()) }
    })
}

/// Writes the element that a step has found.
///
/// # Safety
///
/// The place is writable, aligned or not.
unsafe fn write_next<T>(place: NonNull<T>, found: Option<T>) -> Result<(), groupscan_status> {
    let found = found.ok_or(GROUPSCAN_ERROR_NOT_FOUND)?;
    // SAFETY: the place is writable.
    unsafe { place.write_unaligned(found) };
    Ok(())
}

both_families! {
    /// Whether there is a join.
    fn groupscan_snapshot_contains4, groupscan_snapshot_contains6(
        snapshot: *const groupscan_snapshot,
        join: *const <F as InC>::Join,
        contains: *mut bool,
    ) {
        status_of(|| {
            let contains = writable(contains)?;
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            // SAFETY: P3.
            let join = F::join_in(unsafe { value(join) }?);
            // SAFETY: P2.
            unsafe { contains.write_unaligned(snapshot.0.of::<F>().contains(join)) };
            Ok(())
        })
    }

    /// The number of joins before one.
    fn groupscan_snapshot_rank4, groupscan_snapshot_rank6(
        snapshot: *const groupscan_snapshot,
        join: *const <F as InC>::Join,
        rank: *mut usize,
    ) {
        status_of(|| {
            let rank = writable(rank)?;
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            // SAFETY: P3.
            let join = F::join_in(unsafe { value(join) }?);
            // SAFETY: P2.
            unsafe { rank.write_unaligned(snapshot.0.of::<F>().rank(join)) };
            Ok(())
        })
    }

    /// The interfaces on which a join is joined.
    fn groupscan_snapshot_outgoing4, groupscan_snapshot_outgoing6(
        snapshot: *const groupscan_snapshot,
        join: *const <F as InC>::Join,
        interfaces: *mut <F as InC>::Interface,
        capacity: usize,
        count: *mut usize,
    ) {
        status_of(|| {
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            // SAFETY: P3.
            let join = F::join_in(unsafe { value(join) }?);
            // SAFETY: P2.
            let list = unsafe { List::fixed(interfaces, capacity, count) }?;
            list.fill(snapshot.0.of::<F>().outgoing(join).map(F::interface_out))
        })
    }

    /// The interfaces that have memberships.
    fn groupscan_snapshot_interfaces4, groupscan_snapshot_interfaces6(
        snapshot: *const groupscan_snapshot,
        interfaces: *mut <F as InC>::Interface,
        capacity: usize,
        count: *mut usize,
    ) {
        status_of(|| {
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            // SAFETY: P2.
            let list = unsafe { List::fixed(interfaces, capacity, count) }?;
            list.fill(snapshot.0.of::<F>().interfaces().map(F::interface_out))
        })
    }

    /// The memberships of a group.
    fn groupscan_snapshot_memberships4, groupscan_snapshot_memberships6(
        snapshot: *const groupscan_snapshot,
        group: *const u8,
        memberships: *mut <F as InC>::Record,
        capacity: usize,
        count: *mut usize,
    ) {
        status_of(|| {
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            // SAFETY: P3.
            let group = F::from(unsafe { value(group.cast::<<F as InC>::Address>()) }?);
            // SAFETY: P2.
            let list = unsafe { List::fixed(memberships, capacity, count) }?;
            list.fill(snapshot.0.of::<F>().memberships(group).map(F::record_out))
        })
    }

    /// The interface that follows another one, of those that have memberships.
    fn groupscan_snapshot_next_interface4, groupscan_snapshot_next_interface6(
        snapshot: *const groupscan_snapshot,
        after: *const <F as InC>::Interface,
        next: *mut <F as InC>::Interface,
    ) {
        status_of(|| {
            let next = writable(next)?;
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            let all = snapshot.0.of::<F>().interfaces();
            // SAFETY: P3.
            let mut rest = match unsafe { optional(after) } {
                Some(after) => all.after(F::interface_in(after)),
                None => all,
            };
            // SAFETY: P2.
            unsafe { write_next(next, rest.next().map(F::interface_out)) }
        })
    }

    /// The interface that follows another one, of those on which a join is joined.
    fn groupscan_snapshot_next_outgoing4, groupscan_snapshot_next_outgoing6(
        snapshot: *const groupscan_snapshot,
        join: *const <F as InC>::Join,
        after: *const <F as InC>::Interface,
        next: *mut <F as InC>::Interface,
    ) {
        status_of(|| {
            let next = writable(next)?;
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            // SAFETY: P3.
            let join = F::join_in(unsafe { value(join) }?);
            let all = snapshot.0.of::<F>().outgoing(join);
            // SAFETY: P3.
            let mut rest = match unsafe { optional(after) } {
                Some(after) => all.after(F::interface_in(after)),
                None => all,
            };
            // SAFETY: P2.
            unsafe { write_next(next, rest.next().map(F::interface_out)) }
        })
    }

    /// The membership that follows another one, in an order.
    fn groupscan_snapshot_next_membership4, groupscan_snapshot_next_membership6(
        snapshot: *const groupscan_snapshot,
        order: u32,
        after: *const <F as InC>::Record,
        next: *mut <F as InC>::Record,
    ) {
        status_of(|| {
            let next = writable(next)?;
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            let all = snapshot.0.of::<F>().all_memberships(order_in(order)?);
            // SAFETY: P3.
            let mut rest = match unsafe { optional(after) } {
                Some(after) => all.after(&F::record_in(after)),
                None => all,
            };
            // SAFETY: P2.
            unsafe { write_next(next, rest.next().map(F::record_out)) }
        })
    }

    /// Keys of joins as they lie in memory.
    fn groupscan_snapshot_keys4, groupscan_snapshot_keys6(
        snapshot: *const groupscan_snapshot,
        rank: usize,
        keys: *mut *const <F as InC>::Key,
        count: *mut usize,
    ) {
        status_of(|| {
            let (keys, count) = (writable(keys)?, writable(count)?);
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            let found = snapshot.0.of::<F>().join_keys_at(rank);
            let found: &[<F as InC>::Key] = bytemuck::cast_slice(found);
            // SAFETY: P2.
            unsafe {
                keys.write_unaligned(found.as_ptr());
                count.write_unaligned(found.len());
            }
            Ok(())
        })
    }

    /// Starts an enumeration of joins.
    fn groupscan_snapshot_enumerate4, groupscan_snapshot_enumerate6(
        snapshot: *const groupscan_snapshot,
        view: u32,
        filter: *const <F as InC>::Filter,
        enumeration: *mut *mut groupscan_enumeration,
    ) {
        status_of(|| {
            let enumeration = writable(enumeration)?;
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            let view = view_in(view)?;
            // SAFETY: P3.
            let filter = F::filter_in(unsafe { options(filter) }?)?;
            let started = snapshot.0.of::<F>().enumerate(view, filter);
            // SAFETY: P2.
            unsafe { hand_out(enumeration, groupscan_enumeration(started.into())) }
        })
    }

    /// Starts an enumeration of the memberships of an interface.
    fn groupscan_snapshot_enumerate_memberships4, groupscan_snapshot_enumerate_memberships6(
        snapshot: *const groupscan_snapshot,
        iface: *const <F as InC>::Interface,
        filter: *const <F as InC>::Filter,
        enumeration: *mut *mut groupscan_enumeration,
    ) {
        status_of(|| {
            let enumeration = writable(enumeration)?;
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            // SAFETY: P3.
            let interface = F::interface_in(unsafe { value(iface) }?);
            // SAFETY: P3.
            let filter = F::filter_in(unsafe { options(filter) }?)?;
            let started = snapshot.0.of::<F>().enumerate_memberships(interface, filter);
            // SAFETY: P2.
            unsafe { hand_out(enumeration, groupscan_enumeration(started.into())) }
        })
    }

    /// Starts an enumeration of all memberships, in an order.
    fn groupscan_snapshot_enumerate_all_memberships4, groupscan_snapshot_enumerate_all_memberships6(
        snapshot: *const groupscan_snapshot,
        order: u32,
        filter: *const <F as InC>::Filter,
        enumeration: *mut *mut groupscan_enumeration,
    ) {
        status_of(|| {
            let enumeration = writable(enumeration)?;
            // SAFETY: P1.
            let snapshot = unsafe { object(snapshot) }?;
            let order = order_in(order)?;
            // SAFETY: P3.
            let filter = F::filter_in(unsafe { options(filter) }?)?;
            let started = snapshot.0.of::<F>().enumerate_all_memberships(order, filter);
            // SAFETY: P2.
            unsafe { hand_out(enumeration, groupscan_enumeration(started.into())) }
        })
    }
}
