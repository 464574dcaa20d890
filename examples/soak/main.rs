//! Everything at once, on one process, checked against models for as long as it is told to.
//!
//! `cargo run --release --example soak -- --seconds 60 [--seed 7]`
//!
//! - Writers join and leave on a table with a cap on its memory. Where the cap refuses a join, nothing has
//!   changed; leaves always work.
//! - Readers enumerate every view and filter, at once and in pages with many commits in between, alone
//!   and with several threads on one enumeration. What is shown is held against a model of the version.
//! - A hoarder takes snapshots until the limit on live versions refuses one.
//! - Clients register with a manager, own, add, delete, start, read, end and deregister, with handles
//!   that are stale or of another manager.
//! - Tables are dropped while snapshots of them are read.
//!
//! All threads end once a second, and others begin. Then what is left must be what is held; every few
//! seconds nothing is, and every byte in use must be the current version's. The resident memory of the
//! process must not grow after the first such check.
//!
//! It prints a line a second and ends with a summary, or with the first thing that is wrong and the exit
//! code 1. What threads do follows from the seed; when they do it is up to the machine.

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/common/history.rs"]
mod history;
#[path = "../../tests/common/random.rs"]
mod random;
#[path = "../../tests/common/requests.rs"]
mod requests;

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
use oracle::Oracle;
use random::Random;
use readers::Reader;
use report::{Counts, Report};
use requests::ends;

/// The most bytes of nodes: less than the writers would fill.
const NODE_BYTES: usize = 512 * Stats::SLOT_BYTES;
const LIVE_VERSIONS: usize = 8;
const WRITERS: u64 = 2;
const READERS: u64 = 3;
/// All threads begin anew after so long.
const ROUND: Duration = Duration::from_secs(1);
/// In every such round nothing is held at its end.
const QUIESCENT: u64 = 5;

/// Runs everything at once and checks it.
#[derive(Parser)]
struct Arguments {
    /// How long to run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// What the choices of all threads follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What all threads work on.
struct Soak {
    table: GroupTable,
    oracle: Oracle,
    counts: Counts,
    seed: u64,
}

impl Soak {
    /// The choices of a thread in a round.
    fn random(&self, round: u64, thread: u64) -> Random {
        Random::new(self.seed, round << 8 | thread)
    }
}

fn main() {
    let Arguments { seconds, seed } = Arguments::parse();
    let limits = Limits::default().node_bytes(NODE_BYTES).live_versions(LIVE_VERSIONS);
    let table = GroupTable::with_limits(limits);
    let soak = Soak { table, oracle: Oracle::default(), counts: Counts::default(), seed };
    let mut report = Report::new();
    // On a thread of its own, so that a panic is a fault like others.
    let end = thread::scope(|scope| {
        ends(vec![scope.spawn(|| run(&soak, &mut report, Duration::from_secs(seconds)))])
    });
    if let Err(fault) = end {
        eprintln!("after {:.1} s, seed {seed}: {fault}", report.elapsed().as_secs_f64());
        // At once, for what is at fault may not even be fit to be dropped.
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

/// Lets all threads run until a moment, and returns what was in use and how many handles there were in
/// the middle of it.
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

/// No more versions live than are held, and no more memory is in use than may be.
fn check_limits(soak: &Soak, held: usize) -> Result<(), String> {
    while soak.table.reclaim() {}
    let stats = soak.table.stats();
    let most = LIVE_VERSIONS.min(held + 1);
    soak.counts.checks.add(1);
    match stats.live_versions <= most && stats.slots_pending == 0 {
        true => Ok(()),
        false => Err(format!("{most} versions may live, and nothing be pending: {stats:?}")),
    }
}

/// What is in use is what the current version reaches.
fn check_nothing_is_held(soak: &Soak) -> Result<(), String> {
    while soak.table.reclaim() {}
    let current = soak.table.snapshot().map_err(|error| error.to_string())?;
    let (stats, reached) = (soak.table.stats(), reachable(&current).len());
    soak.counts.checks.add(1);
    match (stats.slots_retained, stats.live_versions, stats.slots_in_use) == (0, 1, reached) {
        true => Ok(()),
        false => Err(format!("nothing is held, and {reached} slots are reached: {stats:?}")),
    }
}
