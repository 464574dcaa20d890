//! Reads a table through a buffer of its own, page by page, while another thread changes the table.
//!
//! `cargo run --release --example paging`

use std::error::Error;
use std::thread;

use groupscan::{Filter, GroupTable, Interface, Join, Protocol, V4, View};

const JOINS: u32 = 100_000;

fn joins(step: usize) -> Vec<Join<V4>> {
    let group = |number| V4::from_bits(V4::new(239, 0, 0, 0).to_bits() + number);
    (0..JOINS).step_by(step).map(|number| Join::any_source(group(number))).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let (table, lan) = (GroupTable::new(), Interface::new(2));
    let mut txn = table.begin_write();
    txn.replace(lan, Protocol::IGMP, &joins(1))?;
    txn.commit();

    let enumeration = table.snapshot()?.ipv4().enumerate(View::AllSources, Filter::all());
    let mut buffer = vec![0; 64 << 10];
    let (mut pages, mut records) = (0, 0);
    loop {
        // Records are plain old data in the buffer: `entries` is a view of it, not a copy.
        let batch = enumeration.get_next(&mut buffer)?;
        (pages, records) = (pages + 1, records + batch.entries().len());
        if !batch.more() {
            break;
        }
        // Writers do not wait for the enumeration, and it does not see what they do.
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut txn = table.begin_write();
                let replaced = txn.replace(lan, Protocol::IGMP, &joins(1 + pages % 3));
                replaced.map(|_| txn.commit())
            });
        });
    }
    let now = table.snapshot()?;
    println!("{records} records in {pages} pages, of version {}", enumeration.snapshot().version());
    println!(
        "meanwhile the table has moved on to version {}: {} joins",
        now.version(),
        now.ipv4().len()
    );
    assert_eq!(records, JOINS as usize);
    Ok(())
}
