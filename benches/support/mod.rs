//! Tables to measure on.

use groupscan::{
    Filter, GroupTable, Interface, Membership, Protocol, Snapshot, SourceGroupEntry, V4, View,
};

/// The table sizes that every question is asked of: 4 K, 64 K and 1 M joins.
pub(crate) const SIZES: [usize; 3] = [4 << 10, 64 << 10, 1 << 20];

/// A table of so many joins, put in in random order: groups of four sources each.
pub(crate) fn table(joins: usize) -> GroupTable {
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    // An odd factor permutes the numbers below a power of two.
    assert!(joins.is_power_of_two());
    for number in 0..joins {
        let number = (number.wrapping_mul(0x9e37_79b1) & (joins - 1)) as u32;
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
    let enumeration = snapshot.enumerate(View::AllSources, Filter::<V4>::all());
    let mut buffer = vec![0; 64 << 10];
    let mut records = Vec::with_capacity(snapshot.len::<V4>());
    loop {
        let batch = enumeration.get_next(&mut buffer).expect("the buffer takes a record");
        records.extend_from_slice(batch.entries());
        if !batch.more() {
            return records;
        }
    }
}
