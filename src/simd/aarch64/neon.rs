//! The kernel for NEON, which every AArch64 processor has.
//!
//! Vectors have 16 bytes. Loads that take words apart make vectors of the fields of four IPv4 keys, and
//! [`rows`] puts fields together to records.

use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

use crate::simd::prefetch::PrefetchRange;
use crate::simd::recipe::Recipe;
use crate::simd::record_buf::RecordBuf;
use crate::simd::selection::{Last, Selection};
use crate::simd::vector::lines::for_each_line;
use crate::simd::vector::{self, Expand, Lanes};
use crate::types::key::Entries;

/// Whether the processor has the instructions that this kernel uses.
pub(in crate::simd) fn is_available() -> bool {
    is_aarch64_feature_detected!("neon")
}

/// Four vectors with the first, the second, the third and the fourth lanes of four vectors.
#[inline]
#[target_feature(enable = "neon")]
fn rows([a, b, c, d]: [uint32x4_t; 4]) -> [uint32x4_t; 4] {
    let [low, high] = [[vzip1q_u32(a, b), vzip1q_u32(c, d)], [vzip2q_u32(a, b), vzip2q_u32(c, d)]];
    let [e, f] = [vreinterpretq_u64_u32(low[0]), vreinterpretq_u64_u32(low[1])];
    let [g, h] = [vreinterpretq_u64_u32(high[0]), vreinterpretq_u64_u32(high[1])];
    [
        vreinterpretq_u32_u64(vtrn1q_u64(e, f)),
        vreinterpretq_u32_u64(vtrn2q_u64(e, f)),
        vreinterpretq_u32_u64(vtrn1q_u64(g, h)),
        vreinterpretq_u32_u64(vtrn2q_u64(g, h)),
    ]
}

/// The addresses of numbers.
#[inline]
#[target_feature(enable = "neon")]
fn addresses4(numbers: uint32x4_t) -> uint32x4_t {
    vreinterpretq_u32_u8(vrev32q_u8(vreinterpretq_u8_u32(numbers)))
}

/// The records of four IPv4 joins.
#[inline]
#[target_feature(enable = "neon")]
fn records4(groups: uint32x4_t, sources: uint32x4_t) -> [uint32x4_t; 4] {
    let (group_masks, source_masks) = (vtstq_u32(groups, groups), vtstq_u32(sources, sources));
    rows([addresses4(sources), source_masks, addresses4(groups), group_masks])
}

/// An IPv6 address and its mask.
#[inline]
#[target_feature(enable = "neon")]
fn address6(words: uint64x2_t) -> [uint8x16_t; 2] {
    let address = vrev64q_u8(vreinterpretq_u8_u64(words));
    let is_word = vtstq_u64(words, words);
    let mask = vorrq_u64(is_word, vextq_u64::<1>(is_word, is_word));
    [address, vreinterpretq_u8_u64(mask)]
}

/// An IPv6 join key: group, source.
type Key6 = [uint64x2_t; 2];

/// Stores the record of an IPv6 join.
///
/// # Safety
///
/// `to` must be valid for writes of 64 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn store6([group, source]: Key6, to: *mut u8) {
    let ([group, group_mask], [source, source_mask]) = (address6(group), address6(source));
    // SAFETY: as this function requires.
    unsafe {
        vst1q_u8(to, source);
        vst1q_u8(to.add(16), source_mask);
        vst1q_u8(to.add(32), group);
        vst1q_u8(to.add(48), group_mask);
    }
}

/// The bytes of words at some places, as the shuffle of a vector.
const fn words<const N: usize>(places: [u8; N]) -> [u8; 16] {
    let mut bytes = [u8::MAX; 16];
    let mut byte = 0;
    while byte < 4 * N {
        bytes[byte] = 4 * places[byte / 4] + byte as u8 % 4;
        byte += 1;
    }
    bytes
}

/// The join key of the `ByInterfaceKey6` at `from`.
///
/// # Safety
///
/// `from` must be valid for reads of 40 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn join_key6(from: *const u8) -> Key6 {
    // In halves of words: the key has ten, and its join key is 3, 0, 5, 2, 7, 4, 9, 6. The first four come
    // from those at 0 and 4, the others from those at 4 and 6.
    static GROUP: [u8; 16] = words([3, 0, 5, 2]);
    static SOURCE: [u8; 16] = words([3, 0, 7, 2]);
    // SAFETY: three times 16 bytes within the 40, and the tables have 16.
    unsafe {
        let (first, middle, last) =
            (vld1q_u8(from), vld1q_u8(from.add(16)), vld1q_u8(from.add(24)));
        let (group, source) = (vld1q_u8(GROUP.as_ptr()), vld1q_u8(SOURCE.as_ptr()));
        let group = vqtbl2q_u8(uint8x16x2_t(first, middle), group);
        let source = vqtbl2q_u8(uint8x16x2_t(middle, last), source);
        [vreinterpretq_u64_u8(group), vreinterpretq_u64_u8(source)]
    }
}

/// The loops of [`vector::expand`].
pub(in crate::simd) enum Neon {}

impl Expand for Neon {
    #[target_feature(enable = "neon")]
    unsafe fn joins4(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange) {
        for_each_line(bytes, ahead, |at| {
            for at in [at, at + 32] {
                // SAFETY: a line from the offset of `for_each_line` on is within `bytes`, and this is its
                // first or second half. Its records are at twice the offset, and within `2 * bytes`.
                unsafe { Joins4::load(from.add(at)).store(to.add(2 * at)) };
            }
        });
    }

    #[target_feature(enable = "neon")]
    unsafe fn joins6(from: *const u8, bytes: usize, to: *mut u8, ahead: PrefetchRange) {
        for_each_line(bytes, ahead, |at| {
            for at in [at, at + 32] {
                // SAFETY: as in `joins4`.
                unsafe { store6(load6(from.add(at)), to.add(2 * at)) };
            }
        });
    }

    #[target_feature(enable = "neon")]
    unsafe fn memberships4(
        from: *const u8,
        flags: *const u8,
        bytes: usize,
        to: *mut u8,
        ahead: PrefetchRange,
    ) {
        for_each_line(bytes, ahead, |at| {
            // SAFETY: as in `joins4`. A line has four keys, and `flags` a byte for each.
            unsafe {
                let uint32x4x4_t(groups, indexes, protocols, sources) =
                    vld4q_u32(from.add(at).cast());
                let flags = flags.add(at / 16).cast::<u32>().read_unaligned();
                let flags = vmovl_u8(vcreate_u8(flags.into()));
                let flags = vmovl_u16(vget_low_u16(flags));
                let joins = records4(groups, sources);
                let rest = rows([vdupq_n_u32(0), indexes, protocols, flags]);
                for record in 0..4 {
                    let to = to.add(2 * at + 32 * record);
                    vst1q_u8(to, vreinterpretq_u8_u32(joins[record]));
                    vst1q_u8(to.add(16), vreinterpretq_u8_u32(rest[record]));
                }
            }
        });
    }

    #[target_feature(enable = "neon")]
    unsafe fn memberships6(from: *const u8, flags: *const u8, count: usize, to: *mut u8) {
        for at in 0..count {
            // SAFETY: `at < count`, so key, flags and record `at` are within the `count` ones. The halves of
            // words 1 and 8 are in the key; 64, 16 and 16 bytes are the record.
            unsafe {
                let (key, to) = (from.add(40 * at), to.add(96 * at));
                store6(join_key6(key), to);
                let index = u64::from(key.add(4).cast::<u32>().read_unaligned());
                let protocol = u64::from(key.add(32).cast::<u32>().read_unaligned());
                let low = vcreate_u64(protocol << 32 | index);
                let rest = vcombine_u64(low, vcreate_u64((*flags.add(at)).into()));
                vst1q_u8(to.add(64), vdupq_n_u8(0));
                vst1q_u8(to.add(80), vreinterpretq_u8_u64(rest));
            }
        }
    }
}

/// One bit for each lane that is all ones; the others are 0.
#[inline]
#[target_feature(enable = "neon")]
fn bits(lanes: uint32x4_t) -> u32 {
    static BITS: [u32; 4] = [1, 2, 4, 8];
    // SAFETY: the table has 16 bytes.
    let bits = unsafe { vld1q_u32(BITS.as_ptr()) };
    vaddvq_u32(vandq_u32(lanes, bits))
}

/// As [`bits`], of two vectors.
#[inline]
#[target_feature(enable = "neon")]
fn bits_of_words([first, second]: [uint64x2_t; 2]) -> u32 {
    bits(vuzp1q_u32(vreinterpretq_u32_u64(first), vreinterpretq_u32_u64(second)))
}

/// For each set of shown lanes, as bits, the shuffle that moves these lanes to the front.
static TO_FRONT: [[u8; 16]; 16] = to_front();

const fn to_front() -> [[u8; 16]; 16] {
    let mut table = [[0; 16]; 16];
    let mut shown = 0;
    while shown < table.len() {
        let (mut lane, mut place, mut places) = (0, 0, [0; 4]);
        while lane < 4 {
            if shown >> lane & 1 == 1 {
                places[place] = lane as u8;
                place += 1;
            }
            lane += 1;
        }
        table[shown] = words(places);
        shown += 1;
    }
    table
}

/// Four IPv4 joins.
#[derive(Clone, Copy)]
struct Joins4 {
    groups: uint32x4_t,
    sources: uint32x4_t,
}

impl Lanes for Joins4 {
    const COUNT: usize = 4;

    /// The lowest source, and the highest minus the lowest.
    type Range = (uint32x4_t, uint32x4_t);

    #[inline(always)]
    unsafe fn range(low: u128, high: u128) -> Self::Range {
        // SAFETY: the processor has the instructions, as in all functions below.
        unsafe { (vdupq_n_u32(low as u32), vdupq_n_u32((high - low) as u32)) }
    }

    #[inline(always)]
    unsafe fn splat(group: u128, source: u128) -> Self {
        // SAFETY: as in `range`.
        unsafe { Self { groups: vdupq_n_u32(group as u32), sources: vdupq_n_u32(source as u32) } }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: four keys have 32 bytes, in which each low half of a word is a source.
        unsafe {
            let uint32x4x2_t(sources, groups) = vld2q_u32(from.cast());
            Self { groups, sources }
        }
    }

    #[inline(always)]
    unsafe fn load_by_interface(from: *const u8) -> Self {
        // SAFETY: four keys have 64 bytes. In halves of words: a key has four, of which 0 is the group and 3
        // the source.
        unsafe {
            let uint32x4x4_t(groups, _, _, sources) = vld4q_u32(from.cast());
            Self { groups, sources }
        }
    }

    #[inline(always)]
    unsafe fn in_range(self, (low, width): Self::Range) -> u32 {
        // The distance wraps to a large number below `low`, so that one comparison checks both bounds.
        // SAFETY: as in `range`.
        unsafe { bits(vcleq_u32(vsubq_u32(self.sources, low), width)) }
    }

    #[inline(always)]
    unsafe fn same_group(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe { bits(vceqq_u32(self.groups, vextq_u32::<3>(before.groups, self.groups))) }
    }

    #[inline(always)]
    unsafe fn same_join(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe {
            let groups = vceqq_u32(self.groups, vextq_u32::<3>(before.groups, self.groups));
            let sources = vceqq_u32(self.sources, vextq_u32::<3>(before.sources, self.sources));
            bits(vandq_u32(groups, sources))
        }
    }

    #[inline(always)]
    unsafe fn without_sources(self) -> Self {
        // SAFETY: as in `range`.
        unsafe { Self { sources: vdupq_n_u32(0), ..self } }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: four records have 64 bytes.
        unsafe {
            for (lane, record) in records4(self.groups, self.sources).into_iter().enumerate() {
                vst1q_u8(to.add(16 * lane), vreinterpretq_u8_u32(record));
            }
        }
    }

    #[inline(always)]
    unsafe fn store_some(self, shown: u32, _: bool, to: *mut u8) {
        // SAFETY: as in `store`. `shown` has four bits, and the table an entry of 16 bytes for each.
        unsafe {
            let front = vld1q_u8(TO_FRONT.as_ptr().add(shown as usize).cast());
            let groups = vqtbl1q_u8(vreinterpretq_u8_u32(self.groups), front);
            let sources = vqtbl1q_u8(vreinterpretq_u8_u32(self.sources), front);
            let [groups, sources] = [vreinterpretq_u32_u8(groups), vreinterpretq_u32_u8(sources)];
            Self { groups, sources }.store(to);
        }
    }
}

/// The IPv6 join key at `from`.
///
/// # Safety
///
/// `from` must be valid for reads of 32 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load6(from: *const u8) -> Key6 {
    // SAFETY: as this function requires.
    let [group, source] = unsafe { [vld1q_u8(from), vld1q_u8(from.add(16))] };
    [vreinterpretq_u64_u8(group), vreinterpretq_u64_u8(source)]
}

/// Four IPv6 joins.
#[derive(Clone, Copy)]
struct Joins6([Key6; 4]);

impl Joins6 {
    /// All ones in the lanes in which a number of two words is less than another.
    #[inline]
    #[target_feature(enable = "neon")]
    fn is_less([high, low]: [uint64x2_t; 2], [than_high, than_low]: [uint64x2_t; 2]) -> uint64x2_t {
        let low = vandq_u64(vceqq_u64(high, than_high), vcltq_u64(low, than_low));
        vorrq_u64(vcltq_u64(high, than_high), low)
    }

    /// The lanes in which the parts from 0 to `to` of a key are as in the lane before.
    #[inline]
    #[target_feature(enable = "neon")]
    fn same_parts(self, before: Self, to: usize) -> u32 {
        let same = |key: Key6, before: Key6| {
            let groups = vceqq_u64(key[0], before[0]);
            if to == 0 { groups } else { vandq_u64(groups, vceqq_u64(key[1], before[1])) }
        };
        let [a, b, c, d] = self.0;
        let [ab, cd] = [[same(a, before.0[3]), same(b, a)], [same(c, b), same(d, c)]];
        bits_of_words([
            vandq_u64(vtrn1q_u64(ab[0], ab[1]), vtrn2q_u64(ab[0], ab[1])),
            vandq_u64(vtrn1q_u64(cd[0], cd[1]), vtrn2q_u64(cd[0], cd[1])),
        ])
    }
}

impl Lanes for Joins6 {
    const COUNT: usize = 4;

    /// The words of the lowest source, and of the highest.
    type Range = [[uint64x2_t; 2]; 2];

    #[inline(always)]
    unsafe fn range(low: u128, high: u128) -> Self::Range {
        let [a, b, c, d] = [low >> 64, low, high >> 64, high].map(|word| word as u64);
        // SAFETY: the processor has the instructions, as in all functions below.
        unsafe { [[vdupq_n_u64(a), vdupq_n_u64(b)], [vdupq_n_u64(c), vdupq_n_u64(d)]] }
    }

    #[inline(always)]
    unsafe fn splat(group: u128, source: u128) -> Self {
        let [a, b, c, d] = [group >> 64, group, source >> 64, source].map(|word| word as u64);
        // SAFETY: as in `range`.
        unsafe {
            let group = vcombine_u64(vcreate_u64(a), vcreate_u64(b));
            Self([[group, vcombine_u64(vcreate_u64(c), vcreate_u64(d))]; 4])
        }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: four keys have 32 bytes each.
        unsafe {
            Self([load6(from), load6(from.add(32)), load6(from.add(64)), load6(from.add(96))])
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
        let [[_, a], [_, b], [_, c], [_, d]] = self.0;
        // SAFETY: as in `range`.
        unsafe {
            let first = [vtrn1q_u64(a, b), vtrn2q_u64(a, b)];
            let second = [vtrn1q_u64(c, d), vtrn2q_u64(c, d)];
            let first = vorrq_u64(Self::is_less(first, lowest), Self::is_less(highest, first));
            let second = vorrq_u64(Self::is_less(second, lowest), Self::is_less(highest, second));
            !bits_of_words([first, second]) & Self::ALL
        }
    }

    #[inline(always)]
    unsafe fn same_group(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe { self.same_parts(before, 0) }
    }

    #[inline(always)]
    unsafe fn same_join(self, before: Self) -> u32 {
        // SAFETY: as in `range`.
        unsafe { self.same_parts(before, 1) }
    }

    #[inline(always)]
    unsafe fn without_sources(self) -> Self {
        let [[a, _], [b, _], [c, _], [d, _]] = self.0;
        // SAFETY: as in `range`.
        let none = unsafe { vdupq_n_u64(0) };
        Self([[a, none], [b, none], [c, none], [d, none]])
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        for (lane, key) in self.0.into_iter().enumerate() {
            // SAFETY: the records are 64 bytes each, and `to` has room for four.
            unsafe { store6(key, to.add(64 * lane)) };
        }
    }

    #[inline(always)]
    unsafe fn store_some(self, shown: u32, _: bool, to: *mut u8) {
        let (mut to, mut shown) = (to, shown as usize);
        // Stores every record; the next one overwrites it if it is not shown.
        for key in self.0 {
            // SAFETY: `to` moves by at most one record for each that is stored, and there is room for four.
            unsafe {
                store6(key, to);
                to = to.add(64 * (shown & 1));
            }
            shown >>= 1;
        }
    }
}

/// As [`vector::compact`].
///
/// # Safety
///
/// [`is_available`] must be true.
#[target_feature(enable = "neon")]
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
