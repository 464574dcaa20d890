//! Protocols that are registered, and the interfaces that they own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::GroupManager;
use super::error::ManagerError;
use super::handle::ProtocolHandle;
use super::handles::{NotInserted, Reference};
use crate::family::V4;
use crate::membership::{Interface, Protocol};
use crate::sync::{AtomicUsize, MutexGuard, Ordering};

/// A client of the manager: a routing protocol, and which of its instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client {
    /// The protocol: a vendor in the high 16 bits, its protocol in the low ones (`dwProtocolId`).
    pub protocol_id: u32,
    /// The instance of the protocol (`dwComponentId`).
    pub component_id: u32,
}

impl Client {
    /// The low half of IGMP's protocol id, whoever the vendor is: `PROTO_IP_IGMP` of the public
    /// `routprot.h`.
    const IGMP: u32 = Protocol::IGMP.0;

    /// The client of some ids.
    pub const fn new(protocol_id: u32, component_id: u32) -> Self {
        Self { protocol_id, component_id }
    }

    /// Whether the protocol is IGMP, which may change memberships on any interface.
    pub const fn is_igmp(&self) -> bool {
        self.protocol_id & 0xffff == Self::IGMP
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protocol {:#x}, component {}", self.protocol_id, self.component_id)
    }
}

/// A function of a client, as C sees it. The manager calls none.
pub type Callback = Option<unsafe extern "C" fn()>;

/// What a client registers with: `ROUTING_PROTOCOL_CONFIG`, with its layout in C.
///
/// The manager keeps it and does not look at it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct ProtocolConfig {
    /// Reserved.
    pub callback_flags: u32,
    /// Rpf, CreationAlert, PruneAlert, JoinAlert, WrongIf, LocalJoin, LocalLeave, DisableIgmp and
    /// EnableIgmp, each of a type of its own in C.
    pub callbacks: [Callback; 9],
}

/// What a protocol handle stands for.
pub(super) struct Registered {
    pub(super) client: Client,
    /// What the table knows the client by.
    pub(super) protocol: Protocol,
    config: ProtocolConfig,
    /// How many enumerations the client has started, and [`GONE`] once it has deregistered.
    starts: AtomicUsize,
}

/// Set in [`Registered::starts`] of a client that is gone.
const GONE: usize = 1 << (usize::BITS - 1);

impl Registered {
    /// Takes note of an enumeration that can be found now, and says whether its client is still there.
    /// If it is, [`leave`](Self::leave) comes later, and who called it finds the enumeration.
    pub(super) fn note_start(&self) -> bool {
        // Acquire and release: whichever of this and `leave` comes second has seen what the other one's
        // thread did before.
        self.starts.fetch_add(1, Ordering::AcqRel) & GONE == 0
    }

    /// Takes note that the client has deregistered.
    fn leave(&self) {
        // As in `note_start`.
        self.starts.fetch_or(GONE, Ordering::AcqRel);
    }
}

/// Who is registered and who owns what.
#[derive(Default)]
pub(super) struct State {
    /// The clients that are registered, and what the table knows them by.
    clients: BTreeMap<Client, Protocol>,
    owners: BTreeMap<Interface<V4>, ProtocolHandle>,
}

impl State {
    /// A number for a client that no other one has: its protocol id, so that whoever looks into the
    /// table sees that; for further instances of a protocol the highest number that is not taken.
    fn number_for(&self, client: Client) -> Protocol {
        let taken: BTreeSet<u32> = self.clients.values().map(|protocol| protocol.0).collect();
        let mut spare = u32::MAX;
        let mut number = client.protocol_id;
        // Ends: there are fewer clients than numbers.
        while taken.contains(&number) {
            number = spare;
            spare -= 1;
        }
        Protocol(number)
    }

    /// Who owns an interface.
    pub(super) fn owner(&self, interface: Interface<V4>) -> Option<ProtocolHandle> {
        self.owners.get(&interface).copied()
    }
}

impl GroupManager {
    /// Registers a client, and returns the handle for its further calls (`MgmRegisterMProtocol`).
    ///
    /// # Errors
    ///
    /// [`ManagerError::AlreadyRegistered`], [`ManagerError::TooManyProtocols`],
    /// [`ManagerError::OutOfMemory`].
    pub fn register(
        &self,
        client: Client,
        config: Option<ProtocolConfig>,
    ) -> Result<ProtocolHandle, ManagerError> {
        let mut state = self.state();
        if state.clients.contains_key(&client) {
            return Err(ManagerError::AlreadyRegistered { client });
        }
        let protocol = state.number_for(client);
        let config = config.unwrap_or_default();
        let registered = || Registered { client, protocol, config, starts: AtomicUsize::new(0) };
        let bits = self.protocols.insert(registered).map_err(|refused| match refused {
            NotInserted::TooMany => {
                ManagerError::TooManyProtocols { limit: self.protocols.limit() }
            }
            NotInserted::OutOfMemory => ManagerError::OutOfMemory,
        })?;
        state.clients.insert(client, protocol);
        Ok(ProtocolHandle::from_bits(bits))
    }

    /// Deregisters a client: removes the memberships that it has left, and ends its enumerations
    /// (`MgmDeRegisterMProtocol`). A call in another thread that has found one of those completes.
    ///
    /// Only IGMP can have memberships left, on interfaces that it does not own. For IGMP this looks at
    /// every membership of the table.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::OwnsInterfaces`] while the client owns
    /// interfaces; [`ManagerError::NotRemoved`]. Then the client stays registered.
    pub fn deregister(&self, protocol: ProtocolHandle) -> Result<(), ManagerError> {
        let mut state = self.state();
        let registered = self.registered(protocol)?;
        let count = state.owners.values().filter(|owner| **owner == protocol).count();
        if count > 0 {
            return Err(ManagerError::OwnsInterfaces { count });
        }
        if registered.client.is_igmp() {
            let mut txn = self.table.begin_write();
            txn.leave_everywhere::<V4>(registered.protocol).map_err(ManagerError::NotRemoved)?;
            txn.commit();
        }
        state.clients.remove(&registered.client);
        self.protocols.remove(protocol.to_bits());
        drop(state);
        registered.leave();
        self.end_enumerations_of(protocol);
        Ok(())
    }

    /// Makes a client the owner of an interface (`MgmTakeInterfaceOwnership`). Taking what one owns
    /// already changes nothing.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`], [`ManagerError::AlreadyOwned`] by another client,
    /// [`ManagerError::TooManyOwnedInterfaces`].
    pub fn take_interface(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
    ) -> Result<(), ManagerError> {
        let mut state = self.state();
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
        state.owners.insert(interface, protocol);
        Ok(())
    }

    /// Gives up the ownership of an interface, and removes the memberships that the client has there
    /// (`MgmReleaseInterfaceOwnership`).
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`], [`ManagerError::NotOwned`] by this client,
    /// [`ManagerError::NotRemoved`]. Then the client still owns what it owned.
    pub fn release_interface(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
    ) -> Result<(), ManagerError> {
        let mut state = self.state();
        let registered = self.registered(protocol)?;
        if state.owner(interface) != Some(protocol) {
            return Err(ManagerError::NotOwned);
        }
        let mut txn = self.table.begin_write();
        txn.leave_all(interface, registered.protocol).map_err(ManagerError::NotRemoved)?;
        txn.commit();
        state.owners.remove(&interface);
        Ok(())
    }

    /// Who owns an interface (`MgmGetProtocolOnInterface`).
    ///
    /// # Errors
    ///
    /// [`ManagerError::InterfaceNotFound`] where nobody does.
    pub fn protocol_on_interface(&self, interface: Interface<V4>) -> Result<Client, ManagerError> {
        let state = self.state();
        let owner = state.owner(interface).ok_or(ManagerError::InterfaceNotFound)?;
        Ok(self.registered(owner)?.client)
    }

    /// What a client registered with.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`].
    pub fn config(&self, protocol: ProtocolHandle) -> Result<ProtocolConfig, ManagerError> {
        Ok(self.registered(protocol)?.config)
    }

    /// The number by which the table, and records of memberships, name a client: its protocol id, unless
    /// another client that is registered goes by that.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`].
    pub fn protocol_number(&self, protocol: ProtocolHandle) -> Result<Protocol, ManagerError> {
        Ok(self.registered(protocol)?.protocol)
    }

    /// What a handle stands for.
    pub(super) fn registered(
        &self,
        protocol: ProtocolHandle,
    ) -> Result<Reference<'_, Registered>, ManagerError> {
        self.protocols.get(protocol.to_bits()).ok_or(ManagerError::InvalidHandle)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // What may panic in a call comes before what it changes here, so no half of a change is left.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::MembershipFlags;
    use crate::manager::error::code;
    use crate::membership::Membership;
    use crate::record::SourceGroupEntry;
    use crate::table::WriteError;

    fn memberships(manager: &GroupManager) -> Vec<Membership<V4>> {
        manager.snapshot().unwrap().memberships(V4::new(239, 1, 1, 1)).collect()
    }

    #[test]
    fn a_removal_that_is_refused_memory_changes_nothing() {
        let (lan, wan, far) = (Interface::new(1), Interface::new(2), Interface::new(3));
        let entry = SourceGroupEntry::new(V4::new(239, 1, 1, 1), V4::UNSPECIFIED);
        type Removal =
            fn(&GroupManager, ProtocolHandle, &SourceGroupEntry) -> Result<(), ManagerError>;
        // The removal by a client that owns the interface 1, and then by IGMP.
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
                    // Owners and clients are what they were, or it would be refused now.
                    assert_eq!(removal(&manager, client, &entry), Ok(()));
                    assert_ne!(memberships(&manager), before);
                    continue;
                }
                assert_ne!(memberships(&manager), before);
                break;
            }
            // IGMP's go interface by interface.
            assert_eq!(refused, if is_igmp { 3 } else { 1 }, "removal {at}");
        }
    }
}
