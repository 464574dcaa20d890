//! The kernel for AVX2.
//!
//! Shuffles of AVX2 move bytes only within each half of a vector, so keys are first moved to the half in
//! which their records will be.

use std::arch::x86_64::*;

use crate::simd::prefetch::PrefetchRange;
use crate::simd::recipe::Recipe;
use crate::simd::record_buf::RecordBuf;
use crate::simd::selection::{Last, Selection};
use crate::simd::vector::layout;
use crate::simd::vector::lines::for_each_line;
use crate::simd::vector::{self, Expand, Lanes};
use crate::types::key::Entries;

/// Whether the processor has the instructions that this kernel uses.
pub(in crate::simd) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("lzcnt")
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
fn records4(keys: __m256i) -> [__m256i; 2] {
    // Keys 0 and 2 to the low half, 1 and 3 to the high half.
    let keys = _mm256_permute4x64_epi64::<0b11_01_10_00>(keys);
    let addresses = _mm256_shuffle_epi8(keys, places(&REVERSED4));
    let is_any = _mm256_cmpeq_epi32(addresses, _mm256_setzero_si256());
    let masks = _mm256_xor_si256(is_any, _mm256_set1_epi32(-1));
    [_mm256_unpacklo_epi32(addresses, masks), _mm256_unpackhi_epi32(addresses, masks)]
}

/// The record of an IPv6 join key: the source with its mask, and the group with its mask.
#[inline]
#[target_feature(enable = "avx2")]
fn record6(key: __m256i) -> [__m256i; 2] {
    let addresses = _mm256_shuffle_epi8(key, places(&REVERSED8));
    let words = _mm256_cmpeq_epi64(addresses, _mm256_setzero_si256());
    let other_words = _mm256_shuffle_epi32::<0b01_00_11_10>(words);
    let is_any = _mm256_and_si256(words, other_words);
    let masks = _mm256_xor_si256(is_any, _mm256_set1_epi32(-1));
    let source = _mm256_permute2x128_si256::<0x31>(addresses, masks);
    let group = _mm256_permute2x128_si256::<0x20>(addresses, masks);
    [source, group]
}

/// The join key of the `ByInterfaceKey6` at `from`.
///
/// # Safety
///
/// `from` must be valid for reads of 40 bytes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn join_key6(from: *const u8) -> __m256i {
    // SAFETY: the first 32 and the last 4 bytes are within the 40 bytes.
    let (begin, end) =
        unsafe { (_mm256_loadu_si256(from.cast()), from.add(36).cast::<i32>().read_unaligned()) };
    // In halves of words: the key has ten, and its join key is 3, 0, 5, 2, 7, 4, 9, 6.
    let places = _mm256_setr_epi32(3, 0, 5, 2, 7, 4, 0, 6);
    let begin = _mm256_permutevar8x32_epi32(begin, places);
    _mm256_blend_epi32::<0b0100_0000>(begin, _mm256_set1_epi32(end))
}

/// The loops of [`vector::expand`].
pub(in crate::simd) enum Avx2 {}

impl Expand for Avx2 {
    #[target_feature(enable = "avx2")]
    unsafe fn joins4(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange) {
        for_each_line(bytes, ahead, |at| {
            for at in [at, at + 32] {
                // SAFETY: a line from the offset of `for_each_line` on is within `bytes`, and this is its
                // first or second half. Its records are at twice the offset, and within `2 * bytes`.
                unsafe {
                    let [first, second] = records4(_mm256_loadu_si256(from.add(at).cast()));
                    let to = to.add(2 * at);
                    _mm256_storeu_si256(to.cast(), first);
                    _mm256_storeu_si256(to.add(32).cast(), second);
                }
            }
        });
    }

    #[target_feature(enable = "avx2")]
    unsafe fn joins6(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange) {
        for_each_line(bytes, ahead, |at| {
            for at in [at, at + 32] {
                // SAFETY: as in `joins4`.
                unsafe {
                    let [source, group] = record6(_mm256_loadu_si256(from.add(at).cast()));
                    let to = to.add(2 * at);
                    _mm256_storeu_si256(to.cast(), source);
                    _mm256_storeu_si256(to.add(32).cast(), group);
                }
            }
        });
    }

    #[target_feature(enable = "avx2")]
    unsafe fn memberships4(
        from: *const u8,
        flags: *const u8,
        bytes: usize,
        to: *mut u8,
        ahead: PrefetchRange,
    ) {
        const { assert!(layout::FLAGS4_AT == 4 * 7) };
        let places = places(&layout::ONE_MEMBERSHIP4.places);
        let masks = _mm256_setr_epi32(0, -1, 0, -1, 0, 0, 0, 0);
        let low_byte = _mm256_set1_epi32(0xff);
        for_each_line(bytes, ahead, |at| {
            // SAFETY: as in `joins4`. A line has four keys, and `flags` a byte for each.
            unsafe {
                let mut flags =
                    _mm256_set1_epi32(flags.add(at / 16).cast::<i32>().read_unaligned());
                for at in [at, at + 16, at + 32, at + 48] {
                    let key = _mm_loadu_si128(from.add(at).cast());
                    let record = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(key), places);
                    let is_any = _mm256_cmpeq_epi32(record, _mm256_setzero_si256());
                    let record = _mm256_or_si256(record, _mm256_andnot_si256(is_any, masks));
                    let own_flags = _mm256_and_si256(flags, low_byte);
                    let record = _mm256_blend_epi32::<0b1000_0000>(record, own_flags);
                    _mm256_storeu_si256(to.add(2 * at).cast(), record);
                    flags = _mm256_srli_epi32::<8>(flags);
                }
            }
        });
    }

    #[target_feature(enable = "avx2")]
    unsafe fn memberships6(from: *const u8, flags: *const u8, count: usize, to: *mut u8) {
        const { assert!(layout::FLAGS6_AT == 4 * 6) };
        for at in 0..count {
            // SAFETY: `at < count`, so key, flags and record `at` are within the `count` ones. The halves of
            // words 1 and 8 are in the key; three times 32 bytes are the record.
            unsafe {
                let (key, to) = (from.add(40 * at), to.add(96 * at));
                let [source, group] = record6(join_key6(key));
                _mm256_storeu_si256(to.cast(), source);
                _mm256_storeu_si256(to.add(32).cast(), group);
                let index = key.add(4).cast::<i32>().read_unaligned();
                let protocol = key.add(32).cast::<i32>().read_unaligned();
                let flags = i32::from(*flags.add(at));
                let rest = _mm256_setr_epi32(0, 0, 0, 0, index, protocol, flags, 0);
                _mm256_storeu_si256(to.add(64).cast(), rest);
            }
        }
    }
}

/// One bit for each 64-bit lane of a vector: its highest bit.
#[inline]
#[target_feature(enable = "avx2")]
fn bits(words: __m256i) -> u32 {
    _mm256_movemask_pd(_mm256_castsi256_pd(words)).cast_unsigned()
}

/// The words, with the highest bits flipped. AVX2 has only signed comparisons; they compare unsigned numbers
/// so flipped.
#[inline]
#[target_feature(enable = "avx2")]
fn flipped(words: __m256i) -> __m256i {
    _mm256_xor_si256(words, _mm256_set1_epi64x(i64::MIN))
}

/// The words, each moved to the lane above, and into the first lane the first word of `first`.
#[inline]
#[target_feature(enable = "avx2")]
fn moved_up(words: __m256i, first: __m256i) -> __m256i {
    _mm256_blend_epi32::<0b11>(_mm256_permute4x64_epi64::<0b10_01_00_00>(words), first)
}

/// For each set of shown lanes, as bits, the permutation of 32-bit halves that moves these lanes to the
/// front.
static TO_FRONT: [[i32; 8]; 16] = to_front();

const fn to_front() -> [[i32; 8]; 16] {
    let mut table = [[0; 8]; 16];
    let mut shown = 0;
    while shown < table.len() {
        let (mut lane, mut place) = (0i32, 0);
        while lane < 4 {
            if shown >> lane & 1 == 1 {
                table[shown][place] = 2 * lane;
                table[shown][place + 1] = 2 * lane + 1;
                place += 2;
            }
            lane += 1;
        }
        shown += 1;
    }
    table
}

/// Four IPv4 joins, as join keys.
#[derive(Clone, Copy)]
struct Joins4(__m256i);

impl Lanes for Joins4 {
    const COUNT: usize = 4;

    /// The lowest source, and the highest minus the lowest with the highest bit flipped, each in the high
    /// half of a lane.
    type Range = (__m256i, __m256i);

    #[inline(always)]
    unsafe fn range(low: u128, high: u128) -> Self::Range {
        let (low, width) = ((low as i64) << 32, ((high - low) as i64) << 32);
        // SAFETY: the processor has the instructions, as in all functions below.
        unsafe { (_mm256_set1_epi64x(low), flipped(_mm256_set1_epi64x(width))) }
    }

    #[inline(always)]
    unsafe fn splat(group: u128, source: u128) -> Self {
        // SAFETY: as in `range`.
        unsafe { Self(_mm256_set1_epi64x((group << 32 | source) as i64)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: four keys have 32 bytes.
        unsafe { Self(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_by_interface(from: *const u8) -> Self {
        // SAFETY: four keys have 64 bytes.
        unsafe {
            let first = _mm256_castsi256_ps(_mm256_loadu_si256(from.cast()));
            let second = _mm256_castsi256_ps(_mm256_loadu_si256(from.add(32).cast()));
            // In halves of words: a key has four, of which 3 is the source and 0 the group. The shuffle takes
            // them from the keys 0 and 2 in the low half, and 1 and 3 in the high half.
            let joins = _mm256_castps_si256(_mm256_shuffle_ps::<0b00_11_00_11>(first, second));
            Self(_mm256_permute4x64_epi64::<0b11_01_10_00>(joins))
        }
    }

    #[inline(always)]
    unsafe fn in_range(self, (low, width): Self::Range) -> u32 {
        // The distance wraps to a large number below `low`, so that one comparison checks both bounds. The
        // shift moves the group out.
        // SAFETY: as in `range`.
        unsafe {
            let distance = _mm256_sub_epi64(_mm256_slli_epi64::<32>(self.0), low);
            !bits(_mm256_cmpgt_epi64(flipped(distance), width)) & 0b1111
        }
    }

    #[inline(always)]
    unsafe fn same_group(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe {
            let last = _mm256_permute4x64_epi64::<0b11>(before.0);
            let differences = _mm256_xor_si256(self.0, moved_up(self.0, last));
            let differences = _mm256_srli_epi64::<32>(differences);
            bits(_mm256_cmpeq_epi64(differences, _mm256_setzero_si256()))
        }
    }

    #[inline(always)]
    unsafe fn same_join(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe {
            let last = _mm256_permute4x64_epi64::<0b11>(before.0);
            bits(_mm256_cmpeq_epi64(self.0, moved_up(self.0, last)))
        }
    }

    #[inline(always)]
    unsafe fn without_sources(self) -> Self {
        // SAFETY: as in `range`.
        unsafe { Self(_mm256_and_si256(self.0, _mm256_set1_epi64x(!0 << 32))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: four records have 64 bytes.
        unsafe {
            let [first, second] = records4(self.0);
            _mm256_storeu_si256(to.cast(), first);
            _mm256_storeu_si256(to.add(32).cast(), second);
        }
    }

    #[inline(always)]
    unsafe fn store_some(self, shown: u32, are_few: bool, to: *mut u8) {
        // SAFETY: four records have 64 bytes. `shown` has four bits, and the table an entry for each.
        unsafe {
            let front = TO_FRONT.as_ptr().add(shown as usize).cast();
            let some = _mm256_permutevar8x32_epi32(self.0, _mm256_loadu_si256(front));
            let [first, second] = records4(some);
            _mm256_storeu_si256(to.cast(), first);
            // If few are shown, they are mostly in the first half: this branch is predicted well.
            if !are_few || shown.count_ones() > 2 {
                _mm256_storeu_si256(to.add(32).cast(), second);
            }
        }
    }
}

/// Four IPv6 joins: a join key in each vector.
#[derive(Clone, Copy)]
struct Joins6([__m256i; 4]);

impl Joins6 {
    /// The high and the low words of the groups.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn groups(self) -> [__m256i; 2] {
        let even = _mm256_permute2x128_si256::<0x20>(self.0[0], self.0[2]);
        let odd = _mm256_permute2x128_si256::<0x20>(self.0[1], self.0[3]);
        [_mm256_unpacklo_epi64(even, odd), _mm256_unpackhi_epi64(even, odd)]
    }

    /// The high and the low words of the sources.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sources(self) -> [__m256i; 2] {
        let even = _mm256_permute2x128_si256::<0x31>(self.0[0], self.0[2]);
        let odd = _mm256_permute2x128_si256::<0x31>(self.0[1], self.0[3]);
        [_mm256_unpacklo_epi64(even, odd), _mm256_unpackhi_epi64(even, odd)]
    }

    /// All ones in the lanes in which two words are as in the lane before. `last` has those before the first
    /// lane.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn same([high, low]: [__m256i; 2], last: __m256i) -> __m256i {
        let last_low = _mm256_shuffle_epi32::<0b01_00_11_10>(last);
        _mm256_and_si256(
            _mm256_cmpeq_epi64(high, moved_up(high, last)),
            _mm256_cmpeq_epi64(low, moved_up(low, last_low)),
        )
    }

    /// All ones in the lanes in which a number of two words is greater than another.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn is_greater([high, low]: [__m256i; 2], [than_high, than_low]: [__m256i; 2]) -> __m256i {
        let is_equal = _mm256_cmpeq_epi64(high, than_high);
        let low = _mm256_and_si256(is_equal, _mm256_cmpgt_epi64(low, than_low));
        _mm256_or_si256(_mm256_cmpgt_epi64(high, than_high), low)
    }
}

impl Lanes for Joins6 {
    const COUNT: usize = 4;

    /// The words of the lowest source, and of the highest, with the highest bits flipped.
    type Range = [[__m256i; 2]; 2];

    #[inline(always)]
    unsafe fn range(low: u128, high: u128) -> Self::Range {
        let [a, b, c, d] = [low >> 64, low, high >> 64, high].map(|word| word as i64);
        // SAFETY: the processor has the instructions, as in all functions below.
        unsafe {
            let low = [flipped(_mm256_set1_epi64x(a)), flipped(_mm256_set1_epi64x(b))];
            [low, [flipped(_mm256_set1_epi64x(c)), flipped(_mm256_set1_epi64x(d))]]
        }
    }

    #[inline(always)]
    unsafe fn splat(group: u128, source: u128) -> Self {
        let [a, b, c, d] = [group >> 64, group, source >> 64, source].map(|word| word as i64);
        // SAFETY: as in `range`.
        unsafe { Self([_mm256_setr_epi64x(a, b, c, d); 4]) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: four keys have 32 bytes each.
        unsafe {
            Self([
                _mm256_loadu_si256(from.cast()),
                _mm256_loadu_si256(from.add(32).cast()),
                _mm256_loadu_si256(from.add(64).cast()),
                _mm256_loadu_si256(from.add(96).cast()),
            ])
        }
    }

    #[inline(always)]
    unsafe fn load_by_interface(from: *const u8) -> Self {
        // SAFETY: four keys have 40 bytes each.
        unsafe {
            Self([
                join_key6(from),
                join_key6(from.add(40)),
                join_key6(from.add(80)),
                join_key6(from.add(120)),
            ])
        }
    }

    #[inline(always)]
    unsafe fn in_range(self, [lowest, highest]: Self::Range) -> u32 {
        // SAFETY: as in `range`.
        unsafe {
            let [high, low] = self.sources();
            let sources = [flipped(high), flipped(low)];
            let below = Self::is_greater(lowest, sources);
            let above = Self::is_greater(sources, highest);
            !bits(_mm256_or_si256(below, above)) & 0b1111
        }
    }

    #[inline(always)]
    unsafe fn same_group(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe { bits(Self::same(self.groups(), before.0[3])) }
    }

    #[inline(always)]
    unsafe fn same_join(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe {
            let last = before.0[3];
            let last_source = _mm256_permute4x64_epi64::<0b01_00_11_10>(last);
            let groups = Self::same(self.groups(), last);
            bits(_mm256_and_si256(groups, Self::same(self.sources(), last_source)))
        }
    }

    #[inline(always)]
    unsafe fn without_sources(self) -> Self {
        let [a, b, c, d] = self.0;
        // SAFETY: as in `range`.
        unsafe {
            let groups = _mm256_setr_epi64x(-1, -1, 0, 0);
            let (a, b) = (_mm256_and_si256(a, groups), _mm256_and_si256(b, groups));
            Self([a, b, _mm256_and_si256(c, groups), _mm256_and_si256(d, groups)])
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the records are 64 bytes each, and `to` has room for four.
        unsafe {
            for (lane, key) in self.0.into_iter().enumerate() {
                let [source, group] = record6(key);
                _mm256_storeu_si256(to.add(64 * lane).cast(), source);
                _mm256_storeu_si256(to.add(64 * lane + 32).cast(), group);
            }
        }
    }

    #[inline(always)]
    unsafe fn store_some(self, shown: u32, _: bool, to: *mut u8) {
        let (mut to, mut shown) = (to, shown as usize);
        // Stores every record; the next one overwrites it if it is not shown.
        for key in self.0 {
            // SAFETY: `to` moves by at most one record for each that is stored, and there is room for
            // four.
            unsafe {
                let [source, group] = record6(key);
                _mm256_storeu_si256(to.cast(), source);
                _mm256_storeu_si256(to.add(32).cast(), group);
                to = to.add(64 * (shown & 1));
                shown >>= 1;
            }
        }
    }
}

/// As [`vector::compact`].
///
/// # Safety
///
/// [`is_available`] must be true.
#[target_feature(enable = "avx2,popcnt,lzcnt")]
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
