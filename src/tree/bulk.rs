//! Changes of a tree by many keys in ascending order.

use super::edit::{CountDelta, Edit};
use super::node::{NodeLayout, NodeMut};
use crate::types::key::Key;

/// A change of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyUpdate<K> {
    pub(crate) key: K,
    /// Whether the tree has the key after the change.
    pub(crate) present: bool,
}

impl<K: Key> Edit<'_, K> {
    /// Inserts ascending keys into an empty tree. All leaves but the last become full.
    pub(crate) fn bulk_load(&mut self, mut keys: impl Iterator<Item = K>) {
        debug_assert_eq!(self.tree.len(), 0);
        let mut last = None;
        loop {
            let leaf = self.nodes.make(0);
            let count = fill(leaf, keys.by_ref().take(NodeLayout::<K>::LEAF_CAPACITY));
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

    /// Appends a leaf whose keys are greater than all keys of the tree, of which `last` is the greatest.
    fn append_leaf(&mut self, last: &K, leaf: NodeMut<K>, count: usize) {
        let Some((path, _)) = self.locate(last) else {
            unreachable!("I2: a tree that counts a key has a root");
        };
        let nodes = self.make_mut(&path, CountDelta::Grow(count));
        self.attach(&path, &nodes, leaf, true);
    }

    /// Makes changes whose keys ascend strictly, in one pass. Changes of the same leaf are merged into it
    /// together, unless the leaf would become too full or too empty.
    pub(crate) fn apply(&mut self, mut changes: &[KeyUpdate<K>]) {
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

    /// The number of leading changes whose keys belong to the same leaf as `key`.
    fn changes_in_leaf(&self, key: &K, changes: &[KeyUpdate<K>]) -> usize {
        let mut bound = None;
        let mut node = self.tree.root();
        while let Some(branch) = node.filter(|node| node.level() > 0) {
            let child = branch.child_for(key);
            bound = branch.keys().get(child + 1).copied().or(bound);
            node = Some(branch.child(child));
        }
        bound.map_or(changes.len(), |bound| changes.partition_point(|change| change.key < bound))
    }

    /// Makes changes that belong to one leaf, if that leaf becomes neither too full nor too empty. Returns
    /// whether it did.
    fn merge_into_leaf(&mut self, changes: &[KeyUpdate<K>]) -> bool {
        // Earlier changes may have removed all keys: then there is no leaf.
        let Some((path, leaf)) = changes.first().and_then(|first| self.locate(&first.key)) else {
            return false;
        };
        let before = leaf.len();
        let after = merged(leaf.keys(), changes).count();
        if !(NodeLayout::<K>::LEAF_MINIMUM..=NodeLayout::<K>::LEAF_CAPACITY).contains(&after) {
            return false;
        }
        let new = self.nodes.make(0);
        fill(new, merged(leaf.keys(), changes));
        let counts = match after.checked_sub(before) {
            Some(more) => CountDelta::Grow(more),
            None => CountDelta::Shrink(before - after),
        };
        self.replace_leaf(&path, counts, new);
        self.tree.length = (self.tree.len() + after - before) as u32;
        true
    }
}

/// Inserts keys into an empty leaf, and returns their number.
fn fill<K: Key>(leaf: NodeMut<K>, keys: impl Iterator<Item = K>) -> usize {
    let mut count = 0;
    for key in keys {
        leaf.insert_key(count, key);
        count += 1;
    }
    count
}

/// The keys of a leaf after changes that belong to it.
fn merged<K: Key>(keys: &[K], changes: &[KeyUpdate<K>]) -> impl Iterator<Item = K> {
    let (mut keys, mut changes) = (keys.iter().peekable(), changes.iter().peekable());
    std::iter::from_fn(move || {
        loop {
            let Some(change) = changes.peek().copied() else {
                return keys.next().copied();
            };
            if let Some(key) = keys.next_if(|key| **key < change.key) {
                return Some(*key);
            }
            keys.next_if(|key| **key == change.key);
            changes.next();
            if change.present {
                return Some(change.key);
            }
        }
    })
}
