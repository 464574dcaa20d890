//! The table's side of the versions: taking them, and the transactions that make them.

use std::mem::{self, ManuallyDrop};
use std::sync::Arc;

use super::core::{Bounds, Core, Writer};
use super::publication::Publication;
use super::record::{Hold, Holder, Record};
use super::{Kept, Refused, Retained, Usage, Version, VersionSets};
use crate::collector;
use crate::key::Key;
use crate::sync::MutexGuard;
use crate::tree::{Demand, Edit, Reach, Refusal, Tree};

/// The versions of one table.
pub(crate) struct Versions<S: VersionSets> {
    core: Arc<Core<S>>,
    published: Publication<Record<S>>,
}

impl<S: VersionSets> Versions<S> {
    /// Makes version 0, of no nodes.
    pub(crate) fn new(bounds: Bounds) -> Self {
        let core = Arc::new(Core::new(bounds));
        core.note_birth();
        let version = Version::default();
        let (record, holder) = Record::create(version, S::empty(), 0, Arc::clone(&core), false);
        let published = Publication::new(Arc::clone(&record));
        let mut writer = core.lock();
        writer.live.push(version.number(), record, Default::default());
        writer.current = Some(holder);
        drop(writer);
        Self { core, published }
    }

    /// Holds the current version.
    #[inline]
    pub(crate) fn hold(&self) -> Result<Holder<S>, Refused> {
        loop {
            match self.published.with_latest(|record| record.hold(|| self.core.refusal())) {
                Hold::Held(holder) => return Ok(holder),
                Hold::Refused(refused) => return Err(refused),
                // It was superseded since it was loaded, so there is a later one.
                Hold::Dead => std::hint::spin_loop(),
            }
        }
    }

    /// Runs `stopped` in the middle of holding the current version: its record is loaded, and not
    /// yet held.
    pub(crate) fn stop_in_hold(&self, stopped: impl FnOnce()) {
        self.published.with_latest(|_| stopped());
    }

    /// Begins a transaction, once that of another thread has ended.
    pub(crate) fn begin(&self) -> Txn<'_, S> {
        let mut writer = self.core.lock();
        let number = writer.version().next();
        // SAFETY: whoever has the lock has no transaction beside it, and the number is the one after that of
        // the current version, which was committed last.
        unsafe { writer.nodes.begin(number.number()) };
        // SAFETY: the current version is held, for being current, until the transaction has ended:
        // only a commit replaces it.
        let sets = unsafe { writer.current().sets().duplicate() };
        Txn { versions: self, writer, sets, number, changed: false }
    }

    /// Does a step of the work that deaths of versions left, and says whether there is more.
    pub(crate) fn reclaim(&self) -> bool {
        let more = self.core.lock().reclaim(&self.core);
        collector::collect();
        more
    }

    /// How memory is spent. Takes no lock.
    pub(crate) fn usage(&self) -> Usage {
        self.core.usage()
    }

    /// What each live version retains. Takes the writer's lock.
    pub(crate) fn retained(&self) -> Vec<Retained> {
        let mut writer = self.core.lock();
        writer.hear(&self.core.inbox);
        let current = writer.version();
        let retained = writer.live.retained().map(|(record, nodes)| {
            // SAFETY: we are the writer, and the root is still among the live ones.
            let version = unsafe { record.root() }.version;
            let holders = record.holders() - usize::from(version == current);
            Retained { version, holders, nodes }
        });
        retained.collect()
    }

    /// The addresses of the nodes that exist. Takes the writer's lock.
    pub(crate) fn existing(&self) -> std::collections::BTreeSet<usize> {
        self.core.lock().nodes.pool().existing()
    }
}

impl<S: VersionSets> Holder<S> {
    /// The number of nodes of the version.
    pub(crate) fn nodes(&self) -> usize {
        self.root().nodes
    }
}

impl<S: VersionSets> Drop for Versions<S> {
    fn drop(&mut self) {
        let current = self.core.lock().current.take();
        // Without the lock: the version's death is no business of the writer, who is gone.
        drop(current);
    }
}

/// A transaction: sets of its own, which become the next version with its commit.
pub(crate) struct Txn<'v, S: VersionSets> {
    versions: &'v Versions<S>,
    writer: MutexGuard<'v, Writer<S>>,
    sets: S,
    number: Version,
    changed: bool,
}

impl<'v, S: VersionSets> Txn<'v, S> {
    /// The sets as the transaction has made them.
    pub(crate) fn sets(&self) -> &S {
        &self.sets
    }

    /// The number of the version that the transaction makes.
    pub(crate) fn number(&self) -> Version {
        self.number
    }

    /// The version before.
    pub(crate) fn base(&self) -> Version {
        self.writer.version()
    }

    /// The sets of the version before.
    pub(crate) fn base_sets(&self) -> &S {
        self.writer.current().sets()
    }

    /// Whether a call changed anything.
    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// Takes note that a call changed something.
    pub(crate) fn mark_changed(&mut self) {
        self.changed = true;
    }

    /// A tree to change. Slots for the change must have been reserved.
    pub(crate) fn edit<K: Key>(
        &mut self,
        tree: impl for<'a> FnOnce(&'a mut S) -> &'a mut Tree<K>,
    ) -> Edit<'_, K> {
        // SAFETY: the tree is one of the transaction's sets, and the nodes are the transaction's.
        unsafe { Edit::new(tree(&mut self.sets), &mut self.writer.nodes) }
    }

    /// What the sets keep beside their versions, and a way to ask whether a live version is among
    /// those from one number, included, to another, excluded.
    pub(crate) fn kept_mut(&mut self) -> (&mut S::Kept, impl Fn(u64, u64) -> bool) {
        let Writer { kept, live, .. } = &mut *self.writer;
        (kept, |birth, retire| live.any_in(birth, retire))
    }

    /// Hears of the versions that died.
    pub(crate) fn hear(&mut self) {
        self.writer.hear(&self.versions.core.inbox);
    }

    /// Makes sure of slots for a change, if need be by doing all the reclaiming that can be done.
    #[inline]
    pub(crate) fn reserve(&mut self, demand: Demand, reach: Reach) -> Result<(), Refusal> {
        match self.writer.nodes.pool_mut().reserve(demand, reach) {
            Ok(()) => Ok(()),
            Err(_) => self.reclaim_and_reserve(demand, reach),
        }
    }

    #[cold]
    fn reclaim_and_reserve(&mut self, demand: Demand, reach: Reach) -> Result<(), Refusal> {
        while self.writer.reclaim(&self.versions.core) {}
        self.writer.nodes.pool_mut().reserve(demand, reach)
    }

    /// Refuses memory from the request after the next `requests` on.
    #[cfg(test)]
    pub(crate) fn refuse_after(&mut self, requests: Option<usize>) {
        self.writer.nodes.pool_mut().refuse_after(requests);
    }

    /// Publishes the sets as the next version, unless nothing was changed, and reclaims. Returns the
    /// version that is current then.
    pub(crate) fn commit(mut self) -> Version {
        let core = &self.versions.core;
        let writer = &mut *self.writer;
        if !self.changed {
            writer.keep_pace(core, 0);
            return writer.version();
        }
        let nodes = writer.current().nodes().saturating_add_signed(writer.nodes.growth());
        let replaced = writer.nodes.commit();
        writer.kept.commit(self.number.number());
        let replaced_count = replaced.len();
        let sets = mem::replace(&mut self.sets, S::empty());

        core.note_birth();
        // As of now, for the version's readers to ask whether it is still so.
        writer.publish_use(core);
        let is_closed = core.refusal().is_some();
        let (record, holder) =
            Record::create(self.number, sets, nodes, Arc::clone(core), is_closed);
        writer.live.push(self.number.number(), Arc::clone(&record), replaced);
        // From here the next transaction begins with this version, even if the publication panics: then
        // the one before is held for ever, and nothing worse comes of it.
        let before = ManuallyDrop::new(writer.current.replace(holder));
        self.versions.published.publish(record);
        // The one before loses the holder that it had for being current. It is on the list of live
        // versions with the nodes that were replaced, so its death finds them.
        drop(ManuallyDrop::into_inner(before));
        writer.keep_pace(core, replaced_count);
        self.number
    }
}

impl<S: VersionSets> Drop for Txn<'_, S> {
    /// Aborts, if there was no commit, and shows how memory is spent then.
    fn drop(&mut self) {
        let writer = &mut *self.writer;
        writer.nodes.abort();
        writer.kept.abort();
        writer.publish_use(&self.versions.core);
    }
}
