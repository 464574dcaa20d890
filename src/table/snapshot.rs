//! What a reader holds: one version of a table, which does not change while it is held.

use std::fmt;
use std::marker::PhantomData;

use super::layout::Layout;
use super::walks::{AllMemberships, Interfaces, Outgoing};
use crate::index::{
    ByGroup, Direct, Indexes, InterfaceIndex, Merge, Neighbor, TableIndexes, flags_of,
};
use crate::mvcc::{Version, VersionRef};
use crate::types::key::{JoinKey, MembershipKey, MembershipParts};
use crate::types::{Family, Interface, Join, Membership, MembershipFlags, MembershipOrder, V4, V6};

/// One version of a table.
///
/// A snapshot never changes, whatever writers do meanwhile, and a writer never waits for it. It can be sent
/// to and shared between threads, and can outlive its table. A clone holds the same version. When the last
/// holder is dropped, what only this version reached becomes free for the writer's next work.
///
/// Queries concern one family: [`ipv4`](Self::ipv4) and [`ipv6`](Self::ipv6) give a [`FamilySnapshot`].
///
/// # Examples
///
/// ```
/// use groupscan::{GroupTable, Interface, Join, Membership, Protocol, V4};
///
/// let table = GroupTable::new();
/// let join = Join::any_source(V4::new(239, 1, 1, 1));
/// let mut txn = table.begin_write();
/// txn.join(&Membership::new(join, Interface::new(2), Protocol::IGMP))?;
/// txn.commit();
///
/// let snapshot = table.snapshot()?;
/// assert!(snapshot.ipv4().contains(join));
/// assert_eq!(snapshot.ipv4().outgoing(join).collect::<Vec<_>>(), [Interface::new(2)]);
/// assert!(snapshot.ipv6().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a snapshot retains its version while it is held"]
pub struct Snapshot {
    version_ref: VersionRef<TableIndexes>,
}

impl Snapshot {
    pub(crate) fn new(version_ref: VersionRef<TableIndexes>) -> Self {
        Self { version_ref }
    }

    /// The version that the snapshot holds.
    #[cfg(feature = "__internals")]
    pub(crate) fn version_ref(&self) -> &VersionRef<TableIndexes> {
        &self.version_ref
    }

    /// The indexes of one family.
    pub(crate) fn indexes<F: Family>(&self) -> &Indexes<F> {
        self.version_ref.indexes().of::<F>()
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version_ref.version()
    }

    /// The IPv4 joins and memberships.
    pub fn ipv4(&self) -> FamilySnapshot<'_, V4> {
        self.of()
    }

    /// The IPv6 joins and memberships.
    pub fn ipv6(&self) -> FamilySnapshot<'_, V6> {
        self.of()
    }

    /// The joins and memberships of a family, for code that is generic over the family.
    pub fn of<F: Family>(&self) -> FamilySnapshot<'_, F> {
        FamilySnapshot { snapshot: self, family: PhantomData }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("version", &self.version())
            .field("ipv4_joins", &self.ipv4().len())
            .field("ipv6_joins", &self.ipv6().len())
            .finish()
    }
}

/// The joins and memberships of one family in a [`Snapshot`].
///
/// All queries answer from the snapshot's version. They are wait-free and allocate nothing. The order is by
/// group, then by source.
///
/// # Examples
///
/// ```
/// use groupscan::{GroupTable, Interface, Membership, Protocol, V6};
///
/// let table = GroupTable::new();
/// let mut txn = table.begin_write();
/// let group: V6 = "ff3e::1234".parse()?;
/// txn.join(&Membership::any_source(group, Interface::new(2), Protocol::MLD))?;
/// txn.commit();
///
/// let snapshot = table.snapshot()?;
/// for record in snapshot.ipv6() {
///     assert_eq!(record.to_string(), "(*, ff3e::1234)");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct FamilySnapshot<'s, F> {
    pub(crate) snapshot: &'s Snapshot,
    family: PhantomData<F>,
}

impl<F> Clone for FamilySnapshot<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for FamilySnapshot<'_, F> {}

impl<'s, F: Family> FamilySnapshot<'s, F> {
    pub(crate) fn indexes(self) -> &'s Indexes<F> {
        self.snapshot.indexes::<F>()
    }

    /// The number of joins: of distinct (group, source) pairs. O(1).
    #[must_use]
    pub fn len(self) -> usize {
        self.indexes().joins.len()
    }

    /// Whether there are no joins. O(1).
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The number of memberships, including those that are not joins. O(1).
    #[must_use]
    pub fn membership_count(self) -> usize {
        self.indexes().membership_count()
    }

    /// The number of interfaces that have memberships. O(1).
    #[must_use]
    pub fn interface_count(self) -> usize {
        self.indexes().interface_count()
    }

    /// How full the leaves of the indexes are, and how they lie in memory. O(number of leaves): some
    /// microseconds for a million joins.
    #[must_use]
    pub fn layout(self) -> Layout {
        Layout::of(self.indexes())
    }

    /// Whether there is this join. An any-source join does not contain source-specific ones. O(log n).
    #[must_use]
    pub fn contains(self, join: Join<F>) -> bool {
        self.indexes().join(join).is_some()
    }

    /// The number of joins that are less than `join`, whether or not it is there itself. O(log n).
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Join, Membership, Protocol, V4};
    ///
    /// # let table = GroupTable::new();
    /// let joins = [1, 2, 3].map(|last| Join::any_source(V4::new(239, 1, 1, last)));
    /// let mut txn = table.begin_write();
    /// for join in joins {
    ///     txn.join(&Membership::new(join, Interface::new(2), Protocol::IGMP))?;
    /// }
    /// txn.commit();
    ///
    /// let snapshot = table.snapshot()?;
    /// let ipv4 = snapshot.ipv4();
    /// assert_eq!(ipv4.rank(joins[2]), 2);
    /// assert_eq!(ipv4.rank(Join::any_source(V4::new(239, 9, 9, 9))), 3);
    /// assert_eq!(ipv4.join_at(1), Some(joins[1]));
    /// assert_eq!(ipv4.join_at(3), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rank(self, join: Join<F>) -> usize {
        self.indexes().joins.lower_bound(F::JoinKey::new(join.group, join.source))
    }

    /// The join with this rank: the one that `rank` others are less than. `None` from [`len`](Self::len)
    /// on. O(log n).
    #[must_use]
    pub fn join_at(self, rank: usize) -> Option<Join<F>> {
        let (key, _) = self.indexes().joins.select(rank)?;
        Some(Join::new(key.group(), key.source()))
    }

    /// The interfaces on which `join` is joined, each once, by any protocol, ascending.
    ///
    /// The interfaces of a source-specific join do not include those of its group's any-source join.
    pub fn outgoing(self, join: Join<F>) -> Outgoing<'s, F> {
        Outgoing::new(self.indexes(), join)
    }

    /// The interfaces that have memberships, including those that are not joins, ascending: by index, then by
    /// next hop, as in RFC 5519. Each step costs O(log n).
    pub fn interfaces(self) -> Interfaces<'s, F> {
        Interfaces::new(self.indexes())
    }

    /// The memberships of `group`, of all interfaces and protocols, ascending by source, interface and
    /// protocol.
    pub fn memberships(self, group: F) -> impl Iterator<Item = Membership<F>> + 's {
        let first = MembershipParts::first_of_join(Join::any_source(group));
        Merge::<F, ByGroup>::from(self.indexes(), &first)
            .take_while(move |(parts, _)| parts.group == group)
            .map(|(parts, flags)| parts.membership(flags))
    }

    /// All memberships, in an order.
    ///
    /// # Examples
    ///
    /// A step of an SNMP walk (GETNEXT), in O(log n):
    ///
    /// ```
    /// use groupscan::{FamilySnapshot, Membership, MembershipOrder, V4};
    ///
    /// fn next(snapshot: FamilySnapshot<'_, V4>, last: &Membership<V4>) -> Option<Membership<V4>> {
    ///     snapshot.all_memberships(MembershipOrder::ByGroup).after(last).next()
    /// }
    /// ```
    pub fn all_memberships(self, order: MembershipOrder) -> AllMemberships<'s, F> {
        AllMemberships::new(self.indexes(), order)
    }

    /// The joins on `interface`, each once, by any protocol, ascending.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Join, Membership, Protocol, V4};
    ///
    /// # let table = GroupTable::new();
    /// let [lan, dmz] = [2, 3].map(Interface::new);
    /// let join = Join::new(V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1));
    /// let mut txn = table.begin_write();
    /// for protocol in [Protocol::IGMP, Protocol::PIM] {
    ///     txn.join(&Membership::new(join, lan, protocol))?;
    /// }
    /// txn.commit();
    ///
    /// let snapshot = table.snapshot()?;
    /// assert_eq!(snapshot.ipv4().joined_on(lan).collect::<Vec<_>>(), [join]);
    /// assert_eq!(snapshot.ipv4().joined_on(dmz).count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn joined_on(self, interface: Interface<F>) -> impl Iterator<Item = Join<F>> + 's {
        let indexes = self.indexes();
        let (direct, neighbor) = match interface.next_hop.is_unspecified() {
            true => (Some(memberships_on::<F, Direct>(indexes, interface)), None),
            false => (None, Some(memberships_on::<F, Neighbor>(indexes, interface))),
        };
        let mut last = None;
        direct
            .into_iter()
            .flatten()
            .chain(neighbor.into_iter().flatten())
            .filter(|(_, flags)| flags.contains(MembershipFlags::JOIN))
            .map(|(parts, _)| parts.join())
            .filter(move |join| last.replace(*join) != Some(*join))
    }
}

/// The memberships on an interface, ascending.
fn memberships_on<F: Family, I: InterfaceIndex<F>>(
    indexes: &Indexes<F>,
    interface: Interface<F>,
) -> impl Iterator<Item = (MembershipParts<F>, MembershipFlags)> + '_ {
    let low = I::Key::new(MembershipParts::first_on(interface));
    let high = I::Key::new(MembershipParts::last_on(interface));
    I::tree(indexes).range(low, high).map(|(key, flags)| (key.parts(), flags_of(flags)))
}
