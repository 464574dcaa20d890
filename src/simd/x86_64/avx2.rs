//! The kernel for AVX2. The algorithms are in [`x86_64`](super).
//!
//! Shuffles of AVX2 move bytes only within each half of a vector, so keys are first moved to the half in
//! which their records will be.

use std::arch::x86_64::*;

use bytemuck::{Zeroable, bytes_of};

use super::layout;
use super::lines::for_each_line;
use crate::simd::prefetch::{LINE_BYTES, PrefetchRange};
use crate::simd::recipe::Shape;
use crate::simd::{Distinct, Last, Recipe, RecordBuf, Selection, generic, word};
use crate::types::family::sealed::Keys;

/// Whether the processor has the instructions that this kernel uses.
pub(in crate::simd) fn is_available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")
}

/// As [`SimdLevel::expand`](crate::SimdLevel::expand).
///
/// # Safety
///
/// [`is_available`] must be true.
#[target_feature(enable = "avx2")]
pub(in crate::simd) unsafe fn expand<R: Recipe>(
    recipe: R,
    keys: &[R::Key],
    buf: &mut RecordBuf<'_, R::Record>,
    ahead: PrefetchRange,
) {
    const { assert!(R::SHAPE.fits::<R>()) };
    let keys = &keys[..keys.len().min(buf.left())];
    let bytes = size_of_val(keys);
    let has_vectors = matches!(R::SHAPE, Shape::Join4 | Shape::Join6 | Shape::Membership4);
    if bytes < LINE_BYTES || !has_vectors {
        return generic::expand(recipe, keys, buf, ahead);
    }
    let (from, to) = (keys.as_ptr().cast(), buf.next().cast());
    // `bytes` is a line or more. For these shapes a record has twice the bytes of its key (`Shape::fits`), and
    // `keys.len() <= buf.left()`. The kernels write all of the records.
    // SAFETY: `from` is valid for reads of `bytes` bytes and `to` for writes of `2 * bytes` (I1 of
    // `RecordBuf`); `common` is a whole record; the records counted are written.
    unsafe {
        match R::SHAPE {
            Shape::Join4 => joins4(from, bytes, to, ahead),
            Shape::Join6 => joins6(from, bytes, to, ahead),
            _ => {
                let common = recipe.record(R::Key::zeroed(), true);
                memberships4(from, bytes, to, bytes_of(&common), ahead);
            }
        }
        buf.fill(keys.len());
    }
}

/// The shuffle that reverses the bytes of each group of `N` in a vector.
const fn reversed<const N: usize>() -> [u8; 32] {
    let mut places = [0; 32];
    let mut byte = 0;
    while byte < 32 {
        places[byte] = (byte % 16 / N * N + N - 1 - byte % N) as u8;
        byte += 1;
    }
    places
}

static REVERSED4: [u8; 32] = reversed::<4>();
static REVERSED8: [u8; 32] = reversed::<8>();

#[inline]
#[target_feature(enable = "avx2")]
fn places(places: &[u8; 32]) -> __m256i {
    // SAFETY: the array has 32 bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(places.as_ptr().cast()) }
}

/// The records of four IPv4 join keys: those of the first two, and those of the others.
#[inline]
#[target_feature(enable = "avx2")]
fn records4(keys: __m256i, reversed: __m256i) -> [__m256i; 2] {
    // Keys 0 and 2 to the low half, 1 and 3 to the high half.
    let keys = _mm256_permute4x64_epi64::<0b11_01_10_00>(keys);
    let addresses = _mm256_shuffle_epi8(keys, reversed);
    let is_any = _mm256_cmpeq_epi32(addresses, _mm256_setzero_si256());
    let masks = _mm256_xor_si256(is_any, _mm256_set1_epi32(-1));
    [_mm256_unpacklo_epi32(addresses, masks), _mm256_unpackhi_epi32(addresses, masks)]
}

/// # Safety
///
/// `from` must be valid for reads of `bytes` bytes of keys, at least a line, and `to` for writes of twice as
/// many.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn joins4(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange) {
    let reversed = places(&REVERSED4);
    for_each_line(bytes, ahead, |at| {
        for at in [at, at + 32] {
            // SAFETY: a line from the offset of `for_each_line` on is within `bytes`, and this is its first
            // or second half. Its records are at twice the offset, and within `2 * bytes`.
            unsafe {
                let keys = _mm256_loadu_si256(from.add(at).cast());
                let [first, second] = records4(keys, reversed);
                let to = to.add(2 * at);
                _mm256_storeu_si256(to.cast(), first);
                _mm256_storeu_si256(to.add(32).cast(), second);
            }
        }
    });
}

/// # Safety
///
/// As [`joins4`].
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn joins6(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange) {
    let reversed = places(&REVERSED8);
    for_each_line(bytes, ahead, |at| {
        for at in [at, at + 32] {
            // SAFETY: as in `joins4`.
            unsafe {
                let key = _mm256_loadu_si256(from.add(at).cast());
                let addresses = _mm256_shuffle_epi8(key, reversed);
                let words = _mm256_cmpeq_epi64(addresses, _mm256_setzero_si256());
                let other_words = _mm256_shuffle_epi32::<0b01_00_11_10>(words);
                let is_any = _mm256_and_si256(words, other_words);
                let masks = _mm256_xor_si256(is_any, _mm256_set1_epi32(-1));
                let to = to.add(2 * at);
                let source = _mm256_permute2x128_si256::<0x31>(addresses, masks);
                _mm256_storeu_si256(to.cast(), source);
                let group = _mm256_permute2x128_si256::<0x20>(addresses, masks);
                _mm256_storeu_si256(to.add(32).cast(), group);
            }
        }
    });
}

/// # Safety
///
/// As [`joins4`]. `common` must have 32 bytes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn memberships4(
    from: *const u8,
    bytes: usize,
    to: *mut u8,
    common: &[u8],
    ahead: PrefetchRange,
) {
    debug_assert_eq!(common.len(), 32);
    // SAFETY: `common` has 32 bytes.
    let common = unsafe { _mm256_loadu_si256(common.as_ptr().cast()) };
    let places = places(&layout::ONE_MEMBERSHIP4.places);
    let masks = _mm256_setr_epi32(0, -1, 0, -1, 0, 0, 0, 0);
    for_each_line(bytes, ahead, |at| {
        for at in [at, at + 16, at + 32, at + 48] {
            // SAFETY: as in `joins4`.
            unsafe {
                let key = _mm_loadu_si128(from.add(at).cast());
                let record = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(key), places);
                let is_any = _mm256_cmpeq_epi32(record, _mm256_setzero_si256());
                let record = _mm256_or_si256(record, _mm256_andnot_si256(is_any, masks));
                let to = to.add(2 * at).cast();
                _mm256_storeu_si256(to, _mm256_or_si256(record, common));
            }
        }
    });
}

/// The size of the record of an IPv4 join in bytes.
const ENTRY_BYTES: usize = 16;

/// The number of keys in a vector.
const KEYS: usize = 4;

/// For each set of shown keys, as bits, the permutation of 32-bit halves that moves these keys to the front.
static TO_FRONT: [[i32; 8]; 1 << KEYS] = to_front();

const fn to_front() -> [[i32; 8]; 1 << KEYS] {
    let mut table = [[0; 8]; 1 << KEYS];
    let mut shown = 0;
    while shown < table.len() {
        let (mut key, mut place) = (0, 0);
        while key < KEYS {
            if shown >> key & 1 == 1 {
                table[shown][place] = 2 * key as i32;
                table[shown][place + 1] = 2 * key as i32 + 1;
                place += 2;
            }
            key += 1;
        }
        shown += 1;
    }
    table
}

/// One bit for each 64-bit lane of a vector: its highest bit.
#[inline]
#[target_feature(enable = "avx2")]
fn bits(words: __m256i) -> u32 {
    _mm256_movemask_pd(_mm256_castsi256_pd(words)).cast_unsigned()
}

/// Compacts keys from the front as [`SimdLevel::compact`](crate::SimdLevel::compact), while a whole vector of
/// keys is left, and its records fit or none is shown. Returns the number of keys compacted.
///
/// # Safety
///
/// [`is_available`] must be true, and the recipe's shape must be [`Shape::Join4`].
#[target_feature(enable = "avx2,popcnt")]
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
    let Some(width) = high.checked_sub(low) else {
        return keys.len();
    };
    let reversed = places(&REVERSED4);
    // AVX2 has only signed comparisons. They compare unsigned numbers if the highest bits of both are
    // flipped.
    let sign = _mm256_set1_epi64x(i64::MIN);
    let range_start = _mm256_set1_epi64x((u64::from(low) << 32).cast_signed());
    let range_width = _mm256_set1_epi64x((u64::from(width) << 32).cast_signed() ^ i64::MIN);
    let group_bits = _mm256_set1_epi64x(!0 << 32);
    let shown_bits = if selection.shows_source { _mm256_set1_epi64x(-1) } else { group_bits };
    // Kept in registers: the compiler must assume that stores through `to` change `buf` itself.
    let (mut to, mut left) = (buf.next().cast::<u8>(), buf.left());
    let once_a_group = selection.once == Distinct::Group;
    let mut before = _mm256_set1_epi64x(last.map_or(0, word).cast_signed());
    let mut before_in_range = last.is_some();

    let (mut at, mut line) = (0, 0);
    while at + KEYS <= keys.len() {
        // A cache line has the keys of two vectors.
        if at % (2 * KEYS) == 0 && line < ahead.count() {
            ahead.ask(line);
            line += 1;
        }
        // SAFETY: `at + KEYS <= keys.len()`, and a key has 8 bytes (`Shape::fits`).
        let vector = unsafe { _mm256_loadu_si256(keys.as_ptr().add(at).cast()) };
        let distance = _mm256_sub_epi64(_mm256_slli_epi64::<32>(vector), range_start);
        let beyond = _mm256_cmpgt_epi64(_mm256_xor_si256(distance, sign), range_width);
        let in_range = !bits(beyond) & 0xf;
        let mut shown = in_range;
        let moved = _mm256_permute4x64_epi64::<0b10_01_00_11>(vector);
        if once_a_group {
            let previous = _mm256_blend_epi32::<0b11>(moved, before);
            let differences = _mm256_xor_si256(vector, previous);
            let differences = _mm256_and_si256(differences, group_bits);
            let same_group = bits(_mm256_cmpeq_epi64(differences, _mm256_setzero_si256()));
            shown &= !((in_range << 1 | u32::from(before_in_range)) & same_group);
        }
        if shown != 0 {
            if left < KEYS {
                break;
            }
            let count_shown = shown.count_ones() as usize;
            // SAFETY: `shown` has four bits, and the table has an entry for each. `left >= KEYS`, so `to` is
            // valid for writes of a whole vector's records (I1 of `RecordBuf`). Those after the shown ones
            // have unspecified contents, and are not counted.
            unsafe {
                let front = TO_FRONT.as_ptr().add(shown as usize).cast();
                let some = _mm256_permutevar8x32_epi32(vector, _mm256_loadu_si256(front));
                let some = _mm256_and_si256(some, shown_bits);
                let [first, second] = records4(some, reversed);
                _mm256_storeu_si256(to.cast(), first);
                // Groups shown once are few, mostly in the first half: this branch is predicted well.
                if !once_a_group || count_shown > KEYS / 2 {
                    _mm256_storeu_si256(to.add(32).cast(), second);
                }
                to = to.add(count_shown * ENTRY_BYTES);
            }
            left -= count_shown;
        }
        // `moved` has the last key in lane 0, where the blend takes it from.
        before = moved;
        before_in_range = in_range >> (KEYS - 1) != 0;
        at += KEYS;
    }
    // SAFETY: `left` has fallen by one for each record written, and never below 0.
    unsafe { buf.fill(buf.left() - left) };
    ahead.prefetch_from(line);
    if at > 0 {
        *last = if before_in_range { recipe.join(keys[at - 1]) } else { None };
    }
    at
}
