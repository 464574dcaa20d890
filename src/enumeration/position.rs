//! Positions: how far an enumeration has got, in terms that another version understands.

use crate::types::{Family, Join, Protocol};

/// The place behind a record and all that come before it, whether or not there is such a record.
///
/// [`Enumeration::position`](crate::Enumeration::position) returns how far an enumeration has got, and
/// [`Enumeration::resume_after`](crate::Enumeration::resume_after) continues from there, in the same
/// version or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Position<F> {
    /// The group.
    pub group: F,
    /// The source; unspecified behind an any-source join and before all other sources of its group.
    pub source: F,
    /// The protocol, behind a membership; `None` behind all memberships of (group, source).
    pub protocol: Option<Protocol>,
}

impl<F: Family> Position<F> {
    /// The place behind a join and all its memberships.
    #[must_use]
    pub const fn behind(join: Join<F>) -> Self {
        Self { group: join.group, source: join.source, protocol: None }
    }

    /// The group and the source.
    #[must_use]
    pub const fn join(&self) -> Join<F> {
        Join::new(self.group, self.source)
    }
}
