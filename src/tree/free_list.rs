//! The free slots of one part of a pool.
//!
//! # Invariants
//!
//! - I1: a slot on the list is mapped, holds no node, and is referred to by nothing else. The slots are
//!   linked through their headers.

use std::cmp::Reverse;

use super::slot::NodePtr;

/// The fewest adjacent slots that are worth while to be taken in order.
const RUN: usize = 4;

/// A stack of free slots.
#[derive(Debug, Default)]
pub(super) struct FreeList {
    first: Option<NodePtr>,
    /// The slot that is popped last; of no meaning if there is none.
    last: Option<NodePtr>,
    pub(super) length: usize,
}

impl FreeList {
    /// # Safety
    ///
    /// The slot is mapped, and nothing refers to it.
    #[inline]
    pub(super) unsafe fn push(&mut self, slot: NodePtr) {
        // SAFETY: the slot is mapped, and only this list refers to it from now on (I1).
        unsafe { slot.set_next(self.first) };
        if self.first.is_none() {
            self.last = Some(slot);
        }
        self.first = Some(slot);
        self.length += 1;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<NodePtr> {
        let slot = self.first?;
        // SAFETY: a free slot is mapped, and only this list refers to it (I1).
        self.first = unsafe { slot.next() };
        if let Some(next) = self.first {
            next.prefetch_header();
        }
        self.length -= 1;
        Some(slot)
    }

    /// Moves all slots of another list to this one. They are popped before those of this one.
    pub(super) fn append(&mut self, other: &mut Self) {
        let other = std::mem::take(other);
        let (Some(first), Some(last)) = (other.first, other.last) else {
            return;
        };
        // SAFETY: a free slot is mapped, and only the list that it is on refers to it (I1). That list is
        // gone.
        unsafe { last.set_next(self.first) };
        if self.first.is_none() {
            self.last = Some(last);
        }
        self.first = Some(first);
        self.length += other.length;
    }

    /// Moves the slots of another list to this one that lie next to a few others of that list, such that they
    /// are popped in the order of their addresses. `slot_bytes` is the size of a slot. Does nothing if the
    /// system gives no memory to sort them.
    pub(super) fn append_sorted(&mut self, other: &mut Self, slot_bytes: usize) {
        let mut sorted = Vec::new();
        if sorted.try_reserve_exact(other.length).is_err() {
            return;
        }
        sorted.extend(std::mem::take(other).drain());
        let address = |slot: &NodePtr| slot.body().addr();
        sorted.sort_unstable_by_key(|slot| Reverse(address(slot)));
        for run in sorted.chunk_by(|a, b| address(a) == address(b) + slot_bytes) {
            let list = if run.len() < RUN { &mut *other } else { &mut *self };
            for slot in run {
                // SAFETY: the slot was free, so it is mapped (I1), and was taken off the only list that
                // referred to it.
                unsafe { list.push(*slot) };
            }
        }
    }

    /// The slots, which are on no list then.
    fn drain(mut self) -> impl Iterator<Item = NodePtr> {
        std::iter::from_fn(move || self.pop())
    }

    #[cfg(any(test, feature = "__internals"))]
    pub(super) fn iter(&self) -> impl Iterator<Item = NodePtr> {
        // SAFETY: as in `pop`.
        std::iter::successors(self.first, |slot| unsafe { slot.next() })
    }
}
