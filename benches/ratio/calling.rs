//! The cost of the calls of `mgm.h`, compared with those of Rust.

#![allow(unsafe_code, reason = "calls the C ABI")]

use std::ffi::c_void;
use std::hint::black_box;
use std::ptr;
use std::thread;

use groupscan::manager::code::{ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, NO_ERROR};
use groupscan::{Enumeration, Filter, V4, View};
use groupscan_capi::*;

use crate::enumerating::{huge, read};
use crate::rounds::{Asked, alternate, median, nanos_a_unit, print_figure};
use crate::support::Random;

/// The table sizes. The process has one manager, and it grows.
const SMALL: u32 = 64 << 10;
const LARGE: u32 = 1 << 20;

/// The size of large pages.
const PAGE_BYTES: usize = 64 << 10;

/// The enumerations of a thread in a round.
const THREAD_TURNS: usize = 400;

const ALL_SOURCES: u32 = 1;

pub(crate) fn ask(asked: &Asked) {
    let threads = "mgm.h: two threads with a handle each / one, 65536 joins";
    let copies = "copy: two threads with records each / one, 65536 joins";
    asked.ask(copies, || two_copies(copies));
    let added = "mgm.h: GetNext / get_next, 65536 bytes a call, 1048576 joins";
    let small = "mgm.h: GetNext, 16 bytes a call, 1048576 joins, ns a call";
    let start = "mgm.h: Start and End, 1048576 joins, ns";
    if ![threads, added, small, start].iter().any(|name| asked.wants(name)) {
        return;
    }
    let mut joined = Joined::new();
    joined.grow(SMALL);
    asked.ask(threads, || two_threads(threads, joined.protocol));
    joined.grow(LARGE);
    asked.ask(added, || against_rust(added, joined.protocol));
    asked.ask(small, || one_record_a_call(small, joined.protocol));
    asked.ask(start, || start_and_end(start, joined.protocol));
}

/// A handle that threads may share.
#[derive(Clone, Copy)]
struct Handle(*mut c_void);

// SAFETY: the handle is a number in a pointer's type and is never dereferenced here.
unsafe impl Send for Handle {}
// SAFETY: as for `Send`.
unsafe impl Sync for Handle {}

/// The joins of IGMP: groups of four sources each, as in the other benches' tables.
struct Joined {
    protocol: Handle,
    joins: u32,
}

impl Joined {
    fn new() -> Self {
        let mut protocol = ptr::null_mut();
        // SAFETY: the handle may be written.
        let code = unsafe { MgmRegisterMProtocol(ptr::null(), 10, 0, &mut protocol) };
        assert_eq!(code, NO_ERROR);
        Self { protocol: Handle(protocol), joins: 0 }
    }

    /// Joins more, in random order.
    fn grow(&mut self, joins: u32) {
        let mut random = Random::new();
        let mut numbers: Vec<u32> = (self.joins..joins).collect();
        numbers.sort_by_cached_key(|_| random.next());
        for number in numbers {
            let group = (0xe800_0000 + number / 4).to_be();
            let source = (0x0a00_0001 + number % 4).to_be();
            let protocol = self.protocol.0;
            let host = u32::MAX;
            let code = MgmAddGroupMembershipEntry(protocol, source, host, group, host, 1, 0, 1);
            assert_eq!(code, NO_ERROR);
        }
        self.joins = joins;
    }
}

fn start(protocol: Handle) -> Handle {
    let mut enumeration = ptr::null_mut();
    // SAFETY: the handle may be written.
    let code = unsafe { MgmGroupEnumerationStart(protocol.0, ALL_SOURCES, &mut enumeration) };
    assert_eq!(code, NO_ERROR);
    Handle(enumeration)
}

fn end(enumeration: Handle) {
    assert_eq!(MgmGroupEnumerationEnd(enumeration.0), NO_ERROR);
}

/// Enumerates through a buffer, and returns the number of records.
fn enumerate(protocol: Handle, buffer: &mut [u8]) -> usize {
    let enumeration = start(protocol);
    let mut records = 0;
    loop {
        let (mut bytes, mut entries) = (buffer.len() as u32, 0);
        let place = buffer.as_mut_ptr();
        // SAFETY: the buffer has `bytes` bytes, and the numbers may be read and written.
        let code =
            unsafe { MgmGroupEnumerationGetNext(enumeration.0, &mut bytes, place, &mut entries) };
        records += entries as usize;
        black_box(&mut *buffer);
        match code {
            ERROR_MORE_DATA => {}
            ERROR_NO_MORE_ITEMS => break,
            code => panic!("GetNext returned {code}"),
        }
    }
    end(enumeration);
    records
}

/// Enumerates the same table by the calls of C and of Rust.
fn against_rust(name: &str, protocol: Handle) {
    let snapshot = process_manager().expect("memory").snapshot().expect("few versions live");
    let [mut buffer, mut other_buffer] = [(); 2].map(|()| huge(&[0; PAGE_BYTES]));
    let calls = LARGE as usize * Enumeration::<V4>::ENTRY_BYTES / PAGE_BYTES;
    const TURNS: usize = 20;
    let in_c = || {
        nanos_a_unit(calls * TURNS, || {
            for _ in 0..TURNS {
                assert_eq!(enumerate(protocol, buffer.bytes_mut()), LARGE as usize);
            }
        })
    };
    let in_rust = || {
        nanos_a_unit(calls * TURNS, || {
            for _ in 0..TURNS {
                let enumeration = snapshot.ipv4().enumerate(View::AllSources, Filter::<V4>::all());
                let mut records = 0;
                read(&enumeration, other_buffer.bytes_mut(), |page| {
                    records += black_box(page).len() / 16;
                });
                assert_eq!(records, LARGE as usize);
            }
        })
    };
    alternate(name, "ns a call", in_c, in_rust);
}

fn one_record_a_call(name: &str, protocol: Handle) {
    let mut buffer = [0; 16];
    let nanos = median(|| {
        nanos_a_unit(LARGE as usize, || {
            assert_eq!(enumerate(protocol, &mut buffer), LARGE as usize);
        })
    });
    print_figure(name, format!("{nanos:.1}"));
}

fn start_and_end(name: &str, protocol: Handle) {
    const TURNS: usize = 10_000;
    let nanos = median(|| nanos_a_unit(TURNS, || (0..TURNS).for_each(|_| end(start(protocol)))));
    print_figure(name, format!("{nanos:.1}"));
}

/// Two threads that each enumerate by their own handle, against one thread.
fn two_threads(name: &str, protocol: Handle) {
    twice_against_once(name, || {
        let mut buffer = huge(&[0; PAGE_BYTES]);
        for _ in 0..THREAD_TURNS {
            assert_eq!(enumerate(protocol, buffer.bytes_mut()), SMALL as usize);
        }
    });
}

/// The same with copies of ready-made records: what the machine gives to two threads.
fn two_copies(name: &str) {
    twice_against_once(name, || {
        let records = huge(&vec![0x5a; SMALL as usize * Enumeration::<V4>::ENTRY_BYTES]);
        let mut buffer = huge(&[0; PAGE_BYTES]);
        for _ in 0..THREAD_TURNS {
            for page in black_box(records.bytes()).chunks(PAGE_BYTES) {
                buffer.bytes_mut().copy_from_slice(page);
                black_box(buffer.bytes_mut());
            }
        }
    });
}

/// The time per record with two threads and with one.
fn twice_against_once(name: &str, run: impl Fn() + Sync) {
    let records = THREAD_TURNS * SMALL as usize;
    let twice = || {
        nanos_a_unit(2 * records, || {
            thread::scope(|scope| {
                scope.spawn(&run);
                run();
            });
        })
    };
    alternate(name, "ns a record", twice, || nanos_a_unit(records, &run));
}
