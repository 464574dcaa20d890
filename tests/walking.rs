//! Ways through a version: every kernel, memberships, positions, parts, iterators, raw keys.

mod common;

use std::mem::MaybeUninit;
use std::thread;

use common::{Model, Small, VIEWS, membership};
use groupscan::{
    Enumeration, Family, Filter, GetNextError, GroupTable, Interface, JoinKey, Kernel, Kind,
    Membership, MembershipEntry, MembershipEntry6, Position, Prefix, Protocol, Snapshot,
    SourceGroupEntry, V4, V6, View,
};
use proptest::prelude::*;

/// The numbers of a membership.
type Numbers = [u8; 5];

fn numbers() -> impl Strategy<Value = Vec<Numbers>> {
    let membership = (0..12u8, 0..6u8, 0..3u8, 0..3u8, 0..3u8);
    proptest::collection::vec(membership.prop_map(|(g, s, i, p, f)| [g, s, i, p, f]), 0..160)
}

/// A table of memberships, and the model of it.
fn table<F: Small>(memberships: &[Numbers]) -> (GroupTable, Model<F>) {
    let (table, mut model) = (GroupTable::new(), Model::default());
    change(&table, &mut model, memberships);
    (table, model)
}

/// Joins those that are not there and leaves the others, in one commit.
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
        let filter = Filter::all().group(group).source(source);
        filters.push(filter);
        filters.extend(interfaces().map(|interface| filter.interface(interface)));
    }
    filters
}

/// What is left of an enumeration, in pages of so many records.
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

fn joins<F: Family>(entries: &[F::Entry]) -> Vec<(F, F)> {
    entries.iter().map(F::group_and_source).collect()
}

/// The fields of a membership's record.
trait Fields<F> {
    fn fields(&self) -> (F, F, u32, u32, Interface<F>);
}

macro_rules! fields {
    ($family:ty, $record:ty) => {
        impl Fields<$family> for $record {
            fn fields(&self) -> ($family, $family, u32, u32, Interface<$family>) {
                let (group, source) = (self.entry().group(), self.entry().source());
                let on = Interface::with_next_hop(self.interface_index(), self.next_hop());
                (group, source, self.protocol(), self.flags(), on)
            }
        }
    };
}

fields!(V4, MembershipEntry);
fields!(V6, MembershipEntry6);

// Every kernel, memberships.

fn kernels_agree<F: Small>(memberships: &[Numbers], page: usize) {
    let (table, model) = table::<F>(memberships);
    let snapshot = table.snapshot().unwrap();
    for kernel in Kernel::available() {
        for view in VIEWS {
            for filter in filters::<F>() {
                let enumeration = snapshot.enumerate(view, filter).with_kernel(kernel);
                assert_eq!(enumeration.kernel(), kernel);
                let shown = joins::<F>(&rest(&enumeration, page));
                assert_eq!(shown, model.shown(view, filter), "{kernel}: {view:?} of {filter:?}");
            }
        }
    }
}

fn memberships_are_shown<F: Small>(memberships: &[Numbers], page: usize)
where
    F::MembershipEntry: Fields<F>,
{
    let (table, model) = table::<F>(memberships);
    let snapshot = table.snapshot().unwrap();
    for kernel in Kernel::available() {
        for filter in filters::<F>() {
            for interface in interfaces() {
                let enumeration =
                    snapshot.enumerate_memberships(interface, filter).with_kernel(kernel);
                let expected = model.memberships_on(interface, filter);
                assert!(enumeration.remaining() >= expected.len());
                assert!(!enumeration.is_exact() || enumeration.remaining() == expected.len());
                let fields = |record: F::MembershipEntry| {
                    let (group, source, protocol, flags, on) = record.fields();
                    assert_eq!(on, interface);
                    (group, source, protocol, flags)
                };
                let mut buffer = vec![0; page * size_of::<F::MembershipEntry>()];
                let batch = enumeration.get_next(&mut buffer).unwrap();
                let given: Vec<_> = batch.entries().iter().copied().map(fields).collect();
                assert!(given.iter().eq(expected.iter().take(page)));
                let again = snapshot.enumerate_memberships(interface, filter);
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

/// Stops after so many records, and goes on in the same version and in a later one.
fn positions_resume<F: Small>(memberships: &[Numbers], changes: &[Numbers], records: usize) {
    let (table, mut model) = table::<F>(memberships);
    let before = table.snapshot().unwrap();
    let old = model.clone();
    change(&table, &mut model, changes);
    let after = table.snapshot().unwrap();
    for view in VIEWS {
        for filter in filters::<F>() {
            let enumeration = before.enumerate(view, filter);
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
                let enumeration_there = snapshot.enumerate(view, filter);
                let there = match enumeration.position() {
                    Some(position) => enumeration_there.resume_after(position),
                    None => enumeration_there,
                };
                joins::<F>(&rest(&there, 3))
            };
            assert_eq!(resumed(&before), all[given.len()..], "{view:?} of {filter:?}");
            // In the later version come all records behind the last one given, and none before it. In
            // between, up to the next one of the old version, a record may be missed.
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
                // A client that has but its last record goes on behind exactly that.
                let place = Position::behind(last.0, last.1);
                let there = after.enumerate(view, filter).resume_after(place);
                let expected: Vec<_> = shown.iter().filter(|record| *record > last).collect();
                let mut behind = joins::<F>(&rest(&there, 2));
                if view == View::AnySource {
                    // Its group was shown, so it is not shown again.
                    behind.retain(|record| record.0 != last.0);
                    let others = expected.into_iter().filter(|record| record.0 != last.0);
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
    for view in VIEWS {
        for filter in filters::<F>() {
            let enumeration = snapshot.enumerate(view, filter);
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
    for view in VIEWS {
        for filter in filters::<F>() {
            let expected = model.shown(view, filter);
            let mut records = snapshot.enumerate(view, filter).into_iter();
            for (at, join) in expected.iter().enumerate() {
                let (least, most) = records.size_hint();
                let left = expected.len() - at;
                assert!(least <= left && most.is_some_and(|most| most >= left));
                assert_eq!(records.next().map(|entry| F::group_and_source(&entry)), Some(*join));
            }
            assert_eq!((records.next(), records.next()), (None, None));
        }
    }
    for filter in filters::<F>() {
        let mut keys = snapshot.join_keys(filter.group_prefix());
        let expected = model.shown(View::AllSources, Filter::all().group(filter.group_prefix()));
        assert_eq!(keys.keys_left(), expected.len());
        let found: Vec<_> = keys.by_ref().flatten().map(|k| (k.group(), k.source())).collect();
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

/// A table of consecutive groups, each with a wildcard and two sources.
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
    // As many leaves as need branches of branches, of real sizes unless nodes are small for tests.
    let snapshot = wide(60_000).snapshot().unwrap();
    let expected: Vec<SourceGroupEntry> = snapshot
        .join_keys(Prefix::<V4>::ALL)
        .flatten()
        .map(|key| SourceGroupEntry::new(key.group(), key.source()))
        .collect();
    assert_eq!(expected.len(), 180_000);
    for kernel in Kernel::available() {
        for page in [1000, 7777, 200_000] {
            let all = snapshot.enumerate(View::AllSources, Filter::<V4>::all()).with_kernel(kernel);
            assert!(rest(&all, page) == expected, "{kernel} in pages of {page}");
        }
        let any = snapshot.enumerate(View::AnySource, Filter::<V4>::all()).with_kernel(kernel);
        assert!(rest(&any, 999).iter().eq(expected.iter().skip(1).step_by(3)), "{kernel}");
        let filter = Filter::all().interface(Interface::<V4>::new(2));
        let odd = rest(&snapshot.enumerate(View::AllSources, filter).with_kernel(kernel), 4096);
        assert!(odd.iter().eq(expected.iter().skip(1).step_by(2)), "{kernel}");
    }
}

#[test]
fn parts_are_read_by_threads_at_the_same_time() {
    let snapshot = wide(10_000).snapshot().unwrap();
    for view in VIEWS {
        let expected = rest(&snapshot.enumerate(view, Filter::<V4>::all()), 1000);
        let enumeration = snapshot.enumerate(view, Filter::<V4>::all());
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
    for view in VIEWS {
        let expected = rest(&snapshot.enumerate(view, Filter::<V4>::all()), 1000);
        let enumeration = snapshot.enumerate(view, Filter::<V4>::all());
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
        let enumeration = snapshot.enumerate(view, Filter::<V4>::all());
        let error = enumeration.get_next_uninit(&mut small).unwrap_err();
        assert_eq!(error, GetNextError::BufferTooSmall { needed_bytes: 16 });
    }
}

#[test]
fn what_cannot_be_is_not_looked_for() {
    // No wildcard has a source.
    let filter = Filter::all().source(Prefix::new(V4::new(0, 0, 0, 1), 32).unwrap());
    let enumeration = wide(100).snapshot().unwrap().enumerate(View::Wildcard, filter);
    assert_eq!((enumeration.remaining(), enumeration.position()), (0, None));
    assert!(!enumeration.get_next(&mut []).unwrap().more());
}

#[test]
fn another_kernel_starts_anew() {
    let snapshot = wide(100).snapshot().unwrap();
    let start = || snapshot.enumerate(View::SourceSpecific, Filter::<V4>::all());
    let all = rest(&start(), 1000);
    let place = Position::behind(all[49].group(), all[49].source());
    let resumed = start().resume_after(place);
    resumed.get_next(&mut [0; 160]).unwrap();
    assert_eq!(rest(&resumed.with_kernel(Kernel::PORTABLE), 7), all[50..]);
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
    for record in snapshot.records(View::AllSources) {
        shown.push(record.to_string());
    }
    for record in snapshot.records6(View::Groups) {
        shown.push(record.to_string());
    }
    assert_eq!(shown, ["(*, 239.1.1.1)", "(*, ff3e::1)"]);
}

#[test]
fn the_position_of_a_part_has_the_parts_before_it_behind_it() {
    let numbers: Vec<Numbers> = (1..101).map(|group| [group, 0, 0, 0, 0]).collect();
    let (table, _) = table::<V4>(&numbers);
    let whole = || table.snapshot().unwrap().enumerate(View::AllSources, Filter::<V4>::all());
    let mut before = 0;
    for part in whole().split(4) {
        let rest = match part.position() {
            None => whole(),
            Some(position) => whole().resume_after(position),
        };
        assert_eq!(rest.remaining(), 100 - before);
        before += part.remaining();
        let end = Position::behind(V4::BROADCAST, V4::BROADCAST);
        assert_eq!(part.resume_after(end).remaining(), 0, "a part stays within its range");
    }
    assert_eq!(before, 100);
}

#[test]
fn parts_that_are_empty_keep_the_group_that_comes_after_them() {
    // (*,G) and (S,G): the view shows the second, where the cursor is from the start on.
    let (table, _) = table::<V4>(&[[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]]);
    for view in [View::AnySource, View::Groups] {
        let source: Prefix<V4> = "239.0.0.1".parse().unwrap();
        for filter in [Filter::all(), Filter::all().source(source)] {
            let whole = || table.snapshot().unwrap().enumerate(view, filter);
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
