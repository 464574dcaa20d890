//! Captures made for a test: IGMP messages, frames, pcap and pcapng files.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use etherparse::checksum::Sum16BitWords;
use etherparse::{IpNumber, PacketBuilder};
use groupscan::V4;

/// The folder of this project's recordings.
pub const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data");

/// A capture of another project, or a folder of them, which are not part of this one: `tcpdump/NAME` or
/// `zeek/NAME`. They are in the folder that `GROUPSCAN_CAPTURES` names. Prints a note if it is absent.
pub fn of_others(name: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pcap");
    let folder = std::env::var_os("GROUPSCAN_CAPTURES").unwrap_or_else(|| beside.into());
    let path = Path::new(&folder).join(name);
    if path.exists() {
        return Some(path);
    }
    // The test runner hides what `eprintln!` prints in a test that passes.
    let _ = writeln!(io::stderr(), "skipped: {name} is not in GROUPSCAN_CAPTURES");
    None
}

/// The link type of Ethernet.
pub const ETHERNET: u32 = 1;

/// The link type of IPv4 packets without a link header.
pub const IPV4: u32 = 228;

/// An IPv4 packet with an IGMP message, whose checksum is computed here.
pub fn packet(mut igmp: Vec<u8>) -> Vec<u8> {
    let sum = Sum16BitWords::new().add_slice(&igmp).ones_complement();
    igmp[2..4].copy_from_slice(&sum.to_ne_bytes());
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [224, 0, 0, 22], 1)
        .write(&mut bytes, IpNumber::IGMP, &igmp)
        .unwrap();
    bytes
}

/// An IGMPv1 or IGMPv2 message: type, maximum response time, group.
pub fn message(kind: u8, response_time: u8, group: V4) -> Vec<u8> {
    packet([&[kind, response_time, 0, 0][..], &group.octets()].concat())
}

/// An IGMPv2 report.
pub fn report(group: V4) -> Vec<u8> {
    message(0x16, 0, group)
}

/// An IGMPv2 leave.
pub fn leave(group: V4) -> Vec<u8> {
    message(0x17, 0, group)
}

/// An IGMPv3 report of group records: type, group, sources.
pub fn report_v3(records: &[(u8, V4, &[V4])]) -> Vec<u8> {
    let mut igmp = vec![0x22, 0, 0, 0, 0, 0];
    igmp.extend(u16::try_from(records.len()).unwrap().to_be_bytes());
    for (kind, group, sources) in records {
        igmp.extend([*kind, 0]);
        igmp.extend(u16::try_from(sources.len()).unwrap().to_be_bytes());
        igmp.extend(group.octets());
        igmp.extend(sources.iter().flat_map(V4::octets));
    }
    packet(igmp)
}

/// An Ethernet frame with a packet, tagged with these VLANs.
pub fn ethernet(vlans: &[u16], packet: &[u8]) -> Vec<u8> {
    let tags = vlans.iter().flat_map(|vlan| [[0x81, 0x00], vlan.to_be_bytes()].concat());
    [vec![2; 12], tags.collect(), vec![8, 0], packet.to_vec()].concat()
}

/// A pcap file of frames, each with its time in milliseconds.
pub fn pcap(link_type: u32, frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut file = [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 0x0004_0000, link_type]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect::<Vec<u8>>();
    for (millis, data) in frames {
        let length = u32::try_from(data.len()).unwrap();
        let seconds = u32::try_from(millis / 1000).unwrap();
        let micros = u32::try_from(millis % 1000 * 1000).unwrap();
        file.extend([seconds, micros, length, length].iter().flat_map(|word| word.to_le_bytes()));
        file.extend(data);
    }
    file
}

/// A pcapng block of a type, with its body padded.
pub fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = u32::try_from(padded + 12).unwrap().to_le_bytes();
    let mut block = [&kind.to_le_bytes()[..], &length, body].concat();
    block.resize(padded + 8, 0);
    block.extend(length);
    block
}

/// A pcapng section header.
pub fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat())
}

/// A pcapng interface, with or without a name.
pub fn interface(link_type: u16, name: Option<&str>) -> Vec<u8> {
    let mut body = [&link_type.to_le_bytes()[..], &[0; 6]].concat();
    if let Some(name) = name {
        body.extend([2, 0]);
        body.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        body.extend(name.as_bytes());
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend([0; 4]);
    }
    block(1, &body)
}

/// A pcapng frame of an interface, with its time in milliseconds.
pub fn enhanced(interface: u32, millis: u64, data: &[u8]) -> Vec<u8> {
    let micros = millis * 1000;
    let length = u32::try_from(data.len()).unwrap();
    let words = [interface, (micros >> 32) as u32, micros as u32, length, length];
    let mut body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    body.extend(data);
    block(6, &body)
}

/// A pcapng frame of the first interface, without a time.
pub fn simple(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    block(3, &[&length.to_le_bytes()[..], data].concat())
}
