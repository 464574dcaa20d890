//! The memory of a join.

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
    title: "Bytes per entry",
    text: "Bytes in use by a table that was filled in random order, divided by its joins. They \
           include the requested bytes that the allocator gave and did not get back, and \
           groupscan's nodes, which it maps itself. They exclude the allocator's overhead.",
    plot: None,
    ask,
    seconds: |scale| scale.sizes.iter().map(|size| *size as f64 * 1.2e-5).sum(),
};

static ENTRY: Metric =
    Metric { name: "entry", unit: "bytes", meaning: "Bytes per entry", better: Better::Lower };

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
                    "{} maps {:.1} bytes per entry at {} joins: its nodes, and free memory for more.",
                    kind.name,
                    mapped as f64 / size as f64,
                    joins(size)
                ));
            }
        }
        answer.measures.extend(measures(QUESTION.name, size, &ENTRY, &figures));
    }
    answer.notes.push(
        "groupscan keeps two indexes of the memberships here; its peers keep one, and left-right has two \
         copies of it."
            .into(),
    );
    Ok(answer)
}
