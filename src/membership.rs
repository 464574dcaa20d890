//! What a writer says: who joined which group, from which source, on which interface.

use crate::family::{Family, V4, V6};
use crate::flags::MembershipFlags;
use crate::record::{MembershipEntry, MembershipEntry6};

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

/// Defines the record of a family's memberships by the membership.
macro_rules! into_record {
    ($family:ty, $record:ident) => {
        impl From<&Membership<$family>> for $record {
            fn from(membership: &Membership<$family>) -> Self {
                Self::new(
                    <$family>::entry(membership.group, membership.source),
                    membership.interface.index,
                    membership.interface.next_hop,
                    membership.protocol.0,
                    membership.flags.bits().into(),
                )
            }
        }
    };
}

into_record!(V4, MembershipEntry);
into_record!(V6, MembershipEntry6);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_fields_of_its_membership() {
        let interface = Interface::with_next_hop(7, V4::new(192, 0, 2, 9));
        let (group, source) = (V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1));
        let membership =
            Membership::source_specific(group, source, interface, Protocol(0x0137_000a))
                .with_flags(MembershipFlags::FORWARD);
        let record = MembershipEntry::from(&membership);
        assert_eq!((record.entry().group(), record.entry().source()), (group, source));
        assert_eq!((record.interface_index(), record.next_hop()), (7, interface.next_hop));
        assert_eq!((record.protocol(), record.flags()), (0x0137_000a, 2));

        let group: V6 = "ff3e::1".parse().unwrap();
        let membership = Membership::any_source(group, Interface::new(3), Protocol::IGMP);
        let record = MembershipEntry6::from(&membership);
        assert_eq!((record.entry().group(), record.interface_index()), (group, 3));
        assert_eq!((record.next_hop(), record.flags()), (V6::UNSPECIFIED, 1));
    }
}
