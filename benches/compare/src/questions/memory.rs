//! What a join takes.

use anyhow::Result;

use super::{Answer, Question, Run};
use crate::allocator::Count;
use crate::check;
use crate::joins::Random;
use crate::measure::{Better, Metric, measures};
use crate::peers;
use crate::report::figures::joins;

pub(super) const QUESTION: Question = Question {
    name: "memory",
    title: "Bytes an entry",
    text: "Bytes in use by a table that was filled in random order, divided by its joins: what the \
           allocator gave and did not get back, as it was asked for, and groupscan's nodes, which it \
           maps itself. What allocators add is not in it.",
    plot: None,
    ask,
    seconds: |scale| scale.sizes.iter().map(|size| *size as f64 * 1.2e-5).sum(),
};

static ENTRY: Metric =
    Metric { name: "entry", unit: "bytes", meaning: "Bytes an entry", better: Better::Lower };

fn ask(run: &mut Run<'_>) -> Result<Answer> {
    let mut answer = Answer::default();
    for size in run.scale.sizes.iter().copied() {
        let keys = Random::new().keys(size);
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        let mut figures = Vec::new();
        for (at, kind) in peers::ALL.iter().enumerate() {
            run.progress.at(size, kind.name, at as f64 / peers::ALL.len() as f64);
            let count = Count::start();
            let peer = (kind.build)(&keys);
            let nodes = peer.nodes();
            let bytes = count.live_bytes() + nodes.map_or(0, |nodes| nodes.in_use_bytes);
            drop(count);
            check::contents(kind, &*peer, &sorted)?;
            figures.push((kind, vec![bytes as f64 / size as f64]));
            if let Some(mapped) = nodes.and_then(|nodes| nodes.mapped_bytes) {
                answer.notes.push(format!(
                    "{} has {:.1} bytes an entry mapped at {} joins: its nodes, and what is free for more.",
                    kind.name,
                    mapped as f64 / size as f64,
                    joins(size)
                ));
            }
        }
        answer.measures.extend(measures(QUESTION.name, size, &ENTRY, &figures));
    }
    answer.notes.push(
        "groupscan keeps three sets of the memberships, and its peers one; left-right has that one \
         twice."
            .into(),
    );
    Ok(answer)
}
