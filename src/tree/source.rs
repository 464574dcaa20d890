//! The source of a pool's slots: chunks of memory or, under the cfg `groupscan_check`, the heap.

#[cfg(not(groupscan_check))]
pub(super) use chunks::SlotSource;
#[cfg(groupscan_check)]
pub(super) use heap::SlotSource;

/// Chunks that return to the system when they are dropped.
#[cfg(not(groupscan_check))]
pub(crate) type Released = Vec<super::chunk::Chunk>;
#[cfg(groupscan_check)]
pub(crate) type Released = Vec<()>;

/// Why there are no more slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// More bytes would be mapped than allowed.
    Limit,
    /// The system refused memory.
    System,
}

#[cfg(not(groupscan_check))]
mod chunks {
    #[cfg(any(test, feature = "__internals"))]
    use std::collections::BTreeSet;

    use super::{Refused, Released};
    use crate::tree::chunk::{Chunk, HUGE_PAGE_BYTES};
    use crate::tree::free_list::FreeList;
    use crate::tree::slot::{NodePtr, Part};
    use crate::tree::trim::Trim;

    /// The size of the first chunk of a part.
    const FIRST_CHUNK_BYTES: usize = 64 << 10;

    /// The size of the smallest chunk that is tried: room for a large slot.
    const LEAST_CHUNK_BYTES: usize = 8 << 10;

    /// The size of chunks once a part has grown.
    const LAST_CHUNK_BYTES: usize = HUGE_PAGE_BYTES;

    /// Chunks. The last one may have fresh slots, which were never used.
    #[derive(Debug)]
    pub(in crate::tree) struct SlotSource {
        slot_bytes: usize,
        chunks: Vec<Chunk>,
        fresh: usize,
        mapped_bytes: usize,
        trim: Option<Trim>,
    }

    impl SlotSource {
        pub(in crate::tree) fn new(part: Part) -> Self {
            let (slot_bytes, chunks) = (part.slot_bytes(), Vec::new());
            Self { slot_bytes, chunks, fresh: 0, mapped_bytes: 0, trim: None }
        }

        /// The number of fresh slots.
        #[inline]
        pub(in crate::tree) fn fresh(&self) -> usize {
            self.fresh
        }

        /// The bytes mapped from the system.
        pub(in crate::tree) fn mapped_bytes(&self) -> usize {
            self.mapped_bytes
        }

        /// Maps another chunk of at most `most` bytes. The fresh slots of the previous one become free. If
        /// the system refuses a chunk, tries smaller ones.
        #[cold]
        pub(in crate::tree) fn grow(
            &mut self,
            free: &mut FreeList,
            most: usize,
        ) -> Result<(), Refused> {
            self.chunks.try_reserve(1).map_err(|_| Refused::System)?;
            let doublings = (LAST_CHUNK_BYTES / FIRST_CHUNK_BYTES).ilog2() as usize;
            let mut bytes = FIRST_CHUNK_BYTES << self.chunks.len().min(doublings);
            let mut refused = Refused::Limit;
            let chunk = loop {
                if bytes < LEAST_CHUNK_BYTES {
                    return Err(refused);
                }
                if bytes <= most {
                    refused = Refused::System;
                    if let Some(chunk) = Chunk::take(bytes) {
                        break chunk;
                    }
                }
                bytes /= 2;
            };
            while let Some(slot) = self.carve() {
                // SAFETY: the slot was fresh: mapped, and nothing refers to it.
                unsafe { free.push(slot) };
            }
            self.fresh = chunk.bytes() / self.slot_bytes;
            self.mapped_bytes += chunk.bytes();
            self.chunks.push(chunk);
            Ok(())
        }

        /// Looks at `steps` free slots, and after the last of them takes out the chunks without nodes, as long
        /// as `keep` slots are free otherwise. Returns the chunks, and whether more remains to be done.
        pub(in crate::tree) fn trim(
            &mut self,
            free: &mut FreeList,
            keep: usize,
            steps: usize,
        ) -> (Released, bool) {
            if self.trim.is_none() {
                self.trim = Trim::begin(&self.chunks, free);
            }
            let Some(trim) = &mut self.trim else {
                return (Released::new(), false);
            };
            if trim.look_at(free, steps) {
                return (Released::new(), true);
            }
            let Some(trim) = self.trim.take() else {
                return (Released::new(), false);
            };
            let (fresh, slot_bytes) = (self.fresh, self.slot_bytes);
            let last = self.chunks.last().map(Chunk::start);
            let released = trim.end(&mut self.chunks, free, keep, slot_bytes, fresh);
            if self.chunks.last().map(Chunk::start) != last {
                self.fresh = 0;
            }
            self.mapped_bytes -= released.iter().map(Chunk::bytes).sum::<usize>();
            (released, false)
        }

        /// Ends the trimming without taking out chunks.
        pub(in crate::tree) fn end_trim(&mut self, free: &mut FreeList) {
            if let Some(trim) = self.trim.take() {
                trim.cancel(free);
            }
        }

        /// The number of slots that trimming has looked at.
        #[inline]
        pub(in crate::tree) fn trimmed(&self) -> usize {
            self.trim.as_ref().map_or(0, Trim::slots)
        }

        /// These slots.
        #[cfg(any(test, feature = "__internals"))]
        pub(in crate::tree) fn trimmed_slots(&self) -> impl Iterator<Item = NodePtr> {
            self.trim.iter().flat_map(Trim::iter)
        }

        /// Takes a fresh slot.
        pub(in crate::tree) fn carve(&mut self) -> Option<NodePtr> {
            let chunk = self.chunks.last().filter(|_| self.fresh > 0)?;
            let slots = chunk.bytes() / self.slot_bytes;
            // SAFETY: the chunk has `slots` slots, and `fresh` is from 1 to `slots`.
            let slot = unsafe { chunk.start().add((slots - self.fresh) * self.slot_bytes) };
            self.fresh -= 1;
            Some(NodePtr::new(slot))
        }

        /// Takes a slot back.
        ///
        /// # Safety
        ///
        /// The slot came from this source, and nothing refers to it.
        #[inline]
        pub(in crate::tree) unsafe fn put_back(&mut self, slot: NodePtr, free: &mut FreeList) {
            // SAFETY: the slot came from a chunk, which stays mapped, and nothing refers to it.
            unsafe { free.push(slot) };
        }

        /// The addresses of all slots that are not fresh.
        #[cfg(any(test, feature = "__internals"))]
        pub(in crate::tree) fn carved(&self) -> BTreeSet<usize> {
            let last = self.chunks.len().saturating_sub(1);
            let slots = self.chunks.iter().enumerate().flat_map(|(at, chunk)| {
                let fresh = if at == last { self.fresh } else { 0 };
                let carved = chunk.bytes() / self.slot_bytes - fresh;
                (0..carved).map(|slot| chunk.start().addr().get() + slot * self.slot_bytes)
            });
            slots.collect()
        }
    }
}

#[cfg(groupscan_check)]
mod heap {
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    use std::collections::BTreeSet;
    use std::ptr::NonNull;

    use super::{Refused, Released};
    use crate::tree::free_list::FreeList;
    use crate::tree::slot::{HEADER_BYTES, NodePtr, Part};

    /// The heap, with the addresses of all allocated slots.
    #[derive(Debug)]
    pub(in crate::tree) struct SlotSource {
        layout: Layout,
        ledger: BTreeSet<usize>,
    }

    impl SlotSource {
        pub(in crate::tree) fn new(part: Part) -> Self {
            // The header has the alignment of a slot, which is its size.
            let layout = Layout::from_size_align(part.slot_bytes(), HEADER_BYTES);
            let layout = layout.unwrap_or_else(|_| unreachable!("a slot is a few lines"));
            Self { layout, ledger: BTreeSet::new() }
        }

        /// Zero, because slots are allocated when they are reserved.
        pub(in crate::tree) fn fresh(&self) -> usize {
            0
        }

        pub(in crate::tree) fn mapped_bytes(&self) -> usize {
            self.ledger.len() * self.layout.size()
        }

        /// Allocates a slot, if that are not more than `most` bytes.
        pub(in crate::tree) fn grow(
            &mut self,
            free: &mut FreeList,
            most: usize,
        ) -> Result<(), Refused> {
            if self.layout.size() > most {
                return Err(Refused::Limit);
            }
            // SAFETY: the size of the layout is not 0.
            let block =
                NonNull::new(unsafe { alloc_zeroed(self.layout) }).ok_or(Refused::System)?;
            let slot = NodePtr::new(block);
            self.ledger.insert(slot.address());
            // SAFETY: the slot is new, so nothing refers to it.
            unsafe { free.push(slot) };
            Ok(())
        }

        /// Does nothing: slots return to the heap at once.
        pub(in crate::tree) fn trim(
            &mut self,
            _free: &mut FreeList,
            _keep: usize,
            _steps: usize,
        ) -> (Released, bool) {
            (Released::new(), false)
        }

        pub(in crate::tree) fn end_trim(&mut self, _free: &mut FreeList) {}

        pub(in crate::tree) fn trimmed(&self) -> usize {
            0
        }

        #[cfg(any(test, feature = "__internals"))]
        pub(in crate::tree) fn trimmed_slots(&self) -> impl Iterator<Item = NodePtr> {
            std::iter::empty()
        }

        pub(in crate::tree) fn carve(&mut self) -> Option<NodePtr> {
            None
        }

        /// Returns a slot to the heap.
        ///
        /// # Safety
        ///
        /// The slot came from this source, and nothing refers to it.
        pub(in crate::tree) unsafe fn put_back(&mut self, slot: NodePtr, _free: &mut FreeList) {
            assert!(self.ledger.remove(&slot.address()), "a slot is freed once");
            // SAFETY: `grow` allocated the slot with this layout. The ledger shows that it was not freed
            // since, and nothing refers to it.
            unsafe { dealloc(slot.start().as_ptr(), self.layout) };
        }

        #[cfg(any(test, feature = "__internals"))]
        pub(in crate::tree) fn carved(&self) -> BTreeSet<usize> {
            self.ledger.clone()
        }
    }
}
