//! Lists of nodes, linked through the nodes themselves: putting a node on a list allocates nothing.
//!
//! # Invariants
//!
//! - I1: the nodes of a list are alive, and on no other list.
//! - I2: a list is used by the writer only (I2 of [`node`](super::node)).

use super::node::NodePtr;

/// A list of nodes that goes one way, from the node put on last.
#[derive(Debug, Default)]
pub(crate) struct NodeList {
    /// The first node and the last.
    ends: Option<(NodePtr, NodePtr)>,
    length: usize,
}

impl NodeList {
    /// The number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Puts a node first.
    ///
    /// # Safety
    ///
    /// The node is alive, on no list, and of the pool of the writer that calls.
    pub(crate) unsafe fn push(&mut self, node: NodePtr) {
        let first = self.ends.map(|(first, _)| first);
        // SAFETY: as the caller promises.
        unsafe { node.set_next(first) };
        self.ends = Some((node, self.ends.map_or(node, |(_, last)| last)));
        self.length += 1;
    }

    /// Takes the first node off.
    pub(crate) fn pop(&mut self) -> Option<NodePtr> {
        let (first, last) = self.ends?;
        // SAFETY: a node on the list is alive (I1), and the writer calls (I2).
        let next = unsafe { first.next() };
        self.length -= 1;
        // The last node's link may lead anywhere: it is not looked at.
        self.ends = if first == last { None } else { next.map(|next| (next, last)) };
        Some(first)
    }

    /// Puts all of another list first.
    pub(crate) fn append(&mut self, other: Self) {
        let Some((first, last)) = other.ends else {
            return;
        };
        let rest = self.ends.map(|(first, _)| first);
        // SAFETY: a node on the list is alive (I1), and the writer calls (I2).
        unsafe { last.set_next(rest) };
        self.ends = Some((first, self.ends.map_or(last, |(_, last)| last)));
        self.length += other.length;
    }

    /// The births of the nodes.
    pub(crate) fn births(&self) -> impl Iterator<Item = u64> {
        // SAFETY: the nodes on the list are alive (I1).
        self.iter().map(|node| unsafe { node.birth() })
    }

    /// The nodes, from the first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = NodePtr> {
        let mut at = self.ends.map(|(first, _)| first);
        (0..self.length).map_while(move |_| {
            let node = at?;
            // SAFETY: a node on the list is alive (I1), and the writer calls (I2).
            at = unsafe { node.next() };
            Some(node)
        })
    }
}

/// The version that made a node of a list.
///
/// # Safety
///
/// The node is alive.
pub(crate) unsafe fn birth(node: NodePtr) -> u64 {
    // SAFETY: as the caller promises.
    unsafe { node.birth() }
}

/// A list of nodes that goes both ways, so that any node can be taken off.
#[derive(Debug, Default)]
pub(super) struct LinkedNodes {
    first: Option<NodePtr>,
    length: usize,
}

impl LinkedNodes {
    /// The number of nodes.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Puts a node first.
    ///
    /// # Safety
    ///
    /// As [`NodeList::push`].
    pub(super) unsafe fn push(&mut self, node: NodePtr) {
        // SAFETY: as the caller promises; the first node is on the list (I1).
        unsafe {
            node.set_next(self.first);
            node.set_previous(None);
            if let Some(first) = self.first {
                first.set_previous(Some(node));
            }
        }
        self.first = Some(node);
        self.length += 1;
    }

    /// Takes a node off.
    ///
    /// # Safety
    ///
    /// The node is on this list.
    pub(super) unsafe fn remove(&mut self, node: NodePtr) {
        // SAFETY: the node is on the list, and so are its neighbours (I1).
        unsafe {
            let (previous, next) = (node.previous(), node.next());
            match previous {
                Some(previous) => previous.set_next(next),
                None => self.first = next,
            }
            if let Some(next) = next {
                next.set_previous(previous);
            }
        }
        self.length -= 1;
    }

    /// Takes the first node off.
    pub(super) fn pop(&mut self) -> Option<NodePtr> {
        let first = self.first?;
        // SAFETY: it is on this list.
        unsafe { self.remove(first) };
        Some(first)
    }

    /// Forgets the nodes, which are then on no list.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
