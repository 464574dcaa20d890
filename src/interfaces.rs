//! The interfaces of a version: each has a slot, a small number that stands for it in keys.
//!
//! # Invariants
//!
//! - I1: a slot is taken exactly while at least one membership of the version names it.
//! - I2: no two slots hold the same interface.
//!
//! Every version has a list of its own, so a slot that became free may name another interface in
//! the next version while older versions still read the old name.

use std::collections::BTreeMap;

use crate::family::Family;
use crate::key::SLOTS;
use crate::membership::Interface;

/// The interfaces that the memberships of one version name.
#[derive(Clone, Debug)]
pub(crate) struct Interfaces<F> {
    slots: Vec<Slot<F>>,
    free: Vec<u32>,
    by_interface: BTreeMap<Interface<F>, u32>,
    limit: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot<F> {
    interface: Interface<F>,
    memberships: usize,
}

impl<F: Family> Interfaces<F> {
    /// No interfaces.
    pub(crate) fn empty() -> Self {
        Self::with_limit(SLOTS)
    }

    fn with_limit(limit: u32) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), by_interface: BTreeMap::new(), limit }
    }

    /// The number of interfaces that have a slot.
    pub(crate) fn len(&self) -> usize {
        self.by_interface.len()
    }

    /// The slot of an interface that has one.
    pub(crate) fn slot(&self, interface: Interface<F>) -> Option<u32> {
        self.by_interface.get(&interface).copied()
    }

    /// The interface of a taken slot.
    pub(crate) fn interface(&self, slot: u32) -> Option<Interface<F>> {
        let slot = self.slots.get(usize::try_from(slot).ok()?)?;
        (slot.memberships > 0).then_some(slot.interface)
    }

    /// The slot of `interface`, with one membership more; `None`, and nothing changed, where it has
    /// none and all are taken.
    pub(crate) fn take(&mut self, interface: Interface<F>) -> Option<u32> {
        if let Some(slot) = self.slot(interface) {
            if let Some(taken) = self.slots.get_mut(slot as usize) {
                taken.memberships += 1;
            }
            return Some(slot);
        }
        let taken = Slot { interface, memberships: 1 };
        let slot = if let Some(slot) = self.free.pop() {
            if let Some(free) = self.slots.get_mut(slot as usize) {
                *free = taken;
            }
            slot
        } else {
            let slot = u32::try_from(self.slots.len()).ok().filter(|slot| *slot < self.limit)?;
            self.slots.push(taken);
            slot
        };
        self.by_interface.insert(interface, slot);
        Some(slot)
    }

    /// Notes one membership less on a taken slot; the last one frees it.
    pub(crate) fn give_back(&mut self, slot: u32) {
        let Some(taken) = self.slots.get_mut(slot as usize) else {
            return;
        };
        taken.memberships -= 1;
        if taken.memberships == 0 {
            self.by_interface.remove(&taken.interface);
            self.free.push(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::V4;

    fn interface(index: u32) -> Interface<V4> {
        Interface::new(index)
    }

    #[test]
    fn a_slot_is_taken_while_memberships_name_it() {
        let mut interfaces = Interfaces::empty();
        let slot = interfaces.take(interface(7)).unwrap();
        assert_eq!(interfaces.take(interface(7)), Some(slot));
        assert_eq!(interfaces.interface(slot), Some(interface(7)));
        interfaces.give_back(slot);
        assert_eq!(interfaces.slot(interface(7)), Some(slot));
        interfaces.give_back(slot);
        assert_eq!(interfaces.slot(interface(7)), None);
        assert_eq!(interfaces.interface(slot), None);
        assert_eq!(interfaces.len(), 0);
        assert_eq!(interfaces.take(interface(8)), Some(slot), "a free slot is used again");
        assert_eq!(interfaces.interface(slot), Some(interface(8)));
    }

    #[test]
    fn next_hops_tell_interfaces_of_one_index_apart() {
        let mut interfaces = Interfaces::empty();
        let a = Interface::with_next_hop(1, V4::new(192, 0, 2, 1));
        let b = Interface::with_next_hop(1, V4::new(192, 0, 2, 2));
        assert_ne!(interfaces.take(a), interfaces.take(b));
    }

    #[test]
    fn no_more_slots_than_the_limit() {
        let mut interfaces = Interfaces::with_limit(2);
        let slots = [1, 2].map(|index| interfaces.take(interface(index)).unwrap());
        assert_eq!(interfaces.take(interface(3)), None);
        assert_eq!(interfaces.len(), 2);
        assert_eq!(interfaces.take(interface(2)), Some(slots[1]), "those that have one keep it");
        interfaces.give_back(slots[0]);
        assert_eq!(interfaces.take(interface(3)), Some(slots[0]));
    }
}
