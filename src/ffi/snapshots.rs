//! Snapshots: `groupscan_snapshot_…`.

#![allow(non_camel_case_types, reason = "names of the header")]

use bytemuck::Pod;

use super::answer;
use super::enumerations::{Walk, groupscan_enumeration};
use super::figures::groupscan_snapshot_info;
use super::memory::{List, grown, hand_out, object, options, result, take_back, value};
use super::status::groupscan_status;
use super::types::*;
use crate::enumeration::{Enumeration, Joins, Kind, Memberships};
use crate::family::{V4, V6};
use crate::snapshot::Snapshot;

/// A snapshot.
pub struct groupscan_snapshot(pub(super) Snapshot);

impl groupscan_snapshot {
    /// The snapshot, for Rust beside C.
    pub fn snapshot(&self) -> &Snapshot {
        &self.0
    }
}

/// Drops a snapshot.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_destroy(snapshot: *mut groupscan_snapshot) {
    let _ = answer(|| {
        // SAFETY: as the caller promises (P1, P4).
        unsafe { take_back(snapshot) };
        Ok(())
    });
}

/// Makes a second holder of a snapshot's version.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_clone(
    snapshot: *const groupscan_snapshot,
    clone: *mut *mut groupscan_snapshot,
) -> groupscan_status {
    answer(|| {
        let clone = result(clone)?;
        // SAFETY: as the caller promises (P1).
        let snapshot = unsafe { object(snapshot) }?;
        // SAFETY: as the caller promises (P2).
        unsafe { hand_out(clone, groupscan_snapshot(snapshot.0.clone())) }
    })
}

/// Which version a snapshot is, and how much it has.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_get_info(
    snapshot: *const groupscan_snapshot,
    info: *mut groupscan_snapshot_info,
    info_bytes: usize,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises (P1).
        let snapshot = unsafe { object(snapshot) }?;
        // SAFETY: as the caller promises (P2).
        unsafe { grown(info, info_bytes, || (&snapshot.0).into()) }
    })
}

/// Whether an IPv4 group is joined from a source.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_contains4(
    snapshot: *const groupscan_snapshot,
    join: *const groupscan_join4,
    contains: *mut bool,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { ask::<V4, _>(snapshot, join, contains, Snapshot::contains) }
}

/// Whether an IPv6 group is joined from a source.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_contains6(
    snapshot: *const groupscan_snapshot,
    join: *const groupscan_join6,
    contains: *mut bool,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { ask::<V6, _>(snapshot, join, contains, Snapshot::contains) }
}

/// How many IPv4 joins come before one.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_rank4(
    snapshot: *const groupscan_snapshot,
    join: *const groupscan_join4,
    rank: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { ask::<V4, _>(snapshot, join, rank, Snapshot::rank) }
}

/// How many IPv6 joins come before one.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_rank6(
    snapshot: *const groupscan_snapshot,
    join: *const groupscan_join6,
    rank: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { ask::<V6, _>(snapshot, join, rank, Snapshot::rank) }
}

/// The interfaces on which an IPv4 group is joined from a source.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_outgoing4(
    snapshot: *const groupscan_snapshot,
    join: *const groupscan_join4,
    interfaces: *mut groupscan_interface4,
    capacity: usize,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { outgoing::<V4>(snapshot, join, interfaces, capacity, count) }
}

/// The interfaces on which an IPv6 group is joined from a source.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_outgoing6(
    snapshot: *const groupscan_snapshot,
    join: *const groupscan_join6,
    interfaces: *mut groupscan_interface6,
    capacity: usize,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { outgoing::<V6>(snapshot, join, interfaces, capacity, count) }
}

/// The interfaces that IPv4 memberships name.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_interfaces4(
    snapshot: *const groupscan_snapshot,
    interfaces: *mut groupscan_interface4,
    capacity: usize,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { self::interfaces::<V4>(snapshot, interfaces, capacity, count) }
}

/// The interfaces that IPv6 memberships name.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_interfaces6(
    snapshot: *const groupscan_snapshot,
    interfaces: *mut groupscan_interface6,
    capacity: usize,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { self::interfaces::<V6>(snapshot, interfaces, capacity, count) }
}

/// The memberships of an IPv4 group.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_memberships4(
    snapshot: *const groupscan_snapshot,
    group: *const u8,
    memberships: *mut groupscan_membership_entry4,
    capacity: usize,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe {
        self::memberships::<V4, [u8; 4]>(snapshot, group.cast(), memberships, capacity, count)
    }
}

/// The memberships of an IPv6 group.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_memberships6(
    snapshot: *const groupscan_snapshot,
    group: *const u8,
    memberships: *mut groupscan_membership_entry6,
    capacity: usize,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe {
        self::memberships::<V6, [u8; 16]>(snapshot, group.cast(), memberships, capacity, count)
    }
}

/// The keys of IPv4 joins as they lie in memory.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_keys4(
    snapshot: *const groupscan_snapshot,
    rank: usize,
    keys: *mut *const u64,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { self::keys::<V4>(snapshot, rank, keys, count) }
}

/// The keys of IPv6 joins as they lie in memory.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_keys6(
    snapshot: *const groupscan_snapshot,
    rank: usize,
    keys: *mut *const groupscan_key6,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { self::keys::<V6>(snapshot, rank, keys, count) }
}

/// Starts an enumeration of IPv4 joins.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_enumerate4(
    snapshot: *const groupscan_snapshot,
    view: u32,
    filter: *const groupscan_filter4,
    enumeration: *mut *mut groupscan_enumeration,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { enumerate::<V4>(snapshot, view, filter, enumeration, Walk::Joins4) }
}

/// Starts an enumeration of IPv6 joins.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_enumerate6(
    snapshot: *const groupscan_snapshot,
    view: u32,
    filter: *const groupscan_filter6,
    enumeration: *mut *mut groupscan_enumeration,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { enumerate::<V6>(snapshot, view, filter, enumeration, Walk::Joins6) }
}

/// Starts an enumeration of the IPv4 memberships of an interface.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_enumerate_memberships4(
    snapshot: *const groupscan_snapshot,
    iface: *const groupscan_interface4,
    filter: *const groupscan_filter4,
    enumeration: *mut *mut groupscan_enumeration,
) -> groupscan_status {
    let of_memberships = Walk::Memberships4;
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { enumerate_memberships::<V4>(snapshot, iface, filter, enumeration, of_memberships) }
}

/// Starts an enumeration of the IPv6 memberships of an interface.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_snapshot_enumerate_memberships6(
    snapshot: *const groupscan_snapshot,
    iface: *const groupscan_interface6,
    filter: *const groupscan_filter6,
    enumeration: *mut *mut groupscan_enumeration,
) -> groupscan_status {
    let of_memberships = Walk::Memberships6;
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { enumerate_memberships::<V6>(snapshot, iface, filter, enumeration, of_memberships) }
}

/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn ask<F: InC, R>(
    snapshot: *const groupscan_snapshot,
    join: *const F::Join,
    place: *mut R,
    question: fn(&Snapshot, F, F) -> R,
) -> groupscan_status {
    answer(|| {
        let place = result(place)?;
        // SAFETY: as the caller promises (P1).
        let snapshot = unsafe { object(snapshot) }?;
        // SAFETY: as the caller promises (P3).
        let (group, source) = F::join_in(unsafe { value(join) }?);
        // SAFETY: as the caller promises (P2).
        unsafe { place.write_unaligned(question(&snapshot.0, group, source)) };
        Ok(())
    })
}

/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn outgoing<F: InC>(
    snapshot: *const groupscan_snapshot,
    join: *const F::Join,
    interfaces: *mut F::Interface,
    capacity: usize,
    count: *mut usize,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises (P1).
        let snapshot = unsafe { object(snapshot) }?;
        // SAFETY: as the caller promises (P3).
        let (group, source) = F::join_in(unsafe { value(join) }?);
        // SAFETY: as the caller promises (P2).
        let list = unsafe { List::fixed(interfaces, capacity, count) }?;
        list.fill(snapshot.0.outgoing(group, source).map(F::interface_out))
    })
}

/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn interfaces<F: InC>(
    snapshot: *const groupscan_snapshot,
    interfaces: *mut F::Interface,
    capacity: usize,
    count: *mut usize,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises (P1).
        let snapshot = unsafe { object(snapshot) }?;
        // SAFETY: as the caller promises (P2).
        let list = unsafe { List::fixed(interfaces, capacity, count) }?;
        list.fill(snapshot.0.interfaces::<F>().map(F::interface_out))
    })
}

/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn memberships<F: InC + From<A>, A: Pod>(
    snapshot: *const groupscan_snapshot,
    group: *const A,
    memberships: *mut F::Record,
    capacity: usize,
    count: *mut usize,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises (P1).
        let snapshot = unsafe { object(snapshot) }?;
        // SAFETY: as the caller promises (P3).
        let group = F::from(unsafe { value(group) }?);
        // SAFETY: as the caller promises (P2).
        let list = unsafe { List::fixed(memberships, capacity, count) }?;
        list.fill(snapshot.0.memberships(group).map(F::record_out))
    })
}

/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn keys<F: InC>(
    snapshot: *const groupscan_snapshot,
    rank: usize,
    keys: *mut *const F::Key,
    count: *mut usize,
) -> groupscan_status {
    answer(|| {
        let (keys, count) = (result(keys)?, result(count)?);
        // SAFETY: as the caller promises (P1).
        let snapshot = unsafe { object(snapshot) }?;
        let found: &[F::Key] = bytemuck::cast_slice(snapshot.0.keys_from::<F>(rank));
        // SAFETY: as the caller promises (P2).
        unsafe {
            keys.write_unaligned(found.as_ptr());
            count.write_unaligned(found.len());
        }
        Ok(())
    })
}

/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn enumerate<F: InC>(
    snapshot: *const groupscan_snapshot,
    view: u32,
    filter: *const F::Filter,
    enumeration: *mut *mut groupscan_enumeration,
    walk: fn(Enumeration<F, Joins>) -> Walk,
) -> groupscan_status {
    let start = || {
        // SAFETY: as the caller promises (P1).
        let snapshot = unsafe { object(snapshot) }?;
        let view = view_in(view)?;
        // SAFETY: as the caller promises (P3).
        let filter = F::filter_in(unsafe { options(filter) }?)?;
        Ok(snapshot.0.enumerate(view, filter))
    };
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { started(enumeration, start, walk) }
}

/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn enumerate_memberships<F: InC>(
    snapshot: *const groupscan_snapshot,
    iface: *const F::Interface,
    filter: *const F::Filter,
    enumeration: *mut *mut groupscan_enumeration,
    walk: fn(Enumeration<F, Memberships>) -> Walk,
) -> groupscan_status {
    let start = || {
        // SAFETY: as the caller promises (P1).
        let snapshot = unsafe { object(snapshot) }?;
        // SAFETY: as the caller promises (P3).
        let interface = F::interface_in(unsafe { value(iface) }?);
        // SAFETY: as the caller promises (P3).
        let filter = F::filter_in(unsafe { options(filter) }?)?;
        Ok(snapshot.0.enumerate_memberships(interface, filter))
    };
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { started(enumeration, start, walk) }
}

/// Hands out an enumeration.
///
/// # Safety
///
/// The place is null or may be written.
unsafe fn started<F: InC, K: Kind>(
    place: *mut *mut groupscan_enumeration,
    start: impl FnOnce() -> Result<Enumeration<F, K>, groupscan_status>,
    walk: fn(Enumeration<F, K>) -> Walk,
) -> groupscan_status {
    answer(|| {
        let place = result(place)?;
        // SAFETY: as the caller promises (P2).
        unsafe { hand_out(place, groupscan_enumeration(walk(start()?))) }
    })
}
