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

mod joins;
mod memberships;
mod merged;
mod on;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytemuck::Pod;

use super::filter::Filter;
use super::position::Position;
use crate::index::Indexes;
use crate::simd::{Recipe, RecordBuf, Selection, SimdLevel};
use crate::tree::{Run, Runs, Tree};
use crate::types::key::Key;
use crate::types::{Family, Join, Prefix};

pub(super) use joins::JoinSource;
pub(super) use memberships::MembershipSource;

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
