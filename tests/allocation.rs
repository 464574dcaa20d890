//! Readers allocate nothing: neither by taking and dropping snapshots nor by enumerating.

#![allow(unsafe_code, reason = "a global allocator that counts its calls")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem::MaybeUninit;

use groupscan::{Filter, GroupTable, Interface, Membership, Prefix, Protocol, V4, View};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System.alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: `start` came from `System.alloc` with this layout, as `dealloc` requires.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The number of this thread's allocations and frees during `run`.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

fn table(joins: u32) -> GroupTable {
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for number in 0..joins {
        let group = V4::from_bits(0xe000_0000 + number);
        txn.join(&Membership::any_source(group, Interface::new(1), Protocol::IGMP)).unwrap();
    }
    txn.commit();
    table
}

// One test only: a thread may free what another thread gave to the collector.
#[test]
fn readers_neither_allocate_nor_free() {
    snapshots_and_enumerations_allocate_nothing();
    every_way_of_enumerating_allocates_nothing();
    the_drop_of_a_version_s_last_snapshot_frees_nothing();
}

fn snapshots_and_enumerations_allocate_nothing() {
    assert!(allocations(|| drop(Box::new(0))) >= 2, "the count works");
    let table = table(5000);
    // The first call of a thread registers it.
    drop(table.snapshot().unwrap());
    let mut buffer = [0; 1000];
    let count = allocations(|| {
        for _ in 0..1000 {
            let snapshot = table.snapshot().unwrap();
            drop(snapshot.clone());
            let enumeration = snapshot.ipv4().enumerate(View::AllSources, Filter::<V4>::all());
            drop(snapshot);
            for _ in 0..10 {
                assert!(enumeration.get_next(&mut buffer).unwrap().more());
            }
        }
    });
    assert_eq!(count, 0);
}

fn every_way_of_enumerating_allocates_nothing() {
    let table = table(5000);
    let snapshot = table.snapshot().unwrap();
    let lan = Interface::new(1);
    let views =
        [View::AllSources, View::OnePerGroup, View::SourceSpecific, View::AnySource, View::Groups];
    let all = Filter::<V4>::all();
    let filters = [all, all.with_interface(lan), all.with_sources("0.0.0.0/1".parse().unwrap())];
    let mut buffer = [0; 1000];
    let mut uninit = [MaybeUninit::uninit(); 1000];
    let mut calls = 0;
    let count = allocations(|| {
        for view in views {
            for filter in filters {
                let enumeration = snapshot.ipv4().enumerate(view, filter);
                while enumeration.get_next(&mut buffer).unwrap().more() {
                    calls += 1;
                    enumeration.get_next_uninit(&mut uninit).unwrap();
                    let rest = snapshot.ipv4().enumerate(view, filter);
                    let rest = rest.resume_after(enumeration.position().unwrap());
                    rest.split(3).for_each(|part| calls += part.into_iter().count());
                }
            }
        }
        for filter in filters {
            let memberships = snapshot.ipv4().enumerate_memberships(lan, filter);
            while memberships.get_next(&mut buffer).unwrap().more() {
                calls += 1;
            }
        }
        calls += snapshot.ipv4().records(View::AllSources).count();
        calls += snapshot.ipv4().join_keys(Prefix::<V4>::ALL).count();
    });
    assert!(calls > 10_000, "{calls}");
    assert_eq!(count, 0);
}

fn the_drop_of_a_version_s_last_snapshot_frees_nothing() {
    let table = table(5000);
    let snapshot = table.snapshot().unwrap();
    let mut txn = table.begin_write();
    assert_eq!(txn.leave_all(Interface::<V4>::new(1), Protocol::IGMP), Ok(5000));
    txn.commit();
    let retained = table.stats().retained_bytes;
    assert!(retained > 0);
    assert_eq!(allocations(|| drop(snapshot)), 0);
    assert_eq!(table.stats().retained_bytes, retained, "only the writer reclaims");
    table.reclaim();
    assert_eq!(table.stats().retained_bytes, 0);
}
