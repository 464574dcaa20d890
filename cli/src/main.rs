//! The command `groupscan`: prints the multicast groups in packet captures, and measures how fast this
//! machine enumerates them.
//!
//! ```text
//!  main ──▶ args                      arguments, usage errors (exit status 2)
//!       ├─▶ replay ─▶ output          captures ─▶ table ─▶ enumeration ─▶ text or JSON
//!       │          ╰▶ summary         what was read, on standard error
//!       ╰─▶ bench  ─▶ pages           enumerating against copying
//! ```

mod args;
mod bench;
mod output;
#[cfg(unix)]
mod pages;
mod progress;
mod replay;
mod summary;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Replay(args) => {
            let query = args.query().unwrap_or_else(|error| error.exit());
            replay::run(&args, &query)
        }
        Command::Bench(args) => bench::run(&args).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        say(format_args!("groupscan: {error:#}"));
        ExitCode::FAILURE
    })
}

/// Prints a line on standard error. A closed standard error is not an error.
fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
