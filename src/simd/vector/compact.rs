//! Compact: the records of the joins that a selection shows.
//!
//! A vector has the joins of `N` entries in its *lanes*. Masks have a bit per lane.
//!
//! ```text
//! last                = the join before the vector
//! was_in, was_counted = whether it was in the range, and counted
//! for each vector of N entries:                       the last one overlaps the one before it
//!     present  = lanes that were not in the vector before
//!     in_range = lanes whose sources are from `low` to `high`
//!     counted  = in_range & lanes whose memberships have the join flag
//!     same     = lanes with the join or the group of the lane before, if it is shown once
//!     before   = in_range << 1 | was_in               whether the lane before is in the range
//!     repeats  = counted << 1 | was_counted           whether it is counted
//!     shown    = counted & !(same & repeats) & present
//!     unsure   = counted & same & before & !repeats & present
//!     if unsure != 0: stop                            the caller goes on one by one
//!     if shown != 0:
//!         if fewer than N records fit: stop
//!         store(records of compress(shown))           N records; only the first popcnt(shown) count
//!     last = lane N-1; was_in, was_counted = bit N-1 of in_range, counted
//! ```
//!
//! *The lane before*: keys ascend, so the keys of one join are adjacent, and so are the keys of one group
//! whose sources are in the range. A lane in the range is therefore the first of its join or group if the
//! lane before it has another one, or is out of the range. If the lane before has the same one and is
//! counted, this lane repeats it. `last` is before the first lane; after a stop, it is the last one that was
//! shown ([`Last`]).
//!
//! *Unsure*: the lane before has the same join or group and is in the range, but lacks the join flag. Then
//! lanes further before decide. That is rare: it takes a membership that only forwards, of a protocol or a
//! source below that of one that joins.
//!
//! *All shown*: as long as all lanes of all vectors are shown, a shorter loop stores them without a
//! compression.

use crate::simd::generic::part;
use crate::simd::prefetch::{LINE_BYTES, PrefetchRange};
use crate::simd::recipe::{Recipe, Shape};
use crate::simd::record_buf::RecordBuf;
use crate::simd::selection::{Distinct, Last, Selection};
use crate::types::family::sealed::Keys;
use crate::types::key::Entries;
use crate::types::{Family, MembershipFlags};

/// Vectors with the joins of one family, and what an instruction set does with them.
///
/// Masks have a bit for each lane, and 0 above.
///
/// # Safety
///
/// For all functions, the processor must have the instructions. To be fast, they must be inlined into a
/// function that enables the instructions.
pub(in crate::simd) trait Lanes: Copy {
    /// The number of lanes, at most 8.
    const COUNT: usize;

    /// The mask of all lanes.
    const ALL: u32 = (1 << Self::COUNT) - 1;

    /// A range of sources.
    type Range: Copy;

    /// The sources from `low` to `high`, which is not lower.
    unsafe fn range(low: u128, high: u128) -> Self::Range;

    /// The same join in each lane.
    unsafe fn splat(group: u128, source: u128) -> Self;

    /// The joins of the join keys from `from` on.
    ///
    /// # Safety
    ///
    /// `from` must be valid for reads of [`COUNT`](Self::COUNT) keys.
    unsafe fn load(from: *const u8) -> Self;

    /// As [`load`](Self::load), from `ByInterfaceKey4` or `ByInterfaceKey6`.
    unsafe fn load_by_interface(from: *const u8) -> Self;

    /// The lanes whose sources are in the range.
    unsafe fn in_range(self, range: Self::Range) -> u32;

    /// The lanes with the group of the lane before. Before the first lane is the last one of `before`.
    unsafe fn same_group(self, before: Self) -> u32;

    /// As [`same_group`](Self::same_group), with the same source, too.
    unsafe fn same_join(self, before: Self) -> u32;

    /// The joins with unspecified sources.
    unsafe fn without_sources(self) -> Self;

    /// Stores the records of all lanes.
    ///
    /// # Safety
    ///
    /// `to` must be valid for writes of [`COUNT`](Self::COUNT) records.
    unsafe fn store(self, to: *mut u8);

    /// Stores the records of the lanes in `shown`, one after another. The records after them, up to `COUNT`,
    /// have unspecified contents then. `are_few`: usually, fewer than half of the lanes are shown.
    ///
    /// # Safety
    ///
    /// As [`store`](Self::store).
    unsafe fn store_some(self, shown: u32, are_few: bool, to: *mut u8);
}

/// What is shown once, as a type.
trait Once {
    const UNIT: Distinct;
}

enum EachKey {}
enum EachJoin {}
enum EachGroup {}

impl Once for EachKey {
    const UNIT: Distinct = Distinct::Key;
}

impl Once for EachJoin {
    const UNIT: Distinct = Distinct::Join;
}

impl Once for EachGroup {
    const UNIT: Distinct = Distinct::Group;
}

/// Compacts entries from the front as [`SimdLevel::compact`](crate::SimdLevel::compact), until a vector needs
/// to be compacted one by one: its records may not fit, there are fewer entries than lanes, or what is shown
/// depends on more than the lane before. Returns the number of entries compacted; 0 if the recipe is not of
/// joins.
///
/// # Safety
///
/// The processor must have the instructions of `L4` and `L6`, the lanes of IPv4 and IPv6, and the function
/// into which this one is inlined must enable them.
#[inline(always)]
pub(in crate::simd) unsafe fn compact<L4: Lanes, L6: Lanes, R: Recipe>(
    recipe: R,
    selection: &Selection<R::Family>,
    last: &mut Last<R::Family>,
    entries: Entries<'_, R::Key, R::Value>,
    buf: &mut RecordBuf<'_, R::Record>,
    ahead: PrefetchRange,
) -> usize {
    // SAFETY: as this function requires; the lanes are those of the shape's family.
    unsafe {
        match R::SHAPE {
            Shape::Join4 | Shape::InterfaceJoin4 => {
                lanes::<L4, R>(recipe, selection, last, entries, buf, ahead)
            }
            Shape::Join6 | Shape::InterfaceJoin6 => {
                lanes::<L6, R>(recipe, selection, last, entries, buf, ahead)
            }
            Shape::Membership4 | Shape::Membership6 | Shape::Scalar => 0,
        }
    }
}

/// As [`compact`], by lanes `L`.
///
/// # Safety
///
/// As [`compact`], and the recipe must be of joins of the family of `L`.
#[inline(always)]
unsafe fn lanes<L: Lanes, R: Recipe>(
    recipe: R,
    selection: &Selection<R::Family>,
    last: &mut Last<R::Family>,
    entries: Entries<'_, R::Key, R::Value>,
    buf: &mut RecordBuf<'_, R::Record>,
    ahead: PrefetchRange,
) -> usize {
    const { assert!(R::SHAPE.fits::<R>() && L::COUNT <= 8) };
    debug_assert!(R::SHAPE.is_of_joins());
    let count = entries.keys.len();
    let entries = part(entries, 0..count);
    if selection.low > selection.high {
        ahead.prefetch_from(0);
        return count;
    }
    if count < L::COUNT {
        return 0;
    }
    // SAFETY: as this function requires; there are `COUNT` entries and as many values as keys.
    unsafe {
        match selection.once {
            Distinct::Key => vectors::<L, R, EachKey>(recipe, selection, last, entries, buf, ahead),
            Distinct::Join => {
                vectors::<L, R, EachJoin>(recipe, selection, last, entries, buf, ahead)
            }
            Distinct::Group => {
                vectors::<L, R, EachGroup>(recipe, selection, last, entries, buf, ahead)
            }
        }
    }
}

/// As [`lanes`], of a selection that shows each `O` once and whose range is not empty.
///
/// # Safety
///
/// As [`lanes`]. There must be at least `COUNT` entries.
#[inline(always)]
unsafe fn vectors<L: Lanes, R: Recipe, O: Once>(
    recipe: R,
    selection: &Selection<R::Family>,
    last: &mut Last<R::Family>,
    entries: Entries<'_, R::Key, R::Value>,
    buf: &mut RecordBuf<'_, R::Record>,
    ahead: PrefetchRange,
) -> usize {
    let Entries { keys, values } = entries;
    let [low, high] = [selection.low, selection.high].map(Keys::to_number);
    // SAFETY: the processor has the instructions, here and below.
    let range = unsafe { L::range(low, high) };
    let has_range = low != 0 || selection.high != R::Family::MAX;
    let scan = Scan::<R> { keys, values };
    let (group, source) =
        last.map_or((0, 0), |join| (join.group.to_number(), join.source.to_number()));
    // SAFETY: as above.
    let mut before = unsafe { L::splat(group, source) };
    let (mut was_in, mut was_counted) = (u32::from(last.is_some()), u32::from(last.is_some()));
    // Kept in registers: the compiler must assume that stores through `to` change `buf` itself.
    let (mut to, mut left) = (buf.next(), buf.left());
    let (mut at, mut line) = (0, 0);
    let last_vector = keys.len() - L::COUNT;

    // The vectors at the front of which all lanes are shown. In a loop of their own they take nearly as long
    // as in `expand`; among others, this branch would be mispredicted often.
    if selection.shows_source {
        let full = keys.len().min(left) / L::COUNT * L::COUNT;
        // SAFETY: as above. `at` and `full` are multiples of `COUNT`, so `COUNT` keys follow from `at` on,
        // and `COUNT` records fit behind those of the keys before: `to` is valid for writes of them (I1 of
        // `RecordBuf`). They have the size that the shape says.
        unsafe {
            while at < full {
                let joins = scan.joins::<L>(at);
                let is_dense = scan.all_have_join::<L>(at)
                    && (!has_range || joins.in_range(range) == L::ALL)
                    && same::<L, O>(joins, before) == 0;
                if !is_dense {
                    break;
                }
                joins.store(to.add(at).cast());
                before = joins;
                line = scan.ask_with::<L>(at, line, ahead);
                at += L::COUNT;
            }
            // The last vector overlaps the one before it, whose records it stores again.
            if at > last_vector && at < keys.len() && keys.len() <= left {
                let joins = scan.joins::<L>(last_vector);
                let is_dense = scan.all_have_join::<L>(last_vector)
                    && (!has_range || joins.in_range(range) == L::ALL)
                    && same::<L, O>(joins, before) >> (at - last_vector) == 0;
                if is_dense {
                    joins.store(to.add(last_vector).cast());
                    at = keys.len();
                }
            }
            to = to.add(at);
        }
        left -= at;
    }
    // The last lanes that were shown, and the position of the first of their vector.
    let (mut last_shown, mut last_first) = (0u32, 0);
    if at > 0 {
        (last_shown, last_first) = (L::ALL, at - L::COUNT);
        (was_in, was_counted) = (1, 1);
    }

    while at < keys.len() {
        let first = at.min(last_vector);
        // The lanes below were done with the vector before.
        let present = L::ALL << (at - first) & L::ALL;
        // SAFETY: as above. `COUNT` keys follow from `first` on.
        let (joins, in_range, same) = unsafe {
            let joins = scan.joins::<L>(first);
            let in_range = if has_range { joins.in_range(range) } else { L::ALL };
            (joins, in_range, same::<L, O>(joins, before))
        };
        // SAFETY: as above.
        let counted = in_range & unsafe { scan.have_join::<L>(first) };
        let repeats = counted << 1 | was_counted;
        let shown = counted & !(same & repeats) & present;
        let unsure = counted & same & (in_range << 1 | was_in) & !repeats & present;
        if R::SHAPE.has_flags() && unsure != 0 {
            break;
        }
        if shown != 0 {
            if left < L::COUNT {
                break;
            }
            let count_shown = shown.count_ones() as usize;
            let are_few = matches!(O::UNIT, Distinct::Group);
            // SAFETY: as above. `left >= COUNT`, so `to` is valid for writes of a whole vector's records.
            // Only those shown are counted.
            unsafe {
                let joins = if selection.shows_source { joins } else { joins.without_sources() };
                joins.store_some(shown, are_few, to.cast());
                to = to.add(count_shown);
            }
            left -= count_shown;
            (last_shown, last_first) = (shown, first);
        }
        line = scan.ask_with::<L>(at, line, ahead);
        before = joins;
        was_in = in_range >> (L::COUNT - 1);
        was_counted = counted >> (L::COUNT - 1);
        at = first + L::COUNT;
    }
    // SAFETY: `left` has fallen by one for each record written, and never below 0.
    unsafe { buf.fill(buf.left() - left) };
    ahead.prefetch_from(line);
    if last_shown != 0 {
        let shown = last_first + last_shown.ilog2() as usize;
        *last = recipe.join(keys[shown], values[shown]);
    }
    at
}

/// The lanes that have what is shown once in common with the lane before.
///
/// # Safety
///
/// The processor must have the instructions.
#[inline(always)]
unsafe fn same<L: Lanes, O: Once>(joins: L, before: L) -> u32 {
    // SAFETY: as this function requires.
    unsafe {
        match O::UNIT {
            Distinct::Key => 0,
            Distinct::Join => joins.same_join(before),
            Distinct::Group => joins.same_group(before),
        }
    }
}

/// What vectors are made from.
struct Scan<'a, R: Recipe> {
    keys: &'a [R::Key],
    /// As many as keys.
    values: &'a [R::Value],
}

impl<R: Recipe> Scan<'_, R> {
    /// The joins of the keys from `at` on.
    ///
    /// # Safety
    ///
    /// The processor must have the instructions of `L`, and the shape be one of its family. There must be
    /// `COUNT` entries from `at` on.
    #[inline(always)]
    unsafe fn joins<L: Lanes>(&self, at: usize) -> L {
        debug_assert!(at + L::COUNT <= self.keys.len());
        // SAFETY: as this function requires. The keys have the layout and size that the shape says
        // (`Shape::fits`).
        unsafe {
            let from = self.keys.as_ptr().add(at).cast();
            match R::SHAPE {
                Shape::InterfaceJoin4 | Shape::InterfaceJoin6 => L::load_by_interface(from),
                _ => L::load(from),
            }
        }
    }

    /// The flags of the memberships from `at` on, of which each byte has only the join flag.
    ///
    /// # Safety
    ///
    /// As [`joins`](Self::joins); and the shape must have flags.
    #[inline(always)]
    unsafe fn join_flags<L: Lanes>(&self, at: usize) -> u64 {
        const { assert!(MembershipFlags::JOIN.bits() == 1) };
        let mut bytes = [0; 8];
        // SAFETY: there are as many values as keys, so `COUNT` follow from `at` on, of one byte each
        // (`Shape::fits`); and `COUNT` is at most 8.
        unsafe {
            let flags = self.values.as_ptr().add(at).cast::<u8>();
            flags.copy_to_nonoverlapping(bytes.as_mut_ptr(), L::COUNT);
        }
        u64::from_le_bytes(bytes) & ONES
    }

    /// Whether all memberships of the vector at `at` have the join flag.
    ///
    /// # Safety
    ///
    /// As [`joins`](Self::joins).
    #[inline(always)]
    unsafe fn all_have_join<L: Lanes>(&self, at: usize) -> bool {
        // SAFETY: as this function requires.
        !R::SHAPE.has_flags() || unsafe { self.join_flags::<L>(at) } == ONES >> (8 * (8 - L::COUNT))
    }

    /// The lanes whose memberships have the join flag.
    ///
    /// # Safety
    ///
    /// As [`joins`](Self::joins).
    #[inline(always)]
    unsafe fn have_join<L: Lanes>(&self, at: usize) -> u32 {
        if !R::SHAPE.has_flags() {
            return L::ALL;
        }
        // Moves the lowest bit of byte `n` to bit `56 + n`, and no two bits to one place.
        // SAFETY: as this function requires.
        let moved = unsafe { self.join_flags::<L>(at) }.wrapping_mul(0x0102_0408_1020_4080);
        (moved >> 56) as u32
    }

    /// Asks for as many lines from `line` on as a vector at `at` has in its keys. Returns the next line.
    #[inline(always)]
    fn ask_with<L: Lanes>(&self, at: usize, line: usize, ahead: PrefetchRange) -> usize {
        let bytes = L::COUNT * size_of::<R::Key>();
        let lines = bytes.div_ceil(LINE_BYTES);
        let is_due = bytes >= LINE_BYTES || (at * size_of::<R::Key>()).is_multiple_of(LINE_BYTES);
        if is_due && ahead.count() - line >= lines {
            for step in 0..lines {
                ahead.ask(line + step);
            }
            return line + lines;
        }
        line
    }
}

/// The lowest bit of each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
