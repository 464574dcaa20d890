//! Views: which records an enumeration shows of what its filter leaves.

use crate::enumeration::Filter;
use crate::family::Family;

/// What an enumeration shows. Filters act first, the view on what they leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// Every join, (\*,G) and (S,G): `ALL_SOURCES` of the Multicast Group Manager API.
    #[default]
    AllSources,
    /// One record for each group that has at least one source-specific join: that of its lowest
    /// source. `ANY_SOURCE` of the Multicast Group Manager API.
    AnySource,
    /// The source-specific joins, (S,G).
    SourceSpecific,
    /// The any-source joins, (\*,G).
    Wildcard,
    /// Each group once, with source and source mask 0, however it was joined.
    Groups,
}

/// Decides record by record, in ascending order, what a view and a filter show.
///
/// Where a view shows one record a group, a selection begun in the middle of a group would show
/// the group again; so it begins at a record that is to be shown.
pub(super) struct Selection<F> {
    view: View,
    filter: Filter<F>,
    shown: Option<F>,
}

impl<F: Family> Selection<F> {
    pub(super) fn new(view: View, filter: Filter<F>) -> Self {
        Self { view, filter, shown: None }
    }

    /// The (group, source) to show for the next join; `None` to pass it over.
    #[inline]
    pub(super) fn next(&mut self, group: F, source: F) -> Option<(F, F)> {
        if !self.filter.admits(group, source) {
            return None;
        }
        let specific = !source.is_unspecified();
        match self.view {
            View::AllSources => Some((group, source)),
            View::SourceSpecific => specific.then_some((group, source)),
            View::Wildcard => (!specific).then_some((group, source)),
            View::AnySource => (specific && self.is_first(group)).then_some((group, source)),
            View::Groups => self.is_first(group).then_some((group, F::UNSPECIFIED)),
        }
    }

    #[inline]
    fn is_first(&mut self, group: F) -> bool {
        self.shown.replace(group) != Some(group)
    }
}
