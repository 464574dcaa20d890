//! The memberships of a table: the indexes of a version, and the changes of a transaction.
//!
//! ```text
//! joins           (group, source)                                   ──▶ its sole membership, or "elsewhere"
//! by_group        (group, source, interface, next hop, protocol)    ──▶ flags
//! by_interface    (interface, group, source, protocol)              ──▶ flags
//! by_neighbor     (interface, next hop, group, source, protocol)    ──▶ flags
//! ```
//!
//! Most joins have one membership, on an interface without a next hop. Its interface, protocol and flags fit
//! into a word beside the join, so a change of it edits two indexes: `joins` and `by_interface`. The
//! memberships of the other joins, and those that make no join, are in `by_group`. So there are two orders:
//!
//! ```text
//! by group        (group, source, interface, next hop, protocol)    joins with sole memberships, by_group
//! by interface    (interface, next hop, group, source, protocol)    by_interface, by_neighbor
//! ```
//!
//! Interfaces order by (index, next hop), as in RFC 5519.
//!
//! Files, from the bottom up: [`error`]; [`sweeps`] is how far compaction has got; [`indexes`] has the
//! indexes; [`merge`] reads two of them in one order; [`mod@write`] changes them and keeps them equal;
//! [`single`] changes one membership, [`resync`] all memberships of a protocol on an interface;
//! [`mod@compact`] rewrites leaves that are partly filled.
//!
//! # Invariants
//!
//! - I1: a membership is in `by_interface` if its interface has no next hop, and in `by_neighbor` if it has
//!   one.
//! - I2: a (group, source) is in `joins` exactly while it has a membership with the flag
//!   [`JOIN`](crate::MembershipFlags::JOIN).
//! - I3: the value of a join is its membership with that flag, if there is only one and it
//!   [fits](crate::types::sole::SoleMembership); or else the mark that its memberships are elsewhere. All
//!   memberships but those in values of `joins` are in `by_group`.
//! - I4: `interface_count` counts the interfaces of `by_interface` and `by_neighbor`.
//!
//! # Costs
//!
//! A change of one membership edits two indexes if it is the only one of its join, and up to three otherwise:
//! O(log n). In the first two it descends once, and each edit copies one path.

mod compact;
mod error;
mod indexes;
mod merge;
mod resync;
mod single;
mod sweeps;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use compact::{compact, keep_up};
pub use error::{OutOfMemory, WriteError};
pub(crate) use indexes::{
    Direct, Figures, Indexes, InterfaceIndex, Neighbor, TableIndexes, TableTxn, flags_of,
};
pub(crate) use merge::{ByGroup, ByInterface, Found, Merge, Order, Ranks};
pub use resync::JoinOn;
pub(crate) use resync::{Part, Wanted, leave_everywhere, replace};
pub(crate) use single::{join, leave};
