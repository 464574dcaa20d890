//! Trimming: finds the chunks of a part that have no nodes, to give them back to the system.
//!
//! Free slots do not know their chunks, because no other operation needs that. Trimming sorts them: it pops
//! the free slots one by one and pushes each to the list of its chunk. A chunk all of whose slots are on its
//! list, or fresh, has no nodes. The other lists are then appended to the free slots again, such that the
//! slots of the fullest chunk are popped first.
//!
//! The slots are looked at in steps. Between them, slots are taken and freed as always; those freed meanwhile
//! are left out.
//!
//! # Invariants
//!
//! - I1: a slot on one of the lists is mapped, holds no node, and nothing else refers to it (I1 of
//!   [`free_list`](super::free_list)).
//! - I2: list `i` has slots of the chunk `order[i]` only.

use super::chunk::Chunk;
use super::free_list::FreeList;
#[cfg(any(test, feature = "__internals"))]
use super::slot::NodePtr;
use super::source::Released;

/// Free slots that are being sorted by their chunks.
#[derive(Debug)]
pub(super) struct Trim {
    /// The chunks as of the beginning, in the order of their addresses, and the slots of each (I2).
    chunks: Vec<Sorted>,
    /// The slots of chunks that came later.
    others: FreeList,
    /// How many free slots are still to be looked at.
    left: usize,
    /// How many have been.
    looked_at: usize,
}

/// The free slots of a chunk.
#[derive(Debug)]
struct Sorted {
    start: usize,
    end: usize,
    slots: FreeList,
    /// The number of slots that were never used.
    fresh: usize,
    /// Whether the chunk returns to the system.
    is_released: bool,
}

impl Sorted {
    /// The number of slots without nodes.
    fn free(&self) -> usize {
        self.slots.length + self.fresh
    }
}

impl Trim {
    /// Begins with all free slots. `None` if the system refuses memory for a list of the chunks.
    pub(super) fn begin(chunks: &[Chunk], free: &FreeList) -> Option<Self> {
        let mut sorted = Vec::new();
        sorted.try_reserve_exact(chunks.len()).ok()?;
        sorted.extend(chunks.iter().map(|chunk| {
            let start = chunk.start().addr().get();
            let end = start + chunk.bytes();
            Sorted { start, end, slots: FreeList::default(), fresh: 0, is_released: false }
        }));
        sorted.sort_unstable_by_key(|sorted| sorted.start);
        let (others, left) = (FreeList::default(), free.length);
        Some(Self { chunks: sorted, others, left, looked_at: 0 })
    }

    /// Looks at `steps` more slots. Returns whether more are left.
    pub(super) fn look_at(&mut self, free: &mut FreeList, steps: usize) -> bool {
        for _ in 0..steps.min(self.left) {
            // Slots may have been taken since.
            let Some(slot) = free.pop() else {
                self.left = 0;
                break;
            };
            self.left -= 1;
            self.looked_at += 1;
            let address = slot.body().addr();
            let after = self.chunks.partition_point(|sorted| sorted.start <= address);
            let found = after.checked_sub(1).and_then(|at| self.chunks.get_mut(at));
            let list = match found.filter(|sorted| address < sorted.end) {
                Some(sorted) => &mut sorted.slots,
                None => &mut self.others,
            };
            // SAFETY: the slot was free, so it is mapped, and it was taken off the only list that referred to
            // it.
            unsafe { list.push(slot) };
        }
        self.left > 0
    }

    /// Takes the chunks without nodes out of `chunks`, as long as `keep` slots are free otherwise, and puts
    /// the slots of the others back. `fresh` slots of the last chunk were never used.
    pub(super) fn end(
        mut self,
        chunks: &mut Vec<Chunk>,
        free: &mut FreeList,
        keep: usize,
        slot_bytes: usize,
        fresh: usize,
    ) -> Released {
        let mut released = Released::new();
        let available = free.length + self.looked_at + fresh;
        let mut spare = available.saturating_sub(keep);
        let last = chunks.last().map(|chunk| chunk.start().addr().get());
        if let Some(last) = self.chunks.iter_mut().find(|sorted| Some(sorted.start) == last) {
            last.fresh = fresh;
        }
        // The emptiest chunks come first, so that they are popped last.
        self.chunks.sort_unstable_by_key(|sorted| std::cmp::Reverse(sorted.free()));
        let mut count = 0;
        for sorted in &mut self.chunks {
            let slots = (sorted.end - sorted.start) / slot_bytes;
            sorted.is_released = sorted.free() == slots && slots <= spare;
            if sorted.is_released {
                spare -= slots;
                count += 1;
            }
        }
        if released.try_reserve_exact(count).is_err() {
            self.cancel(free);
            return released;
        }
        for sorted in self.chunks.iter_mut().filter(|sorted| !sorted.is_released) {
            free.append(&mut sorted.slots);
        }
        self.chunks.sort_unstable_by_key(|sorted| sorted.start);
        let is_released = |chunk: &mut Chunk| {
            let start = chunk.start().addr().get();
            let found = self.chunks.binary_search_by_key(&start, |sorted| sorted.start);
            found.is_ok_and(|at| self.chunks[at].is_released)
        };
        released.extend(chunks.extract_if(.., is_released));
        free.append(&mut self.others);
        released
    }

    /// Puts all slots back.
    pub(super) fn cancel(mut self, free: &mut FreeList) {
        for sorted in &mut self.chunks {
            free.append(&mut sorted.slots);
        }
        free.append(&mut self.others);
    }

    /// The number of slots on the lists.
    pub(super) fn slots(&self) -> usize {
        self.looked_at
    }

    /// The slots on the lists.
    #[cfg(any(test, feature = "__internals"))]
    pub(super) fn iter(&self) -> impl Iterator<Item = NodePtr> {
        let slots = self.chunks.iter().flat_map(|sorted| sorted.slots.iter());
        slots.chain(self.others.iter())
    }
}
