//! Operations on a table and enumerations through buffers, from the input, against a `BTreeMap` model.

#![cfg_attr(fuzzing, no_main)]

use std::collections::{BTreeSet, VecDeque};

use arbitrary::Arbitrary;
use groupscan::{
    Enumeration, Filter, GetNextError, GroupTable, Join, Membership, Prefix, Snapshot, V4, V6,
    View, WriteTxn,
};
use groupscan_testing::model::{Model, Small, membership};

/// The greatest number of operations in an input, and of open enumerations.
const OPERATIONS: usize = 400;
const OPEN: usize = 8;

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

/// An enumeration, and the joins that it has yet to show.
struct Open<F: Small> {
    enumeration: Enumeration<F>,
    left: VecDeque<Join<F>>,
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
                    let view = View::ALL[usize::from(view) % View::ALL.len()];
                    let mut filter =
                        Filter::all().with_groups(prefix(group)).with_sources(prefix(source));
                    if let Some(number) = interface {
                        let Membership { interface, .. } = small::<F>([0, 0, number, 0, 0]);
                        filter = filter.with_interface(interface);
                    }
                    let snapshot = table.snapshot().expect("few versions live");
                    let enumeration = snapshot.of::<F>().enumerate(view, filter);
                    let left = model.shown(view, filter).into();
                    open.push(Open { enumeration, left });
                }
            }
            Operation::GetNext { which, offset, buffer_bytes } => {
                if let Some(index) = usize::from(which).checked_rem(open.len()) {
                    get_next(&mut open[index], offset.into(), buffer_bytes.into());
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
        while !open.left.is_empty() {
            get_next(&mut open, 1, 5 * Enumeration::<F>::ENTRY_BYTES);
        }
        get_next(&mut open, 0, 0);
    }
}

fn small<F: Small>([group, source, interface, protocol, flags]: [u8; 5]) -> Membership<F> {
    membership(group % 16, source % 8, interface % 6, protocol % 3, flags)
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
        let mut outgoing: Vec<_> = snapshot.outgoing(join).collect();
        outgoing.sort_unstable();
        assert!(outgoing.into_iter().eq(model.outgoing(join)));
    }
    for number in 0..6 {
        let interface = membership::<F>(0, 0, number, 0, 0).interface;
        assert!(snapshot.joined_on(interface).eq(model.joined_on(interface)));
    }
}

fn prefix<F: Small>(of: Option<(u8, u8)>) -> Prefix<F> {
    of.and_then(|(address, length)| {
        Prefix::new(F::small(address % 16), length % (F::BITS + 1)).ok()
    })
    .unwrap_or(Prefix::ALL)
}

fn get_next<F: Small>(open: &mut Open<F>, offset: usize, buffer_bytes: usize) {
    let entry_bytes = Enumeration::<F>::ENTRY_BYTES;
    let mut memory = vec![CANARY; offset + buffer_bytes + entry_bytes];
    let buffer = &mut memory[offset..offset + buffer_bytes];
    match open.enumeration.get_next(buffer) {
        Ok(batch) => {
            let shown = batch.entries().iter().map(Join::from_entry);
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
