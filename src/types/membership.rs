//! Memberships.

use std::fmt;

use super::family::Family;
use super::flags::MembershipFlags;
use super::interface::Interface;
use super::join::Join;
use super::protocol::Protocol;

/// A membership: (group, source), joined on an interface by a protocol.
///
/// Group, source, interface and protocol identify it; the flags do not.
///
/// Prints as `(source, group) on interface by protocol`, followed by the flags unless they are
/// [`JOIN`](MembershipFlags::JOIN) alone.
///
/// # Examples
///
/// ```
/// use groupscan::{Interface, Membership, MembershipFlags, Protocol, V4};
///
/// let lan = Interface::new(2);
/// let membership = Membership::any_source(V4::new(239, 1, 1, 1), lan, Protocol::IGMP);
/// assert_eq!(membership.to_string(), "(*, 239.1.1.1) on 2 by igmp");
/// let forwarded = membership.with_flags(MembershipFlags::FORWARD);
/// assert_eq!(forwarded.to_string(), "(*, 239.1.1.1) on 2 by igmp, forward");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Membership<F> {
    /// The group. Unspecified together with the source: all groups, (\*,\*).
    pub group: F,
    /// The source; unspecified for an any-source join, (\*,G).
    pub source: F,
    /// The interface on which the group was joined.
    pub interface: Interface<F>,
    /// The protocol that joined it.
    pub protocol: Protocol,
    /// What the membership asks for.
    pub flags: MembershipFlags,
}

impl<F: Family> Membership<F> {
    /// A membership of `join`, with the flag [`JOIN`](MembershipFlags::JOIN).
    #[must_use]
    pub const fn new(join: Join<F>, interface: Interface<F>, protocol: Protocol) -> Self {
        let Join { group, source } = join;
        Self { group, source, interface, protocol, flags: MembershipFlags::JOIN }
    }

    /// A join of `group` from any source: (\*,G).
    #[must_use]
    pub const fn any_source(group: F, interface: Interface<F>, protocol: Protocol) -> Self {
        Self::new(Join::any_source(group), interface, protocol)
    }

    /// A join of `group` from one `source`: (S,G). The unspecified source means any.
    #[must_use]
    pub const fn source_specific(
        group: F,
        source: F,
        interface: Interface<F>,
        protocol: Protocol,
    ) -> Self {
        Self::new(Join::new(group, source), interface, protocol)
    }

    /// The same membership with other flags.
    #[must_use]
    pub const fn with_flags(self, flags: MembershipFlags) -> Self {
        Self { flags, ..self }
    }

    /// The membership of a record; `None` if its flags are not flags of `mgm.h`, which no record made by this
    /// crate has.
    #[must_use]
    pub fn from_entry(entry: &F::MembershipEntry) -> Option<Self> {
        let (group, source, index, next_hop, protocol, flags) = F::membership_fields(entry);
        let flags = u8::try_from(flags).ok().and_then(MembershipFlags::from_bits)?;
        let (interface, protocol) = (Interface { index, next_hop }, Protocol::new(protocol));
        Some(Self { group, source, interface, protocol, flags })
    }

    /// The record of the membership: what enumerations of memberships put into buffers.
    #[must_use]
    pub fn to_entry(&self) -> F::MembershipEntry {
        let Interface { index, next_hop } = self.interface;
        let entry = F::entry(self.group, self.source);
        F::membership_entry(entry, index, next_hop, self.protocol.number(), self.flags.bits())
    }

    /// The group and the source.
    #[must_use]
    pub const fn join(&self) -> Join<F> {
        Join::new(self.group, self.source)
    }
}

impl<F: Family> fmt::Display for Membership<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} by {}", self.join(), self.interface, self.protocol)?;
        match self.flags {
            MembershipFlags::JOIN => Ok(()),
            flags => write!(f, ", {flags}"),
        }
    }
}
