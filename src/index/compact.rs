//! Compaction of the indexes: which one is swept, when, and how far.
//!
//! Two sweeps go through each index, independently of each other:
//!
//! - the *upkeep*, a little of which is part of commits: each change of an index lets the sweep of that index
//!   pass [`UPKEEP`](super::sweeps::UPKEEP) keys more, so every key is passed about once in N / 8 changes of an
//!   index of N keys, and an index that changes stays above 7/8 full;
//! - the *full* sweep, which a caller asks for, and which also puts the leaves in the order of memory.
//!
//! Neither needs more memory than joins may take. The upkeep takes none from the system, and waits if there
//! is none that is free.

use bytemuck::Pod;

use super::error::WriteError;
use super::indexes::{TableIndexes, TableTxn};
use super::sweeps::{Sweep, Sweeps};
use crate::tree::{Reach, SweepKind, Tree};
use crate::types::key::Key;
use crate::types::sole::SoleMembership;
use crate::types::{Family, V4, V6};

/// The least that a step of the upkeep counts as.
const STEP: isize = 64;

/// How many keys a step of the full sweep passes: a few hundred microseconds of work.
const FULL_STEP: usize = 64 << 10;

/// An index, and its sweeps.
trait Swept {
    type Key: Key;
    type Value: Pod;

    fn tree(indexes: &TableIndexes) -> &Tree<Self::Key, Self::Value>;
    fn tree_mut(indexes: &mut TableIndexes) -> &mut Tree<Self::Key, Self::Value>;
    fn sweep(sweeps: &mut Sweeps) -> &mut Sweep<Self::Key>;
}

/// Defines an index and its sweeps.
macro_rules! swept {
    ($name:ident, $index:ident, $key:ident, $value:ty) => {
        struct $name<F>(std::marker::PhantomData<F>);

        impl<F: Family> Swept for $name<F> {
            type Key = F::$key;
            type Value = $value;

            fn tree(indexes: &TableIndexes) -> &Tree<F::$key, $value> {
                &indexes.of::<F>().$index
            }

            fn tree_mut(indexes: &mut TableIndexes) -> &mut Tree<F::$key, $value> {
                &mut indexes.of_mut::<F>().$index
            }

            fn sweep(sweeps: &mut Sweeps) -> &mut Sweep<F::$key> {
                &mut sweeps.of::<F>().$index
            }
        }
    };
}

swept!(JoinIndex, joins, JoinKey, SoleMembership);
swept!(GroupIndex, by_group, ByGroup, u8);
swept!(DirectIndex, by_interface, ByInterface, u8);
swept!(NeighborIndex, by_neighbor, ByNeighbor, u8);

/// Calls a function for each index, with the arguments.
macro_rules! for_each_index {
    ($function:ident($($argument:expr),*)) => {
        [
            $function::<JoinIndex<V4>>($($argument),*),
            $function::<DirectIndex<V4>>($($argument),*),
            $function::<GroupIndex<V4>>($($argument),*),
            $function::<NeighborIndex<V4>>($($argument),*),
            $function::<JoinIndex<V6>>($($argument),*),
            $function::<DirectIndex<V6>>($($argument),*),
            $function::<GroupIndex<V6>>($($argument),*),
            $function::<NeighborIndex<V6>>($($argument),*),
        ]
    };
}

/// Does what the changes of a transaction let the upkeep do. It is about to be committed.
pub(crate) fn keep_up(txn: &mut TableTxn<'_>) {
    if txn.changed() {
        for_each_index!(keep_up_index(txn));
    }
}

/// Compaction takes no more memory than joins may.
fn reach(txn: &TableTxn<'_>) -> Reach {
    Reach::Capacity { spare: txn.indexes().worst_removal(0) }
}

/// At most one step of the upkeep of an index.
#[inline]
fn keep_up_index<I: Swept>(txn: &mut TableTxn<'_>) {
    let Sweep { next, credit } = *I::sweep(&mut txn.state_mut().upkeep);
    if credit <= 0 {
        return;
    }
    let tree = I::tree(txn.indexes());
    if tree.is_compact() {
        I::sweep(&mut txn.state_mut().upkeep).credit = 0;
        return;
    }
    let demand = tree.compact_worst_case();
    if !txn.has_slots(demand) || txn.reserve(demand, reach(txn)).is_err() {
        return;
    }
    let swept = txn.edit(I::tree_mut).compact(next, credit.cast_unsigned(), SweepKind::Fill);
    let passed = isize::try_from(swept.passed).unwrap_or(isize::MAX).max(STEP);
    // A large transaction leaves no more credit than one sweep takes.
    let most = isize::try_from(I::tree(txn.indexes()).len()).unwrap_or(isize::MAX);
    let credit = credit.min(most) - passed;
    *I::sweep(&mut txn.state_mut().upkeep) = Sweep { next: swept.next, credit };
}

/// Makes a step of a full sweep of all indexes. Returns whether more remains.
///
/// A step ends early if there is no more memory for what it is about to do. It fails only if it could do
/// nothing at all.
pub(crate) fn compact(txn: &mut TableTxn<'_>) -> Result<bool, WriteError> {
    let finished = match txn.state_mut().finished {
        Some(finished) => finished,
        None => {
            // Whoever retries without memory does not sort it each time.
            let demand = JoinIndex::<V4>::tree(txn.indexes()).compact_worst_case();
            txn.reserve(demand, reach(txn))?;
            txn.state_mut().full = Sweeps::default();
            txn.pool_mut().begin_order();
            0
        }
    };
    txn.pool_mut().set_ordered(true);
    let (mut left, mut at, mut last) = (FULL_STEP, 0, finished);
    let results = for_each_index!(compact_index(txn, &mut left, &mut at, &mut last));
    let result: Result<(), WriteError> = results.into_iter().collect();
    let has_ended = last == at || result.is_err();
    txn.state_mut().finished = (!has_ended).then_some(last);
    txn.pool_mut().set_ordered(false);
    if has_ended {
        txn.pool_mut().end_order();
    }
    result.map(|()| !has_ended)
}

/// Sweeps the index of number `at`, if it is the next one, as far as `left` and the memory allow.
fn compact_index<I: Swept>(
    txn: &mut TableTxn<'_>,
    left: &mut usize,
    at: &mut usize,
    finished: &mut usize,
) -> Result<(), WriteError> {
    *at += 1;
    if *finished + 1 != *at {
        return Ok(());
    }
    while *left > 0 {
        let demand = I::tree(txn.indexes()).compact_worst_case();
        if let Err(error) = txn.reserve(demand, reach(txn)) {
            if !txn.changed() {
                return Err(error.into());
            }
            // The commit frees what this step has replaced.
            *left = 0;
            break;
        }
        let next = I::sweep(&mut txn.state_mut().full).next;
        let swept = txn.edit(I::tree_mut).compact(next, *left, SweepKind::FillAndOrder);
        if swept.rewrote {
            txn.mark_changed();
        }
        I::sweep(&mut txn.state_mut().full).next = swept.next;
        *left = left.saturating_sub(swept.passed.max(STEP.cast_unsigned()));
        if swept.next.is_none() {
            *finished += 1;
            break;
        }
    }
    Ok(())
}
