//! Calls of the C interfaces, from the input. Either calls of `mgm.h` with all kinds of handles, null
//! pointers and odd buffers, each of which must answer as the model does; or changes through `groupscan.h`,
//! which must have the results of the same calls in Rust.

#![cfg_attr(fuzzing, no_main)]

use std::ffi::c_void;
use std::ptr;

use groupscan::manager::code::{ERROR_INVALID_PARAMETER, NO_ERROR};
use groupscan_capi::*;

use groupscan_testing::capi_calls::{Change, FILTERS, Numbers};
use groupscan_testing::mgm::compare::{Comparison, Step};
use groupscan_testing::mgm::{Entry, Got, InterfaceOf, Mgm};

/// The greatest number of calls of `mgm.h`, and of changes through `groupscan.h`, in an input.
const STEPS: usize = 500;
const CHANGES: usize = 12;

/// The greatest number of memberships in a change. The worst case of each is reserved, one heap block per
/// node.
const ROW: u8 = 24;

/// The bytes of one change.
type ChangeBytes = [u8; 6];

/// The process's manager, called with pointers of one offset, aligned or not.
struct Calls {
    offset: usize,
}

/// Memory for a number or a handle at an offset.
struct Place([u8; 24]);

impl Place {
    fn new() -> Self {
        Self([0; 24])
    }

    fn at<T>(&mut self, offset: usize, value: u32) -> *mut T {
        self.0[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        self.0[offset..].as_mut_ptr().cast()
    }

    fn number(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.0[offset..offset + 4].try_into().unwrap())
    }

    fn handle(&self, offset: usize) -> u64 {
        u64::from_ne_bytes(self.0[offset..offset + 8].try_into().unwrap())
    }
}

fn handle(bits: u64) -> *mut c_void {
    ptr::without_provenance_mut(bits as usize)
}

impl Mgm for Calls {
    fn register(&mut self, protocol_id: u32, component_id: u32) -> Result<u64, u32> {
        let mut place = Place::new();
        let out = place.at(self.offset, 0);
        // SAFETY: the place has room for a handle at the offset, which is at most 7.
        match unsafe { MgmRegisterMProtocol(ptr::null(), protocol_id, component_id, out) } {
            NO_ERROR => Ok(place.handle(self.offset)),
            code => Err(code),
        }
    }

    fn deregister(&mut self, protocol: u64) -> u32 {
        MgmDeRegisterMProtocol(handle(protocol))
    }

    fn take(&mut self, protocol: u64, (index, next_hop): InterfaceOf) -> u32 {
        MgmTakeInterfaceOwnership(handle(protocol), index, next_hop)
    }

    fn release(&mut self, protocol: u64, (index, next_hop): InterfaceOf) -> u32 {
        MgmReleaseInterfaceOwnership(handle(protocol), index, next_hop)
    }

    fn protocol_on(&mut self, (index, next_hop): InterfaceOf) -> Result<(u32, u32), u32> {
        let (mut id, mut component) = (Place::new(), Place::new());
        let (id_out, component_out) = (id.at(self.offset, 0), component.at(self.offset, 0));
        // SAFETY: the places have room for numbers at the offset, which is at most 7.
        match unsafe { MgmGetProtocolOnInterface(index, next_hop, id_out, component_out) } {
            NO_ERROR => Ok((id.number(self.offset), component.number(self.offset))),
            code => Err(code),
        }
    }

    fn add(&mut self, protocol: u64, entry: Entry, interface: InterfaceOf, flags: u32) -> u32 {
        let ([s, s_mask, g, g_mask], (index, hop)) = (entry, interface);
        MgmAddGroupMembershipEntry(handle(protocol), s, s_mask, g, g_mask, index, hop, flags)
    }

    fn delete(&mut self, protocol: u64, entry: Entry, interface: InterfaceOf, flags: u32) -> u32 {
        let ([s, s_mask, g, g_mask], (index, hop)) = (entry, interface);
        MgmDeleteGroupMembershipEntry(handle(protocol), s, s_mask, g, g_mask, index, hop, flags)
    }

    fn start(&mut self, protocol: u64, enum_type: u32) -> Result<u64, u32> {
        let mut place = Place::new();
        let out = place.at(self.offset, 0);
        // SAFETY: the place has room for a handle at the offset, which is at most 7.
        match unsafe { MgmGroupEnumerationStart(handle(protocol), enum_type, out) } {
            NO_ERROR => Ok(place.handle(self.offset)),
            code => Err(code),
        }
    }

    fn get_next(&mut self, enumeration: u64, buffer: &mut [u8]) -> Got {
        let (mut size, mut count) = (Place::new(), Place::new());
        let bytes = buffer.len() as u32;
        let size_in = size.at(self.offset, bytes);
        let count_out = count.at(self.offset, 0xdead_beef);
        // A buffer too small for a record may be null.
        let start = if bytes < 16 { ptr::null_mut() } else { buffer.as_mut_ptr() };
        // SAFETY: the places hold numbers at the offset, and the buffer has as many bytes as `size` says.
        let code =
            unsafe { MgmGroupEnumerationGetNext(handle(enumeration), size_in, start, count_out) };
        let (buffer_bytes, entries) = (size.number(self.offset), count.number(self.offset));
        Got { code, buffer_bytes, entries }
    }

    fn end(&mut self, enumeration: u64) -> u32 {
        MgmGroupEnumerationEnd(handle(enumeration))
    }
}

/// Calls with null pointers, which must fail and do nothing.
fn nulls(protocol: u32) {
    let none = ptr::null_mut;
    let mut number = 16;
    // SAFETY: each pointer is null or that of `number`.
    let codes = unsafe {
        [
            MgmRegisterMProtocol(ptr::null(), protocol, 0, ptr::null_mut()),
            MgmGetProtocolOnInterface(1, 0, none(), &mut number),
            MgmGetProtocolOnInterface(1, 0, &mut number, none()),
            MgmGroupEnumerationStart(ptr::null_mut(), 1, ptr::null_mut()),
            MgmGroupEnumerationGetNext(ptr::null_mut(), none(), ptr::null_mut(), &mut number),
            MgmGroupEnumerationGetNext(ptr::null_mut(), &mut number, ptr::null_mut(), none()),
        ]
    };
    assert_eq!((codes, number), ([ERROR_INVALID_PARAMETER; 6], 0));
}

/// The numbers of consecutive memberships: sixteen groups of sixteen sources.
fn row(from: u8, count: u8, interface: u8, flags: u8) -> impl Iterator<Item = Numbers> {
    (0..=count % ROW).map(move |step| {
        let number = from.wrapping_add(step);
        (number / 16, number % 16, interface % 6, flags)
    })
}

/// A change, and whether it is one of IPv4.
fn change([what, protocol, interface, from, count, flags]: ChangeBytes) -> (bool, Change) {
    let (protocol, interface) = (protocol % 3, interface % 6);
    let memberships: Vec<Numbers> = row(from, count, interface, flags).collect();
    let change = match what % 11 {
        0..=2 => Change::Join { protocol, memberships },
        3 => Change::Leave { protocol, memberships },
        4 => {
            let leaves = row(from.wrapping_sub(count), count, interface, flags).collect();
            Change::Update { protocol, leaves, joins: memberships }
        }
        5 => Change::LeaveAll { protocol, interface },
        6 => Change::LeaveEverywhere { protocol },
        7 => Change::LeaveEverywhereInSteps { protocol, most: count },
        by => {
            let joins = memberships.iter().map(|&(group, source, ..)| (group, source)).collect();
            match by {
                8 => Change::ReplaceInSteps { protocol, interface, joins, flags, most: from % 16 },
                _ => Change::Replace { protocol, interface, joins, sorted: by == 9 },
            }
        }
    };
    (what < 0x80, change)
}

groupscan_fuzz::target!(|data: &[u8]| {
    let [api, data @ ..] = data else {
        return;
    };
    if *api >= 0x80 {
        let changes = data.as_chunks::<{ size_of::<ChangeBytes>() }>().0;
        let changes = changes.iter().take(CHANGES).copied().map(change).collect();
        let narrowed = usize::from(*api) % FILTERS;
        groupscan_testing::capi_calls::run(changes, narrowed..narrowed + 1);
        return;
    }
    nulls((*api).into());
    let mut calls = Calls { offset: usize::from(api % 8) };
    let mut comparison = Comparison::new(&mut calls);
    for step in data.as_chunks::<{ size_of::<Step>() }>().0.iter().take(STEPS) {
        comparison.step(*step);
    }
    comparison.finish();
});
