//! The contract as a simple model of lists.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use groupscan::manager::code::*;

use super::{ANY_SOURCE, Entry, Got, HOST, InterfaceOf, JOIN, Mgm, entry};

/// Source, group, interface and protocol, with addresses in network byte order in memory.
type Membership = (u32, u32, InterfaceOf, u64);

#[derive(Default)]
pub struct Model {
    clients: BTreeMap<u64, (u32, u32)>,
    owners: BTreeMap<InterfaceOf, u64>,
    memberships: BTreeMap<Membership, u32>,
    /// The client, and the remaining records.
    enumerations: BTreeMap<u64, (u64, Vec<Entry>)>,
    issued: Cell<u64>,
}

impl Model {
    fn is_igmp(&self, protocol: u64) -> bool {
        self.clients[&protocol].0 & 0xffff == 10
    }

    fn issue(&self) -> u64 {
        // Far apart, so that a slightly changed handle is invalid.
        self.issued.set(self.issued.get() + (1 << 20));
        self.issued.get()
    }

    /// The records of an enumeration that starts now.
    fn records(&self, enum_type: u32) -> Vec<Entry> {
        let joins = self.memberships.iter().filter(|(_, flags)| **flags & JOIN != 0);
        let sorted: BTreeSet<(u32, u32)> = joins
            .map(|((source, group, ..), _)| (u32::from_be(*group), u32::from_be(*source)))
            .collect();
        let mut sorted: Vec<_> = sorted.into_iter().collect();
        if enum_type == ANY_SOURCE {
            sorted.retain(|(_, source)| *source != 0);
            sorted.dedup_by_key(|(group, _)| *group);
        }
        sorted.into_iter().map(|(group, source)| entry(source.to_be(), group.to_be())).collect()
    }
}

fn is_valid([source, source_mask, group, group_mask]: Entry) -> bool {
    let is_host_or_any = |address, mask| mask == HOST || (mask == 0 && address == 0);
    let is_multicast = group.to_ne_bytes()[0] & 0xf0 == 0xe0;
    is_host_or_any(source, source_mask)
        && is_host_or_any(group, group_mask)
        && (is_multicast || (group == 0 && source == 0))
}

impl Mgm for Model {
    fn register(&mut self, protocol_id: u32, component_id: u32) -> Result<u64, u32> {
        let client = (protocol_id, component_id);
        if self.clients.values().any(|registered| *registered == client) {
            return Err(ERROR_ALREADY_EXISTS);
        }
        let handle = self.issue();
        self.clients.insert(handle, client);
        Ok(handle)
    }

    fn deregister(&mut self, protocol: u64) -> u32 {
        if !self.clients.contains_key(&protocol) {
            return ERROR_INVALID_PARAMETER;
        }
        if self.owners.values().any(|owner| *owner == protocol) {
            return ERROR_CAN_NOT_COMPLETE;
        }
        self.memberships.retain(|(.., by), _| *by != protocol);
        self.enumerations.retain(|_, (by, _)| *by != protocol);
        self.clients.remove(&protocol);
        NO_ERROR
    }

    fn take(&mut self, protocol: u64, interface: InterfaceOf) -> u32 {
        if !self.clients.contains_key(&protocol) {
            return ERROR_INVALID_PARAMETER;
        }
        match self.owners.insert(interface, protocol) {
            Some(owner) if owner != protocol => {
                self.owners.insert(interface, owner);
                ERROR_ALREADY_EXISTS
            }
            _ => NO_ERROR,
        }
    }

    fn release(&mut self, protocol: u64, interface: InterfaceOf) -> u32 {
        let is_owner = self.owners.get(&interface) == Some(&protocol);
        if !is_owner || !self.clients.contains_key(&protocol) {
            return ERROR_INVALID_PARAMETER;
        }
        self.memberships.retain(|(.., on, by), _| *on != interface || *by != protocol);
        self.owners.remove(&interface);
        NO_ERROR
    }

    fn protocol_on(&mut self, interface: InterfaceOf) -> Result<(u32, u32), u32> {
        self.owners.get(&interface).map(|owner| self.clients[owner]).ok_or(ERROR_NOT_FOUND)
    }

    fn add(&mut self, protocol: u64, entry: Entry, interface: InterfaceOf, flags: u32) -> u32 {
        let is_valid = is_valid(entry) && (1..=3).contains(&flags);
        if !is_valid || !self.clients.contains_key(&protocol) {
            return ERROR_INVALID_PARAMETER;
        }
        if self.owners.get(&interface) != Some(&protocol) && !self.is_igmp(protocol) {
            return ERROR_INVALID_PARAMETER;
        }
        *self.memberships.entry((entry[0], entry[2], interface, protocol)).or_default() |= flags;
        NO_ERROR
    }

    fn delete(&mut self, protocol: u64, entry: Entry, interface: InterfaceOf, flags: u32) -> u32 {
        let is_valid = is_valid(entry) && (1..=3).contains(&flags);
        if !is_valid || !self.clients.contains_key(&protocol) {
            return ERROR_INVALID_PARAMETER;
        }
        match self.owners.get(&interface) {
            None if self.memberships.keys().all(|(.., on, _)| *on != interface) => {
                return ERROR_NOT_FOUND;
            }
            Some(owner) if *owner != protocol && !self.is_igmp(protocol) => {
                return ERROR_INVALID_PARAMETER;
            }
            _ => {}
        }
        let membership = (entry[0], entry[2], interface, protocol);
        if let Some(kept) = self.memberships.get_mut(&membership) {
            *kept &= !flags;
            if *kept == 0 {
                self.memberships.remove(&membership);
            }
        }
        NO_ERROR
    }

    fn start(&mut self, protocol: u64, enum_type: u32) -> Result<u64, u32> {
        if !self.clients.contains_key(&protocol) || enum_type > 1 {
            return Err(ERROR_INVALID_PARAMETER);
        }
        let handle = self.issue();
        self.enumerations.insert(handle, (protocol, self.records(enum_type)));
        Ok(handle)
    }

    fn get_next(&mut self, enumeration: u64, buffer: &mut [u8]) -> Got {
        let buffer_bytes = buffer.len() as u32;
        let Some((_, left)) = self.enumerations.get_mut(&enumeration) else {
            return Got { code: ERROR_INVALID_PARAMETER, buffer_bytes, entries: 0 };
        };
        if !left.is_empty() && buffer_bytes < 16 {
            return Got { code: ERROR_INSUFFICIENT_BUFFER, buffer_bytes: 16, entries: 0 };
        }
        let count = left.len().min(buffer.len() / 16);
        let given: Vec<Entry> = left.drain(..count).collect();
        buffer[..count * 16].copy_from_slice(bytemuck::cast_slice(&given));
        let code = if left.is_empty() { ERROR_NO_MORE_ITEMS } else { ERROR_MORE_DATA };
        Got { code, buffer_bytes, entries: count as u32 }
    }

    fn end(&mut self, enumeration: u64) -> u32 {
        match self.enumerations.remove(&enumeration) {
            Some(_) => NO_ERROR,
            None => ERROR_INVALID_PARAMETER,
        }
    }
}
