//! Statistics of a replay: frames by what they are, and by why they were not used.

use std::collections::BTreeMap;
use std::fmt;

/// What a [`Replay`](crate::Replay) has read.
///
/// Every frame is counted once, as a message, as foreign, or as rejected:
/// `frames == messages.total() + foreign.total() + rejected.total()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaptureStats {
    /// The frames of the captures.
    pub frames: u64,
    /// IGMP messages that were applied to the membership state.
    pub messages: Tally<MessageKind>,
    /// Well-formed frames that hold no IGMP message of a host or a querier.
    pub foreign: Tally<Foreign>,
    /// Frames that are damaged or cannot be read.
    pub rejected: Tally<Rejection>,
    /// Parts of messages that were ignored. The rest of the message was applied.
    pub ignored: Tally<Ignored>,
}

/// How often each kind occurred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally<K>(BTreeMap<K, u64>);

impl<K: Copy + Ord> Tally<K> {
    pub(crate) fn add(&mut self, kind: K) {
        *self.0.entry(kind).or_default() += 1;
    }

    /// Adds the numbers of `other` to these.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (kind, count) in other.iter() {
            *self.0.entry(kind).or_default() += count;
        }
    }

    /// How often `kind` occurred.
    #[must_use]
    pub fn get(&self, kind: K) -> u64 {
        self.0.get(&kind).copied().unwrap_or_default()
    }

    /// How often any kind occurred.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The kinds that occurred, ascending, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> + '_ {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

/// Defines an enum whose variants print as a text.
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
        /// IGMPv1 Membership Query (RFC 1112): 8 bytes, maximum response time 0.
        QueryV1 = "v1 query",
        /// IGMPv2 Membership Query (RFC 2236): 8 bytes.
        QueryV2 = "v2 query",
        /// IGMPv3 Membership Query (RFC 9776, section 4.1).
        QueryV3 = "v3 query",
        /// IGMPv1 Membership Report (RFC 1112).
        ReportV1 = "v1 report",
        /// IGMPv2 Membership Report (RFC 2236).
        ReportV2 = "v2 report",
        /// IGMPv3 Membership Report (RFC 9776, section 4.2).
        ReportV3 = "v3 report",
        /// IGMPv2 Leave Group (RFC 2236).
        Leave = "v2 leave",
    }
}

kinds! {
    /// Well-formed frames that hold no IGMP message of a host or a querier.
    Foreign {
        /// Neither IPv4 nor IPv6.
        NotIp = "not IP",
        /// IPv4 of a protocol other than IGMP and PIM.
        Ipv4 = "other IPv4",
        /// IPv6 of a protocol other than MLD and PIM.
        Ipv6 = "other IPv6",
        /// PIM version 2, over IPv4 or IPv6 (RFC 7761).
        Pim = "PIM",
        /// Multicast Listener Discovery, versions 1 and 2 (RFC 2710, RFC 9777).
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
        /// The capture holds less of the frame than its headers state.
        Truncated = "truncated",
        /// A header or a message contradicts itself.
        Malformed = "malformed",
        /// The checksum of the IPv4 header is wrong.
        Ipv4Checksum = "wrong IPv4 checksum",
        /// The checksum of the IGMP message is wrong.
        IgmpChecksum = "wrong IGMP checksum",
        /// A fragment of an IP packet; fragments are not reassembled.
        Fragment = "fragment",
        /// The link type is not supported.
        LinkType = "unsupported link type",
        /// The frame refers to an interface that the capture does not describe.
        NoInterface = "unknown interface",
        /// The frame is in a Packet Block of pcapng, which the Enhanced Packet Block has replaced.
        PacketBlock = "obsolete packet block",
    }
}

kinds! {
    /// Why a part of a message was ignored.
    Ignored {
        /// The group of a report, a leave or a query is not a multicast address.
        Group = "group is not multicast",
        /// A source is not a unicast address: it is unspecified, multicast or broadcast.
        Source = "source is not unicast",
        /// IGMPv3 does not define the type of a group record.
        RecordType = "unknown record type",
    }
}
