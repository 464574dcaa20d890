//! Changes of all memberships of a protocol on an interface at once.

use std::cmp::Ordering;

use super::error::WriteError;
use super::indexes::{InterfaceIndex, TableTxn, flags_of};
use super::write::{IndexMut, Lists, Transition, for_interface};
use crate::tree::{MAX_KEYS, Reach};
use crate::types::key::{MembershipKey, MembershipParts};
use crate::types::{Family, Interface, Join, MembershipFlags, Protocol};

/// A membership that is added, removed or gets other flags.
struct Difference<F> {
    join: Join<F>,
    /// The flags before, if the membership exists.
    old: Option<MembershipFlags>,
    /// The new flags, or `None` if the membership is removed.
    new: Option<MembershipFlags>,
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
    for_interface!(interface, replace_on::<F>(txn, interface, protocol, joins))
}

fn replace_on<F: Family, I: InterfaceIndex<F>>(
    txn: &mut TableTxn<'_>,
    interface: Interface<F>,
    protocol: Protocol,
    joins: &[Join<F>],
) -> Result<usize, WriteError> {
    let before = memberships_of::<F, I>(txn, interface, protocol)?;
    let changes = differences(txn, &before, joins)?;
    if changes.is_empty() {
        return Ok(0);
    }
    let added = changes.iter().filter(|change| change.new.is_some()).count();
    // Changes are made in key order, so for a while all added memberships may exist together with all
    // that are still to be removed.
    let indexes = txn.indexes().of::<F>();
    let lengths = [I::tree(indexes).len(), indexes.joins.len(), indexes.by_group.len()];
    let most = lengths.into_iter().max().unwrap_or_default();
    if most.saturating_add(2 * added) > MAX_KEYS {
        return Err(WriteError::TooManyMemberships { limit: MAX_KEYS });
    }
    let mut lists = Lists::<F, I> {
        joins: vec_for(txn, changes.len())?,
        by_interface: vec_for(txn, changes.len())?,
        by_group: vec_for(txn, 2 * changes.len())?,
    };
    let transitions = changes.iter().map(|&Difference { join, old, new }| Transition {
        parts: MembershipParts::new(join, interface, protocol),
        old,
        new,
    });
    let index = IndexMut::<F, I>::new(txn);
    index.plan(transitions, &mut lists);
    let demand = index.demand_of(&lists);
    let reach = if added > 0 { Reach::Capacity } else { Reach::System };
    txn.reserve(demand, reach)?;
    IndexMut::<F, I>::new(txn).set_all(interface, &lists);
    Ok(changes.len())
}

/// The joins and flags of the memberships of a protocol on an interface, ascending.
fn memberships_of<F: Family, I: InterfaceIndex<F>>(
    txn: &TableTxn<'_>,
    interface: Interface<F>,
    protocol: Protocol,
) -> Result<Vec<(Join<F>, MembershipFlags)>, WriteError> {
    let tree = I::tree(txn.indexes().of::<F>());
    let low = I::Key::new(MembershipParts::first_on(interface));
    let high = I::Key::new(MembershipParts::last_on(interface));
    let count = tree.upper_bound(high) - tree.lower_bound(low);
    let mut memberships = vec_for(txn, count)?;
    let found = tree.range(low, high).map(|(key, flags)| (key.parts(), flags));
    let own = found.filter(|(parts, _)| parts.protocol == protocol.number());
    memberships.extend(own.map(|(parts, flags)| (parts.join(), flags_of(flags))));
    Ok(memberships)
}

/// The changes that turn the memberships `before` into `joins`. All three ascend.
fn differences<F: Family>(
    txn: &TableTxn<'_>,
    before: &[(Join<F>, MembershipFlags)],
    joins: &[Join<F>],
) -> Result<Vec<Difference<F>>, WriteError> {
    let flags = MembershipFlags::JOIN;
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
        let old = had.map(|(_, flags)| *flags);
        match (had, join) {
            (Some((_, had)), Some(_)) if *had == flags => {}
            (_, Some(join)) => changes.push(Difference { join: *join, old, new: Some(flags) }),
            (Some((join, _)), None) => changes.push(Difference { join: *join, old, new: None }),
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
