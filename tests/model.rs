//! Random operations, with many snapshots held, compared with a model of `BTreeMap`s.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use groupscan::{
    Enumeration, Family, Filter, GroupTable, Interface, Join, Membership, MembershipFlags, Prefix,
    Protocol, Snapshot, V4, V6, View, WriteTxn,
};
use groupscan_testing::model::{Model, ORDERS, Small};
use proptest::prelude::*;

/// The largest number of snapshots held at a time.
const HELD: usize = 64;

/// Memberships are numbered: the number gives group and source. There are a few interfaces.
const NUMBERS: u32 = 6000;

/// A family whose memberships can be numbered.
trait Numbered: Small {
    fn numbered(number: u32) -> Self;
}

impl Numbered for V4 {
    fn numbered(number: u32) -> Self {
        V4::from_bits(if number == 0 { 0 } else { 0xe000_0000 + number })
    }
}

impl Numbered for V6 {
    fn numbered(number: u32) -> Self {
        V6::from_bits(if number == 0 { 0 } else { 0xff3e << 112 | u128::from(number) << 30 })
    }
}

/// The join of a number. Some groups have an any-source join and some have sources.
fn join_of<F: Numbered>(number: u32) -> Join<F> {
    Join::new(F::numbered(number / 7), F::numbered(number % 7))
}

fn interface_of<F: Numbered>(number: u32) -> Interface<F> {
    Interface::with_next_hop(number / 2, F::numbered(number % 2))
}

/// A protocol of a number below 3. The last one is not in the word beside the key of its join.
fn protocol_of(number: u32) -> Protocol {
    Protocol::new([1, 7, u32::MAX][number as usize])
}

fn membership_of<F: Numbered>(number: u32, at: Place) -> Membership<F> {
    let Join { group, source } = join_of(number);
    let (interface, protocol) = (interface_of(at.interface), protocol_of(at.protocol));
    Membership::source_specific(group, source, interface, protocol).with_flags(at.flags)
}

/// The fields of a membership besides its number.
#[derive(Clone, Copy, Debug)]
struct Place {
    interface: u32,
    protocol: u32,
    flags: MembershipFlags,
}

#[derive(Clone, Debug)]
enum Edit {
    Join(u32, Place),
    Leave(u32, Place),
    /// The first number, and the count of numbers from there on.
    JoinRun(u32, u32, Place),
    LeaveRun(u32, u32, Place),
    LeaveAll(Place),
    /// The first number, the count, and the step between numbers.
    Replace(u32, u32, usize, Place),
}

#[derive(Clone, Debug)]
enum Op {
    Commit(Vec<Edit>),
    /// Aborts after each count of edits, then commits all of them under the next version's number.
    AbortAndCommit(Vec<Edit>),
    /// Panics after the edits.
    Panic(Vec<Edit>),
    Hold,
    Drop(usize),
    Rank(u32),
    Range(u32, u8),
    Reclaim,
}

fn place() -> impl Strategy<Value = Place> {
    (0..5u32, 0..3u32, 1..=3u8).prop_map(|(interface, protocol, flags)| Place {
        interface,
        protocol,
        flags: MembershipFlags::from_bits(flags).unwrap(),
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let number = || 0..NUMBERS;
    let run = || 1..700u32;
    prop_oneof![
        6 => (number(), place()).prop_map(|(n, p)| Edit::Join(n, p)),
        4 => (number(), place()).prop_map(|(n, p)| Edit::Leave(n, p)),
        2 => (number(), run(), place()).prop_map(|(n, r, p)| Edit::JoinRun(n, r, p)),
        2 => (number(), run(), place()).prop_map(|(n, r, p)| Edit::LeaveRun(n, r, p)),
        1 => place().prop_map(Edit::LeaveAll),
        2 => (number(), run(), 1..5usize, place()).prop_map(|(n, r, s, p)| Edit::Replace(n, r, s, p)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let edits = || proptest::collection::vec(edit(), 1..5);
    prop_oneof![
        8 => edits().prop_map(Op::Commit),
        2 => edits().prop_map(Op::AbortAndCommit),
        1 => edits().prop_map(Op::Panic),
        6 => Just(Op::Hold),
        4 => (0..HELD).prop_map(Op::Drop),
        2 => (0..NUMBERS).prop_map(Op::Rank),
        2 => (0..NUMBERS, 0..=128u8).prop_map(|(n, length)| Op::Range(n, length)),
        1 => Just(Op::Reclaim),
    ]
}

/// Makes an edit in the table and in the model, which must agree on what it changed.
fn make<F: Numbered>(txn: &mut WriteTxn<'_>, model: &mut Model<F>, edit: &Edit) {
    let mut join = |txn: &mut WriteTxn<'_>, number, place| {
        let membership = membership_of(number, place);
        assert_eq!(txn.join(&membership), Ok(model.join(&membership)));
    };
    match *edit {
        Edit::Join(number, place) => join(txn, number, place),
        Edit::JoinRun(first, count, place) => {
            (first..first + count).for_each(|number| join(txn, number, place));
        }
        Edit::Leave(number, place) => leave(txn, model, number, place),
        Edit::LeaveRun(first, count, place) => {
            (first..first + count).for_each(|number| leave(txn, model, number, place));
        }
        Edit::LeaveAll(place) => {
            let (interface, protocol) =
                (interface_of(place.interface), protocol_of(place.protocol));
            let expected = model.replace(interface, protocol, &[]);
            assert_eq!(txn.leave_all(interface, protocol), Ok(expected));
        }
        Edit::Replace(first, count, step, place) => {
            let (interface, protocol) =
                (interface_of(place.interface), protocol_of(place.protocol));
            let joins: Vec<Join<F>> = (first..first + count).step_by(step).map(join_of).collect();
            let expected = model.replace(interface, protocol, &joins);
            assert_eq!(txn.replace(interface, protocol, &joins), Ok(expected));
        }
    }
}

fn leave<F: Numbered>(txn: &mut WriteTxn<'_>, model: &mut Model<F>, number: u32, place: Place) {
    let membership = membership_of(number, place);
    assert_eq!(txn.leave(&membership), Ok(model.leave(&membership)));
}

fn joins_of<F: Family>(snapshot: &Snapshot) -> Vec<Join<F>> {
    let enumeration: Enumeration<F> = snapshot.of::<F>().enumerate(View::AllSources, Filter::all());
    let mut buffer = vec![0; 100 * Enumeration::<F>::ENTRY_BYTES];
    let mut joins = Vec::new();
    loop {
        let batch = enumeration.get_next(&mut buffer).unwrap();
        joins.extend(batch.entries().iter().map(Join::from_entry));
        if !batch.more() {
            return joins;
        }
    }
}

/// Compares what is quick to compare.
fn check<F: Numbered>(snapshot: &Snapshot, model: &Model<F>) {
    let joins: Vec<Join<F>> = model.joins().into_iter().collect();
    assert_eq!(joins_of::<F>(snapshot), joins);
    assert_eq!(snapshot.of::<F>().len(), joins.len());
    assert_eq!(snapshot.of::<F>().membership_count(), model.membership_count());
    assert_eq!(snapshot.of::<F>().interface_count(), model.interfaces().len());
}

/// Compares the answers to all queries.
fn check_all<F: Numbered>(snapshot: &Snapshot, model: &Model<F>) {
    check(snapshot, model);
    assert!(snapshot.of::<F>().interfaces().eq(model.interfaces()));
    let mut groups: BTreeMap<F, Vec<Membership<F>>> = BTreeMap::new();
    for membership in model.memberships() {
        groups.entry(membership.group).or_default().push(membership);
    }
    for (group, expected) in groups.into_iter().step_by(20) {
        assert!(snapshot.of::<F>().memberships(group).eq(expected));
    }
    for order in ORDERS {
        let all = model.memberships_in(order);
        assert!(snapshot.of::<F>().all_memberships(order).eq(all.iter().copied()));
        for (at, membership) in all.iter().enumerate().step_by(50) {
            let next = snapshot.of::<F>().all_memberships(order).after(membership).next();
            assert_eq!(next, all.get(at + 1).copied());
        }
        let shown = snapshot.of::<F>().enumerate_all_memberships(order, Filter::all()).into_iter();
        assert!(shown.map(|record| Membership::from_entry(&record).unwrap()).eq(all));
    }
    for interface in (0..5).map(interface_of) {
        let joined = model.joined_on(interface);
        assert!(snapshot.of::<F>().joined_on(interface).eq(joined.into_iter()));
    }
    for join in model.joins().into_iter().step_by(50) {
        let outgoing = model.outgoing(join);
        assert!(snapshot.of::<F>().outgoing(join).eq(outgoing.iter().copied()));
        for interface in (0..5).map(interface_of) {
            let next = snapshot.of::<F>().outgoing(join).after(interface).next();
            assert_eq!(next, outgoing.iter().find(|other| **other > interface).copied());
        }
    }
}

fn run<F: Numbered>(ops: Vec<Op>) {
    let table = GroupTable::new();
    let mut model = Model::<F>::default();
    let mut held: Vec<(Snapshot, Model<F>)> = Vec::new();
    for op in ops {
        let before = table.snapshot().unwrap().version();
        match op {
            Op::Commit(edits) => {
                let mut txn = table.begin_write();
                edits.iter().for_each(|edit| make(&mut txn, &mut model, edit));
                txn.commit();
            }
            Op::AbortAndCommit(edits) => {
                for kept in 0..=edits.len() {
                    let mut aborted = model.clone();
                    let mut txn = table.begin_write();
                    edits[..kept].iter().for_each(|edit| make(&mut txn, &mut aborted, edit));
                }
                let mut txn = table.begin_write();
                edits.iter().for_each(|edit| make(&mut txn, &mut model, edit));
                let version = txn.commit().number();
                assert!(version - before.number() <= 1, "aborted transactions take no number");
            }
            Op::Panic(edits) => {
                let mut aborted = model.clone();
                let panicked = catch_unwind(AssertUnwindSafe(|| {
                    let mut txn = table.begin_write();
                    edits.iter().for_each(|edit| make(&mut txn, &mut aborted, edit));
                    std::panic::resume_unwind(Box::new("on purpose"));
                }));
                assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"on purpose"));
                assert_eq!(table.snapshot().unwrap().version(), before);
            }
            Op::Hold => {
                if held.len() < HELD {
                    held.push((table.snapshot().unwrap(), model.clone()));
                }
            }
            Op::Drop(at) => {
                if at < held.len() {
                    let (snapshot, model) = held.swap_remove(at);
                    check_all(&snapshot, &model);
                }
            }
            Op::Rank(number) => {
                let join = join_of::<F>(number);
                let rank = model.joins().range(..join).count();
                let snapshot = table.snapshot().unwrap();
                assert_eq!(snapshot.of::<F>().rank(join), rank);
                let next = model.joins().range(join..).next().copied();
                assert_eq!(snapshot.of::<F>().join_at(rank), next);
            }
            Op::Range(number, length) => {
                let group = join_of::<F>(number).group;
                let prefix = Prefix::<F>::new(group, length.min(F::BITS)).unwrap_or_default();
                let expected =
                    model.joins().iter().filter(|join| prefix.contains(join.group)).count();
                assert_eq!(table.snapshot().unwrap().of::<F>().count(prefix), expected);
            }
            Op::Reclaim => table.reclaim(),
        }
        check(&table.snapshot().unwrap(), &model);
        let live: BTreeSet<_> = held.iter().map(|(snapshot, _)| snapshot.version()).collect();
        let current = table.snapshot().unwrap().version();
        let expected = live.len() + usize::from(!live.contains(&current));
        assert_eq!(table.stats().live_versions, expected);
    }
    // Half of the snapshots outlive the table.
    let outliving = held.split_off(held.len() / 2);
    held.iter().for_each(|(snapshot, model)| check_all(snapshot, model));
    drop(held);
    drop(table);
    outliving.iter().for_each(|(snapshot, model)| check_all(snapshot, model));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn ipv4_is_as_the_model(ops in proptest::collection::vec(op(), 0..150)) {
        run::<V4>(ops);
    }

    #[test]
    fn ipv6_is_as_the_model(ops in proptest::collection::vec(op(), 0..150)) {
        run::<V6>(ops);
    }
}
