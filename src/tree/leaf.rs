//! Leaves: keys, and a value for each.
//!
//! # Invariants
//!
//! - I1: the entries before a leaf's length are initialised, and the length is at most the capacity.
//! - I2: only the running transaction refers to a leaf whose birth is its number, and changes it in place.

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr;
use std::slice;

use bytemuck::Pod;

use super::layout::NodeLayout;
use super::search::partition_point;
use super::slot::NodePtr;
use crate::types::key::{Entries, Key};

/// A leaf that is alive and does not change for `'a`.
pub(super) struct LeafRef<'a, K, V> {
    node: NodePtr,
    length: usize,
    entries: PhantomData<&'a (K, V)>,
}

impl<K, V> Clone for LeafRef<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for LeafRef<'_, K, V> {}

impl<'a, K: Key, V: Pod> LeafRef<'a, K, V> {
    /// # Safety
    ///
    /// The node is a leaf of keys `K` and values `V` with `length` entries. For `'a` it is alive and changes
    /// no more than I2 of [`slot`](super::slot) allows.
    #[inline]
    pub(super) unsafe fn new(node: NodePtr, length: usize) -> Self {
        const { NodeLayout::<K, V>::FITS };
        // SAFETY: the node is alive, so its slot is mapped.
        debug_assert!(unsafe { node.level() == 0 && node.len() == length });
        Self { node, length, entries: PhantomData }
    }

    #[inline]
    pub(super) fn ptr(self) -> NodePtr {
        self.node
    }

    /// The version that made the leaf.
    #[inline]
    pub(super) fn birth(self) -> u64 {
        // SAFETY: the node is alive (`new`).
        unsafe { self.node.birth() }
    }

    /// The number of entries.
    #[inline]
    pub(super) fn len(self) -> usize {
        self.length
    }

    #[inline]
    pub(super) fn keys(self) -> &'a [K] {
        // SAFETY: a leaf's keys are at the start of its body, which is aligned for them (`FITS`). There are
        // `length` of them, all initialised (I1), and alive and unchanged for 'a (`new`).
        unsafe { slice::from_raw_parts(self.node.body().cast(), self.length) }
    }

    #[inline]
    pub(super) fn values(self) -> &'a [V] {
        // SAFETY: as for `keys`, at an offset and alignment that `FITS` checks.
        unsafe {
            let values = self.node.body().add(NodeLayout::<K, V>::VALUES_AT);
            slice::from_raw_parts(values.cast(), self.length)
        }
    }

    /// The entries.
    #[inline]
    pub(super) fn entries(self) -> Entries<'a, K, V> {
        Entries { keys: self.keys(), values: self.values() }
    }

    /// The index of the first key that is not less than `key`.
    #[inline]
    pub(super) fn place_of(self, key: &K) -> usize {
        partition_point(self.keys(), |k| k < key)
    }
}

/// What leaves and branches of a transaction have in common for edits.
pub(super) trait EntriesMut {
    /// The number of entries.
    fn length(&self) -> usize;

    /// Inserts entries of another node of the same level.
    fn insert_from(&mut self, at: usize, from: &Self, range: Range<usize>);

    /// Removes entries.
    fn remove(&mut self, range: Range<usize>);
}

impl<K: Key, V: Pod> EntriesMut for LeafMut<'_, K, V> {
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

/// A leaf of the running transaction, which may change it (I2). The value is the only way to the leaf for
/// `'a`.
pub(super) struct LeafMut<'a, K, V> {
    node: NodePtr,
    entries: PhantomData<&'a mut (K, V)>,
}

impl<K: Key, V: Pod> LeafMut<'_, K, V> {
    /// # Safety
    ///
    /// The node is a leaf of keys `K` and values `V`, alive, and made by the running transaction. For `'a`,
    /// only this value is used to access it.
    #[inline]
    pub(super) unsafe fn new(node: NodePtr) -> Self {
        const { NodeLayout::<K, V>::FITS };
        Self { node, entries: PhantomData }
    }

    /// The leaf for reading.
    #[inline]
    pub(super) fn read(&self) -> LeafRef<'_, K, V> {
        // SAFETY: the leaf is alive and does not change while `self` is borrowed (`new`).
        unsafe { LeafRef::new(self.node, self.node.len()) }
    }

    /// The number of entries.
    #[inline]
    pub(super) fn len(&self) -> usize {
        // SAFETY: the leaf is alive (`new`).
        unsafe { self.node.len() }
    }

    #[inline]
    fn set_len(&mut self, length: usize) {
        assert!(length <= NodeLayout::<K, V>::LEAF_CAPACITY, "I1");
        // SAFETY: the leaf is alive, and only this value accesses it (`new`). The capacity fits a u16
        // (`FITS`).
        unsafe { self.node.set_len(length as u16) };
    }

    /// The place of key `at`, up to the capacity.
    #[inline]
    fn key_at(&mut self, at: usize) -> *mut K {
        debug_assert!(at <= NodeLayout::<K, V>::LEAF_CAPACITY);
        self.node.body().cast::<K>().wrapping_add(at)
    }

    /// The place of value `at`, up to the capacity.
    #[inline]
    fn value_at(&mut self, at: usize) -> *mut V {
        debug_assert!(at <= NodeLayout::<K, V>::LEAF_CAPACITY);
        self.node.body().wrapping_add(NodeLayout::<K, V>::VALUES_AT).cast::<V>().wrapping_add(at)
    }

    /// Writes value `at`.
    #[inline]
    pub(super) fn set_value(&mut self, at: usize, value: V) {
        assert!(at < self.len());
        // SAFETY: `at` is an entry, and only this value accesses the leaf (`new`).
        unsafe { self.value_at(at).write(value) };
    }

    /// Inserts an entry.
    #[inline]
    pub(super) fn insert(&mut self, at: usize, key: K, value: V) {
        let length = self.len();
        assert!(at <= length);
        self.set_len(length + 1);
        // SAFETY: the sources are entries (I1), and the destinations are within the capacity, which `set_len`
        // has checked. `copy` allows overlap. Only this value accesses the leaf (`new`).
        unsafe {
            ptr::copy(self.key_at(at), self.key_at(at + 1), length - at);
            self.key_at(at).write(key);
            ptr::copy(self.value_at(at), self.value_at(at + 1), length - at);
            self.value_at(at).write(value);
        }
    }

    /// Removes entries.
    #[inline]
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let length = self.len();
        assert!(range.start <= range.end && range.end <= length);
        let moved = length - range.end;
        // SAFETY: sources and destinations are entries (I1). `copy` allows overlap. Only this value accesses
        // the leaf (`new`).
        unsafe {
            ptr::copy(self.key_at(range.end), self.key_at(range.start), moved);
            ptr::copy(self.value_at(range.end), self.value_at(range.start), moved);
        }
        self.set_len(length - range.len());
    }

    /// Inserts entries of another leaf.
    #[inline]
    pub(super) fn insert_entries(
        &mut self,
        at: usize,
        from: LeafRef<'_, K, V>,
        range: Range<usize>,
    ) {
        let (length, count) = (self.len(), range.len());
        assert!(at <= length && from.ptr() != self.node);
        let Entries { keys, values } = from.entries();
        let (keys, values) = (&keys[range.clone()], &values[range]);
        self.set_len(length + count);
        // SAFETY: as in `insert`. The two leaves are in different slots.
        unsafe {
            ptr::copy(self.key_at(at), self.key_at(at + count), length - at);
            ptr::copy_nonoverlapping(keys.as_ptr(), self.key_at(at), count);
            ptr::copy(self.value_at(at), self.value_at(at + count), length - at);
            ptr::copy_nonoverlapping(values.as_ptr(), self.value_at(at), count);
        }
    }

    /// Makes this leaf, which is new, a copy of another one with one more entry.
    #[inline]
    pub(super) fn copy_with(&mut self, from: LeafRef<'_, K, V>, at: usize, key: K, value: V) {
        let Entries { keys, values } = from.entries();
        assert!(at <= keys.len() && from.ptr() != self.node);
        let rest = keys.len() - at;
        self.set_len(keys.len() + 1);
        // SAFETY: the sources are entries of `from` (I1), the destinations are within the capacity, which
        // `set_len` has checked, and the two leaves are in different slots. Only this value accesses this
        // leaf (`new`).
        unsafe {
            ptr::copy_nonoverlapping(keys.as_ptr(), self.key_at(0), at);
            self.key_at(at).write(key);
            ptr::copy_nonoverlapping(keys.as_ptr().add(at), self.key_at(at + 1), rest);
            ptr::copy_nonoverlapping(values.as_ptr(), self.value_at(0), at);
            self.value_at(at).write(value);
            ptr::copy_nonoverlapping(values.as_ptr().add(at), self.value_at(at + 1), rest);
        }
    }

    /// Makes this leaf, which is new, a copy of another one without entry `at`.
    #[inline]
    pub(super) fn copy_without(&mut self, from: LeafRef<'_, K, V>, at: usize) {
        let Entries { keys, values } = from.entries();
        assert!(at < keys.len() && from.ptr() != self.node);
        let rest = keys.len() - at - 1;
        self.set_len(keys.len() - 1);
        // SAFETY: as in `copy_with`.
        unsafe {
            ptr::copy_nonoverlapping(keys.as_ptr(), self.key_at(0), at);
            ptr::copy_nonoverlapping(keys.as_ptr().add(at + 1), self.key_at(at), rest);
            ptr::copy_nonoverlapping(values.as_ptr(), self.value_at(0), at);
            ptr::copy_nonoverlapping(values.as_ptr().add(at + 1), self.value_at(at), rest);
        }
    }

    /// Appends an entry.
    #[inline]
    pub(super) fn push(&mut self, key: K, value: V) {
        self.insert(self.len(), key, value);
    }
}
