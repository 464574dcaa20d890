//! Filters: what narrows an enumeration.

use crate::types::{Family, Interface, Join, Prefix};

/// What narrows an enumeration: a prefix of groups, a prefix of sources, one interface.
///
/// A source prefix other than that of all addresses excludes any-source joins, which have no source.
///
/// # Costs
///
/// A group prefix and an interface are ranges of an index, found by searches: the rest costs nothing. A
/// source prefix costs a look at each join of the groups and the interface that remain.
///
/// # Examples
///
/// ```
/// use groupscan::{Filter, Interface, V4};
///
/// let filter: Filter<V4> = Filter::all()
///     .with_groups("232.0.0.0/8".parse()?)
///     .with_sources("10.0.0.1".parse()?)
///     .with_interface(Interface::new(2));
/// # Ok::<(), groupscan::PrefixError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(bound(
        serialize = "F: Family + serde::Serialize",
        deserialize = "F: Family + serde::Deserialize<'de>"
    ))
)]
pub struct Filter<F> {
    groups: Prefix<F>,
    sources: Prefix<F>,
    interface: Option<Interface<F>>,
}

impl<F: Family> Filter<F> {
    /// Admits everything.
    #[must_use]
    pub const fn all() -> Self {
        Self { groups: Prefix::ALL, sources: Prefix::ALL, interface: None }
    }

    /// Admits only groups of `prefix`.
    #[must_use]
    pub const fn with_groups(self, prefix: Prefix<F>) -> Self {
        Self { groups: prefix, ..self }
    }

    /// Admits only sources of `prefix`.
    #[must_use]
    pub const fn with_sources(self, prefix: Prefix<F>) -> Self {
        Self { sources: prefix, ..self }
    }

    /// Admits only what was joined on `interface`, by any protocol.
    #[must_use]
    pub const fn with_interface(self, interface: Interface<F>) -> Self {
        Self { interface: Some(interface), ..self }
    }

    /// The groups admitted.
    #[must_use]
    pub const fn groups(&self) -> Prefix<F> {
        self.groups
    }

    /// The sources admitted.
    #[must_use]
    pub const fn sources(&self) -> Prefix<F> {
        self.sources
    }

    /// The interface admitted; `None` for all.
    #[must_use]
    pub const fn interface(&self) -> Option<Interface<F>> {
        self.interface
    }

    /// Whether the prefixes admit a join. The interface is not considered.
    #[must_use]
    #[inline]
    pub fn admits(&self, join: Join<F>) -> bool {
        self.groups.contains(join.group)
            && (self.sources.is_all()
                || !join.is_any_source() && self.sources.contains(join.source))
    }
}

impl<F: Family> Default for Filter<F> {
    fn default() -> Self {
        Self::all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::V4;

    #[test]
    fn a_source_prefix_excludes_any_source_joins() {
        let group = V4::new(239, 0, 0, 1);
        let all = Filter::all();
        assert!(all.admits(Join::any_source(group)));
        let low = all.with_sources("0.0.0.0/8".parse().unwrap());
        assert!(!low.admits(Join::any_source(group)));
        assert!(low.admits(Join::new(group, V4::new(0, 0, 0, 1))));
        assert!(!low.admits(Join::new(group, V4::new(10, 0, 0, 1))));
    }
}
