//! Random calls of the C ABI, with handles of any kind, null pointers, and odd buffers: each must answer
//! as the model does, and nothing may be left behind.

#![no_main]

use std::ffi::c_void;
use std::ptr;

use groupscan::ffi::*;
use groupscan::manager::code::{ERROR_INVALID_PARAMETER, NO_ERROR};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/mgm/mod.rs"]
mod mgm;

use mgm::compare::{Comparison, Step};
use mgm::{Entry, Got, InterfaceOf, Mgm};

/// The process's manager, through pointers that lie on any byte.
struct Calls {
    offset: usize,
}

/// A place for a number or a handle, on an odd byte if it is told so.
struct Place([u8; 24]);

impl Place {
    fn new(value: u64) -> Self {
        let mut place = Self([0; 24]);
        (0..16).for_each(|at| place.0[at..at + 8].copy_from_slice(&value.to_ne_bytes()));
        place
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
        let mut place = Place::new(0);
        let out = place.at(self.offset, 0);
        // SAFETY: the place takes a handle from the offset on.
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
        let (mut id, mut component) = (Place::new(0), Place::new(0));
        let (id_out, component_out) = (id.at(self.offset, 0), component.at(self.offset, 0));
        // SAFETY: the places take numbers from the offset on.
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
        let mut place = Place::new(0);
        let out = place.at(self.offset, 0);
        // SAFETY: the place takes a handle from the offset on.
        match unsafe { MgmGroupEnumerationStart(handle(protocol), enum_type, out) } {
            NO_ERROR => Ok(place.handle(self.offset)),
            code => Err(code),
        }
    }

    fn get_next(&mut self, enumeration: u64, buffer: &mut [u8]) -> Got {
        let (mut size, mut count) = (Place::new(0), Place::new(0));
        let bytes = buffer.len() as u32;
        let size_in = size.at(self.offset, bytes);
        let count_out = count.at(self.offset, 0xdead_beef);
        // A buffer that takes no record may be null.
        let start = if bytes < 16 { ptr::null_mut() } else { buffer.as_mut_ptr() };
        // SAFETY: the places hold numbers from the offset on, and the buffer has so many bytes.
        let code =
            unsafe { MgmGroupEnumerationGetNext(handle(enumeration), size_in, start, count_out) };
        let (buffer_bytes, entries) = (size.number(self.offset), count.number(self.offset));
        Got { code, buffer_bytes, entries }
    }

    fn end(&mut self, enumeration: u64) -> u32 {
        MgmGroupEnumerationEnd(handle(enumeration))
    }
}

/// Calls with null pointers: none does anything.
fn nulls(protocol: u32) {
    let none = ptr::null_mut;
    let mut number = 16;
    // SAFETY: what is not null may be read and written.
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

fuzz_target!(|data: &[u8]| {
    let [offset, data @ ..] = data else {
        return;
    };
    nulls((*offset).into());
    let mut calls = Calls { offset: usize::from(offset % 8) };
    let mut comparison = Comparison::new(&mut calls);
    for step in data.as_chunks::<{ size_of::<Step>() }>().0 {
        comparison.step(*step);
    }
    comparison.finish();
});
