//! Readers, a writer, the deaths of versions, and handles, in every order of their steps.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test --test loom`. The lock-based twins stand in
//! for arc-swap and crossbeam-epoch. Nodes are plain memory, of which loom knows nothing; but every read of one checks
//! its word of life, so a reader that meets a freed node panics in the order in which it does.

#![cfg(loom)]

use std::sync::Arc;

use groupscan::internals::{JoinSet, JoinSetSnapshot};
use groupscan::manager::{
    Client, EnumerationHandle, GroupManager, ManagerError, ManagerLimits, ProtocolHandle,
};
use groupscan::{Filter, Interface, MembershipFlags, SourceGroupEntry, V4, View};
use loom::thread;

/// A model of some threads; no thread is interrupted more often than three times.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// A version has the keys 1 to its number.
fn check(snapshot: &JoinSetSnapshot) -> usize {
    let length = snapshot.len();
    assert!((1..=length as u64).all(|key| snapshot.contains(key)));
    assert!(!snapshot.contains(length as u64 + 1));
    length
}

fn set_of(keys: u64) -> Arc<JoinSet> {
    let set = JoinSet::new();
    for key in 1..=keys {
        assert!(set.change([key], true));
    }
    Arc::new(set)
}

#[test]
fn publish_against_load_and_count_against_death() {
    model(|| {
        let set = set_of(1);
        let reader = {
            let set = Arc::clone(&set);
            thread::spawn(move || check(&set.snapshot().unwrap()))
        };
        assert!(set.change([2], true));
        assert!(set.change([3], true));
        assert_eq!(check(&set.snapshot().unwrap()), 3, "what was committed is seen");
        assert!((1..=3).contains(&reader.join().unwrap()));
        assert!(set.change([4], true));
        assert_eq!(set.live_versions(), 1, "whoever let go last told the writer");
        assert_eq!(set.retained_nodes(), 0);
    });
}

#[test]
fn two_readers_and_a_writer() {
    model(|| {
        let set = set_of(1);
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let set = Arc::clone(&set);
                thread::spawn(move || {
                    let first = check(&set.snapshot().unwrap());
                    assert!(check(&set.snapshot().unwrap()) >= first, "readers never go back");
                })
            })
            .collect();
        assert!(set.change([2], true));
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert!(set.change([3], true));
        assert_eq!((set.live_versions(), set.retained_nodes()), (1, 0));
    });
}

#[test]
fn drop_of_the_last_snapshot_against_commit() {
    model(|| {
        let set = set_of(2);
        let snapshot = set.snapshot().unwrap();
        let dropper = thread::spawn(move || {
            check(&snapshot);
            drop(snapshot);
        });
        assert!(set.change([3], true));
        assert!(set.change([4], true));
        dropper.join().unwrap();
        assert!(set.change([5], true));
        assert_eq!((set.live_versions(), set.retained_nodes()), (1, 0));
        assert_eq!(check(&set.snapshot().unwrap()), 5);
    });
}

#[test]
fn drop_of_the_table_against_drop_of_a_snapshot() {
    model(|| {
        let set = set_of(2);
        let snapshot = set.snapshot().unwrap();
        let dropper = thread::spawn(move || drop(set));
        assert_eq!(check(&snapshot), 2);
        drop(snapshot);
        dropper.join().unwrap();
    });
}

/// A manager with a few joins, and an enumeration of them.
fn enumeration() -> (Arc<GroupManager>, ProtocolHandle, EnumerationHandle) {
    let limits = ManagerLimits::default().protocols(1).enumerations(2);
    let manager = GroupManager::with_limits(limits);
    let igmp = manager.register(Client::new(10, 0), None).unwrap();
    for number in 1..=2 {
        let entry = SourceGroupEntry::new(V4::new(239, 0, 0, number), V4::UNSPECIFIED);
        let lan = Interface::new(1);
        manager.add_membership(igmp, &entry, lan, MembershipFlags::JOIN).unwrap();
    }
    let running = start(&manager, igmp).unwrap();
    (Arc::new(manager), igmp, running)
}

fn start(
    manager: &GroupManager,
    protocol: ProtocolHandle,
) -> Result<EnumerationHandle, ManagerError> {
    manager.start_enumeration(protocol, View::AllSources, Filter::all())
}

/// Reads one record, unless the enumeration has ended.
fn read_one(manager: &GroupManager, running: EnumerationHandle) -> bool {
    let mut buffer = [0; 16];
    match manager.get_next(running, &mut buffer) {
        Ok(batch) => {
            assert_eq!(batch.entries()[0].group(), V4::new(239, 0, 0, 1));
            true
        }
        Err(error) => {
            assert_eq!(error, ManagerError::InvalidHandle);
            false
        }
    }
}

#[test]
fn end_against_get_next() {
    model(|| {
        let (manager, igmp, running) = enumeration();
        let reader = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || read_one(&manager, running))
        };
        manager.end_enumeration(running).unwrap();
        // What the enumeration held goes, unless the reader is at it, and what is written then must not
        // be what it reads.
        let entry = SourceGroupEntry::new(V4::new(239, 0, 0, 1), V4::UNSPECIFIED);
        let lan = Interface::new(1);
        manager.delete_membership(igmp, &entry, lan, MembershipFlags::JOIN).unwrap();
        reader.join().unwrap();
        while manager.reclaim() {}
        assert_eq!((manager.stats().live_versions, manager.stats().slots_retained), (1, 0));
        assert!(!read_one(&manager, running), "ended");
    });
}

#[test]
fn end_against_end_and_start() {
    model(|| {
        let (manager, igmp, running) = enumeration();
        let other = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || manager.end_enumeration(running).is_ok())
        };
        let ended = manager.end_enumeration(running).is_ok();
        let next = start(&manager, igmp).unwrap();
        assert_ne!(next, running);
        assert!(ended ^ other.join().unwrap(), "one of two ends it");
        assert!(read_one(&manager, next));
    });
}

#[test]
fn deregister_against_start() {
    model(|| {
        let (manager, igmp, running) = enumeration();
        let starter = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || start(&manager, igmp))
        };
        manager.deregister(igmp).unwrap();
        let started = starter.join().unwrap();
        // Whichever came first, no enumeration is left.
        for handle in started.into_iter().chain([running]) {
            assert!(!read_one(&manager, handle));
        }
        while manager.reclaim() {}
        assert_eq!(manager.stats().live_versions, 1);
    });
}

#[test]
fn a_free_slot_is_found_whatever_comes_and_goes() {
    model(|| {
        let limits = ManagerLimits::default().protocols(1).enumerations(2);
        let manager = Arc::new(GroupManager::with_limits(limits));
        let igmp = manager.register(Client::new(10, 0), None).unwrap();
        let other = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || {
                let running = start(&manager, igmp).unwrap();
                manager.end_enumeration(running).unwrap();
            })
        };
        start(&manager, igmp).expect("the other has one of two");
        other.join().unwrap();
        start(&manager, igmp).unwrap();
        let full = ManagerError::TooManyEnumerations { limit: 2 };
        assert_eq!(start(&manager, igmp), Err(full));
    });
}
