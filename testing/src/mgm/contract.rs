//! The contract of the calls of `mgm.h`: a case for each row and code of their public documentation, and for
//! each promise beyond it. Each case cleans up.

use groupscan::manager::code::*;

use super::{
    ALL_SOURCES, ANY_SOURCE, Entry, FORWARD, Got, HOST, InterfaceOf, JOIN, Mgm, address, entry,
};

/// A test of an implementation.
type Case = fn(&mut dyn Mgm);

/// The cases, by name.
pub const CASES: [(&str, Case); 15] = [
    ("clients register once and deregister once", clients),
    ("an interface has one owner", ownership),
    ("an owner of interfaces cannot deregister", owners_cannot_deregister),
    ("addresses, masks and flags are checked", arguments),
    ("memberships are for owners and IGMP", memberships_are_for_owners),
    ("a delete concerns the caller's memberships, on interfaces that exist", deletes),
    ("joins are enumerated, forwarding state is not", flags),
    ("a release removes the owner's memberships", releases),
    ("deregistering removes memberships and ends enumerations", deregistering),
    ("all sources, in order", all_sources),
    ("any source: the lowest of each group", any_source),
    ("an enumeration sees one version", one_point_in_time),
    ("every size of buffer", buffers),
    ("after the end there are no records", the_end),
    ("invalid handles", handles),
];

const PIM: u32 = 0x0137_0020;
const IGMP: u32 = 10;
const LAN: InterfaceOf = (2, 0);
const SOURCE: u32 = address(10, 0, 0, 1);
const GROUP: u32 = address(232, 1, 1, 1);

/// All records of an enumeration, which it ends.
fn enumerate(mgm: &mut dyn Mgm, protocol: u64, enum_type: u32) -> Vec<Entry> {
    let handle = mgm.start(protocol, enum_type).unwrap();
    let records = rest(mgm, handle);
    assert_eq!(mgm.end(handle), NO_ERROR);
    records
}

/// The remaining records of an enumeration, read through a buffer for three.
fn rest(mgm: &mut dyn Mgm, handle: u64) -> Vec<Entry> {
    let mut records = Vec::new();
    loop {
        let mut buffer = [0; 50];
        let got = mgm.get_next(handle, &mut buffer);
        assert_eq!(got.buffer_bytes, 50, "the size stays as it was");
        let bytes = &buffer[..got.entries as usize * 16];
        records.extend(bytes.chunks(16).map(bytemuck::pod_read_unaligned::<Entry>));
        match got.code {
            ERROR_MORE_DATA => assert_eq!(got.entries, 3),
            ERROR_NO_MORE_ITEMS => return records,
            code => panic!("GetNext returned {code}"),
        }
    }
}

fn joined(mgm: &mut dyn Mgm, protocol: u64, joins: &[Entry]) {
    for join in joins {
        assert_eq!(mgm.add(protocol, *join, LAN, JOIN), NO_ERROR);
    }
}

/// Registers PIM as the owner of the LAN.
fn pim_on_lan(mgm: &mut dyn Mgm) -> u64 {
    let pim = mgm.register(PIM, 0).unwrap();
    assert_eq!(mgm.take(pim, LAN), NO_ERROR);
    pim
}

fn leave_lan(mgm: &mut dyn Mgm, pim: u64) {
    assert_eq!(mgm.release(pim, LAN), NO_ERROR);
    assert_eq!(mgm.deregister(pim), NO_ERROR);
}

fn clients(mgm: &mut dyn Mgm) {
    let pim = mgm.register(PIM, 0).unwrap();
    assert_eq!(mgm.register(PIM, 0), Err(ERROR_ALREADY_EXISTS));
    let second = mgm.register(PIM, 1).unwrap();
    let other = mgm.register(PIM + 1, 0).unwrap();
    assert!(pim != second && second != other && pim != other);
    assert_eq!(mgm.deregister(pim), NO_ERROR);
    assert_eq!(mgm.deregister(pim), ERROR_INVALID_PARAMETER);
    let again = mgm.register(PIM, 0).unwrap();
    assert_ne!(again, pim);
    for handle in [again, second, other] {
        assert_eq!(mgm.deregister(handle), NO_ERROR);
    }
}

fn ownership(mgm: &mut dyn Mgm) {
    let (pim, other) = (mgm.register(PIM, 0).unwrap(), mgm.register(PIM, 7).unwrap());
    let neighbour = (LAN.0, address(192, 0, 2, 9));
    assert_eq!(mgm.protocol_on(LAN), Err(ERROR_NOT_FOUND));
    assert_eq!(mgm.take(0, LAN), ERROR_INVALID_PARAMETER);
    assert_eq!(mgm.take(pim, LAN), NO_ERROR);
    assert_eq!(mgm.take(pim, LAN), NO_ERROR, "it already owns it");
    assert_eq!(mgm.take(other, LAN), ERROR_ALREADY_EXISTS);
    assert_eq!(mgm.protocol_on(LAN), Ok((PIM, 0)));
    assert_eq!(mgm.protocol_on(neighbour), Err(ERROR_NOT_FOUND), "the next hop counts");
    assert_eq!(mgm.take(other, neighbour), NO_ERROR);
    assert_eq!(mgm.protocol_on(neighbour), Ok((PIM, 7)));
    assert_eq!(mgm.release(other, LAN), ERROR_INVALID_PARAMETER);
    assert_eq!(mgm.release(pim, (9, 0)), ERROR_INVALID_PARAMETER);
    assert_eq!(mgm.release(0, LAN), ERROR_INVALID_PARAMETER);
    assert_eq!(mgm.release(pim, LAN), NO_ERROR);
    assert_eq!(mgm.release(pim, LAN), ERROR_INVALID_PARAMETER);
    assert_eq!(mgm.protocol_on(LAN), Err(ERROR_NOT_FOUND));
    assert_eq!(mgm.take(other, LAN), NO_ERROR);
    for interface in [LAN, neighbour] {
        assert_eq!(mgm.release(other, interface), NO_ERROR);
    }
    for handle in [pim, other] {
        assert_eq!(mgm.deregister(handle), NO_ERROR);
    }
}

fn owners_cannot_deregister(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    joined(mgm, pim, &[entry(SOURCE, GROUP)]);
    let running = mgm.start(pim, ALL_SOURCES).unwrap();
    assert_eq!(mgm.deregister(pim), ERROR_CAN_NOT_COMPLETE);
    assert_eq!(mgm.protocol_on(LAN), Ok((PIM, 0)), "nothing has changed");
    assert_eq!(rest(mgm, running), [entry(SOURCE, GROUP)]);
    leave_lan(mgm, pim);
}

fn arguments(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let half = address(255, 255, 0, 0);
    let invalid = [
        [SOURCE, 0, GROUP, HOST],
        [SOURCE, half, GROUP, HOST],
        [0, half, GROUP, HOST],
        [SOURCE, HOST, GROUP, 0],
        [SOURCE, HOST, GROUP, half],
        [SOURCE, HOST, 0, 0],
        entry(SOURCE, address(223, 255, 255, 255)),
        entry(SOURCE, address(240, 0, 0, 0)),
        entry(0, SOURCE),
        entry(0, HOST),
    ];
    for entry in invalid {
        assert_eq!(mgm.add(pim, entry, LAN, JOIN), ERROR_INVALID_PARAMETER, "{entry:x?}");
        assert_eq!(mgm.delete(pim, entry, LAN, JOIN), ERROR_INVALID_PARAMETER, "{entry:x?}");
    }
    for flags in [0, 4, 5, 0x100, 0x101, u32::MAX] {
        let entry = entry(SOURCE, GROUP);
        assert_eq!(mgm.add(pim, entry, LAN, flags), ERROR_INVALID_PARAMETER, "{flags:x}");
        assert_eq!(mgm.delete(pim, entry, LAN, flags), ERROR_INVALID_PARAMETER, "{flags:x}");
    }
    assert_eq!(mgm.add(0, entry(SOURCE, GROUP), LAN, JOIN), ERROR_INVALID_PARAMETER);
    assert_eq!(mgm.delete(0, entry(SOURCE, GROUP), LAN, JOIN), ERROR_INVALID_PARAMETER);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), [] as [Entry; 0]);
    let valid = [
        entry(0, 0),
        entry(SOURCE, address(224, 0, 0, 0)),
        entry(0, GROUP),
        entry(SOURCE, address(239, 255, 255, 255)),
    ];
    joined(mgm, pim, &valid);
    assert_eq!(mgm.add(pim, [0, HOST, GROUP, HOST], LAN, JOIN), NO_ERROR, "any, with either mask");
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), valid);
    leave_lan(mgm, pim);
}

fn memberships_are_for_owners(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let (other, igmp) = (mgm.register(PIM, 7).unwrap(), mgm.register(IGMP, 0).unwrap());
    let vendor_igmp = mgm.register(0x0137_000a, 0).unwrap();
    let (join, nowhere) = (entry(SOURCE, GROUP), (9, 0));
    assert_eq!(mgm.add(other, join, LAN, JOIN), ERROR_INVALID_PARAMETER, "another's");
    assert_eq!(mgm.add(pim, join, nowhere, JOIN), ERROR_INVALID_PARAMETER, "it has no owner");
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), [] as [Entry; 0]);
    assert_eq!(mgm.add(pim, join, LAN, JOIN), NO_ERROR);
    assert_eq!(mgm.add(pim, join, LAN, JOIN), NO_ERROR, "it is there already");
    assert_eq!(mgm.add(igmp, entry(0, GROUP), LAN, JOIN), NO_ERROR);
    let (third, fourth) = (address(239, 0, 0, 3), address(239, 0, 0, 4));
    assert_eq!(mgm.add(igmp, entry(0, third), nowhere, JOIN), NO_ERROR);
    assert_eq!(mgm.add(vendor_igmp, entry(0, fourth), nowhere, JOIN), NO_ERROR);
    let expected = [entry(0, GROUP), join, entry(0, third), entry(0, fourth)];
    assert_eq!(enumerate(mgm, other, ALL_SOURCES), expected);
    for handle in [igmp, vendor_igmp, other] {
        assert_eq!(mgm.deregister(handle), NO_ERROR);
    }
    leave_lan(mgm, pim);
}

fn deletes(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let (other, igmp) = (mgm.register(PIM, 7).unwrap(), mgm.register(IGMP, 0).unwrap());
    let (join, nowhere) = (entry(SOURCE, GROUP), (9, 0));
    for client in [pim, other, igmp] {
        assert_eq!(mgm.delete(client, join, nowhere, JOIN), ERROR_NOT_FOUND);
    }
    assert_eq!(mgm.delete(other, join, LAN, JOIN), ERROR_INVALID_PARAMETER, "another's interface");
    assert_eq!(
        mgm.delete(pim, join, LAN, JOIN),
        NO_ERROR,
        "the interface is there, that is enough"
    );
    assert_eq!(mgm.delete(igmp, join, LAN, JOIN), NO_ERROR);
    joined(mgm, pim, &[join]);
    joined(mgm, igmp, &[join]);
    assert_eq!(mgm.delete(igmp, join, LAN, JOIN), NO_ERROR);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), [join], "the other's is left");
    assert_eq!(mgm.delete(pim, join, LAN, JOIN), NO_ERROR);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), [] as [Entry; 0]);
    // An interface without an owner exists while it has memberships.
    assert_eq!(mgm.add(igmp, join, nowhere, FORWARD), NO_ERROR);
    assert_eq!(mgm.delete(pim, join, nowhere, JOIN), NO_ERROR);
    assert_eq!(mgm.delete(igmp, join, nowhere, FORWARD), NO_ERROR);
    assert_eq!(mgm.delete(igmp, join, nowhere, FORWARD), ERROR_NOT_FOUND);
    for handle in [igmp, other] {
        assert_eq!(mgm.deregister(handle), NO_ERROR);
    }
    leave_lan(mgm, pim);
}

fn flags(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let (join, none): (_, [Entry; 0]) = (entry(SOURCE, GROUP), []);
    assert_eq!(mgm.add(pim, join, LAN, FORWARD), NO_ERROR);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), none);
    assert_eq!(mgm.add(pim, join, LAN, JOIN), NO_ERROR);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), [join]);
    assert_eq!(mgm.delete(pim, join, LAN, FORWARD), NO_ERROR);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), [join]);
    assert_eq!(mgm.add(pim, join, LAN, JOIN | FORWARD), NO_ERROR);
    assert_eq!(mgm.delete(pim, join, LAN, JOIN), NO_ERROR);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), none);
    assert_eq!(mgm.add(pim, join, LAN, JOIN), NO_ERROR);
    assert_eq!(mgm.delete(pim, join, LAN, JOIN | FORWARD), NO_ERROR);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), none);
    leave_lan(mgm, pim);
}

fn releases(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let igmp = mgm.register(IGMP, 0).unwrap();
    let wan = (3, address(192, 0, 2, 1));
    assert_eq!(mgm.take(pim, wan), NO_ERROR);
    let [on_both, on_lan, by_igmp] = [1, 2, 3].map(|n| entry(0, address(239, 0, 0, n)));
    joined(mgm, pim, &[on_both, on_lan]);
    assert_eq!(mgm.add(pim, on_both, wan, JOIN), NO_ERROR);
    joined(mgm, igmp, &[by_igmp]);
    assert_eq!(mgm.release(pim, LAN), NO_ERROR);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), [on_both, by_igmp]);
    assert_eq!(mgm.add(pim, on_lan, LAN, JOIN), ERROR_INVALID_PARAMETER, "it is not the owner now");
    assert_eq!(mgm.release(pim, wan), NO_ERROR);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), [by_igmp]);
    // IGMP may own an interface, too.
    assert_eq!(mgm.take(igmp, LAN), NO_ERROR);
    assert_eq!(mgm.deregister(igmp), ERROR_CAN_NOT_COMPLETE);
    assert_eq!(mgm.release(igmp, LAN), NO_ERROR);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), [] as [Entry; 0]);
    for handle in [igmp, pim] {
        assert_eq!(mgm.deregister(handle), NO_ERROR);
    }
}

fn deregistering(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let igmp = mgm.register(IGMP, 0).unwrap();
    let [by_both, by_igmp] = [1, 2].map(|n| entry(0, address(239, 0, 0, n)));
    joined(mgm, pim, &[by_both]);
    joined(mgm, igmp, &[by_both]);
    for interface in [(7, 0), (8, 0), (9, 0)] {
        assert_eq!(mgm.add(igmp, by_igmp, interface, JOIN), NO_ERROR);
    }
    let own: Vec<u64> = (0..3).map(|_| mgm.start(igmp, ALL_SOURCES).unwrap()).collect();
    let others = mgm.start(pim, ALL_SOURCES).unwrap();
    assert_eq!(mgm.deregister(igmp), NO_ERROR);
    for handle in own {
        assert_eq!(mgm.get_next(handle, &mut [0; 64]).code, ERROR_INVALID_PARAMETER);
        assert_eq!(mgm.end(handle), ERROR_INVALID_PARAMETER);
    }
    assert_eq!(mgm.start(igmp, ALL_SOURCES), Err(ERROR_INVALID_PARAMETER));
    assert_eq!(rest(mgm, others), [by_both, by_igmp], "it is of the time before");
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), [by_both]);
    assert_eq!(mgm.delete(pim, by_igmp, (8, 0), JOIN), ERROR_NOT_FOUND);
    leave_lan(mgm, pim);
    assert_eq!(mgm.end(others), ERROR_INVALID_PARAMETER);
}

/// Joins whose order in memory is not their order in numbers.
fn some_joins() -> Vec<Entry> {
    let (near, far) = (address(10, 0, 0, 9), address(192, 168, 0, 1));
    let groups = [
        address(224, 0, 0, 251),
        address(225, 0, 0, 1),
        address(232, 0, 1, 0),
        address(239, 1, 0, 0),
    ];
    vec![
        entry(0, 0),
        entry(0, groups[0]),
        entry(SOURCE, groups[1]),
        entry(near, groups[1]),
        entry(0, groups[2]),
        entry(SOURCE, groups[2]),
        entry(far, groups[2]),
        entry(near, groups[3]),
        entry(far, groups[3]),
    ]
}

fn all_sources(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let joins = some_joins();
    let shuffled: Vec<Entry> = (0..joins.len()).map(|n| joins[n * 5 % joins.len()]).collect();
    joined(mgm, pim, &shuffled);
    assert_eq!(enumerate(mgm, pim, ALL_SOURCES), joins);
    leave_lan(mgm, pim);
}

fn any_source(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let joins = some_joins();
    joined(mgm, pim, &joins);
    assert_eq!(enumerate(mgm, pim, ANY_SOURCE), [joins[2], joins[5], joins[7]]);
    for enum_type in [2, 3, u32::MAX] {
        assert_eq!(mgm.start(pim, enum_type), Err(ERROR_INVALID_PARAMETER));
    }
    leave_lan(mgm, pim);
}

fn one_point_in_time(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let joins = some_joins();
    joined(mgm, pim, &joins);
    let running = mgm.start(pim, ALL_SOURCES).unwrap();
    let mut first = [0; 32];
    assert_eq!(mgm.get_next(running, &mut first).entries, 2);
    for join in &joins {
        assert_eq!(mgm.delete(pim, *join, LAN, JOIN), NO_ERROR);
    }
    joined(mgm, pim, &[entry(0, GROUP)]);
    let later = mgm.start(pim, ALL_SOURCES).unwrap();
    assert_eq!(rest(mgm, running), joins[2..]);
    assert_eq!(rest(mgm, later), [entry(0, GROUP)]);
    for handle in [running, later] {
        assert_eq!(mgm.end(handle), NO_ERROR);
    }
    leave_lan(mgm, pim);
}

fn buffers(mgm: &mut dyn Mgm) {
    const CANARY: u8 = 0xa5;
    let pim = pim_on_lan(mgm);
    let joins = some_joins();
    joined(mgm, pim, &joins);
    for bytes in 0..=(joins.len() + 2) * 16 {
        for offset in [0, 1, 3] {
            let running = mgm.start(pim, ALL_SOURCES).unwrap();
            let mut memory = vec![CANARY; offset + bytes + 40];
            let got = mgm.get_next(running, &mut memory[offset..offset + bytes]);
            let size = bytes as u32;
            let entries = joins.len().min(bytes / 16);
            let expected = match entries {
                0 => Got { code: ERROR_INSUFFICIENT_BUFFER, buffer_bytes: 16, entries: 0 },
                all if all == joins.len() => {
                    Got { code: ERROR_NO_MORE_ITEMS, buffer_bytes: size, entries: all as u32 }
                }
                some => Got { code: ERROR_MORE_DATA, buffer_bytes: size, entries: some as u32 },
            };
            assert_eq!(got, expected, "{bytes} bytes");
            let given = &memory[offset..offset + entries * 16];
            assert_eq!(given, bytemuck::cast_slice::<Entry, u8>(&joins[..entries]));
            let behind = &memory[offset + bytes / 16 * 16..];
            assert!(memory[..offset].iter().chain(behind).all(|byte| *byte == CANARY));
            assert_eq!(rest(mgm, running), joins[entries..]);
            assert_eq!(mgm.end(running), NO_ERROR);
        }
    }
    leave_lan(mgm, pim);
}

fn the_end(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let empty = mgm.start(pim, ANY_SOURCE).unwrap();
    joined(mgm, pim, &[entry(0, GROUP)]);
    let none_specific = mgm.start(pim, ANY_SOURCE).unwrap();
    let read = mgm.start(pim, ALL_SOURCES).unwrap();
    assert_eq!(rest(mgm, read).len(), 1);
    for handle in [empty, none_specific, read] {
        for bytes in [0, 15, 16, 50] {
            let got = mgm.get_next(handle, &mut vec![0; bytes]);
            let buffer_bytes = bytes as u32;
            assert_eq!(got, Got { code: ERROR_NO_MORE_ITEMS, buffer_bytes, entries: 0 });
        }
        assert_eq!(mgm.end(handle), NO_ERROR);
    }
    leave_lan(mgm, pim);
}

fn handles(mgm: &mut dyn Mgm) {
    let pim = pim_on_lan(mgm);
    let running = mgm.start(pim, ALL_SOURCES).unwrap();
    let ended = mgm.start(pim, ALL_SOURCES).unwrap();
    assert_eq!(mgm.end(ended), NO_ERROR);
    assert_eq!(mgm.end(ended), ERROR_INVALID_PARAMETER);
    let invalid = [0, u64::MAX, ended, running ^ 1 << 40, running + 4, running - 4];
    let no_protocols = invalid.into_iter().chain([running]);
    for handle in no_protocols {
        assert_eq!(mgm.take(handle, (5, 0)), ERROR_INVALID_PARAMETER);
        assert_eq!(mgm.release(handle, LAN), ERROR_INVALID_PARAMETER);
        assert_eq!(mgm.add(handle, entry(0, GROUP), LAN, JOIN), ERROR_INVALID_PARAMETER);
        assert_eq!(mgm.delete(handle, entry(0, GROUP), LAN, JOIN), ERROR_INVALID_PARAMETER);
        assert_eq!(mgm.start(handle, ALL_SOURCES), Err(ERROR_INVALID_PARAMETER));
        assert_eq!(mgm.deregister(handle), ERROR_INVALID_PARAMETER);
    }
    for handle in invalid.into_iter().chain([pim]) {
        let expected = Got { code: ERROR_INVALID_PARAMETER, buffer_bytes: 64, entries: 0 };
        assert_eq!(mgm.get_next(handle, &mut [0; 64]), expected);
        assert_eq!(mgm.get_next(handle, &mut []).code, ERROR_INVALID_PARAMETER);
        assert_eq!(mgm.end(handle), ERROR_INVALID_PARAMETER);
    }
    assert_eq!(mgm.end(running), NO_ERROR);
    leave_lan(mgm, pim);
}
