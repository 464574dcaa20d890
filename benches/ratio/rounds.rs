//! Rounds: the timing of a question's two sides.

use std::env;
use std::time::{Duration, Instant};

/// The least duration of a round of calls.
const ROUND: Duration = Duration::from_millis(10);

/// The rounds of each side.
const ROUNDS: usize = 31;

/// The selection of questions.
pub(crate) struct Asked {
    part: Option<String>,
}

impl Asked {
    /// The questions that the command line names, or all.
    pub(crate) fn from_args() -> Self {
        Self { part: env::args().skip(1).find(|argument| !argument.starts_with('-')) }
    }

    /// Asks a question if it is selected.
    pub(crate) fn ask(&self, name: &str, question: impl FnOnce()) {
        if self.wants(name) {
            question();
        }
    }

    /// Whether a question's name contains the part from the command line.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.part.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }
}

/// Prints the heads of the columns.
pub(crate) fn print_heads() {
    println!(
        "{:<66} {:>6}   {:<14} {:>9} {:>9}",
        "question", "ratio", "quartiles", "ours", "other"
    );
}

/// The median of rounds.
pub(crate) fn median(mut round: impl FnMut() -> f64) -> f64 {
    let mut nanos: Vec<f64> = (0..ROUNDS).map(|_| round()).collect();
    nanos.sort_by(f64::total_cmp);
    nanos[nanos.len() / 2]
}

/// Prints a figure that is not a ratio of two sides.
pub(crate) fn print_figure(name: &str, figure: impl std::fmt::Display) {
    println!("{name:<66} {figure}");
}

/// Times both sides in alternating rounds, and prints the ratio of the medians, the other side's over ours.
/// A side runs a round and returns the nanoseconds per unit.
pub(crate) fn alternate(
    name: &str,
    unit: &str,
    mut ours: impl FnMut() -> f64,
    mut other: impl FnMut() -> f64,
) {
    let rounds = (0..ROUNDS).map(|_| (ours(), other())).collect();
    print_ratio(name, unit, rounds);
}

/// Prints the ratio of the medians of rounds, the other side's over ours, and the quartiles of the rounds'
/// own ratios.
pub(crate) fn print_ratio(name: &str, unit: &str, mut rounds: Vec<(f64, f64)>) {
    let mut sorted_by = |key: fn(&(f64, f64)) -> f64, quarter: usize| {
        rounds.sort_by(|a, b| key(a).total_cmp(&key(b)));
        key(&rounds[(rounds.len() - 1) * quarter / 4])
    };
    let (ours, other) = (sorted_by(|round| round.0, 2), sorted_by(|round| round.1, 2));
    let ratio = |round: &(f64, f64)| round.1 / round.0;
    let (low, high) = (sorted_by(ratio, 1), sorted_by(ratio, 3));
    let quartiles = format!("{low:.2} to {high:.2}");
    println!("{name:<66} {:>6.2}   {quartiles:<14} {ours:>9.3} {other:>9.3} {unit}", other / ours);
}

/// A side that repeats a call until a round is full. Each call handles `units` units.
pub(crate) fn per_call(units: usize, mut call: impl FnMut()) -> impl FnMut() -> f64 {
    let mut calls = 1;
    while nanos_a_call(calls, &mut call) * f64::from(calls) < ROUND.as_nanos() as f64 {
        calls *= 2;
    }
    move || nanos_a_call(calls, &mut call) / units as f64
}

fn nanos_a_call(calls: u32, call: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        call();
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

/// The nanoseconds per unit.
pub(crate) fn nanos_a_unit(units: usize, run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_nanos() as f64 / units as f64
}
