//! The page to read.

use std::fmt::Write;

use super::figures::{figure, joins, quartiles};
use super::{Answered, machine};
use crate::measure::{Better, Measure, Metric};
use crate::peers::{self, View};
use crate::questions::Answer;
use crate::scale::Scale;

pub fn page(scale: &Scale, is_quick: bool, answers: &[Answered]) -> String {
    let mut text = head(scale, is_quick);
    text.push_str(&peers_table());
    for (question, answer) in answers {
        let _ = write!(text, "\n## {}\n\n{}\n", question.title, question.text);
        if let Some(plot) = question.plot {
            let _ = write!(text, "\n![{}]({plot})\n", question.title);
        }
        text.push_str(&body(answer));
    }
    text
}

fn head(scale: &Scale, is_quick: bool) -> String {
    let features = if cfg!(feature = "mimalloc") { " --features mimalloc" } else { "" };
    let mut text = format!(
        "# groupscan and the usual alternatives\n\n\
         Written by `cargo run --release -p groupscan-compare{features}`, with \
         `comparison.csv` and the plots.\n\n\
         Machine: {}.\n\n",
        machine::sentence()
    );
    if is_quick {
        text.push_str(
            "**A quick run**: small tables and few short rounds. It shows that everything works, \
             but little about speed.\n\n",
        );
    }
    let many = scale.enumerated.iter().find(|size| scale.rounds_at(**size) < scale.rounds);
    let fewer = many.map_or_else(String::new, |size| {
        format!(", and {} from {} joins on", scale.rounds_at(*size), joins(*size))
    });
    let _ = write!(
        text,
        "All sides hold the same joins: random groups and sources, added in random order. An \
         enumeration fills a buffer of 64 KiB with whole records of 16 bytes in network byte order, \
         repeatedly until all records are given. At each size, the records of a side are checked \
         before the timing, and its contents after updates.\n\n\
         groupscan maps the memory of its nodes itself and requests huge pages for it. The nodes of \
         the others come from the allocator.\n\n\
         In each round every side has one turn, in random order. A turn takes at least {} ms unless \
         a question states another time. There are {} rounds{}. Tables show the medians of the \
         rounds with their quartiles, the best first. They also show the median and the quartiles \
         of the rounds' own ratios: a peer's figure over groupscan's in the same round. A line \
         *Lost* names each case in which a peer beats groupscan.\n",
        scale.turn.as_millis(),
        scale.rounds,
        fewer
    );
    text
}

fn peers_table() -> String {
    let mut text = "\n## The peers\n\n\
        | peer | what it is | version | one point in time | ordered | batch visible at once | \
        view kept between calls |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    let yes_or_no = |is: bool| if is { "yes" } else { "**no**" };
    for kind in &peers::ALL {
        let view = match kind.view {
            View::Snapshot => "yes",
            View::StopsWriters => "**only while writers wait**",
            View::Missing => "**no**",
        };
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} | {view} |",
            kind.name,
            kind.about,
            machine::versions(kind),
            yes_or_no(kind.is_of_one_time),
            yes_or_no(kind.is_ordered),
            yes_or_no(kind.has_batches),
        );
    }
    text
}

/// The tables of an answer, the lost cases, and the notes.
fn body(answer: &Answer) -> String {
    let mut text = String::new();
    let mut metrics: Vec<&'static Metric> = Vec::new();
    let mut sizes = Vec::new();
    for measure in &answer.measures {
        if !metrics.contains(&measure.metric) {
            metrics.push(measure.metric);
        }
        if !sizes.contains(&measure.size) {
            sizes.push(measure.size);
        }
    }
    for metric in metrics {
        let of_metric = |measure: &&Measure| measure.metric == metric;
        let measures: Vec<&Measure> = answer.measures.iter().filter(of_metric).collect();
        let _ = write!(text, "\n**{}**\n\n", metric.meaning);
        if sizes.len() > 2 {
            text.push_str(&overview(&measures, &sizes));
            text.push('\n');
        }
        text.push_str(&details(&measures, &sizes));
        text.push_str(&lost(&measures));
    }
    for note in &answer.notes {
        let _ = write!(text, "\n{note}\n");
    }
    text
}

/// Peers by sizes: the figure, and its ratio to groupscan's.
fn overview(measures: &[&Measure], sizes: &[usize]) -> String {
    let mut text = "| peer |".to_owned();
    sizes.iter().for_each(|size| _ = write!(text, " {} |", joins(*size)));
    let _ = write!(text, "\n|---|{}\n", "---|".repeat(sizes.len()));
    for kind in &peers::ALL {
        let of_kind: Vec<&&Measure> =
            measures.iter().filter(|measure| measure.peer.name == kind.name).collect();
        if of_kind.is_empty() {
            continue;
        }
        let _ = write!(text, "| {} |", name(of_kind[0]));
        for size in sizes {
            match of_kind.iter().find(|measure| measure.size == *size) {
                Some(measure) => {
                    let ratio = figure(measure.ratio.median);
                    let _ = write!(text, " {} ({ratio} ×) |", figure(measure.value.median));
                }
                None => text.push_str(" – |"),
            }
        }
        text.push('\n');
    }
    text
}

/// All figures with their quartiles, by sizes, the best first.
fn details(measures: &[&Measure], sizes: &[usize]) -> String {
    let mut text = "| joins | peer | median | quartiles | to groupscan | quartiles |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for size in sizes {
        let mut of_size: Vec<&&Measure> =
            measures.iter().filter(|measure| measure.size == *size).collect();
        of_size.sort_by(|a, b| {
            let ascending = a.value.median.total_cmp(&b.value.median);
            if a.metric.better == Better::Higher { ascending.reverse() } else { ascending }
        });
        for measure in of_size {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                joins(*size),
                name(measure),
                figure(measure.value.median),
                quartiles(&measure.value),
                figure(measure.ratio.median),
                quartiles(&measure.ratio)
            );
        }
    }
    text
}

/// The cases in which a peer beats groupscan.
fn lost(measures: &[&Measure]) -> String {
    let mut text = String::new();
    for measure in measures.iter().filter(|measure| measure.is_lost()) {
        let ratio = measure.ratio.median;
        let times = if ratio < 1.0 { 1.0 / ratio } else { ratio };
        if text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "- Lost: `{}` at {} joins, {} {}, {} times better.",
            measure.peer.name,
            joins(measure.size),
            figure(measure.value.median),
            measure.metric.unit,
            figure(times)
        );
    }
    text
}

/// The peer's name. Ours are bold.
fn name(measure: &Measure) -> String {
    let name = measure.peer.name;
    if measure.peer.is_ours { format!("**{name}**") } else { format!("`{name}`") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::measures;

    #[test]
    fn the_better_side_stands_first_and_is_lost_to() {
        static FASTER: Metric =
            Metric { name: "a", unit: "ns", meaning: "ns an a", better: Better::Lower };
        static MORE: Metric =
            Metric { name: "b", unit: "1/s", meaning: "b a second", better: Better::Higher };
        let [ours, alone, theirs] = [0, 1, 2].map(|at| &peers::ALL[at]);
        for (metric, values) in [(&FASTER, [2.0, 0.5, 1.0]), (&MORE, [1.0, 4.0, 2.0])] {
            let peers: Vec<_> =
                [ours, alone, theirs].into_iter().zip(values.map(|value| vec![value])).collect();
            let answer =
                Answer { measures: measures("q", 1 << 10, metric, &peers), ..Answer::default() };
            let text = body(&answer);
            let place = |name: &str| text.find(name).unwrap_or_else(|| panic!("{name} in {text}"));
            let order = ["joins alone", "`ArcSwap<Vec>` |", "**groupscan**"].map(place);
            assert!(order.is_sorted(), "{text}");
            assert_eq!(text.matches("Lost: ").count(), 1);
            assert!(text.contains("Lost: `ArcSwap<Vec>` at 1 Ki joins"), "{text}");
            assert!(text.contains("2.00 times better"), "{text}");
        }
    }
}
