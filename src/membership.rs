//! What a writer says: who joined which group, from which source, on which interface.

use crate::family::Family;

/// An interface: its index, and on a point-to-multipoint interface (NBMA, dial-in) the next hop
/// that tells its neighbours apart.
///
/// The pair is that of the Multicast Group Manager API (`dwIfIndex`, `dwIfNextHopAddr`). The two
/// address families name their interfaces independently of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface<F> {
    /// The interface's index.
    pub index: u32,
    /// The next hop; unspecified on all but point-to-multipoint interfaces.
    pub next_hop: F,
}

impl<F: Family> Interface<F> {
    /// The interface of an index, without a next hop.
    pub const fn new(index: u32) -> Self {
        Self { index, next_hop: F::UNSPECIFIED }
    }

    /// The neighbour `next_hop` on a point-to-multipoint interface.
    pub const fn with_next_hop(index: u32, next_hop: F) -> Self {
        Self { index, next_hop }
    }
}

/// The number of a routing protocol, chosen by the embedding router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u32);

impl Protocol {
    /// IGMP: `PROTO_IP_IGMP` of the public `routprot.h`.
    pub const IGMP: Self = Self(10);
}

/// What a membership stands for: one flag or both, never none.
///
/// The bits are those of `mgm.h`. Only memberships with [`JOIN`](Self::JOIN) are enumerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MembershipFlags(u8);

impl MembershipFlags {
    /// A receiver wants the traffic: `MGM_JOIN_STATE_FLAG`.
    pub const JOIN: Self = Self(1);

    /// The protocol forwards the traffic: `MGM_FORWARD_STATE_FLAG`. Kept, but no join.
    pub const FORWARD: Self = Self(2);

    /// Both flags.
    pub const JOIN_AND_FORWARD: Self = Self(3);

    /// The flags of some bits; `None` where no bit is set or an unknown one is.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            1..=3 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The bits of `mgm.h`.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other`'s flags are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and `other`'s.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These flags without `other`'s; `None` where nothing remains.
    pub const fn difference(self, other: Self) -> Option<Self> {
        Self::from_bits(self.0 & !other.0)
    }
}

/// A membership: (group, source) joined on an interface by a protocol.
///
/// Group, source, interface and protocol are its identity; the flags are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Membership<F> {
    /// The group. Unspecified together with the source: all groups, (\*,\*).
    pub group: F,
    /// The source; unspecified for an any-source join, (\*,G).
    pub source: F,
    /// Where the group was joined.
    pub interface: Interface<F>,
    /// Who joined it.
    pub protocol: Protocol,
    /// What the membership stands for.
    pub flags: MembershipFlags,
}

impl<F: Family> Membership<F> {
    /// A join of `group` from any source: (\*,G).
    pub const fn any_source(group: F, interface: Interface<F>, protocol: Protocol) -> Self {
        Self::source_specific(group, F::UNSPECIFIED, interface, protocol)
    }

    /// A join of `group` from one `source`: (S,G).
    pub const fn source_specific(
        group: F,
        source: F,
        interface: Interface<F>,
        protocol: Protocol,
    ) -> Self {
        Self { group, source, interface, protocol, flags: MembershipFlags::JOIN }
    }

    /// The same membership with other flags.
    pub const fn with_flags(self, flags: MembershipFlags) -> Self {
        Self { flags, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::MembershipFlags;

    #[test]
    fn flags_are_never_empty_nor_unknown() {
        assert_eq!(MembershipFlags::from_bits(0), None);
        assert_eq!(MembershipFlags::from_bits(4), None);
        assert_eq!(MembershipFlags::from_bits(3), Some(MembershipFlags::JOIN_AND_FORWARD));
        let both = MembershipFlags::JOIN.union(MembershipFlags::FORWARD);
        assert_eq!(both, MembershipFlags::JOIN_AND_FORWARD);
        assert_eq!(both.difference(MembershipFlags::JOIN), Some(MembershipFlags::FORWARD));
        assert_eq!(both.difference(both), None);
        assert!(!MembershipFlags::FORWARD.contains(MembershipFlags::JOIN));
    }
}
