//! Zeroed memory from the system, which may refuse it.

use std::ptr::NonNull;

/// Memory that came zeroed from the system and goes back when this is dropped.
///
/// # Invariants
///
/// - I1: `start` begins `bytes` bytes that belong to nobody else and are initialised.
#[derive(Debug)]
pub(super) struct Chunk {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the chunk is the only owner of its memory (I1), which belongs to no thread.
unsafe impl Send for Chunk {}

impl Chunk {
    /// Takes `bytes` bytes, a power of two of at least a page, from the system; `None` where it
    /// refuses. They begin at a multiple of their number, up to [`HUGE_PAGE_BYTES`].
    pub(super) fn take(bytes: usize) -> Option<Self> {
        let start = system::take(bytes, bytes.min(HUGE_PAGE_BYTES))?;
        Some(Self { start, bytes })
    }

    /// Where the chunk begins.
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
        // SAFETY: I1: the memory came from `system::take` with this size and alignment, once.
        unsafe { system::give_back(self.start, self.bytes, self.bytes.min(HUGE_PAGE_BYTES)) };
    }
}

/// The size of a huge page of x86-64, and of 64-bit Arm with pages of 4 KiB.
pub(super) const HUGE_PAGE_BYTES: usize = 2 << 20;

#[cfg(all(unix, not(miri)))]
mod system {
    use std::ptr::{self, NonNull};

    /// Maps so many zeroed bytes at a multiple of `align`.
    pub(super) fn take(bytes: usize, align: usize) -> Option<NonNull<u8>> {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let mapped = bytes.checked_add(align)?;
        // SAFETY: an anonymous mapping at a place of the system's choice touches no other memory.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), mapped, access, kind, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return None;
        }
        let mapping = NonNull::new(mapping)?.cast::<u8>();
        let before = mapping.as_ptr().align_offset(align);
        let after = mapped.checked_sub(bytes.checked_add(before)?)?;
        // SAFETY: `before` is less than `align`, so all of `bytes` lies within the mapping, and what
        // is unmapped on both sides of it lies there too and was never given to anybody.
        unsafe {
            let start = mapping.add(before);
            unmap(mapping, before);
            unmap(start.add(bytes), after);
            advise(start, bytes);
            Some(start)
        }
    }

    /// Gives back what `take` gave.
    ///
    /// # Safety
    ///
    /// The bytes came from `take` with the same numbers, and nobody refers to them any more.
    pub(super) unsafe fn give_back(start: NonNull<u8>, bytes: usize, _align: usize) {
        // SAFETY: as the caller promises.
        unsafe { unmap(start, bytes) };
    }

    /// # Safety
    ///
    /// The bytes are mapped, and nobody refers to them any more.
    unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
        if bytes > 0 {
            // SAFETY: as the caller promises. A refusal (too many mappings) leaves them mapped,
            // which wastes address space and harms nobody.
            let _ = unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
        }
    }

    /// Asks for huge pages, where the system knows them and the range is one.
    ///
    /// # Safety
    ///
    /// The bytes are mapped.
    unsafe fn advise(start: NonNull<u8>, bytes: usize) {
        #[cfg(target_os = "linux")]
        if bytes >= super::HUGE_PAGE_BYTES {
            // SAFETY: the range is mapped, and the advice changes no content.
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

    /// Allocates so many zeroed bytes at a multiple of `align`.
    pub(super) fn take(bytes: usize, align: usize) -> Option<NonNull<u8>> {
        let layout = Layout::from_size_align(bytes, align).ok()?;
        // SAFETY: the size is not zero: chunks have a page or more.
        NonNull::new(unsafe { alloc_zeroed(layout) })
    }

    /// Gives back what `take` gave.
    ///
    /// # Safety
    ///
    /// The bytes came from `take` with the same numbers, and nobody refers to them any more.
    pub(super) unsafe fn give_back(start: NonNull<u8>, bytes: usize, align: usize) {
        if let Ok(layout) = Layout::from_size_align(bytes, align) {
            // SAFETY: as the caller promises; the layout is the one that `take` made.
            unsafe { dealloc(start.as_ptr(), layout) };
        }
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
    fn a_refusal_is_no_abort() {
        assert!(Chunk::take(1 << (usize::BITS - 2)).is_none());
    }
}
