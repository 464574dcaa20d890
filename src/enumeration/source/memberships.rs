//! The source of memberships: those of one interface, or all of them in an order.

use std::ops::Range;

use super::merged::{self, MergePacker};
use super::{Pack, Place, RunPacker, Source, on, range_of, share};
use crate::enumeration::filter::Filter;
use crate::enumeration::position::Position;
use crate::index::{ByGroup, ByInterface, Indexes};
use crate::simd::{MembershipRecords, RecordBuf, Selection, SimdLevel};
use crate::types::key::MembershipParts;
use crate::types::{Family, Interface, Join, MembershipOrder, Prefix};

/// The source of memberships.
#[derive(Clone, Copy, Debug)]
pub enum MembershipSource<F> {
    On(Interface<F>),
    In(MembershipOrder),
}

/// The records of memberships.
pub enum MembershipPacker<'t, F: Family> {
    Direct(RunPacker<'t, MembershipRecords<F, F::ByInterface>>),
    Neighbor(RunPacker<'t, MembershipRecords<F, F::ByNeighbor>>),
    ByGroup(MergePacker<'t, F, ByGroup>),
    ByInterface(MergePacker<'t, F, ByInterface>),
}

impl<F: Family> Pack<F, F::MembershipEntry> for MembershipPacker<'_, F> {
    #[inline]
    fn expand(self, level: SimdLevel, buf: &mut RecordBuf<'_, F::MembershipEntry>) {
        match self {
            Self::Direct(packer) => packer.expand(level, buf),
            Self::Neighbor(packer) => packer.expand(level, buf),
            Self::ByGroup(packer) => packer.expand(level, buf),
            Self::ByInterface(packer) => packer.expand(level, buf),
        }
    }

    #[inline]
    fn compact(
        self,
        level: SimdLevel,
        selection: Option<&Selection<F>>,
        buf: &mut RecordBuf<'_, F::MembershipEntry>,
    ) -> Option<Place> {
        match self {
            Self::Direct(packer) => packer.compact(level, selection, buf),
            Self::Neighbor(packer) => packer.compact(level, selection, buf),
            Self::ByGroup(packer) => packer.compact(level, selection, buf),
            Self::ByInterface(packer) => packer.compact(level, selection, buf),
        }
    }
}

impl<F: Family> Source<F> for MembershipSource<F> {
    type Record = F::MembershipEntry;
    type Packer<'t> = MembershipPacker<'t, F>;

    #[inline]
    fn has_ranks(self) -> bool {
        matches!(self, Self::On(_))
    }

    fn range(self, indexes: &Indexes<F>, groups: Prefix<F>) -> Range<Place> {
        match self {
            Self::On(_) | Self::In(MembershipOrder::ByGroup) => range_of(self, indexes, groups),
            Self::In(MembershipOrder::ByInterface) => 0..merged::end::<F, ByInterface>(indexes),
        }
    }

    #[inline]
    fn packer<'t>(
        self,
        indexes: &'t Indexes<F>,
        filter: &Filter<F>,
        range: Range<Place>,
    ) -> MembershipPacker<'t, F> {
        match self {
            Self::On(interface) if interface.next_hop.is_unspecified() => {
                let recipe = MembershipRecords::new();
                MembershipPacker::Direct(RunPacker::new(recipe, &indexes.by_interface, range))
            }
            Self::On(_) => {
                let recipe = MembershipRecords::new();
                MembershipPacker::Neighbor(RunPacker::new(recipe, &indexes.by_neighbor, range))
            }
            Self::In(MembershipOrder::ByGroup) => {
                MembershipPacker::ByGroup(MergePacker::new(indexes, filter, range))
            }
            Self::In(MembershipOrder::ByInterface) => {
                MembershipPacker::ByInterface(MergePacker::new(indexes, filter, range))
            }
        }
    }

    fn place_of(self, indexes: &Indexes<F>, join: Join<F>) -> Place {
        match self {
            Self::On(interface) => on::place_of(indexes, interface, join),
            Self::In(MembershipOrder::ByGroup) => {
                merged::place::<F, ByGroup>(indexes, &MembershipParts::first_of_join(join))
            }
            // A join has no place of its own in this order.
            Self::In(MembershipOrder::ByInterface) => 0,
        }
    }

    fn place_behind(self, indexes: &Indexes<F>, position: &Position<F>) -> Place {
        match self {
            Self::On(interface) => on::place_behind(indexes, interface, position),
            Self::In(MembershipOrder::ByGroup) => {
                let last = MembershipParts::last_of_join(position.join());
                merged::place_behind::<F, ByGroup>(indexes, &position.parts().unwrap_or(last))
            }
            Self::In(MembershipOrder::ByInterface) => match position.parts() {
                Some(parts) => merged::place_behind::<F, ByInterface>(indexes, &parts),
                None => 0,
            },
        }
    }

    fn position_at(self, indexes: &Indexes<F>, place: Place) -> Position<F> {
        match self {
            Self::On(interface) => on::position_at(indexes, interface, place),
            Self::In(MembershipOrder::ByGroup) => merged::position_at::<F, ByGroup>(indexes, place),
            Self::In(MembershipOrder::ByInterface) => {
                merged::position_at::<F, ByInterface>(indexes, place)
            }
        }
    }

    fn position_before(self, indexes: &Indexes<F>, place: Place) -> Position<F> {
        match self {
            Self::On(interface) => on::position_at(indexes, interface, place - 1),
            Self::In(MembershipOrder::ByGroup) => {
                merged::position_before::<F, ByGroup>(indexes, place)
            }
            Self::In(MembershipOrder::ByInterface) => {
                merged::position_before::<F, ByInterface>(indexes, place)
            }
        }
    }

    fn cut(self, indexes: &Indexes<F>, range: Range<Place>, part: usize, parts: usize) -> Place {
        match self {
            Self::On(_) => share(&range, part, parts),
            Self::In(MembershipOrder::ByGroup) => {
                merged::cut::<F, ByGroup>(indexes, range, part, parts)
            }
            Self::In(MembershipOrder::ByInterface) => {
                merged::cut::<F, ByInterface>(indexes, range, part, parts)
            }
        }
    }

    fn count(self, range: Range<Place>) -> usize {
        match self {
            Self::On(_) => (range.end - range.start) as usize,
            Self::In(_) => merged::count(range),
        }
    }
}
