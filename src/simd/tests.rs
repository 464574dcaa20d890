//! Compares every kernel with the recipes, entry by entry.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::ops::Range;

use super::*;
use crate::types::family::sealed::Keys;
use crate::types::key::{
    ByGroupKey4, ByGroupKey6, ByInterfaceKey4, ByInterfaceKey6, ByNeighborKey4, ByNeighborKey6,
    JoinKey, MembershipKey, MembershipParts,
};
use crate::types::sole::SoleMembership;
use crate::types::{Family, Interface, Join, MembershipFlags, Protocol, V4, V6};

const LENGTHS: usize = if cfg!(miri) { 12 } else { 300 };

/// The short lengths that every compaction is tried at: fewer with cfg(groupscan_check), with which slow
/// tools run the tests.
const FEW: usize = if cfg!(groupscan_check) { 18 } else { 40 };

/// The bytes around a buffer, which must not change.
const CANARY: u8 = 0xa5;

/// The number of canary bytes behind a buffer: more than a kernel stores in a step.
const BEYOND: usize = 1024;

/// Makes addresses from numbers, with bytes that differ.
trait Spread: Family {
    /// 0 is the unspecified address; others ascend. Some IPv6 addresses have zeros in one half.
    fn spread(number: u32) -> Self {
        let number = u128::from(number);
        let low = number * 0x0001_0203_0405_0607;
        Self::from_number(match number {
            _ if Self::BITS == 32 => number * 0x0001_0203,
            0..20 => low,
            _ if number.is_multiple_of(3) => low << 64,
            _ => low << 64 | low,
        })
    }

    /// Ascending addresses at which comparisons of words and of signed words change their results.
    fn edges() -> Vec<Self> {
        let half = u32::from(Self::BITS) / 2;
        let half = if Self::BITS == 32 { 32 } else { half };
        let max = u128::MAX >> (128 - half);
        let words = [0, 1, max >> 1, (max >> 1) + 1, max - 1, max];
        let edges: Vec<u128> = match Self::BITS {
            32 => words.to_vec(),
            _ => words.iter().flat_map(|high| words.map(|low| high << 64 | low)).collect(),
        };
        edges.into_iter().map(Self::from_number).collect()
    }
}

impl Spread for V4 {}
impl Spread for V6 {}

/// A recipe and what it is tested with.
#[derive(Clone)]
struct Case<R: Recipe> {
    recipe: R,
    keys: Vec<R::Key>,
    values: Vec<R::Value>,
}

impl<R: Recipe> Case<R> {
    fn new(recipe: R, entries: impl IntoIterator<Item = (R::Key, R::Value)>) -> Self {
        let (keys, values) = entries.into_iter().unzip();
        Self { recipe, keys, values }
    }

    fn entries(&self, positions: Range<usize>) -> Entries<'_, R::Key, R::Value> {
        part(Entries { keys: &self.keys, values: &self.values }, positions)
    }
}

/// (group, source) of ascending keys: groups of one to five joins, every other group with an any-source join,
/// and (\*,\*) first.
fn joins<F: Spread>() -> Vec<(F, F)> {
    let groups = (0..).flat_map(|group: u32| {
        let sources = (0..=group % 5).map(move |source| source + group % 2);
        sources.map(move |source| (F::spread(group), F::spread(source)))
    });
    groups.take(LENGTHS + 9).collect()
}

/// (group, source) of ascending keys: groups of one join, among them few of two, and from the 40th on more.
fn small_groups<F: Spread>() -> Vec<(F, F)> {
    let groups = (1..).flat_map(|group: u32| {
        let is_more = group.is_multiple_of(11) || group > 40 && matches!(group % 4, 0 | 3);
        (0..=u32::from(is_more)).map(move |source| (F::spread(group), F::spread(source + 1)))
    });
    groups.take(LENGTHS + 9).collect()
}

/// (group, source) of ascending keys: all pairs of edges.
fn edge_joins<F: Spread>() -> Vec<(F, F)> {
    let edges = F::edges();
    let groups = edges.iter().step_by(edges.len().div_ceil(12));
    groups.flat_map(|group| edges.iter().map(|source| (*group, *source))).collect()
}

fn join_records<F: Spread>(joins: Vec<(F, F)>) -> Case<JoinRecords<F>> {
    let entries = joins.into_iter().enumerate().map(|(at, (group, source))| {
        let sole = SoleMembership::new(at as u32, 7, MembershipFlags::JOIN);
        (F::JoinKey::new(group, source), sole.unwrap_or(SoleMembership::ELSEWHERE))
    });
    Case::new(JoinRecords::new(), entries)
}

/// Which memberships have which flags, by their place and protocol.
const FLAGS: [fn(u32, u32) -> u8; 5] = [
    |_, _| 1,
    |at, _| (at % 2 * 2 + 1) as u8,
    |at, protocol| ((at + protocol) % 3 + 1) as u8,
    // Few have no join flag, some of them before one of the same join that has.
    |at, protocol| if (at * 7 + protocol) % 11 == 3 { 2 } else { 3 },
    // Long runs of either.
    |at, _| if at / 20 % 2 == 0 { 2 } else { 1 },
];

/// Memberships of these joins on an interface, up to three protocols per join. Keys ascend if the interface
/// is their first part.
fn memberships<F: Spread, K: MembershipKey<F>>(
    joins: Vec<(F, F)>,
    next_hop: F,
    flags: fn(u32, u32) -> u8,
) -> Vec<(K, u8)> {
    let count = joins.len();
    let entries = joins.into_iter().enumerate().flat_map(|(at, (group, source))| {
        let at = at as u32;
        (0..=at % 3).map(move |protocol| {
            let index = 0x0102_0304;
            let parts =
                MembershipParts { group, source, index, next_hop, protocol: protocol << 24 | at };
            (K::new(parts), flags(at, protocol))
        })
    });
    entries.take(count).collect()
}

fn interface_joins<F: Spread, K: MembershipKey<F>>(
    joins: Vec<(F, F)>,
    next_hop: F,
    flags: fn(u32, u32) -> u8,
) -> Case<InterfaceJoinRecords<F, K>> {
    Case::new(InterfaceJoinRecords::new(), memberships(joins, next_hop, flags))
}

fn membership_records<F: Spread, K: MembershipKey<F>>(
    next_hop: F,
) -> Case<MembershipRecords<F, K>> {
    Case::new(MembershipRecords::new(), memberships(joins(), next_hop, FLAGS[2]))
}

/// A prefetch range that varies with the case.
fn ahead(case: usize, memory: &[u8]) -> PrefetchRange {
    let bytes = [0, 64, 700, 1500, 2048][case % 5];
    PrefetchRange::new(memory.as_ptr(), bytes).far(case.is_multiple_of(2))
}

/// Pages between two pages that fault when they are touched.
#[cfg(all(unix, not(miri)))]
struct Guarded {
    mapping: *mut libc::c_void,
    page: usize,
}

#[cfg(all(unix, not(miri)))]
impl Guarded {
    const PAGES: usize = 16;

    fn new() -> Self {
        // SAFETY: `sysconf` only returns a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let bytes = (Self::PAGES + 2) * page;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: an anonymous mapping at an address of the system's choice affects no other memory.
        let mapping =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_NONE, kind, -1, 0) };
        assert_ne!(mapping, libc::MAP_FAILED);
        // SAFETY: these are all pages of the mapping but its first and last, and no reference to them exists.
        let opened = unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            libc::mprotect(mapping.byte_add(page), Self::PAGES * page, access)
        };
        assert_eq!(opened, 0);
        Self { mapping, page }
    }

    /// The last `bytes` bytes before the page that faults.
    fn last(&mut self, bytes: usize) -> &mut [u8] {
        let all = Self::PAGES * self.page;
        assert!(bytes <= all);
        // SAFETY: the bytes are within the writable pages, and `self` is borrowed exclusively.
        unsafe {
            let end = self.mapping.cast::<u8>().add(self.page + all);
            std::slice::from_raw_parts_mut(end.sub(bytes), bytes)
        }
    }
}

#[cfg(all(unix, not(miri)))]
impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: `new` made the mapping with this size, and no reference to it remains.
        unsafe { libc::munmap(self.mapping, (Self::PAGES + 2) * self.page) };
    }
}

fn are_canaries(bytes: &[u8]) -> bool {
    // Compares slices, which is much faster than a loop in a build without optimization.
    bytes == &[CANARY; BEYOND + LENGTHS][..bytes.len()]
}

/// Checks one expansion into a buffer at an offset, between canaries.
fn check_expand<R>(
    kernel: SimdLevel,
    case: &Case<R>,
    positions: Range<usize>,
    places: usize,
    offset: usize,
) where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    let record_bytes = size_of::<R::Record>();
    let spare = positions.len() % record_bytes;
    let mut memory = vec![CANARY; offset + places * record_bytes + spare + BEYOND];
    let buffer = &mut memory[offset..offset + places * record_bytes + spare];
    let mut buf = RecordBuf::over(buffer);
    assert_eq!(buf.left(), places);
    let entries = case.entries(positions);
    kernel.expand(case.recipe, entries, &mut buf, ahead(offset + entries.keys.len(), &[0; 2048]));
    let expected = entries.keys.iter().zip(entries.values).take(places);
    let expected: Vec<_> =
        expected.map(|(key, value)| case.recipe.record(*key, *value, true)).collect();
    assert_eq!(buf.into_filled(), expected, "{kernel}, {} keys", entries.keys.len());
    let (before, after) = (&memory[..offset], &memory[offset + places * record_bytes..]);
    assert!(are_canaries(before) && are_canaries(after), "{kernel}");
}

fn expands<R>(case: &Case<R>)
where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    for kernel in SimdLevel::available() {
        for length in 0..=LENGTHS {
            for offset in 0..16 {
                let start = (offset + length) % 9;
                check_expand(kernel, case, start..start + length, length + offset % 3, offset);
            }
            for start in 0..8 {
                check_expand(kernel, case, start..start + length, length, length % 16);
            }
            // Fewer records fit than there are keys.
            check_expand(kernel, case, 0..length, length / 2, 1);
        }
    }
}

#[cfg(all(unix, not(miri)))]
fn touches_nothing_else<R>(case: &Case<R>)
where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    let (mut keys, mut values, mut target) = (Guarded::new(), Guarded::new(), Guarded::new());
    for kernel in SimdLevel::available() {
        for length in 0..=LENGTHS {
            let all = case.entries(0..length);
            let keys = keys.last(size_of_val(all.keys));
            keys.copy_from_slice(bytemuck::cast_slice(all.keys));
            let values = values.last(size_of_val(all.values));
            values.copy_from_slice(bytemuck::cast_slice(all.values));
            let entries = Entries::<R::Key, R::Value> {
                keys: bytemuck::cast_slice(keys),
                values: bytemuck::cast_slice(values),
            };
            let mut buf = RecordBuf::over(target.last(length * size_of::<R::Record>()));
            kernel.expand(case.recipe, entries, &mut buf, PrefetchRange::NONE);
            let expected = entries.keys.iter().zip(entries.values);
            let expected = expected.map(|(key, value)| case.recipe.record(*key, *value, true));
            assert!(buf.into_filled().iter().copied().eq(expected));
            for selection in selections(Distinct::Key) {
                for places in [length / 2, length] {
                    let mut buf = RecordBuf::over(target.last(places * size_of::<R::Record>()));
                    let none = PrefetchRange::NONE;
                    kernel.compact(case.recipe, &selection, &mut None, entries, &mut buf, none);
                }
            }
        }
    }
}

/// Selections with different ranges of sources and units that are shown once.
fn selections<F: Spread>(distinct: Distinct) -> Vec<Selection<F>> {
    let ranges = [(0, u32::MAX), (1, u32::MAX), (0, 0), (2, 3), (1, 1), (4, u32::MAX), (1, 0)];
    let bound = |number| match number {
        u32::MAX => F::MAX,
        // The views of source-specific joins begin with it.
        1 => F::from_number(1),
        _ => F::spread(number),
    };
    let mut selections = Vec::new();
    for (low, high) in ranges.map(|(low, high)| (bound(low), bound(high))) {
        let high = if low == high { F::spread(1) } else { high };
        for (once, shows_source) in
            [(distinct, true), (Distinct::Group, true), (Distinct::Group, false)]
        {
            selections.push(Selection { low, high, once, shows_source });
        }
    }
    selections
}

/// Selections whose bounds are edges, all pairs of them.
fn edge_selections<F: Spread>() -> Vec<Selection<F>> {
    let edges = F::edges();
    let bounds = edges.iter().flat_map(|low| edges.iter().map(|high| (*low, *high)));
    let selections = bounds.enumerate().map(|(at, (low, high))| {
        let once = [Distinct::Join, Distinct::Key, Distinct::Group][at % 3];
        Selection { low, high, once, shows_source: at % 5 != 0 }
    });
    selections.collect()
}

/// The positions and records of the entries that a selection shows, by the definition.
fn shown<R: Recipe>(
    recipe: R,
    selection: &Selection<R::Family>,
    entries: Entries<'_, R::Key, R::Value>,
) -> Vec<(usize, R::Record)> {
    let mut shown: Vec<(usize, R::Record)> = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, (key, value)) in entries.keys.iter().zip(entries.values).enumerate() {
        let Some(join) = recipe.join(*key, *value) else { continue };
        if join.source < selection.low || join.source > selection.high {
            continue;
        }
        let is_new = match selection.once {
            Distinct::Key => true,
            Distinct::Join => seen.insert(join),
            Distinct::Group => seen.insert(Join::any_source(join.group)),
        };
        if is_new {
            shown.push((at, recipe.record(*key, *value, selection.shows_source)));
        }
    }
    shown
}

/// Checks compaction in runs of `runs` entries and pages of `places` records.
fn check_compact<R>(
    kernel: SimdLevel,
    recipe: R,
    selection: &Selection<R::Family>,
    entries: Entries<'_, R::Key, R::Value>,
    places: usize,
    runs: usize,
) where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    let record_bytes = size_of::<R::Record>();
    let expected = shown(recipe, selection, entries);
    let mut given = 0;
    let mut at = 0;
    let mut memory = vec![CANARY; 3 + places * record_bytes + BEYOND];
    loop {
        let mut buf = RecordBuf::over(&mut memory[3..3 + places * record_bytes]);
        let mut last = None;
        // A page may cover several runs.
        let mut stopped = None;
        while at < entries.keys.len() && stopped.is_none() {
            let run = part(entries, at..entries.keys.len().min(at + runs));
            let ahead = ahead(at, &[0; 2048]);
            stopped = kernel.compact(recipe, selection, &mut last, run, &mut buf, ahead);
            at += stopped.unwrap_or(run.keys.len());
        }
        let page = buf.into_filled();
        let rest = &expected[given..];
        assert!(page.len() == rest.len().min(places), "{kernel}, {selection:?}");
        let records = rest.iter().take(places).map(|(_, record)| record);
        assert!(page.iter().eq(records), "{kernel}, {selection:?}");
        given += page.len();
        let (before, after) = (&memory[..3], &memory[3 + places * record_bytes..]);
        assert!(are_canaries(before) && are_canaries(after), "{kernel}");
        match stopped {
            None => break,
            Some(_) => assert_eq!(Some(at), expected.get(given).map(|(at, _)| *at), "{kernel}"),
        }
        if places == 0 {
            return;
        }
    }
    assert_eq!(given, expected.len());
}

fn compacts<R>(case: &Case<R>, distinct: Distinct)
where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    for kernel in SimdLevel::available() {
        for selection in selections(distinct) {
            for length in (0..FEW).chain([63, 64, 127, 300]) {
                for (start, places) in [(0, 0), (1, 1), (0, 3), (2, 8), (5, 9), (3, 33), (0, 301)] {
                    let entries = case.entries(start..start + length);
                    for runs in [37, 300] {
                        check_compact(kernel, case.recipe, &selection, entries, places, runs);
                    }
                }
            }
            // The last join is carried from call to call, at each lane.
            for runs in 1..=17 {
                let entries = case.entries(0..LENGTHS);
                check_compact(kernel, case.recipe, &selection, entries, LENGTHS, runs);
            }
        }
    }
}

fn compacts_at_edges<R>(case: &Case<R>)
where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    let count = case.keys.len();
    for kernel in SimdLevel::available() {
        for selection in edge_selections() {
            for places in [count, 21] {
                let entries = case.entries(0..count);
                check_compact(kernel, case.recipe, &selection, entries, places, 101);
            }
        }
    }
}

#[test]
fn every_processor_has_the_portable_kernel_and_the_best_is_available() {
    let kernels: Vec<SimdLevel> = SimdLevel::available().collect();
    assert_eq!(kernels.first(), Some(&SimdLevel::PORTABLE));
    assert_eq!(kernels.last(), Some(&SimdLevel::best()));
    assert_eq!(SimdLevel::PORTABLE.to_string(), "portable");
    for kernel in kernels {
        assert_eq!(kernel.name().parse(), Ok(kernel));
    }
    assert!("sse".parse::<SimdLevel>().is_err());
}

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
#[test]
fn little_endian_aarch64_has_neon() {
    assert_eq!(SimdLevel::best().name(), "neon");
}

#[test]
fn records_are_those_of_the_record_types() {
    let case = join_records(joins::<V4>());
    for (at, (group, source)) in joins::<V4>().into_iter().enumerate() {
        let record =
            |shows_source| case.recipe.record(case.keys[at], case.values[at], shows_source);
        assert_eq!(record(true), V4::entry(group, source));
        assert_eq!(record(false), V4::entry(group, V4::UNSPECIFIED));
        let join = case.recipe.join(case.keys[at], case.values[at]);
        assert_eq!(join, Some(Join::new(group, source)));
    }
    let next_hop = V6::spread(77);
    let case = membership_records::<V6, ByNeighborKey6>(next_hop);
    for (key, flags) in case.keys.iter().zip(&case.values) {
        let (parts, record) = (key.parts(), case.recipe.record(*key, *flags, true));
        assert_eq!(record.entry(), V6::entry(parts.group, parts.source));
        assert_eq!(record.protocol(), Protocol::new(parts.protocol));
        assert_eq!(record.flags(), MembershipFlags::from_bits(*flags));
        assert_eq!(record.interface(), Interface::with_next_hop(0x0102_0304, next_hop));
        let hidden = case.recipe.record(*key, *flags, false);
        assert_eq!(hidden.entry(), V6::entry(parts.group, V6::UNSPECIFIED));
    }
}

#[test]
fn joins_of_an_interface_have_the_join_flag() {
    let case = interface_joins::<V4, ByInterfaceKey4>(joins(), V4::UNSPECIFIED, FLAGS[2]);
    for (key, flags) in case.keys.iter().zip(&case.values) {
        let parts = key.parts();
        let expected = Join::new(parts.group, parts.source);
        let join = case.recipe.join(*key, *flags);
        assert_eq!(join, (flags & 1 == 1).then_some(expected));
    }
}

#[test]
fn joins_expand() {
    expands(&join_records(joins::<V4>()));
    expands(&join_records(joins::<V6>()));
}

#[test]
fn memberships_expand() {
    expands(&membership_records::<V4, ByInterfaceKey4>(V4::UNSPECIFIED));
    expands(&membership_records::<V6, ByInterfaceKey6>(V6::UNSPECIFIED));
    expands(&membership_records::<V4, ByNeighborKey4>(V4::spread(77)));
    expands(&membership_records::<V6, ByGroupKey6>(V6::spread(77)));
    expands(&interface_joins::<V4, ByInterfaceKey4>(joins(), V4::UNSPECIFIED, FLAGS[2]));
}

#[test]
fn joins_compact() {
    compacts(&join_records(joins::<V4>()), Distinct::Key);
    compacts(&join_records(joins::<V6>()), Distinct::Key);
    compacts(&join_records(small_groups::<V4>()), Distinct::Key);
    compacts(&join_records(small_groups::<V6>()), Distinct::Key);
}

#[test]
fn joins_compact_at_the_edges_of_words() {
    compacts_at_edges(&join_records(edge_joins::<V4>()));
    compacts_at_edges(&join_records(edge_joins::<V6>()));
}

#[test]
fn joins_of_an_interface_compact() {
    for flags in FLAGS {
        let case = interface_joins::<V4, ByInterfaceKey4>(joins(), V4::UNSPECIFIED, flags);
        compacts(&case, Distinct::Join);
    }
    let case = interface_joins::<V4, ByNeighborKey4>(joins(), V4::spread(77), FLAGS[2]);
    compacts(&case, Distinct::Join);
}

#[test]
fn ipv6_joins_of_an_interface_compact() {
    for flags in FLAGS {
        let case = interface_joins::<V6, ByInterfaceKey6>(joins(), V6::UNSPECIFIED, flags);
        compacts(&case, Distinct::Join);
    }
    let case = interface_joins::<V6, ByNeighborKey6>(joins(), V6::spread(77), FLAGS[2]);
    compacts(&case, Distinct::Join);
}

#[test]
fn joins_of_an_interface_compact_at_the_edges_of_words() {
    for flags in [FLAGS[0], FLAGS[3]] {
        let joins = edge_joins::<V4>();
        let case = interface_joins::<V4, ByInterfaceKey4>(joins, V4::UNSPECIFIED, flags);
        compacts_at_edges(&case);
        let joins = edge_joins::<V6>();
        let case = interface_joins::<V6, ByInterfaceKey6>(joins, V6::UNSPECIFIED, flags);
        compacts_at_edges(&case);
    }
}

#[test]
fn memberships_compact() {
    compacts(&membership_records::<V4, ByInterfaceKey4>(V4::UNSPECIFIED), Distinct::Key);
    compacts(&membership_records::<V6, ByInterfaceKey6>(V6::UNSPECIFIED), Distinct::Key);
    compacts(&membership_records::<V4, ByGroupKey4>(V4::spread(77)), Distinct::Key);
}

#[cfg(all(unix, not(miri)))]
#[test]
fn no_load_or_store_reaches_beyond() {
    touches_nothing_else(&join_records(joins::<V4>()));
    touches_nothing_else(&join_records(joins::<V6>()));
    touches_nothing_else(&membership_records::<V4, ByInterfaceKey4>(V4::UNSPECIFIED));
    touches_nothing_else(&membership_records::<V6, ByInterfaceKey6>(V6::UNSPECIFIED));
    let flags = FLAGS[3];
    let none = V4::UNSPECIFIED;
    touches_nothing_else(&interface_joins::<V4, ByInterfaceKey4>(joins(), none, flags));
    let none = V6::UNSPECIFIED;
    touches_nothing_else(&interface_joins::<V6, ByInterfaceKey6>(joins(), none, flags));
}
