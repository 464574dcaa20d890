//! Managers: `groupscan_manager_…`.

#![allow(non_camel_case_types, reason = "names of the header")]
#![allow(unsafe_code, reason = "takes pointers from C")]

use std::ffi::c_void;
use std::ptr;

use groupscan::manager::{
    BulkError, Client, ClientMembership, EnumerationHandle, GroupManager, ManagerError,
    MembershipUpdate, ProtocolHandle,
};
use groupscan::{Committed, Interface, Protocol, V4};

use crate::enumerations::{next, write_number};
use crate::families::InC;
use crate::memory::{
    Array, List, empty, hand_out, object, options, take_back, value, values, writable,
};
use crate::result::{FailedAt, GROUPSCAN_NOWHERE, groupscan_outcome, nowhere, write_outcome};
use crate::snapshots::groupscan_snapshot;
use crate::stats::{groupscan_manager_enumeration4, groupscan_retained, groupscan_stats};
use crate::status::groupscan_status::{self, GROUPSCAN_ERROR_ALREADY_EXISTS};
use crate::tables::{joins_in, memory_step_of, retained_by, snapshot_of, stats_of};
use crate::types::{
    groupscan_enumeration_handle, groupscan_filter4, groupscan_interface4, groupscan_join4,
    groupscan_manager_options, groupscan_membership4, groupscan_protocol_handle, timeout_in,
    view_in,
};
use crate::{MANAGER, process_object, status_of};

/// A manager.
pub struct groupscan_manager(pub(crate) GroupManager);

/// Creates a manager of an empty table.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_create(
    options: *const groupscan_manager_options,
    manager: *mut *mut groupscan_manager,
) -> groupscan_status {
    status_of(|| {
        let manager = writable(manager)?;
        // SAFETY: P3.
        let limits = unsafe { self::options(options) }?.into();
        // SAFETY: P2.
        unsafe { hand_out(manager, groupscan_manager(GroupManager::try_with_limits(limits)?)) }
    })
}

/// The manager that the calls of `mgm.h` act on.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_of_process(
    options: *const groupscan_manager_options,
    manager: *mut *mut groupscan_manager,
) -> groupscan_status {
    status_of(|| {
        let place = writable(manager)?;
        // SAFETY: P3.
        let limits = unsafe { self::options(options) }?.into();
        let mut was_made = false;
        if MANAGER.get().is_none() {
            let manager = groupscan_manager(GroupManager::try_with_limits(limits)?);
            was_made = MANAGER.set(manager).is_ok();
        }
        if !options.is_null() && !was_made {
            return Err(GROUPSCAN_ERROR_ALREADY_EXISTS);
        }
        // SAFETY: P2.
        unsafe { place.write_unaligned(ptr::from_ref(process_object()?).cast_mut()) };
        Ok(())
    })
}

/// Sets how long the calls of a manager wait for their turns.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_set_timeout(
    manager: *mut groupscan_manager,
    milliseconds: u32,
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        manager.0.set_timeout(timeout_in(milliseconds));
        Ok(())
    })
}

/// Drops a manager.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_destroy(manager: *mut groupscan_manager) {
    let _ = status_of(|| {
        let is_of_process = MANAGER.get().is_some_and(|of_process| ptr::eq(of_process, manager));
        if !is_of_process {
            // SAFETY: P1, P4. It is not the manager of the process, so it was handed out.
            unsafe { take_back(manager) };
        }
        Ok(())
    });
}

/// Registers a client.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_register(
    manager: *mut groupscan_manager,
    protocol_id: u32,
    component_id: u32,
    protocol: *mut groupscan_protocol_handle,
) -> groupscan_status {
    status_of(|| {
        let protocol = writable(protocol)?;
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        let handle = manager.0.register(Client::new(protocol_id, component_id), None)?;
        // SAFETY: P2.
        unsafe { protocol.write_unaligned(handle.to_bits()) };
        Ok(())
    })
}

/// Deregisters a client.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_deregister(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        Ok(manager.0.deregister(ProtocolHandle::from_bits(protocol))?)
    })
}

/// Makes a client the owner of an interface.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_take_interface4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
) -> groupscan_status {
    // SAFETY: P1 to P4.
    unsafe { own(manager, protocol, iface, GroupManager::take_interface) }
}

/// Releases an interface.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_release_interface4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
) -> groupscan_status {
    // SAFETY: P1 to P4.
    unsafe { own(manager, protocol, iface, GroupManager::release_interface) }
}

/// The owner of an interface.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_owner4(
    manager: *const groupscan_manager,
    iface: *const groupscan_interface4,
    protocol_id: *mut u32,
    component_id: *mut u32,
) -> groupscan_status {
    status_of(|| {
        let (protocol_id, component_id) = (writable(protocol_id)?, writable(component_id)?);
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        // SAFETY: P3.
        let interface = V4::interface_in(unsafe { value(iface) }?);
        let owner = manager.0.protocol_on_interface(interface)?;
        // SAFETY: P2.
        unsafe {
            protocol_id.write_unaligned(owner.protocol_id);
            component_id.write_unaligned(owner.component_id);
        }
        Ok(())
    })
}

/// The number of a client in records.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_protocol_number(
    manager: *const groupscan_manager,
    protocol: groupscan_protocol_handle,
    number: *mut u32,
) -> groupscan_status {
    status_of(|| {
        let place = writable(number)?;
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        let number = manager.0.protocol_number(ProtocolHandle::from_bits(protocol))?;
        // SAFETY: P2.
        unsafe { place.write_unaligned(number.number()) };
        Ok(())
    })
}

/// Adds memberships of a client in one commit.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_join4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: P1 to P4; an empty array may be null.
    unsafe { update(manager, protocol, empty(), (memberships, count), outcome) }
}

/// Removes memberships of a client in one commit.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_leave4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    memberships: *const groupscan_membership4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    // SAFETY: P1 to P4; an empty array may be null.
    unsafe { update(manager, protocol, (memberships, count), empty(), outcome) }
}

/// Removes memberships of a client and adds others in one commit.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
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
    // SAFETY: P1 to P4.
    unsafe { update(manager, protocol, (leaves, leave_count), (joins, join_count), outcome) }
}

/// Removes all memberships of a client on an interface.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_leave_all4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let update = || {
        // SAFETY: P1.
        let manager = unsafe { object(manager) }.map_err(nowhere)?;
        // SAFETY: P3.
        let interface = V4::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
        let protocol = ProtocolHandle::from_bits(protocol);
        let left = manager.0.leave_all(protocol, interface).map_err(nowhere)?;
        Ok((left.version.number(), left.changed))
    };
    // SAFETY: P2.
    unsafe { write_outcome(outcome, update) }
}

/// Replaces the memberships of a client on an interface by those of a list.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_replace4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
    joins: *const groupscan_join4,
    count: usize,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let update = || {
        // SAFETY: P1.
        let manager = unsafe { object(manager) }.map_err(nowhere)?;
        // SAFETY: P3.
        let interface = V4::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
        // SAFETY: P3.
        let joins = unsafe { joins_in::<V4>((joins, count)) }.map_err(nowhere)?;
        let protocol = ProtocolHandle::from_bits(protocol);
        committed(manager.0.replace(protocol, interface, &joins))
    };
    // SAFETY: P2.
    unsafe { write_outcome(outcome, update) }
}

/// Starts an enumeration for a client.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_start4(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    view: u32,
    filter: *const groupscan_filter4,
    enumeration: *mut groupscan_enumeration_handle,
) -> groupscan_status {
    status_of(|| {
        let enumeration = writable(enumeration)?;
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        let view = view_in(view)?;
        // SAFETY: P3.
        let filter = V4::filter_in(unsafe { options(filter) }?)?;
        let protocol = ProtocolHandle::from_bits(protocol);
        let handle = manager.0.start_enumeration(protocol, view, filter)?;
        // SAFETY: P2.
        unsafe { enumeration.write_unaligned(handle.to_bits()) };
        Ok(())
    })
}

/// Puts the next records of an enumeration into a buffer.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
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
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        let handle = EnumerationHandle::from_bits(enumeration);
        // SAFETY: P2.
        manager.0.with_enumeration(handle, |one| unsafe { next(one, buffer, buffer_bytes) })?
    };
    // SAFETY: P2.
    unsafe { write_number(count, more, read) }
}

/// Ends an enumeration.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_end(
    manager: *mut groupscan_manager,
    enumeration: groupscan_enumeration_handle,
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        Ok(manager.0.end_enumeration(EnumerationHandle::from_bits(enumeration))?)
    })
}

/// Ends idle enumerations.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_expire_idle(
    manager: *mut groupscan_manager,
    ended: *mut usize,
) -> groupscan_status {
    status_of(|| {
        let place = writable(ended)?;
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        let ended = manager.0.expire_idle();
        // SAFETY: P2.
        unsafe { place.write_unaligned(ended) };
        Ok(())
    })
}

/// The running enumerations.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_enumerations4(
    manager: *const groupscan_manager,
    enumerations: *mut groupscan_manager_enumeration4,
    capacity: usize,
    element_bytes: usize,
    count: *mut usize,
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        // SAFETY: P2.
        let list = unsafe { List::new(enumerations, capacity, element_bytes, count) }?;
        let running = manager.0.try_enumerations()?;
        list.fill(running.into_iter().map(groupscan_manager_enumeration4::from))
    })
}

/// Takes a snapshot of a manager's table.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_snapshot(
    manager: *const groupscan_manager,
    snapshot: *mut *mut groupscan_snapshot,
) -> groupscan_status {
    // SAFETY: P1, P2.
    unsafe { snapshot_of(manager, |manager| manager.0.snapshot(), snapshot) }
}

/// How the memory of a manager's table is used.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_stats(
    manager: *const groupscan_manager,
    stats: *mut groupscan_stats,
    stats_bytes: usize,
) -> groupscan_status {
    // SAFETY: P1, P2.
    unsafe { stats_of(manager, |manager| manager.0.stats(), stats, stats_bytes) }
}

/// What each live version of a manager's table retains.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_retained(
    manager: *const groupscan_manager,
    retained: *mut groupscan_retained,
    capacity: usize,
    element_bytes: usize,
    count: *mut usize,
) -> groupscan_status {
    let list = (retained, capacity, element_bytes, count);
    // SAFETY: P1, P2.
    unsafe { retained_by(manager, |manager| Ok(manager.0.try_retained()?), list) }
}

/// Frees some of what dead versions of a manager's table left behind.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_reclaim(
    manager: *mut groupscan_manager,
    more: *mut bool,
) -> groupscan_status {
    // SAFETY: P1, P2.
    unsafe { memory_step_of(manager, |manager| Ok(manager.0.try_reclaim_step()?), more) }
}

/// Gives some free memory of a manager's table back to the system.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_trim(
    manager: *mut groupscan_manager,
    more: *mut bool,
) -> groupscan_status {
    // SAFETY: P1, P2.
    unsafe { memory_step_of(manager, |manager| Ok(manager.0.try_trim_step()?), more) }
}

/// Changes the owner of an interface.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
unsafe fn own(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
    change: fn(&GroupManager, ProtocolHandle, Interface<V4>) -> Result<(), ManagerError>,
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let manager = unsafe { object(manager) }?;
        // SAFETY: P3.
        let interface = V4::interface_in(unsafe { value(iface) }?);
        Ok(change(&manager.0, ProtocolHandle::from_bits(protocol), interface)?)
    })
}

/// Removes and adds memberships of a client, in one commit.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
unsafe fn update(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    leaves: Array<groupscan_membership4>,
    joins: Array<groupscan_membership4>,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let update = || {
        // SAFETY: P1.
        let manager = unsafe { object(manager) }.map_err(nowhere)?;
        // SAFETY: P3.
        let leaves = unsafe { values(leaves) }.map_err(nowhere)?;
        // SAFETY: P3.
        let joins = unsafe { values(joins) }.map_err(nowhere)?;
        let leaves = leaves.map(|leave| membership_in(leave).map(MembershipUpdate::Delete));
        let joins = joins.map(|join| membership_in(join).map(MembershipUpdate::Add));
        let protocol = ProtocolHandle::from_bits(protocol);
        committed(manager.0.try_update(protocol, leaves.chain(joins)))
    };
    // SAFETY: P2.
    unsafe { write_outcome(outcome, update) }
}

/// The outcome of a change of several memberships.
fn committed<E: Into<groupscan_status>>(
    changed: Result<Committed, BulkError<E>>,
) -> Result<(u64, usize), FailedAt> {
    match changed {
        Ok(Committed { version, changed }) => Ok((version.number(), changed)),
        Err(BulkError { at, error }) => Err((error.into(), at.unwrap_or(GROUPSCAN_NOWHERE))),
    }
}

fn membership_in(membership: groupscan_membership4) -> Result<ClientMembership, groupscan_status> {
    // The manager puts the client's protocol in.
    let membership = V4::membership_in(membership, Protocol::new(0))?;
    let (interface, flags) = (membership.interface, membership.flags);
    Ok(ClientMembership { entry: membership.join().into(), interface, flags })
}
