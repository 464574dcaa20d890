//! Progress and remaining time, on stderr.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// The interval between lines on an output where they cannot be overwritten.
const PATIENCE: Duration = Duration::from_secs(5);

/// The state of a run.
pub struct Progress {
    is_terminal: bool,
    start: Instant,
    /// The expected seconds of the whole run, and of the questions that are done.
    expected: f64,
    done: f64,
    question: &'static str,
    question_seconds: f64,
    step: String,
    said: Option<(String, Instant)>,
}

impl Progress {
    /// The progress of a run with this number of expected seconds.
    pub fn new(expected: f64) -> Self {
        Self {
            is_terminal: stderr().is_terminal(),
            start: Instant::now(),
            expected,
            done: 0.0,
            question: "",
            question_seconds: 0.0,
            step: String::new(),
            said: None,
        }
    }

    /// Starts the next question, with its expected seconds.
    pub fn ask(&mut self, question: &'static str, seconds: f64) {
        self.done += self.question_seconds;
        (self.question, self.question_seconds) = (question, seconds);
        self.step.clear();
    }

    /// Reports the size, the peer, and the part of the question that is done.
    pub fn at(&mut self, size: usize, peer: &str, part: f64) {
        let step = format!("{} at {size} joins", self.question);
        let is_new = self
            .said
            .as_ref()
            .is_none_or(|(said, when)| *said != step || when.elapsed() >= PATIENCE);
        if !self.is_terminal && !is_new {
            return;
        }
        let left = humantime::format_duration(Duration::from_secs(self.seconds_left(part)));
        if self.is_terminal {
            eprint!("\r\x1b[K{step}: {peer}, about {left} left");
        } else {
            eprintln!("{step}: {peer}, about {left} left");
        }
        self.said = Some((step, Instant::now()));
    }

    /// Reports the end of the run.
    pub fn finish(&self) {
        let took = humantime::format_duration(Duration::from_secs(self.start.elapsed().as_secs()));
        let clear = if self.is_terminal { "\r\x1b[K" } else { "" };
        eprintln!("{clear}all questions asked in {took}");
    }

    /// The expected remaining time, scaled by the ratio of actual to expected time so far.
    fn seconds_left(&self, part: f64) -> u64 {
        let done = self.done + self.question_seconds * part.clamp(0.0, 1.0);
        // A machine's speed shows only after some seconds.
        let pace = (self.start.elapsed().as_secs_f64() + 10.0) / (done + 10.0);
        ((self.expected - done) * pace).round().max(0.0) as u64
    }
}
