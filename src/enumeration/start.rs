//! The calls of a snapshot that read it in bulk.

use super::kind::{Joins, Memberships};
use super::records::{JoinKeys, Records};
use super::walk_index::WalkIndex;
use super::{Enumeration, Filter, View};
use crate::simd::Distinct;
use crate::table::{FamilySnapshot, Snapshot};
use crate::types::{Family, Interface, Prefix};

impl Snapshot {
    /// As [`FamilySnapshot::enumerate`], and the snapshot goes into the enumeration.
    pub(crate) fn into_enumeration<F: Family>(
        self,
        view: View,
        filter: Filter<F>,
    ) -> Enumeration<F> {
        let distinct = match filter.interface() {
            None => Distinct::Key,
            Some(_) => Distinct::Join,
        };
        Enumeration::new(self, view, filter, distinct)
    }
}

impl<'s, F: Family> FamilySnapshot<'s, F> {
    /// Starts an enumeration of the joins that `view` shows of those that `filter` admits. It holds the
    /// version, as the snapshot does.
    ///
    /// Lock-free. Costs two searches; a view or filter that skips joins also looks for its first record.
    pub fn enumerate(self, view: View, filter: Filter<F>) -> Enumeration<F> {
        self.snapshot.clone().into_enumeration(view, filter)
    }

    /// Starts an enumeration of the memberships of `interface`, of all protocols, including those that are
    /// not joins. `filter` narrows it by groups and sources; an interface of its own is replaced by
    /// `interface`. It holds the version, as the snapshot does.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{Filter, GroupTable, Interface};
    ///
    /// # let table = GroupTable::new();
    /// let snapshot = table.snapshot()?;
    /// for record in snapshot.ipv4().enumerate_memberships(Interface::new(2), Filter::all()) {
    ///     println!("{} by {}", record.join(), record.protocol());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enumerate_memberships(
        self,
        interface: Interface<F>,
        filter: Filter<F>,
    ) -> Enumeration<F, Memberships> {
        let filter = filter.with_interface(interface);
        Enumeration::new(self.snapshot.clone(), View::AllSources, filter, Distinct::Key)
    }

    /// The records of the joins that `view` shows, one by one, ascending.
    ///
    /// For a filter: `enumerate(view, filter).into_iter()`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use groupscan::{GroupTable, View};
    /// # let table = GroupTable::new();
    /// let snapshot = table.snapshot()?;
    /// for record in snapshot.ipv4().records(View::SourceSpecific) {
    ///     println!("{} from {}", record.group(), record.source());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn records(self, view: View) -> Records<F> {
        IntoIterator::into_iter(self.enumerate(view, Filter::<F>::all()))
    }

    /// The number of joins whose group has this prefix. O(log n).
    #[must_use]
    pub fn count(self, groups: Prefix<F>) -> usize {
        WalkIndex::Joins.ranks(self.indexes(), groups).len()
    }

    /// The joins whose group has this prefix, as slices of keys in the tree's nodes, without a copy. The
    /// slices ascend; their number and lengths have no meaning.
    ///
    /// Keys are numbers in the byte order of the machine ([`JoinKey4`](crate::JoinKey4),
    /// [`JoinKey6`](crate::JoinKey6)); bytemuck casts them to integers.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Prefix};
    ///
    /// # let table = GroupTable::new();
    /// let snapshot = table.snapshot()?;
    /// let specific = snapshot
    ///     .ipv4()
    ///     .join_keys(Prefix::ALL)
    ///     .map(|keys| keys.iter().filter(|key| key.to_bits() as u32 != 0).count())
    ///     .sum::<usize>();
    /// assert!(specific <= snapshot.ipv4().len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join_keys(self, groups: Prefix<F>) -> JoinKeys<'s, F> {
        let indexes = self.indexes();
        JoinKeys::new(&indexes.joins, WalkIndex::Joins.ranks(indexes, groups))
    }

    /// The keys of the joins from a rank on that are adjacent in memory: at least one below
    /// [`len`](Self::len), none from there on. O(log n).
    #[must_use]
    pub fn join_keys_at(self, rank: usize) -> &'s [F::JoinKey] {
        self.indexes().joins.slices(rank..usize::MAX).next().unwrap_or_default()
    }
}

/// The records of all joins, as [`FamilySnapshot::records`] gives them for [`View::AllSources`].
impl<F: Family> IntoIterator for FamilySnapshot<'_, F> {
    type Item = F::Entry;
    type IntoIter = Records<F, Joins>;

    fn into_iter(self) -> Records<F> {
        self.records(View::AllSources)
    }
}
