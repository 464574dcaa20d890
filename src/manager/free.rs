//! The free slots of a handle table: a lock-free queue, so that the slot that has been free for longest
//! is taken first.
//!
//! It is the queue of Michael and Scott (PODC 1996) over numbered nodes, which live as long as the queue.
//! Each link carries a count of its changes, so that a thread which slept over them notices.
//!
//! ```text
//! head ──▶ node (spent) ──▶ node: slot 3 ──▶ node: slot 0 ──▶ none
//!                                               ▲
//! tail ─────────────────────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - I1: a node is in the queue, or belongs to who took a slot; there is one more node than slots.
//! - I2: the first node's slot was taken; all others' are free.
//! - I3: a link's count grows with each change, so a compare-exchange succeeds only on the link that was
//!   read. (A thread would have to sleep over exactly 2³² changes of it to be deceived.)
//!
//! # Orderings
//!
//! A node's slot and its link are written before the node is linked, by a compare-exchange that
//! releases; who reads a link acquires, so it sees the node as it was linked. A node that is about to be
//! linked again gets its link of none with a release, too: it was spent before, so the head had gone on,
//! and who acquires the link sees that.
//!
//! # Progress
//!
//! Lock-free: a thread tries again only where another has succeeded.

use std::collections::TryReserveError;

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Points to no node.
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

    /// What replaces this link: one to `node`.
    fn changed_to(self, node: u32) -> Self {
        Self { node, changes: self.changes.wrapping_add(1) }
    }
}

/// A link that threads change.
struct AtomicLink(AtomicU64);

impl AtomicLink {
    fn new(node: u32) -> Self {
        Self(AtomicU64::new(Link { node, changes: 0 }.to_bits()))
    }

    fn load(&self) -> Link {
        Link::from_bits(self.0.load(Ordering::Acquire))
    }

    /// Replaces `seen` by a link to `node`, if it is still there.
    fn change(&self, seen: Link, node: u32) -> bool {
        let new = seen.changed_to(node).to_bits();
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        self.0.compare_exchange(seen.to_bits(), new, success, failure).is_ok()
    }
}

struct Node {
    slot: AtomicU32,
    next: AtomicLink,
}

/// The free slots.
pub(super) struct FreeSlots {
    nodes: Box<[Node]>,
    head: AtomicLink,
    tail: AtomicLink,
}

/// A slot that was taken, and the node that it goes back with.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) slot: u32,
    node: u32,
}

impl FreeSlots {
    /// The slots from 0 up to `count`, in this order. `count` is less than 2³² - 1.
    pub(super) fn new(count: u32) -> Result<Self, TryReserveError> {
        let node = |number: u32| Node {
            // Node 0 is the spent one.
            slot: AtomicU32::new(number.wrapping_sub(1)),
            next: AtomicLink::new(if number < count { number + 1 } else { NONE }),
        };
        let mut nodes = Vec::new();
        nodes.try_reserve_exact(count as usize + 1)?;
        nodes.extend((0..=count).map(node));
        let (head, tail) = (AtomicLink::new(0), AtomicLink::new(count));
        Ok(Self { nodes: nodes.into_boxed_slice(), head, tail })
    }

    fn node(&self, number: u32) -> Option<&Node> {
        self.nodes.get(number as usize)
    }

    /// Takes the slot that has been free for longest.
    pub(super) fn take(&self) -> Option<Taken> {
        loop {
            let head = self.head.load();
            let tail = self.tail.load();
            let next = self.node(head.node)?.next.load();
            if self.head.load() != head {
                // The node may have been taken and given back since: its link says nothing.
                continue;
            }
            if next.node == NONE {
                return None;
            }
            if head.node == tail.node {
                // The tail lags behind; who added the node may be asleep.
                self.tail.change(tail, next.node);
                continue;
            }
            // Relaxed: written before the node was linked, and stays while the head does.
            let slot = self.node(next.node)?.slot.load(Ordering::Relaxed);
            if self.head.change(head, next.node) {
                return Some(Taken { slot, node: head.node });
            }
        }
    }

    /// Gives a slot back.
    pub(super) fn give_back(&self, taken: Taken) {
        let Some(node) = self.node(taken.node) else {
            return;
        };
        // Ours alone until it is linked (I1).
        node.slot.store(taken.slot, Ordering::Relaxed);
        let unlinked = node.next.load();
        // Release: who meets this in the place of the link that it was after also sees that the head has
        // gone on since, and does not take the queue for empty.
        node.next.0.store(unlinked.changed_to(NONE).to_bits(), Ordering::Release);
        loop {
            let tail = self.tail.load();
            let Some(last) = self.node(tail.node) else {
                return;
            };
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
    fn the_slot_that_was_free_for_longest_is_taken_first() {
        let free = FreeSlots::new(5).unwrap();
        let mut expected: VecDeque<u32> = (0..5).collect();
        let mut taken = VecDeque::new();
        for turn in 0..1000 {
            // Now more are taken than given back, and now fewer, down to none and up to all.
            if turn / 7 % 2 == 0 {
                let slot = free.take();
                assert_eq!(slot.as_ref().map(|taken| taken.slot), expected.pop_front());
                taken.extend(slot);
            } else if let Some(slot) = taken.remove(turn % 3 % taken.len().max(1)) {
                expected.push_back(slot.slot);
                free.give_back(slot);
            }
        }
    }

    #[test]
    fn no_slots_are_none() {
        assert!(FreeSlots::new(0).unwrap().take().is_none());
    }

    #[test]
    fn threads_never_share_a_slot_and_lose_none() {
        const SLOTS: u32 = 3;
        let free = FreeSlots::new(SLOTS).unwrap();
        let in_use = Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let Some(taken) = free.take() else {
                            std::thread::yield_now();
                            continue;
                        };
                        assert!(in_use.lock().unwrap().insert(taken.slot));
                        assert!(in_use.lock().unwrap().remove(&taken.slot));
                        free.give_back(taken);
                    }
                });
            }
        });
        let rest: BTreeSet<u32> = std::iter::from_fn(|| free.take()).map(|t| t.slot).collect();
        assert_eq!(rest, (0..SLOTS).collect());
    }
}
