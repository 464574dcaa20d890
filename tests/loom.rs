//! Readers, a writer and the deaths of versions, in every order of their steps.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test --test loom`. The lock-based twin stands in
//! for arc-swap. Nodes are plain memory, of which loom knows nothing; but every read of one checks
//! its word of life, so a reader that meets a freed node panics in the order in which it does.

#![cfg(loom)]

use std::sync::Arc;

use groupscan::internals::{JoinSet, JoinSetSnapshot};
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
