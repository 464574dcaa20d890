//! Walking a tree in order, leaf by leaf.

use std::ops::Range;

use super::node::NodeRef;
use super::search::count_before;
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

    /// All keys that are not less than `key`.
    pub(super) fn from_key(tree: &'a Tree<K>, key: K) -> Self {
        let mut cursor = tree.root().map(|root| Cursor::at_key(root, &key));
        if let Some(place) = &mut cursor
            && place.at == place.leaf.len()
            && !place.next_leaf()
        {
            cursor = None;
        }
        Self { cursor, left: usize::MAX }
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
        } else if self.left > cursor.leaf.len() {
            cursor.prefetch_next_leaf();
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
            let child = count_before(branch.ends(), |end| *end as usize <= cursor.at);
            cursor.at -= branch.start_of(child);
            cursor.descend(branch, child);
        }
        cursor
    }

    /// The place before the first key of the leaf that `key` belongs to that is not less.
    fn at_key(root: NodeRef<'a, K>, key: &K) -> Self {
        let mut cursor = Self { path: [(root, 0); MAX_HEIGHT], depth: 0, leaf: root, at: 0 };
        while cursor.leaf.level() > 0 {
            cursor.descend(cursor.leaf, cursor.leaf.child_for(key));
        }
        cursor.at = count_before(cursor.leaf.keys(), |k| k < key);
        cursor
    }

    fn descend(&mut self, branch: NodeRef<'a, K>, child: usize) {
        self.path[self.depth] = (branch, child as u32);
        self.depth += 1;
        self.leaf = branch.child(child);
    }

    /// Asks for the memory of the leaf after this one, if it has the same parent.
    fn prefetch_next_leaf(&self) {
        if let Some((branch, child)) = self.depth.checked_sub(1).map(|above| self.path[above])
            && (child as usize + 1) < branch.len()
        {
            branch.prefetch_child(child as usize + 1);
        }
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
