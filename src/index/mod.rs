//! The memberships of a table: the indexes of a version, and the changes of a transaction.
//!
//! ```text
//! joins           (group, source)                           what an enumeration of joins reads
//! by_group        (group, source, interface, protocol)      on which interfaces a group is joined
//! by_interface    (interface, group, source, protocol)      what is joined on an interface
//! interfaces      interface ──▶ interface id
//! interface_ids   interface id ──▶ interface
//! ```
//!
//! Inside the indexes an interface has a small number, its interface id.
//!
//! Files, from the bottom up: [`error`]; [`interface_ids`] assigns interface ids; [`indexes`] has the indexes;
//! [`single`] changes one membership, [`resync`] all memberships of a protocol on an interface.
//!
//! # Invariants
//!
//! - I1: `by_group` and `by_interface` have the same memberships.
//! - I2: a (group, source) is in `joins` exactly while it has a membership with the flag
//!   [`JOIN`](crate::MembershipFlags::JOIN).
//! - I3: an interface has an id exactly while it has memberships. `interfaces` and `interface_ids` have the
//!   same interfaces.
//!
//! # Costs
//!
//! A change of one membership edits up to three indexes: O(log n), with one copied path per index, and on a
//! removal up to one neighbour per level. A change of an interface's first or last membership edits all five.

mod error;
mod indexes;
mod interface_ids;
mod resync;
mod single;
#[cfg(test)]
mod tests;

pub use error::WriteError;
pub(crate) use indexes::{Figures, Indexes, TableIndexes, TableTxn, id_range};
pub(crate) use resync::replace;
pub(crate) use single::{join, leave};
