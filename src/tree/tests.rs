//! Trees compared with `BTreeSet`s, with a full check after every edit.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::node::NodeLayout;
use super::worst_case::slots_for_batch;
use super::*;
use crate::types::key::Key;

impl Key for u64 {}
impl Key for [u64; 5] {}

/// The wide key of a number.
fn wide(number: u64) -> [u64; 5] {
    [number >> 4, 0, 0, number & 15, 7]
}

/// A tree, the versions of it that are held, and the keys that each must have.
struct Bench<K: Key> {
    nodes: Nodes,
    current: Tree<K>,
    number: u64,
    held: Vec<(Tree<K>, Vec<K>)>,
    retired: Vec<NodeList>,
}

impl<K: Key> Bench<K> {
    fn new() -> Self {
        let nodes = Nodes::new(Pool::new(usize::MAX));
        Self { nodes, current: Tree::empty(), number: 0, held: Vec::new(), retired: Vec::new() }
    }

    /// Runs a transaction, and commits it if `run` returns true.
    fn transact(&mut self, run: impl FnOnce(&mut Tree<K>, &mut Nodes) -> bool) {
        // SAFETY: the previous transaction has ended, and each commit raises the number.
        unsafe { self.nodes.begin(self.number + 1) };
        // SAFETY: no node of the current version is freed before `end`.
        let mut tree = unsafe { self.current.duplicate() };
        if run(&mut tree, &mut self.nodes) {
            self.retired.push(self.nodes.commit());
            self.current = tree;
            self.number += 1;
        } else {
            self.nodes.abort();
        }
    }

    fn hold(&mut self) {
        let keys = all(&self.current);
        // SAFETY: no node is freed before `end`.
        self.held.push((unsafe { self.current.duplicate() }, keys));
    }

    /// Frees all nodes, and checks that none is left.
    fn end(mut self) {
        for (tree, keys) in &self.held {
            assert_eq!(all(tree), *keys, "a version never changes");
        }
        let mut nodes = Vec::new();
        self.current.for_each_node(None, &mut |node| nodes.push(node));
        for mut list in self.retired {
            nodes.extend(std::iter::from_fn(|| list.pop()));
        }
        for node in nodes {
            // SAFETY: neither the current tree nor those held are used any more.
            unsafe { self.nodes.free(node) };
        }
        assert_eq!(self.nodes.pool().in_use(), 0);
    }
}

fn all<K: Key>(tree: &Tree<K>) -> Vec<K> {
    tree.slices(0..usize::MAX).flatten().copied().collect()
}

/// The tree for edits, with slots for `changes` changes.
fn edit<'t, K: Key>(tree: &'t mut Tree<K>, nodes: &'t mut Nodes, changes: usize) -> Edit<'t, K> {
    nodes.pool_mut().reserve(tree.worst_case(changes), Reach::System).unwrap();
    // SAFETY: the tree belongs to the running transaction of these nodes.
    unsafe { Edit::new(tree, nodes) }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Remove(u64),
    Batch(Vec<(u64, bool)>),
    Commit,
    Abort,
    Hold,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..200u64;
    let step = prop_oneof![
        8 => key().prop_map(Step::Insert),
        6 => key().prop_map(Step::Remove),
        1 => proptest::collection::vec((key(), any::<bool>()), 0..60).prop_map(Step::Batch),
        // A run of neighbours that are inserted or removed: whole leaves come and go.
        1 => (key(), 0..60u64, any::<bool>())
            .prop_map(|(first, count, on)| Step::Batch((0..count).map(|i| (first + i, on)).collect())),
        2 => Just(Step::Commit),
        1 => Just(Step::Abort),
        1 => Just(Step::Hold),
    ];
    proptest::collection::vec(step, 0..150)
}

fn check_reads<K: Key>(tree: &Tree<K>, model: &BTreeSet<K>, key: K) {
    assert_eq!(tree.len(), model.len());
    assert_eq!(tree.get(key).is_some(), model.contains(&key));
    let (below, not_above) = (model.range(..key).count(), model.range(..=key).count());
    assert_eq!((tree.lower_bound(key), tree.upper_bound(key)), (below, not_above));
    assert_eq!(tree.select(below), model.range(key..).next().copied());
    for end in [below, below + 1, below + 7, usize::MAX] {
        let slices: Vec<&[K]> = tree.slices(below..end).collect();
        assert!(slices.iter().all(|slice| !slice.is_empty()));
        let expected: Vec<K> = model.range(key..).take(end - below).copied().collect();
        assert_eq!(slices.concat(), expected);
    }
}

fn run<K: Key>(steps: Vec<Step>, key: impl Fn(u64) -> K) {
    let mut bench = Bench::<K>::new();
    let mut model: BTreeSet<K> = BTreeSet::new();
    let mut steps = steps.into_iter().peekable();
    while steps.peek().is_some() {
        let before = model.clone();
        let mut hold = false;
        let mut committed = false;
        bench.transact(|tree, nodes| {
            for step in steps.by_ref() {
                match step {
                    Step::Insert(number) => {
                        let number = key(number);
                        let there = edit(tree, nodes, 1).insert(number);
                        assert_eq!(there.is_none(), model.insert(number));
                        check_reads(tree, &model, number);
                    }
                    Step::Remove(number) => {
                        let number = key(number);
                        let there = edit(tree, nodes, 1).remove(number);
                        assert_eq!(there.is_some(), model.remove(&number));
                        check_reads(tree, &model, number);
                    }
                    Step::Batch(changes) => {
                        let changes: std::collections::BTreeMap<u64, bool> =
                            changes.into_iter().collect();
                        let changes: Vec<KeyUpdate<K>> = changes
                            .into_iter()
                            .map(|(number, present)| KeyUpdate { key: key(number), present })
                            .collect();
                        for change in &changes {
                            match change.present {
                                true => model.insert(change.key),
                                false => model.remove(&change.key),
                            };
                        }
                        let in_use = nodes.pool().in_use();
                        let reserved = tree.worst_case(changes.len()).total();
                        edit(tree, nodes, changes.len()).apply(&changes);
                        assert!(nodes.pool().in_use() <= in_use + reserved);
                    }
                    Step::Commit => {
                        committed = true;
                        return true;
                    }
                    Step::Abort => return false,
                    Step::Hold => hold = true,
                }
                tree.check();
            }
            false
        });
        if !committed {
            model = before;
        }
        assert_eq!(all(&bench.current), model.iter().copied().collect::<Vec<_>>());
        bench.current.check();
        if hold {
            bench.hold();
        }
    }
    bench.end();
}

proptest! {
    #[test]
    fn narrow_keys_match_a_btree_set(steps in steps()) {
        run::<u64>(steps, |number| number);
    }

    #[test]
    fn wide_keys_match_a_btree_set(steps in steps()) {
        run::<[u64; 5]>(steps, wide);
    }
}

#[test]
fn a_bulk_load_fills_its_leaves() {
    for count in (0..40).chain([255, 256, 257, 1000]) {
        let mut bench = Bench::<u64>::new();
        bench.transact(|tree, nodes| {
            edit(tree, nodes, count).bulk_load((0..count as u64).map(|i| i * 3));
            tree.check();
            let mut leaves = tree.slices(0..count).map(<[u64]>::len).collect::<Vec<_>>();
            let last = leaves.pop().unwrap_or(0);
            let capacity = NodeLayout::<u64>::LEAF_CAPACITY;
            assert!(leaves.iter().all(|length| *length == capacity) && last <= capacity);
            true
        });
        assert_eq!(all(&bench.current), (0..count as u64).map(|i| i * 3).collect::<Vec<_>>());
        bench.end();
    }
}

#[test]
fn ascending_keys_fill_their_leaves() {
    let mut bench = Bench::<u64>::new();
    bench.transact(|tree, nodes| {
        for number in 0..1000 {
            edit(tree, nodes, 1).insert(number);
            tree.check();
        }
        assert_eq!(tree.slices(0..1000).count(), 1000 / NodeLayout::<u64>::LEAF_CAPACITY);
        true
    });
    bench.end();
}

#[test]
fn a_tree_shrinks_to_nothing_when_it_is_emptied_in_any_order() {
    for factor in [1, 499, 999_983] {
        let mut bench = Bench::<u64>::new();
        bench.transact(|tree, nodes| {
            edit(tree, nodes, 1000).bulk_load(0..1000);
            true
        });
        for number in 0..1000 {
            bench.transact(|tree, nodes| {
                assert!(edit(tree, nodes, 1).remove(number * factor % 1000).is_some());
                tree.check();
                true
            });
        }
        assert_eq!((bench.current.len(), bench.current.height), (0, 0));
        bench.end();
    }
}

#[test]
fn a_batch_copies_each_node_once() {
    let mut bench = Bench::<u64>::new();
    bench.transact(|tree, nodes| {
        edit(tree, nodes, 1000).bulk_load((0..1000).map(|i| i * 2));
        true
    });
    let mut count = 0;
    bench.current.for_each_node(None, &mut |_| count += 1);
    bench.transact(|tree, nodes| {
        // Replaces all keys of the tree by themselves, and removes keys that it does not have.
        let changes: Vec<KeyUpdate<u64>> =
            (0..2000).map(|key| KeyUpdate { key, present: key % 2 == 0 }).collect();
        edit(tree, nodes, 2000).apply(&changes);
        assert_eq!(nodes.growth(), 0);
        true
    });
    let mut copied = 0;
    bench.current.for_each_node(Some(1), &mut |_| copied += 1);
    assert_eq!(copied, count);
    assert_eq!(bench.retired.iter().map(NodeList::len).sum::<usize>(), count);
    bench.end();
}

#[test]
fn reservations_suffice_and_an_insertion_that_changes_nothing_takes_no_slot() {
    let mut bench = Bench::<u64>::new();
    for number in 0..3000u64 {
        bench.transact(|tree, nodes| {
            let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let before = nodes.pool().in_use();
            let reserved = tree.slots_to_insert(key, number + 1).total();
            assert!(reserved <= tree.worst_case(1).total());
            let there = edit(tree, nodes, 1).insert(key).is_some();
            let made = nodes.pool().in_use() - before;
            assert!(if there { made == 0 } else { made == reserved });
            let before = (nodes.pool().in_use(), nodes.growth());
            edit(tree, nodes, 1).insert(key);
            assert_eq!((nodes.pool().in_use(), nodes.growth()), before);
            true
        });
    }
    bench.end();
}

/// The most slots that ascending keys need if they are inserted one by one before a greater key, which is
/// alone in the tree: each split leaves half a node behind that stays so.
fn halves(mut entries: usize, capacities: [usize; 2]) -> usize {
    let mut slots = 0;
    let mut capacity = capacities[0];
    while entries > capacity {
        entries = entries / capacity.div_ceil(2) + 1;
        slots += entries;
        capacity = capacities[1];
    }
    slots + 1
}

#[test]
fn a_reservation_for_a_batch_suffices_at_every_capacity() {
    for key_bytes in [8, 16, 24, 32, 40] {
        let capacities = [2048 / key_bytes, 2048 / (key_bytes + 12)];
        let minima = capacities.map(|capacity| capacity / 3);
        for changes in (1..=32).flat_map(|bits| [(1 << bits) - 1, 1 << bits, 3 << bits]) {
            let reserved = slots_for_batch(1, 1, changes, capacities, minima);
            // One more for the copy of the leaf of the greater key.
            assert!(halves(changes, capacities) < reserved, "{changes} keys of {key_bytes} bytes");
        }
    }
}
