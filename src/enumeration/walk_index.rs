//! The index that an enumeration walks, and ranges of ranks in it.

use std::ops::Range;

use super::filter::Filter;
use super::position::Position;
use crate::index::Indexes;
use crate::types::key::{JoinKey, MembershipKey, MembershipParts};
use crate::types::{Family, Interface, Join, Prefix, Protocol};

/// The index that an enumeration walks.
#[derive(Clone, Copy, Debug)]
pub(super) enum WalkIndex<F> {
    /// The index of joins.
    Joins,
    /// The memberships of one interface, in the index by interface. `id` is `None` if it has none.
    Interface { interface: Interface<F>, id: Option<u32> },
}

impl<F: Family> WalkIndex<F> {
    /// The index for an enumeration with this filter.
    pub(super) fn new(indexes: &Indexes<F>, filter: &Filter<F>) -> Self {
        match filter.interface() {
            None => Self::Joins,
            Some(interface) => Self::Interface { interface, id: indexes.interface_id(interface) },
        }
    }

    /// The ranks of the keys whose groups have this prefix.
    pub(super) fn ranks(&self, indexes: &Indexes<F>, groups: Prefix<F>) -> Range<usize> {
        let first = self.rank_of(indexes, groups.first(), F::UNSPECIFIED);
        first..self.rank_behind(indexes, &Position::behind(Join::new(groups.last(), F::MAX)))
    }

    /// The rank of the first key that is not less than (group, source).
    pub(super) fn rank_of(&self, indexes: &Indexes<F>, group: F, source: F) -> usize {
        match *self {
            Self::Joins => indexes.joins.lower_bound(F::JoinKey::new(group, source)),
            Self::Interface { id: None, .. } => 0,
            Self::Interface { id: Some(id), .. } => {
                let parts = MembershipParts {
                    interface_id: id,
                    ..MembershipParts::first_of(group, source)
                };
                indexes.by_interface.lower_bound(F::ByInterface::new(parts))
            }
        }
    }

    /// The rank of the first key behind a position.
    pub(super) fn rank_behind(&self, indexes: &Indexes<F>, position: &Position<F>) -> usize {
        let Position { group, source, protocol } = *position;
        match *self {
            Self::Joins => indexes.joins.upper_bound(F::JoinKey::new(group, source)),
            Self::Interface { id: None, .. } => 0,
            Self::Interface { id: Some(id), .. } => {
                let last = MembershipParts::last_of(group, source);
                let protocol = protocol.map_or(last.protocol, |protocol| protocol.number());
                let parts = MembershipParts { interface_id: id, protocol, ..last };
                indexes.by_interface.upper_bound(F::ByInterface::new(parts))
            }
        }
    }

    /// The position behind the key with this rank, which must exist.
    pub(super) fn behind(&self, indexes: &Indexes<F>, rank: usize) -> Position<F> {
        match self {
            Self::Joins => {
                let Some(key) = indexes.joins.select(rank) else {
                    unreachable!("no join has rank {rank}");
                };
                Position::behind(Join::new(key.group(), key.source()))
            }
            Self::Interface { .. } => {
                let Some(key) = indexes.by_interface.select(rank) else {
                    unreachable!("no membership has rank {rank}");
                };
                let parts = key.parts();
                let protocol = Some(Protocol::new(parts.protocol));
                Position { group: parts.group, source: parts.source, protocol }
            }
        }
    }
}
