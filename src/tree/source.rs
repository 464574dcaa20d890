//! The source of a pool's slots: chunks of memory or, under the cfg `groupscan_check`, the heap.

#[cfg(not(groupscan_check))]
pub(super) use chunks::SlotSource;
#[cfg(groupscan_check)]
pub(super) use heap::SlotSource;

#[cfg(not(groupscan_check))]
mod chunks {
    #[cfg(any(test, feature = "__internals"))]
    use std::collections::BTreeSet;

    use crate::tree::chunk::{Chunk, HUGE_PAGE_BYTES};
    use crate::tree::free_list::FreeList;
    use crate::tree::reserve::AllocError;
    use crate::tree::slot::{NodePtr, Part};

    /// The size of the first chunk of a part.
    const FIRST_CHUNK_BYTES: usize = 64 << 10;

    /// The size of chunks once a part has grown.
    const LAST_CHUNK_BYTES: usize = HUGE_PAGE_BYTES;

    /// Chunks. The last one may have fresh slots, which were never used.
    #[derive(Debug)]
    pub(in crate::tree) struct SlotSource {
        slot_bytes: usize,
        chunks: Vec<Chunk>,
        fresh: usize,
        mapped_bytes: usize,
    }

    impl SlotSource {
        pub(in crate::tree) fn new(part: Part) -> Self {
            Self { slot_bytes: part.slot_bytes(), chunks: Vec::new(), fresh: 0, mapped_bytes: 0 }
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

        /// Maps another chunk. The fresh slots of the previous one become free.
        #[cold]
        pub(in crate::tree) fn grow(&mut self, free: &mut FreeList) -> Result<(), AllocError> {
            self.chunks.try_reserve(1).map_err(|_| AllocError::System)?;
            let doublings = (LAST_CHUNK_BYTES / FIRST_CHUNK_BYTES).ilog2() as usize;
            let bytes = FIRST_CHUNK_BYTES << self.chunks.len().min(doublings);
            let chunk = Chunk::take(bytes).ok_or(AllocError::System)?;
            while let Some(slot) = self.carve() {
                // SAFETY: the slot was fresh: mapped, and nothing refers to it.
                unsafe { free.push(slot) };
            }
            self.fresh = chunk.bytes() / self.slot_bytes;
            self.mapped_bytes += chunk.bytes();
            self.chunks.push(chunk);
            Ok(())
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

    use crate::tree::free_list::FreeList;
    use crate::tree::reserve::AllocError;
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

        /// Allocates a slot.
        pub(in crate::tree) fn grow(&mut self, free: &mut FreeList) -> Result<(), AllocError> {
            // SAFETY: the size of the layout is not 0.
            let block =
                NonNull::new(unsafe { alloc_zeroed(self.layout) }).ok_or(AllocError::System)?;
            let slot = NodePtr::new(block);
            self.ledger.insert(slot.address());
            // SAFETY: the slot is new, so nothing refers to it.
            unsafe { free.push(slot) };
            Ok(())
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
