//! Counts of what was done, and its cost in memory.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use groupscan::Stats;

/// The allowed growth of resident memory after the first measurement. Heaps keep memory that ended
/// threads freed.
const SLACK_BYTES: u64 = 32 << 20;

const MIB: f64 = (1 << 20) as f64;

/// A counter that all threads add to.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts of what the threads have done.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) commits: Count,
    pub(crate) enumerations: Count,
    pub(crate) records: Count,
    /// Changes that the cap refused.
    pub(crate) refused: Count,
    /// Snapshots that a limit refused.
    pub(crate) not_taken: Count,
    /// Calls with an invalid handle that the manager refused.
    pub(crate) bad_handles: Count,
    pub(crate) tables: Count,
    /// Comparisons with a model, or with what must be left.
    pub(crate) checks: Count,
}

impl Counts {
    fn rates(&self) -> [u64; 3] {
        [&self.commits, &self.enumerations, &self.records].map(Count::get)
    }
}

/// The printed report.
pub(crate) struct Report {
    start: Instant,
    /// The time of the last line, and the counts at that time.
    last: (Instant, [u64; 3]),
    lines: u64,
    /// The resident memory at the first measurement, and the peak since.
    resident_bytes: Option<(u64, u64)>,
}

impl Report {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { start: now, last: (now, [0; 3]), lines: 0, resident_bytes: None }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Checks that the process has not grown since the first call. Checks nothing if the system does not
    /// report the resident memory.
    pub(crate) fn check_resident_memory(&mut self) -> Result<(), String> {
        let Some(now) = resident_bytes() else {
            return Ok(());
        };
        let (first, most) = self.resident_bytes.unwrap_or((now, now));
        self.resident_bytes = Some((first, most.max(now)));
        match now <= first + SLACK_BYTES {
            true => Ok(()),
            false => Err(format!("{now} bytes are resident, and {first} were")),
        }
    }

    /// A line with what was done since the last line.
    pub(crate) fn line(&mut self, counts: &Counts, stats: &Stats, handles: usize) -> String {
        let head = "     s  commits/s  enums/s   records/s  refused  live  MiB used/mapped  handles  checks\n";
        let head = if self.lines.is_multiple_of(20) { head } else { "" };
        let (now, done) = (Instant::now(), counts.rates());
        let seconds = now.duration_since(self.last.0).as_secs_f64();
        let rate = |at: usize| (done[at] - self.last.1[at]) as f64 / seconds;
        let [commits, enumerations, records] = [0, 1, 2].map(rate);
        let used = (stats.in_use_bytes) as f64 / MIB;
        let (live, mapped) = (stats.live_versions, stats.mapped_bytes as f64 / MIB);
        let (elapsed, refused) = (self.elapsed().as_secs_f64(), counts.refused.get());
        let checks = counts.checks.get();
        (self.last, self.lines) = ((now, done), self.lines + 1);
        format!(
            "{head}{elapsed:>6.1}{commits:>11.0}{enumerations:>9.0}{records:>12.0}{refused:>9}{live:>6}\
             {used:>9.2} /{mapped:>5.2}{handles:>9}{checks:>8}"
        )
    }

    pub(crate) fn summary(&self, counts: &Counts, seed: u64) -> String {
        let [commits, enumerations, records] = counts.rates();
        let Counts { refused, not_taken, bad_handles, tables, checks, .. } = counts;
        let [refused, not_taken, bad_handles, tables, checks] =
            [refused, not_taken, bad_handles, tables, checks].map(Count::get);
        let resident = self.resident_bytes.map_or(String::new(), |(first, most)| {
            let [first, most] = [first, most].map(|bytes| bytes as f64 / MIB);
            format!(", {first:.1} MiB resident at first and {most:.1} at most")
        });
        format!(
            "All is as it must be after {:.1} s, seed {seed}: {commits} commits, {enumerations} \
             enumerations of {records} records, {refused} changes and {not_taken} snapshots refused at \
             the limits, {bad_handles} bad handles refused, {tables} tables dropped under their \
             snapshots, {checks} checks{resident}.",
            self.elapsed().as_secs_f64()
        )
    }
}

/// The resident memory of the process, if the system reports it.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
