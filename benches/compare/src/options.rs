//! The command line.

use std::path::{Path, PathBuf};
use std::{env, process};

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::questions;
use crate::scale::Scale;

/// Compares groupscan with the usual alternatives.
///
/// All sides hold the same joins and write the same 16-byte records into the same buffer of 64 KiB. They
/// take turns, round by round, in one process. Each side's results are checked before and after the
/// timing. The program writes comparison.md, comparison.csv and plots.
///
/// A full run takes about 15 minutes. It needs two idle cores and 6 GiB of memory.
#[derive(Parser)]
#[command(
    name = "groupscan-compare",
    after_help = "Examples:\n  \
        cargo run --release -p groupscan-compare\n  \
        cargo run --release -p groupscan-compare -- --quick\n  \
        cargo run --release -p groupscan-compare -- \
        --only enumerate --only update\n  \
        cargo run --release -p groupscan-compare --features mimalloc"
)]
pub struct Options {
    /// Asks everything at small sizes and in few short rounds: seconds instead of minutes. This shows that
    /// everything works, but little about speed.
    #[arg(long)]
    quick: bool,

    /// Asks only this question. May be repeated.
    #[arg(long, value_name = "QUESTION", value_parser = PossibleValuesParser::new(questions::names()))]
    only: Vec<String>,

    /// The directory for the results. The default for a full run is docs/performance of the project, or
    /// docs/performance/mimalloc with that allocator. With --quick or --only it is a temporary directory,
    /// so that results of full runs are not overwritten.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// The rounds of each side. The default is 15, or 3 with --quick.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
}

impl Options {
    pub fn from_args() -> Self {
        Self::parse()
    }

    pub fn is_quick(&self) -> bool {
        self.quick
    }

    /// Whether a question is asked.
    pub fn wants(&self, question: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == question)
    }

    /// The sizes and times.
    pub fn scale(&self) -> Scale {
        let scale = if self.quick { Scale::QUICK } else { Scale::FULL };
        match self.rounds {
            Some(rounds) => Scale { rounds: rounds as usize, ..scale },
            None => scale,
        }
    }

    /// The directory that the results go to.
    pub fn out(&self) -> PathBuf {
        if let Some(out) = &self.out {
            return out.clone();
        }
        if self.quick || !self.only.is_empty() {
            return env::temp_dir().join(format!("groupscan-compare-{}", process::id()));
        }
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let directory = if cfg!(feature = "mimalloc") {
            "docs/performance/mimalloc"
        } else {
            "docs/performance"
        };
        project.unwrap_or(Path::new(".")).join(directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
        let options = Options::parse_from(["compare", "--only", "update", "--rounds", "4"]);
        assert!(options.wants("update") && !options.wants("batch"));
        assert_eq!(options.scale().rounds, 4);
        assert!(options.out().starts_with(env::temp_dir()));
        let full = Options::parse_from(["compare"]).out();
        assert!(full.ancestors().take(2).any(|path| path.ends_with("docs/performance")));
    }
}
