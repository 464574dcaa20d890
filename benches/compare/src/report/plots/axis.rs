//! Axes: the places of values, and the labels.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::super::figures::{grouped, joins};

/// An axis.
#[derive(Clone)]
pub(super) struct Axis {
    pub label: &'static str,
    /// Transforms a value before it is drawn: on a logarithmic axis, to its logarithm.
    scale: fn(f64) -> f64,
    range: Range<f64>,
    /// The values with a line and a label.
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis of numbers of joins: powers of 2, with a tick at every second one.
    pub(super) fn sizes(label: &'static str, values: Vec<f64>) -> Self {
        let (least, most) = bounds(&values);
        let (first, last) = (least.log2().floor() as u32, most.log2().ceil() as u32);
        let last = last.max(first + 1);
        let size = |power: u32| 1usize << power;
        let ticks = (first..=last).step_by(2).map(size).map(|size| (size as f64, joins(size)));
        let range = size(first) as f64..size(last) as f64;
        Self { label, scale: f64::log2, range, ticks: ticks.collect() }
    }

    /// An axis of whole powers of 10 around the values.
    pub(super) fn decades(label: &'static str, values: Vec<f64>) -> Self {
        Self::powers_of_ten(label, &values, power_of_ten)
    }

    /// The same for nanoseconds. The labels have units.
    pub(super) fn durations(label: &'static str, values: Vec<f64>) -> Self {
        Self::powers_of_ten(label, &values, |power| {
            let units = ["ns", "µs", "ms", "s"];
            let unit = (power.div_euclid(3)).clamp(0, units.len() as i32 - 1);
            format!("{} {}", power_of_ten(power - 3 * unit), units[unit as usize])
        })
    }

    fn powers_of_ten(label: &'static str, values: &[f64], text: fn(i32) -> String) -> Self {
        let (least, most) = bounds(values);
        let (first, last) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        let last = last.max(first + 1);
        let ticks = (first..=last).map(|power| (10f64.powi(power), text(power)));
        let range = 10f64.powi(first)..10f64.powi(last);
        Self { label, scale: f64::log10, range, ticks: ticks.collect() }
    }

    /// An axis from 0, with five to ten round steps.
    pub(super) fn linear(label: &'static str, values: Vec<f64>) -> Self {
        let (_, most) = bounds(&values);
        let decade = 10f64.powf(most.log10().floor());
        let steps = [0.1, 0.2, 0.5, 1.0].map(|step| step * decade);
        let step = steps.into_iter().find(|step| most / step <= 10.0).unwrap_or(decade);
        let ticks = (0..=(most / step).floor() as u32).map(|at| f64::from(at) * step);
        let text = |value: f64| ((value * 1000.0).round() / 1000.0).to_string();
        let ticks = ticks.map(|value| (value, text(value))).collect();
        Self { label, scale: |value| value, range: 0.0..most, ticks }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let [value, start, end] = [*value, self.range.start, self.range.end].map(self.scale);
        from + ((value - start) / (end - start) * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.iter().map(|tick| tick.0).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|tick| tick.0 == *value);
        tick.map_or_else(String::new, |tick| tick.1.clone())
    }
}

fn bounds(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Without values there is still an axis.
    if least <= most && most > 0.0 { (least, most) } else { (1.0, 10.0) }
}

fn power_of_ten(power: i32) -> String {
    match u32::try_from(power) {
        Ok(power) => grouped(10u64.pow(power)),
        Err(_) => format!("{:.*}", power.unsigned_abs() as usize, 10f64.powi(power)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let labels = |axis: &Axis| -> Vec<String> {
            axis.ticks.iter().map(|tick| axis.format_ext(&tick.0)).collect()
        };
        assert_eq!(labels(&Axis::decades("", vec![0.3, 40.0])), ["0.1", "1", "10", "100"]);
        let nanos = Axis::durations("", vec![0.5, 3e9]);
        let expected = ["0.1 ns", "1 ns", "10 ns", "100 ns", "1 µs", "10 µs", "100 µs", "1 ms"];
        assert_eq!(labels(&nanos)[..8], expected);
        assert_eq!(labels(&nanos)[10..], ["1 s", "10 s"]);
        let sizes = Axis::sizes("", vec![1024.0, 65536.0]);
        assert_eq!(labels(&sizes), ["1 Ki", "4 Ki", "16 Ki", "64 Ki"]);
        let seconds = Axis::linear("", vec![0.0, 60.01]);
        assert_eq!(labels(&seconds), ["0", "10", "20", "30", "40", "50", "60"]);
        assert_eq!(labels(&Axis::linear("", vec![3.0])), ["0", "0.5", "1", "1.5", "2", "2.5", "3"]);
    }
}
