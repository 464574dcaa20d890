//! Memberships with addresses, interfaces and protocols from the input: each index returns them unchanged, in
//! the order of their bytes, and finds each at its place in a sorted list. Interfaces order by index, then by
//! the bytes of their next hops.

#![cfg_attr(fuzzing, no_main)]

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use groupscan::{
    Family, FamilySnapshot, Filter, GroupTable, Interface, Join, JoinKey, Membership,
    MembershipOrder, Position, Prefix, Protocol, V4, V6,
};

/// The greatest number of memberships in an input.
const MEMBERSHIPS: usize = 600;

#[derive(Arbitrary, Debug)]
enum Input {
    V4(Vec<Fields<4>>),
    V6(Vec<Fields<16>>),
}

/// The fields of a membership, in the order in which they are compared.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fields<const BYTES: usize> {
    group: [u8; BYTES],
    source: [u8; BYTES],
    index: u32,
    next_hop: [u8; BYTES],
    protocol: u32,
}

groupscan_fuzz::target!(|input: Input| {
    match input {
        Input::V4(fields) => run::<V4, 4>(&fields),
        Input::V6(fields) => run::<V6, 16>(&fields),
    }
});

fn run<F: Family + From<[u8; BYTES]>, const BYTES: usize>(fields: &[Fields<BYTES>]) {
    let fields = &fields[..fields.len().min(MEMBERSHIPS)];
    let on = |fields: &Fields<BYTES>| Interface {
        index: fields.index,
        next_hop: F::from(fields.next_hop),
    };
    let as_join =
        |(group, source): &([u8; BYTES], [u8; BYTES])| Join::new(F::from(*group), F::from(*source));
    let as_interface = |(index, next_hop): &(u32, [u8; BYTES])| {
        Interface::with_next_hop(*index, F::from(*next_hop))
    };
    let as_membership = |one: &Fields<BYTES>| {
        let join = as_join(&(one.group, one.source));
        Membership::new(join, on(one), Protocol::new(one.protocol))
    };
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for one in fields {
        txn.join(&as_membership(one)).expect("there is memory");
    }
    txn.commit();
    let snapshot = table.snapshot().expect("few versions live");
    let snapshot = snapshot.of::<F>();

    // In the order of the bytes, without any conversion by the library.
    let joins: BTreeSet<_> = fields.iter().map(|one| (one.group, one.source)).collect();
    let keys = snapshot.join_keys(Prefix::ALL).flatten();
    assert!(keys.map(|key| Join::new(key.group(), key.source())).eq(joins.iter().map(as_join)));
    for (rank, bytes) in joins.iter().enumerate() {
        let join = as_join(bytes);
        assert_eq!(snapshot.rank(join), rank);
        assert_eq!(snapshot.join_at(rank), Some(join));
        let here = fields.iter().filter(|one| (one.group, one.source) == *bytes);
        let here: BTreeSet<_> = here.map(|one| (one.index, one.next_hop)).collect();
        let outgoing = here.iter().map(as_interface);
        assert!(snapshot.outgoing(join).eq(outgoing.clone()));
        for (at, interface) in outgoing.clone().enumerate() {
            assert!(snapshot.outgoing(join).after(interface).eq(outgoing.clone().skip(at + 1)));
        }
    }

    for group in fields.iter().map(|one| one.group).collect::<BTreeSet<_>>() {
        let here: BTreeSet<_> = fields.iter().filter(|one| one.group == group).collect();
        assert!(snapshot.memberships(F::from(group)).eq(here.into_iter().map(as_membership)));
    }

    let by_group: BTreeSet<_> = fields.iter().collect();
    let by_group: Vec<_> = by_group.into_iter().map(as_membership).collect();
    check_order(snapshot, MembershipOrder::ByGroup, &by_group);
    let by_interface: BTreeSet<_> = fields
        .iter()
        .map(|one| ((one.index, one.next_hop), (one.group, one.source), one.protocol))
        .collect();
    let by_interface: Vec<_> = by_interface
        .into_iter()
        .map(|(interface, join, protocol)| {
            Membership::new(as_join(&join), as_interface(&interface), Protocol::new(protocol))
        })
        .collect();
    check_order(snapshot, MembershipOrder::ByInterface, &by_interface);

    let interfaces: BTreeSet<_> = fields.iter().map(|one| (one.index, one.next_hop)).collect();
    let interfaces = interfaces.iter().map(as_interface);
    assert!(snapshot.interfaces().eq(interfaces.clone()));
    for (at, interface) in interfaces.enumerate() {
        assert_eq!(
            snapshot.interfaces().after(interface).count() + at + 1,
            snapshot.interface_count()
        );
        let here = fields.iter().filter(|one| on(one) == interface);
        let here: BTreeSet<_> = here.map(|one| (one.group, one.source, one.protocol)).collect();
        // The kernels pack records from the bytes of keys; `joined_on` reads the fields of keys.
        let joined: BTreeSet<_> = here.iter().map(|(group, source, _)| (*group, *source)).collect();
        assert!(snapshot.joined_on(interface).eq(joined.iter().map(as_join)));
        let expected = here.iter().map(|(group, source, protocol)| {
            let join = as_join(&(*group, *source));
            Membership::new(join, interface, Protocol::new(*protocol)).to_entry()
        });
        let records = snapshot.enumerate_memberships(interface, Filter::all()).into_iter();
        assert!(records.eq(expected));
    }
}

/// Compares the memberships in an order: one by one, behind each, and through an enumeration.
fn check_order<F: Family>(
    snapshot: FamilySnapshot<'_, F>,
    order: MembershipOrder,
    expected: &[Membership<F>],
) {
    assert!(snapshot.all_memberships(order).eq(expected.iter().copied()));
    let start = || snapshot.enumerate_all_memberships(order, Filter::all());
    assert!(start().into_iter().eq(expected.iter().map(Membership::to_entry)));
    for (at, membership) in expected.iter().enumerate() {
        let next = expected.get(at + 1).copied();
        assert_eq!(snapshot.all_memberships(order).after(membership).next(), next);
        let resumed = start().resume_after(Position::behind_membership(membership));
        assert_eq!(resumed.position(), Some(Position::behind_membership(membership)));
        assert_eq!(resumed.into_iter().next(), next.map(|next| next.to_entry()));
    }
}
