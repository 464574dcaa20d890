//! Packing: turning keys into records, at the speed of memory.
//!
//! A [`Recipe`] says which records are made of which keys. A [`Kernel`] follows it with the
//! instructions of one kind of machine, in two ways: [`expand`](Kernel::expand) makes a record of
//! every key, [`compact`](Kernel::compact) of those that a [`Selection`] shows. Keys are read as they
//! lie in the set, and records go where a [`Room`] has place for them and nowhere else. Masks are
//! derived while packing, since they carry no information of their own.
//!
//! ```text
//!                   expand                                compact
//!  portable         every recipe (the reference)          every recipe (the reference)
//!  AVX2             joins; memberships of IPv4            joins of IPv4
//!  AVX-512          joins; memberships                    joins of IPv4
//! ```
//!
//! Where a kernel has nothing of its own it does as the portable one.
//!
//! # Invariants
//!
//! - I1: a kernel other than the portable one exists only where the processor has its instructions.

#![allow(unsafe_code, reason = "kernels use vector instructions and write through pointers")]
#![allow(clippy::indexing_slicing, reason = "indices stay within the lengths that they come from")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod layout;
#[cfg(target_arch = "x86_64")]
mod lines;
mod portable;
mod recipe;
mod room;
mod selection;
#[cfg(test)]
mod tests;

use std::fmt;

#[cfg(target_arch = "x86_64")]
use crate::family::Family;
use crate::prefetch::Lines;

#[cfg(target_arch = "x86_64")]
use recipe::Shape;

pub(crate) use recipe::{InterfaceJoinRecords, JoinRecords, MembershipRecords, Recipe};
pub(crate) use room::Room;
pub(crate) use selection::{Each, Last, Selection};

/// The instructions that records are packed with.
///
/// An enumeration takes the [best](Kernel::best) that the processor has. All kernels give the same
/// records; [`Enumeration::with_kernel`](crate::Enumeration::with_kernel) forces one, to compare
/// them or to rule one out.
///
/// # Examples
///
/// ```
/// use groupscan::{Filter, GroupTable, Kernel, V4, View};
///
/// # let table = GroupTable::new();
/// println!("{} of {:?}", Kernel::best(), Kernel::available().collect::<Vec<_>>());
/// let enumeration = table.snapshot()?.enumerate(View::AllSources, Filter::<V4>::all());
/// assert_eq!(enumeration.kernel(), Kernel::best());
/// let portable = enumeration.with_kernel(Kernel::PORTABLE);
/// assert_eq!(portable.kernel().name(), "portable");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kernel(Isa);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// The portable kernel, which every machine has.
    pub const PORTABLE: Self = Self(Isa::Portable);

    /// The fastest kernel that this processor has.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if avx512::is_available() {
                return Self(Isa::Avx512);
            }
            if avx2::is_available() {
                return Self(Isa::Avx2);
            }
        }
        Self::PORTABLE
    }

    /// The kernels that this processor has, the slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        let kernels = [
            Some(Self::PORTABLE),
            #[cfg(target_arch = "x86_64")]
            avx2::is_available().then_some(Self(Isa::Avx2)),
            #[cfg(target_arch = "x86_64")]
            avx512::is_available().then_some(Self(Isa::Avx512)),
        ];
        kernels.into_iter().flatten()
    }

    /// The kernel's name: `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Isa::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => "avx512",
        }
    }

    /// Puts the record of each key into the room, as many as it takes, and asks for `ahead`.
    #[inline]
    pub(crate) fn expand<R: Recipe>(
        self,
        recipe: R,
        keys: &[R::Key],
        room: &mut Room<'_, R::Record>,
        ahead: Lines,
    ) {
        match self.0 {
            Isa::Portable => portable::expand(recipe, keys, room, ahead),
            // SAFETY: the processor has the instructions (I1).
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::expand(recipe, keys, room, ahead) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512::expand(recipe, keys, room, ahead) },
        }
    }

    /// Puts the records of those keys into the room that `selection` shows, and asks for `ahead`.
    /// `last` is the last key in the selection's range, here or in the keys before these, if it can
    /// still matter: not where a key out of the range followed.
    ///
    /// Returns the place of the first key that is shown and has no room; `None` where there is none.
    #[inline]
    pub(crate) fn compact<R: Recipe>(
        self,
        recipe: R,
        selection: &Selection<R::Family>,
        last: &mut Last<R::Family>,
        keys: &[R::Key],
        room: &mut Room<'_, R::Record>,
        ahead: Lines,
    ) -> Option<usize> {
        #[cfg(target_arch = "x86_64")]
        if R::SHAPE == Shape::Join4 && self != Self::PORTABLE {
            let (mut at, mut ahead) = (0, ahead);
            loop {
                let rest = &keys[at..];
                // SAFETY: the shape was just looked at.
                at += unsafe { self.compact_vectors(recipe, selection, last, rest, room, ahead) };
                if at == keys.len() {
                    return None;
                }
                // Where a vector does not fit, a few keys one by one.
                let few = &keys[at..keys.len().min(at + FEW)];
                if let Some(found) = portable::compact(recipe, selection, last, few, room) {
                    return Some(at + found);
                }
                at += few.len();
                ahead = Lines::NONE;
            }
        }
        ahead.ask_from(0);
        portable::compact(recipe, selection, last, keys, room)
    }

    /// Compacts the keys at the front by vectors, as long as the records of a whole vector have room or
    /// none is shown. Returns how many keys that were.
    ///
    /// # Safety
    ///
    /// The recipe's shape is [`Shape::Join4`].
    #[cfg(target_arch = "x86_64")]
    #[inline]
    unsafe fn compact_vectors<R: Recipe>(
        self,
        recipe: R,
        selection: &Selection<R::Family>,
        last: &mut Last<R::Family>,
        keys: &[R::Key],
        room: &mut Room<'_, R::Record>,
        ahead: Lines,
    ) -> usize {
        match self.0 {
            Isa::Portable => 0,
            // SAFETY: the processor has the instructions (I1); the shape is as the caller promises.
            Isa::Avx2 => unsafe { avx2::compact(recipe, selection, last, keys, room, ahead) },
            // SAFETY: as above.
            Isa::Avx512 => unsafe { avx512::compact(recipe, selection, last, keys, room, ahead) },
        }
    }
}

/// How many keys are compacted one by one where a vector of them may have no room: as many as the
/// widest vector has.
#[cfg(target_arch = "x86_64")]
const FEW: usize = 8;

/// A (group, source) of IPv4 as the word of its key.
#[cfg(target_arch = "x86_64")]
#[inline]
fn word<F: Family>((group, source): (F, F)) -> u64 {
    (group.to_number() as u64) << 32 | source.to_number() as u64
}

/// Formats as its name.
impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
