//! Managers: `groupscan_manager_…`.

#![allow(non_camel_case_types, reason = "names of the header")]

use std::ffi::c_void;
use std::ptr;

use super::enumerations::{next, reading};
use super::memory::{List, hand_out, object, options, result, take_back, value, values};
use super::snapshots::groupscan_snapshot;
use super::status::groupscan_status::{self, GROUPSCAN_ERROR_ALREADY_EXISTS};
use super::tables::{RefusedAt, changing, nowhere, reclaim_of, retained_of, snapshot_of, stats_of};
use super::types::*;
use super::{MANAGER, answer, process_manager_with};
use crate::family::V4;
use crate::manager::{
    Client, ClientMembership, Committed, EnumerationHandle, GroupManager, ManagerError,
    ManagerLimits, ProtocolHandle,
};
use crate::membership::{Interface, Protocol};
use crate::record::SourceGroupEntry;
use crate::table::GroupTable;

/// A manager.
pub struct groupscan_manager(pub(super) GroupManager);

/// Makes a manager of an empty table.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_create(
    options: *const groupscan_manager_options,
    manager: *mut *mut groupscan_manager,
) -> groupscan_status {
    answer(|| {
        let manager = result(manager)?;
        // SAFETY: as the caller promises.
        let limits = unsafe { self::options(options) }?.into();
        // SAFETY: as the caller promises.
        unsafe { hand_out(manager, groupscan_manager(GroupManager::with_limits(limits))) }
    })
}

/// Gives the manager that the calls of `mgm.h` are made on.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_of_process(
    options: *const groupscan_manager_options,
    manager: *mut *mut groupscan_manager,
) -> groupscan_status {
    answer(|| {
        let place = result(manager)?;
        // SAFETY: as the caller promises.
        let limits: ManagerLimits = unsafe { self::options(options) }?.into();
        let mut was_made = false;
        let manager = process_manager_with(|| {
            was_made = true;
            limits
        });
        if !options.is_null() && !was_made {
            return Err(GROUPSCAN_ERROR_ALREADY_EXISTS);
        }
        // SAFETY: as the caller promises.
        unsafe { place.write_unaligned(ptr::from_ref(manager).cast_mut()) };
        Ok(())
    })
}

/// Drops a manager.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_destroy(manager: *mut groupscan_manager) {
    let _ = answer(|| {
        let is_of_process = MANAGER.get().is_some_and(|of_process| ptr::eq(of_process, manager));
        if !is_of_process {
            // SAFETY: as the caller promises, and it was handed out.
            unsafe { take_back(manager) };
        }
        Ok(())
    });
}

/// Registers a client.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_register(
    manager: *const groupscan_manager,
    protocol_id: u32,
    component_id: u32,
    protocol: *mut groupscan_protocol_handle,
) -> groupscan_status {
    answer(|| {
        let protocol = result(protocol)?;
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }?;
        let handle = manager.0.register(Client::new(protocol_id, component_id), None)?;
        // SAFETY: as the caller promises.
        unsafe { protocol.write_unaligned(handle.to_bits()) };
        Ok(())
    })
}

/// Deregisters a client.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_deregister(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }?;
        Ok(manager.0.deregister(ProtocolHandle::from_bits(protocol))?)
    })
}

/// Makes a client the owner of an interface.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_take_interface(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
    interface: *const groupscan_interface4,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { own(manager, protocol, interface, GroupManager::take_interface) }
}

/// Gives up an interface.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_release_interface(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
    interface: *const groupscan_interface4,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { own(manager, protocol, interface, GroupManager::release_interface) }
}

/// Who owns an interface.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_owner(
    manager: *const groupscan_manager,
    interface: *const groupscan_interface4,
    protocol_id: *mut u32,
    component_id: *mut u32,
) -> groupscan_status {
    answer(|| {
        let (protocol_id, component_id) = (result(protocol_id)?, result(component_id)?);
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }?;
        // SAFETY: as the caller promises.
        let interface = V4::interface_in(unsafe { value(interface) }?);
        let owner = manager.0.protocol_on_interface(interface)?;
        // SAFETY: as the caller promises.
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
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_protocol_number(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
    number: *mut u32,
) -> groupscan_status {
    answer(|| {
        let place = result(number)?;
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }?;
        let number = manager.0.protocol_number(ProtocolHandle::from_bits(protocol))?;
        // SAFETY: as the caller promises.
        unsafe { place.write_unaligned(number.0) };
        Ok(())
    })
}

/// Adds memberships of a client, in one commit.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_join(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let change = |manager: &GroupManager, protocol, memberships: Memberships<'_>| {
        manager.add_each(protocol, memberships)
    };
    // SAFETY: as the caller promises.
    unsafe { change_each(manager, protocol, memberships, count, outcome, change) }
}

/// Removes memberships of a client, in one commit.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_leave(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let change = |manager: &GroupManager, protocol, memberships: Memberships<'_>| {
        manager.delete_each(protocol, memberships)
    };
    // SAFETY: as the caller promises.
    unsafe { change_each(manager, protocol, memberships, count, outcome, change) }
}

/// Starts an enumeration for a client.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_start(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
    view: u32,
    filter: *const groupscan_filter4,
    enumeration: *mut groupscan_enumeration_handle,
) -> groupscan_status {
    answer(|| {
        let enumeration = result(enumeration)?;
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }?;
        let view = view_in(view)?;
        // SAFETY: as the caller promises.
        let filter = V4::filter_in(unsafe { options(filter) }?)?;
        let protocol = ProtocolHandle::from_bits(protocol);
        let handle = manager.0.start_enumeration(protocol, view, filter)?;
        // SAFETY: as the caller promises.
        unsafe { enumeration.write_unaligned(handle.to_bits()) };
        Ok(())
    })
}

/// Puts the next records of an enumeration into a buffer.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_next(
    manager: *const groupscan_manager,
    enumeration: groupscan_enumeration_handle,
    buffer: *mut c_void,
    buffer_bytes: usize,
    count: *mut usize,
    more: *mut bool,
) -> groupscan_status {
    let read = || {
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }?;
        let handle = EnumerationHandle::from_bits(enumeration);
        // SAFETY: as the caller promises.
        manager.0.read(handle, |walk| unsafe { next(walk, buffer, buffer_bytes) })?
    };
    // SAFETY: as the caller promises.
    unsafe { reading(count, more, read) }
}

/// Ends an enumeration.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_end(
    manager: *const groupscan_manager,
    enumeration: groupscan_enumeration_handle,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }?;
        Ok(manager.0.end_enumeration(EnumerationHandle::from_bits(enumeration))?)
    })
}

/// Ends the enumerations that were not used for long.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_expire_idle(
    manager: *const groupscan_manager,
    ended: *mut usize,
) -> groupscan_status {
    answer(|| {
        let place = result(ended)?;
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }?;
        let ended = manager.0.expire_idle();
        // SAFETY: as the caller promises.
        unsafe { place.write_unaligned(ended) };
        Ok(())
    })
}

/// Who enumerates what.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_enumerations(
    manager: *const groupscan_manager,
    enumerations: *mut groupscan_enumeration_info,
    capacity: usize,
    element_bytes: usize,
    count: *mut usize,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }?;
        // SAFETY: as the caller promises.
        let list = unsafe { List::new(enumerations, capacity, element_bytes, count) }?;
        list.fill(manager.0.enumerations().into_iter().map(groupscan_enumeration_info::from))
    })
}

/// Takes a snapshot of a manager's table.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_snapshot(
    manager: *const groupscan_manager,
    snapshot: *mut *mut groupscan_snapshot,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { snapshot_of(table_in(manager), snapshot) }
}

/// How the memory of a manager's table is spent.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_stats(
    manager: *const groupscan_manager,
    stats: *mut groupscan_stats,
    stats_bytes: usize,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { stats_of(table_in(manager), stats, stats_bytes) }
}

/// What each live version of a manager's table retains.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_retained(
    manager: *const groupscan_manager,
    retained: *mut groupscan_retained,
    capacity: usize,
    element_bytes: usize,
    count: *mut usize,
) -> groupscan_status {
    // SAFETY: as the caller promises.
    unsafe { retained_of(table_in(manager), retained, capacity, element_bytes, count) }
}

/// Frees some of what dead versions of a manager's table left.
///
/// # Safety
///
/// As the header says of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_reclaim(
    manager: *const groupscan_manager,
    more: *mut bool,
) -> groupscan_status {
    // SAFETY: as the caller promises.
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
    // SAFETY: as the caller promises.
    unsafe { object(manager) }.map(|manager| manager.0.table())
}

/// # Safety
///
/// As the header says of pointers.
unsafe fn own(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
    interface: *const groupscan_interface4,
    change: fn(&GroupManager, ProtocolHandle, Interface<V4>) -> Result<(), ManagerError>,
) -> groupscan_status {
    answer(|| {
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }?;
        // SAFETY: as the caller promises.
        let interface = V4::interface_in(unsafe { value(interface) }?);
        Ok(change(&manager.0, ProtocolHandle::from_bits(protocol), interface)?)
    })
}

/// The memberships of a call, or why one is none.
type Memberships<'a> = &'a mut dyn Iterator<Item = Result<ClientMembership, groupscan_status>>;

/// What became of a change, or why it was refused, and for which membership.
type Changed = Result<Committed, (groupscan_status, Option<usize>)>;

/// Changes memberships of a client, in one commit.
///
/// # Safety
///
/// As the header says of pointers.
unsafe fn change_each(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
    change: impl FnOnce(&GroupManager, ProtocolHandle, Memberships<'_>) -> Changed,
) -> groupscan_status {
    let changed = || {
        // SAFETY: as the caller promises.
        let manager = unsafe { object(manager) }.map_err(nowhere)?;
        // SAFETY: as the caller promises.
        let memberships = unsafe { values(memberships, count) }.map_err(nowhere)?;
        let mut memberships = memberships.map(membership_in);
        let protocol = ProtocolHandle::from_bits(protocol);
        let committed = change(&manager.0, protocol, &mut memberships);
        let refused = |(status, at): (_, Option<usize>)| -> RefusedAt {
            (status, at.unwrap_or(GROUPSCAN_NOWHERE))
        };
        let Committed { version, changed } = committed.map_err(refused)?;
        Ok((version.number(), changed))
    };
    // SAFETY: as the caller promises.
    unsafe { changing(outcome, changed) }
}

fn membership_in(membership: groupscan_membership4) -> Result<ClientMembership, groupscan_status> {
    // The manager knows which protocol the client is.
    let membership = V4::membership_in(membership, Protocol(0))?;
    let entry = SourceGroupEntry::new(membership.group, membership.source);
    Ok(ClientMembership { entry, interface: membership.interface, flags: membership.flags })
}
