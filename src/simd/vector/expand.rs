//! Expand: the record of every entry.
//!
//! An address in a key is a number; in a record it is in network byte order, and followed by its mask, which
//! is all ones unless the address is 0.
//!
//! ```text
//! for each cache line (64 bytes) of keys:
//!     for each vector of keys in it:
//!         records = shuffle(keys)                     addresses reversed, in the places of `layout`
//!         masks   = address == 0 ? 0 : all ones       compared lane by lane
//!         store(records with masks, and with flags from the values)
//! ```
//!
//! The last line of a run may overlap the line before it, so there is no scalar tail: some records are stored
//! twice, with the same bytes. Runs shorter than a line go to the portable kernel. Keys of 40 bytes do not
//! fill lines; they are packed one by one.

use crate::simd::generic::{self, part};
use crate::simd::prefetch::{LINE_BYTES, PrefetchRange};
use crate::simd::recipe::{Recipe, Shape};
use crate::simd::record_buf::RecordBuf;
use crate::types::key::Entries;

/// The loops of an instruction set over keys of different shapes.
pub(in crate::simd) trait Expand {
    /// Packs [`Shape::Join4`].
    ///
    /// # Safety
    ///
    /// The processor must have the instructions. `from` must be valid for reads of `bytes` bytes of keys, at
    /// least a line, and `to` for writes of twice as many.
    unsafe fn joins4(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange);

    /// Packs [`Shape::Join6`].
    ///
    /// # Safety
    ///
    /// As [`joins4`](Self::joins4).
    unsafe fn joins6(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange);

    /// Packs [`Shape::Membership4`].
    ///
    /// # Safety
    ///
    /// As [`joins4`](Self::joins4), and `flags` must be valid for reads of a byte for each 16 of `bytes`.
    unsafe fn memberships4(
        from: *const u8,
        flags: *const u8,
        bytes: usize,
        to: *mut u8,
        ahead: PrefetchRange,
    );

    /// Packs [`Shape::Membership6`].
    ///
    /// # Safety
    ///
    /// The processor must have the instructions. `from` must be valid for reads of `count` keys of 40 bytes,
    /// `flags` for reads of `count` bytes, and `to` for writes of `count` records of 96 bytes.
    unsafe fn memberships6(from: *const u8, flags: *const u8, count: usize, to: *mut u8);
}

/// As [`SimdLevel::expand`](crate::SimdLevel::expand).
///
/// # Safety
///
/// The processor must have the instructions of `E`.
#[inline]
pub(in crate::simd) unsafe fn expand<E: Expand, R: Recipe>(
    recipe: R,
    entries: Entries<'_, R::Key, R::Value>,
    buf: &mut RecordBuf<'_, R::Record>,
    ahead: PrefetchRange,
) {
    const { assert!(R::SHAPE.fits::<R>()) };
    let entries = part(entries, 0..entries.keys.len().min(buf.left()));
    let Entries { keys, values } = entries;
    let (from, flags) = (keys.as_ptr().cast(), values.as_ptr().cast());
    let (bytes, to) = (size_of_val(keys), buf.next().cast());
    let is_a_line = bytes >= LINE_BYTES;
    // Keys, values and records have the sizes of the shape (`Shape::fits`), so `from` is valid for reads of
    // all keys and `flags` of as many values. `keys.len() <= buf.left()`, so `to` is valid for writes of as
    // many records (I1 of `RecordBuf`); in the first three shapes a record has twice the bytes of its key.
    // SAFETY: by that, and because `bytes` is a line or more in the first three.
    unsafe {
        match R::SHAPE {
            Shape::Join4 if is_a_line => E::joins4(from, bytes, to, ahead),
            Shape::Join6 if is_a_line => E::joins6(from, bytes, to, ahead),
            Shape::Membership4 if is_a_line => E::memberships4(from, flags, bytes, to, ahead),
            Shape::Membership6 => {
                ahead.prefetch_from(0);
                E::memberships6(from, flags, keys.len(), to);
            }
            _ => return generic::expand(recipe, entries, buf, ahead),
        }
    }
    // SAFETY: the loops above have written the records of all keys.
    unsafe { buf.fill(keys.len()) };
}
