//! Joins a few groups and enumerates them: with an iterator, and narrowed by a view and a filter.
//!
//! `cargo run --example enumerate`

use std::error::Error;

use groupscan::{Filter, GroupTable, Interface, Join, Membership, Protocol, View};

fn main() -> Result<(), Box<dyn Error>> {
    let table = GroupTable::new();
    let (lan, dmz) = (Interface::new(2), Interface::new(3));

    // Changes become visible all at once, with the commit.
    let mut txn = table.begin_write();
    for (join, interface) in
        [("(*, 239.1.1.1)", lan), ("(10.0.0.1, 232.1.1.1)", lan), ("(10.0.0.2, 232.1.1.1)", dmz)]
    {
        txn.join(&Membership::new(join.parse()?, interface, Protocol::IGMP))?;
    }
    txn.commit();

    // A snapshot is one version. It does not change while it is held.
    let snapshot = table.snapshot()?;
    println!("version {}, {} joins:", snapshot.version(), snapshot.ipv4().len());
    for record in snapshot.ipv4() {
        let join: Join<_> = record.join();
        let interfaces: Vec<_> = snapshot.ipv4().outgoing(join).map(|i| i.to_string()).collect();
        println!("  {join} on {}", interfaces.join(", "));
    }

    let filter = Filter::all().with_groups("232.0.0.0/8".parse()?).with_interface(lan);
    println!("source-specific, in 232.0.0.0/8, on interface {lan}:");
    for record in snapshot.ipv4().enumerate(View::SourceSpecific, filter) {
        println!("  {record}");
    }
    Ok(())
}
