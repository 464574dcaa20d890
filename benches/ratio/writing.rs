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

/// The joins of a round, each in its own commit.
const COMMITS: usize = 4000;

pub(crate) fn ask(asked: &Asked) {
    let name = "join index, 1 join + commit / imbl, 1,048,576 joins";
    asked.ask(name, || {
        let (mut ours, mut theirs) = (OurSet::new(JOINS), TheirSet::new(JOINS));
        alternate(name, "ns a join", || ours.round(), || theirs.round());
    });
    let name = "table, 1 join + commit / imbl, 1,048,576 joins";
    asked.ask(name, || {
        let (mut ours, mut theirs) = (OurTable::new(JOINS), TheirSet::new(JOINS));
        alternate(name, "ns a join", || ours.round(1), || theirs.round());
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
        let keys = self.random.keys(COMMITS);
        let nanos = nanos_a_unit(COMMITS, || {
            for key in &keys {
                assert!(self.set.change([*key], true));
            }
        });
        let snapshot = self.set.snapshot().expect("few versions live");
        assert_eq!(snapshot.len(), self.size + COMMITS);
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

    fn round(&mut self) -> f64 {
        let keys = self.random.keys(COMMITS);
        let nanos = nanos_a_unit(COMMITS, || {
            for key in &keys {
                let mut set = OrdSet::clone(&self.set.load());
                set.insert(*key);
                self.set.store(Arc::new(set));
            }
        });
        let mut set = OrdSet::clone(&self.set.load());
        assert_eq!(set.len(), self.size + COMMITS);
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
        let keys = self.random.keys(COMMITS);
        let nanos = nanos_a_unit(COMMITS, || {
            for keys in keys.chunks(joins_a_commit) {
                change(&self.table, keys, true);
            }
        });
        assert_eq!(self.table.stats().ipv4.joins, self.size + COMMITS);
        change(&self.table, &keys, false);
        black_box(nanos)
    }
}
