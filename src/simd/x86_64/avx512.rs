//! The kernel for AVX-512 with byte permutations (VBMI). The algorithms are in [`x86_64`](super).
//!
//! One permutation moves the bytes of up to eight keys to their places in the records. It also copies each
//! address to the place of its mask; if the copy is not 0, it is replaced by all ones.

use std::arch::x86_64::*;

use bytemuck::{Zeroable, bytes_of};

use super::layout::{self, Shuffle};
use super::lines::for_each_line;
use crate::simd::prefetch::{LINE_BYTES, PrefetchRange};
use crate::simd::recipe::Shape;
use crate::simd::{Distinct, Last, Recipe, RecordBuf, Selection, generic, word};
use crate::types::family::sealed::Keys;

/// Whether the processor has the instructions that this kernel uses.
pub(in crate::simd) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("popcnt")
}

/// The 32-bit lanes of masks in a vector of IPv4 joins, and in a vector of IPv4 memberships.
const MASKS_OF_ENTRIES: u16 = 0b1010_1010_1010_1010;
const MASKS_OF_MEMBERSHIPS: u16 = 0b0000_1010_0000_1010;

/// The 64-bit lanes of masks in the record of an IPv6 join.
const MASKS_OF_ENTRY6: u8 = 0b1100_1100;

/// As [`SimdLevel::expand`](crate::SimdLevel::expand).
///
/// # Safety
///
/// [`is_available`] must be true.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(in crate::simd) unsafe fn expand<R: Recipe>(
    recipe: R,
    keys: &[R::Key],
    buf: &mut RecordBuf<'_, R::Record>,
    ahead: PrefetchRange,
) {
    const { assert!(R::SHAPE.fits::<R>()) };
    let keys = &keys[..keys.len().min(buf.left())];
    let bytes = size_of_val(keys);
    let shape = R::SHAPE;
    if bytes < LINE_BYTES && shape != Shape::Membership6 {
        return generic::expand(recipe, keys, buf, ahead);
    }
    let (from, to) = (keys.as_ptr().cast(), buf.next().cast());
    let common = recipe.record(R::Key::zeroed(), true);
    // `bytes` is a line or more, apart from `Membership6`, which takes any number of keys. Keys and records have
    // the sizes of the shape (`Shape::fits`), and `keys.len() <= buf.left()`. The kernels write all records.
    // SAFETY: `from` is valid for reads of the keys and `to` for writes of their records (I1 of `RecordBuf`);
    // `common` is a whole record; the records counted are written.
    unsafe {
        match shape {
            Shape::Join4 => joins4(from, bytes, to, ahead),
            Shape::Join6 => joins6(from, bytes, to, ahead),
            Shape::Membership4 => memberships4(from, bytes, to, bytes_of(&common), ahead),
            Shape::Membership6 => memberships6(from, keys.len(), to, bytes_of(&common), ahead),
            Shape::InterfaceJoin => return generic::expand(recipe, keys, buf, ahead),
        }
        buf.fill(keys.len());
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn places(shuffle: &Shuffle<64>) -> __m512i {
    // SAFETY: the array has 64 bytes, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(shuffle.places.as_ptr().cast()) }
}

/// Replaces the copies of IPv4 addresses, in the lanes of `masks`, by the masks.
#[inline]
#[target_feature(enable = "avx512f")]
fn with_masks(records: __m512i, masks: u16) -> __m512i {
    let is_host = _mm512_mask_test_epi32_mask(masks, records, records);
    _mm512_mask_mov_epi32(records, is_host, _mm512_set1_epi32(-1))
}

/// As [`with_masks`], for the record of one IPv6 join.
#[inline]
#[target_feature(enable = "avx512f")]
fn with_masks6(entry: __m512i) -> __m512i {
    // Each word of an address gets the bits of both, so that an address with one zero word is not taken for
    // 0.
    let either = _mm512_or_si512(entry, _mm512_shuffle_epi32::<0b01_00_11_10>(entry));
    let is_host = _mm512_mask_test_epi64_mask(MASKS_OF_ENTRY6, either, either);
    _mm512_mask_mov_epi64(entry, is_host, _mm512_set1_epi64(-1))
}

/// # Safety
///
/// `from` must be valid for reads of `bytes` bytes of keys, at least a line, and `to` for writes of twice as
/// many.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn joins4(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange) {
    let [low, high] = [places(&layout::JOINS4[0]), places(&layout::JOINS4[1])];
    for_each_line(bytes, ahead, |at| {
        // SAFETY: a line from the offset of `for_each_line` on is within `bytes`, and its records, at twice
        // the offset, are within `2 * bytes`.
        unsafe {
            let keys = _mm512_loadu_si512(from.add(at).cast());
            let to = to.add(2 * at);
            let records = _mm512_permutexvar_epi8(low, keys);
            _mm512_storeu_si512(to.cast(), with_masks(records, MASKS_OF_ENTRIES));
            let records = _mm512_permutexvar_epi8(high, keys);
            _mm512_storeu_si512(to.add(64).cast(), with_masks(records, MASKS_OF_ENTRIES));
        }
    });
}

/// # Safety
///
/// As [`joins4`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn joins6(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange) {
    let [low, high] = [places(&layout::JOINS6[0]), places(&layout::JOINS6[1])];
    for_each_line(bytes, ahead, |at| {
        // SAFETY: as in `joins4`.
        unsafe {
            let keys = _mm512_loadu_si512(from.add(at).cast());
            let to = to.add(2 * at);
            let entry = _mm512_permutexvar_epi8(low, keys);
            _mm512_storeu_si512(to.cast(), with_masks6(entry));
            let entry = _mm512_permutexvar_epi8(high, keys);
            _mm512_storeu_si512(to.add(64).cast(), with_masks6(entry));
        }
    });
}

/// # Safety
///
/// As [`joins4`]. `common` must have 32 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn memberships4(
    from: *const u8,
    bytes: usize,
    to: *mut u8,
    common: &[u8],
    ahead: PrefetchRange,
) {
    debug_assert_eq!(common.len(), 32);
    let shuffles = &layout::MEMBERSHIPS4;
    let [low, high] = [places(&shuffles[0]), places(&shuffles[1])];
    let present = shuffles[0].present;
    // SAFETY: `common` has 32 bytes.
    let common = unsafe { _mm256_loadu_si256(common.as_ptr().cast()) };
    let common = _mm512_broadcast_i64x4(common);
    for_each_line(bytes, ahead, |at| {
        // SAFETY: as in `joins4`.
        unsafe {
            let keys = _mm512_loadu_si512(from.add(at).cast());
            let to = to.add(2 * at);
            for (places, to) in [(low, to), (high, to.add(64))] {
                let records = _mm512_maskz_permutexvar_epi8(present, places, keys);
                let records = with_masks(records, MASKS_OF_MEMBERSHIPS);
                _mm512_storeu_si512(to.cast(), _mm512_or_si512(records, common));
            }
        }
    });
}

/// # Safety
///
/// `from` must be valid for reads of `count` keys of 40 bytes, and `to` for writes of as many records of 96
/// bytes. `common` must have 96 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
unsafe fn memberships6(
    from: *const u8,
    count: usize,
    to: *mut u8,
    common: &[u8],
    ahead: PrefetchRange,
) {
    const KEY_WORDS: __mmask8 = 0b1_1111;
    debug_assert_eq!(common.len(), 96);
    ahead.prefetch_from(0);
    let [entry, rest] = &layout::ONE_MEMBERSHIP6;
    let [entry_places, rest_places] = [places(entry), places(rest)];
    let rest_present = rest.present as u32;
    // SAFETY: `common` has 96 bytes.
    let common = unsafe { _mm256_loadu_si256(common.as_ptr().add(64).cast()) };
    for at in 0..count {
        // SAFETY: `at < count`, so key and record `at` are within the `count` keys and records. The masked
        // load reads only the five words of the key; 64 and 32 bytes are the whole record.
        unsafe {
            let key = _mm512_maskz_loadu_epi64(KEY_WORDS, from.add(40 * at).cast());
            let to = to.add(96 * at);
            let entry = _mm512_permutexvar_epi8(entry_places, key);
            _mm512_storeu_si512(to.cast(), with_masks6(entry));
            let rest = _mm512_castsi512_si256(_mm512_permutexvar_epi8(rest_places, key));
            let rest = _mm256_maskz_mov_epi8(rest_present, rest);
            _mm256_storeu_si256(to.add(64).cast(), _mm256_or_si256(rest, common));
        }
    }
}

/// The size of the record of an IPv4 join in bytes.
const ENTRY_BYTES: usize = 16;

/// The number of keys in a vector.
const KEYS: usize = 8;

/// Compacts keys from the front as [`SimdLevel::compact`](crate::SimdLevel::compact), while the records of a
/// whole vector fit or none is shown. Returns the number of keys compacted.
///
/// # Safety
///
/// [`is_available`] must be true, and the recipe's shape must be [`Shape::Join4`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,popcnt")]
pub(in crate::simd) unsafe fn compact<R: Recipe>(
    recipe: R,
    selection: &Selection<R::Family>,
    last: &mut Last<R::Family>,
    keys: &[R::Key],
    buf: &mut RecordBuf<'_, R::Record>,
    ahead: PrefetchRange,
) -> usize {
    const { assert!(R::SHAPE.fits::<R>()) };
    debug_assert_eq!(R::SHAPE, Shape::Join4);
    let [low, high] = [selection.low, selection.high].map(|source| source.to_number() as u32);
    let [low_places, high_places] = [places(&layout::JOINS4[0]), places(&layout::JOINS4[1])];
    // Range by subtraction, in the high halves of lanes.
    let range_start = _mm512_set1_epi64((u64::from(low) << 32).cast_signed());
    let range_width = match high.checked_sub(low) {
        Some(width) => _mm512_set1_epi64((u64::from(width) << 32).cast_signed()),
        None => return keys.len(),
    };
    let group_bits = _mm512_set1_epi64(!0 << 32);
    let shown_bits = if selection.shows_source { _mm512_set1_epi64(-1) } else { group_bits };
    // Kept in registers: the compiler must assume that stores through `to` change `buf` itself.
    let (mut to, mut left) = (buf.next().cast::<u8>(), buf.left());
    let once_a_group = selection.once == Distinct::Group;
    // The key before the vector's first, in the last lane, and whether it was in the range.
    let mut before = _mm512_set1_epi64(last.map_or(0, word).cast_signed());
    let mut before_in_range = last.is_some();

    let mut at = 0;
    let mut step = 0;
    while at < keys.len() {
        if step < ahead.count() {
            ahead.ask(step);
        }
        let count = (keys.len() - at).min(KEYS);
        let (present, vector) = if count == KEYS {
            // SAFETY: `KEYS` keys of 8 bytes (`Shape::fits`) follow from `at` on.
            (u8::MAX, unsafe { _mm512_loadu_si512(keys.as_ptr().add(at).cast()) })
        } else {
            let present = u8::MAX >> (KEYS - count);
            // SAFETY: the masked load reads only the `count` keys that follow from `at` on.
            (present, unsafe { _mm512_maskz_loadu_epi64(present, keys.as_ptr().add(at).cast()) })
        };
        let distance = _mm512_sub_epi64(_mm512_slli_epi64::<32>(vector), range_start);
        let in_range = _mm512_mask_cmple_epu64_mask(present, distance, range_width);
        let mut shown = in_range;
        if once_a_group {
            let previous = _mm512_alignr_epi64::<7>(vector, before);
            let differences = _mm512_xor_si512(vector, previous);
            let same_group = _mm512_testn_epi64_mask(differences, group_bits);
            shown &= !((in_range << 1 | u8::from(before_in_range)) & same_group);
        }
        if shown != 0 {
            if left < KEYS {
                break;
            }
            let count_shown = shown.count_ones() as usize;
            let some = _mm512_mask_compress_epi64(vector, shown, vector);
            let some = _mm512_and_si512(some, shown_bits);
            // SAFETY: `left >= KEYS`, so `to` is valid for writes of a whole vector's records (I1 of
            // `RecordBuf`). Those after the shown ones have unspecified contents, and are not counted.
            unsafe {
                let records = _mm512_permutexvar_epi8(low_places, some);
                _mm512_storeu_si512(to.cast(), with_masks(records, MASKS_OF_ENTRIES));
                // Groups shown once are few, mostly in the first half: this branch is predicted well.
                if !once_a_group || count_shown > KEYS / 2 {
                    let records = _mm512_permutexvar_epi8(high_places, some);
                    _mm512_storeu_si512(to.add(64).cast(), with_masks(records, MASKS_OF_ENTRIES));
                }
                to = to.add(count_shown * ENTRY_BYTES);
            }
            left -= count_shown;
        }
        before = vector;
        before_in_range = in_range >> (count - 1) & 1 != 0;
        at += count;
        step += 1;
    }
    // SAFETY: `left` has fallen by one for each record written, and never below 0.
    unsafe { buf.fill(buf.left() - left) };
    ahead.prefetch_from(step);
    if at > 0 {
        // Duplicates are adjacent, so a key before one out of the range no longer matters.
        *last = if before_in_range { recipe.join(keys[at - 1]) } else { None };
    }
    at
}
