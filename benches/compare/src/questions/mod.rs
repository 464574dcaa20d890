//! The questions, one file each.

mod batch;
mod beside_writer;
mod enumerate;
mod memory;
mod parked;
mod pause;
mod update;

use anyhow::Result;

use crate::check;
use crate::joins::{Churn, Random};
use crate::measure::{Measure, Metric, measures};
use crate::page::Page;
use crate::peers::{Kind, Peer};
use crate::progress::Progress;
use crate::report::figures::grouped;
use crate::scale::Scale;

/// All questions, in their order.
pub static ALL: [Question; 7] = [
    enumerate::QUESTION,
    beside_writer::QUESTION,
    update::QUESTION,
    batch::QUESTION,
    pause::QUESTION,
    memory::QUESTION,
    parked::QUESTION,
];

/// The names of the questions.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|question| question.name)
}

/// A question, and the code that asks it.
pub struct Question {
    pub name: &'static str,
    pub title: &'static str,
    /// The description for the report.
    pub text: &'static str,
    /// The plot of the answer, if it has one.
    pub plot: Option<&'static str>,
    pub ask: fn(&mut Run<'_>) -> Result<Answer>,
    /// The approximate time that it takes.
    pub seconds: fn(&Scale) -> f64,
}

/// The data that the questions of a run share.
pub struct Run<'r> {
    pub scale: &'r Scale,
    pub progress: &'r mut Progress,
    pub page: Box<Page>,
}

/// The answer to a question.
#[derive(Default)]
pub struct Answer {
    pub measures: Vec<Measure>,
    /// Notes on the figures.
    pub notes: Vec<String>,
    /// Values over time.
    pub courses: Vec<Course>,
}

/// A peer's memory over time.
pub struct Course {
    pub peer: &'static Kind,
    /// Seconds and bytes.
    pub points: Vec<(f64, usize)>,
}

/// A peer with turns in the rounds of a question.
struct Side {
    kind: &'static Kind,
    peer: Box<dyn Peer>,
    churn: Churn,
}

impl Run<'_> {
    /// Makes tables of a size, and checks what they enumerate.
    fn build(&mut self, kinds: Vec<&'static Kind>, size: usize) -> Result<Vec<Side>> {
        let keys = Random::new().keys(size);
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        let mut sides = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let peer = (kind.build)(&keys);
            if kind.enumerates {
                check::enumeration(kind, &*peer, &sorted, &mut self.page)?;
            } else {
                check::contents(kind, &*peer, &sorted)?;
            }
            sides.push(Side { kind, peer, churn: Churn::new(size) });
        }
        Ok(sides)
    }
}

/// Checks that peers have the expected contents after all changes.
fn check_contents(sides: &[Side]) -> Result<()> {
    sides
        .iter()
        .try_for_each(|side| check::contents(side.kind, &*side.peer, &side.churn.sorted_keys()))
}

/// Notes the sides that had fewer turns than rounds, because their turns took too long.
fn short_of_turns<T>(size: usize, sides: &[Side], turns: &[Vec<T>], rounds: usize) -> Vec<String> {
    let short = sides.iter().zip(turns).filter(|(_, turns)| turns.len() < rounds);
    short
        .map(|(side, turns)| {
            let (name, count) = (side.kind.name, turns.len());
            format!(
                "{name} had {count} of {rounds} turns at {} joins, because its turns took more than \
                 a minute.",
                grouped(size as u64)
            )
        })
        .collect()
}

/// The figures of one metric. Each turn gave one figure per metric.
fn measures_of<const N: usize>(
    question: &'static str,
    size: usize,
    metric: &'static Metric,
    place: usize,
    sides: &[Side],
    turns: &[Vec<[f64; N]>],
) -> Vec<Measure> {
    let values = |turns: &Vec<[f64; N]>| turns.iter().map(|turn| turn[place]).collect();
    let peers: Vec<_> =
        sides.iter().zip(turns).map(|(side, turns)| (side.kind, values(turns))).collect();
    measures(question, size, metric, &peers)
}
