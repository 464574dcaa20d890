//! Keys, which order as their fields do. Keys are in host byte order, addresses and records are not.
//!
//! A key is a few 64-bit words in host order, the most significant one first. So comparing the words compares
//! the fields from left to right:
//!
//! ```text
//!                                                                              IPv4, IPv6
//! JoinKey         group | source                                               8, 32 bytes
//! ByGroupKey      group | source | interface id 24 | protocol 32 (flags 8)    16, 40 bytes
//! ByInterfaceKey  interface id 24 | group | source | protocol 32 (flags 8)    16, 40 bytes
//! InterfaceKey    index 32 | next hop 128 (interface id 32)                       24 bytes
//! InterfaceIdKey  interface id 32 (index 32 | next hop 128)                       24 bytes
//! ```
//!
//! An interface id is a small number for an interface. The fields in parentheses are a payload: a key is not
//! found by them, and they take no part in comparisons.
//!
//! # Invariants
//!
//! - I1: two keys of one kind compare as the tuples of their fields without the payload.
//! - I2: a key returns the fields that it was made of.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr};

use bytemuck::{Pod, Zeroable};

use crate::types::flags::MembershipFlags;

/// The number of bits of the flags, at the end of a membership key's last word.
const FLAGS_BITS: u32 = 8;

/// The number of bits of an interface id.
const INTERFACE_ID_BITS: u32 = 24;

/// The number of interfaces that membership keys can distinguish.
pub(crate) const MAX_INTERFACES: u32 = 1 << INTERFACE_ID_BITS;

/// A key of an index: plain old data with an order.
pub trait Key: Pod + Ord + Debug + Send + Sync {
    /// Whether indexes of these keys are scanned as a whole.
    const IS_SCANNED: bool = false;
}

/// A key of the index of joins, which orders as (group, source).
///
/// This trait is sealed: only [`JoinKey4`] and [`JoinKey6`] implement it.
pub trait JoinKey<F>: Key {
    /// The key of a join. An unspecified source makes an any-source join.
    fn new(group: F, source: F) -> Self;

    /// The group.
    fn group(self) -> F;

    /// The source; unspecified for an any-source join.
    fn source(self) -> F;
}

/// The fields of a membership key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipParts<F> {
    pub group: F,
    pub source: F,
    pub interface_id: u32,
    pub protocol: u32,
    pub flags: u8,
}

impl<F> MembershipParts<F> {
    /// Fields that sort before all memberships of (group, source), or equal to the first, in either key.
    pub fn first_of(group: F, source: F) -> Self {
        Self { group, source, interface_id: 0, protocol: 0, flags: 0 }
    }

    /// Fields that sort after all memberships of (group, source), or equal to the last, in either key.
    pub fn last_of(group: F, source: F) -> Self {
        Self { group, source, interface_id: MAX_INTERFACES - 1, protocol: u32::MAX, flags: 0 }
    }

    /// Whether the membership has the join flag.
    pub fn is_join(&self) -> bool {
        self.flags & MembershipFlags::JOIN.bits() != 0
    }
}

/// A key of one of the two indexes of memberships.
pub trait MembershipKey<F>: Key {
    fn new(parts: MembershipParts<F>) -> Self;
    fn parts(self) -> MembershipParts<F>;
}

/// The key of an IPv4 join: a number with the group in the high half and the source in the low half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(transparent)]
pub struct JoinKey4(u64);

impl Key for JoinKey4 {
    const IS_SCANNED: bool = true;
}

impl JoinKey4 {
    /// The number.
    #[inline]
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

impl JoinKey<Ipv4Addr> for JoinKey4 {
    #[inline]
    fn new(group: Ipv4Addr, source: Ipv4Addr) -> Self {
        Self(u64::from(group.to_bits()) << 32 | u64::from(source.to_bits()))
    }

    #[inline]
    fn group(self) -> Ipv4Addr {
        Ipv4Addr::from_bits((self.0 >> 32) as u32)
    }

    #[inline]
    fn source(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0 as u32)
    }
}

/// The key of an IPv6 join: the words of the group and of the source, the most significant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(transparent)]
pub struct JoinKey6([u64; 4]);

impl Key for JoinKey6 {
    const IS_SCANNED: bool = true;
}

impl JoinKey6 {
    /// The words.
    #[inline]
    pub const fn to_words(self) -> [u64; 4] {
        self.0
    }
}

impl JoinKey<Ipv6Addr> for JoinKey6 {
    #[inline]
    fn new(group: Ipv6Addr, source: Ipv6Addr) -> Self {
        let (group, source) = (group.to_bits(), source.to_bits());
        Self([high(group), low(group), high(source), low(source)])
    }

    #[inline]
    fn group(self) -> Ipv6Addr {
        Ipv6Addr::from_bits(wide(self.0[0], self.0[1]))
    }

    #[inline]
    fn source(self) -> Ipv6Addr {
        Ipv6Addr::from_bits(wide(self.0[2], self.0[3]))
    }
}

/// Defines a key of some words with a payload. `$ordered` returns the bits without the payload.
macro_rules! partial_key {
    ($(#[$doc:meta])* $visibility:vis $name:ident, $words:literal, $ordered:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Pod, Zeroable)]
        #[repr(transparent)]
        $visibility struct $name([u64; $words]);

        impl Key for $name {}

        impl $name {
            /// The bits that the key is found by.
            #[inline]
            fn ordered(self) -> impl Ord {
                let ordered: fn([u64; $words]) -> _ = $ordered;
                ordered(self.0)
            }
        }

        impl PartialEq for $name {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.ordered() == other.ordered()
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }

            // Searches use these two. The default implementations go through `cmp`, whose three results
            // make a branch of the comparison.
            #[inline]
            fn lt(&self, other: &Self) -> bool {
                self.ordered() < other.ordered()
            }

            #[inline]
            fn le(&self, other: &Self) -> bool {
                self.ordered() <= other.ordered()
            }
        }

        impl Ord for $name {
            #[inline]
            fn cmp(&self, other: &Self) -> Ordering {
                self.ordered().cmp(&other.ordered())
            }
        }
    };
}

partial_key! {
    /// (group, source, interface id, protocol) of IPv4, with the flags as payload.
    pub ByGroupKey4, 2, |[a, b]| wide(a, b) >> FLAGS_BITS
}
partial_key! {
    /// (group, source, interface id, protocol) of IPv6, with the flags as payload.
    pub ByGroupKey6, 5, |[a, b, c, d, e]| (wide(a, b), wide(c, d), e >> FLAGS_BITS)
}
partial_key! {
    /// (interface id, group, source, protocol) of IPv4, with the flags as payload.
    pub ByInterfaceKey4, 2, |[a, b]| wide(a, b) >> FLAGS_BITS
}
partial_key! {
    /// (interface id, group, source, protocol) of IPv6, with the flags as payload.
    pub ByInterfaceKey6, 5, |[a, b, c, d, e]| (wide(a, b), wide(c, d), e >> FLAGS_BITS)
}
partial_key! {
    /// (index, next hop) of either family, with the interface id as payload.
    pub(crate) InterfaceKey, 3, |[a, b, c]| (a, b, c >> 32)
}
partial_key! {
    /// The interface id of either family, with the index and the next hop as payload.
    pub(crate) InterfaceIdKey, 3, |[a, _, _]| a >> 32
}

impl InterfaceKey {
    /// The key of an interface. The next hop is passed as a number.
    #[inline]
    pub(crate) fn new(index: u32, next_hop: u128, interface_id: u32) -> Self {
        let first = u64::from(index) << 32 | high(next_hop) >> 32;
        let last = low(next_hop) << 32 | u64::from(interface_id);
        Self([first, high(next_hop) << 32 | low(next_hop) >> 32, last])
    }

    /// The id of the interface.
    #[inline]
    pub(crate) fn id(self) -> u32 {
        self.0[2] as u32
    }
}

impl InterfaceIdKey {
    /// The key of the id of an interface. The next hop is passed as a number.
    #[inline]
    pub(crate) fn new(interface_id: u32, index: u32, next_hop: u128) -> Self {
        Self([u64::from(interface_id) << 32 | u64::from(index), high(next_hop), low(next_hop)])
    }

    /// The interface's index, and its next hop as a number.
    #[inline]
    pub(crate) fn interface(self) -> (u32, u128) {
        (self.0[0] as u32, wide(self.0[1], self.0[2]))
    }
}

/// The last word of a key by group: interface id, protocol, flags.
#[inline]
fn tail<F>(parts: &MembershipParts<F>) -> u64 {
    debug_assert!(parts.interface_id < MAX_INTERFACES);
    u64::from(parts.interface_id) << (32 + FLAGS_BITS)
        | u64::from(parts.protocol) << FLAGS_BITS
        | u64::from(parts.flags)
}

/// The fields of a key by group, from (group, source) and the last word.
#[inline]
fn with_tail<F>(group: F, source: F, tail: u64) -> MembershipParts<F> {
    MembershipParts {
        group,
        source,
        interface_id: (tail >> (32 + FLAGS_BITS)) as u32,
        protocol: (tail >> FLAGS_BITS) as u32,
        flags: tail as u8,
    }
}

impl MembershipKey<Ipv4Addr> for ByGroupKey4 {
    #[inline]
    fn new(parts: MembershipParts<Ipv4Addr>) -> Self {
        Self([JoinKey4::new(parts.group, parts.source).0, tail(&parts)])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv4Addr> {
        let [join, tail] = self.0;
        with_tail(JoinKey4(join).group(), JoinKey4(join).source(), tail)
    }
}

impl MembershipKey<Ipv6Addr> for ByGroupKey6 {
    #[inline]
    fn new(parts: MembershipParts<Ipv6Addr>) -> Self {
        let [a, b, c, d] = JoinKey6::new(parts.group, parts.source).0;
        Self([a, b, c, d, tail(&parts)])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv6Addr> {
        let [a, b, c, d, tail] = self.0;
        let join = JoinKey6([a, b, c, d]);
        with_tail(join.group(), join.source(), tail)
    }
}

// A key by interface is a key by group with the interface id moved to the front. Group and source move right
// by the bits of the interface id.

impl MembershipKey<Ipv4Addr> for ByInterfaceKey4 {
    #[inline]
    fn new(parts: MembershipParts<Ipv4Addr>) -> Self {
        let join = JoinKey4::new(parts.group, parts.source).0;
        let last = tail(&MembershipParts { interface_id: 0, ..parts });
        Self([
            u64::from(parts.interface_id) << (64 - INTERFACE_ID_BITS) | join >> INTERFACE_ID_BITS,
            join << (64 - INTERFACE_ID_BITS) | last,
        ])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv4Addr> {
        let [first, last] = self.0;
        let join = JoinKey4(first << INTERFACE_ID_BITS | last >> (64 - INTERFACE_ID_BITS));
        let interface_id = (first >> (64 - INTERFACE_ID_BITS)) as u32;
        MembershipParts { interface_id, ..with_tail(join.group(), join.source(), last) }
    }
}

impl MembershipKey<Ipv6Addr> for ByInterfaceKey6 {
    #[inline]
    fn new(parts: MembershipParts<Ipv6Addr>) -> Self {
        let [a, b, c, d] = JoinKey6::new(parts.group, parts.source).0;
        let last = tail(&MembershipParts { interface_id: 0, ..parts });
        let keep = 64 - INTERFACE_ID_BITS;
        Self([
            u64::from(parts.interface_id) << keep | a >> INTERFACE_ID_BITS,
            a << keep | b >> INTERFACE_ID_BITS,
            b << keep | c >> INTERFACE_ID_BITS,
            c << keep | d >> INTERFACE_ID_BITS,
            d << keep | last,
        ])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv6Addr> {
        let [a, b, c, d, last] = self.0;
        let keep = 64 - INTERFACE_ID_BITS;
        let join = JoinKey6([
            a << INTERFACE_ID_BITS | b >> keep,
            b << INTERFACE_ID_BITS | c >> keep,
            c << INTERFACE_ID_BITS | d >> keep,
            d << INTERFACE_ID_BITS | last >> keep,
        ]);
        MembershipParts {
            interface_id: (a >> keep) as u32,
            ..with_tail(join.group(), join.source(), last)
        }
    }
}

#[inline]
fn high(number: u128) -> u64 {
    (number >> 64) as u64
}

#[inline]
fn low(number: u128) -> u64 {
    number as u64
}

#[inline]
fn wide(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

const _: () = {
    assert!(size_of::<JoinKey4>() == 8);
    assert!(size_of::<JoinKey6>() == 32);
    assert!(size_of::<ByGroupKey4>() == 16);
    assert!(size_of::<ByGroupKey6>() == 40);
    assert!(size_of::<ByInterfaceKey4>() == 16);
    assert!(size_of::<ByInterfaceKey6>() == 40);
    assert!(size_of::<InterfaceKey>() == 24);
    assert!(size_of::<InterfaceIdKey>() == 24);
    assert!(INTERFACE_ID_BITS + 32 + FLAGS_BITS == 64);
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::family::{Family, V4, V6};
    use proptest::prelude::*;

    /// Numbers that are often equal, adjacent, or different in few bits.
    fn number() -> impl Strategy<Value = u128> {
        prop_oneof![
            Just(0),
            Just(u128::MAX),
            0..4u128,
            (0..128u32).prop_map(|bit| 1 << bit),
            any::<u128>(),
        ]
    }

    fn parts<F: Family>() -> impl Strategy<Value = MembershipParts<F>> {
        (number(), number(), number(), number(), any::<u8>()).prop_map(
            |(group, source, interface_id, protocol, flags)| MembershipParts {
                group: F::from_number(group),
                source: F::from_number(source),
                interface_id: interface_id as u32 % MAX_INTERFACES,
                protocol: protocol as u32,
                flags,
            },
        )
    }

    fn check_joins<F: Family>(a: MembershipParts<F>, b: MembershipParts<F>) {
        let (x, y) = (F::JoinKey::new(a.group, a.source), F::JoinKey::new(b.group, b.source));
        assert_eq!((x.group(), x.source()), (a.group, a.source));
        let expected = (a.group.octets_of(), a.source.octets_of())
            .cmp(&(b.group.octets_of(), b.source.octets_of()));
        assert_eq!(x.cmp(&y), expected);
    }

    fn check_memberships<F: Family>(a: MembershipParts<F>, b: MembershipParts<F>) {
        let by_group = |p: MembershipParts<F>| {
            (p.group.octets_of(), p.source.octets_of(), p.interface_id, p.protocol)
        };
        let (x, y) = (F::ByGroup::new(a), F::ByGroup::new(b));
        assert_eq!(x.parts(), a);
        assert_eq!(x.cmp(&y), by_group(a).cmp(&by_group(b)));
        assert_eq!(x == y, by_group(a) == by_group(b));

        let by_interface = |p: MembershipParts<F>| {
            (p.interface_id, p.group.octets_of(), p.source.octets_of(), p.protocol)
        };
        let (x, y) = (F::ByInterface::new(a), F::ByInterface::new(b));
        assert_eq!(x.parts(), a);
        assert_eq!(x.cmp(&y), by_interface(a).cmp(&by_interface(b)));
        assert_eq!(x == y, by_interface(a) == by_interface(b));
    }

    /// The bytes of an address in network byte order, without a conversion of this crate.
    trait OctetsOf {
        fn octets_of(self) -> Vec<u8>;
    }

    impl<F: Family> OctetsOf for F {
        fn octets_of(self) -> Vec<u8> {
            let text = self.to_string();
            match text.parse().unwrap() {
                std::net::IpAddr::V4(address) => address.octets().to_vec(),
                std::net::IpAddr::V6(address) => address.octets().to_vec(),
            }
        }
    }

    proptest! {
        #[test]
        fn ipv4_keys_order_as_their_fields(a in parts::<V4>(), b in parts::<V4>()) {
            check_joins(a, b);
            check_memberships(a, b);
        }

        #[test]
        fn ipv6_keys_order_as_their_fields(a in parts::<V6>(), b in parts::<V6>()) {
            check_joins(a, b);
            check_memberships(a, b);
        }
    }

    proptest! {
        #[test]
        fn interface_keys_order_without_their_payload(
            (i, h, s) in (0..3u32, number(), any::<u32>()),
            (j, k, t) in (0..3u32, number(), any::<u32>()),
        ) {
            let (x, y) = (InterfaceKey::new(i, h, s), InterfaceKey::new(j, k, t));
            prop_assert_eq!(x.cmp(&y), (i, h).cmp(&(j, k)));
            prop_assert_eq!((x.id(), x == InterfaceKey::new(i, h, t)), (s, true));
            let (x, y) = (InterfaceIdKey::new(s, i, h), InterfaceIdKey::new(t, j, k));
            prop_assert_eq!(x.cmp(&y), s.cmp(&t));
            prop_assert_eq!((x.interface(), x == InterfaceIdKey::new(s, j, k)), ((i, h), true));
        }
    }

    #[test]
    fn any_source_sorts_before_every_source_of_its_group() {
        let group = Ipv4Addr::new(239, 0, 0, 1);
        let any_source = JoinKey4::new(group, Ipv4Addr::UNSPECIFIED);
        assert!(any_source < JoinKey4::new(group, Ipv4Addr::new(0, 0, 0, 1)));
        assert!(any_source > JoinKey4::new(Ipv4Addr::new(239, 0, 0, 0), Ipv4Addr::BROADCAST));
    }
}
