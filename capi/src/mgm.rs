//! The calls of `mgm.h`.

#![allow(non_snake_case, reason = "documented names")]
#![allow(unsafe_code, reason = "takes pointers from C")]

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use groupscan::manager::code::{
    ERROR_CAN_NOT_COMPLETE, ERROR_INVALID_PARAMETER, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, NO_ERROR,
};
use groupscan::manager::{
    Client, EnumerationHandle, GroupManager, ManagerError, ProtocolConfig, ProtocolHandle,
};
use groupscan::{
    Batch, Filter, GetNextError, Interface, MembershipFlags, SourceGroupEntry, V4, View,
};

use crate::memory::{self, record_buffer};
use crate::{guarded, process_manager, types};

/// `HANDLE`: a number in the form of a pointer. It is never dereferenced.
pub type Handle = *mut c_void;

const INVALID: ErrorCode = ErrorCode(ERROR_INVALID_PARAMETER);

/// The code of a call that failed.
struct ErrorCode(u32);

impl From<ManagerError> for ErrorCode {
    fn from(error: ManagerError) -> Self {
        Self(error.code())
    }
}

/// The code of a call.
#[inline]
fn code_of(call: impl FnOnce() -> Result<u32, ErrorCode>) -> u32 {
    guarded(ERROR_CAN_NOT_COMPLETE, || match call() {
        Ok(code) | Err(ErrorCode(code)) => code,
    })
}

/// `MgmRegisterMProtocol`.
///
/// # Safety
///
/// `config` is null or points to a readable `ROUTING_PROTOCOL_CONFIG`, `protocol` is null or points to a
/// writable `HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn MgmRegisterMProtocol(
    config: *const ProtocolConfig,
    protocol_id: u32,
    component_id: u32,
    protocol: *mut Handle,
) -> u32 {
    code_of(|| {
        let protocol = writable(protocol)?;
        // SAFETY: not null, so it is accessible, aligned or not (I2).
        let config = (!config.is_null()).then(|| unsafe { config.read_unaligned() });
        let handle = process_manager()?.register(Client::new(protocol_id, component_id), config)?;
        // SAFETY: not null, so it is accessible, aligned or not (I2).
        unsafe { protocol.write_unaligned(handle_out(handle.to_bits())) };
        Ok(NO_ERROR)
    })
}

/// `MgmDeRegisterMProtocol`.
#[unsafe(no_mangle)]
pub extern "C" fn MgmDeRegisterMProtocol(protocol: Handle) -> u32 {
    code_of(|| {
        process_manager()?.deregister(protocol_in(protocol))?;
        Ok(NO_ERROR)
    })
}

/// `MgmTakeInterfaceOwnership`.
#[unsafe(no_mangle)]
pub extern "C" fn MgmTakeInterfaceOwnership(protocol: Handle, index: u32, next_hop: u32) -> u32 {
    own(protocol, (index, next_hop), GroupManager::take_interface)
}

/// `MgmReleaseInterfaceOwnership`.
#[unsafe(no_mangle)]
pub extern "C" fn MgmReleaseInterfaceOwnership(protocol: Handle, index: u32, next_hop: u32) -> u32 {
    own(protocol, (index, next_hop), GroupManager::release_interface)
}

/// `MgmGetProtocolOnInterface`.
///
/// # Safety
///
/// `protocol_id` and `component_id` are each null or point to a writable `DWORD`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn MgmGetProtocolOnInterface(
    index: u32,
    next_hop: u32,
    protocol_id: *mut u32,
    component_id: *mut u32,
) -> u32 {
    code_of(|| {
        let (protocol_id, component_id) = (writable(protocol_id)?, writable(component_id)?);
        let client = process_manager()?.protocol_on_interface(interface((index, next_hop)))?;
        // SAFETY: not null, so it is accessible, aligned or not (I2).
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
    let entry = [source, source_mask, group, group_mask];
    change(protocol, entry, (index, next_hop), flags, GroupManager::add_membership)
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
    let entry = [source, source_mask, group, group_mask];
    change(protocol, entry, (index, next_hop), flags, GroupManager::delete_membership)
}

/// `MgmGroupEnumerationStart`. `enum_type` is one of `MGM_ENUM_TYPES`.
///
/// # Safety
///
/// `enumeration` is null or points to a writable `HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn MgmGroupEnumerationStart(
    protocol: Handle,
    enum_type: u32,
    enumeration: *mut Handle,
) -> u32 {
    code_of(|| {
        let enumeration = writable(enumeration)?;
        let view = match enum_type {
            0 => View::OnePerGroup,
            1 => View::AllSources,
            _ => return Err(INVALID),
        };
        let handle =
            process_manager()?.start_enumeration(protocol_in(protocol), view, Filter::all())?;
        // SAFETY: not null, so it is accessible, aligned or not (I2).
        unsafe { enumeration.write_unaligned(handle_out(handle.to_bits())) };
        Ok(NO_ERROR)
    })
}

/// `MgmGroupEnumerationGetNext`.
///
/// # Safety
///
/// `buffer_bytes` and `entries` are each null or point to a readable and writable `DWORD`. `buffer` is null
/// or points to `*buffer_bytes` writable bytes that no other thread accesses during the call. The three do
/// not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn MgmGroupEnumerationGetNext(
    enumeration: Handle,
    buffer_bytes: *mut u32,
    buffer: *mut u8,
    entries: *mut u32,
) -> u32 {
    code_of(|| {
        let entries = writable(entries)?;
        // SAFETY: not null, so it is accessible, aligned or not (I2).
        unsafe { entries.write_unaligned(0) };
        let buffer_bytes = writable(buffer_bytes)?;
        // SAFETY: not null, so it is accessible, aligned or not (I2).
        let bytes = unsafe { buffer_bytes.read_unaligned() } as usize;
        let handle = EnumerationHandle::from_bits(handle_in(enumeration));
        let batch = process_manager()?.with_enumeration(handle, |enumeration| {
            // SAFETY: null, or `bytes` writable bytes that no other thread accesses.
            let buffer = unsafe { record_buffer(buffer, bytes, enumeration) };
            enumeration.get_next_uninit(buffer.ok_or(INVALID)?).map_err(|error| {
                if let GetNextError::BufferTooSmall { needed_bytes } = error {
                    // SAFETY: not null, so it is writable (I2).
                    unsafe { buffer_bytes.write_unaligned(needed_bytes as u32) };
                }
                ErrorCode::from(ManagerError::from(error))
            })
        });
        let batch: Batch<'_, SourceGroupEntry> = batch??;
        // SAFETY: not null, so it is accessible, aligned or not (I2).
        unsafe { entries.write_unaligned(batch.entries().len() as u32) };
        Ok(if batch.more() { ERROR_MORE_DATA } else { ERROR_NO_MORE_ITEMS })
    })
}

/// `MgmGroupEnumerationEnd`.
#[unsafe(no_mangle)]
pub extern "C" fn MgmGroupEnumerationEnd(enumeration: Handle) -> u32 {
    code_of(|| {
        process_manager()?.end_enumeration(EnumerationHandle::from_bits(handle_in(enumeration)))?;
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

/// Changes the owner of an interface.
fn own(
    protocol: Handle,
    on: (u32, u32),
    change: fn(&GroupManager, ProtocolHandle, Interface<V4>) -> Result<(), ManagerError>,
) -> u32 {
    code_of(|| {
        change(process_manager()?, protocol_in(protocol), interface(on))?;
        Ok(NO_ERROR)
    })
}

/// A change of one membership in a manager.
type MembershipChange = fn(
    &GroupManager,
    ProtocolHandle,
    &SourceGroupEntry,
    Interface<V4>,
    MembershipFlags,
) -> Result<(), ManagerError>;

/// Adds or deletes a membership. `entry` has the fields of a `SOURCE_GROUP_ENTRY`.
fn change(
    protocol: Handle,
    entry: [u32; 4],
    on: (u32, u32),
    flags: u32,
    change: MembershipChange,
) -> u32 {
    code_of(|| {
        let (entry, flags) = (bytemuck::cast(entry), flags_in(flags)?);
        change(process_manager()?, protocol_in(protocol), &entry, interface(on), flags)?;
        Ok(NO_ERROR)
    })
}

/// An interface by its index and its next hop, an address in network byte order in memory.
fn interface((index, next_hop): (u32, u32)) -> Interface<V4> {
    Interface::with_next_hop(index, V4::from(next_hop.to_ne_bytes()))
}

fn flags_in(bits: u32) -> Result<MembershipFlags, ErrorCode> {
    types::flags_in(bits).map_err(|_| INVALID)
}

/// A place for a result. Null is an invalid parameter.
fn writable<T>(place: *mut T) -> Result<NonNull<T>, ErrorCode> {
    memory::writable(place).map_err(|_| INVALID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_become_codes() {
        assert_eq!(code_of(|| panic!("as a test")), ERROR_CAN_NOT_COMPLETE);
        assert_eq!(code_of(|| Ok(ERROR_MORE_DATA)), ERROR_MORE_DATA);
        let refused = || Err(ManagerError::InvalidHandle.into());
        assert_eq!(code_of(refused), ERROR_INVALID_PARAMETER);
    }
}
