//! Enumerations behind handles.

use std::mem::MaybeUninit;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::GroupManager;
use super::clients::Client;
use super::clock::Moment;
use super::error::ManagerError;
use super::handle::{EnumerationHandle, ProtocolHandle};
use super::handles::{NotInserted, Reference};
use crate::enumeration::{Batch, Enumeration, Filter, Position, View};
use crate::family::V4;
use crate::record::SourceGroupEntry;
use crate::stats::Stats;
use crate::sync::Ordering;
use crate::version::Version;

/// What an enumeration's handle stands for.
pub(super) struct Running {
    enumeration: Enumeration<V4>,
    owner: ProtocolHandle,
    client: Client,
    started: Moment,
    /// The moment of the last call, in its nanoseconds. Orders nothing, so it is never one of a checker's.
    last_use: AtomicU64,
}

impl Running {
    /// Takes note of a call. Relaxed: calls of several threads happen at about the same time.
    #[inline]
    fn note_use(&self) {
        self.last_use.store(Moment::now().to_nanos(), Ordering::Relaxed);
    }

    fn idle(&self, now: Moment) -> Duration {
        now.since(Moment::from_nanos(self.last_use.load(Ordering::Relaxed)))
    }
}

/// Who enumerates what, how far they are, and what that costs. See
/// [`GroupManager::enumerations`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnumerationInfo {
    /// The enumeration's handle.
    pub handle: EnumerationHandle,
    /// Who started it.
    pub client: Client,
    /// What it shows.
    pub view: View,
    /// What it is narrowed to.
    pub filter: Filter<V4>,
    /// The version that it holds.
    pub version: Version,
    /// Behind what it is, as [`Enumeration::position`] says; `None` where nothing was given or passed
    /// over.
    pub position: Option<Position<V4>>,
    /// How many records remain, as [`Enumeration::remaining`] counts them.
    pub remaining: usize,
    /// The time since it was started.
    pub age: Duration,
    /// The time since it was started or read last.
    pub idle: Duration,
    /// The bytes of nodes that its version alone retains, which all enumerations and snapshots of the
    /// version share: 0 while it is the current one.
    pub retained_bytes: usize,
}

impl GroupManager {
    /// Starts an enumeration for a client, of the version that was published last
    /// (`MgmGroupEnumerationStart`, which knows [`View::AllSources`], [`View::AnySource`] and no
    /// filter). Lock-free.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::Snapshot`] at the table's limits;
    /// [`ManagerError::TooManyEnumerations`], [`ManagerError::OutOfMemory`].
    pub fn start_enumeration(
        &self,
        protocol: ProtocolHandle,
        view: View,
        filter: Filter<V4>,
    ) -> Result<EnumerationHandle, ManagerError> {
        let registered = self.registered(protocol)?;
        let insert = || {
            let snapshot = self.table.snapshot()?;
            let started = Moment::now();
            Ok(self.enumerations.insert(|| Running {
                enumeration: snapshot.into_enumeration(view, filter),
                owner: protocol,
                client: registered.client,
                started,
                last_use: AtomicU64::new(started.to_nanos()),
            }))
        };
        let mut inserted = insert().map_err(ManagerError::Snapshot)?;
        if inserted == Err(NotInserted::TooMany) && self.limits.idle.is_some() {
            // Another thread may have made the room.
            self.expire_idle();
            inserted = insert().map_err(ManagerError::Snapshot)?;
        }
        let bits = inserted.map_err(|refused| match refused {
            NotInserted::TooMany => {
                ManagerError::TooManyEnumerations { limit: self.enumerations.limit() }
            }
            NotInserted::OutOfMemory => ManagerError::OutOfMemory,
        })?;
        if !registered.note_start() {
            // It deregistered meanwhile, and may not have found this one.
            self.enumerations.remove(bits);
            return Err(ManagerError::InvalidHandle);
        }
        Ok(EnumerationHandle::from_bits(bits))
    }

    /// Puts the next records into `buffer`, as [`Enumeration::get_next`] does
    /// (`MgmGroupEnumerationGetNext`). Lock-free; allocates nothing, but for what pinning does now and then, as
    /// in [`GroupTable::snapshot`](crate::GroupTable::snapshot).
    ///
    /// Threads may read one enumeration at the same time: they get disjoint batches that together are
    /// the whole. One that found the handle before another thread ended it completes its call.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::BufferTooSmall`] where records remain and not
    /// even one fits.
    pub fn get_next<'b>(
        &self,
        enumeration: EnumerationHandle,
        buffer: &'b mut [u8],
    ) -> Result<Batch<'b, SourceGroupEntry>, ManagerError> {
        self.read(enumeration, |running| Ok(running.get_next(buffer)?))?
    }

    /// As [`get_next`](Self::get_next), into memory that need not be initialised.
    ///
    /// # Errors
    ///
    /// As [`get_next`](Self::get_next).
    pub fn get_next_uninit<'b>(
        &self,
        enumeration: EnumerationHandle,
        buffer: &'b mut [MaybeUninit<u8>],
    ) -> Result<Batch<'b, SourceGroupEntry>, ManagerError> {
        self.read(enumeration, |running| Ok(running.get_next_uninit(buffer)?))?
    }

    /// Calls `read` with an enumeration.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        enumeration: EnumerationHandle,
        read: impl FnOnce(&Enumeration<V4>) -> R,
    ) -> Result<R, ManagerError> {
        let running = self.enumerations.get(enumeration.to_bits());
        let running = running.ok_or(ManagerError::InvalidHandle)?;
        running.note_use();
        Ok(read(&running.enumeration))
    }

    /// Ends an enumeration (`MgmGroupEnumerationEnd`): its handle stands for nothing from now on, and
    /// its version is let go, at once or by the last call that is still at it. Lock-free.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]. Of two threads that end an enumeration one gets that.
    pub fn end_enumeration(&self, enumeration: EnumerationHandle) -> Result<(), ManagerError> {
        let ended = self.enumerations.remove(enumeration.to_bits());
        ended.map(drop).ok_or(ManagerError::InvalidHandle)
    }

    /// Ends the enumerations that were not used for as long as [`ManagerLimits::idle`] says, and returns
    /// how many they were: 0, where nothing was said. To be called now and then, so that a client
    /// which forgets its enumerations does not hold their versions for ever. One that is read at this very
    /// moment may end, too. Lock-free.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use groupscan::manager::{Client, GroupManager, ManagerLimits};
    /// use groupscan::{Filter, View};
    ///
    /// let manager = GroupManager::with_limits(ManagerLimits::default().idle(Duration::ZERO));
    /// let igmp = manager.register(Client::new(10, 0), None)?;
    /// let forgotten = manager.start_enumeration(igmp, View::AllSources, Filter::all())?;
    /// assert_eq!(manager.expire_idle(), 1);
    /// manager.get_next(forgotten, &mut [0; 1024]).unwrap_err();
    /// # Ok::<(), groupscan::manager::ManagerError>(())
    /// ```
    ///
    /// [`ManagerLimits::idle`]: super::ManagerLimits::idle
    pub fn expire_idle(&self) -> usize {
        let Some(limit) = self.limits.idle else {
            return 0;
        };
        let now = Moment::now();
        let idle = self.enumerations.iter().filter(|(_, running)| running.idle(now) >= limit);
        idle.filter(|(bits, _)| self.enumerations.remove(*bits).is_some()).count()
    }

    /// Who enumerates what, in about the order of their starts. What comes or goes meanwhile may be missing or
    /// not.
    ///
    /// Waits for writers, and makes them wait, as [`GroupTable::retained`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::manager::{Client, GroupManager};
    /// use groupscan::{Filter, View};
    ///
    /// let manager = GroupManager::new();
    /// let igmp = manager.register(Client::new(10, 0), None)?;
    /// let started = manager.start_enumeration(igmp, View::AllSources, Filter::all())?;
    /// for one in manager.enumerations() {
    ///     assert_eq!((one.handle, one.client), (started, Client::new(10, 0)));
    ///     println!("{:?} by {:?}, {} left, {} bytes", one.idle, one.client, one.remaining, one.retained_bytes);
    /// }
    /// # Ok::<(), groupscan::manager::ManagerError>(())
    /// ```
    ///
    /// [`GroupTable::retained`]: crate::GroupTable::retained
    pub fn enumerations(&self) -> Vec<EnumerationInfo> {
        // Ascending by version.
        let mut retained = self.table.retained();
        // The last is the current version, which the table itself holds.
        retained.pop();
        let now = Moment::now();
        let info = |(bits, running): (u64, Reference<'_, Running>)| {
            let Running { enumeration, client, started, .. } = &*running;
            let version = enumeration.snapshot().version();
            let found = retained.binary_search_by_key(&version, |one| one.version);
            let slots = found.ok().and_then(|at| retained.get(at)).map_or(0, |one| one.slots);
            EnumerationInfo {
                handle: EnumerationHandle::from_bits(bits),
                client: *client,
                view: enumeration.view(),
                filter: enumeration.filter(),
                version,
                position: enumeration.position(),
                remaining: enumeration.remaining(),
                age: now.since(*started),
                idle: running.idle(now),
                retained_bytes: slots * Stats::SLOT_BYTES,
            }
        };
        let mut enumerations: Vec<_> = self.enumerations.iter().map(info).collect();
        enumerations.sort_unstable_by_key(|one| one.handle.to_bits());
        enumerations
    }

    /// Ends all enumerations of a client that can be found.
    pub(super) fn end_enumerations_of(&self, protocol: ProtocolHandle) {
        for (bits, running) in self.enumerations.iter() {
            if running.owner == protocol {
                self.enumerations.remove(bits);
            }
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle, groupscan_lock_twin))))]
mod tests {
    use super::*;
    use crate::collector;
    use std::sync::Arc;
    use std::thread;
    use std::time::Instant;

    #[test]
    fn a_reader_in_the_middle_of_a_call_keeps_no_garbage() {
        let manager = GroupManager::new();
        let igmp = manager.register(Client::new(10, 0), None).unwrap();
        let running = manager.start_enumeration(igmp, View::AllSources, Filter::all()).unwrap();
        let garbage = Arc::new(());
        let seen = Arc::downgrade(&garbage);
        let is_dropped = || seen.upgrade().is_none();
        let collect = move || {
            collector::pinned(|pin| pin.drop_later(garbage));
            let until = Instant::now() + Duration::from_secs(60);
            while !is_dropped() && Instant::now() < until {
                collector::collect();
                thread::yield_now();
            }
            is_dropped()
        };
        let dropped = manager
            .read(running, |_| thread::scope(|scope| scope.spawn(collect).join().unwrap()))
            .unwrap();
        assert!(dropped, "the reader is pinned while it reads");
    }
}
