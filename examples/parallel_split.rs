//! Splits an enumeration among threads. Each reads its part of the same version.
//!
//! `cargo run --release --example parallel_split`

use std::collections::BTreeSet;
use std::error::Error;
use std::thread;

use groupscan::{Filter, GroupTable, Interface, Join, Protocol, V4, View};

fn main() -> Result<(), Box<dyn Error>> {
    let table = GroupTable::new();
    let group = |number: u32| V4::from_bits(V4::new(232, 0, 0, 0).to_bits() + number / 4);
    let source = |number: u32| V4::new(10, 0, 0, 1 + (number % 4) as u8);
    let joins: Vec<_> = (0..200_000).map(|n| Join::new(group(n), source(n))).collect();
    let mut txn = table.begin_write();
    txn.replace(Interface::new(2), Protocol::IGMP, &joins)?;
    txn.commit();

    // One after the other, the parts give what the whole enumeration would have given. A group is not split
    // where it is shown once.
    let enumeration = table.snapshot()?.ipv4().enumerate(View::Groups, Filter::all());
    let parts: Vec<BTreeSet<V4>> = thread::scope(|scope| {
        let threads: Vec<_> = enumeration
            .split(4)
            .map(|part| {
                scope.spawn(move || part.into_iter().map(|record| record.group()).collect())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a part was read")).collect()
    });
    for (part, groups) in parts.iter().enumerate() {
        println!("part {part}: {} groups from {:?}", groups.len(), groups.first());
    }
    assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), 50_000);
    Ok(())
}
