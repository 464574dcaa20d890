//! Enumerations behind handles.

use std::alloc::{self, Layout};
use std::mem::MaybeUninit;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::GroupManager;
use super::clients::Client;
use super::clock::Moment;
use super::error::ManagerError;
use crate::enumeration::{Batch, Enumeration, Filter, Position, View};
use crate::handles::{EnumerationHandle, NotInserted, ProtocolHandle, Reference};
use crate::mvcc::Version;
use crate::sync::Ordering;
use crate::types::{SourceGroupEntry, V4};

/// An enumeration that runs: the value of an enumeration handle.
pub(super) struct Running {
    enumeration: Enumeration<V4>,
    owner: ProtocolHandle,
    client: Client,
    started: Moment,
    /// The moment of the last call, in nanoseconds. Not from `crate::sync`: it orders nothing, so no checker
    /// needs to see it.
    last_use: AtomicU64,
}

impl Running {
    /// Records a call. Relaxed: the order of concurrent calls does not matter.
    #[inline]
    fn note_use(&self) {
        self.last_use.store(Moment::now().to_nanos(), Ordering::Relaxed);
    }

    fn idle(&self, now: Moment) -> Duration {
        now.since(Moment::from_nanos(self.last_use.load(Ordering::Relaxed)))
    }
}

/// A running enumeration: its client, its progress and its cost in memory. Returned by
/// [`GroupManager::enumerations`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnumerationInfo {
    /// The enumeration's handle.
    pub handle: EnumerationHandle,
    /// The client that started it.
    pub client: Client,
    /// What it shows.
    pub view: View,
    /// Its filter.
    pub filter: Filter<V4>,
    /// The version that it holds.
    pub version: Version,
    /// Its [position](Enumeration::position); `None` if no record was returned or skipped yet.
    pub position: Option<Position<V4>>,
    /// The number of records that remain, as [`Enumeration::remaining`] counts them.
    pub remaining: usize,
    /// The time since it was started.
    pub age: Duration,
    /// The time since its last use, or since its start if there was none.
    pub idle: Duration,
    /// The bytes of nodes that only its version retains, shared by all enumerations and snapshots of the
    /// version. 0 while its version is the current one.
    pub retained_bytes: usize,
}

impl GroupManager {
    /// Starts an enumeration of the current version for a client (`MgmGroupEnumerationStart`, which has
    /// [`View::AllSources`], [`View::OnePerGroup`] and no filter). Lock-free.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::Snapshot`] at the table's limits;
    /// [`ManagerError::TooManyEnumerations`]; [`ManagerError::OutOfMemory`].
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
            // Retry even if this ended none: another thread may have.
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
            // The client deregistered meanwhile, and may not have found this enumeration.
            self.enumerations.remove(bits);
            return Err(ManagerError::InvalidHandle);
        }
        Ok(EnumerationHandle::from_bits(bits))
    }

    /// Packs the next records into `buffer`, as [`Enumeration::get_next`] does
    /// (`MgmGroupEnumerationGetNext`). Lock-free. Allocates nothing, apart from the epoch collector's work in
    /// a thread's first and every 128th call, as in [`GroupTable::snapshot`](crate::GroupTable::snapshot).
    ///
    /// Several threads may read one enumeration at the same time: they get disjoint batches that together are
    /// the whole. A call that found the handle before another thread ended it completes.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::BufferTooSmall`] if records remain and not even one
    /// fits.
    pub fn get_next<'b>(
        &self,
        enumeration: EnumerationHandle,
        buffer: &'b mut [u8],
    ) -> Result<Batch<'b, SourceGroupEntry>, ManagerError> {
        self.with_enumeration(enumeration, |enumeration| Ok(enumeration.get_next(buffer)?))?
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
        self.with_enumeration(enumeration, |enumeration| Ok(enumeration.get_next_uninit(buffer)?))?
    }

    /// Calls `read` with the enumeration of a handle: for what an [`Enumeration`] offers besides records,
    /// such as its position. Reading records in it moves the client's enumeration.
    ///
    /// Lock-free, apart from `read`. If another thread ends the enumeration meanwhile, its version lives
    /// until `read` returns.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`].
    #[inline]
    pub fn with_enumeration<R>(
        &self,
        enumeration: EnumerationHandle,
        read: impl FnOnce(&Enumeration<V4>) -> R,
    ) -> Result<R, ManagerError> {
        let running = self.enumerations.get(enumeration.to_bits());
        let running = running.ok_or(ManagerError::InvalidHandle)?;
        running.note_use();
        Ok(read(&running.enumeration))
    }

    /// Ends an enumeration (`MgmGroupEnumerationEnd`): its handle becomes invalid, and its version is
    /// released at once or, if calls still run on it, by the last of them. Lock-free.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; one of two threads that end the same enumeration gets it.
    pub fn end_enumeration(&self, enumeration: EnumerationHandle) -> Result<(), ManagerError> {
        let ended = self.enumerations.remove(enumeration.to_bits());
        ended.map(drop).ok_or(ManagerError::InvalidHandle)
    }

    /// Ends the enumerations that were not used for [`ManagerLimits::idle`], and returns their number; 0
    /// without that limit. Call it periodically, so that a client that forgets its enumerations does not hold
    /// their versions forever. An enumeration whose read begins at the same moment may end, too. Lock-free.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use groupscan::manager::{Client, GroupManager, ManagerLimits};
    /// use groupscan::{Filter, View};
    ///
    /// let manager = GroupManager::with_limits(ManagerLimits::default().with_idle(Duration::ZERO));
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

    /// The running enumerations, in about the order of their starts. One that starts or ends during the call
    /// may or may not be included.
    ///
    /// Waits for writers and makes them wait, as [`GroupTable::retained`] does: without limit, whatever the
    /// [timeout](Self::set_timeout). If the system refuses memory, the process aborts.
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
    ///     println!("{}: {} records left, {} bytes", one.client, one.remaining, one.retained_bytes);
    /// }
    /// # Ok::<(), groupscan::manager::ManagerError>(())
    /// ```
    ///
    /// [`GroupTable::retained`]: crate::GroupTable::retained
    #[must_use]
    pub fn enumerations(&self) -> Vec<EnumerationInfo> {
        match self.enumerations_within(Duration::MAX) {
            Ok(enumerations) => enumerations,
            // A wait without limit has no timeout.
            Err(_) => alloc::handle_alloc_error(Layout::new::<EnumerationInfo>()),
        }
    }

    /// As [`enumerations`](Self::enumerations), within the [timeout](Self::set_timeout).
    ///
    /// # Errors
    ///
    /// [`ManagerError::Timeout`], [`ManagerError::OutOfMemory`].
    pub fn try_enumerations(&self) -> Result<Vec<EnumerationInfo>, ManagerError> {
        self.enumerations_within(self.wait())
    }

    fn enumerations_within(&self, wait: Duration) -> Result<Vec<EnumerationInfo>, ManagerError> {
        // Ascending by version.
        let mut retained = self.table.retained_timeout(wait)?;
        // The last is the current version, whose nodes the table itself retains.
        retained.pop();
        let now = Moment::now();
        let info = |(bits, running): (u64, Reference<'_, Running>)| {
            let Running { enumeration, client, started, .. } = &*running;
            let version = enumeration.snapshot().version();
            let found = retained.binary_search_by_key(&version, |one| one.version);
            let retained_bytes =
                found.ok().and_then(|at| retained.get(at)).map_or(0, |one| one.bytes);
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
                retained_bytes,
            }
        };
        let mut enumerations = Vec::new();
        for one in self.enumerations.iter() {
            enumerations.try_reserve(1).map_err(|_| ManagerError::OutOfMemory)?;
            enumerations.push(info(one));
        }
        enumerations.sort_unstable_by_key(|one: &EnumerationInfo| one.handle.to_bits());
        Ok(enumerations)
    }

    /// Ends all enumerations of a client that are in the table of handles.
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
    use crate::sync::epoch;
    use std::sync::Arc;
    use std::thread;
    use std::time::Instant;

    #[test]
    fn a_running_call_keeps_no_garbage() {
        let manager = GroupManager::new();
        let igmp = manager.register(Client::new(10, 0), None).unwrap();
        let running = manager.start_enumeration(igmp, View::AllSources, Filter::all()).unwrap();
        let garbage = Arc::new(());
        let seen = Arc::downgrade(&garbage);
        let is_dropped = || seen.upgrade().is_none();
        let collect = move || {
            epoch::pinned(|pin| pin.drop_later(garbage));
            let until = Instant::now() + Duration::from_secs(60);
            while !is_dropped() && Instant::now() < until {
                epoch::collect();
                thread::yield_now();
            }
            is_dropped()
        };
        let dropped = manager
            .with_enumeration(running, |_| {
                thread::scope(|scope| scope.spawn(collect).join().unwrap())
            })
            .unwrap();
        assert!(dropped, "the thread was pinned while it read");
    }
}
