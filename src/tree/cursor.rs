//! Walking a tree in order, leaf by leaf.

use std::ops::Range;

use super::node::NodeRef;
use super::{MAX_HEIGHT, Tree};
use crate::key::Key;

/// The keys of a range of ranks, as slices of the leaves they lie in.
pub(crate) struct Slices<'a, K> {
    /// The place; `None` where no keys are left.
    cursor: Option<Cursor<'a, K>>,
    /// The number of keys still to come.
    left: usize,
}

impl<'a, K: Key> Slices<'a, K> {
    pub(super) fn new(tree: &'a Tree<K>, ranks: Range<usize>) -> Self {
        let left = ranks.end.min(tree.len()).saturating_sub(ranks.start);
        let root = tree.root().filter(|_| left > 0);
        Self { cursor: root.map(|root| Cursor::at_rank(root, ranks.start)), left }
    }
}

impl<'a, K: Key> Iterator for Slices<'a, K> {
    type Item = &'a [K];

    fn next(&mut self) -> Option<Self::Item> {
        let cursor = self.cursor.as_mut()?;
        let keys = &cursor.leaf.keys()[cursor.at..];
        let keys = &keys[..keys.len().min(self.left)];
        self.left -= keys.len();
        if self.left == 0 || !cursor.next_leaf() {
            self.cursor = None;
        }
        Some(keys)
    }
}

/// A place before a key of a tree: the path that leads there.
struct Cursor<'a, K> {
    /// The branches from the root to the leaf, and which of their children is on the way.
    path: [(NodeRef<'a, K>, u32); MAX_HEIGHT],
    depth: usize,
    leaf: NodeRef<'a, K>,
    at: usize,
}

impl<'a, K: Key> Cursor<'a, K> {
    /// The place before the key of a rank that the tree has.
    fn at_rank(root: NodeRef<'a, K>, rank: usize) -> Self {
        let mut cursor = Self { path: [(root, 0); MAX_HEIGHT], depth: 0, leaf: root, at: rank };
        while cursor.leaf.level() > 0 {
            let branch = cursor.leaf;
            let child = branch.ends().partition_point(|end| *end as usize <= cursor.at);
            cursor.at -= branch.start_of(child);
            cursor.descend(branch, child);
        }
        cursor
    }

    fn descend(&mut self, branch: NodeRef<'a, K>, child: usize) {
        self.path[self.depth] = (branch, child as u32);
        self.depth += 1;
        self.leaf = branch.child(child);
    }

    /// Moves to the start of the next leaf, and says whether there is one.
    fn next_leaf(&mut self) -> bool {
        while self.depth > 0 {
            self.depth -= 1;
            let (branch, child) = self.path[self.depth];
            let next = child as usize + 1;
            if next < branch.len() {
                self.descend(branch, next);
                while self.leaf.level() > 0 {
                    self.descend(self.leaf, 0);
                }
                self.at = 0;
                return true;
            }
        }
        false
    }
}
