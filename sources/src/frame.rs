//! From a captured frame to the IGMP message in it: link header, VLAN tags, IP header.

use etherparse::checksum::Sum16BitWords;
use etherparse::err::ipv4::HeaderSliceError;
use etherparse::{EtherType, IpNumber, Ipv4HeaderSlice, Ipv6Header, LaxIpv6Slice};

use crate::stats::{Foreign, Rejection};

/// Why a frame yields no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    Foreign(Foreign),
    Rejected(Rejection),
}

impl From<Foreign> for Skip {
    fn from(kind: Foreign) -> Self {
        Self::Foreign(kind)
    }
}

impl From<Rejection> for Skip {
    fn from(cause: Rejection) -> Self {
        Self::Rejected(cause)
    }
}

/// What tells the links of one interface apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId {
    /// The interface index of a Linux cooked header, version 2.
    device: u32,
    /// The VLANs that the frame is tagged with, outermost first; 0 for no tag.
    vlans: [u16; MAX_VLAN_TAGS],
}

/// The number of VLAN tags that a frame may have: provider, customer and one more.
const MAX_VLAN_TAGS: usize = 3;

// Link types, as https://www.tcpdump.org/linktypes.html numbers them.
const ETHERNET: u32 = 1;
const RAW_BSD: u32 = 12;
const RAW_OPENBSD: u32 = 14;
const RAW: u32 = 101;
const LINUX_SLL: u32 = 113;
const IPV4: u32 = 228;
const IPV6: u32 = 229;
const LINUX_SLL2: u32 = 276;

/// The IGMP message in a frame, and the link that it came over.
pub(crate) fn igmp(link_type: u32, data: &[u8]) -> Result<(LinkId, &[u8]), Skip> {
    let mut link = LinkId::default();
    let igmp = match link_type {
        ETHERNET => {
            // Destination, source, type.
            let (header, rest) = split::<14>(data)?;
            let [.., high, low] = *header;
            ether_payload([high, low], rest, &mut link)?
        }
        LINUX_SLL => {
            // Packet type, hardware type, address length, address (8), protocol.
            let (header, rest) = split::<16>(data)?;
            let [.., high, low] = *header;
            ether_payload([high, low], rest, &mut link)?
        }
        LINUX_SLL2 => {
            // Protocol, reserved, interface index (4), hardware type, packet type, address length,
            // address (8).
            let (header, rest) = split::<20>(data)?;
            let [high, low, _, _, a, b, c, d, ..] = *header;
            link.device = u32::from_be_bytes([a, b, c, d]);
            ether_payload([high, low], rest, &mut link)?
        }
        IPV4 => ipv4(data)?,
        IPV6 => return Err(ipv6(data)),
        RAW | RAW_BSD | RAW_OPENBSD => match data.first().ok_or(Rejection::Truncated)? >> 4 {
            4 => ipv4(data)?,
            6 => return Err(ipv6(data)),
            _ => return Err(Rejection::Malformed.into()),
        },
        _ => return Err(Rejection::LinkType.into()),
    };
    Ok((link, igmp))
}

/// The first `N` bytes and the rest.
fn split<const N: usize>(data: &[u8]) -> Result<(&[u8; N], &[u8]), Skip> {
    data.split_first_chunk().ok_or(Rejection::Truncated.into())
}

/// The IGMP message in the payload of an EtherType. Stores the VLAN tags in `link`.
fn ether_payload<'a>(
    ether_type: [u8; 2],
    mut data: &'a [u8],
    link: &mut LinkId,
) -> Result<&'a [u8], Skip> {
    let mut ether_type = EtherType(u16::from_be_bytes(ether_type));
    let mut vlans = link.vlans.iter_mut();
    loop {
        match ether_type {
            EtherType::IPV4 => return ipv4(data),
            EtherType::IPV6 => return Err(ipv6(data)),
            EtherType::VLAN_TAGGED_FRAME
            | EtherType::PROVIDER_BRIDGING
            | EtherType::VLAN_DOUBLE_TAGGED_FRAME => {
                let vlan = vlans.next().ok_or(Rejection::Malformed)?;
                let ([tag_high, tag_low, high, low], rest) = split::<4>(data)?;
                // The low 12 bits of the tag are the VLAN identifier (IEEE 802.1Q).
                *vlan = u16::from_be_bytes([*tag_high, *tag_low]) & 0x0fff;
                ether_type = EtherType(u16::from_be_bytes([*high, *low]));
                data = rest;
            }
            _ => return Err(Foreign::NotIp.into()),
        }
    }
}

/// The IGMP message in an IPv4 packet. Bytes after the packet are padding.
///
/// Only IGMP and PIM are checked. The capture may have cut other traffic off, and a network card with
/// checksum offload may not have filled in its checksums yet.
fn ipv4(data: &[u8]) -> Result<&[u8], Skip> {
    let header = Ipv4HeaderSlice::from_slice(data).map_err(|error| match error {
        HeaderSliceError::Len(_) => Rejection::Truncated,
        HeaderSliceError::Content(_) => Rejection::Malformed,
    })?;
    let protocol = header.protocol();
    if protocol != IpNumber::IGMP && protocol != IpNumber::PIM {
        return Err(Foreign::Ipv4.into());
    }
    let header_bytes = header.slice();
    let total_bytes = usize::from(header.total_len());
    if total_bytes < header_bytes.len() {
        return Err(Rejection::Malformed.into());
    }
    let payload = data.get(header_bytes.len()..total_bytes).ok_or(Rejection::Truncated)?;
    if Sum16BitWords::new().add_slice(header_bytes).ones_complement() != 0 {
        return Err(Rejection::Ipv4Checksum.into());
    }
    if header.is_fragmenting_payload() {
        return Err(Rejection::Fragment.into());
    }
    if protocol == IpNumber::PIM {
        return Err(Foreign::Pim.into());
    }
    Ok(payload)
}

/// Classifies an IPv6 packet, which never holds IGMP.
fn ipv6(data: &[u8]) -> Skip {
    // ICMPv6 types: query, report, done, version 2 report (RFC 2710, RFC 9777).
    const MLD_TYPES: [u8; 4] = [130, 131, 132, 143];

    if data.len() < Ipv6Header::LEN {
        return Rejection::Truncated.into();
    }
    let Ok((packet, stopped)) = LaxIpv6Slice::from_slice(data) else {
        return Rejection::Malformed.into();
    };
    let payload = packet.payload();
    let kind = match payload.ip_number {
        IpNumber::PIM => Foreign::Pim,
        IpNumber::IPV6_ICMP => match payload.payload.first() {
            Some(kind) if MLD_TYPES.contains(kind) && !payload.fragmented => Foreign::Mld,
            Some(_) => return Foreign::Ipv6.into(),
            None => return Rejection::Truncated.into(),
        },
        _ if stopped.is_some() && payload.incomplete => return Rejection::Truncated.into(),
        _ => return Foreign::Ipv6.into(),
    };
    if payload.incomplete {
        return Rejection::Truncated.into();
    }
    kind.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    const MESSAGE: [u8; 8] = [0x16, 0, 0x09, 0x04, 224, 0, 0, 251];

    /// An IPv4 packet that carries `MESSAGE` as IGMP.
    fn packet() -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 1], [224, 0, 0, 251], 1)
            .write(&mut bytes, IpNumber::IGMP, &MESSAGE)
            .unwrap();
        bytes
    }

    fn behind(header: &[u8], packet: &[u8]) -> Vec<u8> {
        [header, packet].concat()
    }

    fn link(device: u32, vlans: [u16; 3]) -> LinkId {
        LinkId { device, vlans }
    }

    #[test]
    fn every_link_type_leads_to_the_message() {
        let packet = packet();
        let macs = [0x11; 12];
        let ethernet = |types: &[u8]| behind(&[&macs[..], types].concat(), &packet);
        let sll2 = [8, 0, 0, 0, 0, 0, 1, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        let sll = [0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0];
        for (link_type, data, expected) in [
            (1, ethernet(&[8, 0]), link(0, [0; 3])),
            (1, ethernet(&[0x81, 0, 0xe0, 7, 8, 0]), link(0, [7, 0, 0])),
            (1, ethernet(&[0x88, 0xa8, 0, 9, 0x81, 0, 0, 7, 8, 0]), link(0, [9, 7, 0])),
            (276, behind(&sll2, &packet), link(0x102, [0; 3])),
            (113, behind(&sll, &packet), link(0, [0; 3])),
            (101, packet.clone(), link(0, [0; 3])),
            (12, packet.clone(), link(0, [0; 3])),
            (14, packet.clone(), link(0, [0; 3])),
            (228, packet.clone(), link(0, [0; 3])),
        ] {
            assert_eq!(igmp(link_type, &data), Ok((expected, &MESSAGE[..])), "{link_type}");
            let padded = behind(&data, &[0; 18]);
            assert_eq!(igmp(link_type, &padded), Ok((expected, &MESSAGE[..])), "padding");
            for length in 0..data.len() {
                let cut = igmp(link_type, &data[..length]);
                assert_eq!(cut, Err(Rejection::Truncated.into()), "{link_type} cut at {length}");
            }
        }
        assert_eq!(igmp(127, &packet), Err(Rejection::LinkType.into()));
        assert_eq!(igmp(101, &[0x50; 40]), Err(Rejection::Malformed.into()));
    }

    #[test]
    fn too_many_vlan_tags_are_malformed() {
        let tags = [0x81, 0, 0, 1].repeat(4);
        let data = behind(&[&[0; 12][..], &tags, &[8, 0]].concat(), &packet());
        assert_eq!(igmp(1, &data), Err(Rejection::Malformed.into()));
    }

    #[test]
    fn malformed_headers_are_rejected() {
        let change = |at: usize, to: u8| {
            let mut bytes = packet();
            bytes[at] = to;
            igmp(228, &bytes).unwrap_err()
        };
        assert_eq!(change(0, 0x65), Rejection::Malformed.into(), "version");
        assert_eq!(change(0, 0x44), Rejection::Malformed.into(), "header length");
        assert_eq!(change(3, 19), Rejection::Malformed.into(), "total length within the header");
        assert_eq!(change(3, 200), Rejection::Truncated.into(), "total length");
        assert_eq!(change(8, 2), Rejection::Ipv4Checksum.into(), "time to live");
        assert_eq!(change(9, 17), Foreign::Ipv4.into(), "protocol");
    }

    #[test]
    fn fragments_are_rejected() {
        let mut bytes = packet();
        bytes[6] = 0x20;
        let sum = Sum16BitWords::new().add_slice(&bytes[..10]).add_slice(&bytes[12..20]);
        bytes[10..12].copy_from_slice(&sum.ones_complement().to_ne_bytes());
        assert_eq!(igmp(228, &bytes), Err(Rejection::Fragment.into()));
    }

    #[test]
    fn ipv6_is_foreign_or_cut() {
        let mut bytes = Vec::new();
        PacketBuilder::ipv6([0xfe; 16], [0xff; 16], 1)
            .write(&mut bytes, IpNumber::IPV6_ICMP, &[143, 0, 0, 0, 0, 0, 0, 0])
            .unwrap();
        assert_eq!(igmp(229, &bytes), Err(Foreign::Mld.into()));
        assert_eq!(igmp(101, &bytes), Err(Foreign::Mld.into()));
        for length in 1..bytes.len() {
            assert_eq!(igmp(229, &bytes[..length]), Err(Rejection::Truncated.into()), "{length}");
        }
        bytes[40] = 135;
        assert_eq!(igmp(229, &bytes), Err(Foreign::Ipv6.into()));
        bytes[6] = IpNumber::PIM.0;
        assert_eq!(igmp(229, &bytes), Err(Foreign::Pim.into()));
        bytes[6] = IpNumber::UDP.0;
        assert_eq!(igmp(229, &bytes), Err(Foreign::Ipv6.into()));
    }

    #[test]
    fn other_ether_types_are_foreign() {
        let arp = behind(&[&[0; 12][..], &[8, 6]].concat(), &[0; 28]);
        assert_eq!(igmp(1, &arp), Err(Foreign::NotIp.into()));
    }
}
