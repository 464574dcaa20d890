//! The command line: multicast groups out of captures, through the engine; and how fast it is.

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
    match Args::parse().command {
        Command::Replay(args) => {
            let query = args.query().unwrap_or_else(|error| error.exit());
            exit_code(replay::run(&args, &query).map(|outcome| match outcome {
                replay::Outcome::Clean => ExitCode::SUCCESS,
                replay::Outcome::InputAtFault => ExitCode::FAILURE,
            }))
        }
        Command::Bench(args) => exit_code(bench::run(&args).map(|()| ExitCode::SUCCESS)),
    }
}

fn exit_code(result: Result<ExitCode, impl Display>) -> ExitCode {
    result.unwrap_or_else(|failure| {
        say(format_args!("groupscan: {failure}"));
        ExitCode::FAILURE
    })
}

/// Prints a line on standard error, if anybody listens there.
fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
