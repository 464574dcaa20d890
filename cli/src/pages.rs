//! Memory on huge pages of 2 MiB, so that a measured copy is not slowed down by TLB misses. The benches of
//! the engine include this file, too.

#![allow(unsafe_code, reason = "maps memory")]

use std::io;
use std::ptr::{self, NonNull};
use std::slice;

/// A huge page of x86-64 and of 64-bit Arm with a granule of 4 KiB.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Bytes that begin at the boundary of a huge page and lie on huge pages if the system has any.
///
/// # Invariants
///
/// - I1: `mapping` is a mapping of `mapped_bytes` that this value owns. The `length` bytes from `start` on
///   lie within it, are initialised, and are referred to through this value only.
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
    /// The system's error if it has no memory.
    pub(crate) fn copy_of(bytes: &[u8]) -> io::Result<Self> {
        let whole = bytes.len().next_multiple_of(HUGE_PAGE_BYTES);
        let mapped_bytes = whole + HUGE_PAGE_BYTES;
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: an anonymous mapping at an address of the system's choice affects no other memory.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), mapped_bytes, access, kind, -1, 0) };
        let mapping = match NonNull::new(mapping) {
            Some(mapping) if mapping.as_ptr() != libc::MAP_FAILED => mapping,
            _ => return Err(io::Error::last_os_error()),
        };
        let to_page = mapping.as_ptr().cast::<u8>().align_offset(HUGE_PAGE_BYTES);
        // SAFETY: aligning moves by less than a huge page, and the mapping is a huge page larger than
        // `whole`, so the result and the `whole` bytes from there on lie within it.
        let start = unsafe { mapping.cast::<u8>().add(to_page) };
        #[cfg(target_os = "linux")]
        // SAFETY: the advice changes no content, and the range is within the mapping, as above.
        let _ = unsafe { libc::madvise(start.as_ptr().cast(), whole, libc::MADV_HUGEPAGE) };
        // SAFETY: `bytes` and the new mapping are valid for `bytes.len()` bytes and do not overlap.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), start.as_ptr(), bytes.len()) };
        Ok(Self { mapping, mapped_bytes, start, length: bytes.len() })
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: by I1 the bytes are initialised, and the shared borrow of self excludes changes.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    /// The bytes, mutable.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: by I1 the bytes are initialised, and the exclusive borrow of self excludes other
        // references.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl Drop for HugeBytes {
    fn drop(&mut self) {
        // SAFETY: by I1 this value owns the mapping, and no reference into it outlives the value.
        unsafe { libc::munmap(self.mapping.as_ptr(), self.mapped_bytes) };
    }
}
