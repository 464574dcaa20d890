//! The tree, and ranks of keys.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::branch::NodeRef;
use super::layout::NodeLayout;
use super::search::partition_point;
use super::slot::NodePtr;
use crate::types::key::{
    ByGroupKey4, ByGroupKey6, ByInterfaceKey4, ByInterfaceKey6, JoinKey4, JoinKey6, Key,
};

/// The most keys that a tree can count.
pub(crate) const MAX_KEYS: usize = u32::MAX as usize;

/// The most levels that a tree can have (I4 of [`tree`](super)).
pub(super) const MAX_HEIGHT: usize =
    if cfg!(any(test, loom, shuttle, groupscan_check)) { 32 } else { 12 };

/// An ordered map from keys to values.
#[derive(Debug)]
pub(crate) struct Tree<K, V> {
    pub(super) root: Option<NodePtr>,
    pub(super) length: u32,
    /// The number of leaves.
    pub(super) leaves: u32,
    pub(super) height: u8,
    entries: PhantomData<(K, V)>,
}

impl<K: Key, V: Pod> Tree<K, V> {
    /// A tree without keys.
    pub(crate) const fn empty() -> Self {
        Self { root: None, length: 0, leaves: 0, height: 0, entries: PhantomData }
    }

    /// A second tree of the same nodes.
    ///
    /// # Safety
    ///
    /// I6 of [`tree`](super) also holds for the second tree.
    #[inline]
    pub(crate) unsafe fn duplicate(&self) -> Self {
        Self { ..*self }
    }

    /// The number of keys.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.length as usize
    }

    /// The number of keys that the leaves have room for.
    pub(crate) fn capacity(&self) -> usize {
        self.leaves as usize * NodeLayout::<K, V>::LEAF_CAPACITY
    }

    #[inline]
    pub(super) fn root(&self) -> Option<NodeRef<'_, K, V>> {
        // SAFETY: the nodes are alive and unchanged while `self` is borrowed (I6).
        self.root.map(|root| unsafe { NodeRef::new(root) })
    }

    /// The number of keys that are less than `key`.
    pub(crate) fn lower_bound(&self, key: K) -> usize {
        self.rank_by(&key, |k| *k < key)
    }

    /// The number of keys that are not greater than `key`.
    pub(crate) fn upper_bound(&self, key: K) -> usize {
        self.rank_by(&key, |k| *k <= key)
    }

    #[inline]
    fn rank_by(&self, key: &K, is_before: impl Fn(&K) -> bool) -> usize {
        let Some(mut node) = self.root() else {
            return 0;
        };
        let mut rank = 0;
        loop {
            match node {
                NodeRef::Leaf(leaf) => return rank + partition_point(leaf.keys(), is_before),
                NodeRef::Branch(branch) => {
                    let at = branch.child_for(key);
                    rank += branch.start_of(at);
                    node = branch.child(at);
                }
            }
        }
    }
}

const _: () = {
    const fn height_suffices<K: Key, V>() {
        // `least`: the fewest keys of a tree of `levels` levels. The last leaf may have one key, the last
        // branch of each level two children (I4). `full`: the fewest keys below a node that is not the last.
        let (mut full, mut least, mut levels) = (NodeLayout::<K, V>::LEAF_MINIMUM as u128, 1, 1);
        while least <= MAX_KEYS as u128 {
            least += full;
            full *= NodeLayout::<K, V>::BRANCH_MINIMUM as u128;
            levels += 1;
        }
        // A tree of `levels` levels would have too many keys.
        assert!(levels <= MAX_HEIGHT + 1);
    }
    height_suffices::<JoinKey4, u64>();
    height_suffices::<JoinKey6, u64>();
    height_suffices::<ByInterfaceKey4, u8>();
    height_suffices::<ByInterfaceKey6, u8>();
    height_suffices::<ByGroupKey4, u8>();
    height_suffices::<ByGroupKey6, u8>();
};
