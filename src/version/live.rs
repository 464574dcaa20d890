//! The live versions, and the nodes that wait for their deaths.
//!
//! A node that a commit replaced is reachable from the versions from its birth up to the one that
//! was replaced. The writer puts it on the dead list of that one. When a version dies, its dead list
//! is held against the live version before: what was born by then is still reachable from there and
//! moves to that one's list; the rest is freed. The work is done in steps that keep pace with the
//! commits, so a list may wait: it then hangs on the next live version above, as pending.
//!
//! ```text
//! live versions      3              7                  9
//!                    dead           pending, dead      pending, dead
//! a pending node of 7: retired by 7 or before, but after every live version below 3
//! a dead node of 7: reachable from 7, and from no later version
//! ```
//!
//! # Invariants
//!
//! - I1: the versions ascend, and every version that has holders is among them. The last is the
//!   current one.
//! - I2: a node on the dead list of a version is reachable from it and from none of the later ones.
//! - I3: a node that is pending at a version is not reachable from it, nor from a later one. So it is
//!   reachable from a live version exactly if the live version before was not earlier than its birth.
//! - I4: a node on one of these lists is on no other, and is reachable from no version but those that
//!   I2 and I3 allow.

use std::sync::Arc;

use super::publication::drop_superseded;
use super::record::Record;
use super::{Version, VersionSets};
use crate::tree::{NodeList, Nodes};

/// The live versions of a table, in order.
pub(super) struct LiveVersions<S: VersionSets> {
    versions: Vec<Live<S>>,
    /// The number of nodes that are pending anywhere.
    pending: usize,
    /// Where pending nodes were found last.
    found_at: usize,
}

struct Live<S: VersionSets> {
    number: u64,
    record: Arc<Record<S>>,
    pending: NodeList,
    dead: NodeList,
}

impl<S: VersionSets> LiveVersions<S> {
    pub(super) fn new() -> Self {
        Self { versions: Vec::new(), pending: 0, found_at: 0 }
    }

    /// The number of nodes that wait to be freed or moved.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// Takes in the version that is about to be current, and the nodes of the one before that it
    /// replaced.
    pub(super) fn push(&mut self, number: u64, record: Arc<Record<S>>, replaced: NodeList) {
        match self.versions.last_mut() {
            Some(before) => before.dead.append(replaced),
            None => debug_assert_eq!(replaced.len(), 0, "nothing came before the first version"),
        }
        let (pending, dead) = (NodeList::default(), NodeList::default());
        self.versions.push(Live { number, record, pending, dead });
    }

    /// Takes a dead version out: its lists are now pending at the next one.
    ///
    /// # Safety
    ///
    /// The caller is the writer, and got the version from the inbox, for the first and last time.
    pub(super) unsafe fn bury(&mut self, version: Version) {
        let at = self.versions.binary_search_by_key(&version.number(), |live| live.number);
        let Ok(at) = at else {
            unreachable!("a version dies once, and was live before (I1)");
        };
        let buried = self.versions.remove(at);
        // The last version dies with the table: there is no writer any more, and its nodes go with
        // the pool.
        if let Some(next) = self.versions.get_mut(at) {
            self.pending += buried.dead.len();
            next.pending.append(buried.pending);
            next.pending.append(buried.dead);
        }
        // SAFETY: the version came out of the inbox, so it is dead; and the caller promises that it is
        // here for the first and last time.
        unsafe { buried.record.free_root() };
        drop_superseded(buried.record);
    }

    /// Frees or moves up to `steps` pending nodes. Returns how many are left.
    pub(super) fn work(&mut self, nodes: &mut Nodes, mut steps: usize) -> usize {
        while self.pending > 0 && steps > 0 {
            let Some((mut before, here)) = self.find_pending() else {
                unreachable!("the pending nodes are counted");
            };
            let mut done = 0;
            while steps > 0 {
                let Some(node) = here.pending.pop() else {
                    break;
                };
                done += 1;
                steps -= 1;
                // SAFETY: a pending node is alive: nobody but this frees it (I4).
                let birth = unsafe { node.birth() };
                match &mut before {
                    // SAFETY: the node is alive and was just taken off its list.
                    Some(before) if birth <= before.number => unsafe { before.dead.push(node) },
                    // SAFETY: by I3 no live version reaches the node, and none that is to come can:
                    // they descend from the current one, which does not. By I1 nobody reads the nodes
                    // of other versions. The node is on no list.
                    _ => unsafe { nodes.free(node) },
                }
            }
            self.pending -= done;
        }
        self.pending
    }

    /// A version with pending nodes, and the live version before it.
    fn find_pending(&mut self) -> Option<(Option<&mut Live<S>>, &mut Live<S>)> {
        let is_pending = |live: &Live<S>| live.pending.len() > 0;
        let (low, high) = self.versions.split_at(self.found_at.min(self.versions.len()));
        let in_high = high.iter().position(is_pending).map(|at| low.len() + at);
        let found = in_high.or_else(|| low.iter().position(is_pending))?;
        self.found_at = found;
        let (before, from) = self.versions.split_at_mut(found);
        Some((before.last_mut(), from.first_mut()?))
    }

    /// Whether a live version is among those from `birth`, included, to `retire`, excluded.
    pub(super) fn any_in(&self, birth: u64, retire: u64) -> bool {
        let after = self.versions.partition_point(|live| live.number < retire);
        let before = after.checked_sub(1).and_then(|at| self.versions.get(at));
        before.is_some_and(|live| live.number >= birth)
    }

    /// What each live version retains: its record, and the nodes that it alone reaches.
    ///
    /// Costs the nodes on the dead lists, and those of the current version that are younger than the
    /// one before.
    pub(super) fn retained(&self) -> impl Iterator<Item = (&Record<S>, usize)> {
        let mut before = None;
        self.versions.iter().enumerate().map(move |(at, live)| {
            let alone = |birth: u64| before.is_none_or(|before| birth > before);
            let mut nodes = live.dead.births().filter(|birth| alone(*birth)).count();
            if at + 1 == self.versions.len() {
                // SAFETY: the caller is the writer, which has not freed this root.
                let root = unsafe { live.record.root() };
                root.sets.for_each_node(before, &mut |_| nodes += 1);
            }
            before = Some(live.number);
            (&*live.record, nodes)
        })
    }

    /// The roots' end.
    ///
    /// # Safety
    ///
    /// Nobody is left who could read them.
    pub(super) unsafe fn free_roots(&mut self) {
        for live in self.versions.drain(..) {
            // SAFETY: nobody is left, as the caller promises, and the versions are drained once.
            unsafe { live.record.free_root() };
        }
    }

    /// Frees every node for itself, as is done only where each is a block of the heap.
    ///
    /// # Safety
    ///
    /// Nobody is left who could read them, and the roots are there still.
    #[cfg(groupscan_check)]
    pub(super) unsafe fn free_nodes(&mut self, nodes: &mut Nodes) {
        let mut all = Vec::new();
        if let Some(last) = self.versions.last() {
            // SAFETY: the caller promises that the root is there.
            let root = unsafe { last.record.root() };
            root.sets.for_each_node(None, &mut |node| all.push(node));
        }
        for live in &mut self.versions {
            all.extend(std::iter::from_fn(|| live.pending.pop()));
            all.extend(std::iter::from_fn(|| live.dead.pop()));
        }
        for node in all {
            // SAFETY: nobody is left to read the node, and it is on one list or in the last tree.
            unsafe { nodes.free(node) };
        }
    }
}
