//! Walks over interfaces and memberships one by one, which resume behind any key.

use std::fmt;
use std::iter::FusedIterator;

use crate::index::{ByGroup, ByInterface, Found, Indexes, Merge};
use crate::types::key::MembershipParts;
use crate::types::{
    Family, Interface, Join, Membership, MembershipFlags, MembershipOrder, Protocol,
};

/// The interfaces on which a join is joined, ascending. Returned by
/// [`FamilySnapshot::outgoing`](crate::FamilySnapshot::outgoing).
#[derive(Clone)]
#[must_use = "iterators are lazy"]
pub struct Outgoing<'s, F: Family> {
    indexes: &'s Indexes<F>,
    join: Join<F>,
    memberships: Merge<'s, F, ByGroup>,
    last: Option<Interface<F>>,
}

impl<'s, F: Family> Outgoing<'s, F> {
    pub(super) fn new(indexes: &'s Indexes<F>, join: Join<F>) -> Self {
        let memberships = Merge::from(indexes, &MembershipParts::first_of_join(join));
        Self { indexes, join, memberships, last: None }
    }

    /// Continues behind `interface`, whether or not the join is joined there. O(log n).
    pub fn after(self, interface: Interface<F>) -> Self {
        let last = MembershipParts::new(self.join, interface, Protocol::new(u32::MAX));
        let memberships = Merge::from(self.indexes, &last);
        Self { memberships, last: Some(interface), ..self }
    }
}

impl<F: Family> Iterator for Outgoing<'_, F> {
    type Item = Interface<F>;

    fn next(&mut self) -> Option<Interface<F>> {
        let (join, last) = (self.join, &mut self.last);
        let found = self
            .memberships
            .by_ref()
            .take_while(|(parts, _)| parts.join() == join)
            .filter(|(_, flags)| flags.contains(MembershipFlags::JOIN))
            .map(|(parts, _)| parts.interface())
            .find(|interface| *last != Some(*interface));
        if found.is_some() {
            *last = found;
        }
        found
    }
}

impl<F: Family> fmt::Debug for Outgoing<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("join", &self.join).field("last", &self.last).finish()
    }
}

/// The interfaces that have memberships, ascending. Returned by
/// [`FamilySnapshot::interfaces`](crate::FamilySnapshot::interfaces).
#[derive(Clone)]
#[must_use = "iterators are lazy"]
pub struct Interfaces<'s, F: Family> {
    indexes: &'s Indexes<F>,
    last: Option<Interface<F>>,
    left: usize,
}

impl<'s, F: Family> Interfaces<'s, F> {
    pub(super) fn new(indexes: &'s Indexes<F>) -> Self {
        Self { indexes, last: None, left: indexes.interface_count() }
    }

    /// Continues behind `interface`, whether or not it has memberships. O(log n).
    pub fn after(self, interface: Interface<F>) -> Self {
        Self { last: Some(interface), ..Self::new(self.indexes) }
    }
}

impl<F: Family> Iterator for Interfaces<'_, F> {
    type Item = Interface<F>;

    fn next(&mut self) -> Option<Interface<F>> {
        let from = match self.last {
            None => MembershipParts::first_on(Interface::new(0)),
            // Behind its last possible membership there is that membership at most.
            Some(last) => MembershipParts::last_on(last),
        };
        let last = self.last;
        let found = Merge::<F, ByInterface>::from(self.indexes, &from)
            .map(|(parts, _)| parts.interface())
            .find(|interface| Some(*interface) != last)?;
        self.last = Some(found);
        self.left = self.left.saturating_sub(1);
        Some(found)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

impl<F: Family> FusedIterator for Interfaces<'_, F> {}

impl<F: Family> fmt::Debug for Interfaces<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interfaces").field("last", &self.last).finish()
    }
}

/// All memberships of a family, in an order. Returned by
/// [`FamilySnapshot::all_memberships`](crate::FamilySnapshot::all_memberships).
#[derive(Clone)]
#[must_use = "iterators are lazy"]
pub struct AllMemberships<'s, F: Family> {
    indexes: &'s Indexes<F>,
    walk: Walk<'s, F>,
}

enum Walk<'s, F: Family> {
    ByGroup(Merge<'s, F, ByGroup>),
    ByInterface(Merge<'s, F, ByInterface>),
}

impl<F: Family> Clone for Walk<'_, F> {
    fn clone(&self) -> Self {
        match self {
            Self::ByGroup(merge) => Self::ByGroup(merge.clone()),
            Self::ByInterface(merge) => Self::ByInterface(merge.clone()),
        }
    }
}

impl<'s, F: Family> AllMemberships<'s, F> {
    pub(super) fn new(indexes: &'s Indexes<F>, order: MembershipOrder) -> Self {
        let first = MembershipParts::first_on(Interface::new(0));
        let walk = match order {
            MembershipOrder::ByGroup => Walk::ByGroup(Merge::from(indexes, &first)),
            MembershipOrder::ByInterface => Walk::ByInterface(Merge::from(indexes, &first)),
        };
        Self { indexes, walk }
    }

    /// Continues behind `membership`, whether or not there is such a membership. Its flags do not count.
    /// O(log n).
    pub fn after(self, membership: &Membership<F>) -> Self {
        let parts = MembershipParts::of(membership);
        let is_it = |found: Option<Found<F>>| found.is_some_and(|(found, _)| found == parts);
        let walk = match self.walk {
            Walk::ByGroup(_) => {
                let mut merge = Merge::from(self.indexes, &parts);
                if is_it(merge.peek()) {
                    merge.next();
                }
                Walk::ByGroup(merge)
            }
            Walk::ByInterface(_) => {
                let mut merge = Merge::from(self.indexes, &parts);
                if is_it(merge.peek()) {
                    merge.next();
                }
                Walk::ByInterface(merge)
            }
        };
        Self { walk, ..self }
    }
}

impl<F: Family> Iterator for AllMemberships<'_, F> {
    type Item = Membership<F>;

    fn next(&mut self) -> Option<Membership<F>> {
        let (parts, flags) = match &mut self.walk {
            Walk::ByGroup(merge) => merge.next()?,
            Walk::ByInterface(merge) => merge.next()?,
        };
        Some(parts.membership(flags))
    }
}

impl<F: Family> FusedIterator for AllMemberships<'_, F> {}

impl<F: Family> fmt::Debug for AllMemberships<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllMemberships").finish_non_exhaustive()
    }
}
