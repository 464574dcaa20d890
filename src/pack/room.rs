//! Where records go.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::slice;

use bytemuck::Pod;

/// A place for records, which is filled from the front.
///
/// # Invariants
///
/// - I1: `places` records from `start` on may be written for `'b`, and nobody else refers to them.
/// - I2: the first `filled` of them were written; that is no more than there are.
pub struct Room<'b, R> {
    start: *mut R,
    places: usize,
    filled: usize,
    memory: PhantomData<&'b mut [R]>,
}

impl<'b, R: Pod> Room<'b, R> {
    /// The whole records that fit into some bytes.
    #[inline]
    pub(crate) fn over(bytes: &'b mut [u8]) -> Self {
        // SAFETY: an exclusive borrow of that many bytes, into which only records are written, which
        // are initialised.
        unsafe { Self::at(bytes.as_mut_ptr(), bytes.len()) }
    }

    /// The whole records that fit into some bytes that need not be initialised.
    #[inline]
    pub(crate) fn over_uninit(bytes: &'b mut [MaybeUninit<u8>]) -> Self {
        // SAFETY: an exclusive borrow of that many bytes.
        unsafe { Self::at(bytes.as_mut_ptr().cast(), bytes.len()) }
    }

    /// The whole records that fit into `bytes` bytes from `start` on.
    ///
    /// # Safety
    ///
    /// So many bytes may be written for `'b`, and nobody else refers to them.
    #[inline]
    pub(crate) unsafe fn at(start: *mut u8, bytes: usize) -> Self {
        const { assert!(align_of::<R>() == 1, "records lie anywhere") };
        let places = bytes / size_of::<R>();
        Self { start: start.cast(), places, filled: 0, memory: PhantomData }
    }

    /// The number of records that there is room for.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.places - self.filled
    }

    /// Forgets what was written.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// What was written.
    #[inline]
    pub(crate) fn into_filled(self) -> &'b [R] {
        // SAFETY: these records were written (I2), and the room was the only one to refer to them (I1).
        unsafe { slice::from_raw_parts(self.start, self.filled) }
    }

    /// Where the next record goes.
    #[inline]
    pub(super) fn next(&self) -> *mut R {
        // SAFETY: within the places, or at their end (I2).
        unsafe { self.start.add(self.filled) }
    }

    /// Takes note that so many more records were written.
    ///
    /// # Safety
    ///
    /// They were, and there was room for them.
    #[inline]
    pub(super) unsafe fn fill(&mut self, count: usize) {
        debug_assert!(count <= self.left());
        self.filled += count;
    }

    /// Writes the next record if there is room, to be overwritten by the one after it unless `stays`.
    #[inline]
    pub(super) fn put(&mut self, record: R, stays: bool) {
        if self.left() > 0 {
            // SAFETY: there is room for a record (I1).
            unsafe {
                self.next().write(record);
                self.fill(usize::from(stays));
            }
        }
    }
}
