//! Operations on a table and enumerations through buffers, from the input, against a `BTreeMap` model.

#![cfg_attr(fuzzing, no_main)]

use std::collections::{BTreeSet, VecDeque};

use arbitrary::Arbitrary;
use groupscan::{
    Enumeration, Family, Filter, GetNextError, GroupTable, Join, Joins, Kind, Membership,
    Memberships, Prefix, Snapshot, V4, V6, View, WriteTxn,
};
use groupscan_testing::model::{Model, ORDERS, Small, spread_membership};

/// The greatest number of operations in an input, and of open enumerations.
const OPERATIONS: usize = 400;
const OPEN: usize = 8;

/// The views from here on are all memberships in an order.
const ALL_MEMBERSHIPS: u8 = 0xc0;

/// The bytes around the buffers, which must not change.
const CANARY: u8 = 0xa5;

#[derive(Arbitrary, Debug)]
struct Input {
    ipv6: bool,
    operations: Vec<Operation>,
}

#[derive(Arbitrary, Debug)]
enum Operation {
    /// Changes, committed or not.
    Write {
        edits: Vec<Edit>,
        commit: bool,
    },
    Reclaim,
    Start {
        view: u8,
        group: Option<(u8, u8)>,
        source: Option<(u8, u8)>,
        interface: Option<u8>,
    },
    GetNext {
        which: u8,
        offset: u8,
        buffer_bytes: u16,
    },
    End {
        which: u8,
    },
}

#[derive(Arbitrary, Debug)]
enum Edit {
    Join([u8; 5]),
    Leave([u8; 5]),
    Replace { interface: u8, protocol: u8, joins: Vec<(u8, u8)> },
}

/// What an enumeration shows.
trait Shows<F: Family>: Kind {
    type Item: PartialEq;
    fn item(record: &Self::Record<F>) -> Self::Item;
}

impl<F: Family> Shows<F> for Joins {
    type Item = Join<F>;

    fn item(record: &F::Entry) -> Join<F> {
        Join::from_entry(record)
    }
}

impl<F: Family> Shows<F> for Memberships {
    type Item = Membership<F>;

    fn item(record: &F::MembershipEntry) -> Membership<F> {
        Membership::from_entry(record).expect("records have valid flags")
    }
}

/// An enumeration, and what it has yet to show.
struct Walk<F: Family, K: Shows<F>> {
    enumeration: Enumeration<F, K>,
    left: VecDeque<K::Item>,
}

enum Open<F: Family> {
    Joins(Walk<F, Joins>),
    Memberships(Walk<F, Memberships>),
}

impl<F: Family> Open<F> {
    fn get_next(&mut self, offset: usize, buffer_bytes: usize) {
        match self {
            Self::Joins(walk) => get_next(walk, offset, buffer_bytes),
            Self::Memberships(walk) => get_next(walk, offset, buffer_bytes),
        }
    }

    fn left(&self) -> usize {
        match self {
            Self::Joins(walk) => walk.left.len(),
            Self::Memberships(walk) => walk.left.len(),
        }
    }
}

groupscan_fuzz::target!(|input: Input| {
    if input.ipv6 {
        run::<V6>(input.operations);
    } else {
        run::<V4>(input.operations);
    }
});

fn run<F: Small>(operations: Vec<Operation>) {
    let table = GroupTable::new();
    let mut model = Model::<F>::default();
    let mut open: Vec<Open<F>> = Vec::new();
    for operation in operations.into_iter().take(OPERATIONS) {
        match operation {
            Operation::Write { edits, commit } => {
                let mut edited = model.clone();
                let mut txn = table.begin_write();
                for edit in edits {
                    make(&mut txn, &mut edited, edit);
                }
                if commit {
                    txn.commit();
                    model = edited;
                } else {
                    txn.abort();
                }
                check(&table.snapshot().expect("few versions live"), &model);
            }
            Operation::Reclaim => {
                table.reclaim();
                let stats = table.stats();
                assert_eq!(stats.pending_bytes, 0);
                assert!(!open.is_empty() || stats.retained_bytes == 0);
            }
            Operation::Start { view, group, source, interface } => {
                if open.len() < OPEN {
                    let mut filter =
                        Filter::all().with_groups(prefix(group)).with_sources(prefix(source));
                    if let Some(number) = interface {
                        let Membership { interface, .. } = small::<F>([0, 0, number, 0, 0]);
                        filter = filter.with_interface(interface);
                    }
                    let snapshot = table.snapshot().expect("few versions live");
                    open.push(start(&snapshot, &model, view, filter));
                }
            }
            Operation::GetNext { which, offset, buffer_bytes } => {
                if let Some(index) = usize::from(which).checked_rem(open.len()) {
                    open[index].get_next(offset.into(), buffer_bytes.into());
                }
            }
            Operation::End { which } => {
                if let Some(index) = usize::from(which).checked_rem(open.len()) {
                    open.swap_remove(index);
                }
            }
        }
    }
    // Open enumerations show the rest of their versions, whatever was committed since.
    for mut open in open {
        while open.left() > 0 {
            open.get_next(1, 5 * size_of::<F::MembershipEntry>());
        }
        open.get_next(0, 0);
    }
}

fn start<F: Small>(snapshot: &Snapshot, model: &Model<F>, view: u8, filter: Filter<F>) -> Open<F> {
    let snapshot = snapshot.of::<F>();
    if view < ALL_MEMBERSHIPS {
        let view = View::ALL[usize::from(view) % View::ALL.len()];
        let enumeration = snapshot.enumerate(view, filter);
        return Open::Joins(Walk { enumeration, left: model.shown(view, filter).into() });
    }
    let order = ORDERS[usize::from(view % 2)];
    let enumeration = snapshot.enumerate_all_memberships(order, filter);
    let left = model.all_memberships(order, filter).into();
    Open::Memberships(Walk { enumeration, left })
}

fn small<F: Small>([group, source, interface, protocol, flags]: [u8; 5]) -> Membership<F> {
    spread_membership(group % 16, source % 8, interface % 6, protocol % 6, flags)
}

fn make<F: Small>(txn: &mut WriteTxn<'_>, model: &mut Model<F>, edit: Edit) {
    match edit {
        Edit::Join(numbers) => {
            let membership = small(numbers);
            assert_eq!(txn.join(&membership), Ok(model.join(&membership)));
        }
        Edit::Leave(numbers) => {
            let membership = small(numbers);
            assert_eq!(txn.leave(&membership), Ok(model.leave(&membership)));
        }
        Edit::Replace { interface, protocol, joins } => {
            let at = small::<F>([0, 0, interface, protocol, 0]);
            let joins = joins.into_iter().map(|(group, source)| (group % 16, source % 8));
            let joins = joins.map(|(group, source)| Join::new(F::small(group), F::small(source)));
            let joins: Vec<Join<F>> = joins.collect::<BTreeSet<_>>().into_iter().collect();
            let changed = model.replace(at.interface, at.protocol, &joins);
            assert_eq!(txn.replace(at.interface, at.protocol, &joins), Ok(changed));
        }
    }
}

fn check<F: Small>(snapshot: &Snapshot, model: &Model<F>) {
    let snapshot = snapshot.of::<F>();
    assert_eq!(snapshot.len(), model.joins().len());
    assert_eq!(snapshot.membership_count(), model.membership_count());
    for join in model.joins() {
        assert!(snapshot.contains(join));
        assert!(snapshot.outgoing(join).eq(model.outgoing(join)));
    }
    assert!(snapshot.interfaces().eq(model.interfaces()));
    for number in 0..6 {
        let interface = small::<F>([0, 0, number, 0, 0]).interface;
        assert!(snapshot.joined_on(interface).eq(model.joined_on(interface)));
    }
    for order in ORDERS {
        let all = model.memberships_in(order);
        assert!(snapshot.all_memberships(order).eq(all.iter().copied()));
        for (at, membership) in all.iter().enumerate().step_by(7) {
            let next = snapshot.all_memberships(order).after(membership).next();
            assert_eq!(next, all.get(at + 1).copied());
        }
    }
}

fn prefix<F: Small>(of: Option<(u8, u8)>) -> Prefix<F> {
    of.and_then(|(address, length)| {
        Prefix::new(F::small(address % 16), length % (F::BITS + 1)).ok()
    })
    .unwrap_or(Prefix::ALL)
}

fn get_next<F: Family, K: Shows<F>>(open: &mut Walk<F, K>, offset: usize, buffer_bytes: usize) {
    let entry_bytes = size_of::<K::Record<F>>();
    let mut memory = vec![CANARY; offset + buffer_bytes + entry_bytes];
    let buffer = &mut memory[offset..offset + buffer_bytes];
    match open.enumeration.get_next(buffer) {
        Ok(batch) => {
            let shown = batch.entries().iter().map(K::item);
            let expected = open.left.drain(..open.left.len().min(buffer_bytes / entry_bytes));
            assert!(shown.eq(expected));
            assert_eq!(batch.more(), !open.left.is_empty());
        }
        Err(error) => {
            assert_eq!(error, GetNextError::BufferTooSmall { needed_bytes: entry_bytes });
            assert!(buffer_bytes < entry_bytes && !open.left.is_empty());
        }
    }
    let whole_bytes = buffer_bytes / entry_bytes * entry_bytes;
    let (before, after) = (&memory[..offset], &memory[offset + whole_bytes..]);
    assert!(before.iter().chain(after).all(|byte| *byte == CANARY));
}
