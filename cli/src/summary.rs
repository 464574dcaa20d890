//! The summary of a replay, for people.

use std::fmt;
use std::time::Duration;

use groupscan_sources::{CaptureStats, Tally};

/// The figures of the summary.
pub(crate) struct Summary<'a> {
    pub(crate) stats: &'a CaptureStats,
    /// The number of printed records.
    pub(crate) records: usize,
    /// The number of joins in the table.
    pub(crate) joins: usize,
    pub(crate) interfaces: usize,
    pub(crate) elapsed: Duration,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats;
        writeln!(f, "frames    {:>8}", stats.frames)?;
        tally(f, "messages", &stats.messages)?;
        tally(f, "foreign", &stats.foreign)?;
        tally(f, "rejected", &stats.rejected)?;
        if stats.ignored.total() > 0 {
            tally(f, "ignored", &stats.ignored)?;
        }
        let interfaces = if self.interfaces == 1 { "interface" } else { "interfaces" };
        writeln!(
            f,
            "records   {:>8}  of {} joins on {} {interfaces}",
            self.records, self.joins, self.interfaces
        )?;
        write!(f, "time      {:>8.1}  ms", self.elapsed.as_secs_f64() * 1e3)
    }
}

/// A line with a total and its parts.
fn tally<K: Copy + Ord + fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    tally: &Tally<K>,
) -> fmt::Result {
    write!(f, "{name:<10}{:>8}", tally.total())?;
    let mut separator = "  ";
    for (kind, count) in tally.iter() {
        write!(f, "{separator}{kind} {count}")?;
        separator = ", ";
    }
    writeln!(f)
}
