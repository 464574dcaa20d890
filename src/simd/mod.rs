//! Packing: keys of an index become records in a buffer, at the speed of memory.
//!
//! A [`Recipe`] defines the record of each key. A *kernel* follows recipes with the instructions of one
//! [`SimdLevel`], in two ways: [`expand`](SimdLevel::expand) packs the record of every key,
//! [`compact`](SimdLevel::compact) the records of the keys that a [`Selection`] shows. Kernels read keys in
//! the nodes of the tree, and write only to the free part of a [`RecordBuf`]. The masks of a record follow
//! from its addresses, so keys do not have them.
//!
//! ```text
//!                   expand                                compact
//!  portable         every recipe (the reference)          every recipe (the reference)
//!  AVX2             joins; memberships of IPv4            joins of IPv4
//!  AVX-512          joins; memberships                    joins of IPv4
//! ```
//!
//! A vector kernel calls the portable one for what it does not implement.
//!
//! # Invariants
//!
//! - I1: a `SimdLevel` other than the portable one exists only if the processor has its instructions.

#![allow(unsafe_code, reason = "kernels use vector instructions and write through pointers")]
#![allow(
    clippy::indexing_slicing,
    reason = "indices are bounded by the lengths that they are computed from"
)]

mod generic;
pub(crate) mod prefetch;
mod recipe;
mod record_buf;
mod selection;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use std::fmt;
use std::str::FromStr;

use crate::simd::prefetch::PrefetchRange;
use crate::types::ParseError;
#[cfg(target_arch = "x86_64")]
use crate::types::{Family, Join};

#[cfg(target_arch = "x86_64")]
use recipe::Shape;
#[cfg(target_arch = "x86_64")]
use x86_64::{avx2, avx512};

pub(crate) use recipe::{InterfaceJoinRecords, JoinRecords, MembershipRecords, Recipe};
pub(crate) use record_buf::RecordBuf;
use selection::Last;
pub(crate) use selection::{Distinct, Selection};

/// The instructions that pack records.
///
/// An enumeration uses the [best](SimdLevel::best) level that the processor has. All levels pack the same
/// records; [`Enumeration::with_simd_level`](crate::Enumeration::with_simd_level) selects one, to compare
/// levels or to rule one out.
///
/// Prints as `portable`, `avx2` or `avx512`, and parses from the names of those that the processor has.
///
/// # Examples
///
/// ```
/// use groupscan::{Filter, GroupTable, SimdLevel, View};
///
/// # let table = GroupTable::new();
/// println!("{} of {:?}", SimdLevel::best(), SimdLevel::available().collect::<Vec<_>>());
/// let enumeration = table.snapshot()?.ipv4().enumerate(View::AllSources, Filter::all());
/// assert_eq!(enumeration.simd_level(), SimdLevel::best());
/// let portable = enumeration.with_simd_level("portable".parse()?);
/// assert_eq!(portable.simd_level(), SimdLevel::PORTABLE);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SimdLevel(Isa);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl SimdLevel {
    /// No vector instructions: portable code for every machine.
    pub const PORTABLE: Self = Self(Isa::Portable);

    /// The fastest level that this processor has.
    #[must_use]
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

    /// The levels that this processor has, the slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        let levels = [
            Some(Self::PORTABLE),
            #[cfg(target_arch = "x86_64")]
            avx2::is_available().then_some(Self(Isa::Avx2)),
            #[cfg(target_arch = "x86_64")]
            avx512::is_available().then_some(Self(Isa::Avx512)),
        ];
        levels.into_iter().flatten()
    }

    /// The name that the level prints as.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Isa::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => "avx512",
        }
    }

    /// Packs the record of each key into `buf`, as many as fit, and prefetches `ahead`.
    #[inline]
    pub(crate) fn expand<R: Recipe>(
        self,
        recipe: R,
        keys: &[R::Key],
        buf: &mut RecordBuf<'_, R::Record>,
        ahead: PrefetchRange,
    ) {
        match self.0 {
            Isa::Portable => generic::expand(recipe, keys, buf, ahead),
            // SAFETY: the processor has the instructions (I1).
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::expand(recipe, keys, buf, ahead) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512::expand(recipe, keys, buf, ahead) },
        }
    }

    /// Packs the records of the keys that `selection` shows into `buf`, as many as fit, and prefetches
    /// `ahead`. `last` carries the last key in the selection's range from call to call; see [`Last`].
    ///
    /// Returns the position in `keys` of the first key that is shown and did not fit; `None` if all fit.
    #[inline]
    pub(crate) fn compact<R: Recipe>(
        self,
        recipe: R,
        selection: &Selection<R::Family>,
        last: &mut Last<R::Family>,
        keys: &[R::Key],
        buf: &mut RecordBuf<'_, R::Record>,
        ahead: PrefetchRange,
    ) -> Option<usize> {
        #[cfg(target_arch = "x86_64")]
        if R::SHAPE == Shape::Join4 && self != Self::PORTABLE {
            let (mut at, mut ahead) = (0, ahead);
            loop {
                let rest = &keys[at..];
                // SAFETY: the shape is `Join4`, as checked above.
                at += unsafe { self.compact_vectors(recipe, selection, last, rest, buf, ahead) };
                if at == keys.len() {
                    return None;
                }
                // The records of a vector may not fit: a few keys, one by one.
                let few = &keys[at..keys.len().min(at + FEW)];
                if let Some(found) = generic::compact(recipe, selection, last, few, buf) {
                    return Some(at + found);
                }
                at += few.len();
                ahead = PrefetchRange::NONE;
            }
        }
        ahead.prefetch_from(0);
        generic::compact(recipe, selection, last, keys, buf)
    }

    /// Compacts keys from the front by vectors, while the records of a whole vector fit or none is shown.
    /// Returns the number of keys compacted.
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
        buf: &mut RecordBuf<'_, R::Record>,
        ahead: PrefetchRange,
    ) -> usize {
        match self.0 {
            Isa::Portable => 0,
            // SAFETY: the processor has the instructions (I1); this function requires the shape.
            Isa::Avx2 => unsafe { avx2::compact(recipe, selection, last, keys, buf, ahead) },
            // SAFETY: as above.
            Isa::Avx512 => unsafe { avx512::compact(recipe, selection, last, keys, buf, ahead) },
        }
    }
}

/// The number of keys that are compacted one by one when the records of a vector may not fit: those of the
/// widest vector.
#[cfg(target_arch = "x86_64")]
const FEW: usize = 8;

/// The key of an IPv4 join, as a word.
#[cfg(target_arch = "x86_64")]
#[inline]
fn word<F: Family>(join: Join<F>) -> u64 {
    (join.group.to_number() as u64) << 32 | join.source.to_number() as u64
}

impl fmt::Display for SimdLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SimdLevel {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let found = Self::available().find(|level| level.name() == text);
        found.ok_or(ParseError::new(
            "a SIMD level that this processor has: portable, avx2 or avx512",
        ))
    }
}
