//! Orders of memberships.

use std::fmt;
use std::str::FromStr;

use super::parse::ParseError;

/// An order of all memberships of a family.
///
/// Interfaces order by index, then by next hop, as in RFC 5519. Prints as `by-group` or `by-interface`, and
/// parses from the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum MembershipOrder {
    /// By group, source, interface and protocol.
    ByGroup,
    /// By interface, group, source and protocol.
    ByInterface,
}

impl MembershipOrder {
    /// Both orders.
    pub const ALL: [Self; 2] = [Self::ByGroup, Self::ByInterface];

    /// The name that the order prints as.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByGroup => "by-group",
            Self::ByInterface => "by-interface",
        }
    }
}

impl fmt::Display for MembershipOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for MembershipOrder {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let found = Self::ALL.into_iter().find(|order| order.name() == text);
        found.ok_or(ParseError::new("an order of memberships: by-group or by-interface"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_print_what_they_parse_from() {
        for order in MembershipOrder::ALL {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        assert!("group".parse::<MembershipOrder>().is_err());
    }
}
