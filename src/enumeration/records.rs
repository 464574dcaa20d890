//! Records one by one, for those who do not bring a buffer.

use bytemuck::Zeroable;

use super::kind::{Joins, Kind};
use super::place::Place;
use super::{Enumeration, Filter, Prefix, View};
use crate::family::{Family, V4, V6};
use crate::snapshot::Snapshot;
use crate::tree::Slices;

/// How many records are packed at a time.
const RECORDS: usize = 64;

/// The records of an enumeration, one by one.
///
/// Made by [`Snapshot::records`], or of any [`Enumeration`], which is an `IntoIterator`. It allocates
/// nothing; records are packed some at a time into a buffer of its own.
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

impl<F: Family, K: Kind> Iterator for Records<F, K> {
    type Item = K::Record<F>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.filled {
            let batch = self.enumeration.get_next(bytemuck::cast_slice_mut(&mut self.buffer));
            // The buffer takes a record.
            self.filled = batch.map_or(0, |batch| batch.entries().len());
            self.next = 0;
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

impl Snapshot {
    /// The IPv4 joins that a view shows, one by one, in ascending order of (group, source).
    ///
    /// For IPv6 see [`records6`](Self::records6); for a filter, `enumerate(view, filter).into_iter()`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use groupscan::{GroupTable, View};
    /// # let table = GroupTable::new();
    /// let snapshot = table.snapshot()?;
    /// for record in snapshot.records(View::AllSources) {
    ///     println!("{record}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn records(&self, view: View) -> Records<V4> {
        self.enumerate(view, Filter::all()).into_iter()
    }

    /// The IPv6 joins that a view shows, as [`records`](Self::records).
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, V6, View};
    ///
    /// let table = GroupTable::new();
    /// let mut txn = table.begin_write();
    /// let group = V6::new(0xff3e, 0, 0, 0, 0, 0, 0, 0x1234);
    /// txn.join(&Membership::any_source(group, Interface::new(2), Protocol::IGMP))?;
    /// txn.commit();
    /// let shown: Vec<String> =
    ///     table.snapshot()?.records6(View::Wildcard).map(|record| record.to_string()).collect();
    /// assert_eq!(shown, ["(*, ff3e::1234)"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn records6(&self, view: View) -> Records<V6> {
        self.enumerate(view, Filter::all()).into_iter()
    }

    /// The joins of groups of a prefix, as slices of keys as they lie in the nodes, without a copy.
    /// Together the slices are in ascending order; how many there are, and how long, says nothing.
    ///
    /// Keys are numbers in the byte order of the machine ([`JoinKey4`](crate::JoinKey4),
    /// [`JoinKey6`](crate::JoinKey6)); bytemuck casts them to integers.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Prefix, V4};
    ///
    /// # let table = GroupTable::new();
    /// let snapshot = table.snapshot()?;
    /// let specific = snapshot
    ///     .join_keys(Prefix::<V4>::ALL)
    ///     .map(|keys| keys.iter().filter(|key| key.to_bits() as u32 != 0).count())
    ///     .sum::<usize>();
    /// assert!(specific <= snapshot.len::<V4>());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join_keys<F: Family>(&self, groups: Prefix<F>) -> JoinKeys<'_, F> {
        let sets = self.sets::<F>();
        JoinKeys { slices: sets.joins.slices(Place::Joins.ranks(sets, groups)) }
    }
}

/// Slices of the keys of joins, as they lie in the nodes. Made by [`Snapshot::join_keys`].
#[derive(Clone)]
pub struct JoinKeys<'a, F: Family> {
    slices: Slices<'a, F::JoinKey>,
}

impl<F: Family> JoinKeys<'_, F> {
    /// The number of keys still to come.
    pub fn keys_left(&self) -> usize {
        self.slices.keys_left()
    }
}

impl<'a, F: Family> Iterator for JoinKeys<'a, F> {
    type Item = &'a [F::JoinKey];

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.slices.next()
    }
}
