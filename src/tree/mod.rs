//! An ordered map from keys to values: a copy-on-write B+tree.
//!
//! A transaction changes its own copy of a tree. The first change to a node of an earlier version copies
//! that node and the path above it into nodes of the transaction's own version; later changes edit these
//! nodes in place. So the tree of a version never changes, versions share the nodes that they have in
//! common, and a batch of changes copies each node once.
//!
//! ```text
//! version 7      root 7 ──┬──▶ leaf 3
//!                         └──▶ leaf 7
//!                                          a change in the first leaf
//! version 8      root 8 ──┬──▶ leaf 8
//!                         └──▶ leaf 7      shared; root 7 and leaf 3 are retired
//! ```
//!
//! A leaf has keys, and behind them their values; a branch has separators, children and cumulative counts. An
//! ordered set is a map to `()`. Leaves are not linked to each other, because a copy of one would force a
//! copy of its neighbour, and so of all leaves. A cursor finds the next leaf from the parent.
//!
//! Files, from the bottom up:
//!
//! - memory: [`slot`] is memory for one node; [`free_list`] and [`list`] link slots and nodes; [`reserve`]
//!   has requests for slots; `chunk` and [`source`] get slots from the system, and `trim` gives chunks back;
//!   [`pool`] has the slots of a table;
//! - nodes: [`search`] searches the entries of a node; [`layout`] places them; [`leaf`] and [`branch`] are
//!   the two kinds of nodes; [`nodes`] has the nodes that a transaction made and retired;
//! - trees: [`lookup`] has the tree and ranks; [`cursor`] is a place in a tree, for lookups, ranges and
//!   scans; [`walk`] visits all nodes; [`worst_case`] bounds the slots that a change needs; [`edit`],
//!   [`bulk`] and [`compact`] change a tree.
//!
//! # Invariants
//!
//! - I1: the keys of a tree ascend strictly from leaf to leaf. The keys of child `i` of a branch lie from
//!   separator `i`, included, to separator `i + 1`, excluded.
//! - I2: a branch's `cumulative[i]` counts the keys below its children `0..=i`; a tree's `length` counts
//!   all its keys, and `leaves` its leaves.
//! - I3: all leaves are on level 0, and a branch on level `l` has children on level `l - 1`.
//! - I4: a branch has at least two children. A node that is not the last of its level has at least its
//!   minimum of entries, a third of its capacity. So a tree of 2^32 keys has at most `MAX_HEIGHT` levels.
//! - I5: a node's birth is not less than those of its children.
//! - I6: while a [`Tree`] exists, its nodes are alive and change no more than I2 of [`slot`] allows.
//!   Trees are parts of versions, which live while they have references, and of the running transaction.
//!
//! # Costs
//!
//! Lookups, ranks and single edits are O(log n). An edit descends once: the path that found the place is the
//! path that is edited. It copies that path, at most 4 KiB for the leaf and 2 KiB for each branch; a removal
//! that leaves a node too small also copies a neighbour.

#![allow(unsafe_code, reason = "nodes are plain memory, and versions decide when they are freed")]
#![allow(clippy::indexing_slicing, reason = "indices come from the nodes' own entries")]

mod branch;
mod bulk;
#[cfg(any(not(groupscan_check), test))]
mod chunk;
mod compact;
mod cursor;
mod edit;
mod free_list;
mod layout;
mod leaf;
mod list;
mod lookup;
mod nodes;
mod pool;
mod reserve;
mod search;
mod slot;
mod source;
#[cfg(not(groupscan_check))]
mod trim;
mod walk;
mod worst_case;

#[cfg(test)]
mod check;
#[cfg(test)]
mod tests;

pub(crate) use bulk::KeyUpdate;
#[cfg(all(feature = "__internals", not(groupscan_check)))]
pub(crate) use chunk::refusal::decide_by as refuse_chunks;
pub(crate) use compact::SweepKind;
pub(crate) use cursor::{Cursor, Path, Run, Runs, Seek};
pub(crate) use edit::Edit;
pub(crate) use list::NodeList;
pub(crate) use lookup::{MAX_KEYS, Tree};
pub(crate) use nodes::Nodes;
pub(crate) use pool::{Pool, PoolLimits, PoolUse};
pub(crate) use reserve::{AllocError, Demand, Reach};
pub(crate) use slot::NodePtr;
pub(crate) use source::Released;
