//! Compaction: leaves that are partly filled are rewritten into fewer, fuller ones.
//!
//! A *sweep* goes through a tree from left to right, in steps. A step takes a few adjacent leaves of one
//! parent, from the first one on that is not full enough, and rewrites them. All new leaves but the last are
//! filled up to a target, which leaves some room; the last one is where the next step begins.
//!
//! ```text
//! before   [####  ] [###   ] [##### ] [###   ] [#### ..
//! after    [##### ] [##### ] [##### ]          [#### ..
//!                            next ──▶
//! ```
//!
//! A step is an edit like any other: it copies a path and retires the nodes that it replaces, so readers and
//! snapshots are not disturbed.

use bytemuck::Pod;

use super::branch::{BranchMut, NodeRef};
use super::cursor::Path;
use super::edit::{Edit, Edited};
use super::layout::NodeLayout;
use super::lookup::Tree;
use super::nodes::{NewLeaf, Nodes};
use super::reserve::Demand;
use crate::types::key::Key;

/// The most leaves that a step rewrites: a few microseconds of work.
const WINDOW: usize = 4;

/// What a step of a sweep did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swept<K> {
    /// Where the next step begins; `None` at the end of the tree.
    pub(crate) next: Option<K>,
    /// The number of keys that the sweep has passed.
    pub(crate) passed: usize,
    /// Whether leaves were rewritten.
    pub(crate) rewrote: bool,
}

/// Which leaves a sweep rewrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SweepKind {
    /// Those that are not full enough.
    Fill,
    /// Those, too, that do not lie in memory right behind the leaf before.
    FillAndOrder,
}

/// What a step is about to do.
enum Step<K> {
    Pass(Swept<K>),
    Rewrite(Rewrite<K>),
}

impl<K> Step<K> {
    fn pass(next: Option<K>, passed: usize) -> Self {
        Self::Pass(Swept { next, passed, rewrote: false })
    }
}

/// Some adjacent leaves of a parent, which are about to be rewritten.
struct Rewrite<K> {
    path: Path,
    /// The indices of the leaves, and the number of their keys.
    at: usize,
    count: usize,
    total: usize,
    /// How many keys a leaf takes.
    fill: usize,
    /// The keys passed before these leaves.
    passed: usize,
    /// The first key behind the parent, if the last leaf is the parent's last one.
    behind: Option<Option<K>>,
}

/// How leaves are filled.
struct Fill<K, V>(std::marker::PhantomData<(K, V)>);

impl<K: Key, V: Pod> Fill<K, V> {
    const CAPACITY: usize = NodeLayout::<K, V>::LEAF_CAPACITY;

    /// A leaf with fewer keys than this is not full enough.
    const ENOUGH: usize = Self::CAPACITY - (3 * Self::CAPACITY).div_ceil(32);

    /// The number of keys of a leaf that was rewritten.
    const TARGET: usize = Self::CAPACITY - Self::CAPACITY / 16;

    /// The lengths of leaves that take `total` keys, if each takes up to `most`; 0 for none.
    fn lengths(total: usize, most: usize) -> [usize; WINDOW] {
        let mut lengths = [0; WINDOW];
        let mut left = total;
        for at in 0..WINDOW {
            lengths[at] = left.min(most);
            left -= lengths[at];
            // The last leaf may be too small (I4 of `tree`): then it shares with the one before.
            if left == 0 && at > 0 && lengths[at] < NodeLayout::<K, V>::LEAF_MINIMUM {
                let both = lengths[at - 1] + lengths[at];
                lengths[at] = both / 2;
                lengths[at - 1] = both - both / 2;
            }
            if left == 0 {
                break;
            }
        }
        debug_assert_eq!(lengths.iter().sum::<usize>(), total);
        lengths
    }
}

impl<K: Key, V: Pod> Tree<K, V> {
    /// The most slots that a step of a sweep needs.
    pub(crate) fn compact_worst_case(&self) -> Demand {
        self.worst_case() + Demand::of::<K, V>(WINDOW)
    }

    /// The number of leaves, and the number of those that lie in memory right behind the leaf before. Visits
    /// all parents.
    pub(crate) fn leaves(&self) -> (usize, usize) {
        let mut next = None;
        let in_order = self.leaf_addresses().filter(|leaf| {
            let is_next = next == Some(*leaf);
            next = Some(leaf + NodeLayout::<K, V>::SLOT_BYTES);
            is_next
        });
        (self.leaves as usize, in_order.count())
    }

    /// Whether the leaves are full enough on the whole, apart from one.
    #[inline]
    pub(crate) fn is_compact(&self) -> bool {
        (self.leaves as usize).saturating_sub(1) * Fill::<K, V>::ENOUGH <= self.len()
    }

    /// What a step of a sweep from the leaf of `from` on, or from the first leaf, is about to do. The sweep
    /// passes leaves until it has passed `most` keys.
    fn compact_step(&self, from: Option<K>, most: usize, kind: SweepKind) -> Step<K> {
        let cursor = from.map_or_else(|| self.seek_rank(0), |key| self.seek(key));
        let Some((parent, first)) = cursor.in_parent() else {
            return Step::pass(None, self.len());
        };
        let children = parent.len();
        let (mut passed, mut at) = (0, first);
        let is_in_order = |at| {
            let [leaf, next] = [at, at + 1].map(|at| parent.child_ptr(at).body().addr());
            kind == SweepKind::Fill || next == leaf + NodeLayout::<K, V>::SLOT_BYTES
        };
        while at + 1 < children && parent.count_of(at) >= Fill::<K, V>::ENOUGH && is_in_order(at) {
            passed += parent.count_of(at);
            at += 1;
            if passed >= most {
                return Step::pass(Some(parent.separators()[at]), passed);
            }
        }
        // The last leaf of a parent has no neighbour to take keys from.
        if at + 1 == children {
            passed += parent.count_of(at);
            return Step::pass(cursor.key_behind_parent(), passed);
        }
        // The fewest leaves that become fewer; or else a few, all of which but the last are filled.
        let total = |count| parent.start_of(at + count) - parent.start_of(at);
        let most = WINDOW.min(children - at);
        let becomes_fewer = |count: &usize| total(*count) <= (*count - 1) * Fill::<K, V>::TARGET;
        let count = (2..=most).find(becomes_fewer).unwrap_or(most);
        let fill = total(count).div_ceil(count).max(Fill::<K, V>::TARGET);
        if fill > Fill::<K, V>::TARGET && kind == SweepKind::Fill {
            // The others are too full to give keys away: one is passed.
            passed += parent.count_of(at);
            return Step::pass(Some(parent.separators()[at + 1]), passed);
        }
        Step::Rewrite(Rewrite {
            path: cursor.path(),
            at,
            count,
            total: total(count),
            fill,
            passed,
            behind: (at + count == children).then(|| cursor.key_behind_parent()),
        })
    }
}

impl<K: Key, V: Pod> Edit<'_, K, V> {
    /// Makes a step of a sweep, from the leaf of `from` on, or from the first leaf: passes at least `most`
    /// keys, or leaves up to the end of a parent, or rewrites some leaves.
    pub(crate) fn compact(&mut self, from: Option<K>, most: usize, kind: SweepKind) -> Swept<K> {
        let Rewrite { path, at, count, total, fill, passed, behind } =
            match self.tree.compact_step(from, most, kind) {
                Step::Pass(swept) => return swept,
                Step::Rewrite(rewrite) => rewrite,
            };
        let mut last = None;
        self.at_parent(&path, |nodes, branch, _, _| {
            let lengths = Fill::<K, V>::lengths(total, fill);
            // The first leaf stays if it was made by the step before: it is filled up.
            let first_length = lengths[0];
            let stays = fill_up(nodes, branch, at, first_length);
            let mut new: [Option<NewLeaf<K, V>>; WINDOW] = [const { None }; WINDOW];
            let (mut source, mut place) = stays.unwrap_or((at, 0));
            let lengths = lengths.into_iter().skip(usize::from(stays.is_some()));
            for (new, length) in new.iter_mut().zip(lengths.take_while(|length| *length > 0)) {
                let leaf = new.insert(nodes.make_leaf());
                let mut filled = 0;
                while filled < length {
                    let NodeRef::Leaf(from) = branch.read().child(source) else {
                        unreachable!("I3 of `tree`: the children of a parent are leaves");
                    };
                    let moved = (length - filled).min(from.len() - place);
                    leaf.as_mut().insert_entries(filled, from, place..place + moved);
                    filled += moved;
                    place += moved;
                    if place == from.len() {
                        (source, place) = (source + 1, 0);
                    }
                }
            }
            let kept = usize::from(stays.is_some());
            for at in at + kept..at + count {
                nodes.discard(branch.read().child(at));
            }
            let first = stays.map(|_| {
                let separator = branch.read().separators()[at];
                (separator, branch.read().child_ptr(at), first_length)
            });
            let new = new.into_iter().flatten().map(|mut leaf| {
                let (separator, count) = (leaf.as_mut().read().keys()[0], leaf.as_mut().len());
                (separator, leaf.into_ptr(), count)
            });
            let new = first.into_iter().chain(new);
            let new = new.inspect(|(separator, _, count)| last = Some((*separator, *count)));
            let made = branch.replace_children(at, count, new);
            let leaves = made as isize - count as isize;
            Edited { leaves, is_shorter: true, ..Edited::by(0) }
        });
        match (behind, last) {
            (None, Some((next, left))) => {
                Swept { next: Some(next), passed: passed + total - left, rewrote: true }
            }
            (behind, _) => Swept { next: behind.flatten(), passed: passed + total, rewrote: true },
        }
    }
}

/// Fills leaf `at` of a parent up to `length` keys with those of the leaves behind it, if the transaction
/// made it. Returns the leaf that has the next key, and the index of that key there.
fn fill_up<K: Key, V: Pod>(
    nodes: &Nodes,
    branch: &mut BranchMut<'_, K, V>,
    at: usize,
    length: usize,
) -> Option<(usize, usize)> {
    let (mut source, mut place) = (at + 1, 0);
    loop {
        let (mut leaf, from) = branch.leaf_mut_and(at, source, nodes.number())?;
        let filled = leaf.len();
        if filled > length {
            return None;
        }
        let moved = (length - filled).min(from.len());
        leaf.insert_entries(filled, from, 0..moved);
        if moved < from.len() {
            place = moved;
        } else {
            source += 1;
        }
        if filled + moved == length {
            return Some((source, place));
        }
    }
}
