//! Threads register, join, start, read, end and deregister at random on one manager. They use their own
//! handles, those of other threads, stale ones and made-up ones.
//!
//! Run it for longer under sanitizers: `GROUPSCAN_CHURN_SECONDS` sets the time.

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use groupscan::manager::{
    Client, EnumerationHandle, GroupManager, ManagerError, ManagerLimits, ProtocolHandle,
};
use groupscan::{Filter, Interface, MembershipFlags, SourceGroupEntry, V4, View};

use groupscan_testing::random::Random;

const SEED: u64 = 1;

const THREADS: u32 = 4;

/// Handles that threads leave for each other: protocols in the first half, enumerations in the second.
type Board = [AtomicU64; 32];

/// A handle from one half of the board, and sometimes one that was never issued.
fn any_handle(random: &mut Random, half: &[AtomicU64]) -> u64 {
    match random.below(16) {
        0 => random.bits(),
        1 => random.pick(half).load(Ordering::Relaxed) ^ 1 << random.below(64),
        _ => random.pick(half).load(Ordering::Relaxed),
    }
}

/// What a batch must be, whatever is joined at the time.
fn check(entries: &[SourceGroupEntry]) {
    assert!(entries.is_sorted_by_key(|entry| (entry.group(), entry.source())));
    for entry in entries {
        assert!(entry.group().is_multicast() && entry.group_mask() == V4::BROADCAST);
        assert!(entry.source().is_unspecified() && entry.source_mask().is_unspecified());
    }
}

fn turn(manager: &GroupManager, board: &Board, random: &mut Random, thread: u32) {
    let (protocols, enumerations) = board.split_at(board.len() / 2);
    let protocol = ProtocolHandle::from_bits(any_handle(random, protocols));
    let enumeration = EnumerationHandle::from_bits(any_handle(random, enumerations));
    let lan = Interface::new(random.below(4) as u32);
    let group = V4::from_bits(0xe800_0000 + random.below(500) as u32);
    let entry = SourceGroupEntry::new(group, V4::UNSPECIFIED);
    let place = random.below(protocols.len());
    let done = match random.below(24) {
        0 => {
            let id = [10, 0x0137_000a, 0x20][random.below(3)];
            manager.register(Client::new(id, thread * 4 + lan.index), None).map(|handle| {
                protocols[place].store(handle.to_bits(), Ordering::Relaxed);
            })
        }
        1 if random.below(4) == 0 => manager.deregister(protocol),
        2 => manager.take_interface(protocol, lan),
        3 => manager.release_interface(protocol, lan),
        4..=8 => manager.add_membership(protocol, &entry, lan, MembershipFlags::JOIN),
        9..=12 => manager.delete_membership(protocol, &entry, lan, MembershipFlags::JOIN),
        13 | 14 => {
            let view = [View::AllSources, View::Groups][random.below(2)];
            manager.start_enumeration(protocol, view, Filter::all()).map(|handle| {
                enumerations[place].store(handle.to_bits(), Ordering::Relaxed);
            })
        }
        15 => manager.end_enumeration(enumeration),
        16 if random.below(8) == 0 => {
            manager.enumerations().iter().for_each(|one| assert!(one.idle <= one.age));
            manager.expire_idle();
            manager.reclaim();
            Ok(())
        }
        _ => {
            let mut buffer = vec![0; random.below(400)];
            manager.get_next(enumeration, &mut buffer).map(|batch| check(batch.entries()))
        }
    };
    if let Err(ManagerError::Write(error) | ManagerError::NotRemoved(error)) = done {
        panic!("the table has no bounds here: {error}");
    }
}

#[test]
fn whatever_threads_do_nothing_is_left_behind() {
    let seconds = env::var("GROUPSCAN_CHURN_SECONDS").ok().and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(2));
    let limits = ManagerLimits::default()
        .with_protocols(12)
        .with_enumerations(24)
        .with_idle(Duration::from_millis(50));
    let manager = GroupManager::with_limits(limits);
    let board = Board::default();
    thread::scope(|scope| {
        let threads = (0..THREADS).map(|thread| {
            let (manager, board) = (&manager, &board);
            scope.spawn(move || {
                let mut random = Random::new(SEED, thread.into());
                while Instant::now() < until {
                    for _ in 0..100 {
                        turn(manager, board, &mut random, thread);
                    }
                }
            })
        });
        // Joined explicitly: the thread sanitizer does not see how a scope waits for its threads.
        let threads: Vec<_> = threads.collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let handles = board.map(AtomicU64::into_inner);
    for protocol in handles.map(ProtocolHandle::from_bits) {
        for index in 0..4 {
            let _ = manager.release_interface(protocol, Interface::new(index));
        }
        let _ = manager.deregister(protocol);
    }
    for one in manager.enumerations() {
        // Its client's handle was overwritten on the board.
        manager.end_enumeration(one.handle).unwrap();
    }
    manager.reclaim();
    let stats = manager.stats();
    assert_eq!((stats.live_versions, stats.retained_bytes), (1, 0));
}
