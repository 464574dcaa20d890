//! Kinds of enumerations: the type of their records, and the index and recipe that those are made from.

use std::fmt::Debug;
use std::ops::{ControlFlow, Range};

use bytemuck::Pod;

use super::walk_index::WalkIndex;
use crate::index::Indexes;
use crate::simd::{
    InterfaceJoinRecords, JoinRecords, MembershipRecords, Recipe, RecordBuf, Selection, SimdLevel,
};
use crate::tree::{Run, Tree};
use crate::types::Family;

/// The kind of an enumeration: [`Joins`] or [`Memberships`].
///
/// This trait is sealed: there are no other kinds.
pub trait Kind: sealed::Pack + Send + Sync + 'static {
    /// The type of the records.
    type Record<F: Family>: Pod + Debug + PartialEq + Send + Sync;
}

/// Joins: each (group, source) once, with any number of memberships, as
/// [`SourceGroupEntry`](crate::SourceGroupEntry) or [`SourceGroupEntry6`](crate::SourceGroupEntry6).
#[derive(Debug)]
pub enum Joins {}

/// Memberships of an interface, each with its protocol and flags, as
/// [`MembershipEntry`](crate::MembershipEntry) or [`MembershipEntry6`](crate::MembershipEntry6).
#[derive(Debug)]
pub enum Memberships {}

impl Kind for Joins {
    type Record<F: Family> = F::Entry;
}

impl Kind for Memberships {
    type Record<F: Family> = F::MembershipEntry;
}

/// The source of the records, and how they are packed.
pub struct Packing<'a, F: Family> {
    pub(super) indexes: &'a Indexes<F>,
    pub(super) index: WalkIndex<F>,
    pub(super) simd_level: SimdLevel,
    pub(super) selection: Option<Selection<F>>,
}

pub(crate) mod sealed {
    use super::*;

    pub trait Pack {
        /// Packs records of `ranks` into `buf`: without a selection those of all keys, for which there must
        /// be room, and with one those of the keys that it shows, until one has no room. Calls `begin` first,
        /// as [`Tree::scan`] does; if that breaks with a rank, packs nothing and returns the rank.
        ///
        /// Returns the rank of the first key that is shown and was not packed, or the end of `ranks`.
        fn pack<F: Family>(
            packing: Packing<'_, F>,
            ranks: Range<usize>,
            begin: impl FnOnce() -> ControlFlow<usize>,
            buf: &mut RecordBuf<'_, Self::Record<F>>,
        ) -> usize
        where
            Self: Kind;
    }

    impl Pack for Joins {
        #[inline]
        fn pack<F: Family>(
            packing: Packing<'_, F>,
            ranks: Range<usize>,
            begin: impl FnOnce() -> ControlFlow<usize>,
            buf: &mut RecordBuf<'_, F::Entry>,
        ) -> usize {
            let Packing { indexes, index, .. } = packing;
            match index {
                WalkIndex::Joins => {
                    packing.run(JoinRecords::new(), &indexes.joins, ranks, begin, buf)
                }
                WalkIndex::Interface { .. } => packing.run(
                    InterfaceJoinRecords::new(),
                    &indexes.by_interface,
                    ranks,
                    begin,
                    buf,
                ),
            }
        }
    }

    impl Pack for Memberships {
        #[inline]
        fn pack<F: Family>(
            packing: Packing<'_, F>,
            ranks: Range<usize>,
            begin: impl FnOnce() -> ControlFlow<usize>,
            buf: &mut RecordBuf<'_, F::MembershipEntry>,
        ) -> usize {
            let Packing { indexes, index, .. } = packing;
            match index {
                WalkIndex::Interface { interface, .. } => {
                    let recipe = MembershipRecords { interface };
                    packing.run(recipe, &indexes.by_interface, ranks, begin, buf)
                }
                WalkIndex::Joins => unreachable!("an enumeration of memberships has an interface"),
            }
        }
    }
}

impl<F: Family> Packing<'_, F> {
    /// As [`sealed::Pack::pack`], from `tree` by `recipe`.
    #[inline]
    fn run<R: Recipe<Family = F>>(
        &self,
        recipe: R,
        tree: &Tree<R::Key>,
        ranks: Range<usize>,
        begin: impl FnOnce() -> ControlFlow<usize>,
        buf: &mut RecordBuf<'_, R::Record>,
    ) -> usize {
        let end = ranks.end;
        let ended = match &self.selection {
            None => tree.scan(ranks, begin, |Run { keys, ahead }| {
                self.simd_level.expand(recipe, keys, buf, ahead);
                ControlFlow::Continue(())
            }),
            Some(selection) => {
                let (mut rank, mut last) = (ranks.start, None);
                tree.scan(ranks, begin, |Run { keys, ahead }| {
                    let found =
                        self.simd_level.compact(recipe, selection, &mut last, keys, buf, ahead);
                    match found {
                        Some(at) => ControlFlow::Break(rank + at),
                        None => {
                            rank += keys.len();
                            ControlFlow::Continue(())
                        }
                    }
                })
            }
        };
        ended.break_value().unwrap_or(end)
    }
}
