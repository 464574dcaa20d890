//! Managers: `groupscan_manager_…`.

#![allow(non_camel_case_types, reason = "names of the header")]

use std::ffi::c_void;
use std::ptr;

use super::enumerations::{next, reading};
use super::figures::{groupscan_manager_enumeration4, groupscan_retained, groupscan_stats};
use super::memory::{List, hand_out, object, options, result, take_back, value, values};
use super::outcome::{GROUPSCAN_NOWHERE, RefusedAt, changing, groupscan_outcome, nowhere};
use super::snapshots::groupscan_snapshot;
use super::status::groupscan_status::{self, GROUPSCAN_ERROR_ALREADY_EXISTS};
use super::tables::{Array, joins_in, none, reclaim_of, retained_of, snapshot_of, stats_of};
use super::types::*;
use super::{MANAGER, answer, process_manager_with};
use crate::family::V4;
use crate::manager::{
    Change, Client, ClientMembership, Committed, EnumerationHandle, GroupManager, ManagerError,
    ManagerLimits, ProtocolHandle,
};
use crate::membership::{Interface, Protocol};
use crate::record::SourceGroupEntry;
use crate::table::GroupTable;

/// A manager.
pub struct groupscan_manager(pub(super) GroupManager);

impl groupscan_manager {
    /// The manager, for Rust beside C.
    pub fn manager(&self) -> &GroupManager {
        &self.0
    }
}

/// Makes a manager of an empty table.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_create(
    options: *const groupscan_manager_options,
    manager: *mut *mut groupscan_manager,
) -> groupscan_status {
    answer(|| {
        let manager = result(manager)?;
        // SAFETY: as the caller promises (P3).
        let limits = unsafe { self::options(options) }?.into();
        // SAFETY: as the caller promises (P2).
        unsafe { hand_out(manager, groupscan_manager(GroupManager::try_with_limits(limits)?)) }
    })
}

/// Gives the manager that the calls of `mgm.h` are made on.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_of_process(
    options: *const groupscan_manager_options,
    manager: *mut *mut groupscan_manager,
) -> groupscan_status {
    answer(|| {
        let place = result(manager)?;
        // SAFETY: as the caller promises (P3).
        let limits: ManagerLimits = unsafe { self::options(options) }?.into();
        let mut was_made = false;
        let manager = process_manager_with(|| {
            was_made = true;
            limits
        });
        if !options.is_null() && !was_made {
            return Err(GROUPSCAN_ERROR_ALREADY_EXISTS);
        }
        // SAFETY: as the caller promises (P2).
        unsafe { place.write_unaligned(ptr::from_ref(manager).cast_mut()) };
        Ok(())
    })
}

/// Drops a manager.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_destroy(manager: *mut groupscan_manager) {
    let _ = answer(|| {
        let is_of_process = MANAGER.get().is_some_and(|of_process| ptr::eq(of_process, manager));
        if !is_of_process {
            // SAFETY: as the caller promises (P1, P4), and it was handed out.
            unsafe { take_back(manager) };
        }
        Ok(())
    });
}

/// Registers a client.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_register(
    manager: *mut groupscan_manager,
    protocol_id: u32,
    component_id: u32,
    protocol: *mut groupscan_protocol_handle,
) -> groupscan_status {
    answer(|| {
        let protocol = result(protocol)?;
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }?;
        let handle = manager.0.register(Client::new(protocol_id, component_id), None)?;
        // SAFETY: as the caller promises (P2).
        unsafe { protocol.write_unaligned(handle.to_bits()) };
        Ok(())
    })
}

/// Deregisters a client.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_deregister(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }?;
        Ok(manager.0.deregister(ProtocolHandle::from_bits(protocol))?)
    })
}

/// Makes a client the owner of an interface.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_take_interface4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { own(manager, protocol, iface, GroupManager::take_interface) }
}

/// Gives up an interface.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_release_interface4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { own(manager, protocol, iface, GroupManager::release_interface) }
}

/// Who owns an interface.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_owner4(
    manager: *const groupscan_manager,
    iface: *const groupscan_interface4,
    protocol_id: *mut u32,
    component_id: *mut u32,
) -> groupscan_status {
    answer(|| {
        let (protocol_id, component_id) = (result(protocol_id)?, result(component_id)?);
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }?;
        // SAFETY: as the caller promises (P3).
        let interface = V4::interface_in(unsafe { value(iface) }?);
        let owner = manager.0.protocol_on_interface(interface)?;
        // SAFETY: as the caller promises (P2).
        unsafe {
            protocol_id.write_unaligned(owner.protocol_id);
            component_id.write_unaligned(owner.component_id);
        }
        Ok(())
    })
}

/// The number by which records name a client.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_protocol_number(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
    number: *mut u32,
) -> groupscan_status {
    answer(|| {
        let place = result(number)?;
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }?;
        let number = manager.0.protocol_number(ProtocolHandle::from_bits(protocol))?;
        // SAFETY: as the caller promises (P2).
        unsafe { place.write_unaligned(number.0) };
        Ok(())
    })
}

/// Adds memberships of a client, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_join4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4), and none need no place.
    unsafe { update(manager, protocol, none(), (memberships, count), outcome) }
}

/// Removes memberships of a client, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_leave4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4), and none need no place.
    unsafe { update(manager, protocol, (memberships, count), none(), outcome) }
}

/// Removes memberships of a client and adds others, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_update4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    leaves: *const groupscan_membership4,
    leave_count: usize,
    joins: *const groupscan_membership4,
    join_count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { update(manager, protocol, (leaves, leave_count), (joins, join_count), outcome) }
}

/// Removes all memberships of a client on an interface.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_leave_all4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let changed = || {
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }.map_err(nowhere)?;
        // SAFETY: as the caller promises (P3).
        let interface = V4::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
        let protocol = ProtocolHandle::from_bits(protocol);
        committed(manager.0.leave_all(protocol, interface).map_err(|error| (error.into(), None)))
    };
    // SAFETY: as the caller promises (P2).
    unsafe { changing(outcome, changed) }
}

/// Makes the memberships of a client on an interface those of a list.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_replace4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
    joins: *const groupscan_join4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let changed = || {
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }.map_err(nowhere)?;
        // SAFETY: as the caller promises (P3).
        let interface = V4::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
        // SAFETY: as the caller promises (P3).
        let joins = unsafe { joins_in::<V4>(joins, count) }.map_err(nowhere)?;
        let protocol = ProtocolHandle::from_bits(protocol);
        let replaced = manager.0.replace(protocol, interface, &joins);
        committed(replaced.map_err(|refused| (refused.error.into(), refused.at)))
    };
    // SAFETY: as the caller promises (P2).
    unsafe { changing(outcome, changed) }
}

/// Starts an enumeration for a client.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_start4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    view: u32,
    filter: *const groupscan_filter4,
    enumeration: *mut groupscan_enumeration_handle,
) -> groupscan_status {
    answer(|| {
        let enumeration = result(enumeration)?;
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }?;
        let view = view_in(view)?;
        // SAFETY: as the caller promises (P3).
        let filter = V4::filter_in(unsafe { options(filter) }?)?;
        let protocol = ProtocolHandle::from_bits(protocol);
        let handle = manager.0.start_enumeration(protocol, view, filter)?;
        // SAFETY: as the caller promises (P2).
        unsafe { enumeration.write_unaligned(handle.to_bits()) };
        Ok(())
    })
}

/// Puts the next records of an enumeration into a buffer.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_next(
    manager: *mut groupscan_manager,
    enumeration: groupscan_enumeration_handle,
    buffer: *mut c_void,
    buffer_bytes: usize,
    count: *mut usize,
    more: *mut bool,
) -> groupscan_status {
    let read = || {
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }?;
        let handle = EnumerationHandle::from_bits(enumeration);
        // SAFETY: as the caller promises (P2).
        manager.0.read(handle, |walk| unsafe { next(walk, buffer, buffer_bytes) })?
    };
    // SAFETY: as the caller promises (P2).
    unsafe { reading(count, more, read) }
}

/// Ends an enumeration.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_end(
    manager: *mut groupscan_manager,
    enumeration: groupscan_enumeration_handle,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }?;
        Ok(manager.0.end_enumeration(EnumerationHandle::from_bits(enumeration))?)
    })
}

/// Ends the enumerations that were not used for long.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_expire_idle(
    manager: *mut groupscan_manager,
    ended: *mut usize,
) -> groupscan_status {
    answer(|| {
        let place = result(ended)?;
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }?;
        let ended = manager.0.expire_idle();
        // SAFETY: as the caller promises (P2).
        unsafe { place.write_unaligned(ended) };
        Ok(())
    })
}

/// Who enumerates what.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_enumerations4(
    manager: *const groupscan_manager,
    enumerations: *mut groupscan_manager_enumeration4,
    capacity: usize,
    element_bytes: usize,
    count: *mut usize,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }?;
        // SAFETY: as the caller promises (P2).
        let list = unsafe { List::new(enumerations, capacity, element_bytes, count) }?;
        list.fill(manager.0.enumerations().into_iter().map(groupscan_manager_enumeration4::from))
    })
}

/// Takes a snapshot of a manager's table.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_snapshot(
    manager: *const groupscan_manager,
    snapshot: *mut *mut groupscan_snapshot,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { snapshot_of(table_in(manager), snapshot) }
}

/// How the memory of a manager's table is spent.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_stats(
    manager: *const groupscan_manager,
    stats: *mut groupscan_stats,
    stats_bytes: usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { stats_of(table_in(manager), stats, stats_bytes) }
}

/// What each live version of a manager's table retains.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_retained(
    manager: *const groupscan_manager,
    retained: *mut groupscan_retained,
    capacity: usize,
    element_bytes: usize,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { retained_of(table_in(manager), retained, capacity, element_bytes, count) }
}

/// Frees some of what dead versions of a manager's table left.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_reclaim(
    manager: *mut groupscan_manager,
    more: *mut bool,
) -> groupscan_status {
    // SAFETY: as the caller promises (P1 to P4).
    unsafe { reclaim_of(table_in(manager), more) }
}

/// The table of a manager.
///
/// # Safety
///
/// As for [`object`].
unsafe fn table_in<'a>(
    manager: *const groupscan_manager,
) -> Result<&'a GroupTable, groupscan_status> {
    // SAFETY: as the caller promises (P1).
    unsafe { object(manager) }.map(|manager| manager.0.table())
}

/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn own(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
    change: fn(&GroupManager, ProtocolHandle, Interface<V4>) -> Result<(), ManagerError>,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }?;
        // SAFETY: as the caller promises (P3).
        let interface = V4::interface_in(unsafe { value(iface) }?);
        Ok(change(&manager.0, ProtocolHandle::from_bits(protocol), interface)?)
    })
}

/// Removes and adds memberships of a client, in one commit.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
unsafe fn update(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    leaves: Array<groupscan_membership4>,
    joins: Array<groupscan_membership4>,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let changed = || {
        // SAFETY: as the caller promises (P1).
        let manager = unsafe { object(manager) }.map_err(nowhere)?;
        // SAFETY: as the caller promises (P3).
        let leaves = unsafe { values(leaves.0, leaves.1) }.map_err(nowhere)?;
        // SAFETY: as the caller promises (P3).
        let joins = unsafe { values(joins.0, joins.1) }.map_err(nowhere)?;
        let leaves = leaves.map(|leave| Ok((Change::Delete, membership_in(leave)?)));
        let joins = joins.map(|join| Ok((Change::Add, membership_in(join)?)));
        let protocol = ProtocolHandle::from_bits(protocol);
        committed(manager.0.change_each(protocol, leaves.chain(joins)))
    };
    // SAFETY: as the caller promises (P2).
    unsafe { changing(outcome, changed) }
}

/// What a change came to, in the words of an outcome.
fn committed(
    changed: Result<Committed, (groupscan_status, Option<usize>)>,
) -> Result<(u64, usize), RefusedAt> {
    match changed {
        Ok(Committed { version, changed }) => Ok((version.number(), changed)),
        Err((status, at)) => Err((status, at.unwrap_or(GROUPSCAN_NOWHERE))),
    }
}

fn membership_in(membership: groupscan_membership4) -> Result<ClientMembership, groupscan_status> {
    // The manager knows which protocol the client is.
    let membership = V4::membership_in(membership, Protocol(0))?;
    let entry = SourceGroupEntry::new(membership.group, membership.source);
    Ok(ClientMembership { entry, interface: membership.interface, flags: membership.flags })
}
