//! Figures: medians, quartiles, and ratios to groupscan.

use crate::peers::Kind;

/// A quantity that is measured.
#[derive(Debug, PartialEq)]
pub struct Metric {
    /// A short name, for the files.
    pub name: &'static str,
    pub unit: &'static str,
    /// A phrase for the reader, with the unit.
    pub meaning: &'static str,
    pub better: Better,
}

/// Which of two figures is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Lower,
    Higher,
}

/// A median and its quartiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    /// `None` for a value without rounds.
    pub quartiles: Option<(f64, f64)>,
}

/// A figure of one peer.
#[derive(Clone, Debug)]
pub struct Measure {
    pub question: &'static str,
    pub size: usize,
    pub metric: &'static Metric,
    pub peer: &'static Kind,
    pub value: Spread,
    /// The peer's figure over groupscan's.
    pub ratio: Spread,
}

impl Measure {
    /// Whether a peer that is not ours beats us by enough to show in the ratio's last digit.
    pub fn is_lost(&self) -> bool {
        let wins = match self.metric.better {
            Better::Lower => self.ratio.median < 0.995,
            Better::Higher => self.ratio.median > 1.005,
        };
        wins && !self.peer.is_ours
    }
}

impl Spread {
    /// The spread of the values of all rounds. A single value has no quartiles.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let quarter = |quarters: usize| {
            // Interpolates between two values.
            let place = (sorted.len() - 1) as f64 * quarters as f64 / 4.0;
            let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        let quartiles = (sorted.len() > 1).then(|| (quarter(1), quarter(3)));
        Self { median: quarter(2), quartiles }
    }

    /// The spread of the ratios, theirs over ours, of the rounds that both had.
    fn of_ratios(ours: &[f64], theirs: &[f64]) -> Self {
        let ratios: Vec<f64> =
            ours.iter().zip(theirs).map(|(ours, theirs)| theirs / ours).collect();
        Self::of(&ratios)
    }
}

/// The figures of all peers at a size. Each peer has the values of its rounds. The first is groupscan.
pub fn measures(
    question: &'static str,
    size: usize,
    metric: &'static Metric,
    peers: &[(&'static Kind, Vec<f64>)],
) -> Vec<Measure> {
    let Some((first, ours)) = peers.first() else {
        return Vec::new();
    };
    assert!(first.is_ours, "ratios are to groupscan");
    let measure = |(peer, values): &(&'static Kind, Vec<f64>)| Measure {
        question,
        size,
        metric,
        peer,
        value: Spread::of(values),
        ratio: Spread::of_ratios(ours, values),
    };
    peers.iter().map(measure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_of_the_sorted_values() {
        let spread = Spread::of(&[9.0, 1.0, 5.0, 3.0, 7.0]);
        assert_eq!(spread, Spread { median: 5.0, quartiles: Some((3.0, 7.0)) });
        let fifteen: Vec<f64> = (0..15).rev().map(f64::from).collect();
        assert_eq!(Spread::of(&fifteen), Spread { median: 7.0, quartiles: Some((3.5, 10.5)) });
        assert_eq!(Spread::of(&[4.0]), Spread { median: 4.0, quartiles: None });
    }

    #[test]
    fn ratios_are_of_the_rounds_that_both_had() {
        let (ours, theirs) = ([1.0, 2.0, 4.0, 0.5], [8.0, 6.0, 4.0]);
        let ratio = Spread::of_ratios(&ours, &theirs);
        assert_eq!(ratio, Spread { median: 3.0, quartiles: Some((2.0, 5.5)) });
    }
}
