//! Compares every kernel with the recipes, key by key.

use std::fmt::Debug;

use bytemuck::{Zeroable, bytes_of};

use super::*;
use crate::types::family::sealed::Keys;
use crate::types::key::{JoinKey, MembershipKey, MembershipParts};
use crate::types::{Interface, MembershipFlags, Protocol, V4, V6};

const LENGTHS: usize = 300;

/// The bytes around a buffer, which must not change.
const CANARY: u8 = 0xa5;

/// The number of canary bytes behind a buffer: more than a kernel stores in a step.
const BEYOND: usize = 256;

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
}

impl Spread for V4 {}
impl Spread for V6 {}

/// (group, source) of ascending keys: groups of one to five joins, every other group with an any-source join,
/// and (\*,\*) first.
fn joins<F: Spread>(count: usize) -> Vec<(F, F)> {
    let groups = (0..).flat_map(|group: u32| {
        let sources = (0..=group % 5).map(move |source| source + group % 2);
        sources.map(move |source| (F::spread(group), F::spread(source)))
    });
    groups.take(count).collect()
}

fn join_keys<F: Spread>(count: usize) -> Vec<F::JoinKey> {
    joins(count).into_iter().map(|(group, source)| F::JoinKey::new(group, source)).collect()
}

/// Memberships of one interface, up to three protocols per join. Some lack the join flag.
fn membership_keys<F: Spread>(count: usize) -> Vec<F::ByInterface> {
    let parts = joins(count).into_iter().enumerate().flat_map(|(at, (group, source))| {
        let at = at as u32;
        (0..=at % 3).map(move |protocol| MembershipParts {
            group,
            source,
            interface_id: 0x0010_2030,
            protocol: protocol << 24 | at,
            flags: ((at + protocol) % 3 + 1) as u8,
        })
    });
    parts.take(count).map(F::ByInterface::new).collect()
}

fn interface<F: Spread>() -> Interface<F> {
    Interface::with_next_hop(0x0102_0304, F::spread(77))
}

/// A prefetch range that varies with the case.
fn ahead(case: usize, memory: &[u8]) -> PrefetchRange {
    let bytes = [0, 64, 700, 1500, 2048][case % 5];
    PrefetchRange::new(memory.as_ptr(), bytes).far(case.is_multiple_of(2))
}

/// Pages between two pages that fault when they are touched.
#[cfg(unix)]
struct Guarded {
    mapping: *mut libc::c_void,
    page: usize,
}

#[cfg(unix)]
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

#[cfg(unix)]
impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: `new` made the mapping with this size, and no reference to it remains.
        unsafe { libc::munmap(self.mapping, (Self::PAGES + 2) * self.page) };
    }
}

/// Checks one expansion into a buffer at an offset, between canaries.
fn check_expand<R>(kernel: SimdLevel, recipe: R, keys: &[R::Key], places: usize, offset: usize)
where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    let record_bytes = size_of::<R::Record>();
    let spare = keys.len() % record_bytes;
    let mut memory = vec![CANARY; offset + places * record_bytes + spare + BEYOND];
    let buffer = &mut memory[offset..offset + places * record_bytes + spare];
    let mut buf = RecordBuf::over(buffer);
    assert_eq!(buf.left(), places);
    kernel.expand(recipe, keys, &mut buf, ahead(offset + keys.len(), &[0; 2048]));
    let count = keys.len().min(places);
    let expected: Vec<_> = keys[..count].iter().map(|key| recipe.record(*key, true)).collect();
    assert_eq!(buf.into_filled(), expected, "{kernel}, {} keys", keys.len());
    let (before, after) = (&memory[..offset], &memory[offset + places * record_bytes..]);
    assert!(before.iter().chain(after).all(|byte| *byte == CANARY), "{kernel}");
}

fn expands<R>(recipe: R, keys: &[R::Key])
where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    for kernel in SimdLevel::available() {
        for length in 0..=LENGTHS {
            for offset in 0..16 {
                let start = (offset + length) % 9;
                let keys = &keys[start..start + length];
                check_expand(kernel, recipe, keys, length + offset % 3, offset);
            }
            for start in 0..8 {
                let keys = &keys[start..start + length];
                check_expand(kernel, recipe, keys, length, length % 16);
            }
            // Fewer records fit than there are keys.
            check_expand(kernel, recipe, &keys[..length], length / 2, 1);
        }
    }
}

#[cfg(unix)]
fn touches_nothing_else<R>(recipe: R, keys: &[R::Key])
where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    let (mut source, mut target) = (Guarded::new(), Guarded::new());
    for kernel in SimdLevel::available() {
        for length in 0..=LENGTHS {
            let place = source.last(length * size_of::<R::Key>());
            place.copy_from_slice(bytemuck::cast_slice(&keys[..length]));
            let keys: &[R::Key] = bytemuck::cast_slice(place);
            let mut buf = RecordBuf::over(target.last(length * size_of::<R::Record>()));
            kernel.expand(recipe, keys, &mut buf, PrefetchRange::NONE);
            let expected = keys.iter().map(|key| recipe.record(*key, true));
            assert!(buf.into_filled().iter().copied().eq(expected));
            for selection in selections(Distinct::Key) {
                let mut buf = RecordBuf::over(target.last(length * size_of::<R::Record>() / 2));
                kernel.compact(recipe, &selection, &mut None, keys, &mut buf, PrefetchRange::NONE);
            }
        }
    }
}

/// Selections with different ranges of sources and units that are shown once.
fn selections<F: Spread>(distinct: Distinct) -> Vec<Selection<F>> {
    let ranges = [(0, u32::MAX), (1, u32::MAX), (0, 0), (2, 3), (1, 1), (4, u32::MAX), (1, 0)];
    let bound = |number| if number == u32::MAX { F::MAX } else { F::spread(number) };
    let mut selections = Vec::new();
    for (low, high) in ranges.map(|(low, high)| (bound(low), bound(high))) {
        for (once, shows_source) in
            [(distinct, true), (Distinct::Group, true), (Distinct::Group, false)]
        {
            selections.push(Selection { low, high, once, shows_source });
        }
    }
    selections
}

/// The positions and records of the keys that a selection shows, by the definition.
fn shown<R: Recipe>(
    recipe: R,
    selection: &Selection<R::Family>,
    keys: &[R::Key],
) -> Vec<(usize, R::Record)> {
    let mut shown: Vec<(usize, R::Record)> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (at, key) in keys.iter().enumerate() {
        let Some(join) = recipe.join(*key) else { continue };
        if join.source < selection.low || join.source > selection.high {
            continue;
        }
        let is_new = match selection.once {
            Distinct::Key => true,
            Distinct::Join => seen.insert(join),
            Distinct::Group => seen.insert(Join::any_source(join.group)),
        };
        if is_new {
            shown.push((at, recipe.record(*key, selection.shows_source)));
        }
    }
    shown
}

/// Checks compaction in runs of `runs` keys and pages of `places` records.
fn check_compact<R>(
    kernel: SimdLevel,
    recipe: R,
    selection: &Selection<R::Family>,
    keys: &[R::Key],
    places: usize,
    runs: usize,
) where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    let record_bytes = size_of::<R::Record>();
    let expected = shown(recipe, selection, keys);
    let mut given = 0;
    let mut at = 0;
    loop {
        let mut memory = vec![CANARY; 3 + places * record_bytes + BEYOND];
        let mut buf = RecordBuf::over(&mut memory[3..3 + places * record_bytes]);
        let mut last = None;
        // A page may cover several runs.
        let mut stopped = None;
        while at < keys.len() && stopped.is_none() {
            let run = &keys[at..keys.len().min(at + runs)];
            stopped =
                kernel.compact(recipe, selection, &mut last, run, &mut buf, PrefetchRange::NONE);
            at += stopped.unwrap_or(run.len());
        }
        let page = buf.into_filled();
        let rest = &expected[given..];
        assert!(page.len() == rest.len().min(places), "{kernel}, {selection:?}");
        assert!(page.iter().eq(rest.iter().take(places).map(|(_, record)| record)), "{kernel}");
        given += page.len();
        let around = memory[..3].iter().chain(&memory[3 + places * record_bytes..]);
        assert!(around.copied().all(|byte| byte == CANARY), "{kernel}");
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

fn compacts<R>(recipe: R, keys: &[R::Key], distinct: Distinct)
where
    R: Recipe<Family: Spread, Record: PartialEq + Debug>,
{
    for kernel in SimdLevel::available() {
        for selection in selections(distinct) {
            for length in (0..70).chain([127, 128, 300]) {
                for (start, places) in [(0, 0), (1, 1), (0, 3), (2, 8), (5, 9), (3, 33), (0, 301)] {
                    let keys = &keys[start..start + length];
                    check_compact(kernel, recipe, &selection, keys, places, 37);
                    check_compact(kernel, recipe, &selection, keys, places, 300);
                }
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
}

#[test]
fn records_are_those_of_the_record_types() {
    let keys = join_keys::<V4>(20);
    for (key, (group, source)) in keys.iter().zip(joins::<V4>(20)) {
        assert_eq!(JoinRecords::<V4>::new().record(*key, true), V4::entry(group, source));
        let hidden = JoinRecords::<V4>::new().record(*key, false);
        assert_eq!(hidden, V4::entry(group, V4::UNSPECIFIED));
    }
    let recipe = MembershipRecords { interface: interface::<V6>() };
    let key = membership_keys::<V6>(9)[8];
    let (parts, record) = (key.parts(), recipe.record(key, true));
    assert_eq!(record.entry(), V6::entry(parts.group, parts.source));
    assert_eq!(
        (record.protocol(), record.flags()),
        (Protocol::new(parts.protocol), MembershipFlags::from_bits(parts.flags))
    );
    assert_eq!(record.interface(), interface());
    // The record of the all-zero key has the bytes that all records have in common.
    let common = recipe.record(Zeroable::zeroed(), true);
    assert!(bytes_of(&common)[..64].iter().all(|byte| *byte == 0));
}

#[test]
fn joins_expand() {
    expands(JoinRecords::<V4>::new(), &join_keys::<V4>(LENGTHS + 9));
    expands(JoinRecords::<V6>::new(), &join_keys::<V6>(LENGTHS + 9));
}

#[test]
fn memberships_expand() {
    let keys = membership_keys::<V4>(LENGTHS + 9);
    expands(MembershipRecords { interface: interface::<V4>() }, &keys);
    expands(InterfaceJoinRecords::<V4>::new(), &keys);
    let keys = membership_keys::<V6>(LENGTHS + 9);
    expands(MembershipRecords { interface: interface::<V6>() }, &keys);
}

#[test]
fn joins_compact() {
    compacts(JoinRecords::<V4>::new(), &join_keys::<V4>(LENGTHS + 9), Distinct::Key);
    compacts(JoinRecords::<V6>::new(), &join_keys::<V6>(LENGTHS + 9), Distinct::Key);
}

#[test]
fn memberships_compact() {
    let keys = membership_keys::<V4>(LENGTHS + 9);
    compacts(MembershipRecords { interface: interface::<V4>() }, &keys, Distinct::Key);
    compacts(InterfaceJoinRecords::<V4>::new(), &keys, Distinct::Join);
    compacts(
        InterfaceJoinRecords::<V6>::new(),
        &membership_keys::<V6>(LENGTHS + 9),
        Distinct::Join,
    );
}

#[cfg(unix)]
#[test]
fn no_load_or_store_reaches_beyond() {
    touches_nothing_else(JoinRecords::<V4>::new(), &join_keys::<V4>(LENGTHS));
    touches_nothing_else(JoinRecords::<V6>::new(), &join_keys::<V6>(LENGTHS));
    let recipe = MembershipRecords { interface: interface::<V4>() };
    touches_nothing_else(recipe, &membership_keys::<V4>(LENGTHS));
    let recipe = MembershipRecords { interface: interface::<V6>() };
    touches_nothing_else(recipe, &membership_keys::<V6>(LENGTHS));
}
