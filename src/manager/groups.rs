//! Memberships that clients add and delete.

use std::error::Error;
use std::fmt;

use super::GroupManager;
use super::clients::Registered;
use super::error::ManagerError;
use super::handle::ProtocolHandle;
use crate::family::V4;
use crate::flags::MembershipFlags;
use crate::membership::{Interface, Membership};
use crate::record::SourceGroupEntry;
use crate::table::{WriteError, WriteTxn};
use crate::version::Version;

/// A membership as a client names it: which protocol's it is the manager knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientMembership {
    /// The source and the group.
    pub entry: SourceGroupEntry,
    /// Where the group was joined.
    pub interface: Interface<V4>,
    /// What the membership stands for.
    pub flags: MembershipFlags,
}

/// What is done to a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Delete,
}

/// What became of a change of several memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The version that has the changes; where there was nothing to change, the one before.
    pub version: Version,
    /// How many memberships came, went, or changed their flags; one that is named twice may count twice.
    pub changed: usize,
}

/// Why the manager refused to change several memberships, of which then none has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkError {
    /// The place of the membership that was refused; `None` where the client was.
    pub at: Option<usize>,
    /// Why.
    pub error: ManagerError,
}

impl fmt::Display for BulkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "membership {at}: {}", self.error),
            None => fmt::Display::fmt(&self.error, f),
        }
    }
}

impl Error for BulkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// Why a membership, or the client, was refused: in the words of who brought the memberships.
pub(crate) type Refused<E> = (E, Option<usize>);

impl GroupManager {
    /// Adds a membership of the client, or the flags that it lacks (`MgmAddGroupMembershipEntry`).
    /// Adding what is there changes nothing.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::NotMulticast`],
    /// [`ManagerError::SourceWithoutGroup`] and [`ManagerError::RangeMask`] for what is no entry;
    /// [`ManagerError::NotTheOwner`] where another client owns the interface, or nobody, and the client
    /// is not IGMP; [`ManagerError::Write`] where there is no room.
    pub fn add_membership(
        &self,
        protocol: ProtocolHandle,
        entry: &SourceGroupEntry,
        interface: Interface<V4>,
        flags: MembershipFlags,
    ) -> Result<(), ManagerError> {
        let membership = ClientMembership { entry: *entry, interface, flags };
        self.add_memberships(protocol, &[membership]).map_err(|refused| refused.error)?;
        Ok(())
    }

    /// Adds memberships of the client, all in one commit or none.
    ///
    /// # Errors
    ///
    /// As [`add_membership`](Self::add_membership), with the place of the first that is refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::manager::{Client, ClientMembership, GroupManager};
    /// use groupscan::{Interface, MembershipFlags, SourceGroupEntry, V4};
    ///
    /// let manager = GroupManager::new();
    /// let igmp = manager.register(Client::new(10, 0), None)?;
    /// let reported: Vec<ClientMembership> = (1..=3)
    ///     .map(|last| ClientMembership {
    ///         entry: SourceGroupEntry::new(V4::new(239, 1, 1, last), V4::UNSPECIFIED),
    ///         interface: Interface::new(2),
    ///         flags: MembershipFlags::JOIN,
    ///     })
    ///     .collect();
    /// assert_eq!(manager.add_memberships(igmp, &reported)?.changed, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_memberships(
        &self,
        protocol: ProtocolHandle,
        memberships: &[ClientMembership],
    ) -> Result<Committed, BulkError> {
        self.update_memberships(protocol, &[], memberships)
    }

    /// Removes flags of a membership of the client, and with the last of them the membership
    /// (`MgmDeleteGroupMembershipEntry`). Deleting what is not there, on an interface that is, changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::NotMulticast`],
    /// [`ManagerError::SourceWithoutGroup`] and [`ManagerError::RangeMask`] for what is no entry;
    /// [`ManagerError::InterfaceNotFound`] for an interface without an owner and memberships;
    /// [`ManagerError::NotTheOwner`] where another client owns the interface and the client is not
    /// IGMP; [`ManagerError::NotRemoved`].
    pub fn delete_membership(
        &self,
        protocol: ProtocolHandle,
        entry: &SourceGroupEntry,
        interface: Interface<V4>,
        flags: MembershipFlags,
    ) -> Result<(), ManagerError> {
        let membership = ClientMembership { entry: *entry, interface, flags };
        self.delete_memberships(protocol, &[membership]).map_err(|refused| refused.error)?;
        Ok(())
    }

    /// Removes memberships of the client, all in one commit or none. An interface that is there before the
    /// call is so for all of them: that it loses its last membership on the way is no error.
    ///
    /// # Errors
    ///
    /// As [`delete_membership`](Self::delete_membership), with the place of the first that is refused.
    pub fn delete_memberships(
        &self,
        protocol: ProtocolHandle,
        memberships: &[ClientMembership],
    ) -> Result<Committed, BulkError> {
        self.update_memberships(protocol, memberships, &[])
    }

    /// Removes memberships of the client and adds others, all in one commit or none: no reader sees the one
    /// without the other. The removals come first.
    ///
    /// # Errors
    ///
    /// As [`delete_memberships`](Self::delete_memberships) and [`add_memberships`](Self::add_memberships);
    /// the places of those that are added are counted on from those that are deleted.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::manager::{Client, ClientMembership, GroupManager, code};
    /// use groupscan::{Interface, MembershipFlags, SourceGroupEntry, V4};
    ///
    /// let manager = GroupManager::new();
    /// let igmp = manager.register(Client::new(10, 0), None)?;
    /// let [old, new, unicast] = [(239, 1), (239, 2), (10, 3)].map(|(first, last)| ClientMembership {
    ///     entry: SourceGroupEntry::new(V4::new(first, 1, 1, last), V4::UNSPECIFIED),
    ///     interface: Interface::new(2),
    ///     flags: MembershipFlags::JOIN,
    /// });
    /// manager.add_memberships(igmp, &[old])?;
    /// assert_eq!(manager.update_memberships(igmp, &[old], &[new])?.changed, 2);
    ///
    /// let refused = manager.update_memberships(igmp, &[new], &[old, unicast]).unwrap_err();
    /// assert_eq!(refused.at, Some(2));
    /// assert_eq!(refused.error.code(), code::ERROR_INVALID_PARAMETER);
    /// assert!(manager.snapshot()?.contains(new.entry.group(), V4::UNSPECIFIED));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update_memberships(
        &self,
        protocol: ProtocolHandle,
        deleted: &[ClientMembership],
        added: &[ClientMembership],
    ) -> Result<Committed, BulkError> {
        let deleted = deleted.iter().map(|membership| Ok((Change::Delete, *membership)));
        let added = added.iter().map(|membership| Ok((Change::Add, *membership)));
        self.change_each(protocol, deleted.chain(added)).map_err(BulkError::new)
    }

    /// Removes all memberships of the client on an interface, as when the interface went down, in one
    /// commit. Costs those, not the table.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::InterfaceNotFound`] for an interface without an owner
    /// and memberships; [`ManagerError::NotTheOwner`] where another client owns the interface and the client
    /// is not IGMP; [`ManagerError::NotRemoved`].
    pub fn leave_all(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
    ) -> Result<Committed, ManagerError> {
        let state = self.state();
        let registered = self.registered(protocol)?;
        let mut txn = self.table.begin_write();
        self.may_delete(&registered, protocol, state.owner(interface), interface, &txn)?;
        let left = txn.leave_all(interface, registered.protocol);
        let changed = left.map_err(ManagerError::NotRemoved)?;
        Ok(Committed { version: txn.commit(), changed })
    }

    /// Makes the memberships of the client on an interface exactly those of `joins`, as when the client
    /// synchronised anew, in one commit. As [`WriteTxn::replace`].
    ///
    /// # Errors
    ///
    /// As [`add_membership`](Self::add_membership), with the place of the first join that is none; where
    /// the list does not ascend strictly, [`WriteError::NotAscending`] in [`ManagerError::Write`], with its
    /// place.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::manager::{Client, GroupManager};
    /// use groupscan::{Interface, V4};
    ///
    /// let manager = GroupManager::new();
    /// let igmp = manager.register(Client::new(10, 0), None)?;
    /// let lan = Interface::new(2);
    /// let any = |last| (V4::new(239, 1, 1, last), V4::UNSPECIFIED);
    /// assert_eq!(manager.replace(igmp, lan, &[any(1), any(2)])?.changed, 2);
    /// // One goes, one comes, one stays.
    /// assert_eq!(manager.replace(igmp, lan, &[any(2), any(3)])?.changed, 2);
    /// assert_eq!(manager.snapshot()?.joined_on(lan).collect::<Vec<_>>(), [any(2), any(3)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
        joins: &[(V4, V4)],
    ) -> Result<Committed, BulkError> {
        let client_s = |error| BulkError { at: None, error };
        let state = self.state();
        let registered = self.registered(protocol).map_err(client_s)?;
        self.may_add(&registered, protocol, state.owner(interface)).map_err(client_s)?;
        for (at, (group, source)) in joins.iter().enumerate() {
            let checked = check(&SourceGroupEntry::new(*group, *source));
            checked.map_err(|error| BulkError { at: Some(at), error })?;
        }
        let mut txn = self.table.begin_write();
        let replaced = txn.replace(interface, registered.protocol, joins);
        let changed = replaced.map_err(|error| {
            let at = match error {
                WriteError::NotAscending { at } => Some(at),
                _ => None,
            };
            BulkError { at, error: ManagerError::Write(error) }
        })?;
        Ok(Committed { version: txn.commit(), changed })
    }

    /// Checks that a client may add memberships on an interface that `owner` owns.
    fn may_add(
        &self,
        client: &Registered,
        protocol: ProtocolHandle,
        owner: Option<ProtocolHandle>,
    ) -> Result<(), ManagerError> {
        match owner == Some(protocol) || client.client.is_igmp() {
            true => Ok(()),
            false => Err(self.not_the_owner(owner)),
        }
    }

    /// Checks that a client may delete memberships on an interface that `owner` owns.
    fn may_delete(
        &self,
        client: &Registered,
        protocol: ProtocolHandle,
        owner: Option<ProtocolHandle>,
        interface: Interface<V4>,
        txn: &WriteTxn<'_>,
    ) -> Result<(), ManagerError> {
        match owner {
            None if !txn.had_memberships(interface) => Err(ManagerError::InterfaceNotFound),
            Some(other) if other != protocol && !client.client.is_igmp() => {
                Err(self.not_the_owner(owner))
            }
            _ => Ok(()),
        }
    }

    /// Changes memberships of a client one by one, and commits if none was refused. The iterator, which is run
    /// under the manager's locks, may find that what it has is none.
    pub(crate) fn change_each<E: From<ManagerError>>(
        &self,
        protocol: ProtocolHandle,
        changes: impl Iterator<Item = Result<(Change, ClientMembership), E>>,
    ) -> Result<Committed, Refused<E>> {
        let state = self.state();
        let client = self.registered(protocol).map_err(|error| (error.into(), None))?;
        let mut txn = self.table.begin_write();
        let mut change_one = |change, ClientMembership { entry, interface, flags }| {
            check(&entry)?;
            let (owner, membership) =
                (state.owner(interface), client.membership(&entry, interface, flags));
            match change {
                Change::Add => {
                    self.may_add(&client, protocol, owner)?;
                    txn.join(&membership).map_err(ManagerError::Write)
                }
                Change::Delete => {
                    self.may_delete(&client, protocol, owner, interface, &txn)?;
                    txn.leave(&membership).map_err(ManagerError::NotRemoved)
                }
            }
        };
        let mut changed = 0;
        for (at, change) in changes.enumerate() {
            let (change, membership) = change.map_err(|error| (error, Some(at)))?;
            let is_change =
                change_one(change, membership).map_err(|error| (error.into(), Some(at)))?;
            changed += usize::from(is_change);
        }
        Ok(Committed { version: txn.commit(), changed })
    }

    fn not_the_owner(&self, owner: Option<ProtocolHandle>) -> ManagerError {
        let owner = owner.and_then(|owner| self.registered(owner).ok());
        ManagerError::NotTheOwner { owner: owner.map(|owner| owner.client) }
    }
}

impl BulkError {
    fn new((error, at): Refused<ManagerError>) -> Self {
        Self { at, error }
    }
}

impl Registered {
    /// The client's membership of an entry.
    fn membership(
        &self,
        entry: &SourceGroupEntry,
        interface: Interface<V4>,
        flags: MembershipFlags,
    ) -> Membership<V4> {
        let (group, source) = (entry.group(), entry.source());
        Membership::source_specific(group, source, interface, self.protocol).with_flags(flags)
    }
}

/// Checks that an entry is what a membership may have: a multicast group and one source or any, or all
/// groups from all sources. An address of 0 stands for any, with either mask.
fn check(entry: &SourceGroupEntry) -> Result<(), ManagerError> {
    let masked = [(entry.source(), entry.source_mask()), (entry.group(), entry.group_mask())];
    for (address, mask) in masked {
        let is_any = mask.is_unspecified() && address.is_unspecified();
        if !is_any && mask != V4::BROADCAST {
            return Err(ManagerError::RangeMask { address, mask });
        }
    }
    let (group, source) = (entry.group(), entry.source());
    if group.is_unspecified() {
        return match source.is_unspecified() {
            true => Ok(()),
            false => Err(ManagerError::SourceWithoutGroup { source }),
        };
    }
    match group.is_multicast() {
        true => Ok(()),
        false => Err(ManagerError::NotMulticast { group }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use crate::enumeration::{Filter, View};
    use crate::manager::Client;

    const ANY: [u8; 4] = [0; 4];
    const HOST: [u8; 4] = [255; 4];

    fn entry(
        source: [u8; 4],
        source_mask: [u8; 4],
        group: [u8; 4],
        mask: [u8; 4],
    ) -> SourceGroupEntry {
        bytemuck::cast([source, source_mask, group, mask])
    }

    #[test]
    fn entries_are_hosts_or_any() {
        let (source, group) = ([10, 0, 0, 1], [232, 1, 1, 1]);
        let valid = [
            entry(source, HOST, group, HOST),
            entry(ANY, ANY, group, HOST),
            entry(ANY, HOST, group, HOST),
            entry(ANY, ANY, ANY, ANY),
            entry(source, HOST, [224, 0, 0, 0], HOST),
            entry(source, HOST, [239, 255, 255, 255], HOST),
        ];
        for entry in valid {
            assert_eq!(check(&entry), Ok(()), "{entry}");
        }
        let half = [255, 255, 0, 0];
        let range = |address: [u8; 4], mask: [u8; 4]| ManagerError::RangeMask {
            address: address.into(),
            mask: mask.into(),
        };
        let invalid = [
            (entry(source, ANY, group, HOST), range(source, ANY)),
            (entry(source, half, group, HOST), range(source, half)),
            (entry(ANY, half, group, HOST), range(ANY, half)),
            (entry(source, HOST, group, ANY), range(group, ANY)),
            (entry(source, HOST, group, half), range(group, half)),
            (
                entry(source, HOST, ANY, ANY),
                ManagerError::SourceWithoutGroup { source: source.into() },
            ),
        ];
        for (entry, error) in invalid {
            assert_eq!(check(&entry), Err(error), "{entry}");
        }
        for group in [[223, 255, 255, 255], [240, 0, 0, 0], [0, 0, 0, 1], HOST, source] {
            let error = ManagerError::NotMulticast { group: group.into() };
            assert_eq!(check(&entry(source, HOST, group, HOST)), Err(error));
        }
    }

    #[test]
    fn enumerations_do_not_wait_for_a_change() {
        let manager = GroupManager::new();
        let igmp = manager.register(Client::new(10, 0), None).unwrap();
        let entry = SourceGroupEntry::new(V4::new(239, 1, 1, 1), V4::UNSPECIFIED);
        let flags = MembershipFlags::JOIN;
        let membership = ClientMembership { entry, interface: Interface::new(1), flags };
        let enumerate = || {
            let running = manager.start_enumeration(igmp, View::AllSources, Filter::all())?;
            let more = manager.get_next(running, &mut [0; 64])?.more();
            manager.end_enumeration(running)?;
            Ok::<bool, ManagerError>(more)
        };
        thread::scope(|scope| {
            // In the middle of a change, under the manager's lock and the writer's.
            let changes = iter::once_with(|| {
                let (done, wait) = channel();
                scope.spawn(move || done.send(enumerate()));
                // So long only where the reader waits for the change.
                assert_eq!(wait.recv_timeout(Duration::from_secs(60)), Ok(Ok(false)));
                Ok::<_, ManagerError>((Change::Add, membership))
            });
            assert_eq!(manager.change_each(igmp, changes).unwrap().changed, 1);
        });
    }
}
