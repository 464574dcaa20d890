//! The memory of a table's nodes: slots of one size, in chunks that belong to the table.
//!
//! ```text
//! pool    part 0: scanned indexes      part 1: all other indexes
//!         chunk  64 KiB             chunk  64 KiB
//!         chunk 128 KiB             ...
//!         ...                       free list ──▶ slot ──▶ slot
//!         chunk   2 MiB [ slots | fresh slots ]
//! ```
//!
//! The two parts have chunks of their own. Chunks grow from 64 KiB to 2 MiB. A free slot is used before a
//! fresh one; the slot freed last is used first, because it is the likeliest to be in a cache. Chunks
//! return to the system together, when the pool is dropped, without a visit to the nodes.
//!
//! An edit that must not fail half-way first [reserves](Pool::reserve) the most slots that it can need.
//!
//! Under the cfg `groupscan_check` every slot is a heap block of its own, allocated when it is reserved and
//! returned to the heap when it is freed. So sanitizers and valgrind report a node that is used after it was
//! freed, and a node that was never freed.
//!
//! # Invariants
//!
//! - I1: a slot is fresh, free or in use. `in_use` counts the slots in use. Nothing refers to a fresh slot,
//!   and only the free list to a free one.
//! - I2: a free slot holds no node. The free slots of a part are linked through their headers.
//! - I3: a slot belongs to one part for its whole life, and a node in it knows which.
//!
//! # Costs
//!
//! Taking and freeing a slot is O(1). A reservation may map chunks.

#[cfg(any(test, feature = "__internals"))]
use std::collections::BTreeSet;

use super::free_list::FreeList;
use super::reserve::{AllocError, Demand, PARTS, Reach, part_of};
use super::slot::{NodePtr, SLOT_BYTES};
use super::source::SlotSource;
use crate::types::key::Key;

/// How a pool's memory is used, in slots and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolUse {
    pub(crate) in_use: usize,
    pub(crate) free: usize,
    pub(crate) mapped_bytes: usize,
}

/// The slots of a table.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The bytes of slots that joins may bring into use.
    limit_bytes: usize,
    in_use: usize,
    parts: [Part; PARTS],
    #[cfg(test)]
    refuse_after: std::cell::Cell<Option<usize>>,
}

impl Pool {
    /// A pool whose capacity is `limit_bytes` bytes of slots. It maps no memory yet.
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            in_use: 0,
            parts: Default::default(),
            #[cfg(test)]
            refuse_after: None.into(),
        }
    }

    /// How the memory is used now.
    pub(crate) fn usage(&self) -> PoolUse {
        PoolUse {
            in_use: self.in_use,
            free: self.parts.iter().map(Part::available).sum(),
            mapped_bytes: self.parts.iter().map(|part| part.source.mapped_bytes()).sum(),
        }
    }

    /// The number of slots in use.
    pub(crate) fn in_use(&self) -> usize {
        self.in_use
    }

    /// Ensures that as many calls of [`take`](Self::take) as `demand` says find a slot.
    #[inline]
    pub(crate) fn reserve(&mut self, demand: Demand, reach: Reach) -> Result<(), AllocError> {
        #[cfg(test)]
        self.request()?;
        if reach == Reach::Capacity {
            let in_use = self.in_use.saturating_add(demand.total());
            if in_use > self.limit_bytes / SLOT_BYTES {
                return Err(AllocError::Capacity { limit_bytes: self.limit_bytes });
            }
        }
        for (part, slots) in self.parts.iter_mut().zip(demand.0) {
            while part.available() < slots {
                part.source.grow(&mut part.free)?;
            }
        }
        Ok(())
    }

    /// Makes a node in a reserved slot.
    #[inline]
    pub(super) fn take<K: Key>(&mut self, birth: u64, level: u8) -> NodePtr {
        let number = part_of::<K>();
        let part = &mut self.parts[usize::from(number)];
        let slot = part.free.pop().or_else(|| part.source.carve());
        let Some(slot) = slot else {
            unreachable!("a slot is reserved before a node is made");
        };
        self.in_use += 1;
        // SAFETY: the slot was fresh or free, so it is mapped and nothing else refers to it (I1).
        unsafe { slot.make(birth, level, number) };
        slot
    }

    /// Frees a node.
    ///
    /// # Safety
    ///
    /// The node is a node of this pool, alive, and on no list, and nothing refers to it any more.
    pub(super) unsafe fn free(&mut self, node: NodePtr) {
        self.in_use -= 1;
        // SAFETY: the node is alive, so its slot is mapped and came from the source of its part (I3), and
        // nothing else refers to it.
        unsafe {
            let part = &mut self.parts[usize::from(node.part())];
            node.unmake();
            part.source.put_back(node, &mut part.free);
        }
    }

    /// The addresses of the nodes that exist. Visits every slot.
    #[cfg(any(test, feature = "__internals"))]
    pub(crate) fn existing(&self) -> BTreeSet<usize> {
        let mut slots = BTreeSet::new();
        for part in &self.parts {
            slots.extend(part.source.carved());
            for free in part.free.iter() {
                slots.remove(&free.address());
            }
        }
        slots
    }

    /// Refuses all requests after the next `requests`.
    #[cfg(test)]
    pub(crate) fn refuse_after(&self, requests: Option<usize>) {
        self.refuse_after.set(requests);
    }

    /// Counts a request for memory, and refuses it if [`refuse_after`](Self::refuse_after) says so.
    #[cfg(test)]
    pub(crate) fn request(&self) -> Result<(), AllocError> {
        if let Some(left) = self.refuse_after.get() {
            self.refuse_after.set(Some(left.checked_sub(1).ok_or(AllocError::System)?));
        }
        Ok(())
    }
}

/// A part of a pool.
#[derive(Debug, Default)]
struct Part {
    free: FreeList,
    source: SlotSource,
}

impl Part {
    /// The number of slots that are fresh or free.
    #[inline]
    fn available(&self) -> usize {
        self.free.length + self.source.fresh()
    }
}

#[cfg(groupscan_check)]
impl Drop for Pool {
    /// Returns the slots that were reserved and not used. Nodes that were not freed stay, so that leak
    /// detectors find them.
    fn drop(&mut self) {
        for part in &mut self.parts {
            while let Some(slot) = part.free.pop() {
                // SAFETY: a free slot came from this source, and nothing refers to it (I1, I2).
                unsafe { part.source.put_back(slot, &mut part.free) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::key::{ByGroupKey4, JoinKey4};

    fn slots(slots: usize) -> Demand {
        Demand::of::<JoinKey4>(slots)
    }

    /// A pool whose capacity is `slots` slots.
    fn pool_of(slots: usize) -> Pool {
        Pool::new(slots * SLOT_BYTES)
    }

    /// The refusal of a pool whose capacity is `slots` slots.
    fn capacity(slots: usize) -> AllocError {
        AllocError::Capacity { limit_bytes: slots * SLOT_BYTES }
    }

    #[test]
    fn parts_have_chunks_of_their_own() {
        let mut pool = pool_of(7);
        let demand = slots(3) + Demand::of::<ByGroupKey4>(4);
        assert_eq!(demand.total(), 7);
        pool.reserve(demand, Reach::Capacity).unwrap();
        let scanned: Vec<NodePtr> = (0..3).map(|_| pool.take::<JoinKey4>(1, 0)).collect();
        let searched: Vec<NodePtr> = (0..4).map(|_| pool.take::<ByGroupKey4>(1, 0)).collect();
        assert_eq!(pool.existing().len(), 7);
        for node in scanned.iter().chain(&searched) {
            // SAFETY: the node is alive, of this pool, on no list, and used nowhere else.
            unsafe { pool.free(*node) };
        }
        pool.reserve(demand, Reach::Capacity).unwrap();
        #[cfg(not(groupscan_check))]
        {
            assert_eq!(Some(&pool.take::<JoinKey4>(2, 0)), scanned.last());
            assert_eq!(Some(&pool.take::<ByGroupKey4>(2, 0)), searched.last());
        }
        assert_eq!(pool.reserve(slots(8), Reach::Capacity), Err(capacity(7)));
        let too_many = slots(usize::MAX) + Demand::of::<ByGroupKey4>(usize::MAX);
        assert_eq!(pool.reserve(too_many, Reach::Capacity), Err(capacity(7)));
    }

    #[test]
    fn slots_are_counted_and_used_again() {
        let mut pool = pool_of(1000);
        assert_eq!(pool.usage(), PoolUse::default(), "an empty pool maps nothing");
        pool.reserve(slots(40), Reach::Capacity).unwrap();
        let nodes: Vec<NodePtr> = (0..40).map(|birth| pool.take::<JoinKey4>(birth, 0)).collect();
        assert_eq!(pool.in_use(), 40);
        assert_eq!(pool.existing(), nodes.iter().map(|node| node.address()).collect());
        let usage = pool.usage();
        assert!(usage.mapped_bytes >= (usage.in_use + usage.free) * SLOT_BYTES);
        for node in &nodes {
            // SAFETY: the node is alive, of this pool, on no list, and used nowhere else.
            unsafe { pool.free(*node) };
        }
        assert_eq!((pool.in_use(), pool.existing().len()), (0, 0));
        #[cfg(not(groupscan_check))]
        {
            assert_eq!(pool.usage().free, usage.in_use + usage.free);
            assert_eq!(
                Some(&pool.take::<JoinKey4>(1, 0)),
                nodes.last(),
                "the slot freed last is used first"
            );
        }
    }

    #[test]
    fn joins_stop_at_the_capacity_and_leaves_do_not() {
        let mut pool = pool_of(3);
        assert_eq!(pool.reserve(slots(4), Reach::Capacity), Err(capacity(3)));
        pool.reserve(slots(3), Reach::Capacity).unwrap();
        let node = pool.take::<JoinKey4>(1, 0);
        assert_eq!(pool.reserve(slots(3), Reach::Capacity), Err(capacity(3)));
        assert_eq!(pool.reserve(slots(usize::MAX), Reach::Capacity), Err(capacity(3)));
        assert_eq!(pool.reserve(slots(2), Reach::Capacity), Ok(()));
        assert_eq!(pool.reserve(slots(30), Reach::System), Ok(()));
        // SAFETY: the node is alive, of this pool, on no list, and used nowhere else.
        unsafe { pool.free(node) };
    }

    #[cfg(not(groupscan_check))]
    #[test]
    fn chunks_grow_and_every_slot_of_them_is_used() {
        let mut pool = Pool::new(usize::MAX);
        let mut taken = 0;
        for chunk_bytes in [64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 2 << 20] {
            let before = pool.usage().mapped_bytes;
            pool.reserve(slots(1), Reach::System).unwrap();
            assert_eq!(pool.usage().mapped_bytes - before, chunk_bytes);
            let slots = pool.usage().free;
            assert_eq!(slots, chunk_bytes / SLOT_BYTES);
            for _ in 0..slots {
                pool.take::<JoinKey4>(1, 0);
            }
            taken += slots;
        }
        assert_eq!(pool.existing().len(), taken, "no slot is taken twice");
    }
}
