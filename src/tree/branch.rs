//! Branches: separators, children, and the cumulative counts of their keys.
//!
//! # Invariants
//!
//! - I1: the entries before a branch's length are initialised, and the length is at most the capacity.
//! - I2: only the running transaction refers to a branch whose birth is its number, and changes it in place.
//!   Only through such a branch, or the root, does it reach a child with that birth.

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr;
use std::slice;

use bytemuck::Pod;

use super::layout::NodeLayout;
use super::leaf::{EntriesMut, LeafMut, LeafRef};
use super::search::partition_point;
use super::slot::NodePtr;
use crate::simd::prefetch::PrefetchRange;
use crate::types::key::{Entries, Key};

/// A node that is alive and does not change for `'a`.
pub(super) enum NodeRef<'a, K, V> {
    Leaf(LeafRef<'a, K, V>),
    Branch(BranchRef<'a, K, V>),
}

impl<K, V> Clone for NodeRef<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for NodeRef<'_, K, V> {}

impl<K: Key, V: Pod> NodeRef<'_, K, V> {
    /// # Safety
    ///
    /// The node belongs to a tree of keys `K` and values `V`. For `'a` it and all nodes below it are alive,
    /// and change no more than I2 of [`slot`](super::slot) allows.
    #[inline]
    pub(super) unsafe fn new(node: NodePtr) -> Self {
        // SAFETY: the node is alive and unchanged, by contract.
        unsafe {
            match node.level() {
                0 => Self::Leaf(LeafRef::new(node, node.len())),
                _ => Self::Branch(BranchRef::new(node)),
            }
        }
    }

    pub(super) fn ptr(self) -> NodePtr {
        match self {
            Self::Leaf(leaf) => leaf.ptr(),
            Self::Branch(branch) => branch.ptr(),
        }
    }

    /// The version that made the node.
    pub(super) fn birth(self) -> u64 {
        match self {
            Self::Leaf(leaf) => leaf.birth(),
            Self::Branch(branch) => branch.birth(),
        }
    }
}

/// A branch that is alive and does not change for `'a`.
pub(super) struct BranchRef<'a, K, V> {
    node: NodePtr,
    entries: PhantomData<&'a (K, V)>,
}

impl<K, V> Clone for BranchRef<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for BranchRef<'_, K, V> {}

impl<'a, K: Key, V: Pod> BranchRef<'a, K, V> {
    /// # Safety
    ///
    /// As [`NodeRef::new`], and the node is a branch.
    #[inline]
    unsafe fn new(node: NodePtr) -> Self {
        const { NodeLayout::<K, V>::FITS };
        // SAFETY: the node is alive.
        debug_assert!(unsafe { node.level() } > 0);
        Self { node, entries: PhantomData }
    }

    #[inline]
    pub(super) fn ptr(self) -> NodePtr {
        self.node
    }

    /// The version that made the branch.
    #[inline]
    pub(super) fn birth(self) -> u64 {
        // SAFETY: the node is alive (`new`).
        unsafe { self.node.birth() }
    }

    /// The number of levels below; at least 1.
    #[inline]
    pub(super) fn level(self) -> u8 {
        // SAFETY: the node is alive (`new`).
        unsafe { self.node.level() }
    }

    /// The number of children.
    #[inline]
    pub(super) fn len(self) -> usize {
        // SAFETY: the node is alive and unchanged (`new`).
        unsafe { self.node.len() }
    }

    /// The separators, that of the first child included.
    #[inline]
    pub(super) fn separators(self) -> &'a [K] {
        // SAFETY: the separators are at the start of the body, which is aligned for them (`FITS`). There are
        // `len` of them, all initialised (I1), and alive and unchanged for 'a (`new`).
        unsafe { slice::from_raw_parts(self.node.body().cast(), self.len()) }
    }

    #[inline]
    fn children(self) -> &'a [NodePtr] {
        // SAFETY: as for `separators`, at an offset and alignment that `FITS` checks. Entries before `len`
        // were written as addresses of nodes (I1), so none is null.
        unsafe {
            let children = self.node.body().add(NodeLayout::<K, V>::CHILDREN_AT);
            slice::from_raw_parts(children.cast(), self.len())
        }
    }

    /// For each child, the number of keys of the children up to and including it.
    #[inline]
    pub(super) fn cumulative(self) -> &'a [u32] {
        // SAFETY: as for `separators`, at an offset and alignment that `FITS` checks.
        unsafe {
            let cumulative = self.node.body().add(NodeLayout::<K, V>::CUMULATIVE_AT);
            slice::from_raw_parts(cumulative.cast(), self.len())
        }
    }

    /// The address of child `at`.
    #[inline]
    pub(super) fn child_ptr(self, at: usize) -> NodePtr {
        self.children()[at]
    }

    /// Child `at`. Does not read a leaf.
    #[inline]
    pub(super) fn child(self, at: usize) -> NodeRef<'a, K, V> {
        let child = self.children()[at];
        // SAFETY: the children of a branch belong to the same tree and are alive for 'a (`new`). They are one
        // level down (I3 of `tree`), and the branch counts the keys of its leaves (I2 of `tree`).
        unsafe {
            match self.level() {
                1 => NodeRef::Leaf(LeafRef::new(child, self.count_of(at))),
                _ => NodeRef::Branch(BranchRef::new(child)),
            }
        }
    }

    /// The number of keys below the branch.
    #[inline]
    pub(super) fn count(self) -> usize {
        self.start_of(self.len())
    }

    /// The number of keys in the children before `at`.
    #[inline]
    pub(super) fn start_of(self, at: usize) -> usize {
        if at == 0 { 0 } else { self.cumulative()[at - 1] as usize }
    }

    /// The number of keys in child `at`.
    #[inline]
    pub(super) fn count_of(self, at: usize) -> usize {
        self.cumulative()[at] as usize - self.start_of(at)
    }

    /// The child whose range contains `key`.
    #[inline]
    pub(super) fn child_for(self, key: &K) -> usize {
        partition_point(&self.separators()[1..], |separator| separator <= key)
    }

    /// The child that has the key before which there are `rank` others, or the last child.
    #[inline]
    pub(super) fn child_at_rank(self, rank: usize) -> usize {
        let child = partition_point(self.cumulative(), |end| *end as usize <= rank);
        child.min(self.len() - 1)
    }

    /// The first of two leaves that can share the keys of leaf `at`, which is full: `at` and the emptier of
    /// the leaves beside it, if that has room for more than a few.
    pub(super) fn roomy_pair(self, at: usize) -> Option<usize> {
        let left = at.checked_sub(1).map(|left| (self.count_of(left), left));
        let right = (at + 1 < self.len()).then(|| (self.count_of(at + 1), at));
        let (count, first) = left.into_iter().chain(right).min()?;
        (count <= NodeLayout::<K, V>::LEAF_ROOMY).then_some(first)
    }

    /// The branch as the parent of leaves, if it is that.
    #[inline]
    pub(super) fn as_parent(self) -> Option<Parent<'a, K, V>> {
        (self.level() == 1).then_some(Parent(self))
    }

    /// Prefetches child `at`: its keys if it is a leaf. A search in it would wait for one line after another.
    #[inline]
    pub(super) fn prefetch_child(self, at: usize) {
        let child = self.children()[at];
        let bytes = match self.level() {
            1 => self.count_of(at) * size_of::<K>(),
            _ => NodeLayout::<K, V>::CUMULATIVE_AT,
        };
        child.prefetch_header();
        PrefetchRange::new(child.body(), bytes).prefetch_from(0);
    }

    /// Prefetches the whole branch.
    #[inline]
    pub(super) fn prefetch(self) {
        let bytes = NodeLayout::<K, V>::CUMULATIVE_AT
            + NodeLayout::<K, V>::BRANCH_CAPACITY * size_of::<u32>();
        self.node.prefetch_header();
        PrefetchRange::new(self.node.body(), bytes).prefetch_from(0);
    }
}

/// A branch whose children are leaves.
pub(super) struct Parent<'a, K, V>(BranchRef<'a, K, V>);

impl<K, V> Clone for Parent<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Parent<'_, K, V> {}

impl<'a, K: Key, V: Pod> Parent<'a, K, V> {
    #[inline(always)]
    pub(super) fn branch(self) -> BranchRef<'a, K, V> {
        self.0
    }

    /// Leaf `at`. Does not read it.
    #[inline(always)]
    pub(super) fn leaf(self, at: usize) -> LeafRef<'a, K, V> {
        // SAFETY: the children belong to the same tree and are alive for 'a (`NodeRef::new`), are leaves
        // (`as_parent`), and the branch counts their keys (I2 of `tree`).
        unsafe { LeafRef::new(self.0.children()[at], self.0.count_of(at)) }
    }

    /// The cache lines of the keys of leaf `at`.
    #[inline(always)]
    pub(super) fn leaf_lines(self, at: usize) -> PrefetchRange {
        let Entries { keys, .. } = self.leaf(at).entries();
        PrefetchRange::new(keys.as_ptr(), size_of_val(keys))
    }
}

/// A node of the running transaction, which may change it. The value is the only way to the node for `'a`.
pub(super) enum NodeMut<'a, K, V> {
    Leaf(LeafMut<'a, K, V>),
    Branch(BranchMut<'a, K, V>),
}

impl<K: Key, V: Pod> NodeMut<'_, K, V> {
    /// # Safety
    ///
    /// The node belongs to a tree of keys `K` and values `V`, is alive, and was made by the running
    /// transaction. For `'a`, only this value is used to access it, and all nodes below it are alive.
    #[inline]
    pub(super) unsafe fn new(node: NodePtr) -> Self {
        // SAFETY: the node is alive, and what it is follows from its level.
        unsafe {
            match node.level() {
                0 => Self::Leaf(LeafMut::new(node)),
                _ => Self::Branch(BranchMut::new(node)),
            }
        }
    }
}

/// A branch of the running transaction, which may change it (I2). The value is the only way to the branch
/// and to its children for `'a`.
pub(super) struct BranchMut<'a, K, V> {
    node: NodePtr,
    entries: PhantomData<&'a mut (K, V)>,
}

impl<K: Key, V: Pod> BranchMut<'_, K, V> {
    /// # Safety
    ///
    /// As [`NodeMut::new`], and the node is a branch.
    #[inline]
    pub(super) unsafe fn new(node: NodePtr) -> Self {
        const { NodeLayout::<K, V>::FITS };
        Self { node, entries: PhantomData }
    }

    /// The branch for reading.
    #[inline]
    pub(super) fn read(&self) -> BranchRef<'_, K, V> {
        // SAFETY: the branch is alive, and neither it nor a node below it changes while `self` is borrowed
        // (`new`).
        unsafe { BranchRef::new(self.node) }
    }

    /// Child `at` for changes, if it was made by the transaction, which makes version `number`.
    #[inline]
    pub(super) fn child_mut(&mut self, at: usize, number: u64) -> Option<NodeMut<'_, K, V>> {
        let child = self.read().children()[at];
        // SAFETY: a child is alive while the branch is (`new`). If its birth is the number of the
        // transaction, only this branch leads to it (I2), which is borrowed for as long as the result.
        unsafe { (child.birth() == number).then(|| NodeMut::new(child)) }
    }

    /// The children `at` and `at + 1` for changes. The transaction, which makes version `number`, made both.
    pub(super) fn pair_mut(
        &mut self,
        at: usize,
        number: u64,
    ) -> (NodeMut<'_, K, V>, NodeMut<'_, K, V>) {
        let [left, right] = [at, at + 1].map(|at| self.read().children()[at]);
        // SAFETY: as in `child_mut`. The two are different nodes, because their ranges of keys are (I1 of
        // `tree`).
        unsafe {
            assert!(left.birth() == number && right.birth() == number);
            (NodeMut::new(left), NodeMut::new(right))
        }
    }

    /// Leaf `at` for changes, if the transaction, which makes version `number`, made it; and another one.
    pub(super) fn leaf_mut_and(
        &mut self,
        at: usize,
        other: usize,
        number: u64,
    ) -> Option<(LeafMut<'_, K, V>, LeafRef<'_, K, V>)> {
        assert!(at != other);
        let leaf = self.read().children()[at];
        let NodeRef::Leaf(other) = self.read().child(other) else {
            return None;
        };
        // SAFETY: as in `child_mut`: the children are leaves. The two are different nodes, because their
        // ranges of keys are (I1 of `tree`), and nothing changes the other one while `self` is borrowed for
        // the result.
        unsafe {
            let is_own = leaf.birth() == number;
            is_own.then(|| (LeafMut::new(leaf), LeafRef::new(other.ptr(), other.len())))
        }
    }

    #[inline]
    fn len(&self) -> usize {
        // SAFETY: the branch is alive (`new`).
        unsafe { self.node.len() }
    }

    #[inline]
    fn set_len(&mut self, length: usize) {
        assert!(length <= NodeLayout::<K, V>::BRANCH_CAPACITY, "I1");
        // SAFETY: the branch is alive, and only this value accesses it (`new`). The capacity fits a u16
        // (`FITS`).
        unsafe { self.node.set_len(length as u16) };
    }

    #[inline]
    fn separator_at(&mut self, at: usize) -> *mut K {
        debug_assert!(at <= NodeLayout::<K, V>::BRANCH_CAPACITY);
        self.node.body().cast::<K>().wrapping_add(at)
    }

    #[inline]
    fn child_at(&mut self, at: usize) -> *mut NodePtr {
        debug_assert!(at <= NodeLayout::<K, V>::BRANCH_CAPACITY);
        let children = self.node.body().wrapping_add(NodeLayout::<K, V>::CHILDREN_AT);
        children.cast::<NodePtr>().wrapping_add(at)
    }

    #[inline]
    fn cumulative_at(&mut self, at: usize) -> *mut u32 {
        debug_assert!(at <= NodeLayout::<K, V>::BRANCH_CAPACITY);
        let cumulative = self.node.body().wrapping_add(NodeLayout::<K, V>::CUMULATIVE_AT);
        cumulative.cast::<u32>().wrapping_add(at)
    }

    /// Writes separator `at`.
    #[inline]
    pub(super) fn set_separator(&mut self, at: usize, separator: K) {
        assert!(at < self.len());
        // SAFETY: `at` is an entry, and only this value accesses the branch (`new`).
        unsafe { self.separator_at(at).write(separator) };
    }

    /// Puts a node in the place of child `at`. It has as many keys as the branch counts there.
    #[inline]
    pub(super) fn set_child(&mut self, at: usize, child: NodePtr) {
        assert!(at < self.len());
        // SAFETY: as in `set_separator`.
        unsafe { self.child_at(at).write(child) };
    }

    /// The cumulative counts from `at` on, for changes.
    #[inline]
    fn cumulative_from(&mut self, at: usize) -> &mut [u32] {
        let length = self.len();
        assert!(at <= length);
        // SAFETY: the counts before the length are initialised (I1), and only this value, which is borrowed,
        // accesses the branch (`new`).
        unsafe { slice::from_raw_parts_mut(self.cumulative_at(at), length - at) }
    }

    /// Changes the count of child `at` by `change`.
    #[inline]
    pub(super) fn count(&mut self, at: usize, change: isize) {
        // Wraps as a subtraction does; the sum is a count (I2 of `tree`).
        self.cumulative_from(at).iter_mut().for_each(|end| *end = end.wrapping_add(change as u32));
    }

    /// Sets the count of child `at`. The next child gets the rest of what both had together.
    pub(super) fn set_count(&mut self, at: usize, count: usize) {
        let start = self.read().start_of(at);
        if let Some(end) = self.cumulative_from(at).first_mut() {
            *end = (start + count) as u32;
        }
    }

    /// Moves the entries from `at` on up by `count` places. The contents of these places are unspecified
    /// then.
    #[inline]
    fn open(&mut self, at: usize, count: usize) {
        let length = self.len();
        assert!(at <= length);
        self.set_len(length + count);
        let moved = length - at;
        // SAFETY: the sources are entries (I1), and the destinations are within the capacity, which `set_len`
        // has checked. `copy` allows overlap. Only this value accesses the branch (`new`).
        unsafe {
            ptr::copy(self.separator_at(at), self.separator_at(at + count), moved);
            ptr::copy(self.child_at(at), self.child_at(at + count), moved);
            ptr::copy(self.cumulative_at(at), self.cumulative_at(at + count), moved);
        }
    }

    /// Inserts a child of `count` keys.
    pub(super) fn insert_child(&mut self, at: usize, separator: K, child: NodePtr, count: usize) {
        let start = self.read().start_of(at);
        self.open(at, 1);
        self.set_separator(at, separator);
        self.set_child(at, child);
        if let Some((end, after)) = self.cumulative_from(at).split_first_mut() {
            *end = (start + count) as u32;
            after.iter_mut().for_each(|end| *end += count as u32);
        }
    }

    /// Inserts entries of another branch of the same level.
    pub(super) fn insert_entries(
        &mut self,
        at: usize,
        from: BranchRef<'_, K, V>,
        range: Range<usize>,
    ) {
        let (count, start) = (range.len(), range.start);
        assert!(from.level() == self.read().level() && from.ptr() != self.node);
        let (separators, children) =
            (&from.separators()[range.clone()], &from.children()[range.clone()]);
        let (start_here, start_there) = (self.read().start_of(at), from.start_of(start));
        let added = from.start_of(range.end) - start_there;
        self.open(at, count);
        // SAFETY: `open` made room for the destinations, the sources are entries of `from` (I1), and the two
        // branches are in different slots. Only this value accesses this branch (`new`).
        unsafe {
            ptr::copy_nonoverlapping(separators.as_ptr(), self.separator_at(at), count);
            ptr::copy_nonoverlapping(children.as_ptr(), self.child_at(at), count);
            let ends = from.cumulative().as_ptr().add(start);
            ptr::copy_nonoverlapping(ends, self.cumulative_at(at), count);
        }
        let (new, after) = self.cumulative_from(at).split_at_mut(count);
        let there = start_there as u32;
        new.iter_mut().for_each(|end| *end = *end - there + start_here as u32);
        after.iter_mut().for_each(|end| *end += added as u32);
    }

    /// Makes this branch, which is new, a copy of another one.
    #[inline]
    pub(super) fn copy_from(&mut self, from: BranchRef<'_, K, V>) {
        let length = from.len();
        assert!(from.ptr() != self.node);
        self.set_len(length);
        // SAFETY: the sources are entries of `from` (I1), the destinations are within the capacity, and the
        // two branches are in different slots. Only this value accesses this branch (`new`).
        unsafe {
            ptr::copy_nonoverlapping(from.separators().as_ptr(), self.separator_at(0), length);
            ptr::copy_nonoverlapping(from.children().as_ptr(), self.child_at(0), length);
            ptr::copy_nonoverlapping(from.cumulative().as_ptr(), self.cumulative_at(0), length);
        }
    }

    /// Removes children.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let (length, count) = (self.len(), range.len());
        assert!(range.start <= range.end && range.end <= length);
        let moved = length - range.end;
        let removed = self.read().start_of(range.end) - self.read().start_of(range.start);
        self.count(range.end, -(removed as isize));
        // SAFETY: sources and destinations are entries (I1). `copy` allows overlap. Only this value accesses
        // the branch (`new`).
        unsafe {
            ptr::copy(self.separator_at(range.end), self.separator_at(range.start), moved);
            ptr::copy(self.child_at(range.end), self.child_at(range.start), moved);
            ptr::copy(self.cumulative_at(range.end), self.cumulative_at(range.start), moved);
        }
        self.set_len(length - count);
    }

    /// Puts other nodes, and not more, in the place of `count` children, whose keys they have. Each comes
    /// with its separator and the number of its keys. The first separator stays. Returns the number of the
    /// nodes.
    pub(super) fn replace_children(
        &mut self,
        at: usize,
        count: usize,
        new: impl Iterator<Item = (K, NodePtr, usize)>,
    ) -> usize {
        let (mut place, mut end) = (at, self.read().start_of(at));
        for (separator, child, keys) in new {
            assert!(place < at + count);
            if place > at {
                self.set_separator(place, separator);
            }
            self.set_child(place, child);
            end += keys;
            self.cumulative_from(place)[0] = end as u32;
            place += 1;
        }
        // The others have no keys left to count.
        self.cumulative_from(place)[..at + count - place].fill(end as u32);
        self.remove(place..at + count);
        place - at
    }

    /// Removes a child and its keys. The lower bound of the branch stays.
    pub(super) fn remove_child(&mut self, at: usize) {
        let bound = self.read().separators()[0];
        self.remove(at..at + 1);
        if self.len() > 0 {
            self.set_separator(0, bound);
        }
    }

    /// Removes child `at + 1`, whose keys child `at` has taken over.
    pub(super) fn join_children(&mut self, at: usize) {
        let both = self.read().start_of(at + 2) - self.read().start_of(at);
        self.set_count(at, both);
        // It has no keys left to count.
        self.remove(at + 1..at + 2);
    }
}

impl<K: Key, V: Pod> EntriesMut for BranchMut<'_, K, V> {
    fn length(&self) -> usize {
        self.len()
    }

    fn insert_from(&mut self, at: usize, from: &Self, range: Range<usize>) {
        self.insert_entries(at, from.read(), range);
    }

    fn remove(&mut self, range: Range<usize>) {
        self.remove(range);
    }
}

/// A lower bound that no search uses: that of a branch on the left edge.
pub(super) fn no_bound<K: Key>() -> K {
    K::zeroed()
}
