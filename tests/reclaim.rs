//! After every operation, the nodes that exist are those that a live version reaches.
//!
//! A node is reachable from the versions from its birth up to its retirement. It is freed when, and only
//! when, no live version lies between. So the nodes that exist are the union of the nodes that live
//! versions reach. The test walks all of them.

use std::collections::{BTreeMap, BTreeSet};

use groupscan::internals::{existing, reachable};
use groupscan::{Family, GroupTable, Membership, Snapshot, V4, V6, Version};
use groupscan_testing::model::{Small, membership};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    /// Joins or leaves memberships of some numbers in one commit.
    Commit(Vec<([u8; 4], bool)>),
    Abort(Vec<([u8; 4], bool)>),
    Hold,
    /// Another holder of a version that is held.
    Clone(usize),
    Drop(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let numbers = (0..40u8, 0..12u8, 0..4u8, 0..2u8).prop_map(|(a, b, c, d)| [a, b, c, d]);
    let edits = proptest::collection::vec((numbers, any::<bool>()), 1..60).boxed();
    prop_oneof![
        6 => edits.clone().prop_map(Op::Commit),
        1 => edits.prop_map(Op::Abort),
        4 => Just(Op::Hold),
        1 => (0..32usize).prop_map(Op::Clone),
        4 => (0..32usize).prop_map(Op::Drop),
    ]
}

fn numbered<F: Small>([group, source, interface, protocol]: [u8; 4]) -> Membership<F> {
    membership(group, source, interface, protocol, 0)
}

/// Compares what exists with what the live versions reach, and the statistics with both.
fn check(table: &GroupTable, held: &[Snapshot]) {
    table.reclaim();
    let current = table.snapshot().unwrap();
    let mut versions: BTreeMap<Version, BTreeMap<usize, usize>> = BTreeMap::new();
    for snapshot in held.iter().chain([&current]) {
        versions.entry(snapshot.version()).or_insert_with(|| reachable(snapshot));
    }
    let reached: BTreeMap<usize, usize> =
        versions.values().flatten().map(|(a, b)| (*a, *b)).collect();
    let exist = existing(table);
    let missing = |from: &BTreeMap<usize, usize>, nodes: &BTreeMap<usize, usize>| {
        nodes.keys().filter(|node| !from.contains_key(node)).count()
    };
    assert_eq!(missing(&reached, &exist), 0, "nodes that no live version reaches");
    assert_eq!(missing(&exist, &reached), 0, "nodes that were freed too early");
    assert_eq!(exist, reached, "the bytes of each");

    let stats = table.stats();
    let bytes = |nodes: &BTreeMap<usize, usize>| nodes.values().sum::<usize>();
    assert_eq!((stats.live_versions, stats.in_use_bytes), (versions.len(), bytes(&exist)));
    let of_current = &versions[&current.version()];
    assert_eq!(stats.retained_bytes, bytes(&exist) - bytes(of_current));
    assert_eq!(stats.pending_bytes, 0);

    let retained = table.retained();
    assert!(retained.iter().map(|retained| retained.version).eq(versions.keys().copied()));
    for retained in retained {
        let others = versions.iter().filter(|(version, _)| **version != retained.version);
        let by_others: BTreeSet<usize> =
            others.flat_map(|(_, nodes)| nodes.keys()).copied().collect();
        let nodes = versions[&retained.version].iter();
        let alone = nodes.filter(|(node, _)| !by_others.contains(node));
        assert_eq!(retained.bytes, alone.map(|(_, bytes)| bytes).sum::<usize>(), "{retained:?}");
        let holders = held.iter().chain([&current]);
        let holders = holders.filter(|held| held.version() == retained.version).count();
        assert_eq!(retained.holders, holders);
    }
}

fn edit<F: Small>(table: &GroupTable, edits: Vec<([u8; 4], bool)>, commit: bool) {
    let mut txn = table.begin_write();
    for (numbers, join) in edits {
        let membership = numbered::<F>(numbers);
        let changed = if join { txn.join(&membership) } else { txn.leave(&membership) };
        changed.unwrap();
    }
    if commit {
        txn.commit();
    }
}

fn run<F: Small + Family>(ops: Vec<Op>) {
    let table = GroupTable::new();
    let mut held: Vec<Snapshot> = Vec::new();
    // Every set has more than one leaf, at any node capacity.
    let all = (0..40).flat_map(|group| (0..12).map(move |source| ([group, source, 0, 0], true)));
    edit::<F>(&table, all.collect(), true);
    for op in ops {
        match op {
            Op::Commit(edits) => edit::<F>(&table, edits, true),
            Op::Abort(edits) => edit::<F>(&table, edits, false),
            Op::Hold => held.push(table.snapshot().unwrap()),
            Op::Clone(at) => held.extend(held.get(at).cloned()),
            Op::Drop(at) => {
                if at < held.len() {
                    drop(held.swap_remove(at));
                }
            }
        }
        check(&table, &held);
    }
    held.clear();
    check(&table, &held);
    // Leaves empty the table, and nothing is left.
    let everything = (0..40u8).flat_map(|g| (0..12u8).map(move |s| (g, s)));
    let everything = everything
        .flat_map(|(g, s)| (0..4).flat_map(move |i| (0..2).map(move |p| ([g, s, i, p], false))));
    edit::<F>(&table, everything.collect(), true);
    check(&table, &held);
    assert!(existing(&table).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn ipv4_nodes_exist_while_a_live_version_reaches_them(
        ops in proptest::collection::vec(op(), 0..80),
    ) {
        run::<V4>(ops);
    }

    #[test]
    fn ipv6_nodes_exist_while_a_live_version_reaches_them(
        ops in proptest::collection::vec(op(), 0..80),
    ) {
        run::<V6>(ops);
    }
}

#[test]
fn commits_alone_keep_pace_with_what_they_retire() {
    let table = GroupTable::new();
    let numbers = || (0..2000).map(|i| [(i % 100) as u8, (i / 100) as u8, 0, 0]);
    edit::<V4>(&table, numbers().map(|n| (n, true)).collect(), true);
    let alone = table.stats().in_use_bytes;
    for round in 0..20 {
        // Each version is held over the next commit only, which replaces most nodes. Then it is dropped
        // without a call of `reclaim`.
        let held = table.snapshot().unwrap();
        edit::<V4>(&table, numbers().step_by(4).map(|n| (n, round % 2 == 1)).collect(), true);
        drop(held);
        edit::<V4>(&table, vec![([round, 200, 0, 1], true)], true);
        assert!(table.stats().in_use_bytes <= 4 * alone, "garbage outruns the commits");
    }
}
