//! What a replay did, in a few lines for people.

use std::fmt;
use std::time::Duration;

use groupscan::input::{Counts, Tally};

/// What the summary tells.
pub(crate) struct Summary<'a> {
    pub(crate) counts: &'a Counts,
    /// How many records were printed.
    pub(crate) records: usize,
    /// How many joins the table has.
    pub(crate) joins: usize,
    pub(crate) interfaces: usize,
    pub(crate) elapsed: Duration,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts;
        writeln!(f, "frames    {:>8}", counts.frames)?;
        tally(f, "messages", &counts.messages)?;
        tally(f, "foreign", &counts.foreign)?;
        tally(f, "rejected", &counts.rejected)?;
        if counts.ignored.total() > 0 {
            tally(f, "ignored", &counts.ignored)?;
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

/// A total, and what it is made of.
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
