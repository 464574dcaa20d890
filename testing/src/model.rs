//! A model of the table: the same calls on `BTreeMap`s, and what an enumeration shows by brute
//! force. The tests and the fuzz targets share it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use groupscan::{
    Family, Filter, Interface, Join, Membership, MembershipFlags, MembershipOrder, Protocol, V4,
    V6, View,
};

/// All orders of memberships.
pub const ORDERS: [MembershipOrder; 2] = [MembershipOrder::ByGroup, MembershipOrder::ByInterface];

/// A family with a few addresses that are close enough to each other for things to happen.
pub trait Small: Family {
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
pub fn membership<F: Small>(
    group: u8,
    source: u8,
    interface: u8,
    protocol: u8,
    flags: u8,
) -> Membership<F> {
    let flags = MembershipFlags::from_bits(flags % 3 + 1).expect("1 to 3 are flags");
    let interface = Interface::with_next_hop((interface / 2).into(), F::small(interface % 2));
    let protocol = Protocol::new(protocol.into());
    Membership::source_specific(F::small(group), F::small(source), interface, protocol)
        .with_flags(flags)
}

/// The number of interfaces and of protocols of [`spread_membership`].
pub const SPREAD_INTERFACES: u8 = 12;
pub const SPREAD_PROTOCOLS: u8 = 6;

/// As [`membership`], with interfaces and protocols from their whole ranges.
pub fn spread_membership<F: Small>(
    group: u8,
    source: u8,
    interface: u8,
    protocol: u8,
    flags: u8,
) -> Membership<F> {
    let indices = [0, 1, 7, u32::MAX];
    let next_hops = [F::UNSPECIFIED, F::small(1), F::MAX];
    // Those around 2³¹ are the first that a join does not have in the word beside its key.
    let protocols = [0, 2, (1 << 31) - 2, (1 << 31) - 1, 1 << 31, u32::MAX];
    let interface = usize::from(interface % SPREAD_INTERFACES);
    let (index, next_hop) = (indices[interface % 4], next_hops[interface / 4]);
    let protocol = protocols[usize::from(protocol % SPREAD_PROTOCOLS)];
    let interface = Interface::with_next_hop(index, next_hop);
    Membership {
        interface,
        protocol: Protocol::new(protocol),
        ..membership(group, source, 0, 0, flags)
    }
}

/// The memberships of one family.
#[derive(Clone, Debug)]
pub struct Model<F: Family> {
    memberships: BTreeMap<(F, F, Interface<F>, Protocol), MembershipFlags>,
}

impl<F: Family> Default for Model<F> {
    fn default() -> Self {
        Self { memberships: BTreeMap::new() }
    }
}

impl<F: Family> Model<F> {
    /// As `WriteTxn::join`.
    pub fn join(&mut self, m: &Membership<F>) -> bool {
        let identity = (m.group, m.source, m.interface, m.protocol);
        let before = self.memberships.get(&identity).copied();
        let after = before.map_or(m.flags, |flags| flags.union(m.flags));
        self.memberships.insert(identity, after);
        before != Some(after)
    }

    /// As `WriteTxn::leave`.
    pub fn leave(&mut self, m: &Membership<F>) -> bool {
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
    pub fn replace(
        &mut self,
        interface: Interface<F>,
        protocol: Protocol,
        joins: &[Join<F>],
    ) -> usize {
        let before = self.clone();
        self.memberships.retain(|(.., i, p), _| (*i, *p) != (interface, protocol));
        for Join { group, source } in joins {
            let identity = (*group, *source, interface, protocol);
            self.memberships.insert(identity, MembershipFlags::JOIN);
        }
        let is_new =
            |(identity, flags): &(&_, &_)| before.memberships.get(identity) != Some(*flags);
        let came_or_changed = self.memberships.iter().filter(is_new).count();
        let went = before.memberships.keys().filter(|m| !self.memberships.contains_key(m)).count();
        came_or_changed + went
    }

    /// The interfaces that memberships name.
    pub fn interfaces(&self) -> BTreeSet<Interface<F>> {
        self.memberships.keys().map(|(_, _, interface, _)| *interface).collect()
    }

    /// The number of memberships.
    pub fn membership_count(&self) -> usize {
        self.memberships.len()
    }

    /// The joins: (group, source) of the memberships with the join flag.
    pub fn joins(&self) -> BTreeSet<Join<F>> {
        let joined = self.memberships.iter().filter(|(_, f)| f.contains(MembershipFlags::JOIN));
        joined.map(|((group, source, ..), _)| Join::new(*group, *source)).collect()
    }

    /// The interfaces on which (group, source) is joined.
    pub fn outgoing(&self, join: Join<F>) -> BTreeSet<Interface<F>> {
        let Join { group, source } = join;
        let from = Interface::with_next_hop(0, F::UNSPECIFIED);
        let here = self.memberships.range((group, source, from, Protocol::new(0))..);
        let here = here.take_while(|((g, s, ..), _)| (*g, *s) == (group, source));
        let joined = here.filter(|(_, flags)| flags.contains(MembershipFlags::JOIN));
        joined.map(|((_, _, interface, _), _)| *interface).collect()
    }

    /// The joins on an interface.
    pub fn joined_on(&self, interface: Interface<F>) -> BTreeSet<Join<F>> {
        let joined = self.memberships.iter().filter(|(_, f)| f.contains(MembershipFlags::JOIN));
        let here = joined.filter(|((_, _, i, _), _)| *i == interface);
        here.map(|((group, source, ..), _)| Join::new(*group, *source)).collect()
    }

    /// The memberships in an order.
    pub fn memberships_in(&self, order: MembershipOrder) -> Vec<Membership<F>> {
        let mut memberships: Vec<_> = self.memberships().collect();
        memberships.sort_unstable_by(|one, other| compare_in(order, one, other));
        memberships
    }

    /// What an enumeration of all memberships shows.
    pub fn all_memberships(&self, order: MembershipOrder, filter: Filter<F>) -> Vec<Membership<F>> {
        if let Some(interface) = filter.interface() {
            return self.memberships_on(interface, filter);
        }
        let mut shown = self.memberships_in(order);
        shown.retain(|membership| admits(&filter, &membership.join()));
        shown
    }

    /// The memberships, by group.
    pub fn memberships(&self) -> impl Iterator<Item = Membership<F>> + '_ {
        self.memberships.iter().map(|((group, source, interface, protocol), flags)| {
            Membership::source_specific(*group, *source, *interface, *protocol).with_flags(*flags)
        })
    }

    /// What an enumeration of an interface's memberships shows.
    pub fn memberships_on(&self, interface: Interface<F>, filter: Filter<F>) -> Vec<Membership<F>> {
        let here = self.memberships().filter(|membership| membership.interface == interface);
        here.filter(|membership| admits(&filter, &membership.join())).collect()
    }

    /// What an enumeration shows.
    pub fn shown(&self, view: View, filter: Filter<F>) -> Vec<Join<F>> {
        let joins = match filter.interface() {
            None => self.joins(),
            Some(interface) => self.joined_on(interface),
        };
        let left: BTreeSet<Join<F>> =
            joins.into_iter().filter(|join| admits(&filter, join)).collect();
        let specific = |join: &Join<F>| join.source != F::UNSPECIFIED;
        let shown: BTreeSet<Join<F>> = match view {
            View::AllSources => left,
            View::SourceSpecific => left.into_iter().filter(specific).collect(),
            View::AnySource => left.into_iter().filter(|join| !specific(join)).collect(),
            View::Groups => left.into_iter().map(|join| Join::any_source(join.group)).collect(),
            View::OnePerGroup => {
                let mut lowest = BTreeMap::new();
                for Join { group, source } in left.into_iter().filter(specific).rev() {
                    lowest.insert(group, source);
                }
                lowest.into_iter().map(|(group, source)| Join::new(group, source)).collect()
            }
        };
        shown.into_iter().collect()
    }
}

/// Whether the prefixes of a filter admit a join.
fn admits<F: Family>(filter: &Filter<F>, join: &Join<F>) -> bool {
    let (sources, source) = (filter.sources(), join.source);
    filter.groups().contains(join.group)
        && (sources.length() == 0 || (source != F::UNSPECIFIED && sources.contains(source)))
}

/// How memberships compare in an order; their flags do not count.
pub fn compare_in<F: Family>(
    order: MembershipOrder,
    one: &Membership<F>,
    other: &Membership<F>,
) -> Ordering {
    let by_interface = |m: &Membership<F>| (m.interface.index, m.interface.next_hop);
    let by_join = |m: &Membership<F>| (m.group, m.source);
    let join = by_join(one).cmp(&by_join(other));
    let interface = by_interface(one).cmp(&by_interface(other));
    let both = match order {
        MembershipOrder::ByGroup => join.then(interface),
        MembershipOrder::ByInterface => interface.then(join),
    };
    both.then(one.protocol.cmp(&other.protocol))
}
