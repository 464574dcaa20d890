//! The cost of many changes in one commit.

use anyhow::Result;

use super::{Answer, Question, Run, Side, check_contents, measures_of, short_of_turns};
use crate::measure::{Better, Metric};
use crate::peers;
use crate::rounds::{alternate, nanos_a_unit};

/// The joins of a batch.
const BATCH: usize = 1000;

/// The batches of a turn.
const BATCHES: usize = 10;

pub(super) const QUESTION: Question = Question {
    name: "batch",
    title: "1,000 joins in one commit",
    text: "One thread joins 1,000 new random keys in one commit, and leaves them in another commit. \
           A turn is ten such batches. The changed keys are looked up after each commit, untimed, \
           so leaves find them in the caches and joins do not.",
    plot: Some("update.svg"),
    ask,
    seconds: |scale| 8.0 + scale.rounds as f64 * peers::ALL.len() as f64 * 0.05,
};

static METRICS: [Metric; 2] = [
    Metric {
        name: "join in a batch",
        unit: "ns",
        meaning: "Nanoseconds per join",
        better: Better::Lower,
    },
    Metric {
        name: "leave in a batch",
        unit: "ns",
        meaning: "Nanoseconds per leave",
        better: Better::Lower,
    },
];

fn ask(run: &mut Run<'_>) -> Result<Answer> {
    let mut answer = Answer::default();
    let (size, rounds) = (run.scale.large, run.scale.rounds);
    run.progress.at(size, "building", 0.0);
    let mut sides = run.build(peers::all(), size)?;
    let turns = alternate(&mut sides, rounds, |round, side| {
        run.progress.at(size, side.kind.name, round as f64 / rounds as f64);
        let mut nanos = [0.0; 2];
        for _ in 0..BATCHES {
            let batch = side.churn.new_keys(BATCH);
            for (nanos, is_join) in nanos.iter_mut().zip([true, false]) {
                *nanos += nanos_a_unit(BATCH * BATCHES, || side.peer.change(&batch, is_join));
                check_batch(side, &batch, is_join);
            }
        }
        nanos
    });
    check_contents(&sides)?;
    answer.notes.extend(short_of_turns(size, &sides, &turns, rounds));
    for (place, metric) in METRICS.iter().enumerate() {
        answer.measures.extend(measures_of(QUESTION.name, size, metric, place, &sides, &turns));
    }
    let without = sides.iter().filter(|side| !side.kind.has_batches);
    let names: Vec<&str> = without.map(|side| side.kind.name).collect();
    answer.notes.push(format!(
        "{} have no batches: they make the changes one by one, and readers see each change.",
        names.join(", ")
    ));
    Ok(answer)
}

fn check_batch(side: &Side, batch: &[u64], is_join: bool) {
    let reader = side.peer.reader();
    let is_done = batch.iter().all(|key| reader.contains(*key) == is_join);
    assert!(is_done, "{} makes all changes of a batch", side.kind.name);
}
