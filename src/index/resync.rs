//! Changes of all memberships of a protocol on an interface, or of a part of them, at once.
//!
//! The memberships there are and those there should be are walked side by side, twice: first to count the
//! changes, for which there must be room, and then to make the list of the updates of each index. So the lists
//! are all the memory that a change needs besides nodes.

use std::cmp::Ordering;

use super::error::WriteError;
use super::indexes::{Indexes, InterfaceIndex, TableTxn, flags_of};
use super::merge::{ByInterface, Merge};
use super::single::set_fewer_flags;
use super::write::{IndexMut, Lists, Transition, for_interface};
use crate::tree::{MAX_KEYS, Reach};
use crate::types::key::{MembershipKey, MembershipParts};
use crate::types::{Family, Interface, Join, MembershipFlags, Protocol};

/// The memberships that a protocol should have on an interface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'j, F> {
    pub(crate) interface: Interface<F>,
    pub(crate) protocol: Protocol,
    /// The joins, ascending.
    pub(crate) joins: &'j [Join<F>],
    /// The flags of these memberships.
    pub(crate) flags: MembershipFlags,
    /// Whether memberships that exist keep other flags.
    pub(crate) keeps_flags: bool,
}

impl<F: Family> Wanted<'_, F> {
    /// No memberships.
    pub(crate) fn nothing(interface: Interface<F>, protocol: Protocol) -> Self {
        let flags = MembershipFlags::JOIN;
        Self { interface, protocol, joins: &[], flags, keeps_flags: false }
    }
}

/// A part of such a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<F> {
    /// The first join that it looks at.
    pub(crate) from: Join<F>,
    /// How many memberships it looks at.
    pub(crate) most: usize,
}

impl<F: Family> Part<F> {
    /// The whole change.
    pub(crate) fn all() -> Self {
        Self { from: Join::any_source(F::UNSPECIFIED), most: usize::MAX }
    }
}

/// A join on an interface: a place in the order by interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JoinOn<F: Family> {
    /// The interface.
    pub interface: Interface<F>,
    /// The join, which need not exist.
    pub join: Join<F>,
}

/// What a change did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replaced<F> {
    /// How many memberships were added, removed or changed.
    pub(crate) changed: usize,
    /// How many were looked at.
    pub(crate) looked_at: usize,
    /// The first join that was not looked at.
    pub(crate) next: Option<Join<F>>,
}

/// The joins that a part of a change looks at, and perhaps one more.
///
/// # Errors
///
/// [`WriteError::NotAscending`] if these do not ascend strictly. A caller may pass other joins for each part.
fn joins_of_part<'j, F: Family>(
    joins: &'j [Join<F>],
    part: &Part<F>,
) -> Result<&'j [Join<F>], WriteError> {
    let start = joins.partition_point(|join| *join < part.from);
    let (_, rest) = joins.split_at(start);
    let (looked_at, _) = rest.split_at(rest.len().min(part.most.saturating_add(1)));
    match looked_at.windows(2).position(|pair| !pair.is_sorted_by(|a, b| a < b)) {
        Some(at) => Err(WriteError::NotAscending { at: start + at + 1 }),
        None if looked_at.first().is_some_and(|join| *join < part.from) => {
            Err(WriteError::NotAscending { at: start })
        }
        None => Ok(looked_at),
    }
}

/// Makes the memberships of a protocol on an interface those that are wanted, or a part of them.
pub(crate) fn replace<F: Family>(
    txn: &mut TableTxn<'_>,
    wanted: &Wanted<'_, F>,
    part: Part<F>,
) -> Result<Replaced<F>, WriteError> {
    let wanted = &Wanted { joins: joins_of_part(wanted.joins, &part)?, ..*wanted };
    for_interface!(wanted.interface, replace_on::<F>(txn, wanted, part))
}

fn replace_on<F: Family, I: InterfaceIndex<F>>(
    txn: &mut TableTxn<'_>,
    wanted: &Wanted<'_, F>,
    part: Part<F>,
) -> Result<Replaced<F>, WriteError> {
    let indexes = txn.indexes().of::<F>();
    let mut comparison = Comparison::<F, _>::new::<I>(indexes, wanted, part);
    let (mut changed, mut added) = (0, 0);
    for Transition { old, new, .. } in comparison.by_ref() {
        changed += usize::from(old != new);
        added += usize::from(old != new && new.is_some());
    }
    let replaced =
        Replaced { changed, looked_at: part.most - comparison.left, next: comparison.next_join() };
    drop(comparison);
    if changed == 0 {
        return Ok(replaced);
    }
    if (changed, added) == (1, 0) {
        // Needs no more memory than a leave.
        let mut comparison = Comparison::<F, _>::new::<I>(indexes, wanted, part);
        let removed = comparison.find(|Transition { old, new, .. }| old != new);
        drop(comparison);
        if let Some(Transition { parts, .. }) = removed {
            let found = IndexMut::<F, I>::new(txn).find(&parts);
            set_fewer_flags::<F, I>(txn, &parts, &found, None)?;
        }
        return Ok(replaced);
    }
    // Changes are made in key order, so for a while all added memberships may exist together with all
    // that are still to be removed.
    let lengths = [I::tree(indexes).len(), indexes.joins.len(), indexes.by_group.len()];
    let most = lengths.into_iter().max().unwrap_or_default();
    if most.saturating_add(2 * added) > MAX_KEYS {
        return Err(WriteError::TooManyMemberships { limit: MAX_KEYS });
    }
    txn.request()?;
    let lists = Lists::<F, I>::with_room_for(changed);
    let mut lists = lists.map_err(|_| WriteError::OutOfMemory)?;
    let transitions = Comparison::<F, _>::new::<I>(indexes, wanted, part);
    let transitions = transitions.filter(|Transition { old, new, .. }| old != new);
    lists.plan(indexes, transitions).map_err(|_| WriteError::OutOfMemory)?;
    let demand = IndexMut::<F, I>::new(txn).demand_of(&lists);
    let reach = match added {
        0 => Reach::System,
        _ => Reach::Capacity { spare: txn.indexes().worst_removal(added) },
    };
    txn.reserve(demand, reach)?;
    IndexMut::<F, I>::new(txn).set_all(wanted.interface, &lists);
    Ok(replaced)
}

/// Removes the memberships of a protocol on all interfaces, or a part of them: from a place on, and `most` of
/// them. Returns how many, and the first place that was not looked at.
///
/// After an error some of them are removed, so the transaction must be aborted.
pub(crate) fn leave_everywhere<F: Family>(
    txn: &mut TableTxn<'_>,
    protocol: Protocol,
    from: Option<JoinOn<F>>,
    most: usize,
) -> Result<(usize, Option<JoinOn<F>>), WriteError> {
    let first = Join::any_source(F::UNSPECIFIED);
    let (mut removed, mut left) = (0, most);
    let mut next = from.or_else(|| interface_from(txn, &MembershipParts::first_of_join(first)));
    while let Some(JoinOn { interface, join }) = next {
        if left == 0 {
            break;
        }
        let wanted = Wanted::nothing(interface, protocol);
        let replaced = replace(txn, &wanted, Part { from: join, most: left })?;
        removed += replaced.changed;
        left = left.saturating_sub(replaced.looked_at.max(1));
        next = match replaced.next {
            Some(join) => Some(JoinOn { interface, join }),
            None => interface_behind(txn, interface),
        };
    }
    Ok((removed, next))
}

/// The interface of the first membership from `parts` on, and the first possible join there.
fn interface_from<F: Family>(txn: &TableTxn<'_>, parts: &MembershipParts<F>) -> Option<JoinOn<F>> {
    let (found, _) = Merge::<F, ByInterface>::from(txn.indexes().of::<F>(), parts).next()?;
    Some(JoinOn { interface: found.interface(), join: Join::any_source(F::UNSPECIFIED) })
}

/// The next interface that has memberships, and the first possible join there.
fn interface_behind<F: Family>(txn: &TableTxn<'_>, interface: Interface<F>) -> Option<JoinOn<F>> {
    let last = MembershipParts::last_on(interface);
    let mut from = Merge::<F, ByInterface>::from(txn.indexes().of::<F>(), &last);
    // The last possible membership may exist.
    let (found, _) = from.find(|(parts, _)| parts.interface() != interface)?;
    Some(JoinOn { interface: found.interface(), join: Join::any_source(F::UNSPECIFIED) })
}

/// The memberships of a protocol on an interface as they are and as they should be, side by side, ascending.
struct Comparison<'a, F: Family, M: Iterator> {
    wanted: &'a Wanted<'a, F>,
    joins: &'a [Join<F>],
    memberships: std::iter::Peekable<M>,
    /// How many memberships may still be looked at.
    left: usize,
}

impl<'a, F: Family> Comparison<'a, F, std::iter::Empty<(Join<F>, MembershipFlags)>> {
    fn new<I: InterfaceIndex<F>>(
        indexes: &'a Indexes<F>,
        wanted: &'a Wanted<'a, F>,
        part: Part<F>,
    ) -> Comparison<'a, F, impl Iterator<Item = (Join<F>, MembershipFlags)> + 'a> {
        let Wanted { interface, protocol, joins, .. } = *wanted;
        let low = I::Key::new(MembershipParts::new(part.from, interface, Protocol::new(0)));
        let high = I::Key::new(MembershipParts::last_on(interface));
        let found = I::tree(indexes).range(low, high).map(|(key, flags)| (key.parts(), flags));
        let own = found.filter(move |(parts, _)| parts.protocol == protocol.number());
        let memberships = own.map(|(parts, flags)| (parts.join(), flags_of(flags))).peekable();
        Comparison { wanted, joins, memberships, left: part.most }
    }
}

impl<F: Family, M: Iterator<Item = (Join<F>, MembershipFlags)>> Comparison<'_, F, M> {
    /// The join of the next membership.
    fn next_join(&mut self) -> Option<Join<F>> {
        let is = self.memberships.peek().map(|(join, _)| *join);
        is.into_iter().chain(self.joins.first().copied()).min()
    }
}

impl<F: Family, M: Iterator<Item = (Join<F>, MembershipFlags)>> Iterator for Comparison<'_, F, M> {
    type Item = Transition<F>;

    fn next(&mut self) -> Option<Transition<F>> {
        let order = match (self.memberships.peek(), self.joins.first()) {
            _ if self.left == 0 => return None,
            (Some((is, _)), Some(join)) => is.cmp(join),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        self.left -= 1;
        let is = self.memberships.next_if(|_| order.is_le());
        let joined = self.joins.split_first().filter(|_| order.is_ge()).map(|(join, rest)| {
            self.joins = rest;
            *join
        });
        let Wanted { interface, protocol, flags, keeps_flags, .. } = *self.wanted;
        let old = is.map(|(_, flags)| flags);
        let kept = old.filter(|_| keeps_flags);
        let new = joined.map(|_| kept.map_or(flags, |kept| kept.union(flags)));
        let join = joined.or(is.map(|(join, _)| join))?;
        Some(Transition { parts: MembershipParts::new(join, interface, protocol), old, new })
    }
}
