//! Filters: what an enumeration is narrowed to.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::family::Family;
use crate::membership::Interface;

/// An address prefix: the addresses that share their leading bits.
///
/// Parses from `address/length`, or from an address alone, which is a prefix of full length.
///
/// # Examples
///
/// ```
/// use groupscan::{Prefix, V4};
///
/// let prefix: Prefix<V4> = "239.0.0.0/8".parse()?;
/// assert!(prefix.contains(V4::new(239, 1, 2, 3)));
/// assert!("239.1.0.0/8".parse::<Prefix<V4>>().is_err());
/// # Ok::<(), groupscan::PrefixError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix<F> {
    first: F,
    last: F,
    length: u8,
}

impl<F: Family> Prefix<F> {
    /// Every address.
    pub const ALL: Self = Self { first: F::UNSPECIFIED, last: F::MAX, length: 0 };

    /// The addresses that share the first `length` bits with `address`.
    ///
    /// # Errors
    ///
    /// [`PrefixError::TooLong`] for a length beyond the family's addresses,
    /// [`PrefixError::BitsBeyondLength`] where the address has bits set that do not count.
    pub fn new(address: F, length: u8) -> Result<Self, PrefixError> {
        let Some(host_bits) = F::BITS.checked_sub(length) else {
            return Err(PrefixError::TooLong { limit: F::BITS });
        };
        let host = 1u128.checked_shl(host_bits.into()).map_or(u128::MAX, |bit| bit - 1);
        let number = address.to_number();
        let first = F::from_number(number & !host);
        if first != address {
            return Err(PrefixError::BitsBeyondLength { prefix: format!("{first}/{length}") });
        }
        Ok(Self { first, last: F::from_number(number | host), length })
    }

    /// The lowest address of the prefix.
    pub fn first(&self) -> F {
        self.first
    }

    /// The highest address of the prefix.
    pub fn last(&self) -> F {
        self.last
    }

    /// How many leading bits count.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// Whether every address has the prefix.
    pub fn is_all(&self) -> bool {
        self.length == 0
    }

    /// Whether `address` has the prefix.
    #[inline]
    pub fn contains(&self, address: F) -> bool {
        self.first <= address && address <= self.last
    }
}

impl<F: Family> Default for Prefix<F> {
    fn default() -> Self {
        Self::ALL
    }
}

impl<F: Family> fmt::Display for Prefix<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

impl<F: Family> FromStr for Prefix<F> {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: F = address.parse().map_err(|_| PrefixError::NotAnAddress)?;
        let length = match length {
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                // Digits that are no number of 8 bits are a number too large.
                digits.parse().map_err(|_| PrefixError::TooLong { limit: F::BITS })?
            }
            Some(_) => return Err(PrefixError::NotALength),
            None => F::BITS,
        };
        Self::new(address, length)
    }
}

/// Why something is not a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrefixError {
    /// The part before the slash is not an address of the family.
    NotAnAddress,
    /// The part after the slash is not a number.
    NotALength,
    /// The length exceeds the number of bits of an address.
    TooLong {
        /// The greatest length of the family.
        limit: u8,
    },
    /// The address has bits set beyond the length.
    BitsBeyondLength {
        /// The prefix that has the address.
        prefix: String,
    },
}

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnAddress => f.write_str("not an address"),
            Self::NotALength => f.write_str("the length after the slash is not a number"),
            Self::TooLong { limit } => write!(f, "a prefix has at most {limit} bits"),
            Self::BitsBeyondLength { prefix } => {
                write!(f, "the address has bits set beyond the length; its prefix is {prefix}")
            }
        }
    }
}

impl Error for PrefixError {}

/// What an enumeration is narrowed to: groups of a prefix, sources of a prefix, one interface.
///
/// A source prefix other than that of every address admits no wildcards: (\*,G) has no source.
///
/// # Costs
///
/// Groups and interfaces are ranges of a set, found by searches: they cost what they leave. A source
/// prefix costs a look at every join of the groups and the interface that are left.
///
/// # Examples
///
/// ```
/// use groupscan::{Filter, Interface, V4};
///
/// let filter: Filter<V4> = Filter::all()
///     .group("232.0.0.0/8".parse()?)
///     .source("10.0.0.1".parse()?)
///     .interface(Interface::new(2));
/// # Ok::<(), groupscan::PrefixError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Filter<F> {
    group: Prefix<F>,
    source: Prefix<F>,
    interface: Option<Interface<F>>,
}

impl<F: Family> Filter<F> {
    /// Admits everything.
    pub const fn all() -> Self {
        Self { group: Prefix::ALL, source: Prefix::ALL, interface: None }
    }

    /// The same filter with groups of `prefix` only.
    pub fn group(self, prefix: Prefix<F>) -> Self {
        Self { group: prefix, ..self }
    }

    /// The same filter with sources of `prefix` only.
    pub fn source(self, prefix: Prefix<F>) -> Self {
        Self { source: prefix, ..self }
    }

    /// The same filter with what was joined on `interface` only, whoever joined.
    pub fn interface(self, interface: Interface<F>) -> Self {
        Self { interface: Some(interface), ..self }
    }

    /// The groups admitted.
    pub fn group_prefix(&self) -> Prefix<F> {
        self.group
    }

    /// The sources admitted.
    pub fn source_prefix(&self) -> Prefix<F> {
        self.source
    }

    /// The one interface admitted, or `None` for all.
    pub fn interface_filter(&self) -> Option<Interface<F>> {
        self.interface
    }

    /// Whether the prefixes admit the join (source, group).
    #[inline]
    pub fn admits(&self, group: F, source: F) -> bool {
        self.group.contains(group)
            && (self.source.is_all() || (!source.is_unspecified() && self.source.contains(source)))
    }
}

impl<F: Family> Default for Filter<F> {
    fn default() -> Self {
        Self::all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{V4, V6};

    fn v4(text: &str) -> Result<Prefix<V4>, PrefixError> {
        text.parse()
    }

    #[test]
    fn prefixes_have_their_first_and_last_address() {
        for (text, first, last) in [
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("224.0.0.0/4", "224.0.0.0", "239.255.255.255"),
            ("239.1.2.0/23", "239.1.2.0", "239.1.3.255"),
            ("239.1.2.3/32", "239.1.2.3", "239.1.2.3"),
            ("239.1.2.3", "239.1.2.3", "239.1.2.3"),
        ] {
            let prefix = v4(text).unwrap();
            assert_eq!(prefix.first(), first.parse::<V4>().unwrap(), "{text}");
            assert_eq!(prefix.last(), last.parse::<V4>().unwrap(), "{text}");
        }
        let prefix: Prefix<V6> = "ff3e::/16".parse().unwrap();
        assert_eq!(prefix.last(), "ff3e:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse::<V6>().unwrap());
        assert_eq!("::/0".parse::<Prefix<V6>>().unwrap(), Prefix::ALL);
        assert_eq!(prefix.to_string(), "ff3e::/16");
    }

    #[test]
    fn what_is_no_prefix_says_why() {
        for (text, error) in [
            ("", PrefixError::NotAnAddress),
            ("239.0.0/8", PrefixError::NotAnAddress),
            ("ff00::/8", PrefixError::NotAnAddress),
            ("239.0.0.0/", PrefixError::NotALength),
            ("239.0.0.0/+8", PrefixError::NotALength),
            ("239.0.0.0/33", PrefixError::TooLong { limit: 32 }),
            ("239.0.0.0/256", PrefixError::TooLong { limit: 32 }),
            ("239.0.0.0/99999999999999999999999", PrefixError::TooLong { limit: 32 }),
            ("239.1.0.0/8", PrefixError::BitsBeyondLength { prefix: "239.0.0.0/8".into() }),
        ] {
            assert_eq!(v4(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_source_prefix_drops_wildcards() {
        let group = V4::new(239, 0, 0, 1);
        let all = Filter::all();
        assert!(all.admits(group, V4::UNSPECIFIED));
        let low = all.source(v4("0.0.0.0/8").unwrap());
        assert!(!low.admits(group, V4::UNSPECIFIED));
        assert!(low.admits(group, V4::new(0, 0, 0, 1)));
        assert!(!low.admits(group, V4::new(10, 0, 0, 1)));
    }
}
