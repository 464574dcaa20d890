//! What can be enumerated: indexes of a version, places in them, and how their records are packed.
//!
//! ```text
//! joins         All                  joins                         ranks
//!               On(interface)        by_interface or by_neighbor   ranks
//! memberships   On(interface)        by_interface or by_neighbor   ranks
//!               In(order)            two indexes, merged           pairs of ranks
//! ```
//!
//! A place is a number, so that a cursor is one atomic word: the rank of an entry, or a pair of ranks.

#![allow(private_interfaces, private_bounds, reason = "sealed: no caller can name these types")]

use std::ops::Range;

use bytemuck::Pod;

use super::filter::Filter;
use super::position::Position;
use crate::index::{
    ByGroup, ByInterface, Direct, Indexes, InterfaceIndex, Merge, Neighbor, Order, Ranks,
};
use crate::simd::{
    InterfaceJoinRecords, JoinRecords, MembershipRecords, Recipe, RecordBuf, Selection, SimdLevel,
};
use crate::tree::{Run, Runs, Tree};
use crate::types::key::{JoinKey, Key, MembershipKey, MembershipParts};
use crate::types::{Family, Interface, Join, MembershipOrder, Prefix, Protocol};

/// A place in the order of a source.
pub(super) type Place = u64;

/// What is enumerated.
pub trait Source<F: Family>: Copy + Send + Sync + 'static {
    /// The type of the records.
    type Record: Pod;

    /// The records from a place on.
    type Packer<'t>: Pack<F, Self::Record>;

    /// Whether places are ranks, so that the number of entries between two is known.
    fn has_ranks(self) -> bool;

    /// The places of the entries whose groups have a prefix.
    fn range(self, indexes: &Indexes<F>, groups: Prefix<F>) -> Range<Place>;

    /// The records of a range. Seeks its first entry.
    fn packer<'t>(
        self,
        indexes: &'t Indexes<F>,
        filter: &Filter<F>,
        range: Range<Place>,
    ) -> Self::Packer<'t>;

    /// The first place of a join.
    fn place_of(self, indexes: &Indexes<F>, join: Join<F>) -> Place;

    /// The place of the first entry behind a position.
    fn place_behind(self, indexes: &Indexes<F>, position: &Position<F>) -> Place;

    /// The position of the entry at a place. There must be one.
    fn position_at(self, indexes: &Indexes<F>, place: Place) -> Position<F>;

    /// The position of the last entry before a place. There must be one.
    fn position_before(self, indexes: &Indexes<F>, place: Place) -> Position<F>;

    /// The place that divides a range as `part` to `parts`.
    fn cut(self, indexes: &Indexes<F>, range: Range<Place>, part: usize, parts: usize) -> Place;

    /// An upper bound of the number of entries of a range; 0 only if there are none.
    fn count(self, range: Range<Place>) -> usize;
}

/// The records of a range of places.
pub trait Pack<F: Family, R: Pod> {
    /// Packs the records of all entries, for which there must be room.
    fn expand(self, level: SimdLevel, buf: &mut RecordBuf<'_, R>);

    /// Packs the records of the entries that are shown, until one has no room. Returns the place of that one,
    /// or `None` at the end of the range.
    fn compact(
        self,
        level: SimdLevel,
        selection: Option<&Selection<F>>,
        buf: &mut RecordBuf<'_, R>,
    ) -> Option<Place>;
}

/// The entries of a range of ranks, and the recipe of their records.
pub struct RunPacker<'t, R: Recipe> {
    recipe: R,
    runs: Runs<'t, R::Key, R::Value>,
}

impl<'t, R: Recipe> RunPacker<'t, R> {
    #[inline(always)]
    fn new(recipe: R, tree: &'t Tree<R::Key, R::Value>, range: Range<Place>) -> Self {
        let ranks = range.start as usize..range.end as usize;
        Self { recipe, runs: tree.runs(ranks) }
    }
}

impl<R: Recipe> Pack<R::Family, R::Record> for RunPacker<'_, R> {
    #[inline(always)]
    fn expand(self, level: SimdLevel, buf: &mut RecordBuf<'_, R::Record>) {
        for Run { entries, ahead } in self.runs {
            level.expand(self.recipe, entries, buf, ahead);
        }
    }

    #[inline]
    fn compact(
        self,
        level: SimdLevel,
        selection: Option<&Selection<R::Family>>,
        buf: &mut RecordBuf<'_, R::Record>,
    ) -> Option<Place> {
        let Some(selection) = selection else {
            unreachable!("an enumeration of ranks without a selection is exact");
        };
        let (mut runs, mut last) = (self.runs, None);
        let is_skipped = |low: &R::Key, high: &R::Key| {
            R::bound(*low)
                .zip(R::bound(*high))
                .is_some_and(|(low, high)| selection.skips(low, high))
        };
        while let Some((Run { entries, ahead }, rank)) = runs.next_unless(is_skipped) {
            let found = level.compact(self.recipe, selection, &mut last, entries, buf, ahead);
            if let Some(at) = found {
                return Some((rank + at) as Place);
            }
        }
        None
    }
}

/// The part of a range that comes first: `part` of `parts`.
fn share(range: &Range<Place>, part: usize, parts: usize) -> Place {
    let count = u128::from(range.end - range.start);
    range.start + (count * part as u128 / parts as u128) as Place
}

/// The key with a rank, which must exist.
fn key_at<K: Key, V: Pod>(tree: &Tree<K, V>, rank: Place) -> K {
    let Some((key, _)) = tree.select(rank as usize) else {
        unreachable!("no entry has rank {rank}");
    };
    key
}

/// The source of joins.
#[derive(Clone, Copy, Debug)]
pub enum JoinSource<F> {
    All,
    On(Interface<F>),
}

impl<F: Family> JoinSource<F> {
    /// The source for an enumeration with this filter.
    pub(super) fn new(filter: &Filter<F>) -> Self {
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

/// The places of the entries whose groups have a prefix, in a source that orders by group first.
fn range_of<F: Family>(
    source: impl Source<F>,
    indexes: &Indexes<F>,
    groups: Prefix<F>,
) -> Range<Place> {
    let first = source.place_of(indexes, Join::any_source(groups.first()));
    let last = Position::behind(Join::new(groups.last(), F::MAX));
    first..source.place_behind(indexes, &last)
}

/// Places of the memberships of one interface.
mod on {
    use super::*;

    pub(super) fn place_of<F: Family>(
        indexes: &Indexes<F>,
        interface: Interface<F>,
        join: Join<F>,
    ) -> Place {
        let first = MembershipParts::new(join, interface, Protocol::new(0));
        let rank = match interface.next_hop.is_unspecified() {
            true => Direct::tree(indexes).lower_bound(F::ByInterface::new(first)),
            false => Neighbor::tree(indexes).lower_bound(F::ByNeighbor::new(first)),
        };
        rank as Place
    }

    pub(super) fn place_behind<F: Family>(
        indexes: &Indexes<F>,
        interface: Interface<F>,
        position: &Position<F>,
    ) -> Place {
        let protocol = position.protocol.unwrap_or(Protocol::new(u32::MAX));
        let last = MembershipParts::new(position.join(), interface, protocol);
        let rank = match interface.next_hop.is_unspecified() {
            true => Direct::tree(indexes).upper_bound(F::ByInterface::new(last)),
            false => Neighbor::tree(indexes).upper_bound(F::ByNeighbor::new(last)),
        };
        rank as Place
    }

    pub(super) fn position_at<F: Family>(
        indexes: &Indexes<F>,
        interface: Interface<F>,
        place: Place,
    ) -> Position<F> {
        Position::of(&match interface.next_hop.is_unspecified() {
            true => key_at(Direct::tree(indexes), place).parts(),
            false => key_at(Neighbor::tree(indexes), place).parts(),
        })
    }
}

/// Places in an order of all memberships: pairs of ranks in the two indexes that are merged.
mod merged {
    use super::*;

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
}

/// The memberships of an order, merged from two indexes.
pub struct MergePacker<'t, F: Family, O: Order<F>> {
    merge: Merge<'t, F, O>,
    filter: Filter<F>,
    end: Place,
}

impl<'t, F: Family, O: Order<F>> MergePacker<'t, F, O> {
    fn new(indexes: &'t Indexes<F>, filter: &Filter<F>, range: Range<Place>) -> Self {
        let merge = Merge::at(indexes, merged::to_ranks(range.start));
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
            let place = merged::to_place(self.merge.ranks());
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::enumeration::{Enumeration, Memberships};
    use crate::table::GroupTable;
    use crate::types::{Membership, MembershipFlags, V4};

    /// A table of up to `count` memberships of few joins, on interfaces with and without next hops; and these.
    fn table(count: u32) -> (GroupTable, Vec<Membership<V4>>) {
        let table = GroupTable::new();
        let mut memberships = BTreeMap::new();
        let mut txn = table.begin_write();
        for number in 0..count {
            let bits = number.wrapping_mul(0x9e37_79b9) >> 8;
            let field = |at: u32, values: u32| (bits >> at & 0xf) % values;
            let join = Join::new(V4::from_bits(field(0, 12)), V4::from_bits(field(4, 3)));
            let on = Interface::with_next_hop(field(8, 2), V4::from_bits(field(9, 3) / 2));
            let protocol = Protocol::new(field(13, 2));
            let flags = MembershipFlags::from_bits(1 + field(17, 3) as u8).unwrap();
            let membership = Membership::new(join, on, protocol).with_flags(flags);
            let key = (join, on, protocol);
            if let std::collections::btree_map::Entry::Vacant(place) = memberships.entry(key) {
                place.insert(membership);
                assert_eq!(txn.join(&membership), Ok(true));
            }
        }
        txn.commit();
        (table, memberships.into_values().collect())
    }

    fn rest(enumeration: Enumeration<V4, Memberships>) -> Vec<Membership<V4>> {
        enumeration.into_iter().map(|record| Membership::from_entry(&record).unwrap()).collect()
    }

    #[test]
    fn all_memberships_come_in_both_orders() {
        let all = Filter::<V4>::all();
        let some = all.with_groups("0.0.0.4/30".parse().unwrap());
        for (count, filter) in [0, 1, 10, 40, 300].into_iter().flat_map(|n| [(n, all), (n, some)]) {
            let (table, memberships) = table(count);
            let snapshot = table.snapshot().unwrap();
            for order in [MembershipOrder::ByGroup, MembershipOrder::ByInterface] {
                let mut expected = memberships.clone();
                expected.retain(|one| filter.admits(Join::new(one.group, one.source)));
                let none = Interface::new(0);
                let key = |one: &Membership<V4>| match order {
                    MembershipOrder::ByGroup => {
                        (none, one.group, one.source, one.interface, one.protocol)
                    }
                    MembershipOrder::ByInterface => {
                        (one.interface, one.group, one.source, none, one.protocol)
                    }
                };
                expected.sort_by_key(key);
                let start = || snapshot.ipv4().enumerate_all_memberships(order, filter);
                for at in 0..=expected.len() {
                    let enumeration = start();
                    let mut buffer = vec![0; at * size_of::<<V4 as Family>::MembershipEntry>()];
                    if let Some(last) = at.checked_sub(1) {
                        let batch = enumeration.get_next(&mut buffer).unwrap();
                        assert_eq!(
                            (batch.entries().len(), batch.more()),
                            (at, at < expected.len())
                        );
                        if filter == all {
                            let behind = Position::behind_membership(&expected[last]);
                            assert_eq!(enumeration.position(), Some(behind));
                            let after = snapshot.ipv4().all_memberships(order);
                            let after = after.after(&expected[last]);
                            assert!(after.eq(expected[at..].iter().copied()));
                        }
                        // A later version may not have the membership of a position.
                        let gone = Membership { protocol: Protocol::new(9), ..expected[last] };
                        let behind = expected.partition_point(|one| key(one) < key(&gone));
                        let resumed = start().resume_after(Position::behind_membership(&gone));
                        assert_eq!(rest(resumed), expected[behind..]);
                    }
                    let resumed = match enumeration.position() {
                        Some(position) => start().resume_after(position),
                        None => start(),
                    };
                    assert_eq!(rest(resumed), expected[at..]);
                    let parts: Vec<_> = enumeration.split(3).flat_map(rest).collect();
                    assert_eq!(parts, expected[at..]);
                }
            }
        }
    }
}
