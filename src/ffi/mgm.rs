//! The calls of `mgm.h`.

#![allow(non_snake_case, reason = "documented names")]

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use super::memory::{self, room};
use super::{guarded, process_manager, types};
use crate::enumeration::{Batch, Filter, GetNextError, View};
use crate::family::V4;
use crate::flags::MembershipFlags;
use crate::manager::code::{
    ERROR_CAN_NOT_COMPLETE, ERROR_INVALID_PARAMETER, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, NO_ERROR,
};
use crate::manager::{Client, EnumerationHandle, ManagerError, ProtocolConfig, ProtocolHandle};
use crate::membership::Interface;
use crate::record::SourceGroupEntry;

/// `HANDLE`: a number in the place of a pointer, which leads nowhere.
pub type Handle = *mut c_void;

const INVALID: Refused = Refused(ERROR_INVALID_PARAMETER);

/// A code that is not the one of a call that did what it says.
struct Refused(u32);

impl From<ManagerError> for Refused {
    fn from(error: ManagerError) -> Self {
        Self(error.code())
    }
}

/// The code of a call.
#[inline]
fn answer(call: impl FnOnce() -> Result<u32, Refused>) -> u32 {
    guarded(ERROR_CAN_NOT_COMPLETE, || match call() {
        Ok(code) | Err(Refused(code)) => code,
    })
}

/// `MgmRegisterMProtocol`.
///
/// # Safety
///
/// `config` is null or points to a `ROUTING_PROTOCOL_CONFIG` that may be read, `protocol` is null or
/// points to a `HANDLE` that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn MgmRegisterMProtocol(
    config: *const ProtocolConfig,
    protocol_id: u32,
    component_id: u32,
    protocol: *mut Handle,
) -> u32 {
    answer(|| {
        let protocol = writable(protocol)?;
        // SAFETY: as the caller promises (I2).
        let config = (!config.is_null()).then(|| unsafe { config.read_unaligned() });
        let handle = process_manager().register(Client::new(protocol_id, component_id), config)?;
        // SAFETY: as the caller promises (I2).
        unsafe { protocol.write_unaligned(handle_out(handle.to_bits())) };
        Ok(NO_ERROR)
    })
}

/// `MgmDeRegisterMProtocol`.
#[unsafe(no_mangle)]
pub extern "C" fn MgmDeRegisterMProtocol(protocol: Handle) -> u32 {
    answer(|| {
        process_manager().deregister(protocol_in(protocol))?;
        Ok(NO_ERROR)
    })
}

/// `MgmTakeInterfaceOwnership`.
#[unsafe(no_mangle)]
pub extern "C" fn MgmTakeInterfaceOwnership(protocol: Handle, index: u32, next_hop: u32) -> u32 {
    answer(|| {
        process_manager().take_interface(protocol_in(protocol), interface(index, next_hop))?;
        Ok(NO_ERROR)
    })
}

/// `MgmReleaseInterfaceOwnership`.
#[unsafe(no_mangle)]
pub extern "C" fn MgmReleaseInterfaceOwnership(protocol: Handle, index: u32, next_hop: u32) -> u32 {
    answer(|| {
        process_manager().release_interface(protocol_in(protocol), interface(index, next_hop))?;
        Ok(NO_ERROR)
    })
}

/// `MgmGetProtocolOnInterface`.
///
/// # Safety
///
/// `protocol_id` and `component_id` are each null or point to a `DWORD` that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn MgmGetProtocolOnInterface(
    index: u32,
    next_hop: u32,
    protocol_id: *mut u32,
    component_id: *mut u32,
) -> u32 {
    answer(|| {
        let (protocol_id, component_id) = (writable(protocol_id)?, writable(component_id)?);
        let client = process_manager().protocol_on_interface(interface(index, next_hop))?;
        // SAFETY: as the caller promises (I2).
        unsafe {
            protocol_id.write_unaligned(client.protocol_id);
            component_id.write_unaligned(client.component_id);
        }
        Ok(NO_ERROR)
    })
}

/// `MgmAddGroupMembershipEntry`.
#[unsafe(no_mangle)]
pub extern "C" fn MgmAddGroupMembershipEntry(
    protocol: Handle,
    source: u32,
    source_mask: u32,
    group: u32,
    group_mask: u32,
    index: u32,
    next_hop: u32,
    flags: u32,
) -> u32 {
    answer(|| {
        let entry = bytemuck::cast([source, source_mask, group, group_mask]);
        let (protocol, interface) = (protocol_in(protocol), interface(index, next_hop));
        process_manager().add_membership(protocol, &entry, interface, flags_in(flags)?)?;
        Ok(NO_ERROR)
    })
}

/// `MgmDeleteGroupMembershipEntry`.
#[unsafe(no_mangle)]
pub extern "C" fn MgmDeleteGroupMembershipEntry(
    protocol: Handle,
    source: u32,
    source_mask: u32,
    group: u32,
    group_mask: u32,
    index: u32,
    next_hop: u32,
    flags: u32,
) -> u32 {
    answer(|| {
        let entry = bytemuck::cast([source, source_mask, group, group_mask]);
        let (protocol, interface) = (protocol_in(protocol), interface(index, next_hop));
        process_manager().delete_membership(protocol, &entry, interface, flags_in(flags)?)?;
        Ok(NO_ERROR)
    })
}

/// `MgmGroupEnumerationStart`. `enum_type` is one of `MGM_ENUM_TYPES`.
///
/// # Safety
///
/// `enumeration` is null or points to a `HANDLE` that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn MgmGroupEnumerationStart(
    protocol: Handle,
    enum_type: u32,
    enumeration: *mut Handle,
) -> u32 {
    answer(|| {
        let enumeration = writable(enumeration)?;
        let view = match enum_type {
            0 => View::AnySource,
            1 => View::AllSources,
            _ => return Err(INVALID),
        };
        let handle =
            process_manager().start_enumeration(protocol_in(protocol), view, Filter::all())?;
        // SAFETY: as the caller promises (I2).
        unsafe { enumeration.write_unaligned(handle_out(handle.to_bits())) };
        Ok(NO_ERROR)
    })
}

/// `MgmGroupEnumerationGetNext`.
///
/// # Safety
///
/// `buffer_bytes` and `entries` are each null or point to a `DWORD` that may be read and written.
/// `buffer` is null or points to `*buffer_bytes` bytes that may be written, and that no other thread
/// looks at during the call. The three do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn MgmGroupEnumerationGetNext(
    enumeration: Handle,
    buffer_bytes: *mut u32,
    buffer: *mut u8,
    entries: *mut u32,
) -> u32 {
    answer(|| {
        let entries = writable(entries)?;
        // SAFETY: as the caller promises (I2).
        unsafe { entries.write_unaligned(0) };
        let buffer_bytes = writable(buffer_bytes)?;
        // SAFETY: as the caller promises (I2).
        let bytes = unsafe { buffer_bytes.read_unaligned() } as usize;
        let handle = EnumerationHandle::from_bits(handle_in(enumeration));
        let batch = process_manager().read(handle, |enumeration| {
            // SAFETY: as the caller promises.
            let room = unsafe { room(buffer, bytes, || enumeration.remaining() == 0) };
            let batch = enumeration.fill(room.ok_or(INVALID)?);
            batch.map_err(|GetNextError::BufferTooSmall { needed_bytes }| {
                // SAFETY: as the caller promises (I2).
                unsafe { buffer_bytes.write_unaligned(needed_bytes as u32) };
                Refused::from(ManagerError::BufferTooSmall { needed_bytes })
            })
        });
        let batch: Batch<'_, SourceGroupEntry> = batch??;
        // SAFETY: as the caller promises (I2).
        unsafe { entries.write_unaligned(batch.entries().len() as u32) };
        Ok(if batch.more() { ERROR_MORE_DATA } else { ERROR_NO_MORE_ITEMS })
    })
}

/// `MgmGroupEnumerationEnd`.
#[unsafe(no_mangle)]
pub extern "C" fn MgmGroupEnumerationEnd(enumeration: Handle) -> u32 {
    answer(|| {
        process_manager().end_enumeration(EnumerationHandle::from_bits(handle_in(enumeration)))?;
        Ok(NO_ERROR)
    })
}

fn handle_in(handle: Handle) -> u64 {
    handle.addr() as u64
}

fn protocol_in(handle: Handle) -> ProtocolHandle {
    ProtocolHandle::from_bits(handle_in(handle))
}

fn handle_out(bits: u64) -> Handle {
    ptr::without_provenance_mut(bits as usize)
}

/// An interface by its index and its next hop, an address as it lies in memory.
fn interface(index: u32, next_hop: u32) -> Interface<V4> {
    Interface::with_next_hop(index, V4::from(next_hop.to_ne_bytes()))
}

fn flags_in(bits: u32) -> Result<MembershipFlags, Refused> {
    types::flags_in(bits).map_err(|_| INVALID)
}

/// Where a result goes; refused where it is null.
fn writable<T>(place: *mut T) -> Result<NonNull<T>, Refused> {
    memory::result(place).map_err(|_| INVALID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_become_codes() {
        assert_eq!(answer(|| panic!("as a test")), ERROR_CAN_NOT_COMPLETE);
        assert_eq!(answer(|| Ok(ERROR_MORE_DATA)), ERROR_MORE_DATA);
        let refused = || Err(ManagerError::InvalidHandle.into());
        assert_eq!(answer(refused), ERROR_INVALID_PARAMETER);
    }
}
