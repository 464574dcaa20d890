//! Random changes, with a full check of all invariants after each.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::mvcc::{Bounds, Versions};
use crate::types::key::{JoinKey, MembershipKey, MembershipParts};
use crate::types::{Family, Interface, Join, Membership, MembershipFlags, Protocol, V4, V6};

use super::{Indexes, TableIndexes, leave, replace};

impl<F: Family> Indexes<F> {
    /// Panics if an invariant of the trees or of the indexes does not hold.
    fn check(&self) {
        self.joins.check();
        self.by_group.check();
        self.by_interface.check();
        self.interfaces.check();
        self.interface_ids.check();
        let sorted =
            |key: &MembershipParts<F>| (key.group, key.source, key.interface_id, key.protocol);
        let parts = self.by_group.slices(0..usize::MAX).flatten().map(|key| key.parts());
        let mut memberships: Vec<_> = parts.collect();
        let parts = self.by_interface.slices(0..usize::MAX).flatten().map(|key| key.parts());
        let mut by_interface: Vec<_> = parts.collect();
        memberships.sort_by_key(sorted);
        by_interface.sort_by_key(sorted);
        assert_eq!(memberships, by_interface, "I1");

        let joined = memberships.iter().filter(|parts| parts.is_join());
        let joined: BTreeSet<(F, F)> = joined.map(|parts| (parts.group, parts.source)).collect();
        let joins = self.joins.slices(0..usize::MAX).flatten();
        assert!(joins.map(|key| (key.group(), key.source())).eq(joined), "I2");

        let used: BTreeSet<u32> = memberships.iter().map(|parts| parts.interface_id).collect();
        let interfaces: BTreeMap<u32, _> =
            used.iter().map(|id| (*id, self.interface(*id).expect("I3"))).collect();
        assert_eq!(
            (self.interfaces.len(), self.interface_ids.len()),
            (used.len(), used.len()),
            "I3"
        );
        let found = interfaces.iter().all(|(id, i)| self.interface_id(*i) == Some(*id));
        assert!(found, "I3");
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
    let numbers = || (0..12u8, 0..4u8, 0..3u8, 0..2u8, 1..=3u8);
    prop_oneof![
        8 => numbers().prop_map(|(g, s, i, p, f)| Step::Join(g, s, i, p, f)),
        5 => numbers().prop_map(|(g, s, i, p, f)| Step::Leave(g, s, i, p, f)),
        1 => (0..3u8, 0..2u8, proptest::collection::btree_set(0..48u8, 0..40))
            .prop_map(|(i, p, joins)| Step::Replace(i, p, joins)),
        1 => Just(Step::Commit),
        1 => Just(Step::Abort),
    ]
}

fn membership<F: Family>(g: u8, s: u8, i: u8, p: u8, f: u8) -> Membership<F> {
    let [group, source] = [g, s].map(|number| F::from_number(number.into()));
    let interface = Interface::new(i.into());
    Membership::source_specific(group, source, interface, Protocol::new(p.into()))
        .with_flags(MembershipFlags::from_bits(f).unwrap())
}

fn run<F: Family>(steps: Vec<Step>) {
    let bounds = Bounds { node_bytes: usize::MAX, live_versions: 8 };
    let versions = Versions::<TableIndexes>::new(bounds);
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
                let number = |number: u8| F::from_number(number.into());
                let join = |n| Join::new(number(n / 4), number(n % 4));
                let joins: Vec<Join<F>> = joins.into_iter().map(join).collect();
                let on = Interface::new(i.into());
                replace(&mut txn, on, Protocol::new(p.into()), &joins).unwrap();
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
    held.iter().for_each(|version_ref| version_ref.indexes().of::<F>().check());
}

proptest! {
    #[test]
    fn ipv4_indexes_keep_their_invariants(steps in proptest::collection::vec(step(), 0..120)) {
        run::<V4>(steps);
    }

    #[test]
    fn ipv6_indexes_keep_their_invariants(steps in proptest::collection::vec(step(), 0..120)) {
        run::<V6>(steps);
    }
}
