//! The nodes that a transaction makes and retires.
//!
//! # Invariants
//!
//! - I1: the nodes made by the running transaction and not yet discarded are on the list `made`.
//! - I2: the nodes that the running transaction replaced are on the list `retired`. They were made
//!   by published versions, and versions before this transaction's still reach them.

use super::list::{LinkedNodes, NodeList};
use super::node::{NodeMut, NodeRef};
use super::pool::Pool;
use super::slot::NodePtr;
use crate::key::Key;

/// The pool, and what the running transaction did with it.
#[derive(Debug)]
pub(crate) struct Nodes {
    pool: Pool,
    /// The number of the version that the transaction makes.
    number: u64,
    made: LinkedNodes,
    retired: NodeList,
}

impl Nodes {
    /// No nodes yet.
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool, number: 0, made: LinkedNodes::default(), retired: NodeList::default() }
    }

    /// The pool.
    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The pool, to reserve slots or to free nodes.
    pub(crate) fn pool_mut(&mut self) -> &mut Pool {
        &mut self.pool
    }

    /// Begins the transaction that makes version `number`.
    ///
    /// # Safety
    ///
    /// No transaction runs, and none with that number was committed: nodes of the number are taken for the
    /// transaction's own, and changed in place.
    pub(crate) unsafe fn begin(&mut self, number: u64) {
        debug_assert_eq!((self.made.len(), self.retired.len()), (0, 0));
        self.number = number;
    }

    /// Ends the transaction in favour of its nodes. Returns those that it replaced.
    pub(crate) fn commit(&mut self) -> NodeList {
        self.made.clear();
        std::mem::take(&mut self.retired)
    }

    /// Ends the transaction in favour of the nodes that were there before, and frees those that it
    /// made.
    pub(crate) fn abort(&mut self) {
        self.retired = NodeList::default();
        while let Some(node) = self.made.pop() {
            // SAFETY: only the transaction's trees refer to the node (I1 of `node`), and these are
            // given up with the transaction.
            unsafe { self.pool.free(node) };
        }
    }

    /// The nodes that the transaction added to those of the version before, less those replaced.
    pub(crate) fn growth(&self) -> isize {
        self.made.len() as isize - self.retired.len() as isize
    }

    /// Makes an empty node, in a slot that was reserved.
    pub(super) fn make<K: Key>(&mut self, level: u8) -> NodeMut<K> {
        let node = self.pool.take::<K>(self.number, level);
        // SAFETY: the node is new: alive and on no list; the running transaction made it.
        unsafe {
            self.made.push(node);
            NodeMut::new(node)
        }
    }

    /// The node to change: itself if the running transaction made it, or else a copy that takes its
    /// place; the caller puts the copy where the node was.
    #[inline]
    pub(super) fn own<K: Key>(&mut self, node: NodeRef<'_, K>) -> NodeMut<K> {
        if node.birth() == self.number {
            // SAFETY: the node is alive and of the running transaction, as its birth says: numbers
            // are used again only after every node of an aborted transaction was freed.
            return unsafe { NodeMut::new(node.ptr()) };
        }
        let copy = self.make(node.level());
        copy.insert_entries(0, node, 0..node.len());
        self.discard(node);
        copy
    }

    /// Takes note that the transaction's trees no longer refer to a node: frees it if the transaction
    /// made it, or else retires it.
    pub(super) fn discard<K: Key>(&mut self, node: NodeRef<'_, K>) {
        let (node, birth) = (node.ptr(), node.birth());
        // A `made` list is forgotten with its commit, and a node leaves the one tree that it is in once.
        // SAFETY: a node of this transaction is on the list `made` (I1) and, unlinked from its trees,
        // known to nobody. One of an earlier transaction is on no list, as said above.
        unsafe {
            if birth == self.number {
                self.made.remove(node);
                self.pool.free(node);
            } else {
                self.retired.push(node);
            }
        }
    }

    /// Frees a node at the end of everything.
    ///
    /// # Safety
    ///
    /// As [`Pool::free`].
    pub(crate) unsafe fn free(&mut self, node: NodePtr) {
        // SAFETY: as the caller promises.
        unsafe { self.pool.free(node) };
    }
}
