//! Tables to measure on.

mod random;

use groupscan::{
    Filter, GroupTable, Interface, Membership, Protocol, Snapshot, SourceGroupEntry, V4, View,
};

pub(crate) use random::Random;

/// The table sizes of every question: 4 K, 64 K, 1 M and 16 M joins.
pub(crate) const SIZES: [usize; 4] = [4 << 10, 64 << 10, 1 << 20, 16 << 20];

/// A table of joins, added in random order: groups of four sources each.
pub(crate) fn table(joins: usize) -> GroupTable {
    let mut order: Vec<u32> = (0..joins as u32).collect();
    let mut random = Random::new();
    for last in (1..joins).rev() {
        order.swap(last, (random.next() % (last as u64 + 1)) as usize);
    }
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for number in order {
        let group = V4::from_bits(0xe800_0000 + number / 4);
        let source = V4::from_bits(0x0a00_0001 + number % 4);
        let lan = Interface::new(1);
        let membership = Membership::source_specific(group, source, lan, Protocol::IGMP);
        txn.join(&membership).expect("one interface is not too many");
    }
    txn.commit();
    table
}

/// All records of a snapshot, through `get_next`.
pub(crate) fn records(snapshot: &Snapshot) -> Vec<SourceGroupEntry> {
    let enumeration = snapshot.ipv4().enumerate(View::AllSources, Filter::<V4>::all());
    let mut buffer = vec![0; 64 << 10];
    let mut records = Vec::with_capacity(snapshot.ipv4().len());
    loop {
        let batch = enumeration.get_next(&mut buffer).expect("the buffer takes a record");
        records.extend_from_slice(batch.entries());
        if !batch.more() {
            return records;
        }
    }
}
