//! Memberships with addresses, interfaces and protocols from the input: each index returns them unchanged, in
//! the order of their bytes, and finds each at its place in a sorted list.

#![cfg_attr(fuzzing, no_main)]

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use groupscan::{
    Family, Filter, GroupTable, Interface, Join, JoinKey, Membership, Prefix, Protocol, V4, V6,
};

/// The greatest number of memberships in an input.
const MEMBERSHIPS: usize = 600;

#[derive(Arbitrary, Debug)]
enum Input {
    V4(Vec<Fields<4>>),
    V6(Vec<Fields<16>>),
}

/// The fields of a membership, in the order in which they are compared.
#[derive(Arbitrary, Clone, Copy, Debug)]
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
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for one in fields {
        let join = Join::new(F::from(one.group), F::from(one.source));
        let membership = Membership::new(join, on(one), Protocol::new(one.protocol));
        txn.join(&membership).expect("there is memory");
    }
    txn.commit();
    let snapshot = table.snapshot().expect("few versions live");
    let snapshot = snapshot.of::<F>();

    // In the order of the bytes, without any conversion by the library.
    let joins: BTreeSet<_> = fields.iter().map(|one| (one.group, one.source)).collect();
    let as_join =
        |(group, source): &([u8; BYTES], [u8; BYTES])| Join::new(F::from(*group), F::from(*source));
    let keys = snapshot.join_keys(Prefix::ALL).flatten();
    assert!(keys.map(|key| Join::new(key.group(), key.source())).eq(joins.iter().map(as_join)));
    for (rank, bytes) in joins.iter().enumerate() {
        let join = as_join(bytes);
        assert_eq!(snapshot.rank(join), rank);
        assert_eq!(snapshot.join_at(rank), Some(join));
        let outgoing: BTreeSet<_> = snapshot.outgoing(join).collect();
        let expected = fields.iter().filter(|one| (one.group, one.source) == *bytes).map(on);
        assert_eq!(outgoing, expected.collect());
    }

    for group in fields.iter().map(|one| one.group).collect::<BTreeSet<_>>() {
        let here = fields.iter().filter(|one| one.group == group);
        let here = here.map(|one| (F::from(one.source), on(one), Protocol::new(one.protocol)));
        let found: Vec<_> = snapshot.memberships(F::from(group)).collect();
        assert!(found.is_sorted_by_key(|membership| membership.source));
        assert!(found.iter().all(|membership| membership.group == F::from(group)));
        let found = found.iter().map(|one| (one.source, one.interface, one.protocol));
        assert_eq!(found.collect::<BTreeSet<_>>(), here.collect());
    }

    let interfaces: BTreeSet<_> = fields.iter().map(on).collect();
    assert_eq!(snapshot.interfaces().collect::<BTreeSet<_>>(), interfaces);
    for interface in interfaces {
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
