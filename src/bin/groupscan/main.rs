//! The command line: multicast groups out of captures, through the engine.

mod args;
mod output;
mod progress;
mod replay;
mod summary;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let Args { command: Command::Replay(args) } = Args::parse();
    let query = args.query().unwrap_or_else(|error| error.exit());
    match replay::run(&args, &query) {
        Ok(replay::Outcome::Clean) => ExitCode::SUCCESS,
        Ok(replay::Outcome::InputAtFault) => ExitCode::FAILURE,
        Err(failure) => {
            say(format_args!("groupscan: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line on standard error, if anybody listens there.
fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
