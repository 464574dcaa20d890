//! Records one by one, for callers without a buffer of their own.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;

use bytemuck::Zeroable;

use super::Enumeration;
use super::kind::{Joins, Kind};
use crate::tree::{Runs, Tree};
use crate::types::Family;
use crate::types::sole::SoleMembership;

/// How many records are packed at a time.
const RECORDS: usize = 64;

/// The records of an enumeration, one by one.
///
/// Returned by [`FamilySnapshot::records`](crate::FamilySnapshot::records), and by the `IntoIterator` of an
/// [`Enumeration`]. It allocates nothing: records are packed into a buffer of its own, a few at a time.
#[must_use = "iterators are lazy"]
pub struct Records<F: Family, K: Kind = Joins> {
    enumeration: Enumeration<F, K>,
    buffer: [K::Record<F>; RECORDS],
    next: usize,
    filled: usize,
}

impl<F: Family, K: Kind> IntoIterator for Enumeration<F, K> {
    type Item = K::Record<F>;
    type IntoIter = Records<F, K>;

    fn into_iter(self) -> Records<F, K> {
        let buffer = [K::Record::<F>::zeroed(); RECORDS];
        Records { enumeration: self, buffer, next: 0, filled: 0 }
    }
}

/// Iterates over what remains and leaves the enumeration where it is.
impl<F: Family, K: Kind> IntoIterator for &Enumeration<F, K> {
    type Item = K::Record<F>;
    type IntoIter = Records<F, K>;

    fn into_iter(self) -> Records<F, K> {
        self.clone().into_iter()
    }
}

impl<F: Family, K: Kind> Records<F, K> {
    /// Packs the next records. Returns whether there were any.
    #[inline]
    fn refill(&mut self) -> bool {
        let Ok(batch) = self.enumeration.get_next(bytemuck::cast_slice_mut(&mut self.buffer))
        else {
            unreachable!("the buffer has room for {RECORDS} records");
        };
        (self.next, self.filled) = (0, batch.entries().len());
        self.filled > 0
    }
}

impl<F: Family, K: Kind> Iterator for Records<F, K> {
    type Item = K::Record<F>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.filled && !self.refill() {
            return None;
        }
        let record = self.buffer.get(..self.filled)?.get(self.next)?;
        self.next += 1;
        Some(*record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let packed = self.filled - self.next;
        let most = packed + self.enumeration.remaining();
        (if self.enumeration.is_exact() { most } else { packed }, Some(most))
    }
}

impl<F: Family, K: Kind> FusedIterator for Records<F, K> {}

impl<F: Family, K: Kind> Clone for Records<F, K> {
    fn clone(&self) -> Self {
        Self { enumeration: self.enumeration.clone(), ..*self }
    }
}

impl<F: Family, K: Kind> fmt::Debug for Records<F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Records").field(&self.enumeration).finish()
    }
}

/// The keys of joins as slices of the tree's nodes. Returned by
/// [`FamilySnapshot::join_keys`](crate::FamilySnapshot::join_keys).
#[derive(Clone)]
#[must_use = "iterators are lazy"]
pub struct JoinKeys<'a, F: Family> {
    runs: Runs<'a, F::JoinKey, SoleMembership>,
}

impl<'a, F: Family> JoinKeys<'a, F> {
    pub(super) fn new(joins: &'a Tree<F::JoinKey, SoleMembership>, ranks: Range<usize>) -> Self {
        Self { runs: joins.runs(ranks) }
    }

    /// The number of keys that remain.
    #[must_use]
    pub fn keys_left(&self) -> usize {
        self.runs.keys_left()
    }
}

impl<'a, F: Family> Iterator for JoinKeys<'a, F> {
    type Item = &'a [F::JoinKey];

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.runs.next().map(|run| run.entries.keys)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let keys = self.keys_left();
        (usize::from(keys > 0), Some(keys))
    }
}

impl<F: Family> FusedIterator for JoinKeys<'_, F> {}

impl<F: Family> fmt::Debug for JoinKeys<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinKeys").field("keys_left", &self.keys_left()).finish()
    }
}
