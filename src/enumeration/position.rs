//! Positions: where an enumeration has got to, in words that another version understands.

use crate::family::Family;
use crate::membership::Protocol;

/// A place behind a record, and behind all that come before it, whether or not there is such a record.
///
/// [`Enumeration::position`](crate::Enumeration::position) tells how far an enumeration has got, and
/// [`Enumeration::resume_after`](crate::Enumeration::resume_after) goes on from there, in the same
/// version or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position<F> {
    /// The group.
    pub group: F,
    /// The source; unspecified behind an any-source join and before all others of its group.
    pub source: F,
    /// The protocol, behind a membership; `None` behind all memberships of (group, source).
    pub protocol: Option<Protocol>,
}

impl<F: Family> Position<F> {
    /// The place behind the join (group, source), and behind all its memberships.
    pub const fn behind(group: F, source: F) -> Self {
        Self { group, source, protocol: None }
    }
}
