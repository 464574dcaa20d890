//! Ways through a version: every SIMD level, memberships in both orders, positions, parts, iterators, raw
//! keys.

use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::thread;

use groupscan::{
    Enumeration, Family, FamilySnapshot, Filter, GetNextError, GroupTable, Interface, Join,
    JoinKey, Kind, Membership, MembershipFlags, MembershipOrder, Memberships, Position, Prefix,
    Protocol, SimdLevel, Snapshot, SourceGroupEntry, V4, V6, View,
};
use groupscan_testing::model::{
    Model, ORDERS, SPREAD_INTERFACES, SPREAD_PROTOCOLS, Small, compare_in, membership,
    spread_membership,
};
use proptest::prelude::*;

/// The numbers of a membership.
type Numbers = [u8; 5];

fn numbers() -> impl Strategy<Value = Vec<Numbers>> {
    let membership = (0..12u8, 0..6u8, 0..3u8, 0..3u8, 0..3u8);
    proptest::collection::vec(membership.prop_map(|(g, s, i, p, f)| [g, s, i, p, f]), 0..160)
}

/// A table of memberships, and its model.
fn table<F: Small>(memberships: &[Numbers]) -> (GroupTable, Model<F>) {
    let (table, mut model) = (GroupTable::new(), Model::default());
    change(&table, &mut model, memberships);
    (table, model)
}

fn change<F: Small>(table: &GroupTable, model: &mut Model<F>, memberships: &[Numbers]) {
    toggle(table, model, memberships.iter().map(|[g, s, i, p, f]| membership(*g, *s, *i, *p, *f)));
}

/// In one commit, joins the memberships that do not exist and leaves those that do.
fn toggle<F: Small>(
    table: &GroupTable,
    model: &mut Model<F>,
    memberships: impl IntoIterator<Item = Membership<F>>,
) {
    let mut txn = table.begin_write();
    for membership in memberships {
        if model.join(&membership) {
            txn.join(&membership).unwrap();
        } else {
            model.leave(&membership);
            txn.leave(&membership).unwrap();
        }
    }
    txn.commit();
}

fn interfaces<F: Small>() -> [Interface<F>; 4] {
    [0, 1, 2, 9].map(|number| membership::<F>(1, 1, number, 0, 0).interface)
}

fn filters<F: Small>() -> Vec<Filter<F>> {
    let groups = [Prefix::ALL, Prefix::new(F::small(4), F::BITS - 1).unwrap()];
    let sources = [Prefix::ALL, Prefix::new(F::small(3), F::BITS).unwrap()];
    let mut filters = Vec::new();
    for (group, source) in groups.iter().flat_map(|g| sources.iter().map(move |s| (*g, *s))) {
        let filter = Filter::all().with_groups(group).with_sources(source);
        filters.push(filter);
        filters.extend(interfaces().map(|interface| filter.with_interface(interface)));
    }
    filters
}

/// The rest of an enumeration, read in pages of `page` records.
fn rest<F: Family, K: Kind>(enumeration: &Enumeration<F, K>, page: usize) -> Vec<K::Record<F>> {
    let mut buffer = vec![0; page * size_of::<K::Record<F>>() + 5];
    let mut rest = Vec::new();
    loop {
        let batch = enumeration.get_next(&mut buffer).unwrap();
        rest.extend_from_slice(batch.entries());
        assert!(batch.entries().len() == page || !batch.more());
        if !batch.more() {
            return rest;
        }
    }
}

fn joins<F: Family>(entries: &[F::Entry]) -> Vec<Join<F>> {
    entries.iter().map(Join::from_entry).collect()
}

// Every SIMD level, memberships.

fn kernels_agree<F: Small>(memberships: &[Numbers], page: usize) {
    let (table, model) = table::<F>(memberships);
    let snapshot = table.snapshot().unwrap();
    for level in SimdLevel::available() {
        for view in View::ALL {
            for filter in filters::<F>() {
                let enumeration = snapshot.of::<F>().enumerate(view, filter).with_simd_level(level);
                assert_eq!(enumeration.simd_level(), level);
                let shown = joins::<F>(&rest(&enumeration, page));
                assert_eq!(shown, model.shown(view, filter), "{level}: {view:?} of {filter:?}");
            }
        }
    }
}

fn memberships_are_shown<F: Small>(memberships: &[Numbers], page: usize) {
    let (table, model) = table::<F>(memberships);
    let snapshot = table.snapshot().unwrap();
    for level in SimdLevel::available() {
        for filter in filters::<F>() {
            for interface in interfaces() {
                let enumeration = snapshot
                    .of::<F>()
                    .enumerate_memberships(interface, filter)
                    .with_simd_level(level);
                let expected = model.memberships_on(interface, filter);
                assert!(enumeration.remaining() >= expected.len());
                assert!(!enumeration.is_exact() || enumeration.remaining() == expected.len());
                let fields = |record| Membership::from_entry(&record).unwrap();
                let mut buffer = vec![0; page * size_of::<F::MembershipEntry>()];
                let batch = enumeration.get_next(&mut buffer).unwrap();
                let given: Vec<_> = batch.entries().iter().copied().map(fields).collect();
                assert!(given.iter().eq(expected.iter().take(page)));
                let again = snapshot.of::<F>().enumerate_memberships(interface, filter);
                let resumed = match enumeration.position() {
                    Some(position) => again.resume_after(position),
                    None => again,
                };
                for enumeration in [enumeration, resumed] {
                    let parts = enumeration.split(3).flat_map(|part| rest(&part, page));
                    assert!(parts.map(fields).eq(expected[given.len()..].iter().copied()));
                }
            }
        }
    }
}

// Positions, parts.

/// Stops after `records` records, and resumes in the same version and in a later one.
fn positions_resume<F: Small>(memberships: &[Numbers], changes: &[Numbers], records: usize) {
    let (table, mut model) = table::<F>(memberships);
    let before = table.snapshot().unwrap();
    let old = model.clone();
    change(&table, &mut model, changes);
    let after = table.snapshot().unwrap();
    for view in View::ALL {
        for filter in filters::<F>() {
            let enumeration = before.of::<F>().enumerate(view, filter);
            let all = old.shown(view, filter);
            let mut buffer = vec![0; records * Enumeration::<F>::ENTRY_BYTES];
            let given = match enumeration.get_next(&mut buffer) {
                Ok(batch) => joins::<F>(batch.entries()),
                Err(GetNextError::BufferTooSmall { .. }) => Vec::new(),
                Err(error) => panic!("{error}"),
            };
            assert!(given.iter().eq(all.iter().take(records)));
            assert!(enumeration.position().is_none_or(|position| position.protocol.is_none()));
            let resumed = |snapshot: &Snapshot| {
                let enumeration_there = snapshot.of::<F>().enumerate(view, filter);
                let there = match enumeration.position() {
                    Some(position) => enumeration_there.resume_after(position),
                    None => enumeration_there,
                };
                joins::<F>(&rest(&there, 3))
            };
            assert_eq!(resumed(&before), all[given.len()..], "{view:?} of {filter:?}");
            // In the later version the enumeration shows only records after the last one given. It may
            // miss a record that comes before the next one of the old version, and shows all others.
            let later = resumed(&after);
            let shown = model.shown(view, filter);
            assert!(shown.ends_with(&later), "{view:?} of {filter:?}");
            let missed = &shown[..shown.len() - later.len()];
            match all.get(given.len()) {
                Some(next) => assert!(missed.iter().all(|record| record < next)),
                None => assert!(later.iter().all(|record| all.last() < Some(record))),
            }
            if let Some(last) = given.last() {
                assert!(later.iter().all(|record| record > last), "{view:?} of {filter:?}");
                // A client that knows only its last record resumes exactly after that record.
                let place = Position::behind(*last);
                let there = after.of::<F>().enumerate(view, filter).resume_after(place);
                let expected: Vec<_> = shown.iter().filter(|record| *record > last).collect();
                let mut behind = joins::<F>(&rest(&there, 2));
                if view == View::OnePerGroup {
                    // Its group was shown, so it is not shown again.
                    behind.retain(|record| record.group != last.group);
                    let others = expected.into_iter().filter(|record| record.group != last.group);
                    assert!(behind.iter().eq(others));
                } else {
                    assert!(behind.iter().eq(expected), "{view:?} of {filter:?}");
                }
            }
        }
    }
}

fn parts_are_the_whole<F: Small>(memberships: &[Numbers], parts: usize, taken: usize) {
    let (table, model) = table::<F>(memberships);
    let snapshot = table.snapshot().unwrap();
    for view in View::ALL {
        for filter in filters::<F>() {
            let enumeration = snapshot.of::<F>().enumerate(view, filter);
            let mut buffer = vec![0; taken * Enumeration::<F>::ENTRY_BYTES];
            let given = enumeration.get_next(&mut buffer).map_or(0, |batch| batch.entries().len());
            let (remaining, is_exact) = (enumeration.remaining(), enumeration.is_exact());
            let split = enumeration.split(parts);
            assert_eq!(split.len(), parts.max(1));
            let mut together = Vec::new();
            for part in split {
                let most = part.remaining();
                let shown = joins::<F>(&rest(&part, 2));
                assert!(shown.len() <= most && (!is_exact || shown.len() == most));
                assert!(!is_exact || most <= remaining.div_ceil(parts.max(1)), "even parts");
                together.extend(shown);
            }
            assert_eq!(together, model.shown(view, filter)[given..], "{view:?} of {filter:?}");
        }
    }
}

// Walks one by one, and all memberships.

fn spread_numbers() -> impl Strategy<Value = Vec<Numbers>> {
    let membership = (0..7u8, 0..3u8, 0..SPREAD_INTERFACES, 0..SPREAD_PROTOCOLS, 0..3u8);
    proptest::collection::vec(membership.prop_map(|(g, s, i, p, f)| [g, s, i, p, f]), 0..100)
}

fn spread<F: Small>(numbers: &[Numbers]) -> Vec<Membership<F>> {
    numbers.iter().map(|[g, s, i, p, f]| spread_membership(*g, *s, *i, *p, *f)).collect()
}

/// All interfaces of spread memberships.
fn spread_interfaces<F: Small>() -> impl Iterator<Item = Interface<F>> {
    (0..SPREAD_INTERFACES).map(|number| spread_membership(0, 0, number, 0, 0).interface)
}

/// Those behind a key in an order, of some memberships in that order.
fn behind<'a, F: Family>(
    all: &'a [Membership<F>],
    order: MembershipOrder,
    key: &Membership<F>,
) -> &'a [Membership<F>] {
    &all[all.partition_point(|membership| compare_in(order, membership, key).is_le())..]
}

/// Checks the walks that give elements one by one, from their beginnings and behind keys.
fn check_walks<F: Small>(
    snapshot: FamilySnapshot<'_, F>,
    model: &Model<F>,
    keys: &[Membership<F>],
) {
    let interfaces: Vec<Interface<F>> = model.interfaces().into_iter().collect();
    assert!(interfaces.is_sorted_by_key(|interface| (interface.index, interface.next_hop)));
    assert_eq!(snapshot.interfaces().collect::<Vec<_>>(), interfaces);
    for key in spread_interfaces() {
        let expected = interfaces.iter().copied().filter(|interface| *interface > key);
        let rest = snapshot.interfaces().after(key);
        assert!(rest.size_hint().1.is_some_and(|most| most >= expected.clone().count()));
        assert!(rest.eq(expected), "behind {key}");
    }

    let known = keys.iter().map(Membership::join).chain(model.joins());
    for join in known.collect::<BTreeSet<_>>() {
        let expected: Vec<_> = model.outgoing(join).into_iter().collect();
        let mut outgoing = snapshot.outgoing(join);
        assert_eq!(outgoing.by_ref().collect::<Vec<_>>(), expected, "{join}");
        assert_eq!((outgoing.next(), outgoing.next()), (None, None));
        for key in spread_interfaces() {
            let expected = expected.iter().copied().filter(|interface| *interface > key);
            // Wherever the walk is before.
            let rest = outgoing.clone().after(key);
            assert!(snapshot.outgoing(join).after(key).eq(expected.clone()), "{join} {key}");
            assert!(rest.eq(expected), "{join} {key}");
        }
    }

    for group in keys.iter().map(|key| key.group).collect::<BTreeSet<_>>() {
        let here = model.memberships().filter(|membership| membership.group == group);
        assert!(snapshot.memberships(group).eq(here), "{group}");
    }

    for order in ORDERS {
        let all = model.memberships_in(order);
        assert_eq!(snapshot.all_memberships(order).collect::<Vec<_>>(), all);
        let mut walk = snapshot.all_memberships(order);
        for key in keys {
            let expected = behind(&all, order, key);
            // Wherever the walk is before.
            walk = walk.after(key);
            assert!(walk.clone().eq(expected.iter().copied()), "{order:?} behind {key}");
            assert_eq!(walk.next(), expected.first().copied());
        }
    }
}

/// Walks over two versions, with the keys of both: each key exists in both, in one or in none.
fn walks_resume_behind_keys<F: Small>(memberships: &[Numbers], changes: &[Numbers]) {
    let (table, mut model) = (GroupTable::new(), Model::<F>::default());
    let memberships = spread(memberships);
    toggle(&table, &mut model, memberships.iter().copied());
    let (before, old) = (table.snapshot().unwrap(), model.clone());
    let changes = spread(changes);
    toggle(&table, &mut model, changes.iter().copied());
    let mut keys = [memberships, changes].concat();
    keys.extend(spread(&[[0, 0, 0, 0, 0], [6, 2, 11, 5, 0], [99, 0, 3, 0, 0]]));
    check_walks(before.of(), &old, &keys);
    check_walks(table.snapshot().unwrap().of(), &model, &keys);
}

fn memberships_of<F: Family>(entries: &[F::MembershipEntry]) -> Vec<Membership<F>> {
    entries.iter().map(|entry| Membership::from_entry(entry).unwrap()).collect()
}

/// The rest of an enumeration of memberships, read in pages of `page` records.
fn memberships_left<F: Family>(
    enumeration: &Enumeration<F, Memberships>,
    page: usize,
) -> Vec<Membership<F>> {
    memberships_of(&rest(enumeration, page))
}

fn spread_filters<F: Small>() -> Vec<Filter<F>> {
    let groups = [Prefix::ALL, Prefix::new(F::small(4), F::BITS - 1).unwrap()];
    let sources = [Prefix::ALL, Prefix::new(F::small(2), F::BITS).unwrap()];
    let interfaces = [0, 6, 11].map(|n| spread_membership::<F>(0, 0, n, 0, 0).interface);
    let absent = Interface::new(99);
    let mut filters = Vec::new();
    for (group, source) in groups.iter().flat_map(|g| sources.iter().map(move |s| (*g, *s))) {
        let filter = Filter::all().with_groups(group).with_sources(source);
        filters.push(filter);
        filters.extend(interfaces.iter().chain([&absent]).map(|on| filter.with_interface(*on)));
    }
    filters
}

/// Enumerates all memberships with each filter: whole, in parts, and from where a call stopped.
fn all_memberships_agree<F: Small>(numbers: &[Numbers], page: usize, taken: usize, parts: usize) {
    let (table, mut model) = (GroupTable::new(), Model::<F>::default());
    toggle(&table, &mut model, spread(numbers));
    let snapshot = table.snapshot().unwrap();
    for (order, filter) in ORDERS.iter().flat_map(|o| spread_filters().into_iter().map(|f| (*o, f)))
    {
        let start = || snapshot.of::<F>().enumerate_all_memberships(order, filter);
        let expected = model.all_memberships(order, filter);
        assert_eq!(memberships_left(&start(), page), expected, "{order:?} {filter:?}");
        for level in SimdLevel::available() {
            assert_eq!(memberships_left(&start().with_simd_level(level), page), expected);
        }
        let records: Vec<_> = start().into_iter().collect();
        assert_eq!(memberships_of::<F>(&records), expected);

        let stopped = start();
        let remaining = stopped.remaining();
        assert!(remaining >= expected.len() && (remaining == 0) == expected.is_empty());
        assert!(!stopped.is_exact() || remaining == expected.len());
        let mut buffer = vec![0; taken * size_of::<F::MembershipEntry>()];
        let given = stopped.get_next(&mut buffer).map_or(0, |batch| batch.entries().len());
        assert_eq!(given, taken.min(expected.len()));
        let resumed = match stopped.position() {
            Some(position) => start().resume_after(position),
            None => start(),
        };
        for enumeration in [stopped, resumed] {
            let mut together = Vec::new();
            for part in enumeration.split(parts) {
                let most = part.remaining();
                let shown = memberships_left(&part, 2);
                assert!(shown.len() <= most && (most == 0) == shown.is_empty());
                together.extend(shown);
            }
            assert_eq!(together, expected[given..], "{order:?} {filter:?}");
        }
    }
}

/// Stops at every record, and resumes there and behind any key, in this version and in a later one.
fn positions_among_all_memberships<F: Small>(memberships: &[Numbers], changes: &[Numbers]) {
    let (table, mut model) = (GroupTable::new(), Model::<F>::default());
    let memberships = spread(memberships);
    toggle(&table, &mut model, memberships.iter().copied());
    let (before, old) = (table.snapshot().unwrap(), model.clone());
    let changes = spread(changes);
    toggle(&table, &mut model, changes.iter().copied());
    let after = table.snapshot().unwrap();
    for order in ORDERS {
        let start = |snapshot: &Snapshot| {
            snapshot.of::<F>().enumerate_all_memberships(order, Filter::all())
        };
        let (all, later) = (old.memberships_in(order), model.memberships_in(order));
        let walk = start(&before);
        assert_eq!(walk.position(), None);
        for (at, last) in all.iter().enumerate() {
            walk.get_next(&mut vec![0; size_of::<F::MembershipEntry>()]).unwrap();
            let position = walk.position().unwrap();
            assert_eq!(position, Position::behind_membership(last));
            let here = start(&before).resume_after(position);
            assert_eq!(memberships_left(&here, 100), all[at + 1..], "{order:?} {last}");
            let there = start(&after).resume_after(position);
            assert_eq!(memberships_left(&there, 100), behind(&later, order, last), "{order:?}");
        }

        for key in memberships.iter().chain(&changes) {
            let resumed = |position| memberships_left(&start(&after).resume_after(position), 100);
            let exact = Position::behind_membership(key);
            assert_eq!(resumed(exact), behind(&later, order, key), "{order:?} behind {key}");
            // Behind all protocols of (group, source) on the interface.
            let last = Membership { protocol: Protocol::new(u32::MAX), ..*key };
            let on_interface = Position { protocol: None, ..exact };
            assert_eq!(resumed(on_interface), behind(&later, order, &last), "{order:?} {key}");
            // Behind all memberships of (group, source), which have a place only by group.
            let interface = Interface::with_next_hop(u32::MAX, F::MAX);
            let expected = match order {
                MembershipOrder::ByGroup => {
                    behind(&later, order, &Membership { interface, ..last })
                }
                MembershipOrder::ByInterface => &later,
            };
            assert_eq!(resumed(Position::behind(key.join())), expected, "{order:?} {key}");
            // With one interface, that of the position does not count.
            let filter = Filter::all().with_interface(interface);
            let here = after.of::<F>().enumerate_all_memberships(order, filter);
            let shown = memberships_left(&here.resume_after(exact), 100);
            let here = model.memberships_on(interface, Filter::all());
            let key = Membership { interface, ..*key };
            assert_eq!(shown, behind(&here, MembershipOrder::ByGroup, &key));
        }
    }
}

// Iterators.

fn iterators_agree<F: Small>(memberships: &[Numbers]) {
    let (table, model) = table::<F>(memberships);
    let snapshot = table.snapshot().unwrap();
    for view in View::ALL {
        for filter in filters::<F>() {
            let expected = model.shown(view, filter);
            let mut records = snapshot.of::<F>().enumerate(view, filter).into_iter();
            for (at, join) in expected.iter().enumerate() {
                let (least, most) = records.size_hint();
                let left = expected.len() - at;
                assert!(least <= left && most.is_some_and(|most| most >= left));
                assert_eq!(records.next().map(|entry| Join::from_entry(&entry)), Some(*join));
            }
            assert_eq!((records.next(), records.next()), (None, None));
        }
    }
    for filter in filters::<F>() {
        let mut keys = snapshot.of::<F>().join_keys(filter.groups());
        let expected = model.shown(View::AllSources, Filter::all().with_groups(filter.groups()));
        assert_eq!(keys.keys_left(), expected.len());
        let found: Vec<_> =
            keys.by_ref().flatten().map(|k| Join::new(k.group(), k.source())).collect();
        assert_eq!((found, keys.keys_left()), (expected, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_kernel_shows_what_the_model_shows(
        memberships in numbers(), page in 1..40usize,
    ) {
        kernels_agree::<V4>(&memberships, page);
        kernels_agree::<V6>(&memberships, page);
    }

    #[test]
    fn memberships_are_enumerated(memberships in numbers(), page in 1..40usize) {
        memberships_are_shown::<V4>(&memberships, page);
        memberships_are_shown::<V6>(&memberships, page);
    }

    #[test]
    fn enumerations_resume_in_later_versions(
        memberships in numbers(), changes in numbers(), records in 0..30usize,
    ) {
        positions_resume::<V4>(&memberships, &changes, records);
        positions_resume::<V6>(&memberships, &changes, records);
    }

    #[test]
    fn split_enumerations_are_the_whole(
        memberships in numbers(), parts in 0..9usize, taken in 0..9usize,
    ) {
        parts_are_the_whole::<V4>(&memberships, parts, taken);
        parts_are_the_whole::<V6>(&memberships, parts, taken);
    }

    #[test]
    fn walks_ascend_and_resume_behind_any_key(
        memberships in spread_numbers(), changes in spread_numbers(),
    ) {
        walks_resume_behind_keys::<V4>(&memberships, &changes);
        walks_resume_behind_keys::<V6>(&memberships, &changes);
    }

    #[test]
    fn all_memberships_are_enumerated_in_both_orders(
        memberships in spread_numbers(), page in 1..40usize, taken in 0..30usize, parts in 1..9usize,
    ) {
        all_memberships_agree::<V4>(&memberships, page, taken, parts);
        all_memberships_agree::<V6>(&memberships, page, taken, parts);
    }

    #[test]
    fn enumerations_of_all_memberships_resume_behind_any_key(
        memberships in spread_numbers(), changes in spread_numbers(),
    ) {
        positions_among_all_memberships::<V4>(&memberships, &changes);
        positions_among_all_memberships::<V6>(&memberships, &changes);
    }

    #[test]
    fn records_and_keys_come_one_by_one(memberships in numbers()) {
        iterators_agree::<V4>(&memberships);
        iterators_agree::<V6>(&memberships);
    }
}

/// A table of consecutive groups, each with an any-source join and two sources.
fn wide(groups: u32) -> GroupTable {
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for number in 0..3 * groups {
        let (group, source) = (V4::from_bits(0xe100_0000 + number / 3), V4::from_bits(number % 3));
        let lan = Interface::new(1 + number % 2);
        txn.join(&Membership::source_specific(group, source, lan, Protocol::IGMP)).unwrap();
    }
    txn.commit();
    table
}

#[test]
fn a_thousand_leaves_are_walked_by_every_kernel() {
    // Enough leaves for a tree of three levels, also with nodes of real size.
    let snapshot = wide(60_000).snapshot().unwrap();
    let expected: Vec<SourceGroupEntry> = snapshot
        .ipv4()
        .join_keys(Prefix::ALL)
        .flatten()
        .map(|key| SourceGroupEntry::new(key.group(), key.source()))
        .collect();
    assert_eq!(expected.len(), 180_000);
    for level in SimdLevel::available() {
        for page in [1000, 7777, 200_000] {
            let all = snapshot
                .ipv4()
                .enumerate(View::AllSources, Filter::<V4>::all())
                .with_simd_level(level);
            assert!(rest(&all, page) == expected, "{level} in pages of {page}");
        }
        let any = snapshot
            .ipv4()
            .enumerate(View::OnePerGroup, Filter::<V4>::all())
            .with_simd_level(level);
        assert!(rest(&any, 999).iter().eq(expected.iter().skip(1).step_by(3)), "{level}");
        let filter = Filter::all().with_interface(Interface::<V4>::new(2));
        let odd =
            rest(&snapshot.ipv4().enumerate(View::AllSources, filter).with_simd_level(level), 4096);
        assert!(odd.iter().eq(expected.iter().skip(1).step_by(2)), "{level}");
    }
}

/// A join between two others gets all possible memberships, one by one, and loses them.
fn a_join_has_any_number_of_memberships<F: Small>() {
    let (table, mut model) = (GroupTable::new(), Model::<F>::default());
    toggle(&table, &mut model, [2, 6].map(|group| spread_membership(group, 0, 1, 1, 0)));
    let all: Vec<Membership<F>> = (0..SPREAD_INTERFACES * SPREAD_PROTOCOLS)
        .map(|n| spread_membership(4, 1, n % SPREAD_INTERFACES, n / SPREAD_INTERFACES, n))
        .collect();
    // The same order, so the first ones that are alone at the start are not those at the end.
    for membership in all.iter().chain(&all) {
        toggle(&table, &mut model, [*membership]);
        check_walks(table.snapshot().unwrap().of(), &model, &all);
    }
    assert_eq!(model.membership_count(), 2);
}

#[test]
fn a_join_has_one_two_or_many_memberships() {
    a_join_has_any_number_of_memberships::<V4>();
    a_join_has_any_number_of_memberships::<V6>();
}

#[test]
fn a_membership_that_only_forwards_is_no_outgoing_interface() {
    let (table, mut model) = (GroupTable::new(), Model::<V4>::default());
    let by = |interface, flags| {
        let membership = spread_membership::<V4>(3, 1, interface, 2, 0);
        membership.with_flags(flags)
    };
    let (join, forward) = (MembershipFlags::JOIN, MembershipFlags::FORWARD);
    let both = MembershipFlags::JOIN_AND_FORWARD;
    let all = [by(0, forward), by(1, both), by(5, forward), by(6, join), by(11, forward)];
    toggle(&table, &mut model, all);
    let snapshot = table.snapshot().unwrap();
    let outgoing = snapshot.ipv4().outgoing(all[0].join());
    assert!(outgoing.clone().eq([all[1].interface, all[3].interface]));
    assert!(outgoing.clone().after(all[1].interface).eq([all[3].interface]));
    assert_eq!(outgoing.after(all[3].interface).next(), None);
    assert_eq!(snapshot.ipv4().interfaces().count(), 5);
    check_walks(snapshot.ipv4(), &model, &all);
}

/// The least and the greatest possible membership, and those next to them.
fn memberships_at_the_ends_are_walked<F: Small>() {
    let (table, mut model) = (GroupTable::new(), Model::<F>::default());
    let (low, high) = (Interface::new(0), Interface::with_next_hop(u32::MAX, F::MAX));
    let mut all = Vec::new();
    for (address, interface) in [(F::UNSPECIFIED, low), (F::MAX, high)] {
        for protocol in [0, 1, u32::MAX - 1, u32::MAX].map(Protocol::new) {
            all.push(Membership::new(Join::new(address, address), interface, protocol));
            let other = Interface { index: interface.index ^ 1, ..interface };
            all.push(Membership::new(Join::new(address, address), other, protocol));
        }
    }
    toggle(&table, &mut model, all.iter().copied());
    let snapshot = table.snapshot().unwrap();
    // None of them is given again and again.
    assert_eq!(snapshot.of::<F>().interfaces().take(9).count(), 4);
    assert_eq!(snapshot.of::<F>().all_memberships(MembershipOrder::ByGroup).take(99).count(), 16);
    check_walks(snapshot.of(), &model, &all);
    for order in ORDERS {
        let start = || snapshot.of::<F>().enumerate_all_memberships(order, Filter::all());
        let expected = model.memberships_in(order);
        assert_eq!(memberships_left(&start(), 3), expected);
        for (at, membership) in expected.iter().enumerate() {
            let rest = start().resume_after(Position::behind_membership(membership));
            assert_eq!(memberships_left(&rest, 3), expected[at + 1..]);
        }
    }
}

#[test]
fn the_least_and_the_greatest_memberships_are_walked_once() {
    memberships_at_the_ends_are_walked::<V4>();
    memberships_at_the_ends_are_walked::<V6>();
}

/// Memberships of every kind in many leaves: each group has one, two or three.
fn many_memberships(groups: u32) -> (GroupTable, Model<V4>) {
    let (table, mut model) = (GroupTable::new(), Model::default());
    let memberships = (0..groups).flat_map(|number| {
        (0..1 + number % 3).map(move |n| {
            let numbers = spread_membership::<V4>(0, 0, (number + 5 * n) as u8 % 12, n as u8, 0);
            let flags = if number % 5 == n { MembershipFlags::FORWARD } else { numbers.flags };
            let (group, source) = (V4::from_bits(0xe100_0000 + number / 2), number % 2);
            Membership { group, source: V4::from_bits(source), flags, ..numbers }
        })
    });
    toggle(&table, &mut model, memberships);
    (table, model)
}

#[test]
fn many_leaves_of_memberships_are_walked_in_both_orders() {
    let (table, model) = many_memberships(12_000);
    let snapshot = table.snapshot().unwrap();
    for order in ORDERS {
        let start = || snapshot.ipv4().enumerate_all_memberships(order, Filter::all());
        let all = model.memberships_in(order);
        assert!(all.len() > 20_000);
        assert!(snapshot.ipv4().all_memberships(order).eq(all.iter().copied()));
        for page in [1, 777, 100_000] {
            assert!(memberships_left(&start(), page) == all, "{order:?} in pages of {page}");
        }
        for parts in [2, 7, 64] {
            let split: Vec<_> =
                start().split(parts).map(|part| memberships_left(&part, 99)).collect();
            assert!(split.iter().all(|part| part.len() > all.len() / parts / 4), "{order:?}");
            assert!(split.concat() == all, "{order:?} in {parts} parts");
        }
        for (at, membership) in all.iter().enumerate().step_by(97) {
            let rest = snapshot.ipv4().all_memberships(order).after(membership);
            assert!(rest.take(9).eq(all[at + 1..].iter().copied().take(9)), "{order:?} {at}");
            let resumed = start().resume_after(Position::behind_membership(membership));
            assert_eq!(resumed.position(), Some(Position::behind_membership(membership)));
            let mut buffer = [0; 9 * 32];
            let batch = resumed.get_next(&mut buffer).unwrap();
            assert!(all[at + 1..].starts_with(&memberships_of::<V4>(batch.entries())));
        }
    }
}

#[test]
fn parts_are_read_by_threads_at_the_same_time() {
    let snapshot = wide(10_000).snapshot().unwrap();
    for view in View::ALL {
        let expected = rest(&snapshot.ipv4().enumerate(view, Filter::<V4>::all()), 1000);
        let enumeration = snapshot.ipv4().enumerate(view, Filter::<V4>::all());
        let parts: Vec<Vec<SourceGroupEntry>> = thread::scope(|scope| {
            let threads: Vec<_> =
                enumeration.split(4).map(|part| scope.spawn(move || rest(&part, 77))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(parts.iter().all(|part| part.len() >= expected.len() / 5), "{view:?}: even parts");
        assert!(parts.concat() == expected, "{view:?}");
    }
}

#[test]
fn memory_need_not_be_initialised() {
    let snapshot = wide(100).snapshot().unwrap();
    for view in View::ALL {
        let expected = rest(&snapshot.ipv4().enumerate(view, Filter::<V4>::all()), 1000);
        let enumeration = snapshot.ipv4().enumerate(view, Filter::<V4>::all());
        let mut buffer = Box::new_uninit_slice(1000);
        let mut shown = Vec::new();
        loop {
            let batch = enumeration.get_next_uninit(&mut buffer[3..]).unwrap();
            shown.extend_from_slice(batch.entries());
            if !batch.more() {
                break;
            }
        }
        assert_eq!(shown, expected);
        let mut small = [MaybeUninit::uninit(); 15];
        let enumeration = snapshot.ipv4().enumerate(view, Filter::<V4>::all());
        let error = enumeration.get_next_uninit(&mut small).unwrap_err();
        assert_eq!(error, GetNextError::BufferTooSmall { needed_bytes: 16 });
    }
}

#[test]
fn what_cannot_be_is_not_looked_for() {
    // An any-source join does not have a source.
    let filter = Filter::all().with_sources(Prefix::new(V4::new(0, 0, 0, 1), 32).unwrap());
    let enumeration = wide(100).snapshot().unwrap().ipv4().enumerate(View::AnySource, filter);
    assert_eq!((enumeration.remaining(), enumeration.position()), (0, None));
    assert!(!enumeration.get_next(&mut []).unwrap().more());
}

#[test]
fn another_simd_level_restarts() {
    let snapshot = wide(100).snapshot().unwrap();
    let start = || snapshot.ipv4().enumerate(View::SourceSpecific, Filter::<V4>::all());
    let all = rest(&start(), 1000);
    let place = Position::behind(all[49].join());
    let resumed = start().resume_after(place);
    resumed.get_next(&mut [0; 160]).unwrap();
    assert_eq!(rest(&resumed.with_simd_level(SimdLevel::PORTABLE), 7), all[50..]);
}

#[test]
fn records_are_for_people() {
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    let lan = Interface::new(2);
    txn.join(&Membership::any_source(V4::new(239, 1, 1, 1), lan, Protocol::IGMP)).unwrap();
    let v6 = Membership::any_source(V6::small(1), Interface::new(2), Protocol::IGMP);
    txn.join(&v6).unwrap();
    txn.commit();
    let snapshot = table.snapshot().unwrap();
    let mut shown = Vec::new();
    for record in snapshot.ipv4().records(View::AllSources) {
        shown.push(record.to_string());
    }
    for record in snapshot.ipv6().records(View::Groups) {
        shown.push(record.to_string());
    }
    assert_eq!(shown, ["(*, 239.1.1.1)", "(*, ff3e::1)"]);
}

#[test]
fn the_position_of_a_part_has_the_parts_before_it_behind_it() {
    let numbers: Vec<Numbers> = (1..101).map(|group| [group, 0, 0, 0, 0]).collect();
    let (table, _) = table::<V4>(&numbers);
    let whole =
        || table.snapshot().unwrap().ipv4().enumerate(View::AllSources, Filter::<V4>::all());
    let mut before = 0;
    for part in whole().split(4) {
        let rest = match part.position() {
            None => whole(),
            Some(position) => whole().resume_after(position),
        };
        assert_eq!(rest.remaining(), 100 - before);
        before += part.remaining();
        let end = Position::behind(Join::new(V4::BROADCAST, V4::BROADCAST));
        assert_eq!(part.resume_after(end).remaining(), 0, "a part stays within its range");
    }
    assert_eq!(before, 100);
}

#[test]
fn parts_that_are_empty_keep_the_group_that_comes_after_them() {
    // (*,G) and (S,G): the view shows the second one. The cursor is there from the start.
    let (table, _) = table::<V4>(&[[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]]);
    for view in [View::OnePerGroup, View::Groups] {
        let source: Prefix<V4> = "239.0.0.1".parse().unwrap();
        for filter in [Filter::all(), Filter::all().with_sources(source)] {
            let whole = || table.snapshot().unwrap().ipv4().enumerate(view, filter);
            let mut before = 0;
            for part in whole().split(3) {
                let rest = match part.position() {
                    None => whole(),
                    Some(position) => whole().resume_after(position),
                };
                assert_eq!(before + rest.into_iter().count(), 1, "{view:?} {filter:?}");
                before += part.into_iter().count();
            }
            assert_eq!(before, 1);
        }
    }
}
