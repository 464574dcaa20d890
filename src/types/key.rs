//! Keys, which order as their fields do. Keys are in host byte order, addresses and records are not.
//!
//! A key is a few words in host order, the most significant one first. So comparing the words compares the
//! fields from left to right:
//!
//! ```text
//!                                                                           bytes: IPv4, IPv6
//! JoinKey         group | source                                                     8, 32
//! ByGroupKey      group | source | index 32 | next hop | protocol 32                20, 56
//! ByInterfaceKey  index 32 | group | source | protocol 32                           16, 40
//! ByNeighborKey   index 32 | next hop | group | source | protocol 32                20, 56
//! ```
//!
//! Index and next hop are those of an interface. A `ByInterfaceKey` is for interfaces without a next hop: all
//! but point-to-multipoint ones.
//!
//! # Invariants
//!
//! - I1: two keys of one kind compare as the tuples of their fields.
//! - I2: a key returns the fields that it was made of.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr};

use bytemuck::{Pod, Zeroable};

/// A key of an index: plain old data with an order.
pub trait Key: Pod + Ord + Debug + Send + Sync {
    /// Whether indexes of these keys are scanned as a whole.
    const IS_SCANNED: bool = false;
}

/// Adjacent entries of one leaf of an index: keys, and a value for each.
#[derive(Debug)]
pub(crate) struct Entries<'a, K, V> {
    pub(crate) keys: &'a [K],
    /// As many as keys.
    pub(crate) values: &'a [V],
}

impl<K, V> Clone for Entries<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Entries<'_, K, V> {}

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

/// The fields of a membership key: what identifies a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipParts<F> {
    pub group: F,
    pub source: F,
    pub index: u32,
    /// Unspecified if the interface has none.
    pub next_hop: F,
    pub protocol: u32,
}

/// A key of an index of memberships.
pub trait MembershipKey<F>: Key {
    /// The key of a membership. A `ByInterfaceKey` has no next hop, so the parts must not have one.
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

/// Defines a key of some words. `$ordered` packs the words into the fewest numbers that compare as they do.
macro_rules! word_key {
    ($(#[$doc:meta])* $name:ident, $word:ty, $words:literal, $ordered:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
        #[repr(transparent)]
        pub struct $name([$word; $words]);

        impl Key for $name {}

        impl $name {
            #[inline]
            fn ordered(self) -> impl Ord {
                let ordered: fn([$word; $words]) -> _ = $ordered;
                ordered(self.0)
            }
        }

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

word_key! {
    /// (group, source, index, next hop, protocol) of IPv4.
    ByGroupKey4, u32, 5, |[a, b, c, d, e]| (wide(pair(a, b), pair(c, d)), e)
}
word_key! {
    /// (group, source, index, next hop, protocol) of IPv6.
    ByGroupKey6, u64, 7, |[a, b, c, d, e, f, g]| (wide(a, b), wide(c, d), wide(e, f), g)
}
word_key! {
    /// (index, group, source, protocol) of IPv4.
    ByInterfaceKey4, u64, 2, |[a, b]| wide(a, b)
}
word_key! {
    /// (index, group, source, protocol) of IPv6.
    ByInterfaceKey6, u64, 5, |[a, b, c, d, e]| (wide(a, b), wide(c, d), e)
}
word_key! {
    /// (index, next hop, group, source, protocol) of IPv4.
    ByNeighborKey4, u32, 5, |[a, b, c, d, e]| (wide(pair(a, b), pair(c, d)), e)
}
word_key! {
    /// (index, next hop, group, source, protocol) of IPv6.
    ByNeighborKey6, u64, 7, |[a, b, c, d, e, f, g]| (wide(a, b), wide(c, d), wide(e, f), g)
}

impl MembershipKey<Ipv4Addr> for ByGroupKey4 {
    #[inline]
    fn new(parts: MembershipParts<Ipv4Addr>) -> Self {
        let MembershipParts { group, source, index, next_hop, protocol } = parts;
        Self([group.to_bits(), source.to_bits(), index, next_hop.to_bits(), protocol])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv4Addr> {
        let [group, source, index, next_hop, protocol] = self.0;
        let (group, source) = (Ipv4Addr::from_bits(group), Ipv4Addr::from_bits(source));
        MembershipParts { group, source, index, next_hop: Ipv4Addr::from_bits(next_hop), protocol }
    }
}

impl MembershipKey<Ipv4Addr> for ByInterfaceKey4 {
    #[inline]
    fn new(parts: MembershipParts<Ipv4Addr>) -> Self {
        debug_assert!(parts.next_hop.is_unspecified());
        let MembershipParts { group, source, index, protocol, .. } = parts;
        Self([pair(index, group.to_bits()), pair(source.to_bits(), protocol)])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv4Addr> {
        // Not by `map`, which the compiler leaves as a loop.
        let [first, last] = self.0;
        let ((index, group), (source, protocol)) = (halves(first), halves(last));
        let (group, source) = (Ipv4Addr::from_bits(group), Ipv4Addr::from_bits(source));
        MembershipParts { group, source, index, next_hop: Ipv4Addr::UNSPECIFIED, protocol }
    }
}

impl MembershipKey<Ipv4Addr> for ByNeighborKey4 {
    #[inline]
    fn new(parts: MembershipParts<Ipv4Addr>) -> Self {
        let MembershipParts { group, source, index, next_hop, protocol } = parts;
        Self([index, next_hop.to_bits(), group.to_bits(), source.to_bits(), protocol])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv4Addr> {
        let [index, next_hop, group, source, protocol] = self.0;
        let (group, source) = (Ipv4Addr::from_bits(group), Ipv4Addr::from_bits(source));
        MembershipParts { group, source, index, next_hop: Ipv4Addr::from_bits(next_hop), protocol }
    }
}

// In the keys of IPv6, an address behind half a word ends with half a word.

impl MembershipKey<Ipv6Addr> for ByGroupKey6 {
    #[inline]
    fn new(parts: MembershipParts<Ipv6Addr>) -> Self {
        let MembershipParts { group, source, index, next_hop, protocol } = parts;
        let [a, b, c, d] = JoinKey6::new(group, source).0;
        let (first, middle, last) = cut(next_hop);
        Self([a, b, c, d, pair(index, first), middle, pair(last, protocol)])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv6Addr> {
        let [a, b, c, d, e, middle, g] = self.0;
        let join = JoinKey6([a, b, c, d]);
        let ((index, first), (last, protocol)) = (halves(e), halves(g));
        let next_hop = uncut(first, middle, last);
        MembershipParts { group: join.group(), source: join.source(), index, next_hop, protocol }
    }
}

impl MembershipKey<Ipv6Addr> for ByInterfaceKey6 {
    #[inline]
    fn new(parts: MembershipParts<Ipv6Addr>) -> Self {
        debug_assert!(parts.next_hop.is_unspecified());
        let (group, source) = (cut(parts.group), cut(parts.source));
        Self([
            pair(parts.index, group.0),
            group.1,
            pair(group.2, source.0),
            source.1,
            pair(source.2, parts.protocol),
        ])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv6Addr> {
        let [a, b, c, d, e] = self.0;
        let ((index, first), (last, first_of_source)) = (halves(a), halves(c));
        let (last_of_source, protocol) = halves(e);
        MembershipParts {
            group: uncut(first, b, last),
            source: uncut(first_of_source, d, last_of_source),
            index,
            next_hop: Ipv6Addr::UNSPECIFIED,
            protocol,
        }
    }
}

impl MembershipKey<Ipv6Addr> for ByNeighborKey6 {
    #[inline]
    fn new(parts: MembershipParts<Ipv6Addr>) -> Self {
        let (hop, group) = (cut(parts.next_hop), cut(parts.group));
        let source = cut(parts.source);
        Self([
            pair(parts.index, hop.0),
            hop.1,
            pair(hop.2, group.0),
            group.1,
            pair(group.2, source.0),
            source.1,
            pair(source.2, parts.protocol),
        ])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv6Addr> {
        let [a, b, c, d, e, f, g] = self.0;
        let ((index, first), (last, first_of_group)) = (halves(a), halves(c));
        let ((last_of_group, first_of_source), (last_of_source, protocol)) = (halves(e), halves(g));
        MembershipParts {
            group: uncut(first_of_group, d, last_of_group),
            source: uncut(first_of_source, f, last_of_source),
            index,
            next_hop: uncut(first, b, last),
            protocol,
        }
    }
}

/// The first half word of an address, its middle word, and its last half word.
#[inline]
fn cut(address: Ipv6Addr) -> (u32, u64, u32) {
    let bits = address.to_bits();
    ((bits >> 96) as u32, (bits >> 32) as u64, bits as u32)
}

/// The address that [`cut`] cut.
#[inline]
fn uncut(first: u32, middle: u64, last: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(u128::from(first) << 96 | u128::from(middle) << 32 | u128::from(last))
}

/// A word of two half words.
#[inline]
fn pair(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The half words of a word.
#[inline]
fn halves(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
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
    assert!(size_of::<ByGroupKey4>() == 20);
    assert!(size_of::<ByGroupKey6>() == 56);
    assert!(size_of::<ByInterfaceKey4>() == 16);
    assert!(size_of::<ByInterfaceKey6>() == 40);
    assert!(size_of::<ByNeighborKey4>() == 20);
    assert!(size_of::<ByNeighborKey6>() == 56);
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
        (number(), number(), number(), number(), number()).prop_map(
            |(group, source, index, next_hop, protocol)| MembershipParts {
                group: F::from_number(group),
                source: F::from_number(source),
                index: index as u32,
                next_hop: F::from_number(next_hop),
                protocol: protocol as u32,
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

    /// Checks that keys return their fields, and compare as `fields` do.
    fn check<F: Family, K: MembershipKey<F>, O: Ord>(
        [a, b]: [MembershipParts<F>; 2],
        fields: impl Fn(MembershipParts<F>) -> O,
    ) {
        let (x, y) = (K::new(a), K::new(b));
        assert_eq!(x.parts(), a);
        let expected = fields(a).cmp(&fields(b));
        assert_eq!(x.cmp(&y), expected);
        assert_eq!((x < y, x <= y), (expected.is_lt(), expected.is_le()));
        assert_eq!(x == y, expected.is_eq());
    }

    fn check_memberships<F: Family>(a: MembershipParts<F>, b: MembershipParts<F>) {
        check::<F, F::ByGroup, _>([a, b], |p| {
            (p.group.octets_of(), p.source.octets_of(), p.index, p.next_hop.octets_of(), p.protocol)
        });
        check::<F, F::ByNeighbor, _>([a, b], |p| {
            (p.index, p.next_hop.octets_of(), p.group.octets_of(), p.source.octets_of(), p.protocol)
        });
        let direct = [a, b].map(|parts| MembershipParts { next_hop: F::UNSPECIFIED, ..parts });
        check::<F, F::ByInterface, _>(direct, |p| {
            (p.index, p.group.octets_of(), p.source.octets_of(), p.protocol)
        });
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

    #[test]
    fn any_source_sorts_before_every_source_of_its_group() {
        let group = Ipv4Addr::new(239, 0, 0, 1);
        let any_source = JoinKey4::new(group, Ipv4Addr::UNSPECIFIED);
        assert!(any_source < JoinKey4::new(group, Ipv4Addr::new(0, 0, 0, 1)));
        assert!(any_source > JoinKey4::new(Ipv4Addr::new(239, 0, 0, 0), Ipv4Addr::BROADCAST));
    }
}
