//! Memory on pages of 2 MiB, for what is measured to be at its best. The benches use it, too.

#![allow(unsafe_code, reason = "maps memory")]

use std::io;
use std::ptr::{self, NonNull};
use std::slice;

/// A huge page of x86-64 and of 64-bit Arm with a granule of 4 KiB.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Bytes that begin on a huge page, and lie on huge pages where the system has any.
///
/// # Invariants
///
/// - I1: `start` begins `length` initialised bytes that nobody else refers to, within the mapping of
///   `mapped_bytes` at `mapping`.
pub(crate) struct HugeBytes {
    mapping: NonNull<libc::c_void>,
    mapped_bytes: usize,
    start: NonNull<u8>,
    length: usize,
}

impl HugeBytes {
    /// A copy of some bytes.
    ///
    /// # Errors
    ///
    /// What the system says that has no memory.
    pub(crate) fn copy_of(bytes: &[u8]) -> io::Result<Self> {
        let whole = bytes.len().next_multiple_of(HUGE_PAGE_BYTES);
        let mapped_bytes = whole + HUGE_PAGE_BYTES;
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: an anonymous mapping at a place of the system's choice touches no other memory.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), mapped_bytes, access, kind, -1, 0) };
        let mapping = match NonNull::new(mapping) {
            Some(mapping) if mapping.as_ptr() != libc::MAP_FAILED => mapping,
            _ => return Err(io::Error::last_os_error()),
        };
        let to_page = mapping.as_ptr().cast::<u8>().align_offset(HUGE_PAGE_BYTES);
        // SAFETY: aligning moves by less than a huge page, and the mapping is that much larger than
        // `whole`, so the result and the `whole` bytes from there on lie within it.
        let start = unsafe { mapping.cast::<u8>().add(to_page) };
        #[cfg(target_os = "linux")]
        // SAFETY: advice changes no content, and the range is within the mapping, as above.
        let _ = unsafe { libc::madvise(start.as_ptr().cast(), whole, libc::MADV_HUGEPAGE) };
        // SAFETY: `bytes` and the new mapping are valid for that many bytes and do not overlap.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), start.as_ptr(), bytes.len()) };
        Ok(Self { mapping, mapped_bytes, start, length: bytes.len() })
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: I1.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    /// The bytes, to change them.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: I1, and the exclusive borrow of self.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl Drop for HugeBytes {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `copy_of` with this length, and by I1 nobody refers to it
        // any more.
        unsafe { libc::munmap(self.mapping.as_ptr(), self.mapped_bytes) };
    }
}
