//! Writers take turns, first come, first served, and a writer that gives up takes none.

use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use groupscan::manager::{Client, GroupManager, ManagerError, MembershipUpdate};
use groupscan::{Filter, GroupTable, Interface, Membership, Protocol, RetainedError, V4, View};
use groupscan_testing::orders::{LAN, entry};
use groupscan_testing::threads::spawn_waiting;

/// Long enough for a thread that waits only for a few others.
const LONG: Duration = Duration::from_secs(600);

/// A wait that ends while the turn is another writer's.
const SHORT: Duration = Duration::from_millis(20);

fn membership(group: u8) -> Membership<V4> {
    Membership::any_source(V4::new(239, 1, 1, group), Interface::new(2), Protocol::IGMP)
}

#[test]
fn transactions_begin_in_the_order_in_which_writers_came() {
    let (table, order) = (GroupTable::new(), Mutex::new(Vec::new()));
    let first = table.begin_write();
    thread::scope(|scope| {
        for number in 0..6 {
            let (table, order) = (&table, &order);
            // Whichever form a writer waits by, it queues.
            let wait = move || match number % 3 {
                0 => table.begin_write(),
                1 => table.begin_write_timeout(LONG).expect("its turn comes"),
                _ => table.begin_write_timeout(Duration::MAX).expect("its turn comes"),
            };
            spawn_waiting(scope, move || {
                let mut txn = wait();
                order.lock().unwrap().push(number);
                txn.join(&membership(number)).unwrap();
                assert_eq!(txn.commit().number(), u64::from(number) + 1);
            });
        }
        first.commit();
        // Behind all that wait.
        let last = table.begin_write();
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
        last.commit();
    });
}

#[test]
fn a_busy_writer_does_not_overtake_those_that_wait() {
    let table = GroupTable::new();
    for _ in 0..20 {
        let order = Mutex::new(Vec::new());
        let open = table.begin_write();
        thread::scope(|scope| {
            for number in 0..3 {
                let (table, order) = (&table, &order);
                spawn_waiting(scope, move || {
                    // Begins again at once: the turn is another writer's by then, whether or not that one
                    // runs yet.
                    for _ in 0..2 {
                        let txn = table.begin_write();
                        order.lock().unwrap().push(number);
                        txn.commit();
                    }
                });
            }
            open.commit();
        });
        let order = order.into_inner().unwrap();
        assert_eq!((&order[..3], order.len()), (&[0, 1, 2][..], 6), "{order:?}");
    }
}

#[test]
fn a_try_fails_while_a_transaction_is_open_or_a_writer_waits() {
    let table = GroupTable::new();
    let open = table.begin_write();
    assert!(table.try_begin_write().is_none(), "this thread has it itself");
    assert!(table.begin_write_timeout(Duration::ZERO).is_none());
    thread::scope(|scope| {
        let (go_on, wait) = mpsc::channel();
        let table = &table;
        let waiter = spawn_waiting(scope, move || {
            let txn = table.begin_write();
            wait.recv().unwrap();
            txn.commit();
        });
        open.commit();
        // The waiter may not run yet, but the turn was handed to it.
        assert!(table.try_begin_write().is_none(), "the turn is the waiter's");
        go_on.send(()).unwrap();
        waiter.join().unwrap();
    });
    let txn = table.try_begin_write().expect("no transaction is open");
    assert!(table.begin_write_timeout(SHORT).is_none());
    drop(txn);
    table.begin_write_timeout(SHORT).expect("the transaction was aborted").commit();
    assert_eq!(table.version().number(), 0);
}

#[test]
fn a_writer_that_gave_up_takes_no_turn() {
    let (table, order) = (GroupTable::new(), Mutex::new(Vec::new()));
    let first = table.begin_write();
    thread::scope(|scope| {
        let wait = |number, timeout| {
            let (table, order) = (&table, &order);
            spawn_waiting(scope, move || {
                let txn = table.begin_write_timeout(timeout);
                if txn.is_some() {
                    order.lock().unwrap().push(number);
                }
                txn.is_some()
            })
        };
        let before = wait(0, LONG);
        let gives_up = wait(1, Duration::from_millis(200));
        let behind = wait(2, LONG);
        assert!(!gives_up.join().unwrap(), "the transaction is open all the time");
        assert!(order.lock().unwrap().is_empty());
        first.commit();
        assert!(before.join().unwrap() && behind.join().unwrap());
    });
    assert_eq!(*order.lock().unwrap(), [0, 2]);
    assert!(table.try_begin_write().is_some());
}

#[test]
fn other_calls_on_a_table_give_up_too() {
    let table = GroupTable::new();
    let open = table.begin_write();
    for timeout in [Duration::ZERO, SHORT] {
        assert_eq!(table.reclaim_step_timeout(timeout), None);
        assert_eq!(table.retained_timeout(timeout), Err(RetainedError::Timeout));
    }
    open.commit();
    assert_eq!(table.reclaim_step_timeout(Duration::ZERO), Some(false));
    assert_eq!(table.retained_timeout(Duration::ZERO).map(|retained| retained.len()), Ok(1));
}

/// Runs `during` in the middle of an update of a client, which has its turn.
fn during_an_update(manager: &GroupManager, client: Client, during: impl FnOnce()) {
    let handle = manager.register(client, None).unwrap();
    let nothing = std::iter::once_with(|| {
        during();
        Err::<MembershipUpdate, _>(ManagerError::OutOfMemory)
    });
    manager.try_update(handle, nothing).unwrap_err();
    manager.deregister(handle).unwrap();
}

#[test]
fn calls_on_a_manager_come_in_order() {
    let (manager, order) = (GroupManager::new(), Mutex::new(Vec::new()));
    let pim = manager.register(Client::new(20, 0), None).unwrap();
    thread::scope(|scope| {
        during_an_update(&manager, Client::new(10, 99), || {
            for number in 0..5 {
                let (manager, order) = (&manager, &order);
                spawn_waiting(scope, move || {
                    let nothing = std::iter::once_with(|| {
                        order.lock().unwrap().push(number);
                        Err::<MembershipUpdate, _>(ManagerError::OutOfMemory)
                    });
                    manager.try_update(pim, nothing).unwrap_err();
                });
            }
        });
    });
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn calls_on_a_manager_give_up_and_change_nothing() {
    let manager = GroupManager::new();
    let igmp = manager.register(Client::new(10, 0), None).unwrap();
    let pim = manager.register(Client::new(20, 0), None).unwrap();
    let wan = Interface::new(7);
    manager.take_interface(pim, LAN).unwrap();
    let flags = groupscan::MembershipFlags::JOIN;
    manager.add_membership(igmp, &entry(1), LAN, flags).unwrap();
    let version = manager.snapshot().unwrap().version();
    let timeout = Err(ManagerError::Timeout);
    assert_eq!(manager.timeout(), None);
    for wait in [Duration::ZERO, SHORT] {
        manager.set_timeout(None);
        during_an_update(&manager, Client::new(30, 0), || {
            manager.set_timeout(Some(wait));
            assert_eq!(manager.timeout(), Some(wait));
            assert_eq!(manager.register(Client::new(30, 1), None).map(drop), timeout);
            assert_eq!(manager.deregister(igmp), timeout);
            assert_eq!(manager.take_interface(pim, wan), timeout);
            assert_eq!(manager.release_interface(pim, LAN), timeout);
            assert_eq!(manager.protocol_on_interface(LAN).map(drop), timeout);
            assert_eq!(manager.add_membership(igmp, &entry(2), LAN, flags), timeout);
            assert_eq!(manager.delete_membership(igmp, &entry(1), LAN, flags), timeout);
            assert_eq!(manager.leave_all(igmp, LAN).map(drop), timeout);
            let refused = manager.replace(igmp, LAN, &[]).unwrap_err();
            assert_eq!((refused.at, refused.error), (None, ManagerError::Timeout));
            let refused = manager.update_memberships(igmp, &[], &[]).unwrap_err();
            assert_eq!((refused.at, refused.error), (None, ManagerError::Timeout));
            assert_eq!(manager.try_retained().map(drop), timeout);
            assert_eq!(manager.try_reclaim_step().map(drop), timeout);
            assert_eq!(manager.try_enumerations().map(drop), timeout);
            // Enumerations do not wait.
            let running = manager.start_enumeration(igmp, View::AllSources, Filter::all()).unwrap();
            let mut buffer = [0; 64];
            assert_eq!(manager.get_next(running, &mut buffer).unwrap().entries(), [entry(1)]);
            manager.end_enumeration(running).unwrap();
            manager.set_timeout(None);
        });
    }
    assert_eq!(ManagerError::Timeout.code(), groupscan::manager::code::ERROR_CAN_NOT_COMPLETE);
    assert_eq!(manager.snapshot().unwrap().version(), version);
    assert_eq!(manager.protocol_on_interface(LAN), Ok(Client::new(20, 0)));
    assert!(manager.protocol_on_interface(wan).is_err());
    manager.set_timeout(Some(Duration::ZERO));
    assert_eq!(manager.deregister(igmp), Ok(()));
    assert_eq!(manager.try_enumerations(), Ok(Vec::new()));
    assert_eq!(manager.try_retained().map(|retained| retained.len()), Ok(1));
    manager.try_reclaim_step().unwrap();
    for beyond in [Duration::MAX, Duration::from_secs(u64::MAX / 1_000_000_000 + 1)] {
        manager.set_timeout(Some(beyond));
        assert_eq!(manager.timeout(), None, "longer than any process runs");
    }
}
