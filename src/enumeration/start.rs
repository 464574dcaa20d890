//! The calls of a snapshot that read it in bulk.

use std::ops::Range;

use super::kind::{Joins, Memberships};
use super::records::{JoinKeys, Records};
use super::source::{JoinSource, MembershipSource, Source};
use super::{Enumeration, Filter, View};
use crate::simd::Distinct;
use crate::table::{FamilySnapshot, Snapshot};
use crate::types::{Family, Interface, MembershipOrder, Prefix};

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
        Enumeration::new(self, JoinSource::new(&filter), view, filter, distinct)
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
        self.start_memberships(MembershipSource::On(interface), filter)
    }

    /// Starts an enumeration of all memberships, of all interfaces and protocols, including those that are
    /// not joins, in an order. `filter` narrows it; an interface of the filter makes it
    /// [`enumerate_memberships`](Self::enumerate_memberships) of that interface. It holds the version, as the
    /// snapshot does.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{Filter, GroupTable, MembershipOrder};
    ///
    /// # let table = GroupTable::new();
    /// let snapshot = table.snapshot()?;
    /// let order = MembershipOrder::ByInterface;
    /// for record in snapshot.ipv4().enumerate_all_memberships(order, Filter::all()) {
    ///     println!("{} on {} by {}", record.join(), record.interface(), record.protocol());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enumerate_all_memberships(
        self,
        order: MembershipOrder,
        filter: Filter<F>,
    ) -> Enumeration<F, Memberships> {
        let source = filter.interface().map_or(MembershipSource::In(order), MembershipSource::On);
        self.start_memberships(source, filter)
    }

    fn start_memberships(
        self,
        source: MembershipSource<F>,
        filter: Filter<F>,
    ) -> Enumeration<F, Memberships> {
        Enumeration::new(self.snapshot.clone(), source, View::AllSources, filter, Distinct::Key)
    }

    /// The ranks of the joins whose groups have a prefix.
    fn join_ranks(self, groups: Prefix<F>) -> Range<usize> {
        let Range { start, end } = JoinSource::All.range(self.indexes(), groups);
        start as usize..end as usize
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
        self.join_ranks(groups).len()
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
        JoinKeys::new(&self.indexes().joins, self.join_ranks(groups))
    }

    /// The keys of the joins from a rank on that are adjacent in memory: at least one below
    /// [`len`](Self::len), none from there on. O(log n).
    #[must_use]
    pub fn join_keys_at(self, rank: usize) -> &'s [F::JoinKey] {
        let mut runs = self.indexes().joins.runs(rank..usize::MAX);
        runs.next().map(|run| run.entries.keys).unwrap_or_default()
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
