//! The flags of a membership.

use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

use super::parse::ParseError;

/// What a membership asks for: one flag or both, never none.
///
/// The bits are those of `mgm.h`. Only memberships with [`JOIN`](Self::JOIN) make a join. Prints as
/// `join`, `forward` or `join+forward`, and parses from the same.
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "&'static str", try_from = "String")
)]
pub struct MembershipFlags(u8);

impl MembershipFlags {
    /// A receiver wants the traffic: `MGM_JOIN_STATE_FLAG`.
    pub const JOIN: Self = Self(1);

    /// The protocol forwards the traffic: `MGM_FORWARD_STATE_FLAG`. Kept, but not a join.
    pub const FORWARD: Self = Self(2);

    /// Both flags.
    pub const JOIN_AND_FORWARD: Self = Self(3);

    /// The flags with these bits; `None` if no bit is set or an unknown one is.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            1..=3 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The bits of `mgm.h`.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other`'s flags are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and `other`'s.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These flags without `other`'s; `None` if nothing remains.
    #[must_use]
    pub const fn difference(self, other: Self) -> Option<Self> {
        Self::from_bits(self.0 & !other.0)
    }
}

impl BitOr for MembershipFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl From<MembershipFlags> for &'static str {
    fn from(flags: MembershipFlags) -> Self {
        match flags {
            MembershipFlags::JOIN => "join",
            MembershipFlags::FORWARD => "forward",
            _ => "join+forward",
        }
    }
}

impl fmt::Display for MembershipFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad((*self).into())
    }
}

impl FromStr for MembershipFlags {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "join" => Ok(Self::JOIN),
            "forward" => Ok(Self::FORWARD),
            "join+forward" => Ok(Self::JOIN_AND_FORWARD),
            _ => Err(ParseError::new("flags: join, forward or join+forward")),
        }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<String> for MembershipFlags {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
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
        for flags in [MembershipFlags::JOIN, MembershipFlags::FORWARD, both] {
            assert_eq!(flags.to_string().parse(), Ok(flags));
        }
        assert!("".parse::<MembershipFlags>().is_err());
    }
}
