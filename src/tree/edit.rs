//! Changing a tree, one key at a time.
//!
//! A change first looks the key up without touching anything. Then it makes the path to the leaf its
//! own, from the root down, counting as it goes; then it edits the leaf, and from there up it splits
//! what is too full, or joins or evens out what has too little.

use super::node::{NodeMut, NodeRef, Shape, no_bound};
use super::nodes::Nodes;
use super::search::count_before;
use super::slot::NodePtr;
use super::{MAX_HEIGHT, Tree};
use crate::key::Key;

/// A transaction's tree and the nodes to change it with. Every change needs slots that were reserved
/// before: [`Tree::worst_case`].
pub(crate) struct Edit<'t, K> {
    pub(super) tree: &'t mut Tree<K>,
    pub(super) nodes: &'t mut Nodes,
}

/// The way from the root to a place in a leaf: which child is on the way, level by level, and last
/// the place itself.
#[derive(Clone, Copy)]
pub(super) struct Path {
    at: [u16; MAX_HEIGHT],
    height: usize,
}

impl Path {
    /// The place in the leaf.
    pub(super) fn place(&self) -> usize {
        self.at[self.height - 1].into()
    }
}

/// A path of nodes that the transaction may change.
pub(super) type OwnPath<K> = [Option<NodeMut<K>>; MAX_HEIGHT];

/// What a change does to the counts on its way.
#[derive(Clone, Copy)]
pub(super) enum Counts {
    Grow(usize),
    Shrink(usize),
}

impl<'t, K: Key> Edit<'t, K> {
    /// # Safety
    ///
    /// The tree is one of the running transaction, and the nodes are those that it is made with.
    pub(crate) unsafe fn new(tree: &'t mut Tree<K>, nodes: &'t mut Nodes) -> Self {
        Self { tree, nodes }
    }

    /// Puts `key` in, and returns the one that compared equal, whose place it takes.
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
                let (_, leaf) = self.own(&path, Counts::Grow(0));
                leaf.set_key(at, key);
            }
            return Some(before);
        }
        let (nodes, leaf) = self.own(&path, Counts::Grow(1));
        self.tree.length += 1;
        if leaf.read().len() < Shape::<K>::LEAF_CAPACITY {
            leaf.insert_key(at, key);
        } else {
            let is_end = self.is_end(&path, &nodes);
            let (half, at, new) = self.split(leaf, at, is_end);
            half.insert_key(at, key);
            self.attach(&path, &nodes, new, is_end);
        }
        None
    }

    /// Takes the key out that compares equal to `key`.
    pub(crate) fn remove(&mut self, key: K) -> Option<K> {
        let (path, leaf) = self.locate(&key)?;
        let at = path.place();
        let before = leaf.keys().get(at).copied().filter(|before| *before == key)?;
        let (nodes, leaf) = self.own(&path, Counts::Shrink(1));
        self.tree.length -= 1;
        leaf.remove(at..at + 1);
        self.refill(&path, &nodes);
        Some(before)
    }

    /// The path to the first key that is not less than `key`, in the leaf that `key` belongs to, and
    /// that leaf. `None` for an empty tree.
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
        path.at[depth] = count_before(node.keys(), |k| k < key) as u16;
        Some((path, node))
    }

    /// Makes the nodes of a path the transaction's own, and notes in the branches what becomes of
    /// the leaf's count. Returns the path and its leaf.
    pub(super) fn own(&mut self, path: &Path, counts: Counts) -> (OwnPath<K>, NodeMut<K>) {
        let mut nodes = self.own_branches(path, counts);
        let above = path.height.checked_sub(2).and_then(|above| nodes[above]);
        let leaf = match above {
            Some(branch) => self.own_child(branch, path.at[path.height - 2].into()),
            None => self.own_root(),
        };
        nodes[path.height - 1] = Some(leaf);
        (nodes, leaf)
    }

    /// Puts a new leaf in the place of the one that a path leads to.
    pub(super) fn replace_leaf(&mut self, path: &Path, counts: Counts, new: NodeMut<K>) {
        let nodes = self.own_branches(path, counts);
        let above = path.height.checked_sub(2).and_then(|above| nodes[above]);
        let old = match above {
            Some(branch) => {
                let at = path.at[path.height - 2].into();
                let old = branch.read().child(at);
                branch.set_child(at, new.ptr());
                Some(old)
            }
            None => {
                let old = self.root();
                self.tree.root = Some(new.ptr());
                old
            }
        };
        old.into_iter().for_each(|old| self.nodes.discard(old));
    }

    /// Makes the branches of a path the transaction's own.
    fn own_branches(&mut self, path: &Path, counts: Counts) -> OwnPath<K> {
        let mut nodes: OwnPath<K> = [None; MAX_HEIGHT];
        for depth in 0..path.height - 1 {
            let node = match depth.checked_sub(1).and_then(|above| nodes[above]) {
                Some(branch) => self.own_child(branch, path.at[depth - 1].into()),
                None => self.own_root(),
            };
            let at = path.at[depth].into();
            match counts {
                Counts::Grow(count) => node.add(at, count),
                Counts::Shrink(count) => node.subtract(at, count),
            }
            nodes[depth] = Some(node);
        }
        nodes
    }

    /// Makes the root the transaction's own.
    fn own_root(&mut self) -> NodeMut<K> {
        let Some(root) = self.root() else {
            unreachable!("a path leads through a tree");
        };
        let root = self.nodes.own(root);
        self.tree.root = Some(root.ptr());
        root
    }

    /// Makes a child of an own branch the transaction's own.
    fn own_child(&mut self, branch: NodeMut<K>, at: usize) -> NodeMut<K> {
        let child = branch.read().child(at);
        let own = self.nodes.own(child);
        if own.ptr() != child.ptr() {
            branch.set_child(at, own.ptr());
        }
        own
    }

    /// Whether a path leads to the end of the tree.
    fn is_end(&self, path: &Path, nodes: &OwnPath<K>) -> bool {
        let lengths = nodes.iter().flatten().map(|node| node.read().len());
        lengths.zip(path.at).enumerate().all(|(depth, (length, at))| {
            let past_last = usize::from(at) + usize::from(depth + 1 < path.height);
            past_last == length
        })
    }

    /// Splits a full node in which an entry is to be put at `at`. Returns the half to put it in and
    /// the place there, and the new, right half.
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
        // What the left half will have when the entry is in. A branch keeps two children (I4).
        let left = match is_end {
            true => length - usize::from(level > 0),
            false => length.div_ceil(2),
        };
        let middle = left - usize::from(at < left);
        new.insert_entries(0, node.read(), middle..length);
        node.remove(middle..length);
        if at < left { (node, at, new) } else { (new, at - middle, new) }
    }

    /// Puts a new node into the tree, next to the one that a path leads to. The path's branches
    /// already count the new node's keys as if they were in the one that the path leads to.
    pub(super) fn attach(
        &mut self,
        path: &Path,
        nodes: &OwnPath<K>,
        mut new: NodeMut<K>,
        is_end: bool,
    ) {
        for depth in (0..path.height - 1).rev() {
            let (Some(branch), at) = (nodes[depth], usize::from(path.at[depth])) else {
                continue;
            };
            let (separator, count) = (new.read().keys()[0], new.read().count());
            branch.subtract(at, count);
            if branch.read().len() < Shape::<K>::BRANCH_CAPACITY {
                branch.insert_child(at + 1, separator, new.ptr(), count);
                return;
            }
            let (half, place, right) = self.split(branch, at + 1, is_end);
            half.insert_child(place, separator, new.ptr(), count);
            new = right;
        }
        // The root itself was split, or was a leaf.
        let Some(left) = nodes[0] else {
            unreachable!("a path begins with the root");
        };
        let (separator, count) = (new.read().keys()[0], new.read().count());
        let root = self.nodes.make(left.read().level() + 1);
        root.insert_child(0, no_bound(), left.ptr(), left.read().count());
        root.insert_child(1, separator, new.ptr(), count);
        self.set_root(root.ptr(), self.tree.height + 1);
    }

    /// Sees to it that the nodes of a path have enough entries, from the leaf up, after one lost
    /// some.
    pub(super) fn refill(&mut self, path: &Path, nodes: &OwnPath<K>) {
        for depth in (1..path.height).rev() {
            let (Some(node), Some(branch)) = (nodes[depth], nodes[depth - 1]) else {
                continue;
            };
            let level = node.read().level();
            if node.read().len() >= Shape::<K>::minimum(level) {
                return;
            }
            let at = usize::from(path.at[depth - 1]);
            let first = if at + 1 < branch.read().len() { at } else { at - 1 };
            self.join_or_even_out(branch, first);
        }
        self.lower_root();
    }

    /// Makes one of the children `at` and `at + 1` of an own branch, or makes them equally long.
    fn join_or_even_out(&mut self, branch: NodeMut<K>, at: usize) {
        let (left, right) = (branch.read().child(at), branch.read().child(at + 1));
        let (left_length, right_length) = (left.len(), right.len());
        if left_length + right_length <= Shape::<K>::merged_at_most(left.level()) {
            let left = self.own_child(branch, at);
            left.insert_entries(left_length, right, 0..right_length);
            branch.join_children(at);
            self.nodes.discard(right);
            return;
        }
        let (left, right) = (self.own_child(branch, at), self.own_child(branch, at + 1));
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

    /// Takes off the levels that have come to be without use.
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

    /// The root, without a borrow of the tree, which is about to get another one.
    fn root<'n>(&self) -> Option<NodeRef<'n, K>> {
        // SAFETY: the nodes are alive while the transaction has the tree (I6 of `tree`), and what is
        // read of the root is not kept beyond its next change.
        self.tree.root.map(|root| unsafe { NodeRef::new(root) })
    }

    pub(super) fn set_root(&mut self, root: NodePtr, height: u8) {
        self.tree.root = Some(root);
        self.tree.height = height;
    }
}
