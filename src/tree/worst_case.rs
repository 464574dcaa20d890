//! Upper bounds on the slots that changes of a tree need.

use bytemuck::Pod;

use super::branch::{BranchRef, NodeRef};
use super::bulk::{KeyUpdate, LeafChanges};
use super::cursor::Path;
use super::layout::NodeLayout;
use super::lookup::{MAX_HEIGHT, Tree};
use super::reserve::Demand;
use crate::types::key::Key;

impl<K: Key, V: Pod> Tree<K, V> {
    /// The slots that the insertion of a key needs at its place in a transaction that makes version `number`:
    /// copies of the nodes on the path, and a copy of a neighbour that shares the keys of a full leaf, or new
    /// halves of the nodes that are full.
    ///
    /// Tighter than [`worst_case`](Self::worst_case), at the cost of a walk down the path.
    pub(crate) fn slots_to_insert(&self, path: &Path, number: u64) -> Demand {
        let (mut copies, mut splits, mut depth, mut is_end) = (0, 0, 0, true);
        let mut node = self.root();
        let mut parent: Option<(BranchRef<'_, K, V>, usize)> = None;
        while let Some(here) = node {
            copies += usize::from(here.birth() != number);
            let (length, capacity) = match here {
                NodeRef::Leaf(leaf) => (leaf.len(), NodeLayout::<K, V>::LEAF_CAPACITY),
                NodeRef::Branch(branch) => (branch.len(), NodeLayout::<K, V>::BRANCH_CAPACITY),
            };
            // A split goes up as far as there are full nodes.
            splits = if length == capacity { splits + 1 } else { 0 };
            node = match here {
                NodeRef::Leaf(_) => {
                    is_end &= path.place() == length;
                    None
                }
                NodeRef::Branch(branch) => {
                    let at = path.at(depth);
                    is_end &= at + 1 == length;
                    parent = Some((branch, at));
                    Some(branch.child(at))
                }
            };
            depth += 1;
        }
        if splits > 0
            && !is_end
            && let Some((parent, at)) = parent
            && let Some(first) = parent.roomy_pair(at)
        {
            let other = if first == at { at + 1 } else { first };
            copies += usize::from(parent.child(other).birth() != number);
            return Demand::of::<K, V>(copies);
        }
        // If all nodes of the path are full: one more slot for the new root. An empty tree needs one for
        // its first leaf.
        Demand::of::<K, V>(copies + splits + usize::from(splits == usize::from(self.height)))
    }

    /// The slots that the removal of a key needs at its place in a transaction that makes version `number`:
    /// copies of the nodes on the path, and of a neighbour of each node that gets too few entries.
    pub(crate) fn slots_to_remove(&self, path: &Path, number: u64) -> Demand {
        let (mut slots, mut depth) = (0, 0);
        let mut node = self.root();
        while let Some(here) = node {
            slots += usize::from(here.birth() != number);
            node = match here {
                NodeRef::Leaf(leaf) => {
                    slots += usize::from(leaf.len() <= NodeLayout::<K, V>::LEAF_MINIMUM);
                    None
                }
                NodeRef::Branch(branch) => {
                    slots += usize::from(branch.len() <= NodeLayout::<K, V>::BRANCH_MINIMUM);
                    Some(branch.child(path.at(depth)))
                }
            };
            depth += 1;
        }
        Demand::of::<K, V>(slots)
    }

    /// The slots that `removals` removals of any keys need, at most, once `added` keys were added.
    #[inline]
    pub(crate) fn worst_removals(&self, removals: usize, added: usize) -> Demand {
        Demand::of::<K, V>(removals * 2 * self.height_with(added))
    }

    /// The slots that the insertion of any key needs, at most, once `added` keys were added.
    #[inline]
    pub(crate) fn worst_insertion(&self, added: usize) -> Demand {
        Demand::of::<K, V>(2 * self.height_with(added) + 2)
    }

    /// The most levels that the tree has once `added` keys were added.
    #[inline]
    fn height_with(&self, added: usize) -> usize {
        let height = usize::from(self.height);
        match added {
            0 => height,
            1 => height + 1,
            _ => height.max(Self::most_levels(self.len().saturating_add(added))),
        }
    }

    /// The most levels of a tree of `length` keys (I4 of `tree`).
    #[cold]
    fn most_levels(length: usize) -> usize {
        let (mut nodes, mut height) = (length / NodeLayout::<K, V>::LEAF_MINIMUM + 1, 1);
        while nodes > 1 {
            // All branches have the minimum of children, but the last one, which has two.
            nodes = (nodes - 2) / NodeLayout::<K, V>::BRANCH_MINIMUM + 1;
            height += 1;
        }
        height
    }

    /// The most slots that a change needs, in addition to those in use: on each level a copy, and a copy of a
    /// neighbour or a split; and a new root, or a first leaf.
    #[inline]
    pub(crate) fn worst_case(&self) -> Demand {
        Demand::of::<K, V>(self.worst_change(0))
    }

    /// The same for two changes.
    #[inline]
    pub(crate) fn worst_case_of_two(&self) -> Demand {
        Demand::of::<K, V>(self.worst_change(0) + self.worst_change(1))
    }

    /// The most slots that a change needs, if the tree is `more` levels higher then.
    #[inline]
    fn worst_change(&self, more: usize) -> usize {
        2 * (usize::from(self.height) + more) + 2
    }

    /// The most slots that [`apply`](super::Edit::apply) needs for changes, whose keys ascend strictly, in a
    /// transaction that makes version `number`. Visits the leaves that change.
    ///
    /// Each node is copied at most once. At any time, the slots taken and not given back are:
    ///
    /// - a copy of each leaf that changes and keeps keys. Leaves that lose all keys are not copied;
    /// - a copy of a neighbour of each leaf that gets too few keys. It is the left one, which has got its
    ///   changes, or no changes at all. The first leaf of a parent has only a right one, to which it brings its
    ///   keys, so that this one keeps keys: then it counts as one that does;
    /// - the leaves that an overflowing leaf adds, each filled with more than `most - least` keys but for the
    ///   last two;
    /// - a copy of each branch above these leaves, and of a neighbour of it;
    /// - for the leaves that were added, the halves of branches that were full, one more for each half a
    ///   capacity of children, and new roots;
    /// - for a moment, the two leaves that replace leaves of the transaction's own.
    pub(crate) fn slots_to_apply(&self, changes: &[KeyUpdate<K, V>], number: u64) -> Demand {
        if self.len() == 0 {
            let added = changes.iter().filter(|change| change.value.is_some()).count();
            return Self::slots_to_load(added);
        }
        let (least, most) = (NodeLayout::<K, V>::LEAF_MINIMUM, NodeLayout::<K, V>::LEAF_CAPACITY);
        let (mut slots, mut added) = (2, 0);
        let mut branches = [0; MAX_HEIGHT];
        let (mut gets_keys, mut before) = (false, None);
        let mut rest = changes;
        while let Some(first) = rest.first() {
            let path = self.seek(first.key).path();
            let LeafChanges { leaf, count, length_after } = self.changes_in_leaf(&path, rest);
            let keeps_keys = length_after > 0 || gets_keys;
            gets_keys = keeps_keys && length_after < least;
            slots += usize::from(keeps_keys && leaf.birth() != number) + usize::from(gets_keys);
            if length_after > most {
                added += (leaf.len() + count) / (most + 1 - least) + 2;
            }
            let new = before.map_or(0, |before| path.depth_of_difference(&before) + 1);
            let above = usize::from(self.height) - 1;
            branches[new.min(above)..above].iter_mut().for_each(|count| *count += 1);
            before = Some(path);
            rest = &rest[count..];
        }
        slots += added;
        for touched in branches[..usize::from(self.height) - 1].iter().rev() {
            slots += 2 * touched;
            if added > 0 {
                added = added.min(*touched) + added / (NodeLayout::<K, V>::BRANCH_CAPACITY / 2);
                slots += added;
            }
        }
        // Levels that the tree does not have yet have fewer nodes together than they have entries.
        slots += if added > 0 { added + 1 } else { 0 };
        Demand::of::<K, V>(slots)
    }

    /// The slots that [`bulk_load`](super::Edit::bulk_load) needs for `count` keys, at most.
    pub(crate) fn slots_to_load(count: usize) -> Demand {
        let mut level = count.div_ceil(NodeLayout::<K, V>::LEAF_CAPACITY);
        let mut slots = level;
        while level > 1 {
            // A full branch passes on one of its children, so that the one behind it has two.
            level = level.div_ceil(NodeLayout::<K, V>::BRANCH_CAPACITY - 1);
            slots += level;
        }
        Demand::of::<K, V>(slots)
    }
}
