//! The structs of `groupscan.h`, and what they are in Rust.
//!
//! # Invariants
//!
//! - I1: structs have no padding, so each of their bytes means something (bytemuck's `Pod` checks it).

#![allow(non_camel_case_types, reason = "names of the header")]
#![allow(missing_docs, reason = "the header documents the fields")]

use std::mem::offset_of;

use bytemuck::{Pod, Zeroable};

use super::status::groupscan_status::{self, GROUPSCAN_ERROR_INVALID_VIEW};
use super::status::{
    GROUPSCAN_ERROR_INVALID_FAMILY, GROUPSCAN_ERROR_INVALID_FLAGS, GROUPSCAN_ERROR_UNKNOWN_OPTION,
};
use crate::enumeration::{Filter, Position, Prefix, View};
use crate::family::{Family, V4, V6};
use crate::flags::MembershipFlags;
use crate::manager::ManagerLimits;
use crate::membership::{Interface, Membership, Protocol};
use crate::record::{MembershipEntry, MembershipEntry6, SourceGroupEntry, SourceGroupEntry6};
use crate::table::Limits;

/// A protocol that is registered with a manager.
pub type groupscan_protocol_handle = u64;

/// An enumeration that a manager runs.
pub type groupscan_enumeration_handle = u64;

/// Has a receiver: the flag that makes a membership a join.
pub const GROUPSCAN_JOIN: u32 = 1;

/// Is forwarded.
pub const GROUPSCAN_FORWARD: u32 = 2;

/// The family of a position in IPv4.
pub const GROUPSCAN_IPV4: u32 = 4;

/// The family of a position in IPv6.
pub const GROUPSCAN_IPV6: u32 = 6;

/// What an enumeration shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum groupscan_view {
    GROUPSCAN_VIEW_ALL_SOURCES = 0,
    GROUPSCAN_VIEW_ANY_SOURCE = 1,
    GROUPSCAN_VIEW_SOURCE_SPECIFIC = 2,
    GROUPSCAN_VIEW_WILDCARD = 3,
    GROUPSCAN_VIEW_GROUPS = 4,
}

const VIEWS: [View; 5] =
    [View::AllSources, View::AnySource, View::SourceSpecific, View::Wildcard, View::Groups];

/// The view of a number.
pub(super) fn view_in(view: u32) -> Result<View, groupscan_status> {
    VIEWS.get(view as usize).copied().ok_or(GROUPSCAN_ERROR_INVALID_VIEW)
}

/// The number of a view.
pub(super) fn view_out(view: View) -> u32 {
    VIEWS.iter().position(|one| *one == view).unwrap_or(0) as u32
}

/// A struct that later versions of the library may make longer: its first field is its size, or it is
/// passed together with its size.
pub(super) trait Grows: Pod {
    /// The size that it had at first, which no caller falls short of.
    const FIRST_BYTES: usize;
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_table_options {
    pub size: usize,
    pub node_bytes: usize,
    pub live_versions: usize,
}

impl Grows for groupscan_table_options {
    const FIRST_BYTES: usize = 24;
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_manager_options {
    pub size: usize,
    pub node_bytes: usize,
    pub live_versions: usize,
    pub protocols: usize,
    pub owned_interfaces: usize,
    pub enumerations: usize,
    pub idle_ms: u64,
}

impl Grows for groupscan_manager_options {
    const FIRST_BYTES: usize = 56;
}

/// What was said, or else the default.
fn or(said: usize, default: usize) -> usize {
    if said == 0 { default } else { said }
}

impl From<groupscan_table_options> for Limits {
    fn from(options: groupscan_table_options) -> Self {
        let limits = Self::default().node_bytes(or(options.node_bytes, usize::MAX));
        match options.live_versions {
            0 => limits,
            versions => limits.live_versions(versions),
        }
    }
}

impl From<groupscan_manager_options> for ManagerLimits {
    fn from(options: groupscan_manager_options) -> Self {
        let groupscan_manager_options { node_bytes, live_versions, .. } = options;
        let table = groupscan_table_options { size: 0, node_bytes, live_versions };
        let limits = Self::default()
            .table(table.into())
            .protocols(or(options.protocols, Self::PROTOCOLS))
            .owned_interfaces(or(options.owned_interfaces, Self::OWNED_INTERFACES))
            .enumerations(or(options.enumerations, Self::ENUMERATIONS));
        match options.idle_ms {
            0 => limits,
            millis => limits.idle(std::time::Duration::from_millis(millis)),
        }
    }
}

/// What the structs of a family are in Rust.
pub(super) trait InC: Family {
    type Join: Pod;
    type Interface: Pod;
    type Membership: Pod;
    type Prefix: Pod;
    type Filter: Grows;
    type Record: Pod;
    type Key: Pod;

    /// The number by which positions name the family.
    const NUMBER: u32;

    fn join_in(join: Self::Join) -> (Self, Self);
    fn interface_in(interface: Self::Interface) -> Interface<Self>;
    fn interface_out(interface: Interface<Self>) -> Self::Interface;
    fn membership_in(
        membership: Self::Membership,
        protocol: Protocol,
    ) -> Result<Membership<Self>, groupscan_status>;
    fn prefix_out(prefix: Prefix<Self>) -> Self::Prefix;
    fn filter_in(filter: Self::Filter) -> Result<Filter<Self>, groupscan_status>;

    /// The record of a membership.
    fn record_out(membership: Membership<Self>) -> Self::Record {
        let Membership { group, source, interface, protocol, flags } = membership;
        let entry = Self::entry(group, source);
        let Interface { index, next_hop } = interface;
        let flags = flags.bits().into();
        // Both have the same size.
        bytemuck::cast(Self::membership_entry(entry, index, next_hop, protocol.0, flags))
    }

    /// The address that the first bytes are.
    fn address_in(bytes: [u8; 16]) -> Self;

    /// The address as the first bytes, with zeros behind it.
    fn address_out(address: Self) -> [u8; 16];

    /// A position of this family, or the one before all others.
    fn position_in(
        position: groupscan_position,
    ) -> Result<Option<Position<Self>>, groupscan_status> {
        let groupscan_position { group, source, family, has_protocol, protocol } = position;
        if family == 0 {
            return Ok(None);
        }
        if family != Self::NUMBER {
            return Err(GROUPSCAN_ERROR_INVALID_FAMILY);
        }
        let [group, source] = [group, source].map(Self::address_in);
        let protocol = (has_protocol != 0).then_some(Protocol(protocol));
        Ok(Some(Position { group, source, protocol }))
    }

    fn position_out(position: Option<Position<Self>>) -> groupscan_position {
        position.map_or_else(groupscan_position::zeroed, |Position { group, source, protocol }| {
            groupscan_position {
                group: Self::address_out(group),
                source: Self::address_out(source),
                family: Self::NUMBER,
                has_protocol: protocol.is_some().into(),
                protocol: protocol.map_or(0, |protocol| protocol.0),
            }
        })
    }
}

/// Ties the structs of a family to it.
macro_rules! in_c {
    (
        $family:ty, $number:expr, $bytes:literal, $join:ident, $interface:ident, $membership:ident,
        $prefix:ident, $filter:ident, $record:ident, $key:ty
    ) => {
        impl InC for $family {
            type Join = $join;
            type Interface = $interface;
            type Membership = $membership;
            type Prefix = $prefix;
            type Filter = $filter;
            type Record = $record;
            type Key = $key;

            const NUMBER: u32 = $number;

            fn join_in(join: $join) -> (Self, Self) {
                (join.group.into(), join.source.into())
            }

            fn interface_in(interface: $interface) -> Interface<Self> {
                Interface::with_next_hop(interface.index, interface.next_hop.into())
            }

            fn interface_out(interface: Interface<Self>) -> $interface {
                $interface { index: interface.index, next_hop: interface.next_hop.octets() }
            }

            fn membership_in(
                membership: $membership,
                protocol: Protocol,
            ) -> Result<Membership<Self>, groupscan_status> {
                let flags = flags_in(membership.flags)?;
                let interface = Self::interface_in(membership.iface);
                let (group, source) = (membership.group.into(), membership.source.into());
                let membership = Membership::source_specific(group, source, interface, protocol);
                Ok(membership.with_flags(flags))
            }

            fn prefix_out(prefix: Prefix<Self>) -> $prefix {
                let (address, length) = (prefix.first().octets(), prefix.length().into());
                $prefix { address, length }
            }

            fn filter_in(filter: $filter) -> Result<Filter<Self>, groupscan_status> {
                if filter.is_reserved_used() {
                    return Err(GROUPSCAN_ERROR_UNKNOWN_OPTION);
                }
                let [group, source] = [filter.group, filter.source].map(|prefix| {
                    let length = prefix.length.try_into().unwrap_or(u8::MAX);
                    Prefix::new(prefix.address.into(), length)
                });
                let filtered = Filter::all().group(group?).source(source?);
                match filter.has_interface {
                    0 => Ok(filtered),
                    1 => Ok(filtered.interface(Self::interface_in(filter.iface))),
                    _ => Err(GROUPSCAN_ERROR_UNKNOWN_OPTION),
                }
            }

            fn address_in(bytes: [u8; 16]) -> Self {
                bytes.first_chunk::<$bytes>().map_or(Self::UNSPECIFIED, |first| (*first).into())
            }

            fn address_out(address: Self) -> [u8; 16] {
                let mut bytes = [0; 16];
                bytes.iter_mut().zip(address.octets()).for_each(|(to, from)| *to = from);
                bytes
            }
        }
    };
}

in_c!(
    V4,
    GROUPSCAN_IPV4,
    4,
    groupscan_join4,
    groupscan_interface4,
    groupscan_membership4,
    groupscan_prefix4,
    groupscan_filter4,
    groupscan_membership_entry4,
    u64
);
in_c!(
    V6,
    GROUPSCAN_IPV6,
    16,
    groupscan_join6,
    groupscan_interface6,
    groupscan_membership6,
    groupscan_prefix6,
    groupscan_filter6,
    groupscan_membership_entry6,
    groupscan_key6
);

/// The flags of some bits.
pub(super) fn flags_in(bits: u32) -> Result<MembershipFlags, groupscan_status> {
    let flags = u8::try_from(bits).ok().and_then(MembershipFlags::from_bits);
    flags.ok_or(GROUPSCAN_ERROR_INVALID_FLAGS)
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_join4 {
    pub group: [u8; 4],
    pub source: [u8; 4],
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_join6 {
    pub group: [u8; 16],
    pub source: [u8; 16],
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_interface4 {
    pub index: u32,
    pub next_hop: [u8; 4],
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_interface6 {
    pub index: u32,
    pub next_hop: [u8; 16],
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_membership4 {
    pub group: [u8; 4],
    pub source: [u8; 4],
    pub iface: groupscan_interface4,
    pub flags: u32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_membership6 {
    pub group: [u8; 16],
    pub source: [u8; 16],
    pub iface: groupscan_interface6,
    pub flags: u32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_prefix4 {
    pub address: [u8; 4],
    pub length: u32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_prefix6 {
    pub address: [u8; 16],
    pub length: u32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_filter4 {
    pub size: usize,
    pub group: groupscan_prefix4,
    pub source: groupscan_prefix4,
    pub has_interface: u32,
    pub iface: groupscan_interface4,
    pub reserved: u32,
}

impl groupscan_filter4 {
    fn is_reserved_used(&self) -> bool {
        self.reserved != 0
    }
}

impl Grows for groupscan_filter4 {
    const FIRST_BYTES: usize = 40;
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_filter6 {
    pub size: usize,
    pub group: groupscan_prefix6,
    pub source: groupscan_prefix6,
    pub has_interface: u32,
    pub iface: groupscan_interface6,
}

impl groupscan_filter6 {
    /// There is nothing of the kind.
    fn is_reserved_used(&self) -> bool {
        false
    }
}

impl Grows for groupscan_filter6 {
    const FIRST_BYTES: usize = 72;
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_source_group_entry4 {
    pub source: [u8; 4],
    pub source_mask: [u8; 4],
    pub group: [u8; 4],
    pub group_mask: [u8; 4],
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_source_group_entry6 {
    pub source: [u8; 16],
    pub source_mask: [u8; 16],
    pub group: [u8; 16],
    pub group_mask: [u8; 16],
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_membership_entry4 {
    pub entry: groupscan_source_group_entry4,
    pub next_hop: [u8; 4],
    pub interface_index: u32,
    pub protocol: u32,
    pub flags: u32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_membership_entry6 {
    pub entry: groupscan_source_group_entry6,
    pub next_hop: [u8; 16],
    pub interface_index: u32,
    pub protocol: u32,
    pub flags: u32,
    pub reserved: u32,
}

/// The records are those of Rust, which lie on any byte.
const _: () = {
    assert!(size_of::<groupscan_source_group_entry4>() == size_of::<SourceGroupEntry>());
    assert!(size_of::<groupscan_source_group_entry6>() == size_of::<SourceGroupEntry6>());
    assert!(size_of::<groupscan_membership_entry4>() == size_of::<MembershipEntry>());
    assert!(size_of::<groupscan_membership_entry6>() == size_of::<MembershipEntry6>());
    assert!(offset_of!(groupscan_membership_entry4, next_hop) == 16);
    assert!(offset_of!(groupscan_membership_entry4, interface_index) == 20);
    assert!(offset_of!(groupscan_membership_entry6, next_hop) == 64);
    assert!(offset_of!(groupscan_membership_entry6, interface_index) == 80);
};

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_key6 {
    pub words: [u64; 4],
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_position {
    pub group: [u8; 16],
    pub source: [u8; 16],
    pub family: u32,
    pub has_protocol: u32,
    pub protocol: u32,
}
