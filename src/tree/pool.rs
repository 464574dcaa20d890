//! The memory of a table's nodes: slots of two sizes, in chunks that belong to the table.
//!
//! ```text
//! pool    large slots: joins        small slots: all other indexes
//!         chunk  64 KiB             chunk  64 KiB
//!         chunk 128 KiB             ...
//!         ...                       free list ──▶ slot ──▶ slot
//!         chunk   2 MiB [ slots | fresh slots ]
//! ```
//!
//! The two parts have chunks of their own. Chunks grow from 64 KiB to 2 MiB. A free slot is used before a
//! fresh one; the slot freed last is used first, because it is the likeliest to be in a cache. A full sweep
//! instead takes slots [in the order of their addresses](Pool::set_ordered). Chunks return to the system
//! together, when the pool is dropped, without a visit to the nodes.
//!
//! An edit that must not fail half-way first [reserves](Pool::reserve) the most slots that it can need.
//!
//! Under the cfg `groupscan_check` every slot is a heap block of its own, allocated when it is reserved and
//! returned to the heap when it is freed. So sanitizers and valgrind report a node that is used after it was
//! freed, and a node that was never freed.
//!
//! # Invariants
//!
//! - I1: a slot is fresh, free or in use. `in_use_bytes` counts the bytes of the slots in use. Nothing refers
//!   to a fresh slot, and only a free list to a free one.
//! - I2: a free slot holds no node. The free slots of a part are linked through their headers, in two lists.
//! - I3: a slot belongs to one part for its whole life, and a node in it knows which.
//!
//! # Costs
//!
//! Taking and freeing a slot is O(1). A reservation may map chunks.

#[cfg(any(test, feature = "__internals"))]
use std::collections::BTreeMap;

use super::free_list::FreeList;
use super::reserve::{AllocError, Demand, Reach, part_of};
use super::slot::{NodePtr, Part};
use super::source::SlotSource;
use crate::types::key::Key;

/// How a pool's memory is used, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolUse {
    /// The slots that hold nodes.
    pub(crate) in_use: usize,
    /// The slots without nodes.
    pub(crate) free: usize,
    pub(crate) mapped: usize,
}

/// The slots of a table.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The bytes of slots that joins may bring into use.
    limit_bytes: usize,
    in_use_bytes: usize,
    /// Whether free slots are taken in the order of their addresses.
    is_ordered: bool,
    /// The calls of [`take`](Self::take) that the last reservation allows.
    #[cfg(debug_assertions)]
    reserved: Demand,
    parts: [Slots; Part::ALL.len()],
    #[cfg(test)]
    refuse_after: std::cell::Cell<Option<usize>>,
}

impl Pool {
    /// A pool whose capacity is `limit_bytes` bytes of slots. It maps no memory yet.
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            in_use_bytes: 0,
            is_ordered: false,
            #[cfg(debug_assertions)]
            reserved: Demand::default(),
            parts: Part::ALL.map(Slots::new),
            #[cfg(test)]
            refuse_after: None.into(),
        }
    }

    /// How the memory is used now.
    pub(crate) fn usage(&self) -> PoolUse {
        PoolUse {
            in_use: self.in_use_bytes,
            free: self.parts.iter().map(|slots| slots.available() * slots.part.slot_bytes()).sum(),
            mapped: self.parts.iter().map(|slots| slots.source.mapped_bytes()).sum(),
        }
    }

    /// The bytes of slots in use.
    pub(crate) fn in_use_bytes(&self) -> usize {
        self.in_use_bytes
    }

    /// Whether as many calls of [`take`](Self::take) as `demand` says would find a slot, within the capacity.
    #[inline]
    pub(crate) fn has(&self, demand: Demand) -> bool {
        self.in_use_bytes.saturating_add(demand.bytes()) <= self.limit_bytes
            && self.parts.iter().zip(demand.0).all(|(slots, count)| slots.available() >= count)
    }

    /// Ensures that as many calls of [`take`](Self::take) as `demand` says find a slot.
    #[inline]
    pub(crate) fn reserve(&mut self, demand: Demand, reach: Reach) -> Result<(), AllocError> {
        #[cfg(test)]
        self.request()?;
        if reach == Reach::Capacity
            && self.in_use_bytes.saturating_add(demand.bytes()) > self.limit_bytes
        {
            return Err(AllocError::Capacity { limit_bytes: self.limit_bytes });
        }
        for (slots, count) in self.parts.iter_mut().zip(demand.0) {
            if self.is_ordered && slots.wants_fresh(count) {
                // If the system refuses, scattered slots will do.
                let _ = slots.source.grow(&mut slots.free);
            }
            while slots.available() < count {
                slots.source.grow(&mut slots.free)?;
            }
        }
        #[cfg(debug_assertions)]
        {
            self.reserved = demand;
        }
        Ok(())
    }

    /// Makes a node of an index of keys `K` and values `V` in a reserved slot.
    #[inline]
    pub(super) fn take<K: Key, V>(&mut self, birth: u64, level: u8) -> NodePtr {
        let part = const { part_of::<K, V>() };
        #[cfg(debug_assertions)]
        {
            let reserved = &mut self.reserved.0[part as usize];
            assert!(*reserved > 0, "a node takes a slot that was reserved for it");
            *reserved -= 1;
        }
        let slots = &mut self.parts[part as usize];
        let slot = if self.is_ordered {
            let next = slots.ordered.pop().or_else(|| slots.source.carve());
            next.or_else(|| slots.free.pop())
        } else {
            let next = slots.free.pop().or_else(|| slots.source.carve());
            next.or_else(|| slots.ordered.pop())
        };
        let Some(slot) = slot else {
            unreachable!("a slot is reserved before a node is made");
        };
        self.in_use_bytes += part.slot_bytes();
        // SAFETY: the slot was fresh or free, so it is mapped and nothing else refers to it (I1).
        unsafe { slot.make(birth, level, part) };
        slot
    }

    /// Sets the free slots that lie next to others apart, in the order of their addresses, for
    /// [`set_ordered`](Self::set_ordered). Costs O(n log n) in the number of free slots, which it visits, and
    /// does nothing if the system refuses memory for a list of them.
    pub(crate) fn begin_order(&mut self) {
        for slots in &mut self.parts {
            slots.ordered.append_sorted(&mut slots.free, slots.part.slot_bytes());
        }
    }

    /// Takes slots in the order of their addresses from now on, or no longer: those that were set apart, then
    /// fresh ones, and scattered ones last. [`reserve`](Self::reserve) then maps fresh ones, until half of
    /// the memory is free. Otherwise the slots that were set apart are taken last.
    pub(crate) fn set_ordered(&mut self, is_ordered: bool) {
        self.is_ordered = is_ordered;
    }

    /// Makes the slots that were set apart free as all others.
    pub(crate) fn end_order(&mut self) {
        self.is_ordered = false;
        for slots in &mut self.parts {
            slots.free.append(&mut slots.ordered);
        }
    }

    /// Frees a node that was just made. If slots are taken in order, its slot is the next one.
    ///
    /// # Safety
    ///
    /// As [`free`](Self::free).
    pub(super) unsafe fn give_back(&mut self, node: NodePtr) {
        // SAFETY: the contract is that of `free`.
        unsafe {
            let part = node.part();
            self.free(node);
            let slots = &mut self.parts[part as usize];
            if self.is_ordered
                && let Some(slot) = slots.free.pop()
            {
                slots.ordered.push(slot);
            }
        }
    }

    /// Frees a node.
    ///
    /// # Safety
    ///
    /// The node is a node of this pool, alive, and on no list, and nothing refers to it any more.
    pub(super) unsafe fn free(&mut self, node: NodePtr) {
        // SAFETY: the node is alive, so its slot is mapped and came from the source of its part (I3), and
        // nothing else refers to it.
        unsafe {
            let part = node.part();
            self.in_use_bytes -= part.slot_bytes();
            let slots = &mut self.parts[part as usize];
            node.unmake();
            slots.source.put_back(node, &mut slots.free);
        }
    }

    /// The addresses of the nodes that exist, and the bytes of their slots. Visits every slot.
    #[cfg(any(test, feature = "__internals"))]
    pub(crate) fn existing(&self) -> BTreeMap<usize, usize> {
        let mut existing = BTreeMap::new();
        for slots in &self.parts {
            let carved = slots.source.carved();
            existing.extend(carved.into_iter().map(|slot| (slot, slots.part.slot_bytes())));
            for free in slots.free.iter().chain(slots.ordered.iter()) {
                existing.remove(&free.address());
            }
        }
        existing
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

/// The slots of one part of a pool.
#[derive(Debug)]
struct Slots {
    part: Part,
    free: FreeList,
    /// The slots that were set apart to be taken in order.
    ordered: FreeList,
    source: SlotSource,
}

impl Slots {
    fn new(part: Part) -> Self {
        let (free, ordered) = Default::default();
        Self { part, free, ordered, source: SlotSource::new(part) }
    }

    /// The number of slots that are fresh or free.
    #[inline]
    fn available(&self) -> usize {
        self.free.length + self.ordered.length + self.source.fresh()
    }

    /// Whether another chunk should be mapped, so that `count` slots are taken in order: not if more than
    /// half of the memory is free.
    fn wants_fresh(&self, count: usize) -> bool {
        let free_bytes = self.available() * self.part.slot_bytes();
        self.ordered.length + self.source.fresh() < count
            && 2 * free_bytes < self.source.mapped_bytes()
    }
}

#[cfg(groupscan_check)]
impl Drop for Pool {
    /// Returns the slots that were reserved and not used. Nodes that were not freed stay, so that leak
    /// detectors find them.
    fn drop(&mut self) {
        self.end_order();
        for slots in &mut self.parts {
            while let Some(slot) = slots.free.pop() {
                // SAFETY: a free slot came from this source, and nothing refers to it (I1, I2).
                unsafe { slots.source.put_back(slot, &mut slots.free) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::key::{ByGroupKey4, JoinKey4};

    const LARGE: usize = Part::Large.slot_bytes();
    const SMALL: usize = Part::Small.slot_bytes();

    fn large(slots: usize) -> Demand {
        Demand::of::<JoinKey4, u64>(slots)
    }

    fn small(slots: usize) -> Demand {
        Demand::of::<ByGroupKey4, u8>(slots)
    }

    fn take_large(pool: &mut Pool) -> NodePtr {
        pool.take::<JoinKey4, u64>(1, 0)
    }

    fn take_small(pool: &mut Pool) -> NodePtr {
        pool.take::<ByGroupKey4, u8>(1, 0)
    }

    fn free(pool: &mut Pool, node: NodePtr) {
        // SAFETY: these tests free each node once, and use it nowhere else.
        unsafe { pool.free(node) };
    }

    #[test]
    fn parts_have_chunks_of_their_own() {
        let limit_bytes = 3 * LARGE + 4 * SMALL;
        let mut pool = Pool::new(limit_bytes);
        let demand = large(3) + small(4);
        assert_eq!(demand.bytes(), limit_bytes);
        pool.reserve(demand, Reach::Capacity).unwrap();
        let large_nodes: Vec<NodePtr> = (0..3).map(|_| take_large(&mut pool)).collect();
        let small_nodes: Vec<NodePtr> = (0..4).map(|_| take_small(&mut pool)).collect();
        assert_eq!((pool.existing().len(), pool.in_use_bytes()), (7, limit_bytes));
        for node in large_nodes.iter().chain(&small_nodes) {
            free(&mut pool, *node);
        }
        pool.reserve(demand, Reach::Capacity).unwrap();
        #[cfg(not(groupscan_check))]
        {
            assert_eq!(Some(&take_large(&mut pool)), large_nodes.last());
            assert_eq!(Some(&take_small(&mut pool)), small_nodes.last());
        }
        let refused = Err(AllocError::Capacity { limit_bytes });
        assert_eq!(pool.reserve(small(10), Reach::Capacity), refused);
        let too_many = large(usize::MAX) + small(usize::MAX);
        assert_eq!(pool.reserve(too_many, Reach::Capacity), refused);
    }

    #[test]
    fn slots_are_counted_and_used_again() {
        let mut pool = Pool::new(usize::MAX);
        assert_eq!(pool.usage(), PoolUse::default(), "an empty pool maps nothing");
        pool.reserve(large(40), Reach::Capacity).unwrap();
        let nodes: Vec<NodePtr> = (0..40).map(|_| take_large(&mut pool)).collect();
        assert_eq!(pool.in_use_bytes(), 40 * LARGE);
        assert!(pool.existing().into_keys().eq(
            nodes.iter().map(|node| node.address()).collect::<std::collections::BTreeSet<_>>()
        ));
        let usage = pool.usage();
        assert!(usage.mapped >= usage.in_use + usage.free);
        for node in &nodes {
            free(&mut pool, *node);
        }
        assert_eq!((pool.in_use_bytes(), pool.existing().len()), (0, 0));
        #[cfg(not(groupscan_check))]
        {
            assert_eq!(pool.usage().free, usage.in_use + usage.free);
            pool.reserve(large(1), Reach::Capacity).unwrap();
            assert_eq!(
                Some(&take_large(&mut pool)),
                nodes.last(),
                "the slot freed last is used first"
            );
        }
    }

    #[test]
    fn joins_stop_at_the_capacity_and_leaves_do_not() {
        let limit_bytes = 3 * LARGE;
        let mut pool = Pool::new(limit_bytes);
        let refused = Err(AllocError::Capacity { limit_bytes });
        assert_eq!(pool.reserve(large(4), Reach::Capacity), refused);
        pool.reserve(large(3), Reach::Capacity).unwrap();
        let node = take_large(&mut pool);
        assert_eq!(pool.reserve(large(3), Reach::Capacity), refused);
        assert_eq!(pool.reserve(large(usize::MAX), Reach::Capacity), refused);
        assert_eq!(pool.reserve(large(2), Reach::Capacity), Ok(()));
        assert_eq!(pool.reserve(large(30), Reach::System), Ok(()));
        free(&mut pool, node);
    }

    #[cfg(not(groupscan_check))]
    #[test]
    fn chunks_grow_and_every_slot_of_them_is_used() {
        let mut pool = Pool::new(usize::MAX);
        let mut taken = 0;
        let chunks = [64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 2 << 20];
        // Miri interprets each step.
        for chunk_bytes in chunks.into_iter().take(if cfg!(miri) { 2 } else { 7 }) {
            let before = pool.usage().mapped;
            pool.reserve(large(1), Reach::System).unwrap();
            assert_eq!(pool.usage().mapped - before, chunk_bytes);
            let slots = pool.usage().free / LARGE;
            assert_eq!(slots, chunk_bytes / LARGE);
            pool.reserve(large(slots), Reach::System).unwrap();
            for _ in 0..slots {
                take_large(&mut pool);
            }
            taken += slots;
        }
        assert_eq!(pool.existing().len(), taken, "no slot is taken twice");
    }

    #[cfg(not(groupscan_check))]
    #[test]
    fn slots_are_taken_in_the_order_of_memory_and_none_is_lost() {
        let mut pool = Pool::new(usize::MAX);
        pool.reserve(small(1), Reach::System).unwrap();
        let count = pool.usage().free / SMALL;
        pool.reserve(small(count), Reach::System).unwrap();
        let mut nodes: Vec<NodePtr> = (0..count).map(|_| take_small(&mut pool)).collect();
        nodes.sort_by_key(|node| node.address());
        // All but two, so that one is left alone between them.
        let is_kept = |at: usize| at == 10 || at == 12;
        for at in (0..count).map(|at| at * 7 % count).filter(|at| !is_kept(*at)) {
            free(&mut pool, nodes[at]);
        }
        let usage = pool.usage();
        assert_eq!(usage.free, (count - 2) * SMALL);
        pool.begin_order();
        pool.reserve(small(count - 2), Reach::System).unwrap();
        assert_eq!(pool.usage(), usage);
        pool.set_ordered(true);
        let mut expected: Vec<usize> = (0..count).filter(|at| !is_kept(*at) && *at != 11).collect();
        expected.push(11);
        for at in &expected {
            assert_eq!(take_small(&mut pool), nodes[*at]);
        }
        for at in expected {
            free(&mut pool, nodes[at]);
        }
        pool.begin_order();
        pool.end_order();
        assert_eq!(pool.usage(), usage);
        assert_eq!(pool.existing().len(), 2);
    }
}
