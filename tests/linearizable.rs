//! Threads that write and threads that enumerate, checked against one order of all commits.
//!
//! Writers record what each of their transactions did and which version it made. Readers record the
//! version of each enumeration and what it showed. When all threads have ended, the test replays the
//! transactions on a model in the order of their versions, and compares everything that was shown:
//!
//! - One transaction made each version, and the numbers have no gap.
//! - The result of each change fits the version that its transaction began with. No change was refused,
//!   also in transactions that were dropped.
//! - Each enumeration shows exactly its version. The size of its pages, the number of threads that share
//!   it and the commits between two pages make no difference.
//! - The versions that a thread sees never go back. They are never earlier than a commit that had
//!   returned, on any thread, before the thread looked.
//!
//! Each round has a table of its own, so the test keeps the record of one round only. The round's seed
//! decides what each thread does and where it stands still; each failure names the seed. The machine
//! decides when a step happens, and how much readers do until the writers have ended. `GROUPSCAN_SEED`
//! runs all rounds with one seed; `GROUPSCAN_LINEAR_SECONDS` sets the time.

use std::env;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use groupscan::{GroupTable, Snapshot};
use groupscan_testing::history::{Models, Transaction, World, counts};
use groupscan_testing::random::Random;
use groupscan_testing::requests::{Batches, Request, Walk, ends};

/// Small enough that changes hit memberships that exist; large enough that the indexes have several leaves.
/// With small nodes, interfaces come and go, too.
const WORLD: World = if cfg!(groupscan_check) {
    World { groups: 12, sources: 4, interfaces: 12, protocols: 1, joins_in_16: 8, sweeps: 1 }
} else {
    World { groups: 40, sources: 6, interfaces: 5, protocols: 2, joins_in_16: 9, sweeps: 1 }
};

const WRITERS: u64 = 3;
const READERS: u64 = 3;
/// The largest number of changes in the first transaction.
const FIRST: usize = 1000;
/// The transactions of a writer in a round.
const TRANSACTIONS: usize = 60;
/// The largest number of a reader's steps in a round. A reader ends as soon as the writers have ended.
const STEPS: usize = 300;
/// The enumerations that a reader has open.
const PARKED: usize = 5;
/// The threads that share an enumeration.
const SHARING: usize = 3;

/// The rounds that run however long they take.
const LEAST_ROUNDS: u64 = 4;

/// What the threads of a round share.
struct Shared {
    table: GroupTable,
    /// The latest version whose commit has returned.
    committed: AtomicU64,
    /// The writers that have not ended.
    writing: AtomicU64,
    seed: u64,
}

/// The latest version that a thread has seen.
#[derive(Default)]
struct Sight {
    last: u64,
}

impl Sight {
    /// Records a version. It must not be earlier than the last one, nor than `least`.
    fn see(&mut self, version: u64, least: u64) -> Result<(), String> {
        let least = least.max(self.last);
        self.last = version;
        match version >= least {
            true => Ok(()),
            false => Err(format!("version {version} is seen after version {least}")),
        }
    }
}

/// An enumeration, and what it has shown.
struct Seen {
    version: u64,
    counts: [usize; 6],
    request: Request,
    threads: Vec<Batches>,
}

impl Seen {
    fn new(snapshot: &Snapshot, request: Request) -> Self {
        let version = snapshot.version().number();
        Self { version, counts: counts(snapshot), request, threads: Vec::new() }
    }

    fn compare(&self, models: &Models) -> Result<(), String> {
        let counts = models.compare_counts(self.counts);
        let expected = self.request.expected(models);
        let compared = counts.and_then(|()| self.request.compare(&expected, &self.threads));
        compared.map_err(|error| format!("version {}: {error}", self.version))
    }
}

fn write(shared: &Shared, writer: u64) -> Result<Vec<Transaction>, String> {
    let mut random = Random::new(shared.seed, writer);
    let mut sight = Sight::default();
    let mut made = Vec::new();
    for _ in 0..TRANSACTIONS {
        let least = shared.committed.load(Ordering::Acquire);
        let transaction = Transaction::run(&shared.table, &mut random, &WORLD, 6);
        let base = transaction.base.ok_or("a snapshot was refused")?;
        sight.see(base, least)?;
        if let Some(version) = transaction.version {
            sight.see(version, base)?;
            shared.committed.fetch_max(version, Ordering::Release);
        }
        made.push(transaction);
        if random.one_in(8) {
            shared.table.reclaim();
        }
        random.pause();
    }
    shared.writing.fetch_sub(1, Ordering::Relaxed);
    Ok(made)
}

/// An enumeration that a reader continues later.
struct Parked {
    walk: Walk<'static>,
    seen: Seen,
    batches: Batches,
}

impl Parked {
    fn finish(mut self, random: &mut Random) -> Result<Seen, String> {
        self.seen.request.rest(&self.walk, random, &mut self.batches)?;
        self.seen.threads.push(self.batches);
        Ok(self.seen)
    }
}

/// A reader's state in a round.
struct Reader<'s> {
    shared: &'s Shared,
    random: Random,
    sight: Sight,
    parked: Vec<Parked>,
    seen: Vec<Seen>,
}

fn read(shared: &Shared, reader: u64) -> Result<Vec<Seen>, String> {
    let random = Random::new(shared.seed, reader);
    let (sight, parked, seen) = (Sight::default(), Vec::new(), Vec::new());
    let mut reader = Reader { shared, random, sight, parked, seen };
    for _ in 0..STEPS {
        reader.step()?;
        reader.random.pause();
        if shared.writing.load(Ordering::Relaxed) == 0 {
            break;
        }
    }
    for parked in reader.parked {
        reader.seen.push(parked.finish(&mut reader.random)?);
    }
    Ok(reader.seen)
}

impl Reader<'_> {
    fn step(&mut self) -> Result<(), String> {
        match self.random.below(8) {
            0..=2 => {
                if self.parked.len() == PARKED {
                    self.finish_one()?;
                }
                let (walk, seen) = self.start()?;
                self.parked.push(Parked { walk, seen, batches: Batches::new() });
            }
            3 if !self.parked.is_empty() => self.finish_one()?,
            4..=6 if !self.parked.is_empty() => {
                let at = self.random.below(self.parked.len());
                let Parked { walk, seen, batches } = &mut self.parked[at];
                seen.request.page(walk, &mut self.random, batches)?;
            }
            _ => {
                let (walk, mut seen) = self.start()?;
                seen.threads = seen.request.share(&walk, &mut self.random, SHARING)?;
                self.seen.push(seen);
            }
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(Walk<'static>, Seen), String> {
        let request = Request::random(&mut self.random, &WORLD);
        let least = self.shared.committed.load(Ordering::Acquire);
        let snapshot = self.shared.table.snapshot().map_err(|error| error.to_string())?;
        self.sight.see(snapshot.version().number(), least)?;
        let walk = request.start(&snapshot);
        Ok((walk, Seen::new(&snapshot, request)))
    }

    fn finish_one(&mut self) -> Result<(), String> {
        let at = self.random.below(self.parked.len());
        let parked = self.parked.swap_remove(at);
        self.seen.push(parked.finish(&mut self.random)?);
        Ok(())
    }
}

/// Runs the threads of a round, and returns what writers did and what readers saw.
fn run(shared: &Shared) -> Result<(Vec<Transaction>, Vec<Seen>), String> {
    thread::scope(|scope| {
        let writers = (1..=WRITERS).map(|writer| scope.spawn(move || write(shared, writer)));
        let writers: Vec<_> = writers.collect();
        let readers = (WRITERS + 1..=WRITERS + READERS)
            .map(|reader| scope.spawn(move || read(shared, reader)));
        let readers: Vec<_> = readers.collect();
        let (written, seen) = (ends(writers), ends(readers));
        Ok((written?.into_iter().flatten().collect(), seen?.into_iter().flatten().collect()))
    })
}

/// Replays the transactions in the order of their versions, and compares what was seen of each version.
fn compare(mut written: Vec<Transaction>, mut seen: Vec<Seen>) -> Result<(), String> {
    // A transaction that made no version comes after the one that made its base.
    written.sort_by_key(|one| (one.made().or(one.base), one.made().is_none()));
    seen.sort_by_key(|seen| seen.version);
    let mut seen = seen.into_iter().peekable();
    let (mut models, mut version) = (Models::default(), 0);
    for transaction in written {
        transaction.follows(version)?;
        if transaction.refused() != 0 {
            return Err(format!("without a cap, {transaction:?} was refused changes"));
        }
        let Some(made) = transaction.made() else {
            transaction.replay(&mut models.clone())?;
            continue;
        };
        while let Some(seen) = seen.next_if(|seen| seen.version == version) {
            seen.compare(&models)?;
        }
        transaction.replay(&mut models)?;
        version = made;
    }
    seen.try_for_each(|seen| match seen.version == version {
        true => seen.compare(&models),
        false => Err(format!("version {} was seen, and {version} was made last", seen.version)),
    })
}

fn round(seed: u64) -> Result<(), String> {
    let (table, committed) = (GroupTable::new(), AtomicU64::new(0));
    let shared = Shared { table, committed, writing: AtomicU64::new(WRITERS), seed };
    // Fills the table before any thread reads.
    let first = Transaction::run(&shared.table, &mut Random::new(seed, 0), &WORLD, FIRST);
    let (mut written, seen) = run(&shared)?;
    written.push(first);
    compare(written, seen)?;
    shared.table.reclaim();
    let stats = shared.table.stats();
    match (stats.live_versions, stats.retained_bytes, stats.pending_bytes) {
        (1, 0, 0) => Ok(()),
        _ => Err(format!("something is left behind: {stats:?}")),
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")))
}

#[test]
fn enumerations_see_one_order_of_all_commits() {
    let seconds = variable("GROUPSCAN_LINEAR_SECONDS").unwrap_or(2);
    let only: Option<u64> = variable("GROUPSCAN_SEED");
    let until = Instant::now() + Duration::from_secs(seconds);
    let rounds = (0..).take_while(|made| *made < LEAST_ROUNDS || Instant::now() < until);
    for seed in rounds.map(|made| only.unwrap_or(made)) {
        if let Err(failure) = round(seed) {
            panic!("GROUPSCAN_SEED={seed}: {failure}");
        }
    }
}
