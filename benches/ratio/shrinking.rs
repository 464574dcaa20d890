//! What bulk changes take, and what is given back.

use std::time::Instant;

use groupscan::manager::{Client, ClientMembership, GroupManager};
use groupscan::{
    GroupTable, Interface, Join, MembershipFlags, Protocol, ReplacedFlags, SourceGroupEntry, V4,
};

use crate::rounds::{Asked, print_figure};

/// The joins of a table.
const JOINS: u32 = 1 << 20;

/// The memberships of a client that deregisters, and its interfaces.
const MEMBERSHIPS: u32 = 3_000_000;
const INTERFACES: u32 = 30;

/// How many memberships a step looks at.
const STEP: usize = 10_000;

const LAN: Interface<V4> = Interface::new(2);

pub(crate) fn ask(asked: &Asked) {
    let name = "shrinking: most bytes mapped / before, leave_all of 1,048,576";
    asked.ask(name, || print_growth(name, |_| Vec::new()));
    let name = "shrinking: most bytes mapped / before, replace, 1 % in a run differ";
    asked.ask(name, || print_growth(name, |at| join(2 * at + u32::from(at / (JOINS / 100) == 50))));
    let name = "shrinking: most bytes mapped / before, replace, 1 % spread differ";
    asked.ask(name, || print_growth(name, |at| join(2 * at + u32::from(at % 100 == 0))));
    let name = "shrinking: most bytes mapped / before, replace in steps, 1 % spread differ";
    asked.ask(name, || print_growth_in_steps(name));
    let name = "shrinking: most bytes mapped / before, replace, all differ";
    asked.ask(name, || print_growth(name, |at| join(2 * at + 1)));
    let name = "shrinking: most bytes mapped / before, deregister of 3,000,000";
    asked.ask(name, || deregister(name));
    let name = "shrinking: longest step, deregister of 3,000,000 by 10,000, ms";
    asked.ask(name, || deregister_in_steps(name));
    let name = "shrinking: bytes mapped, 3,000,000 memberships removed and trimmed";
    asked.ask(name, || trimmed(name));
}

/// The joins that a group gets, one or none.
fn join(number: u32) -> Vec<Join<V4>> {
    vec![Join::any_source(V4::from_bits(0xe000_0000 + number))]
}

/// A table of joins in even groups.
fn table() -> GroupTable {
    let table = GroupTable::new();
    let joins: Vec<Join<V4>> = (0..JOINS).flat_map(|at| join(2 * at)).collect();
    let mut txn = table.begin_write();
    txn.replace(LAN, Protocol::IGMP, &joins).expect("memory");
    txn.commit();
    table.trim();
    table
}

/// Prints how much memory is mapped after a replacement, in relation to that before.
fn print_growth(name: &str, joins: impl Fn(u32) -> Vec<Join<V4>>) {
    let table = table();
    let before = table.stats().mapped_bytes;
    let joins: Vec<Join<V4>> = (0..JOINS).flat_map(joins).collect();
    let mut txn = table.begin_write();
    txn.replace(LAN, Protocol::IGMP, &joins).expect("memory");
    txn.commit();
    print_ratio_of_mapped(name, before, table.stats().mapped_bytes);
}

fn print_growth_in_steps(name: &str) {
    let table = table();
    let before = table.stats().mapped_bytes;
    let joins: Vec<Join<V4>> =
        (0..JOINS).flat_map(|at| join(2 * at + u32::from(at % 100 == 0))).collect();
    let (mut from, mut most) = (None, before);
    loop {
        let flags = ReplacedFlags::default();
        let mut txn = table.begin_write();
        let step = txn.replace_step(LAN, Protocol::IGMP, &joins, flags, from, STEP);
        txn.commit();
        from = step.expect("memory").next;
        most = most.max(table.stats().mapped_bytes);
        if from.is_none() {
            break;
        }
    }
    print_ratio_of_mapped(name, before, most);
}

fn print_ratio_of_mapped(name: &str, before: usize, most: usize) {
    print_figure(name, format!("{:.2}", most as f64 / before as f64));
}

/// A manager with a client that has memberships on many interfaces.
fn manager() -> (GroupManager, groupscan::manager::ProtocolHandle) {
    let manager = GroupManager::new();
    let igmp = manager.register(Client::new(Protocol::IGMP.number(), 0), None).expect("registered");
    let memberships: Vec<ClientMembership> = (0..MEMBERSHIPS)
        .map(|at| {
            let source = if at % 3 == 0 { 0 } else { 0x0a00_0000 + at % 3 };
            let group = V4::from_bits(0xe800_0000 + at / 3);
            ClientMembership {
                entry: SourceGroupEntry::new(group, V4::from_bits(source)),
                interface: Interface::new(1 + at % INTERFACES),
                flags: MembershipFlags::JOIN,
            }
        })
        .collect();
    manager.add_memberships(igmp, &memberships).expect("memory");
    (manager, igmp)
}

fn deregister(name: &str) {
    let (manager, igmp) = manager();
    let before = manager.stats().mapped_bytes;
    manager.deregister(igmp).expect("deregistered");
    print_ratio_of_mapped(name, before, manager.stats().mapped_bytes);
}

fn deregister_in_steps(name: &str) {
    let (manager, igmp) = manager();
    let (mut from, mut longest) = (None, 0.0f64);
    loop {
        let start = Instant::now();
        let step = manager.deregister_step(igmp, from, STEP).expect("memory");
        longest = longest.max(start.elapsed().as_secs_f64() * 1e3);
        from = step.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(manager.stats().ipv4.memberships, 0);
    print_figure(name, format!("{longest:.1}"));
}

fn trimmed(name: &str) {
    let (manager, igmp) = manager();
    manager.deregister(igmp).expect("deregistered");
    manager.trim();
    print_figure(name, manager.stats().mapped_bytes);
}
