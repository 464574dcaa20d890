//! Where nodes live: slots of one size, in chunks of memory that belong to one table.
//!
//! A pool has two parts, with chunks of their own: one for the nodes of sets that are scanned as a whole,
//! one for all others. Chunks grow from 64 KiB to 2 MiB. A slot that was freed is used again before a
//! fresh one is; the last one freed is the first one used, for it is the likeliest to be in a cache.
//! Chunks go back to the system together, when the pool is dropped, without a look at the nodes in them.
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
//! - I2: a free slot holds no node; the free slots of a part are linked through their headers.
//! - I3: a slot belongs to one part for good, and a node in it says to which.

use std::collections::BTreeSet;
use std::ops::Add;

use super::slot::{NodePtr, SLOT_BYTES};
use super::source::SlotSource;
use crate::key::Key;

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

/// The parts of a pool.
const PARTS: usize = 2;

/// Which part of a pool the nodes of a set are from: those of sets that are scanned lie by themselves,
/// so that a scan does not go over all the table's memory. Set by `cargo bench --bench ratio -- "all
/// sources"`: at 16 M joins it makes a fifth.
const fn part_of<K: Key>() -> u8 {
    !K::IS_SCANNED as u8
}

/// How many slots are asked for, of each part of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand([usize; PARTS]);

impl Demand {
    /// So many slots for a set of keys `K`.
    pub(crate) fn of<K: Key>(slots: usize) -> Self {
        let mut demand = Self::default();
        demand.0[usize::from(part_of::<K>())] = slots;
        demand
    }

    /// The number of slots.
    pub(crate) fn total(self) -> usize {
        self.0.into_iter().fold(0, usize::saturating_add)
    }
}

impl Add for Demand {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let mut sum = self;
        sum.0.iter_mut().zip(other.0).for_each(|(slots, more)| *slots = slots.saturating_add(more));
        sum
    }
}

/// Slots for nodes.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The slots that may be in use at a time.
    capacity: usize,
    in_use: usize,
    parts: [Part; PARTS],
    #[cfg(test)]
    refuse_after: Option<usize>,
}

impl Pool {
    /// A pool that may have so many slots in use. It maps no memory yet.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            in_use: 0,
            parts: Default::default(),
            #[cfg(test)]
            refuse_after: None,
        }
    }

    /// How the memory is spent now.
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

    /// Makes sure that so many calls of [`take`](Self::take) find a slot.
    #[inline]
    pub(crate) fn reserve(&mut self, demand: Demand, reach: Reach) -> Result<(), Refusal> {
        #[cfg(test)]
        if let Some(left) = &mut self.refuse_after {
            *left = left.checked_sub(1).ok_or(Refusal::System)?;
        }
        if reach == Reach::Capacity && self.in_use.saturating_add(demand.total()) > self.capacity {
            return Err(Refusal::Capacity);
        }
        for (part, slots) in self.parts.iter_mut().zip(demand.0) {
            while part.available() < slots {
                part.source.grow(&mut part.free)?;
            }
        }
        Ok(())
    }

    /// Makes a node in a slot that was reserved.
    #[inline]
    pub(super) fn take<K: Key>(&mut self, birth: u64, level: u8) -> NodePtr {
        let number = part_of::<K>();
        let part = &mut self.parts[usize::from(number)];
        let slot = part.free.pop().or_else(|| part.source.carve());
        let Some(slot) = slot else {
            unreachable!("a node is made only after its slot was reserved");
        };
        self.in_use += 1;
        // SAFETY: the slot was fresh or free, so nobody refers to it (I1).
        unsafe { slot.make(birth, level, number) };
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
            let part = &mut self.parts[usize::from(node.part())];
            node.unmake();
            part.source.put_back(node, &mut part.free);
        }
    }

    /// The addresses of the nodes that exist, by a look at every slot.
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

    /// Refuses from the request after the next `requests` on.
    #[cfg(test)]
    pub(crate) fn refuse_after(&mut self, requests: Option<usize>) {
        self.refuse_after = requests;
    }
}

/// A part of a pool.
#[derive(Debug, Default)]
struct Part {
    free: FreeSlots,
    source: SlotSource,
}

impl Part {
    /// The number of slots that are fresh or free.
    #[inline]
    fn available(&self) -> usize {
        self.free.length + self.source.fresh()
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
            next.prefetch(SLOT_BYTES);
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
        for part in &mut self.parts {
            while let Some(slot) = part.free.pop() {
                // SAFETY: a free slot came from this source, and nobody refers to it (I1, I2).
                unsafe { part.source.put_back(slot, &mut part.free) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{ByGroupKey4, JoinKey4};
    use crate::tree::slot::SLOT_BYTES;

    fn slots(slots: usize) -> Demand {
        Demand::of::<JoinKey4>(slots)
    }

    #[test]
    fn parts_have_chunks_of_their_own() {
        let mut pool = Pool::new(7);
        let demand = slots(3) + Demand::of::<ByGroupKey4>(4);
        assert_eq!(demand.total(), 7);
        pool.reserve(demand, Reach::Capacity).unwrap();
        let scanned: Vec<NodePtr> = (0..3).map(|_| pool.take::<JoinKey4>(1, 0)).collect();
        let searched: Vec<NodePtr> = (0..4).map(|_| pool.take::<ByGroupKey4>(1, 0)).collect();
        assert_eq!(pool.existing().len(), 7);
        for node in scanned.iter().chain(&searched) {
            // SAFETY: the node is of this pool, on no list, and used nowhere else.
            unsafe { pool.free(*node) };
        }
        pool.reserve(demand, Reach::Capacity).unwrap();
        #[cfg(not(groupscan_check))]
        {
            assert_eq!(Some(&pool.take::<JoinKey4>(2, 0)), scanned.last());
            assert_eq!(Some(&pool.take::<ByGroupKey4>(2, 0)), searched.last());
        }
        assert_eq!(pool.reserve(slots(8), Reach::Capacity), Err(Refusal::Capacity));
        let too_many = slots(usize::MAX) + Demand::of::<ByGroupKey4>(usize::MAX);
        assert_eq!(pool.reserve(too_many, Reach::Capacity), Err(Refusal::Capacity));
    }

    #[test]
    fn slots_are_counted_and_used_again() {
        let mut pool = Pool::new(1000);
        assert_eq!(pool.usage(), PoolUse::default(), "an empty pool maps nothing");
        pool.reserve(slots(40), Reach::Capacity).unwrap();
        let nodes: Vec<NodePtr> = (0..40).map(|birth| pool.take::<JoinKey4>(birth, 0)).collect();
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
            assert_eq!(
                Some(&pool.take::<JoinKey4>(1, 0)),
                nodes.last(),
                "the last freed is the first used"
            );
        }
    }

    #[test]
    fn joins_stop_at_the_capacity_and_leaves_do_not() {
        let mut pool = Pool::new(3);
        assert_eq!(pool.reserve(slots(4), Reach::Capacity), Err(Refusal::Capacity));
        pool.reserve(slots(3), Reach::Capacity).unwrap();
        let node = pool.take::<JoinKey4>(1, 0);
        assert_eq!(pool.reserve(slots(3), Reach::Capacity), Err(Refusal::Capacity));
        assert_eq!(pool.reserve(slots(usize::MAX), Reach::Capacity), Err(Refusal::Capacity));
        assert_eq!(pool.reserve(slots(2), Reach::Capacity), Ok(()));
        assert_eq!(pool.reserve(slots(30), Reach::System), Ok(()));
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
            pool.reserve(slots(1), Reach::System).unwrap();
            assert_eq!(pool.usage().mapped_bytes - before, chunk_bytes);
            let slots = pool.usage().free;
            assert_eq!(slots, chunk_bytes / SLOT_BYTES);
            for _ in 0..slots {
                pool.take::<JoinKey4>(1, 0);
            }
            taken += slots;
        }
        assert_eq!(pool.existing().len(), taken, "no slot is given twice");
    }
}
