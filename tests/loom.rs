//! Readers, writers, the deaths of versions, and handles, in every order of their steps. If there are too
//! many orders, the test bounds how often threads are interrupted, and every order within that bound runs.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test --test loom`. Lock-based twins replace arc-swap and
//! crossbeam-epoch. Loom does not track nodes, which are plain memory. But every read of a node checks
//! the field `life` of its header, so a reader that meets a freed node panics.

#![cfg(loom)]

use std::sync::Arc;
use std::time::Duration;

use groupscan::manager::{EnumerationHandle, GroupManager, ManagerError, ProtocolHandle};
use groupscan::{Filter, MembershipFlags, View};
use groupscan_testing::orders::{
    LAN, check, check_nothing_is_left, entry, index_of, manager, read_one, start,
};
use loom::thread;

/// The number of times that threads, in one order, are interrupted where they could have continued.
#[derive(Clone, Copy)]
enum Interruptions {
    /// Any number: every order runs.
    Any,
    /// At most this number, because there are too many orders otherwise.
    AtMost(usize),
}

use Interruptions::{Any, AtMost};

/// Tries every order of the steps of some threads.
fn model(interruptions: Interruptions, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = match interruptions {
        Any => None,
        AtMost(bound) => Some(bound),
    };
    builder.check(run);
}

#[test]
fn publish_against_load_and_count_against_death() {
    model(Any, || {
        let index = index_of(1);
        let reader = {
            let index = Arc::clone(&index);
            thread::spawn(move || check(&index.snapshot().unwrap()))
        };
        assert!(index.change([2], true));
        assert!(index.change([3], true));
        assert_eq!(check(&index.snapshot().unwrap()), 3, "what was committed is seen");
        assert!((1..=3).contains(&reader.join().unwrap()));
        assert!(index.change([4], true));
        assert_eq!(index.live_versions(), 1, "the last holder told the writer");
        assert_eq!(index.retained_bytes(), 0);
    });
}

#[test]
fn two_readers_and_a_writer() {
    model(AtMost(3), || {
        let index = index_of(1);
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let index = Arc::clone(&index);
                thread::spawn(move || {
                    let first = check(&index.snapshot().unwrap());
                    assert!(check(&index.snapshot().unwrap()) >= first, "readers never go back");
                })
            })
            .collect();
        assert!(index.change([2], true));
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert!(index.change([3], true));
        assert_eq!((index.live_versions(), index.retained_bytes()), (1, 0));
    });
}

#[test]
fn two_writers_and_a_reader() {
    model(AtMost(3), || {
        let index = index_of(1);
        let writer = {
            let index = Arc::clone(&index);
            thread::spawn(move || assert!(index.change([2, 3], true)))
        };
        let reader = {
            let index = Arc::clone(&index);
            thread::spawn(move || index.snapshot().unwrap().len())
        };
        assert!(index.change([4, 5], true));
        let last = index.snapshot().unwrap();
        assert!([4, 5].iter().all(|key| last.contains(*key)), "what was committed is seen");
        assert_eq!(last.contains(2), last.contains(3), "a commit is seen whole");
        assert!([1, 3, 5].contains(&reader.join().unwrap()));
        writer.join().unwrap();
        drop(last);
        assert!(index.change([6], true));
        assert_eq!((index.live_versions(), index.retained_bytes()), (1, 0));
        assert_eq!(check(&index.snapshot().unwrap()), 6);
    });
}

/// Two writers that wait for their turns, and a third one that may not. No wake-up is lost.
fn two_writers_take_turns(with_a_third_that_waits_for: Duration) {
    model(AtMost(3), move || {
        let index = index_of(1);
        let writer = {
            let index = Arc::clone(&index);
            thread::spawn(move || assert!(index.change([2, 3], true)))
        };
        let trier = {
            let index = Arc::clone(&index);
            thread::spawn(move || index.change_within(with_a_third_that_waits_for, [4], true))
        };
        // A timeout that is long enough.
        assert_eq!(index.change_within(Duration::MAX, [5], true), Some(true));
        writer.join().unwrap();
        let was_its_turn = trier.join().unwrap();
        let last = index.snapshot().unwrap();
        assert!([1, 2, 3, 5].iter().all(|key| last.contains(*key)), "no writer is lost");
        assert_eq!(last.contains(4), was_its_turn == Some(true), "wholly or not at all");
        drop(last);
        assert_eq!(index.change_within(Duration::ZERO, [6], true), Some(true), "no turn is open");
        assert_eq!((index.live_versions(), index.retained_bytes()), (1, 0));
    });
}

#[test]
fn two_writers_take_turns_and_a_third_one_tries() {
    two_writers_take_turns(Duration::ZERO);
}

#[test]
fn two_writers_take_turns_and_a_third_one_leaves_the_queue() {
    // It gives up as soon as it waits in the queue, because time does not pass.
    two_writers_take_turns(Duration::from_secs(1));
}

#[test]
fn listing_what_versions_retain_against_commit_and_drop() {
    model(AtMost(3), || {
        let index = index_of(2);
        let snapshot = index.snapshot().unwrap();
        assert!(index.change([3], true));
        let dropper = thread::spawn(move || {
            check(&snapshot);
            drop(snapshot);
        });
        let lister = {
            let index = Arc::clone(&index);
            thread::spawn(move || index.retained_within(Duration::MAX).unwrap())
        };
        assert!(index.change([4], true));
        let (versions, bytes) = lister.join().unwrap();
        assert!([1, 2].contains(&versions) && bytes > 0);
        dropper.join().unwrap();
        assert!(index.change([5], true));
        assert_eq!((index.live_versions(), index.retained_bytes()), (1, 0));
    });
}

#[test]
fn drop_of_the_last_snapshot_against_commit() {
    model(Any, || {
        let index = index_of(2);
        let snapshot = index.snapshot().unwrap();
        let dropper = thread::spawn(move || {
            check(&snapshot);
            drop(snapshot);
        });
        assert!(index.change([3], true));
        assert!(index.change([4], true));
        dropper.join().unwrap();
        assert!(index.change([5], true));
        assert_eq!((index.live_versions(), index.retained_bytes()), (1, 0));
        assert_eq!(check(&index.snapshot().unwrap()), 5);
    });
}

#[test]
fn drop_of_the_table_against_drop_of_a_snapshot() {
    model(Any, || {
        let index = index_of(2);
        let snapshot = index.snapshot().unwrap();
        let dropper = thread::spawn(move || drop(index));
        assert_eq!(check(&snapshot), 2);
        drop(snapshot);
        dropper.join().unwrap();
    });
}

/// A manager with a few joins, and an enumeration of them.
fn enumeration() -> (Arc<GroupManager>, ProtocolHandle, EnumerationHandle) {
    let (manager, igmp) = manager(2, 2);
    let running = start(&manager, igmp).unwrap();
    (manager, igmp, running)
}

/// Reads the first record, unless the enumeration has ended.
fn read_first(manager: &GroupManager, running: EnumerationHandle) -> bool {
    let read = read_one(manager, running);
    read.inspect(|first| assert_eq!(*first, Some(entry(1)))).is_some()
}

#[test]
fn end_against_get_next() {
    model(Any, || {
        let (manager, igmp, running) = enumeration();
        let reader = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || read_first(&manager, running))
        };
        manager.end_enumeration(running).unwrap();
        // The enumeration's nodes are reclaimed, unless the reader is using them. The write after that
        // must not reuse nodes that the reader reads.
        manager.delete_membership(igmp, &entry(1), LAN, MembershipFlags::JOIN).unwrap();
        reader.join().unwrap();
        check_nothing_is_left(&manager);
        assert!(!read_first(&manager, running), "ended");
    });
}

/// Two threads read one enumeration of three records, one record per call.
fn share(view: View) {
    model(AtMost(4), move || {
        let (manager, igmp) = manager(3, 1);
        let running = manager.start_enumeration(igmp, view, Filter::all()).unwrap();
        let read_two = move |manager: &GroupManager| {
            let read = [(); 2].map(|()| read_one(manager, running).expect("it is not ended"));
            read.into_iter().flatten().collect::<Vec<_>>()
        };
        let other = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || read_two(&manager))
        };
        let [one, other] = [read_two(&manager), other.join().unwrap()];
        for read in [&one, &other] {
            assert!(read.is_sorted_by_key(|entry| entry.group()), "each thread reads in order");
        }
        let mut read = [one, other].concat();
        read.sort_by_key(|entry| entry.group());
        assert_eq!(read, [1, 2, 3].map(entry), "each record once");
        assert_eq!(read_one(&manager, running), Some(None));
    });
}

#[test]
fn get_next_against_get_next_where_batches_are_claimed_first() {
    share(View::AllSources);
}

#[test]
fn get_next_against_get_next_where_batches_are_packed_first() {
    share(View::AnySource);
}

#[test]
fn deregister_against_get_next() {
    model(Any, || {
        let (manager, igmp, running) = enumeration();
        let reader = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || read_first(&manager, running))
        };
        // The client's joins are removed, and the enumeration's nodes unless the reader is using them.
        manager.deregister(igmp).unwrap();
        reader.join().unwrap();
        assert!(!read_first(&manager, running), "ended");
        check_nothing_is_left(&manager);
    });
}

#[test]
fn end_against_end_and_start() {
    model(Any, || {
        let (manager, igmp, running) = enumeration();
        let other = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || manager.end_enumeration(running).is_ok())
        };
        let ended = manager.end_enumeration(running).is_ok();
        let next = start(&manager, igmp).unwrap();
        assert_ne!(next, running);
        assert!(ended ^ other.join().unwrap(), "one of two threads ends it");
        assert!(read_first(&manager, next));
    });
}

#[test]
fn deregister_against_start() {
    model(AtMost(3), || {
        let (manager, igmp, running) = enumeration();
        let starter = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || start(&manager, igmp))
        };
        manager.deregister(igmp).unwrap();
        let started = starter.join().unwrap();
        // In either order, no enumeration is left.
        for handle in started.into_iter().chain([running]) {
            assert!(!read_first(&manager, handle));
        }
        check_nothing_is_left(&manager);
    });
}

#[test]
fn a_free_index_is_found_whatever_comes_and_goes() {
    model(AtMost(3), || {
        let (manager, igmp) = manager(0, 2);
        let other = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || {
                let running = start(&manager, igmp).unwrap();
                manager.end_enumeration(running).unwrap();
            })
        };
        start(&manager, igmp).expect("the other thread has one of two indices");
        other.join().unwrap();
        start(&manager, igmp).unwrap();
        let full = ManagerError::TooManyEnumerations { limit: 2 };
        assert_eq!(start(&manager, igmp), Err(full));
    });
}
