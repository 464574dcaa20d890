//! The indexes of a version: the memberships of each family in several orders.

#![allow(unsafe_code, reason = "each transaction gets the same trees again")]

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::interface_ids::IdAllocators;
use crate::mvcc::{Txn, VersionIndexes};
use crate::tree::{Demand, NodePtr, Tree};
use crate::types::key::{InterfaceIdKey, InterfaceKey, MembershipKey, MembershipParts};
use crate::types::{Family, Interface, V4, V6};

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
    pub(crate) fn of_mut<F: Family>(&mut self) -> &mut Indexes<F> {
        let [v4, v6]: [&mut dyn Any; 2] = [&mut self.v4, &mut self.v6];
        let found = v4.downcast_mut().or_else(|| v6.downcast_mut());
        found.unwrap_or_else(|| unreachable!("there are two families"))
    }
}

/// The memberships of one family, in the orders that readers ask for.
pub(crate) struct Indexes<F: Family> {
    pub(crate) joins: Tree<F::JoinKey>,
    pub(crate) by_group: Tree<F::ByGroup>,
    pub(crate) by_interface: Tree<F::ByInterface>,
    /// The interfaces, by index and next hop.
    pub(super) interfaces: Tree<InterfaceKey>,
    /// The interfaces, by interface id.
    pub(super) interface_ids: Tree<InterfaceIdKey>,
}

impl<F: Family> Indexes<F> {
    fn empty() -> Self {
        Self {
            joins: Tree::empty(),
            by_group: Tree::empty(),
            by_interface: Tree::empty(),
            interfaces: Tree::empty(),
            interface_ids: Tree::empty(),
        }
    }

    /// # Safety
    ///
    /// As [`Tree::duplicate`].
    unsafe fn duplicate(&self) -> Self {
        // SAFETY: the contract is that of `Tree::duplicate` for each of the trees.
        unsafe {
            Self {
                joins: self.joins.duplicate(),
                by_group: self.by_group.duplicate(),
                by_interface: self.by_interface.duplicate(),
                interfaces: self.interfaces.duplicate(),
                interface_ids: self.interface_ids.duplicate(),
            }
        }
    }

    fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr)) {
        self.joins.for_each_node(after, visit);
        self.by_group.for_each_node(after, visit);
        self.by_interface.for_each_node(after, visit);
        self.interfaces.for_each_node(after, visit);
        self.interface_ids.for_each_node(after, visit);
    }

    fn publish_figures(&self, figures: &FamilyFigures) {
        // Relaxed: numbers that guard nothing.
        figures.joins.store(self.joins.len(), Ordering::Relaxed);
        figures.memberships.store(self.by_group.len(), Ordering::Relaxed);
        figures.interfaces.store(self.interfaces.len(), Ordering::Relaxed);
    }

    /// The number of interfaces that have memberships.
    pub(crate) fn interface_count(&self) -> usize {
        self.interfaces.len()
    }

    /// The id of an interface, if it has one.
    pub(crate) fn interface_id(&self, interface: Interface<F>) -> Option<u32> {
        let found = self.interfaces.get(interface_key(interface, 0))?;
        Some(found.id())
    }

    /// The interface of an id, if the id is in use.
    pub(crate) fn interface(&self, id: u32) -> Option<Interface<F>> {
        self.interface_ids.get(InterfaceIdKey::new(id, 0, 0)).map(interface_of)
    }

    /// The interfaces that have memberships, in no particular order.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = Interface<F>> + '_ {
        self.interface_ids.slices(0..usize::MAX).flatten().copied().map(interface_of)
    }

    /// Whether (group, source) has a membership with the join flag.
    pub(super) fn is_joined(&self, group: F, source: F) -> bool {
        let low = F::ByGroup::new(MembershipParts::first_of(group, source));
        let high = F::ByGroup::new(MembershipParts::last_of(group, source));
        self.by_group.range(low, high).any(|key| key.parts().is_join())
    }

    /// Whether an interface id has memberships.
    pub(super) fn has_memberships(&self, id: u32) -> bool {
        let (low, high) = id_range::<F>(id);
        self.by_interface.range(low, high).next().is_some()
    }

    /// The most slots that `changes` changes of memberships need.
    pub(super) fn worst_case(&self, changes: usize) -> Demand {
        self.joins.worst_case(changes)
            + self.by_group.worst_case(changes)
            + self.by_interface.worst_case(changes)
    }

    /// The most slots that a new or a vanishing interface needs.
    pub(super) fn interface_worst_case(&self) -> Demand {
        self.interfaces.worst_case(1) + self.interface_ids.worst_case(1)
    }
}

/// The key of an interface with an id. The id takes no part in comparisons.
pub(super) fn interface_key<F: Family>(interface: Interface<F>, id: u32) -> InterfaceKey {
    InterfaceKey::new(interface.index, interface.next_hop.to_number(), id)
}

/// The interface of a key.
fn interface_of<F: Family>(key: InterfaceIdKey) -> Interface<F> {
    let (index, next_hop) = key.interface();
    Interface { index, next_hop: F::from_number(next_hop) }
}

/// The first and the last possible key by interface of the memberships of an interface id.
pub(crate) fn id_range<F: Family>(id: u32) -> (F::ByInterface, F::ByInterface) {
    let low = MembershipParts::first_of(F::UNSPECIFIED, F::UNSPECIFIED);
    let high = MembershipParts::last_of(F::MAX, F::MAX);
    let bound = |parts| F::ByInterface::new(MembershipParts { interface_id: id, ..parts });
    (bound(low), bound(high))
}

impl VersionIndexes for TableIndexes {
    type State = IdAllocators;
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
}

impl FamilyFigures {
    /// The numbers of joins, memberships and interfaces.
    pub(crate) fn load(&self) -> [usize; 3] {
        [&self.joins, &self.memberships, &self.interfaces]
            .map(|figure| figure.load(Ordering::Relaxed))
    }
}
