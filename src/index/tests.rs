//! Random changes, with a full check of all invariants after each.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::merge::{Found, Merge, Order};
use super::{ByGroup, ByInterface, Indexes, Part, TableIndexes, Wanted, leave, replace};
use crate::mvcc::{Bounds, Versions};
use crate::tree::PoolLimits;
use crate::types::key::{JoinKey, MembershipKey, MembershipParts};
use crate::types::sole::SoleMembership;
use crate::types::{Family, Interface, Join, Membership, MembershipFlags, Protocol, V4, V6};

/// The most steps of a run. Miri interprets each.
const STEPS: usize = if cfg!(miri) { 6 } else { 120 };

/// What is to be in an order: the fields of a membership, in that order.
type Fields<F> = (Interface<F>, Join<F>, Interface<F>, u32);

fn by_group<F: Family>(parts: &MembershipParts<F>) -> Fields<F> {
    (Interface::new(0), parts.join(), parts.interface(), parts.protocol)
}

fn by_interface<F: Family>(parts: &MembershipParts<F>) -> Fields<F> {
    (parts.interface(), parts.join(), Interface::new(0), parts.protocol)
}

impl<F: Family> Indexes<F> {
    /// Panics if an invariant of the trees or of the indexes does not hold.
    fn check(&self) {
        self.joins.check();
        self.by_group.check();
        self.by_interface.check();
        self.by_neighbor.check();
        let direct = self.by_interface.seek_rank(0).map(|(key, flags)| (key.parts(), flags));
        let neighbors = self.by_neighbor.seek_rank(0).map(|(key, flags)| (key.parts(), flags));
        let found: Vec<Found<F>> = direct
            .chain(neighbors.inspect(|(parts, _)| assert!(!parts.next_hop.is_unspecified(), "I1")))
            .map(|(parts, flags)| (parts, MembershipFlags::from_bits(flags).unwrap()))
            .collect();

        // I2 and I3, from their statements.
        let mut joined: BTreeMap<Join<F>, Vec<Found<F>>> = BTreeMap::new();
        for (parts, flags) in &found {
            if flags.contains(MembershipFlags::JOIN) {
                joined.entry(parts.join()).or_default().push((*parts, *flags));
            }
        }
        let sole = |found: &[Found<F>]| match found {
            [(parts, flags)] if parts.next_hop.is_unspecified() => {
                SoleMembership::new(parts.index, parts.protocol, *flags)
            }
            _ => None,
        };
        let values = joined
            .iter()
            .map(|(join, found)| (*join, sole(found).unwrap_or(SoleMembership::ELSEWHERE)));
        let joins = self.joins.seek_rank(0);
        let joins = joins.map(|(key, value)| (Join::new(key.group(), key.source()), value));
        assert!(joins.eq(values), "I2, I3");
        let mut elsewhere: Vec<_> = found
            .iter()
            .filter(|(parts, flags)| {
                let is_join = flags.contains(MembershipFlags::JOIN);
                !is_join || sole(&joined[&parts.join()]).is_none()
            })
            .map(|(parts, flags)| (by_group(parts), flags.bits()))
            .collect();
        elsewhere.sort();
        let there = self.by_group.seek_rank(0);
        let there = there.map(|(key, flags)| (by_group(&key.parts()), flags));
        assert!(there.eq(elsewhere), "I3");

        let interfaces: BTreeSet<_> = found.iter().map(|(parts, _)| parts.interface()).collect();
        assert_eq!(self.interface_count(), interfaces.len(), "I4");
        assert!(interfaces.iter().all(|interface| self.has_memberships(*interface)));
        assert_eq!(self.membership_count(), found.len());
    }

    /// Panics if an order does not have the memberships that the other one has.
    fn check_orders(&self) {
        let first = MembershipParts::first_on(Interface::new(0));
        let found: Vec<Found<F>> = Merge::<F, ByInterface>::from(self, &first).collect();
        assert_eq!(found.len(), self.membership_count());
        check_order::<F, ByGroup>(self, &found, by_group);
        check_order::<F, ByInterface>(self, &found, by_interface);
    }
}

/// Checks that all memberships come in an order, from each of them on and from behind each.
fn check_order<F: Family, O: Order<F>>(
    indexes: &Indexes<F>,
    found: &[Found<F>],
    fields: impl Fn(&MembershipParts<F>) -> Fields<F>,
) {
    let mut sorted = found.to_vec();
    sorted.sort_by_key(|(parts, _)| fields(parts));
    let all = |parts: MembershipParts<F>| Merge::<F, O>::from(indexes, &parts);
    let mut merge = all(MembershipParts::first_on(Interface::new(0)));
    for at in 0..=sorted.len() {
        let rest = &sorted[at..];
        assert_eq!(merge.peek().as_ref(), rest.first());
        assert!(merge.clone().eq(rest.iter().copied()));
        assert!(Merge::<F, O>::at(indexes, merge.ranks()).eq(rest.iter().copied()));
        let before = Merge::<F, O>::before(indexes, merge.ranks());
        let last = at.checked_sub(1).and_then(|at| sorted.get(at));
        assert_eq!(before.as_ref(), last.map(|(parts, _)| parts));
        if let Some((parts, _)) = rest.first() {
            assert!(all(*parts).eq(rest.iter().copied()));
            let protocol = parts.protocol.saturating_add(1);
            let behind = MembershipParts { protocol, ..*parts };
            let skipped = usize::from(protocol > parts.protocol);
            assert!(all(behind).eq(rest.iter().skip(skipped).copied()));
        }
        merge.next();
    }
}

#[derive(Clone, Debug)]
enum Step {
    Join(u8, u8, u8, u8, u8),
    Leave(u8, u8, u8, u8, u8),
    Replace(u8, u8, BTreeSet<u8>),
    Commit,
    Abort,
}

fn step() -> impl Strategy<Value = Step> {
    let numbers = || (0..12u8, 0..4u8, 0..4u8, 0..3u8, 1..=3u8);
    prop_oneof![
        8 => numbers().prop_map(|(g, s, i, p, f)| Step::Join(g, s, i, p, f)),
        5 => numbers().prop_map(|(g, s, i, p, f)| Step::Leave(g, s, i, p, f)),
        1 => (0..4u8, 0..3u8, proptest::collection::btree_set(0..48u8, 0..40))
            .prop_map(|(i, p, joins)| Step::Replace(i, p, joins)),
        1 => Just(Step::Commit),
        1 => Just(Step::Abort),
    ]
}

fn address<F: Family>(number: u8) -> F {
    F::from_number(number.into())
}

/// Interfaces with and without next hops.
fn interface<F: Family>(number: u8) -> Interface<F> {
    Interface::with_next_hop((number / 2).into(), address(number % 2))
}

/// Protocols that fit into the value of a join, and one that does not.
fn protocol(number: u8) -> Protocol {
    Protocol::new(if number == 2 { u32::MAX } else { number.into() })
}

fn membership<F: Family>(g: u8, s: u8, i: u8, p: u8, f: u8) -> Membership<F> {
    Membership::source_specific(address(g), address(s), interface(i), protocol(p))
        .with_flags(MembershipFlags::from_bits(f).unwrap())
}

fn run<F: Family>(steps: Vec<Step>) {
    let bounds = Bounds { pool: PoolLimits::NONE, live_versions: 8 };
    let versions = Versions::<TableIndexes>::try_new(bounds).unwrap();
    let mut held = Vec::new();
    let mut txn = versions.begin();
    for step in steps {
        match step {
            Step::Join(g, s, i, p, f) => {
                super::join(&mut txn, &membership::<F>(g, s, i, p, f)).unwrap();
            }
            Step::Leave(g, s, i, p, f) => {
                leave(&mut txn, &membership::<F>(g, s, i, p, f)).unwrap();
            }
            Step::Replace(i, p, joins) => {
                let join = |n| Join::new(address(n / 4), address(n % 4));
                let joins: Vec<Join<F>> = joins.into_iter().map(join).collect();
                let (interface, protocol) = (interface(i), protocol(p));
                let wanted = Wanted { joins: &joins, ..Wanted::nothing(interface, protocol) };
                replace(&mut txn, &wanted, Part::all()).unwrap();
            }
            Step::Commit => {
                txn.commit();
                held.extend(versions.hold());
                txn = versions.begin();
            }
            Step::Abort => {
                drop(txn);
                txn = versions.begin();
            }
        }
        txn.indexes().of::<F>().check();
    }
    drop(txn);
    for version_ref in held {
        let indexes = version_ref.indexes().of::<F>();
        indexes.check();
        indexes.check_orders();
    }
}

proptest! {
    #[test]
    fn ipv4_indexes_keep_their_invariants(steps in proptest::collection::vec(step(), 0..STEPS)) {
        run::<V4>(steps);
    }

    #[test]
    fn ipv6_indexes_keep_their_invariants(steps in proptest::collection::vec(step(), 0..STEPS)) {
        run::<V6>(steps);
    }
}

#[test]
fn first_memberships_that_do_not_fit_beside_their_joins_have_their_slots() {
    let neighbor = Interface::with_next_hop(1, V4::new(10, 0, 0, 1));
    let fits_not = Protocol::new(u32::MAX);
    for (on, protocol) in [(neighbor, Protocol::IGMP), (Interface::new(1), fits_not)] {
        for held in 0..if cfg!(miri) { 6 } else { 40 } {
            let bounds = Bounds { pool: PoolLimits::NONE, live_versions: 8 };
            let versions = Versions::<TableIndexes>::try_new(bounds).unwrap();
            let add = |numbers: std::ops::Range<u32>| {
                let mut txn = versions.begin();
                for number in numbers {
                    let group = V4::from_bits(0xef00_0000 + number);
                    let added = Membership::any_source(group, on, protocol);
                    super::join(&mut txn, &added).unwrap();
                }
                txn.commit();
            };
            add(10_000..10_000 + held);
            let _held = versions.hold();
            add(0..if cfg!(miri) { 20 } else { 200 });
        }
    }
}
