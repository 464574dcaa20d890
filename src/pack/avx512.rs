//! The kernel for processors with AVX-512 and its byte permutations (VBMI).
//!
//! One permutation moves every byte of up to eight keys to its place in the records, with the bytes of
//! an address in the place of its mask, too; where these are not zero, all ones are put there.

use std::arch::x86_64::*;

use bytemuck::{Zeroable, bytes_of};

use super::layout::{self, Shuffle};
use super::lines::for_each_line;
use super::recipe::Shape;
use super::{Each, Last, Recipe, Room, Selection, portable, word};
use crate::family::sealed::Keys;
use crate::prefetch::{LINE_BYTES, Lines};

/// Whether the processor has the instructions.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("popcnt")
}

/// The halves of words of masks in entries of IPv4, and in records of memberships of IPv4.
const MASKS_OF_ENTRIES: u16 = 0b1010_1010_1010_1010;
const MASKS_OF_MEMBERSHIPS: u16 = 0b0000_1010_0000_1010;

/// The words of masks in an entry of IPv6.
const MASKS_OF_ENTRY6: u8 = 0b1100_1100;

/// As [`Kernel::expand`](super::Kernel::expand).
///
/// # Safety
///
/// [`is_available`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(super) unsafe fn expand<R: Recipe>(
    recipe: R,
    keys: &[R::Key],
    room: &mut Room<'_, R::Record>,
    ahead: Lines,
) {
    const { assert!(R::SHAPE.fits::<R>()) };
    let keys = &keys[..keys.len().min(room.left())];
    let bytes = size_of_val(keys);
    let shape = R::SHAPE;
    if bytes < LINE_BYTES && shape != Shape::Membership6 {
        return portable::expand(recipe, keys, room, ahead);
    }
    let (from, to) = (keys.as_ptr().cast(), room.next().cast());
    let common = recipe.record(R::Key::zeroed(), true);
    // From `from` on there are a line of keys or more, but for memberships of IPv6, which are counted.
    // SAFETY: keys and records have the shape's sizes (`Shape::fits`), and the records have room from `to`
    // on (I1 of `Room`). For what is filled: all of these are written.
    unsafe {
        match shape {
            Shape::Join4 => joins4(from, bytes, to, ahead),
            Shape::Join6 => joins6(from, bytes, to, ahead),
            Shape::Membership4 => memberships4(from, bytes, to, bytes_of(&common), ahead),
            Shape::Membership6 => memberships6(from, keys.len(), to, bytes_of(&common), ahead),
            Shape::InterfaceJoin => return portable::expand(recipe, keys, room, ahead),
        }
        room.fill(keys.len());
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn places(shuffle: &Shuffle<64>) -> __m512i {
    // SAFETY: the array has 64 bytes.
    unsafe { _mm512_loadu_si512(shuffle.places.as_ptr().cast()) }
}

/// Records of IPv4 whose masks have their addresses, with their masks.
#[inline]
#[target_feature(enable = "avx512f")]
fn with_masks(records: __m512i, masks: u16) -> __m512i {
    let is_host = _mm512_mask_test_epi32_mask(masks, records, records);
    _mm512_mask_mov_epi32(records, is_host, _mm512_set1_epi32(-1))
}

/// The same of an entry of IPv6.
#[inline]
#[target_feature(enable = "avx512f")]
fn with_masks6(entry: __m512i) -> __m512i {
    // Of each address both words have what either of them has.
    let either = _mm512_or_si512(entry, _mm512_shuffle_epi32::<0b01_00_11_10>(entry));
    let is_host = _mm512_mask_test_epi64_mask(MASKS_OF_ENTRY6, either, either);
    _mm512_mask_mov_epi64(entry, is_host, _mm512_set1_epi64(-1))
}

/// # Safety
///
/// `from` begins `bytes` bytes of keys, a line or more, and from `to` on twice as many may be written.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn joins4(from: *const u8, bytes: usize, to: *mut u8, ahead: Lines) {
    let [low, high] = [places(&layout::JOINS4[0]), places(&layout::JOINS4[1])];
    for_each_line(bytes, ahead, |at| {
        // SAFETY: there is a line, so a line from `at` on is within `bytes`, as `for_each_line` says, and
        // its records are within twice that.
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
unsafe fn joins6(from: *const u8, bytes: usize, to: *mut u8, ahead: Lines) {
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
/// As [`joins4`]. `common` is a record of 32 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn memberships4(from: *const u8, bytes: usize, to: *mut u8, common: &[u8], ahead: Lines) {
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
/// `from` begins `count` keys of 40 bytes, and from `to` on as many records of 96 bytes may be
/// written. `common` is such a record.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
unsafe fn memberships6(from: *const u8, count: usize, to: *mut u8, common: &[u8], ahead: Lines) {
    const KEY_WORDS: __mmask8 = 0b1_1111;
    debug_assert_eq!(common.len(), 96);
    ahead.ask_from(0);
    let [entry, rest] = &layout::ONE_MEMBERSHIP6;
    let [entry_places, rest_places] = [places(entry), places(rest)];
    let rest_present = rest.present as u32;
    // SAFETY: `common` has 96 bytes.
    let common = unsafe { _mm256_loadu_si256(common.as_ptr().add(64).cast()) };
    for at in 0..count {
        // SAFETY: key and record `at` are within what the caller promises; no more than the five
        // words of the key are loaded.
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

/// The bytes of an entry of IPv4.
const ENTRY_BYTES: usize = 16;

/// The keys of a vector.
const KEYS: usize = 8;

/// Compacts keys as [`Kernel::compact`](super::Kernel::compact), as long as there is room for a vector
/// of records or nothing to show. Returns how many keys that were.
///
/// # Safety
///
/// [`is_available`], and the recipe's shape is [`Shape::Join4`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,popcnt")]
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
    let [low_places, high_places] = [places(&layout::JOINS4[0]), places(&layout::JOINS4[1])];
    // A source is in the range if it is not further above the low end than the high end is. The
    // comparison is made in the high halves of words, where sources are moved to.
    let range_start = _mm512_set1_epi64((u64::from(low) << 32).cast_signed());
    let range_width = match high.checked_sub(low) {
        Some(width) => _mm512_set1_epi64((u64::from(width) << 32).cast_signed()),
        None => return keys.len(),
    };
    let group_bits = _mm512_set1_epi64(!0 << 32);
    let shown_bits = if selection.shows_source { _mm512_set1_epi64(-1) } else { group_bits };
    // In registers: what is written might else be the room itself, for all that a compiler knows.
    let (mut to, mut left) = (room.next().cast::<u8>(), room.left());
    let once_a_group = selection.once == Each::Group;
    // The key before the vector's first, in the last place, and whether it was in the range.
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
            // SAFETY: there are as many keys from `at` on as a vector has.
            (u8::MAX, unsafe { _mm512_loadu_si512(keys.as_ptr().add(at).cast()) })
        } else {
            let present = u8::MAX >> (KEYS - count);
            // SAFETY: only the places that are present are loaded.
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
            // SAFETY: there is room for the records of a whole vector (I1 of `Room`), of which the
            // first ones are those shown, and the others unspecified.
            unsafe {
                let records = _mm512_permutexvar_epi8(low_places, some);
                _mm512_storeu_si512(to.cast(), with_masks(records, MASKS_OF_ENTRIES));
                // Of once a group there are few, mostly in the first half: a branch that is guessed right.
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
    // SAFETY: so many records were written.
    unsafe { room.fill(room.left() - left) };
    ahead.ask_from(step);
    if at > 0 {
        // Sources of the range are neighbours, so none before one out of it matters any more.
        *last = if before_in_range { recipe.join(keys[at - 1]) } else { None };
    }
    at
}
