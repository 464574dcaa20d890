//! Address prefixes.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::family::Family;

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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "String", try_from = "String", bound = "F: Family")
)]
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
    /// [`PrefixError::BitsBeyondLength`] if the address has bits set beyond the length.
    pub fn new(address: F, length: u8) -> Result<Self, PrefixError> {
        let Some(host_bits) = F::BITS.checked_sub(length) else {
            return Err(PrefixError::TooLong { limit: F::BITS });
        };
        let host = 1u128.checked_shl(host_bits.into()).map_or(u128::MAX, |bit| bit - 1);
        let number = address.to_number();
        let first = F::from_number(number & !host);
        if first != address {
            return Err(PrefixError::BitsBeyondLength { network: first.into(), length });
        }
        Ok(Self { first, last: F::from_number(number | host), length })
    }

    /// The lowest address of the prefix.
    #[must_use]
    pub fn first(&self) -> F {
        self.first
    }

    /// The highest address of the prefix.
    #[must_use]
    pub fn last(&self) -> F {
        self.last
    }

    /// The number of leading bits that count.
    #[must_use]
    pub fn length(&self) -> u8 {
        self.length
    }

    /// Whether every address has the prefix.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.length == 0
    }

    /// Whether `address` has the prefix.
    #[inline]
    #[must_use]
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
                // Digits that do not fit into 8 bits are too large a number.
                digits.parse().map_err(|_| PrefixError::TooLong { limit: F::BITS })?
            }
            Some(_) => return Err(PrefixError::NotALength),
            None => F::BITS,
        };
        Self::new(address, length)
    }
}

/// Why a text, or an address with a length, is not a prefix. A retry with the same input fails again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        /// The address without these bits.
        network: IpAddr,
        /// The length.
        length: u8,
    },
}

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnAddress => f.write_str("not an address"),
            Self::NotALength => f.write_str("the length after the slash is not a number"),
            Self::TooLong { limit } => write!(f, "a prefix has at most {limit} bits"),
            Self::BitsBeyondLength { network, length } => {
                write!(
                    f,
                    "the address has bits set beyond the length; its prefix is {network}/{length}"
                )
            }
        }
    }
}

impl Error for PrefixError {}

#[cfg(feature = "serde")]
impl<F: Family> From<Prefix<F>> for String {
    fn from(prefix: Prefix<F>) -> Self {
        prefix.to_string()
    }
}

#[cfg(feature = "serde")]
impl<F: Family> TryFrom<String> for Prefix<F> {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::family::{V4, V6};

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
    fn an_error_says_what_is_wrong() {
        for (text, error) in [
            ("", PrefixError::NotAnAddress),
            ("239.0.0/8", PrefixError::NotAnAddress),
            ("ff00::/8", PrefixError::NotAnAddress),
            ("239.0.0.0/", PrefixError::NotALength),
            ("239.0.0.0/+8", PrefixError::NotALength),
            ("239.0.0.0/33", PrefixError::TooLong { limit: 32 }),
            ("239.0.0.0/256", PrefixError::TooLong { limit: 32 }),
            ("239.0.0.0/99999999999999999999999", PrefixError::TooLong { limit: 32 }),
            (
                "239.1.0.0/8",
                PrefixError::BitsBeyondLength { network: V4::new(239, 0, 0, 0).into(), length: 8 },
            ),
        ] {
            assert_eq!(v4(text), Err(error), "{text:?}");
        }
    }
}
