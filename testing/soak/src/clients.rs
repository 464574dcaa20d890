//! Clients of a manager. Each has an interface of its own, so each knows which memberships must exist.
//! All use the same tables of handles.

use std::thread;
use std::time::Instant;

use groupscan::manager::{
    Client, ClientMembership, EnumerationHandle, GroupManager, ManagerError, ManagerLimits,
    ProtocolHandle,
};
use groupscan::{
    Filter, Interface, Membership, MembershipFlags, Protocol, SourceGroupEntry, V4, View,
};

use crate::Soak;
use groupscan_testing::history::{Models, World};
use groupscan_testing::model::membership;
use groupscan_testing::random::Random;
use groupscan_testing::requests::{Batches, Request, Walk};

/// The number of clients.
pub(crate) const THREADS: u32 = 3;

/// Fewer than the clients try to start.
const ENUMERATIONS: usize = 10;

const WORLD: World =
    World { groups: 40, sources: 5, interfaces: 1, protocols: 1, joins_in_16: 0, sweeps: 1 };

/// The managers: the one under test, and another one whose handles are invalid in it.
pub(crate) struct Clients {
    manager: GroupManager,
    stranger: GroupManager,
    strange: (ProtocolHandle, EnumerationHandle),
}

/// A client in one round, with what it has registered, started and ended.
struct Session<'c> {
    soak: &'c Soak,
    clients: &'c Clients,
    random: Random,
    client: Client,
    own: Interface<V4>,
    handle: ProtocolHandle,
    models: Models,
    open: Vec<Open>,
    ended: Vec<EnumerationHandle>,
}

/// An enumeration by handle, and what it must show.
struct Open {
    handle: EnumerationHandle,
    request: Request,
    expected: Vec<u8>,
    batches: Batches,
}

impl Clients {
    pub(crate) fn new() -> Result<Self, ManagerError> {
        let limits = ManagerLimits::default().with_enumerations(ENUMERATIONS);
        let (manager, stranger) = (GroupManager::with_limits(limits), GroupManager::new());
        let protocol = stranger.register(Client::new(10, 0), None)?;
        let running = stranger.start_enumeration(protocol, View::AllSources, Filter::all())?;
        Ok(Self { manager, stranger, strange: (protocol, running) })
    }

    /// The number of enumeration handles.
    pub(crate) fn handles(&self) -> usize {
        self.manager.enumerations().len() + self.stranger.enumerations().len()
    }

    /// Runs a client with random calls until a moment.
    pub(crate) fn churn(
        &self,
        soak: &Soak,
        number: u32,
        random: Random,
        until: Instant,
    ) -> Result<(), String> {
        let client = Client::new(0x0137_0020 + number, number);
        let handle = self.manager.register(client, None).map_err(|error| error.to_string())?;
        let (own, models) = (Interface::new(number), Models::default());
        let (open, ended) = (Vec::new(), Vec::new());
        let mut session =
            Session { soak, clients: self, random, client, own, handle, models, open, ended };
        session.take().map_err(|error| error.to_string())?;
        while Instant::now() < until {
            session.step()?;
        }
        session.leave()
    }

    /// Checks that nothing is left of the clients after all have left.
    pub(crate) fn check_all_have_left(&self, soak: &Soak) -> Result<(), String> {
        self.manager.reclaim();
        let stats = self.manager.stats();
        soak.counts.checks.add(1);
        match (self.handles(), stats.live_versions, stats.in_use_bytes) {
            (1, 1, 0) => Ok(()),
            (handles, ..) => Err(format!("all clients have left: {handles} handles, {stats:?}")),
        }
    }
}

impl Session<'_> {
    fn manager(&self) -> &GroupManager {
        &self.clients.manager
    }

    fn step(&mut self) -> Result<(), String> {
        match self.random.below(24) {
            0..=7 => self.change_one(),
            8 | 9 => self.change_many(),
            10..=12 => self.start(),
            13..=16 => self.read(),
            17 => self.read_together(),
            18 | 19 => self.end(),
            20 | 21 => self.try_bad_handles(),
            22 => self.try_what_is_others(),
            _ if self.random.one_in(20) => self.leave_and_come_back(),
            _ => Ok(()),
        }
    }

    fn take(&self) -> Result<(), ManagerError> {
        self.manager().take_interface(self.handle, self.own)
    }

    /// A membership of the client, and the same membership in the table's form.
    fn membership(&mut self) -> (SourceGroupEntry, MembershipFlags, Membership<V4>) {
        let (group, source) = (self.random.small(WORLD.groups - 1) + 1, WORLD.sources);
        let (source, flags) = (self.random.small(source), self.random.small(3));
        let one = membership::<V4>(group, source, 0, 0, flags);
        let entry = SourceGroupEntry::new(one.group, one.source);
        let protocol = Protocol::new(self.client.protocol_id);
        (entry, one.flags, Membership { interface: self.own, protocol, ..one })
    }

    fn change_one(&mut self) -> Result<(), String> {
        let (entry, flags, membership) = self.membership();
        let join = !self.random.one_in(3);
        let change =
            if join { GroupManager::add_membership } else { GroupManager::delete_membership };
        let changed = change(self.manager(), self.handle, &entry, self.own, flags);
        expect("a change", changed, Ok(()))?;
        let model = &mut self.models.ipv4;
        let _ = if join { model.join(&membership) } else { model.leave(&membership) };
        Ok(())
    }

    fn change_many(&mut self) -> Result<(), String> {
        let interface = self.own;
        let mut lists = [Vec::new(), Vec::new()];
        let mut expected = 0;
        // The removals come before the additions.
        for (list, join) in lists.iter_mut().zip([false, true]) {
            for _ in 0..self.random.below(6) {
                let (entry, flags, membership) = self.membership();
                list.push(ClientMembership { entry, interface, flags });
                let model = &mut self.models.ipv4;
                let changed = if join { model.join(&membership) } else { model.leave(&membership) };
                expected += usize::from(changed);
            }
        }
        let [deleted, added] = lists;
        let changed = self.manager().update_memberships(self.handle, &deleted, &added);
        let changed = changed.map(|committed| committed.changed).map_err(|refused| refused.error);
        expect("a change of many", changed, Ok(expected))
    }

    fn start(&mut self) -> Result<(), String> {
        let (request, view, filter) = Request::joins_on(&mut self.random, &WORLD, self.own);
        match self.manager().start_enumeration(self.handle, view, filter) {
            Ok(handle) => {
                let expected = request.expected(&self.models);
                self.open.push(Open { handle, request, expected, batches: Batches::new() });
                Ok(())
            }
            Err(ManagerError::TooManyEnumerations { limit: ENUMERATIONS }) => {
                self.soak.counts.not_taken.add(1);
                Ok(())
            }
            Err(error) => Err(format!("a start: {error}")),
        }
    }

    /// Reads a page of an enumeration. Checks and ends the enumeration after its last page.
    fn read(&mut self) -> Result<(), String> {
        let Some(at) = self.random.below(ENUMERATIONS).checked_rem(self.open.len()) else {
            return Ok(());
        };
        let Open { handle, request, batches, .. } = &mut self.open[at];
        let walk = walk(&self.clients.manager, *handle);
        if request.page(&walk, &mut self.random, batches)? {
            return Ok(());
        }
        let Open { handle, request, expected, batches } = self.open.swap_remove(at);
        self.soak.compare(&request, &expected, &[batches])?;
        self.end_one(handle)
    }

    /// Reads a fresh enumeration with several threads.
    fn read_together(&mut self) -> Result<(), String> {
        let unread = self.open.iter().position(|open| open.batches.is_empty());
        let Some(at) = unread else {
            return Ok(());
        };
        let Open { handle, request, expected, .. } = self.open.swap_remove(at);
        let walk = walk(&self.clients.manager, handle);
        let threads = request.share(&walk, &mut self.random, 2)?;
        self.soak.compare(&request, &expected, &threads)?;
        self.end_one(handle)
    }

    fn end(&mut self) -> Result<(), String> {
        match self.open.pop() {
            Some(open) => self.end_one(open.handle),
            None => Ok(()),
        }
    }

    fn end_one(&mut self, handle: EnumerationHandle) -> Result<(), String> {
        self.ended.push(handle);
        if self.ended.len() > 100 {
            self.ended.drain(..50);
        }
        expect("an end", self.manager().end_enumeration(handle), Ok(()))
    }

    /// Checks that invalid handles are refused, also stale ones and those of the other manager.
    fn try_bad_handles(&mut self) -> Result<(), String> {
        let (protocol, running) = self.clients.strange;
        let made_up = EnumerationHandle::from_bits(self.random.bits());
        let of_protocol = EnumerationHandle::from_bits(self.handle.to_bits());
        let stale = self.random.below(100).checked_rem(self.ended.len());
        let stale = stale.map(|at| self.ended[at]);
        for bad in [running, made_up, of_protocol].into_iter().chain(stale) {
            let read = self.manager().get_next(bad, &mut [0; 64]).map(|batch| batch.more());
            expect("a read by a bad handle", read, Err(ManagerError::InvalidHandle))?;
            let ended = self.manager().end_enumeration(bad);
            expect("an end by a bad handle", ended, Err(ManagerError::InvalidHandle))?;
            self.soak.counts.bad_handles.add(2);
        }
        let as_protocol = self.open.first().map(|open| open.handle.to_bits());
        let as_protocol = as_protocol.map(ProtocolHandle::from_bits);
        for bad in [protocol].into_iter().chain(as_protocol) {
            let start = self.manager().start_enumeration(bad, View::AllSources, Filter::all());
            expect("a start by a bad handle", start, Err(ManagerError::InvalidHandle))?;
            let left = self.manager().deregister(bad);
            expect("deregistering by a bad handle", left, Err(ManagerError::InvalidHandle))?;
            self.soak.counts.bad_handles.add(2);
        }
        Ok(())
    }

    /// Checks that the client cannot use another client's interface or register twice.
    fn try_what_is_others(&mut self) -> Result<(), String> {
        let (entry, flags, _) = self.membership();
        let manager = self.manager();
        let twice = manager.register(self.client, None);
        expect(
            "registering twice",
            twice,
            Err(ManagerError::AlreadyRegistered { client: self.client }),
        )?;
        let others = Interface::new((self.own.index + 1) % THREADS);
        let added = manager.add_membership(self.handle, &entry, others, flags);
        if !matches!(added, Err(ManagerError::NotTheOwner { .. })) {
            return Err(format!("a membership on another's interface: {added:?}"));
        }
        let released = manager.release_interface(self.handle, others);
        expect("a release of another's", released, Err(ManagerError::NotOwned))?;
        self.soak.counts.bad_handles.add(3);
        Ok(())
    }

    /// Deregisters. That ends all of the client's enumerations, also those started at the same time.
    fn leave(&mut self) -> Result<(), String> {
        let manager = self.manager();
        let owns = Err(ManagerError::OwnsInterfaces { count: 1 });
        expect("deregistering an owner", manager.deregister(self.handle), owns)?;
        expect("a release", manager.release_interface(self.handle, self.own), Ok(()))?;
        let (left, started) = thread::scope(|scope| {
            let starter = scope.spawn(|| self.start_until_gone());
            let left = manager.deregister(self.handle);
            (left, starter.join().map_err(|_| "a thread panicked"))
        });
        expect("deregistering", left, Ok(()))?;
        self.models = Models::default();
        let open: Vec<_> = self.open.drain(..).map(|open| open.handle).chain(started?).collect();
        for handle in open {
            let read = self.manager().get_next(handle, &mut [0; 16]).map(|batch| batch.more());
            expect("a read after leaving", read, Err(ManagerError::InvalidHandle))?;
            self.soak.counts.bad_handles.add(1);
            self.ended.push(handle);
        }
        Ok(())
    }

    /// Starts enumerations until the client is no longer registered, and returns their handles.
    fn start_until_gone(&self) -> Vec<EnumerationHandle> {
        let mut started = Vec::new();
        loop {
            let start = self.manager().start_enumeration(self.handle, View::Groups, Filter::all());
            match start {
                Ok(handle) => started.push(handle),
                Err(ManagerError::InvalidHandle) => return started,
                Err(_) => thread::yield_now(),
            }
        }
    }

    fn leave_and_come_back(&mut self) -> Result<(), String> {
        self.leave()?;
        let registered = self.manager().register(self.client, None);
        self.handle = registered.map_err(|error| error.to_string())?;
        self.take().map_err(|error| error.to_string())
    }
}

/// The enumeration with a handle.
fn walk(manager: &GroupManager, handle: EnumerationHandle) -> Walk<'_> {
    Box::new(move |buffer| {
        let batch = manager.get_next(handle, buffer)?;
        Ok((batch.entries().len(), batch.more()))
    })
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    match got == expected {
        true => Ok(()),
        false => Err(format!("{what}: {got:?}, not {expected:?}")),
    }
}
