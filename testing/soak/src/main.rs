//! Everything at once, in one process, checked against models for a given time.
//!
//! `cargo run --release -p groupscan-soak -- --seconds 60 [--seed 7]`
//!
//! - Writers join and leave on a table with a cap on its memory. A refused join changes nothing. Leaves
//!   always succeed.
//! - Readers enumerate every view and filter, in one go or in pages with many commits in between, with one
//!   thread or several on one enumeration. The records are compared with a model of the version.
//! - A hoarder takes snapshots until the limit on live versions refuses one.
//! - Clients register with a manager, own interfaces, add, delete, start, read, end and deregister. They
//!   also use stale handles and those of another manager.
//! - Tables are dropped while snapshots of them are read.
//!
//! Once a second all threads end, and new ones begin. At that time only held versions may use memory.
//! Every few seconds nothing is held, and every byte in use must be the current version's. The resident
//! memory of the process must not grow after the first such check.
//!
//! It prints one line per second and a summary at the end. On the first failure it prints the failure and
//! exits with code 1. The seed decides what threads do; the machine decides when.

mod clients;
mod oracle;
mod readers;
mod report;
mod tables;
mod writers;

use std::process;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use groupscan::internals::reachable;
use groupscan::{GroupTable, Limits, Stats};

use clients::Clients;
use groupscan_testing::random::Random;
use groupscan_testing::requests::ends;
use oracle::Oracle;
use readers::Reader;
use report::{Counts, Report};

/// The cap on bytes of nodes: less than the writers would fill.
const NODE_BYTES: usize = 1 << 20;
const LIVE_VERSIONS: usize = 8;
const WRITERS: u64 = 2;
const READERS: u64 = 3;
/// The time after which all threads are replaced.
const ROUND: Duration = Duration::from_secs(1);
/// Nothing is held at the end of each round whose number is a multiple of this.
const QUIESCENT: u64 = 5;

/// Runs everything at once and checks it.
#[derive(Parser)]
struct Arguments {
    /// The time to run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The seed of all threads' choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The data that all threads share.
struct Soak {
    table: GroupTable,
    oracle: Oracle,
    counts: Counts,
    seed: u64,
}

impl Soak {
    /// The random choices of a thread in a round.
    fn random(&self, round: u64, thread: u64) -> Random {
        Random::new(self.seed, round << 8 | thread)
    }
}

fn main() {
    let Arguments { seconds, seed } = Arguments::parse();
    let limits = Limits::default().with_node_bytes(NODE_BYTES).with_live_versions(LIVE_VERSIONS);
    let table = GroupTable::with_limits(limits);
    let soak = Soak { table, oracle: Oracle::default(), counts: Counts::default(), seed };
    let mut report = Report::new();
    // On a thread of its own, so that a panic counts as a failure.
    let end = thread::scope(|scope| {
        ends(vec![scope.spawn(|| run(&soak, &mut report, Duration::from_secs(seconds)))])
    });
    if let Err(fault) = end {
        eprintln!("after {:.1} s, seed {seed}: {fault}", report.elapsed().as_secs_f64());
        // Exits at once, because a broken structure may not survive its drop.
        process::exit(1);
    }
    println!("{}", report.summary(&soak.counts, seed));
}

fn run(soak: &Soak, report: &mut Report, length: Duration) -> Result<(), String> {
    let mut readers: Vec<Reader> = (0..READERS).map(|_| Reader::default()).collect();
    let clients = Clients::new().map_err(|error| error.to_string())?;
    for round in 1u64.. {
        let is_last = report.elapsed() + ROUND > length;
        let is_quiescent = is_last || round.is_multiple_of(QUIESCENT);
        let until = Instant::now() + ROUND;
        let (stats, handles) = round_of_threads(soak, &clients, &mut readers, round, until)?;
        if is_quiescent {
            for reader in &mut readers {
                reader.finish_all(soak, &mut soak.random(round, 99))?;
            }
            check_nothing_is_held(soak)?;
            report.check_resident_memory()?;
        }
        let held: usize = readers.iter().map(Reader::held).sum();
        check_limits(soak, held)?;
        clients.check_all_have_left(soak)?;
        soak.oracle.check_current(&soak.table)?;
        println!("{}", report.line(&soak.counts, &stats, handles));
        if is_last {
            break;
        }
    }
    Ok(())
}

/// Runs all threads until a moment. Returns the memory in use and the number of handles halfway through.
fn round_of_threads(
    soak: &Soak,
    clients: &Clients,
    readers: &mut [Reader],
    round: u64,
    until: Instant,
) -> Result<(Stats, usize), String> {
    thread::scope(|scope| {
        let mut number = 0;
        let mut random = || {
            number += 1;
            soak.random(round, number)
        };
        let mut threads = Vec::new();
        for _ in 0..WRITERS {
            let random = random();
            threads.push(scope.spawn(move || writers::write(soak, random, until)));
        }
        for reader in readers {
            let random = random();
            threads.push(scope.spawn(move || reader.read(soak, random, until)));
        }
        for thread in 0..clients::THREADS {
            let random = random();
            threads.push(scope.spawn(move || clients.churn(soak, thread, random, until)));
        }
        let [hoarding, dropping] = [random(), random()];
        threads.push(scope.spawn(move || readers::hoard(soak, hoarding, until)));
        threads.push(scope.spawn(move || tables::drop_tables(soak, dropping, until)));
        thread::sleep(ROUND / 2);
        let sample = (soak.table.stats(), clients.handles());
        ends(threads).map(|_| sample)
    })
}

/// Checks that only held versions live, and that nothing is pending.
fn check_limits(soak: &Soak, held: usize) -> Result<(), String> {
    soak.table.reclaim();
    let stats = soak.table.stats();
    let most = LIVE_VERSIONS.min(held + 1);
    soak.counts.checks.add(1);
    match stats.live_versions <= most && stats.pending_bytes == 0 {
        true => Ok(()),
        false => Err(format!("{most} versions may live, and nothing be pending: {stats:?}")),
    }
}

/// Checks that the bytes in use are those of the nodes that the current version reaches.
fn check_nothing_is_held(soak: &Soak) -> Result<(), String> {
    soak.table.reclaim();
    let current = soak.table.snapshot().map_err(|error| error.to_string())?;
    let (stats, reached) = (soak.table.stats(), reachable(&current).values().sum::<usize>());
    soak.counts.checks.add(1);
    match (stats.retained_bytes, stats.live_versions, stats.in_use_bytes) == (0, 1, reached) {
        true => Ok(()),
        false => Err(format!("nothing is held, and {reached} bytes are reached: {stats:?}")),
    }
}
