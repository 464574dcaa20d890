//! Changes of one membership: join and leave.
//!
//! A change first looks the membership up, then reserves all memory that it may need, and only then edits.
//! So it happens completely or not at all.

use super::error::WriteError;
use super::indexes::{Indexes, TableTxn, interface_key};
use crate::tree::{AllocError, Demand, MAX_KEYS, Reach};
use crate::types::key::{InterfaceIdKey, JoinKey, MembershipKey, MembershipParts};
use crate::types::{Family, Interface, Membership, MembershipFlags};

/// What the indexes have of a membership.
struct Found {
    /// The id of its interface, if the interface has one.
    id: Option<u32>,
    /// Its flags, if it exists.
    flags: Option<MembershipFlags>,
}

fn find<F: Family>(indexes: &Indexes<F>, membership: &Membership<F>) -> Found {
    let Some(id) = indexes.interface_id(membership.interface) else {
        return Found { id: None, flags: None };
    };
    let parts = parts(membership, id, membership.flags);
    let by_group = F::ByGroup::new(parts);
    // The change that follows needs the paths in all three indexes.
    let mut paths = (
        indexes.by_group.prefetch_path(by_group),
        indexes.by_interface.prefetch_path(F::ByInterface::new(parts)),
        indexes.joins.prefetch_path(F::JoinKey::new(membership.group, membership.source)),
    );
    while paths.0.step() | paths.1.step() | paths.2.step() {}
    let flags = indexes.by_group.get(by_group).map(|key| {
        let Some(flags) = MembershipFlags::from_bits(key.parts().flags) else {
            unreachable!("keys are made of valid flags");
        };
        flags
    });
    Found { id: Some(id), flags }
}

fn parts<F: Family>(
    membership: &Membership<F>,
    id: u32,
    flags: MembershipFlags,
) -> MembershipParts<F> {
    MembershipParts {
        group: membership.group,
        source: membership.source,
        interface_id: id,
        protocol: membership.protocol.number(),
        flags: flags.bits(),
    }
}

/// Adds a membership, or flags that it lacks. Returns whether that changed anything.
pub(crate) fn join<F: Family>(
    txn: &mut TableTxn<'_>,
    membership: &Membership<F>,
) -> Result<bool, WriteError> {
    let indexes = txn.indexes().of::<F>();
    let found = find(indexes, membership);
    let flags = match found.flags {
        Some(flags) if flags.contains(membership.flags) => return Ok(false),
        Some(flags) => flags.union(membership.flags),
        None => membership.flags,
    };
    if found.flags.is_none() && indexes.by_group.len() >= MAX_KEYS {
        return Err(WriteError::TooManyMemberships { limit: MAX_KEYS });
    }
    let for_interface =
        if found.id.is_none() { indexes.interface_worst_case() } else { Demand::default() };
    let worst_case = indexes.worst_case(1) + for_interface;
    match (txn.reserve(worst_case, Reach::Capacity), found.id) {
        (Err(AllocError::Capacity { .. }), Some(id)) => {
            // There are not enough slots for the worst case, but there may be for this join.
            let needed = slots_to_join(txn, membership, id);
            txn.reserve(needed, Reach::Capacity)?;
        }
        (reserved, _) => reserved?,
    }
    let id = match found.id {
        Some(id) => id,
        None => take_id(txn, membership.interface)?,
    };
    let parts = parts(membership, id, flags);
    txn.edit(|indexes| &mut indexes.of_mut::<F>().by_group).insert(F::ByGroup::new(parts));
    txn.edit(|indexes| &mut indexes.of_mut::<F>().by_interface).insert(F::ByInterface::new(parts));
    if flags.contains(MembershipFlags::JOIN) {
        let join = F::JoinKey::new(membership.group, membership.source);
        txn.edit(|indexes| &mut indexes.of_mut::<F>().joins).insert(join);
    }
    txn.mark_changed();
    Ok(true)
}

/// The most slots that this join needs, on an interface that has an id.
#[cold]
fn slots_to_join<F: Family>(txn: &TableTxn<'_>, membership: &Membership<F>, id: u32) -> Demand {
    let (indexes, number) = (txn.indexes().of::<F>(), txn.next_version().number());
    let parts = parts(membership, id, membership.flags);
    let join = F::JoinKey::new(membership.group, membership.source);
    indexes.by_group.slots_to_insert(F::ByGroup::new(parts), number)
        + indexes.by_interface.slots_to_insert(F::ByInterface::new(parts), number)
        + indexes.joins.slots_to_insert(join, number)
}

/// Removes flags of a membership, and the membership with its last flag. Returns whether that changed
/// anything.
pub(crate) fn leave<F: Family>(
    txn: &mut TableTxn<'_>,
    membership: &Membership<F>,
) -> Result<bool, WriteError> {
    let indexes = txn.indexes().of::<F>();
    let Found { id: Some(id), flags: Some(flags) } = find(indexes, membership) else {
        return Ok(false);
    };
    let rest = flags.difference(membership.flags);
    if rest == Some(flags) {
        return Ok(false);
    }
    let demand = indexes.worst_case(1) + indexes.interface_worst_case();
    txn.reserve(demand, Reach::System)?;
    reserve_id::<F>(txn)?;
    let parts = parts(membership, id, rest.unwrap_or(flags));
    let (by_group, by_interface) = (F::ByGroup::new(parts), F::ByInterface::new(parts));
    if rest.is_some() {
        txn.edit(|indexes| &mut indexes.of_mut::<F>().by_group).insert(by_group);
        txn.edit(|indexes| &mut indexes.of_mut::<F>().by_interface).insert(by_interface);
    } else {
        txn.edit(|indexes| &mut indexes.of_mut::<F>().by_group).remove(by_group);
        txn.edit(|indexes| &mut indexes.of_mut::<F>().by_interface).remove(by_interface);
        release_unused::<F>(txn, id);
    }
    if !txn.indexes().of::<F>().is_joined(membership.group, membership.source) {
        let join = F::JoinKey::new(membership.group, membership.source);
        txn.edit(|indexes| &mut indexes.of_mut::<F>().joins).remove(join);
    }
    txn.mark_changed();
    Ok(true)
}

/// Reserves memory to take or give back an id.
pub(super) fn reserve_id<F: Family>(txn: &mut TableTxn<'_>) -> Result<(), WriteError> {
    txn.request()?;
    let (ids, _) = txn.state_mut();
    ids.of_mut::<F>().reserve().map_err(|_| WriteError::OutOfMemory)
}

/// Gives an interface an id.
pub(super) fn take_id<F: Family>(
    txn: &mut TableTxn<'_>,
    interface: Interface<F>,
) -> Result<u32, WriteError> {
    reserve_id::<F>(txn)?;
    let number = txn.next_version().number();
    let take = |txn: &mut TableTxn<'_>| {
        let (ids, any_in) = txn.state_mut();
        let ids = ids.of_mut::<F>();
        ids.take(number, any_in).ok_or(WriteError::TooManyInterfaces { limit: ids.limit() })
    };
    let id = take(txn).or_else(|_| {
        // Versions may have died of which the writer does not know yet.
        txn.drain_dead();
        take(txn)
    })?;
    let by_id = InterfaceIdKey::new(id, interface.index, interface.next_hop.to_number());
    txn.edit(|indexes| &mut indexes.of_mut::<F>().interfaces).insert(interface_key(interface, id));
    txn.edit(|indexes| &mut indexes.of_mut::<F>().interface_ids).insert(by_id);
    Ok(id)
}

/// Gives an id back if its interface has no memberships any more.
pub(super) fn release_unused<F: Family>(txn: &mut TableTxn<'_>, id: u32) {
    let indexes = txn.indexes().of::<F>();
    if indexes.has_memberships(id) {
        return;
    }
    let Some(interface) = indexes.interface(id) else {
        unreachable!("I3: an id that was in use has an interface");
    };
    txn.edit(|indexes| &mut indexes.of_mut::<F>().interfaces).remove(interface_key(interface, id));
    txn.edit(|indexes| &mut indexes.of_mut::<F>().interface_ids)
        .remove(InterfaceIdKey::new(id, 0, 0));
    let (ids, _) = txn.state_mut();
    ids.of_mut::<F>().give_back(id);
}
