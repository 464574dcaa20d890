//! `ArcSwap<Vec<u64>>`: a sorted array that is replaced, never changed.
//!
//! A commit makes the next array in one pass over the last one, and copies the keys between two changes as
//! a whole. For one change that is two copies of memory. The array is packed from its slice with vector
//! instructions.

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use super::{Kind, Parked, Peer, Reader, View};
use crate::page::{Page, Sink};
use crate::slices::pack_slice;

pub(super) const KIND: Kind = Kind {
    name: "ArcSwap<Vec>",
    about: "a sorted array behind arc-swap; a commit copies it once; packed by vectors",
    packages: &["arc-swap"],
    is_ours: false,
    enumerates: true,
    is_of_one_time: true,
    is_ordered: true,
    has_batches: true,
    view: View::Snapshot,
    build: |keys| {
        let array = Array::default();
        array.change(keys, true);
        Box::new(array)
    },
};

#[derive(Default)]
struct Array {
    keys: ArcSwap<Vec<u64>>,
    writer: Mutex<()>,
}

/// The ascending keys of `old` and `new`. They have no key in common.
fn with(old: &[u64], new: &[u64]) -> Vec<u64> {
    let mut keys = Vec::with_capacity(old.len() + new.len());
    let mut rest = old;
    for key in new {
        let (below, above) = rest.split_at(rest.partition_point(|old| old < key));
        keys.extend_from_slice(below);
        keys.push(*key);
        rest = above;
    }
    keys.extend_from_slice(rest);
    keys
}

/// The ascending keys of `old` without those of `gone`. `old` has all of `gone`.
fn without(old: &[u64], gone: &[u64]) -> Vec<u64> {
    let mut keys = Vec::with_capacity(old.len() - gone.len());
    let mut rest = old;
    for key in gone {
        let (below, above) = rest.split_at(rest.partition_point(|old| old < key));
        keys.extend_from_slice(below);
        rest = &above[1..];
    }
    keys.extend_from_slice(rest);
    keys
}

impl Peer for Array {
    fn change(&self, keys: &[u64], is_join: bool) {
        let mut sorted = keys.to_vec();
        sorted.sort_unstable();
        let _writer = self.writer.lock().expect("no writer panicked");
        let old = self.keys.load();
        let new = if is_join { with(&old, &sorted) } else { without(&old, &sorted) };
        self.keys.store(Arc::new(new));
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(self)
    }

    fn park(&self, page: &mut Page, sink: Sink<'_>) -> Option<Box<dyn Parked + '_>> {
        let keys = self.keys.load_full();
        let given = keys.len().min(Page::RECORDS);
        pack_slice(&keys[..given], page, sink);
        Some(Box::new(Rest { keys, given }))
    }
}

impl Reader for &Array {
    fn enumerate(&self, page: &mut Page, sink: Sink<'_>) {
        pack_slice(&self.keys.load(), page, sink);
    }

    fn contains(&self, key: u64) -> bool {
        self.keys.load().binary_search(&key).is_ok()
    }
}

struct Rest {
    keys: Arc<Vec<u64>>,
    given: usize,
}

impl Parked for Rest {
    fn finish(self: Box<Self>, page: &mut Page, sink: Sink<'_>) {
        pack_slice(&self.keys[self.given..], page, sink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::joins::Random;

    #[test]
    fn merging_is_what_sorting_would_be() {
        let mut random = Random::new();
        for (old, new) in [(0, 0), (0, 5), (5, 0), (1, 1), (100, 3), (3, 100), (1000, 1000)] {
            let (mut old, mut new) = (random.keys(old), random.keys(new));
            old.sort_unstable();
            new.sort_unstable();
            let mut both = [&old[..], &new[..]].concat();
            both.sort_unstable();
            let merged = with(&old, &new);
            assert_eq!((&merged, merged.capacity()), (&both, both.len()));
            assert_eq!(without(&merged, &new), old);
            assert_eq!(without(&merged, &old), new);
        }
    }
}
