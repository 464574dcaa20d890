//! Changes of a tree, one key at a time.
//!
//! A change works in three steps:
//!
//! 1. Look the key up, without changing anything.
//! 2. From the root down, copy the nodes of the path unless they are the transaction's own, and correct
//!    the counts.
//! 3. From the leaf up, edit: split a node that is full, merge or rebalance one that has too few entries.

use super::lookup::{MAX_HEIGHT, Tree};
use super::node::{NodeLayout, NodeMut, NodeRef, no_bound};
use super::nodes::Nodes;
use super::search::partition_point;
use super::slot::NodePtr;
use crate::types::key::Key;

/// A transaction's tree, and the nodes to change it with. Every change needs slots that were reserved
/// before; [`Tree::worst_case`] tells how many.
pub(crate) struct Edit<'t, K> {
    pub(super) tree: &'t mut Tree<K>,
    pub(super) nodes: &'t mut Nodes,
}

/// The path from the root to a place in a leaf: for each branch the index of the child, and for the leaf
/// the index of the entry.
#[derive(Clone, Copy)]
pub(super) struct Path {
    at: [u16; MAX_HEIGHT],
    height: usize,
}

impl Path {
    /// The index at a depth.
    fn at(&self, depth: usize) -> usize {
        self.at[depth].into()
    }

    /// The index of the entry in the leaf.
    pub(super) fn place(&self) -> usize {
        self.at(self.height - 1)
    }
}

/// The upper nodes of a path, from the root down. The transaction may change them.
#[derive(Clone, Copy)]
pub(super) struct PathMut<K> {
    /// The first `depths` are nodes of the path.
    nodes: [NodeMut<K>; MAX_HEIGHT],
    depths: usize,
}

impl<K: Key> PathMut<K> {
    /// The nodes.
    pub(super) fn nodes(&self) -> &[NodeMut<K>] {
        &self.nodes[..self.depths]
    }

    /// The node farthest from the root.
    pub(super) fn last(&self) -> NodeMut<K> {
        self.nodes[self.depths - 1]
    }
}

/// What a change adds to the counts on its path, or subtracts.
#[derive(Clone, Copy)]
pub(super) enum CountDelta {
    Grow(usize),
    Shrink(usize),
}

impl<'t, K: Key> Edit<'t, K> {
    /// # Safety
    ///
    /// The tree belongs to the running transaction of `nodes`.
    pub(crate) unsafe fn new(tree: &'t mut Tree<K>, nodes: &'t mut Nodes) -> Self {
        Self { tree, nodes }
    }

    /// Inserts `key`. Returns the key that compared equal, which it replaces.
    pub(crate) fn insert(&mut self, key: K) -> Option<K> {
        let Some((path, leaf)) = self.locate(&key) else {
            let leaf = self.nodes.make(0);
            leaf.insert_key(0, key);
            self.set_root(leaf.ptr(), 1);
            self.tree.length = 1;
            return None;
        };
        let at = path.place();
        if let Some(before) = leaf.keys().get(at).copied().filter(|before| *before == key) {
            if bytemuck::bytes_of(&before) != bytemuck::bytes_of(&key) {
                self.make_mut(&path, CountDelta::Grow(0)).last().set_key(at, key);
            }
            return Some(before);
        }
        let nodes = self.make_mut(&path, CountDelta::Grow(1));
        let leaf = nodes.last();
        self.tree.length += 1;
        if leaf.read().len() < NodeLayout::<K>::LEAF_CAPACITY {
            leaf.insert_key(at, key);
        } else {
            let is_end = self.is_end(&path, &nodes);
            let (half, at, new) = self.split(leaf, at, is_end);
            half.insert_key(at, key);
            self.attach(&path, &nodes, new, is_end);
        }
        None
    }

    /// Removes the key that compares equal to `key`, and returns it.
    pub(crate) fn remove(&mut self, key: K) -> Option<K> {
        let (path, leaf) = self.locate(&key)?;
        let at = path.place();
        let before = leaf.keys().get(at).copied().filter(|before| *before == key)?;
        let nodes = self.make_mut(&path, CountDelta::Shrink(1));
        self.tree.length -= 1;
        nodes.last().remove(at..at + 1);
        self.fix_underflow(&path, &nodes);
        Some(before)
    }

    /// The leaf that `key` belongs to, and the path to its first key that is not less than `key`. `None` if
    /// the tree is empty.
    pub(super) fn locate<'n>(&self, key: &K) -> Option<(Path, NodeRef<'n, K>)> {
        let mut node = self.root()?;
        let mut path = Path { at: [0; MAX_HEIGHT], height: self.tree.height.into() };
        let mut depth = 0;
        while node.level() > 0 {
            let child = node.child_for(key);
            node.prefetch_child(child);
            path.at[depth] = child as u16;
            depth += 1;
            node = node.child(child);
        }
        path.at[depth] = partition_point(node.keys(), |k| k < key) as u16;
        Some((path, node))
    }

    /// Makes all nodes of a path the transaction's own, and corrects the counts of its branches by what the
    /// leaf is about to gain or lose.
    pub(super) fn make_mut(&mut self, path: &Path, delta: CountDelta) -> PathMut<K> {
        self.make_upper_mut(path, path.height, delta)
    }

    /// Puts a new leaf in the place of the one at the end of a path.
    pub(super) fn replace_leaf(&mut self, path: &Path, delta: CountDelta, new: NodeMut<K>) {
        let old = if path.height == 1 {
            let old = self.path_root();
            self.tree.root = Some(new.ptr());
            old
        } else {
            let parent = self.make_upper_mut(path, path.height - 1, delta).last();
            let at = path.at(path.height - 2);
            let old = parent.read().child(at);
            parent.set_child(at, new.ptr());
            old
        };
        self.nodes.discard(old);
    }

    /// Makes the first `depths` nodes of a path, one at least, the transaction's own, and corrects the
    /// counts of the branches among them.
    fn make_upper_mut(&mut self, path: &Path, depths: usize, delta: CountDelta) -> PathMut<K> {
        let root = self.root_mut();
        let mut nodes = [root; MAX_HEIGHT];
        for depth in 0..depths {
            if depth > 0 {
                nodes[depth] = self.child_mut(nodes[depth - 1], path.at(depth - 1));
            }
            if depth + 1 < path.height {
                match delta {
                    CountDelta::Grow(count) => nodes[depth].add(path.at(depth), count),
                    CountDelta::Shrink(count) => nodes[depth].subtract(path.at(depth), count),
                }
            }
        }
        PathMut { nodes, depths }
    }

    /// Makes the root the transaction's own.
    fn root_mut(&mut self) -> NodeMut<K> {
        let root = self.nodes.make_mut(self.path_root());
        self.tree.root = Some(root.ptr());
        root
    }

    /// Makes a child of a branch of the transaction's own its own, too.
    fn child_mut(&mut self, branch: NodeMut<K>, at: usize) -> NodeMut<K> {
        let child = branch.read().child(at);
        let own = self.nodes.make_mut(child);
        if own.ptr() != child.ptr() {
            branch.set_child(at, own.ptr());
        }
        own
    }

    /// Whether a path leads to the end of the tree.
    fn is_end(&self, path: &Path, nodes: &PathMut<K>) -> bool {
        nodes.nodes().iter().enumerate().all(|(depth, node)| {
            let past_last = path.at(depth) + usize::from(depth + 1 < path.height);
            past_last == node.read().len()
        })
    }

    /// Splits a full node into which an entry goes at `at`. Returns the half that the entry goes into, its
    /// index there, and the new right half.
    ///
    /// At the end of a tree the left half stays full, so that ascending keys fill their leaves.
    fn split(
        &mut self,
        node: NodeMut<K>,
        at: usize,
        is_end: bool,
    ) -> (NodeMut<K>, usize, NodeMut<K>) {
        let (level, length) = (node.read().level(), node.read().len());
        let new = self.nodes.make(level);
        // The length of the left half after the insertion. A branch keeps two children (I4).
        let left = match is_end {
            true => length - usize::from(level > 0),
            false => length.div_ceil(2),
        };
        let middle = left - usize::from(at < left);
        new.insert_entries(0, node.read(), middle..length);
        node.remove(middle..length);
        if at < left { (node, at, new) } else { (new, at - middle, new) }
    }

    /// Inserts a new node next to the last node of a path. The branches of the path already count the keys
    /// of the new node as keys of that last node.
    pub(super) fn attach(
        &mut self,
        path: &Path,
        nodes: &PathMut<K>,
        mut new: NodeMut<K>,
        is_end: bool,
    ) {
        let [root, ..] = nodes.nodes;
        let branches = &nodes.nodes()[..path.height - 1];
        for (depth, branch) in branches.iter().enumerate().rev() {
            let at = path.at(depth);
            let (separator, count) = (new.read().keys()[0], new.read().count());
            branch.subtract(at, count);
            if branch.read().len() < NodeLayout::<K>::BRANCH_CAPACITY {
                branch.insert_child(at + 1, separator, new.ptr(), count);
                return;
            }
            let (half, place, right) = self.split(*branch, at + 1, is_end);
            half.insert_child(place, separator, new.ptr(), count);
            new = right;
        }
        // The root itself was split, or it is a leaf.
        let (separator, count) = (new.read().keys()[0], new.read().count());
        let above = self.nodes.make(root.read().level() + 1);
        above.insert_child(0, no_bound(), root.ptr(), root.read().count());
        above.insert_child(1, separator, new.ptr(), count);
        self.set_root(above.ptr(), self.tree.height + 1);
    }

    /// Gives the nodes of a path enough entries (I4), from the leaf up, after the leaf lost some.
    pub(super) fn fix_underflow(&mut self, path: &Path, nodes: &PathMut<K>) {
        for (depth, pair) in nodes.nodes().windows(2).enumerate().rev() {
            let (branch, node) = (pair[0], pair[1].read());
            if node.len() >= NodeLayout::<K>::minimum(node.level()) {
                return;
            }
            let at = path.at(depth);
            let first = if at + 1 < branch.read().len() { at } else { at - 1 };
            self.merge_or_rebalance(branch, first);
        }
        self.lower_root();
    }

    /// Merges the children `at` and `at + 1` of a branch of the transaction's own. If they have too many
    /// entries for that, gives both the same number.
    fn merge_or_rebalance(&mut self, branch: NodeMut<K>, at: usize) {
        let (left, right) = (branch.read().child(at), branch.read().child(at + 1));
        let (left_length, right_length) = (left.len(), right.len());
        if left_length + right_length <= NodeLayout::<K>::merged_at_most(left.level()) {
            let left = self.child_mut(branch, at);
            left.insert_entries(left_length, right, 0..right_length);
            branch.join_children(at);
            self.nodes.discard(right);
            return;
        }
        let (left, right) = (self.child_mut(branch, at), self.child_mut(branch, at + 1));
        if left_length < right_length {
            let moved = (right_length - left_length) / 2;
            left.insert_entries(left_length, right.read(), 0..moved);
            right.remove(0..moved);
        } else {
            let moved = (left_length - right_length) / 2;
            right.insert_entries(0, left.read(), left_length - moved..left_length);
            left.remove(left_length - moved..left_length);
        }
        branch.set_key(at + 1, right.read().keys()[0]);
        branch.set_count(at, left.read().count());
    }

    /// Removes roots that have only one child, and a root without keys.
    fn lower_root(&mut self) {
        while let Some(root) = self.root() {
            let child = match (root.level(), root.len()) {
                (0, 0) => None,
                (0, _) => return,
                (_, 1) => Some(root.children()[0]),
                _ => return,
            };
            self.tree.root = child;
            self.tree.height -= 1;
            self.nodes.discard(root);
        }
    }

    /// The root, without a borrow of the tree, which is about to get a new one.
    fn root<'n>(&self) -> Option<NodeRef<'n, K>> {
        // SAFETY: the nodes are alive while the transaction has the tree (I6 of `tree`), and what is read of
        // the root is not kept beyond its next change.
        self.tree.root.map(|root| unsafe { NodeRef::new(root) })
    }

    /// The root of a tree that has a path.
    fn path_root<'n>(&self) -> NodeRef<'n, K> {
        let Some(root) = self.root() else {
            unreachable!("a path begins with the root");
        };
        root
    }

    pub(super) fn set_root(&mut self, root: NodePtr, height: u8) {
        self.tree.root = Some(root);
        self.tree.height = height;
    }
}
