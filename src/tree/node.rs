//! Nodes: the layout of the entries of a leaf or a branch in the body of a slot.
//!
//! ```text
//! leaf    keys: 256 of 8 bytes, 128 of 16, 85 of 24, 64 of 32, 51 of 40
//! branch  separators | children | cumulative
//! ```
//!
//! Child `i` of a branch has the keys from separator `i` up to the next separator. Separator 0 is the
//! branch's own lower bound, as in its parent. No search uses it, but entries that move to a neighbour keep
//! their separators because of it. On the left edge of a tree it has no meaning. `cumulative[i]` counts the
//! keys of the children `0..=i`, so a rank is found by a search.
//!
//! # Invariants
//!
//! - I1: only the running transaction refers to a node whose birth is its number, and changes it in place.
//! - I2: `length` is at most the capacity, and the entries before it are initialised.

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr;
use std::slice;

use super::search::partition_point;
use super::slot::{BODY_BYTES, Header, NodePtr, SLOT_BYTES, Slot};
use crate::simd::prefetch::PrefetchRange;
use crate::types::key::Key;

/// Whether the capacities are tiny, so that splits and merges happen all the time.
const SMALL: bool = cfg!(any(test, loom, shuttle, groupscan_check));

/// The layout of the entries of nodes with keys `K`.
pub(super) struct NodeLayout<K>(PhantomData<K>);

impl<K> NodeLayout<K> {
    /// The most keys of a leaf.
    pub(super) const LEAF_CAPACITY: usize = if SMALL { 4 } else { BODY_BYTES / size_of::<K>() };

    /// The most children of a branch.
    pub(super) const BRANCH_CAPACITY: usize = if SMALL {
        3
    } else {
        BODY_BYTES / (size_of::<K>() + size_of::<NodePtr>() + size_of::<u32>())
    };

    /// The fewest keys of a leaf, and children of a branch, that is not the last of its level.
    ///
    /// A third of the capacity and not a half, so that a node that was just merged or rebalanced is far
    /// from both bounds.
    pub(super) const LEAF_MINIMUM: usize = if SMALL { 2 } else { Self::LEAF_CAPACITY / 3 };
    pub(super) const BRANCH_MINIMUM: usize = if SMALL { 2 } else { Self::BRANCH_CAPACITY / 3 };

    const CHILDREN_AT: usize = Self::BRANCH_CAPACITY * size_of::<K>();
    const CUMULATIVE_AT: usize = Self::CHILDREN_AT + Self::BRANCH_CAPACITY * size_of::<NodePtr>();

    /// What the accessors of nodes rely on.
    const FITS: () = {
        assert!(align_of::<K>() <= 64 && Self::CHILDREN_AT % align_of::<NodePtr>() == 0);
        assert!(Self::CUMULATIVE_AT % align_of::<u32>() == 0);
        assert!(Self::LEAF_CAPACITY * size_of::<K>() <= BODY_BYTES);
        assert!(Self::CUMULATIVE_AT + Self::BRANCH_CAPACITY * size_of::<u32>() <= BODY_BYTES);
        assert!(Self::LEAF_CAPACITY <= u16::MAX as usize);
    };

    /// The most entries of a node on a level.
    #[inline]
    pub(super) fn capacity(level: u8) -> usize {
        if level == 0 { Self::LEAF_CAPACITY } else { Self::BRANCH_CAPACITY }
    }

    /// The fewest entries of a node that is not the last of its level.
    #[inline]
    pub(super) fn minimum(level: u8) -> usize {
        if level == 0 { Self::LEAF_MINIMUM } else { Self::BRANCH_MINIMUM }
    }

    /// The most entries of two neighbours that are merged.
    #[inline]
    pub(super) fn merged_at_most(level: u8) -> usize {
        (Self::capacity(level) / 8 * 7).max(2 * Self::minimum(level) - 1)
    }
}

/// A node that is alive and does not change for `'a`.
pub(super) struct NodeRef<'a, K> {
    node: NodePtr,
    keys: PhantomData<&'a [K]>,
}

impl<K> Clone for NodeRef<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for NodeRef<'_, K> {}

impl<'a, K: Key> NodeRef<'a, K> {
    /// # Safety
    ///
    /// The node belongs to a tree of keys `K`. For `'a` it and all nodes below it are alive, and change no
    /// more than I2 of [`slot`](super::slot) allows.
    #[inline]
    pub(super) unsafe fn new(node: NodePtr) -> Self {
        const { NodeLayout::<K>::FITS };
        // SAFETY: the node is alive, so its slot is mapped.
        unsafe { node.check_alive() };
        Self { node, keys: PhantomData }
    }

    #[inline]
    pub(super) fn ptr(self) -> NodePtr {
        self.node
    }

    #[inline]
    fn raw(self) -> *const Slot {
        self.node.slot().as_ptr()
    }

    /// The version that made the node.
    #[inline]
    pub(super) fn birth(self) -> u64 {
        // SAFETY: the node is alive (`new`).
        unsafe { self.node.birth() }
    }

    /// The number of levels below; 0 for a leaf.
    #[inline]
    pub(super) fn level(self) -> u8 {
        // SAFETY: the node is alive and unchanged (`new`).
        unsafe { (&raw const (*self.raw()).header.level).read() }
    }

    /// The number of entries: keys of a leaf, children of a branch.
    #[inline]
    pub(super) fn len(self) -> usize {
        // SAFETY: the node is alive and unchanged (`new`).
        unsafe { (&raw const (*self.raw()).header.length).read() }.into()
    }

    #[inline]
    fn body(self) -> *const u8 {
        // SAFETY: the node is alive (`new`), so its slot is mapped; no reference is made.
        unsafe { (&raw const (*self.raw()).body).cast() }
    }

    /// The keys of a leaf, or a branch's separators, that of its first child included.
    #[inline]
    pub(super) fn keys(self) -> &'a [K] {
        // SAFETY: a leaf's keys and a branch's separators are at the start of the body, which is aligned
        // for them (`FITS`). There are `len` of them (I2), all bytes are a key (`Pod`), and they are alive
        // and unchanged for 'a (`new`).
        unsafe { slice::from_raw_parts(self.body().cast(), self.len()) }
    }

    /// For each child of a branch, the number of keys of the children up to and including it.
    #[inline]
    pub(super) fn cumulative(self) -> &'a [u32] {
        debug_assert!(self.level() > 0);
        // SAFETY: the node is a branch, because every caller has read its level. The rest is as for `keys`, at an
        // offset and alignment that `FITS` checks.
        unsafe {
            slice::from_raw_parts(
                self.body().add(NodeLayout::<K>::CUMULATIVE_AT).cast(),
                self.len(),
            )
        }
    }

    /// The children of a branch.
    #[inline]
    pub(super) fn children(self) -> &'a [NodePtr] {
        debug_assert!(self.level() > 0);
        // SAFETY: the node is a branch, because every caller has read its level. The rest is as for `keys`, at an
        // offset and alignment that `FITS` checks. Entries before `len` were written as addresses of nodes (I2),
        // so none is null.
        unsafe {
            slice::from_raw_parts(self.body().add(NodeLayout::<K>::CHILDREN_AT).cast(), self.len())
        }
    }

    /// Prefetches all cache lines of child `at` of a branch. A search in it would wait for one after
    /// another.
    #[inline]
    pub(super) fn prefetch_child(self, at: usize) {
        let child = self.children()[at].slot().as_ptr();
        let bytes = if self.level() == 1 {
            size_of::<Header>() + self.count_of(at) * size_of::<K>()
        } else {
            SLOT_BYTES
        };
        PrefetchRange::new(child, bytes).prefetch_from(0);
    }

    /// Prefetches the node.
    #[inline]
    pub(super) fn prefetch(self) {
        PrefetchRange::new(self.raw(), SLOT_BYTES).prefetch_from(0);
    }

    /// The keys of child `at` of a branch above leaves. Does not read the child's header.
    #[inline]
    pub(super) fn leaf(self, at: usize) -> &'a [K] {
        debug_assert!(self.level() == 1 && self.child(at).len() == self.count_of(at));
        let leaf = self.children()[at].slot().as_ptr();
        // SAFETY: the node is on level 1, because a cursor descends to there, so its children are leaves (I3 of
        // `tree`). They belong to the same tree and are alive for 'a (`new`), and the branch counts their keys
        // (I2 of `tree`). The rest is as for `keys`.
        unsafe { slice::from_raw_parts((&raw const (*leaf).body).cast(), self.count_of(at)) }
    }

    /// The cache lines of the keys of child `at` of a branch above leaves.
    #[inline]
    pub(super) fn leaf_lines(self, at: usize) -> PrefetchRange {
        let keys = self.leaf(at);
        PrefetchRange::new(keys.as_ptr(), size_of_val(keys))
    }

    /// Child `at` of a branch.
    #[inline]
    pub(super) fn child(self, at: usize) -> Self {
        // SAFETY: the children of a node belong to the same tree and are alive for 'a (`new`).
        unsafe { Self::new(self.children()[at]) }
    }

    /// The number of keys in the node and all below it.
    #[inline]
    pub(super) fn count(self) -> usize {
        if self.level() == 0 { self.len() } else { self.start_of(self.len()) }
    }

    /// The number of keys in a branch's children before `at`.
    #[inline]
    pub(super) fn start_of(self, at: usize) -> usize {
        if at == 0 { 0 } else { self.cumulative()[at - 1] as usize }
    }

    /// The number of keys in a branch's child `at`.
    #[inline]
    fn count_of(self, at: usize) -> usize {
        self.cumulative()[at] as usize - self.start_of(at)
    }

    /// The child of a branch whose range contains `key`.
    #[inline]
    pub(super) fn child_for(self, key: &K) -> usize {
        partition_point(&self.keys()[1..], |separator| separator <= key)
    }
}

/// A node of the running transaction, which may change it (I1).
pub(super) struct NodeMut<K> {
    node: NodePtr,
    keys: PhantomData<K>,
}

impl<K> Clone for NodeMut<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for NodeMut<K> {}

impl<K: Key> NodeMut<K> {
    /// # Safety
    ///
    /// The running transaction made the node for a tree of keys `K`. The node is alive. Only the thread of
    /// the transaction uses the value, and not after the node was freed.
    #[inline]
    pub(super) unsafe fn new(node: NodePtr) -> Self {
        Self { node, keys: PhantomData }
    }

    #[inline]
    pub(super) fn ptr(self) -> NodePtr {
        self.node
    }

    /// The node for reading, until it is changed again.
    #[inline]
    pub(super) fn read<'a>(self) -> NodeRef<'a, K> {
        // SAFETY: the node is alive (`new`). The users of this type keep nothing that they read across a
        // change of the same node.
        unsafe { NodeRef::new(self.node) }
    }

    #[inline]
    fn body(self) -> *mut u8 {
        // SAFETY: the node is alive (`new`), so its slot is mapped; no reference is made.
        unsafe { (&raw mut (*self.node.slot().as_ptr()).body).cast() }
    }

    #[inline]
    fn key_at(self, at: usize) -> *mut K {
        debug_assert!(at <= NodeLayout::<K>::capacity(self.read().level()));
        // SAFETY: all keys up to the capacity, and the end after the last, lie within the body (`FITS`). Every
        // caller has checked that `at` is at most the length, or `set_len` that it fits the capacity.
        unsafe { self.body().cast::<K>().add(at) }
    }

    #[inline]
    fn child_at(self, at: usize) -> *mut NodePtr {
        debug_assert!(at <= NodeLayout::<K>::BRANCH_CAPACITY);
        // SAFETY: as in `key_at`.
        unsafe { self.body().add(NodeLayout::<K>::CHILDREN_AT).cast::<NodePtr>().add(at) }
    }

    #[inline]
    fn cumulative_at(self, at: usize) -> *mut u32 {
        debug_assert!(at <= NodeLayout::<K>::BRANCH_CAPACITY);
        // SAFETY: as in `key_at`.
        unsafe { self.body().add(NodeLayout::<K>::CUMULATIVE_AT).cast::<u32>().add(at) }
    }

    #[inline]
    fn set_len(self, length: usize) {
        assert!(length <= NodeLayout::<K>::capacity(self.read().level()), "I2");
        // SAFETY: the node is alive, and only we use it (`new`). The capacity fits a u16 (`FITS`).
        unsafe { (&raw mut (*self.node.slot().as_ptr()).header.length).write(length as u16) };
    }

    /// Writes key `at` of a leaf, or separator `at` of a branch.
    #[inline]
    pub(super) fn set_key(self, at: usize, key: K) {
        assert!(at < self.read().len());
        // SAFETY: `at` is an entry of the node, and only we use the node (`new`).
        unsafe { self.key_at(at).write(key) };
    }

    /// Writes child `at` of a branch.
    #[inline]
    pub(super) fn set_child(self, at: usize, child: NodePtr) {
        assert!(at < self.read().len());
        // SAFETY: as in `set_key`.
        unsafe { self.child_at(at).write(child) };
    }

    /// The cumulative counts of a branch's children from `at` on, for changes.
    #[inline]
    fn cumulative_from<'a>(self, at: usize) -> &'a mut [u32] {
        let length = self.read().len();
        assert!(at <= length);
        // SAFETY: the counts before `len` are initialised (I2), and only we use the node (`new`). Callers use
        // the reference at once, so it is gone before the node is used again.
        unsafe { slice::from_raw_parts_mut(self.cumulative_at(at), length - at) }
    }

    /// Adds `count` keys to the count of a branch's child `at`.
    #[inline]
    pub(super) fn add(self, at: usize, count: usize) {
        self.cumulative_from(at).iter_mut().for_each(|end| *end += count as u32);
    }

    /// Subtracts `count` keys from the count of a branch's child `at`.
    #[inline]
    pub(super) fn subtract(self, at: usize, count: usize) {
        self.cumulative_from(at).iter_mut().for_each(|end| *end -= count as u32);
    }

    /// Sets the count of a branch's child `at`. The next child gets the rest of what both had together.
    pub(super) fn set_count(self, at: usize, count: usize) {
        let start = self.read().start_of(at);
        if let Some(end) = self.cumulative_from(at).first_mut() {
            *end = (start + count) as u32;
        }
    }

    /// Moves the entries from `at` on up by `count` places. The contents of these places are unspecified
    /// then.
    #[inline]
    fn open(self, at: usize, count: usize) {
        let length = self.read().len();
        self.set_len(length + count);
        assert!(at <= length);
        let moved = length - at;
        // SAFETY: the sources are entries (I2), and the destinations are within the capacity, which
        // `set_len` has checked. `copy` allows overlap.
        unsafe {
            ptr::copy(self.key_at(at), self.key_at(at + count), moved);
            if self.read().level() > 0 {
                ptr::copy(self.child_at(at), self.child_at(at + count), moved);
                ptr::copy(self.cumulative_at(at), self.cumulative_at(at + count), moved);
            }
        }
    }

    /// Inserts a key into a leaf.
    #[inline]
    pub(super) fn insert_key(self, at: usize, key: K) {
        self.open(at, 1);
        self.set_key(at, key);
    }

    /// Inserts a child of `count` keys into a branch.
    pub(super) fn insert_child(self, at: usize, separator: K, child: NodePtr, count: usize) {
        let start = self.read().start_of(at);
        self.open(at, 1);
        self.set_key(at, separator);
        self.set_child(at, child);
        if let Some((end, after)) = self.cumulative_from(at).split_first_mut() {
            *end = (start + count) as u32;
            after.iter_mut().for_each(|end| *end += count as u32);
        }
    }

    /// Inserts entries of another node of the same level.
    pub(super) fn insert_entries(self, at: usize, from: NodeRef<'_, K>, range: Range<usize>) {
        let (count, start) = (range.len(), range.start);
        assert!(start <= range.end && range.end <= from.len());
        assert!(from.level() == self.read().level() && from.ptr() != self.ptr());
        let (from_keys, is_branch) = (from.keys(), from.level() > 0);
        let (start_here, start_there) =
            if is_branch { (self.read().start_of(at), from.start_of(start)) } else { (0, 0) };
        self.open(at, count);
        // SAFETY: `open` made room for the destinations, the sources are entries of `from` (I2), and the two
        // nodes are in different slots.
        unsafe {
            ptr::copy_nonoverlapping(from_keys.as_ptr().add(start), self.key_at(at), count);
            if is_branch {
                let children = from.children().as_ptr().add(start);
                ptr::copy_nonoverlapping(children, self.child_at(at), count);
                let cumulative = from.cumulative().as_ptr().add(start);
                ptr::copy_nonoverlapping(cumulative, self.cumulative_at(at), count);
            }
        }
        if is_branch {
            let added = from.start_of(range.end) - start_there;
            let (new, after) = self.cumulative_from(at).split_at_mut(count);
            let there = start_there as u32;
            new.iter_mut().for_each(|end| *end = *end - there + start_here as u32);
            after.iter_mut().for_each(|end| *end += added as u32);
        }
    }

    /// Removes entries.
    pub(super) fn remove(self, range: Range<usize>) {
        let node = self.read();
        let (length, count) = (node.len(), range.len());
        assert!(range.start <= range.end && range.end <= length);
        let moved = length - range.end;
        if node.level() > 0 {
            let removed = node.start_of(range.end) - node.start_of(range.start);
            self.subtract(range.end, removed);
        }
        // SAFETY: sources and destinations are entries (I2). `copy` allows overlap.
        unsafe {
            ptr::copy(self.key_at(range.end), self.key_at(range.start), moved);
            if node.level() > 0 {
                ptr::copy(self.child_at(range.end), self.child_at(range.start), moved);
                ptr::copy(self.cumulative_at(range.end), self.cumulative_at(range.start), moved);
            }
        }
        self.set_len(length - count);
    }

    /// Removes child `at + 1` of a branch, whose keys child `at` has taken over.
    pub(super) fn join_children(self, at: usize) {
        let node = self.read();
        self.set_count(at, node.start_of(at + 2) - node.start_of(at));
        // It has no keys left to count.
        self.remove(at + 1..at + 2);
    }
}

/// A lower bound that no search uses: that of a branch on the left edge.
pub(super) fn no_bound<K: Key>() -> K {
    K::zeroed()
}
