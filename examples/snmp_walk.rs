//! Walks a table as an SNMP agent does: each step knows only the record before, and reads the version that is
//! current then.
//!
//! `cargo run --example snmp_walk`

use std::error::Error;

use groupscan::{
    Filter, GroupTable, Interface, Join, Membership, Position, Protocol, SnapshotError, V4, View,
};

/// GETNEXT: the first join behind `last` in the current version.
fn get_next(table: &GroupTable, last: Option<Join<V4>>) -> Result<Option<Join<V4>>, SnapshotError> {
    let start = table.snapshot()?.ipv4().enumerate(View::AllSources, Filter::all());
    let behind = match last {
        Some(last) => start.resume_after(Position::behind(last)),
        None => start,
    };
    Ok(behind.into_iter().next().map(|record| record.join()))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (table, lan) = (GroupTable::new(), Interface::new(2));
    let group = |last| V4::new(239, 1, 1, last);
    let membership = |last| Membership::any_source(group(last), lan, Protocol::IGMP);
    let mut txn = table.begin_write();
    for last in [1, 2, 3, 5] {
        txn.join(&membership(last))?;
    }
    txn.commit();

    let (mut walked, mut last) = (Vec::new(), None);
    while let Some(join) = get_next(&table, last)? {
        println!("{join} in version {}", table.version());
        walked.push(join.group);
        if join.group == group(2) {
            // The record that the walk stands at may go, and others may come.
            let mut txn = table.begin_write();
            txn.leave(&membership(2))?;
            txn.join(&membership(4))?;
            txn.commit();
        }
        last = Some(join);
    }
    assert_eq!(walked, [1, 2, 3, 4, 5].map(group));
    Ok(())
}
