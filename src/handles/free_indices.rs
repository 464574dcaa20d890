//! The free indices of a handle table: a lock-free queue, so that the index that has been free for longest
//! is taken first.
//!
//! It is the queue of Michael and Scott (PODC 1996) over numbered nodes, which live as long as the queue.
//! Each link carries a count of its changes, so that a thread that slept while a link changed notices.
//!
//! ```text
//! head ──▶ node (spent) ──▶ node: index 3 ──▶ node: index 0 ──▶ none
//!                                                ▲
//! tail ──────────────────────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - I1: a node is in the queue, or belongs to the thread that took an index with it. There is one node more
//!   than indices.
//! - I2: the index of the first node is taken; the indices of all other nodes are free.
//! - I3: each change of a link increments its count, so a compare-exchange succeeds only on the link that was
//!   read. (It fails to notice exactly 2³² changes during one call.)
//! - I4: `head`, `tail` and every link but [`NONE`] name a node that exists.
//!
//! # Orderings
//!
//! A node's index and link are written before the node is linked, by a compare-exchange with release. Links
//! are read with acquire, so a thread that reads a link sees the node as it was linked. Before a node is
//! reused, its link is reset to none with release. A thread that acquires that link therefore also sees that
//! the head has already moved past the node.
//!
//! # Progress
//!
//! Lock-free: a thread retries only if another thread succeeded.

use std::collections::TryReserveError;

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The link that points to no node.
const NONE: u32 = u32::MAX;

/// A pointer to a node, with the count of its changes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link {
    node: u32,
    changes: u32,
}

impl Link {
    fn from_bits(bits: u64) -> Self {
        Self { node: bits as u32, changes: (bits >> 32) as u32 }
    }

    fn to_bits(self) -> u64 {
        u64::from(self.changes) << 32 | u64::from(self.node)
    }

    /// The link to `node` that replaces this one.
    fn changed_to(self, node: u32) -> Self {
        Self { node, changes: self.changes.wrapping_add(1) }
    }
}

/// A link that threads share.
struct AtomicLink(AtomicU64);

impl AtomicLink {
    fn new(node: u32) -> Self {
        Self(AtomicU64::new(Link { node, changes: 0 }.to_bits()))
    }

    fn load(&self) -> Link {
        Link::from_bits(self.0.load(Ordering::Acquire))
    }

    /// Replaces `seen` by a link to `node`. Fails if the link is no longer `seen`.
    fn change(&self, seen: Link, node: u32) -> bool {
        let new = seen.changed_to(node).to_bits();
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        self.0.compare_exchange(seen.to_bits(), new, success, failure).is_ok()
    }
}

struct Node {
    index: AtomicU32,
    next: AtomicLink,
}

/// The free indices.
pub(super) struct FreeIndices {
    nodes: Box<[Node]>,
    head: AtomicLink,
    tail: AtomicLink,
}

/// An index that was taken, and the node with which it returns to the queue.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) index: u32,
    node: u32,
}

impl FreeIndices {
    /// The indices below `count`, in ascending order. `count` is less than 2³² - 1.
    pub(super) fn new(count: u32) -> Result<Self, TryReserveError> {
        let node = |number: u32| Node {
            // Node 0 is the spent one.
            index: AtomicU32::new(number.wrapping_sub(1)),
            next: AtomicLink::new(if number < count { number + 1 } else { NONE }),
        };
        let mut nodes = Vec::new();
        nodes.try_reserve_exact(count as usize + 1)?;
        nodes.extend((0..=count).map(node));
        let (head, tail) = (AtomicLink::new(0), AtomicLink::new(count));
        Ok(Self { nodes: nodes.into_boxed_slice(), head, tail })
    }

    fn node(&self, number: u32) -> &Node {
        self.nodes.get(number as usize).unwrap_or_else(|| unreachable!("I4: there is no such node"))
    }

    /// Takes the index that has been free for longest.
    pub(super) fn take(&self) -> Option<Taken> {
        loop {
            let head = self.head.load();
            let tail = self.tail.load();
            let next = self.node(head.node).next.load();
            if self.head.load() != head {
                // The node may have been taken and given back since, so its link means nothing.
                continue;
            }
            if next.node == NONE {
                return None;
            }
            if head.node == tail.node {
                // The tail lags behind: the thread that added the node has not moved it yet.
                self.tail.change(tail, next.node);
                continue;
            }
            // Relaxed: it was written before the node was linked, and does not change while the head is
            // `head`.
            let index = self.node(next.node).index.load(Ordering::Relaxed);
            if self.head.change(head, next.node) {
                return Some(Taken { index, node: head.node });
            }
        }
    }

    /// Gives an index back.
    pub(super) fn give_back(&self, taken: Taken) {
        // The node is this thread's alone until it is linked (I1).
        let node = self.node(taken.node);
        node.index.store(taken.index, Ordering::Relaxed);
        let unlinked = node.next.load();
        // Release: a thread that still reads the node as the first one also sees that the head has moved on,
        // and does not mistake the queue for empty.
        node.next.0.store(unlinked.changed_to(NONE).to_bits(), Ordering::Release);
        loop {
            let tail = self.tail.load();
            let last = self.node(tail.node);
            let next = last.next.load();
            if self.tail.load() != tail {
                continue;
            }
            if next.node != NONE {
                self.tail.change(tail, next.node);
            } else if last.next.change(next, taken.node) {
                self.tail.change(tail, taken.node);
                return;
            }
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::collections::{BTreeSet, VecDeque};
    use std::sync::Mutex;

    #[test]
    fn the_index_that_was_free_for_longest_is_taken_first() {
        let free = FreeIndices::new(5).unwrap();
        let mut expected: VecDeque<u32> = (0..5).collect();
        let mut taken = VecDeque::new();
        for turn in 0..1000 {
            // Phases take all indices, and then give all back.
            if turn / 7 % 2 == 0 {
                let index = free.take();
                assert_eq!(index.as_ref().map(|taken| taken.index), expected.pop_front());
                taken.extend(index);
            } else if let Some(index) = taken.remove(turn % 3 % taken.len().max(1)) {
                expected.push_back(index.index);
                free.give_back(index);
            }
        }
    }

    #[test]
    fn a_queue_of_no_indices_is_empty() {
        assert!(FreeIndices::new(0).unwrap().take().is_none());
    }

    #[test]
    fn threads_never_share_an_index_and_lose_none() {
        const INDICES: u32 = 3;
        let free = FreeIndices::new(INDICES).unwrap();
        let in_use = Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let Some(taken) = free.take() else {
                            std::thread::yield_now();
                            continue;
                        };
                        assert!(in_use.lock().unwrap().insert(taken.index));
                        assert!(in_use.lock().unwrap().remove(&taken.index));
                        free.give_back(taken);
                    }
                });
            }
        });
        let rest: BTreeSet<u32> = std::iter::from_fn(|| free.take()).map(|t| t.index).collect();
        assert_eq!(rest, (0..INDICES).collect());
    }
}
