//! Threads join, leave, take snapshots, enumerate and drop snapshots, all at once.
//!
//! Run it under sanitizers and valgrind too, with the cfg `groupscan_check`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, TryRecvError};
use std::thread;

use groupscan::{Filter, GroupTable, Interface, Membership, Protocol, Snapshot, V4, View};

/// The commits of each writer. Valgrind gets fewer.
const COMMITS: u32 = if cfg!(groupscan_check) { 1500 } else { 20_000 };

const READERS: usize = 3;
const WRITERS: u32 = 2;

/// Joins or leaves, in one commit, all of a writer's groups of one number: (\*,G) and two sources each.
/// They are consecutive, so a snapshot has the whole block or none of it.
fn toggle(table: &GroupTable, writer: u32, number: u32, join: bool) {
    let mut txn = table.begin_write();
    for group in 0..3 {
        for source in 0..3 {
            let group = V4::from_bits(0xef00_0000 | number << 8 | writer << 4 | group);
            let source = V4::from_bits(source);
            let lan = Interface::new(number % 5);
            let membership = Membership::source_specific(group, source, lan, Protocol::IGMP);
            let changed = if join { txn.join(&membership) } else { txn.leave(&membership) };
            assert_eq!(changed, Ok(true));
        }
    }
    txn.commit();
}

/// Checks every record of a snapshot: whole blocks of nine.
fn check(snapshot: &Snapshot) {
    let enumeration = snapshot.ipv4().enumerate(View::AllSources, Filter::<V4>::all());
    let mut buffer = [0; 16 * 9 * 5];
    let mut records = 0;
    loop {
        let batch = enumeration.get_next(&mut buffer).unwrap();
        for block in batch.entries().chunks(9) {
            let first = block[0].group().to_bits();
            assert!(block.len() == 9 && first.is_multiple_of(16));
            assert!(block.iter().all(|entry| entry.group().to_bits() - first < 3));
        }
        records += batch.entries().len();
        if !batch.more() {
            break;
        }
    }
    assert_eq!(records, snapshot.ipv4().len());
    assert_eq!(records, snapshot.ipv4().membership_count());
}

#[test]
fn snapshots_are_whole_whatever_threads_do() {
    let table = GroupTable::new();
    let done = AtomicBool::new(false);
    let taken = AtomicUsize::new(0);
    let (give, take) = mpsc::sync_channel::<Snapshot>(8);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let table = &table;
                scope.spawn(move || {
                    for turn in 0..COMMITS {
                        // Joins and leaves sixteen numbers, over and over.
                        toggle(table, writer, turn % 16, turn / 16 % 2 == 0);
                        if turn % 64 == 0 {
                            table.reclaim();
                        }
                    }
                })
            })
            .collect();
        let reader = |reader| {
            let (table, done, taken, give) = (&table, &done, &taken, give.clone());
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let snapshot = table.snapshot().unwrap();
                    check(&snapshot);
                    taken.fetch_add(1, Ordering::Relaxed);
                    // Some snapshots are dropped here, some by another thread, some later.
                    if reader > 0 {
                        let _ = give.try_send(snapshot);
                    }
                }
            })
        };
        let readers: Vec<_> = (0..READERS).map(reader).collect();
        drop(give);
        let table = &table;
        let keeper = scope.spawn(move || {
            let mut kept = Vec::new();
            // Polled, because a sanitizer does not see a wait for the channel.
            loop {
                match take.try_recv() {
                    Ok(snapshot) => {
                        check(&snapshot);
                        kept.push(snapshot);
                        if kept.len() > 20 {
                            kept.drain(..13);
                        }
                        _ = table.stats();
                    }
                    Err(TryRecvError::Empty) => thread::yield_now(),
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        });
        // Joined one by one, because a sanitizer does not see the end of a scope.
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        keeper.join().unwrap();
        ended.into_iter().for_each(|writer| writer.unwrap());
    });
    assert!(taken.load(Ordering::Relaxed) > 0);
    table.reclaim();
    let stats = table.stats();
    assert_eq!((stats.live_versions, stats.retained_bytes, stats.pending_bytes), (1, 0, 0));
}

#[test]
fn snapshots_outlive_the_table_on_any_thread() {
    for _ in 0..50 {
        let table = GroupTable::new();
        let snapshots: Vec<Snapshot> = (0..4)
            .map(|number| {
                toggle(&table, 0, number, true);
                table.snapshot().unwrap()
            })
            .collect();
        thread::scope(|scope| {
            let holder = |(number, snapshot): (usize, Snapshot)| {
                scope.spawn(move || {
                    assert_eq!(snapshot.ipv4().len(), 9 * (number + 1));
                    check(&snapshot);
                })
            };
            let holders: Vec<_> = snapshots.into_iter().enumerate().map(holder).collect();
            drop(table);
            holders.into_iter().for_each(|holder| holder.join().unwrap());
        });
    }
}
