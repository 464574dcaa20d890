//! Orders of memberships.

/// An order of all memberships of a family.
///
/// Interfaces order by index, then by next hop, as in RFC 5519.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MembershipOrder {
    /// By group, source, interface and protocol.
    ByGroup,
    /// By interface, group, source and protocol.
    ByInterface,
}
