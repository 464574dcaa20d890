//! Where in a version an enumeration goes: through which set, and from where to where.

use std::ops::Range;

use super::filter::{Filter, Prefix};
use super::position::Position;
use crate::family::Family;
use crate::key::{JoinKey, MembershipKey, MembershipParts};
use crate::membership::{Interface, Protocol};
use crate::sets::Sets;

/// The set that an enumeration goes through.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<F> {
    /// The joins.
    Joins,
    /// The memberships of an interface, which has a slot if there are any.
    Interface { interface: Interface<F>, slot: Option<u32> },
}

impl<F: Family> Place<F> {
    /// The place of an enumeration that a filter narrows.
    pub(super) fn new(sets: &Sets<F>, filter: &Filter<F>) -> Self {
        match filter.interface_filter() {
            None => Self::Joins,
            Some(interface) => Self::Interface { interface, slot: sets.slot(interface) },
        }
    }

    /// The ranks of the keys with groups of a prefix.
    pub(super) fn ranks(&self, sets: &Sets<F>, groups: Prefix<F>) -> Range<usize> {
        let first = self.rank_of(sets, groups.first(), F::UNSPECIFIED);
        first..self.rank_behind(sets, &Position::behind(groups.last(), F::MAX))
    }

    /// The rank of the first key that is not before (group, source).
    pub(super) fn rank_of(&self, sets: &Sets<F>, group: F, source: F) -> usize {
        match *self {
            Self::Joins => sets.joins.lower_bound(F::JoinKey::new(group, source)),
            Self::Interface { slot: None, .. } => 0,
            Self::Interface { slot: Some(slot), .. } => {
                let parts = MembershipParts { slot, ..MembershipParts::first_of(group, source) };
                sets.by_interface.lower_bound(F::ByInterface::new(parts))
            }
        }
    }

    /// The rank of the first key behind a position.
    pub(super) fn rank_behind(&self, sets: &Sets<F>, position: &Position<F>) -> usize {
        let Position { group, source, protocol } = *position;
        match *self {
            Self::Joins => sets.joins.upper_bound(F::JoinKey::new(group, source)),
            Self::Interface { slot: None, .. } => 0,
            Self::Interface { slot: Some(slot), .. } => {
                let last = MembershipParts::last_of(group, source);
                let protocol = protocol.map_or(last.protocol, |protocol| protocol.0);
                let parts = MembershipParts { slot, protocol, ..last };
                sets.by_interface.upper_bound(F::ByInterface::new(parts))
            }
        }
    }

    /// The position behind the key of a rank.
    pub(super) fn behind(&self, sets: &Sets<F>, rank: usize) -> Option<Position<F>> {
        match self {
            Self::Joins => {
                let key = sets.joins.select(rank)?;
                Some(Position::behind(key.group(), key.source()))
            }
            Self::Interface { .. } => {
                let parts = sets.by_interface.select(rank)?.parts();
                let protocol = Some(Protocol(parts.protocol));
                Some(Position { group: parts.group, source: parts.source, protocol })
            }
        }
    }
}
