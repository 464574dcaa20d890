//! An immutable ordered set of keys, and the edits that lead to the next one.
//!
//! The keys lie sorted in one shared array. A reader holds the array; a writer gathers its edits
//! beside it and merges both into a new array when it commits.
//!
//! # Invariants
//!
//! - I1: the keys of a [`KeySet`] ascend strictly.
//! - I2: the array of a [`KeySet`] never changes.
//!
//! # Costs
//!
//! Lookups and ranks are O(log n). A commit that changes a set copies it: O(n). A clone is a count.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::key::Key;

/// An immutable ordered set of keys.
#[derive(Clone, Debug)]
pub(crate) struct KeySet<K> {
    keys: Arc<Vec<K>>,
}

impl<K: Key> KeySet<K> {
    /// The set of no keys.
    pub(crate) fn empty() -> Self {
        Self { keys: Arc::new(Vec::new()) }
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key that compares equal to `key`.
    pub(crate) fn get(&self, key: K) -> Option<K> {
        self.keys.get(self.lower_bound(key)).copied().filter(|found| *found == key)
    }

    /// How many keys are less than `key`.
    pub(crate) fn lower_bound(&self, key: K) -> usize {
        self.keys.partition_point(|k| *k < key)
    }

    /// How many keys are not greater than `key`.
    pub(crate) fn upper_bound(&self, key: K) -> usize {
        self.keys.partition_point(|k| *k <= key)
    }

    /// The keys of `ranks` in ascending order, as slices of the memory they lie in. Ranks beyond
    /// the end are left out.
    pub(crate) fn slices(&self, ranks: Range<usize>) -> impl Iterator<Item = &[K]> {
        let end = ranks.end.min(self.keys.len());
        self.keys.get(ranks.start..end).into_iter()
    }

    /// The keys from `low` to `high`, both included, in ascending order.
    pub(crate) fn range(&self, low: K, high: K) -> impl Iterator<Item = K> {
        self.slices(self.lower_bound(low)..self.upper_bound(high)).flatten().copied()
    }
}

/// The edits of a transaction to one set: the set before, and what it will have instead.
#[derive(Debug)]
pub(crate) struct SetEdits<K> {
    base: KeySet<K>,
    /// `None` where the key was removed.
    changes: BTreeMap<K, Option<K>>,
}

impl<K: Key> SetEdits<K> {
    /// No edits of `base` yet.
    pub(crate) fn new(base: KeySet<K>) -> Self {
        Self { base, changes: BTreeMap::new() }
    }

    /// The key that compares equal to `key`, the edits included.
    pub(crate) fn get(&self, key: K) -> Option<K> {
        match self.changes.get(&key) {
            Some(change) => *change,
            None => self.base.get(key),
        }
    }

    /// Puts `key` in, in place of the one that compares equal.
    pub(crate) fn insert(&mut self, key: K) {
        self.changes.insert(key, Some(key));
    }

    /// Takes `key` out.
    pub(crate) fn remove(&mut self, key: K) {
        self.changes.insert(key, None);
    }

    /// The keys from `low` to `high`, both included, the edits included, in no particular order.
    pub(crate) fn range(&self, low: K, high: K) -> impl Iterator<Item = K> {
        let kept = self.base.range(low, high).filter(|key| !self.changes.contains_key(key));
        kept.chain(self.changes.range(low..=high).filter_map(|(_, change)| *change))
    }

    /// The set that the edits make of the one before.
    pub(crate) fn finish(self) -> KeySet<K> {
        if self.changes.is_empty() {
            return self.base;
        }
        let base: &[K] = &self.base.keys;
        let mut keys = Vec::with_capacity(base.len() + self.changes.len());
        let mut rest = base;
        for (key, change) in self.changes {
            let (before, from) = rest.split_at(rest.partition_point(|k| *k < key));
            keys.extend_from_slice(before);
            keys.extend(change);
            rest = from.strip_prefix(&[key]).unwrap_or(from);
        }
        keys.extend_from_slice(rest);
        keys.shrink_to_fit();
        debug_assert!(keys.is_sorted_by(|a, b| a < b), "I1");
        KeySet { keys: Arc::new(keys) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    impl Key for u64 {}

    fn set(keys: impl IntoIterator<Item = u64>) -> KeySet<u64> {
        let mut edits = SetEdits::new(KeySet::empty());
        for key in keys {
            edits.insert(key);
        }
        edits.finish()
    }

    fn keys(set: &KeySet<u64>) -> Vec<u64> {
        set.slices(0..usize::MAX).flatten().copied().collect()
    }

    #[test]
    fn ranks_count_the_keys_below() {
        let set = set([30, 10, 20]);
        assert_eq!(keys(&set), [10, 20, 30]);
        assert_eq!([9, 10, 11, 30, 31].map(|k| set.lower_bound(k)), [0, 0, 1, 2, 3]);
        assert_eq!([9, 10, 11, 30, 31].map(|k| set.upper_bound(k)), [0, 1, 1, 3, 3]);
        assert_eq!(set.range(11, 30).collect::<Vec<_>>(), [20, 30]);
        assert_eq!(set.range(31, 40).count(), 0);
        assert_eq!(set.slices(3..5).flatten().count(), 0);
    }

    proptest! {
        #[test]
        fn edits_make_what_a_btree_set_makes(
            before in proptest::collection::btree_set(0..64u64, 0..40),
            edits in proptest::collection::vec((0..64u64, any::<bool>()), 0..40),
            (low, high) in (0..64u64, 0..64u64),
        ) {
            let base = set(before.iter().copied());
            let mut model: BTreeSet<u64> = before.clone();
            let mut tested = SetEdits::new(base.clone());
            for (key, present) in edits {
                if present {
                    tested.insert(key);
                    model.insert(key);
                } else {
                    tested.remove(key);
                    model.remove(&key);
                }
                prop_assert_eq!(tested.get(key), present.then_some(key));
            }
            let (low, high) = (low.min(high), low.max(high));
            let mut range: Vec<u64> = tested.range(low, high).collect();
            range.sort_unstable();
            prop_assert_eq!(range, model.range(low..=high).copied().collect::<Vec<_>>());
            prop_assert_eq!(keys(&tested.finish()), model.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(keys(&base), before.into_iter().collect::<Vec<_>>());
        }
    }
}
