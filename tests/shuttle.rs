//! The protocols of `tests/loom.rs` with many threads, in thousands of random orders of their steps.
//!
//! Run with `RUSTFLAGS="--cfg shuttle" cargo test --test shuttle`. Loom tries every order of two or three
//! threads; these tests have up to nine. Half of the orders are drawn step by step. The other half have
//! few changes of thread, at random places (PCT); they find failures that need one thread to be stopped
//! for long. As under loom, lock-based twins replace arc-swap and crossbeam-epoch, atomic operations
//! happen in one order, and the field `life` of a header reveals a read of a freed node.
//!
//! A seed decides the orders, so a failure repeats. A test that fails prints its schedule. If the order
//! was drawn step by step, it also prints the seed of that one order. Either one runs that order alone.
//! The schedule takes several lines; pass all of them:
//!
//! ```sh
//! GROUPSCAN_SCHEDULE='9103...' RUSTFLAGS="--cfg shuttle" cargo test --test shuttle NAME
//! SHUTTLE_RANDOM_SEED=24301 RUSTFLAGS="--cfg shuttle" cargo test --test shuttle NAME
//! ```

#![cfg(shuttle)]

use std::collections::BTreeSet;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use groupscan::internals::{JoinIndex, JoinIndexSnapshot};
use groupscan::manager::{EnumerationHandle, GroupManager, ManagerError};
use groupscan::{
    Filter, GroupTable, Limits, Membership, MembershipFlags, Prefix, Protocol, Snapshot,
    SnapshotError, V4, View, WriteTxn,
};
use groupscan_testing::orders::{
    LAN, check, check_nothing_is_left, entry, index_of, manager, read_one, start,
};
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, MaxSteps, Runner};

const SEED: u64 = 0x5eed;

/// The number of orders that each of the two schedulers draws.
const ORDERS: usize = 1000;

/// One more than the changes of thread that PCT makes by itself.
const DEPTH: usize = 5;

/// More steps than any of the tests takes. A test that needs more waits for a thread that never runs.
const STEPS: usize = 50_000;

const WRITERS: usize = 3;
const READERS: usize = 4;

/// Runs a test in many orders, or in the one that `GROUPSCAN_SCHEDULE` gives.
fn explore(run: impl Fn() + Send + Sync + 'static) {
    let run = Arc::new(run);
    if let Ok(schedule) = env::var("GROUPSCAN_SCHEDULE") {
        return run_by(ReplayScheduler::new_from_encoded(schedule.trim()), run);
    }
    run_by(RandomScheduler::new_from_seed(SEED, ORDERS), Arc::clone(&run));
    run_by(PctScheduler::new_from_seed(SEED, DEPTH, ORDERS), run);
}

fn run_by(scheduler: impl Scheduler + 'static, run: Arc<impl Fn() + Send + Sync + 'static>) {
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    config.max_steps = MaxSteps::FailAfter(STEPS);
    // The warnings are about atomic operations happening in one order, which these docs state.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || run());
}

/// Threads that run the same code, each with its number.
fn spawn<T: Send + 'static>(
    count: usize,
    run: impl Fn(usize) -> T + Send + Sync + 'static,
) -> Vec<JoinHandle<T>> {
    let run = Arc::new(run);
    let spawn_one = |number| {
        let run = Arc::clone(&run);
        thread::spawn(move || run(number))
    };
    (0..count).map(spawn_one).collect()
}

fn join_all<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

const TURNS: usize = 2;

/// The keys that a writer commits in one turn.
fn keys(writer: usize, turn: usize) -> [u64; 2] {
    let first = 100 * (writer as u64 + 1) + 2 * turn as u64;
    [first, first + 1]
}

/// Checks that a version has the whole commits of each writer's first turns. Returns the turns of all
/// writers.
fn turns(snapshot: &JoinIndexSnapshot) -> usize {
    let mut turns = 0;
    for writer in 0..WRITERS {
        let has = |turn| {
            let [first, second] = keys(writer, turn).map(|key| snapshot.contains(key));
            assert_eq!(first, second, "a commit is whole");
            first
        };
        let there: Vec<bool> = (0..TURNS).map(has).collect();
        assert!(there.is_sorted_by(|earlier, later| earlier >= later), "a commit is missing");
        turns += there.iter().filter(|is_there| **is_there).count();
    }
    assert_eq!(snapshot.len(), 2 * turns);
    turns
}

/// Commits once more, and checks that one version is left. No other holder exists.
fn check_one_version_is_left(index: &JoinIndex) {
    assert!(index.change([1], true));
    assert_eq!((index.live_versions(), index.retained_bytes()), (1, 0));
}

#[test]
fn many_writers_and_readers_agree_on_one_order() {
    explore(|| {
        let index = Arc::new(JoinIndex::new());
        // Not shuttle's type, so that a load is not a step.
        let committed = Arc::new(AtomicUsize::new(0));
        let writers = {
            let (index, committed) = (Arc::clone(&index), Arc::clone(&committed));
            spawn(WRITERS, move |writer| {
                for turn in 0..TURNS {
                    assert!(index.change(keys(writer, turn), true));
                    committed.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let readers = {
            let index = Arc::clone(&index);
            spawn(READERS, move |_| {
                let mut last = 0;
                for _ in 0..TURNS {
                    let least = committed.load(Ordering::Relaxed);
                    let seen = turns(&index.snapshot().unwrap());
                    assert!(seen >= least, "what was committed is seen");
                    assert!(seen >= last, "readers never go back");
                    last = seen;
                }
            })
        };
        join_all(writers);
        join_all(readers);
        assert_eq!(turns(&index.snapshot().unwrap()), WRITERS * TURNS);
        check_one_version_is_left(&index);
    });
}

#[test]
fn versions_die_on_any_thread() {
    explore(|| {
        let index = index_of(2);
        let holders = {
            let held = [index.snapshot().unwrap()];
            assert!(index.change([3], true));
            let index = Arc::clone(&index);
            let mut threads = spawn(READERS, move |_| {
                let snapshot = index.snapshot().unwrap();
                thread::yield_now();
                assert!(check(&snapshot) >= 3);
            });
            threads.push(thread::spawn(move || assert_eq!(check(&held[0]), 2)));
            threads
        };
        for key in 4..7 {
            assert!(index.change([key], true));
        }
        join_all(holders);
        assert!(index.change([7], true));
        assert_eq!((index.live_versions(), index.retained_bytes()), (1, 0));
    });
}

/// Joins or leaves the three groups of a writer.
fn change(txn: &mut WriteTxn<'_>, writer: usize, join: bool) {
    for number in 0..3 {
        let group = entry(8 * (writer as u8 + 1) + number).group();
        let membership = Membership::any_source(group, LAN, Protocol::new(writer as u32));
        let changed = if join { txn.join(&membership) } else { txn.leave(&membership) };
        assert_eq!(changed, Ok(true));
    }
}

/// Reads a snapshot, one record per call. It has three groups of each writer, or none.
fn check_groups(snapshot: &Snapshot) {
    let enumeration = snapshot.ipv4().enumerate(View::AllSources, Filter::<V4>::all());
    let mut groups = Vec::new();
    let mut buffer = [0; 16];
    loop {
        let batch = enumeration.get_next(&mut buffer).unwrap();
        groups.extend(batch.entries().iter().map(|entry| entry.group().octets()[3]));
        if !batch.more() {
            break;
        }
        // Other threads run between two calls.
        thread::yield_now();
    }
    assert_eq!(groups.len(), snapshot.ipv4().membership_count());
    for groups in groups.chunks(3) {
        let first = groups[0];
        assert!(first.is_multiple_of(8) && *groups == [first, first + 1, first + 2]);
    }
}

const LIVE_VERSIONS: usize = 2;

#[test]
fn enumerations_go_on_while_many_write_and_no_more_versions_live_than_may() {
    explore(|| {
        let limits = Limits::default().with_live_versions(LIVE_VERSIONS);
        let table = Arc::new(GroupTable::with_limits(limits));
        let writers = {
            let table = Arc::clone(&table);
            spawn(WRITERS, move |writer| {
                for (join, commit) in [(true, true), (false, false), (false, true)] {
                    let mut txn = table.begin_write();
                    change(&mut txn, writer, join);
                    if commit {
                        txn.commit();
                    }
                }
            })
        };
        let readers = {
            let table = Arc::clone(&table);
            spawn(READERS, move |_| {
                let taken = table.snapshot();
                // One more while a commit runs.
                assert!(table.stats().live_versions <= LIVE_VERSIONS + 1);
                match taken {
                    Ok(snapshot) => check_groups(&snapshot),
                    Err(error) => {
                        let limit = LIVE_VERSIONS;
                        assert_eq!(error, SnapshotError::TooManyVersions { limit });
                    }
                }
            })
        };
        join_all(writers);
        join_all(readers);
        table.reclaim();
        let stats = table.stats();
        assert_eq!((stats.live_versions, stats.in_use_bytes), (1, 0), "all memberships have left");
    });
}

#[test]
fn the_table_ends_among_the_holders_of_its_versions() {
    explore(|| {
        let index = index_of(1);
        let held: Vec<_> = (2..2 + READERS as u64)
            .map(|key| {
                let snapshot = index.snapshot().unwrap();
                assert!(index.change([key], true));
                snapshot
            })
            .collect();
        let holders: Vec<_> = held
            .into_iter()
            .enumerate()
            .map(|(number, snapshot)| {
                thread::spawn(move || assert_eq!(check(&snapshot), number + 1))
            })
            .collect();
        let dropper = thread::spawn(move || drop(index));
        join_all(holders);
        dropper.join().unwrap();
    });
}

/// Reads an enumeration to its end, or until it is ended, and returns the groups' numbers.
fn read_all(manager: &GroupManager, running: EnumerationHandle) -> Vec<u8> {
    let next = || read_one(manager, running).flatten();
    std::iter::from_fn(next).map(|entry| entry.group().octets()[3]).collect()
}

#[test]
fn many_ends_against_many_reads_and_writes() {
    const JOINS: u8 = 6;
    explore(|| {
        let (manager, igmp) = manager(JOINS, 2);
        let running = start(&manager, igmp).unwrap();
        let clone = || Arc::clone(&manager);
        let readers = {
            let manager = clone();
            spawn(READERS, move |_| read_all(&manager, running))
        };
        let enders = {
            let manager = clone();
            spawn(2, move |_| manager.end_enumeration(running).is_ok())
        };
        let writers = {
            let manager = clone();
            spawn(WRITERS, move |writer| {
                let entry = entry(writer as u8 + 1);
                manager.delete_membership(igmp, &entry, LAN, MembershipFlags::JOIN).unwrap();
            })
        };
        let ended = join_all(enders).into_iter().filter(|ended| *ended).count();
        assert_eq!(ended, 1, "exactly one thread ends it");
        assert_eq!(read_one(&manager, running), None, "ended");
        let read = join_all(readers);
        assert!(read.iter().all(|numbers| numbers.is_sorted()));
        let mut numbers = read.concat();
        numbers.sort_unstable();
        // It may have ended before the last record. The records that were read are of one version, each once.
        assert!(numbers.into_iter().eq(1..=read.concat().len() as u8));
        join_all(writers);
        check_nothing_is_left(&manager);
    });
}

/// Each of `threads` threads starts, reads and ends enumerations of its own group. At most `limit`
/// enumerations are open at a time.
fn start_and_end(threads: u8, limit: usize) {
    let (manager, igmp) = manager(threads, limit);
    let all = {
        let manager = Arc::clone(&manager);
        spawn(threads.into(), move |thread| {
            let own = entry(thread as u8 + 1);
            let groups = Prefix::new(own.group(), 32).unwrap();
            let mut ended = Vec::new();
            for _ in 0..TURNS {
                let filter = Filter::all().with_groups(groups);
                match manager.start_enumeration(igmp, View::AllSources, filter) {
                    Ok(running) => {
                        assert_eq!(read_one(&manager, running), Some(Some(own)));
                        manager.end_enumeration(running).unwrap();
                        assert_eq!(read_one(&manager, running), None, "ended");
                        ended.push(running);
                    }
                    Err(error) => {
                        assert_eq!(error, ManagerError::TooManyEnumerations { limit });
                        assert!(limit < threads.into(), "other threads have all enumerations open");
                    }
                }
            }
            ended
        })
    };
    let ended: Vec<_> = join_all(all).concat();
    assert_eq!(ended.iter().collect::<BTreeSet<_>>().len(), ended.len());
    let running: Vec<_> = (0..limit).map(|_| start(&manager, igmp).unwrap()).collect();
    let full = ManagerError::TooManyEnumerations { limit };
    assert_eq!(start(&manager, igmp), Err(full));
    ended.iter().for_each(|ended| assert_eq!(read_one(&manager, *ended), None));
    for running in running {
        assert!(read_all(&manager, running).into_iter().eq(1..=threads));
    }
}

#[test]
fn a_free_index_is_found_whatever_comes_and_goes() {
    explore(|| start_and_end(4, 4));
}

#[test]
fn a_handle_names_its_own_enumeration_whatever_takes_its_index_next() {
    explore(|| start_and_end(4, 1));
}

#[test]
fn many_starts_against_deregistering() {
    explore(|| {
        let (manager, igmp) = manager(1, 2 * WRITERS);
        let starters = {
            let manager = Arc::clone(&manager);
            spawn(WRITERS, move |_| [start(&manager, igmp), start(&manager, igmp)])
        };
        let leavers = {
            let manager = Arc::clone(&manager);
            spawn(2, move |_| manager.deregister(igmp).is_ok())
        };
        let left = join_all(leavers).into_iter().filter(|left| *left).count();
        assert_eq!(left, 1, "one of two threads deregisters it");
        for started in join_all(starters).concat() {
            match started {
                Ok(handle) => assert_eq!(read_one(&manager, handle), None, "it has ended"),
                Err(error) => assert_eq!(error, ManagerError::InvalidHandle),
            }
        }
        check_nothing_is_left(&manager);
    });
}
