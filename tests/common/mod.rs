//! A model of the table: the same calls on `BTreeMap`s, and what an enumeration shows by brute
//! force. The tests and the fuzz targets share it.

#![allow(dead_code, reason = "each test uses its part")]

use std::collections::{BTreeMap, BTreeSet};

use groupscan::{Family, Filter, Interface, Membership, MembershipFlags, Protocol, V4, V6, View};

/// Every view.
pub(crate) const VIEWS: [View; 5] =
    [View::AllSources, View::AnySource, View::SourceSpecific, View::Wildcard, View::Groups];

/// A family with a few addresses that are close enough to each other for things to happen.
pub(crate) trait Small: Family {
    /// An address of a number; 0 is the unspecified address.
    fn small(number: u8) -> Self;
}

impl Small for V4 {
    fn small(number: u8) -> Self {
        if number == 0 { V4::UNSPECIFIED } else { V4::new(239, number >> 2, 0, number) }
    }
}

impl Small for V6 {
    fn small(number: u8) -> Self {
        let number = u16::from(number);
        if number == 0 {
            V6::UNSPECIFIED
        } else {
            V6::new(0xff3e, number >> 2, 0, 0, 0, 0, 0, number)
        }
    }
}

/// The membership of some numbers.
pub(crate) fn membership<F: Small>(
    group: u8,
    source: u8,
    interface: u8,
    protocol: u8,
    flags: u8,
) -> Membership<F> {
    let flags = MembershipFlags::from_bits(flags % 3 + 1).expect("1 to 3 are flags");
    let interface = Interface::with_next_hop((interface / 2).into(), F::small(interface % 2));
    let protocol = Protocol(protocol.into());
    Membership::source_specific(F::small(group), F::small(source), interface, protocol)
        .with_flags(flags)
}

/// The memberships of one family.
#[derive(Clone, Debug)]
pub(crate) struct Model<F: Family> {
    memberships: BTreeMap<(F, F, Interface<F>, Protocol), MembershipFlags>,
}

impl<F: Family> Default for Model<F> {
    fn default() -> Self {
        Self { memberships: BTreeMap::new() }
    }
}

impl<F: Family> Model<F> {
    /// As `WriteTxn::join`.
    pub(crate) fn join(&mut self, m: &Membership<F>) -> bool {
        let identity = (m.group, m.source, m.interface, m.protocol);
        let before = self.memberships.get(&identity).copied();
        let after = before.map_or(m.flags, |flags| flags.union(m.flags));
        self.memberships.insert(identity, after);
        before != Some(after)
    }

    /// As `WriteTxn::leave`.
    pub(crate) fn leave(&mut self, m: &Membership<F>) -> bool {
        let identity = (m.group, m.source, m.interface, m.protocol);
        let Some(before) = self.memberships.remove(&identity) else {
            return false;
        };
        let after = before.difference(m.flags);
        if let Some(flags) = after {
            self.memberships.insert(identity, flags);
        }
        after != Some(before)
    }

    /// As `WriteTxn::replace`.
    pub(crate) fn replace(
        &mut self,
        interface: Interface<F>,
        protocol: Protocol,
        joins: &[(F, F)],
    ) -> usize {
        let before = self.clone();
        self.memberships.retain(|(.., i, p), _| (*i, *p) != (interface, protocol));
        for (group, source) in joins {
            let identity = (*group, *source, interface, protocol);
            self.memberships.insert(identity, MembershipFlags::JOIN);
        }
        let changed = |one: &Self, other: &Self| {
            let others =
                |(identity, flags): &(&_, &_)| other.memberships.get(identity) != Some(*flags);
            one.memberships.iter().filter(others).count()
        };
        // What came or changed, and what went; what changed is found from both sides.
        let went = before.memberships.keys().filter(|m| !self.memberships.contains_key(m)).count();
        changed(self, &before) + went
    }

    /// The interfaces that memberships name.
    pub(crate) fn interfaces(&self) -> BTreeSet<Interface<F>> {
        self.memberships.keys().map(|(_, _, interface, _)| *interface).collect()
    }

    /// The number of memberships.
    pub(crate) fn len(&self) -> usize {
        self.memberships.len()
    }

    /// The joins: (group, source) of the memberships with the join flag.
    pub(crate) fn joins(&self) -> BTreeSet<(F, F)> {
        let joined = self.memberships.iter().filter(|(_, f)| f.contains(MembershipFlags::JOIN));
        joined.map(|((group, source, ..), _)| (*group, *source)).collect()
    }

    /// The interfaces on which (group, source) is joined.
    pub(crate) fn outgoing(&self, group: F, source: F) -> BTreeSet<Interface<F>> {
        let from = Interface::with_next_hop(0, F::UNSPECIFIED);
        let here = self.memberships.range((group, source, from, Protocol(0))..);
        let here = here.take_while(|((g, s, ..), _)| (*g, *s) == (group, source));
        let joined = here.filter(|(_, flags)| flags.contains(MembershipFlags::JOIN));
        joined.map(|((_, _, interface, _), _)| *interface).collect()
    }

    /// The joins on an interface.
    pub(crate) fn joined_on(&self, interface: Interface<F>) -> BTreeSet<(F, F)> {
        let joined = self.memberships.iter().filter(|(_, f)| f.contains(MembershipFlags::JOIN));
        let here = joined.filter(|((_, _, i, _), _)| *i == interface);
        here.map(|((group, source, ..), _)| (*group, *source)).collect()
    }

    /// What an enumeration of an interface's memberships shows: group, source, protocol, flags.
    pub(crate) fn memberships_on(
        &self,
        interface: Interface<F>,
        filter: Filter<F>,
    ) -> Vec<(F, F, u32, u32)> {
        let here = self.memberships.iter().filter(|((_, _, i, _), _)| *i == interface);
        let admitted = here.filter(|((group, source, ..), _)| filter.admits(*group, *source));
        admitted.map(|((g, s, _, p), flags)| (*g, *s, p.0, flags.bits().into())).collect()
    }

    /// What an enumeration shows.
    pub(crate) fn shown(&self, view: View, filter: Filter<F>) -> Vec<(F, F)> {
        let (groups, sources) = (filter.group_prefix(), filter.source_prefix());
        let joins = match filter.interface_filter() {
            None => self.joins(),
            Some(interface) => self.joined_on(interface),
        };
        let left: BTreeSet<(F, F)> = joins
            .into_iter()
            .filter(|(group, _)| groups.contains(*group))
            .filter(|(_, source)| {
                sources.length() == 0 || (*source != F::UNSPECIFIED && sources.contains(*source))
            })
            .collect();
        let specific = |(_, source): &(F, F)| *source != F::UNSPECIFIED;
        let shown: BTreeSet<(F, F)> = match view {
            View::AllSources => left,
            View::SourceSpecific => left.into_iter().filter(specific).collect(),
            View::Wildcard => left.into_iter().filter(|join| !specific(join)).collect(),
            View::Groups => left.into_iter().map(|(group, _)| (group, F::UNSPECIFIED)).collect(),
            View::AnySource => {
                let mut lowest = BTreeMap::new();
                for (group, source) in left.into_iter().filter(specific).rev() {
                    lowest.insert(group, source);
                }
                lowest.into_iter().collect()
            }
        };
        shown.into_iter().collect()
    }
}
