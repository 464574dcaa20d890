//! Where a pool's slots come from: chunks of memory, or under the cfg `groupscan_check` the heap.

#[cfg(not(groupscan_check))]
pub(super) use chunks::SlotSource;
#[cfg(groupscan_check)]
pub(super) use heap::SlotSource;

#[cfg(not(groupscan_check))]
mod chunks {
    use std::collections::BTreeSet;

    use crate::tree::chunk::{Chunk, HUGE_PAGE_BYTES};
    use crate::tree::pool::{FreeSlots, Refusal};
    use crate::tree::slot::{NodePtr, SLOT_BYTES, Slot};

    /// The size of a pool's first chunk.
    const FIRST_CHUNK_BYTES: usize = 64 << 10;

    /// The size of chunks once a pool has grown.
    const LAST_CHUNK_BYTES: usize = HUGE_PAGE_BYTES;

    /// Chunks, of which the last may have slots that were never used.
    #[derive(Debug, Default)]
    pub(in crate::tree) struct SlotSource {
        chunks: Vec<Chunk>,
        fresh: usize,
        mapped_bytes: usize,
    }

    impl SlotSource {
        /// The number of slots that [`carve`](Self::carve) will give.
        #[inline]
        pub(in crate::tree) fn fresh(&self) -> usize {
            self.fresh
        }

        /// The memory that came from the system.
        pub(in crate::tree) fn mapped_bytes(&self) -> usize {
            self.mapped_bytes
        }

        /// Maps another chunk. What the last one had left becomes free.
        #[cold]
        pub(in crate::tree) fn grow(&mut self, free: &mut FreeSlots) -> Result<(), Refusal> {
            self.chunks.try_reserve(1).map_err(|_| Refusal::System)?;
            let doublings = (LAST_CHUNK_BYTES / FIRST_CHUNK_BYTES).ilog2() as usize;
            let bytes = FIRST_CHUNK_BYTES << self.chunks.len().min(doublings);
            let chunk = Chunk::take(bytes).ok_or(Refusal::System)?;
            while let Some(slot) = self.carve() {
                // SAFETY: the slot was fresh, so nobody refers to it.
                unsafe { free.push(slot) };
            }
            self.fresh = chunk.bytes() / SLOT_BYTES;
            self.mapped_bytes += chunk.bytes();
            self.chunks.push(chunk);
            Ok(())
        }

        /// The next slot that was never used.
        pub(in crate::tree) fn carve(&mut self) -> Option<NodePtr> {
            let chunk = self.chunks.last().filter(|_| self.fresh > 0)?;
            let slots = chunk.bytes() / SLOT_BYTES;
            // SAFETY: a chunk has room for `slots` slots, of which this is one.
            let slot = unsafe { chunk.start().cast::<Slot>().add(slots - self.fresh) };
            self.fresh -= 1;
            Some(NodePtr::new(slot))
        }

        /// Takes a slot back.
        ///
        /// # Safety
        ///
        /// The slot came from here, and nobody refers to it.
        #[inline]
        pub(in crate::tree) unsafe fn put_back(&mut self, slot: NodePtr, free: &mut FreeSlots) {
            // SAFETY: as the caller promises.
            unsafe { free.push(slot) };
        }

        /// The addresses of the slots that were ever used.
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

    use crate::tree::pool::{FreeSlots, Refusal};
    use crate::tree::slot::{NodePtr, SLOT_BYTES, Slot};

    const LAYOUT: Layout = Layout::new::<Slot>();

    /// The heap, with a ledger of the blocks.
    #[derive(Debug, Default)]
    pub(in crate::tree) struct SlotSource {
        ledger: BTreeSet<usize>,
    }

    impl SlotSource {
        /// None: slots are allocated when they are reserved.
        pub(in crate::tree) fn fresh(&self) -> usize {
            0
        }

        pub(in crate::tree) fn mapped_bytes(&self) -> usize {
            self.ledger.len() * SLOT_BYTES
        }

        /// Allocates a slot.
        pub(in crate::tree) fn grow(&mut self, free: &mut FreeSlots) -> Result<(), Refusal> {
            // SAFETY: the layout is not of size 0.
            let block = NonNull::new(unsafe { alloc_zeroed(LAYOUT) }).ok_or(Refusal::System)?;
            let slot = NodePtr::new(block.cast());
            self.ledger.insert(slot.address());
            // SAFETY: the slot is new, so nobody refers to it.
            unsafe { free.push(slot) };
            Ok(())
        }

        pub(in crate::tree) fn carve(&mut self) -> Option<NodePtr> {
            None
        }

        /// Frees a slot for real.
        ///
        /// # Safety
        ///
        /// The slot came from here, and nobody refers to it.
        pub(in crate::tree) unsafe fn put_back(&mut self, slot: NodePtr, _free: &mut FreeSlots) {
            assert!(self.ledger.remove(&slot.address()), "a slot was freed twice");
            // SAFETY: `grow` allocated the slot with this layout; the ledger shows that it was not
            // freed since, and nobody refers to it, as the caller promises.
            unsafe { dealloc(slot.slot().as_ptr().cast(), LAYOUT) };
        }

        pub(in crate::tree) fn carved(&self) -> BTreeSet<usize> {
            self.ledger.clone()
        }
    }
}
