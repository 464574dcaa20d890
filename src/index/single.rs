//! Changes of one membership: join and leave.
//!
//! A change first looks the membership up, then reserves all memory that it may need, and only then edits.
//! So it happens completely or not at all.

use super::error::WriteError;
use super::indexes::{InterfaceIndex, TableTxn};
use super::write::{Found, IndexMut, for_interface};
use crate::tree::{MAX_KEYS, Reach};
use crate::types::key::MembershipParts;
use crate::types::{Family, Membership, MembershipFlags};

/// Adds a membership, or flags that it lacks. Returns whether that changed anything.
pub(crate) fn join<F: Family>(
    txn: &mut TableTxn<'_>,
    membership: &Membership<F>,
) -> Result<bool, WriteError> {
    for_interface!(membership.interface, join_on::<F>(txn, membership))
}

fn join_on<F: Family, I: InterfaceIndex<F>>(
    txn: &mut TableTxn<'_>,
    membership: &Membership<F>,
) -> Result<bool, WriteError> {
    let (parts, flags) = (&MembershipParts::of(membership), membership.flags);
    let index = IndexMut::<F, I>::new(txn);
    let found = index.find(parts);
    let new = match found.flags {
        Some(had) if had.contains(flags) => return Ok(false),
        Some(had) => had.union(flags),
        None => flags,
    };
    if !index.has_room() {
        return Err(WriteError::TooManyMemberships { limit: MAX_KEYS });
    }
    let worst_case = index.demand(parts, &found, Some(new));
    let reach = Reach::Capacity { spare: txn.indexes().worst_removal(1) };
    if let Err(error) = txn.reserve(worst_case, reach) {
        if found.flags.is_some() {
            return Err(error.into());
        }
        // There are not enough slots for the worst case, but there may be for this join.
        let needed = IndexMut::<F, I>::new(txn).demand_to_insert(parts, &found, new);
        txn.reserve(needed, reach)?;
    }
    IndexMut::<F, I>::new(txn).set(parts, &found, Some(new));
    Ok(true)
}

/// Removes flags of a membership, and the membership with its last flag. Returns whether that changed
/// anything.
pub(crate) fn leave<F: Family>(
    txn: &mut TableTxn<'_>,
    membership: &Membership<F>,
) -> Result<bool, WriteError> {
    for_interface!(membership.interface, leave_on::<F>(txn, membership))
}

fn leave_on<F: Family, I: InterfaceIndex<F>>(
    txn: &mut TableTxn<'_>,
    membership: &Membership<F>,
) -> Result<bool, WriteError> {
    let parts = &MembershipParts::of(membership);
    let index = IndexMut::<F, I>::new(txn);
    let found = index.find(parts);
    let Some(had) = found.flags else {
        return Ok(false);
    };
    let new = had.difference(membership.flags);
    if new == Some(had) {
        return Ok(false);
    }
    set_fewer_flags::<F, I>(txn, parts, &found, new)?;
    Ok(true)
}

/// Gives a membership, which was found in the indexes as they are, fewer flags, or removes it.
pub(super) fn set_fewer_flags<F: Family, I: InterfaceIndex<F>>(
    txn: &mut TableTxn<'_>,
    parts: &MembershipParts<F>,
    found: &Found,
    new: Option<MembershipFlags>,
) -> Result<(), WriteError> {
    // A membership that stays may take more memory than before, so it leaves the spare to one that goes.
    let reach = match new {
        None => Reach::System,
        Some(_) => Reach::BeyondCapacity { spare: txn.indexes().worst_removal(1) },
    };
    let worst_case = IndexMut::<F, I>::new(txn).demand(parts, found, new);
    if txn.reserve(worst_case, reach).is_err() {
        // A join leaves this over.
        let needed = IndexMut::<F, I>::new(txn).demand_to_remove(parts, found, new);
        txn.reserve(needed, reach)?;
    }
    IndexMut::<F, I>::new(txn).set(parts, found, new);
    Ok(())
}
