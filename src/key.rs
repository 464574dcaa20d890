//! Order-preserving keys, and the only place that converts byte order.
//!
//! A key is a few 64-bit words in host order, the most significant first, so that comparing words
//! orders by the fields from left to right:
//!
//! ```text
//! JoinKey         group | source                                             8, 32 bytes
//! ByGroupKey      group | source | slot 24 | protocol 32 | flags 8          16, 40 bytes
//! ByInterfaceKey  slot 24 | group | source | protocol 32 | flags 8          16, 40 bytes
//! InterfaceKey    index 32 | next hop 128 | slot 32                          24 bytes
//! SlotKey         slot 32 | index 32 | next hop 128                          24 bytes
//! ```
//!
//! A slot is a small number that stands for an interface. What a key is not found by is carried
//! along and takes no part in comparisons: the flags of a membership, the slot of an interface, the
//! interface of a slot.
//!
//! # Invariants
//!
//! - I1: for every two keys of one kind, the keys compare as the tuples of their fields do, those
//!   left out that are carried along.
//! - I2: the fields that made a key are the fields that it gives back.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr};

use bytemuck::{Pod, Zeroable};

use crate::flags::MembershipFlags;

/// The bits of a membership key's last word that are flags.
const FLAGS_BITS: u32 = 8;

/// The bits of a slot.
const SLOT_BITS: u32 = 24;

/// How many slots a membership key can tell apart.
pub(crate) const SLOTS: u32 = 1 << SLOT_BITS;

/// What every ordered set keeps: plain old data with an order.
pub trait Key: Pod + Ord + Debug + Send + Sync {
    /// Whether whole sets of these keys are read at the speed of memory.
    const IS_SCANNED: bool = false;
}

/// A key of the set of joins: (group, source) of addresses `F`, whose order is theirs.
///
/// This trait is sealed: [`JoinKey4`] and [`JoinKey6`] are all there are.
pub trait JoinKey<F>: Key {
    /// The key of a join; the unspecified source stands for any.
    fn new(group: F, source: F) -> Self;

    /// The group.
    fn group(self) -> F;

    /// The source; unspecified for any.
    fn source(self) -> F;
}

/// The fields of a membership key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipParts<F> {
    pub group: F,
    pub source: F,
    pub slot: u32,
    pub protocol: u32,
    pub flags: u8,
}

impl<F> MembershipParts<F> {
    /// What sorts before every membership of (group, source), whatever the order of the key.
    pub fn first_of(group: F, source: F) -> Self {
        Self { group, source, slot: 0, protocol: 0, flags: 0 }
    }

    /// What sorts after every membership of (group, source), whatever the order of the key.
    pub fn last_of(group: F, source: F) -> Self {
        Self { group, source, slot: SLOTS - 1, protocol: u32::MAX, flags: 0 }
    }

    /// Whether the membership is a join.
    pub fn is_join(&self) -> bool {
        self.flags & MembershipFlags::JOIN.bits() != 0
    }
}

/// A key of one of the two sets of memberships.
pub trait MembershipKey<F>: Key {
    fn new(parts: MembershipParts<F>) -> Self;
    fn parts(self) -> MembershipParts<F>;
}

/// The key of an IPv4 join: a number with the group in the high half and the source in the low one.
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

/// The key of an IPv6 join: the group's words and the source's, the most significant first.
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

/// Defines a key of so many words, of which some bits take no part in comparisons.
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

            // What searches ask, without a detour over the three answers of `cmp`, which would
            // make a branch of it.
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
    /// (group, source, slot, protocol; flags) of IPv4.
    pub ByGroupKey4, 2, |[a, b]| wide(a, b) >> FLAGS_BITS
}
partial_key! {
    /// (group, source, slot, protocol; flags) of IPv6.
    pub ByGroupKey6, 5, |[a, b, c, d, e]| (wide(a, b), wide(c, d), e >> FLAGS_BITS)
}
partial_key! {
    /// (slot, group, source, protocol; flags) of IPv4.
    pub ByInterfaceKey4, 2, |[a, b]| wide(a, b) >> FLAGS_BITS
}
partial_key! {
    /// (slot, group, source, protocol; flags) of IPv6.
    pub ByInterfaceKey6, 5, |[a, b, c, d, e]| (wide(a, b), wide(c, d), e >> FLAGS_BITS)
}
partial_key! {
    /// (index, next hop; slot) of either family.
    pub(crate) InterfaceKey, 3, |[a, b, c]| (a, b, c >> 32)
}
partial_key! {
    /// (slot; index, next hop) of either family.
    pub(crate) SlotKey, 3, |[a, _, _]| a >> 32
}

impl InterfaceKey {
    /// The key of an interface, whose next hop is given as a number.
    #[inline]
    pub(crate) fn new(index: u32, next_hop: u128, slot: u32) -> Self {
        let first = u64::from(index) << 32 | high(next_hop) >> 32;
        let last = low(next_hop) << 32 | u64::from(slot);
        Self([first, high(next_hop) << 32 | low(next_hop) >> 32, last])
    }

    /// The slot that stands for the interface.
    #[inline]
    pub(crate) fn slot(self) -> u32 {
        self.0[2] as u32
    }
}

impl SlotKey {
    /// The key of a slot that stands for an interface.
    #[inline]
    pub(crate) fn new(slot: u32, index: u32, next_hop: u128) -> Self {
        Self([u64::from(slot) << 32 | u64::from(index), high(next_hop), low(next_hop)])
    }

    /// The interface's index, and its next hop as a number.
    #[inline]
    pub(crate) fn interface(self) -> (u32, u128) {
        (self.0[0] as u32, wide(self.0[1], self.0[2]))
    }
}

/// The last word of a key by group: slot, protocol, flags.
#[inline]
fn tail<F>(parts: &MembershipParts<F>) -> u64 {
    debug_assert!(parts.slot < SLOTS);
    u64::from(parts.slot) << (32 + FLAGS_BITS)
        | u64::from(parts.protocol) << FLAGS_BITS
        | u64::from(parts.flags)
}

/// (group, source) and the last word of a key by group, as fields.
#[inline]
fn with_tail<F>(group: F, source: F, tail: u64) -> MembershipParts<F> {
    MembershipParts {
        group,
        source,
        slot: (tail >> (32 + FLAGS_BITS)) as u32,
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

// A key by interface is a key by group with the slot moved to the front: all between moves right
// by the slot's bits.

impl MembershipKey<Ipv4Addr> for ByInterfaceKey4 {
    #[inline]
    fn new(parts: MembershipParts<Ipv4Addr>) -> Self {
        let join = JoinKey4::new(parts.group, parts.source).0;
        let last = tail(&MembershipParts { slot: 0, ..parts });
        Self([
            u64::from(parts.slot) << (64 - SLOT_BITS) | join >> SLOT_BITS,
            join << (64 - SLOT_BITS) | last,
        ])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv4Addr> {
        let [first, last] = self.0;
        let join = JoinKey4(first << SLOT_BITS | last >> (64 - SLOT_BITS));
        let slot = (first >> (64 - SLOT_BITS)) as u32;
        MembershipParts { slot, ..with_tail(join.group(), join.source(), last) }
    }
}

impl MembershipKey<Ipv6Addr> for ByInterfaceKey6 {
    #[inline]
    fn new(parts: MembershipParts<Ipv6Addr>) -> Self {
        let [a, b, c, d] = JoinKey6::new(parts.group, parts.source).0;
        let last = tail(&MembershipParts { slot: 0, ..parts });
        let keep = 64 - SLOT_BITS;
        Self([
            u64::from(parts.slot) << keep | a >> SLOT_BITS,
            a << keep | b >> SLOT_BITS,
            b << keep | c >> SLOT_BITS,
            c << keep | d >> SLOT_BITS,
            d << keep | last,
        ])
    }

    #[inline]
    fn parts(self) -> MembershipParts<Ipv6Addr> {
        let [a, b, c, d, last] = self.0;
        let keep = 64 - SLOT_BITS;
        let join = JoinKey6([
            a << SLOT_BITS | b >> keep,
            b << SLOT_BITS | c >> keep,
            c << SLOT_BITS | d >> keep,
            d << SLOT_BITS | last >> keep,
        ]);
        MembershipParts { slot: (a >> keep) as u32, ..with_tail(join.group(), join.source(), last) }
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
    assert!(size_of::<SlotKey>() == 24);
    assert!(SLOT_BITS + 32 + FLAGS_BITS == 64);
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Family, V4, V6};
    use proptest::prelude::*;

    /// Numbers among which equal ones, neighbours and ones that differ in few bits are frequent.
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
            |(group, source, slot, protocol, flags)| MembershipParts {
                group: F::from_number(group),
                source: F::from_number(source),
                slot: slot as u32 % SLOTS,
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
        let by_group =
            |p: MembershipParts<F>| (p.group.octets_of(), p.source.octets_of(), p.slot, p.protocol);
        let (x, y) = (F::ByGroup::new(a), F::ByGroup::new(b));
        assert_eq!(x.parts(), a);
        assert_eq!(x.cmp(&y), by_group(a).cmp(&by_group(b)));
        assert_eq!(x == y, by_group(a) == by_group(b));

        let by_interface =
            |p: MembershipParts<F>| (p.slot, p.group.octets_of(), p.source.octets_of(), p.protocol);
        let (x, y) = (F::ByInterface::new(a), F::ByInterface::new(b));
        assert_eq!(x.parts(), a);
        assert_eq!(x.cmp(&y), by_interface(a).cmp(&by_interface(b)));
        assert_eq!(x == y, by_interface(a) == by_interface(b));
    }

    /// The bytes of an address as they go over the wire: an order that no conversion of ours
    /// takes part in.
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
        fn interfaces_order_by_what_they_are_found_by(
            (i, h, s) in (0..3u32, number(), any::<u32>()),
            (j, k, t) in (0..3u32, number(), any::<u32>()),
        ) {
            let (x, y) = (InterfaceKey::new(i, h, s), InterfaceKey::new(j, k, t));
            prop_assert_eq!(x.cmp(&y), (i, h).cmp(&(j, k)));
            prop_assert_eq!((x.slot(), x == InterfaceKey::new(i, h, t)), (s, true));
            let (x, y) = (SlotKey::new(s, i, h), SlotKey::new(t, j, k));
            prop_assert_eq!(x.cmp(&y), s.cmp(&t));
            prop_assert_eq!((x.interface(), x == SlotKey::new(s, j, k)), ((i, h), true));
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
