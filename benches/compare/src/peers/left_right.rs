//! `left-right` over two `BTreeSet<u64>`: readers use one while the writer changes the other.
//!
//! Each key appends a change, and a commit publishes. Each thread has a read handle and enters it for each
//! enumeration. The write handle is behind a lock.

use std::collections::BTreeSet;
use std::sync::Mutex;

use left_right::{Absorb, ReadHandle, ReadHandleFactory, WriteHandle};

use super::{Kind, Peer, Reader, View};
use crate::page::{Page, Sink, pack};

pub(super) const KIND: Kind = Kind {
    name: "left-right",
    about: "two `BTreeSet`s; a commit appends to the log and publishes; one guard per enumeration",
    packages: &["left-right"],
    is_ours: false,
    enumerates: true,
    is_of_one_time: true,
    is_ordered: true,
    has_batches: true,
    view: View::StopsWriters,
    build: |keys| {
        let sets = Sets::new();
        // In pieces, because the log keeps the capacity of its largest batch.
        keys.chunks(1000).for_each(|keys| sets.change(keys, true));
        sets.publish();
        Box::new(sets)
    },
};

struct Sets {
    writer: Mutex<WriteHandle<BTreeSet<u64>, Operation>>,
    readers: ReadHandleFactory<BTreeSet<u64>>,
}

#[derive(Clone, Copy)]
enum Operation {
    Join(u64),
    Leave(u64),
}

impl Absorb<Operation> for BTreeSet<u64> {
    fn absorb_first(&mut self, operation: &mut Operation, _other: &Self) {
        match operation {
            Operation::Join(key) => self.insert(*key),
            Operation::Leave(key) => self.remove(key),
        };
    }

    fn sync_with(&mut self, first: &Self) {
        self.clone_from(first);
    }
}

impl Sets {
    fn new() -> Self {
        let (writer, reader) = left_right::new();
        let sets = Self { writer: Mutex::new(writer), readers: reader.factory() };
        // The first two publishes are special: they would make one set a clone of the other, with its nodes
        // in order in memory. So they get no changes.
        sets.publish();
        sets.publish();
        sets
    }

    fn publish(&self) {
        self.writer.lock().expect("no writer panicked").publish();
    }
}

impl Peer for Sets {
    fn change(&self, keys: &[u64], is_join: bool) {
        let mut writer = self.writer.lock().expect("no writer panicked");
        for key in keys {
            writer.append(if is_join { Operation::Join(*key) } else { Operation::Leave(*key) });
        }
        writer.publish();
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self.readers.handle())
    }
}

impl Reader for ReadHandle<BTreeSet<u64>> {
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>) {
        let set = self.enter().expect("the writer lives");
        pack(set.iter().copied(), page, sink);
    }

    fn contains(&self, key: u64) -> bool {
        self.enter().expect("the writer lives").contains(&key)
    }
}
