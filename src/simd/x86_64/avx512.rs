//! The kernel for AVX-512 with byte permutations (VBMI).
//!
//! One permutation moves the bytes of up to eight keys to their places in the records. It also copies each
//! address to the place of its mask; if the copy is not 0, it is replaced by all ones.

use std::arch::x86_64::*;

use crate::simd::prefetch::PrefetchRange;
use crate::simd::recipe::Recipe;
use crate::simd::record_buf::RecordBuf;
use crate::simd::selection::{Last, Selection};
use crate::simd::vector::layout::{self, Shuffle};
use crate::simd::vector::lines::for_each_line;
use crate::simd::vector::{self, Expand, Lanes};
use crate::types::key::Entries;

/// Whether the processor has the instructions that this kernel uses.
pub(in crate::simd) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("lzcnt")
}

/// The 32-bit lanes of masks in a vector of IPv4 joins, and in a vector of IPv4 memberships.
const MASKS_OF_ENTRIES: u16 = 0b1010_1010_1010_1010;
const MASKS_OF_MEMBERSHIPS: u16 = 0b0000_1010_0000_1010;

/// The 64-bit lanes of masks in the record of an IPv6 join.
const MASKS_OF_ENTRY6: u8 = 0b1100_1100;

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

/// The first and the second 64 bytes of the records of eight IPv4 join keys.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn records4(keys: __m512i) -> [__m512i; 2] {
    let [low, high] = &layout::JOINS4;
    let first = _mm512_permutexvar_epi8(places(low), keys);
    let second = _mm512_permutexvar_epi8(places(high), keys);
    [with_masks(first, MASKS_OF_ENTRIES), with_masks(second, MASKS_OF_ENTRIES)]
}

/// The records of two IPv6 join keys.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn records6(keys: __m512i) -> [__m512i; 2] {
    let [low, high] = &layout::JOINS6;
    let first = _mm512_permutexvar_epi8(places(low), keys);
    let second = _mm512_permutexvar_epi8(places(high), keys);
    [with_masks6(first), with_masks6(second)]
}

/// The loops of [`vector::expand`].
pub(in crate::simd) enum Avx512 {}

impl Expand for Avx512 {
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    unsafe fn joins4(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange) {
        for_each_line(bytes, ahead, |at| {
            // SAFETY: a line from the offset of `for_each_line` on is within `bytes`, and its records, at
            // twice the offset, are within `2 * bytes`.
            unsafe {
                let [first, second] = records4(_mm512_loadu_si512(from.add(at).cast()));
                let to = to.add(2 * at);
                _mm512_storeu_si512(to.cast(), first);
                _mm512_storeu_si512(to.add(64).cast(), second);
            }
        });
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    unsafe fn joins6(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange) {
        for_each_line(bytes, ahead, |at| {
            // SAFETY: as in `joins4`.
            unsafe {
                let [first, second] = records6(_mm512_loadu_si512(from.add(at).cast()));
                let to = to.add(2 * at);
                _mm512_storeu_si512(to.cast(), first);
                _mm512_storeu_si512(to.add(64).cast(), second);
            }
        });
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    unsafe fn memberships4(
        from: *const u8,
        flags: *const u8,
        bytes: usize,
        to: *mut u8,
        ahead: PrefetchRange,
    ) {
        // Where the flags of the first and of the second record are in a vector of records.
        const FLAGS: u64 = 1 << layout::FLAGS4_AT | 1 << (32 + layout::FLAGS4_AT);
        let shuffles = &layout::MEMBERSHIPS4;
        let [low, high] = [places(&shuffles[0]), places(&shuffles[1])];
        let present = shuffles[0].present;
        // The four flags are in each 32 bits of a vector. These choose those of a half.
        const ONE: i64 = 0x0101_0101_0101_0101;
        const TWO: i64 = 2 * ONE;
        const THREE: i64 = 3 * ONE;
        let low_flags = _mm512_setr_epi64(0, 0, 0, 0, ONE, ONE, ONE, ONE);
        let high_flags = _mm512_setr_epi64(TWO, TWO, TWO, TWO, THREE, THREE, THREE, THREE);
        for_each_line(bytes, ahead, |at| {
            // SAFETY: as in `joins4`. A line has four keys, and `flags` a byte for each.
            unsafe {
                let keys = _mm512_loadu_si512(from.add(at).cast());
                let flags = _mm512_set1_epi32(flags.add(at / 16).cast::<i32>().read_unaligned());
                let to = to.add(2 * at);
                for (places, flags_places, to) in
                    [(low, low_flags, to), (high, high_flags, to.add(64))]
                {
                    let records = _mm512_maskz_permutexvar_epi8(present, places, keys);
                    let records = with_masks(records, MASKS_OF_MEMBERSHIPS);
                    let records = _mm512_mask_shuffle_epi8(records, FLAGS, flags, flags_places);
                    _mm512_storeu_si512(to.cast(), records);
                }
            }
        });
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
    unsafe fn memberships6(from: *const u8, flags: *const u8, count: usize, to: *mut u8) {
        const KEY_WORDS: __mmask8 = 0b1_1111;
        const FLAGS: __mmask8 = 1 << (layout::FLAGS6_AT / 4);
        let [entry, rest] = &layout::ONE_MEMBERSHIP6;
        let [entry_places, rest_places] = [places(entry), places(rest)];
        let rest_present = rest.present & u64::from(u32::MAX);
        for at in 0..count {
            // SAFETY: `at < count`, so key, flags and record `at` are within the `count` ones. The masked
            // load reads only the five words of the key; 64 and 32 bytes are the whole record.
            unsafe {
                let key = _mm512_maskz_loadu_epi64(KEY_WORDS, from.add(40 * at).cast());
                let flags = i32::from(*flags.add(at));
                let to = to.add(96 * at);
                let entry = _mm512_permutexvar_epi8(entry_places, key);
                _mm512_storeu_si512(to.cast(), with_masks6(entry));
                // The rest comes from the first and the last word of the key.
                let rest = _mm512_maskz_permutexvar_epi8(rest_present, rest_places, key);
                let rest = _mm512_castsi512_si256(rest);
                _mm256_storeu_si256(to.add(64).cast(), _mm256_mask_set1_epi32(rest, FLAGS, flags));
            }
        }
    }
}

/// Eight IPv4 joins, as join keys.
#[derive(Clone, Copy)]
struct Joins4(__m512i);

impl Lanes for Joins4 {
    const COUNT: usize = 8;

    /// The lowest source, and the highest minus the lowest, each in the high half of a lane.
    type Range = (__m512i, __m512i);

    #[inline(always)]
    unsafe fn range(low: u128, high: u128) -> Self::Range {
        // SAFETY: the processor has the instructions, as in all functions below.
        unsafe {
            let (low, width) = ((low as i64) << 32, ((high - low) as i64) << 32);
            (_mm512_set1_epi64(low), _mm512_set1_epi64(width))
        }
    }

    #[inline(always)]
    unsafe fn splat(group: u128, source: u128) -> Self {
        // SAFETY: as in `range`.
        unsafe { Self(_mm512_set1_epi64((group << 32 | source) as i64)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: eight keys have 64 bytes.
        unsafe { Self(_mm512_loadu_si512(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_by_interface(from: *const u8) -> Self {
        // SAFETY: eight keys have 128 bytes.
        unsafe {
            let first = _mm512_loadu_si512(from.cast());
            let second = _mm512_loadu_si512(from.add(64).cast());
            // In halves of words: a key has four, of which 0 is the group and 3 the source.
            let places =
                _mm512_setr_epi32(3, 0, 7, 4, 11, 8, 15, 12, 19, 16, 23, 20, 27, 24, 31, 28);
            Self(_mm512_permutex2var_epi32(first, places, second))
        }
    }

    #[inline(always)]
    unsafe fn in_range(self, (low, width): Self::Range) -> u32 {
        // The distance wraps to a large number below `low`, so that one comparison checks both bounds. The
        // shift moves the group out.
        // SAFETY: as in `range`.
        unsafe {
            let distance = _mm512_sub_epi64(_mm512_slli_epi64::<32>(self.0), low);
            _mm512_cmple_epu64_mask(distance, width).into()
        }
    }

    #[inline(always)]
    unsafe fn same_group(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe {
            let previous = _mm512_alignr_epi64::<7>(self.0, before.0);
            let differences = _mm512_xor_si512(self.0, previous);
            _mm512_testn_epi64_mask(differences, _mm512_set1_epi64(!0 << 32)).into()
        }
    }

    #[inline(always)]
    unsafe fn same_join(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe {
            let previous = _mm512_alignr_epi64::<7>(self.0, before.0);
            _mm512_cmpeq_epi64_mask(self.0, previous).into()
        }
    }

    #[inline(always)]
    unsafe fn without_sources(self) -> Self {
        // SAFETY: as in `range`.
        unsafe { Self(_mm512_and_si512(self.0, _mm512_set1_epi64(!0 << 32))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: eight records have 128 bytes.
        unsafe {
            let [first, second] = records4(self.0);
            _mm512_storeu_si512(to.cast(), first);
            _mm512_storeu_si512(to.add(64).cast(), second);
        }
    }

    #[inline(always)]
    unsafe fn store_some(self, shown: u32, are_few: bool, to: *mut u8) {
        // SAFETY: eight records have 128 bytes.
        unsafe {
            let some = _mm512_maskz_compress_epi64(shown as u8, self.0);
            let [first, second] = records4(some);
            _mm512_storeu_si512(to.cast(), first);
            // If few are shown, they are mostly in the first half: this branch is predicted well.
            if !are_few || shown.count_ones() > 4 {
                _mm512_storeu_si512(to.add(64).cast(), second);
            }
        }
    }
}

/// Eight IPv6 joins: two join keys in each vector.
#[derive(Clone, Copy)]
struct Joins6([__m512i; 4]);

/// The join keys of the two `ByInterfaceKey6` at `from`.
///
/// # Safety
///
/// `from` must be valid for reads of 80 bytes.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn join_keys6(from: *const u8) -> __m512i {
    // SAFETY: the first and the last 64 of the 80 bytes.
    let (begin, end) =
        unsafe { (_mm512_loadu_si512(from.cast()), _mm512_loadu_si512(from.add(16).cast())) };
    // In halves of words: a key has ten, and its join key is 3, 0, 5, 2, 7, 4, 9, 6. `end` begins with 4 of
    // the first key, and its halves are numbered from 16 on.
    let places = _mm512_setr_epi32(3, 0, 5, 2, 7, 4, 9, 6, 13, 10, 15, 12, 29, 14, 31, 28);
    _mm512_permutex2var_epi32(begin, places, end)
}

impl Joins6 {
    /// The words `word` of each key, and the words after it: 0 and 1 are the group, 2 and 3 the source.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn words(self, word: i64) -> [__m512i; 2] {
        let places =
            _mm512_add_epi64(_mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13), _mm512_set1_epi64(word));
        let first = _mm512_permutex2var_epi64(self.0[0], places, self.0[1]);
        let second = _mm512_permutex2var_epi64(self.0[2], places, self.0[3]);
        [
            _mm512_shuffle_i64x2::<0b01_00_01_00>(first, second),
            _mm512_shuffle_i64x2::<0b11_10_11_10>(first, second),
        ]
    }

    /// The lanes in which the words `word` and `word + 1` are as in the lane before, of those in `lanes`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn same_words(self, before: Self, word: i64, lanes: u8) -> u8 {
        let [high, low] = self.words(word);
        // The last key of the vector before is in the high half of its last part.
        let previous = |words, word| {
            let places = _mm512_setr_epi64(8 + 4 + word, 0, 1, 2, 3, 4, 5, 6);
            _mm512_permutex2var_epi64(words, places, before.0[3])
        };
        let same = _mm512_mask_cmpeq_epi64_mask(lanes, high, previous(high, word));
        _mm512_mask_cmpeq_epi64_mask(same, low, previous(low, word + 1))
    }
}

impl Lanes for Joins6 {
    const COUNT: usize = 8;

    /// The words of the lowest source, and of the highest.
    type Range = [__m512i; 4];

    #[inline(always)]
    unsafe fn range(low: u128, high: u128) -> Self::Range {
        let [a, b, c, d] = [low >> 64, low, high >> 64, high].map(|word| word as i64);
        // SAFETY: the processor has the instructions, as in all functions below.
        unsafe {
            let (a, b) = (_mm512_set1_epi64(a), _mm512_set1_epi64(b));
            [a, b, _mm512_set1_epi64(c), _mm512_set1_epi64(d)]
        }
    }

    #[inline(always)]
    unsafe fn splat(group: u128, source: u128) -> Self {
        let [a, b, c, d] = [group >> 64, group, source >> 64, source].map(|word| word as i64);
        // SAFETY: as in `range`.
        unsafe { Self([_mm512_setr_epi64(a, b, c, d, a, b, c, d); 4]) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: eight keys have 256 bytes.
        unsafe {
            Self([
                _mm512_loadu_si512(from.cast()),
                _mm512_loadu_si512(from.add(64).cast()),
                _mm512_loadu_si512(from.add(128).cast()),
                _mm512_loadu_si512(from.add(192).cast()),
            ])
        }
    }

    #[inline(always)]
    unsafe fn load_by_interface(from: *const u8) -> Self {
        // SAFETY: eight keys are four pairs of 80 bytes.
        unsafe {
            Self([
                join_keys6(from),
                join_keys6(from.add(80)),
                join_keys6(from.add(160)),
                join_keys6(from.add(240)),
            ])
        }
    }

    #[inline(always)]
    unsafe fn in_range(self, [low_high, low_low, high_high, high_low]: Self::Range) -> u32 {
        // SAFETY: as in `range`.
        unsafe {
            let [high, low] = self.words(2);
            let is_equal = _mm512_cmpeq_epi64_mask(high, low_high);
            let from_low = _mm512_cmpgt_epu64_mask(high, low_high)
                | _mm512_mask_cmpge_epu64_mask(is_equal, low, low_low);
            let is_equal = _mm512_cmpeq_epi64_mask(high, high_high);
            let to_high = _mm512_cmplt_epu64_mask(high, high_high)
                | _mm512_mask_cmple_epu64_mask(is_equal, low, high_low);
            (from_low & to_high).into()
        }
    }

    #[inline(always)]
    unsafe fn same_group(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe { self.same_words(before, 0, u8::MAX).into() }
    }

    #[inline(always)]
    unsafe fn same_join(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe { self.same_words(before, 2, self.same_words(before, 0, u8::MAX)).into() }
    }

    #[inline(always)]
    unsafe fn without_sources(self) -> Self {
        const GROUPS: u8 = 0b0011_0011;
        let [a, b, c, d] = self.0;
        // SAFETY: as in `range`.
        unsafe {
            let (a, b) = (_mm512_maskz_mov_epi64(GROUPS, a), _mm512_maskz_mov_epi64(GROUPS, b));
            let (c, d) = (_mm512_maskz_mov_epi64(GROUPS, c), _mm512_maskz_mov_epi64(GROUPS, d));
            Self([a, b, c, d])
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the records are 64 bytes each, and `to` has room for eight.
        unsafe {
            for (pair, keys) in self.0.into_iter().enumerate() {
                let [first, second] = records6(keys);
                _mm512_storeu_si512(to.add(128 * pair).cast(), first);
                _mm512_storeu_si512(to.add(128 * pair + 64).cast(), second);
            }
        }
    }

    #[inline(always)]
    unsafe fn store_some(self, shown: u32, _: bool, to: *mut u8) {
        let (mut to, mut shown) = (to, shown as usize);
        // Stores every record; the next one overwrites it if it is not shown.
        for keys in self.0 {
            // SAFETY: `to` moves by at most one record for each that is stored, and there is room for
            // eight.
            unsafe {
                for record in records6(keys) {
                    _mm512_storeu_si512(to.cast(), record);
                    to = to.add(64 * (shown & 1));
                    shown >>= 1;
                }
            }
        }
    }
}

/// As [`vector::compact`].
///
/// # Safety
///
/// [`is_available`] must be true.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,popcnt,lzcnt")]
pub(in crate::simd) unsafe fn compact<R: Recipe>(
    recipe: R,
    selection: &Selection<R::Family>,
    last: &mut Last<R::Family>,
    entries: Entries<'_, R::Key, R::Value>,
    buf: &mut RecordBuf<'_, R::Record>,
    ahead: PrefetchRange,
) -> usize {
    // SAFETY: the processor has the instructions, and this function enables them.
    unsafe { vector::compact::<Joins4, Joins6, R>(recipe, selection, last, entries, buf, ahead) }
}
