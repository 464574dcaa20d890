//! Address families, as types: what differs between IPv4 and IPv6 is chosen at compile time.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use bytemuck::Pod;

use crate::key;
use crate::record::{MembershipEntry, MembershipEntry6, SourceGroupEntry, SourceGroupEntry6};

/// IPv4: groups and sources are [`Ipv4Addr`]s.
pub type V4 = Ipv4Addr;

/// IPv6: groups and sources are [`Ipv6Addr`]s.
pub type V6 = Ipv6Addr;

/// An address family, named by its address type: [`V4`] or [`V6`].
///
/// A table keeps both families side by side and commits changes to both at once. Calls that concern
/// one family take it from the addresses they are given, or by name: `snapshot.len::<V4>()`.
///
/// This trait is sealed: the two families are all there are.
pub trait Family:
    Copy + Ord + Hash + Debug + Display + FromStr + Send + Sync + 'static + sealed::Keys
{
    /// The record of a join: [`SourceGroupEntry`] or [`SourceGroupEntry6`].
    type Entry: Pod + Debug + Display + PartialEq + Send + Sync;

    /// The record of a membership: [`MembershipEntry`] or [`MembershipEntry6`].
    type MembershipEntry: Pod + Debug + PartialEq + Send + Sync;

    /// The key of a join: [`JoinKey4`](crate::JoinKey4) or [`JoinKey6`](crate::JoinKey6).
    type JoinKey: key::JoinKey<Self>;

    /// The unspecified address, which stands for any source or any group.
    const UNSPECIFIED: Self;

    /// The greatest address.
    const MAX: Self;

    /// The number of bits of an address.
    const BITS: u8;

    /// Whether this is the unspecified address.
    fn is_unspecified(self) -> bool;

    /// The record of a join; the unspecified address stands for any.
    fn entry(group: Self, source: Self) -> Self::Entry;

    /// The group and the source of a record.
    fn group_and_source(entry: &Self::Entry) -> (Self, Self);

    /// The record of a membership: the join of `entry` on the interface (`interface_index`,
    /// `next_hop`) by a protocol, with the flags of `mgm.h`.
    fn membership_entry(
        entry: Self::Entry,
        interface_index: u32,
        next_hop: Self,
        protocol: u32,
        flags: u32,
    ) -> Self::MembershipEntry;
}

impl Family for V4 {
    type Entry = SourceGroupEntry;
    type MembershipEntry = MembershipEntry;
    type JoinKey = key::JoinKey4;

    const UNSPECIFIED: Self = Ipv4Addr::UNSPECIFIED;
    const MAX: Self = Ipv4Addr::BROADCAST;
    const BITS: u8 = 32;

    fn is_unspecified(self) -> bool {
        Ipv4Addr::is_unspecified(&self)
    }

    #[inline]
    fn entry(group: Self, source: Self) -> Self::Entry {
        SourceGroupEntry::new(group, source)
    }

    #[inline]
    fn group_and_source(entry: &Self::Entry) -> (Self, Self) {
        (entry.group(), entry.source())
    }

    #[inline]
    fn membership_entry(
        entry: Self::Entry,
        interface_index: u32,
        next_hop: Self,
        protocol: u32,
        flags: u32,
    ) -> Self::MembershipEntry {
        MembershipEntry::new(entry, interface_index, next_hop, protocol, flags)
    }
}

impl Family for V6 {
    type Entry = SourceGroupEntry6;
    type MembershipEntry = MembershipEntry6;
    type JoinKey = key::JoinKey6;

    const UNSPECIFIED: Self = Ipv6Addr::UNSPECIFIED;
    const MAX: Self = Ipv6Addr::from_bits(u128::MAX);
    const BITS: u8 = 128;

    fn is_unspecified(self) -> bool {
        Ipv6Addr::is_unspecified(&self)
    }

    #[inline]
    fn entry(group: Self, source: Self) -> Self::Entry {
        SourceGroupEntry6::new(group, source)
    }

    #[inline]
    fn group_and_source(entry: &Self::Entry) -> (Self, Self) {
        (entry.group(), entry.source())
    }

    #[inline]
    fn membership_entry(
        entry: Self::Entry,
        interface_index: u32,
        next_hop: Self,
        protocol: u32,
        flags: u32,
    ) -> Self::MembershipEntry {
        MembershipEntry6::new(entry, interface_index, next_hop, protocol, flags)
    }
}

/// Something that a table keeps once per family: `Of<V4>` and `Of<V6>`.
pub trait PerFamily {
    /// What it is for family `F`.
    type Of<F: Family>;
}

/// The two families' instances of `P`, side by side.
pub struct Families<P: PerFamily> {
    pub v4: P::Of<V4>,
    pub v6: P::Of<V6>,
}

impl<P: PerFamily> Families<P> {
    /// The instance of family `F`.
    pub fn of<F: Family>(&self) -> &P::Of<F> {
        F::pick(self)
    }

    /// The instance of family `F`, to change it.
    pub fn of_mut<F: Family>(&mut self) -> &mut P::Of<F> {
        F::pick_mut(self)
    }
}

pub(crate) mod sealed {
    use super::{Families, Family, PerFamily, V4, V6, key};

    /// Seals [`Family`] and ties each family to its keys.
    pub trait Keys: Sized {
        type ByGroup: key::MembershipKey<Self>;
        type ByInterface: key::MembershipKey<Self>;

        /// The address as a number in the low bits, in host order.
        fn to_number(self) -> u128;

        /// The address of a number, of which only the family's bits count.
        fn from_number(number: u128) -> Self;

        fn pick<P: PerFamily>(families: &Families<P>) -> &P::Of<Self>
        where
            Self: Family;

        fn pick_mut<P: PerFamily>(families: &mut Families<P>) -> &mut P::Of<Self>
        where
            Self: Family;
    }

    impl Keys for V4 {
        type ByGroup = key::ByGroupKey4;
        type ByInterface = key::ByInterfaceKey4;

        fn to_number(self) -> u128 {
            self.to_bits().into()
        }

        fn from_number(number: u128) -> Self {
            Self::from_bits(number as u32)
        }

        fn pick<P: PerFamily>(families: &Families<P>) -> &P::Of<Self> {
            &families.v4
        }

        fn pick_mut<P: PerFamily>(families: &mut Families<P>) -> &mut P::Of<Self> {
            &mut families.v4
        }
    }

    impl Keys for V6 {
        type ByGroup = key::ByGroupKey6;
        type ByInterface = key::ByInterfaceKey6;

        fn to_number(self) -> u128 {
            self.to_bits()
        }

        fn from_number(number: u128) -> Self {
            Self::from_bits(number)
        }

        fn pick<P: PerFamily>(families: &Families<P>) -> &P::Of<Self> {
            &families.v6
        }

        fn pick_mut<P: PerFamily>(families: &mut Families<P>) -> &mut P::Of<Self> {
            &mut families.v6
        }
    }
}
