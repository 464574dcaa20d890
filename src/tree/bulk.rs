//! Changing a tree by many keys in order.

use super::edit::{Counts, Edit};
use super::node::{NodeMut, Shape};
use crate::key::Key;

/// What is to become of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change<K> {
    pub(crate) key: K,
    /// Whether the tree is to have the key.
    pub(crate) present: bool,
}

impl<K: Key> Edit<'_, K> {
    /// Puts ascending keys into an empty tree, whose leaves become full.
    pub(crate) fn bulk_load(&mut self, mut keys: impl Iterator<Item = K>) {
        debug_assert_eq!(self.tree.len(), 0);
        let mut last = None;
        loop {
            let leaf = self.nodes.make(0);
            let count = fill(leaf, keys.by_ref().take(Shape::<K>::LEAF_CAPACITY));
            let Some(greatest) = leaf.read().keys().last().copied() else {
                self.nodes.discard(leaf.read());
                return;
            };
            match last {
                Some(last) => self.append_leaf(&last, leaf, count),
                None => self.set_root(leaf.ptr(), 1),
            }
            self.tree.length += count as u32;
            last = Some(greatest);
        }
    }

    /// Puts a leaf of keys that are greater than all in the tree, of which `last` is the greatest,
    /// at the end.
    fn append_leaf(&mut self, last: &K, leaf: NodeMut<K>, count: usize) {
        let Some((path, _)) = self.locate(last) else {
            return;
        };
        let (nodes, _) = self.own(&path, Counts::Grow(count));
        self.attach(&path, &nodes, leaf, true);
    }

    /// Makes changes whose keys ascend strictly, in one pass: what concerns one leaf is merged into
    /// it at once, unless it becomes too full or too empty by that.
    pub(crate) fn apply(&mut self, mut changes: &[Change<K>]) {
        if self.tree.len() == 0 {
            let keys = changes.iter().filter(|change| change.present).map(|change| change.key);
            self.bulk_load(keys);
            return;
        }
        while let Some(first) = changes.first() {
            let here = self.changes_in_leaf(&first.key, changes);
            let (now, later) = changes.split_at(here.max(1));
            if here < 2 || !self.merge_into_leaf(now) {
                for change in now {
                    match change.present {
                        true => self.insert(change.key),
                        false => self.remove(change.key),
                    };
                }
            }
            changes = later;
        }
    }

    /// How many of the changes concern the leaf that `key` belongs to.
    fn changes_in_leaf(&self, key: &K, changes: &[Change<K>]) -> usize {
        let mut bound = None;
        let mut node = self.tree.root();
        while let Some(branch) = node.filter(|node| node.level() > 0) {
            let child = branch.child_for(key);
            bound = branch.keys().get(child + 1).copied().or(bound);
            node = Some(branch.child(child));
        }
        bound.map_or(changes.len(), |bound| changes.partition_point(|change| change.key < bound))
    }

    /// Makes changes that concern one leaf, if it stays neither too full nor too empty.
    fn merge_into_leaf(&mut self, changes: &[Change<K>]) -> bool {
        let Some((path, leaf)) = changes.first().and_then(|first| self.locate(&first.key)) else {
            return false;
        };
        let before = leaf.len();
        let after = merged(leaf.keys(), changes).count();
        if after > Shape::<K>::LEAF_CAPACITY || after < Shape::<K>::minimum(0) {
            return false;
        }
        let new = self.nodes.make(0);
        fill(new, merged(leaf.keys(), changes));
        let counts = match after.checked_sub(before) {
            Some(more) => Counts::Grow(more),
            None => Counts::Shrink(before - after),
        };
        self.replace_leaf(&path, counts, new);
        self.tree.length = (self.tree.len() + after - before) as u32;
        true
    }
}

/// Puts keys into an empty leaf, and returns how many they were.
fn fill<K: Key>(leaf: NodeMut<K>, keys: impl Iterator<Item = K>) -> usize {
    let mut count = 0;
    for key in keys {
        leaf.insert_key(count, key);
        count += 1;
    }
    count
}

/// The keys of a leaf after changes that concern it.
fn merged<K: Key>(keys: &[K], changes: &[Change<K>]) -> impl Iterator<Item = K> {
    let (mut keys, mut changes) = (keys.iter().peekable(), changes.iter().peekable());
    std::iter::from_fn(move || {
        loop {
            let Some(change) = changes.peek() else {
                return keys.next().copied();
            };
            if let Some(key) = keys.next_if(|key| **key < change.key) {
                return Some(*key);
            }
            keys.next_if(|key| **key == change.key);
            let change = changes.next()?;
            if change.present {
                return Some(change.key);
            }
        }
    })
}
