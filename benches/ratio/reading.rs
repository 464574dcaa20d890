//! Reading a table: against other ordered indexes, in small calls, in parts, with two threads, beside a
//! writer.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use arc_swap::ArcSwap;
use bytemuck::cast_slice_mut;
use concread::bptree::BptreeMap;
use groupscan::{Filter, GroupTable, Prefix, SimdLevel, Snapshot, SourceGroupEntry, V4, View};
use imbl::OrdSet;

use crate::changing::{Churn, Random};
use crate::enumerating::{huge, read, stream};
use crate::rounds::{Asked, alternate, median, nanos_a_unit, per_call, print_figure};
use crate::support::table;

/// The table size of most questions.
const JOINS: usize = 1 << 20;

/// The size of most pages.
const PAGE_BYTES: usize = 16 << 10;

pub(crate) fn ask(asked: &Asked) {
    let name = "all sources / imbl::OrdSet behind arc-swap, 1048576 joins";
    asked.ask(name, || {
        let set = ArcSwap::from_pointee(keys().into_iter().collect::<OrdSet<u64>>());
        against_set(name, |buffer| pack(set.load().iter().copied(), buffer));
    });
    let name = "all sources / RwLock<BTreeSet>, 1048576 joins";
    asked.ask(name, || {
        let set = RwLock::new(in_random_order().into_iter().collect::<BTreeSet<u64>>());
        against_set(name, |buffer| {
            pack(set.read().expect("no writer panicked").iter().copied(), buffer);
        });
    });
    let name = "all sources / concread::BptreeMap, 1048576 joins";
    asked.ask(name, || {
        let map: BptreeMap<u64, ()> = BptreeMap::new();
        let mut txn = map.write();
        in_random_order().into_iter().for_each(|key| _ = txn.insert(key, ()));
        txn.commit();
        against_set(name, |buffer| pack(map.read().keys().copied(), buffer));
    });
    let name = "one record a call, 1048576 joins, ns a call";
    asked.ask(name, || one_record_a_call(name));
    let name = "snapshot(), enumeration, first page, 1048576 joins, ns";
    asked.ask(name, || first_page(name));
    let name = "1024 records of a group prefix / all, 1048576 joins";
    asked.ask(name, || prefix_against_all(name));
    let name = "one enumeration at 16777216 joins, two threads / one";
    asked.ask(name, || two_threads(name));
    let name = "all sources, 1048576 joins, a writer commits / is idle";
    asked.ask(name, || beside_a_writer(name));
    let name = "all sources, 65536 joins / 16777216 joins";
    asked.ask(name, || small_against_large(name));
}

fn snapshot(joins: usize) -> Snapshot {
    table(joins).snapshot().expect("few versions live")
}

/// The keys of the table, as numbers.
fn keys() -> Vec<u64> {
    let snapshot = snapshot(JOINS);
    snapshot.ipv4().join_keys(Prefix::<V4>::ALL).flatten().map(|key| key.to_bits()).collect()
}

/// The same in random order.
fn in_random_order() -> Vec<u64> {
    let mut keys = keys();
    let mut random = Random::new();
    keys.sort_by_cached_key(|_| random.next());
    keys
}

/// Packs keys into pages, one by one.
fn pack(keys: impl Iterator<Item = u64>, buffer: &mut [u8]) {
    let places: &mut [SourceGroupEntry] = cast_slice_mut(buffer);
    let mut filled = 0;
    for key in keys {
        let [group, source] = [(key >> 32) as u32, key as u32].map(V4::from_bits);
        places[filled] = SourceGroupEntry::new(group, source);
        filled += 1;
        if filled == places.len() {
            black_box(&mut *places);
            filled = 0;
        }
    }
    black_box(places);
}

/// Streams the table. The other side iterates over another set of the same keys and packs them.
fn against_set(name: &str, mut other: impl FnMut(&mut [u8])) {
    let snapshot = snapshot(JOINS);
    let (mut buffer, mut other_buffer) = (huge(&[0; PAGE_BYTES]), huge(&[0; PAGE_BYTES]));
    // The last pages are the same.
    let mut last = Vec::new();
    let view = View::AllSources;
    stream(&snapshot, view, SimdLevel::best(), buffer.bytes_mut(), |page| last = page.to_vec());
    other(other_buffer.bytes_mut());
    assert_eq!((&last[..], last.len()), (other_buffer.bytes(), PAGE_BYTES));
    alternate(
        name,
        "ns a record",
        per_call(JOINS, || {
            let looked_at = |page: &[u8]| _ = black_box(page);
            stream(&snapshot, view, SimdLevel::best(), buffer.bytes_mut(), looked_at);
        }),
        per_call(JOINS, || other(other_buffer.bytes_mut())),
    );
}

fn one_record_a_call(name: &str) {
    let snapshot = snapshot(JOINS);
    let mut buffer = [0; 16];
    let nanos = median(|| {
        let enumeration = snapshot.ipv4().enumerate(View::AllSources, Filter::<V4>::all());
        let mut records = 0;
        let nanos = nanos_a_unit(JOINS, || {
            read(&enumeration, &mut buffer, |page| records += black_box(page).len() / 16);
        });
        assert_eq!(records, JOINS);
        nanos
    });
    print_figure(name, format!("{nanos:.1}"));
}

fn first_page(name: &str) {
    let table = table(JOINS);
    let mut buffer = [0; PAGE_BYTES];
    let nanos = median(|| {
        nanos_a_unit(1000, || {
            for _ in 0..1000 {
                let snapshot = table.snapshot().expect("few versions live");
                let enumeration = snapshot.ipv4().enumerate(View::AllSources, Filter::<V4>::all());
                let batch = enumeration.get_next(&mut buffer).expect("the buffer takes a record");
                assert_eq!(black_box(batch).entries().len(), PAGE_BYTES / 16);
            }
        })
    });
    print_figure(name, format!("{nanos:.0}"));
}

/// The time of a whole enumeration over that of a prefix with 1/1,024 of the joins.
fn prefix_against_all(name: &str) {
    let snapshot = snapshot(JOINS);
    let groups = Prefix::new(V4::new(232, 0, 77, 0), 24).expect("a prefix");
    assert_eq!(snapshot.ipv4().count(groups), 1024);
    let mut buffer = [0; PAGE_BYTES];
    let mut other_buffer = [0; PAGE_BYTES];
    let enumerate = |filter, buffer: &mut [u8]| {
        let looked_at = |page: &[u8]| _ = black_box(page);
        read(&snapshot.ipv4().enumerate(View::AllSources, filter), buffer, looked_at);
    };
    let some = per_call(1, || enumerate(Filter::all().with_groups(groups), &mut buffer));
    let all = per_call(1, || enumerate(Filter::all(), &mut other_buffer));
    alternate(name, "ns", some, all);
}

fn two_threads(name: &str) {
    let snapshot = snapshot(16 << 20);
    let run = |threads: usize| {
        let enumeration = snapshot.ipv4().enumerate(View::AllSources, Filter::<V4>::all());
        let records: usize = thread::scope(|scope| {
            let read_some = || {
                let mut buffer = huge(&[0; 64 << 10]);
                let mut records = 0;
                read(&enumeration, buffer.bytes_mut(), |page| records += page.len() / 16);
                records
            };
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(read_some)).collect();
            read_some() + others.into_iter().map(|t| t.join().expect("no panic")).sum::<usize>()
        });
        assert_eq!(records, 16 << 20);
    };
    let unit = 16 << 20;
    alternate(
        name,
        "ns a record",
        || nanos_a_unit(unit, || run(2)),
        || nanos_a_unit(unit, || run(1)),
    );
}

/// Enumerates the current version repeatedly, with and without commits on another thread.
fn beside_a_writer(name: &str) {
    let table = table(JOINS);
    let (commits, ends) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| write(&table, &commits, &ends));
        let mut buffer = huge(&[0; PAGE_BYTES]);
        let mut other_buffer = huge(&[0; PAGE_BYTES]);
        let round = |buffer: &mut [u8], is_busy| {
            commits.store(is_busy, Ordering::Relaxed);
            nanos_a_unit(100 * JOINS, || {
                for _ in 0..100 {
                    let snapshot = table.snapshot().expect("few versions live");
                    let looked_at = |page: &[u8]| _ = black_box(page);
                    stream(&snapshot, View::AllSources, SimdLevel::best(), buffer, looked_at);
                }
            })
        };
        alternate(
            name,
            "ns a record",
            || round(buffer.bytes_mut(), true),
            || round(other_buffer.bytes_mut(), false),
        );
        ends.store(true, Ordering::Relaxed);
    });
}

/// Leaves and joins without a pause, one change per commit, until it is told to stop.
fn write(table: &GroupTable, commits: &AtomicBool, ends: &AtomicBool) {
    let mut churn = Churn::new(keys(), Random::new());
    while !ends.load(Ordering::Relaxed) {
        if commits.load(Ordering::Relaxed) {
            churn.run(table, 100);
        } else {
            thread::yield_now();
        }
    }
}

fn small_against_large(name: &str) {
    let (small, large) = (snapshot(64 << 10), snapshot(16 << 20));
    let mut buffer = huge(&[0; PAGE_BYTES]);
    let mut other_buffer = huge(&[0; PAGE_BYTES]);
    let looked_at = |page: &[u8]| _ = black_box(page);
    let (view, level) = (View::AllSources, SimdLevel::best());
    alternate(
        name,
        "ns a record",
        per_call(64 << 10, || stream(&small, view, level, buffer.bytes_mut(), looked_at)),
        per_call(16 << 20, || stream(&large, view, level, other_buffer.bytes_mut(), looked_at)),
    );
}
