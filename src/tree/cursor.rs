//! Going through a tree in order, leaf by leaf.
//!
//! ```text
//!                     root
//!              ┌───────┴────────┐
//!           parent          following
//!  leaves   . . HERE . .    . AHEAD . .
//! ```
//!
//! From a leaf's parent come the address and the length of the leaf and of those after it, so that none
//! is touched before its turn. A parent's successor is looked up from the root by its rank, once
//! for many leaves; so there is no path to keep. [`Slices`] goes at its reader's pace; a
//! [`scan`](Tree::scan) goes at the speed of memory, and says what to ask for ahead.
//!
//! # Costs
//!
//! A place is found in O(log n); the next leaf in O(1), but for the O(log n) of a parent's successor.

use std::ops::{ControlFlow, Range};

use super::Tree;
use super::node::NodeRef;
use super::search::count_before;
use crate::key::Key;
use crate::prefetch::Lines;

/// How many leaves ahead memory is asked for that lies in the caches, and beyond them.
/// Set by `cargo bench --bench ratio -- "all sources"`.
const NEAR_LEAVES: usize = 3;
const FAR_LEAVES: usize = 6;

/// Trees with more bytes of keys are taken to lie beyond the caches: half of what the last-level cache
/// of a server has for a few cores. Set by the same bench.
const NEAR_BYTES: usize = 12 << 20;

/// Keys that lie side by side, and what to ask for while they are read.
pub(crate) struct Run<'a, K> {
    pub(crate) keys: &'a [K],
    /// The memory of a leaf further on, where the keys are the first of theirs.
    pub(crate) ahead: Lines,
}

impl<K: Key> Tree<K> {
    /// Calls `visit` with the keys of `ranks` in ascending order, as they lie in the leaves, until it
    /// breaks off. Ranks beyond the end are left out.
    ///
    /// Asks `begin` first, once it has found its place, whether to go on. So what is slow in there does not
    /// make the search wait.
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
            return visit(Run { keys: &root.keys()[rank..end], ahead: Lines::NONE });
        }
        let mut reader = Reader::new(root, self.len(), rank);
        let mut run = reader.run(rank, end);
        begin()?;
        // What the next leaf is, is found out before this one is read: afterwards the processor, which
        // guessed the leaf's end wrong, would have nothing to do meanwhile.
        loop {
            rank += run.keys.len();
            if rank == end {
                return visit(run);
            }
            reader.next_leaf(rank);
            let next = reader.run(rank, end);
            visit(run)?;
            run = next;
        }
    }
}

/// Where a scan is: at a leaf that has a parent.
#[derive(Clone)]
struct Reader<'a, K> {
    root: NodeRef<'a, K>,
    /// The number of keys of the tree.
    length: usize,
    is_far: bool,
    /// How many leaves ahead memory is asked for.
    distance: usize,
    parent: NodeRef<'a, K>,
    /// The number of the parent's children, and which of them the leaf is.
    children: usize,
    child: usize,
    /// The ranks of the parent's first key, and of the first behind it.
    parent_start: usize,
    parent_end: usize,
}

impl<'a, K: Key> Reader<'a, K> {
    /// At the leaf that has the key of a rank.
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
            child: count_before(parent.ends(), |end| *end as usize <= before),
            parent_start,
            parent_end: parent_start + parent.count(),
        }
    }

    /// The keys of the leaf from one rank on and up to another.
    #[inline(always)]
    fn keys(&self, rank: usize, end: usize) -> &'a [K] {
        let leaf_start = self.leaf_start();
        let leaf = self.parent.leaf(self.child);
        &leaf[rank - leaf_start..leaf.len().min(end - leaf_start)]
    }

    /// The same, and what to ask for meanwhile.
    #[inline(always)]
    fn run(&self, rank: usize, end: usize) -> Run<'a, K> {
        let ahead = self.child + self.distance;
        // Asked for once: by who begins with the leaf.
        let lines = match ahead.checked_sub(self.children) {
            _ if rank > self.leaf_start() => Lines::NONE,
            None => self.parent.leaf_lines(ahead),
            Some(behind) => self.lines_behind(behind),
        };
        Run { keys: self.keys(rank, end), ahead: lines.far(self.is_far) }
    }

    /// The rank of the leaf's first key.
    #[inline(always)]
    fn leaf_start(&self) -> usize {
        self.parent_start + self.parent.start_of(self.child)
    }

    /// Moves to the next leaf, whose first key has a rank.
    #[inline(always)]
    fn next_leaf(&mut self, rank: usize) {
        self.child += 1;
        if self.child == self.children {
            *self = Self::new(self.root, self.length, rank);
        } else if self.child == self.children / 2 && self.parent_end < self.length {
            self.following().prefetch();
        }
    }

    /// The branch that follows on the parent, which there is.
    #[cold]
    fn following(&self) -> NodeRef<'a, K> {
        parent_of(self.root, self.parent_end).0
    }

    /// The memory of leaf `at` of the branch that follows on the parent, if there is that much.
    #[cold]
    fn lines_behind(&self, at: usize) -> Lines {
        if self.parent_end == self.length {
            return Lines::NONE;
        }
        let following = self.following();
        if at < following.len() { following.leaf_lines(at) } else { Lines::NONE }
    }
}

/// The keys of a range of ranks, as slices of the leaves they lie in.
#[derive(Clone)]
pub(crate) struct Slices<'a, K> {
    root: Option<NodeRef<'a, K>>,
    /// The place; `None` where the root is a leaf.
    reader: Option<Reader<'a, K>>,
    /// The ranks still to come.
    ranks: Range<usize>,
}

impl<'a, K: Key> Slices<'a, K> {
    #[inline]
    pub(super) fn new(tree: &'a Tree<K>, ranks: Range<usize>) -> Self {
        let ranks = ranks.start..ranks.end.min(tree.len());
        let root = tree.root().filter(|_| !ranks.is_empty());
        let has_parents = root.filter(|root| root.level() > 0);
        let reader = has_parents.map(|root| Reader::new(root, tree.len(), ranks.start));
        Self { root, reader, ranks }
    }

    /// The number of keys still to come.
    pub(crate) fn keys_left(&self) -> usize {
        self.ranks.len()
    }
}

impl<'a, K: Key> Iterator for Slices<'a, K> {
    type Item = &'a [K];

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Range { start, end } = self.ranks;
        let root = self.root.filter(|_| start < end)?;
        let keys = match &self.reader {
            None => &root.keys()[start..end],
            Some(reader) => reader.keys(start, end),
        };
        self.ranks.start += keys.len();
        if let Some(reader) = self.reader.as_mut().filter(|_| !self.ranks.is_empty()) {
            reader.next_leaf(self.ranks.start);
        }
        Some(keys)
    }
}

/// The branch above the leaf that has the key of a rank, and how many keys come before that key in
/// the branch.
#[inline]
fn parent_of<K: Key>(root: NodeRef<'_, K>, rank: usize) -> (NodeRef<'_, K>, usize) {
    let (mut branch, mut before) = (root, rank);
    while branch.level() > 1 {
        let child = count_before(branch.ends(), |end| *end as usize <= before);
        before -= branch.start_of(child);
        branch = branch.child(child);
    }
    (branch, before)
}
