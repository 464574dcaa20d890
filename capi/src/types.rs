//! The structs of `groupscan.h`. The conversions of those of a family are in `families`.
//!
//! # Invariants
//!
//! - I1: structs have no padding (bytemuck's `Pod` checks it).

#![allow(non_camel_case_types, reason = "names of the header")]
#![allow(missing_docs, reason = "the header documents the fields")]

use std::mem::offset_of;
use std::time::Duration;

use bytemuck::{Pod, Zeroable};

use groupscan::manager::ManagerLimits;
use groupscan::{
    Limits, MembershipEntry, MembershipEntry6, MembershipFlags, MembershipOrder, ReplacedFlags,
    SourceGroupEntry, SourceGroupEntry6, View,
};

use crate::memory::Grows;
use crate::status::groupscan_status::{
    self, GROUPSCAN_ERROR_INVALID_FLAGS, GROUPSCAN_ERROR_INVALID_ORDER,
    GROUPSCAN_ERROR_INVALID_VIEW,
};

/// A handle of a protocol that is registered with a manager.
pub type groupscan_protocol_handle = u64;

/// A handle of an enumeration that a manager runs.
pub type groupscan_enumeration_handle = u64;

/// There are receivers: the flag that makes a membership a join.
pub const GROUPSCAN_JOIN: u32 = 1;

/// Traffic is forwarded.
pub const GROUPSCAN_FORWARD: u32 = 2;

/// Memberships that exist keep their other flags.
pub const GROUPSCAN_KEEP_FLAGS: u32 = 256;

/// The family of an IPv4 position.
pub const GROUPSCAN_IPV4: u32 = 4;

/// The family of an IPv6 position.
pub const GROUPSCAN_IPV6: u32 = 6;

/// What an enumeration shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum groupscan_view {
    GROUPSCAN_VIEW_ALL_SOURCES = 0,
    GROUPSCAN_VIEW_ONE_PER_GROUP = 1,
    GROUPSCAN_VIEW_SOURCE_SPECIFIC = 2,
    GROUPSCAN_VIEW_ANY_SOURCE = 3,
    GROUPSCAN_VIEW_GROUPS = 4,
}

/// The view with a number of `groupscan_view`.
pub(crate) fn view_in(number: u32) -> Result<View, groupscan_status> {
    let mut views = View::ALL.into_iter();
    views.find(|view| view_out(*view) == number).ok_or(GROUPSCAN_ERROR_INVALID_VIEW)
}

/// The number of a view.
pub(crate) fn view_out(view: View) -> u32 {
    let view = match view {
        View::AllSources => groupscan_view::GROUPSCAN_VIEW_ALL_SOURCES,
        View::OnePerGroup => groupscan_view::GROUPSCAN_VIEW_ONE_PER_GROUP,
        View::SourceSpecific => groupscan_view::GROUPSCAN_VIEW_SOURCE_SPECIFIC,
        View::AnySource => groupscan_view::GROUPSCAN_VIEW_ANY_SOURCE,
        View::Groups => groupscan_view::GROUPSCAN_VIEW_GROUPS,
    };
    view as u32
}

/// An order of memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum groupscan_membership_order {
    GROUPSCAN_BY_GROUP = 0,
    GROUPSCAN_BY_INTERFACE = 1,
}

pub use groupscan_membership_order::*;

/// The order with a number of `groupscan_membership_order`.
pub(crate) fn order_in(number: u32) -> Result<MembershipOrder, groupscan_status> {
    const BY_GROUP: u32 = GROUPSCAN_BY_GROUP as u32;
    const BY_INTERFACE: u32 = GROUPSCAN_BY_INTERFACE as u32;
    match number {
        BY_GROUP => Ok(MembershipOrder::ByGroup),
        BY_INTERFACE => Ok(MembershipOrder::ByInterface),
        _ => Err(GROUPSCAN_ERROR_INVALID_ORDER),
    }
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_table_options {
    pub size: usize,
    pub node_bytes: usize,
    pub live_versions: usize,
    pub mapped_bytes: usize,
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
    pub mapped_bytes: usize,
}

impl Grows for groupscan_manager_options {
    const FIRST_BYTES: usize = 56;
}

/// The option, or the default if it is 0.
fn or(option: usize, default: usize) -> usize {
    if option == 0 { default } else { option }
}

impl From<groupscan_table_options> for Limits {
    fn from(options: groupscan_table_options) -> Self {
        let limits = Self::default()
            .with_node_bytes(or(options.node_bytes, usize::MAX))
            .with_mapped_bytes(or(options.mapped_bytes, usize::MAX));
        match options.live_versions {
            0 => limits,
            versions => limits.with_live_versions(versions),
        }
    }
}

impl From<groupscan_manager_options> for ManagerLimits {
    fn from(options: groupscan_manager_options) -> Self {
        let groupscan_manager_options { node_bytes, live_versions, mapped_bytes, .. } = options;
        let table = groupscan_table_options { size: 0, node_bytes, live_versions, mapped_bytes };
        let limits = Self::default()
            .with_table(table.into())
            .with_protocols(or(options.protocols, Self::PROTOCOLS))
            .with_owned_interfaces(or(options.owned_interfaces, Self::OWNED_INTERFACES))
            .with_enumerations(or(options.enumerations, Self::ENUMERATIONS));
        match options.idle_ms {
            0 => limits,
            millis => limits.with_idle(Duration::from_millis(millis)),
        }
    }
}

/// The timeout of calls that wait without limit.
pub const GROUPSCAN_WAIT_FOREVER: u32 = u32::MAX;

/// The time that calls may wait, or none if they wait without limit.
pub(crate) fn timeout_in(milliseconds: u32) -> Option<Duration> {
    match milliseconds {
        GROUPSCAN_WAIT_FOREVER => None,
        milliseconds => Some(Duration::from_millis(milliseconds.into())),
    }
}

/// The flags with these bits.
pub(crate) fn flags_in(bits: u32) -> Result<MembershipFlags, groupscan_status> {
    let flags = u8::try_from(bits).ok().and_then(MembershipFlags::from_bits);
    flags.ok_or(GROUPSCAN_ERROR_INVALID_FLAGS)
}

/// The flags of a replacement.
pub(crate) fn replaced_flags_in(bits: u32) -> Result<ReplacedFlags, groupscan_status> {
    let flags = flags_in(bits & !GROUPSCAN_KEEP_FLAGS)?;
    Ok(match bits & GROUPSCAN_KEEP_FLAGS {
        0 => ReplacedFlags::Set(flags),
        _ => ReplacedFlags::Add(flags),
    })
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
pub struct groupscan_place4 {
    pub iface: groupscan_interface4,
    pub join: groupscan_join4,
    pub has_begun: u32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_place6 {
    pub iface: groupscan_interface6,
    pub join: groupscan_join6,
    pub has_begun: u32,
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
    pub(crate) fn is_reserved_used(&self) -> bool {
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
    /// There is no reserved field.
    pub(crate) fn is_reserved_used(&self) -> bool {
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

/// The records have the layout of those in Rust, which need no alignment.
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
    pub has_interface: u32,
    pub interface_index: u32,
    pub next_hop: [u8; 16],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_have_numbers_and_others_are_refused() {
        assert_eq!(order_in(0), Ok(MembershipOrder::ByGroup));
        assert_eq!(order_in(1), Ok(MembershipOrder::ByInterface));
        for number in [2, 3, 256, 1 << 31, u32::MAX] {
            assert_eq!(order_in(number), Err(GROUPSCAN_ERROR_INVALID_ORDER), "{number}");
        }
    }
}
