//! Memberships of any addresses, interfaces and protocols: every set gives them back as they were, in the
//! order of their bytes, and finds each where a sorted list has it.

#![no_main]

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use groupscan::{
    Family, Filter, GroupTable, Interface, JoinKey, Membership, Prefix, Protocol, V4, V6,
};
use libfuzzer_sys::fuzz_target;

/// How many memberships an input may have.
const MEMBERSHIPS: usize = 600;

#[derive(Arbitrary, Debug)]
enum Input {
    V4(Vec<Fields<4>>),
    V6(Vec<Fields<16>>),
}

/// The fields of a membership, as bytes in the order in which they count.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Fields<const BYTES: usize> {
    group: [u8; BYTES],
    source: [u8; BYTES],
    index: u32,
    next_hop: [u8; BYTES],
    protocol: u32,
}

fuzz_target!(|input: Input| {
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
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for one in fields {
        let (group, source) = (F::from(one.group), F::from(one.source));
        let membership =
            Membership::source_specific(group, source, on(one), Protocol(one.protocol));
        txn.join(&membership).expect("there is room");
    }
    txn.commit();
    let snapshot = table.snapshot().expect("few versions live");

    // In the order of the bytes, which no conversion of the library's takes part in.
    let joins: BTreeSet<_> = fields.iter().map(|one| (one.group, one.source)).collect();
    let as_addresses =
        |(group, source): &([u8; BYTES], [u8; BYTES])| (F::from(*group), F::from(*source));
    let keys = snapshot.join_keys(Prefix::<F>::ALL).flatten();
    assert!(keys.map(|key| (key.group(), key.source())).eq(joins.iter().map(as_addresses)));
    for (rank, join) in joins.iter().enumerate() {
        let (group, source) = as_addresses(join);
        assert_eq!(snapshot.rank(group, source), rank);
        assert_eq!(snapshot.join_at::<F>(rank), Some((group, source)));
        let outgoing: BTreeSet<_> = snapshot.outgoing(group, source).collect();
        let expected = fields.iter().filter(|one| (one.group, one.source) == *join).map(on);
        assert_eq!(outgoing, expected.collect());
    }

    for group in fields.iter().map(|one| one.group).collect::<BTreeSet<_>>() {
        let here = fields.iter().filter(|one| one.group == group);
        let here = here.map(|one| (F::from(one.source), on(one), Protocol(one.protocol)));
        let found: Vec<_> = snapshot.memberships(F::from(group)).collect();
        assert!(found.is_sorted_by_key(|membership| membership.source));
        assert!(found.iter().all(|membership| membership.group == F::from(group)));
        let found = found.iter().map(|one| (one.source, one.interface, one.protocol));
        assert_eq!(found.collect::<BTreeSet<_>>(), here.collect());
    }

    let interfaces: BTreeSet<_> = fields.iter().map(on).collect();
    assert_eq!(snapshot.interfaces::<F>().collect::<BTreeSet<_>>(), interfaces);
    for interface in interfaces {
        let here = fields.iter().filter(|one| on(one) == interface);
        let here: BTreeSet<_> = here.map(|one| (one.group, one.source, one.protocol)).collect();
        // A kernel packs records of the keys' bytes; the joins are what the key's fields say.
        let joined: BTreeSet<_> = here.iter().map(|(group, source, _)| (*group, *source)).collect();
        assert!(snapshot.joined_on(interface).eq(joined.iter().map(as_addresses)));
        let expected = here.iter().map(|(group, source, protocol)| {
            let entry = F::entry(F::from(*group), F::from(*source));
            F::membership_entry(entry, interface.index, interface.next_hop, *protocol, 1)
        });
        let records = snapshot.enumerate_memberships(interface, Filter::all()).into_iter();
        assert!(records.eq(expected));
    }
}
