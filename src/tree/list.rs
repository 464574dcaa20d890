//! Lists of nodes, linked through the nodes' headers: a push allocates nothing.
//!
//! # Invariants
//!
//! - I1: the nodes of a list are alive, and are on no other list.
//! - I2: only the writer uses a list (I2 of [`slot`](super::slot)).

use super::slot::NodePtr;

/// The number of chains of a list.
const CHAINS: usize = 4;

/// Nodes that were retired.
///
/// They are linked into several chains, in turn. A pop reads the popped node, which has often left the
/// caches by then. It prefetches the next node of the same chain, and the pops from the other chains give
/// that memory time to arrive.
#[derive(Debug, Default)]
pub(crate) struct NodeList {
    chains: [Chain; CHAINS],
    /// The chain that was used last.
    turn: usize,
    length: usize,
    bytes: usize,
}

/// A singly linked chain of nodes: the first and the last.
#[derive(Debug, Default)]
struct Chain(Option<(NodePtr, NodePtr)>);

impl NodeList {
    /// The number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The bytes of the nodes' slots.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn next_chain(&mut self) -> &mut Chain {
        self.turn = (self.turn + 1) % CHAINS;
        &mut self.chains[self.turn]
    }

    /// Pushes a node.
    ///
    /// # Safety
    ///
    /// The caller is the writer, and the node is a node of its pool, alive, and on no list.
    pub(crate) unsafe fn push(&mut self, node: NodePtr) {
        self.length += 1;
        // SAFETY: the node is alive, and only the writer, our caller, frees nodes.
        self.bytes += unsafe { node.bytes() };
        let chain = self.next_chain();
        let first = chain.0.map(|(first, _)| first);
        // SAFETY: the node is alive, so its slot is mapped, and the writer calls.
        unsafe { node.set_next(first) };
        chain.0 = Some((node, chain.0.map_or(node, |(_, last)| last)));
    }

    /// Pops a node.
    pub(crate) fn pop(&mut self) -> Option<NodePtr> {
        for _ in 0..CHAINS {
            let chain = self.next_chain();
            if let Some((first, last)) = chain.0 {
                // SAFETY: a node on the list is alive (I1), and the writer calls (I2). The link of the last
                // node may lead anywhere, so it is not followed.
                let next = unsafe { first.next() }.filter(|_| first != last);
                chain.0 = next.map(|next| (next, last));
                next.inspect(|next| next.prefetch_header());
                self.length -= 1;
                // SAFETY: a node on the list is alive (I1), and only the writer frees nodes (I2).
                self.bytes -= unsafe { first.bytes() };
                return Some(first);
            }
        }
        None
    }

    /// Moves all nodes of another list to this one.
    pub(crate) fn append(&mut self, other: Self) {
        for (chain, other) in self.chains.iter_mut().zip(other.chains) {
            let Some((first, last)) = other.0 else {
                continue;
            };
            let rest = chain.0.map(|(first, _)| first);
            // SAFETY: a node on the list is alive (I1), and the writer calls (I2).
            unsafe { last.set_next(rest) };
            chain.0 = Some((first, chain.0.map_or(last, |(_, last)| last)));
        }
        self.length += other.length;
        self.bytes += other.bytes;
    }
}

/// A doubly linked list of nodes, from which any node can be removed.
#[derive(Debug, Default)]
pub(super) struct LinkedNodes {
    first: Option<NodePtr>,
    bytes: usize,
}

impl LinkedNodes {
    /// The bytes of the nodes' slots.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Pushes a node to the front.
    ///
    /// # Safety
    ///
    /// As [`NodeList::push`].
    pub(super) unsafe fn push(&mut self, node: NodePtr) {
        // SAFETY: the node is alive, and so is the first node of the list (I1); the writer calls.
        unsafe {
            node.set_next(self.first);
            node.set_previous(None);
            if let Some(first) = self.first {
                first.set_previous(Some(node));
            }
            self.bytes += node.bytes();
        }
        self.first = Some(node);
    }

    /// Removes a node.
    ///
    /// # Safety
    ///
    /// The node is on this list.
    pub(super) unsafe fn remove(&mut self, node: NodePtr) {
        // SAFETY: the node and its neighbours are on the list, so they are alive (I1); the writer calls (I2).
        unsafe {
            let (previous, next) = (node.previous(), node.next());
            match previous {
                Some(previous) => previous.set_next(next),
                None => self.first = next,
            }
            if let Some(next) = next {
                next.set_previous(previous);
            }
            self.bytes -= node.bytes();
        }
    }

    /// Pops the first node.
    pub(super) fn pop(&mut self) -> Option<NodePtr> {
        let first = self.first?;
        // SAFETY: the first node is on this list.
        unsafe { self.remove(first) };
        Some(first)
    }

    /// Forgets all nodes. They are on no list then.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
