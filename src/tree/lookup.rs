//! The tree, with lookups by key and ranks of keys.

use std::marker::PhantomData;

use super::node::{NodeLayout, NodeRef};
use super::search::partition_point;
use super::slot::NodePtr;
use crate::types::key::Key;

/// The most keys that a tree can count.
pub(crate) const MAX_KEYS: usize = u32::MAX as usize;

/// The most levels that a tree can have (I4 of [`tree`](super)).
pub(super) const MAX_HEIGHT: usize =
    if cfg!(any(test, loom, shuttle, groupscan_check)) { 32 } else { 12 };

/// An ordered set of keys.
#[derive(Debug)]
pub(crate) struct Tree<K> {
    pub(super) root: Option<NodePtr>,
    pub(super) length: u32,
    pub(super) height: u8,
    keys: PhantomData<K>,
}

impl<K: Key> Tree<K> {
    /// A tree without keys.
    pub(crate) const fn empty() -> Self {
        Self { root: None, length: 0, height: 0, keys: PhantomData }
    }

    /// A second tree of the same nodes.
    ///
    /// # Safety
    ///
    /// I6 of [`tree`](super) also holds for the second tree.
    pub(crate) unsafe fn duplicate(&self) -> Self {
        Self { ..*self }
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.length as usize
    }

    #[inline]
    pub(super) fn root(&self) -> Option<NodeRef<'_, K>> {
        // SAFETY: the nodes are alive and unchanged while `self` is borrowed (I6).
        self.root.map(|root| unsafe { NodeRef::new(root) })
    }

    /// The key in the tree that compares equal to `key`.
    pub(crate) fn get(&self, key: K) -> Option<K> {
        let mut node = self.root()?;
        while node.level() > 0 {
            let at = node.child_for(&key);
            node.prefetch_child(at);
            node = node.child(at);
        }
        let keys = node.keys();
        keys.get(partition_point(keys, |k| *k < key)).copied().filter(|found| *found == key)
    }

    /// Starts to prefetch the path to `key`.
    #[inline]
    pub(crate) fn prefetch_path(&self, key: K) -> PrefetchPath<'_, K> {
        PrefetchPath { node: self.root(), key }
    }

    /// The number of keys that are less than `key`.
    pub(crate) fn lower_bound(&self, key: K) -> usize {
        self.rank_by(&key, |k| *k < key)
    }

    /// The number of keys that are not greater than `key`.
    pub(crate) fn upper_bound(&self, key: K) -> usize {
        self.rank_by(&key, |k| *k <= key)
    }

    fn rank_by(&self, key: &K, is_before: impl Fn(&K) -> bool) -> usize {
        let Some(mut node) = self.root() else {
            return 0;
        };
        let mut rank = 0;
        while node.level() > 0 {
            let at = node.child_for(key);
            rank += node.start_of(at);
            node = node.child(at);
        }
        rank + partition_point(node.keys(), is_before)
    }
}

/// A descent to the leaf that a key belongs to, one level per step, which prefetches each node before it
/// is needed.
///
/// A caller that steps through the paths of several trees in turn waits for all their memory at the same
/// time.
pub(crate) struct PrefetchPath<'a, K> {
    node: Option<NodeRef<'a, K>>,
    key: K,
}

impl<K: Key> PrefetchPath<'_, K> {
    /// Goes one level down. Returns whether there is another level.
    #[inline]
    pub(crate) fn step(&mut self) -> bool {
        let Some(branch) = self.node.filter(|node| node.level() > 0) else {
            return false;
        };
        let at = branch.child_for(&self.key);
        branch.prefetch_child(at);
        self.node = (branch.level() > 1).then(|| branch.child(at));
        self.node.is_some()
    }
}

const _: () = {
    const fn height_suffices<K>() {
        // `least`: the fewest keys of a tree of `levels` levels. The last leaf may have one key, the last branch
        // of each level two children (I4). `full`: the fewest keys below a node that is not the last.
        let (mut full, mut least, mut levels) = (NodeLayout::<K>::LEAF_MINIMUM as u128, 1, 1);
        while least <= MAX_KEYS as u128 {
            least += full;
            full *= NodeLayout::<K>::BRANCH_MINIMUM as u128;
            levels += 1;
        }
        // A tree of `levels` levels would have too many keys.
        assert!(levels <= MAX_HEIGHT + 1);
    }
    height_suffices::<[u64; 1]>();
    height_suffices::<[u64; 2]>();
    height_suffices::<[u64; 3]>();
    height_suffices::<[u64; 4]>();
    height_suffices::<[u64; 5]>();
};
