//! Keys of a tree in ascending order, leaf by leaf.
//!
//! ```text
//!                     root
//!              ┌───────┴────────┐
//!           parent          following
//!  leaves   . . HERE . .    . AHEAD . .
//! ```
//!
//! A parent has the addresses and lengths of its leaves, so a leaf is not read before its turn. The next
//! parent is looked up from the root by rank, once for many leaves, so a cursor keeps no path.
//! [`LeafSlices`] is an iterator. [`Tree::scan`] runs at the speed of memory: it also tells its caller
//! which cache lines to prefetch.
//!
//! # Costs
//!
//! A place is found in O(log n), the next leaf in O(1), and the next parent in O(log n).

use std::ops::{ControlFlow, Range};

use super::lookup::Tree;
use super::node::NodeRef;
use super::search::partition_point;
use crate::simd::prefetch::PrefetchRange;
use crate::types::key::Key;

/// How many leaves ahead memory is prefetched if the tree lies in the caches, and if it lies beyond them.
/// Set by `cargo bench --bench ratio -- "all sources"`.
const NEAR_LEAVES: usize = 3;
const FAR_LEAVES: usize = 6;

/// Trees with more bytes of keys are assumed to lie beyond the caches: half of the last-level cache that a
/// few cores of a server share. Set by the same bench.
const NEAR_BYTES: usize = 12 << 20;

/// Adjacent keys of one leaf, and what to prefetch while they are read.
pub(crate) struct Run<'a, K> {
    pub(crate) keys: &'a [K],
    /// The cache lines of a later leaf, if the run begins with the first key of its leaf; otherwise none.
    pub(crate) ahead: PrefetchRange,
}

impl<K: Key> Tree<K> {
    /// The key at a rank.
    pub(crate) fn select(&self, rank: usize) -> Option<K> {
        self.slices(rank..rank.checked_add(1)?).next()?.first().copied()
    }

    /// The keys of `ranks` in ascending order, as slices of their leaves. Ranks beyond the end are ignored.
    pub(crate) fn slices(&self, ranks: Range<usize>) -> LeafSlices<'_, K> {
        LeafSlices::new(self, ranks)
    }

    /// The keys from `low` to `high`, both included, in ascending order.
    pub(crate) fn range(&self, low: K, high: K) -> impl Iterator<Item = K> {
        let keys = self.slices(self.lower_bound(low)..usize::MAX).flatten().copied();
        keys.take_while(move |key| *key <= high)
    }

    /// Calls `visit` with the keys of `ranks` in ascending order, as they lie in the leaves, until it
    /// breaks. Ranks beyond the end are ignored.
    ///
    /// Calls `begin` after the search for the first key, and stops if it breaks. So a slow `begin` does not
    /// delay the search.
    #[inline]
    pub(crate) fn scan<B>(
        &self,
        ranks: Range<usize>,
        begin: impl FnOnce() -> ControlFlow<B>,
        mut visit: impl FnMut(Run<'_, K>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let end = ranks.end.min(self.len());
        let mut rank = ranks.start;
        let Some(root) = self.root().filter(|_| rank < end) else {
            return begin();
        };
        if root.level() == 0 {
            begin()?;
            return visit(Run { keys: &root.keys()[rank..end], ahead: PrefetchRange::NONE });
        }
        let mut cursor = Cursor::new(root, self.len(), rank);
        let mut run = cursor.run(rank, end);
        begin()?;
        // The next leaf is looked up before this one is visited. Afterwards the processor would mispredict
        // the end of the leaf and wait for the lookup.
        loop {
            rank += run.keys.len();
            if rank == end {
                return visit(run);
            }
            cursor.next_leaf(rank);
            let next = cursor.run(rank, end);
            visit(run)?;
            run = next;
        }
    }
}

/// A cursor: a leaf, found through its parent.
#[derive(Clone)]
struct Cursor<'a, K> {
    root: NodeRef<'a, K>,
    /// The number of keys of the tree.
    length: usize,
    is_far: bool,
    /// How many leaves ahead memory is prefetched.
    distance: usize,
    parent: NodeRef<'a, K>,
    /// The number of the parent's children, and the index of the leaf among them.
    children: usize,
    child: usize,
    /// The ranks of the parent's first key, and of the first key after the parent.
    parent_start: usize,
    parent_end: usize,
}

impl<'a, K: Key> Cursor<'a, K> {
    /// Seeks the leaf that has the key at a rank.
    #[inline]
    fn new(root: NodeRef<'a, K>, length: usize, rank: usize) -> Self {
        let is_far = length * size_of::<K>() > NEAR_BYTES;
        let (parent, before) = parent_of(root, rank);
        let parent_start = rank - before;
        Self {
            root,
            length,
            is_far,
            distance: if is_far { FAR_LEAVES } else { NEAR_LEAVES },
            parent,
            children: parent.len(),
            child: partition_point(parent.cumulative(), |end| *end as usize <= before),
            parent_start,
            parent_end: parent_start + parent.count(),
        }
    }

    /// The keys of the leaf with ranks from `rank`, included, to `end`, excluded.
    #[inline(always)]
    fn keys(&self, rank: usize, end: usize) -> &'a [K] {
        let leaf_start = self.leaf_start();
        let leaf = self.parent.leaf(self.child);
        &leaf[rank - leaf_start..leaf.len().min(end - leaf_start)]
    }

    /// The same keys, and what to prefetch while they are read.
    #[inline(always)]
    fn run(&self, rank: usize, end: usize) -> Run<'a, K> {
        let ahead = self.child + self.distance;
        // Only the run that begins with the leaf's first key prefetches.
        let lines = if rank > self.leaf_start() {
            PrefetchRange::NONE
        } else if ahead < self.children {
            self.parent.leaf_lines(ahead)
        } else {
            self.lines_of_following(ahead - self.children)
        };
        Run { keys: self.keys(rank, end), ahead: lines.far(self.is_far) }
    }

    /// The rank of the leaf's first key.
    #[inline(always)]
    fn leaf_start(&self) -> usize {
        self.parent_start + self.parent.start_of(self.child)
    }

    /// Moves to the next leaf. `rank` is the rank of its first key.
    #[inline(always)]
    fn next_leaf(&mut self, rank: usize) {
        self.child += 1;
        if self.child == self.children {
            *self = Self::new(self.root, self.length, rank);
        } else if self.child == self.children / 2 && self.parent_end < self.length {
            self.following().prefetch();
        }
    }

    /// The branch after the parent. The parent is not the last one.
    #[cold]
    fn following(&self) -> NodeRef<'a, K> {
        parent_of(self.root, self.parent_end).0
    }

    /// The cache lines of leaf `at` of the branch after the parent, or none if there is no such leaf.
    #[cold]
    fn lines_of_following(&self, at: usize) -> PrefetchRange {
        if self.parent_end == self.length {
            return PrefetchRange::NONE;
        }
        let following = self.following();
        if at < following.len() { following.leaf_lines(at) } else { PrefetchRange::NONE }
    }
}

/// The keys of a range of ranks, as slices of their leaves.
#[derive(Clone)]
pub(crate) struct LeafSlices<'a, K> {
    root: Option<NodeRef<'a, K>>,
    /// `None` if the root is a leaf or no keys are left.
    cursor: Option<Cursor<'a, K>>,
    /// The ranks still to come.
    ranks: Range<usize>,
}

impl<'a, K: Key> LeafSlices<'a, K> {
    #[inline]
    fn new(tree: &'a Tree<K>, ranks: Range<usize>) -> Self {
        let ranks = ranks.start..ranks.end.min(tree.len());
        let root = tree.root().filter(|_| !ranks.is_empty());
        let branch = root.filter(|root| root.level() > 0);
        let cursor = branch.map(|root| Cursor::new(root, tree.len(), ranks.start));
        Self { root, cursor, ranks }
    }

    /// The number of keys still to come.
    pub(crate) fn keys_left(&self) -> usize {
        self.ranks.len()
    }
}

impl<'a, K: Key> Iterator for LeafSlices<'a, K> {
    type Item = &'a [K];

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Range { start, end } = self.ranks;
        let root = self.root.filter(|_| start < end)?;
        let keys = match &self.cursor {
            None => &root.keys()[start..end],
            Some(cursor) => cursor.keys(start, end),
        };
        self.ranks.start += keys.len();
        if let Some(cursor) = self.cursor.as_mut().filter(|_| !self.ranks.is_empty()) {
            cursor.next_leaf(self.ranks.start);
        }
        Some(keys)
    }
}

/// The parent of the leaf that has the key at a rank, and the number of the parent's keys before that key.
#[inline]
fn parent_of<K: Key>(root: NodeRef<'_, K>, rank: usize) -> (NodeRef<'_, K>, usize) {
    let (mut branch, mut before) = (root, rank);
    while branch.level() > 1 {
        let child = partition_point(branch.cumulative(), |end| *end as usize <= before);
        before -= branch.start_of(child);
        branch = branch.child(child);
    }
    (branch, before)
}
