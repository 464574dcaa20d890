//! Nanoseconds as dots on a logarithmic axis, one row per peer.

use anyhow::Result;
use plotters::element::DynElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::super::figures::duration;
use super::axis::Axis;
use super::{Root, TEXT_SIZE, TITLE_SIZE, colour, failed, text_style};
use crate::measure::Measure;
use crate::peers::Kind;

/// The pixels on the left for the peers' names.
const NAMES: u32 = 210;

pub(super) struct Dots<'m> {
    pub title: &'static str,
    pub label: &'static str,
    pub series: Vec<Series<'m>>,
    /// Whether the first series' figures stand beside its dots.
    pub has_figures: bool,
}

/// A figure of all peers.
pub(super) struct Series<'m> {
    pub label: String,
    pub mark: Mark,
    pub measures: Vec<&'m Measure>,
}

/// The mark of a value.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Ring,
    Disc,
    Triangle,
    Cross,
}

impl Mark {
    pub(super) const ALL: [Self; 4] = [Self::Ring, Self::Disc, Self::Triangle, Self::Cross];

    fn element<'e>(
        self,
        at: (i32, i32),
        colour: RGBColor,
    ) -> DynElement<'e, SVGBackend<'e>, (i32, i32)> {
        let (stroke, fill) = (colour.stroke_width(2), colour.filled());
        match self {
            Self::Ring => (EmptyElement::at(at) + Circle::new((0, 0), 5, stroke)).into_dyn(),
            Self::Disc => (EmptyElement::at(at) + Circle::new((0, 0), 6, fill)).into_dyn(),
            Self::Triangle => {
                (EmptyElement::at(at) + TriangleMarker::new((0, 0), 7, fill)).into_dyn()
            }
            Self::Cross => (EmptyElement::at(at) + Cross::new((0, 0), 5, stroke)).into_dyn(),
        }
    }
}

impl Dots<'_> {
    pub(super) fn draw(&self, root: &Root<'_>) -> Result<()> {
        let rows = self.rows();
        let values = self.series.iter().flat_map(|series| &series.measures);
        let axis =
            Axis::durations(self.label, values.map(|measure| measure.value.median).collect());
        let (head, body) = root.split_vertically(40 + 22 * self.series.len() as u32);
        let title = text_style(TITLE_SIZE, BLACK);
        head.draw(&Text::new(self.title, (16, 14), title)).map_err(failed)?;
        let mut chart = ChartBuilder::on(&body)
            .margin(12)
            .margin_right(80)
            .x_label_area_size(48)
            .y_label_area_size(NAMES)
            .build_cartesian_2d(axis.clone(), rows.len() as f64 - 0.5..-0.5)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_labels(20)
            .y_labels(0)
            .disable_y_mesh()
            .max_light_lines(0)
            .bold_line_style(BLACK.mix(0.12))
            .axis_style(BLACK.mix(0.6))
            .label_style(text_style(TEXT_SIZE, BLACK))
            .axis_desc_style(text_style(TEXT_SIZE, BLACK))
            .x_desc(axis.label)
            .draw()
            .map_err(failed)?;
        let pixel = |value: f64, row: usize| chart.backend_coord(&(value, row as f64));
        for (row, kind) in rows.iter().enumerate() {
            let (_, y) = pixel(1.0, row);
            draw_name(root, kind, y)?;
        }
        for (at, series) in self.series.iter().enumerate() {
            let y = 50 + 22 * at as i32;
            draw_legend(root, series, y)?;
            for measure in &series.measures {
                let row = rows.iter().position(|kind| kind.name == measure.peer.name).unwrap_or(0);
                let has_figure = self.has_figures && at == 0;
                draw_value(root, series.mark, measure, |value| pixel(value, row), has_figure)?;
            }
        }
        Ok(())
    }

    /// The peers, in the order of their figures in the first series.
    fn rows(&self) -> Vec<&'static Kind> {
        let mut measures = self.series.first().map_or(Vec::new(), |first| first.measures.clone());
        measures.sort_by(|a, b| a.value.median.total_cmp(&b.value.median));
        measures.into_iter().map(|measure| measure.peer).collect()
    }
}

fn draw_name(root: &Root<'_>, kind: &Kind, y: i32) -> Result<()> {
    let style = text_style(TEXT_SIZE, colour(kind)).pos(Pos::new(HPos::Right, VPos::Center));
    let weight = if kind.is_ours { FontStyle::Bold } else { FontStyle::Normal };
    let style = TextStyle { font: style.font.style(weight), ..style };
    root.draw(&Text::new(kind.name, (NAMES as i32 + 4, y), style)).map_err(failed)
}

fn draw_legend(root: &Root<'_>, series: &Series<'_>, y: i32) -> Result<()> {
    let x = NAMES as i32 + 20;
    root.draw(&series.mark.element((x, y), BLACK)).map_err(failed)?;
    let style = text_style(TEXT_SIZE, BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    root.draw(&Text::new(series.label.clone(), (x + 14, y), style)).map_err(failed)
}

/// Draws a median, a line from quartile to quartile, and the figure if requested.
fn draw_value(
    root: &Root<'_>,
    mark: Mark,
    measure: &Measure,
    pixel: impl Fn(f64) -> (i32, i32),
    has_figure: bool,
) -> Result<()> {
    let (colour, at) = (colour(measure.peer), pixel(measure.value.median));
    let mut right = at.0;
    if let Some((low, high)) = measure.value.quartiles {
        let ends = vec![pixel(low), pixel(high)];
        right = right.max(ends[1].0);
        root.draw(&PathElement::new(ends, colour.stroke_width(2))).map_err(failed)?;
    }
    root.draw(&mark.element(at, colour)).map_err(failed)?;
    if has_figure {
        let style = text_style(TEXT_SIZE, colour).pos(Pos::new(HPos::Left, VPos::Center));
        let text = duration(measure.value.median);
        root.draw(&Text::new(text, (right + 12, at.1), style)).map_err(failed)?;
    }
    Ok(())
}
