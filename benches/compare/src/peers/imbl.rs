//! `imbl::OrdSet` behind arc-swap: a persistent B+tree that is cloned, edited and stored.

use std::ops::Bound;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use imbl::OrdSet;

use super::{Kind, Parked, Peer, Reader, View};
use crate::page::{Page, Sink, pack};

pub(super) const KIND: Kind = Kind {
    name: "imbl::OrdSet",
    about: "a persistent B+tree behind arc-swap; a commit clones, edits and stores it",
    packages: &["imbl", "arc-swap"],
    is_ours: false,
    enumerates: true,
    is_of_one_time: true,
    is_ordered: true,
    has_batches: true,
    view: View::Snapshot,
    build: |keys| {
        let set = Persistent::default();
        set.change(keys, true);
        Box::new(set)
    },
};

#[derive(Default)]
struct Persistent {
    set: ArcSwap<OrdSet<u64>>,
    writer: Mutex<()>,
}

impl Peer for Persistent {
    fn change(&self, keys: &[u64], is_join: bool) {
        let _writer = self.writer.lock().expect("no writer panicked");
        let mut set = OrdSet::clone(&self.set.load());
        for key in keys {
            if is_join {
                set.insert(*key);
            } else {
                set.remove(key);
            }
        }
        self.set.store(Arc::new(set));
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self)
    }

    fn park(&self, page: &mut Page, sink: Sink<'_>) -> Option<Box<dyn Parked + '_>> {
        let set = self.set.load_full();
        let mut last = None;
        pack(set.iter().take(Page::RECORDS).inspect(|key| last = Some(**key)).copied(), page, sink);
        Some(Box::new(Rest { set, last }))
    }
}

impl Reader for &Persistent {
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>) {
        pack(self.set.load().iter().copied(), page, sink);
    }

    fn contains(&self, key: u64) -> bool {
        self.set.load().contains(&key)
    }
}

struct Rest {
    set: Arc<OrdSet<u64>>,
    /// The last key that was packed.
    last: Option<u64>,
}

impl Parked for Rest {
    fn finish(self: Box<Self>, page: &mut Page, sink: Sink<'_>) {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        pack(self.set.range((after, Bound::Unbounded)).copied(), page, sink);
    }
}
