//! Changes of a tree at a place that was looked up.
//!
//! A change goes down the path to the place, and copies the branches that are not the transaction's own. A
//! leaf is copied together with its change. On the way back up, the branches get the new addresses and
//! counts, a node that was full is split, and one that has too few entries is merged with a neighbour, or
//! takes entries from it.

use bytemuck::Pod;

use super::branch::{BranchMut, NodeMut, NodeRef, no_bound};
use super::cursor::Path;
use super::layout::NodeLayout;
use super::leaf::{EntriesMut, LeafMut, LeafRef};
use super::lookup::Tree;
use super::nodes::{NewBranch, NewLeaf, Nodes};
use super::slot::NodePtr;
use crate::types::key::Key;

/// A transaction's tree, and the nodes to change it with.
///
/// Every change needs slots that were reserved before; [`Tree::worst_case`] tells how many. A path must be
/// that of the key in the tree as it is.
pub(crate) struct Edit<'t, K, V> {
    pub(super) tree: &'t mut Tree<K, V>,
    pub(super) nodes: &'t mut Nodes,
}

/// A leaf that is about to be changed: one that may be, or one that must be copied.
enum LeafEdit<'a, K, V> {
    Own(LeafMut<'a, K, V>),
    Shared(LeafRef<'a, K, V>),
}

/// What an edit did to a node, or to a child of a parent.
pub(super) struct Edited<K> {
    /// How many more keys and leaves there are below the node and the one split off it.
    pub(super) change: isize,
    pub(super) leaves: isize,
    /// The right half, if the node was split.
    pub(super) split: Option<Split<K>>,
    /// Whether the node has too few entries.
    pub(super) is_under: bool,
    /// Whether the edit itself removed children from their parent.
    pub(super) is_shorter: bool,
}

impl<K> Edited<K> {
    /// Some keys came or went, and no node was split.
    pub(super) fn by(change: isize) -> Self {
        Self { change, leaves: 0, split: None, is_under: false, is_shorter: false }
    }
}

/// The right half of a node that was split.
pub(super) struct Split<K> {
    separator: K,
    node: NodePtr,
    count: usize,
}

impl<'t, K: Key, V: Pod> Edit<'t, K, V> {
    /// # Safety
    ///
    /// The tree belongs to the running transaction of `nodes`.
    #[inline]
    pub(crate) unsafe fn new(tree: &'t mut Tree<K, V>, nodes: &'t mut Nodes) -> Self {
        Self { tree, nodes }
    }

    /// Inserts a key, which the tree does not have, at its place.
    pub(crate) fn insert(&mut self, path: &Path, key: K, value: V) {
        let place = path.place();
        if self.tree.height <= 1 {
            return self.at_leaf(path, |nodes, leaf, is_end| {
                insert_into_leaf(nodes, leaf, place, key, value, is_end)
            });
        }
        self.at_parent(path, |nodes, branch, at, is_end| {
            let length = branch.read().count_of(at);
            let is_end = is_end && place == length;
            if length == NodeLayout::<K, V>::LEAF_CAPACITY
                && !is_end
                && let Some(first) = branch.read().roomy_pair(at)
            {
                share(nodes, branch, at, first, place, key, value);
                return Edited::by(1);
            }
            edit_leaf(nodes, branch, at, |nodes, leaf, _| {
                insert_into_leaf(nodes, leaf, place, key, value, is_end)
            })
        });
    }

    /// Removes the key at a place.
    pub(crate) fn remove(&mut self, path: &Path) {
        self.at_leaf(path, |nodes, leaf, _| {
            let at = path.place();
            let (new, length) = match leaf {
                LeafEdit::Own(mut leaf) => {
                    leaf.remove(at..at + 1);
                    (None, leaf.len())
                }
                LeafEdit::Shared(leaf) => {
                    let mut new = nodes.make_leaf();
                    new.as_mut().copy_without(leaf, at);
                    (Some(new), leaf.len() - 1)
                }
            };
            let is_under = length < NodeLayout::<K, V>::LEAF_MINIMUM;
            (new, Edited { is_under, ..Edited::by(-1) })
        });
    }

    /// Sets the value of the key at a place.
    pub(crate) fn set_value(&mut self, path: &Path, value: V) {
        self.at_leaf(path, |nodes, leaf, _| {
            let new = match leaf {
                LeafEdit::Own(mut leaf) => {
                    leaf.set_value(path.place(), value);
                    None
                }
                LeafEdit::Shared(leaf) => {
                    let mut new = nodes.make_leaf();
                    new.as_mut().insert_entries(0, leaf, 0..leaf.len());
                    new.as_mut().set_value(path.place(), value);
                    Some(new)
                }
            };
            (new, Edited::by(0))
        });
    }

    /// Removes the leaf at the end of a path with all its keys, without a copy of it.
    pub(super) fn remove_leaf(&mut self, path: &Path) {
        if self.tree.height > 1 {
            return self.at_parent(path, |nodes, branch, at, _| {
                let (leaf, count) = (branch.read().child(at), branch.read().count_of(at));
                nodes.discard(leaf);
                branch.remove_child(at);
                // The caller counts the keys as some of child `at`.
                branch.count(at, count as isize);
                Edited { leaves: -1, is_shorter: true, ..Edited::by(-(count as isize)) }
            });
        }
        if let Some(root) = self.tree.root() {
            self.nodes.discard(root);
            *self.tree = Tree::empty();
        }
    }

    /// Puts a new leaf in the place of the one at the end of a path, and if there is one a second leaf, with
    /// its separator, behind it. The first leaf has `change` keys more than the one that it replaces. If that
    /// are too few for a leaf, it is merged with a neighbour, or takes keys from it.
    pub(super) fn replace_leaf(
        &mut self,
        path: &Path,
        mut new: NewLeaf<K, V>,
        change: isize,
        right: Option<(K, NewLeaf<K, V>)>,
    ) {
        let split = right.map(|(separator, mut right)| {
            let count = right.as_mut().len();
            Split { separator, node: right.into_ptr(), count }
        });
        let is_under = split.is_none() && new.as_mut().len() < NodeLayout::<K, V>::LEAF_MINIMUM;
        self.at_leaf(path, |nodes, leaf, _| {
            if let LeafEdit::Own(leaf) = leaf {
                nodes.discard(NodeRef::Leaf(leaf.read()));
            }
            let more = split.as_ref().map_or(0, |split| split.count as isize);
            let leaves = isize::from(split.is_some());
            (Some(new), Edited { leaves, split, is_under, ..Edited::by(change + more) })
        });
    }

    /// Appends a leaf of `count` keys behind the last leaf, at whose end `path` is.
    pub(super) fn append_leaf(&mut self, path: &Path, mut new: NewLeaf<K, V>, count: usize) {
        let separator = new.as_mut().read().keys()[0];
        let split = Split { separator, node: new.into_ptr(), count };
        self.at_leaf(path, |_, _, _| {
            (None, Edited { leaves: 1, split: Some(split), ..Edited::by(count as isize) })
        });
    }

    /// Calls `edit` with the leaf at the end of a path, and puts the leaf that it returns in the place of
    /// that leaf. `edit` also gets whether the path leads to the end of the tree.
    #[inline]
    fn at_leaf(
        &mut self,
        path: &Path,
        edit: impl FnOnce(&mut Nodes, LeafEdit<'_, K, V>, bool) -> (Option<NewLeaf<K, V>>, Edited<K>),
    ) {
        debug_assert!(path.fits(self.tree), "a path is used before its tree changes");
        let Some(root) = self.tree.root else {
            let mut leaf = self.nodes.make_leaf();
            let (new, edited) = edit(self.nodes, LeafEdit::Own(leaf.as_mut()), true);
            debug_assert!(new.is_none() && edited.split.is_none());
            self.set_root(leaf.into_ptr(), 1);
            (self.tree.length, self.tree.leaves) = (edited.change as u32, 1);
            return;
        };
        if self.tree.height > 1 {
            return self.at_parent(path, |nodes, branch, at, is_end| {
                edit_leaf(nodes, branch, at, |nodes, leaf, length| {
                    edit(nodes, leaf, is_end && path.place() == length)
                })
            });
        }
        // SAFETY: the root is alive (I6 of `tree`) and a leaf. If its birth is the number of the transaction,
        // the tree, which is borrowed exclusively, is the only way to it; otherwise it does not change.
        let leaf = unsafe {
            match root.birth() == self.nodes.number() {
                true => LeafEdit::Own(LeafMut::new(root)),
                false => LeafEdit::Shared(LeafRef::new(root, self.tree.len())),
            }
        };
        let is_end = path.place() == self.tree.len();
        let (new, edited) = match leaf {
            LeafEdit::Own(leaf) => edit(self.nodes, LeafEdit::Own(leaf), is_end),
            LeafEdit::Shared(leaf) => {
                let edited = edit(self.nodes, LeafEdit::Shared(leaf), is_end);
                if edited.0.is_some() {
                    self.nodes.discard(NodeRef::Leaf(leaf));
                }
                edited
            }
        };
        if let Some(new) = new {
            self.tree.root = Some(new.into_ptr());
        }
        self.end(edited);
    }

    /// Calls `edit` with the parent of the leaf at the end of a path, the index of the leaf, and whether that
    /// is the last leaf of the tree. The tree has a parent.
    #[inline]
    pub(super) fn at_parent(
        &mut self,
        path: &Path,
        edit: impl FnOnce(&mut Nodes, &mut BranchMut<'_, K, V>, usize, bool) -> Edited<K>,
    ) {
        debug_assert!(path.fits(self.tree), "a path is used before its tree changes");
        let Some(root) = self.tree.root else {
            unreachable!("a tree with a parent has a root");
        };
        // SAFETY: as in `at_leaf`; the caller has a parent, so the root is a branch.
        let root = unsafe {
            match root.birth() == self.nodes.number() {
                true => Ok(BranchMut::<K, V>::new(root)),
                false => Err(NodeRef::<K, V>::new(root)),
            }
        };
        let edited = match root {
            Ok(branch) => edit_below(self.nodes, branch, path, 0, true, edit),
            Err(NodeRef::Branch(branch)) => {
                let mut copy = self.nodes.copy_branch(branch);
                let edited = edit_below(self.nodes, copy.as_mut(), path, 0, true, edit);
                self.tree.root = Some(copy.into_ptr());
                edited
            }
            Err(NodeRef::Leaf(_)) => unreachable!("a tree with a parent has a branch as its root"),
        };
        self.end(edited);
    }

    /// Takes note of what an edit did below the root.
    #[inline]
    fn end(&mut self, edited: Edited<K>) {
        self.tree.length = self.tree.length.wrapping_add(edited.change as u32);
        self.tree.leaves = self.tree.leaves.wrapping_add(edited.leaves as u32);
        if let Some(split) = edited.split {
            self.raise_root(split);
        }
        if edited.is_under {
            self.lower_root();
        }
    }

    /// Puts a branch above the root, which was split.
    #[cold]
    fn raise_root(&mut self, split: Split<K>) {
        let Some(root) = self.tree.root else {
            unreachable!("a root was split");
        };
        let mut above = self.nodes.make_branch::<K, V>(self.tree.height);
        let count = self.tree.len() - split.count;
        above.as_mut().insert_child(0, no_bound(), root, count);
        above.as_mut().insert_child(1, split.separator, split.node, split.count);
        self.set_root(above.into_ptr(), self.tree.height + 1);
    }

    /// Removes roots that have only one child, and a root without keys.
    #[cold]
    fn lower_root(&mut self) {
        while let Some(root) = self.tree.root() {
            let child = match root {
                NodeRef::Leaf(leaf) if leaf.len() == 0 => None,
                NodeRef::Branch(branch) if branch.len() == 1 => Some(branch.child_ptr(0)),
                NodeRef::Leaf(_) | NodeRef::Branch(_) => return,
            };
            self.nodes.discard(root);
            self.tree.root = child;
            self.tree.height -= 1;
            if child.is_none() {
                self.tree.leaves = 0;
            }
        }
    }

    pub(super) fn set_root(&mut self, root: NodePtr, height: u8) {
        self.tree.root = Some(root);
        self.tree.height = height;
    }
}

/// Edits the parent of the leaf at the end of a path. The parent is `branch`, which is the transaction's own
/// and at `depth` on the path, or below it. `is_end` tells whether the branch is the last of its level.
#[inline]
fn edit_below<K: Key, V: Pod>(
    nodes: &mut Nodes,
    mut branch: BranchMut<'_, K, V>,
    path: &Path,
    depth: usize,
    is_end: bool,
    edit: impl FnOnce(&mut Nodes, &mut BranchMut<'_, K, V>, usize, bool) -> Edited<K>,
) -> Edited<K> {
    let at = path.at(depth);
    let is_end = is_end && at + 1 == branch.read().len();
    let mut edited = if branch.read().level() == 1 {
        edit(nodes, &mut branch, at, is_end)
    } else {
        match branch.child_mut(at, nodes.number()) {
            Some(NodeMut::Branch(child)) => edit_below(nodes, child, path, depth + 1, is_end, edit),
            Some(NodeMut::Leaf(_)) => unreachable!("I3 of `tree`: a leaf is on level 0"),
            None => {
                let NodeRef::Branch(child) = branch.read().child(at) else {
                    unreachable!("I3 of `tree`: a leaf is on level 0");
                };
                let mut copy = nodes.copy_branch(child);
                let edited = edit_below(nodes, copy.as_mut(), path, depth + 1, is_end, edit);
                branch.set_child(at, copy.into_ptr());
                edited
            }
        }
    };
    branch.count(at, edited.change);
    if let Some(split) = edited.split.take() {
        edited.split = attach(nodes, &mut branch, at, split, is_end);
    }
    if edited.is_under {
        // The left neighbour if there is one: a batch, which ascends, has done its changes there.
        let first = at.saturating_sub(1);
        let is_merged = merge_or_rebalance(nodes, &mut branch, first);
        if is_merged && branch.read().level() == 1 {
            edited.leaves -= 1;
        }
    }
    if edited.is_under || edited.is_shorter {
        edited.is_under = branch.read().len() < NodeLayout::<K, V>::BRANCH_MINIMUM;
        edited.is_shorter = false;
    }
    edited
}

/// Calls `edit` with leaf `at` of a parent and its length, and puts the leaf that it returns in its place.
#[inline]
fn edit_leaf<K: Key, V: Pod>(
    nodes: &mut Nodes,
    branch: &mut BranchMut<'_, K, V>,
    at: usize,
    edit: impl FnOnce(&mut Nodes, LeafEdit<'_, K, V>, usize) -> (Option<NewLeaf<K, V>>, Edited<K>),
) -> Edited<K> {
    let (new, edited) = match branch.child_mut(at, nodes.number()) {
        Some(NodeMut::Leaf(leaf)) => {
            let length = leaf.len();
            edit(nodes, LeafEdit::Own(leaf), length)
        }
        Some(NodeMut::Branch(_)) => unreachable!("I3 of `tree`: a branch is above level 0"),
        None => {
            let NodeRef::Leaf(leaf) = branch.read().child(at) else {
                unreachable!("I3 of `tree`: a branch is above level 0");
            };
            let edited = edit(nodes, LeafEdit::Shared(leaf), leaf.len());
            if edited.0.is_some() {
                nodes.discard(NodeRef::Leaf(leaf));
            }
            edited
        }
    };
    if let Some(new) = new {
        branch.set_child(at, new.into_ptr());
    }
    edited
}

/// Inserts a key into a leaf, or into a copy of it.
#[inline]
fn insert_into_leaf<K: Key, V: Pod>(
    nodes: &mut Nodes,
    leaf: LeafEdit<'_, K, V>,
    at: usize,
    key: K,
    value: V,
    is_end: bool,
) -> (Option<NewLeaf<K, V>>, Edited<K>) {
    match leaf {
        LeafEdit::Own(mut leaf) => (None, insert(nodes, &mut leaf, at, key, value, is_end)),
        LeafEdit::Shared(leaf) => {
            let mut new = nodes.make_leaf();
            let edited = if leaf.len() < NodeLayout::<K, V>::LEAF_CAPACITY {
                new.as_mut().copy_with(leaf, at, key, value);
                Edited::by(1)
            } else {
                new.as_mut().insert_entries(0, leaf, 0..leaf.len());
                insert(nodes, &mut new.as_mut(), at, key, value, is_end)
            };
            (Some(new), edited)
        }
    }
}

/// Inserts a key at `place` of leaf `at`, which is full, after the leaves `first` and `first + 1`, of which
/// it is one, have shared their keys.
#[cold]
fn share<K: Key, V: Pod>(
    nodes: &mut Nodes,
    branch: &mut BranchMut<'_, K, V>,
    at: usize,
    first: usize,
    place: usize,
    key: K,
    value: V,
) {
    let place = if first < at { branch.read().count_of(first) + place } else { place };
    merge_or_rebalance(nodes, branch, first);
    let left = branch.read().count_of(first);
    let (target, place) = if place <= left { (first, place) } else { (first + 1, place - left) };
    let Some(NodeMut::Leaf(mut leaf)) = branch.child_mut(target, nodes.number()) else {
        unreachable!("both leaves are the transaction's own now");
    };
    leaf.insert(place, key, value);
    // The caller counts the key as one of leaf `at`.
    branch.count(at, -1);
    branch.count(target, 1);
}

/// Inserts a key into a leaf of the transaction's own, and splits the leaf if it is full.
///
/// At the end of a tree the left half stays full, so that ascending keys fill their leaves.
#[inline]
fn insert<K: Key, V: Pod>(
    nodes: &mut Nodes,
    leaf: &mut LeafMut<'_, K, V>,
    at: usize,
    key: K,
    value: V,
    is_end: bool,
) -> Edited<K> {
    let length = leaf.len();
    if length < NodeLayout::<K, V>::LEAF_CAPACITY {
        leaf.insert(at, key, value);
        return Edited::by(1);
    }
    let mut new = nodes.make_leaf();
    // The length of the left half after the insertion.
    let left = if is_end { length } else { length.div_ceil(2) };
    let middle = left - usize::from(at < left);
    new.as_mut().insert_entries(0, leaf.read(), middle..length);
    leaf.remove(middle..length);
    match at < left {
        true => leaf.insert(at, key, value),
        false => new.as_mut().insert(at - middle, key, value),
    }
    let (separator, count) = (new.as_mut().read().keys()[0], new.as_mut().len());
    let split = Split { separator, node: new.into_ptr(), count };
    Edited { leaves: 1, split: Some(split), ..Edited::by(1) }
}

/// Inserts the right half of child `at` next to it. The branch already counts the keys of both as keys of
/// that child. Returns the right half of the branch, if that is split.
#[cold]
fn attach<K: Key, V: Pod>(
    nodes: &mut Nodes,
    branch: &mut BranchMut<'_, K, V>,
    at: usize,
    split: Split<K>,
    is_end: bool,
) -> Option<Split<K>> {
    let Split { separator, node, count } = split;
    branch.count(at, -(count as isize));
    let (at, length) = (at + 1, branch.read().len());
    if length < NodeLayout::<K, V>::BRANCH_CAPACITY {
        branch.insert_child(at, separator, node, count);
        return None;
    }
    let mut new = nodes.make_branch(branch.read().level());
    // The length of the left half after the insertion. The right half has two children (I4 of `tree`).
    let left = if is_end { length - 1 } else { length.div_ceil(2) };
    let middle = left - usize::from(at < left);
    new.as_mut().insert_entries(0, branch.read(), middle..length);
    branch.remove(middle..length);
    match at < left {
        true => branch.insert_child(at, separator, node, count),
        false => new.as_mut().insert_child(at - middle, separator, node, count),
    }
    let half = new.as_mut();
    let (separator, count) = (half.read().separators()[0], half.read().count());
    Some(Split { separator, node: new.into_ptr(), count })
}

/// Merges the children `at` and `at + 1` of a branch. If they have too many entries for that, gives both the
/// same number. Returns whether it merged them.
#[cold]
fn merge_or_rebalance<K: Key, V: Pod>(
    nodes: &mut Nodes,
    branch: &mut BranchMut<'_, K, V>,
    at: usize,
) -> bool {
    for at in [at, at + 1] {
        own_child(nodes, branch, at);
    }
    let bound = match branch.pair_mut(at, nodes.number()) {
        (NodeMut::Leaf(mut left), NodeMut::Leaf(mut right)) => {
            let is_merged = even_out(&mut left, &mut right, NodeLayout::<K, V>::LEAF_MERGED);
            (!is_merged).then(|| (right.read().keys()[0], left.len()))
        }
        (NodeMut::Branch(mut left), NodeMut::Branch(mut right)) => {
            let is_merged = even_out(&mut left, &mut right, NodeLayout::<K, V>::BRANCH_MERGED);
            (!is_merged).then(|| (right.read().separators()[0], left.read().count()))
        }
        _ => unreachable!("I3 of `tree`: the children of a branch are on one level"),
    };
    let Some((separator, left_count)) = bound else {
        nodes.discard(branch.read().child(at + 1));
        branch.join_children(at);
        return true;
    };
    branch.set_separator(at + 1, separator);
    branch.set_count(at, left_count);
    false
}

/// Moves entries between two neighbours: all to the left one if that has no more than `most` then, or else as
/// many as make both equally long. Returns whether it moved all.
fn even_out<N: EntriesMut>(left: &mut N, right: &mut N, most: usize) -> bool {
    let (left_length, right_length) = (left.length(), right.length());
    if left_length + right_length <= most {
        left.insert_from(left_length, right, 0..right_length);
        return true;
    }
    if left_length < right_length {
        let moved = 0..(right_length - left_length) / 2;
        left.insert_from(left_length, right, moved.clone());
        right.remove(moved);
    } else {
        let moved = left_length - (left_length - right_length) / 2..left_length;
        right.insert_from(0, left, moved.clone());
        left.remove(moved);
    }
    false
}

/// Makes a child of a branch of the transaction's own its own, too.
fn own_child<K: Key, V: Pod>(nodes: &mut Nodes, branch: &mut BranchMut<'_, K, V>, at: usize) {
    if branch.child_mut(at, nodes.number()).is_some() {
        return;
    }
    let child = branch.read().child(at);
    let copy = match child {
        NodeRef::Leaf(leaf) => {
            let mut copy: NewLeaf<K, V> = nodes.make_leaf();
            copy.as_mut().insert_entries(0, leaf, 0..leaf.len());
            nodes.discard(child);
            copy.into_ptr()
        }
        NodeRef::Branch(branch) => NewBranch::into_ptr(nodes.copy_branch(branch)),
    };
    branch.set_child(at, copy);
}
