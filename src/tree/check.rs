//! A full check of a tree's invariants, for tests.

use bytemuck::Pod;

use super::branch::NodeRef;
use super::layout::NodeLayout;
use super::lookup::Tree;
use crate::types::key::Key;

impl<K: Key, V: Pod> Tree<K, V> {
    /// Panics if an invariant of the tree does not hold. Visits every node.
    pub(crate) fn check(&self) {
        let Some(root) = self.root() else {
            assert_eq!((self.length, self.height), (0, 0));
            return;
        };
        let (leaves, in_order) = self.leaves();
        let is_leaf = matches!(root, NodeRef::Leaf(_));
        let found = if is_leaf { 1 } else { self.leaf_addresses().count() };
        assert_eq!((self.leaves as usize, leaves), (found, found), "I2");
        assert!(in_order < leaves);
        let level = match root {
            NodeRef::Leaf(_) => 0,
            NodeRef::Branch(branch) => branch.level(),
        };
        assert_eq!(level + 1, self.height, "I3");
        assert_eq!(check_node(root, None, None, true), self.len(), "I2");
        let keys = || self.seek_rank(0).map(|(key, _)| key);
        assert!(keys().is_sorted_by(|a, b| a < b), "I1");
        assert_eq!(keys().count(), self.len());
    }
}

/// Checks a node whose keys must lie from `low`, included, to `high`, excluded. Returns the number of
/// keys.
fn check_node<K: Key, V: Pod>(
    node: NodeRef<'_, K, V>,
    low: Option<K>,
    high: Option<K>,
    is_last: bool,
) -> usize {
    let is_root = low.is_none() && high.is_none();
    let within = |key: &K| low.is_none_or(|low| low <= *key) && high.is_none_or(|high| *key < high);
    let branch = match node {
        NodeRef::Leaf(leaf) => {
            let least = if is_last || is_root { 1 } else { NodeLayout::<K, V>::LEAF_MINIMUM };
            assert!((least..=NodeLayout::<K, V>::LEAF_CAPACITY).contains(&leaf.len()), "I4");
            assert!(leaf.keys().iter().all(within), "I1");
            return leaf.len();
        }
        NodeRef::Branch(branch) => branch,
    };
    let length = branch.len();
    let least = if is_last || is_root { 2 } else { NodeLayout::<K, V>::BRANCH_MINIMUM };
    assert!((least..=NodeLayout::<K, V>::BRANCH_CAPACITY).contains(&length), "I4");
    let separators = branch.separators();
    assert!(separators[1..].iter().all(within), "I1");
    assert!(low.is_none_or(|low| separators[0] == low), "separator 0");
    assert!(separators[1..].is_sorted_by(|a, b| a < b), "I1");
    let mut count = 0;
    for at in 0..length {
        let child = branch.child(at);
        let level = match child {
            NodeRef::Leaf(_) => 0,
            NodeRef::Branch(child) => child.level(),
        };
        assert_eq!(level + 1, branch.level(), "I3");
        assert!(child.birth() <= branch.birth(), "I5");
        let low = if at == 0 { low } else { Some(separators[at]) };
        let high = separators.get(at + 1).copied().or(high);
        count += check_node(child, low, high, is_last && at + 1 == length);
        assert_eq!(branch.cumulative()[at] as usize, count, "I2");
    }
    count
}
