//! The kernel for processors with AVX2.
//!
//! Its shuffles move bytes within the halves of a vector only, so keys are brought into the halves
//! that their records are to be in.

use std::arch::x86_64::*;

use bytemuck::{Zeroable, bytes_of};

use super::layout;
use super::lines::for_each_line;
use super::recipe::Shape;
use super::{Each, Last, Recipe, Room, Selection, portable, word};
use crate::family::sealed::Keys;
use crate::prefetch::{LINE_BYTES, Lines};

/// Whether the processor has the instructions.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")
}

/// As [`Kernel::expand`](super::Kernel::expand).
///
/// # Safety
///
/// [`is_available`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn expand<R: Recipe>(
    recipe: R,
    keys: &[R::Key],
    room: &mut Room<'_, R::Record>,
    ahead: Lines,
) {
    const { assert!(R::SHAPE.fits::<R>()) };
    let keys = &keys[..keys.len().min(room.left())];
    let bytes = size_of_val(keys);
    let has_vectors = matches!(R::SHAPE, Shape::Join4 | Shape::Join6 | Shape::Membership4);
    if bytes < LINE_BYTES || !has_vectors {
        return portable::expand(recipe, keys, room, ahead);
    }
    let (from, to) = (keys.as_ptr().cast(), room.next().cast());
    // SAFETY: `from` begins `bytes` bytes, a line or more; they are keys of the shape's sizes
    // (`Shape::fits`), whose records, twice the bytes, have room from `to` on (I1 of `Room`). For what is
    // filled: all of these are written.
    unsafe {
        match R::SHAPE {
            Shape::Join4 => joins4(from, bytes, to, ahead),
            Shape::Join6 => joins6(from, bytes, to, ahead),
            _ => {
                let common = recipe.record(R::Key::zeroed(), true);
                memberships4(from, bytes, to, bytes_of(&common), ahead);
            }
        }
        room.fill(keys.len());
    }
}

/// The shuffle that turns round the bytes of each group of `N` in a vector.
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
    // SAFETY: the array has 32 bytes.
    unsafe { _mm256_loadu_si256(places.as_ptr().cast()) }
}

/// The records of four keys of IPv4: of the first two, and of the others.
#[inline]
#[target_feature(enable = "avx2")]
fn records4(keys: __m256i, reversed: __m256i) -> [__m256i; 2] {
    // First and third key into one half, second and fourth into the other.
    let keys = _mm256_permute4x64_epi64::<0b11_01_10_00>(keys);
    let addresses = _mm256_shuffle_epi8(keys, reversed);
    let is_any = _mm256_cmpeq_epi32(addresses, _mm256_setzero_si256());
    let masks = _mm256_xor_si256(is_any, _mm256_set1_epi32(-1));
    [_mm256_unpacklo_epi32(addresses, masks), _mm256_unpackhi_epi32(addresses, masks)]
}

/// # Safety
///
/// `from` begins `bytes` bytes of keys, a line or more, and from `to` on twice as many may be written.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn joins4(from: *const u8, bytes: usize, to: *mut u8, ahead: Lines) {
    let reversed = places(&REVERSED4);
    for_each_line(bytes, ahead, |at| {
        for at in [at, at + 32] {
            // SAFETY: there is a line, so a line from `at` on is within `bytes`, as `for_each_line` says,
            // and its records are within twice that.
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
unsafe fn joins6(from: *const u8, bytes: usize, to: *mut u8, ahead: Lines) {
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
/// As [`joins4`]. `common` is a record of 32 bytes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn memberships4(from: *const u8, bytes: usize, to: *mut u8, common: &[u8], ahead: Lines) {
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

/// The bytes of an entry of IPv4.
const ENTRY_BYTES: usize = 16;

/// The keys of a vector.
const KEYS: usize = 4;

/// By which keys of a vector are shown, the halves of their words, moved to the front.
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

/// Which words of a vector are all ones, as bits.
#[inline]
#[target_feature(enable = "avx2")]
fn bits(words: __m256i) -> u32 {
    _mm256_movemask_pd(_mm256_castsi256_pd(words)).cast_unsigned()
}

/// Compacts keys as [`Kernel::compact`](super::Kernel::compact), as long as there are as many as a
/// vector has, and room for their records or nothing to show. Returns how many keys that were.
///
/// # Safety
///
/// [`is_available`], and the recipe's shape is [`Shape::Join4`].
#[target_feature(enable = "avx2,popcnt")]
pub(super) unsafe fn compact<R: Recipe>(
    recipe: R,
    selection: &Selection<R::Family>,
    last: &mut Last<R::Family>,
    keys: &[R::Key],
    room: &mut Room<'_, R::Record>,
    ahead: Lines,
) -> usize {
    const { assert!(R::SHAPE.fits::<R>()) };
    debug_assert_eq!(R::SHAPE, Shape::Join4);
    let [low, high] = [selection.low, selection.high].map(|source| source.to_number() as u32);
    let Some(width) = high.checked_sub(low) else {
        return keys.len();
    };
    let reversed = places(&REVERSED4);
    // As in the kernel of AVX-512. Signed comparisons compare unsigned numbers once the highest bits
    // of both are turned over.
    let sign = _mm256_set1_epi64x(i64::MIN);
    let range_start = _mm256_set1_epi64x((u64::from(low) << 32).cast_signed());
    let range_width = _mm256_set1_epi64x((u64::from(width) << 32).cast_signed() ^ i64::MIN);
    let group_bits = _mm256_set1_epi64x(!0 << 32);
    let shown_bits = if selection.shows_source { _mm256_set1_epi64x(-1) } else { group_bits };
    // In registers: what is written might else be the room itself, for all that a compiler knows.
    let (mut to, mut left) = (room.next().cast::<u8>(), room.left());
    let once_a_group = selection.once == Each::Group;
    let mut before = _mm256_set1_epi64x(last.map_or(0, word).cast_signed());
    let mut before_in_range = last.is_some();

    let (mut at, mut line) = (0, 0);
    while at + KEYS <= keys.len() {
        // A line has the keys of two vectors.
        if at % (2 * KEYS) == 0 && line < ahead.count() {
            ahead.ask(line);
            line += 1;
        }
        // SAFETY: there are four keys from `at` on.
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
            // SAFETY: the table has an entry for each number of four bits. There is room for the
            // records of a whole vector (I1 of `Room`), of which the first ones are those shown, and
            // the others unspecified.
            unsafe {
                let front = TO_FRONT.as_ptr().add(shown as usize).cast();
                let some = _mm256_permutevar8x32_epi32(vector, _mm256_loadu_si256(front));
                let some = _mm256_and_si256(some, shown_bits);
                let [first, second] = records4(some, reversed);
                _mm256_storeu_si256(to.cast(), first);
                // As in the kernel of AVX-512.
                if !once_a_group || count_shown > KEYS / 2 {
                    _mm256_storeu_si256(to.add(32).cast(), second);
                }
                to = to.add(count_shown * ENTRY_BYTES);
            }
            left -= count_shown;
        }
        // Its first word is the last key.
        before = moved;
        before_in_range = in_range >> (KEYS - 1) != 0;
        at += KEYS;
    }
    // SAFETY: so many records were written.
    unsafe { room.fill(room.left() - left) };
    ahead.ask_from(line);
    if at > 0 {
        *last = if before_in_range { recipe.join(keys[at - 1]) } else { None };
    }
    at
}
