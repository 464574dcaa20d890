//! Statistics: the structs of `groupscan.h` that the library fills.

#![allow(non_camel_case_types, reason = "names of the header")]
#![allow(missing_docs, reason = "the header documents the fields")]

use std::time::Duration;

use bytemuck::{Pod, Zeroable};

use groupscan::manager::EnumerationInfo;
use groupscan::{Family, FamilySnapshot, FamilyStats, Prefix, Retained, Snapshot, Stats, V4};

use crate::families::InC;
use crate::memory::Grows;
use crate::types::{
    groupscan_enumeration_handle, groupscan_interface4, groupscan_position, groupscan_prefix4,
    view_out,
};

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_family_stats {
    pub joins: usize,
    pub memberships: usize,
    pub interfaces: usize,
}

impl<F: Family> From<FamilySnapshot<'_, F>> for groupscan_family_stats {
    fn from(snapshot: FamilySnapshot<'_, F>) -> Self {
        Self {
            joins: snapshot.len(),
            memberships: snapshot.membership_count(),
            interfaces: snapshot.interface_count(),
        }
    }
}

impl From<FamilyStats> for groupscan_family_stats {
    fn from(stats: FamilyStats) -> Self {
        let FamilyStats { joins, memberships, interfaces, .. } = stats;
        Self { joins, memberships, interfaces }
    }
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_stats {
    pub ipv4: groupscan_family_stats,
    pub ipv6: groupscan_family_stats,
    pub live_versions: usize,
    pub in_use_bytes: usize,
    pub retained_bytes: usize,
    pub pending_bytes: usize,
    pub free_bytes: usize,
    pub mapped_bytes: usize,
}

impl Grows for groupscan_stats {
    const FIRST_BYTES: usize = 96;
}

impl From<Stats> for groupscan_stats {
    fn from(stats: Stats) -> Self {
        Self {
            ipv4: stats.ipv4.into(),
            ipv6: stats.ipv6.into(),
            live_versions: stats.live_versions,
            in_use_bytes: stats.in_use_bytes,
            retained_bytes: stats.retained_bytes,
            pending_bytes: stats.pending_bytes,
            free_bytes: stats.free_bytes,
            mapped_bytes: stats.mapped_bytes,
        }
    }
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_snapshot_info {
    pub version: u64,
    pub ipv4: groupscan_family_stats,
    pub ipv6: groupscan_family_stats,
}

impl Grows for groupscan_snapshot_info {
    const FIRST_BYTES: usize = 56;
}

impl From<&Snapshot> for groupscan_snapshot_info {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            version: snapshot.version().number(),
            ipv4: snapshot.ipv4().into(),
            ipv6: snapshot.ipv6().into(),
        }
    }
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_retained {
    pub version: u64,
    pub holders: usize,
    pub retained_bytes: usize,
}

impl Grows for groupscan_retained {
    const FIRST_BYTES: usize = 24;
}

impl From<Retained> for groupscan_retained {
    fn from(retained: Retained) -> Self {
        Self {
            version: retained.version.number(),
            holders: retained.holders,
            retained_bytes: retained.bytes,
        }
    }
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct groupscan_manager_enumeration4 {
    pub handle: groupscan_enumeration_handle,
    pub version: u64,
    pub remaining: usize,
    pub retained_bytes: usize,
    pub age_ms: u64,
    pub idle_ms: u64,
    pub protocol_id: u32,
    pub component_id: u32,
    pub position: groupscan_position,
    pub view: u32,
    pub group: groupscan_prefix4,
    pub source: groupscan_prefix4,
    pub has_interface: u32,
    pub iface: groupscan_interface4,
    pub reserved: u32,
}

impl Grows for groupscan_manager_enumeration4 {
    const FIRST_BYTES: usize = 160;
}

impl From<EnumerationInfo> for groupscan_manager_enumeration4 {
    fn from(info: EnumerationInfo) -> Self {
        let interface = info.filter.interface();
        let millis = |duration: Duration| duration.as_millis() as u64;
        Self {
            handle: info.handle.to_bits(),
            version: info.version.number(),
            remaining: info.remaining,
            retained_bytes: info.retained_bytes,
            age_ms: millis(info.age),
            idle_ms: millis(info.idle),
            protocol_id: info.client.protocol_id,
            component_id: info.client.component_id,
            position: V4::position_out(info.position),
            view: view_out(info.view),
            group: prefix_out(info.filter.groups()),
            source: prefix_out(info.filter.sources()),
            has_interface: interface.is_some().into(),
            iface: interface.map_or_else(Zeroable::zeroed, V4::interface_out),
            reserved: 0,
        }
    }
}

fn prefix_out(prefix: Prefix<V4>) -> groupscan_prefix4 {
    let (address, length) = (prefix.first().octets(), prefix.length().into());
    groupscan_prefix4 { address, length }
}
