//! The cost of readers that begin to enumerate and then stop.
//!
//! # The bound
//!
//! A node in use that the current version does not reach is on the list of a parked version that reaches
//! it, or waits to be reclaimed. So these are at most the nodes of all parked versions, counted when each
//! was current, and the waiting nodes. Versions in between die with the commit that replaces them, and each
//! commit reclaims at least twice as many nodes as it replaced. So at most the nodes that the last commit
//! replaced wait after it: a path in each tree, and the neighbours of nodes that were split or merged.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Answer, Course, Question, Run};
use crate::allocator::Count;
use crate::joins::{Churn, Random};
use crate::measure::{Better, Metric, measures};
use crate::page::{Page, Record};
use crate::peers::{self, Kind, Nodes, Parked, Peer, View};
use crate::report::figures::grouped;
use crate::scale::Scale;

/// The readers that are parked.
const READERS: usize = 5;

/// The interval between samples of memory.
const SAMPLING: Duration = Duration::from_millis(250);

/// The largest number of nodes that wait to be reclaimed after a commit of one change.
const WAITING_NODES: usize = 64;

/// The bytes of the largest node.
const NODE_BYTES: usize = 4160;

pub(super) const QUESTION: Question = Question {
    name: "parked",
    title: "Memory while readers are parked",
    text: "One thread leaves a random join and joins a new one, each in its own commit, as fast as \
           it can. One enumeration begins before the first change, and four more begin at regular \
           intervals. They stop after their first page. After the changes they continue, and all \
           their records are compared with the table's contents when they began. Each peer has one \
           run. Bytes in use are counted as above. The allocator's count makes allocations a little \
           slower here, and the time includes the preparation of the changes.",
    plot: Some("parked.svg"),
    ask,
    seconds: |scale| 4.0 * (scale.parked.as_secs_f64() + scale.large as f64 * 3e-6),
};

static METRICS: [Metric; 3] = [
    Metric { name: "most", unit: "MiB", meaning: "Peak MiB in use", better: Better::Lower },
    Metric {
        name: "growth",
        unit: "times",
        meaning: "Peak MiB in use, over the MiB in use before the first change",
        better: Better::Lower,
    },
    Metric { name: "commits", unit: "1/s", meaning: "Commits per second", better: Better::Higher },
];

fn ask(run: &mut Run<'_>) -> Result<Answer> {
    let mut answer = Answer::default();
    let has_snapshots = |kind: &&Kind| kind.enumerates && kind.view == View::Snapshot;
    let kinds: Vec<&'static Kind> = peers::ALL.iter().filter(has_snapshots).collect();
    let mut figures: [Vec<_>; METRICS.len()] = Default::default();
    for (at, kind) in kinds.iter().copied().enumerate() {
        let part = at as f64 / kinds.len() as f64;
        let end = churn_beside_parked(run, kind, part, 1.0 / kinds.len() as f64)?;
        for (figures, value) in figures.iter_mut().zip(end.figures) {
            figures.push((kind, vec![value]));
        }
        answer.notes.extend(end.notes);
        answer.courses.push(Course { peer: kind, points: end.points });
    }
    for (metric, figures) in METRICS.iter().zip(&figures) {
        answer.measures.extend(measures(QUESTION.name, run.scale.large, metric, figures));
    }
    for (view, consequence) in [
        (View::StopsWriters, "a parked reader blocks the writer while it is parked"),
        (View::Missing, "a view cannot be parked"),
    ] {
        let names: Vec<&str> =
            peers::ALL.iter().filter(|kind| kind.view == view).map(|kind| kind.name).collect();
        answer.notes.push(format!("{}: {consequence}.", names.join(", ")));
    }
    answer.notes.push(
        "concread frees replaced nodes in the order of the commits, so its oldest reader retains \
         everything replaced since it began."
            .into(),
    );
    Ok(answer)
}

/// The result of one peer's run.
struct End {
    /// In the order of the metrics.
    figures: [f64; METRICS.len()],
    points: Vec<(f64, usize)>,
    notes: Vec<String>,
}

/// A parked reader, what it has given so far, and what it must have given at the end.
struct Reader<'p> {
    parked: Box<dyn Parked + 'p>,
    given: Digest,
    expected: Digest,
}

impl<'p> Reader<'p> {
    /// Begins to enumerate the table, whose contents the churn knows. `None` if the peer has no snapshots.
    fn park(peer: &'p dyn Peer, churn: &Churn, page: &mut Page) -> Option<Self> {
        let expected = Digest::of(&churn.sorted_keys());
        let mut given = Digest::default();
        let parked = peer.park(page, &mut |records| given.add(records))?;
        Some(Self { parked, given, expected })
    }

    /// Continues to the end, and compares what was given with the table's contents at the start.
    fn finish(self, kind: &Kind, page: &mut Page) -> Result<()> {
        let Self { parked, mut given, expected } = self;
        parked.finish(page, &mut |records| given.add(records));
        ensure!(given == expected, "a parked reader of {} was given another table", kind.name);
        Ok(())
    }
}

/// The number of records, and a hash of them in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Digest {
    records: usize,
    hash: u64,
}

impl Digest {
    fn add(&mut self, records: &[Record]) {
        for record in records {
            for word in record.words() {
                // FNV's multiplier; the rotation makes the high bits matter.
                let mixed = self.hash.rotate_left(5) ^ u64::from(word);
                self.hash = mixed.wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        self.records += records.len();
    }

    /// The digest of the records of ascending keys.
    fn of(keys: &[u64]) -> Self {
        let mut digest = Self::default();
        keys.iter().for_each(|key| digest.add(&[Record::new(*key)]));
        digest
    }
}

/// Changes a table while readers are parked, samples its memory, and then resumes the readers.
fn churn_beside_parked(
    run: &mut Run<'_>,
    kind: &'static Kind,
    part: f64,
    share: f64,
) -> Result<End> {
    let Scale { large: size, parked, park_every, parked_limit_bytes, .. } = *run.scale;
    run.progress.at(size, kind.name, part);
    let keys = Random::new().keys(size);
    let mut churn = Churn::new(size);
    let mut points =
        Vec::with_capacity((parked.as_secs_f64() / SAMPLING.as_secs_f64()) as usize + 2);
    let mut bound = Bound::default();
    let count = Count::start();
    let peer = (kind.build)(&keys);
    let mut readers = Vec::with_capacity(READERS);
    let in_use =
        |nodes: Option<Nodes>| count.live_bytes() + nodes.map_or(0, |nodes| nodes.in_use_bytes);
    let before = in_use(peer.nodes());

    let start = Instant::now();
    let mut commits: u64 = 0;
    let ran = loop {
        let now = start.elapsed();
        if !churn.is_in_between() {
            let sampled = points.len() as u32;
            if now >= SAMPLING * sampled || now >= parked {
                let nodes = peer.nodes();
                points.push((now.as_secs_f64(), in_use(nodes)));
                bound.check(nodes)?;
                run.progress.at(size, kind.name, part + share * now.div_duration_f64(parked));
            }
            if now >= parked || points.last().is_some_and(|last| last.1 > parked_limit_bytes) {
                break now;
            }
            if readers.len() < READERS && now >= park_every * readers.len() as u32 {
                readers.extend(Reader::park(&*peer, &churn, &mut run.page));
                bound.park(peer.nodes());
            }
        }
        let change = churn.next();
        peer.change(&[change.key], change.is_join);
        commits += 1;
    };
    drop(count);

    let parked_readers = readers.len();
    for reader in readers {
        reader.finish(kind, &mut run.page)?;
    }
    let most = points.iter().map(|point| point.1).max().unwrap_or(before);
    let mut notes = bound.note(kind);
    if ran < parked {
        notes.push(format!(
            "{} was stopped after {:.1} s and {} commits, with {parked_readers} readers parked: \
             {:.0} MiB were in use, and the limit of a run is {:.0} MiB.",
            kind.name,
            ran.as_secs_f64(),
            grouped(commits),
            mib(most),
            mib(parked_limit_bytes)
        ));
    }
    let figures = [mib(most), most as f64 / before as f64, commits as f64 / ran.as_secs_f64()];
    Ok(End { figures, points, notes })
}

fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The bound on groupscan's nodes, and how close to it they came.
#[derive(Default)]
struct Bound {
    /// The bytes of the nodes of all parked versions.
    parked_bytes: usize,
    parked: usize,
    /// The most bytes of nodes that were in use, and the bound at that time.
    most: Option<(usize, usize)>,
}

impl Bound {
    /// Records that the current version was parked.
    fn park(&mut self, nodes: Option<Nodes>) {
        if let Some(nodes) = nodes {
            self.parked_bytes += nodes.in_use_bytes - nodes.retained_bytes;
            self.parked += 1;
        }
    }

    /// Checks the nodes in use after a commit.
    fn check(&mut self, nodes: Option<Nodes>) -> Result<()> {
        let Some(nodes) = nodes else {
            return Ok(());
        };
        let current_bytes = nodes.in_use_bytes - nodes.retained_bytes;
        let waiting_bytes = WAITING_NODES * NODE_BYTES;
        let bound = current_bytes + self.parked_bytes + waiting_bytes;
        ensure!(
            nodes.in_use_bytes <= bound,
            "groupscan has {} bytes of nodes in use, above the bound of {bound}",
            nodes.in_use_bytes
        );
        if self.most.is_none_or(|(most, _)| nodes.in_use_bytes > most) {
            self.most = Some((nodes.in_use_bytes, bound));
        }
        Ok(())
    }

    fn note(&self, kind: &Kind) -> Vec<String> {
        let note = |(most, bound): (usize, usize)| {
            format!(
                "{} had a peak of {:.1} MiB of nodes in use. The bound was {:.1} MiB: the current \
                 version, each of the {} parked versions without sharing, and {WAITING_NODES} nodes \
                 that wait to be reclaimed. It was checked at every sample.",
                kind.name,
                mib(most),
                mib(bound),
                self.parked
            )
        };
        self.most.map(note).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_orders_and_records_apart() {
        assert_eq!(Digest::of(&[1, 2, 3]), Digest::of(&[1, 2, 3]));
        let others: [&[u64]; 4] = [&[1, 3, 2], &[1, 2], &[1, 2, 4], &[1 << 32, 2, 3]];
        for other in others {
            assert_ne!(Digest::of(&[1, 2, 3]), Digest::of(other));
        }
        let mut pieces = Digest::of(&[1, 2]);
        pieces.add(&[Record::new(3)]);
        assert_eq!(pieces, Digest::of(&[1, 2, 3]));
    }

    #[test]
    fn more_nodes_than_the_bound_are_an_error() {
        let nodes = |in_use_bytes, retained_bytes| {
            Some(Nodes { in_use_bytes, retained_bytes, mapped_bytes: None })
        };
        let slack = WAITING_NODES * NODE_BYTES;
        let mut bound = Bound::default();
        bound.check(nodes(1 << 20, slack)).unwrap();
        bound.check(nodes(1 << 20, slack + 1)).unwrap_err();
        bound.park(nodes(1 << 20, 0));
        bound.check(nodes(2 << 20, slack + (1 << 20))).unwrap();
        bound.check(nodes(2 << 20, slack + (1 << 20) + 1)).unwrap_err();
        assert_eq!(bound.most, Some((2 << 20, 2 << 20)));
    }
}
