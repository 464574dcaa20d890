//! What a reader holds: one version of a table, unchanged for as long as it is held.

use std::fmt;

use crate::family::{Family, V4, V6};
use crate::flags::MembershipFlags;
use crate::key::{JoinKey, MembershipKey, MembershipParts};
use crate::membership::{Interface, Membership, Protocol};
use crate::sets::{Sets, TableSets, slot_range};
use crate::version::{Holder, Version};

/// One version of a table.
///
/// A snapshot never changes, whatever writers do meanwhile, and writers never wait for it. It may be
/// sent to and shared between threads, and may outlive its table. A clone counts as another holder.
/// What only its version can reach is free for the writer's next work when the last holder is
/// dropped.
///
/// # Examples
///
/// ```
/// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
///
/// let table = GroupTable::new();
/// let mut txn = table.begin_write();
/// let group = V4::new(239, 1, 1, 1);
/// txn.join(&Membership::any_source(group, Interface::new(2), Protocol::IGMP))?;
/// txn.commit();
///
/// let snapshot = table.snapshot()?;
/// assert!(snapshot.contains(group, V4::UNSPECIFIED));
/// let interfaces: Vec<u32> =
///     snapshot.outgoing(group, V4::UNSPECIFIED).map(|interface| interface.index).collect();
/// assert_eq!(interfaces, [2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Snapshot {
    holder: Holder<TableSets>,
}

impl Snapshot {
    pub(crate) fn new(holder: Holder<TableSets>) -> Self {
        Self { holder }
    }

    /// What the snapshot holds.
    pub(crate) fn holder(&self) -> &Holder<TableSets> {
        &self.holder
    }

    /// The sets of one family.
    pub(crate) fn sets<F: Family>(&self) -> &Sets<F> {
        self.holder.sets().of::<F>()
    }

    /// The version that this is.
    pub fn version(&self) -> Version {
        self.holder.version()
    }

    /// The number of joins of a family: of distinct (source, group) pairs. O(1).
    pub fn len<F: Family>(&self) -> usize {
        self.sets::<F>().joins.len()
    }

    /// Whether a family has no joins. O(1).
    pub fn is_empty<F: Family>(&self) -> bool {
        self.len::<F>() == 0
    }

    /// The number of memberships of a family, those that are no joins included. O(1).
    pub fn membership_count<F: Family>(&self) -> usize {
        self.sets::<F>().by_group.len()
    }

    /// The number of interfaces that a family's memberships name. O(1).
    pub fn interface_count<F: Family>(&self) -> usize {
        self.sets::<F>().interface_count()
    }

    /// Whether `group` is joined from `source`; the unspecified source asks for the any-source join
    /// itself. O(log n).
    pub fn contains<F: Family>(&self, group: F, source: F) -> bool {
        self.sets::<F>().joins.get(F::JoinKey::new(group, source)).is_some()
    }

    /// How many joins come before (group, source) in ascending order, whether or not it is joined.
    /// O(log n).
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
    ///
    /// # let table = GroupTable::new();
    /// let groups = [1, 2, 3].map(|last| V4::new(239, 1, 1, last));
    /// let mut txn = table.begin_write();
    /// for group in groups {
    ///     txn.join(&Membership::any_source(group, Interface::new(2), Protocol::IGMP))?;
    /// }
    /// txn.commit();
    ///
    /// let snapshot = table.snapshot()?;
    /// assert_eq!(snapshot.rank(groups[2], V4::UNSPECIFIED), 2);
    /// assert_eq!(snapshot.rank(V4::new(239, 9, 9, 9), V4::UNSPECIFIED), 3);
    /// assert_eq!(snapshot.join_at(1), Some((groups[1], V4::UNSPECIFIED)));
    /// assert_eq!(snapshot.join_at::<V4>(3), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rank<F: Family>(&self, group: F, source: F) -> usize {
        self.sets::<F>().joins.lower_bound(F::JoinKey::new(group, source))
    }

    /// The (group, source) of a rank: the join before which so many others come. `None` from
    /// [`len`](Self::len) on. O(log n).
    pub fn join_at<F: Family>(&self, rank: usize) -> Option<(F, F)> {
        self.sets::<F>().joins.select(rank).map(|key| (key.group(), key.source()))
    }

    /// The interfaces on which `group` is joined from `source`, each once, whoever joined. In no
    /// particular order.
    ///
    /// The unspecified source asks for the any-source joins; these are not repeated under specific
    /// sources.
    pub fn outgoing<F: Family>(
        &self,
        group: F,
        source: F,
    ) -> impl Iterator<Item = Interface<F>> + '_ {
        let mut last = None;
        self.memberships_between((group, source), (group, source))
            .filter(|membership| membership.flags.contains(MembershipFlags::JOIN))
            .map(|membership| membership.interface)
            // An interface's memberships are neighbours: within a join the order is by slot.
            .filter(move |interface| last.replace(*interface) != Some(*interface))
    }

    /// The interfaces that memberships name, those that are no joins included. In no particular order.
    pub fn interfaces<F: Family>(&self) -> impl Iterator<Item = Interface<F>> + '_ {
        self.sets::<F>().interfaces()
    }

    /// The memberships of `group`, of every source and protocol, by ascending source.
    pub fn memberships<F: Family>(&self, group: F) -> impl Iterator<Item = Membership<F>> + '_ {
        self.memberships_between((group, F::UNSPECIFIED), (group, F::MAX))
    }

    /// The (group, source) pairs joined on `interface`, each once, whoever joined, ascending.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
    ///
    /// # let table = GroupTable::new();
    /// let [lan, dmz] = [2, 3].map(Interface::new);
    /// let (group, source) = (V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1));
    /// let mut txn = table.begin_write();
    /// for protocol in [Protocol::IGMP, Protocol(11)] {
    ///     txn.join(&Membership::source_specific(group, source, lan, protocol))?;
    /// }
    /// txn.commit();
    ///
    /// let snapshot = table.snapshot()?;
    /// assert_eq!(snapshot.joined_on(lan).collect::<Vec<_>>(), [(group, source)]);
    /// assert_eq!(snapshot.joined_on(dmz).count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn joined_on<F: Family>(
        &self,
        interface: Interface<F>,
    ) -> impl Iterator<Item = (F, F)> + '_ {
        let sets = self.sets::<F>();
        let mut last = None;
        let keys = sets.slot(interface).map(|slot| {
            let (low, high) = slot_range::<F>(slot);
            sets.by_interface.range(low, high)
        });
        keys.into_iter()
            .flatten()
            .map(|key| key.parts())
            .filter(MembershipParts::is_join)
            .map(|parts| (parts.group, parts.source))
            .filter(move |join| last.replace(*join) != Some(*join))
    }

    /// The keys of joins from a rank on that lie next to each other: none from [`len`](Self::len) on.
    /// O(log n).
    #[cfg(feature = "capi")]
    pub(crate) fn keys_from<F: Family>(&self, rank: usize) -> &[F::JoinKey] {
        let joins = &self.sets::<F>().joins;
        let end = joins.len();
        joins.slices(rank.min(end)..end).next().unwrap_or_default()
    }

    /// The memberships from one (group, source) to another, both included.
    fn memberships_between<F: Family>(
        &self,
        low: (F, F),
        high: (F, F),
    ) -> impl Iterator<Item = Membership<F>> + '_ {
        let sets = self.sets::<F>();
        let low = F::ByGroup::new(MembershipParts::first_of(low.0, low.1));
        let high = F::ByGroup::new(MembershipParts::last_of(high.0, high.1));
        sets.by_group.range(low, high).filter_map(|key| {
            let parts = key.parts();
            Some(Membership {
                group: parts.group,
                source: parts.source,
                interface: sets.interface(parts.slot)?,
                protocol: Protocol(parts.protocol),
                flags: MembershipFlags::from_bits(parts.flags)?,
            })
        })
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("version", &self.version())
            .field("ipv4_joins", &self.len::<V4>())
            .field("ipv6_joins", &self.len::<V6>())
            .finish()
    }
}
