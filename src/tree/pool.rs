//! Where nodes live: slots of one size, in chunks of memory that belong to one table.
//!
//! Chunks grow from 64 KiB to 2 MiB. A slot that was freed is used again before a fresh one is; the
//! last one freed is the first one used, for it is the likeliest to be in a cache. Chunks go back to
//! the system together, when the pool is dropped, without a look at the nodes in them.
//!
//! Edits that may not fail half-way [`reserve`](Pool::reserve) the slots that they need at most.
//!
//! With the cfg `groupscan_check` every slot is a block of the heap of its own, allocated when it is
//! reserved and freed for real, so that sanitizers and valgrind see a node used after its end, and
//! one that was never freed.
//!
//! # Invariants
//!
//! - I1: a slot is fresh, free or in use. `in_use` counts the last.
//! - I2: a free slot holds no node; the free slots are linked through their headers.

use std::collections::BTreeSet;

use super::slot::{NodePtr, SLOT_LINES};
use super::source::SlotSource;

/// Why there are no slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The pool may not have that many in use.
    Capacity,
    /// The system gives no memory.
    System,
}

/// How far a reservation may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To the pool's capacity.
    Capacity,
    /// Beyond it, as far as the system allows.
    System,
}

/// How a pool's memory is spent, in slots and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolUse {
    pub(crate) in_use: usize,
    pub(crate) free: usize,
    pub(crate) mapped_bytes: usize,
}

/// Slots for nodes.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The slots that may be in use at a time.
    capacity: usize,
    in_use: usize,
    free: FreeSlots,
    source: SlotSource,
    #[cfg(test)]
    refuse_after: Option<usize>,
}

impl Pool {
    /// A pool that may have so many slots in use. It maps no memory yet.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            in_use: 0,
            free: FreeSlots::default(),
            source: SlotSource::default(),
            #[cfg(test)]
            refuse_after: None,
        }
    }

    /// How the memory is spent now.
    pub(crate) fn usage(&self) -> PoolUse {
        PoolUse {
            in_use: self.in_use,
            free: self.free.length + self.source.fresh(),
            mapped_bytes: self.source.mapped_bytes(),
        }
    }

    /// The number of slots in use.
    #[cfg(test)]
    pub(crate) fn in_use(&self) -> usize {
        self.in_use
    }

    /// Makes sure that the next `slots` calls of [`take`](Self::take) find one.
    #[inline]
    pub(crate) fn reserve(&mut self, slots: usize, reach: Reach) -> Result<(), Refusal> {
        #[cfg(test)]
        if let Some(left) = &mut self.refuse_after {
            *left = left.checked_sub(1).ok_or(Refusal::System)?;
        }
        if reach == Reach::Capacity && self.in_use.saturating_add(slots) > self.capacity {
            return Err(Refusal::Capacity);
        }
        while self.free.length + self.source.fresh() < slots {
            self.source.grow(&mut self.free)?;
        }
        Ok(())
    }

    /// Makes a node in a slot that was reserved.
    #[inline]
    pub(super) fn take(&mut self, birth: u64, level: u8) -> NodePtr {
        let slot = self.free.pop().or_else(|| self.source.carve());
        let Some(slot) = slot else {
            unreachable!("a node is made only after its slot was reserved");
        };
        self.in_use += 1;
        // SAFETY: the slot was fresh or free, so nobody refers to it (I1).
        unsafe { slot.make(birth, level) };
        slot
    }

    /// Ends a node's life.
    ///
    /// # Safety
    ///
    /// The node is of this pool and alive, is on no list, and nobody refers to it any more.
    pub(crate) unsafe fn free(&mut self, node: NodePtr) {
        self.in_use -= 1;
        // SAFETY: as the caller promises.
        unsafe {
            node.unmake();
            self.source.put_back(node, &mut self.free);
        }
    }

    /// The addresses of the nodes that exist, by a look at every slot.
    pub(crate) fn existing(&self) -> BTreeSet<usize> {
        let mut slots = self.source.carved();
        for free in self.free.iter() {
            slots.remove(&free.address());
        }
        slots
    }

    /// Refuses from the request after the next `requests` on.
    #[cfg(test)]
    pub(crate) fn refuse_after(&mut self, requests: Option<usize>) {
        self.refuse_after = requests;
    }
}

/// The free slots, linked through their headers.
#[derive(Debug, Default)]
pub(super) struct FreeSlots {
    first: Option<NodePtr>,
    length: usize,
}

impl FreeSlots {
    /// # Safety
    ///
    /// The slot is mapped, and nobody refers to it.
    #[inline]
    pub(super) unsafe fn push(&mut self, slot: NodePtr) {
        // SAFETY: as the caller promises.
        unsafe { slot.set_next(self.first) };
        self.first = Some(slot);
        self.length += 1;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<NodePtr> {
        let slot = self.first?;
        // SAFETY: free slots are mapped and nobody else's (I1, I2).
        self.first = unsafe { slot.next() };
        if let Some(next) = self.first {
            next.prefetch(SLOT_LINES);
        }
        self.length -= 1;
        Some(slot)
    }

    fn iter(&self) -> impl Iterator<Item = NodePtr> {
        // SAFETY: free slots are mapped and nobody else's (I1, I2).
        std::iter::successors(self.first, |slot| unsafe { slot.next() })
    }
}

#[cfg(groupscan_check)]
impl Drop for Pool {
    /// Frees the slots that were reserved and not used. Nodes that were not freed stay, for the leak
    /// detectors to find.
    fn drop(&mut self) {
        while let Some(slot) = self.free.pop() {
            // SAFETY: a free slot came from this source, and nobody refers to it (I1, I2).
            unsafe { self.source.put_back(slot, &mut self.free) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::slot::SLOT_BYTES;

    #[test]
    fn slots_are_counted_and_used_again() {
        let mut pool = Pool::new(1000);
        assert_eq!(pool.usage(), PoolUse::default(), "an empty pool maps nothing");
        pool.reserve(40, Reach::Capacity).unwrap();
        let nodes: Vec<NodePtr> = (0..40).map(|birth| pool.take(birth, 0)).collect();
        assert_eq!(pool.in_use(), 40);
        assert_eq!(pool.existing(), nodes.iter().map(|node| node.address()).collect());
        let usage = pool.usage();
        assert!(usage.mapped_bytes >= (usage.in_use + usage.free) * SLOT_BYTES);
        for node in &nodes {
            // SAFETY: the node is of this pool, on no list, and used nowhere else.
            unsafe { pool.free(*node) };
        }
        assert_eq!((pool.in_use(), pool.existing().len()), (0, 0));
        #[cfg(not(groupscan_check))]
        {
            assert_eq!(pool.usage().free, usage.in_use + usage.free);
            assert_eq!(Some(&pool.take(1, 0)), nodes.last(), "the last freed is the first used");
        }
    }

    #[test]
    fn joins_stop_at_the_capacity_and_leaves_do_not() {
        let mut pool = Pool::new(3);
        assert_eq!(pool.reserve(4, Reach::Capacity), Err(Refusal::Capacity));
        pool.reserve(3, Reach::Capacity).unwrap();
        let node = pool.take(1, 0);
        assert_eq!(pool.reserve(3, Reach::Capacity), Err(Refusal::Capacity));
        assert_eq!(pool.reserve(usize::MAX, Reach::Capacity), Err(Refusal::Capacity));
        assert_eq!(pool.reserve(2, Reach::Capacity), Ok(()));
        assert_eq!(pool.reserve(30, Reach::System), Ok(()));
        // SAFETY: the node is of this pool, on no list, and used nowhere else.
        unsafe { pool.free(node) };
    }

    #[cfg(not(groupscan_check))]
    #[test]
    fn chunks_grow_and_every_slot_of_them_is_used() {
        let mut pool = Pool::new(usize::MAX);
        let mut taken = 0;
        for chunk_bytes in [64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 2 << 20] {
            let before = pool.usage().mapped_bytes;
            pool.reserve(1, Reach::System).unwrap();
            assert_eq!(pool.usage().mapped_bytes - before, chunk_bytes);
            let slots = pool.usage().free;
            assert_eq!(slots, chunk_bytes / SLOT_BYTES);
            for _ in 0..slots {
                pool.take(1, 0);
            }
            taken += slots;
        }
        assert_eq!(pool.existing().len(), taken, "no slot is given twice");
    }
}
