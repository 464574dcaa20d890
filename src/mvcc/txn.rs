//! A write transaction: it changes trees of its own, which its commit publishes as the next version.
//!
//! # Invariants
//!
//! - I1: a transaction ends once: by [`commit`](Txn::commit), [`abort`](Txn::abort), or by a drop, which
//!   aborts. The end publishes the figures, once, as its last step.
//! - I2: a transaction that has changed something has the memory of its version: slots for nodes are reserved
//!   before every change, and that memory together with them. So a commit needs none.

use std::mem::{self, ManuallyDrop};

use bytemuck::Pod;

use super::counted::Counted;
use super::header::VersionHeader;
use super::publication::Publication;
use super::shared::{Shared, Writer};
use super::{Version, VersionIndexes};
use crate::sync::turn::TurnGuard;
use crate::tree::{AllocError, Demand, Edit, Pool, Reach, Tree};
use crate::types::key::Key;

/// A write transaction.
#[must_use = "a transaction that is dropped is aborted"]
pub(crate) struct Txn<'v, S: VersionIndexes> {
    shared: &'v Counted<Shared<S>>,
    published: &'v Publication<VersionHeader<S>>,
    writer: TurnGuard<'v, Writer<S>>,
    indexes: S,
    number: Version,
    changed: bool,
    /// I1.
    has_ended: bool,
}

impl<'v, S: VersionIndexes> Txn<'v, S> {
    /// Begins a transaction of the thread that has its turn.
    #[inline]
    pub(super) fn begin(
        shared: &'v Counted<Shared<S>>,
        published: &'v Publication<VersionHeader<S>>,
        mut writer: TurnGuard<'v, Writer<S>>,
    ) -> Self {
        let number = writer.version().next();
        // SAFETY: the lock is held by one transaction at a time, and the number is the successor of the
        // version that was committed last.
        unsafe { writer.nodes.begin(number.number()) };
        // SAFETY: the current version is held, for being current, until the transaction ends: only a commit
        // replaces it.
        let indexes = unsafe { writer.current().indexes().duplicate() };
        Self { shared, published, writer, indexes, number, changed: false, has_ended: false }
    }

    /// The trees as the transaction has changed them.
    pub(crate) fn indexes(&self) -> &S {
        &self.indexes
    }

    /// The number of the version that a commit would publish.
    pub(crate) fn next_version(&self) -> Version {
        self.number
    }

    /// The current version, which the transaction began with.
    pub(crate) fn base(&self) -> Version {
        self.writer.version()
    }

    /// The contents of the current version.
    pub(crate) fn base_indexes(&self) -> &S {
        self.writer.current().indexes()
    }

    /// Whether anything was changed.
    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// Notes that something was changed.
    pub(crate) fn mark_changed(&mut self) {
        debug_assert!(self.writer.has_rooms(), "I2: memory is reserved before a change");
        self.changed = true;
    }

    /// A tree to change. Slots for the change must have been reserved.
    #[inline]
    pub(crate) fn edit<K: Key, V: Pod>(
        &mut self,
        tree: impl for<'a> FnOnce(&'a mut S) -> &'a mut Tree<K, V>,
    ) -> Edit<'_, K, V> {
        // SAFETY: the tree is one of the transaction's own, and so are the nodes.
        unsafe { Edit::new(tree(&mut self.indexes), &mut self.writer.nodes) }
    }

    /// A part of the contents that is not a tree, to change it.
    pub(crate) fn edit_indexes<T>(
        &mut self,
        part: impl for<'a> FnOnce(&'a mut S) -> &'a mut T,
    ) -> &mut T {
        part(&mut self.indexes)
    }

    /// The writer's state.
    #[inline]
    pub(crate) fn state_mut(&mut self) -> &mut S::State {
        &mut self.writer.state
    }

    /// Whether there are slots for a change, without a reclamation and without more memory from the system.
    #[inline]
    pub(crate) fn has_slots(&self, demand: Demand) -> bool {
        self.writer.nodes.pool().has(demand)
    }

    /// The pool, to choose in which order it takes slots.
    pub(crate) fn pool_mut(&mut self) -> &mut Pool {
        self.writer.nodes.pool_mut()
    }

    /// Reserves slots for a change, and the memory of the version (I2). If there is too little, reclaims
    /// everything that can be reclaimed first.
    #[inline]
    pub(crate) fn reserve(&mut self, demand: Demand, reach: Reach) -> Result<(), AllocError> {
        match self.try_reserve(demand, reach) {
            Ok(()) => Ok(()),
            Err(_) => self.reclaim_and_reserve(demand, reach),
        }
    }

    #[inline]
    fn try_reserve(&mut self, demand: Demand, reach: Reach) -> Result<(), AllocError> {
        self.writer.reserve_version(reach)?;
        self.writer.nodes.pool_mut().reserve(demand, reach)
    }

    #[cold]
    fn reclaim_and_reserve(&mut self, demand: Demand, reach: Reach) -> Result<(), AllocError> {
        while self.writer.reclaim(&self.shared.inbox) {}
        self.try_reserve(demand, reach)
    }

    /// Refuses memory after the next `requests` requests.
    #[cfg(test)]
    pub(crate) fn refuse_after(&self, requests: Option<usize>) {
        self.writer.nodes.pool().refuse_after(requests);
    }

    /// Precedes each request for memory of other kinds than nodes. Only tests refuse it.
    #[inline]
    pub(crate) fn request(&self) -> Result<(), AllocError> {
        #[cfg(test)]
        self.writer.nodes.pool().request()?;
        Ok(())
    }

    /// Publishes the trees as the next version if anything was changed, and reclaims. Returns the version
    /// that is current then.
    pub(crate) fn commit(mut self) -> Version {
        let replaced = if self.changed { self.publish() } else { self.undo() };
        self.writer.reclaim_for_commit(self.shared, replaced);
        let released = self.writer.trim_for_commit(replaced);
        self.finish();
        let version = self.writer.version();
        drop(self);
        // Takes the system a while, and needs no lock.
        drop(released);
        version
    }

    /// Undoes all changes.
    pub(crate) fn abort(mut self) {
        self.undo();
        self.finish();
    }

    /// Publishes the trees as the next version. Returns the number of nodes that it replaced.
    fn publish(&mut self) -> usize {
        let (shared, writer) = (self.shared, &mut *self.writer);
        let growth = writer.nodes.growth_bytes();
        let node_bytes = writer.current().node_bytes().saturating_add_signed(growth);
        let replaced = writer.nodes.commit();
        // Even if publishing panics there is nothing to undo.
        self.has_ended = true;
        let replaced_count = replaced.len();
        let indexes = mem::replace(&mut self.indexes, S::empty());

        shared.note_birth();
        // Before the version is published: readers that find it closed ask again, by this figure.
        shared.note_in_use(writer.nodes.pool().in_use_bytes());
        let is_closed = shared.refusal().is_some();
        let (rooms, owner) = (writer.take_rooms(), shared.clone());
        let (header, current) =
            VersionHeader::create(rooms, self.number, indexes, node_bytes, owner, is_closed);
        writer.live.push(self.number.number(), header.clone(), replaced);
        // From here on the next transaction begins with this version, even if publishing panics: then the
        // previous version is leaked, which is safe.
        let before = ManuallyDrop::new(writer.current.replace(current));
        self.published.publish(header);
        // The previous version loses the reference that it had for being current. It is on the list of live
        // versions together with the replaced nodes, so its death finds them.
        if let Some(before) = ManuallyDrop::into_inner(before) {
            let version = before.version();
            if before.release() {
                shared.note_death();
                // SAFETY: this is the writer, and took the version's last reference, once.
                unsafe { writer.remove_dead(version) };
            }
        }
        replaced_count
    }

    /// Drops what the transaction made. Returns the number of nodes that were replaced: none.
    fn undo(&mut self) -> usize {
        self.writer.nodes.abort();
        0
    }

    /// Ends the transaction (I1).
    fn finish(&mut self) {
        self.writer.publish_figures(self.shared);
        self.has_ended = true;
    }
}

impl<S: VersionIndexes> Drop for Txn<'_, S> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.undo();
            self.finish();
        }
    }
}
