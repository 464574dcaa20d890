//! Steps of SNMP walks (GETNEXT) over memberships and interfaces: each resumes behind the last key.

#![allow(unsafe_code, reason = "calls the C ABI")]

use std::hint::black_box;

use bytemuck::Zeroable;
use groupscan::{FamilySnapshot, GroupTable, Interface, Membership, MembershipOrder, Protocol, V4};
use groupscan_capi::*;

use crate::native::InC;
use crate::rounds::{Asked, median, nanos_a_unit, print_figure};

/// The interfaces, and the groups on each.
const INTERFACES: u32 = 100_000;
const GROUPS: u32 = 10;

/// The steps of a round.
const STEPS: usize = 100_000;

pub(crate) fn ask(asked: &Asked) {
    let orders = [
        (MembershipOrder::ByGroup, GROUPSCAN_BY_GROUP, "group"),
        (MembershipOrder::ByInterface, GROUPSCAN_BY_INTERFACE, "interface"),
    ];
    for (order, order_in_c, by) in orders {
        let name = format!("GETNEXT of memberships by {by}, 100,000 interfaces x 10 groups, ns");
        asked.ask(&name, || memberships(&name, order));
        let name = format!("groupscan.h: {name}");
        asked.ask(&name, || memberships_in_c(&name, order_in_c));
    }
    let name = "GETNEXT of interfaces, 100,000 interfaces x 10 groups, ns";
    asked.ask(name, || interfaces(name));
}

fn table() -> GroupTable {
    let table = GroupTable::new();
    fill(&table);
    table
}

fn fill(table: &GroupTable) {
    let mut txn = table.begin_write();
    for number in 0..INTERFACES {
        // Interfaces in another order than that of their indices.
        let interface = Interface::new((number * 7919) % INTERFACES + 1);
        for group in 0..GROUPS {
            let group = V4::from_bits(0xef00_0000 + group);
            let membership = Membership::any_source(group, interface, Protocol::IGMP);
            txn.join(&membership).expect("memory");
        }
    }
    txn.commit();
}

/// Steps from the start on, or from a place in the middle.
fn steps<T: Copy>(first: T, mut next: impl FnMut(&T) -> Option<T>) -> f64 {
    median(|| {
        let mut last = first;
        nanos_a_unit(STEPS, || {
            for _ in 0..STEPS {
                last = black_box(next(&last)).expect("there are more");
            }
        })
    })
}

fn memberships(name: &str, order: MembershipOrder) {
    let snapshot = table().snapshot().expect("few versions live");
    let ipv4 = snapshot.ipv4();
    assert_eq!(ipv4.membership_count(), (INTERFACES * GROUPS) as usize);
    let all = |ipv4: FamilySnapshot<'_, V4>, last: &Membership<V4>| {
        ipv4.all_memberships(order).after(last).next()
    };
    let first = ipv4.all_memberships(order).next().expect("a membership");
    print_figure(name, format!("{:.0}", steps(first, |last| all(ipv4, last))));
}

fn memberships_in_c(name: &str, order: groupscan_membership_order) {
    let table = InC::new();
    fill(table.table());
    let snapshot = table.snapshot();
    let next = |last: Option<&groupscan_membership_entry4>| {
        let mut next = Zeroable::zeroed();
        // SAFETY: the snapshot exists, the record is null or readable, and the place is writable.
        let status = unsafe {
            let last = last.map_or(std::ptr::null(), |last| last);
            groupscan_snapshot_next_membership4(snapshot.0, order as u32, last, &mut next)
        };
        (status == GROUPSCAN_OK).then_some(next)
    };
    let first = next(None).expect("a membership");
    print_figure(name, format!("{:.0}", steps(first, |last| next(Some(last)))));
}

fn interfaces(name: &str) {
    let snapshot = table().snapshot().expect("few versions live");
    let ipv4 = snapshot.ipv4();
    assert_eq!(ipv4.interface_count(), INTERFACES as usize);
    let nanos = median(|| {
        let mut last = Interface::new(0);
        nanos_a_unit(INTERFACES as usize - 1, || {
            for _ in 1..INTERFACES {
                last = black_box(ipv4.interfaces().after(last).next()).expect("there are more");
            }
        })
    });
    print_figure(name, format!("{nanos:.0}"));
}
