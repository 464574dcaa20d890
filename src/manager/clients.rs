//! Registered protocols, and the interfaces that they own.

use std::collections::{HashMap, TryReserveError};
use std::fmt;
use std::time::Duration;

use super::GroupManager;
use super::error::ManagerError;
use super::groups::CommittedStep;
use crate::handles::{NotInserted, ProtocolHandle, Reference};
use crate::sync::turn::TurnGuard;
use crate::sync::{AtomicUsize, Ordering};
use crate::table::{JoinOn, Step};
use crate::types::{Interface, Join, Protocol, V4};

/// A client of the manager: one instance of a routing protocol.
///
/// Prints as `protocol 0xa, component 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client {
    /// The protocol: the vendor in the high 16 bits, its protocol in the low 16 (`dwProtocolId`).
    pub protocol_id: u32,
    /// The instance of the protocol (`dwComponentId`).
    pub component_id: u32,
}

impl Client {
    /// The low 16 bits of IGMP's protocol id, for every vendor: `PROTO_IP_IGMP` of the public `routprot.h`.
    const IGMP: u32 = Protocol::IGMP.number();

    /// The client with these ids.
    #[must_use]
    pub const fn new(protocol_id: u32, component_id: u32) -> Self {
        Self { protocol_id, component_id }
    }

    /// Whether the protocol is IGMP, which may change memberships on any interface.
    #[must_use]
    pub const fn is_igmp(&self) -> bool {
        self.protocol_id & 0xffff == Self::IGMP
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protocol {:#x}, component {}", self.protocol_id, self.component_id)
    }
}

/// A callback of a client, as a C function pointer. The manager never calls it.
pub type Callback = Option<unsafe extern "C" fn()>;

/// The configuration of a client: `ROUTING_PROTOCOL_CONFIG`, with its C layout.
///
/// The manager stores it and does not read it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct ProtocolConfig {
    /// Reserved.
    pub callback_flags: u32,
    /// Rpf, CreationAlert, PruneAlert, JoinAlert, WrongIf, LocalJoin, LocalLeave, DisableIgmp and
    /// EnableIgmp. In C each has its own type.
    pub callbacks: [Callback; 9],
}

/// A registered client: the value of a protocol handle.
pub(super) struct Registered {
    pub(super) client: Client,
    /// The protocol number of the client in the table.
    pub(super) protocol: Protocol,
    config: ProtocolConfig,
    /// The number of enumerations that the client has started, and [`GONE`] once it has deregistered.
    starts: AtomicUsize,
}

/// The flag in [`Registered::starts`] of a client that has deregistered.
const GONE: usize = 1 << (usize::BITS - 1);

impl Registered {
    /// Counts an enumeration that is already in the table of handles, and returns whether its client is still
    /// registered. If it is, [`leave`](Self::leave) comes later, and its caller finds the enumeration.
    pub(super) fn note_start(&self) -> bool {
        // Acquire and release: whichever of `note_start` and `leave` comes second sees what the other thread
        // did before the first.
        self.starts.fetch_add(1, Ordering::AcqRel) & GONE == 0
    }

    /// Marks the client as deregistered.
    fn leave(&self) {
        // As in `note_start`.
        self.starts.fetch_or(GONE, Ordering::AcqRel);
    }
}

/// The registered clients, and the owners of interfaces.
#[derive(Default)]
pub(super) struct State {
    /// The registered clients, ascending.
    clients: Vec<Client>,
    /// The numbers that they have in the table, ascending.
    numbers: Vec<Protocol>,
    owners: HashMap<Interface<V4>, ProtocolHandle>,
}

impl State {
    /// Ensures that there is room for one more client.
    fn reserve_client(&mut self) -> Result<(), TryReserveError> {
        self.clients.try_reserve(1)?;
        self.numbers.try_reserve(1)
    }

    /// Adds a client, for which there is [room](Self::reserve_client), and which is none of those registered.
    fn add_client(&mut self, client: Client, number: Protocol) {
        let (Err(at), Err(of_number)) =
            (self.clients.binary_search(&client), self.numbers.binary_search(&number))
        else {
            unreachable!("neither the client nor its number is in use");
        };
        self.clients.insert(at, client);
        self.numbers.insert(of_number, number);
    }

    /// Removes a client.
    fn remove_client(&mut self, client: Client, number: Protocol) {
        let (Ok(at), Ok(of_number)) =
            (self.clients.binary_search(&client), self.numbers.binary_search(&number))
        else {
            unreachable!("a client that is registered is in both lists");
        };
        self.clients.remove(at);
        self.numbers.remove(of_number);
    }

    /// A protocol number for the table that no other client has: the client's protocol id, so that records
    /// show it, or, if that is taken, the highest free number.
    fn number_for(&self, client: Client) -> Protocol {
        let own = Protocol::new(client.protocol_id);
        if self.numbers.binary_search(&own).is_err() {
            return own;
        }
        // Ends, because there are fewer clients than numbers.
        let downwards = (0..=u32::MAX).rev().map(Protocol::new);
        let mut taken = self.numbers.iter().rev().copied();
        let free = downwards.into_iter().find(|number| taken.next() != Some(*number));
        free.unwrap_or_else(|| unreachable!("there are fewer clients than numbers"))
    }

    /// The owner of an interface.
    pub(super) fn owner(&self, interface: Interface<V4>) -> Option<ProtocolHandle> {
        self.owners.get(&interface).copied()
    }
}

impl GroupManager {
    /// Registers a client, and returns the handle for its calls (`MgmRegisterMProtocol`). `config` is stored
    /// for [`config`](Self::config).
    ///
    /// # Errors
    ///
    /// [`ManagerError::AlreadyRegistered`], [`ManagerError::TooManyProtocols`],
    /// [`ManagerError::OutOfMemory`], [`ManagerError::Timeout`].
    pub fn register(
        &self,
        client: Client,
        config: Option<ProtocolConfig>,
    ) -> Result<ProtocolHandle, ManagerError> {
        let mut state = self.state(&mut self.wait())?;
        if state.clients.binary_search(&client).is_ok() {
            return Err(ManagerError::AlreadyRegistered { client });
        }
        state.reserve_client().map_err(|_| ManagerError::OutOfMemory)?;
        let protocol = state.number_for(client);
        let config = config.unwrap_or_default();
        let registered = || Registered { client, protocol, config, starts: AtomicUsize::new(0) };
        let bits = self.protocols.insert(registered).map_err(|refused| match refused {
            NotInserted::TooMany => {
                ManagerError::TooManyProtocols { limit: self.protocols.limit() }
            }
            NotInserted::OutOfMemory => ManagerError::OutOfMemory,
        })?;
        state.add_client(client, protocol);
        Ok(ProtocolHandle::from_bits(bits))
    }

    /// Deregisters a client: removes its remaining memberships, and ends its enumerations
    /// (`MgmDeRegisterMProtocol`). A call of another thread that already runs on one of them completes.
    ///
    /// Only IGMP can have memberships remaining, on interfaces that it does not own. For IGMP the call visits
    /// every membership of the table.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::OwnsInterfaces`] while the client owns interfaces;
    /// [`ManagerError::Timeout`]; [`ManagerError::NotRemoved`], after which some memberships may be gone. After
    /// an error the client is still registered.
    pub fn deregister(&self, protocol: ProtocolHandle) -> Result<(), ManagerError> {
        let mut wait = self.wait();
        let state = self.state(&mut wait)?;
        let registered = self.may_deregister(&state, protocol)?;
        if registered.client.is_igmp() {
            let txn = self.begin_write(&mut wait)?;
            let left = self.table.leave_everywhere_from::<V4>(txn, registered.protocol);
            left.map_err(ManagerError::NotRemoved)?;
        }
        self.remove_client(state, &registered, protocol);
        Ok(())
    }

    /// Makes one step of [`deregister`](Self::deregister), as
    /// [`WriteTxn::leave_everywhere_step`](crate::WriteTxn::leave_everywhere_step), and commits. The last step,
    /// which has no `next`, deregisters the client. Until then the client can be used.
    ///
    /// # Errors
    ///
    /// As [`deregister`](Self::deregister). The step has then changed nothing.
    pub fn deregister_step(
        &self,
        protocol: ProtocolHandle,
        from: Option<JoinOn<V4>>,
        most: usize,
    ) -> Result<CommittedStep<JoinOn<V4>>, ManagerError> {
        let mut wait = self.wait();
        let state = self.state(&mut wait)?;
        let registered = self.may_deregister(&state, protocol)?;
        let mut txn = self.begin_write(&mut wait)?;
        let step = |from| {
            let step = txn.leave_everywhere_step(registered.protocol, from, most);
            step.map_err(ManagerError::NotRemoved)
        };
        let left = all_or_more(from, step)?;
        let step = CommittedStep::commit(txn, left);
        if step.next.is_none() {
            self.remove_client(state, &registered, protocol);
        }
        Ok(step)
    }

    /// The client, if it owns no interfaces.
    fn may_deregister(
        &self,
        state: &State,
        protocol: ProtocolHandle,
    ) -> Result<Reference<'_, Registered>, ManagerError> {
        let registered = self.registered(protocol)?;
        let count = state.owners.values().filter(|owner| **owner == protocol).count();
        match count {
            0 => Ok(registered),
            _ => Err(ManagerError::OwnsInterfaces { count }),
        }
    }

    /// Removes a client that has no memberships left.
    fn remove_client(
        &self,
        mut state: TurnGuard<'_, State>,
        registered: &Registered,
        protocol: ProtocolHandle,
    ) {
        state.remove_client(registered.client, registered.protocol);
        self.protocols.remove(protocol.to_bits());
        drop(state);
        registered.leave();
        self.end_enumerations_of(protocol);
    }

    /// Makes a client the owner of an interface (`MgmTakeInterfaceOwnership`). If it is the owner already,
    /// the call changes nothing.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::AlreadyOwned`] if another client owns the interface;
    /// [`ManagerError::TooManyOwnedInterfaces`]; [`ManagerError::OutOfMemory`]; [`ManagerError::Timeout`].
    pub fn take_interface(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
    ) -> Result<(), ManagerError> {
        let mut state = self.state(&mut self.wait())?;
        self.registered(protocol)?;
        match state.owner(interface) {
            Some(owner) if owner == protocol => return Ok(()),
            Some(owner) => {
                let owner = self.registered(owner)?.client;
                return Err(ManagerError::AlreadyOwned { owner });
            }
            None => {}
        }
        let limit = self.limits.owned_interfaces;
        if state.owners.len() >= limit {
            return Err(ManagerError::TooManyOwnedInterfaces { limit });
        }
        state.owners.try_reserve(1).map_err(|_| ManagerError::OutOfMemory)?;
        state.owners.insert(interface, protocol);
        Ok(())
    }

    /// Gives up the ownership of an interface, and removes the client's memberships there
    /// (`MgmReleaseInterfaceOwnership`).
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::NotOwned`] if the client does not own the interface;
    /// [`ManagerError::NotRemoved`], after which some memberships may be gone; [`ManagerError::Timeout`]. After
    /// an error the owner is unchanged.
    pub fn release_interface(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
    ) -> Result<(), ManagerError> {
        let mut wait = self.wait();
        let mut state = self.state(&mut wait)?;
        let registered = self.registered(protocol)?;
        if state.owner(interface) != Some(protocol) {
            return Err(ManagerError::NotOwned);
        }
        let txn = self.begin_write(&mut wait)?;
        let left = self.table.leave_all_from(txn, interface, registered.protocol);
        left.map_err(ManagerError::NotRemoved)?;
        state.owners.remove(&interface);
        Ok(())
    }

    /// Makes one step of [`release_interface`](Self::release_interface), as
    /// [`WriteTxn::leave_all_step`](crate::WriteTxn::leave_all_step), and commits. The last step, which has no
    /// `next`, gives up the ownership.
    ///
    /// # Errors
    ///
    /// As [`release_interface`](Self::release_interface). The step has then changed nothing.
    pub fn release_interface_step(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
        from: Option<Join<V4>>,
        most: usize,
    ) -> Result<CommittedStep<Join<V4>>, ManagerError> {
        let mut wait = self.wait();
        let mut state = self.state(&mut wait)?;
        let registered = self.registered(protocol)?;
        if state.owner(interface) != Some(protocol) {
            return Err(ManagerError::NotOwned);
        }
        let mut txn = self.begin_write(&mut wait)?;
        let step = |from| {
            let step = txn.leave_all_step(interface, registered.protocol, from, most);
            step.map_err(ManagerError::NotRemoved)
        };
        let left = all_or_more(from, step)?;
        let step = CommittedStep::commit(txn, left);
        if step.next.is_none() {
            state.owners.remove(&interface);
        }
        Ok(step)
    }

    /// The owner of an interface (`MgmGetProtocolOnInterface`).
    ///
    /// # Errors
    ///
    /// [`ManagerError::InterfaceNotFound`] if it has none; [`ManagerError::Timeout`].
    pub fn protocol_on_interface(&self, interface: Interface<V4>) -> Result<Client, ManagerError> {
        let state = self.state(&mut self.wait())?;
        let owner = state.owner(interface).ok_or(ManagerError::InterfaceNotFound)?;
        Ok(self.registered(owner)?.client)
    }

    /// The configuration that a client registered with.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`].
    pub fn config(&self, protocol: ProtocolHandle) -> Result<ProtocolConfig, ManagerError> {
        Ok(self.registered(protocol)?.config)
    }

    /// The protocol number of a client in the table and in records of memberships: its protocol id, unless
    /// that was the number of another client when it registered.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`].
    pub fn protocol_number(&self, protocol: ProtocolHandle) -> Result<Protocol, ManagerError> {
        Ok(self.registered(protocol)?.protocol)
    }

    /// The client of a handle.
    pub(super) fn registered(
        &self,
        protocol: ProtocolHandle,
    ) -> Result<Reference<'_, Registered>, ManagerError> {
        self.protocols.get(protocol.to_bits()).ok_or(ManagerError::InvalidHandle)
    }

    /// Waits for a turn with the state, and takes the time of the wait off `left`. If another call panicked in
    /// its turn, it did so before it changed the state, so the state is whole.
    pub(super) fn state(&self, left: &mut Duration) -> Result<TurnGuard<'_, State>, ManagerError> {
        self.state.lock_within(left).ok_or(ManagerError::Timeout)
    }
}

/// A step of a removal that begins at `from`. If that reaches the end, also one from the start, in the same
/// transaction: others may have been added before `from`. So without a `next` none is left.
fn all_or_more<P: Copy>(
    from: Option<P>,
    mut step: impl FnMut(Option<P>) -> Result<Step<P>, ManagerError>,
) -> Result<Step<P>, ManagerError> {
    let left = step(from)?;
    match (left.next, from) {
        (None, Some(_)) => Ok(step(None)?.after(&left)),
        _ => Ok(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::error::code;
    use crate::table::WriteError;
    use crate::types::{Membership, MembershipFlags, SourceGroupEntry};

    fn memberships(manager: &GroupManager) -> Vec<Membership<V4>> {
        manager.snapshot().unwrap().ipv4().memberships(V4::new(239, 1, 1, 1)).collect()
    }

    #[test]
    fn a_removal_without_memory_changes_nothing() {
        let (lan, wan, far) = (Interface::new(1), Interface::new(2), Interface::new(3));
        let entry = SourceGroupEntry::new(V4::new(239, 1, 1, 1), V4::UNSPECIFIED);
        type Removal =
            fn(&GroupManager, ProtocolHandle, &SourceGroupEntry) -> Result<(), ManagerError>;
        // Removals by the owner of interface 1, and one by IGMP.
        let removals: [(Removal, bool); 4] = [
            (
                |m, rip, entry| {
                    m.delete_membership(rip, entry, Interface::new(1), MembershipFlags::JOIN)
                },
                false,
            ),
            (|m, rip, _| m.leave_all(rip, Interface::new(1)).map(drop), false),
            (|m, rip, _| m.release_interface(rip, Interface::new(1)), false),
            (|m, igmp, _| m.deregister(igmp), true),
        ];
        for (at, (removal, is_igmp)) in removals.into_iter().enumerate() {
            let mut refused = 0;
            for granted in 0.. {
                let manager = GroupManager::new();
                let rip = manager.register(Client::new(9, 0), None).unwrap();
                let igmp = manager.register(Client::new(Client::IGMP, 0), None).unwrap();
                manager.take_interface(rip, lan).unwrap();
                for (client, interface) in [(rip, lan), (igmp, lan), (igmp, wan), (igmp, far)] {
                    manager
                        .add_membership(client, &entry, interface, MembershipFlags::JOIN)
                        .unwrap();
                }
                let (version, before) =
                    (manager.snapshot().unwrap().version(), memberships(&manager));
                let client = if is_igmp { igmp } else { rip };
                manager.table.begin_write().refuse_after(Some(granted));
                let removed = removal(&manager, client, &entry);
                manager.table.begin_write().refuse_after(None);
                if let Err(error) = removed {
                    refused += 1;
                    assert_eq!(error, ManagerError::NotRemoved(WriteError::OutOfMemory));
                    assert_eq!(error.code(), code::ERROR_CAN_NOT_COMPLETE);
                    assert_eq!(manager.snapshot().unwrap().version(), version);
                    assert_eq!(memberships(&manager), before, "removal {at}, {granted} granted");
                    // Owners and clients are unchanged, or this would be refused.
                    assert_eq!(removal(&manager, client, &entry), Ok(()));
                    assert_ne!(memberships(&manager), before);
                    continue;
                }
                assert_ne!(memberships(&manager), before);
                break;
            }
            assert!(refused > 0, "removal {at} asks for memory");
        }
    }

    #[test]
    fn the_last_step_of_a_removal_leaves_none_that_came_before_it() {
        let (lan, wan) = (Interface::new(1), Interface::new(2));
        let manager = GroupManager::new();
        let rip = manager.register(Client::new(9, 0), None).unwrap();
        let igmp = manager.register(Client::new(Client::IGMP, 0), None).unwrap();
        manager.take_interface(rip, lan).unwrap();
        let add = |client, interface, last| {
            let entry = SourceGroupEntry::new(V4::new(239, 1, 1, last), V4::UNSPECIFIED);
            manager.add_membership(client, &entry, interface, MembershipFlags::JOIN).unwrap();
        };
        for last in 10..20 {
            add(rip, lan, last);
            add(igmp, wan, last);
        }
        let step = manager.release_interface_step(rip, lan, None, 5).unwrap();
        add(rip, lan, 1);
        add(rip, lan, 2);
        let step = manager.release_interface_step(rip, lan, step.next, 5).unwrap();
        assert_eq!((step.committed.changed, step.next), (7, None));
        assert_eq!(manager.protocol_on_interface(lan), Err(ManagerError::InterfaceNotFound));

        let step = manager.deregister_step(igmp, None, 5).unwrap();
        for last in 1..=7 {
            add(igmp, lan, last);
        }
        // Five behind the place, and five from the start; the client stays, for two are left.
        let step = manager.deregister_step(igmp, step.next, 5).unwrap();
        assert_eq!((step.committed.changed, step.next.is_some()), (10, true));
        let step = manager.deregister_step(igmp, step.next, 5).unwrap();
        assert_eq!((step.committed.changed, step.next), (2, None));
        assert_eq!(manager.deregister_step(igmp, None, 5), Err(ManagerError::InvalidHandle));
        assert_eq!(manager.stats().ipv4.memberships, 0);
    }
}
