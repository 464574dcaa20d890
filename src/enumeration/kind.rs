//! Kinds of enumerations: what their records are, and of which set they are made.

use std::fmt::Debug;
use std::ops::{ControlFlow, Range};

use bytemuck::Pod;

use super::place::Place;
use crate::family::Family;
use crate::pack::{
    InterfaceJoinRecords, JoinRecords, Kernel, MembershipRecords, Recipe, Room, Selection,
};
use crate::sets::Sets;
use crate::tree::{Run, Tree};

/// What an enumeration gives records of: [`Joins`] or [`Memberships`].
///
/// This trait is sealed: the two kinds are all there are.
pub trait Kind: sealed::Pack + Send + Sync + 'static {
    /// The record.
    type Record<F: Family>: Pod + Debug + PartialEq + Send + Sync;
}

/// Joins: each (group, source) once, whoever joined it, as
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

/// What is packed, and how.
pub struct Packing<'a, F: Family> {
    pub(super) sets: &'a Sets<F>,
    pub(super) place: Place<F>,
    pub(super) kernel: Kernel,
    pub(super) selection: Option<Selection<F>>,
}

pub(crate) mod sealed {
    use super::*;

    pub trait Pack {
        /// Puts the records of `ranks` into the room: of all keys, for which there is room, or of
        /// those that the selection shows, until there is no room for the next one. Asks `begin`
        /// first, as [`Tree::scan`] does, and packs nothing where that breaks off. Returns the rank
        /// where that ended.
        fn pack<F: Family>(
            packing: Packing<'_, F>,
            ranks: Range<usize>,
            begin: impl FnOnce() -> ControlFlow<usize>,
            room: &mut Room<'_, Self::Record<F>>,
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
            room: &mut Room<'_, F::Entry>,
        ) -> usize {
            let Packing { sets, place, .. } = packing;
            match place {
                Place::Joins => packing.run(JoinRecords::new(), &sets.joins, ranks, begin, room),
                Place::Interface { .. } => {
                    packing.run(InterfaceJoinRecords::new(), &sets.by_interface, ranks, begin, room)
                }
            }
        }
    }

    impl Pack for Memberships {
        #[inline]
        fn pack<F: Family>(
            packing: Packing<'_, F>,
            ranks: Range<usize>,
            begin: impl FnOnce() -> ControlFlow<usize>,
            room: &mut Room<'_, F::MembershipEntry>,
        ) -> usize {
            let Packing { sets, place, .. } = packing;
            match place {
                Place::Interface { interface, .. } => {
                    let recipe = MembershipRecords { interface };
                    packing.run(recipe, &sets.by_interface, ranks, begin, room)
                }
                // No enumeration of memberships is without an interface.
                Place::Joins => begin().break_value().unwrap_or(ranks.end),
            }
        }
    }
}

impl<F: Family> Packing<'_, F> {
    #[inline]
    fn run<R: Recipe<Family = F>>(
        &self,
        recipe: R,
        set: &Tree<R::Key>,
        ranks: Range<usize>,
        begin: impl FnOnce() -> ControlFlow<usize>,
        room: &mut Room<'_, R::Record>,
    ) -> usize {
        let end = ranks.end;
        let ended = match &self.selection {
            None => set.scan(ranks, begin, |Run { keys, ahead }| {
                self.kernel.expand(recipe, keys, room, ahead);
                ControlFlow::Continue(())
            }),
            Some(selection) => {
                let (mut rank, mut last) = (ranks.start, None);
                set.scan(ranks, begin, |Run { keys, ahead }| {
                    let found =
                        self.kernel.compact(recipe, selection, &mut last, keys, room, ahead);
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
