//! Joins.

use std::fmt;
use std::str::FromStr;

use super::family::Family;
use super::parse::ParseError;

/// A joined (group, source).
///
/// The unspecified source makes an *any-source* join, (\*,G); any other a *source-specific* one, (S,G). The
/// unspecified group together with the unspecified source is (\*,\*).
///
/// Ordered by group, then by source, as enumerations are. Prints as `(source, group)` with `*` for any, as
/// the RFCs do, and parses from the same, with or without the parentheses.
///
/// # Examples
///
/// ```
/// use groupscan::{Join, V4};
///
/// let group = V4::new(232, 1, 1, 1);
/// let join = Join::new(group, V4::new(10, 0, 0, 1));
/// assert_eq!(join.to_string(), "(10.0.0.1, 232.1.1.1)");
/// assert!(Join::any_source(group) < join);
/// assert_eq!("(*, 232.1.1.1)".parse(), Ok(Join::any_source(group)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Join<F> {
    /// The group; unspecified for (\*,\*).
    pub group: F,
    /// The source; unspecified for an any-source join.
    pub source: F,
}

impl<F: Family> Join<F> {
    /// The join of `group` from `source`; the unspecified source means any.
    #[must_use]
    #[inline]
    pub const fn new(group: F, source: F) -> Self {
        Self { group, source }
    }

    /// The any-source join of `group`, (\*,G).
    #[must_use]
    #[inline]
    pub const fn any_source(group: F) -> Self {
        Self { group, source: F::UNSPECIFIED }
    }

    /// The join of a record.
    #[must_use]
    #[inline]
    pub fn from_entry(entry: &F::Entry) -> Self {
        let (group, source) = F::group_and_source(entry);
        Self { group, source }
    }

    /// The record of the join: what enumerations put into buffers.
    #[must_use]
    #[inline]
    pub fn to_entry(self) -> F::Entry {
        F::entry(self.group, self.source)
    }

    /// Whether this is an any-source join: (\*,G) or (\*,\*).
    #[must_use]
    #[inline]
    pub fn is_any_source(self) -> bool {
        self.source.is_unspecified()
    }
}

impl<F: Family> fmt::Display for Join<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (address, after) in [(self.source, ", "), (self.group, ")")] {
            if address.is_unspecified() {
                f.write_str("*")?;
            } else {
                write!(f, "{address}")?;
            }
            f.write_str(after)?;
        }
        Ok(())
    }
}

impl<F: Family> FromStr for Join<F> {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = ParseError::new("a join: (SOURCE, GROUP), with * for any");
        let address = |text: &str| match text.trim() {
            "*" => Ok(F::UNSPECIFIED),
            text => text.parse().map_err(|_| error),
        };
        let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text);
        let (source, group) = inner.split_once(',').ok_or(error)?;
        Ok(Self { group: address(group)?, source: address(source)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn joins_print_what_they_parse_from() {
        let (group, source) = (Ipv4Addr::new(232, 1, 1, 1), Ipv4Addr::new(10, 0, 0, 1));
        let any = Join::any_source(Ipv4Addr::UNSPECIFIED);
        for join in [Join::new(group, source), Join::any_source(group), any] {
            assert_eq!(join.to_string().parse(), Ok(join));
        }
        assert_eq!("10.0.0.1,232.1.1.1".parse(), Ok(Join::new(group, source)));
        let v6 = Join::any_source("ff3e::1".parse::<Ipv6Addr>().unwrap());
        assert_eq!((v6.to_string().as_str(), v6.to_string().parse()), ("(*, ff3e::1)", Ok(v6)));
        for text in ["", "*", "(*)", "(*, 232.1.1.1", "*, ff3e::1", "(a, b)", "(*, 232.1.1.1, *)"] {
            assert!(text.parse::<Join<Ipv4Addr>>().is_err(), "{text}");
        }
    }
}
