//! The source of joins: all of them, or those of one interface.

use std::ops::Range;

use super::{Pack, Place, RunPacker, Source, key_at, on, range_of, share};
use crate::enumeration::filter::Filter;
use crate::enumeration::position::Position;
use crate::index::Indexes;
use crate::simd::{InterfaceJoinRecords, JoinRecords, RecordBuf, Selection, SimdLevel};
use crate::types::key::JoinKey;
use crate::types::{Family, Interface, Join, Prefix};

/// The source of joins.
#[derive(Clone, Copy, Debug)]
pub enum JoinSource<F> {
    All,
    On(Interface<F>),
}

impl<F: Family> JoinSource<F> {
    /// The source for an enumeration with this filter.
    pub(in crate::enumeration) fn new(filter: &Filter<F>) -> Self {
        filter.interface().map_or(Self::All, Self::On)
    }
}

/// The records of joins.
pub enum JoinPacker<'t, F: Family> {
    All(RunPacker<'t, JoinRecords<F>>),
    Direct(RunPacker<'t, InterfaceJoinRecords<F, F::ByInterface>>),
    Neighbor(RunPacker<'t, InterfaceJoinRecords<F, F::ByNeighbor>>),
}

impl<F: Family> Pack<F, F::Entry> for JoinPacker<'_, F> {
    #[inline(always)]
    fn expand(self, level: SimdLevel, buf: &mut RecordBuf<'_, F::Entry>) {
        match self {
            Self::All(packer) => packer.expand(level, buf),
            Self::Direct(packer) => packer.expand(level, buf),
            Self::Neighbor(packer) => packer.expand(level, buf),
        }
    }

    #[inline]
    fn compact(
        self,
        level: SimdLevel,
        selection: Option<&Selection<F>>,
        buf: &mut RecordBuf<'_, F::Entry>,
    ) -> Option<Place> {
        match self {
            Self::All(packer) => packer.compact(level, selection, buf),
            Self::Direct(packer) => packer.compact(level, selection, buf),
            Self::Neighbor(packer) => packer.compact(level, selection, buf),
        }
    }
}

impl<F: Family> Source<F> for JoinSource<F> {
    type Record = F::Entry;
    type Packer<'t> = JoinPacker<'t, F>;

    #[inline]
    fn has_ranks(self) -> bool {
        true
    }

    fn range(self, indexes: &Indexes<F>, groups: Prefix<F>) -> Range<Place> {
        range_of(self, indexes, groups)
    }

    #[inline(always)]
    fn packer<'t>(
        self,
        indexes: &'t Indexes<F>,
        _filter: &Filter<F>,
        range: Range<Place>,
    ) -> JoinPacker<'t, F> {
        match self {
            Self::All => JoinPacker::All(RunPacker::new(JoinRecords::new(), &indexes.joins, range)),
            Self::On(interface) if interface.next_hop.is_unspecified() => {
                let recipe = InterfaceJoinRecords::new();
                JoinPacker::Direct(RunPacker::new(recipe, &indexes.by_interface, range))
            }
            Self::On(_) => {
                let recipe = InterfaceJoinRecords::new();
                JoinPacker::Neighbor(RunPacker::new(recipe, &indexes.by_neighbor, range))
            }
        }
    }

    fn place_of(self, indexes: &Indexes<F>, join: Join<F>) -> Place {
        match self {
            Self::All => {
                indexes.joins.lower_bound(F::JoinKey::new(join.group, join.source)) as Place
            }
            Self::On(interface) => on::place_of(indexes, interface, join),
        }
    }

    fn place_behind(self, indexes: &Indexes<F>, position: &Position<F>) -> Place {
        match self {
            Self::All => {
                let key = F::JoinKey::new(position.group, position.source);
                indexes.joins.upper_bound(key) as Place
            }
            Self::On(interface) => on::place_behind(indexes, interface, position),
        }
    }

    fn position_at(self, indexes: &Indexes<F>, place: Place) -> Position<F> {
        match self {
            Self::All => {
                let key = key_at(&indexes.joins, place);
                Position::behind(Join::new(key.group(), key.source()))
            }
            Self::On(interface) => on::position_at(indexes, interface, place),
        }
    }

    fn position_before(self, indexes: &Indexes<F>, place: Place) -> Position<F> {
        self.position_at(indexes, place - 1)
    }

    fn cut(self, _: &Indexes<F>, range: Range<Place>, part: usize, parts: usize) -> Place {
        share(&range, part, parts)
    }

    fn count(self, range: Range<Place>) -> usize {
        (range.end - range.start) as usize
    }
}
