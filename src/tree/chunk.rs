//! Chunks: zeroed memory from the system, which may refuse it.

use std::ptr::NonNull;

/// Memory that came zeroed from the system and returns to it when this is dropped.
///
/// # Invariants
///
/// - I1: `bytes` initialised bytes begin at `start`, and only this chunk owns them.
#[derive(Debug)]
pub(crate) struct Chunk {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the chunk is the only owner of its memory (I1), which is not bound to a thread.
unsafe impl Send for Chunk {}

impl Chunk {
    /// Takes `bytes` bytes from the system, or returns `None` if it refuses. `bytes` is a power of two and
    /// at least a page. The chunk is aligned to `bytes`, or to [`HUGE_PAGE_BYTES`] if that is less.
    pub(super) fn take(bytes: usize) -> Option<Self> {
        #[cfg(all(feature = "__internals", not(groupscan_check)))]
        if refusal::is_refused() {
            return None;
        }
        let start = system::take(bytes, bytes.min(HUGE_PAGE_BYTES))?;
        Some(Self { start, bytes })
    }

    /// The start of the chunk.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// The size of the chunk.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: the memory came from `system::take` with this size and alignment, and only this chunk
        // owned it (I1).
        unsafe { system::give_back(self.start, self.bytes, self.bytes.min(HUGE_PAGE_BYTES)) };
    }
}

/// Refusals of chunks that a test asks for.
#[cfg(all(feature = "__internals", not(groupscan_check)))]
pub(crate) mod refusal {
    use std::cell::Cell;

    thread_local! {
        static REFUSES: Cell<Option<fn() -> bool>> = const { Cell::new(None) };
    }

    /// Has `refuses` decide on each chunk that this thread requests from now on.
    pub(crate) fn decide_by(refuses: Option<fn() -> bool>) {
        REFUSES.set(refuses);
    }

    pub(super) fn is_refused() -> bool {
        REFUSES.get().is_some_and(|refuses| refuses())
    }
}

/// The size of a huge page on x86-64, and on 64-bit Arm with pages of 4 KiB.
pub(super) const HUGE_PAGE_BYTES: usize = 2 << 20;

#[cfg(all(unix, not(miri)))]
mod system {
    use std::ptr::{self, NonNull};

    /// Maps `bytes` zeroed bytes at a multiple of `align`.
    pub(super) fn take(bytes: usize, align: usize) -> Option<NonNull<u8>> {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let mapped = bytes.checked_add(align)?;
        // SAFETY: the system chooses the address of an anonymous mapping, so it replaces no other memory.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), mapped, access, kind, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return None;
        }
        let mapping = NonNull::new(mapping)?.cast::<u8>();
        let before = mapping.as_ptr().align_offset(align);
        let after = mapped.checked_sub(bytes.checked_add(before)?)?;
        // SAFETY: `before` is less than `align`, so all of `bytes` lies within the mapping. The parts before
        // and after it lie there too, and nothing refers to them.
        unsafe {
            let start = mapping.add(before);
            unmap(mapping, before);
            unmap(start.add(bytes), after);
            advise(start, bytes);
            Some(start)
        }
    }

    /// Unmaps what `take` mapped.
    ///
    /// # Safety
    ///
    /// The bytes came from `take` with the same numbers, and nothing refers to them any more.
    pub(super) unsafe fn give_back(start: NonNull<u8>, bytes: usize, _align: usize) {
        // SAFETY: `take` mapped the bytes, and nothing refers to them.
        unsafe { unmap(start, bytes) };
    }

    /// # Safety
    ///
    /// The bytes are mapped, and nothing refers to them any more.
    unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
        if bytes > 0 {
            // SAFETY: the bytes are mapped, and nothing refers to them. If the system refuses (too many
            // mappings), they stay mapped without memory behind them, which only wastes address space.
            unsafe {
                if libc::munmap(start.as_ptr().cast(), bytes) != 0 {
                    let _ = libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_DONTNEED);
                }
            }
        }
    }

    /// Asks for huge pages, if the system has them and the range is large enough for one.
    ///
    /// # Safety
    ///
    /// The bytes are mapped.
    unsafe fn advise(start: NonNull<u8>, bytes: usize) {
        #[cfg(target_os = "linux")]
        if bytes >= super::HUGE_PAGE_BYTES {
            // SAFETY: the range is mapped, and the advice does not change its content.
            let _ = unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (start, bytes);
    }
}

#[cfg(not(all(unix, not(miri))))]
mod system {
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    use std::ptr::NonNull;

    /// Allocates `bytes` zeroed bytes at a multiple of `align`.
    pub(super) fn take(bytes: usize, align: usize) -> Option<NonNull<u8>> {
        let layout = Layout::from_size_align(bytes, align).ok()?;
        // SAFETY: the size is not 0, because a chunk has at least a page.
        NonNull::new(unsafe { alloc_zeroed(layout) })
    }

    /// Frees what `take` allocated.
    ///
    /// # Safety
    ///
    /// The bytes came from `take` with the same numbers, and nothing refers to them any more.
    pub(super) unsafe fn give_back(start: NonNull<u8>, bytes: usize, align: usize) {
        let Ok(layout) = Layout::from_size_align(bytes, align) else {
            unreachable!("`take` made the same layout");
        };
        // SAFETY: `take` allocated the bytes with this layout, and nothing refers to them.
        unsafe { dealloc(start.as_ptr(), layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_zeroed_and_aligned() {
        for bytes in [64 << 10, 1 << 20, HUGE_PAGE_BYTES] {
            let chunk = Chunk::take(bytes).unwrap();
            assert_eq!(chunk.bytes(), bytes);
            assert_eq!(chunk.start().as_ptr().align_offset(bytes), 0);
            for at in [0, bytes / 2, bytes - 1] {
                // SAFETY: the chunk has `bytes` initialised bytes (I1).
                assert_eq!(unsafe { chunk.start().add(at).read() }, 0);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri ends where a system would refuse")]
    fn a_refusal_is_not_an_abort() {
        assert!(Chunk::take(1 << (usize::BITS - 2)).is_none());
    }
}
