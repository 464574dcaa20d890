//! The destination of records.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::slice;

use bytemuck::Pod;

/// A buffer for records, filled from the front.
///
/// ```text
/// start ──▶ [ record | record |        |        ]  bytes of a part of a record
///             filled = 2        left() = 2
///             places = 4
/// ```
///
/// # Invariants
///
/// - I1: the memory of `places` records from `start` on is writable and exclusively this buffer's for `'b`.
/// - I2: `filled <= places`, and the first `filled` records are written.
pub struct RecordBuf<'b, R> {
    start: *mut R,
    places: usize,
    filled: usize,
    memory: PhantomData<&'b mut [R]>,
}

impl<'b, R: Pod> RecordBuf<'b, R> {
    /// A buffer over as many whole records as fit into `bytes`.
    #[inline]
    pub(crate) fn over(bytes: &'b mut [u8]) -> Self {
        // SAFETY: `bytes` is an exclusive borrow for `'b`. Only records are written into it, whose bytes are
        // all initialised (`Pod`).
        unsafe { Self::at(bytes.as_mut_ptr(), bytes.len()) }
    }

    /// As [`over`](Self::over), over bytes that need not be initialised.
    #[inline]
    pub(crate) fn over_uninit(bytes: &'b mut [MaybeUninit<u8>]) -> Self {
        // SAFETY: `bytes` is an exclusive borrow for `'b`.
        unsafe { Self::at(bytes.as_mut_ptr().cast(), bytes.len()) }
    }

    /// A buffer over as many whole records as fit into `bytes` bytes from `start` on.
    ///
    /// # Safety
    ///
    /// These bytes must be valid for writes for `'b`, and not be accessed by other means during it.
    #[inline]
    unsafe fn at(start: *mut u8, bytes: usize) -> Self {
        const { assert!(align_of::<R>() == 1, "records may lie at any address") };
        let places = bytes / size_of::<R>();
        Self { start: start.cast(), places, filled: 0, memory: PhantomData }
    }

    /// The number of records that still fit.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.places - self.filled
    }

    /// Discards what was written.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// The records that were written.
    #[inline]
    pub(crate) fn into_filled(self) -> &'b [R] {
        // SAFETY: these records are written (I2), and no other access exists to them for `'b` (I1), since
        // `self` is consumed.
        unsafe { slice::from_raw_parts(self.start, self.filled) }
    }

    /// The address of the next record.
    #[inline]
    pub(super) fn next(&self) -> *mut R {
        // SAFETY: `filled <= places` (I2), so the address is within the memory of I1 or at its end.
        unsafe { self.start.add(self.filled) }
    }

    /// Counts `count` more records as written.
    ///
    /// # Safety
    ///
    /// The `count` records from [`next`](Self::next) on must be written, and `count <= self.left()`.
    #[inline]
    pub(super) unsafe fn fill(&mut self, count: usize) {
        debug_assert!(count <= self.left());
        self.filled += count;
    }

    /// Writes the next record if one fits. Unless it `stays`, the record after it overwrites it.
    #[inline]
    pub(crate) fn put(&mut self, record: R, stays: bool) {
        if self.left() > 0 {
            // SAFETY: one record fits, so its memory is writable (I1); it is written before it is counted.
            unsafe {
                self.next().write(record);
                self.fill(usize::from(stays));
            }
        }
    }
}
