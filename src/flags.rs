//! What a membership stands for.

/// What a membership stands for: one flag or both, never none.
///
/// The bits are those of `mgm.h`. Only memberships with [`JOIN`](Self::JOIN) make a join.
///
/// # Examples
///
/// ```
/// use groupscan::MembershipFlags;
///
/// assert_eq!(MembershipFlags::from_bits(3), Some(MembershipFlags::JOIN_AND_FORWARD));
/// assert_eq!(MembershipFlags::from_bits(0), None);
/// let left = MembershipFlags::JOIN_AND_FORWARD.difference(MembershipFlags::JOIN);
/// assert_eq!(left, Some(MembershipFlags::FORWARD));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MembershipFlags(u8);

impl MembershipFlags {
    /// A receiver wants the traffic: `MGM_JOIN_STATE_FLAG`.
    pub const JOIN: Self = Self(1);

    /// The protocol forwards the traffic: `MGM_FORWARD_STATE_FLAG`. Kept, but no join.
    pub const FORWARD: Self = Self(2);

    /// Both flags.
    pub const JOIN_AND_FORWARD: Self = Self(3);

    /// The flags of some bits; `None` where no bit is set or an unknown one is.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            1..=3 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The bits of `mgm.h`.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other`'s flags are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and `other`'s.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These flags without `other`'s; `None` where nothing remains.
    pub const fn difference(self, other: Self) -> Option<Self> {
        Self::from_bits(self.0 & !other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::MembershipFlags;

    #[test]
    fn flags_are_never_empty_nor_unknown() {
        assert_eq!(MembershipFlags::from_bits(0), None);
        assert_eq!(MembershipFlags::from_bits(4), None);
        assert_eq!(MembershipFlags::from_bits(3), Some(MembershipFlags::JOIN_AND_FORWARD));
        let both = MembershipFlags::JOIN.union(MembershipFlags::FORWARD);
        assert_eq!(both, MembershipFlags::JOIN_AND_FORWARD);
        assert_eq!(both.difference(MembershipFlags::JOIN), Some(MembershipFlags::FORWARD));
        assert_eq!(both.difference(both), None);
        assert!(!MembershipFlags::FORWARD.contains(MembershipFlags::JOIN));
    }
}
