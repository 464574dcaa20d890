//! What tables take, and that readers who hold on to a version cost no more than it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use groupscan::internals::{JoinSet, stop_in_snapshot};
use groupscan::{Enumeration, Filter, GroupTable, Stats, V4, View};

use crate::changing::{Churn, Random, change, random_table};
use crate::rounds::{Asked, print_figure};

/// The size that most questions are asked at.
const JOINS: usize = 1 << 20;

/// The leaves and joins of random places over which a snapshot is held.
const CHANGES: usize = 10_000_000;

/// How long a reader stops.
const STOP: Duration = Duration::from_secs(10);

pub(crate) fn ask(asked: &Asked) {
    asked.ask("bytes of slots a join, join set, random inserts", join_set_by_inserts);
    asked.ask("bytes of slots a join, join set, bulk load", join_set_by_bulk_load);
    asked.ask("bytes of slots a membership, three sets, random inserts", table_by_inserts);
    asked.ask("bytes of a table, empty and of 100 joins", small_tables);
    asked.ask("memory over 10,000,000 changes, one snapshot held", one_snapshot_held);
    asked.ask("memory over 10 s of changes, reader stopped in snapshot()", reader_stopped);
    asked.ask("memory over 10 s of changes, reader stopped in get_next", enumeration_stopped);
}

fn join_set_by_inserts() {
    let (set, mut random) = (JoinSet::new(), Random::new());
    assert!(set.change(random.keys(JOINS), true));
    let bytes = set.node_bytes() as f64 / JOINS as f64;
    print_figure(
        "bytes of slots a join, join set, 1,048,576 random inserts",
        format!("{bytes:.2}"),
    );
}

fn join_set_by_bulk_load() {
    let (set, mut random) = (JoinSet::new(), Random::new());
    let mut keys = random.keys(JOINS);
    keys.sort_unstable();
    assert!(set.bulk_load(keys.into_iter()));
    let bytes = set.node_bytes() as f64 / JOINS as f64;
    print_figure("bytes of slots a join, join set, bulk load of 1,048,576", format!("{bytes:.2}"));
}

fn table_by_inserts() {
    let table = random_table(JOINS, &mut Random::new());
    let bytes = in_use_bytes(&table) as f64 / JOINS as f64;
    print_figure(
        "bytes of slots a membership, three sets, 1,048,576 random inserts",
        format!("{bytes:.2}"),
    );
}

fn in_use_bytes(table: &GroupTable) -> usize {
    table.stats().slots_in_use * Stats::SLOT_BYTES
}

/// The memory of the process that is in use, in bytes.
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux tells the memory in use");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second number is that of resident pages") * 4096
}

fn small_tables() {
    const TABLES: usize = 1000;
    let mut random = Random::new();
    for joins in [0, 100] {
        let before = resident_bytes();
        let tables: Vec<GroupTable> = (0..TABLES)
            .map(|_| {
                let table = GroupTable::new();
                random.keys(joins).iter().for_each(|key| change(&table, &[*key], true));
                table
            })
            .collect();
        let resident = resident_bytes().saturating_sub(before) / TABLES;
        let mapped = tables.iter().map(|table| table.stats().mapped_bytes).max().unwrap_or(0);
        let name = format!("bytes of a table of {joins} joins: mapped for nodes, resident in all");
        print_figure(&name, format!("{mapped}, {resident}"));
    }
}

/// How far the slots in use went beyond those of the table alone.
struct Peak {
    table: usize,
    most: usize,
}

impl Peak {
    fn of(table: &GroupTable) -> Self {
        while table.reclaim() {}
        let stats = table.stats();
        assert_eq!(stats.slots_retained, 0);
        Self { table: stats.slots_in_use, most: stats.slots_in_use }
    }

    fn look(&mut self, table: &GroupTable) {
        self.most = self.most.max(table.stats().slots_in_use);
    }

    fn print(&self, name: &str, table: &GroupTable, more: &str) {
        while table.reclaim() {}
        let (most, after) = (self.most as f64, table.stats().slots_in_use as f64);
        let now = table.stats().slots_in_use - table.stats().slots_retained;
        let figures = format!(
            "at most {:.3} of the table, then {:.3}{more}",
            most / self.table.max(now) as f64,
            after / now as f64
        );
        print_figure(name, figures);
    }
}

fn one_snapshot_held() {
    let mut random = Random::new();
    let table = random_table(JOINS, &mut Random::new());
    let mut churn = Churn::new(random.keys(JOINS), random);
    let mut peak = Peak::of(&table);
    let snapshot = table.snapshot().expect("few versions live");
    for _ in 0..CHANGES / 1000 {
        churn.run(&table, 1000);
        peak.look(&table);
    }
    assert_eq!(snapshot.len::<V4>(), JOINS);
    drop(snapshot);
    peak.print("memory over 10,000,000 changes, one snapshot held", &table, "");
}

/// Changes a table for as long as another thread is stopped.
fn change_while(name: &str, stop: impl FnOnce(&GroupTable, &AtomicBool) + Send) {
    let mut random = Random::new();
    let table = random_table(JOINS, &mut Random::new());
    let mut churn = Churn::new(random.keys(JOINS), random);
    // The records of versions are counted too: those that wait for a pinned thread.
    churn.run(&table, 200_000);
    let mut peak = Peak::of(&table);
    let (stopped, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let resident = resident_bytes();
    let mut commits = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            stop(&table, &stopped);
            done.store(true, Ordering::Relaxed);
        });
        while !stopped.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        while !done.load(Ordering::Relaxed) {
            churn.run(&table, 1000);
            commits += 1000;
            peak.look(&table);
        }
    });
    let grown = resident_bytes().saturating_sub(resident) >> 20;
    let more = format!("; {commits} commits, process grew by {grown} MiB");
    peak.print(name, &table, &more);
}

fn reader_stopped() {
    let name = "memory over 10 s of changes, reader stopped in snapshot()";
    change_while(name, |table, stopped| {
        stop_in_snapshot(table, || {
            stopped.store(true, Ordering::Relaxed);
            thread::sleep(STOP);
        });
    });
}

fn enumeration_stopped() {
    let name = "memory over 10 s of changes, reader stopped in get_next";
    change_while(name, |table, stopped| {
        let snapshot = table.snapshot().expect("few versions live");
        let enumeration: Enumeration<V4> = snapshot.enumerate(View::AllSources, Filter::all());
        drop(snapshot);
        let mut buffer = [0; 4096];
        let first = enumeration.get_next(&mut buffer).expect("the buffer takes a record");
        assert!(first.more());
        stopped.store(true, Ordering::Relaxed);
        let until = Instant::now() + STOP;
        // In a call there is nothing that a stop could hold on to but the version.
        thread::sleep(until - Instant::now());
    });
}
