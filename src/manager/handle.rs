//! What clients are given in the place of pointers.
//!
//! ```text
//! bit 63                         18 17            2 1   0
//!     | serial of the process      | slot          | kind |
//! ```
//!
//! # Invariants
//!
//! - I1: no two handles that a process issues are equal, whichever manager issued them: each has a
//!   serial of its own. (After 2⁴⁶ of them serials begin anew: at a million a second in two years.)
//! - I2: the kind is 1 or 2, so neither 0 nor a number of ones only is a handle.

use std::fmt;

/// What a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Tag {
    Protocol = 1,
    Enumeration = 2,
}

const TAG_BITS: u32 = 2;
const SLOT_BITS: u32 = 16;
const SERIAL_BITS: u32 = 64 - SLOT_BITS - TAG_BITS;

/// The most slots that handles tell apart.
pub(super) const SLOTS: usize = 1 << SLOT_BITS;

/// A number that no handle of the process has had.
fn serial() -> u64 {
    // Never one of a checker's: only its being unique matters.
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Relaxed: nothing else goes with the number.
    NEXT.fetch_add(1, Ordering::Relaxed) & ((1 << SERIAL_BITS) - 1)
}

/// The bits of a new handle for a slot.
pub(super) fn issue(tag: Tag, slot: u32) -> u64 {
    serial() << (SLOT_BITS + TAG_BITS) | u64::from(slot) << TAG_BITS | tag as u64
}

/// The slot of a handle of a kind; `None` where it is of another.
#[inline]
pub(super) fn slot(bits: u64, tag: Tag) -> Option<usize> {
    let is_of_kind = bits & ((1 << TAG_BITS) - 1) == tag as u64;
    is_of_kind.then_some((bits >> TAG_BITS) as usize & (SLOTS - 1))
}

/// Defines a kind of handle.
macro_rules! handle {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        ///
        /// It is a number and owns nothing: copies stand for the same thing, until somebody ends that.
        /// The manager checks it at each use, so a stale or a made-up one gets
        /// [`ManagerError::InvalidHandle`](super::ManagerError::InvalidHandle). No two handles of a
        /// process are equal.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            bits: u64,
        }

        impl $name {
            /// A handle of some bits, such as [`to_bits`](Self::to_bits) gave.
            pub const fn from_bits(bits: u64) -> Self {
                Self { bits }
            }

            /// The bits of the handle: neither 0 nor all ones, if a manager issued it.
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
    /// Stands for a routing protocol that is registered with a
    /// [`GroupManager`](super::GroupManager).
    ProtocolHandle
}

handle! {
    /// Stands for an enumeration that a [`GroupManager`](super::GroupManager) runs.
    EnumerationHandle
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn handles_are_unique_and_know_their_slots() {
        let last = (SLOTS - 1) as u32;
        let mut issued = BTreeSet::new();
        for tag in [Tag::Protocol, Tag::Enumeration] {
            let other = if tag == Tag::Protocol { Tag::Enumeration } else { Tag::Protocol };
            for of in [0, 1, last, 0, 1, last] {
                let bits = issue(tag, of);
                assert!(issued.insert(bits));
                assert_eq!(slot(bits, tag), Some(of as usize));
                assert_eq!(slot(bits, other), None);
            }
        }
        for never in [0, u64::MAX] {
            assert!(!issued.contains(&never));
            assert_eq!((slot(never, Tag::Protocol), slot(never, Tag::Enumeration)), (None, None));
        }
    }

    #[test]
    fn handles_are_their_bits() {
        let handle = ProtocolHandle::from_bits(0x12345);
        assert_eq!(handle.to_bits(), 0x12345);
        assert_eq!(format!("{handle:?}"), "ProtocolHandle(0x12345)");
    }
}
