//! The sets of a version, and what joining and leaving does to them.
//!
//! [`change`] has single memberships, [`resync`] all those of a protocol on an interface, [`slots`]
//! says which slots may stand for interfaces.
//!
//! # Invariants
//!
//! - I1: both sets of memberships have the same memberships.
//! - I2: a (group, source) is among the joins exactly while a membership with
//!   [`JOIN`](crate::MembershipFlags::JOIN) has it.
//! - I3: an interface has a slot exactly while a membership names it; both sets of interfaces have
//!   the same ones.

#![allow(unsafe_code, reason = "a second set of the same trees is made for each transaction")]

mod change;
mod resync;
mod slots;

use crate::family::{Families, Family, PerFamily};
use crate::key::{InterfaceKey, MembershipKey, MembershipParts, SlotKey};
use crate::membership::Interface;
use crate::tree::{Demand, NodePtr, Refusal, Tree};
use crate::version::{COUNTS, Counts, Kept, Txn, VersionSets};

pub(crate) use change::{join, leave};
pub(crate) use resync::replace;
use slots::Slots;

/// The sets of both families.
pub(crate) type TableSets = Families<SetsPerFamily>;

/// A transaction on them.
pub(crate) type TableTxn<'t> = Txn<'t, TableSets>;

/// Marks what is [`Sets`] for each family.
pub(crate) enum SetsPerFamily {}

impl PerFamily for SetsPerFamily {
    type Of<F: Family> = Sets<F>;
}

/// The same memberships of one family in the orders that readers ask for.
pub(crate) struct Sets<F: Family> {
    pub(crate) joins: Tree<F::JoinKey>,
    pub(crate) by_group: Tree<F::ByGroup>,
    pub(crate) by_interface: Tree<F::ByInterface>,
    /// The interfaces, by what they are.
    interfaces: Tree<InterfaceKey>,
    /// The interfaces, by their slots.
    slots: Tree<SlotKey>,
}

impl<F: Family> Sets<F> {
    fn empty() -> Self {
        Self {
            joins: Tree::empty(),
            by_group: Tree::empty(),
            by_interface: Tree::empty(),
            interfaces: Tree::empty(),
            slots: Tree::empty(),
        }
    }

    /// # Safety
    ///
    /// As [`Tree::duplicate`].
    unsafe fn duplicate(&self) -> Self {
        // SAFETY: as the caller promises.
        unsafe {
            Self {
                joins: self.joins.duplicate(),
                by_group: self.by_group.duplicate(),
                by_interface: self.by_interface.duplicate(),
                interfaces: self.interfaces.duplicate(),
                slots: self.slots.duplicate(),
            }
        }
    }

    fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr)) {
        self.joins.for_each_node(after, visit);
        self.by_group.for_each_node(after, visit);
        self.by_interface.for_each_node(after, visit);
        self.interfaces.for_each_node(after, visit);
        self.slots.for_each_node(after, visit);
    }

    /// The numbers of joins, memberships and interfaces.
    fn counts(&self) -> [usize; 3] {
        [self.joins.len(), self.by_group.len(), self.interfaces.len()]
    }

    /// The number of interfaces that memberships name.
    pub(crate) fn interface_count(&self) -> usize {
        self.interfaces.len()
    }

    /// The slot of an interface that has one.
    pub(crate) fn slot(&self, interface: Interface<F>) -> Option<u32> {
        let found = self.interfaces.get(interface_key(interface, 0))?;
        Some(found.slot())
    }

    /// The interface of a slot.
    pub(crate) fn interface(&self, slot: u32) -> Option<Interface<F>> {
        let (index, next_hop) = self.slots.get(SlotKey::new(slot, 0, 0))?.interface();
        Some(Interface { index, next_hop: F::from_number(next_hop) })
    }

    /// The interfaces that memberships name, in no particular order.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = Interface<F>> + '_ {
        self.slots.slices(0..usize::MAX).flatten().map(|key| {
            let (index, next_hop) = key.interface();
            Interface { index, next_hop: F::from_number(next_hop) }
        })
    }

    /// Whether a membership with the join flag has (group, source).
    fn is_joined(&self, group: F, source: F) -> bool {
        let low = F::ByGroup::new(MembershipParts::first_of(group, source));
        let high = F::ByGroup::new(MembershipParts::last_of(group, source));
        self.by_group.range(low, high).any(|key| key.parts().is_join())
    }

    /// Whether a membership names a slot.
    fn is_named(&self, slot: u32) -> bool {
        let (low, high) = slot_range::<F>(slot);
        self.by_interface.range(low, high).next().is_some()
    }

    /// The slots of the pool that so many changes of memberships take at most.
    fn worst_case(&self, changes: usize) -> Demand {
        self.joins.worst_case(changes)
            + self.by_group.worst_case(changes)
            + self.by_interface.worst_case(changes)
    }

    /// The same for an interface that comes or goes.
    fn interface_worst_case(&self) -> Demand {
        self.interfaces.worst_case(1) + self.slots.worst_case(1)
    }
}

fn interface_key<F: Family>(interface: Interface<F>, slot: u32) -> InterfaceKey {
    InterfaceKey::new(interface.index, interface.next_hop.to_number(), slot)
}

/// The bounds, both included, of a slot's memberships in their order by interface.
pub(crate) fn slot_range<F: Family>(slot: u32) -> (F::ByInterface, F::ByInterface) {
    let low = MembershipParts::first_of(F::UNSPECIFIED, F::UNSPECIFIED);
    let high = MembershipParts::last_of(F::MAX, F::MAX);
    let bound = |parts| F::ByInterface::new(MembershipParts { slot, ..parts });
    (bound(low), bound(high))
}

impl VersionSets for TableSets {
    type Kept = KeptSlots;

    fn empty() -> Self {
        Families { v4: Sets::empty(), v6: Sets::empty() }
    }

    unsafe fn duplicate(&self) -> Self {
        // SAFETY: as the caller promises.
        unsafe { Families { v4: self.v4.duplicate(), v6: self.v6.duplicate() } }
    }

    fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr)) {
        self.v4.for_each_node(after, visit);
        self.v6.for_each_node(after, visit);
    }

    fn counts(&self) -> Counts {
        let mut counts = [0; COUNTS];
        let of_families = self.v4.counts().into_iter().chain(self.v6.counts());
        counts.iter_mut().zip(of_families).for_each(|(count, of_family)| *count = of_family);
        counts
    }
}

/// Marks what is [`Slots`] for each family.
pub(crate) enum SlotsPerFamily {}

impl PerFamily for SlotsPerFamily {
    type Of<F: Family> = Slots;
}

/// The slots of both families.
pub(crate) struct KeptSlots(Families<SlotsPerFamily>);

impl Default for KeptSlots {
    fn default() -> Self {
        Self(Families { v4: Slots::default(), v6: Slots::default() })
    }
}

impl Kept for KeptSlots {
    fn commit(&mut self, version: u64) {
        self.0.v4.commit(version);
        self.0.v6.commit(version);
    }

    fn abort(&mut self) {
        self.0.v4.abort();
        self.0.v6.abort();
    }
}

/// Why a change was refused. It was not made, not even in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeRefused {
    Interfaces { limit: u32 },
    Memberships { limit: usize },
    NotAscending { at: usize },
    Memory(Refusal),
}

impl From<Refusal> for ChangeRefused {
    fn from(refusal: Refusal) -> Self {
        Self::Memory(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use crate::family::{V4, V6};
    use crate::flags::MembershipFlags;
    use crate::key::JoinKey;
    use crate::membership::{Membership, Protocol};
    use crate::version::{Bounds, Versions};

    impl<F: Family> Sets<F> {
        /// Panics where an invariant of the trees or of the sets does not hold.
        fn check(&self) {
            self.joins.check();
            self.by_group.check();
            self.by_interface.check();
            self.interfaces.check();
            self.slots.check();
            let sorted = |key: &MembershipParts<F>| (key.group, key.source, key.slot, key.protocol);
            let parts = self.by_group.slices(0..usize::MAX).flatten().map(|key| key.parts());
            let mut memberships: Vec<_> = parts.collect();
            let parts = self.by_interface.slices(0..usize::MAX).flatten().map(|key| key.parts());
            let mut by_interface: Vec<_> = parts.collect();
            memberships.sort_by_key(sorted);
            by_interface.sort_by_key(sorted);
            assert_eq!(memberships, by_interface, "I1");

            let joined = memberships.iter().filter(|parts| parts.is_join());
            let joined: BTreeSet<(F, F)> =
                joined.map(|parts| (parts.group, parts.source)).collect();
            let joins = self.joins.slices(0..usize::MAX).flatten();
            assert!(joins.map(|key| (key.group(), key.source())).eq(joined), "I2");

            let named: BTreeSet<u32> = memberships.iter().map(|parts| parts.slot).collect();
            let interfaces: BTreeMap<u32, _> =
                named.iter().map(|slot| (*slot, self.interface(*slot).expect("I3"))).collect();
            assert_eq!((self.interfaces.len(), self.slots.len()), (named.len(), named.len()), "I3");
            let found = interfaces.iter().all(|(slot, i)| self.slot(*i) == Some(*slot));
            assert!(found, "I3");
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Join(u8, u8, u8, u8, u8),
        Leave(u8, u8, u8, u8, u8),
        Replace(u8, u8, BTreeSet<u8>),
        Commit,
        Abort,
    }

    fn step() -> impl Strategy<Value = Step> {
        let numbers = || (0..12u8, 0..4u8, 0..3u8, 0..2u8, 1..=3u8);
        prop_oneof![
            8 => numbers().prop_map(|(g, s, i, p, f)| Step::Join(g, s, i, p, f)),
            5 => numbers().prop_map(|(g, s, i, p, f)| Step::Leave(g, s, i, p, f)),
            1 => (0..3u8, 0..2u8, proptest::collection::btree_set(0..48u8, 0..40))
                .prop_map(|(i, p, joins)| Step::Replace(i, p, joins)),
            1 => Just(Step::Commit),
            1 => Just(Step::Abort),
        ]
    }

    fn membership<F: Family>(g: u8, s: u8, i: u8, p: u8, f: u8) -> Membership<F> {
        let [group, source] = [g, s].map(|number| F::from_number(number.into()));
        let interface = Interface::new(i.into());
        Membership::source_specific(group, source, interface, Protocol(p.into()))
            .with_flags(MembershipFlags::from_bits(f).unwrap())
    }

    fn run<F: Family>(steps: Vec<Step>) {
        let bounds = Bounds { node_bytes: usize::MAX, live_versions: 8 };
        let versions = Versions::<TableSets>::new(bounds);
        let mut held = Vec::new();
        let mut txn = versions.begin();
        for step in steps {
            match step {
                Step::Join(g, s, i, p, f) => {
                    join(&mut txn, &membership::<F>(g, s, i, p, f)).unwrap();
                }
                Step::Leave(g, s, i, p, f) => {
                    leave(&mut txn, &membership::<F>(g, s, i, p, f)).unwrap();
                }
                Step::Replace(i, p, joins) => {
                    let number = |number: u8| F::from_number(number.into());
                    let joins: Vec<(F, F)> =
                        joins.into_iter().map(|n| (number(n / 4), number(n % 4))).collect();
                    let on = Interface::new(i.into());
                    replace(&mut txn, on, Protocol(p.into()), &joins).unwrap();
                }
                Step::Commit => {
                    txn.commit();
                    held.extend(versions.hold());
                    txn = versions.begin();
                }
                Step::Abort => {
                    drop(txn);
                    txn = versions.begin();
                }
            }
            txn.sets().of::<F>().check();
        }
        drop(txn);
        held.iter().for_each(|holder| holder.sets().of::<F>().check());
    }

    proptest! {
        #[test]
        fn ipv4_sets_keep_their_invariants(steps in proptest::collection::vec(step(), 0..120)) {
            run::<V4>(steps);
        }

        #[test]
        fn ipv6_sets_keep_their_invariants(steps in proptest::collection::vec(step(), 0..120)) {
            run::<V6>(steps);
        }
    }
}
