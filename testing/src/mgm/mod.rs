//! The calls of `mgm.h`, with numbers as arguments and codes as results, and their implementations. Shared by
//! tests and a fuzz target.

pub mod compare;
pub mod contract;
pub mod model;

use groupscan::manager::{
    Client, EnumerationHandle, GroupManager, ManagerError, ProtocolHandle, code,
};
use groupscan::{Filter, Interface, MembershipFlags, V4, View};

pub const ANY_SOURCE: u32 = 0;
pub const ALL_SOURCES: u32 = 1;
pub const JOIN: u32 = 1;
pub const FORWARD: u32 = 2;

/// The mask of one address.
pub const HOST: u32 = u32::MAX;

/// An address in network byte order in memory.
pub const fn address(a: u8, b: u8, c: u8, d: u8) -> u32 {
    u32::from_ne_bytes([a, b, c, d])
}

/// A record, or the addresses and masks of a membership, in the order of `SOURCE_GROUP_ENTRY`.
pub type Entry = [u32; 4];

/// An interface's index and next hop.
pub type InterfaceOf = (u32, u32);

/// The entry of a source and a group; 0 means any.
pub const fn entry(source: u32, group: u32) -> Entry {
    [source, if source == 0 { 0 } else { HOST }, group, if group == 0 { 0 } else { HOST }]
}

/// The result of a `GetNext`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Got {
    pub code: u32,
    /// `*pdwBufferSize` after the call.
    pub buffer_bytes: u32,
    /// `*pdwNumEntries` after the call.
    pub entries: u32,
}

/// The ten calls. Handles are numbers. A result is a code, or what `NO_ERROR` came with.
pub trait Mgm {
    fn register(&mut self, protocol_id: u32, component_id: u32) -> Result<u64, u32>;
    fn deregister(&mut self, protocol: u64) -> u32;
    fn take(&mut self, protocol: u64, interface: InterfaceOf) -> u32;
    fn release(&mut self, protocol: u64, interface: InterfaceOf) -> u32;
    fn protocol_on(&mut self, interface: InterfaceOf) -> Result<(u32, u32), u32>;
    fn add(&mut self, protocol: u64, entry: Entry, interface: InterfaceOf, flags: u32) -> u32;
    fn delete(&mut self, protocol: u64, entry: Entry, interface: InterfaceOf, flags: u32) -> u32;
    fn start(&mut self, protocol: u64, enum_type: u32) -> Result<u64, u32>;
    fn get_next(&mut self, enumeration: u64, buffer: &mut [u8]) -> Got;
    fn end(&mut self, enumeration: u64) -> u32;
}

/// A manager called in Rust.
pub struct InRust(pub GroupManager);

fn code_of(result: Result<(), ManagerError>) -> u32 {
    result.map_or_else(|error| error.code(), |()| code::NO_ERROR)
}

fn interface_of((index, next_hop): InterfaceOf) -> Interface<V4> {
    Interface::with_next_hop(index, V4::from(next_hop.to_ne_bytes()))
}

/// The flags with these bits, or the code that C gets for invalid ones.
fn flags_of(bits: u32) -> Result<MembershipFlags, u32> {
    let flags = u8::try_from(bits).ok().and_then(MembershipFlags::from_bits);
    flags.ok_or(code::ERROR_INVALID_PARAMETER)
}

impl Mgm for InRust {
    fn register(&mut self, protocol_id: u32, component_id: u32) -> Result<u64, u32> {
        let registered = self.0.register(Client::new(protocol_id, component_id), None);
        registered.map(ProtocolHandle::to_bits).map_err(|error| error.code())
    }

    fn deregister(&mut self, protocol: u64) -> u32 {
        code_of(self.0.deregister(ProtocolHandle::from_bits(protocol)))
    }

    fn take(&mut self, protocol: u64, interface: InterfaceOf) -> u32 {
        let protocol = ProtocolHandle::from_bits(protocol);
        code_of(self.0.take_interface(protocol, interface_of(interface)))
    }

    fn release(&mut self, protocol: u64, interface: InterfaceOf) -> u32 {
        let protocol = ProtocolHandle::from_bits(protocol);
        code_of(self.0.release_interface(protocol, interface_of(interface)))
    }

    fn protocol_on(&mut self, interface: InterfaceOf) -> Result<(u32, u32), u32> {
        let owner = self.0.protocol_on_interface(interface_of(interface));
        owner.map(|c| (c.protocol_id, c.component_id)).map_err(|error| error.code())
    }

    fn add(&mut self, protocol: u64, entry: Entry, interface: InterfaceOf, flags: u32) -> u32 {
        let protocol = ProtocolHandle::from_bits(protocol);
        let (entry, interface) = (bytemuck::cast(entry), interface_of(interface));
        let add = |flags| code_of(self.0.add_membership(protocol, &entry, interface, flags));
        flags_of(flags).map_or_else(|code| code, add)
    }

    fn delete(&mut self, protocol: u64, entry: Entry, interface: InterfaceOf, flags: u32) -> u32 {
        let protocol = ProtocolHandle::from_bits(protocol);
        let (entry, interface) = (bytemuck::cast(entry), interface_of(interface));
        let delete = |flags| code_of(self.0.delete_membership(protocol, &entry, interface, flags));
        flags_of(flags).map_or_else(|code| code, delete)
    }

    fn start(&mut self, protocol: u64, enum_type: u32) -> Result<u64, u32> {
        let view = match enum_type {
            ANY_SOURCE => View::OnePerGroup,
            ALL_SOURCES => View::AllSources,
            _ => return Err(code::ERROR_INVALID_PARAMETER),
        };
        let protocol = ProtocolHandle::from_bits(protocol);
        let started = self.0.start_enumeration(protocol, view, Filter::all());
        started.map(EnumerationHandle::to_bits).map_err(|error| error.code())
    }

    fn get_next(&mut self, enumeration: u64, buffer: &mut [u8]) -> Got {
        let buffer_bytes = buffer.len() as u32;
        match self.0.get_next(EnumerationHandle::from_bits(enumeration), buffer) {
            Ok(batch) => {
                let more = [code::ERROR_NO_MORE_ITEMS, code::ERROR_MORE_DATA];
                let entries = batch.entries().len() as u32;
                Got { code: more[usize::from(batch.more())], buffer_bytes, entries }
            }
            Err(error) => {
                let needed = match error {
                    ManagerError::BufferTooSmall { needed_bytes } => needed_bytes as u32,
                    _ => buffer_bytes,
                };
                Got { code: error.code(), buffer_bytes: needed, entries: 0 }
            }
        }
    }

    fn end(&mut self, enumeration: u64) -> u32 {
        code_of(self.0.end_enumeration(EnumerationHandle::from_bits(enumeration)))
    }
}
