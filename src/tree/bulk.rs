//! Changes of a tree by many keys in ascending order.

use bytemuck::Pod;

use super::branch::NodeRef;
use super::cursor::Path;
use super::edit::Edit;
use super::layout::NodeLayout;
use super::nodes::{NewLeaf, Nodes};
use crate::types::key::{Entries, Key};

/// A change of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyUpdate<K, V> {
    pub(crate) key: K,
    /// The value of the key after the change; `None` if the tree does not have the key then.
    pub(crate) value: Option<V>,
}

impl<K: Key, V: Pod> Edit<'_, K, V> {
    /// Inserts ascending entries into an empty tree. All leaves but the last become full.
    pub(crate) fn bulk_load(&mut self, entries: impl Iterator<Item = (K, V)>) {
        debug_assert_eq!(self.tree.len(), 0);
        let mut entries = entries.peekable();
        while entries.peek().is_some() {
            let all = entries.by_ref().take(NodeLayout::<K, V>::LEAF_CAPACITY);
            let mut new = filled(self.nodes, all);
            let count = new.as_mut().len();
            if self.tree.len() == 0 {
                self.set_root(new.into_ptr(), 1);
                (self.tree.length, self.tree.leaves) = (count as u32, 1);
            } else {
                let end = self.tree.seek_rank(self.tree.len()).path();
                self.append_leaf(&end, new, count);
            }
        }
    }

    /// Makes changes whose keys ascend strictly, in one pass. Changes of the same leaf are merged into it
    /// together, unless the leaf would become too empty. Leaves that overflow become full leaves.
    pub(crate) fn apply(&mut self, mut changes: &[KeyUpdate<K, V>]) {
        if changes.is_empty() {
            return;
        }
        if self.tree.len() == 0 {
            self.bulk_load(changes.iter().filter_map(|change| Some((change.key, change.value?))));
            return;
        }
        while let Some(first) = changes.first() {
            let (path, here) = self.changes_in_leaf(&first.key, changes);
            let (now, later) = changes.split_at(here.max(1));
            let merged = if here < 2 { None } else { self.merge_into_leaf(&path, now) };
            changes = match merged {
                Some(made) => &changes[made..],
                None => {
                    now.iter().for_each(|change| self.update(change));
                    later
                }
            };
        }
    }

    /// Makes one change.
    pub(crate) fn update(&mut self, change: &KeyUpdate<K, V>) {
        let cursor = self.tree.seek(change.key);
        let (path, found) = (cursor.path(), cursor.found());
        match (found, change.value) {
            (None, Some(value)) => self.insert(&path, change.key, value),
            (Some(_), Some(value)) => self.set_value(&path, value),
            (Some(_), None) => self.remove(&path),
            (None, None) => {}
        }
    }

    /// The path to `key`, and the number of leading changes whose keys belong to the same leaf.
    fn changes_in_leaf(&self, key: &K, changes: &[KeyUpdate<K, V>]) -> (Path, usize) {
        let path = self.tree.seek(*key).path();
        let (mut bound, mut depth) = (None, 0);
        let mut node = self.tree.root();
        while let Some(NodeRef::Branch(branch)) = node {
            let at = path.at(depth);
            bound = branch.separators().get(at + 1).copied().or(bound);
            node = Some(branch.child(at));
            depth += 1;
        }
        let here = bound
            .map_or(changes.len(), |bound| changes.partition_point(|change| change.key < bound));
        (path, here)
    }

    /// Makes changes that belong to the leaf at the end of a path, or those of them that fill the leaf, and
    /// splits it. Returns how many it made: `None` if the leaf would become too empty, so that nothing was
    /// done.
    fn merge_into_leaf(&mut self, path: &Path, changes: &[KeyUpdate<K, V>]) -> Option<usize> {
        let mut node = self.tree.root();
        let mut depth = 0;
        let leaf = loop {
            match node {
                // Earlier changes may have removed all keys: then there is no leaf.
                None => return None,
                Some(NodeRef::Leaf(leaf)) => break leaf,
                Some(NodeRef::Branch(branch)) => node = Some(branch.child(path.at(depth))),
            }
            depth += 1;
        };
        let (least, most) = (NodeLayout::<K, V>::LEAF_MINIMUM, NodeLayout::<K, V>::LEAF_CAPACITY);
        let (before, after) = (leaf.len(), merged(leaf.entries(), changes).count());
        if after < least {
            return None;
        }
        // The leaf becomes full, unless too little would be left for the one behind it.
        let length = if after <= most { after } else { most.min(after - least) };
        let (mut made, mut right) = (changes.len(), None);
        let new = {
            let mut entries = merged(leaf.entries(), changes);
            let new = filled(self.nodes, entries.by_ref().take(length));
            // The keys from `bound` on go to a leaf behind it: those of the old leaf, to which later changes
            // belong; or, if it has none, those of the changes.
            if let Some((bound, value)) = entries.next() {
                let kept = leaf.keys().partition_point(|key| *key < bound);
                let mut last = bound;
                let mut behind = if kept < before {
                    made = changes.partition_point(|change| change.key < bound);
                    let mut behind = self.nodes.make_leaf();
                    behind.as_mut().insert_entries(0, leaf, kept..before);
                    behind
                } else {
                    let rest = std::iter::once((bound, value)).chain(entries).take(most);
                    let behind = filled(self.nodes, rest.inspect(|(key, _)| last = *key));
                    made = changes.partition_point(|change| change.key <= last);
                    behind
                };
                debug_assert!(behind.as_mut().len() > 0);
                right = Some((bound, behind));
            }
            new
        };
        self.replace_leaf(path, new, length as isize - before as isize, right);
        Some(made)
    }
}

/// A new leaf with these entries.
fn filled<K: Key, V: Pod>(
    nodes: &mut Nodes,
    entries: impl Iterator<Item = (K, V)>,
) -> NewLeaf<K, V> {
    let mut new = nodes.make_leaf();
    let mut leaf = new.as_mut();
    entries.for_each(|(key, value)| leaf.push(key, value));
    new
}

/// The entries of a leaf after changes that belong to it.
fn merged<K: Key, V: Pod>(
    entries: Entries<'_, K, V>,
    changes: &[KeyUpdate<K, V>],
) -> impl Iterator<Item = (K, V)> {
    let entries = entries.keys.iter().copied().zip(entries.values.iter().copied());
    let (mut entries, mut changes) = (entries.peekable(), changes.iter().peekable());
    std::iter::from_fn(move || {
        loop {
            let Some(change) = changes.peek().copied() else {
                return entries.next();
            };
            if let Some(entry) = entries.next_if(|(key, _)| *key < change.key) {
                return Some(entry);
            }
            entries.next_if(|(key, _)| *key == change.key);
            changes.next();
            if let Some(value) = change.value {
                return Some((change.key, value));
            }
        }
    })
}
