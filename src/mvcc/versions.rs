//! The table's side of the versions: holding them, and beginning the transactions that make them.

use std::time::Duration;

use super::counted::{Counted, Room};
use super::header::{Hold, VersionHeader, VersionRef};
use super::publication::Publication;
use super::retained;
use super::shared::{Bounds, Shared};
use super::txn::Txn;
use super::{Retained, RetainedError, SnapshotError, Usage, Version, VersionIndexes};
use crate::sync::epoch;
use crate::tree::{AllocError, Demand, Reach};

/// The versions of one table.
pub(crate) struct Versions<S: VersionIndexes> {
    shared: Counted<Shared<S>>,
    published: Publication<VersionHeader<S>>,
}

impl<S: VersionIndexes> Versions<S> {
    /// Makes version 0, which is empty, unless the system refuses memory.
    pub(crate) fn try_new(bounds: Bounds) -> Result<Self, AllocError> {
        let shared = Counted::new(Room::request()?, Shared::new(bounds));
        epoch::keep_spare();
        let mut writer = shared.lock();
        writer.reserve_version(Reach::Capacity { spare: Demand::default() })?;
        shared.note_birth();
        let (rooms, version) = (writer.take_rooms(), Version::default());
        let (header, current) =
            VersionHeader::create(rooms, version, S::empty(), 0, shared.clone(), false);
        writer.live.push(version.number(), header.clone(), Default::default());
        writer.current = Some(current);
        drop(writer);
        Ok(Self { shared, published: Publication::new(header) })
    }

    /// Holds the current version.
    #[inline]
    pub(crate) fn hold(&self) -> Result<VersionRef<S>, SnapshotError> {
        loop {
            match self.published.with_latest(|header| header.hold(|| self.shared.refusal())) {
                Hold::Held(version_ref) => return Ok(version_ref),
                Hold::Refused(error) => return Err(error),
                // The version was superseded after it was loaded, so there is a later one.
                Hold::Dead => std::hint::spin_loop(),
            }
        }
    }

    /// The number of the current version.
    pub(crate) fn version(&self) -> Version {
        self.published.with_latest(VersionHeader::version)
    }

    /// Runs `stopped` in the middle of holding the current version: its header is loaded, and not yet held.
    #[cfg(feature = "__internals")]
    pub(crate) fn stop_in_hold(&self, stopped: impl FnOnce()) {
        self.published.with_latest(|_| stopped());
    }

    /// Begins a transaction. Waits for a turn.
    pub(crate) fn begin(&self) -> Txn<'_, S> {
        Txn::begin(&self.shared, &self.published, self.shared.lock())
    }

    /// As [`begin`](Self::begin), but gives up as [`TurnLock::lock_within`] does.
    ///
    /// [`TurnLock::lock_within`]: crate::sync::turn::TurnLock::lock_within
    pub(crate) fn begin_within(&self, left: &mut Duration) -> Option<Txn<'_, S>> {
        let writer = self.shared.lock_within(left)?;
        Some(Txn::begin(&self.shared, &self.published, writer))
    }

    /// Does a step of reclamation, and returns whether more remains. Gives up as
    /// [`begin_within`](Self::begin_within) does.
    pub(crate) fn reclaim_within(&self, mut left: Duration) -> Option<bool> {
        let mut writer = self.shared.lock_within(&mut left)?;
        let more = writer.reclaim(&self.shared.inbox);
        writer.publish_figures(&self.shared);
        drop(writer);
        epoch::collect();
        Some(more)
    }

    /// Does a step of giving free memory back to the system, and returns whether more remains; `None` as
    /// [`begin_within`](Self::begin_within).
    pub(crate) fn trim_within(&self, mut left: Duration) -> Option<bool> {
        let mut writer = self.shared.lock_within(&mut left)?;
        let (released, more) = writer.trim();
        writer.publish_figures(&self.shared);
        drop(writer);
        // Takes the system a while, and needs no lock.
        drop(released);
        Some(more)
    }

    /// How memory is used. Takes no lock.
    pub(crate) fn usage(&self) -> Usage {
        self.shared.usage()
    }

    /// The figures of the current version. Takes no lock.
    pub(crate) fn figures(&self) -> &S::Figures {
        self.shared.figures()
    }

    /// What each live version retains. Waits for turns as [`begin_within`](Self::begin_within) does, `left` in
    /// all.
    pub(crate) fn retained_within(&self, left: Duration) -> Result<Vec<Retained>, RetainedError> {
        retained::retained(&self.shared, left)
    }

    /// The addresses of the nodes that exist, and the bytes of their slots. Takes the writer's lock.
    #[cfg(feature = "__internals")]
    pub(crate) fn existing(&self) -> std::collections::BTreeMap<usize, usize> {
        self.shared.lock().nodes.pool().existing()
    }
}

impl<S: VersionIndexes> Drop for Versions<S> {
    fn drop(&mut self) {
        let current = self.shared.lock().current.take();
        // After the lock was released: there is no writer any more that the death concerns.
        drop(current);
    }
}
