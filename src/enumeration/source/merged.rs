//! Places in an order of all memberships, which are pairs of ranks in the two indexes that are merged; and
//! their records.

use std::ops::Range;

use super::{Pack, Place, share};
use crate::enumeration::filter::Filter;
use crate::enumeration::position::Position;
use crate::index::{Indexes, Merge, Order, Ranks};
use crate::simd::{RecordBuf, Selection, SimdLevel};
use crate::types::Family;
use crate::types::key::{MembershipKey, MembershipParts};

pub(super) fn to_place(ranks: Ranks) -> Place {
    Place::from(ranks.first) << 32 | Place::from(ranks.second)
}

pub(super) fn to_ranks(place: Place) -> Ranks {
    Ranks { first: (place >> 32) as u32, second: place as u32 }
}

/// The place behind all memberships.
pub(super) fn end<F: Family, O: Order<F>>(indexes: &Indexes<F>) -> Place {
    let first = O::first(indexes).len() as u32;
    to_place(Ranks { first, second: O::second(indexes).len() as u32 })
}

/// The place of the first membership that is not less than `parts`.
pub(super) fn place<F: Family, O: Order<F>>(
    indexes: &Indexes<F>,
    parts: &MembershipParts<F>,
) -> Place {
    to_place(Merge::<F, O>::from(indexes, parts).ranks())
}

/// The place of the first membership that is greater than `parts`.
pub(super) fn place_behind<F: Family, O: Order<F>>(
    indexes: &Indexes<F>,
    parts: &MembershipParts<F>,
) -> Place {
    let mut merge = Merge::<F, O>::from(indexes, parts);
    if merge.peek().is_some_and(|(found, _)| found == *parts) {
        merge.next();
    }
    to_place(merge.ranks())
}

pub(super) fn position_at<F: Family, O: Order<F>>(
    indexes: &Indexes<F>,
    place: Place,
) -> Position<F> {
    let Some((parts, _)) = Merge::<F, O>::at(indexes, to_ranks(place)).next() else {
        unreachable!("no membership is at {place}");
    };
    Position::of(&parts)
}

pub(super) fn position_before<F: Family, O: Order<F>>(
    indexes: &Indexes<F>,
    place: Place,
) -> Position<F> {
    let Some(parts) = Merge::<F, O>::before(indexes, to_ranks(place)) else {
        unreachable!("no membership is before {place}");
    };
    Position::of(&parts)
}

/// A place in the larger index divides the range; the other index follows.
pub(super) fn cut<F: Family, O: Order<F>>(
    indexes: &Indexes<F>,
    range: Range<Place>,
    part: usize,
    parts: usize,
) -> Place {
    if part == 0 {
        return range.start;
    }
    if part == parts {
        return range.end;
    }
    let [start, end] = [range.start, range.end].map(to_ranks);
    let first = share(&(start.first.into()..end.first.into()), part, parts);
    let second = share(&(start.second.into()..end.second.into()), part, parts);
    let from = if end.first - start.first >= end.second - start.second {
        O::first(indexes).select(first as usize).map(|(key, value)| O::found(key, value).0)
    } else {
        O::second(indexes).select(second as usize).map(|(key, _)| key.parts())
    };
    let place = from.map_or(range.end, |from| place::<F, O>(indexes, &from));
    // The entry may lie outside the range only if the range is empty.
    place.clamp(range.start, range.end)
}

pub(super) fn count(range: Range<Place>) -> usize {
    let [start, end] = [range.start, range.end].map(to_ranks);
    (end.first - start.first) as usize + (end.second - start.second) as usize
}

/// The memberships of an order, merged from two indexes.
pub struct MergePacker<'t, F: Family, O: Order<F>> {
    merge: Merge<'t, F, O>,
    filter: Filter<F>,
    end: Place,
}

impl<'t, F: Family, O: Order<F>> MergePacker<'t, F, O> {
    pub(super) fn new(indexes: &'t Indexes<F>, filter: &Filter<F>, range: Range<Place>) -> Self {
        let merge = Merge::at(indexes, to_ranks(range.start));
        Self { merge, filter: *filter, end: range.end }
    }
}

impl<F: Family, O: Order<F>> Pack<F, F::MembershipEntry> for MergePacker<'_, F, O> {
    fn expand(self, level: SimdLevel, buf: &mut RecordBuf<'_, F::MembershipEntry>) {
        let rest = self.compact(level, None, buf);
        debug_assert_eq!(rest, None);
    }

    fn compact(
        mut self,
        _level: SimdLevel,
        _selection: Option<&Selection<F>>,
        buf: &mut RecordBuf<'_, F::MembershipEntry>,
    ) -> Option<Place> {
        loop {
            let place = to_place(self.merge.ranks());
            if place == self.end {
                return None;
            }
            let (parts, flags) = self.merge.peek()?;
            if self.filter.admits(parts.join()) {
                if buf.left() == 0 {
                    return Some(place);
                }
                buf.put(parts.membership(flags).to_entry(), true);
            }
            self.merge.next();
        }
    }
}
