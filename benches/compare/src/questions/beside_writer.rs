//! What a reader and a writer do to each other.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Answer, Question, Run, Side, check_contents, measures_of, short_of_turns};
use crate::joins::Churn;
use crate::measure::{Better, Metric};
use crate::page::Page;
use crate::peers::{self, Peer};
use crate::rounds::alternate;

pub(super) const QUESTION: Question = Question {
    name: "beside-writer",
    title: "Enumerating beside a writer",
    text: "One thread enumerates all joins over and over. Another one leaves a random join and joins \
           a new one, each with a commit of its own, as fast as it can. The writer is timed without \
           the reader, too.",
    plot: None,
    ask,
    seconds: |scale| {
        let turns = scale.rounds as f64 * peers::that_enumerate().len() as f64;
        scale.sizes.len() as f64 * (8.0 + turns * scale.window.as_secs_f64() * 2.2)
    },
};

static METRICS: [Metric; 3] = [
    Metric {
        name: "record beside a writer",
        unit: "ns",
        meaning: "Nanoseconds a record, beside the writer",
        better: Better::Lower,
    },
    Metric {
        name: "commits beside a reader",
        unit: "1/s",
        meaning: "The writer's commits a second, beside the reader",
        better: Better::Higher,
    },
    Metric {
        name: "commits alone",
        unit: "1/s",
        meaning: "The writer's commits a second, with no reader",
        better: Better::Higher,
    },
];

fn ask(run: &mut Run<'_>) -> Result<Answer> {
    let mut answer = Answer::default();
    let (sizes, rounds) = (run.scale.sizes, run.scale.rounds);
    for (at, size) in sizes.iter().copied().enumerate() {
        let part = |round: usize| (at as f64 + round as f64 / rounds as f64) / sizes.len() as f64;
        run.progress.at(size, "building", part(0));
        let mut sides = run.build(peers::that_enumerate(), size)?;
        let turns = alternate(&mut sides, rounds, |round, side| {
            run.progress.at(size, side.kind.name, part(round));
            let (record, beside) = beside_a_writer(side, run.scale.window, &mut run.page);
            let never = AtomicBool::new(false);
            [record, beside, write(&*side.peer, &mut side.churn, &never, run.scale.window)]
        });
        check_contents(&sides)?;
        answer.notes.extend(short_of_turns(size, &sides, &turns, rounds));
        for (place, metric) in METRICS.iter().enumerate() {
            answer.measures.extend(measures_of(QUESTION.name, size, metric, place, &sides, &turns));
        }
    }
    answer.notes.push(
        "A peer whose enumeration is not of one point in time gives a record for what was there when \
         it came by, and has no one moment to wait for. A peer with a lock lets the two take turns."
            .into(),
    );
    Ok(answer)
}

/// Enumerates for a window, and at least once, while another thread writes. Returns the nanoseconds
/// of a record, and the writer's commits a second.
fn beside_a_writer(side: &mut Side, window: Duration, page: &mut Page) -> (f64, f64) {
    let (ready, ends) = (Barrier::new(2), AtomicBool::new(false));
    let Side { peer, churn, .. } = side;
    let peer = &**peer;
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            ready.wait();
            // No longer than the window: where readers free what commits replaced, a reader would
            // never be done with a writer that does not stop.
            write(peer, churn, &ends, window)
        });
        let reader = peer.reader();
        let mut records = 0;
        ready.wait();
        let start = Instant::now();
        while records == 0 || start.elapsed() < window {
            reader.enumerate(page, &mut |page| records += black_box(page).len());
        }
        let nanos = start.elapsed().as_nanos() as f64 / records as f64;
        ends.store(true, Ordering::Relaxed);
        (nanos, writer.join().expect("the writer does not panic"))
    })
}

/// Writes until it is told to end, or for a window. Returns the commits a second.
fn write(peer: &dyn Peer, churn: &mut Churn, ends: &AtomicBool, window: Duration) -> f64 {
    let start = Instant::now();
    let mut commits = 0;
    while !ends.load(Ordering::Relaxed) && start.elapsed() < window {
        for change in [churn.next(), churn.next()] {
            peer.change(&[change.key], change.is_join);
            commits += 1;
        }
    }
    f64::from(commits) / start.elapsed().as_secs_f64()
}
