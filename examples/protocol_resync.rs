//! A protocol that has restarted resynchronizes an interface: it replaces all its memberships there in one
//! transaction, and other protocols' stay.
//!
//! `cargo run --example protocol_resync`

use std::error::Error;

use groupscan::{GroupTable, Interface, Join, Membership, Protocol, V4};

fn main() -> Result<(), Box<dyn Error>> {
    let (table, lan) = (GroupTable::new(), Interface::new(2));
    let joins = |lasts: &[u8]| -> Vec<Join<V4>> {
        lasts.iter().map(|last| Join::any_source(V4::new(239, 1, 1, *last))).collect()
    };
    let mut txn = table.begin_write();
    txn.replace(lan, Protocol::IGMP, &joins(&[1, 2, 3]))?;
    txn.join(&Membership::any_source(V4::new(239, 1, 1, 1), lan, Protocol::PIM))?;
    let before = txn.commit();

    // What IGMP finds after its restart, sorted: 1 has gone, 4 has come. The cost depends on the difference.
    let mut txn = table.begin_write();
    let changed = txn.replace(lan, Protocol::IGMP, &joins(&[2, 3, 4]))?;
    println!("{changed} memberships changed: version {before} to {}", txn.commit());
    assert_eq!(changed, 2);

    // The same again changes nothing and publishes nothing.
    let mut txn = table.begin_write();
    assert_eq!(txn.replace(lan, Protocol::IGMP, &joins(&[2, 3, 4]))?, 0);
    assert_eq!(txn.commit(), table.version());

    let snapshot = table.snapshot()?;
    for join in snapshot.ipv4().joined_on(lan) {
        for membership in snapshot.ipv4().memberships(join.group) {
            println!("  {membership}");
        }
    }
    assert_eq!(snapshot.ipv4().membership_count(), 4);
    Ok(())
}
