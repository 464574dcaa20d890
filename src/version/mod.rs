//! Versions: what a commit publishes, and how readers come to hold it.
//!
//! A commit makes a [`Root`], which never changes, and publishes it. A reader that takes a snapshot
//! holds the root that is published at that moment; the root dies with its last holder.
//!
//! ```text
//! writer ── publish ──▶ Publication ── load ──▶ reader
//!                           │
//!                  record ──▶ weak ──▶ Root ◀── the table, while it is current
//!                                           ◀── each snapshot
//! ```
//!
//! # Invariants
//!
//! - I1: a root never changes after it was published.
//! - I2: a root is freed when, and as soon as, neither the table nor a snapshot holds it. The
//!   publication does not count as a holder.

mod collector;
mod publication;

use std::fmt;
use std::sync::Arc;

use crate::family::{Families, Family, PerFamily};
use crate::interfaces::Interfaces;
use crate::set::KeySet;

pub(crate) use publication::Publication;

/// The number of a version of a table: 0 for the empty table, one more for each commit that
/// changed something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The version after this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One version of a table.
pub(crate) struct Root {
    pub(crate) version: Version,
    pub(crate) sets: Families<SetsPerFamily>,
}

impl Root {
    /// The empty table.
    pub(crate) fn empty() -> Self {
        Self {
            version: Version::default(),
            sets: Families { v4: Sets::empty(), v6: Sets::empty() },
        }
    }
}

/// Marks what is [`Sets`] for each family.
pub(crate) enum SetsPerFamily {}

impl PerFamily for SetsPerFamily {
    type Of<F: Family> = Sets<F>;
}

/// The same memberships of one family in the orders that readers ask for.
///
/// # Invariants
///
/// - I3: both sets of memberships hold the same memberships.
/// - I4: a (group, source) is among the joins exactly while a membership with
///   [`JOIN`](crate::MembershipFlags::JOIN) has it.
/// - I5: the slots that memberships name are taken.
pub(crate) struct Sets<F: Family> {
    pub(crate) joins: KeySet<F::Join>,
    pub(crate) by_group: KeySet<F::ByGroup>,
    pub(crate) by_interface: KeySet<F::ByInterface>,
    pub(crate) interfaces: Arc<Interfaces<F>>,
}

impl<F: Family> Sets<F> {
    fn empty() -> Self {
        Self {
            joins: KeySet::empty(),
            by_group: KeySet::empty(),
            by_interface: KeySet::empty(),
            interfaces: Arc::new(Interfaces::empty()),
        }
    }
}
