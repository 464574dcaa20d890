//! The promises of enumerations, one by one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use groupscan::{
    Enumeration, Family, Filter, GetNextError, GroupTable, Interface, Join, Membership,
    MembershipFlags, Memberships, Prefix, Protocol, Snapshot, V4, V6, View,
};
use groupscan_testing::model::{Model, ORDERS, Small, compare_in, membership, spread_membership};
use proptest::prelude::*;

const LAN: Interface<V4> = Interface::new(2);

fn group(number: u32) -> V4 {
    V4::from_bits(0xef00_0000 + number)
}

fn source(number: u32) -> V4 {
    V4::from_bits(0x0a00_0000 + number)
}

/// A table of joins by IGMP on one interface.
fn table(joins: impl IntoIterator<Item = (V4, V4)>) -> GroupTable {
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for (group, source) in joins {
        txn.join(&Membership::source_specific(group, source, LAN, Protocol::IGMP)).unwrap();
    }
    txn.commit();
    table
}

/// `count` any-source joins of consecutive groups.
fn any_source_joins(count: u32) -> GroupTable {
    table((0..count).map(|number| (group(number), V4::UNSPECIFIED)))
}

fn all(snapshot: &Snapshot) -> Enumeration<V4> {
    snapshot.ipv4().enumerate(View::AllSources, Filter::all())
}

/// The rest of an enumeration, read in pages of `page_bytes`.
fn rest<F: Family>(enumeration: &Enumeration<F>, page_bytes: usize) -> Vec<(F, F)> {
    let mut buffer = vec![0; page_bytes];
    let mut rest = Vec::new();
    loop {
        let batch = enumeration.get_next(&mut buffer).unwrap();
        assert!(
            batch.more() || batch.entries().len() <= page_bytes / Enumeration::<F>::ENTRY_BYTES
        );
        assert!(
            !batch.more() || batch.entries().len() == page_bytes / Enumeration::<F>::ENTRY_BYTES
        );
        let joins = batch.entries().iter().map(Join::from_entry);
        rest.extend(joins.map(|join| (join.group, join.source)));
        if !batch.more() {
            return rest;
        }
    }
}

/// The same of an enumeration of memberships.
fn memberships_left<F: Family>(
    enumeration: &Enumeration<F, Memberships>,
    page_bytes: usize,
) -> Vec<Membership<F>> {
    let records = page_bytes / size_of::<F::MembershipEntry>();
    let mut buffer = vec![0; page_bytes];
    let mut rest = Vec::new();
    loop {
        let batch = enumeration.get_next(&mut buffer).unwrap();
        assert!(batch.entries().len() == records || !batch.more());
        rest.extend(batch.entries().iter().map(|record| Membership::from_entry(record).unwrap()));
        if !batch.more() {
            return rest;
        }
    }
}

// One point in time.

#[test]
fn an_enumeration_sees_one_version_from_start_to_end() {
    let table = any_source_joins(100);
    let enumeration = all(&table.snapshot().unwrap());
    let mut buffer = [0; 16 * 10];
    let first = enumeration.get_next(&mut buffer).unwrap();
    assert_eq!(first.entries().len(), 10);

    let mut txn = table.begin_write();
    for number in 0..100 {
        txn.leave(&Membership::any_source(group(number), LAN, Protocol::IGMP)).unwrap();
        txn.join(&Membership::any_source(group(1000 + number), LAN, Protocol::IGMP)).unwrap();
    }
    txn.commit();

    let expected: Vec<_> = (10..100).map(|number| (group(number), V4::UNSPECIFIED)).collect();
    assert_eq!(rest(&enumeration, 160), expected);
    let expected: Vec<_> = (1000..1100).map(|number| (group(number), V4::UNSPECIFIED)).collect();
    assert_eq!(rest(&all(&table.snapshot().unwrap()), 160), expected);
}

#[test]
fn readers_do_not_wait_for_an_open_transaction() {
    let table = any_source_joins(3);
    let mut txn = table.begin_write();
    txn.join(&Membership::any_source(group(9), LAN, Protocol::IGMP)).unwrap();
    thread::scope(|scope| {
        let (done, wait) = channel();
        let table = &table;
        scope.spawn(move || done.send(rest(&all(&table.snapshot().unwrap()), 16).len()));
        // Times out only if the reader waits for the writer. The commit then releases the reader.
        let read = wait.recv_timeout(Duration::from_secs(60));
        txn.commit();
        assert_eq!(read, Ok(3));
    });
    assert_eq!(rest(&all(&table.snapshot().unwrap()), 16).len(), 4);
}

#[test]
fn a_snapshot_outlives_its_table() {
    let snapshot = any_source_joins(5).snapshot().unwrap();
    assert_eq!(rest(&all(&snapshot), 32).len(), 5);
}

#[test]
fn enumerations_are_whole_versions_while_a_writer_runs() {
    const WIDTH: u32 = 50;
    const COMMITS: u32 = 3000;
    // Version v + 1 has the groups v to v + WIDTH.
    let table = any_source_joins(WIDTH);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // Set also if the writer panics, so that the readers end.
        let _done = SetOnDrop(&done);
        for page_bytes in [16, 160, 4096] {
            let (table, done) = (&table, &done);
            scope.spawn(move || {
                let mut last_version = 0;
                loop {
                    let last_pass = done.load(Ordering::Relaxed);
                    let snapshot = table.snapshot().unwrap();
                    let version = snapshot.version().number();
                    assert!(version >= last_version, "went back from {last_version} to {version}");
                    last_version = version;
                    let first = u32::try_from(version - 1).unwrap();
                    let expected: Vec<_> =
                        (first..first + WIDTH).map(|n| (group(n), V4::UNSPECIFIED)).collect();
                    assert_eq!(rest(&all(&snapshot), page_bytes), expected);
                    if last_pass {
                        break;
                    }
                }
            });
        }
        for number in 0..COMMITS {
            let mut txn = table.begin_write();
            txn.leave(&Membership::any_source(group(number), LAN, Protocol::IGMP)).unwrap();
            let new = group(number + WIDTH);
            txn.join(&Membership::any_source(new, LAN, Protocol::IGMP)).unwrap();
            let version = txn.commit();
            assert!(
                table.snapshot().unwrap().version() == version,
                "a commit that returned is seen"
            );
        }
    });
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

// Commits, all or nothing.

#[test]
fn a_transaction_that_is_not_committed_leaves_nothing() {
    let table = any_source_joins(3);
    let before = table.snapshot().unwrap();
    let change = || {
        let mut txn = table.begin_write();
        txn.join(&Membership::any_source(group(9), LAN, Protocol::IGMP)).unwrap();
        txn.leave(&Membership::any_source(group(0), LAN, Protocol::IGMP)).unwrap();
        txn
    };
    drop(change());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _txn = change();
        std::panic::resume_unwind(Box::new("inside a transaction"));
    }));
    assert!(panicked.is_err());
    let after = table.snapshot().unwrap();
    assert_eq!(after.version(), before.version());
    assert_eq!(rest(&all(&after), 64), rest(&all(&before), 64));
    let version = change().commit();
    assert!(version > before.version(), "the table goes on after a panic");
    assert!(table.snapshot().unwrap().ipv4().contains(Join::any_source(group(9))));
}

#[test]
fn a_commit_that_changes_nothing_publishes_nothing() {
    let table = any_source_joins(3);
    let version = table.snapshot().unwrap().version();
    let mut txn = table.begin_write();
    assert!(!txn.join(&Membership::any_source(group(0), LAN, Protocol::IGMP)).unwrap());
    assert!(!txn.leave(&Membership::any_source(group(7), LAN, Protocol::IGMP)).unwrap());
    assert_eq!(txn.commit(), version);
    assert_eq!(table.begin_write().commit(), version);
    assert_eq!(table.snapshot().unwrap().version(), version);
}

#[test]
fn joins_follow_the_memberships_with_the_join_flag() {
    let table = GroupTable::new();
    let by = |protocol, flags| {
        Membership::any_source(group(1), LAN, Protocol::new(protocol)).with_flags(flags)
    };
    let joined = |steps: &[(bool, Membership<V4>)]| {
        let mut txn = table.begin_write();
        for (join, membership) in steps {
            let changed = if *join { txn.join(membership) } else { txn.leave(membership) };
            assert!(changed.unwrap(), "{membership:?}");
        }
        txn.commit();
        table.snapshot().unwrap().ipv4().contains(Join::any_source(group(1)))
    };
    let (join, forward) = (MembershipFlags::JOIN, MembershipFlags::FORWARD);
    assert!(!joined(&[(true, by(1, forward))]), "forward state is no join");
    assert_eq!(table.snapshot().unwrap().ipv4().membership_count(), 1);
    assert!(joined(&[(true, by(1, join))]), "a repeated add adds flags");
    assert!(joined(&[(true, by(2, join))]));
    assert!(
        joined(&[(false, by(1, MembershipFlags::JOIN_AND_FORWARD))]),
        "another protocol has it"
    );
    assert!(!joined(&[(false, by(2, join))]));
    assert_eq!(table.snapshot().unwrap().ipv4().membership_count(), 0);
    assert_eq!(table.snapshot().unwrap().ipv4().interface_count(), 0);
}

// Views and filters.

#[test]
fn views_show_what_they_say() {
    let (a, b, c) = (group(1), group(2), group(3));
    let any = V4::UNSPECIFIED;
    let table =
        table([(a, any), (a, source(5)), (a, source(3)), (b, any), (c, source(9)), (any, any)]);
    let shown = |view| rest(&table.snapshot().unwrap().ipv4().enumerate(view, Filter::all()), 16);
    assert_eq!(
        shown(View::AllSources),
        [(any, any), (a, any), (a, source(3)), (a, source(5)), (b, any), (c, source(9))]
    );
    assert_eq!(shown(View::OnePerGroup), [(a, source(3)), (c, source(9))]);
    assert_eq!(shown(View::SourceSpecific), [(a, source(3)), (a, source(5)), (c, source(9))]);
    assert_eq!(shown(View::AnySource), [(any, any), (a, any), (b, any)]);
    assert_eq!(shown(View::Groups), [(any, any), (a, any), (b, any), (c, any)]);
}

#[test]
fn filters_act_before_the_view() {
    let (a, b) = (group(1), group(2));
    let any = V4::UNSPECIFIED;
    let table = table([(a, any), (a, source(3)), (a, source(5)), (b, any), (b, source(3))]);
    let shown = |view, filter| rest(&table.snapshot().unwrap().ipv4().enumerate(view, filter), 16);
    let only_5 = Filter::all().with_sources("10.0.0.5".parse().unwrap());
    assert_eq!(
        shown(View::OnePerGroup, only_5),
        [(a, source(5))],
        "the lowest source that passes the filter"
    );
    assert_eq!(shown(View::Groups, only_5), [(a, any)]);
    assert_eq!(shown(View::AnySource, only_5), []);
    let low = Filter::all().with_sources("0.0.0.0/1".parse().unwrap());
    assert_eq!(shown(View::AllSources, low).len(), 3, "a source prefix excludes any-source joins");
    let only_b = Filter::all().with_groups("239.0.0.2".parse().unwrap());
    assert_eq!(shown(View::AllSources, only_b), [(b, any), (b, source(3))]);
}

// The end, and buffers that are too small for a record.

#[test]
fn the_last_batch_reports_that_none_remain() {
    for (count, page_records) in [(6, 3), (6, 6), (7, 3), (1, 1), (0, 1)] {
        let table = any_source_joins(count);
        let enumeration = all(&table.snapshot().unwrap());
        let mut buffer = vec![0; 16 * page_records];
        let mut left = count as usize;
        loop {
            let batch = enumeration.get_next(&mut buffer).unwrap();
            assert_eq!(batch.entries().len(), left.min(page_records));
            left -= batch.entries().len();
            assert_eq!(batch.more(), left > 0, "{count} records in pages of {page_records}");
            if !batch.more() {
                break;
            }
        }
        for bytes in [0, 15, 16, 160, 0] {
            let mut buffer = vec![0; bytes];
            let batch = enumeration.get_next(&mut buffer).unwrap();
            assert!(batch.entries().is_empty() && !batch.more(), "after the end, {bytes} bytes");
        }
    }
}

#[test]
fn more_is_exact_for_views_that_pass_joins_over() {
    // Any-source joins after the last source-specific join do not count as more.
    let table = table(
        [(group(1), source(1)), (group(1), source(2))]
            .into_iter()
            .chain((2..50).map(|number| (group(number), V4::UNSPECIFIED))),
    );
    let enumeration =
        table.snapshot().unwrap().ipv4().enumerate(View::SourceSpecific, Filter::<V4>::all());
    let mut buffer = [0; 16];
    assert!(enumeration.get_next(&mut buffer).unwrap().more());
    assert!(!enumeration.get_next(&mut buffer).unwrap().more());
    let enumeration =
        table.snapshot().unwrap().ipv4().enumerate(View::OnePerGroup, Filter::<V4>::all());
    assert!(!enumeration.get_next(&mut buffer).unwrap().more());
}

#[test]
fn a_buffer_too_small_for_one_record_is_told_what_is_needed() {
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    txn.join(&Membership::any_source(group(1), LAN, Protocol::IGMP)).unwrap();
    let ipv6 = Membership::any_source(V6::small(7), Interface::new(2), Protocol::IGMP);
    txn.join(&ipv6).unwrap();
    txn.commit();
    let snapshot = table.snapshot().unwrap();
    for view in [View::AllSources, View::Groups] {
        let v4 = snapshot.ipv4().enumerate(view, Filter::<V4>::all());
        let v6 = snapshot.ipv6().enumerate(view, Filter::<V6>::all());
        for bytes in 0..64 {
            let too_small = |needed_bytes| GetNextError::BufferTooSmall { needed_bytes };
            if bytes < 16 {
                assert_eq!(v4.get_next(&mut vec![0; bytes]), Err(too_small(16)));
            }
            assert_eq!(v6.get_next(&mut vec![0; bytes]), Err(too_small(64)));
        }
        assert_eq!(rest(&v4, 16).len(), 1, "the enumeration stayed where it was");
        assert_eq!(rest(&v6, 64).len(), 1);
        // An enumeration without records is at its end from the start, with any buffer.
        let nothing = Filter::all().with_groups(Prefix::new(group(99), 32).unwrap());
        let batch = snapshot.ipv4().enumerate(view, nothing);
        assert!(!batch.get_next(&mut []).unwrap().more());
    }
    let specific = snapshot.ipv4().enumerate(View::SourceSpecific, Filter::<V4>::all());
    assert!(specific.get_next(&mut []).is_ok(), "a view that shows nothing is at its end");
}

// Any buffer.

#[test]
fn nothing_is_written_at_or_beyond_the_last_whole_record() {
    const CANARY: u8 = 0xa5;
    let table = any_source_joins(3);
    for view in [View::AllSources, View::AnySource] {
        for offset in 0..16 {
            for bytes in 16..100 {
                let mut memory = [CANARY; 200];
                let enumeration =
                    table.snapshot().unwrap().ipv4().enumerate(view, Filter::<V4>::all());
                let batch = enumeration.get_next(&mut memory[offset..offset + bytes]).unwrap();
                let expected: Vec<_> = (0..3.min(bytes as u32 / 16)).map(group).collect();
                let shown: Vec<_> = batch.entries().iter().map(|entry| entry.group()).collect();
                assert_eq!(shown, expected, "offset {offset}, {bytes} bytes");
                let whole = bytes / 16 * 16;
                assert!(memory[..offset].iter().all(|byte| *byte == CANARY));
                assert!(memory[offset + whole..].iter().all(|byte| *byte == CANARY));
            }
        }
    }
}

#[test]
fn records_are_in_network_byte_order() {
    let table = table([
        (V4::new(232, 1, 2, 3), V4::new(10, 11, 12, 13)),
        (V4::new(239, 4, 5, 6), V4::UNSPECIFIED),
        (V4::UNSPECIFIED, V4::UNSPECIFIED),
    ]);
    let mut buffer = [0xee; 48];
    all(&table.snapshot().unwrap()).get_next(&mut buffer).unwrap();
    assert_eq!(
        buffer,
        [
            [0, 0, 0, 0],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
            [10, 11, 12, 13],
            [255; 4],
            [232, 1, 2, 3],
            [255; 4],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
            [239, 4, 5, 6],
            [255; 4],
        ]
        .concat()[..]
    );
}

// One enumeration, many threads.

#[test]
fn threads_on_one_enumeration_get_disjoint_batches_of_the_whole() {
    const THREADS: usize = 4;
    // Every third group has two sources and an any-source join, so every view passes over some joins.
    let joins = (0..6000).flat_map(|number| {
        let sources = if number % 3 == 0 { 0..=2 } else { 0..=0 };
        sources.map(move |s| (group(number), if s == 0 { V4::UNSPECIFIED } else { source(s) }))
    });
    let snapshot = table(joins).snapshot().unwrap();
    for view in View::ALL {
        let expected = rest(&snapshot.ipv4().enumerate(view, Filter::<V4>::all()), 1 << 20);
        assert!(expected.len() >= 2000);
        for page_bytes in [16, 80, 1000] {
            let enumeration = snapshot.ipv4().enumerate(view, Filter::<V4>::all());
            let batches: Vec<Vec<(V4, V4)>> = thread::scope(|scope| {
                let threads: Vec<_> =
                    (0..THREADS).map(|_| scope.spawn(|| rest(&enumeration, page_bytes))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            for batch in &batches {
                assert!(
                    batch.is_sorted_by(|a, b| a < b),
                    "{view:?}: each thread reads in key order"
                );
            }
            let mut together = batches.concat();
            together.sort_unstable();
            assert_eq!(together, expected, "{view:?} in pages of {page_bytes} bytes");
        }
    }
}

#[test]
fn threads_on_one_enumeration_of_all_memberships_get_each_once() {
    const THREADS: usize = 4;
    let (table, mut model) = (GroupTable::new(), Model::<V4>::default());
    let mut txn = table.begin_write();
    // Joins with one, two and three memberships, on interfaces with and without next hops.
    for number in 0..3000 {
        for n in 0..=number % 3 {
            let on = spread_membership::<V4>(0, 0, (number + 5 * n) as u8 % 12, n as u8, 0);
            let join = Join::new(group(number / 2), source(number % 2));
            let membership = Membership::new(join, on.interface, on.protocol);
            model.join(&membership);
            txn.join(&membership).unwrap();
        }
    }
    txn.commit();
    let snapshot = table.snapshot().unwrap();
    let some = Filter::all().with_sources(Prefix::new(source(1), 32).unwrap());
    for (order, filter) in ORDERS.iter().flat_map(|o| [(*o, Filter::all()), (*o, some)]) {
        let expected = model.all_memberships(order, filter);
        assert!(expected.len() > 2000);
        for page_bytes in [32, 32 * 5 + 3, 2000] {
            let enumeration = snapshot.ipv4().enumerate_all_memberships(order, filter);
            let batches: Vec<Vec<Membership<V4>>> = thread::scope(|scope| {
                let read = || memberships_left(&enumeration, page_bytes);
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(read)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let ascends = |a: &_, b: &_| compare_in(order, a, b).is_lt();
            assert!(batches.iter().all(|batch| batch.is_sorted_by(ascends)), "{order:?}");
            let mut together = batches.concat();
            together.sort_unstable_by(|a, b| compare_in(order, a, b));
            assert!(together == expected, "{order:?} of {filter:?} in pages of {page_bytes} bytes");
        }
    }
}

// All of it, against a model.

#[derive(Clone, Debug)]
enum Op {
    Join([u8; 5]),
    Leave([u8; 5]),
    Commit,
    Abort,
}

fn op() -> impl Strategy<Value = Op> {
    let numbers =
        || (0..9u8, 0..6u8, 0..4u8, 0..2u8, 0..3u8).prop_map(|(a, b, c, d, e)| [a, b, c, d, e]);
    prop_oneof![
        6 => numbers().prop_map(Op::Join),
        3 => numbers().prop_map(Op::Leave),
        2 => Just(Op::Commit),
        1 => Just(Op::Abort),
    ]
}

fn filters<F: Small>() -> Vec<Filter<F>> {
    let mut prefixes = vec![Prefix::ALL, Prefix::new(F::small(3), F::BITS).unwrap()];
    // All bits except the last one, and the half of the address space with the unspecified address.
    prefixes.push(Prefix::new(F::small(4), F::BITS - 1).unwrap());
    prefixes.push(Prefix::new(F::UNSPECIFIED, 1).unwrap());
    let pairs = prefixes.iter().flat_map(|g| prefixes.iter().map(move |s| (*g, *s)));
    let filters =
        pairs.map(|(group, source)| Filter::all().with_groups(group).with_sources(source));
    // Two interfaces with memberships, and one without.
    let interfaces = [0, 3, 9].map(|i| membership::<F>(1, 1, i, 0, 0).interface);
    let of_interfaces = |filter: Filter<F>| {
        let narrowed = interfaces.iter().map(move |interface| filter.with_interface(*interface));
        [filter].into_iter().chain(narrowed).collect::<Vec<_>>()
    };
    filters.flat_map(of_interfaces).collect()
}

fn check<F: Small>(snapshot: &Snapshot, model: &Model<F>, page_bytes: usize) {
    let joins = model.joins();
    assert_eq!(snapshot.of::<F>().len(), joins.len());
    assert_eq!(snapshot.of::<F>().membership_count(), model.membership_count());
    for join in joins {
        assert!(snapshot.of::<F>().contains(join));
        assert!(snapshot.of::<F>().outgoing(join).eq(model.outgoing(join)));
        let here = model.memberships().filter(|membership| membership.group == join.group);
        assert!(snapshot.of::<F>().memberships(join.group).eq(here));
    }
    assert!(snapshot.of::<F>().interfaces().eq(model.interfaces()));
    assert_eq!(snapshot.of::<F>().interface_count(), model.interfaces().len());
    for interface in 0..4 {
        let interface = membership::<F>(1, 1, interface, 0, 0).interface;
        let joined: Vec<_> = snapshot.of::<F>().joined_on(interface).collect();
        assert_eq!(joined, model.joined_on(interface).into_iter().collect::<Vec<_>>());
    }
    for view in View::ALL {
        for filter in filters() {
            let enumeration = snapshot.of::<F>().enumerate(view, filter);
            let shown = rest(&enumeration, page_bytes.max(Enumeration::<F>::ENTRY_BYTES));
            let expected = model.shown(view, filter).into_iter();
            let expected = expected.map(|join| (join.group, join.source));
            assert!(expected.eq(shown), "{view:?} of {filter:?}");
        }
    }
    for (order, filter) in ORDERS.iter().flat_map(|o| filters().into_iter().map(|f| (*o, f))) {
        let enumeration = snapshot.of::<F>().enumerate_all_memberships(order, filter);
        let shown = memberships_left(&enumeration, page_bytes.max(size_of::<F::MembershipEntry>()));
        assert_eq!(shown, model.all_memberships(order, filter), "{order:?} of {filter:?}");
    }
}

/// One transaction, up to its commit, its abort or the last operation.
fn transact<F: Small>(
    table: &GroupTable,
    committed: &mut Model<F>,
    ops: &mut impl Iterator<Item = Op>,
) {
    let mut txn = table.begin_write();
    let mut model = committed.clone();
    for op in ops {
        match op {
            Op::Join([g, s, i, p, f]) => {
                let membership = membership(g, s, i, p, f);
                assert_eq!(txn.join(&membership), Ok(model.join(&membership)));
            }
            Op::Leave([g, s, i, p, f]) => {
                let membership = membership(g, s, i, p, f);
                assert_eq!(txn.leave(&membership), Ok(model.leave(&membership)));
            }
            Op::Commit => {
                txn.commit();
                *committed = model;
                return;
            }
            Op::Abort => return,
        }
    }
}

fn run<F: Small>(ops: Vec<Op>, page_bytes: usize) {
    let table = GroupTable::new();
    let mut committed = Model::<F>::default();
    let mut held = vec![(table.snapshot().unwrap(), committed.clone())];
    let mut ops = ops.into_iter().peekable();
    while ops.peek().is_some() {
        transact(&table, &mut committed, &mut ops);
        held.push((table.snapshot().unwrap(), committed.clone()));
    }
    // The snapshots are checked at the end, so a change by a later commit is noticed.
    for (snapshot, model) in &held {
        check(snapshot, model, page_bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn ipv4_pages_are_what_the_model_shows(
        ops in proptest::collection::vec(op(), 0..120), page_bytes in 0..200usize,
    ) {
        run::<V4>(ops, page_bytes);
    }

    #[test]
    fn ipv6_pages_are_what_the_model_shows(
        ops in proptest::collection::vec(op(), 0..120), page_bytes in 0..400usize,
    ) {
        run::<V6>(ops, page_bytes);
    }
}
