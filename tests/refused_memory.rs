//! A system that refuses memory, at every request of every call in turn: the call returns an error and
//! changes nothing, or does without the memory. Nothing aborts.

#![cfg(not(any(loom, shuttle, miri, groupscan_check, groupscan_lock_twin)))]
#![allow(unsafe_code, reason = "a global allocator that refuses memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use groupscan::internals::refuse_chunks;
use groupscan::manager::{
    BulkError, Client, ClientMembership, EnumerationHandle, GroupManager, ManagerError,
    ManagerLimits, ProtocolHandle,
};
use groupscan::{
    Filter, GroupTable, Interface, Join, Limits, Membership, MembershipFlags, MembershipOrder,
    Protocol, RetainedError, Snapshot, SourceGroupEntry, V4, View, WriteError, WriteTxn,
};

/// What is refused to a thread.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    /// One request.
    One,
    /// That request, and all that follow.
    Rest,
}

#[derive(Clone, Copy)]
struct Requests {
    /// The number of requests that are granted; `None` if all are.
    granted: Option<usize>,
    refusal: Refusal,
    refused: usize,
}

thread_local! {
    static REQUESTS: Cell<Requests> =
        const { Cell::new(Requests { granted: None, refusal: Refusal::One, refused: 0 }) };
}

/// Counts a request of this thread, and returns whether it is refused.
fn is_refused() -> bool {
    let mut requests = REQUESTS.get();
    let Some(granted) = requests.granted else {
        return false;
    };
    let is_refused = granted == 0;
    requests.granted = match (granted, requests.refusal) {
        (0, Refusal::One) => None,
        (0, Refusal::Rest) => Some(0),
        _ => Some(granted - 1),
    };
    requests.refused += usize::from(is_refused);
    REQUESTS.set(requests);
    is_refused
}

/// The sizes of a bag of crossbeam-epoch, for which it aborts (see `docs/design.md`). They are granted.
const BAG_BYTES: std::ops::Range<usize> = 2050..2300;

struct Refusing;

// SAFETY: every call goes to the system's allocator unchanged, or returns null, which means a refusal.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !BAG_BYTES.contains(&layout.size()) && is_refused() {
            return ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System.alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: `start` came from `System.alloc` with this layout, as `dealloc` requires.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static REFUSING: Refusing = Refusing;

/// Runs `call` while requests after the first `granted` ones are refused. Returns how many were refused, too.
fn refusing<R>(refusal: Refusal, granted: usize, call: impl FnOnce() -> R) -> (R, usize) {
    refuse_chunks(Some(is_refused));
    REQUESTS.set(Requests { granted: Some(granted), refusal, refused: 0 });
    let result = call();
    let refused = REQUESTS.get().refused;
    REQUESTS.set(Requests { granted: None, refusal, refused: 0 });
    (result, refused)
}

/// Calls `attempt` with the numbers of granted requests 0, 1, … until it returns that none was refused.
/// Returns the number of attempts with a refusal. Each attempt has a thread of its own, which has made its
/// first call.
fn at_each_request(attempt: impl Fn(Refusal, usize) -> usize + Sync) -> usize {
    let mut count = 0;
    for refusal in [Refusal::One, Refusal::Rest] {
        for granted in 0.. {
            let refused = std::thread::scope(|scope| {
                let on_its_own = || {
                    drop(GroupTable::new().snapshot());
                    attempt(refusal, granted)
                };
                scope.spawn(on_its_own).join().unwrap()
            });
            if refused == 0 {
                break;
            }
            count += 1;
        }
    }
    count
}

const LAN: Interface<V4> = Interface::new(2);
const WAN: Interface<V4> = Interface::new(3);

type Model = BTreeMap<(Interface<V4>, Join<V4>, Protocol), MembershipFlags>;

fn group(number: u32) -> V4 {
    // Consecutive numbers are far apart in key order.
    V4::from_bits(0xe000_0000 | (number.wrapping_mul(0x9e37_79b9) >> 8))
}

fn on(interface: Interface<V4>, number: u32) -> Membership<V4> {
    Membership::any_source(group(number), interface, Protocol::IGMP)
}

fn add(model: &mut Model, membership: Membership<V4>) {
    let key = (membership.interface, membership.join(), membership.protocol);
    model.insert(key, membership.flags);
}

fn remove(model: &mut Model, membership: Membership<V4>) {
    model.remove(&(membership.interface, membership.join(), membership.protocol));
}

fn check(snapshot: &Snapshot, model: &Model) {
    let shown = snapshot.ipv4();
    for order in [MembershipOrder::ByGroup, MembershipOrder::ByInterface] {
        let mut all = Model::new();
        shown.all_memberships(order).for_each(|membership| add(&mut all, membership));
        assert_eq!(&all, model, "{order:?}");
    }
    assert_eq!(shown.membership_count(), model.len());
    let joins: std::collections::BTreeSet<_> = model.keys().map(|(_, join, _)| *join).collect();
    assert!((0..).map_while(|rank| shown.join_at(rank)).eq(joins));
    let interfaces: std::collections::BTreeSet<_> = model.keys().map(|key| key.0).collect();
    assert_eq!(shown.interface_count(), interfaces.len());
}

/// A table with `count` joins, some with two memberships.
fn table(count: u32) -> (GroupTable, Model) {
    let (table, mut model) =
        (GroupTable::try_with_limits(Limits::default()).unwrap(), Model::new());
    for number in 0..count {
        let mut txn = table.begin_write();
        for interface in if number.is_multiple_of(5) { &[LAN, WAN][..] } else { &[LAN] } {
            txn.join(&on(*interface, number)).unwrap();
            add(&mut model, on(*interface, number));
        }
        txn.commit();
    }
    (table, model)
}

/// A call that changes a table, and what it does to the model.
struct Change {
    call: fn(&GroupTable) -> Result<(), WriteError>,
    apply: fn(&mut Model),
}

/// Runs a transaction that is dropped if it is refused memory, and committed otherwise.
fn commit<R>(
    table: &GroupTable,
    run: impl FnOnce(&mut WriteTxn<'_>) -> Result<R, WriteError>,
) -> Result<(), WriteError> {
    let mut txn = table.begin_write();
    run(&mut txn)?;
    txn.commit();
    Ok(())
}

/// 100 joins, ascending: half of them new. On the stack, so that only the call allocates.
fn list() -> [Join<V4>; 100] {
    let mut joins = [Join::any_source(V4::UNSPECIFIED); 100];
    joins.iter_mut().zip(50..).for_each(|(join, number)| *join = on(LAN, number).join());
    joins.sort_unstable();
    joins
}

const JOIN: Change = Change {
    call: |table| commit(table, |txn| txn.join(&on(LAN, 5000))),
    apply: |model| add(model, on(LAN, 5000)),
};
const JOIN_AGAIN: Change = Change {
    call: |table| commit(table, |txn| txn.join(&on(WAN, 1))),
    apply: |model| add(model, on(WAN, 1)),
};
const JOIN_MANY: Change = Change {
    call: |table| {
        commit(table, |txn| {
            (1000..3000).try_for_each(|number| txn.join(&on(WAN, number)).map(drop))
        })
    },
    apply: |model| (1000..3000).for_each(|number| add(model, on(WAN, number))),
};
const LEAVE: Change = Change {
    call: |table| commit(table, |txn| txn.leave(&on(LAN, 5))),
    apply: |model| remove(model, on(LAN, 5)),
};
const LEAVE_ALL: Change = Change {
    call: |table| commit(table, |txn| txn.leave_all(LAN, Protocol::IGMP)),
    apply: |model| model.retain(|(interface, ..), _| *interface != LAN),
};
const REPLACE: Change = Change {
    call: |table| commit(table, |txn| txn.replace(LAN, Protocol::IGMP, &list())),
    apply: |model| {
        model.retain(|(interface, ..), _| *interface != LAN);
        (50..150).for_each(|number| add(model, on(LAN, number)));
    },
};
const ABORT: Change = Change {
    call: |table| {
        let mut txn = table.begin_write();
        txn.join(&on(WAN, 7000))?;
        txn.abort();
        Ok(())
    },
    apply: |_| (),
};
const COMPACT: Change = Change { call: GroupTable::compact, apply: |_| () };
const RECLAIM: Change = Change {
    call: |table| {
        table.reclaim();
        Ok(())
    },
    apply: |_| (),
};
const RETAINED: Change = Change {
    call: |table| {
        match table.retained_timeout(Duration::MAX) {
            Ok(retained) => assert!(!retained.is_empty()),
            Err(error) => {
                assert_eq!(error, RetainedError::OutOfMemory);
                return Err(WriteError::OutOfMemory);
            }
        }
        Ok(())
    },
    apply: |_| (),
};

/// Makes a change of a table of `count` joins with each request refused in turn, and returns how often that
/// made the change fail. If snapshots are held, what changes replace is not free.
fn refuse_each_request(count: u32, is_held: bool, change: &Change) -> usize {
    let failures = AtomicUsize::new(0);
    at_each_request(|refusal, granted| {
        let (table, mut model) = table(count);
        let mut held = Vec::new();
        if is_held {
            // With the current version as many as the list of live versions has room for at first.
            commit(&table, |txn| txn.join(&on(WAN, 9000))).unwrap();
            for number in 0..3 {
                held.push(table.snapshot().unwrap());
                match number % 2 {
                    0 => commit(&table, |txn| txn.leave(&on(WAN, 9000))).unwrap(),
                    _ => commit(&table, |txn| txn.join(&on(WAN, 9000))).unwrap(),
                }
            }
        }
        let before = model.clone();
        let (result, refused) = refusing(refusal, granted, || (change.call)(&table));
        match result {
            Ok(()) => (change.apply)(&mut model),
            Err(error) => {
                assert_eq!(error, WriteError::OutOfMemory, "{granted} granted, {refusal:?}");
                assert!(refused > 0);
                failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        check(&table.snapshot().unwrap(), &model);
        // The refusal has ended, so the same call succeeds.
        assert_eq!((change.call)(&table), Ok(()));
        (change.apply)(&mut model);
        check(&table.snapshot().unwrap(), &model);
        for (interface, join, protocol) in model.keys() {
            let leave = Membership::new(*join, *interface, *protocol);
            let mut txn = table.begin_write();
            assert_eq!(txn.leave(&leave), Ok(true), "each single leave works");
            txn.commit();
        }
        check(&table.snapshot().unwrap(), &Model::new());
        held.get(1).into_iter().for_each(|held| check(held, &before));
        drop(held);
        table.reclaim();
        assert_eq!(table.stats().retained_bytes, 0);
        refused
    });
    failures.into_inner()
}

#[test]
fn a_table_is_made_completely_or_not_at_all() {
    let refusals = at_each_request(|refusal, granted| {
        let make = || GroupTable::try_with_limits(Limits::default());
        let (made, refused) = refusing(refusal, granted, make);
        // One request is for memory that a process keeps for a time like this; a table does without.
        assert!(made.is_ok() || refused > 0);
        assert!(made.is_err() || refused <= 1);
        if let Ok(table) = made {
            check(&table.snapshot().unwrap(), &Model::new());
        }
        refused
    });
    assert!(refusals >= 2 * 4, "what versions share, a header, its data, the list of versions");
}

#[test]
fn a_refused_change_of_a_table_changes_nothing() {
    for (count, is_held) in [(0, false), (1, false), (120, false), (120, true)] {
        let failures = |change| refuse_each_request(count, is_held, change);
        assert!(failures(&JOIN) > 0);
        assert!(failures(&JOIN_AGAIN) > 0);
        assert!(failures(&JOIN_MANY) > 0);
        assert!(failures(&REPLACE) > 0);
        assert!(failures(&ABORT) > 0);
        assert!(failures(&RETAINED) > 0);
        failures(&LEAVE_ALL);
        failures(&COMPACT);
        let refused_leaves = failures(&LEAVE);
        assert!(refused_leaves == 0 || is_held, "memory for a leave is kept");
        assert_eq!(failures(&RECLAIM), 0);
    }
}

#[test]
fn a_transaction_goes_on_after_refusals_and_has_what_was_granted() {
    for refusal in [Refusal::One, Refusal::Rest] {
        for granted in 0..12 {
            let (table, mut model) = table(30);
            let mut joined = Vec::with_capacity(2000);
            let mut txn = table.begin_write();
            let (failures, refused) = refusing(refusal, granted, || {
                let mut failures = 0;
                for number in 1000..3000 {
                    match txn.join(&on(WAN, number)) {
                        Ok(is_new) => joined.extend(is_new.then_some(number)),
                        Err(error) => {
                            assert_eq!(error, WriteError::OutOfMemory);
                            failures += 1;
                        }
                    }
                }
                failures
            });
            assert_eq!(joined.len() + failures, 2000);
            assert!(refused > 0 || granted > 0);
            // With or without a change the commit needs no memory.
            let (version, refused) = refusing(Refusal::Rest, 0, || txn.commit());
            assert_eq!((version == table.version(), refused), (true, 0));
            joined.into_iter().for_each(|number| add(&mut model, on(WAN, number)));
            check(&table.snapshot().unwrap(), &model);
        }
    }
}

#[test]
fn an_update_requests_little_once_a_table_is_in_use() {
    let (table, _) = table(1000);
    let update = || {
        commit(&table, |txn| txn.join(&on(WAN, 9000))).unwrap();
        commit(&table, |txn| txn.leave(&on(WAN, 9000))).unwrap();
    };
    (0..50).for_each(|_| update());
    let granted = 1_000_000;
    REQUESTS.set(Requests { granted: Some(granted), refusal: Refusal::One, refused: 0 });
    (0..50).for_each(|_| update());
    let requests = granted - REQUESTS.get().granted.unwrap();
    REQUESTS.set(Requests { granted: None, refusal: Refusal::One, refused: 0 });
    assert_eq!(requests, 100, "one header for each commit");
    assert_eq!(refusing(Refusal::Rest, 0, || table.begin_write().commit()).1, 0);
}

#[test]
fn a_leave_works_while_all_memory_is_refused() {
    for granted in 0..20 {
        let (table, mut model) = table(50);
        // What is granted does not go into the reserve of leaves.
        let (result, _) = refusing(Refusal::Rest, granted, || {
            (5000..).try_for_each(|number| commit(&table, |txn| txn.join(&on(WAN, number))))
        });
        assert_eq!(result, Err(WriteError::OutOfMemory));
        let joined = table.stats().ipv4.memberships - model.len();
        (5000..).take(joined).for_each(|number| add(&mut model, on(WAN, number)));
        let (result, _) = refusing(Refusal::Rest, 0, || (LEAVE.call)(&table));
        assert_eq!(result, Ok(()), "{granted} requests of joins granted");
        (LEAVE.apply)(&mut model);
        check(&table.snapshot().unwrap(), &model);
    }
}

#[test]
fn readers_need_no_memory() {
    let (table, model) = table(2000);
    let mut buffer = [0; 4000];
    drop(table.snapshot());
    let (count, refused) = refusing(Refusal::Rest, 0, || {
        let snapshot = table.snapshot().unwrap();
        let enumeration = snapshot.clone().ipv4().enumerate(View::AllSources, Filter::all());
        let first = enumeration.get_next(&mut buffer).unwrap().entries().len();
        let rest = enumeration.split(3).map(|part| part.into_iter().count()).sum::<usize>();
        assert_eq!(snapshot.ipv4().outgoing(on(LAN, 5).join()).count(), 2);
        assert!(table.stats().live_versions > 0);
        first + rest
    });
    assert_eq!((count, refused), (2000, 0));
    check(&table.snapshot().unwrap(), &model);
}

/// What can be seen of a manager's clients, owners, memberships and enumerations.
#[derive(Debug, PartialEq)]
struct Seen {
    owners: Vec<Option<Client>>,
    registered: Vec<Option<Protocol>>,
    enumerations: Vec<(Client, usize)>,
    memberships: Model,
}

/// A manager at work.
struct Clients {
    manager: GroupManager,
    rip: ProtocolHandle,
    igmp: ProtocolHandle,
    running: EnumerationHandle,
}

const RIP: Client = Client::new(9, 0);
const IGMP: Client = Client::new(10, 0);

impl Clients {
    fn new() -> Self {
        let manager = GroupManager::try_with_limits(ManagerLimits::default()).unwrap();
        let [rip, igmp] = [RIP, IGMP].map(|client| manager.register(client, None).unwrap());
        // So many that the next client and the next interface need memory.
        let last = manager.register(Client::new(9, 1), None).unwrap();
        manager.register(Client::new(9, 2), None).unwrap();
        for index in [LAN.index, 20, 21] {
            manager.take_interface(rip, Interface::new(index)).unwrap();
        }
        for index in 22..26 {
            manager.take_interface(last, Interface::new(index)).unwrap();
        }
        for client in [rip, igmp] {
            manager.add_memberships(client, &client_list(0)).unwrap();
        }
        let filter = Filter::all().with_interface(LAN);
        let running = manager.start_enumeration(igmp, View::AllSources, filter).unwrap();
        Self { manager, rip, igmp, running }
    }

    fn seen(&self) -> Seen {
        let Self { manager, rip, igmp, .. } = self;
        let owner = |index| manager.protocol_on_interface(Interface::new(index)).ok();
        let mut memberships = Model::new();
        let snapshot = manager.snapshot().unwrap();
        let all = snapshot.ipv4().all_memberships(MembershipOrder::ByGroup);
        all.for_each(|membership| add(&mut memberships, membership));
        check(&snapshot, &memberships);
        let running = manager.enumerations();
        Seen {
            owners: (0..50).map(owner).collect(),
            registered: [rip, igmp].map(|client| manager.protocol_number(*client).ok()).into(),
            enumerations: running.iter().map(|one| (one.client, one.remaining)).collect(),
            memberships,
        }
    }
}

fn client_list(first: u32) -> [ClientMembership; 40] {
    let membership = |number| ClientMembership {
        entry: SourceGroupEntry::new(group(number), V4::UNSPECIFIED),
        interface: LAN,
        flags: MembershipFlags::JOIN,
    };
    std::array::from_fn(|at| membership(first + at as u32))
}

/// A call on a manager.
type Call = fn(&Clients) -> Result<(), ManagerError>;

const CALLS: [(&str, Call); 15] = [
    ("register", |on| on.manager.register(Client::new(9, 3), None).map(drop)),
    ("take", |on| on.manager.take_interface(on.rip, Interface::new(30))),
    ("release", |on| on.manager.release_interface(on.rip, LAN)),
    ("add", |on| done(on.manager.add_memberships(on.rip, &client_list(100)))),
    ("delete", |on| done(on.manager.delete_memberships(on.rip, &client_list(20)))),
    ("update", |on| {
        done(on.manager.update_memberships(on.igmp, &client_list(0), &client_list(20)))
    }),
    ("replace", |on| done(on.manager.replace(on.rip, LAN, &list()))),
    ("leave all", |on| on.manager.leave_all(on.rip, LAN).map(drop)),
    ("deregister", |on| on.manager.deregister(on.igmp)),
    ("start", |on| on.manager.start_enumeration(on.rip, View::AllSources, Filter::all()).map(drop)),
    ("get next", |on| on.manager.get_next(on.running, &mut [0; 100]).map(drop)),
    ("end", |on| on.manager.end_enumeration(on.running)),
    ("enumerations", |on| on.manager.try_enumerations().map(drop)),
    ("retained", |on| on.manager.try_retained().map(drop)),
    ("reclaim", |on| {
        on.manager.reclaim();
        Ok(())
    }),
];

fn done<R>(result: Result<R, BulkError>) -> Result<(), ManagerError> {
    result.map(drop).map_err(|refused| refused.error)
}

#[test]
fn a_manager_is_made_completely_or_not_at_all() {
    let refusals = at_each_request(|refusal, granted| {
        let make = || GroupManager::try_with_limits(ManagerLimits::default());
        let (made, refused) = refusing(refusal, granted, make);
        let error = made.as_ref().err().copied();
        assert!(error.is_none_or(|error| error == ManagerError::OutOfMemory));
        assert!(made.is_ok() || refused > 0);
        assert!(made.is_err() || refused <= 1);
        refused
    });
    assert!(refusals >= 2 * 6);
}

#[test]
fn a_refused_call_of_a_manager_changes_nothing() {
    for (name, call) in CALLS {
        let failures = AtomicUsize::new(0);
        at_each_request(|refusal, granted| {
            let (clients, twin) = (Clients::new(), Clients::new());
            let before = clients.seen();
            let (result, refused) = refusing(refusal, granted, || call(&clients));
            call(&twin).unwrap();
            match result {
                Ok(()) => assert_eq!(clients.seen(), twin.seen(), "{name}: {granted} {refusal:?}"),
                Err(error) => {
                    let out_of_memory = [
                        ManagerError::OutOfMemory,
                        ManagerError::Write(WriteError::OutOfMemory),
                        ManagerError::NotRemoved(WriteError::OutOfMemory),
                    ];
                    assert!(out_of_memory.contains(&error), "{name}: {error:?}");
                    assert!(refused > 0);
                    // These go on in steps, as far as there is memory.
                    if !["release", "leave all", "deregister"].contains(&name) {
                        assert_eq!(clients.seen(), before, "{name}: {granted} {refusal:?}");
                    }
                    failures.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(call(&clients), Ok(()), "the refusal has ended");
                    assert_eq!(clients.seen(), twin.seen(), "{name}");
                }
            }
            refused
        });
        let failures = failures.into_inner();
        match name {
            "get next" | "end" | "reclaim" => assert_eq!(failures, 0, "{name}"),
            // Memory for one version is kept for removals.
            "release" | "delete" | "leave all" | "deregister" => {}
            _ => assert!(failures > 0, "{name}"),
        }
    }
}
