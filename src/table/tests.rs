use super::*;
use crate::tree::{Demand, Reach};
use crate::types::{Interface, Join, Membership, Protocol, V4, V6};
use std::collections::BTreeSet;

fn commit(table: &GroupTable, number: u8) -> Version {
    let group = V4::new(239, 0, 0, number);
    let mut txn = table.begin_write();
    txn.join(&Membership::any_source(group, Interface::new(1), Protocol::IGMP)).unwrap();
    txn.commit()
}

fn joins(snapshot: &Snapshot) -> Vec<Join<V4>> {
    (0..).map_while(|rank| snapshot.ipv4().join_at(rank)).collect()
}

/// The joins by their model: all on one interface.
fn expected(model: &BTreeSet<u8>) -> Vec<Join<V4>> {
    model.iter().map(|number| Join::any_source(V4::new(239, 0, 0, *number))).collect()
}

#[test]
fn a_refusal_of_memory_at_any_request_changes_nothing() {
    let on = Interface::<V4>::new(1);
    let membership =
        |number| Membership::any_source(V4::new(239, 0, 0, number), on, Protocol::IGMP);
    for granted in 0..60 {
        let table = GroupTable::new();
        let mut model: BTreeSet<u8> = (0..40).map(|number| number * 3).collect();
        table.begin_write().replace(on, Protocol::IGMP, &expected(&model)).unwrap();
        let mut txn = table.begin_write();
        txn.replace(on, Protocol::IGMP, &expected(&model)).unwrap();
        txn.commit();
        let held = table.snapshot().unwrap();

        let mut txn = table.begin_write();
        txn.refuse_after(Some(granted));
        let mut refused = 0;
        for number in 0..50u8 {
            match txn.join(&membership(number.wrapping_mul(7))) {
                Ok(changed) => assert_eq!(changed, model.insert(number.wrapping_mul(7))),
                Err(error) => {
                    assert_eq!(error, WriteError::OutOfMemory);
                    refused += 1;
                }
            }
            match txn.leave(&membership(number)) {
                Ok(changed) => assert_eq!(changed, model.remove(&number)),
                Err(error) => {
                    assert_eq!(error, WriteError::OutOfMemory);
                    refused += 1;
                }
            }
        }
        let half: BTreeSet<u8> = model.iter().copied().step_by(2).collect();
        match txn.replace(on, Protocol::IGMP, &expected(&half)) {
            Ok(_) => model = half,
            Err(error) => {
                assert_eq!(error, WriteError::OutOfMemory);
                refused += 1;
            }
        }
        assert!(refused > 0 || granted > 50);
        txn.refuse_after(None);
        assert_eq!(txn.join(&membership(200)), Ok(true), "the transaction goes on");
        model.insert(200);
        txn.commit();
        let snapshot = table.snapshot().unwrap();
        assert_eq!(joins(&snapshot), expected(&model), "{granted} requests granted");
        let by_interface: Vec<_> = snapshot.ipv4().joined_on(on).collect();
        assert_eq!(by_interface, expected(&model));
        assert_eq!(snapshot.ipv4().membership_count(), model.len());
        assert_eq!(held.ipv4().len(), 40);
    }
}

#[test]
fn stats_do_not_show_an_open_transaction() {
    let table = GroupTable::new();
    commit(&table, 1);
    let before = table.stats();
    let mut txn = table.begin_write();
    let on = Interface::<V4>::new(1);
    let membership = |last| Membership::any_source(V4::new(239, 0, 1, last), on, Protocol::IGMP);
    assert_eq!(txn.join(&membership(1)), Ok(true));
    // A refusal makes the transaction reclaim.
    txn.refuse_after(Some(0));
    assert_eq!(txn.join(&membership(2)), Err(WriteError::OutOfMemory));
    txn.refuse_after(None);
    assert_eq!(table.stats(), before);
    txn.commit();
    assert!(table.stats().in_use_bytes > 0 && table.stats() != before);
}

#[test]
fn families_share_versions_and_nothing_else() {
    let table = GroupTable::new();
    assert_eq!(commit(&table, 1).number(), 1);
    let mut txn = table.begin_write();
    let group: V6 = "ff3e::1".parse().unwrap();
    txn.join(&Membership::any_source(group, Interface::new(1), Protocol::IGMP)).unwrap();
    assert_eq!(txn.commit().number(), 2);
    let snapshot = table.snapshot().unwrap();
    assert_eq!((snapshot.ipv4().len(), snapshot.ipv6().len()), (1, 1));
    assert!(!snapshot.ipv6().contains(Join::any_source(V6::UNSPECIFIED)));
}

#[test]
fn a_list_that_does_not_ascend_is_refused() {
    let table = GroupTable::new();
    let join = |group, source| Join::new(V4::new(239, 0, 0, group), V4::new(10, 0, 0, source));
    let mut txn = table.begin_write();
    let mut replace = |joins: &[Join<V4>]| txn.replace(Interface::new(1), Protocol::new(7), joins);
    assert_eq!(replace(&[join(1, 1), join(1, 2), join(2, 1)]), Ok(3));
    for (at, joins) in [
        (1, [join(1, 1), join(1, 1), join(1, 2)]),
        (2, [join(1, 1), join(1, 2), join(1, 2)]),
        (2, [join(1, 1), join(2, 1), join(1, 2)]),
    ] {
        assert_eq!(replace(&joins), Err(WriteError::NotAscending { at }));
    }
    assert_eq!(replace(&[join(1, 1), join(1, 2), join(2, 1)]), Ok(0), "nothing was changed");
    assert_eq!(replace(&[]), Ok(3));
}

#[test]
fn an_abort_undoes_the_first_and_the_last_membership_of_an_interface() {
    let on = |number, index| {
        let group = V4::new(239, 0, 0, number);
        Membership::any_source(group, Interface::new(index), Protocol::IGMP)
    };
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    txn.join(&on(1, 1)).unwrap();
    txn.commit();
    let mut aborted = table.begin_write();
    assert_eq!(aborted.leave(&on(1, 1)), Ok(true));
    assert_eq!(aborted.join(&on(1, 7)), Ok(true));
    drop(aborted);
    // The next commits must not take what the aborted one did for done.
    for index in [1, 2, 3] {
        let mut txn = table.begin_write();
        assert_eq!(txn.join(&on(2, index)), Ok(true));
        txn.commit();
    }
    let snapshot = table.snapshot().unwrap();
    let indices = |number| -> BTreeSet<u32> {
        let outgoing = snapshot.ipv4().outgoing(Join::any_source(V4::new(239, 0, 0, number)));
        outgoing.map(|interface| interface.index).collect()
    };
    assert_eq!(indices(1), BTreeSet::from([1]));
    assert_eq!(indices(2), BTreeSet::from([1, 2, 3]));
    assert_eq!(snapshot.ipv4().interface_count(), 3);
}

#[test]
fn a_membership_may_move_to_another_interface_in_one_transaction() {
    let table = GroupTable::new();
    let on = |index| {
        let interface = Interface::new(index);
        Membership::any_source(V4::new(239, 0, 0, 1), interface, Protocol::IGMP)
    };
    let mut txn = table.begin_write();
    txn.join(&on(1)).unwrap();
    txn.commit();
    let before = table.snapshot().unwrap();
    let mut txn = table.begin_write();
    assert_eq!(txn.leave(&on(1)), Ok(true));
    assert_eq!(txn.join(&on(2)), Ok(true));
    txn.commit();
    let indices = |snapshot: &Snapshot| -> Vec<u32> {
        let outgoing = snapshot.ipv4().outgoing(Join::any_source(V4::new(239, 0, 0, 1)));
        outgoing.map(|interface| interface.index).collect()
    };
    assert_eq!(indices(&table.snapshot().unwrap()), [2]);
    assert_eq!(indices(&before), [1]);
    assert_eq!(before.ipv4().joined_on(Interface::new(2)).count(), 0);
}

const ALMOST: usize = 4 << 20;

/// A table that is almost as large as it may be and has leaves that are half full, its joins, and a snapshot
/// of it. So what is compacted does not free the nodes that it replaces.
fn almost_full() -> (GroupTable, BTreeSet<Join<V4>>, Snapshot) {
    let limits = Limits::default().with_node_bytes(ALMOST).with_compaction(false);
    let table = GroupTable::with_limits(limits);
    let in_use = || table.stats().in_use_bytes;
    let mut joined = BTreeSet::new();
    let numbers = (0..).map(|number: u32| number.wrapping_mul(0x9e37_79b9) >> 8);
    for number in numbers {
        let join = Join::any_source(V4::from_bits(0xe000_0000 | number));
        let mut txn = table.begin_write();
        txn.join(&Membership::new(join, Interface::new(1), Protocol::IGMP)).unwrap();
        txn.commit();
        joined.insert(join);
        if in_use() > ALMOST * 11 / 20 {
            break;
        }
    }
    let held = table.snapshot().unwrap();
    for (at, join) in joined.clone().into_iter().enumerate() {
        if at % 4 < 2 && in_use() < ALMOST - (96 << 10) {
            let mut txn = table.begin_write();
            txn.leave(&Membership::new(join, Interface::new(1), Protocol::IGMP)).unwrap();
            txn.commit();
            joined.remove(&join);
        }
    }
    drop(held);
    table.reclaim();
    let held = table.snapshot().unwrap();
    (table, joined, held)
}

/// Brings the bytes in use close to the limit, by versions that are held.
fn fill_up(table: &GroupTable, held: &mut Vec<Snapshot>) {
    let last = Membership::any_source(V4::BROADCAST, Interface::new(1), Protocol::IGMP);
    for at in 0.. {
        let mut txn = table.begin_write();
        if table.stats().in_use_bytes > ALMOST - (256 << 10) {
            break;
        }
        match at % 2 {
            0 => txn.join(&last).unwrap(),
            _ => txn.leave(&last).unwrap(),
        };
        txn.commit();
        held.push(table.snapshot().unwrap());
    }
}

#[test]
fn upkeep_takes_no_memory_that_joins_may_not_take() {
    let (table, _, held) = almost_full();
    let mut held = vec![held];
    fill_up(&table, &mut held);
    let in_use = || table.stats().in_use_bytes;
    let before = in_use();
    for _ in 0..100 {
        let mut txn = table.begin_write();
        txn.txn.reserve(Demand::default(), Reach::System).unwrap();
        txn.txn.mark_changed();
        index::keep_up(&mut txn.txn);
        txn.commit();
        assert!(in_use() <= ALMOST);
        held.push(table.snapshot().unwrap());
    }
    if cfg!(not(groupscan_check)) {
        assert!(in_use() > before, "something was compacted");
    }
}

#[test]
fn compaction_takes_no_memory_that_joins_may_not_take() {
    let (table, joined, held) = almost_full();
    let mut held = vec![held];
    fill_up(&table, &mut held);
    let in_use = || table.stats().in_use_bytes;
    let before = in_use();
    let ended = loop {
        match table.compact_step() {
            Ok(true) => assert!(in_use() <= ALMOST),
            ended => break ended,
        }
    };
    assert_eq!(ended, Err(WriteError::OutOfCapacity { limit_bytes: ALMOST }));
    assert!(in_use() <= ALMOST);
    drop(held);
    table.reclaim();
    assert!(in_use() <= before);
    assert_eq!(table.compact(), Ok(()), "a step does what there is memory for");
    assert!(in_use() < before);
    let (layout, figures) = (table.snapshot().unwrap().ipv4().layout(), table.stats().ipv4);
    assert_eq!(figures.join_capacity, layout.joins.capacity);
    assert_eq!(figures.membership_capacity, layout.by_interface.capacity);
    assert!((0.6..=1.0).contains(&layout.joins.fill()), "{layout:?}");
    let last = Join::any_source(V4::BROADCAST);
    assert!(joins(&table.snapshot().unwrap()).into_iter().filter(|join| *join != last).eq(joined));
}

#[test]
fn the_spare_is_enough_for_a_membership_of_a_join_that_has_two() {
    // Three indexes change then, and so do their many levels. A join with one membership, which comes last,
    // needs less.
    let on = |group: u32, index| {
        let group = V4::from_bits(0xe000_0000 + group.wrapping_mul(0x9e37_79b1) % (1 << 28));
        Membership::any_source(group, Interface::new(index), Protocol::IGMP)
    };
    for kib in (300..800).step_by(if cfg!(miri) { 400 } else { 20 }) {
        let limits = Limits::default().with_mapped_bytes(kib << 10).with_compaction(false);
        let table = GroupTable::with_limits(limits);
        let (mut held, mut pairs) = (Vec::new(), 0);
        for group in 0.. {
            let is_pair = table.stats().in_use_bytes < kib << 8;
            let mut txn = table.begin_write();
            let joined = txn.join(&on(group, 1));
            if is_pair {
                txn.join(&on(group, 2)).unwrap();
                pairs = group + 1;
            }
            txn.commit();
            if joined.is_err() {
                break;
            }
            held.extend((!is_pair).then(|| table.snapshot().unwrap()));
        }
        for (group, index) in (0..pairs).flat_map(|group| [(group, 1), (group, 2)]) {
            let mut txn = table.begin_write();
            assert_eq!(txn.leave(&on(group, index)), Ok(true), "{kib} KiB, {group} of {pairs}");
            txn.abort();
        }
    }
}
