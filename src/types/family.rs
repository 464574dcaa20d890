//! Address families, as types: what differs between IPv4 and IPv6 is chosen at compile time.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use bytemuck::Pod;

use super::key;

/// IPv4: groups and sources are [`Ipv4Addr`]s.
pub type V4 = Ipv4Addr;

/// IPv6: groups and sources are [`Ipv6Addr`]s.
pub type V6 = Ipv6Addr;

/// An address family, named by its address type: [`V4`] or [`V6`].
///
/// A table holds both families and commits changes to both at once. Queries are made on the
/// [`FamilySnapshot`](crate::FamilySnapshot) of one family: `snapshot.ipv4()`, `snapshot.ipv6()`.
///
/// This trait is sealed: there are no other families.
pub trait Family:
    Copy + Ord + Hash + Debug + Display + FromStr + Into<IpAddr> + Send + Sync + 'static + sealed::Keys
{
    /// The record of a join: [`SourceGroupEntry`](crate::SourceGroupEntry) or
    /// [`SourceGroupEntry6`](crate::SourceGroupEntry6).
    type Entry: Pod + Debug + Display + PartialEq + Send + Sync;

    /// The record of a membership: [`MembershipEntry`](crate::MembershipEntry) or
    /// [`MembershipEntry6`](crate::MembershipEntry6).
    type MembershipEntry: Pod + Debug + PartialEq + Send + Sync;

    /// The key of a join: [`JoinKey4`](crate::JoinKey4) or [`JoinKey6`](crate::JoinKey6).
    type JoinKey: key::JoinKey<Self>;

    /// The unspecified address, which means any source or any group.
    const UNSPECIFIED: Self;

    /// The highest address.
    const MAX: Self;

    /// The number of bits of an address.
    const BITS: u8;

    /// Whether this is the unspecified address.
    #[must_use]
    fn is_unspecified(self) -> bool;
}

pub(crate) mod sealed {
    use super::{Family, key};

    /// Seals [`Family`] and ties each family to its keys and records.
    pub trait Keys: Sized {
        type ByGroup: key::MembershipKey<Self>;
        type ByInterface: key::MembershipKey<Self>;
        type ByNeighbor: key::MembershipKey<Self>;

        /// The address as a number in the low bits, in host order.
        fn to_number(self) -> u128;

        /// The address with a number, of which only the family's bits count.
        fn from_number(number: u128) -> Self;

        /// The record of a join.
        fn entry(group: Self, source: Self) -> <Self as Family>::Entry
        where
            Self: Family;

        /// The group and the source of a record.
        fn group_and_source(entry: &<Self as Family>::Entry) -> (Self, Self)
        where
            Self: Family;

        /// The record of a membership, with the flags as keys hold them.
        fn membership_entry(
            entry: <Self as Family>::Entry,
            interface_index: u32,
            next_hop: Self,
            protocol: u32,
            flags: u8,
        ) -> <Self as Family>::MembershipEntry
        where
            Self: Family;

        /// The group, source, interface index, next hop, protocol and flags of a record.
        fn membership_fields(
            entry: &<Self as Family>::MembershipEntry,
        ) -> (Self, Self, u32, Self, u32, u32)
        where
            Self: Family;
    }
}
