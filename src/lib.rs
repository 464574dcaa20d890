//! A table of the multicast groups that hosts have joined, which is enumerated at memory speed, at
//! one point in time, while protocols go on changing it.
//!
//! A router embeds it. Routing protocols [join](WriteTxn::join) and [leave](WriteTxn::leave) groups
//! in transactions; show commands, SNMP walks and protocols that start up take a [`Snapshot`] and
//! [enumerate](Snapshot::enumerate) it in as many calls as they like. The contract is that of the
//! group enumeration of the Windows Multicast Group Manager (`MgmGroupEnumerationStart`, `GetNext`,
//! `End`), with what its documentation leaves open promised: one version from start to end, each
//! record once, in order, into any buffer, from any number of threads.
//!
//! ```
//! use groupscan::{Filter, GroupTable, Interface, Membership, Protocol, V4, View};
//!
//! let table = GroupTable::new();
//! let lan = Interface::new(2);
//! let mut txn = table.begin_write();
//! txn.join(&Membership::any_source(V4::new(239, 1, 1, 1), lan, Protocol::IGMP))?;
//! txn.join(&Membership::source_specific(
//!     V4::new(232, 1, 1, 1),
//!     V4::new(10, 0, 0, 1),
//!     lan,
//!     Protocol::IGMP,
//! ))?;
//! txn.commit();
//!
//! let enumeration = table.snapshot()?.enumerate(View::AllSources, Filter::<V4>::all());
//! let mut buffer = [0; 64];
//! let batch = enumeration.get_next(&mut buffer)?;
//! let shown: Vec<String> = batch.entries().iter().map(ToString::to_string).collect();
//! assert_eq!(shown, ["(10.0.0.1, 232.1.1.1)", "(*, 239.1.1.1)"]);
//! assert!(!batch.more());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Several protocols that know nothing of each other share a [`manager::GroupManager`], which keeps who
//! owns which interface, and gives handles for enumerations; the C functions of `mgm.h` are the same.
//!
//! # Trade-offs
//!
//! - Readers never wait: taking a snapshot is a load and a count. A reader that keeps its snapshot
//!   for long keeps that one version's memory, and nothing else.
//! - Writers take turns. A transaction copies each leaf that it changes once, and the way to it, so many
//!   changes belong in one. Freeing the nodes that dead versions left is the writers' work, not the readers'.
//! - Memory is counted in nodes, and bounded by [`Limits`]: at the bounds joins and snapshots are
//!   refused, leaves are not. A table keeps the memory that it once had until it is dropped.
//! - Records are derived while they are packed: a join takes 8 bytes in its set and streams as 16.
//! - Three sets of all memberships make every question cheap, and a change dear: one join and its commit
//!   take 1 to 2 µs and 60 bytes, several times what a `BTreeSet` behind a lock takes. Who changes often and
//!   seldom enumerates is better off with that; an enumeration under its lock stops the writers.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `capi` | `ffi`: the C ABIs of `mgm.h` and `groupscan.h` |
//! | `input` | `input`: readers of packet captures |
//! | `cli` | the command line `groupscan` |

#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod collector;
mod enumeration;
mod family;
#[cfg(feature = "capi")]
pub mod ffi;
mod flags;
#[cfg(feature = "input")]
pub mod input;
#[doc(hidden)]
pub mod internals;
mod key;
pub mod manager;
mod membership;
mod pack;
mod prefetch;
mod record;
mod sets;
mod snapshot;
mod stats;
mod sync;
mod table;
mod tree;
mod version;

pub use enumeration::{
    Batch, Enumeration, Filter, GetNextError, JoinKeys, Joins, Kind, Memberships, Position, Prefix,
    PrefixError, Records, View,
};
pub use family::{Family, V4, V6};
pub use flags::MembershipFlags;
pub use key::{JoinKey, JoinKey4, JoinKey6};
pub use membership::{Interface, Membership, Protocol};
pub use pack::Kernel;
pub use record::{
    ChangeEntry, ChangeEntry6, ChangeKind, MembershipEntry, MembershipEntry6, SourceGroupEntry,
    SourceGroupEntry6,
};
pub use snapshot::Snapshot;
pub use stats::{FamilyStats, Retained, Stats};
pub use table::{GroupTable, Limits, SnapshotError, WriteError, WriteTxn};
pub use version::Version;

/// What threads share must be shareable, and must not be tied to the life of the table.
const _: () = {
    const fn shareable<T: Send + Sync + 'static>() {}
    shareable::<GroupTable>();
    shareable::<manager::GroupManager>();
    shareable::<Snapshot>();
    shareable::<Enumeration<V4>>();
    shareable::<Enumeration<V6>>();
    shareable::<Enumeration<V4, Memberships>>();
    shareable::<Records<V6>>();
};

/// The examples of the README, compiled and run as the crate's own are.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
