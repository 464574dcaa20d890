//! The effect of a reader and a writer on each other.

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
use crate::report::figures::grouped;
use crate::rounds::alternate;

pub(super) const QUESTION: Question = Question {
    name: "beside-writer",
    title: "Enumerating beside a writer",
    text: "One thread enumerates all joins repeatedly. Another thread leaves a random join and \
           joins a new one, each in its own commit, as fast as it can. The preparation of the \
           changes is not timed. The writer is also timed without the reader.",
    plot: None,
    ask,
    seconds: |scale| {
        let turns = scale.rounds as f64 * peers::that_enumerate().len() as f64;
        scale.sizes.len() as f64 * (8.0 + turns * scale.window.as_secs_f64() * 2.2)
    },
};

/// The changes that are prepared at a time.
const PREPARED: usize = 1000;

static METRICS: [Metric; 3] = [
    Metric {
        name: "record beside a writer",
        unit: "ns",
        meaning: "Nanoseconds per record, beside the writer",
        better: Better::Lower,
    },
    Metric {
        name: "commits beside a reader",
        unit: "1/s",
        meaning: "The writer's commits per second, beside the reader",
        better: Better::Higher,
    },
    Metric {
        name: "commits alone",
        unit: "1/s",
        meaning: "The writer's commits per second, without a reader",
        better: Better::Higher,
    },
];

/// The result of a turn: the metrics, and 1 if the writer stopped before the reader was done.
type Turn = [f64; METRICS.len() + 1];

/// The place of that 1.
const IS_CUT: usize = METRICS.len();

fn ask(run: &mut Run<'_>) -> Result<Answer> {
    let mut answer = Answer::default();
    let (sizes, rounds) = (run.scale.sizes, run.scale.rounds);
    for (at, size) in sizes.iter().copied().enumerate() {
        let part = |round: usize| (at as f64 + round as f64 / rounds as f64) / sizes.len() as f64;
        run.progress.at(size, "building", part(0));
        let mut sides = run.build(peers::that_enumerate(), size)?;
        let turns = alternate(&mut sides, rounds, |round, side| {
            run.progress.at(size, side.kind.name, part(round));
            let (record, beside, is_cut) = beside_a_writer(side, run.scale.window, &mut run.page);
            [record, beside, write_alone(side, run.scale.window), f64::from(u8::from(is_cut))]
        });
        check_contents(&sides)?;
        answer.notes.extend(short_of_turns(size, &sides, &turns, rounds));
        answer.notes.extend(cut_short(size, &sides, &turns, run.scale.window));
        for (place, metric) in METRICS.iter().enumerate() {
            answer.measures.extend(measures_of(QUESTION.name, size, metric, place, &sides, &turns));
        }
    }
    answer.notes.push(
        "A peer whose enumeration does not show one point in time gives each record as it was when \
         the reader reached it, so it does not pay for a consistent view. With a lock, reader and \
         writer take turns."
            .into(),
    );
    Ok(answer)
}

/// Notes the peers whose readers had not finished one enumeration when the writer stopped.
fn cut_short(size: usize, sides: &[Side], turns: &[Vec<Turn>], window: Duration) -> Vec<String> {
    let cut = |turns: &[Turn]| turns.iter().filter(|turn| turn[IS_CUT] > 0.0).count();
    let sides = sides.iter().zip(turns).filter(|(_, turns)| cut(turns) > 0);
    sides
        .map(|(side, turns)| {
            format!(
                "In {} of its {} turns at {} joins, {} had not finished one enumeration when the \
                 writer stopped after {} ms. The time of a record then includes time without the \
                 writer, so it is a lower bound.",
                cut(turns),
                turns.len(),
                grouped(size as u64),
                side.kind.name,
                window.as_millis()
            )
        })
        .collect()
}

/// Enumerates for a window, and at least once, while another thread writes. Returns the nanoseconds
/// per record, the writer's commits per second, and whether the writer stopped before the first
/// enumeration was done.
fn beside_a_writer(side: &mut Side, window: Duration, page: &mut Page) -> (f64, f64, bool) {
    let (ready, ends) = (Barrier::new(3), AtomicBool::new(false));
    let Side { peer, churn, .. } = side;
    let peer = &**peer;
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            ready.wait();
            write(peer, churn, &ends)
        });
        // The writer's window ends whatever the reader does. If readers free what commits replaced, a
        // reader would never finish beside a writer that does not stop.
        scope.spawn(|| {
            ready.wait();
            thread::sleep(window);
            ends.store(true, Ordering::Relaxed);
        });
        let reader = peer.reader();
        let (mut records, mut is_cut) = (0, false);
        ready.wait();
        let start = Instant::now();
        while records == 0 || start.elapsed() < window {
            let is_first = records == 0;
            reader.enumerate(page, &mut |page| records += black_box(page).len());
            is_cut |= is_first && start.elapsed() > window;
        }
        let nanos = start.elapsed().as_nanos() as f64 / records as f64;
        (nanos, writer.join().expect("the writer does not panic"), is_cut)
    })
}

/// The commits per second without a reader.
fn write_alone(side: &mut Side, window: Duration) -> f64 {
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(window);
            ends.store(true, Ordering::Relaxed);
        });
        write(&*side.peer, &mut side.churn, &ends)
    })
}

/// Writes until it is told to end. Returns the commits per second.
fn write(peer: &dyn Peer, churn: &mut Churn, ends: &AtomicBool) -> f64 {
    let (mut time, mut commits) = (Duration::ZERO, 0);
    while !ends.load(Ordering::Relaxed) {
        let changes = churn.prepare(PREPARED);
        let mut made = 0;
        let start = Instant::now();
        for pair in changes.chunks_exact(2) {
            pair.iter().for_each(|change| peer.change(&[change.key], change.is_join));
            made += pair.len();
            if ends.load(Ordering::Relaxed) {
                break;
            }
        }
        time += start.elapsed();
        commits += made;
        churn.take_back(&changes[made..]);
    }
    commits as f64 / time.as_secs_f64()
}
