//! The write side of the indexes: the only code that changes their contents, and so keeps them equal.
//!
//! A membership goes from some flags to others; no flags mean that there is no membership. [`IndexMut::find`]
//! looks up what the change needs, [`IndexMut::demand`] tells which slots it needs, and
//! [`IndexMut::set`] makes it. [`Lists`] plans many changes on one interface, which [`IndexMut::set_all`] makes.

use std::collections::TryReserveError;

use super::indexes::{Indexes, InterfaceIndex, TableTxn, flags_of, sole_of};
use crate::tree::{Demand, KeyUpdate, MAX_KEYS, Path, Seek};
use crate::types::key::{JoinKey, MembershipKey, MembershipParts};
use crate::types::sole::SoleMembership;
use crate::types::{Family, Interface, MembershipFlags};

/// The indexes of a transaction, for changes of memberships on interfaces without a next hop
/// ([`Direct`](super::Direct)) or with one ([`Neighbor`](super::Neighbor)).
pub(super) struct IndexMut<'a, 't, F, I> {
    txn: &'a mut TableTxn<'t>,
    kind: std::marker::PhantomData<(F, I)>,
}

/// What the indexes have of a membership, and where.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// The flags of the membership, if there is one.
    pub(super) flags: Option<MembershipFlags>,
    /// The value of its join, if there is this join.
    sole: Option<SoleMembership>,
    in_interface: Path,
    in_joins: Path,
    /// Whether the interface has no other membership.
    is_alone: bool,
}

/// What a change of one membership changes in `joins` and `by_group`.
struct GroupUpdates<F: Family> {
    /// The new value of the join; `None` inside if there is no such join then.
    join: Option<Option<SoleMembership>>,
    /// The changes of `by_group`, which ascend.
    by_group: [Option<KeyUpdate<F::ByGroup, u8>>; 2],
}

impl<'a, 't, F: Family, I: InterfaceIndex<F>> IndexMut<'a, 't, F, I> {
    pub(super) fn new(txn: &'a mut TableTxn<'t>) -> Self {
        Self { txn, kind: std::marker::PhantomData }
    }

    fn indexes(&self) -> &Indexes<F> {
        self.txn.indexes().of::<F>()
    }

    /// Looks a membership up.
    #[inline]
    pub(super) fn find(&self, parts: &MembershipParts<F>) -> Found {
        let indexes = self.indexes();
        let mut in_interface = Seek::new(I::tree(indexes), I::Key::new(*parts));
        let mut in_joins = Seek::new(&indexes.joins, F::JoinKey::new(parts.group, parts.source));
        while in_interface.step() | in_joins.step() {}
        let (in_interface, in_joins) = (in_interface.end(), in_joins.end());
        let flags = in_interface.found().map(flags_of);
        let is_same = |key: I::Key| key.parts().interface() == parts.interface();
        let behind = || match flags {
            Some(_) => in_interface.key_after(),
            None => in_interface.entry().map(|(key, _)| key),
        };
        let is_alone =
            !in_interface.key_before().is_some_and(is_same) && !behind().is_some_and(is_same);
        Found {
            flags,
            sole: in_joins.found(),
            in_interface: in_interface.path(),
            in_joins: in_joins.path(),
            is_alone,
        }
    }

    /// Whether each index can count one more key of this membership's, and one more in `by_group`.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        let indexes = self.indexes();
        let lengths = [I::tree(indexes).len(), indexes.joins.len(), indexes.by_group.len() + 1];
        lengths.into_iter().all(|length| length < MAX_KEYS)
    }

    /// The most slots that the change of one membership needs.
    #[inline]
    pub(super) fn demand(
        &self,
        parts: &MembershipParts<F>,
        found: &Found,
        new: Option<MembershipFlags>,
    ) -> Demand {
        let indexes = self.indexes();
        let demand = I::tree(indexes).worst_case() + indexes.joins.worst_case();
        match Self::stays_out_of_by_group(parts, found, new) {
            true => demand,
            false => demand + indexes.by_group.worst_case_of_two(),
        }
    }

    /// The most slots that the addition of a membership needs, at the cost of walks down its paths.
    #[cold]
    pub(super) fn demand_to_insert(
        &self,
        parts: &MembershipParts<F>,
        found: &Found,
        new: MembershipFlags,
    ) -> Demand {
        let (indexes, number) = (self.indexes(), self.txn.next_version().number());
        let demand = I::tree(indexes).slots_to_insert(&found.in_interface, number)
            + indexes.joins.slots_to_insert(&found.in_joins, number);
        match Self::stays_out_of_by_group(parts, found, Some(new)) {
            true => demand,
            false => demand + indexes.by_group.worst_case_of_two(),
        }
    }

    /// The most slots that the removal of flags of a membership, or of the membership, needs, at the cost of
    /// walks down its paths. [`TableIndexes::worst_removal`](super::TableIndexes::worst_removal) bounds it.
    #[cold]
    pub(super) fn demand_to_remove(
        &self,
        parts: &MembershipParts<F>,
        found: &Found,
        new: Option<MembershipFlags>,
    ) -> Demand {
        let (indexes, number) = (self.indexes(), self.txn.next_version().number());
        let demand = I::tree(indexes).slots_to_remove(&found.in_interface, number)
            + indexes.joins.slots_to_remove(&found.in_joins, number);
        let by_group = &indexes.by_group;
        match (Self::stays_out_of_by_group(parts, found, new), new) {
            (true, _) => demand,
            (false, None) => demand + by_group.worst_removals(2, 0),
            (false, Some(_)) => {
                demand + by_group.worst_removals(2, 0).max(by_group.worst_insertion(0))
            }
        }
    }

    /// Whether a change leaves `by_group` as it is, as far as can be told at a glance: the sole membership of
    /// a join, which fits beside it, comes, goes or gets another flag.
    #[inline]
    fn stays_out_of_by_group(
        parts: &MembershipParts<F>,
        found: &Found,
        new: Option<MembershipFlags>,
    ) -> bool {
        let joins = |flags: Option<MembershipFlags>| {
            flags.is_none_or(|flags| flags.contains(MembershipFlags::JOIN))
        };
        let is_sole = match (found.sole, found.flags) {
            (None, None) => new.is_none_or(|flags| parts.sole(flags).is_some()),
            (Some(sole), Some(_)) => sole != SoleMembership::ELSEWHERE,
            _ => false,
        };
        is_sole && joins(found.flags) && joins(new)
    }

    /// Gives a membership, which was [found](Self::find) in the indexes as they are, other flags, or removes
    /// it. The slots for this are reserved.
    #[inline]
    pub(super) fn set(
        &mut self,
        parts: &MembershipParts<F>,
        found: &Found,
        new: Option<MembershipFlags>,
    ) {
        let updates = group_updates(self.indexes(), found.sole, parts, found.flags, new);
        let mut edit = self.txn.edit(|indexes| I::tree_mut(indexes.of_mut::<F>()));
        let path = &found.in_interface;
        match (found.flags, new) {
            (None, Some(flags)) => edit.insert(path, I::Key::new(*parts), flags.bits()),
            (Some(_), Some(flags)) => edit.set_value(path, flags.bits()),
            (Some(_), None) => edit.remove(path),
            (None, None) => {}
        }
        if let Some(join) = updates.join {
            let mut edit = self.txn.edit(|indexes| &mut indexes.of_mut::<F>().joins);
            let path = &found.in_joins;
            match (found.sole, join) {
                (None, Some(sole)) => {
                    edit.insert(path, F::JoinKey::new(parts.group, parts.source), sole);
                }
                (Some(_), Some(sole)) => edit.set_value(path, sole),
                (Some(_), None) => edit.remove(path),
                (None, None) => {}
            }
        }
        for update in updates.by_group.iter().flatten() {
            self.txn.edit(|indexes| &mut indexes.of_mut::<F>().by_group).update(update);
        }
        let sweeps = self.txn.state_mut().upkeep::<F>();
        I::sweep(sweeps).changed(1);
        sweeps.joins.changed(updates.join.iter().len());
        sweeps.by_group.changed(updates.by_group.iter().flatten().count());
        if found.is_alone {
            self.count_interface(found.flags.is_some(), new.is_some());
        }
        self.txn.mark_changed();
    }

    /// Counts an interface that got its first membership, or lost its last one.
    fn count_interface(&mut self, before: bool, after: bool) {
        let count = self.txn.edit_indexes(|indexes| &mut indexes.of_mut::<F>().interface_count);
        *count = *count + u32::from(after) - u32::from(before);
    }

    /// The most slots that the planned updates need.
    pub(super) fn demand_of(&self, lists: &Lists<F, I>) -> Demand {
        let (indexes, number) = (self.indexes(), self.txn.next_version().number());
        I::tree(indexes).slots_to_apply(&lists.by_interface, number)
            + indexes.joins.slots_to_apply(&lists.joins, number)
            + indexes.by_group.slots_to_apply(&lists.by_group, number)
    }

    /// Makes the updates that were [planned](Lists::plan) for the indexes as they are. The slots for them are
    /// reserved.
    pub(super) fn set_all(&mut self, interface: Interface<F>, lists: &Lists<F, I>) {
        let had_memberships = self.indexes().has_memberships(interface);
        self.txn.edit(|indexes| I::tree_mut(indexes.of_mut::<F>())).apply(&lists.by_interface);
        self.txn.edit(|indexes| &mut indexes.of_mut::<F>().joins).apply(&lists.joins);
        self.txn.edit(|indexes| &mut indexes.of_mut::<F>().by_group).apply(&lists.by_group);
        let sweeps = self.txn.state_mut().upkeep::<F>();
        I::sweep(sweeps).changed(lists.by_interface.len());
        sweeps.joins.changed(lists.joins.len());
        sweeps.by_group.changed(lists.by_group.len());
        let has_memberships = self.indexes().has_memberships(interface);
        self.count_interface(had_memberships, has_memberships);
        self.txn.mark_changed();
    }
}

/// The change of one membership.
pub(super) struct Transition<F> {
    pub(super) parts: MembershipParts<F>,
    /// The flags before and after the change.
    pub(super) old: Option<MembershipFlags>,
    pub(super) new: Option<MembershipFlags>,
}

/// The updates that changes of memberships on one interface make.
pub(super) struct Lists<F: Family, I: InterfaceIndex<F>> {
    pub(super) joins: Vec<KeyUpdate<F::JoinKey, SoleMembership>>,
    pub(super) by_interface: Vec<KeyUpdate<I::Key, u8>>,
    pub(super) by_group: Vec<KeyUpdate<F::ByGroup, u8>>,
}

impl<F: Family, I: InterfaceIndex<F>> Lists<F, I> {
    /// Empty lists, of which two have room for the updates of `changes` changes. Most changes make no update
    /// of `by_group`.
    pub(super) fn with_room_for(changes: usize) -> Result<Self, TryReserveError> {
        let (mut joins, mut by_interface) = (Vec::new(), Vec::new());
        joins.try_reserve_exact(changes)?;
        by_interface.try_reserve_exact(changes)?;
        Ok(Self { joins, by_interface, by_group: Vec::new() })
    }

    /// Adds the updates that changes of the memberships of one protocol make. The changes ascend, and there is
    /// room for them.
    pub(super) fn plan(
        &mut self,
        indexes: &Indexes<F>,
        changes: impl Iterator<Item = Transition<F>>,
    ) -> Result<(), TryReserveError> {
        for Transition { parts, old, new } in changes {
            let updates = group_updates(indexes, indexes.join(parts.join()), &parts, old, new);
            let value = new.map(MembershipFlags::bits);
            self.by_interface.push(KeyUpdate { key: I::Key::new(parts), value });
            if let Some(value) = updates.join {
                let key = F::JoinKey::new(parts.group, parts.source);
                self.joins.push(KeyUpdate { key, value });
            }
            for update in updates.by_group.into_iter().flatten() {
                self.by_group.try_reserve(1)?;
                self.by_group.push(update);
            }
        }
        Ok(())
    }
}

/// The memberships of a join with the join flag, other than the one that changes.
enum Others<F> {
    None,
    One(MembershipParts<F>, MembershipFlags, Place),
    /// More than one; or one that does not fit into the value of the join.
    Many,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Joins,
    ByGroup,
}

/// What a change of a membership from the flags `old` to the flags `new` changes in `joins` and `by_group`
/// (I2 and I3 of [`index`](super)). `sole` is the value of its join before.
#[inline]
fn group_updates<F: Family>(
    indexes: &Indexes<F>,
    sole: Option<SoleMembership>,
    parts: &MembershipParts<F>,
    old: Option<MembershipFlags>,
    new: Option<MembershipFlags>,
) -> GroupUpdates<F> {
    let is_join = |flags: &MembershipFlags| flags.contains(MembershipFlags::JOIN);
    let (joined, joins) = (old.filter(is_join), new.filter(is_join));
    let was_sole = sole.is_some() && joined.and_then(|flags| parts.sole(flags)) == sole;
    let others = match sole {
        _ if was_sole => Others::None,
        None => Others::None,
        Some(sole) => match sole_of(parts.join(), sole) {
            Some((other, flags)) => Others::One(other, flags, Place::Joins),
            // The join has a membership with the flag in `by_group`. If this one is not it, others are.
            None if joined.is_none() => Others::Many,
            // If this one keeps the flag, there is nothing to find out.
            None if joins.is_some() => Others::Many,
            None => others_elsewhere(indexes, parts),
        },
    };
    let update = |parts: &MembershipParts<F>, flags: Option<MembershipFlags>| KeyUpdate {
        key: F::ByGroup::new(*parts),
        value: flags.map(MembershipFlags::bits),
    };

    // The value of the join, and whether it has the membership that changes.
    let (join, is_sole) = match (joins, &others) {
        (None, Others::None) => (None, false),
        (Some(flags), Others::None) => match parts.sole(flags) {
            Some(sole) => (Some(sole), true),
            None => (Some(SoleMembership::ELSEWHERE), false),
        },
        (None, Others::One(other, flags, _)) => {
            (Some(other.sole(*flags).unwrap_or(SoleMembership::ELSEWHERE)), false)
        }
        (Some(_), Others::One(..)) | (_, Others::Many) => (Some(SoleMembership::ELSEWHERE), false),
    };
    // The change of `by_group` for the membership itself.
    let (before, after) = (old.filter(|_| !was_sole), new.filter(|_| !is_sole));
    let own = (before != after).then(|| update(parts, after));
    // And for the other one, if it moves.
    let other = match others {
        Others::One(other, flags, place) => {
            let stays_in_joins = join.is_some_and(|join| other.sole(flags) == Some(join));
            match (place, stays_in_joins) {
                (Place::Joins, false) => Some(update(&other, Some(flags))),
                (Place::ByGroup, true) => Some(update(&other, None)),
                _ => None,
            }
        }
        Others::None | Others::Many => None,
    };
    let mut by_group = [own, other];
    by_group.sort_by_key(|update| update.map(|update| update.key));
    GroupUpdates { join: (join != sole).then_some(join), by_group }
}

/// The memberships with the join flag in `by_group`, other than `parts`.
#[cold]
fn others_elsewhere<F: Family>(indexes: &Indexes<F>, parts: &MembershipParts<F>) -> Others<F> {
    let mut others = indexes
        .elsewhere(parts.join())
        .filter(|(other, flags)| other != parts && flags.contains(MembershipFlags::JOIN));
    match (others.next(), others.next()) {
        (None, _) => Others::None,
        (Some((other, flags)), None) => Others::One(other, flags, Place::ByGroup),
        (Some(_), Some(_)) => Others::Many,
    }
}

/// Calls a function for the index of an interface: with [`Direct`](super::Direct) if it has no next hop, or
/// else with [`Neighbor`](super::Neighbor).
macro_rules! for_interface {
    ($interface:expr, $function:ident::<$family:ty>($($argument:expr),*)) => {
        match $interface.next_hop.is_unspecified() {
            true => $function::<$family, $crate::index::Direct>($($argument),*),
            false => $function::<$family, $crate::index::Neighbor>($($argument),*),
        }
    };
}
pub(super) use for_interface;
