//! Walks a table as an SNMP agent does: each step knows only the membership before, and reads the version
//! that is current then.
//!
//! `cargo run --example snmp_walk`

use std::error::Error;

use groupscan::{GroupTable, Interface, Membership, MembershipOrder, Protocol, SnapshotError, V4};

/// GETNEXT: the first membership behind `last` in the current version.
fn get_next(
    table: &GroupTable,
    last: Option<&Membership<V4>>,
) -> Result<Option<Membership<V4>>, SnapshotError> {
    let snapshot = table.snapshot()?;
    let all = snapshot.ipv4().all_memberships(MembershipOrder::ByGroup);
    let mut rest = match last {
        Some(last) => all.after(last),
        None => all,
    };
    Ok(rest.next())
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
    while let Some(next) = get_next(&table, last.as_ref())? {
        println!("{next} in version {}", table.version());
        walked.push(next.group);
        if next.group == group(2) {
            // The membership that the walk stands at may go, and others may come.
            let mut txn = table.begin_write();
            txn.leave(&membership(2))?;
            txn.join(&membership(4))?;
            txn.commit();
        }
        last = Some(next);
    }
    assert_eq!(walked, [1, 2, 3, 4, 5].map(group));
    Ok(())
}
