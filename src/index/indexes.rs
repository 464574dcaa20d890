//! The indexes of a version: the memberships of each family in several orders.

#![allow(unsafe_code, reason = "each transaction gets the same trees again")]

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::sweeps::{Compaction, FamilySweeps, Sweep};
use crate::mvcc::{Txn, VersionIndexes};
use crate::tree::{Demand, NodePtr, Tree};
use crate::types::key::{JoinKey, MembershipKey, MembershipParts};
use crate::types::sole::SoleMembership;
use crate::types::{Family, Interface, Join, Membership, MembershipFlags, Protocol, V4, V6};

/// The indexes of both families.
pub(crate) struct TableIndexes {
    v4: Indexes<V4>,
    v6: Indexes<V6>,
}

/// A transaction on the indexes.
pub(crate) type TableTxn<'t> = Txn<'t, TableIndexes>;

impl TableIndexes {
    /// The indexes of family `F`. The compiler resolves this.
    #[inline]
    pub(crate) fn of<F: Family>(&self) -> &Indexes<F> {
        let [v4, v6]: [&dyn Any; 2] = [&self.v4, &self.v6];
        let found = v4.downcast_ref().or_else(|| v6.downcast_ref());
        found.unwrap_or_else(|| unreachable!("there are two families"))
    }

    /// The indexes of family `F`, for changes.
    #[inline]
    pub(super) fn of_mut<F: Family>(&mut self) -> &mut Indexes<F> {
        let [v4, v6]: [&mut dyn Any; 2] = [&mut self.v4, &mut self.v6];
        let found = v4.downcast_mut().or_else(|| v6.downcast_mut());
        found.unwrap_or_else(|| unreachable!("there are two families"))
    }
}

impl TableIndexes {
    /// The slots that the removal of any membership needs, at most, once `added` memberships were added.
    #[inline]
    pub(crate) fn worst_removal(&self, added: usize) -> Demand {
        self.v4.worst_removal(added).max(self.v6.worst_removal(added))
    }
}

/// The memberships of one family, in the orders that readers ask for.
pub(crate) struct Indexes<F: Family> {
    pub(crate) joins: Tree<F::JoinKey, SoleMembership>,
    pub(crate) by_group: Tree<F::ByGroup, u8>,
    pub(crate) by_interface: Tree<F::ByInterface, u8>,
    pub(crate) by_neighbor: Tree<F::ByNeighbor, u8>,
    /// The number of interfaces that have memberships.
    pub(super) interface_count: u32,
}

/// An index of memberships that begins with the interface: that of interfaces without a next hop, or that of
/// interfaces with one.
pub(crate) trait InterfaceIndex<F: Family> {
    type Key: MembershipKey<F>;

    fn tree(indexes: &Indexes<F>) -> &Tree<Self::Key, u8>;
    fn tree_mut(indexes: &mut Indexes<F>) -> &mut Tree<Self::Key, u8>;
    fn sweep(sweeps: &mut FamilySweeps<F>) -> &mut Sweep<Self::Key>;
}

/// The index of the interfaces without a next hop.
pub(crate) enum Direct {}

/// The index of the interfaces with a next hop.
pub(crate) enum Neighbor {}

impl<F: Family> InterfaceIndex<F> for Direct {
    type Key = F::ByInterface;

    #[inline]
    fn tree(indexes: &Indexes<F>) -> &Tree<F::ByInterface, u8> {
        &indexes.by_interface
    }

    #[inline]
    fn tree_mut(indexes: &mut Indexes<F>) -> &mut Tree<F::ByInterface, u8> {
        &mut indexes.by_interface
    }

    #[inline]
    fn sweep(sweeps: &mut FamilySweeps<F>) -> &mut Sweep<F::ByInterface> {
        &mut sweeps.by_interface
    }
}

impl<F: Family> InterfaceIndex<F> for Neighbor {
    type Key = F::ByNeighbor;

    #[inline]
    fn tree(indexes: &Indexes<F>) -> &Tree<F::ByNeighbor, u8> {
        &indexes.by_neighbor
    }

    #[inline]
    fn tree_mut(indexes: &mut Indexes<F>) -> &mut Tree<F::ByNeighbor, u8> {
        &mut indexes.by_neighbor
    }

    #[inline]
    fn sweep(sweeps: &mut FamilySweeps<F>) -> &mut Sweep<F::ByNeighbor> {
        &mut sweeps.by_neighbor
    }
}

impl<F: Family> MembershipParts<F> {
    /// What identifies a membership.
    #[inline]
    pub(crate) fn of(membership: &Membership<F>) -> Self {
        let Membership { group, source, interface, protocol, .. } = *membership;
        Self::new(Join::new(group, source), interface, protocol)
    }

    /// A membership of `join` on an interface.
    #[inline]
    pub(crate) fn new(join: Join<F>, interface: Interface<F>, protocol: Protocol) -> Self {
        let Interface { index, next_hop } = interface;
        let protocol = protocol.number();
        Self { group: join.group, source: join.source, index, next_hop, protocol }
    }

    /// The interface.
    #[inline]
    pub(crate) fn interface(&self) -> Interface<F> {
        Interface { index: self.index, next_hop: self.next_hop }
    }

    /// The join.
    #[inline]
    pub(crate) fn join(&self) -> Join<F> {
        Join::new(self.group, self.source)
    }

    /// The membership, with its flags.
    pub(crate) fn membership(&self, flags: MembershipFlags) -> Membership<F> {
        Membership::new(self.join(), self.interface(), Protocol::new(self.protocol))
            .with_flags(flags)
    }

    /// The first possible membership of a join, by group.
    #[inline]
    pub(crate) fn first_of_join(join: Join<F>) -> Self {
        Self::new(join, Interface::new(0), Protocol::new(0))
    }

    /// The last possible membership of a join, by group.
    #[inline]
    pub(crate) fn last_of_join(join: Join<F>) -> Self {
        let last = Interface::with_next_hop(u32::MAX, F::MAX);
        Self::new(join, last, Protocol::new(u32::MAX))
    }

    /// The first possible membership on an interface.
    #[inline]
    pub(crate) fn first_on(interface: Interface<F>) -> Self {
        Self::new(Join::any_source(F::UNSPECIFIED), interface, Protocol::new(0))
    }

    /// The last possible membership on an interface.
    #[inline]
    pub(crate) fn last_on(interface: Interface<F>) -> Self {
        Self::new(Join::new(F::MAX, F::MAX), interface, Protocol::new(u32::MAX))
    }

    /// What the membership is in the value of its join, if it fits.
    #[inline]
    pub(super) fn sole(&self, flags: MembershipFlags) -> Option<SoleMembership> {
        let fits = self.next_hop.is_unspecified();
        fits.then(|| SoleMembership::new(self.index, self.protocol, flags)).flatten()
    }
}

/// The flags of a value of an index of memberships.
#[inline]
pub(crate) fn flags_of(bits: u8) -> MembershipFlags {
    let flags = MembershipFlags::from_bits(bits);
    flags.unwrap_or_else(|| unreachable!("values are made of valid flags"))
}

/// The sole membership of a join, from the value of the join.
#[inline]
pub(crate) fn sole_of<F: Family>(
    join: Join<F>,
    value: SoleMembership,
) -> Option<(MembershipParts<F>, MembershipFlags)> {
    let (index, protocol, flags) = value.fields()?;
    Some((MembershipParts::new(join, Interface::new(index), Protocol::new(protocol)), flags))
}

impl<F: Family> Indexes<F> {
    fn empty() -> Self {
        Self {
            joins: Tree::empty(),
            by_group: Tree::empty(),
            by_interface: Tree::empty(),
            by_neighbor: Tree::empty(),
            interface_count: 0,
        }
    }

    /// # Safety
    ///
    /// As [`Tree::duplicate`].
    #[inline]
    unsafe fn duplicate(&self) -> Self {
        // SAFETY: the contract is that of `Tree::duplicate` for each of the trees.
        unsafe {
            Self {
                joins: self.joins.duplicate(),
                by_group: self.by_group.duplicate(),
                by_interface: self.by_interface.duplicate(),
                by_neighbor: self.by_neighbor.duplicate(),
                interface_count: self.interface_count,
            }
        }
    }

    fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr)) {
        self.joins.for_each_node(after, visit);
        self.by_group.for_each_node(after, visit);
        self.by_interface.for_each_node(after, visit);
        self.by_neighbor.for_each_node(after, visit);
    }

    fn publish_figures(&self, figures: &FamilyFigures) {
        // Relaxed: numbers that guard nothing.
        figures.joins.store(self.joins.len(), Ordering::Relaxed);
        figures.memberships.store(self.membership_count(), Ordering::Relaxed);
        figures.interfaces.store(self.interface_count(), Ordering::Relaxed);
        figures.join_capacity.store(self.joins.capacity(), Ordering::Relaxed);
        let capacity = self.by_interface.capacity() + self.by_neighbor.capacity();
        figures.membership_capacity.store(capacity, Ordering::Relaxed);
    }

    /// As [`TableIndexes::worst_removal`].
    #[inline]
    fn worst_removal(&self, added: usize) -> Demand {
        let on_interface = self.by_interface.worst_removals(1, added);
        let on_interface = on_interface.max(self.by_neighbor.worst_removals(1, added));
        // The membership itself and another one, which becomes the sole one; or, if it keeps a flag that
        // makes no join, an insertion.
        let by_group = self.by_group.worst_removals(2, 2 * added);
        let by_group = by_group.max(self.by_group.worst_insertion(2 * added));
        self.joins.worst_removals(1, added) + on_interface + by_group
    }

    /// The number of memberships.
    #[inline]
    pub(crate) fn membership_count(&self) -> usize {
        self.by_interface.len() + self.by_neighbor.len()
    }

    /// The number of interfaces that have memberships.
    #[inline]
    pub(crate) fn interface_count(&self) -> usize {
        self.interface_count as usize
    }

    /// Whether an interface has memberships.
    pub(crate) fn has_memberships(&self, interface: Interface<F>) -> bool {
        let first = MembershipParts::first_on(interface);
        let found = match interface.next_hop.is_unspecified() {
            true => self.by_interface.seek(F::ByInterface::new(first)).entry().map(parts_of),
            false => self.by_neighbor.seek(F::ByNeighbor::new(first)).entry().map(parts_of),
        };
        found.is_some_and(|parts: MembershipParts<F>| parts.interface() == interface)
    }

    /// The value of a join, if there is this join.
    #[inline]
    pub(crate) fn join(&self, join: Join<F>) -> Option<SoleMembership> {
        self.joins.get(F::JoinKey::new(join.group, join.source))
    }

    /// The memberships of a join that are in `by_group`, ascending.
    pub(crate) fn elsewhere(
        &self,
        join: Join<F>,
    ) -> impl Iterator<Item = (MembershipParts<F>, MembershipFlags)> + '_ {
        let low = F::ByGroup::new(MembershipParts::first_of_join(join));
        let high = F::ByGroup::new(MembershipParts::last_of_join(join));
        self.by_group.range(low, high).map(|(key, flags)| (key.parts(), flags_of(flags)))
    }
}

/// The parts of the key of an entry.
fn parts_of<F: Family, K: MembershipKey<F>>((key, _): (K, u8)) -> MembershipParts<F> {
    key.parts()
}

impl VersionIndexes for TableIndexes {
    type State = Compaction;
    type Figures = Figures;

    fn empty() -> Self {
        Self { v4: Indexes::empty(), v6: Indexes::empty() }
    }

    unsafe fn duplicate(&self) -> Self {
        // SAFETY: the contract is that of `Tree::duplicate` for each of the trees.
        unsafe { Self { v4: self.v4.duplicate(), v6: self.v6.duplicate() } }
    }

    fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr)) {
        self.v4.for_each_node(after, visit);
        self.v6.for_each_node(after, visit);
    }

    fn publish_figures(&self, figures: &Figures) {
        self.v4.publish_figures(&figures.v4);
        self.v6.publish_figures(&figures.v6);
    }
}

/// The figures of both families, which are read without a lock. They guard no other memory, so loom need
/// not try their orders.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) v4: FamilyFigures,
    pub(crate) v6: FamilyFigures,
}

/// The figures of one family.
#[derive(Debug, Default)]
pub(crate) struct FamilyFigures {
    joins: AtomicUsize,
    memberships: AtomicUsize,
    interfaces: AtomicUsize,
    join_capacity: AtomicUsize,
    membership_capacity: AtomicUsize,
}

impl FamilyFigures {
    /// The numbers of joins, memberships and interfaces, and those of joins and memberships that the leaves
    /// have room for.
    pub(crate) fn load(&self) -> [usize; 5] {
        let Self { joins, memberships, interfaces, join_capacity, membership_capacity } = self;
        [joins, memberships, interfaces, join_capacity, membership_capacity]
            .map(|figure| figure.load(Ordering::Relaxed))
    }
}
