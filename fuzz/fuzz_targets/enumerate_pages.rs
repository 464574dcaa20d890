//! Any operations on a table, any enumerations through any buffers, against a `BTreeMap` model.

#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use std::collections::{BTreeSet, VecDeque};

use arbitrary::Arbitrary;
use common::{Model, Small, VIEWS, membership};
use groupscan::{
    Enumeration, Filter, GetNextError, GroupTable, Membership, Prefix, Snapshot, V4, V6, WriteTxn,
};
use libfuzzer_sys::fuzz_target;

/// How many operations an input may have, and how many enumerations may be open at a time.
const OPERATIONS: usize = 400;
const OPEN: usize = 8;

/// What lies around the buffers, to see that nothing else is written.
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

/// An enumeration, and what it has yet to show.
struct Open<F: Small> {
    enumeration: Enumeration<F>,
    left: VecDeque<(F, F)>,
}

fuzz_target!(|input: Input| {
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
                }
                check(&table.snapshot().expect("few versions live"), &model);
            }
            Operation::Reclaim => {
                while table.reclaim() {}
                let stats = table.stats();
                assert_eq!(stats.slots_pending, 0);
                assert!(!open.is_empty() || stats.slots_retained == 0);
            }
            Operation::Start { view, group, source, interface } => {
                if open.len() < OPEN {
                    let view = VIEWS[usize::from(view) % VIEWS.len()];
                    let mut filter = Filter::all().group(prefix(group)).source(prefix(source));
                    if let Some(number) = interface {
                        filter = filter.interface(small::<F>([0, 0, number, 0, 0]).interface);
                    }
                    let enumeration =
                        table.snapshot().expect("few versions live").enumerate(view, filter);
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
    // What is still open shows the rest of its version, whatever was committed since.
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
            let joins = joins.map(|(group, source)| (F::small(group), F::small(source)));
            let joins: Vec<(F, F)> = joins.collect::<BTreeSet<_>>().into_iter().collect();
            let changed = model.replace(at.interface, at.protocol, &joins);
            assert_eq!(txn.replace(at.interface, at.protocol, &joins), Ok(changed));
        }
    }
}

fn check<F: Small>(snapshot: &Snapshot, model: &Model<F>) {
    assert_eq!(snapshot.len::<F>(), model.joins().len());
    assert_eq!(snapshot.membership_count::<F>(), model.len());
    for (group, source) in model.joins() {
        assert!(snapshot.contains(group, source));
        let mut outgoing: Vec<_> = snapshot.outgoing(group, source).collect();
        outgoing.sort_unstable();
        assert!(outgoing.into_iter().eq(model.outgoing(group, source)));
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
            let shown = batch.entries().iter().map(F::group_and_source);
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
