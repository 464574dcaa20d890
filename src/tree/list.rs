//! Lists of nodes, linked through the nodes themselves: putting a node on a list allocates nothing.
//!
//! # Invariants
//!
//! - I1: the nodes of a list are alive, and on no other list.
//! - I2: a list is used by the writer only (I2 of [`slot`](super::slot)).

use super::slot::NodePtr;

/// The number of chains of a list.
const CHAINS: usize = 4;

/// Nodes that were retired.
///
/// They hang on several chains, in turn. To take a node off its chain is to read it, and by then it
/// has often left the caches; but while the nodes of the other chains are seen to, its memory can
/// come.
#[derive(Debug, Default)]
pub(crate) struct NodeList {
    chains: [Chain; CHAINS],
    /// Whose turn it is.
    turn: usize,
    length: usize,
}

/// Nodes linked one way: the first and the last.
#[derive(Debug, Default)]
struct Chain(Option<(NodePtr, NodePtr)>);

impl NodeList {
    /// The number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    fn next_chain(&mut self) -> &mut Chain {
        self.turn = (self.turn + 1) % CHAINS;
        &mut self.chains[self.turn]
    }

    /// Puts a node on.
    ///
    /// # Safety
    ///
    /// The node is alive, on no list, and of the pool of the writer that calls.
    pub(crate) unsafe fn push(&mut self, node: NodePtr) {
        self.length += 1;
        let chain = self.next_chain();
        let first = chain.0.map(|(first, _)| first);
        // SAFETY: as the caller promises.
        unsafe { node.set_next(first) };
        chain.0 = Some((node, chain.0.map_or(node, |(_, last)| last)));
    }

    /// Takes a node off.
    pub(crate) fn pop(&mut self) -> Option<NodePtr> {
        for _ in 0..CHAINS {
            let chain = self.next_chain();
            if let Some((first, last)) = chain.0 {
                // SAFETY: a node on the list is alive (I1), and the writer calls (I2).
                let next = unsafe { first.next() }.filter(|_| first != last);
                // The last node's link may lead anywhere: it is not looked at.
                chain.0 = next.map(|next| (next, last));
                next.inspect(|next| next.prefetch(1));
                self.length -= 1;
                return Some(first);
            }
        }
        None
    }

    /// Puts all of another list on.
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
    }

    /// The births of the nodes.
    pub(crate) fn births(&self) -> impl Iterator<Item = u64> {
        // SAFETY: the nodes on the list are alive (I1).
        self.iter().map(|node| unsafe { node.birth() })
    }

    /// The nodes.
    fn iter(&self) -> impl Iterator<Item = NodePtr> {
        self.chains.iter().filter_map(|chain| chain.0).flat_map(|(first, last)| {
            let mut at = Some(first);
            std::iter::from_fn(move || {
                let node = at?;
                // SAFETY: a node on the list is alive (I1), and the writer calls (I2).
                at = unsafe { node.next() }.filter(|_| node != last);
                Some(node)
            })
        })
    }
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
