//! Views: which records an enumeration shows of the joins that its filter admits.

use std::fmt;
use std::str::FromStr;

use super::Filter;
use crate::simd::{Distinct, Selection};
use crate::types::{Family, ParseError};

/// What an enumeration shows. The filter acts first, the view on what it admits.
///
/// Prints as `all-sources`, `one-per-group`, `source-specific`, `any-source` or `groups`, and parses from
/// the same.
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
/// let shown = |view| snapshot.ipv4().records(view).map(|entry| entry.to_string()).collect::<Vec<_>>();
/// assert_eq!(shown(View::AllSources).len(), 3);
/// assert_eq!(shown(View::OnePerGroup), ["(10.0.0.1, 232.1.1.1)"]);
/// assert_eq!(shown(View::SourceSpecific), ["(10.0.0.1, 232.1.1.1)", "(10.0.0.2, 232.1.1.1)"]);
/// assert_eq!(shown(View::AnySource), ["(*, 232.1.1.1)"]);
/// assert_eq!(shown(View::Groups), ["(*, 232.1.1.1)"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum View {
    /// All joins, (\*,G) and (S,G): `ALL_SOURCES` of the Multicast Group Manager API.
    #[default]
    AllSources,
    /// One record for each group that has source-specific joins: the one with the lowest source. This is
    /// `ANY_SOURCE` of the Multicast Group Manager API.
    #[doc(alias = "ANY_SOURCE")]
    OnePerGroup,
    /// The source-specific joins, (S,G).
    SourceSpecific,
    /// The any-source joins, (\*,G).
    AnySource,
    /// Each group once, with source and source mask 0, whether it was joined from any source or from some.
    Groups,
}

impl View {
    /// All views.
    pub const ALL: [Self; 5] =
        [Self::AllSources, Self::OnePerGroup, Self::SourceSpecific, Self::AnySource, Self::Groups];

    /// The name that the view prints as.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllSources => "all-sources",
            Self::OnePerGroup => "one-per-group",
            Self::SourceSpecific => "source-specific",
            Self::AnySource => "any-source",
            Self::Groups => "groups",
        }
    }

    /// Which keys of an index are shown of those whose groups the filter admits; `None` means all.
    pub(super) fn selection<F: Family>(
        self,
        filter: &Filter<F>,
        distinct: Distinct,
    ) -> Option<Selection<F>> {
        let prefix = filter.sources();
        if self == Self::AllSources && distinct == Distinct::Key && prefix.is_all() {
            return None;
        }
        let (mut low, mut high) = (prefix.first(), prefix.last());
        // A source prefix excludes any-source joins, and so do the views of source-specific joins.
        if !prefix.is_all() || matches!(self, Self::OnePerGroup | Self::SourceSpecific) {
            low = low.max(F::from_number(1));
        }
        if self == Self::AnySource {
            high = F::UNSPECIFIED;
        }
        let once = match self {
            Self::OnePerGroup | Self::Groups => Distinct::Group,
            Self::AllSources | Self::SourceSpecific | Self::AnySource => distinct,
        };
        Some(Selection { low, high, once, shows_source: self != Self::Groups })
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for View {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let found = Self::ALL.into_iter().find(|view| view.name() == text);
        found.ok_or(ParseError::new(
            "a view: all-sources, one-per-group, source-specific, any-source or groups",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_print_what_they_parse_from() {
        for view in View::ALL {
            assert_eq!(view.to_string().parse(), Ok(view));
        }
        assert!("wildcard".parse::<View>().is_err());
        assert!(format!("{:15}|", View::Groups).starts_with("groups         |"));
    }
}
