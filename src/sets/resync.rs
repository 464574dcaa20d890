//! All memberships of a protocol on an interface at once.

use super::change::{give_back_unnamed, reserve_slot, take_slot};
use super::{ChangeRefused, Sets, TableTxn, slot_range};
use crate::family::Family;
use crate::flags::MembershipFlags;
use crate::key::{JoinKey, MembershipKey, MembershipParts};
use crate::membership::{Interface, Protocol};
use crate::tree::{Change, MAX_KEYS, Reach, Refusal};

/// A membership that comes, goes or changes its flags: (group, source), and the flags that it is to
/// have, or `None` where it is to go.
type Resynced<F> = (F, F, Option<u8>);

/// Makes the memberships of a protocol on an interface those of `joins`, which ascend strictly by
/// (group, source). Returns how many memberships came, went or changed.
pub(crate) fn replace<F: Family>(
    txn: &mut TableTxn<'_>,
    interface: Interface<F>,
    protocol: Protocol,
    joins: &[(F, F)],
) -> Result<usize, ChangeRefused> {
    if let Some(at) = joins.windows(2).position(|pair| !pair.is_sorted_by(|a, b| a < b)) {
        return Err(ChangeRefused::NotAscending { at: at + 1 });
    }
    let sets = txn.sets().of::<F>();
    let slot = sets.slot(interface);
    let before = slot.map(|slot| memberships_of(sets, slot, protocol)).transpose()?;
    let before = before.unwrap_or_default();
    let changes = differences(&before, joins)?;
    if changes.is_empty() {
        return Ok(0);
    }
    let coming = changes.iter().filter(|(.., flags)| flags.is_some()).count();
    // Changes are made in the order of their keys, so for a while all that come may be there together with
    // all that go.
    if sets.by_group.len() + coming > MAX_KEYS {
        return Err(ChangeRefused::Memberships { limit: MAX_KEYS });
    }

    let mut by_group = vec_for(changes.len())?;
    let mut by_interface = vec_for(changes.len())?;
    let mut joined = vec_for(changes.len())?;
    let reach = if coming > 0 { Reach::Capacity } else { Reach::System };
    let slots_needed = sets.worst_case(changes.len()) + sets.interface_worst_case();
    txn.reserve(slots_needed, reach)?;
    reserve_slot::<F>(txn)?;
    let slot = match slot {
        Some(slot) => slot,
        None => take_slot(txn, interface)?,
    };

    for (group, source, flags) in &changes {
        let (group, source, protocol) = (*group, *source, protocol.0);
        let parts =
            MembershipParts { group, source, slot, protocol, flags: flags.unwrap_or_default() };
        let present = flags.is_some();
        by_group.push(Change { key: F::ByGroup::new(parts), present });
        by_interface.push(Change { key: F::ByInterface::new(parts), present });
    }
    txn.edit(|sets| &mut sets.of_mut::<F>().by_group).apply(&by_group);
    txn.edit(|sets| &mut sets.of_mut::<F>().by_interface).apply(&by_interface);
    let sets = txn.sets().of::<F>();
    for (group, source, _) in &changes {
        let (key, present) = (F::JoinKey::new(*group, *source), sets.is_joined(*group, *source));
        joined.push(Change { key, present });
    }
    txn.edit(|sets| &mut sets.of_mut::<F>().joins).apply(&joined);
    give_back_unnamed::<F>(txn, slot);
    txn.mark_changed();
    Ok(changes.len())
}

/// The (group, source) and flags of the memberships of a protocol in a slot, ascending.
fn memberships_of<F: Family>(
    sets: &Sets<F>,
    slot: u32,
    protocol: Protocol,
) -> Result<Vec<(F, F, u8)>, ChangeRefused> {
    let (low, high) = slot_range::<F>(slot);
    let count = sets.by_interface.upper_bound(high) - sets.by_interface.lower_bound(low);
    let mut memberships = vec_for(count)?;
    let parts = sets.by_interface.range(low, high).map(|key| key.parts());
    let own = parts.filter(|parts| parts.protocol == protocol.0);
    memberships.extend(own.map(|parts| (parts.group, parts.source, parts.flags)));
    Ok(memberships)
}

/// What must change for the memberships `before` to become `joins`; all three ascend.
fn differences<F: Family>(
    before: &[(F, F, u8)],
    joins: &[(F, F)],
) -> Result<Vec<Resynced<F>>, ChangeRefused> {
    let flags = MembershipFlags::JOIN.bits();
    let mut changes = vec_for(before.len() + joins.len())?;
    let (mut before, mut joins) = (before.iter().peekable(), joins.iter().peekable());
    loop {
        match (before.peek().copied(), joins.peek().copied()) {
            (None, None) => return Ok(changes),
            (Some(&(group, source, had)), Some(&join)) if (group, source) == join => {
                if had != flags {
                    changes.push((group, source, Some(flags)));
                }
                before.next();
                joins.next();
            }
            (Some(&(group, source, _)), join)
                if join.is_none_or(|join| (group, source) < *join) =>
            {
                changes.push((group, source, None));
                before.next();
            }
            (_, Some(&(group, source))) => {
                changes.push((group, source, Some(flags)));
                joins.next();
            }
            (Some(_), None) => unreachable!("what is before no join was taken above"),
        }
    }
}

/// A list with room for so many, if the system has the memory.
fn vec_for<T>(count: usize) -> Result<Vec<T>, ChangeRefused> {
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| ChangeRefused::Memory(Refusal::System))?;
    Ok(list)
}
