//! Upper bounds on the slots that changes of a tree need.

use bytemuck::Pod;

use super::branch::NodeRef;
use super::cursor::Path;
use super::layout::NodeLayout;
use super::lookup::Tree;
use super::reserve::Demand;
use crate::types::key::Key;

impl<K: Key, V: Pod> Tree<K, V> {
    /// The most slots that the insertion of a key needs at its place in a transaction that makes version
    /// `number`: copies of the nodes on the path, and new halves of those that are full.
    ///
    /// Tighter than [`worst_case`](Self::worst_case), at the cost of a walk down the path.
    pub(crate) fn slots_to_insert(&self, path: &Path, number: u64) -> Demand {
        let (mut copies, mut splits, mut depth) = (0, 0, 0);
        let mut node = self.root();
        while let Some(here) = node {
            copies += usize::from(here.birth() != number);
            let is_full = match here {
                NodeRef::Leaf(leaf) => leaf.len() == NodeLayout::<K, V>::LEAF_CAPACITY,
                NodeRef::Branch(branch) => branch.len() == NodeLayout::<K, V>::BRANCH_CAPACITY,
            };
            // A split goes up as far as there are full nodes.
            splits = if is_full { splits + 1 } else { 0 };
            node = match here {
                NodeRef::Leaf(_) => None,
                NodeRef::Branch(branch) => Some(branch.child(path.at(depth))),
            };
            depth += 1;
        }
        // If all nodes of the path are full: one more slot for the new root. An empty tree needs one for
        // its first leaf.
        Demand::of::<K, V>(copies + splits + usize::from(splits == usize::from(self.height)))
    }

    /// The most slots that `changes` changes need, in addition to those in use.
    #[inline]
    pub(crate) fn worst_case(&self, changes: usize) -> Demand {
        if changes == 0 {
            return Demand::default();
        }
        if changes == 1 {
            // On each level a copy, and a copy of a neighbour or a split; and a new root or a first leaf.
            return Demand::of::<K, V>(2 * usize::from(self.height) + 2);
        }
        let capacities = [NodeLayout::<K, V>::LEAF_CAPACITY, NodeLayout::<K, V>::BRANCH_CAPACITY];
        let minima = [NodeLayout::<K, V>::LEAF_MINIMUM, NodeLayout::<K, V>::BRANCH_MINIMUM];
        let slots = slots_for_batch(self.len(), self.height, changes, capacities, minima);
        Demand::of::<K, V>(slots)
    }
}

/// The most slots that `changes` changes need in a tree of `length` keys and `height` levels. `capacities`
/// and `minima` are those of leaves and of branches.
///
/// Each node is copied at most once, and a change copies one path and neighbours of it. A node that was
/// full splits once, and again with each half capacity of new entries.
pub(super) fn slots_for_batch(
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
