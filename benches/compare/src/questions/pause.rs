//! How long a reader can delay a writer.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Answer, Question, Run, Side, check_contents, measures_of, short_of_turns};
use crate::measure::{Better, Metric, Spread};
use crate::page::Page;
use crate::peers;
use crate::rounds::alternate;

pub(super) const QUESTION: Question = Question {
    name: "pause",
    title: "The longest update beside a reader",
    text: "One thread enumerates all joins repeatedly. Another thread updates, and each update is \
           timed. The figures of a round are those of all its updates; the table shows the medians \
           of the rounds. If the writer makes no progress, the reader leaves after a while.",
    plot: Some("pause.svg"),
    ask,
    seconds: |scale| {
        let turns = scale.rounds as f64 * peers::that_enumerate().len() as f64;
        8.0 + turns * scale.pause.as_secs_f64() * 1.05
    },
};

static METRICS: [Metric; 3] = [
    Metric {
        name: "longest update",
        unit: "ns",
        meaning: "The longest update of a round, in nanoseconds",
        better: Better::Lower,
    },
    Metric {
        name: "update p99.9",
        unit: "ns",
        meaning: "The p99.9 of the updates of a round, in nanoseconds",
        better: Better::Lower,
    },
    Metric {
        name: "update p50",
        unit: "ns",
        meaning: "The median of the updates of a round, in nanoseconds",
        better: Better::Lower,
    },
];

/// The result of a turn: the metrics, and the number of updates.
type Turn = [f64; METRICS.len() + 1];

/// The places of the longest update and of their number.
const LONGEST: usize = 0;
const UPDATES: usize = METRICS.len();

fn ask(run: &mut Run<'_>) -> Result<Answer> {
    let mut answer = Answer::default();
    let (size, rounds) = (run.scale.large, run.scale.rounds);
    run.progress.at(size, "building", 0.0);
    let mut sides = run.build(peers::that_enumerate(), size)?;
    let turns = alternate(&mut sides, rounds, |round, side| {
        run.progress.at(size, side.kind.name, round as f64 / rounds as f64);
        update_beside_a_reader(side, run.scale.pause, run.scale.patience, &mut run.page)
    });
    check_contents(&sides)?;
    answer.notes.extend(short_of_turns(size, &sides, &turns, rounds));
    for (place, metric) in METRICS.iter().enumerate() {
        answer.measures.extend(measures_of(QUESTION.name, size, metric, place, &sides, &turns));
    }
    answer.notes.push(
        "The longest update of a round also includes the machine's longest interruption.".into(),
    );
    answer.notes.extend(few_updates(&sides, &turns));
    answer.notes.extend(starved(&sides, &turns, run.scale.patience));
    Ok(answer)
}

/// Notes the peers whose writer waited until the reader left.
fn starved(sides: &[Side], turns: &[Vec<Turn>], patience: Duration) -> Vec<String> {
    let nearly = patience.as_nanos() as f64 * 0.9;
    let starved = |turns: &[Turn]| turns.iter().filter(|turn| turn[LONGEST] > nearly).count();
    let sides = sides.iter().zip(turns).filter(|(_, turns)| starved(turns) > 0);
    sides
        .map(|(side, turns)| {
            format!(
                "In {} of its {} rounds, an update of {} waited until the reader left, {} s after \
                 the start. Otherwise it would have waited longer: a reader that returns \
                 immediately overtakes a writer that has been woken.",
                starved(turns),
                turns.len(),
                side.kind.name,
                patience.as_secs_f64()
            )
        })
        .collect()
}

/// Notes the peers with so few updates that a quantile is a single update.
fn few_updates(sides: &[Side], turns: &[Vec<Turn>]) -> Vec<String> {
    let updates = |turns: &[Turn]| {
        Spread::of(&turns.iter().map(|turn| turn[UPDATES]).collect::<Vec<_>>()).median
    };
    let sides = sides.iter().zip(turns).filter(|(_, turns)| updates(turns) < 2000.0);
    sides
        .map(|(side, turns)| {
            format!(
                "{} made {:.0} updates in a round (median of {} rounds), so its p99.9 is nearly or \
                 exactly the longest update.",
                side.kind.name,
                updates(turns),
                turns.len()
            )
        })
        .collect()
}

/// The longest, the p99.9 and the median time of the updates in a window, and their number. `patience` is
/// the longest time that the reader stays.
fn update_beside_a_reader(
    side: &mut Side,
    window: Duration,
    patience: Duration,
    page: &mut Page,
) -> Turn {
    let (ready, ends) = (Barrier::new(2), AtomicBool::new(false));
    let Side { peer, churn, .. } = side;
    let peer = &**peer;
    thread::scope(|scope| {
        scope.spawn(|| {
            let reader = peer.reader();
            ready.wait();
            let start = Instant::now();
            while !ends.load(Ordering::Relaxed) && start.elapsed() < patience {
                reader.enumerate(page, &mut |records| _ = black_box(records));
            }
        });
        let mut nanos = Vec::with_capacity(1 << 22);
        ready.wait();
        let start = Instant::now();
        while start.elapsed() < window {
            for change in [churn.next(), churn.next()] {
                let start = Instant::now();
                peer.change(&[change.key], change.is_join);
                nanos.push(start.elapsed().as_nanos() as f64);
            }
        }
        ends.store(true, Ordering::Relaxed);
        nanos.sort_unstable_by(f64::total_cmp);
        [quantile(&nanos, 1000), quantile(&nanos, 999), quantile(&nanos, 500), nanos.len() as f64]
    })
}

/// The least value that the given thousandths of the values do not exceed.
fn quantile(sorted: &[f64], thousandths: usize) -> f64 {
    sorted[(sorted.len() * thousandths).div_ceil(1000) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_values_are_not_the_least() {
        let thousand: Vec<f64> = (1..=1000).map(f64::from).collect();
        assert_eq!([1000, 999, 500].map(|part| quantile(&thousand, part)), [1000.0, 999.0, 500.0]);
        assert_eq!([1000, 999, 500].map(|part| quantile(&[1.0, 9.0], part)), [9.0, 9.0, 1.0]);
        assert_eq!(quantile(&[7.0], 999), 7.0);
    }
}
