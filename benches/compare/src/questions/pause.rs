//! How long a reader can hold up a writer.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Answer, Question, Run, Side, check_contents, measures_of, short_of_turns};
use crate::measure::{Better, Metric};
use crate::page::Page;
use crate::peers;
use crate::rounds::alternate;

pub(super) const QUESTION: Question = Question {
    name: "pause",
    title: "The longest update beside a reader",
    text: "One thread enumerates all joins over and over. Another one updates, and the time of each \
           single update is taken. The figures of a round are those of all its updates; in the table \
           are the medians of the rounds.",
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

fn ask(run: &mut Run<'_>) -> Result<Answer> {
    let mut answer = Answer::default();
    let (size, rounds) = (run.scale.large, run.scale.rounds);
    run.progress.at(size, "building", 0.0);
    let mut sides = run.build(peers::that_enumerate(), size)?;
    let turns = alternate(&mut sides, rounds, |round, side| {
        run.progress.at(size, side.kind.name, round as f64 / rounds as f64);
        update_beside_a_reader(side, run.scale.pause, &mut run.page)
    });
    check_contents(&sides)?;
    answer.notes.extend(short_of_turns(size, &sides, &turns, rounds));
    for (place, metric) in METRICS.iter().enumerate() {
        answer.measures.extend(measures_of(QUESTION.name, size, metric, place, &sides, &turns));
    }
    answer.notes.push(
        "The longest update of a round has the machine's longest interruption in it, too. A writer that \
         waits for a lock waits rarely, and then for a whole enumeration: that shows in the longest \
         update and not in p99.9."
            .into(),
    );
    Ok(answer)
}

/// The longest, the p99.9 and the median time of the updates that fit a window.
fn update_beside_a_reader(side: &mut Side, window: Duration, page: &mut Page) -> [f64; 3] {
    let (ready, ends) = (Barrier::new(2), AtomicBool::new(false));
    let Side { peer, churn, .. } = side;
    let peer = &**peer;
    thread::scope(|scope| {
        scope.spawn(|| {
            let reader = peer.reader();
            ready.wait();
            while !ends.load(Ordering::Relaxed) {
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
        let last = nanos.len() - 1;
        [nanos[last], nanos[last * 999 / 1000], nanos[last / 2]]
    })
}
