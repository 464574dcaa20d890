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
//! The two parts have chunks of their own. Chunks grow from 64 KiB to 2 MiB; if the system refuses one, a
//! smaller one will do. A free slot is used before a fresh one; the slot freed last is used first, because it
//! is the likeliest to be in a cache. A full sweep instead takes slots [in the order of their
//! addresses](Pool::set_ordered). A chunk without nodes can [return](Pool::trim) to the system. The others do
//! so together, when the pool is dropped, without a visit to the nodes.
//!
//! An edit that must not fail half-way first [reserves](Pool::reserve) the most slots that it can need. A
//! reservation for a join leaves a spare, from which the next removal can be made. If there is no memory for
//! small slots, large ones hold small nodes.
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
//! Taking and freeing a slot is O(1). A reservation may map chunks. Trimming visits the free slots once.

#[cfg(any(test, feature = "__internals"))]
use std::collections::BTreeMap;

use super::free_list::FreeList;
use super::reserve::{AllocError, Demand, Reach, part_of};
use super::slot::{NodePtr, Part};
use super::source::{Refused, Released, SlotSource};
use crate::types::key::Key;

/// The free memory from which on it is worth while to give some back: a few chunks.
const MUCH_BYTES: usize = 4 << 20;

/// How a pool's memory is used, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolUse {
    /// The slots that hold nodes.
    pub(crate) in_use: usize,
    /// The slots without nodes.
    pub(crate) free: usize,
    pub(crate) mapped: usize,
}

/// The limits of a pool, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolLimits {
    /// The slots that joins may bring into use.
    pub(crate) in_use: usize,
    /// The chunks that the system may give.
    pub(crate) mapped: usize,
}

impl PoolLimits {
    /// No limits but those of the system.
    #[cfg(any(test, feature = "__internals"))]
    pub(crate) const NONE: Self = Self { in_use: usize::MAX, mapped: usize::MAX };
}

/// The slots of a table.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: PoolLimits,
    in_use_bytes: usize,
    /// The slots that the last reservation for a join left over.
    spare: Demand,
    /// The part that is being trimmed.
    trimmed: Option<usize>,
    kept_by_trim: Demand,
    /// The bytes without nodes after the pool was trimmed, or the least since.
    free_when_trimmed: usize,
    /// Whether free slots are taken in the order of their addresses.
    is_ordered: bool,
    /// The calls of [`take`](Self::take) that the last reservation allows, and one more for each node that was
    /// given back since.
    #[cfg(debug_assertions)]
    reserved: Demand,
    parts: [Slots; Part::ALL.len()],
    #[cfg(test)]
    refuse_after: std::cell::Cell<Option<usize>>,
}

impl Pool {
    /// A pool, which maps no memory yet.
    pub(crate) fn new(limits: PoolLimits) -> Self {
        Self {
            limits,
            in_use_bytes: 0,
            spare: Demand::default(),
            trimmed: None,
            kept_by_trim: Demand::default(),
            free_when_trimmed: 0,
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
            free: self.parts.iter().map(Slots::free_bytes).sum(),
            mapped: self.mapped_bytes(),
        }
    }

    /// The bytes of slots in use.
    pub(crate) fn in_use_bytes(&self) -> usize {
        self.in_use_bytes
    }

    /// Whether there are as many slots as `demand` says, and the spare that the last reservation left over,
    /// within the capacity.
    #[inline]
    pub(crate) fn has(&self, demand: Demand) -> bool {
        self.in_use_bytes.saturating_add(demand.bytes()) <= self.limits.in_use
            && self.has_slots(demand + self.spare)
    }

    /// Whether each part has as many slots as `demand` says.
    #[inline]
    fn has_slots(&self, demand: Demand) -> bool {
        self.parts.iter().zip(demand.0).all(|(slots, count)| slots.available() >= count)
    }

    /// Ensures that as many calls of [`take`](Self::take) as `demand` says find a slot, and as many more as
    /// slots are given back meanwhile.
    #[inline]
    pub(crate) fn reserve(&mut self, demand: Demand, reach: Reach) -> Result<(), AllocError> {
        #[cfg(test)]
        self.request()?;
        let needed = match reach {
            Reach::Capacity { spare } => {
                self.check_capacity(demand.bytes())?;
                self.spare = spare;
                demand + spare
            }
            Reach::BeyondCapacity { spare } => {
                self.spare = spare;
                demand + spare
            }
            Reach::System => demand,
        };
        if self.is_ordered || !self.has_slots(needed) {
            self.map_slots(demand, needed, reach)?;
        }
        #[cfg(debug_assertions)]
        {
            self.reserved = demand;
        }
        Ok(())
    }

    /// Refuses more bytes in use than joins may bring into use.
    #[inline]
    fn check_capacity(&self, more: usize) -> Result<(), AllocError> {
        let limit_bytes = self.limits.in_use;
        match self.in_use_bytes.saturating_add(more) <= limit_bytes {
            true => Ok(()),
            false => Err(AllocError::Capacity { limit_bytes }),
        }
    }

    /// Maps chunks for the slots of a reservation.
    #[cold]
    fn map_slots(
        &mut self,
        demand: Demand,
        needed: Demand,
        reach: Reach,
    ) -> Result<(), AllocError> {
        self.end_trim();
        for part in Part::ALL {
            let at = part as usize;
            if self.is_ordered && self.parts[at].wants_fresh(demand.0[at]) {
                // If the system refuses, scattered slots will do.
                let _ = self.map_chunk(part);
            }
            while self.parts[at].available() < needed.0[at] {
                let Err(error) = self.map_chunk(part) else {
                    continue;
                };
                let lent = needed.0[at] - self.parts[at].available();
                if lent > self.lendable(part, needed) {
                    return Err(error);
                }
                if let Reach::Capacity { .. } = reach {
                    let excess = Part::Large.slot_bytes() - Part::Small.slot_bytes();
                    self.check_capacity(demand.bytes().saturating_add(lent * excess))?;
                }
                break;
            }
        }
        Ok(())
    }

    /// The number of slots that the other part can lend to a part.
    fn lendable(&self, part: Part, needed: Demand) -> usize {
        let large = Part::Large as usize;
        match part {
            Part::Large => 0,
            Part::Small => self.parts[large].available().saturating_sub(needed.0[large]),
        }
    }

    /// Maps a chunk for a part.
    fn map_chunk(&mut self, part: Part) -> Result<(), AllocError> {
        let most = self.limits.mapped.saturating_sub(self.mapped_bytes());
        let slots = &mut self.parts[part as usize];
        match slots.source.grow(&mut slots.free, most) {
            Ok(()) => Ok(()),
            Err(Refused::Limit) => Err(AllocError::Mapped { limit_bytes: self.limits.mapped }),
            Err(Refused::System) => Err(AllocError::System),
        }
    }

    fn mapped_bytes(&self) -> usize {
        self.parts.iter().map(|slots| slots.source.mapped_bytes()).sum()
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
        let (slot, part) = match self.parts[part as usize].take(self.is_ordered) {
            Some(slot) => (slot, part),
            None => (self.borrow_slot(part), Part::Large),
        };
        self.in_use_bytes += part.slot_bytes();
        // SAFETY: the slot was fresh or free, so it is mapped and nothing else refers to it (I1). It belongs
        // to this part (I3), whose slots are not smaller than those of the part that was asked for.
        unsafe { slot.make(birth, level, part) };
        slot
    }

    /// A large slot for a small node.
    #[cold]
    fn borrow_slot(&mut self, part: Part) -> NodePtr {
        let lent = match part {
            Part::Large => None,
            Part::Small => self.parts[Part::Large as usize].take(self.is_ordered),
        };
        lent.unwrap_or_else(|| unreachable!("a slot is reserved before a node is made"))
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
    pub(super) unsafe fn give_back<K: Key, V>(&mut self, node: NodePtr) {
        #[cfg(debug_assertions)]
        {
            self.reserved.0[part_of::<K, V>() as usize] += 1;
        }
        // SAFETY: the contract is that of `free`.
        unsafe {
            let part = node.part();
            self.free(node);
            let slots = &mut self.parts[part as usize];
            // The slot went back to the heap, but a reservation counts on it.
            #[cfg(groupscan_check)]
            let _ = slots.source.grow(&mut slots.free, usize::MAX);
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

    /// Does a step of giving free chunks back to the system, but for `keep` slots and the spare for a removal:
    /// looks at `steps` free slots. Returns the chunks, which return to the system when they are dropped, and
    /// whether more remains to be done.
    ///
    /// Free slots in fuller chunks are taken first afterwards, so that emptier chunks become empty. Does
    /// nothing if the system refuses memory for lists of the chunks. Begins again if `keep` is another one than
    /// that of the step before.
    pub(crate) fn trim(&mut self, keep: Demand, steps: usize) -> (Released, bool) {
        if self.trimmed.is_some() && self.kept_by_trim != keep {
            self.end_trim();
        }
        self.kept_by_trim = keep;
        let at = self.trimmed.unwrap_or(0);
        let spare =
            if self.in_use_bytes == 0 { Demand::default() } else { self.spare_as_it_lies() };
        let keep = keep.max(spare).0[at];
        let slots = &mut self.parts[at];
        let others = slots.ordered.length;
        let (released, more) =
            slots.source.trim(&mut slots.free, keep.saturating_sub(others), steps);
        self.trimmed = match more {
            true => Some(at),
            false => Some(at + 1).filter(|next| *next < Part::ALL.len()),
        };
        if self.trimmed.is_none() {
            self.free_when_trimmed = self.mapped_bytes() - self.in_use_bytes;
        }
        (released, self.trimmed.is_some())
    }

    /// The spare, with what large slots lend to it counted as large.
    fn spare_as_it_lies(&self) -> Demand {
        let [large, small] = self.spare.0;
        let slots = &self.parts[Part::Small as usize];
        let lent = small.saturating_sub(slots.available() + slots.source.trimmed());
        Demand([large + lent, small])
    }

    /// What the running trimming keeps, if it runs.
    pub(crate) fn kept_by_trim(&self) -> Option<Demand> {
        self.trimmed.map(|_| self.kept_by_trim)
    }

    /// Whether so much of the memory is free, and so much more than trimming has left, that it is worth while to
    /// trim the pool.
    #[inline]
    pub(crate) fn is_mostly_free(&mut self) -> bool {
        let mapped = self.mapped_bytes();
        let free = mapped - self.in_use_bytes;
        self.free_when_trimmed = self.free_when_trimmed.min(free);
        mapped / 4 > self.in_use_bytes && free > self.free_when_trimmed + MUCH_BYTES
    }

    /// The slots that nodes use now, for [`trim`](Self::trim).
    pub(crate) fn in_use(&self) -> Demand {
        Demand(Part::ALL.map(|part| {
            let slots = &self.parts[part as usize];
            let free = slots.free_bytes();
            slots.source.mapped_bytes().saturating_sub(free) / part.slot_bytes()
        }))
    }

    /// Ends the trimming. All its slots are free as all others then.
    fn end_trim(&mut self) {
        self.trimmed = None;
        for slots in &mut self.parts {
            slots.source.end_trim(&mut slots.free);
        }
    }

    /// The addresses of the nodes that exist, and the bytes of their slots. Visits every slot.
    #[cfg(any(test, feature = "__internals"))]
    pub(crate) fn existing(&self) -> BTreeMap<usize, usize> {
        let mut existing = BTreeMap::new();
        for slots in &self.parts {
            let carved = slots.source.carved();
            existing.extend(carved.into_iter().map(|slot| (slot, slots.part.slot_bytes())));
            let free = slots.free.iter().chain(slots.ordered.iter());
            for free in free.chain(slots.source.trimmed_slots()) {
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

    /// The number of slots that can be taken. Those that trimming has looked at are not among them.
    #[inline]
    fn available(&self) -> usize {
        self.free.length + self.ordered.length + self.source.fresh()
    }

    /// The bytes of the slots without nodes.
    fn free_bytes(&self) -> usize {
        (self.available() + self.source.trimmed()) * self.part.slot_bytes()
    }

    /// Takes a slot.
    #[inline(always)]
    fn take(&mut self, is_ordered: bool) -> Option<NodePtr> {
        if is_ordered {
            let next = self.ordered.pop().or_else(|| self.source.carve());
            next.or_else(|| self.free.pop())
        } else {
            let next = self.free.pop().or_else(|| self.source.carve());
            next.or_else(|| self.ordered.pop())
        }
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
        self.end_trim();
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

    /// A reservation that leaves nothing over.
    const JOINS: Reach = Reach::Capacity { spare: Demand([0, 0]) };

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
        let mut pool = Pool::new(PoolLimits { in_use: limit_bytes, ..PoolLimits::NONE });
        let demand = large(3) + small(4);
        assert_eq!(demand.bytes(), limit_bytes);
        pool.reserve(demand, JOINS).unwrap();
        let large_nodes: Vec<NodePtr> = (0..3).map(|_| take_large(&mut pool)).collect();
        let small_nodes: Vec<NodePtr> = (0..4).map(|_| take_small(&mut pool)).collect();
        assert_eq!((pool.existing().len(), pool.in_use_bytes()), (7, limit_bytes));
        for node in large_nodes.iter().chain(&small_nodes) {
            free(&mut pool, *node);
        }
        pool.reserve(demand, JOINS).unwrap();
        #[cfg(not(groupscan_check))]
        {
            assert_eq!(Some(&take_large(&mut pool)), large_nodes.last());
            assert_eq!(Some(&take_small(&mut pool)), small_nodes.last());
        }
        let refused = Err(AllocError::Capacity { limit_bytes });
        assert_eq!(pool.reserve(small(10), JOINS), refused);
        let too_many = large(usize::MAX) + small(usize::MAX);
        assert_eq!(pool.reserve(too_many, JOINS), refused);
    }

    #[test]
    fn slots_are_counted_and_used_again() {
        let mut pool = Pool::new(PoolLimits::NONE);
        assert_eq!(pool.usage(), PoolUse::default(), "an empty pool maps nothing");
        pool.reserve(large(40), JOINS).unwrap();
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
            pool.reserve(large(1), JOINS).unwrap();
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
        let mut pool = Pool::new(PoolLimits { in_use: limit_bytes, ..PoolLimits::NONE });
        let refused = Err(AllocError::Capacity { limit_bytes });
        assert_eq!(pool.reserve(large(4), JOINS), refused);
        pool.reserve(large(3), JOINS).unwrap();
        let node = take_large(&mut pool);
        assert_eq!(pool.reserve(large(3), JOINS), refused);
        assert_eq!(pool.reserve(large(usize::MAX), JOINS), refused);
        assert_eq!(pool.reserve(large(2), JOINS), Ok(()));
        assert_eq!(pool.reserve(large(30), Reach::System), Ok(()));
        free(&mut pool, node);
    }

    #[cfg(not(groupscan_check))]
    #[test]
    fn chunks_grow_and_every_slot_of_them_is_used() {
        let mut pool = Pool::new(PoolLimits::NONE);
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
        let mut pool = Pool::new(PoolLimits::NONE);
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

    #[test]
    fn joins_leave_a_spare_that_removals_take() {
        let mapped = if cfg!(groupscan_check) { 8 * (LARGE + SMALL) } else { 128 << 10 };
        let mut pool = Pool::new(PoolLimits { mapped, ..PoolLimits::NONE });
        let spare = large(3) + small(2);
        let refused = Err(AllocError::Mapped { limit_bytes: mapped });
        let mut nodes = Vec::new();
        loop {
            let demand = large(1) + small(1);
            let reserved = pool.reserve(demand, Reach::Capacity { spare });
            if reserved.is_err() {
                assert_eq!(reserved, refused);
                break;
            }
            nodes.extend([take_large(&mut pool), take_small(&mut pool)]);
        }
        assert!(!pool.has(large(1)));
        // Small nodes may have taken large slots, but not those of the spare.
        pool.reserve(spare, Reach::System).unwrap();
        nodes.extend((0..3).map(|_| take_large(&mut pool)));
        nodes.extend((0..2).map(|_| take_small(&mut pool)));
        nodes.into_iter().for_each(|node| free(&mut pool, node));
        assert_eq!(pool.in_use_bytes(), 0);
    }

    #[cfg(not(groupscan_check))]
    #[test]
    fn chunks_are_smaller_at_the_limit_and_large_slots_hold_small_nodes() {
        let mapped = (64 << 10) + (32 << 10);
        let mut pool = Pool::new(PoolLimits { mapped, ..PoolLimits::NONE });
        pool.reserve(large(1), Reach::System).unwrap();
        let chunk = pool.usage().free / LARGE;
        pool.reserve(large(chunk + 1), Reach::System).unwrap();
        assert_eq!(pool.usage().mapped, mapped, "half a chunk");
        let slots = pool.usage().free / LARGE;
        assert_eq!(pool.reserve(small(slots + 1), Reach::System), {
            Err(AllocError::Mapped { limit_bytes: mapped })
        });
        // A join that borrows counts what it borrows.
        pool.limits.in_use = slots * LARGE - 1;
        let limit_bytes = pool.limits.in_use;
        let refused = Err(AllocError::Capacity { limit_bytes });
        assert_eq!(pool.reserve(small(slots), JOINS), refused);
        pool.limits.in_use += 1;
        pool.reserve(small(slots), JOINS).unwrap();
        let nodes: Vec<NodePtr> = (0..slots).map(|_| take_small(&mut pool)).collect();
        assert_eq!((pool.in_use_bytes(), pool.usage().free), (slots * LARGE, 0));
        nodes.into_iter().for_each(|node| free(&mut pool, node));
        assert_eq!(pool.usage().free, slots * LARGE, "they are large again");
        pool.reserve(large(slots), Reach::System).unwrap();
    }

    #[cfg(not(groupscan_check))]
    #[test]
    fn trimming_gives_back_the_chunks_without_nodes_and_loses_no_slot() {
        for kept_of_a_thousand in [0, 1, 30, 500] {
            let mut pool = Pool::new(PoolLimits::NONE);
            let count = if cfg!(miri) { 60 } else { 3000 };
            pool.reserve(large(count) + small(count), Reach::System).unwrap();
            let mut nodes: Vec<NodePtr> =
                (0..count).flat_map(|_| [take_large(&mut pool), take_small(&mut pool)]).collect();
            let before = pool.usage();
            // The nodes are freed in no order.
            nodes.sort_by_key(|node| node.address().wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let kept = nodes.split_off(nodes.len() * (1000 - kept_of_a_thousand) / 1000);
            for (at, node) in nodes.into_iter().enumerate() {
                free(&mut pool, node);
                // A step in between must find what comes later, or leave it out.
                if at % 1000 == 999 {
                    drop(pool.trim(Demand::default(), 100));
                }
            }
            let in_use = pool.usage().in_use;
            let mut released = 0;
            // One that has begun before, and one more.
            while pool.trim(Demand::default(), 1000).1 {
                assert_eq!(pool.usage().in_use, in_use);
            }
            loop {
                let (chunks, more) = pool.trim(Demand::default(), 1000);
                released += chunks.len();
                if !more {
                    break;
                }
            }
            let after = pool.usage();
            assert_eq!(pool.existing().len(), kept.len());
            let addresses: BTreeMap<usize, usize> = pool.existing();
            assert!(kept.iter().all(|node| addresses.contains_key(&node.address())));
            if kept_of_a_thousand == 0 {
                assert_eq!((after.mapped, after.free), (0, 0), "{released} chunks");
            }
            assert!(after.mapped >= after.in_use + after.free && after.mapped <= before.mapped);
            // All slots that are left can be taken, each once.
            let free_large = pool.parts[Part::Large as usize].available();
            let free_small = pool.parts[Part::Small as usize].available();
            pool.reserve(large(free_large) + small(free_small), Reach::System).unwrap();
            (0..free_large).for_each(|_| _ = take_large(&mut pool));
            (0..free_small).for_each(|_| _ = take_small(&mut pool));
            assert_eq!(pool.existing().len(), kept.len() + free_large + free_small);
            assert_eq!(pool.usage().mapped, after.mapped);
        }
    }

    #[cfg(not(groupscan_check))]
    #[test]
    fn trimming_keeps_the_spare_and_fills_up_fuller_chunks() {
        let mut pool = Pool::new(PoolLimits::NONE);
        let spare = large(40);
        let count = if cfg!(miri) { 100 } else { 2000 };
        let take = |pool: &mut Pool| {
            pool.reserve(large(1), Reach::Capacity { spare }).unwrap();
            take_large(pool)
        };
        let nodes: Vec<NodePtr> = (0..count).map(|_| take(&mut pool)).collect();
        // The chunk of the first node, the smallest one, stays full but for that; the others have no nodes.
        let chunk_of = |node: NodePtr| node.address() / (64 << 10);
        let is_kept = |at: usize| at > 0 && chunk_of(nodes[at]) == chunk_of(nodes[0]);
        let (kept, freed): (Vec<_>, Vec<_>) =
            nodes.iter().enumerate().partition(|(at, _)| is_kept(*at));
        freed.iter().for_each(|(_, node)| free(&mut pool, **node));
        let before = pool.usage();
        while pool.trim(Demand::default(), 64).1 {}
        let usage = pool.usage();
        assert!(usage.free >= 40 * LARGE && usage.mapped < before.mapped, "{usage:?}");
        pool.reserve(large(1), Reach::System).unwrap();
        assert_eq!(take_large(&mut pool), nodes[0], "the fullest chunk comes first");
        assert_eq!(kept.len() + 1, pool.existing().len());
    }
}
