//! The time to enumerate all joins.

use std::hint::black_box;

use anyhow::Result;

use super::{Answer, Question, Run, measures_of, short_of_turns};
use crate::measure::{Better, Metric};
use crate::peers;
use crate::rounds::{alternate, calls_that_fill, nanos_a_unit};

pub(super) const QUESTION: Question = Question {
    name: "enumerate",
    title: "Enumerating all joins",
    text: "One thread enumerates all joins into the buffer, repeatedly, without a writer.",
    plot: Some("enumerate.svg"),
    ask,
    seconds: |scale| scale.enumerated.iter().map(|size| 1.0 + *size as f64 * 2e-5).sum(),
};

static RECORD: Metric =
    Metric { name: "record", unit: "ns", meaning: "Nanoseconds per record", better: Better::Lower };

fn ask(run: &mut Run<'_>) -> Result<Answer> {
    let mut answer = Answer::default();
    let expected = (QUESTION.seconds)(run.scale);
    let mut done = 0.0;
    for size in run.scale.enumerated.iter().copied() {
        run.progress.at(size, "building", done / expected);
        let mut sides = run.build(peers::that_enumerate(), size)?;
        let page = &mut run.page;
        let calls: Vec<usize> = sides
            .iter()
            .map(|side| {
                let reader = side.peer.reader();
                calls_that_fill(run.scale.turn, || {
                    reader.enumerate(page, &mut |records| _ = black_box(records));
                })
            })
            .collect();
        let mut timed: Vec<_> = sides.iter_mut().zip(calls).collect();
        let rounds = run.scale.rounds_at(size);
        let turns = alternate(&mut timed, rounds, |round, (side, calls)| {
            let part = 1.0 + size as f64 * 2e-5 * round as f64 / rounds as f64;
            run.progress.at(size, side.kind.name, (done + part) / expected);
            let reader = side.peer.reader();
            [nanos_a_unit(*calls * size, || {
                for _ in 0..*calls {
                    reader.enumerate(page, &mut |records| _ = black_box(records));
                }
            })]
        });
        answer.notes.extend(short_of_turns(size, &sides, &turns, rounds));
        answer.measures.extend(measures_of(QUESTION.name, size, &RECORD, 0, &sides, &turns));
        done += 1.0 + size as f64 * 2e-5;
    }
    Ok(answer)
}
