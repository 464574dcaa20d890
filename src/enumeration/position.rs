//! Positions: how far an enumeration has got, in terms that another version understands.

use crate::types::key::MembershipParts;
use crate::types::{Family, Interface, Join, Membership, Protocol};

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
    /// The interface, behind a membership; `None` behind a join.
    ///
    /// An enumeration of the memberships of one interface ignores it. One of all memberships by interface
    /// begins with the first membership if it is `None`.
    #[cfg_attr(feature = "serde", serde(default = "none"))]
    pub interface: Option<Interface<F>>,
    /// The protocol, behind a membership; `None` behind all memberships of (group, source), on the interface
    /// if there is one.
    pub protocol: Option<Protocol>,
}

/// The interface of a position that was written without one.
#[cfg(feature = "serde")]
fn none<F>() -> Option<Interface<F>> {
    None
}

impl<F: Family> Position<F> {
    /// The place behind a join and all its memberships.
    #[must_use]
    pub const fn behind(join: Join<F>) -> Self {
        Self { group: join.group, source: join.source, interface: None, protocol: None }
    }

    /// The place behind a membership, whose flags do not count.
    #[must_use]
    pub const fn behind_membership(membership: &Membership<F>) -> Self {
        let Membership { group, source, interface, protocol, .. } = *membership;
        Self { group, source, interface: Some(interface), protocol: Some(protocol) }
    }

    /// The group and the source.
    #[must_use]
    pub const fn join(&self) -> Join<F> {
        Join::new(self.group, self.source)
    }

    /// The place behind a membership.
    pub(super) fn of(parts: &MembershipParts<F>) -> Self {
        let protocol = Some(Protocol::new(parts.protocol));
        Self { interface: Some(parts.interface()), protocol, ..Self::behind(parts.join()) }
    }

    /// The last possible membership before this place on its interface, if there is one.
    pub(super) fn parts(&self) -> Option<MembershipParts<F>> {
        let protocol = self.protocol.unwrap_or(Protocol::new(u32::MAX));
        Some(MembershipParts::new(self.join(), self.interface?, protocol))
    }
}
