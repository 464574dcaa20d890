use std::collections::BTreeMap;

use crate::enumeration::filter::Filter;
use crate::enumeration::position::Position;
use crate::enumeration::{Enumeration, Memberships};
use crate::table::GroupTable;
use crate::types::{
    Family, Interface, Join, Membership, MembershipFlags, MembershipOrder, Protocol, V4,
};

/// A table of up to `count` memberships of few joins, on interfaces with and without next hops; and these.
fn table(count: u32) -> (GroupTable, Vec<Membership<V4>>) {
    let table = GroupTable::new();
    let mut memberships = BTreeMap::new();
    let mut txn = table.begin_write();
    for number in 0..count {
        let bits = number.wrapping_mul(0x9e37_79b9) >> 8;
        let field = |at: u32, values: u32| (bits >> at & 0xf) % values;
        let join = Join::new(V4::from_bits(field(0, 12)), V4::from_bits(field(4, 3)));
        let on = Interface::with_next_hop(field(8, 2), V4::from_bits(field(9, 3) / 2));
        let protocol = Protocol::new(field(13, 2));
        let flags = MembershipFlags::from_bits(1 + field(17, 3) as u8).unwrap();
        let membership = Membership::new(join, on, protocol).with_flags(flags);
        let key = (join, on, protocol);
        if let std::collections::btree_map::Entry::Vacant(place) = memberships.entry(key) {
            place.insert(membership);
            assert_eq!(txn.join(&membership), Ok(true));
        }
    }
    txn.commit();
    (table, memberships.into_values().collect())
}

fn rest(enumeration: Enumeration<V4, Memberships>) -> Vec<Membership<V4>> {
    enumeration.into_iter().map(|record| Membership::from_entry(&record).unwrap()).collect()
}

#[test]
fn all_memberships_come_in_both_orders() {
    let all = Filter::<V4>::all();
    let some = all.with_groups("0.0.0.4/30".parse().unwrap());
    for (count, filter) in [0, 1, 10, 40, 300].into_iter().flat_map(|n| [(n, all), (n, some)]) {
        let (table, memberships) = table(count);
        let snapshot = table.snapshot().unwrap();
        for order in [MembershipOrder::ByGroup, MembershipOrder::ByInterface] {
            let mut expected = memberships.clone();
            expected.retain(|one| filter.admits(Join::new(one.group, one.source)));
            let none = Interface::new(0);
            let key = |one: &Membership<V4>| match order {
                MembershipOrder::ByGroup => {
                    (none, one.group, one.source, one.interface, one.protocol)
                }
                MembershipOrder::ByInterface => {
                    (one.interface, one.group, one.source, none, one.protocol)
                }
            };
            expected.sort_by_key(key);
            let start = || snapshot.ipv4().enumerate_all_memberships(order, filter);
            for at in 0..=expected.len() {
                let enumeration = start();
                let mut buffer = vec![0; at * size_of::<<V4 as Family>::MembershipEntry>()];
                if let Some(last) = at.checked_sub(1) {
                    let batch = enumeration.get_next(&mut buffer).unwrap();
                    assert_eq!((batch.entries().len(), batch.more()), (at, at < expected.len()));
                    if filter == all {
                        let behind = Position::behind_membership(&expected[last]);
                        assert_eq!(enumeration.position(), Some(behind));
                        let after = snapshot.ipv4().all_memberships(order);
                        let after = after.after(&expected[last]);
                        assert!(after.eq(expected[at..].iter().copied()));
                    }
                    // A later version may not have the membership of a position.
                    let gone = Membership { protocol: Protocol::new(9), ..expected[last] };
                    let behind = expected.partition_point(|one| key(one) < key(&gone));
                    let resumed = start().resume_after(Position::behind_membership(&gone));
                    assert_eq!(rest(resumed), expected[behind..]);
                }
                let resumed = match enumeration.position() {
                    Some(position) => start().resume_after(position),
                    None => start(),
                };
                assert_eq!(rest(resumed), expected[at..]);
                let parts: Vec<_> = enumeration.split(3).flat_map(rest).collect();
                assert_eq!(parts, expected[at..]);
            }
        }
    }
}
