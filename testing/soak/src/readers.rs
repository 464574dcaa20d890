//! Readers of the table with the cap, and a hoarder that takes snapshots up to the limit.

use std::thread;
use std::time::{Duration, Instant};

use groupscan::{Snapshot, SnapshotError};

use crate::writers::WORLD;
use crate::{LIVE_VERSIONS, Soak};
use groupscan_testing::history::{Models, counts};
use groupscan_testing::random::Random;
use groupscan_testing::requests::{Batches, Request, Walk};

/// The enumerations that a reader continues later.
const PARKED: usize = 2;
/// The enumerations of one snapshot.
const OF_A_SNAPSHOT: usize = 6;
/// The threads that share an enumeration.
const SHARING: usize = 3;

/// A reader, and the enumerations that it has not finished. It outlives the threads that it runs on.
#[derive(Default)]
pub(crate) struct Reader {
    parked: Vec<Parked>,
}

struct Parked {
    walk: Walk<'static>,
    request: Request,
    expected: Vec<u8>,
    batches: Batches,
}

impl Reader {
    /// The largest number of versions that it holds.
    pub(crate) fn held(&self) -> usize {
        self.parked.len()
    }

    /// Enumerates until a moment.
    pub(crate) fn read(
        &mut self,
        soak: &Soak,
        mut random: Random,
        until: Instant,
    ) -> Result<(), String> {
        while Instant::now() < until {
            let question = soak.oracle.will_ask();
            match soak.table.snapshot() {
                Ok(snapshot) => {
                    let models = question.ask(&snapshot)?;
                    self.enumerate(soak, &snapshot, &models, &mut random)?;
                }
                Err(_) => {
                    drop(question);
                    soak.counts.not_taken.add(1);
                }
            }
            self.go_on(soak, &mut random)?;
            random.pause();
        }
        Ok(())
    }

    /// Enumerates a snapshot in several ways, and keeps one enumeration for later.
    fn enumerate(
        &mut self,
        soak: &Soak,
        snapshot: &Snapshot,
        models: &Models,
        random: &mut Random,
    ) -> Result<(), String> {
        models.compare_counts(counts(snapshot))?;
        for turn in 0..OF_A_SNAPSHOT {
            let request = Request::random(random, &WORLD);
            let (walk, expected) = (request.start(snapshot), request.expected(models));
            if turn == 0 && self.parked.len() < PARKED {
                self.parked.push(Parked { walk, request, expected, batches: Batches::new() });
                continue;
            }
            let threads = match random.one_in(8) {
                true => request.share(&walk, random, SHARING)?,
                false => {
                    let mut batches = Batches::new();
                    request.rest(&walk, random, &mut batches)?;
                    vec![batches]
                }
            };
            soak.compare(&request, &expected, &threads)?;
        }
        Ok(())
    }

    /// Reads a page of a kept enumeration, and sometimes all of it.
    fn go_on(&mut self, soak: &Soak, random: &mut Random) -> Result<(), String> {
        if self.parked.is_empty() {
            return Ok(());
        }
        let at = random.below(self.parked.len());
        let Parked { walk, request, batches, .. } = &mut self.parked[at];
        let more = request.page(walk, random, batches)?;
        if !more || random.one_in(40) {
            self.parked.swap_remove(at).finish(soak, random)?;
        }
        Ok(())
    }

    /// Finishes all kept enumerations.
    pub(crate) fn finish_all(&mut self, soak: &Soak, random: &mut Random) -> Result<(), String> {
        self.parked.drain(..).try_for_each(|parked| parked.finish(soak, random))
    }
}

impl Parked {
    fn finish(mut self, soak: &Soak, random: &mut Random) -> Result<(), String> {
        self.request.rest(&self.walk, random, &mut self.batches)?;
        soak.compare(&self.request, &self.expected, &[self.batches])
    }
}

impl Soak {
    /// Compares what an enumeration showed with what it must show.
    pub(crate) fn compare(
        &self,
        request: &Request,
        expected: &[u8],
        threads: &[Batches],
    ) -> Result<(), String> {
        self.counts.enumerations.add(1);
        self.counts.records.add(expected.len() / request.record_bytes());
        self.counts.checks.add(1);
        request.compare(expected, threads)
    }
}

/// Takes snapshots until one is refused, and drops all. Repeats this until a moment.
pub(crate) fn hoard(soak: &Soak, mut random: Random, until: Instant) -> Result<(), String> {
    let mut held = Vec::new();
    while Instant::now() < until {
        let taken = soak.table.snapshot();
        let live = soak.table.stats().live_versions;
        soak.counts.checks.add(1);
        // One more while a commit runs.
        if live > LIVE_VERSIONS + 1 {
            return Err(format!("{live} versions live, above the limit of {LIVE_VERSIONS}"));
        }
        match taken {
            Ok(snapshot) => held.push(snapshot),
            Err(SnapshotError::TooManyVersions { limit }) if limit != LIVE_VERSIONS => {
                return Err(format!("the limit is {limit} versions, not {LIVE_VERSIONS}"));
            }
            Err(_) => {
                soak.counts.not_taken.add(1);
                held.clear();
                thread::sleep(Duration::from_millis(random.below(20) as u64));
            }
        }
        random.pause();
    }
    Ok(())
}
