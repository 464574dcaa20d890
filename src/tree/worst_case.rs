//! Upper bounds on the slots that changes of a tree need.

use bytemuck::Pod;

use super::branch::{BranchRef, NodeRef};
use super::cursor::Path;
use super::layout::NodeLayout;
use super::lookup::Tree;
use super::reserve::Demand;
use crate::types::key::Key;

/// The number of changes up to which a bound counts each.
const FEW: usize = 3;

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

    /// The most slots that `changes` changes need, in addition to those in use.
    #[inline]
    pub(crate) fn worst_case(&self, changes: usize) -> Demand {
        if changes <= FEW {
            // For each change: on each level a copy, and a copy of a neighbour or a split; and a new root, or
            // a first leaf. Each change may make the tree one level higher for the next one.
            let height = usize::from(self.height);
            return Demand::of::<K, V>((0..changes).map(|more| 2 * (height + more) + 2).sum());
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
