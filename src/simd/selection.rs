//! Selections: which keys are shown.

use crate::types::{Family, Join};

/// The unit that is shown once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distinct {
    /// Each key.
    Key,
    /// Each (group, source).
    Join,
    /// Each group.
    Group,
}

/// The keys of an index that are shown: of those whose sources are in a range, the first of each group, the
/// first of each join, or all.
///
/// This covers all views, because keys ascend: within a group, the keys with sources in the range are
/// adjacent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection<F> {
    /// The sources from `low` to `high`, both included.
    pub(crate) low: F,
    pub(crate) high: F,
    pub(crate) once: Distinct,
    /// Whether records have the source of their key, or the unspecified one.
    pub(crate) shows_source: bool,
}

/// The join of the last entry that has one and whose source is in the range: it decides whether the next one
/// is a duplicate. A kernel may leave the last one that it has shown, which decides the same: between them
/// are only duplicates of it, or each entry is shown and the join decides nothing.
pub(super) type Last<F> = Option<Join<F>>;

impl<F: Family> Selection<F> {
    /// Whether no join from `low`, included, to `high`, excluded, is shown: all are of one group, and their
    /// sources are out of the range.
    #[inline]
    pub(crate) fn skips(&self, low: Join<F>, high: Join<F>) -> bool {
        low.group == high.group && (self.high < low.source || high.source <= self.low)
    }

    /// Whether a key of `join` is shown after the key of `last`, which is updated.
    #[inline]
    pub(super) fn shows(&self, join: Join<F>, last: &mut Last<F>) -> bool {
        if join.source < self.low || self.high < join.source {
            return false;
        }
        let before = last.replace(join);
        match self.once {
            Distinct::Key => true,
            Distinct::Join => before != Some(join),
            Distinct::Group => before.is_none_or(|before| before.group != join.group),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::V4;

    #[test]
    fn what_is_skipped_is_not_shown() {
        const SOURCES: u32 = 6;
        let join = |group, source| Join::new(V4::from_bits(group), V4::from_bits(source));
        for (low, high) in (0..SOURCES).flat_map(|low| (low..SOURCES).map(move |high| (low, high)))
        {
            let [low, high] = [low, high].map(V4::from_bits);
            let selection = Selection { low, high, once: Distinct::Key, shows_source: true };
            for (from, to) in (0..SOURCES).flat_map(|from| (0..SOURCES).map(move |to| (from, to))) {
                let is_shown = (from..to).any(|source| selection.shows(join(1, source), &mut None));
                if from < to {
                    assert_eq!(selection.skips(join(1, from), join(1, to)), !is_shown);
                }
                assert!(!selection.skips(join(1, from), join(2, to)), "any source may be between");
            }
        }
    }
}
