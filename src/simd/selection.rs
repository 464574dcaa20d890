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

/// The join of the last key whose source is in the range: it decides whether the next key is a
/// duplicate. A kernel may set it to `None` if a key out of the range followed, since duplicates are
/// adjacent.
pub(super) type Last<F> = Option<Join<F>>;

impl<F: Family> Selection<F> {
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
