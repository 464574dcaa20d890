//! How full the leaves of a table are.

use groupscan::{GroupTable, Interface, Limits, Membership, Protocol, V4};

/// The membership of a number: its group looks random.
fn membership(number: u32) -> Membership<V4> {
    let mixed = (number ^ number >> 15).wrapping_mul(0x2c1b_3c6d);
    let mixed = (mixed ^ mixed >> 12).wrapping_mul(0x297a_2d39);
    let group = V4::from_bits(0xe000_0000 | (mixed ^ mixed >> 15) >> 4);
    Membership::any_source(group, Interface::new(1 + number % 7), Protocol::IGMP)
}

/// How full the leaves of joins and by interface are.
fn fill(table: &GroupTable) -> [f64; 2] {
    let layout = table.snapshot().unwrap().ipv4().layout();
    [layout.joins.fill(), layout.by_interface.fill()]
}

#[test]
fn leaves_share_with_their_neighbours_before_they_split() {
    let table = GroupTable::with_limits(Limits::default().with_compaction(false));
    let mut txn = table.begin_write();
    for number in 0..100_000 {
        txn.join(&membership(number)).unwrap();
    }
    txn.commit();
    // Leaves that only split are 0.69 full.
    let fill = fill(&table);
    assert!(fill.iter().all(|fill| *fill > 0.76), "{fill:?}");
}

#[test]
fn commits_keep_a_changing_table_full_unless_they_are_told_not_to() {
    const JOINS: u32 = 50_000;
    let fill_with = |compaction| {
        let table = GroupTable::with_limits(Limits::default().with_compaction(compaction));
        for number in 0..4 * JOINS {
            let mut txn = table.begin_write();
            txn.join(&membership(number)).unwrap();
            if let Some(before) = number.checked_sub(JOINS) {
                txn.leave(&membership(before)).unwrap();
            }
            txn.commit();
        }
        fill(&table)
    };
    let (kept, left) = (fill_with(true), fill_with(false));
    assert!(kept.iter().all(|fill| *fill > 0.875), "{kept:?}");
    assert!(left.iter().all(|fill| *fill < 0.875), "{left:?}");
}
