//! Formats numbers for people.

use crate::measure::Spread;

/// A number with three significant digits, and commas in large numbers.
pub fn figure(value: f64) -> String {
    match value.abs() {
        0.0..0.0001 => "0".into(),
        ..0.0995 => format!("{value:.4}"),
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => grouped(value.round() as u64),
    }
}

/// A number with commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The quartiles, or a dash.
pub fn quartiles(spread: &Spread) -> String {
    match spread.quartiles {
        Some((low, high)) => format!("{} to {}", figure(low), figure(high)),
        None => "–".into(),
    }
}

/// Nanoseconds, in the unit that fits.
pub fn duration(nanos: f64) -> String {
    match nanos {
        ..1e3 => format!("{} ns", figure(nanos)),
        ..1e6 => format!("{} µs", figure(nanos / 1e3)),
        ..1e9 => format!("{} ms", figure(nanos / 1e6)),
        _ => format!("{} s", figure(nanos / 1e9)),
    }
}

/// A number of joins: `64 Ki`.
pub fn joins(size: usize) -> String {
    match size.trailing_zeros() {
        20.. if size > 0 => format!("{} Mi", size >> 20),
        10.. if size > 0 => format!("{} Ki", size >> 10),
        _ => grouped(size as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_figures() {
        let shown = [0.000_56, 0.2345, 9.996, 23.45, 99.96, 123.4, 1234.4, 1_234_567.0].map(figure);
        assert_eq!(shown, ["0.0006", "0.23", "10.0", "23.4", "100", "123", "1,234", "1,234,567"]);
        assert_eq!([1 << 10, 64 << 10, 1 << 20, 100].map(joins), ["1 Ki", "64 Ki", "1 Mi", "100"]);
        assert_eq!([0, 999, 1000].map(grouped), ["0", "999", "1,000"]);
    }
}
