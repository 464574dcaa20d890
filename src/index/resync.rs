//! Changes of all memberships of a protocol on an interface at once.

use std::cmp::Ordering;

use super::error::WriteError;
use super::indexes::{TableTxn, id_range};
use super::single::{release_unused, reserve_id, take_id};
use crate::tree::{KeyUpdate, MAX_KEYS, Reach};
use crate::types::key::{JoinKey, MembershipKey, MembershipParts};
use crate::types::{Family, Interface, Join, MembershipFlags, Protocol};

/// A membership that is added, removed or gets other flags.
struct Difference<F> {
    join: Join<F>,
    /// The new flags, or `None` if the membership is removed.
    flags: Option<u8>,
}

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
    let indexes = txn.indexes().of::<F>();
    let id = indexes.interface_id(interface);
    let before = id.map(|id| memberships_of(txn, id, protocol)).transpose()?;
    let before = before.unwrap_or_default();
    let changes = differences(txn, &before, joins)?;
    if changes.is_empty() {
        return Ok(0);
    }
    let added = changes.iter().filter(|change| change.flags.is_some()).count();
    // Changes are made in key order, so for a while all added memberships may exist together with all
    // that are still to be removed.
    if indexes.by_group.len() + added > MAX_KEYS {
        return Err(WriteError::TooManyMemberships { limit: MAX_KEYS });
    }

    let mut by_group = vec_for(txn, changes.len())?;
    let mut by_interface = vec_for(txn, changes.len())?;
    let mut joined = vec_for(txn, changes.len())?;
    let reach = if added > 0 { Reach::Capacity } else { Reach::System };
    let demand = indexes.worst_case(changes.len()) + indexes.interface_worst_case();
    txn.reserve(demand, reach)?;
    reserve_id::<F>(txn)?;
    let id = match id {
        Some(id) => id,
        None => take_id(txn, interface)?,
    };

    for Difference { join, flags } in &changes {
        let parts = MembershipParts {
            group: join.group,
            source: join.source,
            interface_id: id,
            protocol: protocol.number(),
            flags: flags.unwrap_or_default(),
        };
        let present = flags.is_some();
        by_group.push(KeyUpdate { key: F::ByGroup::new(parts), present });
        by_interface.push(KeyUpdate { key: F::ByInterface::new(parts), present });
    }
    txn.edit(|indexes| &mut indexes.of_mut::<F>().by_group).apply(&by_group);
    txn.edit(|indexes| &mut indexes.of_mut::<F>().by_interface).apply(&by_interface);
    let indexes = txn.indexes().of::<F>();
    for Difference { join: Join { group, source }, .. } in &changes {
        let (key, present) = (F::JoinKey::new(*group, *source), indexes.is_joined(*group, *source));
        joined.push(KeyUpdate { key, present });
    }
    txn.edit(|indexes| &mut indexes.of_mut::<F>().joins).apply(&joined);
    release_unused::<F>(txn, id);
    txn.mark_changed();
    Ok(changes.len())
}

/// The joins and flags of the memberships of a protocol on an interface id, ascending.
fn memberships_of<F: Family>(
    txn: &TableTxn<'_>,
    id: u32,
    protocol: Protocol,
) -> Result<Vec<(Join<F>, u8)>, WriteError> {
    let indexes = txn.indexes().of::<F>();
    let (low, high) = id_range::<F>(id);
    let count = indexes.by_interface.upper_bound(high) - indexes.by_interface.lower_bound(low);
    let mut memberships = vec_for(txn, count)?;
    let parts = indexes.by_interface.range(low, high).map(|key| key.parts());
    let own = parts.filter(|parts| parts.protocol == protocol.number());
    memberships.extend(own.map(|parts| (Join::new(parts.group, parts.source), parts.flags)));
    Ok(memberships)
}

/// The changes that turn the memberships `before` into `joins`. All three ascend.
fn differences<F: Family>(
    txn: &TableTxn<'_>,
    before: &[(Join<F>, u8)],
    joins: &[Join<F>],
) -> Result<Vec<Difference<F>>, WriteError> {
    let flags = MembershipFlags::JOIN.bits();
    let mut changes = vec_for(txn, before.len() + joins.len())?;
    let (mut before, mut joins) = (before.iter().peekable(), joins.iter().peekable());
    loop {
        let order = match (before.peek(), joins.peek()) {
            (Some((had, _)), Some(join)) => had.cmp(join),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return Ok(changes),
        };
        let had = before.next_if(|_| order.is_le());
        let join = joins.next_if(|_| order.is_ge());
        match (had, join) {
            (Some((_, had)), Some(_)) if *had == flags => {}
            (_, Some(join)) => changes.push(Difference { join: *join, flags: Some(flags) }),
            (Some((join, _)), None) => changes.push(Difference { join: *join, flags: None }),
            (None, None) => {}
        }
    }
}

/// An empty list with capacity for `count` items.
fn vec_for<T>(txn: &TableTxn<'_>, count: usize) -> Result<Vec<T>, WriteError> {
    txn.request()?;
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| WriteError::OutOfMemory)?;
    Ok(list)
}
