//! The manager in safe Rust: the contract, limits, handles, what enumerations hold, and threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use groupscan::manager::{
    BulkError, Client, ClientMembership, EnumerationHandle, GroupManager, ManagerError,
    ManagerLimits, ProtocolConfig, ProtocolHandle, code,
};
use groupscan::{
    Committed, Filter, Interface, Join, Limits, MembershipFlags, Position, Protocol,
    SourceGroupEntry, V4, View, WriteError,
};
use proptest::prelude::*;

use groupscan_testing::mgm::InRust;
use groupscan_testing::mgm::compare::{Comparison, Step};
use groupscan_testing::mgm::contract::CASES;
use groupscan_testing::mgm::model::Model;

#[test]
fn the_contract_holds_in_rust() {
    for (name, case) in CASES {
        println!("{name}");
        case(&mut InRust(GroupManager::new()));
    }
}

#[test]
fn the_contract_holds_of_the_model() {
    for (name, case) in CASES {
        println!("{name}");
        case(&mut Model::default());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn random_calls_are_answered_as_the_model_does(
        steps in proptest::collection::vec(any::<Step>(), 0..300)
    ) {
        let mut manager = InRust(GroupManager::new());
        let mut comparison = Comparison::new(&mut manager);
        steps.into_iter().for_each(|step| comparison.step(step));
        comparison.finish();
    }
}

const LAN: Interface<V4> = Interface::new(2);

fn entry(number: u32) -> SourceGroupEntry {
    SourceGroupEntry::new(V4::from_bits(0xe800_0000 + number), V4::UNSPECIFIED)
}

/// A manager, and IGMP as its client with joins of `groups` groups on the LAN.
fn manager(limits: ManagerLimits, groups: u32) -> (GroupManager, ProtocolHandle) {
    let manager = GroupManager::with_limits(limits);
    let igmp = manager.register(Client::new(10, 0), None).unwrap();
    (0..groups).for_each(|number| add(&manager, igmp, number));
    (manager, igmp)
}

fn add(manager: &GroupManager, igmp: ProtocolHandle, number: u32) {
    manager.add_membership(igmp, &entry(number), LAN, MembershipFlags::JOIN).unwrap();
}

fn start(
    manager: &GroupManager,
    protocol: ProtocolHandle,
) -> Result<EnumerationHandle, ManagerError> {
    manager.start_enumeration(protocol, View::AllSources, Filter::all())
}

#[test]
fn protocols_are_limited() {
    let manager = GroupManager::with_limits(ManagerLimits::default().with_protocols(2));
    let client = |component| Client::new(7, component);
    let first = manager.register(client(0), None).unwrap();
    manager.register(client(1), None).unwrap();
    let refused = manager.register(client(2), None);
    assert_eq!(refused, Err(ManagerError::TooManyProtocols { limit: 2 }));
    assert_eq!(refused.unwrap_err().code(), code::ERROR_NOT_ENOUGH_MEMORY);
    manager.deregister(first).unwrap();
    manager.register(client(2), None).unwrap();
}

#[test]
fn owned_interfaces_are_limited() {
    let limits = ManagerLimits::default().with_owned_interfaces(2);
    let (manager, igmp) = manager(limits, 0);
    let take = |index| manager.take_interface(igmp, Interface::new(index));
    take(1).unwrap();
    take(2).unwrap();
    let refused = ManagerError::TooManyOwnedInterfaces { limit: 2 };
    assert_eq!(take(3), Err(refused));
    assert_eq!(refused.code(), code::ERROR_NOT_ENOUGH_MEMORY);
    take(2).unwrap();
    manager.release_interface(igmp, Interface::new(1)).unwrap();
    take(3).unwrap();
    let refused = manager.deregister(igmp);
    assert_eq!(refused, Err(ManagerError::OwnsInterfaces { count: 2 }));
}

#[test]
fn enumerations_are_limited() {
    let (manager, igmp) = manager(ManagerLimits::default().with_enumerations(2), 1);
    let first = start(&manager, igmp).unwrap();
    start(&manager, igmp).unwrap();
    let refused = start(&manager, igmp);
    assert_eq!(refused, Err(ManagerError::TooManyEnumerations { limit: 2 }));
    assert_eq!(refused.unwrap_err().code(), code::ERROR_NOT_ENOUGH_MEMORY);
    assert_eq!(manager.expire_idle(), 0, "no idle limit is set");
    manager.end_enumeration(first).unwrap();
    start(&manager, igmp).unwrap();
    let most = ManagerLimits::default().with_enumerations(usize::MAX);
    let limits = GroupManager::with_limits(most).limits();
    assert_eq!(limits.enumerations, ManagerLimits::MOST);
    assert_eq!(limits.table.live_versions, Some(2 * ManagerLimits::MOST));
}

#[test]
fn a_full_table_refuses_joins_and_shrinks() {
    let limits = ManagerLimits::default().with_table(Limits::default().with_node_bytes(24 << 10));
    let (manager, igmp) = manager(limits, 0);
    let numbers = || 0..100_000;
    let add = |number| manager.add_membership(igmp, &entry(number), LAN, MembershipFlags::JOIN);
    let refused = numbers().map(add).find_map(Result::err).unwrap();
    assert_eq!(refused.code(), code::ERROR_NOT_ENOUGH_MEMORY);
    let held = start(&manager, igmp).unwrap();
    let joins = manager.stats().ipv4.joins as u32;
    for number in 0..joins {
        manager.delete_membership(igmp, &entry(number), LAN, MembershipFlags::JOIN).unwrap();
    }
    assert_eq!(manager.stats().ipv4.joins, 0);
    let mut buffer = vec![0; joins as usize * 16];
    assert_eq!(manager.get_next(held, &mut buffer).unwrap().entries().len(), joins as usize);
}

/// Memberships of the groups with these numbers on an interface.
fn memberships(numbers: impl IntoIterator<Item = u32>, on: Interface<V4>) -> Vec<ClientMembership> {
    let one = |number| ClientMembership {
        entry: entry(number),
        interface: on,
        flags: MembershipFlags::JOIN,
    };
    numbers.into_iter().map(one).collect()
}

#[test]
fn lists_of_memberships_change_in_one_commit_or_not_at_all() {
    let (manager, igmp) = manager(ManagerLimits::default(), 1);
    let before = manager.snapshot().unwrap().version().number();
    let added = manager.add_memberships(igmp, &memberships(0..10, LAN)).unwrap();
    assert_eq!((added.version.number(), added.changed), (before + 1, 9), "one existed");
    let again = manager.add_memberships(igmp, &memberships(0..10, LAN)).unwrap();
    assert_eq!(again, Committed { version: added.version, changed: 0 });
    assert_eq!(manager.add_memberships(igmp, &[]), Ok(again));

    let mut mixed = memberships(20..25, LAN);
    let group = V4::new(10, 1, 1, 1);
    mixed[3].entry = SourceGroupEntry::new(group, V4::UNSPECIFIED);
    let refused = BulkError { at: Some(3), error: ManagerError::NotMulticast { group } };
    assert_eq!(manager.add_memberships(igmp, &mixed), Err(refused));
    assert_eq!(manager.delete_memberships(igmp, &mixed), Err(refused));
    assert_eq!(refused.to_string(), "membership 3 refused");
    let cause = std::error::Error::source(&refused).map(ToString::to_string);
    assert_eq!(cause.as_deref(), Some("10.1.1.1 is not a multicast group"));

    let pim = manager.register(Client::new(0x0137_0020, 0), None).unwrap();
    let (wan, lan) = (Interface::new(7), memberships(30..31, LAN));
    manager.take_interface(pim, wan).unwrap();
    let owned_and_not = [memberships(30..32, wan), lan].concat();
    let refused = BulkError { at: Some(2), error: ManagerError::NotTheOwner { owner: None } };
    assert_eq!(manager.add_memberships(pim, &owned_and_not), Err(refused));

    let gone = ProtocolHandle::from_bits(1);
    let refused = BulkError { at: None, error: ManagerError::InvalidHandle };
    assert_eq!(manager.add_memberships(gone, &mixed), Err(refused));
    assert_eq!(manager.delete_memberships(gone, &mixed), Err(refused));
    assert_eq!(refused.to_string(), "update refused");
    assert_eq!(ManagerError::InvalidHandle.to_string(), "invalid handle");

    let snapshot = manager.snapshot().unwrap();
    assert_eq!((snapshot.version(), snapshot.ipv4().len()), (added.version, 10));
    let deleted = manager.delete_memberships(igmp, &memberships(5..15, LAN)).unwrap();
    assert_eq!((deleted.version.number(), deleted.changed), (before + 2, 5));
    assert_eq!(manager.snapshot().unwrap().ipv4().len(), 5);
}

#[test]
fn a_list_of_deletions_finds_the_interfaces_that_were_there_before_it() {
    let (manager, igmp) = manager(ManagerLimits::default(), 2);
    let nowhere = Interface::new(9);
    let missing = [memberships(0..2, LAN), memberships(0..1, nowhere)].concat();
    let refused = BulkError { at: Some(2), error: ManagerError::InterfaceNotFound };
    assert_eq!(manager.delete_memberships(igmp, &missing), Err(refused));
    // The second is the last one on the interface. The third and fourth never existed.
    let deleted = manager.delete_memberships(igmp, &memberships(0..4, LAN)).unwrap();
    assert_eq!(deleted.changed, 2);
    let refused = BulkError { at: Some(0), error: ManagerError::InterfaceNotFound };
    assert_eq!(manager.delete_memberships(igmp, &memberships(0..4, LAN)), Err(refused));
}

#[test]
fn an_interface_goes_down_and_is_synchronised_again() {
    let (manager, igmp) = manager(ManagerLimits::default(), 3);
    let pim = manager.register(Client::new(0x0137_0020, 0), None).unwrap();
    let wan = Interface::new(7);
    manager.take_interface(pim, wan).unwrap();
    manager.add_memberships(pim, &memberships(0..4, wan)).unwrap();
    manager.add_memberships(igmp, &memberships(2..6, wan)).unwrap();

    let unused = Interface::new(9);
    assert_eq!(manager.leave_all(igmp, unused), Err(ManagerError::InterfaceNotFound));
    let gone = ProtocolHandle::from_bits(1);
    assert_eq!(manager.leave_all(gone, wan), Err(ManagerError::InvalidHandle));
    let ospf = manager.register(Client::new(0x0137_0030, 0), None).unwrap();
    let owner = Some(Client::new(0x0137_0020, 0));
    assert_eq!(manager.leave_all(ospf, wan), Err(ManagerError::NotTheOwner { owner }));

    assert_eq!(manager.leave_all(igmp, wan).unwrap().changed, 4);
    assert_eq!(manager.snapshot().unwrap().ipv4().joined_on(wan).count(), 4, "its owner's stay");
    assert_eq!(manager.leave_all(pim, wan).unwrap().changed, 4);
    assert_eq!(manager.leave_all(pim, wan).unwrap().changed, 0, "it is owned");

    let join = |number: u32| Join::any_source(V4::from_bits(0xe800_0000 + number));
    let joins = [join(1), join(5), join(6)];
    assert_eq!(manager.replace(igmp, LAN, &joins).unwrap().changed, 4, "0, 2, 5 and 6");
    let snapshot = manager.snapshot().unwrap();
    assert_eq!(snapshot.ipv4().joined_on(LAN).collect::<Vec<_>>(), joins);

    let refused = |at, error| Err(BulkError { at, error });
    let not_ascending = ManagerError::Write(WriteError::NotAscending { at: 1 });
    assert_eq!(not_ascending.code(), code::ERROR_INVALID_PARAMETER);
    assert_eq!(manager.replace(igmp, LAN, &[join(2), join(1)]), refused(Some(1), not_ascending));
    let group = V4::new(10, 0, 0, 1);
    let no_group = [Join::any_source(group), join(1)];
    let not_multicast = ManagerError::NotMulticast { group };
    assert_eq!(manager.replace(igmp, LAN, &no_group), refused(Some(0), not_multicast));
    assert_eq!(
        manager.replace(ospf, wan, &joins),
        refused(None, ManagerError::NotTheOwner { owner })
    );
    assert_eq!(manager.replace(gone, LAN, &joins), refused(None, ManagerError::InvalidHandle));
    assert_eq!(manager.snapshot().unwrap().version(), snapshot.version(), "nothing was changed");
}

#[test]
fn versions_that_are_too_many_refuse_a_start() {
    let limits = ManagerLimits::default().with_table(Limits::default().with_live_versions(2));
    let (manager, igmp) = manager(limits, 1);
    let first = start(&manager, igmp).unwrap();
    add(&manager, igmp, 1);
    let refused = start(&manager, igmp);
    assert!(matches!(refused, Err(ManagerError::Snapshot(_))));
    assert_eq!(refused.unwrap_err().code(), code::ERROR_NOT_ENOUGH_MEMORY);
    manager.end_enumeration(first).unwrap();
    start(&manager, igmp).unwrap();
}

#[test]
fn each_enumeration_may_be_of_a_version_of_its_own() {
    const MANY: usize = Limits::LIVE_VERSIONS + 100;
    let table = Limits::default().with_node_bytes(64 << 20);
    let limits = ManagerLimits::default().with_table(table).with_enumerations(MANY);
    let (manager, igmp) = manager(limits, 0);
    assert_eq!(manager.limits().table, table.with_live_versions(2 * MANY));
    for number in 0..MANY as u32 {
        start(&manager, igmp).unwrap();
        add(&manager, igmp, number);
    }
    assert_eq!(manager.stats().live_versions, MANY + 1);
    let refused = Err(ManagerError::TooManyEnumerations { limit: MANY });
    assert_eq!(start(&manager, igmp), refused);
}

#[test]
fn idle_enumerations_expire_and_used_ones_do_not() {
    let idle = Duration::from_millis(200);
    let limits = ManagerLimits::default().with_enumerations(2).with_idle(idle);
    let (manager, igmp) = manager(limits, 1);
    let [used, forgotten] = [(); 2].map(|()| start(&manager, igmp).unwrap());
    let started = Instant::now();
    let mut expired = 0;
    while expired == 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing expires");
        manager.get_next(used, &mut [0; 16]).unwrap();
        expired = manager.expire_idle();
    }
    assert!(started.elapsed() >= idle / 2);
    let end = |handle| manager.end_enumeration(handle);
    assert_eq!((expired, end(forgotten)), (1, Err(ManagerError::InvalidHandle)));
    // At the limit, a start ends idle enumerations.
    let forgotten = start(&manager, igmp).unwrap();
    let started = Instant::now();
    loop {
        manager.get_next(used, &mut [0; 16]).unwrap();
        match start(&manager, igmp) {
            Ok(_) => break,
            Err(error) => assert_eq!(error, ManagerError::TooManyEnumerations { limit: 2 }),
        }
        assert!(started.elapsed() < Duration::from_secs(60), "nothing expires");
    }
    assert_eq!(end(forgotten), Err(ManagerError::InvalidHandle));
    assert_eq!(end(used), Ok(()));
}

#[test]
fn what_an_idle_enumeration_held_is_free_once_it_expired() {
    let limits = ManagerLimits::default().with_idle(Duration::ZERO);
    let (manager, igmp) = manager(limits, 2000);
    start(&manager, igmp).unwrap();
    for number in 0..2000 {
        manager.delete_membership(igmp, &entry(number), LAN, MembershipFlags::JOIN).unwrap();
    }
    assert!(manager.stats().retained_bytes > 0);
    assert_eq!(manager.expire_idle(), 1);
    manager.reclaim();
    assert_eq!(manager.stats().retained_bytes, 0);
}

#[test]
fn enumerations_list_what_each_client_holds() {
    let (manager, igmp) = manager(ManagerLimits::default(), 100);
    let pim = manager.register(Client::new(0x0137_0020, 1), None).unwrap();
    let first = start(&manager, igmp).unwrap();
    manager.get_next(first, &mut [0; 160]).unwrap();
    let groups = Filter::all().with_groups("232.0.0.64/28".parse().unwrap());
    let old = manager.snapshot().unwrap().version();
    for number in 0..90 {
        manager.delete_membership(igmp, &entry(number), LAN, MembershipFlags::JOIN).unwrap();
    }
    let second = manager.start_enumeration(pim, View::Groups, groups).unwrap();
    let enumerations = manager.enumerations();
    let [one, two] = &enumerations[..] else {
        panic!("{enumerations:?}");
    };
    assert_eq!((one.handle, one.client), (first, Client::new(10, 0)));
    assert_eq!((one.view, one.filter, one.version), (View::AllSources, Filter::all(), old));
    let ninth = entry(9).group();
    assert_eq!(one.position, Some(Position::behind(Join::new(ninth, V4::UNSPECIFIED))));
    assert_eq!(one.remaining, 90);
    let retained = manager.stats().retained_bytes;
    assert!(retained > 0);
    assert_eq!(one.retained_bytes, retained);
    assert_eq!((two.handle, two.client), (second, Client::new(0x0137_0020, 1)));
    assert_eq!((two.view, two.filter), (View::Groups, groups));
    assert_eq!((two.position, two.remaining, two.retained_bytes), (None, 0, 0));
    assert!(one.age >= two.age && one.idle <= one.age && two.idle <= two.age);
    for handle in [first, second] {
        manager.end_enumeration(handle).unwrap();
    }
    assert_eq!(manager.enumerations(), []);
}

#[test]
fn clients_go_by_their_protocol_ids_in_the_table() {
    let (manager, igmp) = manager(ManagerLimits::default(), 0);
    let register = |id, component| manager.register(Client::new(id, component), None).unwrap();
    let others = [register(10, 1), register(10, 2), register(u32::MAX, 0), register(0, 0)];
    let number = |handle| manager.protocol_number(handle).unwrap();
    assert_eq!(number(igmp), Protocol::new(10));
    assert_eq!(
        others.map(|handle| number(handle).number()),
        [u32::MAX, u32::MAX - 1, u32::MAX - 2, 0]
    );
    // Each client deletes its own membership.
    for handle in others.into_iter().take(2).chain([igmp]) {
        add(&manager, handle, 1);
    }
    let delete = |handle| {
        manager.delete_membership(handle, &entry(1), LAN, MembershipFlags::JOIN).unwrap();
        manager.stats().ipv4.memberships
    };
    assert_eq!([delete(igmp), delete(others[1]), delete(others[0])], [2, 1, 0]);
}

#[test]
fn what_a_client_registers_with_is_kept() {
    extern "C" fn rpf() {}
    let manager = GroupManager::new();
    let mut config = ProtocolConfig { callback_flags: 7, ..ProtocolConfig::default() };
    config.callbacks[0] = Some(rpf);
    let with = manager.register(Client::new(1, 0), Some(config)).unwrap();
    let without = manager.register(Client::new(2, 0), None).unwrap();
    let kept = manager.config(with).unwrap();
    assert_eq!(kept.callback_flags, 7);
    let address = |config: &ProtocolConfig| config.callbacks.map(|call| call.map(|f| f as usize));
    assert_eq!(address(&kept), address(&config));
    assert_eq!(address(&manager.config(without).unwrap()), [None; 9]);
    manager.deregister(with).unwrap();
    assert_eq!(manager.config(with).unwrap_err(), ManagerError::InvalidHandle);
}

#[test]
fn managers_have_nothing_in_common() {
    let [one, other] = [(); 2].map(|()| manager(ManagerLimits::default(), 1));
    let running = start(&one.0, one.1).unwrap();
    let foreign = ManagerError::InvalidHandle;
    assert_eq!(other.0.get_next(running, &mut [0; 16]), Err(foreign));
    assert_eq!(other.0.end_enumeration(running), Err(foreign));
    assert_eq!(start(&other.0, one.1), Err(foreign));
    assert_eq!(other.0.deregister(one.1), Err(foreign));
    let taken = (one.0.take_interface(one.1, LAN), other.0.take_interface(other.1, LAN));
    assert_eq!(taken, (Ok(()), Ok(())));
    let snapshot = one.0.snapshot().unwrap();
    drop(one);
    assert_eq!(snapshot.ipv4().len(), 1);
}

#[test]
fn random_handles_are_never_accepted() {
    let (manager, igmp) = manager(ManagerLimits::default(), 1);
    let running: Vec<_> = (0..1024).map(|_| start(&manager, igmp).unwrap()).collect();
    // The high halves of two numbers of a linear congruential generator.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = || {
        let mut half = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            state >> 32
        };
        half() << 32 | half()
    };
    for _ in 0..1_000_000 {
        let bits = random();
        let protocol = manager.protocol_number(ProtocolHandle::from_bits(bits));
        assert_eq!(protocol, Err(ManagerError::InvalidHandle), "{bits:#x}");
        let handle = EnumerationHandle::from_bits(bits);
        let read = manager.get_next(handle, &mut []);
        assert_eq!(read, Err(ManagerError::InvalidHandle), "{bits:#x}");
        assert_eq!(manager.end_enumeration(handle), Err(ManagerError::InvalidHandle));
    }
    running.into_iter().for_each(|handle| manager.end_enumeration(handle).unwrap());
}

#[test]
fn threads_on_one_handle_get_disjoint_batches() {
    const GROUPS: u32 = 20_000;
    let (manager, igmp) = manager(ManagerLimits::default(), GROUPS);
    for view in [View::AllSources, View::Groups] {
        let running = manager.start_enumeration(igmp, view, Filter::all()).unwrap();
        let read = || {
            let mut numbers = Vec::new();
            let mut buffer = [0; 16 * 7 + 5];
            loop {
                let batch = manager.get_next(running, &mut buffer).unwrap();
                numbers.extend(batch.entries().iter().map(|entry| entry.group().to_bits()));
                if !batch.more() {
                    return numbers;
                }
            }
        };
        let threads = thread::scope(|scope| {
            [(); 4].map(|()| scope.spawn(read)).map(|thread| thread.join().unwrap())
        });
        assert!(threads.iter().all(|numbers| numbers.is_sorted()));
        let mut all = threads.concat();
        all.sort_unstable();
        assert!(all.into_iter().eq((0..GROUPS).map(|number| entry(number).group().to_bits())));
        manager.end_enumeration(running).unwrap();
    }
}

#[test]
fn of_two_ends_one_is_told_so() {
    let (manager, igmp) = manager(ManagerLimits::default(), 10);
    for _ in 0..2000 {
        let running = start(&manager, igmp).unwrap();
        let ended = AtomicUsize::new(0);
        let end = || match manager.end_enumeration(running) {
            Ok(()) => _ = ended.fetch_add(1, Ordering::Relaxed),
            Err(error) => assert_eq!(error, ManagerError::InvalidHandle),
        };
        thread::scope(|scope| {
            scope.spawn(end);
            end();
        });
        assert_eq!(ended.into_inner(), 1);
    }
    assert_eq!(manager.enumerations(), []);
}

#[test]
fn a_client_that_goes_takes_along_what_it_is_just_starting() {
    let (manager, _) = manager(ManagerLimits::default(), 10);
    for turn in 0..2000 {
        let client = manager.register(Client::new(77, turn), None).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| while start(&manager, client).is_ok() {});
            manager.deregister(client).unwrap();
        });
        assert_eq!(manager.enumerations(), []);
    }
}
