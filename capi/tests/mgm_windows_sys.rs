//! The contract through the declarations of the `windows-sys` crate, which link to this library, and a
//! comparison of its types and numbers with ours.

#![allow(unsafe_code, reason = "calls the C ABI")]

use std::mem::{offset_of, size_of};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use groupscan::manager::{ProtocolConfig, ProtocolHandle, code};
use groupscan::{Interface, Join, SourceGroupEntry, V4};
use groupscan_capi::process_manager;
use proptest::prelude::*;
use windows_sys::Win32::Foundation::{self, HANDLE};
use windows_sys::Win32::NetworkManagement::Rras::*;

use groupscan_testing::mgm::compare::{Comparison, Step};
use groupscan_testing::mgm::contract::CASES;
use groupscan_testing::mgm::{self, Entry, Got, InterfaceOf, Mgm};

/// The calls of the process's one manager. Its lock keeps tests apart.
struct Declared(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Declared {
    fn new() -> Self {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        Self(ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn handle(bits: u64) -> HANDLE {
    ptr::without_provenance_mut(bits as usize)
}

/// The result of a call that returns a handle.
fn issued(code: u32, handle: HANDLE) -> Result<u64, u32> {
    match code {
        code::NO_ERROR => Ok(handle.addr() as u64),
        code => Err(code),
    }
}

impl Mgm for Declared {
    fn register(&mut self, protocol_id: u32, component_id: u32) -> Result<u64, u32> {
        let mut config = ROUTING_PROTOCOL_CONFIG::default();
        let mut protocol: HANDLE = ptr::null_mut();
        // SAFETY: both may be written.
        let code =
            unsafe { MgmRegisterMProtocol(&mut config, protocol_id, component_id, &mut protocol) };
        issued(code, protocol)
    }

    fn deregister(&mut self, protocol: u64) -> u32 {
        // SAFETY: takes any handle.
        unsafe { MgmDeRegisterMProtocol(handle(protocol)) }
    }

    fn take(&mut self, protocol: u64, (index, next_hop): InterfaceOf) -> u32 {
        // SAFETY: takes any handle.
        unsafe { MgmTakeInterfaceOwnership(handle(protocol), index, next_hop) }
    }

    fn release(&mut self, protocol: u64, (index, next_hop): InterfaceOf) -> u32 {
        // SAFETY: takes any handle.
        unsafe { MgmReleaseInterfaceOwnership(handle(protocol), index, next_hop) }
    }

    fn protocol_on(&mut self, (index, next_hop): InterfaceOf) -> Result<(u32, u32), u32> {
        let (mut protocol_id, mut component_id) = (0, 0);
        // SAFETY: both may be written.
        let code = unsafe {
            MgmGetProtocolOnInterface(index, next_hop, &mut protocol_id, &mut component_id)
        };
        if code == code::NO_ERROR { Ok((protocol_id, component_id)) } else { Err(code) }
    }

    fn add(&mut self, protocol: u64, entry: Entry, interface: InterfaceOf, flags: u32) -> u32 {
        let [source, source_mask, group, group_mask] = entry;
        let (protocol, (index, hop)) = (handle(protocol), interface);
        // SAFETY: takes any handle.
        unsafe {
            MgmAddGroupMembershipEntry(
                protocol,
                source,
                source_mask,
                group,
                group_mask,
                index,
                hop,
                flags,
            )
        }
    }

    fn delete(&mut self, protocol: u64, entry: Entry, interface: InterfaceOf, flags: u32) -> u32 {
        let [source, source_mask, group, group_mask] = entry;
        let (protocol, (index, hop)) = (handle(protocol), interface);
        // SAFETY: takes any handle.
        unsafe {
            MgmDeleteGroupMembershipEntry(
                protocol,
                source,
                source_mask,
                group,
                group_mask,
                index,
                hop,
                flags,
            )
        }
    }

    fn start(&mut self, protocol: u64, enum_type: u32) -> Result<u64, u32> {
        let mut enumeration: HANDLE = ptr::null_mut();
        // SAFETY: the handle may be written.
        let code = unsafe {
            MgmGroupEnumerationStart(handle(protocol), enum_type as i32, &mut enumeration)
        };
        issued(code, enumeration)
    }

    fn get_next(&mut self, enumeration: u64, buffer: &mut [u8]) -> Got {
        let (mut buffer_bytes, mut entries) = (buffer.len() as u32, 0xdead_beef);
        let start = buffer.as_mut_ptr();
        // SAFETY: the buffer has `buffer_bytes` bytes, and both numbers are readable and writable.
        let code = unsafe {
            MgmGroupEnumerationGetNext(handle(enumeration), &mut buffer_bytes, start, &mut entries)
        };
        Got { code, buffer_bytes, entries }
    }

    fn end(&mut self, enumeration: u64) -> u32 {
        // SAFETY: takes any handle.
        unsafe { MgmGroupEnumerationEnd(handle(enumeration)) }
    }
}

#[test]
fn the_contract_holds_through_foreign_declarations() {
    let mut declared = Declared::new();
    for (name, case) in CASES {
        println!("{name}");
        case(&mut declared);
    }
}

proptest! {
    #[test]
    fn random_calls_are_answered_as_the_model_does(
        steps in proptest::collection::vec(any::<Step>(), 0..300)
    ) {
        let mut declared = Declared::new();
        let mut comparison = Comparison::new(&mut declared);
        steps.into_iter().for_each(|step| comparison.step(step));
        comparison.finish();
    }
}

#[test]
fn addresses_are_in_network_byte_order() {
    let mut declared = Declared::new();
    let igmp = declared.register(10, 0).unwrap();
    let neighbour = (7, mgm::address(192, 0, 2, 9));
    let join = mgm::entry(mgm::address(10, 0, 0, 1), mgm::address(232, 1, 1, 1));
    assert_eq!(declared.add(igmp, join, neighbour, mgm::JOIN), code::NO_ERROR);
    let snapshot = groupscan_capi::process_manager().unwrap().snapshot().unwrap();
    let interface = Interface::with_next_hop(7, V4::new(192, 0, 2, 9));
    let joined: Vec<_> = snapshot.ipv4().joined_on(interface).collect();
    assert_eq!(joined, [Join::new(V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1))]);
    assert_eq!(declared.deregister(igmp), code::NO_ERROR);
}

/// Bytes, only the first of which is aligned.
#[repr(align(8))]
struct Place([u8; 96]);

impl Place {
    fn new(value: &[u8], offset: usize) -> Self {
        let mut place = Self([0xa5; 96]);
        place.0[offset..offset + value.len()].copy_from_slice(value);
        place
    }

    fn at<T>(&mut self, offset: usize) -> *mut T {
        self.0[offset..].as_mut_ptr().cast()
    }

    fn number(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.0[offset..offset + 4].try_into().unwrap())
    }

    fn handle(&self, offset: usize) -> u64 {
        u64::from_ne_bytes(self.0[offset..offset + 8].try_into().unwrap())
    }
}

// In C an access that assumes alignment may succeed. Here debug assertions check it.
#[test]
fn places_need_not_be_aligned() {
    let mut declared = Declared::new();
    for offset in 0..8 {
        let zeros = |bytes| Place::new(&vec![0; bytes], offset);
        let (mut config, mut igmp) = (zeros(80), zeros(8));
        // SAFETY: both have as many bytes as are read or written, on any alignment.
        let code = unsafe { MgmRegisterMProtocol(config.at(offset), 10, 0, igmp.at(offset)) };
        assert_eq!(code, code::NO_ERROR);
        let igmp = igmp.handle(offset);
        let lan = (2, 0);
        assert_eq!(declared.take(igmp, lan), code::NO_ERROR);
        let (mut protocol_id, mut component_id) = (zeros(4), zeros(4));
        // SAFETY: as above.
        let code = unsafe {
            MgmGetProtocolOnInterface(2, 0, protocol_id.at(offset), component_id.at(offset))
        };
        assert_eq!((code, protocol_id.number(offset)), (code::NO_ERROR, 10));
        let join = mgm::entry(0, mgm::address(232, 1, 1, 1));
        assert_eq!(declared.add(igmp, join, lan, mgm::JOIN), code::NO_ERROR);
        let mut running = zeros(8);
        // SAFETY: as above.
        let code =
            unsafe { MgmGroupEnumerationStart(handle(igmp), ALL_SOURCES, running.at(offset)) };
        assert_eq!(code, code::NO_ERROR);
        let running = running.handle(offset);
        let expected =
            [(5, code::ERROR_INSUFFICIENT_BUFFER, 16, 0), (20, code::ERROR_NO_MORE_ITEMS, 20, 1)];
        for (bytes, expected_code, bytes_after, expected_entries) in expected {
            let mut size = Place::new(&u32::to_ne_bytes(bytes), offset);
            let (mut entries, mut buffer) = (zeros(4), zeros(20));
            let (size_at, entries_at) = (size.at(offset), entries.at(offset));
            // SAFETY: as above.
            let code = unsafe {
                MgmGroupEnumerationGetNext(handle(running), size_at, buffer.at(offset), entries_at)
            };
            let got = (code, size.number(offset), entries.number(offset));
            assert_eq!(got, (expected_code, bytes_after, expected_entries));
        }
        assert_eq!(declared.end(running), code::NO_ERROR);
        assert_eq!(declared.release(igmp, lan), code::NO_ERROR);
        assert_eq!(declared.deregister(igmp), code::NO_ERROR);
    }
}

#[test]
fn configurations_are_copied() {
    let mut declared = Declared::new();
    let mut config = ROUTING_PROTOCOL_CONFIG { dwCallbackFlags: 7, ..Default::default() };
    let mut protocol: HANDLE = ptr::null_mut();
    // SAFETY: both may be written.
    let code = unsafe { MgmRegisterMProtocol(&mut config, 10, 0, &mut protocol) };
    let protocol = issued(code, protocol).unwrap();
    config.dwCallbackFlags = 8;
    let stored = process_manager().unwrap().config(ProtocolHandle::from_bits(protocol)).unwrap();
    assert_eq!((stored.callback_flags, config.dwCallbackFlags), (7, 8));
    assert_eq!(declared.deregister(protocol), code::NO_ERROR);
}

#[test]
fn types_lie_in_memory_as_theirs() {
    assert_eq!(size_of::<SOURCE_GROUP_ENTRY>(), size_of::<SourceGroupEntry>());
    let theirs = SOURCE_GROUP_ENTRY {
        dwSourceAddr: mgm::address(10, 0, 0, 1),
        dwSourceMask: u32::MAX,
        dwGroupAddr: mgm::address(232, 1, 1, 1),
        dwGroupMask: u32::MAX,
    };
    // SAFETY: both are four numbers of 32 bits.
    let ours: SourceGroupEntry = unsafe { std::mem::transmute_copy(&theirs) };
    assert_eq!(ours.to_string(), "(10.0.0.1, 232.1.1.1)");

    assert_eq!(size_of::<ROUTING_PROTOCOL_CONFIG>(), size_of::<ProtocolConfig>());
    assert_eq!(size_of::<ProtocolConfig>(), 80);
    assert_eq!(offset_of!(ProtocolConfig, callback_flags), 0);
    let theirs = [
        offset_of!(ROUTING_PROTOCOL_CONFIG, pfnRpfCallback),
        offset_of!(ROUTING_PROTOCOL_CONFIG, pfnCreationAlertCallback),
        offset_of!(ROUTING_PROTOCOL_CONFIG, pfnPruneAlertCallback),
        offset_of!(ROUTING_PROTOCOL_CONFIG, pfnJoinAlertCallback),
        offset_of!(ROUTING_PROTOCOL_CONFIG, pfnWrongIfCallback),
        offset_of!(ROUTING_PROTOCOL_CONFIG, pfnLocalJoinCallback),
        offset_of!(ROUTING_PROTOCOL_CONFIG, pfnLocalLeaveCallback),
        offset_of!(ROUTING_PROTOCOL_CONFIG, pfnDisableIgmpCallback),
        offset_of!(ROUTING_PROTOCOL_CONFIG, pfnEnableIgmpCallback),
    ];
    let first = offset_of!(ProtocolConfig, callbacks);
    assert!((0..9).map(|number| first + number * size_of::<usize>()).eq(theirs));
}

#[test]
fn numbers_are_theirs() {
    assert_eq!((mgm::ANY_SOURCE as i32, mgm::ALL_SOURCES as i32), (ANY_SOURCE, ALL_SOURCES));
    assert_eq!((mgm::JOIN, mgm::FORWARD), (MGM_JOIN_STATE_FLAG, MGM_FORWARD_STATE_FLAG));
    let codes = [
        (code::NO_ERROR, Foundation::NO_ERROR),
        (code::ERROR_NOT_ENOUGH_MEMORY, Foundation::ERROR_NOT_ENOUGH_MEMORY),
        (code::ERROR_INVALID_PARAMETER, Foundation::ERROR_INVALID_PARAMETER),
        (code::ERROR_INSUFFICIENT_BUFFER, Foundation::ERROR_INSUFFICIENT_BUFFER),
        (code::ERROR_ALREADY_EXISTS, Foundation::ERROR_ALREADY_EXISTS),
        (code::ERROR_MORE_DATA, Foundation::ERROR_MORE_DATA),
        (code::ERROR_NO_MORE_ITEMS, Foundation::ERROR_NO_MORE_ITEMS),
        (code::ERROR_CAN_NOT_COMPLETE, Foundation::ERROR_CAN_NOT_COMPLETE),
        (code::ERROR_NOT_FOUND, Foundation::ERROR_NOT_FOUND),
    ];
    for (ours, theirs) in codes {
        assert_eq!(ours, theirs);
    }
}
