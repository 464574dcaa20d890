//! All figures for programs, one per line. Names have no commas, so fields are not quoted.

use std::fmt::Write;

use super::Answered;

pub fn table(answers: &[Answered]) -> String {
    let mut text = "question,size,peer,metric,unit,median,q1,q3,ratio\n".to_owned();
    for measure in answers.iter().flat_map(|(_, answer)| &answer.measures) {
        let (low, high) = match measure.value.quartiles {
            Some((low, high)) => (low.to_string(), high.to_string()),
            None => Default::default(),
        };
        let (question, size, median) = (measure.question, measure.size, measure.value.median);
        let (metric, ratio) = (measure.metric, measure.ratio.median);
        let _ = writeln!(
            text,
            "{question},{size},{},{},{},{median},{low},{high},{ratio}",
            measure.peer.name, metric.name, metric.unit
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Better, Metric, measures};
    use crate::peers;
    use crate::questions::{self, Answer};

    #[test]
    fn every_line_has_as_many_fields_as_the_head() {
        static METRIC: Metric =
            Metric { name: "a", unit: "ns", meaning: "ns an a", better: Better::Lower };
        let rounds = |kind| (kind, vec![1.0, 2.5, 4.0]);
        let figures: Vec<_> = peers::all().into_iter().map(rounds).collect();
        let measures = measures("update", 1024, &METRIC, &figures);
        let answer = Answer { measures, ..Answer::default() };
        let table = table(&[(&questions::ALL[2], answer)]);
        assert_eq!(table.lines().count(), 1 + peers::ALL.len());
        assert!(table.lines().all(|line| line.split(',').count() == 9), "{table}");
        assert_eq!(table.lines().nth(1), Some("update,1024,groupscan,a,ns,2.5,1.75,3.25,1"));
    }
}
