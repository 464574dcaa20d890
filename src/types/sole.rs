//! The memberships of most joins: a join has one membership, in a word beside its key.

use bytemuck::{Pod, Zeroable};

use super::flags::MembershipFlags;

/// The sole membership of a join, without the join itself; or the mark that the memberships of the join are
/// elsewhere.
///
/// ```text
/// index 32 | protocol 31 | forward 1        all ones: elsewhere
/// ```
///
/// A membership fits if its interface has no next hop and its protocol's number is below
/// [`PROTOCOLS`](Self::PROTOCOLS). It has the join flag, because it makes a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub(crate) struct SoleMembership(u64);

impl SoleMembership {
    /// The memberships of the join are elsewhere.
    pub(crate) const ELSEWHERE: Self = Self(u64::MAX);

    /// The number of protocols that fit. The highest number of 31 bits is that of
    /// [`ELSEWHERE`](Self::ELSEWHERE).
    const PROTOCOLS: u32 = (1 << 31) - 1;

    /// A membership on the interface `index`, which has no next hop; `None` if it does not fit.
    #[inline]
    pub(crate) fn new(index: u32, protocol: u32, flags: MembershipFlags) -> Option<Self> {
        let fits = protocol < Self::PROTOCOLS && flags.contains(MembershipFlags::JOIN);
        let forward = u64::from(flags.contains(MembershipFlags::FORWARD));
        fits.then_some(Self(u64::from(index) << 32 | u64::from(protocol) << 1 | forward))
    }

    /// The index, the protocol and the flags; `None` if the memberships are elsewhere.
    #[inline]
    pub(crate) fn fields(self) -> Option<(u32, u32, MembershipFlags)> {
        let flags = match self.0 & 1 {
            0 => MembershipFlags::JOIN,
            _ => MembershipFlags::JOIN_AND_FORWARD,
        };
        (self != Self::ELSEWHERE).then_some(((self.0 >> 32) as u32, self.0 as u32 >> 1, flags))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back() {
        for index in [0, 1, u32::MAX] {
            for protocol in [0, 10, 0x0137_000a, SoleMembership::PROTOCOLS - 1] {
                for flags in [MembershipFlags::JOIN, MembershipFlags::JOIN_AND_FORWARD] {
                    let sole = SoleMembership::new(index, protocol, flags);
                    assert_eq!(sole.unwrap().fields(), Some((index, protocol, flags)));
                }
            }
        }
        assert_eq!(SoleMembership::ELSEWHERE.fields(), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let join = MembershipFlags::JOIN;
        for protocol in [SoleMembership::PROTOCOLS, 1 << 31, u32::MAX] {
            assert_eq!(SoleMembership::new(u32::MAX, protocol, join), None);
        }
        assert_eq!(SoleMembership::new(1, 1, MembershipFlags::FORWARD), None);
    }
}
