//! The free slots of one part of a pool.
//!
//! # Invariants
//!
//! - I1: a slot on the list is mapped, holds no node, and is referred to by nothing else. The slots are
//!   linked through their headers.

use super::slot::{NodePtr, SLOT_BYTES};

/// A stack of free slots.
#[derive(Debug, Default)]
pub(super) struct FreeList {
    first: Option<NodePtr>,
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
        self.first = Some(slot);
        self.length += 1;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<NodePtr> {
        let slot = self.first?;
        // SAFETY: a free slot is mapped, and only this list refers to it (I1).
        self.first = unsafe { slot.next() };
        if let Some(next) = self.first {
            next.prefetch(SLOT_BYTES);
        }
        self.length -= 1;
        Some(slot)
    }

    #[cfg(any(test, feature = "__internals"))]
    pub(super) fn iter(&self) -> impl Iterator<Item = NodePtr> {
        // SAFETY: as in `pop`.
        std::iter::successors(self.first, |slot| unsafe { slot.next() })
    }
}
