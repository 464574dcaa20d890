//! Trees compared with `BTreeMap`s, with a full check after every edit.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::layout::NodeLayout;
use super::*;
use crate::types::key::Key;

impl Key for u64 {}
impl Key for [u64; 5] {}

/// The number of keys of large trees. Miri interprets each step.
const MANY: u64 = if cfg!(miri) { 20 } else { 1000 };

/// The wide key of a number.
fn wide(number: u64) -> [u64; 5] {
    [number >> 4, 0, 0, number & 15, 7]
}

/// A tree that is held, and the entries that it must have.
type Held<K> = (Tree<K, u16>, Vec<(K, u16)>);

/// A tree, and the versions of it that are held.
struct Bench<K: Key> {
    nodes: Nodes,
    current: Tree<K, u16>,
    number: u64,
    held: Vec<Held<K>>,
    retired: Vec<NodeList>,
}

impl<K: Key> Bench<K> {
    fn new() -> Self {
        let nodes = Nodes::new(Pool::new(PoolLimits::NONE));
        Self { nodes, current: Tree::empty(), number: 0, held: Vec::new(), retired: Vec::new() }
    }

    /// Runs a transaction, and commits it if `run` returns true.
    fn transact(&mut self, run: impl FnOnce(&mut Tree<K, u16>, &mut Nodes) -> bool) {
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
        assert_eq!(self.nodes.pool().in_use_bytes(), 0);
    }
}

fn all<K: Key>(tree: &Tree<K, u16>) -> Vec<(K, u16)> {
    tree.seek_rank(0).collect()
}

/// The tree for edits, with the slots that they need.
fn edit<'t, K: Key>(
    tree: &'t mut Tree<K, u16>,
    nodes: &'t mut Nodes,
    demand: Demand,
) -> Edit<'t, K, u16> {
    nodes.pool_mut().reserve(demand, Reach::System).unwrap();
    // SAFETY: the tree belongs to the running transaction of these nodes.
    unsafe { Edit::new(tree, nodes) }
}

/// The tree, which is empty, for a bulk load of `count` entries.
fn load<'t, K: Key>(
    tree: &'t mut Tree<K, u16>,
    nodes: &'t mut Nodes,
    count: usize,
) -> Edit<'t, K, u16> {
    edit(tree, nodes, Tree::<K, u16>::slots_to_load(count))
}

/// Inserts a key or sets its value. Returns the value that it had.
fn insert<K: Key>(tree: &mut Tree<K, u16>, nodes: &mut Nodes, key: K, value: u16) -> Option<u16> {
    let cursor = tree.seek(key);
    let (path, found) = (cursor.path(), cursor.found());
    let demand = tree.worst_case();
    match found {
        Some(_) => edit(tree, nodes, demand).set_value(&path, value),
        None => edit(tree, nodes, demand).insert(&path, key, value),
    }
    found
}

/// Removes a key. Returns the value that it had.
fn remove<K: Key>(tree: &mut Tree<K, u16>, nodes: &mut Nodes, key: K) -> Option<u16> {
    let cursor = tree.seek(key);
    let (path, found) = (cursor.path(), cursor.found());
    let demand = tree.slots_to_remove(&path, nodes.number());
    assert!(demand.bytes() <= tree.worst_removals(1, 0).bytes());
    found.inspect(|_| edit(tree, nodes, demand).remove(&path))
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64, u16),
    Remove(u64),
    Batch(Vec<(u64, Option<u16>)>),
    /// A step of a sweep from a key on, which passes at most this number of keys.
    Compact(Option<u64>, usize, bool),
    Commit,
    Abort,
    Hold,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..if cfg!(miri) { 30 } else { 200u64 };
    let step = prop_oneof![
        8 => (key(), any::<u16>()).prop_map(|(key, value)| Step::Insert(key, value)),
        6 => key().prop_map(Step::Remove),
        1 => proptest::collection::vec((key(), any::<Option<u16>>()), 0..60).prop_map(Step::Batch),
        // A run of neighbours that are inserted or removed: whole leaves come and go.
        1 => (key(), 0..60u64, any::<Option<u16>>())
            .prop_map(|(first, count, on)| Step::Batch((0..count).map(|i| (first + i, on)).collect())),
        3 => (proptest::option::of(key()), 0..20usize, any::<bool>())
            .prop_map(|(from, most, orders)| Step::Compact(from, most, orders)),
        2 => Just(Step::Commit),
        1 => Just(Step::Abort),
        1 => Just(Step::Hold),
    ];
    proptest::collection::vec(step, 0..if cfg!(miri) { 15 } else { 150 })
}

fn check_reads<K: Key>(tree: &Tree<K, u16>, model: &BTreeMap<K, u16>, key: K) {
    assert_eq!(tree.len(), model.len());
    assert_eq!(tree.get(key), model.get(&key).copied());
    let (below, not_above) = (model.range(..key).count(), model.range(..=key).count());
    assert_eq!((tree.lower_bound(key), tree.upper_bound(key)), (below, not_above));
    let entries = |from: usize| model.iter().map(|(key, value)| (*key, *value)).skip(from);
    assert_eq!(tree.select(below), entries(below).next());
    let cursor = tree.seek(key);
    assert_eq!((cursor.rank(), cursor.entry()), (below, entries(below).next()));
    assert_eq!(cursor.key_before(), model.range(..key).next_back().map(|(key, _)| *key));
    assert_eq!(cursor.key_after(), entries(below + 1).next().map(|(key, _)| key));
    assert!(cursor.eq(entries(below)));
    for end in [below, below + 1, below + 7, usize::MAX] {
        let runs = tree.runs(below..end);
        assert_eq!(runs.keys_left(), entries(below).take(end - below).count());
        let runs: Vec<_> = runs.map(|run| run.entries).collect();
        assert!(runs.iter().all(|run| !run.keys.is_empty() && run.keys.len() == run.values.len()));
        let keys = runs.iter().flat_map(|run| run.keys).copied();
        let values = runs.iter().flat_map(|run| run.values).copied();
        assert!(keys.zip(values).eq(entries(below).take(end - below)));
    }
}

fn run<K: Key>(steps: Vec<Step>, key: impl Fn(u64) -> K) {
    let mut bench = Bench::<K>::new();
    let mut model: BTreeMap<K, u16> = BTreeMap::new();
    let mut steps = steps.into_iter().peekable();
    while steps.peek().is_some() {
        let before = model.clone();
        let mut hold = false;
        let mut committed = false;
        bench.transact(|tree, nodes| {
            for step in steps.by_ref() {
                match step {
                    Step::Insert(number, value) => {
                        let number = key(number);
                        let before = insert(tree, nodes, number, value);
                        assert_eq!(before, model.insert(number, value));
                        check_reads(tree, &model, number);
                    }
                    Step::Remove(number) => {
                        let number = key(number);
                        let before = remove(tree, nodes, number);
                        assert_eq!(before, model.remove(&number));
                        check_reads(tree, &model, number);
                    }
                    Step::Batch(changes) => {
                        let changes: BTreeMap<u64, Option<u16>> = changes.into_iter().collect();
                        let changes: Vec<KeyUpdate<K, u16>> = changes
                            .into_iter()
                            .map(|(number, value)| KeyUpdate { key: key(number), value })
                            .collect();
                        for change in &changes {
                            match change.value {
                                Some(value) => model.insert(change.key, value),
                                None => model.remove(&change.key),
                            };
                        }
                        let in_use = nodes.pool().in_use_bytes();
                        // Debug builds check that no more slots are taken.
                        let demand = tree.slots_to_apply(&changes, nodes.number());
                        edit(tree, nodes, demand).apply(&changes);
                        assert!(nodes.pool().in_use_bytes() <= in_use + demand.bytes());
                    }
                    Step::Compact(from, most, orders) => {
                        let kind = if orders { SweepKind::FillAndOrder } else { SweepKind::Fill };
                        if orders {
                            nodes.pool_mut().begin_order();
                        }
                        nodes.pool_mut().set_ordered(orders);
                        let demand = tree.compact_worst_case();
                        let in_use = nodes.pool().in_use_bytes();
                        nodes.pool_mut().reserve(demand, Reach::System).unwrap();
                        // SAFETY: the tree belongs to the running transaction of these nodes.
                        let mut edit = unsafe { Edit::new(tree, nodes) };
                        let swept = edit.compact(from.map(&key), most, kind);
                        assert!(nodes.pool().in_use_bytes() <= in_use + demand.bytes());
                        assert!(swept.passed <= model.len());
                        assert!(all(tree).into_iter().eq(model.clone()));
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
        assert!(all(&bench.current).into_iter().eq(model.clone()));
        bench.current.check();
        if hold {
            bench.hold();
        }
    }
    bench.end();
}

proptest! {
    #[test]
    fn narrow_keys_match_a_btree_map(steps in steps()) {
        run::<u64>(steps, |number| number);
    }

    #[test]
    fn wide_keys_match_a_btree_map(steps in steps()) {
        run::<[u64; 5]>(steps, wide);
    }
}

/// Entries with these keys.
fn entries(keys: impl Iterator<Item = u64>) -> impl Iterator<Item = (u64, u16)> {
    keys.map(|key| (key, (key * 7) as u16))
}

#[test]
fn a_bulk_load_fills_its_leaves() {
    for count in (0..40).chain([255, 256, 257, 1000]).filter(|count| *count <= MANY as usize) {
        let mut bench = Bench::<u64>::new();
        let keys = || entries((0..count as u64).map(|i| i * 3));
        bench.transact(|tree, nodes| {
            load(tree, nodes, count).bulk_load(keys());
            tree.check();
            let mut leaves =
                tree.runs(0..count).map(|run| run.entries.keys.len()).collect::<Vec<_>>();
            let last = leaves.pop().unwrap_or(0);
            let capacity = NodeLayout::<u64, u16>::LEAF_CAPACITY;
            assert!(leaves.iter().all(|length| *length == capacity) && last <= capacity);
            true
        });
        assert!(all(&bench.current).into_iter().eq(keys()));
        bench.end();
    }
}

#[test]
fn ascending_keys_fill_their_leaves() {
    let mut bench = Bench::<u64>::new();
    bench.transact(|tree, nodes| {
        for number in 0..MANY {
            insert(tree, nodes, number, 0);
            tree.check();
        }
        let leaves = tree.runs(0..MANY as usize).count();
        assert_eq!(leaves, MANY as usize / NodeLayout::<u64, u16>::LEAF_CAPACITY);
        true
    });
    bench.end();
}

#[test]
fn a_tree_shrinks_to_nothing_when_it_is_emptied_in_any_order() {
    for factor in [1, 499, 999_983] {
        let mut bench = Bench::<u64>::new();
        bench.transact(|tree, nodes| {
            load(tree, nodes, MANY as usize).bulk_load(entries(0..MANY));
            true
        });
        for number in 0..MANY {
            bench.transact(|tree, nodes| {
                assert!(remove(tree, nodes, number * factor % MANY).is_some());
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
        load(tree, nodes, MANY as usize).bulk_load(entries((0..MANY).map(|i| i * 2)));
        true
    });
    let mut count = 0;
    bench.current.for_each_node(None, &mut |_| count += 1);
    bench.transact(|tree, nodes| {
        // Replaces all keys of the tree by themselves, and removes keys that it does not have.
        let changes: Vec<KeyUpdate<u64, u16>> = entries(0..2 * MANY)
            .map(|(key, value)| KeyUpdate { key, value: (key % 2 == 0).then_some(value) })
            .collect();
        let demand = tree.slots_to_apply(&changes, nodes.number());
        edit(tree, nodes, demand).apply(&changes);
        assert_eq!(nodes.growth_bytes(), 0);
        true
    });
    let mut copied = 0;
    bench.current.for_each_node(Some(1), &mut |_| copied += 1);
    assert_eq!(copied, count);
    assert_eq!(bench.retired.iter().map(NodeList::len).sum::<usize>(), count);
    bench.end();
}

/// Applies changes in a transaction of its own. Returns the greatest number of slots that it may have used,
/// in relation to the nodes of the tree before.
fn demand_to_apply(bench: &mut Bench<u64>, changes: &[KeyUpdate<u64, u16>]) -> f64 {
    let (mut nodes_before, mut demand) = (0, 0);
    bench.current.for_each_node(None, &mut |_| nodes_before += 1);
    bench.transact(|tree, nodes| {
        let slots = tree.slots_to_apply(changes, nodes.number());
        demand = slots.bytes() / NodeLayout::<u64, u16>::SLOT_BYTES;
        edit(tree, nodes, slots).apply(changes);
        tree.check();
        true
    });
    demand as f64 / nodes_before as f64
}

#[test]
fn a_batch_needs_at_most_a_copy_of_the_nodes_that_it_touches() {
    let count = if cfg!(miri) { 100 } else { 20_000 };
    let removals = |keys: std::ops::Range<u64>, step: usize| {
        keys.step_by(step).map(|key| KeyUpdate { key, value: None }).collect::<Vec<_>>()
    };
    // All keys; half of them, in a run; every other key; every tenth.
    for (changes, most) in [
        (removals(0..count, 1), 0.9),
        (removals(count / 4..count * 3 / 4, 1), 0.5),
        (removals(0..count, 2), 2.5),
        (removals(0..count, 10), 1.5),
    ] {
        let mut bench = Bench::<u64>::new();
        bench.transact(|tree, nodes| {
            load(tree, nodes, count as usize).bulk_load(entries(0..count));
            true
        });
        let demand = demand_to_apply(&mut bench, &changes);
        // The tree is small under Miri, where constants count.
        let is_enough = demand <= most || cfg!(miri);
        assert!(is_enough, "{} changes: {demand} of the tree", changes.len());
        bench.end();
    }
}

#[test]
fn reservations_suffice_and_insertions_take_what_they_say() {
    let mut bench = Bench::<u64>::new();
    for number in 0..3 * MANY {
        bench.transact(|tree, nodes| {
            let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let cursor = tree.seek(key);
            if cursor.found().is_some() {
                return false;
            }
            let path = cursor.path();
            let before = nodes.pool().in_use_bytes();
            let reserved = tree.slots_to_insert(&path, number + 1).bytes();
            assert!(reserved <= tree.worst_case().bytes());
            let demand = tree.worst_case();
            edit(tree, nodes, demand).insert(&path, key, 0);
            assert_eq!(nodes.pool().in_use_bytes() - before, reserved);
            true
        });
    }
    bench.end();
}

#[test]
fn an_edit_in_place_takes_no_slot() {
    let mut bench = Bench::<u64>::new();
    bench.transact(|tree, nodes| {
        load(tree, nodes, MANY as usize).bulk_load(entries((0..MANY).map(|i| i * 2)));
        let in_use = nodes.pool().in_use_bytes();
        for key in [0, MANY / 2 * 2, MANY * 2 - 2] {
            assert!(insert(tree, nodes, key, 9).is_some());
            assert_eq!(tree.get(key), Some(9));
        }
        assert_eq!(nodes.pool().in_use_bytes(), in_use);
        true
    });
    bench.end();
}

/// Makes steps, each in a transaction of its own, until a sweep ends. Returns their number.
fn sweep(bench: &mut Bench<u64>, kind: SweepKind) -> usize {
    let (mut next, mut steps) = (None, 0);
    loop {
        bench.transact(|tree, nodes| {
            nodes.pool_mut().reserve(tree.compact_worst_case(), Reach::System).unwrap();
            // SAFETY: the tree belongs to the running transaction of these nodes.
            let swept = unsafe { Edit::new(tree, nodes) }.compact(next, usize::MAX, kind);
            tree.check();
            next = swept.next;
            true
        });
        steps += 1;
        if next.is_none() {
            return steps;
        }
    }
}

#[test]
fn a_sweep_fills_the_leaves_and_keeps_the_keys() {
    let mut bench = Bench::<u64>::new();
    bench.transact(|tree, nodes| {
        load(tree, nodes, 4 * MANY as usize).bulk_load(entries(0..4 * MANY));
        true
    });
    // Leaves of two keys each, in a tree of several levels.
    for key in (0..4 * MANY).filter(|key| key % 4 > 1) {
        bench.transact(|tree, nodes| remove(tree, nodes, key).is_some());
    }
    let before = all(&bench.current);
    let two_each = MANY as usize;
    assert_eq!(bench.current.leaves().0, two_each);
    bench.hold();
    let steps = sweep(&mut bench, SweepKind::Fill);
    assert!(steps > two_each / 10);
    let leaves = bench.current.leaves().0;
    // The last leaf of each parent, of four at most, may be partly filled.
    assert!((two_each / 2..=two_each * 7 / 10).contains(&leaves), "{leaves}");
    assert_eq!(all(&bench.current), before);
    sweep(&mut bench, SweepKind::Fill);
    assert!(bench.current.leaves().0 <= leaves);
    bench.end();
}

#[test]
fn skipped_leaves_count() {
    let count = if cfg!(miri) { 50 } else { 1000u64 };
    let mut bench = Bench::<u64>::new();
    bench.transact(|tree, nodes| {
        load(tree, nodes, count as usize).bulk_load(entries(0..count));
        true
    });
    for (low, high) in [(0, count), (count / 10, count / 2), (3, 12), (count - 10, count), (5, 6)] {
        for from in [0, 1, 6, count / 10 + 1, count / 2 - 1, count - 5] {
            let mut runs = bench.current.runs(from as usize..count as usize);
            let is_skipped = |first: &u64, end: &u64| low <= *first && *end <= high;
            let mut seen = Vec::new();
            while let Some((run, rank)) = runs.next_unless(is_skipped) {
                assert_eq!(run.entries.keys[0], rank as u64, "a key is its rank");
                seen.extend(run.entries.keys);
            }
            assert!(seen.is_sorted_by(|a, b| a < b));
            let skipped = (from..count).filter(|key| !seen.contains(key)).collect::<Vec<_>>();
            assert!(skipped.iter().all(|key| (low..high).contains(key)));
            // The first leaf and the last one of each parent are read.
            assert!(skipped.len() >= (high.saturating_sub(low.max(from) + 8)) as usize / 4);
        }
    }
    bench.end();
}
