//! The nodes that a transaction makes and retires.
//!
//! # Invariants
//!
//! - I1: the list `made` has the nodes that the running transaction made and has not discarded.
//! - I2: the list `retired` has the nodes that the running transaction replaced. Published versions made
//!   them and still reach them.
//! - I3: a transaction that is aborted frees all nodes that it made. So a node whose birth is the number of
//!   the running transaction was made by it.

use super::list::{LinkedNodes, NodeList};
use super::node::{NodeMut, NodeRef};
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
        debug_assert_eq!((self.made.len(), self.retired.len()), (0, 0));
        self.number = number;
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

    /// The number of nodes that the transaction made, less the number that it replaced.
    pub(crate) fn growth(&self) -> isize {
        self.made.len() as isize - self.retired.len() as isize
    }

    /// Makes an empty node in a reserved slot.
    pub(super) fn make<K: Key>(&mut self, level: u8) -> NodeMut<K> {
        let node = self.pool.take::<K>(self.number, level);
        // SAFETY: the node is new, so it is alive and on no list. The running transaction made it.
        unsafe {
            self.made.push(node);
            NodeMut::new(node)
        }
    }

    /// The node for changes: itself if the running transaction made it, or else a copy. The caller puts the
    /// copy in the place of the node.
    #[inline]
    pub(super) fn make_mut<K: Key>(&mut self, node: NodeRef<'_, K>) -> NodeMut<K> {
        if node.birth() == self.number {
            // SAFETY: the node is alive, and by its birth the running transaction made it (I3).
            return unsafe { NodeMut::new(node.ptr()) };
        }
        let copy = self.make(node.level());
        copy.insert_entries(0, node, 0..node.len());
        self.discard(node);
        copy
    }

    /// Drops a node that the transaction's trees no longer refer to: frees it if the transaction made it, or
    /// else retires it.
    pub(super) fn discard<K: Key>(&mut self, node: NodeRef<'_, K>) {
        let (node, birth) = (node.ptr(), node.birth());
        // SAFETY: a node of this transaction is on the list `made` (I1), and no tree refers to it. A node of
        // an earlier transaction is on no list: its commit cleared `made`, and a node leaves the only tree
        // that contains it once.
        unsafe {
            if birth == self.number {
                self.made.remove(node);
                self.pool.free(node);
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
