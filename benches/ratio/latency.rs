//! The time of single calls, and the effect of readers on a writer's longest commits.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use groupscan::{GroupTable, Limits, Snapshot};

use crate::changing::{Churn, Random, change, change_in, random_table};
use crate::rounds::{Asked, median, nanos_a_unit, print_figure, print_ratio};

/// The table size of most questions.
const JOINS: usize = 1 << 20;

/// The number of held snapshots of different ages.
const SNAPSHOTS: usize = 64;

/// The number of changes after which nearly every node of a table of `JOINS` joins has been replaced.
const DIVERGING: usize = 120_000;

/// The number of commits whose longest are measured.
const COMMITS: usize = 100_000;

/// The joins that a writer of large transactions changes in one.
const A_COMMIT: usize = 1000;

/// The number of single joins whose waits are measured.
const WAITS: usize = 11_000;

/// The rounds of these.
const WAIT_ROUNDS: usize = 11;

/// The number of pairs of measurements.
const PAIRS: usize = 11;

pub(crate) fn ask(asked: &Asked) {
    let name = "snapshot() and drop, ns";
    asked.ask(name, || snapshot_and_drop(name));
    let name = "commit p99.9, 64 diverged snapshots held / none";
    asked.ask(name, || many_snapshots_held(name));
    let name = "commit p99.9, compaction on / off";
    asked.ask(name, || compaction(name));
    for joins in [1 << 10, 64 << 10, JOINS] {
        let name = format!("churn: update with compaction / without, {joins} joins");
        asked.ask(&name, || churn(&name, joins));
    }
    let name = "64 diverged snapshots dropped, newest first / oldest first";
    asked.ask(name, || drop_orders(name));
    let name = "commit p99.9, second after a diverged snapshot was dropped / idle";
    asked.ask(name, || after_a_drop(name));
    let name = "worst wait of a join / longest commit of 1,000 joins (at most 2)";
    asked.ask(name, || worst_wait(name));
    let name = "commit, 64 threads took snapshots / 1 did";
    asked.ask(name, || many_threads(name));
}

/// Two writers: one changes many joins a commit, the other makes single joins. The turns are fair if the
/// second never waits for much more than one transaction of the first. The median of some rounds, because a
/// thread whose turn it is may not be running.
fn worst_wait(name: &str) {
    let mut random = Random::new();
    let table = random_table(JOINS, &mut random);
    let (many, single) = (random.keys(A_COMMIT), random.keys(WAITS));
    let rounds = single.chunks(WAITS / WAIT_ROUNDS);
    let (mut ratios, turns): (Vec<f64>, Vec<usize>) =
        rounds.map(|single| wait_round(&table, &many, single)).unzip();
    ratios.sort_by(f64::total_cmp);
    let (median, turns) = (ratios[ratios.len() / 2], turns.into_iter().max().unwrap_or_default());
    print_figure(name, format!("{median:.2} in time, {turns} in turns"));
}

/// Returns the worst wait of the single joins over the longest transaction of the other writer, and the most
/// transactions that it had to let pass.
fn wait_round(table: &GroupTable, many: &[u64], single: &[u64]) -> (f64, usize) {
    let (turns, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (worst, longest) = thread::scope(|scope| {
        let busy = scope.spawn(|| {
            let (mut longest, mut is_join) = (Duration::ZERO, true);
            while !done.load(Ordering::Relaxed) || !is_join {
                let txn = table.begin_write();
                let start = Instant::now();
                change_in(txn, many, is_join);
                longest = longest.max(start.elapsed());
                is_join = !is_join;
                turns.fetch_add(1, Ordering::Relaxed);
            }
            longest
        });
        while turns.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        let mut most_turns = 0;
        let wait = |key: &u64| {
            let (start, turns_before) = (Instant::now(), turns.load(Ordering::Relaxed));
            let txn = table.begin_write();
            let waited = start.elapsed();
            most_turns = most_turns.max(turns.load(Ordering::Relaxed) - turns_before);
            change_in(txn, &[*key], true);
            waited
        };
        let worst = single.iter().map(wait).max();
        done.store(true, Ordering::Relaxed);
        let longest = busy.join().expect("the other writer does not panic");
        ((worst.expect("it waited"), most_turns), longest)
    });
    let (worst, most_turns) = worst;
    (worst.as_secs_f64() / longest.as_secs_f64(), most_turns)
}

fn snapshot_and_drop(name: &str) {
    let table = random_table(1000, &mut Random::new());
    let nanos = median(|| {
        nanos_a_unit(1_000_000, || {
            for _ in 0..1_000_000 {
                drop(black_box(table.snapshot()).expect("few versions live"));
            }
        })
    });
    print_figure(name, format!("{nanos:.1}"));
}

/// A table under constant change.
struct Changing {
    table: GroupTable,
    churn: Churn,
}

impl Changing {
    fn new() -> Self {
        Self::with_compaction(JOINS, true)
    }

    fn with_compaction(joins: usize, compacts: bool) -> Self {
        let mut random = Random::new();
        let table = GroupTable::with_limits(Limits::default().with_compaction(compacts));
        change(&table, &Random::new().keys(joins), true);
        let churn = Churn::new(random.keys(joins), random);
        Self { table, churn }
    }

    fn diverge(&mut self) {
        self.churn.run(&self.table, DIVERGING);
    }

    fn diverged_snapshots(&mut self) -> Vec<Snapshot> {
        let snapshots = (0..SNAPSHOTS).map(|_| {
            self.diverge();
            self.table.snapshot().expect("few versions live")
        });
        let snapshots = snapshots.collect();
        self.diverge();
        snapshots
    }

    /// The time in ns that 99.9 % of the commits, of one change each, do not exceed.
    fn p999(&mut self, mut is_done: impl FnMut(usize) -> bool) -> f64 {
        let mut nanos = Vec::with_capacity(COMMITS);
        while !is_done(nanos.len()) {
            let start = Instant::now();
            self.churn.run(&self.table, 1);
            nanos.push(start.elapsed().as_nanos());
        }
        nanos.sort_unstable();
        nanos[nanos.len() * 999 / 1000] as f64
    }
}

fn many_snapshots_held(name: &str) {
    let (mut held, mut free) = (Changing::new(), Changing::new());
    let snapshots = held.diverged_snapshots();
    for changing in [&mut held, &mut free] {
        changing.diverge();
    }
    assert_eq!(held.table.stats().live_versions, SNAPSHOTS + 1);
    let rounds = (0..PAIRS)
        .map(|_| (held.p999(|done| done == COMMITS), free.p999(|done| done == COMMITS)))
        .collect();
    print_ratio(name, "ns", rounds);
    drop(snapshots);
}

/// Two tables, with and without compaction, each changed once a join on average.
fn churned(joins: usize) -> [Changing; 2] {
    [true, false].map(|compacts| {
        let mut changing = Changing::with_compaction(joins, compacts);
        changing.churn.run(&changing.table, 2 * joins);
        changing
    })
}

fn compaction(name: &str) {
    let [mut on, mut off] = churned(JOINS);
    let rounds = (0..PAIRS)
        .map(|_| (on.p999(|done| done == COMMITS), off.p999(|done| done == COMMITS)))
        .collect();
    print_ratio(name, "ns", rounds);
}

fn churn(name: &str, joins: usize) {
    let [mut on, mut off] = churned(joins);
    let round = |changing: &mut Changing| {
        nanos_a_unit(COMMITS, || changing.churn.run(&changing.table, COMMITS))
    };
    let rounds = (0..PAIRS).map(|_| (round(&mut on), round(&mut off))).collect();
    print_ratio(name, "ns", rounds);
    for (changing, with) in [(on, "with"), (off, "without")] {
        let layout = changing.table.snapshot().expect("few versions live").ipv4().layout();
        let [of_joins, by_interface] =
            [layout.joins, layout.by_interface].map(|index| index.fill());
        let name = format!("churn: fill, joins and by interface, {with}, {joins} joins");
        print_figure(&name, format!("{of_joins:.3} {by_interface:.3}"));
    }
}

fn drop_orders(name: &str) {
    let mut changing = Changing::new();
    let mut millis = |newest_first: bool| {
        let mut snapshots = changing.diverged_snapshots();
        if !newest_first {
            snapshots.reverse();
        }
        let start = Instant::now();
        while let Some(snapshot) = snapshots.pop() {
            drop(snapshot);
            changing.table.reclaim();
        }
        let millis = start.elapsed().as_secs_f64() * 1e3;
        assert_eq!(changing.table.stats().retained_bytes, 0);
        millis
    };
    let rounds = (0..3).map(|_| (millis(true), millis(false))).collect();
    print_ratio(name, "ms", rounds);
}

fn after_a_drop(name: &str) {
    let mut changing = Changing::new();
    let second = || {
        let end = Instant::now() + Duration::from_secs(1);
        move |_| Instant::now() >= end
    };
    let rounds = (0..PAIRS)
        .map(|_| {
            let snapshot = changing.table.snapshot().expect("few versions live");
            changing.diverge();
            let idle = changing.p999(second());
            drop(snapshot);
            (changing.p999(second()), idle)
        })
        .collect();
    print_ratio(name, "ns", rounds);
}

fn many_threads(name: &str) {
    let (mut one, mut many) = (Changing::new(), Changing::new());
    let (ready, done) = (Barrier::new(SNAPSHOTS + 1), Barrier::new(SNAPSHOTS + 1));
    thread::scope(|scope| {
        let table = &many.table;
        for _ in 0..SNAPSHOTS {
            scope.spawn(|| {
                drop(table.snapshot());
                ready.wait();
                done.wait();
            });
        }
        // The timing begins after all threads have taken theirs. The threads live until it ends.
        let round = |changing: &GroupTable, churn: &mut Churn| {
            nanos_a_unit(COMMITS / 10, || churn.run(changing, COMMITS / 10))
        };
        let before: Vec<f64> = (0..PAIRS).map(|_| round(&one.table, &mut one.churn)).collect();
        ready.wait();
        let after: Vec<f64> = (0..PAIRS).map(|_| round(table, &mut many.churn)).collect();
        done.wait();
        print_ratio(name, "ns", after.into_iter().zip(before).collect());
    });
}
