//! A table can always shrink: bulk removals need what they need, leaves work without memory, and free memory
//! returns to the system.

use std::collections::BTreeSet;

use groupscan::{
    Family, GroupTable, Interface, Join, Limits, Membership, MembershipFlags, Protocol,
    ReplacedFlags, Snapshot, Stats, V4, V6, WriteError,
};

const CHUNK: usize = 2 << 20;

const ALL: MembershipFlags = MembershipFlags::JOIN.union(MembershipFlags::FORWARD);

trait Address: Family {
    fn group(number: u32) -> Self;
    fn hop(number: u32) -> Self;
}

impl Address for V4 {
    fn group(number: u32) -> Self {
        Self::from_bits(0xe800_0000 + number)
    }

    fn hop(number: u32) -> Self {
        Self::from_bits(if number == 0 { 0 } else { 0x0a00_0000 + number })
    }
}

impl Address for V6 {
    fn group(number: u32) -> Self {
        Self::from_bits((0xff3e << 112) + u128::from(number))
    }

    fn hop(number: u32) -> Self {
        Self::from_bits(if number == 0 { 0 } else { (0xfe80 << 112) + u128::from(number) })
    }
}

/// A number that looks random.
fn mix(number: u32) -> u32 {
    let mixed = (number ^ number >> 15).wrapping_mul(0x2c1b_3c6d);
    let mixed = (mixed ^ mixed >> 12).wrapping_mul(0x297a_2d39);
    mixed ^ mixed >> 15
}

fn any<F: Address>(number: u32) -> Join<F> {
    Join::any_source(F::group(number))
}

/// Memberships of all kinds: several of one join, with and without next hops, with any flags.
fn membership<F: Address>(number: u32) -> Membership<F> {
    let group = F::group(mix(number) % 2000);
    let interface = match mix(number) >> 16 & 3 {
        0..2 => Interface::new(1 + number % 3),
        hop => Interface::with_next_hop(1 + number % 3, F::hop(hop)),
    };
    let flags = [MembershipFlags::JOIN, MembershipFlags::FORWARD, ALL];
    Membership::any_source(group, interface, Protocol::new(number % 2))
        .with_flags(flags[(mix(number) >> 20) as usize % 3])
}

fn joins(snapshot: &Snapshot) -> Vec<Join<V4>> {
    (0..).map_while(|rank| snapshot.ipv4().join_at(rank)).collect()
}

fn stats(table: &GroupTable) -> Stats {
    table.reclaim();
    table.stats()
}

/// A table of `count` joins on interface 1, made by many commits in no order.
fn filled<F: Address>(limits: Limits, count: u32) -> GroupTable {
    let table = GroupTable::with_limits(limits);
    let mut numbers: Vec<u32> = (0..count).collect();
    numbers.sort_by_key(|number| mix(*number));
    for numbers in numbers.chunks(100) {
        let mut txn = table.begin_write();
        for number in numbers {
            let join = any::<F>(2 * *number);
            txn.join(&Membership::new(join, Interface::new(1), Protocol::IGMP)).unwrap();
        }
        txn.commit();
    }
    table
}

/// Checks that a change of a table of `count` joins works if so much memory may be mapped in relation to the
/// bytes in use before.
fn fits<F: Address>(count: u32, most: f64, change: impl FnOnce(&GroupTable)) {
    let full = filled::<F>(Limits::default(), count).stats();
    // What a chunk has too much does not count.
    let bytes = full.in_use_bytes as f64 * most + 2.0 * CHUNK as f64;
    let limit = full.mapped_bytes.max(bytes as usize);
    assert!(limit as f64 <= full.in_use_bytes as f64 * (most + 0.6), "a tight limit");
    change(&filled::<F>(Limits::default().with_mapped_bytes(limit), count));
}

fn bulk_changes_need_what_they_touch<F: Address, const COUNT: u32>() {
    let lan = Interface::<F>::new(1);
    fits::<F>(COUNT, 1.1, |table| {
        let mut txn = table.begin_write();
        assert_eq!(txn.leave_all(lan, Protocol::IGMP), Ok(COUNT as usize));
        txn.commit();
    });
    fits::<F>(COUNT, 1.1, |table| {
        let mut txn = table.begin_write();
        let step = txn.leave_everywhere_step::<F>(Protocol::IGMP, None, usize::MAX);
        assert_eq!(step.map(|step| step.changed), Ok(COUNT as usize));
        txn.commit();
    });
    let joins = |differs: &dyn Fn(u32) -> bool| -> Vec<Join<F>> {
        (0..COUNT).map(|number| any(2 * number + u32::from(differs(number)))).collect()
    };
    for (joins, changed, most) in [
        // None, a hundredth in a run, a hundredth spread over all leaves, and all.
        (joins(&|_| false), 0, 1.0),
        (joins(&|number| number / (COUNT / 100) == 50), COUNT / 50, 1.2),
        (joins(&|number| number % 100 == 0), COUNT / 50, 2.1),
        (joins(&|_| true), 2 * COUNT, 2.1),
    ] {
        fits::<F>(COUNT, most, |table| {
            let mut txn = table.begin_write();
            assert_eq!(txn.replace(lan, Protocol::IGMP, &joins), Ok(changed as usize));
            txn.commit();
        });
    }
}

#[test]
fn bulk_changes_of_ipv4_need_what_they_touch() {
    bulk_changes_need_what_they_touch::<V4, 300_000>();
}

#[test]
fn bulk_changes_of_ipv6_need_what_they_touch() {
    bulk_changes_need_what_they_touch::<V6, 100_000>();
}

/// Fills a table until there is no memory, and empties it by single leaves, in some order.
fn every_leave_works_without_memory<F: Address>(limits: Limits, order: fn(u32) -> u32) {
    let table = GroupTable::with_limits(limits);
    let mut present = BTreeSet::new();
    for number in 0.. {
        let mut txn = table.begin_write();
        let joined = txn.join(&membership::<F>(number));
        txn.commit();
        match joined {
            Ok(_) => _ = present.insert(number),
            Err(error) => {
                assert!(matches!(error, WriteError::OutOfCapacity { .. }));
                break;
            }
        }
    }
    let mut numbers: Vec<u32> = present.into_iter().collect();
    numbers.sort_by_key(|number| order(*number));
    for (at, number) in numbers.iter().enumerate() {
        let mut txn = table.begin_write();
        let left = txn.leave(&membership::<F>(*number).with_flags(ALL));
        assert!(left.is_ok(), "leave {at} of {}: {left:?}", numbers.len());
        txn.commit();
        // And again a join, if there is memory, so that the reserve is used up if it can be.
        if at % 7 == 0 {
            let mut txn = table.begin_write();
            let _ = txn.join(&membership::<F>(*number));
            txn.commit();
            let mut txn = table.begin_write();
            txn.leave(&membership::<F>(*number).with_flags(ALL)).unwrap();
            txn.commit();
        }
    }
    assert_eq!(stats(&table).in_use_bytes, 0);
    table.trim();
    if !cfg!(groupscan_check) {
        assert_eq!(stats(&table).mapped_bytes, 0);
    }
}

#[test]
fn every_leave_works_at_a_limit_on_mapped_memory() {
    for kib in [64, 100, 200, 1000] {
        let limits = Limits::default().with_mapped_bytes(kib << 10);
        every_leave_works_without_memory::<V4>(limits, |number| number);
        every_leave_works_without_memory::<V6>(limits, mix);
    }
}

#[test]
fn every_leave_works_at_a_limit_on_nodes() {
    for kib in [64, 200, 1000] {
        let limits = Limits::default().with_node_bytes(kib << 10);
        every_leave_works_without_memory::<V4>(limits, mix);
        every_leave_works_without_memory::<V6>(limits, |number| u32::MAX - number);
    }
}

#[test]
fn leaves_that_get_too_few_keys_take_some_of_their_neighbours() {
    // Leaves have 256 joins, and 120 memberships. Every other one loses all but a few. Its neighbour, which is
    // full, is copied and gives it some. Debug builds check that all slots were reserved.
    for keys in [256, 120] {
        let table = GroupTable::new();
        let lan = Interface::<V4>::new(1);
        let all: Vec<Join<V4>> = (0..60_000).map(any).collect();
        let kept = |number: &u32| (number / keys).is_multiple_of(2) || number % keys < 10;
        let some: Vec<Join<V4>> = (0..60_000).filter(kept).map(any).collect();
        for wanted in [&all, &some] {
            let mut txn = table.begin_write();
            txn.replace(lan, Protocol::IGMP, wanted).unwrap();
            txn.commit();
            assert_eq!(&joins(&table.snapshot().unwrap()), wanted);
        }
    }
}

/// Fills a table until there is no memory, and holds all versions but the first ones. Then any leave works.
fn one_leave_works_while_versions_are_held<F: Address>(kib: usize, first: u32) {
    let limits = Limits::default().with_mapped_bytes(kib << 10).with_compaction(false);
    let table = GroupTable::with_limits(limits);
    let mut held = Vec::new();
    let mut present = Vec::new();
    for number in first..first + 200_000 {
        let mut txn = table.begin_write();
        let joined = txn.join(&membership::<F>(number));
        txn.commit();
        if joined.is_err() {
            break;
        }
        present.push(number);
        if stats(&table).in_use_bytes > kib << 9 {
            held.push(table.snapshot().unwrap());
        }
    }
    let all = |number| membership::<F>(number).with_flags(ALL);
    for number in &present {
        let mut txn = table.begin_write();
        let left = txn.leave(&all(*number));
        assert_eq!(left, Ok(true), "{kib} KiB, {} held", held.len());
        txn.abort();
    }
    drop(held);
    for number in present {
        let mut txn = table.begin_write();
        txn.leave(&all(number)).unwrap();
        txn.commit();
    }
    assert_eq!(stats(&table).in_use_bytes, 0);
}

#[test]
fn one_leave_works_while_all_versions_are_held() {
    for kib in (130..800).step_by(20).chain((1500..2500).step_by(90)) {
        one_leave_works_while_versions_are_held::<V4>(kib, kib as u32 * 10_000);
        one_leave_works_while_versions_are_held::<V6>(kib, kib as u32 * 10_000);
    }
}

#[test]
fn bulk_removals_work_where_single_leaves_do() {
    for kib in [200, 3000] {
        let limits = Limits::default().with_mapped_bytes(kib << 10).with_compaction(false);
        for everywhere in [false, true] {
            let table = GroupTable::with_limits(limits);
            let (lan, wan) = (Interface::<V4>::new(1), Interface::new(2));
            let mut count = 0;
            // Every second key of a leaf goes, so that all nodes are copied.
            loop {
                let mut txn = table.begin_write();
                let on = if count % 2 == 0 { lan } else { wan };
                let join = any::<V4>(count as u32);
                let protocol = Protocol::new(count as u32 % 2);
                let joined = txn.join(&Membership::new(join, on, protocol));
                txn.commit();
                if joined.is_err() {
                    break;
                }
                count += 1;
            }
            let removed = match everywhere {
                true => table.leave_everywhere::<V4>(Protocol::new(0)),
                false => table.leave_all(lan, Protocol::new(0)),
            };
            assert_eq!(removed.map(|removed| removed.changed), Ok(count - count / 2));
            let snapshot = table.snapshot().unwrap();
            let expected = (0..count / 2).map(|at| any(2 * at as u32 + 1));
            assert!(joins(&snapshot).into_iter().eq(expected));
        }
    }
}

#[test]
fn a_limit_on_mapped_memory_holds() {
    for bytes in [0, 8 << 10, 100_000, 3 << 20] {
        let table = GroupTable::with_limits(Limits::default().with_mapped_bytes(bytes));
        let refused = (0..).find_map(|number| {
            let mut txn = table.begin_write();
            let join = any::<V4>(number);
            let joined = txn.join(&Membership::new(join, Interface::new(1), Protocol::IGMP));
            txn.commit();
            assert!(table.stats().mapped_bytes <= bytes);
            joined.err()
        });
        assert_eq!(refused, Some(WriteError::OutOfCapacity { limit_bytes: bytes }));
    }
}

#[test]
fn commits_give_memory_back_after_bulk_removals() {
    let table = filled::<V4>(Limits::default(), 300_000);
    let full = stats(&table).mapped_bytes;
    assert!(full > 10 << 20);
    table.leave_all::<V4>(Interface::new(1), Protocol::IGMP).unwrap();
    for number in 0..20_000 {
        let mut txn = table.begin_write();
        txn.join(&membership::<V4>(number)).unwrap();
        txn.commit();
    }
    let left = table.stats().mapped_bytes;
    assert!(left < full / 2, "{left} of {full} bytes are still mapped");
}

#[test]
fn trimming_leaves_what_readers_hold() {
    let table = filled::<V4>(Limits::default(), 50_000);
    let held = table.snapshot().unwrap();
    table.leave_all::<V4>(Interface::new(1), Protocol::IGMP).unwrap();
    table.trim();
    assert!(joins(&held).into_iter().eq((0..50_000).map(|number| any(2 * number))));
    assert!(table.stats().mapped_bytes >= table.stats().retained_bytes);
    drop(held);
    table.trim();
    if !cfg!(groupscan_check) {
        assert_eq!(table.stats().mapped_bytes, 0);
    }
}

fn steps_come_to_the_same<F: Address>() {
    let (lan, protocol) = (Interface::<F>::new(1), Protocol::IGMP);
    let before: Vec<u32> = (0..300).map(|at| at * 3).collect();
    let wanted: Vec<Join<F>> = (0..300).map(|at| any(at * 2)).collect();
    for flags in [ReplacedFlags::default(), ReplacedFlags::Add(MembershipFlags::FORWARD), {
        ReplacedFlags::Set(ALL)
    }] {
        for most in [1, 2, 7, 100, usize::MAX] {
            let (whole, stepped) = (GroupTable::new(), GroupTable::new());
            for table in [&whole, &stepped] {
                let mut txn = table.begin_write();
                for number in &before {
                    let own = Membership::new(any(*number), lan, protocol);
                    txn.join(&own).unwrap();
                    // Others that are passed over.
                    txn.join(&Membership { protocol: Protocol::PIM, ..own }).unwrap();
                    txn.join(&Membership { interface: Interface::new(2), ..own }).unwrap();
                }
                txn.commit();
            }
            let mut txn = whole.begin_write();
            let changed = txn.replace_with(lan, protocol, &wanted, flags).unwrap();
            txn.commit();
            let (mut from, mut steps, mut sum) = (None, 0, 0);
            loop {
                let mut txn = stepped.begin_write();
                let step = txn.replace_step(lan, protocol, &wanted, flags, from, most).unwrap();
                txn.commit();
                assert!(step.changed <= most);
                steps += 1;
                sum += step.changed;
                from = step.next;
                if from.is_none() {
                    break;
                }
            }
            assert_eq!((sum, steps), (changed, 500usize.div_ceil(most)));
            let order = groupscan::MembershipOrder::ByGroup;
            let all = |table: &GroupTable| -> Vec<Membership<F>> {
                let snapshot = table.snapshot().unwrap();
                snapshot.of::<F>().all_memberships(order).collect()
            };
            assert_eq!(all(&stepped), all(&whole));

            let left = whole.leave_everywhere::<F>(protocol).unwrap().changed;
            let (mut from, mut sum) = (None, 0);
            loop {
                let mut txn = stepped.begin_write();
                let step = txn.leave_everywhere_step::<F>(protocol, from, most).unwrap();
                txn.commit();
                sum += step.changed;
                from = step.next;
                if from.is_none() {
                    break;
                }
            }
            assert_eq!(sum, left);
            assert_eq!(all(&stepped), all(&whole));
            assert!(all(&whole).iter().all(|left| left.protocol == Protocol::PIM));
        }
    }
}

#[test]
fn steps_come_to_the_same_as_a_whole_change() {
    steps_come_to_the_same::<V4>();
    steps_come_to_the_same::<V6>();
}

#[test]
fn a_step_takes_no_list_that_does_not_ascend_where_it_looks() {
    let table = GroupTable::new();
    let (lan, flags) = (Interface::<V4>::new(1), ReplacedFlags::default());
    let step = |joins: &[Join<V4>], from, most| {
        let mut txn = table.begin_write();
        let step = txn.replace_step(lan, Protocol::IGMP, joins, flags, from, most);
        txn.commit();
        step.map(|step| step.changed)
    };
    let [a, b, c, d] = [1, 2, 3, 4].map(any::<V4>);
    let not_ascending = |at| Err(WriteError::NotAscending { at });
    assert_eq!(step(&[b, a], None, 10), not_ascending(1));
    assert_eq!(step(&[b, a], Some(a), 10), not_ascending(1));
    assert_eq!(step(&[a, c, b, d], Some(b), 1), not_ascending(2));
    assert_eq!(step(&[a, b, c, c], Some(c), 1), not_ascending(3));
    assert_eq!(step(&[a, b, c, d], Some(c), 10), Ok(2));
    assert_eq!(step(&[a, b, c, d], None, 10), Ok(2));
    assert_eq!(joins(&table.snapshot().unwrap()), [a, b, c, d]);
}

#[test]
fn flags_alone_leave_the_spare_to_a_leave() {
    // Memberships that lose JOIN and keep FORWARD move to another index and take more memory.
    for kib in (100..400).step_by(30) {
        let table = GroupTable::with_limits(Limits::default().with_mapped_bytes(kib << 10));
        let on = |number| {
            let join = any::<V4>(number);
            Membership::new(join, Interface::new(1), Protocol::IGMP).with_flags(ALL)
        };
        let mut count = 0;
        loop {
            let mut txn = table.begin_write();
            let joined = txn.join(&on(count));
            txn.commit();
            if joined.is_err() {
                break;
            }
            count += 1;
        }
        for number in 0..count {
            let mut txn = table.begin_write();
            // May fail.
            let _ = txn.leave(&on(number).with_flags(MembershipFlags::JOIN));
            txn.commit();
            let mut txn = table.begin_write();
            assert_eq!(txn.leave(&on(number)), Ok(true), "{kib} KiB, {number} of {count}");
            match number % 2 {
                0 => _ = txn.commit(),
                _ => txn.abort(),
            }
        }
    }
}

#[test]
fn one_removal_in_a_list_needs_no_more_than_a_leave() {
    // All that is mapped is used, but for the spare.
    for count in (2000..4000).step_by(97) {
        let joins: Vec<Join<V4>> = (0..count).map(any).collect();
        let lan = Interface::<V4>::new(1);
        let least = (64..1000).step_by(8).find_map(|kib| {
            let table = GroupTable::with_limits(Limits::default().with_mapped_bytes(kib << 10));
            let mut txn = table.begin_write();
            txn.replace(lan, Protocol::IGMP, &joins).ok()?;
            txn.commit();
            Some(table)
        });
        let table = least.unwrap();
        let held = table.snapshot().unwrap();
        let mut txn = table.begin_write();
        let step = txn.leave_all_step(lan, Protocol::IGMP, None, 1);
        assert_eq!(step.map(|step| step.changed), Ok(1), "{count} joins");
        txn.abort();
        drop(held);
        assert_eq!(table.leave_all(lan, Protocol::IGMP).unwrap().changed, count as usize);
    }
}
