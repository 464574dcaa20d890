//! Which keys are shown.

use crate::family::Family;

/// What is shown once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Each {
    /// Each key.
    Key,
    /// Each (group, source).
    Join,
    /// Each group.
    Group,
}

/// Which keys of a set are shown: of those whose sources are in a range, the first of each group, of
/// each join, or all.
///
/// All views come down to this, because in ascending order the sources of a range are neighbours
/// within their group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection<F> {
    /// The sources, from one, included, to another, included.
    pub(crate) low: F,
    pub(crate) high: F,
    pub(crate) once: Each,
    /// Whether records have the source of their key, or none.
    pub(crate) shows_source: bool,
}

/// The (group, source) of the last key that has a source in the range, if it can still matter: `None`
/// also where a key with a source out of the range followed, for those in it are neighbours.
pub(crate) type Last<F> = Option<(F, F)>;

impl<F: Family> Selection<F> {
    /// Whether a key of (group, source) is shown, given the last that was in the range.
    #[inline]
    pub(crate) fn shows(&self, group: F, source: F, last: &mut Last<F>) -> bool {
        if source < self.low || self.high < source {
            return false;
        }
        let before = last.replace((group, source));
        match self.once {
            Each::Key => true,
            Each::Join => before != Some((group, source)),
            Each::Group => before.is_none_or(|(before, _)| before != group),
        }
    }
}
