//! Transactions from the input, on a table with both families, few versions and perhaps a small cap, while
//! snapshots are held. Each snapshot keeps equal to the model of its time; the nodes that exist are those
//! that a live version reaches; a refused change has changed nothing.

#![cfg_attr(fuzzing, no_main)]

use std::collections::{BTreeMap, BTreeSet};

use groupscan::internals::{existing, reachable};
use groupscan::{
    Family, GroupTable, Join, JoinKey, Limits, Membership, Prefix, Snapshot, SnapshotError,
    WriteError, WriteTxn,
};
use groupscan_testing::history::Models;
use groupscan_testing::model::{Model, ORDERS, Small, membership};

/// The greatest number of operations in an input, and of live versions.
const OPERATIONS: usize = 300;
const LIVE_VERSIONS: usize = 6;

/// The bytes of nodes of a capped table: enough for some dozens of memberships, not for all.
const NODE_BYTES: usize = 320 << 10;

/// An operation: its kind and three numbers. It takes few bytes, so that inputs soon have many.
type Operation = [u8; 4];

/// A change of memberships with consecutive numbers.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Join { from: u8, count: u8, at: u8 },
    Leave { from: u8, count: u8, at: u8 },
    LeaveAll { at: u8 },
    Replace { from: u8, count: u8, at: u8 },
}

groupscan_fuzz::target!(|data: &[u8]| {
    let [options, data @ ..] = data else {
        return;
    };
    let capped = options % 2 == 1;
    let node_bytes = if capped { NODE_BYTES } else { usize::MAX };
    let limits = Limits::default().with_live_versions(LIVE_VERSIONS).with_node_bytes(node_bytes);
    let table = GroupTable::with_limits(limits);
    let mut current = Models::default();
    let mut held: Vec<(Snapshot, Models)> = Vec::new();
    let mut edits: Vec<(bool, Edit)> = Vec::new();
    let operations: &[Operation] = data.as_chunks().0;
    for &[what, from, count, at] in operations.iter().take(OPERATIONS) {
        let ipv6 = what >= 0x80;
        match what % 16 {
            0..=3 => edits.push((ipv6, Edit::Join { from, count, at })),
            4 | 5 => edits.push((ipv6, Edit::Leave { from, count, at })),
            6 => edits.push((ipv6, Edit::LeaveAll { at })),
            7 => edits.push((ipv6, Edit::Replace { from, count, at })),
            8 => write(&table, &mut current, &edits, false),
            9..=11 => write(&table, &mut current, &std::mem::take(&mut edits), true),
            12 => match table.snapshot() {
                Ok(snapshot) => held.push((snapshot, current.clone())),
                Err(SnapshotError::TooManyVersions { limit }) => {
                    let versions: BTreeSet<_> = held.iter().map(|(s, _)| s.version()).collect();
                    assert_eq!((limit, versions.len()), (LIVE_VERSIONS, LIVE_VERSIONS - 1));
                }
                Err(error) => assert!(capped, "{error}"),
            },
            13 => held.extend(usize::from(at).checked_rem(held.len()).map(|at| held[at].clone())),
            14 => {
                if let Some(at) = usize::from(at).checked_rem(held.len()) {
                    let (snapshot, models) = held.swap_remove(at);
                    check(&snapshot, &models);
                }
            }
            _ => check_nodes(&table, &held, &current),
        }
    }
    held.iter().for_each(|(snapshot, models)| check(snapshot, models));
    check_nodes(&table, &held, &current);
    held.clear();
    check_nodes(&table, &held, &current);
});

/// Makes changes in the table and in the model, and commits or aborts them.
fn write(table: &GroupTable, current: &mut Models, edits: &[(bool, Edit)], commit: bool) {
    let mut edited = current.clone();
    let mut txn = table.begin_write();
    for (ipv6, edit) in edits {
        match ipv6 {
            false => make(&mut txn, &mut edited.ipv4, *edit),
            true => make(&mut txn, &mut edited.ipv6, *edit),
        }
    }
    if commit {
        txn.commit();
        *current = edited;
    } else {
        txn.abort();
    }
}

/// The membership of a number. `at` chooses interface, protocol and flags.
fn numbered<F: Small>(number: u8, at: u8) -> Membership<F> {
    membership(number / 6, number % 6, at % 6, at / 6 % 3, at / 18)
}

/// Up to `count % 64` numbers from `from` on.
fn row(from: u8, count: u8) -> impl Iterator<Item = u8> {
    (from..=u8::MAX).take(usize::from(count % 64))
}

/// Makes a change in the table and in the model, or in neither if the cap refuses it.
fn make<F: Small>(txn: &mut WriteTxn<'_>, model: &mut Model<F>, edit: Edit) {
    let is_full = |error: WriteError| {
        assert!(matches!(error, WriteError::OutOfCapacity { .. }), "{error}");
    };
    match edit {
        Edit::Join { from, count, at } => {
            for number in row(from, count) {
                let membership = numbered::<F>(number, at);
                match txn.join(&membership) {
                    Ok(changed) => assert_eq!(changed, model.join(&membership)),
                    Err(error) => is_full(error),
                }
            }
        }
        Edit::Leave { from, count, at } => {
            for number in row(from, count) {
                let membership = numbered::<F>(number, at);
                assert_eq!(txn.leave(&membership), Ok(model.leave(&membership)));
            }
        }
        Edit::LeaveAll { at } => {
            let Membership { interface, protocol, .. } = numbered::<F>(0, at);
            let changed = model.replace(interface, protocol, &[]);
            assert_eq!(txn.leave_all(interface, protocol), Ok(changed));
        }
        Edit::Replace { from, count, at } => {
            let Membership { interface, protocol, .. } = numbered::<F>(0, at);
            let joins = row(from, count).map(|number| numbered::<F>(number, at));
            let joins: Vec<Join<F>> = joins.map(|membership| membership.join()).collect();
            match txn.replace(interface, protocol, &joins) {
                Ok(changed) => assert_eq!(changed, model.replace(interface, protocol, &joins)),
                Err(error) => is_full(error),
            }
        }
    }
}

fn check(snapshot: &Snapshot, models: &Models) {
    check_family(snapshot, &models.ipv4);
    check_family(snapshot, &models.ipv6);
}

fn check_family<F: Family>(snapshot: &Snapshot, model: &Model<F>) {
    let snapshot = snapshot.of::<F>();
    let keys = snapshot.join_keys(Prefix::ALL).flatten();
    assert!(keys.map(|key| Join::new(key.group(), key.source())).eq(model.joins()));
    assert_eq!(snapshot.membership_count(), model.membership_count());
    assert!(snapshot.interfaces().eq(model.interfaces()));
    for order in ORDERS {
        assert!(snapshot.all_memberships(order).eq(model.memberships_in(order)));
    }
    for interface in model.interfaces() {
        assert!(snapshot.joined_on(interface).eq(model.joined_on(interface)));
    }
}

/// Reclaims, and checks that the nodes that exist are those that a live version reaches.
fn check_nodes(table: &GroupTable, held: &[(Snapshot, Models)], current: &Models) {
    table.reclaim();
    let now = match table.snapshot() {
        Ok(now) => now,
        // Too many versions are live to hold the current one.
        Err(_) => return,
    };
    check(&now, current);
    let live = held.iter().map(|(snapshot, _)| snapshot).chain([&now]);
    let reached: BTreeMap<usize, usize> = live.flat_map(reachable).collect();
    assert_eq!(existing(table), reached);
    let stats = table.stats();
    assert_eq!((stats.in_use_bytes, stats.pending_bytes), (reached.values().sum(), 0));
}
