//! Packing: keys of an index become records in a buffer, at the speed of memory.
//!
//! A [`Recipe`] defines the record of each entry of an index: of a key and the value beside it. A *kernel*
//! follows recipes with the instructions of one [`SimdLevel`], in two ways: [`expand`](SimdLevel::expand)
//! packs the record of every entry, [`compact`](SimdLevel::compact) the records of the entries that a
//! [`Selection`] shows. Kernels read entries in the nodes of the tree, and write only to the free part of a
//! [`RecordBuf`]. The masks of a record follow from its addresses, so keys do not have them.
//!
//! ```text
//! recipe                  portable           AVX2, AVX-512, NEON
//! JoinRecords             expand, compact    expand, compact
//! InterfaceJoinRecords    expand, compact    compact, of interfaces without a next hop
//! MembershipRecords       expand, compact    expand, of interfaces without a next hop
//! ```
//!
//! The portable kernel is the reference for the others, which call it for what they do not implement. The
//! algorithms of the others are in [`vector`]; the modules of the architectures have their instructions.
//!
//! ```text
//! mod ──▶ x86_64::{avx2, avx512}, aarch64::neon ──▶ vector ──▶ generic ──▶ recipe, selection, record_buf
//! ```
//!
//! # Invariants
//!
//! - I1: a `SimdLevel` other than the portable one exists only if the processor has its instructions.

#![allow(unsafe_code, reason = "kernels use vector instructions and write through pointers")]
#![allow(
    clippy::indexing_slicing,
    reason = "indices are bounded by the lengths that they are computed from"
)]

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod aarch64;
mod generic;
pub(crate) mod prefetch;
mod recipe;
mod record_buf;
mod selection;
#[cfg(test)]
mod tests;
#[cfg_attr(
    not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))),
    allow(dead_code, unused_imports, reason = "this architecture has only the portable kernel")
)]
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use std::fmt;
use std::str::FromStr;

use crate::simd::prefetch::PrefetchRange;
use crate::types::ParseError;
use crate::types::key::Entries;

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
use aarch64::neon;
#[cfg(target_arch = "x86_64")]
use x86_64::{avx2, avx512};

use generic::part;
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
/// Prints as `portable`, `avx2`, `avx512` or `neon`, and parses from the names of those that the processor
/// has. AArch64 always has `neon`, unless it is big-endian.
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
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    Neon,
}

impl SimdLevel {
    /// No vector instructions: portable code for every machine.
    pub const PORTABLE: Self = Self(Isa::Portable);

    /// The fastest level that this processor has.
    #[must_use]
    pub fn best() -> Self {
        // The stacks of checkers have no room for the vectors of code that is not optimised.
        if cfg!(any(loom, shuttle)) {
            return Self::PORTABLE;
        }
        #[cfg(target_arch = "x86_64")]
        {
            if avx512::is_available() {
                return Self(Isa::Avx512);
            }
            if avx2::is_available() {
                return Self(Isa::Avx2);
            }
        }
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        if neon::is_available() {
            return Self(Isa::Neon);
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
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            neon::is_available().then_some(Self(Isa::Neon)),
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
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon => "neon",
        }
    }

    /// Packs the record of each entry into `buf`, as many as fit, and prefetches `ahead`.
    #[inline]
    pub(crate) fn expand<R: Recipe>(
        self,
        recipe: R,
        entries: Entries<'_, R::Key, R::Value>,
        buf: &mut RecordBuf<'_, R::Record>,
        ahead: PrefetchRange,
    ) {
        match self.0 {
            Isa::Portable => generic::expand(recipe, entries, buf, ahead),
            // SAFETY: the processor has the instructions (I1).
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { vector::expand::<avx2::Avx2, R>(recipe, entries, buf, ahead) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe {
                vector::expand::<avx512::Avx512, R>(recipe, entries, buf, ahead)
            },
            // SAFETY: as above.
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon => unsafe { vector::expand::<neon::Neon, R>(recipe, entries, buf, ahead) },
        }
    }

    /// Packs the records of the entries that `selection` shows into `buf`, as many as fit, and prefetches
    /// `ahead`. `last` carries the last join from call to call; see [`Last`].
    ///
    /// Returns the position of the first entry that is shown and did not fit; `None` if all fit.
    #[inline]
    pub(crate) fn compact<R: Recipe>(
        self,
        recipe: R,
        selection: &Selection<R::Family>,
        last: &mut Last<R::Family>,
        entries: Entries<'_, R::Key, R::Value>,
        buf: &mut RecordBuf<'_, R::Record>,
        ahead: PrefetchRange,
    ) -> Option<usize> {
        if !R::SHAPE.is_of_joins() || self == Self::PORTABLE {
            ahead.prefetch_from(0);
            return generic::compact(recipe, selection, last, entries, buf);
        }
        let count = entries.keys.len();
        let (mut at, mut ahead) = (0, ahead);
        loop {
            let rest = part(entries, at..count);
            at += self.compact_vectors(recipe, selection, last, rest, buf, ahead);
            if at == count {
                return None;
            }
            // The kernel cannot do the next vector: a few entries, one by one.
            let few = part(entries, at..count.min(at + FEW));
            if let Some(found) = generic::compact(recipe, selection, last, few, buf) {
                return Some(at + found);
            }
            at += few.keys.len();
            ahead = PrefetchRange::NONE;
        }
    }

    /// Compacts entries from the front by vectors; see [`vector::compact`]. Returns their number.
    #[cfg_attr(
        not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))),
        allow(unused_variables, reason = "this architecture has only the portable kernel")
    )]
    #[inline]
    fn compact_vectors<R: Recipe>(
        self,
        recipe: R,
        selection: &Selection<R::Family>,
        last: &mut Last<R::Family>,
        entries: Entries<'_, R::Key, R::Value>,
        buf: &mut RecordBuf<'_, R::Record>,
        ahead: PrefetchRange,
    ) -> usize {
        match self.0 {
            Isa::Portable => 0,
            // SAFETY: the processor has the instructions (I1).
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::compact(recipe, selection, last, entries, buf, ahead) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512::compact(recipe, selection, last, entries, buf, ahead) },
            // SAFETY: as above.
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon => unsafe { neon::compact(recipe, selection, last, entries, buf, ahead) },
        }
    }
}

/// The number of entries that are compacted one by one when a vector of them cannot be: those of the widest
/// vector.
const FEW: usize = 8;

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
            "a SIMD level that this processor has: portable, avx2, avx512 or neon",
        ))
    }
}
