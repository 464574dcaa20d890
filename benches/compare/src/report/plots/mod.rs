//! Plots, as SVG.
//!
//! Names are beside what they name, so a reader does not need to distinguish colours.

mod axis;
mod dots;
mod lines;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use self::axis::Axis;
use self::dots::{Dots, Mark, Series};
use self::lines::{Line, Lines};
use super::Answered;
use super::figures::joins;
use crate::measure::Measure;
use crate::peers::{self, Kind};
use crate::questions::{Answer, Course};

/// The width of all plots in pixels.
const WIDTH: u32 = 800;

const FONT: &str = "sans-serif";
/// Sizes of text in the drawing library's unit, which is 0.8 pixels.
const TEXT_SIZE: u32 = 17;
const TITLE_SIZE: u32 = 22;

/// Paul Tol's palette "muted" without the pale yellow. People with any colour vision can distinguish its
/// colours.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0xcc, 0x66, 0x77),
    RGBColor(0x33, 0x22, 0x88),
    RGBColor(0x11, 0x77, 0x33),
    RGBColor(0x44, 0xaa, 0x99),
    RGBColor(0xaa, 0x44, 0x99),
    RGBColor(0x66, 0xa5, 0xd0),
    RGBColor(0x88, 0x22, 0x55),
    RGBColor(0x99, 0x99, 0x33),
];

/// The names and texts of the plots for which there are answers.
pub fn all(answers: &[Answered]) -> Result<Vec<(&'static str, String)>> {
    let answer =
        |name: &str| answers.iter().find(|(asked, _)| asked.name == name).map(|(_, answer)| answer);
    let mut plots = Vec::new();
    if let Some(answer) = answer("enumerate") {
        plots.push(("enumerate.svg", enumerate(answer)?));
    }
    let changes: Vec<&Measure> =
        ["update", "batch"].into_iter().filter_map(answer).flat_map(|it| &it.measures).collect();
    if !changes.is_empty() {
        plots.push(("update.svg", update(&changes)?));
    }
    if let Some(answer) = answer("pause") {
        plots.push(("pause.svg", pause(answer)?));
    }
    if let Some(answer) = answer("parked") {
        plots.push(("parked.svg", parked(answer)?));
    }
    Ok(plots)
}

fn enumerate(answer: &Answer) -> Result<String> {
    let line = |kind: &'static Kind| {
        let of_kind = answer.measures.iter().filter(|measure| measure.peer.name == kind.name);
        let points = of_kind.map(|measure| (measure.size as f64, measure.value.median)).collect();
        Line { kind, points }
    };
    let lines: Vec<Line> = peers::that_enumerate().into_iter().map(line).collect();
    let sizes = lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)).collect();
    let nanos = lines.iter().flat_map(|line| line.points.iter().map(|point| point.1)).collect();
    let plot = Lines {
        title: "Enumerating all joins",
        x: Axis::sizes("joins", sizes),
        y: Axis::decades("ns a record", nanos),
        lines,
    };
    draw(520, |root| plot.draw(root))
}

fn parked(answer: &Answer) -> Result<String> {
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    let line = |course: &Course| Line {
        kind: course.peer,
        points: course.points.iter().map(|(seconds, bytes)| (*seconds, mib(*bytes))).collect(),
    };
    let lines: Vec<Line> = answer.courses.iter().map(line).collect();
    let seconds = lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)).collect();
    let memory = lines.iter().flat_map(|line| line.points.iter().map(|point| point.1)).collect();
    let plot = Lines {
        title: "Memory while five readers are parked, one after another",
        x: Axis::linear("seconds of changes", seconds),
        y: Axis::decades("MiB", memory),
        lines,
    };
    draw(420, |root| plot.draw(root))
}

fn update(measures: &[&Measure]) -> Result<String> {
    let mut series: Vec<Series<'_>> = Vec::new();
    for (metric, label) in
        [("update", "one update"), ("join in a batch", "a join in a batch of 1,000")]
    {
        let of_metric: Vec<&Measure> =
            measures.iter().copied().filter(|measure| measure.metric.name == metric).collect();
        let mut sizes: Vec<usize> = of_metric.iter().map(|measure| measure.size).collect();
        sizes.dedup();
        for size in sizes {
            let of_size = of_metric.iter().copied().filter(|measure| measure.size == size);
            series.push(Series {
                label: format!("{label}, {} joins", joins(size)),
                mark: Mark::ALL[series.len() % Mark::ALL.len()],
                measures: of_size.collect(),
            });
        }
    }
    let plot =
        Dots { title: "Changing a table", label: "time of a change", series, has_figures: false };
    draw(460, |root| plot.draw(root))
}

fn pause(answer: &Answer) -> Result<String> {
    let of_metric = |name: &str| -> Vec<&Measure> {
        answer.measures.iter().filter(|measure| measure.metric.name == name).collect()
    };
    let longest = of_metric("longest update");
    let size = longest.first().map_or(0, |measure| measure.size);
    let series = vec![
        Series {
            label: format!("the longest update of a round, {} joins", joins(size)),
            mark: Mark::Disc,
            measures: longest,
        },
        Series { label: "p99.9".into(), mark: Mark::Ring, measures: of_metric("update p99.9") },
    ];
    let plot = Dots {
        title: "Updates while a reader enumerates over and over",
        label: "time of an update",
        series,
        has_figures: true,
    };
    draw(440, |root| plot.draw(root))
}

type Root<'s> = DrawingArea<SVGBackend<'s>, plotters::coord::Shift>;

/// Draws on a white ground of this height in pixels.
fn draw(height: u32, plot: impl FnOnce(&Root<'_>) -> Result<()>) -> Result<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        plot(&root)?;
        root.present().map_err(failed)?;
    }
    Ok(text)
}

/// An error of the drawing library. Its own type cannot cross threads.
fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}

fn text_style(size: u32, colour: RGBColor) -> TextStyle<'static> {
    let style = TextStyle::from((FONT, size).into_font());
    TextStyle { color: colour.to_backend_color(), ..style }
}

/// The colour of a peer, the same in all plots. Ours is black.
fn colour(kind: &Kind) -> RGBColor {
    if kind.is_ours {
        return BLACK;
    }
    let others = peers::ALL.iter().filter(|other| !other.is_ours);
    let place = others.map(|other| other.name).position(|name| name == kind.name).unwrap_or(0);
    COLOURS[place % COLOURS.len()]
}
