//! Views: which records an enumeration shows of what its filter leaves.

use crate::enumeration::Filter;
use crate::family::Family;
use crate::pack::{Each, Selection};

/// What an enumeration shows. Filters act first, the view on what they leave.
///
/// # Examples
///
/// ```
/// use groupscan::{GroupTable, Interface, Membership, Protocol, V4, View};
///
/// let table = GroupTable::new();
/// let mut txn = table.begin_write();
/// let (lan, group) = (Interface::new(2), V4::new(232, 1, 1, 1));
/// txn.join(&Membership::any_source(group, lan, Protocol::IGMP))?;
/// for host in [1, 2] {
///     let source = V4::new(10, 0, 0, host);
///     txn.join(&Membership::source_specific(group, source, lan, Protocol::IGMP))?;
/// }
/// txn.commit();
///
/// let snapshot = table.snapshot()?;
/// let shown = |view| snapshot.records(view).map(|entry| entry.to_string()).collect::<Vec<_>>();
/// assert_eq!(shown(View::AllSources).len(), 3);
/// assert_eq!(shown(View::AnySource), ["(10.0.0.1, 232.1.1.1)"]);
/// assert_eq!(shown(View::SourceSpecific), ["(10.0.0.1, 232.1.1.1)", "(10.0.0.2, 232.1.1.1)"]);
/// assert_eq!(shown(View::Wildcard), ["(*, 232.1.1.1)"]);
/// assert_eq!(shown(View::Groups), ["(*, 232.1.1.1)"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

impl View {
    /// Which keys of a set are shown of those with groups of the filter. Of the set of joins each key
    /// is a join of its own.
    pub(super) fn selection<F: Family>(self, filter: &Filter<F>, once: Each) -> Selection<F> {
        let lowest = F::from_number(1);
        let prefix = filter.source_prefix();
        let (mut low, mut high) = (prefix.first(), prefix.last());
        // A source prefix drops wildcards, and so do the views of source-specific joins.
        if !prefix.is_all() || matches!(self, Self::AnySource | Self::SourceSpecific) {
            low = low.max(lowest);
        }
        if self == Self::Wildcard {
            high = F::UNSPECIFIED;
        }
        let once = match self {
            Self::AnySource | Self::Groups => Each::Group,
            Self::AllSources | Self::SourceSpecific | Self::Wildcard => once,
        };
        Selection { low, high, once, shows_source: self != Self::Groups }
    }
}
