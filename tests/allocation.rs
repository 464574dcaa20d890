//! Readers allocate nothing: neither by taking and dropping snapshots nor by enumerating.

#![allow(unsafe_code, reason = "counts what the allocator is asked for")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem::MaybeUninit;

use groupscan::{Filter, GroupTable, Interface, Membership, Prefix, Protocol, V4, View};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: hands every call on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often this thread allocated or freed while `run` ran.
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

// One test, for records that one thread gave to the collector may be freed by another.
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
            let enumeration = snapshot.enumerate(View::AllSources, Filter::<V4>::all());
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
        [View::AllSources, View::AnySource, View::SourceSpecific, View::Wildcard, View::Groups];
    let all = Filter::<V4>::all();
    let filters = [all, all.interface(lan), all.source("0.0.0.0/1".parse().unwrap())];
    let mut buffer = [0; 1000];
    let mut uninit = [MaybeUninit::uninit(); 1000];
    let mut calls = 0;
    let count = allocations(|| {
        for view in views {
            for filter in filters {
                let enumeration = snapshot.enumerate(view, filter);
                while enumeration.get_next(&mut buffer).unwrap().more() {
                    calls += 1;
                    enumeration.get_next_uninit(&mut uninit).unwrap();
                    let rest = snapshot.enumerate(view, filter);
                    let rest = rest.resume_after(enumeration.position().unwrap());
                    rest.split(3).for_each(|part| calls += part.into_iter().count());
                }
            }
        }
        for filter in filters {
            let memberships = snapshot.enumerate_memberships(lan, filter);
            while memberships.get_next(&mut buffer).unwrap().more() {
                calls += 1;
            }
        }
        calls += snapshot.records(View::AllSources).count();
        calls += snapshot.join_keys(Prefix::<V4>::ALL).count();
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
    let retained = table.stats().slots_retained;
    assert!(retained > 0);
    assert_eq!(allocations(|| drop(snapshot)), 0);
    assert_eq!(table.stats().slots_retained, retained, "that is the writer's work");
    while table.reclaim() {}
    assert_eq!(table.stats().slots_retained, 0);
}
