//! The two address families.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::family::sealed::Keys;
use super::family::{Family, V4, V6};
use super::key;
use super::record::{MembershipEntry, MembershipEntry6, SourceGroupEntry, SourceGroupEntry6};

impl Family for V4 {
    type Entry = SourceGroupEntry;
    type MembershipEntry = MembershipEntry;
    type JoinKey = key::JoinKey4;

    const UNSPECIFIED: Self = Ipv4Addr::UNSPECIFIED;
    const MAX: Self = Ipv4Addr::BROADCAST;
    const BITS: u8 = 32;

    #[inline]
    fn is_unspecified(self) -> bool {
        Ipv4Addr::is_unspecified(&self)
    }
}

impl Keys for V4 {
    type ByGroup = key::ByGroupKey4;
    type ByInterface = key::ByInterfaceKey4;
    type ByNeighbor = key::ByNeighborKey4;

    #[inline]
    fn to_number(self) -> u128 {
        self.to_bits().into()
    }

    #[inline]
    fn from_number(number: u128) -> Self {
        Self::from_bits(number as u32)
    }

    #[inline]
    fn entry(group: Self, source: Self) -> SourceGroupEntry {
        SourceGroupEntry::new(group, source)
    }

    #[inline]
    fn group_and_source(entry: &SourceGroupEntry) -> (Self, Self) {
        (entry.group(), entry.source())
    }

    #[inline]
    fn membership_entry(
        entry: SourceGroupEntry,
        interface_index: u32,
        next_hop: Self,
        protocol: u32,
        flags: u8,
    ) -> MembershipEntry {
        MembershipEntry::from_fields(entry, interface_index, next_hop, protocol, flags.into())
    }

    #[inline]
    fn membership_fields(entry: &MembershipEntry) -> (Self, Self, u32, Self, u32, u32) {
        entry.fields()
    }
}

impl Family for V6 {
    type Entry = SourceGroupEntry6;
    type MembershipEntry = MembershipEntry6;
    type JoinKey = key::JoinKey6;

    const UNSPECIFIED: Self = Ipv6Addr::UNSPECIFIED;
    const MAX: Self = Ipv6Addr::from_bits(u128::MAX);
    const BITS: u8 = 128;

    #[inline]
    fn is_unspecified(self) -> bool {
        Ipv6Addr::is_unspecified(&self)
    }
}

impl Keys for V6 {
    type ByGroup = key::ByGroupKey6;
    type ByInterface = key::ByInterfaceKey6;
    type ByNeighbor = key::ByNeighborKey6;

    #[inline]
    fn to_number(self) -> u128 {
        self.to_bits()
    }

    #[inline]
    fn from_number(number: u128) -> Self {
        Self::from_bits(number)
    }

    #[inline]
    fn entry(group: Self, source: Self) -> SourceGroupEntry6 {
        SourceGroupEntry6::new(group, source)
    }

    #[inline]
    fn group_and_source(entry: &SourceGroupEntry6) -> (Self, Self) {
        (entry.group(), entry.source())
    }

    #[inline]
    fn membership_entry(
        entry: SourceGroupEntry6,
        interface_index: u32,
        next_hop: Self,
        protocol: u32,
        flags: u8,
    ) -> MembershipEntry6 {
        MembershipEntry6::from_fields(entry, interface_index, next_hop, protocol, flags.into())
    }

    #[inline]
    fn membership_fields(entry: &MembershipEntry6) -> (Self, Self, u32, Self, u32, u32) {
        entry.fields()
    }
}
