//! Routing protocols.

use std::fmt;
use std::str::FromStr;

use super::parse::ParseError;

/// The number of a routing protocol. The embedding router chooses it; the constants are suggestions.
///
/// Prints as `igmp`, `mld`, `pim`, `static` or its number, and parses from the same.
///
/// # Examples
///
/// ```
/// use groupscan::Protocol;
///
/// assert_eq!(Protocol::IGMP.to_string(), "igmp");
/// assert_eq!("11".parse(), Ok(Protocol::new(11)));
/// assert_eq!("10".parse(), Ok(Protocol::IGMP));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Protocol(u32);

impl Protocol {
    /// IGMP: `PROTO_IP_IGMP` of `routprot.h`, and `igmpOnly` of IANAipMRouteProtocol (IANA-RTPROTO-MIB).
    pub const IGMP: Self = Self(10);

    /// MLD: the IP protocol number of ICMPv6, which carries it.
    pub const MLD: Self = Self(58);

    /// PIM: `pimSparseMode` of IANAipMRouteProtocol (IANA-RTPROTO-MIB).
    pub const PIM: Self = Self(8);

    /// Static configuration: `netmgmt` of IANAipMRouteProtocol (IANA-RTPROTO-MIB).
    pub const STATIC: Self = Self(3);

    const NAMES: [(Self, &'static str); 4] =
        [(Self::IGMP, "igmp"), (Self::MLD, "mld"), (Self::PIM, "pim"), (Self::STATIC, "static")];

    /// The protocol with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl From<u32> for Protocol {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

impl From<Protocol> for u32 {
    fn from(protocol: Protocol) -> Self {
        protocol.0
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(protocol, _)| protocol == self) {
            Some((_, name)) => f.pad(name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl FromStr for Protocol {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let named = Self::NAMES.iter().find(|(_, name)| *name == text);
        let number = || text.parse().ok().map(Self);
        named
            .map(|(protocol, _)| *protocol)
            .or_else(number)
            .ok_or(ParseError::new("a protocol: igmp, mld, pim, static, or a number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_print_what_they_parse_from() {
        for number in [0, 3, 8, 10, 11, 58, u32::MAX] {
            let protocol = Protocol::new(number);
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
        }
        for text in ["", "IGMP", "-1", "4294967296", "igmp "] {
            assert!(text.parse::<Protocol>().is_err(), "{text}");
        }
        assert_eq!(format!("{:6}|", Protocol::PIM), "pim   |");
    }
}
