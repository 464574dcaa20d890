//! Changes of all memberships of a protocol on an interface at once.

use super::error::WriteError;
use super::sets::{Sets, TableTxn, id_range};
use super::single::{release_unused, reserve_id, take_id};
use crate::tree::{KeyUpdate, MAX_KEYS, Reach};
use crate::types::key::{JoinKey, MembershipKey, MembershipParts};
use crate::types::{Family, Interface, Join, MembershipFlags, Protocol};

/// A membership that is added, removed or gets other flags: (group, source) and the new flags, or `None` if
/// it is removed.
type Resynced<F> = (F, F, Option<u8>);

/// Replaces the memberships of a protocol on an interface by those of `joins`, which ascend strictly by
/// (group, source). Returns how many memberships were added, removed or changed.
pub(crate) fn replace<F: Family>(
    txn: &mut TableTxn<'_>,
    interface: Interface<F>,
    protocol: Protocol,
    joins: &[Join<F>],
) -> Result<usize, WriteError> {
    if let Some(at) = joins.windows(2).position(|pair| !pair.is_sorted_by(|a, b| a < b)) {
        return Err(WriteError::NotAscending { at: at + 1 });
    }
    let sets = txn.sets().of::<F>();
    let id = sets.interface_id(interface);
    let before = id.map(|id| memberships_of(sets, id, protocol)).transpose()?;
    let before = before.unwrap_or_default();
    let changes = differences(&before, joins)?;
    if changes.is_empty() {
        return Ok(0);
    }
    let added = changes.iter().filter(|(.., flags)| flags.is_some()).count();
    // Changes are made in key order, so for a while all added memberships may exist together with all
    // that are still to be removed.
    if sets.by_group.len() + added > MAX_KEYS {
        return Err(WriteError::TooManyMemberships { limit: MAX_KEYS });
    }

    let mut by_group = vec_for(changes.len())?;
    let mut by_interface = vec_for(changes.len())?;
    let mut joined = vec_for(changes.len())?;
    let reach = if added > 0 { Reach::Capacity } else { Reach::System };
    let demand = sets.worst_case(changes.len()) + sets.interface_worst_case();
    txn.reserve(demand, reach)?;
    reserve_id::<F>(txn)?;
    let id = match id {
        Some(id) => id,
        None => take_id(txn, interface)?,
    };

    for (group, source, flags) in &changes {
        let (group, source, protocol) = (*group, *source, protocol.number());
        let parts = MembershipParts {
            group,
            source,
            interface_id: id,
            protocol,
            flags: flags.unwrap_or_default(),
        };
        let present = flags.is_some();
        by_group.push(KeyUpdate { key: F::ByGroup::new(parts), present });
        by_interface.push(KeyUpdate { key: F::ByInterface::new(parts), present });
    }
    txn.edit(|sets| &mut sets.of_mut::<F>().by_group).apply(&by_group);
    txn.edit(|sets| &mut sets.of_mut::<F>().by_interface).apply(&by_interface);
    let sets = txn.sets().of::<F>();
    for (group, source, _) in &changes {
        let (key, present) = (F::JoinKey::new(*group, *source), sets.is_joined(*group, *source));
        joined.push(KeyUpdate { key, present });
    }
    txn.edit(|sets| &mut sets.of_mut::<F>().joins).apply(&joined);
    release_unused::<F>(txn, id);
    txn.mark_changed();
    Ok(changes.len())
}

/// The (group, source) and flags of the memberships of a protocol on an interface id, ascending.
fn memberships_of<F: Family>(
    sets: &Sets<F>,
    id: u32,
    protocol: Protocol,
) -> Result<Vec<(F, F, u8)>, WriteError> {
    let (low, high) = id_range::<F>(id);
    let count = sets.by_interface.upper_bound(high) - sets.by_interface.lower_bound(low);
    let mut memberships = vec_for(count)?;
    let parts = sets.by_interface.range(low, high).map(|key| key.parts());
    let own = parts.filter(|parts| parts.protocol == protocol.number());
    memberships.extend(own.map(|parts| (parts.group, parts.source, parts.flags)));
    Ok(memberships)
}

/// The changes that turn the memberships `before` into `joins`. All three ascend.
fn differences<F: Family>(
    before: &[(F, F, u8)],
    joins: &[Join<F>],
) -> Result<Vec<Resynced<F>>, WriteError> {
    let flags = MembershipFlags::JOIN.bits();
    let mut changes = vec_for(before.len() + joins.len())?;
    let (mut before, mut joins) = (before.iter().peekable(), joins.iter().peekable());
    loop {
        match (before.peek().copied(), joins.peek().copied()) {
            (None, None) => return Ok(changes),
            (Some(&(group, source, had)), Some(&join)) if Join::new(group, source) == join => {
                if had != flags {
                    changes.push((group, source, Some(flags)));
                }
                before.next();
                joins.next();
            }
            (Some(&(group, source, _)), join)
                if join.is_none_or(|join| Join::new(group, source) < *join) =>
            {
                changes.push((group, source, None));
                before.next();
            }
            (_, Some(&Join { group, source })) => {
                changes.push((group, source, Some(flags)));
                joins.next();
            }
            (Some(_), None) => unreachable!("a membership without a later join was taken above"),
        }
    }
}

/// An empty list with capacity for `count` items.
fn vec_for<T>(count: usize) -> Result<Vec<T>, WriteError> {
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| WriteError::OutOfMemory)?;
    Ok(list)
}
