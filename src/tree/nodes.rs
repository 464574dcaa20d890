//! The nodes that a transaction makes and retires.
//!
//! # Invariants
//!
//! - I1: the list `made` has the nodes that the running transaction made and has not discarded.
//! - I2: the list `retired` has the nodes that the running transaction replaced. Published versions made
//!   them and still reach them.
//! - I3: a transaction that is aborted frees all nodes that it made. So a node whose birth is the number of
//!   the running transaction was made by it.
//! - I4: an edit puts a [`NewLeaf`] or [`NewBranch`] into its tree or discards it. It keeps none beyond its
//!   end, so a new node is alive while there is such a value, which is the only way to it.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::branch::{BranchMut, BranchRef, NodeRef};
use super::leaf::LeafMut;
use super::list::{LinkedNodes, NodeList};
use super::pool::Pool;
use super::slot::NodePtr;
use crate::types::key::Key;

/// The pool of a table, and what the running transaction did with it.
#[derive(Debug)]
pub(crate) struct Nodes {
    pool: Pool,
    /// The number of the version that the running transaction makes.
    number: u64,
    made: LinkedNodes,
    retired: NodeList,
}

impl Nodes {
    /// Takes over a pool, which has no nodes yet.
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool, number: 0, made: LinkedNodes::default(), retired: NodeList::default() }
    }

    /// The pool.
    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The pool, to reserve slots.
    pub(crate) fn pool_mut(&mut self) -> &mut Pool {
        &mut self.pool
    }

    /// Begins the transaction that makes version `number`.
    ///
    /// # Safety
    ///
    /// No transaction runs, and none with that number was committed: the transaction changes nodes with
    /// that birth in place.
    pub(crate) unsafe fn begin(&mut self, number: u64) {
        debug_assert_eq!((self.made.bytes(), self.retired.len()), (0, 0));
        self.number = number;
        // Also after a panic in the middle of a compaction.
        self.pool.set_ordered(false);
    }

    /// Ends the transaction and keeps the nodes that it made. Returns the nodes that it replaced.
    pub(crate) fn commit(&mut self) -> NodeList {
        self.made.clear();
        std::mem::take(&mut self.retired)
    }

    /// Ends the transaction and frees the nodes that it made. The nodes that it replaced stay.
    pub(crate) fn abort(&mut self) {
        self.retired = NodeList::default();
        while let Some(node) = self.made.pop() {
            // SAFETY: only the transaction's trees refer to the node (I1 of `node`), and these end with the
            // transaction. The node is on no list any more.
            unsafe { self.pool.free(node) };
        }
    }

    /// The bytes of the slots of the nodes that the transaction made, less those that it replaced.
    pub(crate) fn growth_bytes(&self) -> isize {
        self.made.bytes() as isize - self.retired.bytes() as isize
    }

    /// The number of the version that the transaction makes.
    #[inline]
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Makes an empty leaf in a reserved slot.
    #[inline]
    pub(super) fn make_leaf<K: Key, V: Pod>(&mut self) -> NewLeaf<K, V> {
        NewLeaf { node: self.make::<K, V>(0), entries: PhantomData }
    }

    /// Makes an empty branch in a reserved slot. The level is above 0.
    #[inline]
    pub(super) fn make_branch<K: Key, V: Pod>(&mut self, level: u8) -> NewBranch<K, V> {
        debug_assert!(level > 0);
        NewBranch { node: self.make::<K, V>(level), entries: PhantomData }
    }

    /// Makes a copy of a branch, and retires the branch. The caller puts the copy in its place.
    #[inline]
    pub(super) fn copy_branch<K: Key, V: Pod>(
        &mut self,
        branch: BranchRef<'_, K, V>,
    ) -> NewBranch<K, V> {
        let mut copy = self.make_branch(branch.level());
        copy.as_mut().copy_from(branch);
        self.discard(NodeRef::Branch(branch));
        copy
    }

    #[inline]
    fn make<K: Key, V>(&mut self, level: u8) -> NodePtr {
        let node = self.pool.take::<K, V>(self.number, level);
        // SAFETY: the node is new, so it is alive and on no list.
        unsafe { self.made.push(node) };
        node
    }

    /// Drops a node that the transaction's trees no longer refer to: frees it if the transaction made it, or
    /// else retires it.
    #[inline]
    pub(super) fn discard<K: Key, V: Pod>(&mut self, node: NodeRef<'_, K, V>) {
        let (node, birth) = (node.ptr(), node.birth());
        // SAFETY: a node of this transaction is on the list `made` (I1), and no tree refers to it. A node of
        // an earlier transaction is on no list: its commit cleared `made`, and a node leaves the only tree
        // that contains it once.
        unsafe {
            if birth == self.number {
                self.made.remove(node);
                self.pool.give_back::<K, V>(node);
            } else {
                self.retired.push(node);
            }
        }
    }

    /// Frees a node that no live version reaches.
    ///
    /// # Safety
    ///
    /// As [`Pool::free`].
    pub(crate) unsafe fn free(&mut self, node: NodePtr) {
        // SAFETY: the contract is that of `Pool::free`.
        unsafe { self.pool.free(node) };
    }
}

/// A leaf that the running transaction made, and that is in no tree yet (I4).
pub(super) struct NewLeaf<K, V> {
    node: NodePtr,
    entries: PhantomData<(K, V)>,
}

impl<K: Key, V: Pod> NewLeaf<K, V> {
    #[inline]
    pub(super) fn as_mut(&mut self) -> LeafMut<'_, K, V> {
        // SAFETY: the running transaction made the leaf, it is alive, and this value is the only way to it
        // (I4).
        unsafe { LeafMut::new(self.node) }
    }

    /// The address, to put the leaf into a tree.
    #[inline]
    pub(super) fn into_ptr(self) -> NodePtr {
        self.node
    }
}

/// A branch that the running transaction made, and that is in no tree yet (I4).
pub(super) struct NewBranch<K, V> {
    node: NodePtr,
    entries: PhantomData<(K, V)>,
}

impl<K: Key, V: Pod> NewBranch<K, V> {
    #[inline]
    pub(super) fn as_mut(&mut self) -> BranchMut<'_, K, V> {
        // SAFETY: as for a `NewLeaf`.
        unsafe { BranchMut::new(self.node) }
    }

    /// The address, to put the branch into a tree.
    #[inline]
    pub(super) fn into_ptr(self) -> NodePtr {
        self.node
    }
}
