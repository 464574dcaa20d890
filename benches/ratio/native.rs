//! The cost of the calls of `groupscan.h`, compared with those of Rust, on the same table.

#![allow(unsafe_code, reason = "calls the C ABI")]

use std::hint::black_box;
use std::ptr;

use groupscan::{Enumeration, Filter, GroupTable, Membership, Protocol, Snapshot, V4, View};
use groupscan_capi::*;

use crate::changing::{Random, membership};
use crate::enumerating::{huge, read};
use crate::rounds::{Asked, alternate, nanos_a_unit};

/// The joins of the table.
const JOINS: usize = 1 << 20;

/// The joins per call, and the calls per round.
const JOINS_A_CALL: usize = 1000;
const CALLS: usize = 4;

pub(crate) fn ask(asked: &Asked) {
    let bulk = "groupscan.h: 1,000 joins a call / a transaction, 1,048,576 joins";
    let pages: Vec<(usize, String)> = [16, 4 << 10, 64 << 10]
        .into_iter()
        .map(|bytes| {
            (bytes, format!("groupscan.h: next / get_next, {bytes} bytes a call, 1048576 joins"))
        })
        .collect();
    if !asked.wants(bulk) && !pages.iter().any(|(_, name)| asked.wants(name)) {
        return;
    }
    let mut random = Random::new();
    let table = filled(&random.keys(JOINS));
    asked.ask(bulk, || bulk_joins(bulk, &table, &mut random));
    for (bytes, name) in &pages {
        asked.ask(name, || record_batches(name, &table, *bytes));
    }
}

/// A table of the C API.
pub(crate) struct InC(*mut groupscan_table);

impl InC {
    pub(crate) fn new() -> Self {
        let mut table = ptr::null_mut();
        // SAFETY: null options select the defaults.
        assert_eq!(unsafe { groupscan_table_create(ptr::null(), &mut table) }, GROUPSCAN_OK);
        Self(table)
    }

    pub(crate) fn snapshot(&self) -> SnapshotInC {
        let mut snapshot = ptr::null_mut();
        // SAFETY: the table exists.
        assert_eq!(unsafe { groupscan_table_snapshot(self.0, &mut snapshot) }, GROUPSCAN_OK);
        SnapshotInC(snapshot)
    }

    pub(crate) fn table(&self) -> &GroupTable {
        // SAFETY: the table exists until this is dropped.
        unsafe { &*self.0 }.table()
    }

    fn join(&self, memberships: &[groupscan_membership4]) {
        let (first, count) = (memberships.as_ptr(), memberships.len());
        // SAFETY: the table exists, and the array has this number of memberships.
        let status = unsafe {
            groupscan_table_join4(self.0, Protocol::IGMP.number(), first, count, ptr::null_mut())
        };
        assert_eq!(status, GROUPSCAN_OK);
    }
}

impl Drop for InC {
    fn drop(&mut self) {
        // SAFETY: this owns the table, and does not use it afterwards.
        unsafe { groupscan_table_destroy(self.0) };
    }
}

/// A snapshot of the C API.
pub(crate) struct SnapshotInC(pub(crate) *mut groupscan_snapshot);

impl Drop for SnapshotInC {
    fn drop(&mut self) {
        // SAFETY: this owns the snapshot, and does not use it afterwards.
        unsafe { groupscan_snapshot_destroy(self.0) };
    }
}

/// A table of some joins, added in the order of `keys`.
fn filled(keys: &[u64]) -> InC {
    let table = InC::new();
    table.join(&keys.iter().map(|key| membership_in_c(*key)).collect::<Vec<_>>());
    table
}

fn membership_in_c(key: u64) -> groupscan_membership4 {
    let Membership { group, source, interface, flags, .. } = membership(key);
    let [group, source, next_hop] = [group, source, interface.next_hop].map(|a| a.octets());
    let iface = groupscan_interface4 { index: interface.index, next_hop };
    groupscan_membership4 { group, source, iface, flags: flags.bits().into() }
}

/// Joins in bulk, from each side's own array. They leave again between the rounds.
fn bulk_joins(name: &str, in_c: &InC, random: &mut Random) {
    let keys = random.keys(JOINS_A_CALL * CALLS);
    let c: Vec<_> = keys.iter().map(|key| membership_in_c(*key)).collect();
    let rust: Vec<_> = keys.iter().map(|key| membership(*key)).collect();
    let table = in_c.table();
    let timed = |join: &dyn Fn(usize)| {
        let nanos = nanos_a_unit(keys.len(), || (0..CALLS).for_each(join));
        assert_eq!(table.stats().ipv4.joins, JOINS + keys.len());
        let mut txn = table.begin_write();
        rust.iter().for_each(|m| assert_eq!(txn.leave(m), Ok(true)));
        txn.commit();
        nanos
    };
    let part = |call| call * JOINS_A_CALL..(call + 1) * JOINS_A_CALL;
    alternate(
        name,
        "ns a join",
        || timed(&|call| in_c.join(&c[part(call)])),
        || {
            timed(&|call| {
                let mut txn = table.begin_write();
                for membership in &rust[part(call)] {
                    txn.join(membership).expect("there is memory");
                }
                black_box(txn.commit());
            })
        },
    );
}

/// An enumeration through a buffer of `bytes` bytes.
fn record_batches(name: &str, in_c: &InC, bytes: usize) {
    let snapshot = in_c.snapshot();
    // SAFETY: the snapshot exists until it is dropped.
    let in_rust: &Snapshot = unsafe { &*snapshot.0 }.snapshot();
    let [mut buffer, mut other_buffer] = [(); 2].map(|()| huge(&vec![0; bytes]));
    let calls = in_rust.ipv4().len().div_ceil(bytes / Enumeration::<V4>::ENTRY_BYTES);
    let turns = (32_768 / calls).max(1);
    let c = || {
        nanos_a_unit(calls * turns, || {
            for _ in 0..turns {
                assert_eq!(enumerate(snapshot.0, buffer.bytes_mut()), JOINS);
            }
        })
    };
    let rust = || {
        nanos_a_unit(calls * turns, || {
            for _ in 0..turns {
                let enumeration = in_rust.ipv4().enumerate(View::AllSources, Filter::<V4>::all());
                let mut records = 0;
                read(&enumeration, other_buffer.bytes_mut(), |page| {
                    records += black_box(page).len() / Enumeration::<V4>::ENTRY_BYTES;
                });
                assert_eq!(records, JOINS);
            }
        })
    };
    alternate(name, "ns a call", c, rust);
}

/// Enumerates through a buffer, and returns the number of records.
fn enumerate(snapshot: *const groupscan_snapshot, buffer: &mut [u8]) -> usize {
    let (mut enumeration, mut records) = (ptr::null_mut(), 0);
    let view = groupscan_view::GROUPSCAN_VIEW_ALL_SOURCES as u32;
    // SAFETY: the snapshot exists, and a null filter admits everything.
    let status =
        unsafe { groupscan_snapshot_enumerate4(snapshot, view, ptr::null(), &mut enumeration) };
    assert_eq!(status, GROUPSCAN_OK);
    loop {
        let (mut count, mut more) = (0, false);
        let (place, bytes) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: the enumeration exists, and the buffer has the given number of bytes.
        let status =
            unsafe { groupscan_enumeration_next(enumeration, place, bytes, &mut count, &mut more) };
        assert_eq!(status, GROUPSCAN_OK);
        records += count;
        black_box(&mut *buffer);
        if !more {
            break;
        }
    }
    // SAFETY: this owns the enumeration, and does not use it afterwards.
    unsafe { groupscan_enumeration_destroy(enumeration) };
    records
}
