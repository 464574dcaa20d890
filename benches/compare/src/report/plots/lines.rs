//! Lines, each with its name at the end.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::{Root, TEXT_SIZE, TITLE_SIZE, WIDTH, colour, failed, text_style};
use crate::peers::Kind;

/// The place where the lines end and their names begin.
const NAMES_AT: u32 = WIDTH - 200;

/// The least distance between two names, in pixels.
const NAME_HEIGHT: i32 = 19;

pub(super) struct Lines {
    pub title: &'static str,
    pub x: Axis,
    pub y: Axis,
    pub lines: Vec<Line>,
}

/// A peer's values, in the order in which they are connected.
pub(super) struct Line {
    pub kind: &'static Kind,
    pub points: Vec<(f64, f64)>,
}

impl Lines {
    pub(super) fn draw(&self, root: &Root<'_>) -> Result<()> {
        let title = text_style(TITLE_SIZE, BLACK);
        root.draw(&Text::new(self.title, (16, 14), title)).map_err(failed)?;
        let (left, _) = root.split_horizontally(NAMES_AT);
        let mut chart = ChartBuilder::on(&left)
            .margin(12)
            .margin_top(48)
            .x_label_area_size(48)
            .y_label_area_size(68)
            .build_cartesian_2d(self.x.clone(), self.y.clone())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_labels(20)
            .y_labels(20)
            .max_light_lines(0)
            .bold_line_style(BLACK.mix(0.12))
            .axis_style(BLACK.mix(0.6))
            .label_style(text_style(TEXT_SIZE, BLACK))
            .axis_desc_style(text_style(TEXT_SIZE, BLACK))
            .x_desc(self.x.label)
            .y_desc(self.y.label)
            .draw()
            .map_err(failed)?;
        let mut names = Vec::new();
        // The first line is ours, and is drawn over the others.
        for line in self.lines.iter().rev() {
            let colour = colour(line.kind);
            let style = colour.stroke_width(if line.kind.is_ours { 4 } else { 2 });
            if let Some(end) = line.points.last() {
                names.push((chart.backend_coord(end), line.kind));
            }
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), style))
                .map_err(failed)?;
        }
        draw_names(root, names)
    }
}

/// Writes names at the ends of their lines, apart from each other.
fn draw_names(root: &Root<'_>, mut names: Vec<((i32, i32), &'static Kind)>) -> Result<()> {
    names.sort_by_key(|((_, y), _)| *y);
    let wanted: Vec<i32> = names.iter().map(|((_, y), _)| *y).collect();
    let last = root.dim_in_pixel().1 as i32 - NAME_HEIGHT;
    for (((x, y), kind), at) in names.into_iter().zip(apart(&wanted, last)) {
        let (colour, from) = (colour(kind), NAMES_AT as i32);
        let lead = vec![(x + 3, y), (from + 2, y), (from + 12, at), (from + 16, at)];
        root.draw(&PathElement::new(lead, colour.mix(0.5))).map_err(failed)?;
        let centred = Pos::new(HPos::Left, VPos::Center);
        let style = text_style(TEXT_SIZE, colour).pos(centred);
        let style = if kind.is_ours { bold(style) } else { style };
        root.draw(&Text::new(kind.name, (from + 20, at), style)).map_err(failed)?;
    }
    Ok(())
}

fn bold(style: TextStyle<'_>) -> TextStyle<'_> {
    TextStyle { font: style.font.style(FontStyle::Bold), ..style }
}

/// Moves ascending places apart: downwards, and up again if that exceeds the last place.
fn apart(wanted: &[i32], last: i32) -> Vec<i32> {
    let mut places = wanted.to_vec();
    for at in 1..places.len() {
        places[at] = places[at].max(places[at - 1] + NAME_HEIGHT);
    }
    let mut below = last + NAME_HEIGHT;
    for place in places.iter_mut().rev() {
        *place = (*place).min(below - NAME_HEIGHT);
        below = *place;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_apart_and_stay_on_the_plot() {
        assert_eq!(apart(&[10, 100], 200), [10, 100]);
        assert_eq!(apart(&[10, 10, 12], 200), [10, 29, 48]);
        assert_eq!(apart(&[100, 195, 200], 200), [100, 181, 200]);
    }
}
