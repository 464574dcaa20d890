//! The live versions, and the retired nodes that wait for their deaths.
//!
//! A node that a commit replaced is reachable from all versions from its birth to the replaced one. The
//! writer puts it on the dead list of the replaced version. When a version dies, its dead nodes become
//! pending at the next live version. The writer processes pending nodes in steps that keep pace with the
//! commits. If the node was born with or before the previous live version, it is still reachable from there
//! and moves to that version's dead list; otherwise it is freed.
//!
//! ```text
//! live versions      3              7                  9
//!                    dead           pending, dead      pending, dead
//! a dead node of 7:    reachable from 7 and from no later version
//! a pending node of 7: was on the dead list of a version that died, above 3 and below 7
//! ```
//!
//! # Invariants
//!
//! - I1: the versions ascend, and every version that has references is among them. The last one is the
//!   current version.
//! - I2: a node on the dead list of a version is reachable from it and from no later version.
//! - I3: a node that is pending at a version is not reachable from it, nor from a later version. So it is
//!   reachable from a live version exactly if the previous live version is not less than its birth.
//! - I4: a node on one of these lists is on no other list, and is reachable from no versions but those that
//!   I2 and I3 allow.

use super::counted::{Counted, Room};
use super::header::{VersionData, VersionHeader};
use super::publication::drop_superseded;
use super::{Version, VersionIndexes};
use crate::tree::{AllocError, NodeList, Nodes};

/// The live versions of a table, in order.
pub(super) struct LiveVersions<S: VersionIndexes> {
    versions: Vec<Live<S>>,
    /// The number of nodes that are pending anywhere, and the bytes of their slots.
    pending: usize,
    pending_bytes: usize,
    /// The index of the version where pending nodes were found last.
    found_at: usize,
}

struct Live<S: VersionIndexes> {
    number: u64,
    header: Counted<VersionHeader<S>>,
    pending: NodeList,
    dead: NodeList,
}

impl<S: VersionIndexes> LiveVersions<S> {
    pub(super) fn new() -> Self {
        Self { versions: Vec::new(), pending: 0, pending_bytes: 0, found_at: 0 }
    }

    /// The bytes of the slots of the nodes that wait to be freed or moved.
    pub(super) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// Whether `count` more versions can be [pushed](Self::push).
    #[inline]
    pub(super) fn has_room(&self, count: usize) -> bool {
        self.versions.capacity() - self.versions.len() >= count
    }

    /// Ensures that `count` more versions can be [pushed](Self::push).
    pub(super) fn reserve(&mut self, count: usize) -> Result<(), AllocError> {
        self.versions.try_reserve(count).map_err(|_| AllocError::System)
    }

    /// Adds the version that is about to be current, with the nodes of the previous version that it replaced.
    /// Allocates nothing: there is [room](Self::has_room).
    pub(super) fn push(
        &mut self,
        number: u64,
        header: Counted<VersionHeader<S>>,
        replaced: NodeList,
    ) {
        debug_assert!(self.has_room(1), "room for a version is reserved before it is made");
        match self.versions.last_mut() {
            Some(before) => before.dead.append(replaced),
            None => debug_assert_eq!(replaced.len(), 0, "the first version replaces no nodes"),
        }
        let (pending, dead) = (NodeList::default(), NodeList::default());
        self.versions.push(Live { number, header, pending, dead });
    }

    /// Removes a dead version. Its nodes become pending at the next one. Returns the memory of its data.
    ///
    /// # Safety
    ///
    /// The caller is the writer and took the version from the inbox, or took its last reference. It does not
    /// remove it a second time.
    pub(super) unsafe fn remove_dead(&mut self, version: Version) -> Room<VersionData<S>> {
        let at = self.versions.binary_search_by_key(&version.number(), |live| live.number);
        let Ok(at) = at else {
            unreachable!("I1: a version is live until it dies, once");
        };
        let gone = self.versions.remove(at);
        // The last version dies with the table. Its nodes go with the pool.
        if let Some(next) = self.versions.get_mut(at) {
            self.pending += gone.dead.len();
            self.pending_bytes += gone.dead.bytes();
            next.pending.append(gone.pending);
            next.pending.append(gone.dead);
        }
        // SAFETY: the version is dead, by contract, and it was removed above, so this happens once.
        let data = unsafe { gone.header.free_data() };
        drop_superseded(gone.header);
        data
    }

    /// Frees or moves up to `steps` pending nodes. Returns the number that is left.
    pub(super) fn work(&mut self, nodes: &mut Nodes, mut steps: usize) -> usize {
        while self.pending > 0 && steps > 0 {
            let Some((mut before, here)) = self.find_pending() else {
                unreachable!("`pending` counts the pending nodes");
            };
            let (mut done, mut done_bytes) = (0, 0);
            while steps > 0 {
                let Some(node) = here.pending.pop() else {
                    break;
                };
                done += 1;
                steps -= 1;
                // SAFETY: a pending node is alive: only this function frees it, once it is off the list (I4).
                let birth = unsafe {
                    done_bytes += node.bytes();
                    node.birth()
                };
                match &mut before {
                    // SAFETY: the node is alive, was just popped from its only list (I4), and belongs to the
                    // writer's pool.
                    Some(before) if birth <= before.number => unsafe { before.dead.push(node) },
                    // SAFETY: no live version reaches the node (I3), so no reader reads it (I1). Later
                    // versions will not reach it either, because they descend from the current one. The node
                    // is on no list (I4).
                    _ => unsafe { nodes.free(node) },
                }
            }
            self.pending -= done;
            self.pending_bytes -= done_bytes;
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

    /// The headers of the live versions behind `after`, or of all, from the oldest on. The versions may have
    /// died since the inbox was emptied.
    pub(super) fn headers_behind(
        &self,
        after: Option<Version>,
    ) -> impl Iterator<Item = &VersionHeader<S>> {
        let first = after
            .map_or(0, |after| self.versions.partition_point(|live| live.number <= after.number()));
        self.versions.iter().skip(first).map(|live| &*live.header)
    }

    /// Frees the data of all versions.
    ///
    /// # Safety
    ///
    /// No other thread can reach the versions any more.
    pub(super) unsafe fn free_data(&mut self) {
        for live in self.versions.drain(..) {
            // SAFETY: no thread can reach the version, and `drain` yields it once.
            drop(unsafe { live.header.free_data() });
        }
    }

    /// Frees every node, for pools where each node is a heap block of its own.
    ///
    /// # Safety
    ///
    /// No other thread can reach the nodes any more, and the data of the versions was not freed.
    #[cfg(groupscan_check)]
    pub(super) unsafe fn free_nodes(&mut self, nodes: &mut Nodes) {
        let mut all = Vec::new();
        if let Some(last) = self.versions.last() {
            // SAFETY: the data was not freed.
            let data = unsafe { last.header.data() };
            data.indexes.for_each_node(None, &mut |node| all.push(node));
        }
        for live in &mut self.versions {
            all.extend(std::iter::from_fn(|| live.pending.pop()));
            all.extend(std::iter::from_fn(|| live.dead.pop()));
        }
        for node in all {
            // SAFETY: no thread can reach the node. It was on one list (I4) or is in the last version, not in
            // both places (I2, I3), so it is freed once.
            unsafe { nodes.free(node) };
        }
    }
}
