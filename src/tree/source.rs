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
    use crate::tree::slot::{NodePtr, SLOT_BYTES, Slot};

    /// The size of a pool's first chunk.
    const FIRST_CHUNK_BYTES: usize = 64 << 10;

    /// The size of chunks once a pool has grown.
    const LAST_CHUNK_BYTES: usize = HUGE_PAGE_BYTES;

    /// Chunks. The last one may have fresh slots, which were never used.
    #[derive(Debug, Default)]
    pub(in crate::tree) struct SlotSource {
        chunks: Vec<Chunk>,
        fresh: usize,
        mapped_bytes: usize,
    }

    impl SlotSource {
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
            self.fresh = chunk.bytes() / SLOT_BYTES;
            self.mapped_bytes += chunk.bytes();
            self.chunks.push(chunk);
            Ok(())
        }

        /// Takes a fresh slot.
        pub(in crate::tree) fn carve(&mut self) -> Option<NodePtr> {
            let chunk = self.chunks.last().filter(|_| self.fresh > 0)?;
            let slots = chunk.bytes() / SLOT_BYTES;
            // SAFETY: the chunk has `slots` slots, and `fresh` is from 1 to `slots`.
            let slot = unsafe { chunk.start().cast::<Slot>().add(slots - self.fresh) };
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
                let carved = chunk.bytes() / SLOT_BYTES - fresh;
                (0..carved).map(|slot| chunk.start().addr().get() + slot * SLOT_BYTES)
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
    use crate::tree::slot::{NodePtr, SLOT_BYTES, Slot};

    const LAYOUT: Layout = Layout::new::<Slot>();

    /// The heap, with the addresses of all allocated slots.
    #[derive(Debug, Default)]
    pub(in crate::tree) struct SlotSource {
        ledger: BTreeSet<usize>,
    }

    impl SlotSource {
        /// Zero, because slots are allocated when they are reserved.
        pub(in crate::tree) fn fresh(&self) -> usize {
            0
        }

        pub(in crate::tree) fn mapped_bytes(&self) -> usize {
            self.ledger.len() * SLOT_BYTES
        }

        /// Allocates a slot.
        pub(in crate::tree) fn grow(&mut self, free: &mut FreeList) -> Result<(), AllocError> {
            // SAFETY: the size of the layout is not 0.
            let block = NonNull::new(unsafe { alloc_zeroed(LAYOUT) }).ok_or(AllocError::System)?;
            let slot = NodePtr::new(block.cast());
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
            unsafe { dealloc(slot.slot().as_ptr().cast(), LAYOUT) };
        }

        #[cfg(any(test, feature = "__internals"))]
        pub(in crate::tree) fn carved(&self) -> BTreeSet<usize> {
            self.ledger.clone()
        }
    }
}
