//! The cost of one update.

use anyhow::Result;

use super::{Answer, Question, Run, Side, check_contents, measures_of, short_of_turns};
use crate::measure::{Better, Metric};
use crate::peers;
use crate::rounds::{alternate, calls_that_fill, nanos_a_unit};

pub(super) const QUESTION: Question = Question {
    name: "update",
    title: "One update and its commit",
    text: "One thread leaves a random join or joins a new one, in turn, each in its own commit. \
           Then the same with a look after each commit: a fresh snapshot, guard or lock finds the \
           key that joined, and not the key that left.",
    plot: Some("update.svg"),
    ask,
    seconds: |scale| {
        let turns = scale.rounds as f64 * peers::ALL.len() as f64;
        scale.sizes.len() as f64 * (8.0 + turns * scale.update_turn.as_secs_f64() * 3.0)
    },
};

static METRICS: [Metric; 2] = [
    Metric { name: "update", unit: "ns", meaning: "Nanoseconds per update", better: Better::Lower },
    Metric {
        name: "update and look",
        unit: "ns",
        meaning: "Nanoseconds per update and a new reader that sees it",
        better: Better::Lower,
    },
];

fn ask(run: &mut Run<'_>) -> Result<Answer> {
    let mut answer = Answer::default();
    let (sizes, rounds) = (run.scale.sizes, run.scale.rounds);
    for (at, size) in sizes.iter().copied().enumerate() {
        let part = |round: usize| (at as f64 + round as f64 / rounds as f64) / sizes.len() as f64;
        run.progress.at(size, "building", part(0));
        let mut sides = run.build(peers::all(), size)?;
        let updates: Vec<usize> = sides
            .iter_mut()
            .map(|side| {
                let Side { peer, churn, .. } = side;
                2 * calls_that_fill(run.scale.update_turn, || {
                    for change in [churn.next(), churn.next()] {
                        peer.change(&[change.key], change.is_join);
                    }
                })
            })
            .collect();
        let mut timed: Vec<_> = sides.iter_mut().zip(updates).collect();
        let turns = alternate(&mut timed, rounds, |round, (side, updates)| {
            run.progress.at(size, side.kind.name, part(round));
            [time_updates(side, *updates), time_updates_and_looks(side, *updates)]
        });
        check_contents(&sides)?;
        answer.notes.extend(short_of_turns(size, &sides, &turns, rounds));
        for (place, metric) in METRICS.iter().enumerate() {
            answer.measures.extend(measures_of(QUESTION.name, size, metric, place, &sides, &turns));
        }
    }
    answer.notes.push(
        "groupscan keeps two indexes of the memberships here; its peers keep one. `groupscan (joins \
         alone)` does the same work as the peers."
            .into(),
    );
    Ok(answer)
}

fn time_updates(side: &mut Side, updates: usize) -> f64 {
    let changes = side.churn.prepare(updates);
    nanos_a_unit(updates, || {
        for change in &changes {
            side.peer.change(&[change.key], change.is_join);
        }
    })
}

fn time_updates_and_looks(side: &mut Side, updates: usize) -> f64 {
    let changes = side.churn.prepare(updates);
    let reader = side.peer.reader();
    nanos_a_unit(updates, || {
        for change in &changes {
            side.peer.change(&[change.key], change.is_join);
            assert_eq!(reader.contains(change.key), change.is_join, "{}", side.kind.name);
        }
    })
}
