//! All memberships in one order, out of the two indexes that have them.

use bytemuck::Pod;

use super::indexes::{Indexes, flags_of, sole_of};
use crate::tree::{Cursor, Tree};
use crate::types::key::{JoinKey, Key, MembershipKey, MembershipParts};
use crate::types::sole::SoleMembership;
use crate::types::{Family, Interface, Join, MembershipFlags};

/// A membership as an index has it.
pub(crate) type Found<F> = (MembershipParts<F>, MembershipFlags);

/// An order of all memberships, and the two indexes that have them.
pub(crate) trait Order<F: Family> {
    type FirstKey: Key;
    type FirstValue: Pod;
    type SecondKey: MembershipKey<F>;

    fn first(indexes: &Indexes<F>) -> &Tree<Self::FirstKey, Self::FirstValue>;
    fn second(indexes: &Indexes<F>) -> &Tree<Self::SecondKey, u8>;

    /// The membership of an entry of the first index. Without flags, the entry has none: it is the least
    /// possible one of a join whose memberships are in the second index.
    fn found(
        key: Self::FirstKey,
        value: Self::FirstValue,
    ) -> (MembershipParts<F>, Option<MembershipFlags>);

    /// A key of the first index before which all entries are less than `parts`. At most one entry from there
    /// on is.
    fn first_key(parts: &MembershipParts<F>) -> Self::FirstKey;

    /// What memberships order by.
    fn rank(parts: &MembershipParts<F>) -> impl Ord;
}

/// By (group, source, interface, next hop, protocol).
#[derive(Clone, Copy, Debug)]
pub(crate) enum ByGroup {}

impl<F: Family> Order<F> for ByGroup {
    type FirstKey = F::JoinKey;
    type FirstValue = SoleMembership;
    type SecondKey = F::ByGroup;

    fn first(indexes: &Indexes<F>) -> &Tree<F::JoinKey, SoleMembership> {
        &indexes.joins
    }

    fn second(indexes: &Indexes<F>) -> &Tree<F::ByGroup, u8> {
        &indexes.by_group
    }

    fn found(
        key: F::JoinKey,
        value: SoleMembership,
    ) -> (MembershipParts<F>, Option<MembershipFlags>) {
        let join = Join::new(key.group(), key.source());
        match sole_of(join, value) {
            Some((parts, flags)) => (parts, Some(flags)),
            None => (MembershipParts::first_of_join(join), None),
        }
    }

    fn first_key(parts: &MembershipParts<F>) -> F::JoinKey {
        F::JoinKey::new(parts.group, parts.source)
    }

    fn rank(parts: &MembershipParts<F>) -> impl Ord {
        F::ByGroup::new(*parts)
    }
}

/// By (interface, next hop, group, source, protocol).
#[derive(Clone, Copy, Debug)]
pub(crate) enum ByInterface {}

impl<F: Family> Order<F> for ByInterface {
    type FirstKey = F::ByInterface;
    type FirstValue = u8;
    type SecondKey = F::ByNeighbor;

    fn first(indexes: &Indexes<F>) -> &Tree<F::ByInterface, u8> {
        &indexes.by_interface
    }

    fn second(indexes: &Indexes<F>) -> &Tree<F::ByNeighbor, u8> {
        &indexes.by_neighbor
    }

    fn found(key: F::ByInterface, flags: u8) -> (MembershipParts<F>, Option<MembershipFlags>) {
        (key.parts(), Some(flags_of(flags)))
    }

    fn first_key(parts: &MembershipParts<F>) -> F::ByInterface {
        // All memberships of the index without a next hop come before those with one.
        let first = match parts.next_hop.is_unspecified() {
            true => *parts,
            false => MembershipParts::last_on(Interface::new(parts.index)),
        };
        F::ByInterface::new(first)
    }

    fn rank(parts: &MembershipParts<F>) -> impl Ord {
        F::ByNeighbor::new(*parts)
    }
}

/// Ranks in the two indexes of an order: a place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranks {
    pub(crate) first: u32,
    pub(crate) second: u32,
}

/// The memberships from a place on, in an order.
///
/// # Invariants
///
/// - I1: the cursors are behind the entries of `first` and `second`, which have not been returned.
/// - I2: if `first` has no membership, it is greater than that of `second`. So the entries before the ranks
///   are those that are not greater than the next membership.
pub(crate) struct Merge<'t, F: Family, O: Order<F>> {
    in_first: Cursor<'t, O::FirstKey, O::FirstValue>,
    in_second: Cursor<'t, O::SecondKey, u8>,
    first: Option<(MembershipParts<F>, Option<MembershipFlags>)>,
    second: Option<Found<F>>,
}

impl<F: Family, O: Order<F>> Clone for Merge<'_, F, O> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'t, F: Family, O: Order<F>> Merge<'t, F, O> {
    /// From the first membership on that is not less than `from`. Costs O(log n).
    pub(crate) fn from(indexes: &'t Indexes<F>, from: &MembershipParts<F>) -> Self {
        let mut in_first = O::first(indexes).seek(O::first_key(from));
        let is_before = |(key, value)| O::rank(&O::found(key, value).0) < O::rank(from);
        if in_first.entry().is_some_and(is_before) {
            in_first.next();
        }
        Self::new(in_first, O::second(indexes).seek(O::SecondKey::new(*from)))
    }

    /// From a place on.
    pub(crate) fn at(indexes: &'t Indexes<F>, ranks: Ranks) -> Self {
        let first = O::first(indexes).seek_rank(ranks.first as usize);
        Self::new(first, O::second(indexes).seek_rank(ranks.second as usize))
    }

    fn new(
        in_first: Cursor<'t, O::FirstKey, O::FirstValue>,
        in_second: Cursor<'t, O::SecondKey, u8>,
    ) -> Self {
        let mut merge = Self { in_first, in_second, first: None, second: None };
        merge.next_second();
        merge.next_first();
        merge.settle();
        merge
    }

    /// The last membership before a place.
    pub(crate) fn before(indexes: &Indexes<F>, ranks: Ranks) -> Option<MembershipParts<F>> {
        let first = |back| {
            let rank = (ranks.first as usize).checked_sub(back)?;
            O::first(indexes).select(rank).map(|(key, value)| O::found(key, value))
        };
        // If the last entry has no membership, its memberships in the second index may be behind the place.
        // If the one before it has none either, those that it has there are before the place.
        let first = match first(1) {
            Some((_, None)) => first(2),
            first => first,
        };
        let rank = (ranks.second as usize).checked_sub(1);
        let second = rank.and_then(|rank| O::second(indexes).select(rank));
        match (first, second.map(|(key, _)| key.parts())) {
            (Some((first, Some(_))), Some(second)) => {
                Some(if O::rank(&first) < O::rank(&second) { second } else { first })
            }
            (Some((first, Some(_))), None) => Some(first),
            (_, second) => second,
        }
    }

    /// The place of the next membership.
    pub(crate) fn ranks(&self) -> Ranks {
        let first = self.in_first.rank() - usize::from(self.first.is_some());
        let second = self.in_second.rank() - usize::from(self.second.is_some());
        Ranks { first: first as u32, second: second as u32 }
    }

    /// The next membership, which stays the next one.
    pub(crate) fn peek(&self) -> Option<Found<F>> {
        match self.first {
            Some((first, Some(flags))) if self.is_first() => Some((first, flags)),
            _ => self.second,
        }
    }

    /// Whether the entry of the first index comes before that of the second one.
    fn is_first(&self) -> bool {
        match (&self.first, &self.second) {
            (Some((first, _)), Some((second, _))) => O::rank(first) <= O::rank(second),
            (first, _) => first.is_some(),
        }
    }

    /// Passes over entries of the first index that have no membership (I2).
    fn settle(&mut self) {
        while let Some((_, None)) = self.first
            && self.is_first()
        {
            self.next_first();
        }
    }

    fn next_first(&mut self) {
        self.first = self.in_first.next().map(|(key, value)| O::found(key, value));
    }

    fn next_second(&mut self) {
        self.second = self.in_second.next().map(|(key, flags)| (key.parts(), flags_of(flags)));
    }
}

impl<F: Family, O: Order<F>> Iterator for Merge<'_, F, O> {
    type Item = Found<F>;

    fn next(&mut self) -> Option<Found<F>> {
        let next = self.peek();
        match self.is_first() {
            true => self.next_first(),
            false => self.next_second(),
        }
        self.settle();
        next
    }
}
