//! A table at its limits of bytes and of live versions.

use std::collections::{BTreeMap, BTreeSet};

use groupscan::internals::reachable;
use groupscan::{
    GroupTable, Interface, Join, Limits, Membership, Protocol, Snapshot, SnapshotError, V4,
    WriteError,
};

const LIMIT_BYTES: usize = 800 << 10;

fn membership(number: u32) -> Membership<V4> {
    // Consecutive numbers are far apart in key order.
    let group = V4::from_bits(0xe000_0000 | (number.wrapping_mul(0x9e37_79b9) >> 8));
    Membership::any_source(group, Interface::new(number % 3), Protocol::IGMP)
}

fn join(table: &GroupTable, number: u32) -> Result<bool, WriteError> {
    let mut txn = table.begin_write();
    let changed = txn.join(&membership(number));
    txn.commit();
    changed
}

/// A table that refuses the next join, and the number of joins in it.
fn full_table() -> (GroupTable, u32) {
    let table = GroupTable::with_limits(Limits::default().with_node_bytes(LIMIT_BYTES));
    let refused = fill(&table);
    assert!(refused > 100);
    (table, refused)
}

/// Joins until the table refuses a join, and returns the number of that join.
fn fill(table: &GroupTable) -> u32 {
    (0..100_000).find(|number| join(table, *number).is_err()).expect("the cap stops joins")
}

/// The bytes in use.
fn in_use(table: &GroupTable) -> usize {
    table.stats().in_use_bytes
}

#[test]
fn at_the_cap_a_join_fails_and_changes_nothing() {
    let (table, count) = full_table();
    let version = table.snapshot().unwrap().version();
    let before = in_use(&table);
    assert!(before <= LIMIT_BYTES);
    let mut txn = table.begin_write();
    let refused = Err(WriteError::OutOfCapacity { limit_bytes: LIMIT_BYTES });
    assert_eq!(txn.join(&membership(count)), refused);
    assert_eq!(txn.join(&membership(0)), Ok(false), "a membership that exists needs no memory");
    assert_eq!(txn.leave(&membership(count)), Ok(false));
    assert_eq!(txn.commit(), version);
    let many: Vec<Join<V4>> =
        (0..100_000).map(|i| Join::any_source(V4::from_bits(0xe000_0000 + i))).collect();
    let mut txn = table.begin_write();
    let interface = Interface::new(9);
    assert!(matches!(
        txn.replace(interface, Protocol::new(7), &many),
        Err(WriteError::OutOfCapacity { .. })
    ));
    assert_eq!(txn.commit(), version);
    assert_eq!(in_use(&table), before);
    assert_eq!(table.snapshot().unwrap().ipv4().interface_count(), 3, "no interface was made");

    // Leaves free memory.
    for number in 0..count / 2 {
        let mut txn = table.begin_write();
        assert_eq!(txn.leave(&membership(number)), Ok(true));
        txn.commit();
    }
    assert_eq!(join(&table, count), Ok(true));
}

#[test]
fn what_a_refused_change_began_is_not_published() {
    let (table, _) = full_table();
    let many: Vec<Join<V4>> =
        (0..100_000).map(|i| Join::any_source(V4::from_bits(0xe000_0000 + i))).collect();
    let nowhere = Interface::new(9);
    let mut txn = table.begin_write();
    let refused = WriteError::OutOfCapacity { limit_bytes: LIMIT_BYTES };
    assert_eq!(txn.replace(nowhere, Protocol::new(7), &many), Err(refused));
    assert_eq!(txn.leave(&membership(0)), Ok(true), "the transaction goes on");
    txn.commit();
    let snapshot = table.snapshot().unwrap();
    assert_eq!(snapshot.ipv4().interface_count(), 3, "no interface was made");
    assert_eq!(snapshot.ipv4().interfaces().filter(|on| *on == nowhere).count(), 0);
}

/// The bound on bytes in use while memberships leave: the cap, and one copy of what live versions hold.
fn bound(held: &[Snapshot]) -> usize {
    let nodes: BTreeMap<usize, usize> = held.iter().flat_map(reachable).collect();
    LIMIT_BYTES + nodes.values().sum::<usize>()
}

#[test]
fn a_full_table_with_a_snapshot_held_empties_one_leave_a_commit() {
    let (table, count) = full_table();
    let held = [table.snapshot().unwrap()];
    let bound = bound(&held);
    let mut went_over = false;
    for number in 0..count {
        let mut txn = table.begin_write();
        assert_eq!(txn.leave(&membership(number)), Ok(true));
        txn.commit();
        assert!(in_use(&table) <= bound);
        if in_use(&table) > LIMIT_BYTES {
            went_over = true;
            assert!(matches!(join(&table, count), Err(WriteError::OutOfCapacity { .. })));
            let limit_bytes = LIMIT_BYTES;
            assert_eq!(table.snapshot().err(), Some(SnapshotError::OutOfCapacity { limit_bytes }));
        }
    }
    assert!(went_over, "the table was full, and its snapshot kept all of it");
    assert_eq!(held[0].ipv4().len(), count as usize);
    drop(held);
    table.reclaim();
    assert_eq!((in_use(&table), table.snapshot().unwrap().ipv4().len()), (0, 0));
    assert_eq!(join(&table, count), Ok(true));
}

#[test]
fn one_commit_takes_a_table_back_under_its_cap_when_no_snapshot_holds_more() {
    for changes in [false, true] {
        let (table, count) = full_table();
        let held = table.snapshot().unwrap();
        for number in 0..count / 2 {
            let mut txn = table.begin_write();
            assert_eq!(txn.leave(&membership(number)), Ok(true));
            txn.commit();
        }
        drop(held);
        let refused = SnapshotError::OutOfCapacity { limit_bytes: LIMIT_BYTES };
        assert_eq!(table.snapshot().err(), Some(refused), "no commit since the drop");
        let mut txn = table.begin_write();
        assert_eq!(txn.leave(&membership(if changes { count / 2 } else { 0 })), Ok(changes));
        txn.commit();
        let current = table.snapshot().unwrap();
        let reached = reachable(&current).values().sum::<usize>();
        assert_eq!(in_use(&table), reached, "nothing else is left");
        assert_eq!(join(&table, 0), Ok(true));
    }
}

// Without joins: a refused join reclaims everything it can, which would hide garbage that leaves left behind.
#[test]
fn leaves_alone_stay_within_one_copy_of_what_is_held() {
    let (table, count) = full_table();
    let held = [table.snapshot().unwrap()];
    let bound = bound(&held);
    let mut most = 0;
    for number in 0..count {
        let mut txn = table.begin_write();
        assert_eq!(txn.leave(&membership(number)), Ok(true));
        txn.commit();
        most = most.max(in_use(&table));
    }
    assert!(most > LIMIT_BYTES, "the snapshot kept all of a full table");
    assert!(most <= bound, "{most} bytes exceed the bound of {bound}");
}

#[test]
fn a_full_table_with_a_snapshot_held_empties_in_one_transaction() {
    let (table, count) = full_table();
    let held = [table.snapshot().unwrap()];
    let bound = bound(&held);
    let mut txn = table.begin_write();
    for number in 0..count {
        assert_eq!(txn.leave(&membership(number)), Ok(true));
    }
    txn.commit();
    assert!(in_use(&table) <= bound);
    assert_eq!(table.snapshot().unwrap().ipv4().len(), 0);
    assert_eq!(held[0].ipv4().len(), count as usize);

    // The same again, in one transaction.
    drop(held);
    table.reclaim();
    let count = fill(&table);
    let held = [table.snapshot().unwrap()];
    let bound = self::bound(&held);
    let mut txn = table.begin_write();
    let left: usize = (0..3)
        .map(|index| txn.leave_all(Interface::<V4>::new(index), Protocol::IGMP).unwrap())
        .sum();
    txn.commit();
    assert_eq!(left, count as usize);
    assert!(in_use(&table) <= bound);
    drop(held);
}

#[test]
fn an_abort_of_leaves_beyond_the_cap_gives_everything_back() {
    let (table, count) = full_table();
    let _held = table.snapshot().unwrap();
    let before = in_use(&table);
    let mut txn = table.begin_write();
    for number in 0..count / 2 {
        assert_eq!(txn.leave(&membership(number)), Ok(true));
    }
    drop(txn);
    assert_eq!(in_use(&table), before);
    assert!(table.snapshot().is_ok());
}

#[test]
fn at_the_cap_joins_use_what_dead_versions_left() {
    let (table, count) = full_table();
    let held = table.snapshot().unwrap();
    for number in 0..count / 4 {
        let mut txn = table.begin_write();
        txn.leave(&membership(number)).unwrap();
        txn.commit();
    }
    assert!(join(&table, count).is_err());
    drop(held);
    assert_eq!(join(&table, count), Ok(true), "no call of reclaim is needed");
}

#[test]
fn no_more_versions_live_than_the_limit() {
    let table = GroupTable::with_limits(Limits::default().with_live_versions(3));
    let mut held = Vec::new();
    for number in 0..10 {
        join(&table, number).unwrap();
        held.extend(table.snapshot());
        // Another holder of a held version does not add a live version.
        held.extend(held.last().cloned());
        assert!(table.stats().live_versions <= 3);
    }
    assert_eq!(held.iter().map(|s| s.version()).collect::<BTreeSet<_>>().len(), 2);
    assert_eq!(table.snapshot().err(), Some(SnapshotError::TooManyVersions { limit: 3 }));
    let newest = held.last().unwrap().version();
    held.retain(|snapshot| snapshot.version() == newest);
    let current =
        table.snapshot().expect("a version died, so another may be held without a commit");
    assert_eq!(current.ipv4().len(), 10);
    // The current version is held now, so it may have more holders even at the limit.
    join(&table, 10).unwrap();
    assert!(table.snapshot().is_err());
    drop(current);
    held.push(table.snapshot().unwrap());
    assert!(table.snapshot().is_ok());
}

#[test]
fn a_table_allows_two_live_versions_at_least() {
    let table = GroupTable::with_limits(Limits::default().with_live_versions(0));
    let held = table.snapshot().unwrap();
    join(&table, 1).unwrap();
    assert!(table.snapshot().is_err());
    assert_eq!(held.ipv4().len(), 0);
}

#[cfg(not(groupscan_check))]
#[test]
fn an_empty_table_maps_nothing_and_a_small_one_little() {
    let table = GroupTable::new();
    assert_eq!(table.stats().mapped_bytes, 0);
    (0..100).for_each(|number| assert_eq!(join(&table, number), Ok(true)));
    assert!(table.stats().mapped_bytes <= 256 << 10);
}
