//! The memory of tables, and of readers that hold a version: at most the version itself.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use groupscan::internals::{JoinIndex, stop_in_snapshot};
use groupscan::{Enumeration, Filter, GroupTable, V4, View};

use crate::changing::{Churn, Random, change, random_table};
use crate::rounds::{Asked, print_figure};

/// The table size of most questions.
const JOINS: usize = 1 << 20;

/// The leaves and joins at random places while a snapshot is held.
const CHANGES: usize = 10_000_000;

/// The time for which a reader stops.
const STOP: Duration = Duration::from_secs(10);

pub(crate) fn ask(asked: &Asked) {
    type Question = fn(&str);
    let questions: [(&str, Question); 8] = [
        ("bytes of slots a join, join index, 1,048,576 random inserts", join_index_by_inserts),
        ("bytes of slots a join, join index, bulk load of 1,048,576", join_index_by_bulk_load),
        ("bytes of slots a membership, two indexes, 1,048,576 random inserts", table_by_inserts),
        ("bytes of slots a membership, two indexes, 1,048,576 compacted", table_compacted),
        ("bytes of a table: mapped for nodes, resident in all", small_tables),
        ("memory over 10,000,000 changes, one snapshot held", one_snapshot_held),
        ("memory over 10 s of changes, reader stopped in snapshot()", reader_stopped),
        ("memory over 10 s of changes, reader between get_next calls", enumeration_stopped),
    ];
    for (name, question) in questions {
        asked.ask(name, || question(name));
    }
}

fn join_index_by_inserts(name: &str) {
    let (index, mut random) = (JoinIndex::new(), Random::new());
    assert!(index.change(random.keys(JOINS), true));
    let bytes = index.node_bytes() as f64 / JOINS as f64;
    print_figure(name, format!("{bytes:.2}"));
}

fn join_index_by_bulk_load(name: &str) {
    let (index, mut random) = (JoinIndex::new(), Random::new());
    let mut keys = random.keys(JOINS);
    keys.sort_unstable();
    assert!(index.bulk_load(keys.into_iter()));
    let bytes = index.node_bytes() as f64 / JOINS as f64;
    print_figure(name, format!("{bytes:.2}"));
}

fn table_by_inserts(name: &str) {
    let table = random_table(JOINS, &mut Random::new());
    let bytes = in_use_bytes(&table) as f64 / JOINS as f64;
    print_figure(name, format!("{bytes:.2}"));
}

fn in_use_bytes(table: &GroupTable) -> usize {
    table.stats().in_use_bytes
}

/// The resident memory of the process, in bytes.
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux reports the memory in use");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second number is that of resident pages") * 4096
}

fn table_compacted(name: &str) {
    let table = random_table(JOINS, &mut Random::new());
    table.compact().expect("memory");
    let bytes = in_use_bytes(&table) as f64 / JOINS as f64;
    print_figure(name, format!("{bytes:.2}"));
}

fn small_tables(name: &str) {
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
        print_figure(name, format!("{joins} joins: {mapped}, {resident}"));
    }
}

/// The peak of bytes in use, relative to those of the table alone.
struct Peak {
    table: usize,
    most: usize,
}

impl Peak {
    fn of(table: &GroupTable) -> Self {
        table.reclaim();
        let stats = table.stats();
        assert_eq!(stats.retained_bytes, 0);
        Self { table: stats.in_use_bytes, most: stats.in_use_bytes }
    }

    fn look(&mut self, table: &GroupTable) {
        self.most = self.most.max(table.stats().in_use_bytes);
    }

    fn print(&self, name: &str, table: &GroupTable, more: &str) {
        table.reclaim();
        let (most, after) = (self.most as f64, table.stats().in_use_bytes as f64);
        let now = table.stats().in_use_bytes - table.stats().retained_bytes;
        let figures = format!(
            "at most {:.3} of the table, then {:.3}{more}",
            most / self.table.max(now) as f64,
            after / now as f64
        );
        print_figure(name, figures);
    }
}

fn one_snapshot_held(name: &str) {
    let mut random = Random::new();
    let table = random_table(JOINS, &mut Random::new());
    let mut churn = Churn::new(random.keys(JOINS), random);
    let mut peak = Peak::of(&table);
    let snapshot = table.snapshot().expect("few versions live");
    for _ in 0..CHANGES / 1000 {
        churn.run(&table, 1000);
        peak.look(&table);
    }
    assert_eq!(snapshot.ipv4().len(), JOINS);
    drop(snapshot);
    peak.print(name, &table, "");
}

/// Changes a table while another thread is stopped.
fn change_while(name: &str, stop: impl FnOnce(&GroupTable, &AtomicBool) + Send) {
    let mut random = Random::new();
    let table = random_table(JOINS, &mut Random::new());
    let mut churn = Churn::new(random.keys(JOINS), random);
    // Version headers that wait for a pinned thread are counted too.
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

fn reader_stopped(name: &str) {
    change_while(name, |table, stopped| {
        stop_in_snapshot(table, || {
            stopped.store(true, Ordering::Relaxed);
            thread::sleep(STOP);
        });
    });
}

fn enumeration_stopped(name: &str) {
    change_while(name, |table, stopped| {
        let snapshot = table.snapshot().expect("few versions live");
        let enumeration: Enumeration<V4> =
            snapshot.ipv4().enumerate(View::AllSources, Filter::all());
        drop(snapshot);
        let mut buffer = [0; 4096];
        let first = enumeration.get_next(&mut buffer).expect("the buffer takes a record");
        assert!(first.more());
        stopped.store(true, Ordering::Relaxed);
        thread::sleep(STOP);
    });
}
