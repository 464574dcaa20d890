//! Joins and commits, against a persistent set of another library, and against ourselves at other sizes.

use std::hint::black_box;
use std::sync::Arc;

use arc_swap::ArcSwap;
use groupscan::GroupTable;
use groupscan::internals::JoinIndex;
use imbl::OrdSet;

use crate::changing::{Random, change, random_table};
use crate::rounds::{Asked, alternate, nanos_a_unit};

/// The table size of most questions.
const JOINS: usize = 1 << 20;

/// The most joins of a round.
const ROUND: usize = 4000;

/// The joins of a round: few beside those of the table, so that its size hardly changes.
fn round_of(size: usize) -> usize {
    ROUND.min(size / 8)
}

pub(crate) fn ask(asked: &Asked) {
    for size in [1 << 10, 1 << 16, 1 << 20] {
        let joins = with_commas(size);
        let name = format!("join index, 1 join + commit / imbl, {joins} joins");
        asked.ask(&name, || {
            let (mut ours, mut theirs) = (OurSet::new(size), TheirSet::new(size));
            alternate(&name, "ns a join", || ours.round(), || theirs.round(1));
        });
        let name = format!("table, 1 join + commit / imbl, {joins} joins");
        asked.ask(&name, || {
            let (mut ours, mut theirs) = (OurTable::new(size), TheirSet::new(size));
            alternate(&name, "ns a join", || ours.round(1), || theirs.round(1));
        });
    }
    let name = "table, 1,000 joins a commit / imbl, 1,048,576 joins";
    asked.ask(name, || {
        let (mut ours, mut theirs) = (OurTable::new(JOINS), TheirSet::new(JOINS));
        alternate(name, "ns a join", || ours.round(1000), || theirs.round(1000));
    });
    let name = "table, 1,000 joins a commit / 1 join a commit, 1,048,576 joins";
    asked.ask(name, || {
        let (mut ours, mut other) = (OurTable::new(JOINS), OurTable::new(JOINS));
        alternate(name, "ns a join", || ours.round(1000), || other.round(1));
    });
    let name = "table, 1 join + commit, 16,384 joins / 16,777,216 joins";
    asked.ask(name, || {
        let (mut small, mut large) = (OurTable::new(16 << 10), OurTable::new(16 << 20));
        alternate(name, "ns a join", || small.round(1), || large.round(1));
    });
}

/// A number with commas between its thousands.
fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

/// Our set of joins alone.
struct OurSet {
    set: JoinIndex,
    random: Random,
    size: usize,
}

impl OurSet {
    fn new(size: usize) -> Self {
        let (set, mut random) = (JoinIndex::new(), Random::new());
        assert!(set.change(random.keys(size), true));
        Self { set, random, size }
    }

    /// Times commits of one join each, and removes the joins again.
    fn round(&mut self) -> f64 {
        let keys = self.random.keys(round_of(self.size));
        let nanos = nanos_a_unit(keys.len(), || {
            for key in &keys {
                assert!(self.set.change([*key], true));
            }
        });
        let snapshot = self.set.snapshot().expect("few versions live");
        assert_eq!(snapshot.len(), self.size + keys.len());
        assert!(keys.iter().all(|key| snapshot.contains(*key)));
        drop(snapshot);
        assert!(self.set.change(keys, false));
        nanos
    }
}

/// imbl's set, cloned, edited and stored.
struct TheirSet {
    set: ArcSwap<OrdSet<u64>>,
    random: Random,
    size: usize,
}

impl TheirSet {
    fn new(size: usize) -> Self {
        let mut random = Random::new();
        let mut set = OrdSet::new();
        random.keys(size).into_iter().for_each(|key| _ = set.insert(key));
        Self { set: ArcSwap::from_pointee(set), random, size }
    }

    /// Times stores of several joins each, and removes the joins again.
    fn round(&mut self, joins_a_store: usize) -> f64 {
        let keys = self.random.keys(round_of(self.size));
        let nanos = nanos_a_unit(keys.len(), || {
            for keys in keys.chunks(joins_a_store) {
                let mut set = OrdSet::clone(&self.set.load());
                for key in keys {
                    set.insert(*key);
                }
                self.set.store(Arc::new(set));
            }
        });
        let mut set = OrdSet::clone(&self.set.load());
        assert_eq!(set.len(), self.size + keys.len());
        assert!(keys.iter().all(|key| set.contains(key)));
        keys.iter().for_each(|key| _ = set.remove(key));
        self.set.store(Arc::new(set));
        nanos
    }
}

/// Our table, with all its indexes.
struct OurTable {
    table: GroupTable,
    random: Random,
    size: usize,
}

impl OurTable {
    fn new(size: usize) -> Self {
        let mut random = Random::new();
        Self { table: random_table(size, &mut random), random, size }
    }

    /// Times commits of several joins each, and removes the joins again.
    fn round(&mut self, joins_a_commit: usize) -> f64 {
        let keys = self.random.keys(round_of(self.size));
        let nanos = nanos_a_unit(keys.len(), || {
            for keys in keys.chunks(joins_a_commit) {
                change(&self.table, keys, true);
            }
        });
        assert_eq!(self.table.stats().ipv4.joins, self.size + keys.len());
        change(&self.table, &keys, false);
        black_box(nanos)
    }
}
