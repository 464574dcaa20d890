//! Interfaces.

use std::fmt;
use std::str::FromStr;

use super::family::Family;
use super::parse::ParseError;

/// An interface: its index, and on a point-to-multipoint interface (NBMA, dial-in) the next hop that
/// distinguishes its neighbors.
///
/// The pair is that of the Multicast Group Manager API (`dwIfIndex`, `dwIfNextHopAddr`). The interfaces of
/// the two address families are independent of each other. The order is that of RFC 5519: by index, then
/// by next hop.
///
/// Prints as its index, with a next hop as `index@address`, and parses from the same.
///
/// # Examples
///
/// ```
/// use groupscan::{Interface, V4};
///
/// let neighbor = Interface::with_next_hop(7, V4::new(192, 0, 2, 9));
/// assert_eq!(neighbor.to_string(), "7@192.0.2.9");
/// assert_eq!("2".parse(), Ok(Interface::<V4>::new(2)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Interface<F> {
    /// The interface's index.
    pub index: u32,
    /// The next hop; unspecified except on point-to-multipoint interfaces.
    pub next_hop: F,
}

impl<F: Family> Interface<F> {
    /// The interface with this index and no next hop.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self { index, next_hop: F::UNSPECIFIED }
    }

    /// The neighbor `next_hop` on a point-to-multipoint interface.
    #[must_use]
    pub const fn with_next_hop(index: u32, next_hop: F) -> Self {
        Self { index, next_hop }
    }
}

impl<F: Family> fmt::Display for Interface<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.next_hop.is_unspecified() {
            true => fmt::Display::fmt(&self.index, f),
            false => write!(f, "{}@{}", self.index, self.next_hop),
        }
    }
}

impl<F: Family> FromStr for Interface<F> {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = ParseError::new("an interface: INDEX or INDEX@NEXT-HOP");
        let (index, next_hop) = match text.split_once('@') {
            Some((index, next_hop)) => (index, next_hop.parse().map_err(|_| error)?),
            None => (text, F::UNSPECIFIED),
        };
        Ok(Self { index: index.parse().map_err(|_| error)?, next_hop })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn interfaces_print_what_they_parse_from() {
        for interface in [Interface::new(0), Interface::with_next_hop(7, Ipv4Addr::LOCALHOST)] {
            assert_eq!(interface.to_string().parse(), Ok(interface));
        }
        let v6 = Interface::with_next_hop(u32::MAX, Ipv6Addr::LOCALHOST);
        assert_eq!((v6.to_string().as_str(), v6.to_string().parse()), ("4294967295@::1", Ok(v6)));
        for text in ["", "@", "1@", "@10.0.0.1", "eth0", "1@::1"] {
            assert!(text.parse::<Interface<Ipv4Addr>>().is_err(), "{text}");
        }
    }
}
