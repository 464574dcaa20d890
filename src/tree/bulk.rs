//! Changes of a tree by many keys in ascending order.

use bytemuck::Pod;

use super::branch::NodeRef;
use super::cursor::Path;
use super::edit::Edit;
use super::layout::NodeLayout;
use super::leaf::LeafRef;
use super::lookup::Tree;
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
    /// together. A leaf that loses all its keys is not copied, and leaves that overflow become full leaves.
    ///
    /// Needs the slots that [`Tree::slots_to_apply`] tells.
    pub(crate) fn apply(&mut self, mut changes: &[KeyUpdate<K, V>]) {
        while let Some(first) = changes.first() {
            if self.tree.len() == 0 {
                let entries = changes.iter().filter_map(|change| Some((change.key, change.value?)));
                return self.bulk_load(entries);
            }
            let path = self.tree.seek(first.key).path();
            let LeafChanges { leaf, count, length_after } =
                self.tree.changes_in_leaf(&path, changes);
            let made = if length_after == 0 {
                self.remove_leaf(&path);
                count
            } else if count == 1 {
                self.update(first);
                count
            } else {
                let length_before = leaf.len() as isize;
                let mut merged = merge(self.nodes, leaf, length_after, &changes[..count]);
                let change = merged.new.as_mut().len() as isize - length_before;
                self.replace_leaf(&path, merged.new, change, merged.right);
                merged.made
            };
            changes = &changes[made..];
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
}

/// A leaf and changes, merged into new leaves.
struct Merged<K, V> {
    new: NewLeaf<K, V>,
    /// A leaf behind that one, and its separator.
    right: Option<(K, NewLeaf<K, V>)>,
    /// The number of changes made.
    made: usize,
}

/// Merges changes into a leaf, which would have `after` keys then: all of them, or those that fill the leaf,
/// which is split then.
fn merge<K: Key, V: Pod>(
    nodes: &mut Nodes,
    leaf: LeafRef<'_, K, V>,
    after: usize,
    changes: &[KeyUpdate<K, V>],
) -> Merged<K, V> {
    let (least, most) = (NodeLayout::<K, V>::LEAF_MINIMUM, NodeLayout::<K, V>::LEAF_CAPACITY);
    // The leaf becomes full, unless too little would be left for the one behind it.
    let length = if after <= most { after } else { most.min(after - least) };
    let mut entries = merged(leaf.entries(), changes);
    let new = filled(nodes, entries.by_ref().take(length));
    let Some((bound, value)) = entries.next() else {
        return Merged { new, right: None, made: changes.len() };
    };
    // The keys from `bound` on go to a leaf behind it: those of the old leaf, to which later changes belong;
    // or, if it has none, those of the changes.
    let kept = leaf.keys().partition_point(|key| *key < bound);
    if kept < leaf.len() {
        let mut behind = nodes.make_leaf();
        behind.as_mut().insert_entries(0, leaf, kept..leaf.len());
        let made = changes.partition_point(|change| change.key < bound);
        return Merged { new, right: Some((bound, behind)), made };
    }
    let mut last = bound;
    let rest = std::iter::once((bound, value)).chain(entries).take(most);
    let behind = filled(nodes, rest.inspect(|(key, _)| last = *key));
    let made = changes.partition_point(|change| change.key <= last);
    Merged { new, right: Some((bound, behind)), made }
}

/// The first changes of a list, which belong to one leaf.
pub(super) struct LeafChanges<'t, K, V> {
    /// The leaf as it is.
    pub(super) leaf: LeafRef<'t, K, V>,
    /// The number of the changes.
    pub(super) count: usize,
    /// The number of keys that the leaf would have after them; or, if that is too many for a leaf and the
    /// least one behind it, some number that is.
    pub(super) length_after: usize,
}

impl<K: Key, V: Pod> Tree<K, V> {
    /// The leading changes that belong to the leaf at the end of a path. The first one does.
    pub(super) fn changes_in_leaf(
        &self,
        path: &Path,
        changes: &[KeyUpdate<K, V>],
    ) -> LeafChanges<'_, K, V> {
        let (mut bound, mut depth) = (None, 0);
        let mut node = self.root();
        let leaf = loop {
            match node {
                Some(NodeRef::Branch(branch)) => {
                    let at = path.at(depth);
                    bound = branch.separators().get(at + 1).copied().or(bound);
                    node = Some(branch.child(at));
                }
                Some(NodeRef::Leaf(leaf)) => break leaf,
                None => unreachable!("a path leads to a leaf"),
            }
            depth += 1;
        };
        let count = bound.map_or(changes.len(), |bound| count_below(changes, bound));
        let most = NodeLayout::<K, V>::LEAF_CAPACITY + NodeLayout::<K, V>::LEAF_MINIMUM;
        let length_after = merged(leaf.entries(), &changes[..count]).take(most).count();
        LeafChanges { leaf, count, length_after }
    }
}

/// The number of leading changes whose keys are less than `bound`: mostly few.
fn count_below<K: Key, V: Pod>(changes: &[KeyUpdate<K, V>], bound: K) -> usize {
    let mut most = 1;
    while changes.get(most).is_some_and(|change| change.key < bound) {
        most *= 2;
    }
    let changes = &changes[..most.min(changes.len())];
    changes.partition_point(|change| change.key < bound)
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
