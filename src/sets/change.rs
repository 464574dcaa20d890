//! Joining and leaving, one membership at a time.
//!
//! A change finds out first what there is, then reserves all that it may need, and only then edits:
//! it happens wholly or not at all.

use super::{ChangeRefused, Sets, TableTxn, interface_key};
use crate::family::Family;
use crate::flags::MembershipFlags;
use crate::key::{JoinKey, MembershipKey, MembershipParts, SlotKey};
use crate::membership::{Interface, Membership};
use crate::tree::{Demand, MAX_KEYS, Reach, Refusal};

/// What a transaction finds of a membership.
struct Found {
    /// The slot of its interface.
    slot: Option<u32>,
    /// Its flags, if it exists.
    flags: Option<MembershipFlags>,
}

fn find<F: Family>(sets: &Sets<F>, membership: &Membership<F>) -> Found {
    let Some(slot) = sets.slot(membership.interface) else {
        return Found { slot: None, flags: None };
    };
    let parts = parts(membership, slot, membership.flags);
    let by_group = F::ByGroup::new(parts);
    // What is looked for is soon changed, in all three sets.
    let mut ways = (
        sets.by_group.approach(by_group),
        sets.by_interface.approach(F::ByInterface::new(parts)),
        sets.joins.approach(F::JoinKey::new(membership.group, membership.source)),
    );
    while ways.0.step() | ways.1.step() | ways.2.step() {}
    let found = sets.by_group.get(by_group);
    let flags = found.and_then(|key| MembershipFlags::from_bits(key.parts().flags));
    Found { slot: Some(slot), flags }
}

fn parts<F: Family>(
    membership: &Membership<F>,
    slot: u32,
    flags: MembershipFlags,
) -> MembershipParts<F> {
    MembershipParts {
        group: membership.group,
        source: membership.source,
        slot,
        protocol: membership.protocol.0,
        flags: flags.bits(),
    }
}

/// Adds a membership or the flags that it lacks, and says whether that changed anything.
pub(crate) fn join<F: Family>(
    txn: &mut TableTxn<'_>,
    membership: &Membership<F>,
) -> Result<bool, ChangeRefused> {
    let sets = txn.sets().of::<F>();
    let found = find(sets, membership);
    let flags = match found.flags {
        Some(flags) if flags.contains(membership.flags) => return Ok(false),
        Some(flags) => flags.union(membership.flags),
        None => membership.flags,
    };
    if found.flags.is_none() && sets.by_group.len() >= MAX_KEYS {
        return Err(ChangeRefused::Memberships { limit: MAX_KEYS });
    }
    let for_interface =
        if found.slot.is_none() { sets.interface_worst_case() } else { Demand::default() };
    let worst_case = sets.worst_case(1) + for_interface;
    match (txn.reserve(worst_case, Reach::Capacity), found.slot) {
        (Err(Refusal::Capacity), Some(slot)) => {
            // There is no room for any join, but there may be for this one.
            let needed = slots_to_join(txn, membership, slot);
            txn.reserve(needed, Reach::Capacity)?;
        }
        (reserved, _) => reserved?,
    }
    let slot = match found.slot {
        Some(slot) => slot,
        None => take_slot(txn, membership.interface)?,
    };
    let parts = parts(membership, slot, flags);
    txn.edit(|sets| &mut sets.of_mut::<F>().by_group).insert(F::ByGroup::new(parts));
    txn.edit(|sets| &mut sets.of_mut::<F>().by_interface).insert(F::ByInterface::new(parts));
    if flags.contains(MembershipFlags::JOIN) {
        let join = F::JoinKey::new(membership.group, membership.source);
        txn.edit(|sets| &mut sets.of_mut::<F>().joins).insert(join);
    }
    txn.mark_changed();
    Ok(true)
}

/// The slots that a join on an interface with a slot takes at most.
#[cold]
fn slots_to_join<F: Family>(txn: &TableTxn<'_>, membership: &Membership<F>, slot: u32) -> Demand {
    let (sets, number) = (txn.sets().of::<F>(), txn.number().number());
    let parts = parts(membership, slot, membership.flags);
    let join = F::JoinKey::new(membership.group, membership.source);
    sets.by_group.slots_to_insert(F::ByGroup::new(parts), number)
        + sets.by_interface.slots_to_insert(F::ByInterface::new(parts), number)
        + sets.joins.slots_to_insert(join, number)
}

/// Removes a membership's flags, and with the last of them the membership, and says whether that
/// changed anything.
pub(crate) fn leave<F: Family>(
    txn: &mut TableTxn<'_>,
    membership: &Membership<F>,
) -> Result<bool, ChangeRefused> {
    let sets = txn.sets().of::<F>();
    let Found { slot: Some(slot), flags: Some(flags) } = find(sets, membership) else {
        return Ok(false);
    };
    let rest = flags.difference(membership.flags);
    if rest == Some(flags) {
        return Ok(false);
    }
    let slots_needed = sets.worst_case(1) + sets.interface_worst_case();
    txn.reserve(slots_needed, Reach::System)?;
    reserve_slot::<F>(txn)?;
    let parts = parts(membership, slot, rest.unwrap_or(flags));
    let (by_group, by_interface) = (F::ByGroup::new(parts), F::ByInterface::new(parts));
    if rest.is_some() {
        txn.edit(|sets| &mut sets.of_mut::<F>().by_group).insert(by_group);
        txn.edit(|sets| &mut sets.of_mut::<F>().by_interface).insert(by_interface);
    } else {
        txn.edit(|sets| &mut sets.of_mut::<F>().by_group).remove(by_group);
        txn.edit(|sets| &mut sets.of_mut::<F>().by_interface).remove(by_interface);
        give_back_unnamed::<F>(txn, slot);
    }
    if !txn.sets().of::<F>().is_joined(membership.group, membership.source) {
        let join = F::JoinKey::new(membership.group, membership.source);
        txn.edit(|sets| &mut sets.of_mut::<F>().joins).remove(join);
    }
    txn.mark_changed();
    Ok(true)
}

/// Makes sure of memory to take or give back a slot.
pub(super) fn reserve_slot<F: Family>(txn: &mut TableTxn<'_>) -> Result<(), ChangeRefused> {
    let (slots, _) = txn.kept_mut();
    slots.0.of_mut::<F>().reserve().map_err(|_| ChangeRefused::Memory(Refusal::System))
}

/// Gives an interface a slot.
pub(super) fn take_slot<F: Family>(
    txn: &mut TableTxn<'_>,
    interface: Interface<F>,
) -> Result<u32, ChangeRefused> {
    reserve_slot::<F>(txn)?;
    let number = txn.number().number();
    let take = |txn: &mut TableTxn<'_>| {
        let (slots, any_in) = txn.kept_mut();
        let slots = slots.0.of_mut::<F>();
        slots.take(number, any_in).ok_or(ChangeRefused::Interfaces { limit: slots.limit() })
    };
    let slot = take(txn).or_else(|_| {
        // Versions may have died that nobody has told the transaction of.
        txn.hear();
        take(txn)
    })?;
    let by_slot = SlotKey::new(slot, interface.index, interface.next_hop.to_number());
    txn.edit(|sets| &mut sets.of_mut::<F>().interfaces).insert(interface_key(interface, slot));
    txn.edit(|sets| &mut sets.of_mut::<F>().slots).insert(by_slot);
    Ok(slot)
}

/// Gives a slot back if no membership names it any more.
pub(super) fn give_back_unnamed<F: Family>(txn: &mut TableTxn<'_>, slot: u32) {
    let sets = txn.sets().of::<F>();
    if sets.is_named(slot) {
        return;
    }
    let Some(interface) = sets.interface(slot) else {
        return;
    };
    txn.edit(|sets| &mut sets.of_mut::<F>().interfaces).remove(interface_key(interface, slot));
    txn.edit(|sets| &mut sets.of_mut::<F>().slots).remove(SlotKey::new(slot, 0, 0));
    let (slots, _) = txn.kept_mut();
    slots.0.of_mut::<F>().give_back(slot);
}
