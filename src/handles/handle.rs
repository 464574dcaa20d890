//! Handles: numbers that clients hold in place of pointers.
//!
//! ```text
//! bit 63                         18 17            2 1   0
//!     | serial of the process      | index         | kind |
//! ```
//!
//! # Invariants
//!
//! - I1: no two handles that a process issues are equal, whichever manager issued them: each has its own
//!   serial. (Serials repeat after 2⁴⁶ handles: at a million per second, after two years.)
//! - I2: the kind is 1 or 2, so neither 0 nor all ones is a handle.

use std::fmt;

/// The kind of a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Tag {
    Protocol = 1,
    Enumeration = 2,
}

const TAG_BITS: u32 = 2;
const INDEX_BITS: u32 = 16;
const SERIAL_BITS: u32 = 64 - INDEX_BITS - TAG_BITS;

/// The most handles of one table: those that indices distinguish.
pub(crate) const MAX_HANDLES: usize = 1 << INDEX_BITS;

/// A serial that no handle of the process has had (I1).
fn serial() -> u64 {
    // Not from `crate::sync`: no checker needs to see it, since only its uniqueness matters.
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Relaxed: the number publishes no other memory.
    NEXT.fetch_add(1, Ordering::Relaxed) & ((1 << SERIAL_BITS) - 1)
}

/// The bits of a new handle for the entry at `index`.
pub(super) fn issue(tag: Tag, index: u32) -> u64 {
    serial() << (INDEX_BITS + TAG_BITS) | u64::from(index) << TAG_BITS | tag as u64
}

/// The index in a handle of kind `tag`; `None` if the handle is of another kind.
#[inline]
pub(super) fn index(bits: u64, tag: Tag) -> Option<usize> {
    let is_of_kind = bits & ((1 << TAG_BITS) - 1) == tag as u64;
    is_of_kind.then_some((bits >> TAG_BITS) as usize & (MAX_HANDLES - 1))
}

/// Defines a kind of handle.
macro_rules! handle {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        ///
        /// It is a number and owns nothing: all its copies become invalid together. The manager checks a
        /// handle on each use; a stale or invented one gets
        /// [`ManagerError::InvalidHandle`](crate::manager::ManagerError::InvalidHandle). No two handles
        /// that a process issues are equal.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            bits: u64,
        }

        impl $name {
            /// The handle with these bits, which [`to_bits`](Self::to_bits) returned.
            #[must_use]
            pub const fn from_bits(bits: u64) -> Self {
                Self { bits }
            }

            /// The bits of the handle. If a manager issued it, they are neither 0 nor all ones.
            #[must_use]
            pub const fn to_bits(self) -> u64 {
                self.bits
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:#x})", stringify!($name), self.bits)
            }
        }
    };
}

handle! {
    /// Names a routing protocol that is registered with a
    /// [`GroupManager`](crate::manager::GroupManager).
    ProtocolHandle
}

handle! {
    /// Names an enumeration that a [`GroupManager`](crate::manager::GroupManager) runs.
    EnumerationHandle
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn handles_are_unique_and_know_their_indices() {
        let last = (MAX_HANDLES - 1) as u32;
        let mut issued = BTreeSet::new();
        for tag in [Tag::Protocol, Tag::Enumeration] {
            let other = if tag == Tag::Protocol { Tag::Enumeration } else { Tag::Protocol };
            for of in [0, 1, last, 0, 1, last] {
                let bits = issue(tag, of);
                assert!(issued.insert(bits));
                assert_eq!(index(bits, tag), Some(of as usize));
                assert_eq!(index(bits, other), None);
            }
        }
        for never in [0, u64::MAX] {
            assert!(!issued.contains(&never));
            assert_eq!((index(never, Tag::Protocol), index(never, Tag::Enumeration)), (None, None));
        }
    }

    #[test]
    fn handles_are_their_bits() {
        let handle = ProtocolHandle::from_bits(0x12345);
        assert_eq!(handle.to_bits(), 0x12345);
        assert_eq!(format!("{handle:?}"), "ProtocolHandle(0x12345)");
    }
}
