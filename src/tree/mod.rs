//! An ordered set of keys as a path-copying B+tree.
//!
//! A transaction changes its own copy of a tree: the first change to a node of an earlier version
//! copies it, and the path above it, into nodes of the transaction's own version; later changes edit
//! these in place. So a version's tree never changes, versions share what they have in common, and a
//! batch copies each node once.
//!
//! ```text
//! version 7      root 7 ──┬──▶ leaf 3
//!                         └──▶ leaf 7
//!                                          a change in the first leaf
//! version 8      root 8 ──┬──▶ leaf 8
//!                         └──▶ leaf 7      shared; root 7 and leaf 3 are retired
//! ```
//!
//! Leaves have the keys, branches the separators, children and counts ([`node`], [`slot`]). There are
//! no links between leaves, for a copy of one would ripple through all of them: a [`cursor`] finds the
//! next leaf from its parent.
//!
//! # Invariants
//!
//! - I1: the keys of a tree ascend strictly from leaf to leaf, and the keys of child `i` of a branch
//!   lie from its separator `i`, included, to separator `i + 1`, excluded.
//! - I2: a branch's ends count the keys below it; `length` counts those of the tree.
//! - I3: all leaves are on level 0, and a branch on level `l` has children on level `l - 1`.
//! - I4: a branch has two children or more; a node that is not the last of its level has its
//!   minimum, a third of its capacity. So a tree of 2^32 keys has at most [`MAX_HEIGHT`] levels.
//! - I5: a node's birth is not less than those of its children.
//! - I6: as long as somebody has a reference to a [`Tree`], its nodes are alive and change no more
//!   than I2 of [`slot`] allows: trees lie in versions, reached through a holder, and in the running
//!   transaction.
//!
//! # Costs
//!
//! Lookups, ranks and single edits are O(log n). An edit copies one path, at most 2 KiB a level.

#![allow(unsafe_code, reason = "nodes are plain memory, and versions say when they die")]
#![allow(clippy::indexing_slicing, reason = "indices come from the nodes' own entries")]

mod bulk;
#[cfg(any(not(groupscan_check), test))]
mod chunk;
mod cursor;
mod edit;
mod list;
mod node;
mod nodes;
mod pool;
mod search;
mod slot;
mod source;
mod walk;

#[cfg(test)]
mod check;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::ops::Range;

use crate::key::Key;

pub(crate) use bulk::Change;
pub(crate) use cursor::{Run, Slices};
pub(crate) use edit::Edit;
pub(crate) use list::NodeList;
pub(crate) use nodes::Nodes;
pub(crate) use pool::{Demand, Pool, PoolUse, Reach, Refusal};
pub(crate) use slot::{NodePtr, SLOT_BYTES};

use node::{NodeRef, Shape};
use search::count_before;

/// The most keys that a tree can count.
pub(crate) const MAX_KEYS: usize = u32::MAX as usize;

/// The most levels that a tree can have (I4).
const MAX_HEIGHT: usize = if cfg!(any(test, loom, shuttle, groupscan_check)) { 32 } else { 12 };

/// An ordered set of keys.
#[derive(Debug)]
pub(crate) struct Tree<K> {
    root: Option<NodePtr>,
    length: u32,
    height: u8,
    keys: PhantomData<K>,
}

impl<K: Key> Tree<K> {
    /// The set of no keys.
    pub(crate) const fn empty() -> Self {
        Self { root: None, length: 0, height: 0, keys: PhantomData }
    }

    /// A second tree of the same nodes.
    ///
    /// # Safety
    ///
    /// I6 holds of the second tree, too.
    pub(crate) unsafe fn duplicate(&self) -> Self {
        Self { ..*self }
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.length as usize
    }

    #[inline]
    fn root(&self) -> Option<NodeRef<'_, K>> {
        // SAFETY: the nodes are alive and unchanged while `self` is borrowed (I6).
        self.root.map(|root| unsafe { NodeRef::new(root) })
    }

    /// The key that compares equal to `key`.
    pub(crate) fn get(&self, key: K) -> Option<K> {
        let mut node = self.root()?;
        while node.level() > 0 {
            let at = node.child_for(&key);
            node.prefetch_child(at);
            node = node.child(at);
        }
        let keys = node.keys();
        keys.get(count_before(keys, |k| *k < key)).copied().filter(|found| *found == key)
    }

    /// Begins to ask for the memory on the way to `key`.
    #[inline]
    pub(crate) fn approach(&self, key: K) -> Approach<'_, K> {
        Approach { node: self.root(), key }
    }

    /// How many keys are less than `key`.
    pub(crate) fn lower_bound(&self, key: K) -> usize {
        self.rank_by(&key, |k| *k < key)
    }

    /// How many keys are not greater than `key`.
    pub(crate) fn upper_bound(&self, key: K) -> usize {
        self.rank_by(&key, |k| *k <= key)
    }

    fn rank_by(&self, key: &K, before: impl Fn(&K) -> bool) -> usize {
        let Some(mut node) = self.root() else {
            return 0;
        };
        let mut rank = 0;
        while node.level() > 0 {
            let at = node.child_for(key);
            rank += node.start_of(at);
            node = node.child(at);
        }
        rank + count_before(node.keys(), before)
    }

    /// The key of a rank.
    pub(crate) fn select(&self, rank: usize) -> Option<K> {
        self.slices(rank..rank.checked_add(1)?).next()?.first().copied()
    }

    /// The keys of `ranks` in ascending order, as slices of the leaves they lie in. Ranks beyond the
    /// end are left out.
    pub(crate) fn slices(&self, ranks: Range<usize>) -> Slices<'_, K> {
        Slices::new(self, ranks)
    }

    /// The keys from `low` to `high`, both included, in ascending order.
    pub(crate) fn range(&self, low: K, high: K) -> impl Iterator<Item = K> {
        let keys = self.slices(self.lower_bound(low)..usize::MAX).flatten().copied();
        keys.take_while(move |key| *key <= high)
    }

    /// The slots that putting `key` in takes at most for a transaction that makes version `number`:
    /// copies of the nodes on its way, and halves of those that are full. Closer than
    /// [`worst_case`](Self::worst_case), and dearer.
    pub(crate) fn slots_to_insert(&self, key: K, number: u64) -> Demand {
        let (mut copies, mut splits) = (0, 0);
        let mut node = self.root();
        while let Some(here) = node {
            copies += usize::from(here.birth() != number);
            // A split goes up as far as there are full nodes.
            let is_full = here.len() == Shape::<K>::capacity(here.level());
            splits = if is_full { splits + 1 } else { 0 };
            node = (here.level() > 0).then(|| here.child(here.child_for(&key)));
        }
        // All full: one more for the new root, as for the first leaf of an empty tree.
        Demand::of::<K>(copies + splits + usize::from(splits == usize::from(self.height)))
    }

    /// The slots that so many changes take at most, beside those that are in use.
    pub(crate) fn worst_case(&self, changes: usize) -> Demand {
        if changes == 1 {
            // On each level a copy, and a copy of a neighbour or a split; and a new root, or a first.
            return Demand::of::<K>(2 * usize::from(self.height) + 2);
        }
        let capacities = [Shape::<K>::LEAF_CAPACITY, Shape::<K>::BRANCH_CAPACITY];
        let minima = [Shape::<K>::minimum_leaf(), Shape::<K>::minimum_branch()];
        let slots = slots_for_batch(self.len(), self.height, changes, capacities, minima);
        Demand::of::<K>(slots)
    }
}

/// The slots that a batch of changes takes at most in a tree of so many keys and levels, whose leaves
/// and branches have these capacities and minima.
///
/// Each node is copied once at most, and a change copies itself a way and neighbours of it; a node
/// that was full splits once, and again with each half capacity of new entries.
fn slots_for_batch(
    length: usize,
    height: u8,
    changes: usize,
    capacities: [usize; 2],
    minima: [usize; 2],
) -> usize {
    let mut slots = usize::from(height) + 2;
    let (mut nodes, mut entries) = (length, changes);
    for level in 0..=usize::from(height) {
        nodes = nodes / minima[level.min(1)] + 1;
        let splits = nodes.min(changes);
        entries = entries / (capacities[level.min(1)] / 2) + 1;
        slots += nodes.min(changes.saturating_mul(2)) + splits + entries;
        entries += splits;
    }
    // The levels that the tree does not have yet have fewer nodes together than they have entries.
    slots + entries
}

/// The way down to the leaf that a key belongs to, level by level, asking for the memory of each node
/// before it is needed. Those who take such ways in several trees in turn wait for all their memory
/// at the same time.
pub(crate) struct Approach<'a, K> {
    node: Option<NodeRef<'a, K>>,
    key: K,
}

impl<K: Key> Approach<'_, K> {
    /// Goes one level down, and says whether there is another.
    #[inline]
    pub(crate) fn step(&mut self) -> bool {
        let Some(branch) = self.node.filter(|node| node.level() > 0) else {
            return false;
        };
        let at = branch.child_for(&self.key);
        branch.prefetch_child(at);
        self.node = (branch.level() > 1).then(|| branch.child(at));
        self.node.is_some()
    }
}

const _: () = {
    const fn height_suffices<K>() {
        let (mut keys, mut levels) = (2 * Shape::<K>::minimum_leaf() as u128, 2);
        while keys <= MAX_KEYS as u128 {
            keys *= Shape::<K>::minimum_branch() as u128;
            levels += 1;
        }
        assert!(levels <= MAX_HEIGHT + 1);
    }
    height_suffices::<[u64; 1]>();
    height_suffices::<[u64; 2]>();
    height_suffices::<[u64; 3]>();
    height_suffices::<[u64; 4]>();
    height_suffices::<[u64; 5]>();
};
