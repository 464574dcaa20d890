//! An in-memory table of the multicast groups that hosts have joined: MVCC over copy-on-write B+trees.
//! Readers enumerate an immutable snapshot at memory speed while protocols change the table, and neither
//! waits for the other.
//!
//! A router embeds it. Protocols [join](WriteTxn::join) and [leave](WriteTxn::leave) groups in transactions.
//! Show commands, SNMP walks and protocols that start take a [`Snapshot`] and
//! [enumerate](FamilySnapshot::enumerate) it, in any number of calls. The contract is that of the group
//! enumeration of the Windows Multicast Group Manager (`MgmGroupEnumerationStart`, `GetNext`, `End`). What
//! its documentation leaves open is promised here: one version from start to end, each record once, in order,
//! into any buffer, from any number of threads.
//!
//! ```
//! use groupscan::{Filter, GroupTable, Interface, Join, Membership, Protocol, V4, View};
//!
//! let table = GroupTable::new();
//! let lan = Interface::new(2);
//! let specific = Join::new(V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1));
//! let any = Join::any_source(V4::new(239, 1, 1, 1));
//!
//! let mut txn = table.begin_write();
//! txn.join(&Membership::new(specific, lan, Protocol::IGMP))?;
//! txn.join(&Membership::new(any, lan, Protocol::IGMP))?;
//! txn.commit();
//!
//! let enumeration = table.snapshot()?.ipv4().enumerate(View::AllSources, Filter::all());
//! let mut buffer = [0; 1024];
//! let batch = enumeration.get_next(&mut buffer)?;
//! let shown: Vec<String> = batch.into_iter().map(ToString::to_string).collect();
//! assert_eq!(shown, ["(10.0.0.1, 232.1.1.1)", "(*, 239.1.1.1)"]);
//! assert!(!batch.more());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which type do I want?
//!
//! | to | use |
//! |---|---|
//! | keep a table | [`GroupTable`], [`Limits`]; errors: [`OutOfMemory`] |
//! | change it | [`WriteTxn`]; errors: [`WriteError`] |
//! | name what is joined | [`Join`] |
//! | name a join by a protocol on an interface | [`Membership`] with [`Interface`], [`Protocol`] and [`MembershipFlags`] |
//! | be generic over IPv4 and IPv6 | [`Family`]: [`V4`], [`V6`] |
//! | query one version | [`Snapshot`] of a [`Version`], [`FamilySnapshot`]; errors: [`SnapshotError`] |
//! | iterate over records | [`records`]: [`Records`] of a [`View`] |
//! | fill buffers, or skip to a place | [`enumerate`]: [`Enumeration`] of a `View` and a [`Filter`] of [`Prefix`]es |
//! | get one buffer full | [`get_next`]: [`Batch`]; errors: [`GetNextError`] |
//! | scan with several threads | share an `Enumeration`, or [`split`] it |
//! | continue in a later version | [`position`], [`resume_after`]: [`Position`] |
//! | list the memberships of an interface, or all | [`enumerate_memberships`], [`enumerate_all_memberships`] in a [`MembershipOrder`]: [`Kind`] [`Memberships`] instead of [`Joins`] |
//! | step behind any key, as an SNMP GETNEXT | [`outgoing`]: [`Outgoing`]; [`interfaces`]: [`Interfaces`]; [`all_memberships`]: [`AllMemberships`] |
//! | read all keys without a copy | [`join_keys`]: [`JoinKeys`] of [`JoinKey4`] or [`JoinKey6`] ([`JoinKey`]) |
//! | know the layout of records | [`SourceGroupEntry`], [`MembershipEntry`]; [`SourceGroupEntry6`], [`MembershipEntry6`] |
//! | watch memory | [`stats`]: [`Stats`], [`FamilyStats`]; [`retained`]: [`Retained`]; [`layout`]: [`Layout`], [`IndexLayout`] |
//! | make it small and fast again | [`compact`], or leave it to commits ([`Limits::with_compaction`]); [`GroupTable::trim`] |
//! | change many memberships | [`leave_all`](GroupTable::leave_all), [`leave_everywhere`](GroupTable::leave_everywhere): [`Committed`]; [`WriteTxn::replace_with`] [`ReplacedFlags`] |
//! | let others write in between | [`WriteTxn::replace_step`] and the like: [`Step`], [`JoinOn`] |
//! | compare instruction sets | [`SimdLevel`] |
//! | parse text | `FromStr` of these types; errors: [`ParseError`], [`PrefixError`] |
//! | share a table among protocols, as `mgm.h` does | [`manager::GroupManager`] |
//!
//! [`records`]: FamilySnapshot::records
//! [`enumerate`]: FamilySnapshot::enumerate
//! [`enumerate_memberships`]: FamilySnapshot::enumerate_memberships
//! [`enumerate_all_memberships`]: FamilySnapshot::enumerate_all_memberships
//! [`outgoing`]: FamilySnapshot::outgoing
//! [`interfaces`]: FamilySnapshot::interfaces
//! [`all_memberships`]: FamilySnapshot::all_memberships
//! [`join_keys`]: FamilySnapshot::join_keys
//! [`get_next`]: Enumeration::get_next
//! [`split`]: Enumeration::split
//! [`position`]: Enumeration::position
//! [`resume_after`]: Enumeration::resume_after
//! [`stats`]: GroupTable::stats
//! [`retained`]: GroupTable::retained
//! [`layout`]: FamilySnapshot::layout
//! [`compact`]: GroupTable::compact
//!
//! # Consistency
//!
//! - A snapshot, and each enumeration of it, shows exactly one version: all of a transaction or nothing of
//!   it.
//! - Transactions are serialised, and each commit that changes something makes the next version. A snapshot
//!   has every commit that returned before it was taken, on any thread.
//! - Both families share versions: one snapshot has IPv4 and IPv6 of the same moment.
//! - An enumeration returns each record once, ascending by (group, source), or in a [`MembershipOrder`].
//!   Threads that share it get disjoint batches. Interfaces ascend by (index, next hop), as in RFC 5519.
//! - A call that returns an error has changed nothing.
//!
//! # Trade-offs
//!
//! - Readers never wait. Taking a snapshot costs a load and a counted reference. A snapshot that is held for
//!   long retains the nodes of its version, and nothing else.
//! - Writers take turns, first come, first served. A transaction copies each leaf that it changes, and the
//!   path to it, once; so combine many changes in one. Writers, not readers, free the nodes of dead versions.
//! - The bytes of nodes are counted, and bounded by [`Limits`]. At the limits joins and snapshots are
//!   refused; leaves are not. Commits give memory back while most of it is free, [`GroupTable::trim`] at any
//!   time.
//! - Records are computed while they are packed: an enumeration reads 8 bytes of an IPv4 join, and writes 16.
//! - A join is in two indexes, or three if it has several memberships: every query is cheap, and updates are
//!   not. One join and its commit take up to 1.5 µs at a million joins and some 40 bytes, several times what
//!   a `BTreeSet` behind a lock takes. If you update often and rarely enumerate, prefer a locked `BTreeSet`;
//!   an enumeration under its lock stops the writers.
//! - Commits also fill up leaves that changes left partly filled, at some 2 % of their cost.
//!
//! # Features
//!
//! - `serde`: `Serialize` and `Deserialize` for [`Join`], [`Membership`] and their parts, and for [`View`],
//!   [`Filter`], [`Prefix`] and [`Position`].

#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod enumeration;
mod handles;
mod index;
#[cfg(feature = "__internals")]
#[doc(hidden)]
pub mod internals;
pub mod manager;
mod mvcc;
mod simd;
mod sync;
mod table;
mod tree;
mod types;

pub use enumeration::{
    Batch, Enumeration, Filter, GetNextError, JoinKeys, Joins, Kind, Memberships, Position,
    Records, View,
};
pub use mvcc::Version;
pub use simd::SimdLevel;
pub use table::{
    AllMemberships, Committed, FamilySnapshot, FamilyStats, GroupTable, IndexLayout, Interfaces,
    JoinOn, Layout, Limits, OutOfMemory, Outgoing, ReplacedFlags, Retained, RetainedError,
    Snapshot, SnapshotError, Stats, Step, WriteError, WriteTxn,
};
pub use types::{
    Family, Interface, Join, JoinKey, JoinKey4, JoinKey6, Membership, MembershipEntry,
    MembershipEntry6, MembershipFlags, MembershipOrder, ParseError, Prefix, PrefixError, Protocol,
    SourceGroupEntry, SourceGroupEntry6, V4, V6,
};

/// These types can be shared between threads, and outlive the table.
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

/// Compiles and runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
