//! Ways through a version: every SIMD level, memberships, positions, parts, iterators, raw keys.

use std::mem::MaybeUninit;
use std::thread;

use groupscan::{
    Enumeration, Family, Filter, GetNextError, GroupTable, Interface, Join, JoinKey, Kind,
    Membership, Position, Prefix, Protocol, SimdLevel, Snapshot, SourceGroupEntry, V4, V6, View,
};
use groupscan_testing::model::{Model, Small, membership};
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

/// In one commit, joins the memberships that do not exist and leaves those that do.
fn change<F: Small>(table: &GroupTable, model: &mut Model<F>, memberships: &[Numbers]) {
    let mut txn = table.begin_write();
    for [g, s, i, p, f] in memberships {
        let membership = membership(*g, *s, *i, *p, *f);
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
