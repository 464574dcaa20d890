//! A full check of a tree's invariants, for tests.

use super::lookup::Tree;
use super::node::{NodeLayout, NodeRef};
use crate::types::key::Key;

impl<K: Key> Tree<K> {
    /// Panics if an invariant of the tree does not hold. Visits every node.
    pub(crate) fn check(&self) {
        let Some(root) = self.root() else {
            assert_eq!((self.length, self.height), (0, 0));
            return;
        };
        assert_eq!(root.level() + 1, self.height, "I3");
        assert_eq!(check_node(root, None, None, true), self.len(), "I2");
        assert!(self.slices(0..self.len()).flatten().is_sorted_by(|a, b| a < b), "I1");
        assert_eq!(self.slices(0..usize::MAX).flatten().count(), self.len());
    }
}

/// Checks a node whose keys must lie from `low`, included, to `high`, excluded. Returns the number of
/// keys.
fn check_node<K: Key>(
    node: NodeRef<'_, K>,
    low: Option<K>,
    high: Option<K>,
    is_last: bool,
) -> usize {
    let (level, length) = (node.level(), node.len());
    assert!(length <= NodeLayout::<K>::capacity(level));
    let least = if level == 0 { 1 } else { 2 };
    let is_root = low.is_none() && high.is_none();
    assert!(
        length >= if is_last || is_root { least } else { NodeLayout::<K>::minimum(level) },
        "I4"
    );
    let within = |key: &K| low.is_none_or(|low| low <= *key) && high.is_none_or(|high| *key < high);
    if level == 0 {
        assert!(node.keys().iter().all(within), "I1");
        return length;
    }
    assert!(node.keys()[1..].iter().all(within), "I1");
    assert!(low.is_none_or(|low| node.keys()[0] == low), "separator 0");
    assert!(node.keys()[1..].is_sorted_by(|a, b| a < b), "I1");
    let mut count = 0;
    for at in 0..length {
        let child = node.child(at);
        assert_eq!(child.level() + 1, level, "I3");
        assert!(child.birth() <= node.birth(), "I5");
        let low = if at == 0 { low } else { Some(node.keys()[at]) };
        let high = node.keys().get(at + 1).copied().or(high);
        count += check_node(child, low, high, is_last && at + 1 == length);
        assert_eq!(node.cumulative()[at] as usize, count, "I2");
    }
    count
}
