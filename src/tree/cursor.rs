//! A place in the order of keys, and the entries from there on, leaf by leaf.
//!
//! ```text
//!                     root
//!              ┌───────┴────────┐
//!           parent          following
//!  leaves   . . HERE . .    . AHEAD . .
//! ```
//!
//! A [`Cursor`] is found by key ([`Seek`]) or by rank. It knows the path to its leaf, so an edit need not
//! look it up again. A parent has the addresses and lengths of its leaves, so a leaf is not read before its
//! turn. [`Runs`] reads a range of ranks at the speed of memory: it also tells its caller which cache lines
//! to prefetch.
//!
//! # Costs
//!
//! A place is found in O(log n), the next leaf in O(1), and the next parent in O(log n).

use std::ops::Range;

use bytemuck::Pod;

use super::branch::{BranchRef, NodeRef, Parent};
use super::leaf::LeafRef;
use super::lookup::{MAX_HEIGHT, Tree};
use crate::simd::prefetch::{PrefetchRange, prefers_second_level};
use crate::types::key::{Entries, Key};

/// How many leaves ahead memory is prefetched if the tree lies in the caches, and if it lies beyond them or
/// memory is prefetched into the second-level cache.
/// Set by `cargo bench --bench ratio -- "all sources"`.
const NEAR_LEAVES: usize = 3;
const FAR_LEAVES: usize = 6;

/// Trees with more bytes of keys are assumed to lie beyond the caches: half of the last-level cache that a
/// few cores of a server share. Set by the same bench.
const NEAR_BYTES: usize = 12 << 20;

/// Trees with fewer bytes of keys lie in the first caches, where a prefetch costs more than it gains. Set by
/// `cargo bench --bench ratio -- update`.
const SMALL_BYTES: usize = 128 << 10;

/// The path from the root to a place in a leaf: for each branch the index of the child, and for the leaf the
/// index of the entry.
///
/// It leads to the same place as long as the tree does not change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    at: [u16; MAX_HEIGHT],
    /// The number of keys of the tree, and its height, when the path was found.
    length: u32,
    height: u8,
}

impl Path {
    /// The index at a depth.
    #[inline]
    pub(super) fn at(&self, depth: usize) -> usize {
        self.at[depth].into()
    }

    /// The index of the entry in the leaf; 0 if the tree was empty.
    #[inline]
    pub(super) fn place(&self) -> usize {
        usize::from(self.height).checked_sub(1).map_or(0, |depth| self.at(depth))
    }

    /// The depth at which this path and another one of the same tree part.
    pub(super) fn depth_of_difference(&self, other: &Self) -> usize {
        let parts = |(here, there)| here != there;
        self.at.iter().zip(&other.at).position(parts).unwrap_or(self.at.len())
    }

    /// Whether the path may be one of this tree as it is now. An edit relies on it for its result, not for
    /// memory safety.
    pub(super) fn fits<K, V>(&self, tree: &Tree<K, V>) -> bool {
        self.length == tree.length && self.height == tree.height
    }
}

/// A descent to the leaf that a key belongs to, one level per step, which prefetches each node before it is
/// needed.
///
/// A caller that steps through several trees in turn waits for all their memory at the same time.
pub(crate) struct Seek<'t, K, V> {
    tree: &'t Tree<K, V>,
    key: K,
    node: Option<NodeRef<'t, K, V>>,
    prefetches: bool,
    path: Path,
    depth: usize,
    /// The rank of the first key below `node`.
    start: usize,
    parent: Option<Parent<'t, K, V>>,
}

impl<'t, K: Key, V: Pod> Seek<'t, K, V> {
    #[inline]
    pub(crate) fn new(tree: &'t Tree<K, V>, key: K) -> Self {
        Self {
            tree,
            key,
            node: tree.root(),
            prefetches: tree.len() * size_of::<K>() > SMALL_BYTES,
            path: Path { at: [0; MAX_HEIGHT], length: tree.length, height: tree.height },
            depth: 0,
            start: 0,
            parent: None,
        }
    }

    /// Goes one level down. Returns whether there may be another level.
    #[inline]
    pub(crate) fn step(&mut self) -> bool {
        let Some(NodeRef::Branch(branch)) = self.node else {
            return false;
        };
        let at = branch.child_for(&self.key);
        if self.prefetches {
            branch.prefetch_child(at);
        }
        self.path.at[self.depth] = at as u16;
        self.depth += 1;
        self.start += branch.start_of(at);
        self.parent = branch.as_parent();
        self.node = Some(branch.child(at));
        true
    }

    /// The cursor at the first key that is not less than the key sought. Steps must have returned false.
    #[inline]
    pub(crate) fn end(self) -> Cursor<'t, K, V> {
        let Self { tree, key, node, path, depth, start, parent, .. } = self;
        let child = depth.checked_sub(1).map_or(0, |above| path.at(above));
        let leaf = match node {
            Some(NodeRef::Leaf(leaf)) => Some(leaf),
            Some(NodeRef::Branch(_)) => unreachable!("a seek ends at a leaf"),
            None => None,
        };
        let place = leaf.map_or(0, |leaf| leaf.place_of(&key));
        let is_found = leaf.is_some_and(|leaf| leaf.keys().get(place) == Some(&key));
        Cursor { tree, path, parent, child, leaf, start, place, is_found }
    }
}

/// A place in a tree: before an entry of a leaf, or at the leaf's end.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'t, K, V> {
    tree: &'t Tree<K, V>,
    /// Valid above the parent.
    path: Path,
    /// `None` if the root is a leaf, or the tree is empty.
    parent: Option<Parent<'t, K, V>>,
    /// The index of the leaf among the parent's children.
    child: usize,
    /// `None` if the tree is empty.
    leaf: Option<LeafRef<'t, K, V>>,
    /// The rank of the leaf's first key.
    start: usize,
    place: usize,
    is_found: bool,
}

impl<K: Key, V: Pod> Tree<K, V> {
    /// The value of a key.
    pub(crate) fn get(&self, key: K) -> Option<V> {
        self.seek(key).found()
    }

    /// The cursor at the first key that is not less than `key`.
    #[inline]
    pub(crate) fn seek(&self, key: K) -> Cursor<'_, K, V> {
        let mut seek = Seek::new(self, key);
        while seek.step() {}
        seek.end()
    }

    /// The key at a rank, and its value.
    pub(crate) fn select(&self, rank: usize) -> Option<(K, V)> {
        self.seek_rank(rank).entry()
    }

    /// The cursor at the key with this rank, or at the end.
    #[inline]
    pub(crate) fn seek_rank(&self, rank: usize) -> Cursor<'_, K, V> {
        let mut path = Path { at: [0; MAX_HEIGHT], length: self.length, height: self.height };
        let (mut node, mut parent, mut child) = (self.root(), None, 0);
        let (mut start, mut depth) = (0, 0);
        while let Some(NodeRef::Branch(branch)) = node {
            child = branch.child_at_rank(rank - start);
            path.at[depth] = child as u16;
            depth += 1;
            start += branch.start_of(child);
            parent = branch.as_parent();
            node = Some(branch.child(child));
        }
        let leaf = match node {
            Some(NodeRef::Leaf(leaf)) => Some(leaf),
            _ => None,
        };
        let place = (rank - start).min(leaf.map_or(0, LeafRef::len));
        Cursor { tree: self, path, parent, child, leaf, start, place, is_found: false }
    }

    /// The entries of `ranks` in ascending order, as they lie in the leaves. Ranks beyond the end are
    /// ignored.
    #[inline]
    pub(crate) fn runs(&self, ranks: Range<usize>) -> Runs<'_, K, V> {
        Runs::new(self, ranks)
    }

    /// The addresses of the leaves in order, if they have parents.
    pub(super) fn leaf_addresses(&self) -> impl Iterator<Item = usize> + '_ {
        let mut at = Siblings::at(self, 0);
        let parents = std::iter::from_fn(move || {
            let (siblings, _) = at?;
            at = (siblings.end < self.len()).then(|| Siblings::at(self, siblings.end)).flatten();
            Some(siblings)
        });
        parents.flat_map(|siblings| {
            let branch = siblings.parent.branch();
            (0..siblings.count).map(move |child| branch.child_ptr(child).body().addr())
        })
    }

    /// The entries from `low` to `high`, both included, in ascending order.
    pub(crate) fn range(&self, low: K, high: K) -> impl Iterator<Item = (K, V)> + '_ {
        self.seek(low).take_while(move |(key, _)| *key <= high)
    }
}

impl<'t, K: Key, V: Pod> Cursor<'t, K, V> {
    /// The value of the key sought, if the tree has that key.
    #[inline]
    pub(crate) fn found(&self) -> Option<V> {
        let leaf = self.leaf.filter(|_| self.is_found)?;
        Some(leaf.values()[self.place])
    }

    /// The number of keys before the place.
    pub(crate) fn rank(&self) -> usize {
        self.start + self.place
    }

    /// The path to the place.
    #[inline]
    pub(crate) fn path(&self) -> Path {
        let mut path = self.path;
        if let Some(above) = usize::from(path.height).checked_sub(2) {
            path.at[above] = self.child as u16;
        }
        if let Some(last) = usize::from(path.height).checked_sub(1) {
            path.at[last] = self.place as u16;
        }
        path
    }

    /// The entry at the place; `None` at the end of a leaf.
    #[inline]
    fn here(&self) -> Option<(K, V)> {
        let leaf = self.leaf?;
        let key = leaf.keys().get(self.place)?;
        Some((*key, leaf.values()[self.place]))
    }

    /// The first entry that is not before the place.
    #[inline]
    pub(crate) fn entry(&self) -> Option<(K, V)> {
        self.here().or_else(|| {
            let mut next = *self;
            next.next_leaf().then(|| next.here()).flatten()
        })
    }

    /// The last key before the place.
    #[inline]
    pub(crate) fn key_before(&self) -> Option<K> {
        match (self.leaf, self.place) {
            (Some(leaf), 1..) => Some(leaf.keys()[self.place - 1]),
            _ => {
                let rank = self.rank().checked_sub(1)?;
                self.tree.select(rank).map(|(key, _)| key)
            }
        }
    }

    /// The first key behind the entry at the place.
    #[inline]
    pub(crate) fn key_after(&self) -> Option<K> {
        match self.leaf.and_then(|leaf| leaf.keys().get(self.place + 1)) {
            Some(key) => Some(*key),
            None => self.tree.select(self.rank() + 1).map(|(key, _)| key),
        }
    }

    /// The parent of the leaf, and the index of the leaf there; `None` if the leaf has no parent.
    pub(super) fn in_parent(&self) -> Option<(BranchRef<'t, K, V>, usize)> {
        Some((self.parent?.branch(), self.child))
    }

    /// The first key behind the parent of the leaf.
    pub(super) fn key_behind_parent(&self) -> Option<K> {
        let (parent, child) = self.in_parent()?;
        let rank = self.start - parent.start_of(child) + parent.count();
        self.tree.select(rank).map(|(key, _)| key)
    }

    /// Moves to the next leaf, if there is one.
    #[inline(always)]
    fn next_leaf(&mut self) -> bool {
        let (Some(parent), Some(leaf)) = (self.parent, self.leaf) else {
            return false;
        };
        if self.child + 1 == parent.branch().len() {
            return self.next_parent();
        }
        self.child += 1;
        self.start += leaf.len();
        self.place = 0;
        self.leaf = Some(parent.leaf(self.child));
        true
    }

    /// Moves to the first leaf of the next parent, if there is one.
    #[cold]
    fn next_parent(&mut self) -> bool {
        let end = self.start + self.leaf.map_or(0, LeafRef::len);
        let is_last = end == self.tree.len();
        if !is_last {
            *self = self.tree.seek_rank(end);
        }
        !is_last
    }
}

/// The entries from the place on, one by one.
impl<K: Key, V: Pod> Iterator for Cursor<'_, K, V> {
    type Item = (K, V);

    #[inline]
    fn next(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.here() {
                self.place += 1;
                return Some(entry);
            }
            if !self.next_leaf() {
                return None;
            }
        }
    }
}

/// Adjacent entries of one leaf, and what to prefetch while they are read.
#[derive(Clone, Copy)]
pub(crate) struct Run<'t, K, V> {
    pub(crate) entries: Entries<'t, K, V>,
    /// The cache lines of a later leaf, if the run begins with the first key of its leaf; otherwise none.
    pub(crate) ahead: PrefetchRange,
}

/// The entries of a range of ranks, leaf by leaf.
///
/// The next leaf is looked up before the current one is returned. Afterwards the processor would mispredict
/// the end of the leaf and wait for the lookup. What is rarely called takes and returns values, so that this
/// value stays in registers.
#[derive(Clone)]
pub(crate) struct Runs<'t, K, V> {
    tree: &'t Tree<K, V>,
    /// What is returned next.
    run: Option<Run<'t, K, V>>,
    /// The ranks that have not been returned.
    ranks: Range<usize>,
    /// The parent of the leaf of `run`, unless the root is a leaf.
    parent: Option<Siblings<'t, K, V>>,
    /// The index of the leaf among the parent's children.
    child: usize,
    /// How many leaves ahead memory is prefetched.
    distance: usize,
    is_far: bool,
}

/// The leaves of a parent.
#[derive(Clone, Copy)]
struct Siblings<'t, K, V> {
    parent: Parent<'t, K, V>,
    /// Their number.
    count: usize,
    /// The rank of the first key behind them.
    end: usize,
}

impl<'t, K: Key, V: Pod> Siblings<'t, K, V> {
    /// The leaves of the parent of the key with this rank, and the rank of their first key.
    #[inline]
    fn at(tree: &'t Tree<K, V>, rank: usize) -> Option<(Self, usize)> {
        let mut before = rank;
        let Some(NodeRef::Branch(mut branch)) = tree.root() else {
            return None;
        };
        loop {
            if let Some(parent) = branch.as_parent() {
                let (count, start) = (branch.len(), rank - before);
                return Some((Self { parent, count, end: start + branch.count() }, start));
            }
            let child = branch.child_at_rank(before);
            before -= branch.start_of(child);
            let NodeRef::Branch(below) = branch.child(child) else {
                unreachable!("I3 of `tree`: the children of a branch on level 2 are branches");
            };
            branch = below;
        }
    }

    /// The parent behind this one, if there is one.
    #[cold]
    fn following(self, tree: &'t Tree<K, V>) -> Option<Parent<'t, K, V>> {
        let following = (self.end < tree.len()).then(|| Self::at(tree, self.end))?;
        following.map(|(siblings, _)| siblings.parent)
    }

    /// The cache lines of leaf `at` of the parent behind this one, or none if there is no such leaf.
    #[cold]
    fn lines_of_following(self, tree: &'t Tree<K, V>, at: usize) -> PrefetchRange {
        let following = self.following(tree);
        match following.filter(|following| at < following.branch().len()) {
            Some(following) => following.leaf_lines(at),
            None => PrefetchRange::NONE,
        }
    }
}

impl<'t, K: Key, V: Pod> Runs<'t, K, V> {
    #[inline(always)]
    fn new(tree: &'t Tree<K, V>, ranks: Range<usize>) -> Self {
        let ranks = ranks.start..ranks.end.min(tree.len());
        let is_far = tree.len() * size_of::<K>() > NEAR_BYTES;
        let distance = if is_far || prefers_second_level() { FAR_LEAVES } else { NEAR_LEAVES };
        let mut runs = Self { tree, run: None, ranks, parent: None, child: 0, distance, is_far };
        if runs.ranks.is_empty() {
            return runs;
        }
        match Siblings::at(tree, runs.ranks.start) {
            Some((siblings, start)) => {
                let (parent, before) = (siblings.parent, runs.ranks.start - start);
                runs.child = parent.branch().child_at_rank(before);
                let place = before - parent.branch().start_of(runs.child);
                runs.parent = Some(siblings);
                runs.run = Some(runs.run_of(siblings, place));
            }
            None => {
                let Some(NodeRef::Leaf(leaf)) = tree.root() else {
                    unreachable!("I2 of `tree`: a tree that counts a key has a root");
                };
                let entries = Self::slice(leaf, runs.ranks.clone());
                runs.run = Some(Run { entries, ahead: PrefetchRange::NONE });
            }
        }
        runs
    }

    /// The number of keys that have not been returned.
    pub(crate) fn keys_left(&self) -> usize {
        self.ranks.len()
    }

    #[inline(always)]
    fn slice(leaf: LeafRef<'t, K, V>, range: Range<usize>) -> Entries<'t, K, V> {
        Entries { keys: &leaf.keys()[range.clone()], values: &leaf.values()[range] }
    }

    /// The run that begins at a place in the leaf.
    #[inline(always)]
    fn run_of(&self, siblings: Siblings<'t, K, V>, place: usize) -> Run<'t, K, V> {
        let Siblings { parent, count, .. } = siblings;
        let leaf = parent.leaf(self.child);
        let end = leaf.len().min(place + self.ranks.len());
        let ahead = self.child + self.distance;
        // Only the run that begins with the leaf's first key prefetches.
        let lines = if place > 0 {
            PrefetchRange::NONE
        } else if ahead < count {
            parent.leaf_lines(ahead)
        } else {
            siblings.lines_of_following(self.tree, ahead - count)
        };
        let ahead = lines.far(self.is_far);
        Run { entries: Self::slice(leaf, place..end), ahead }
    }
}

impl<'t, K: Key, V: Pod> Iterator for Runs<'t, K, V> {
    type Item = Run<'t, K, V>;

    #[inline(always)]
    fn next(&mut self) -> Option<Run<'t, K, V>> {
        self.next_unless(|_, _| false).map(|(run, _)| run)
    }
}

impl<'t, K: Key, V: Pod> Runs<'t, K, V> {
    /// The next run, and the rank of its first entry. Then passes over leaves for whose lower bound,
    /// included, and upper bound, excluded, `is_skipped` holds. It does not read them.
    #[inline(always)]
    pub(crate) fn next_unless(
        &mut self,
        is_skipped: impl Fn(&K, &K) -> bool,
    ) -> Option<(Run<'t, K, V>, usize)> {
        let (run, rank) = (self.run?, self.ranks.start);
        self.ranks.start += run.entries.keys.len();
        if self.ranks.is_empty() {
            self.run = None;
            return Some((run, rank));
        }
        let Some(mut siblings) = self.parent else {
            unreachable!("a root that is a leaf has one run");
        };
        self.child += 1;
        if self.child == siblings.count {
            let Some((next, _)) = Siblings::at(self.tree, self.ranks.start) else {
                unreachable!("I2 of `tree`: keys are left, so there is a parent");
            };
            siblings = next;
            self.parent = Some(next);
            self.child = 0;
        } else if self.child == siblings.count / 2
            && let Some(following) = siblings.following(self.tree)
        {
            following.branch().prefetch();
        }
        let branch = siblings.parent.branch();
        // The last leaf of a parent has its upper bound elsewhere.
        while self.child + 1 < siblings.count
            && is_skipped(&branch.separators()[self.child], &branch.separators()[self.child + 1])
            && branch.count_of(self.child) < self.ranks.len()
        {
            self.ranks.start += branch.count_of(self.child);
            self.child += 1;
        }
        self.run = Some(self.run_of(siblings, 0));
        Some((run, rank))
    }
}
