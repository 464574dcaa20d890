//! What a replay has read, by kind, and what it passed over, by cause.

use std::collections::BTreeMap;
use std::fmt;

/// What a replay has read. Every frame is a message, foreign or rejected.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// The frames of the captures.
    pub frames: u64,
    /// The IGMP messages that were taken in.
    pub messages: Tally<MessageKind>,
    /// Frames that are in order but none of ours.
    pub foreign: Tally<Foreign>,
    /// Frames that are not in order.
    pub rejected: Tally<Rejection>,
    /// Parts of messages that were taken in without them.
    pub ignored: Tally<Ignored>,
}

/// How often each of some kinds was met.
#[derive(Clone, Debug)]
pub struct Tally<K>(BTreeMap<K, u64>);

impl<K: Copy + Ord> Tally<K> {
    pub(super) fn add(&mut self, kind: K) {
        *self.0.entry(kind).or_default() += 1;
    }

    /// How often `kind` was met.
    pub fn get(&self, kind: K) -> u64 {
        self.0.get(&kind).copied().unwrap_or_default()
    }

    /// How often any kind was met.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The kinds that were met, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> + '_ {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

/// Defines an enum whose variants have a name for people.
macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $(Self::$variant => $text,)*
                })
            }
        }
    };
}

kinds! {
    /// The IGMP messages of hosts and queriers.
    MessageKind {
        /// IGMPv1 Membership Query (RFC 1112): 8 bytes, no response time.
        QueryV1 = "v1 query",
        /// IGMPv2 Membership Query (RFC 2236): 8 bytes.
        QueryV2 = "v2 query",
        /// IGMPv3 Membership Query (RFC 3376, section 4.1).
        QueryV3 = "v3 query",
        /// IGMPv1 Membership Report.
        ReportV1 = "v1 report",
        /// IGMPv2 Membership Report.
        ReportV2 = "v2 report",
        /// IGMPv3 Membership Report (RFC 3376, section 4.2).
        ReportV3 = "v3 report",
        /// IGMPv2 Leave Group.
        Leave = "v2 leave",
    }
}

kinds! {
    /// Frames that are in order but none of ours.
    Foreign {
        /// Neither IPv4 nor IPv6.
        NotIp = "not IP",
        /// IPv4 of another protocol than IGMP and PIM.
        Ipv4 = "other IPv4",
        /// IPv6 of another protocol than MLD and PIM.
        Ipv6 = "other IPv6",
        /// PIM version 2, over IPv4 or IPv6 (RFC 7761).
        Pim = "PIM",
        /// Multicast Listener Discovery, versions 1 and 2 (RFC 2710, RFC 3810).
        Mld = "MLD",
        /// PIM version 1, IGMP type 0x14.
        PimV1 = "PIMv1",
        /// DVMRP, IGMP type 0x13.
        Dvmrp = "DVMRP",
        /// Multicast traceroute, IGMP types 0x1e and 0x1f.
        Mtrace = "mtrace",
        /// Any other IGMP type.
        Igmp = "other IGMP",
    }
}

kinds! {
    /// Why a frame was rejected.
    Rejection {
        /// The capture has less of the frame than its headers say.
        Truncated = "truncated",
        /// A header or a message contradicts itself.
        Malformed = "malformed",
        /// The checksum of the IPv4 header is wrong.
        Ipv4Checksum = "wrong IPv4 checksum",
        /// The checksum of the IGMP message is wrong.
        IgmpChecksum = "wrong IGMP checksum",
        /// A fragment of an IP packet; fragments are not put together.
        Fragment = "fragment",
        /// A link type that is not supported.
        LinkType = "unsupported link type",
        /// The capture does not describe the interface that it names.
        NoInterface = "unknown interface",
        /// A frame in a Packet Block of pcapng, which Enhanced Packet Blocks have replaced.
        PacketBlock = "obsolete packet block",
    }
}

kinds! {
    /// Why a part of a message was ignored.
    Ignored {
        /// A report, leave or query of a group that is no multicast address.
        Group = "group is not multicast",
        /// A source that cannot send: unspecified, multicast or broadcast.
        Source = "source is not unicast",
        /// A group record of a type that RFC 3376 does not know (section 4.2.12).
        RecordType = "unknown record type",
    }
}
