//! Memberships that clients add and delete.

use std::error::Error;
use std::fmt;

use super::GroupManager;
use super::clients::{Registered, State};
use super::error::ManagerError;
use crate::handles::{ProtocolHandle, Reference};
use crate::table::{Committed, ReplacedFlags, Step, WriteError, WriteTxn};
use crate::types::{Interface, Join, Membership, MembershipFlags, SourceGroupEntry, V4};

/// A membership as a client names it: the manager knows the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientMembership {
    /// The source and the group.
    pub entry: SourceGroupEntry,
    /// The interface on which the group is joined.
    pub interface: Interface<V4>,
    /// What the membership asks for.
    pub flags: MembershipFlags,
}

/// A change that a client makes to its memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipUpdate {
    /// Adds a membership, or the flags that it lacks.
    Add(ClientMembership),
    /// Removes flags of a membership, and with the last of them the membership.
    Delete(ClientMembership),
}

/// A step of a long change, and its commit. `P` is a place in the order of the memberships that the change goes
/// through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedStep<P> {
    /// What the step did.
    pub committed: Committed,
    /// Where the next step begins; `None` after the last one.
    pub next: Option<P>,
}

impl<P> CommittedStep<P> {
    pub(super) fn commit(txn: WriteTxn<'_>, step: Step<P>) -> Self {
        let Step { changed, next } = step;
        Self { committed: Committed { version: txn.commit(), changed }, next }
    }
}

/// Why a change of several memberships was refused. None of them was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkError<E = ManagerError> {
    /// The index of the refused membership; `None` if the client was refused, or its turn did not come.
    pub at: Option<usize>,
    /// The cause.
    pub error: E,
}

impl<E> fmt::Display for BulkError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "membership {at} refused"),
            None => f.write_str("update refused"),
        }
    }
}

impl<E: Error + 'static> Error for BulkError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl GroupManager {
    /// Adds a membership of the client, or the flags that it lacks (`MgmAddGroupMembershipEntry`). Adding an
    /// existing membership changes nothing.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::NotMulticast`],
    /// [`ManagerError::SourceWithoutGroup`] and [`ManagerError::RangeMask`] for an invalid entry;
    /// [`ManagerError::NotTheOwner`] if the client is neither the interface's owner nor IGMP;
    /// [`ManagerError::Write`] if the table refuses it; [`ManagerError::Timeout`].
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
    /// As [`add_membership`](Self::add_membership), with the index of the first refused membership.
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
    /// (`MgmDeleteGroupMembershipEntry`). Deleting a membership that does not exist, on an interface that
    /// does, changes nothing.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::NotMulticast`],
    /// [`ManagerError::SourceWithoutGroup`] and [`ManagerError::RangeMask`] for an invalid entry;
    /// [`ManagerError::InterfaceNotFound`] for an interface without an owner and memberships;
    /// [`ManagerError::NotTheOwner`] if another client owns the interface and the client is not
    /// IGMP; [`ManagerError::NotRemoved`]; [`ManagerError::Timeout`].
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

    /// Removes memberships of the client, all in one commit or none. An interface that exists before the call
    /// exists for all of them, even if it loses its last membership on the way.
    ///
    /// # Errors
    ///
    /// As [`delete_membership`](Self::delete_membership), with the index of the first refused membership.
    pub fn delete_memberships(
        &self,
        protocol: ProtocolHandle,
        memberships: &[ClientMembership],
    ) -> Result<Committed, BulkError> {
        self.update_memberships(protocol, memberships, &[])
    }

    /// Removes memberships of the client and adds others, all in one commit or none: a reader sees both or
    /// neither. The removals come first.
    ///
    /// # Errors
    ///
    /// As [`delete_memberships`](Self::delete_memberships) and [`add_memberships`](Self::add_memberships);
    /// the indices of the added ones follow those of the deleted ones.
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
    /// assert!(manager.snapshot()?.ipv4().contains(new.entry.join()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update_memberships(
        &self,
        protocol: ProtocolHandle,
        deleted: &[ClientMembership],
        added: &[ClientMembership],
    ) -> Result<Committed, BulkError> {
        let deleted = deleted.iter().map(|membership| MembershipUpdate::Delete(*membership));
        let added = added.iter().map(|membership| MembershipUpdate::Add(*membership));
        self.try_update(protocol, deleted.chain(added).map(Ok))
    }

    /// Removes all memberships of the client on an interface: for an interface that went down. As
    /// [`GroupTable::leave_all`](crate::GroupTable::leave_all): that is one version, unless there is too little
    /// memory for it.
    ///
    /// # Errors
    ///
    /// [`ManagerError::InvalidHandle`]; [`ManagerError::InterfaceNotFound`] for an interface without an owner
    /// and memberships; [`ManagerError::NotTheOwner`] if another client owns the interface and the client
    /// is not IGMP; [`ManagerError::Timeout`]; [`ManagerError::NotRemoved`], after which some may have been
    /// removed.
    pub fn leave_all(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
    ) -> Result<Committed, ManagerError> {
        let mut wait = self.wait();
        let state = self.state(&mut wait)?;
        let registered = self.registered(protocol)?;
        let txn = self.begin_write(&mut wait)?;
        self.may_delete(&registered, protocol, state.owner(interface), interface, &txn)?;
        let left = self.table.leave_all_from(txn, interface, registered.protocol);
        left.map_err(ManagerError::NotRemoved)
    }

    /// Makes one step of [`leave_all`](Self::leave_all), as
    /// [`WriteTxn::leave_all_step`](crate::WriteTxn::leave_all_step), and commits.
    ///
    /// # Errors
    ///
    /// As [`leave_all`](Self::leave_all). The step has then changed nothing.
    pub fn leave_all_step(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
        from: Option<Join<V4>>,
        most: usize,
    ) -> Result<CommittedStep<Join<V4>>, ManagerError> {
        let mut wait = self.wait();
        let state = self.state(&mut wait)?;
        let registered = self.registered(protocol)?;
        let mut txn = self.begin_write(&mut wait)?;
        let owner = state.owner(interface);
        // The step before may have removed the last membership.
        if from.is_none() || owner.is_some() {
            self.may_delete(&registered, protocol, owner, interface, &txn)?;
        }
        let step = txn.leave_all_step(interface, registered.protocol, from, most);
        Ok(CommittedStep::commit(txn, step.map_err(ManagerError::NotRemoved)?))
    }

    /// Makes the memberships of the client on an interface exactly those of `joins`, in one commit: for a
    /// client that resynchronizes. As [`WriteTxn::replace`].
    ///
    /// # Errors
    ///
    /// As [`add_membership`](Self::add_membership), with the index of the first invalid join; if the list
    /// does not ascend strictly, [`WriteError::NotAscending`] in [`ManagerError::Write`], with its index.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::manager::{Client, GroupManager};
    /// use groupscan::{Interface, Join, V4};
    ///
    /// let manager = GroupManager::new();
    /// let igmp = manager.register(Client::new(10, 0), None)?;
    /// let lan = Interface::new(2);
    /// let any = |last| Join::any_source(V4::new(239, 1, 1, last));
    /// assert_eq!(manager.replace(igmp, lan, &[any(1), any(2)])?.changed, 2);
    /// // One goes, one comes, one stays.
    /// assert_eq!(manager.replace(igmp, lan, &[any(2), any(3)])?.changed, 2);
    /// assert_eq!(manager.snapshot()?.ipv4().joined_on(lan).collect::<Vec<_>>(), [any(2), any(3)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
        joins: &[Join<V4>],
    ) -> Result<Committed, BulkError> {
        let refused = |error| BulkError { at: None, error };
        let mut wait = self.wait();
        let state = self.state(&mut wait).map_err(refused)?;
        let registered = self.may_replace(&state, protocol, interface)?;
        check_joins(joins.iter().enumerate())?;
        let mut txn = self.begin_write(&mut wait).map_err(refused)?;
        let replaced = txn.replace(interface, registered.protocol, joins);
        let changed = replaced.map_err(not_replaced)?;
        Ok(Committed { version: txn.commit(), changed })
    }

    /// Makes one step of a [`replace`](Self::replace) that may give the memberships other flags, as
    /// [`WriteTxn::replace_step`](crate::WriteTxn::replace_step), and commits.
    ///
    /// # Errors
    ///
    /// As [`replace`](Self::replace). The step has then changed nothing. A step checks the joins that it looks at.
    pub fn replace_step(
        &self,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
        joins: &[Join<V4>],
        flags: ReplacedFlags,
        from: Option<Join<V4>>,
        most: usize,
    ) -> Result<CommittedStep<Join<V4>>, BulkError> {
        let refused = |error| BulkError { at: None, error };
        let mut wait = self.wait();
        let state = self.state(&mut wait).map_err(refused)?;
        let registered = self.may_replace(&state, protocol, interface)?;
        let start = from.map_or(0, |from| joins.partition_point(|join| *join < from));
        check_joins(joins.iter().enumerate().skip(start).take(most.max(1)))?;
        let mut txn = self.begin_write(&mut wait).map_err(refused)?;
        let step = txn.replace_step(interface, registered.protocol, joins, flags, from, most);
        Ok(CommittedStep::commit(txn, step.map_err(not_replaced)?))
    }

    /// The client, if it may replace its memberships on an interface.
    fn may_replace(
        &self,
        state: &State,
        protocol: ProtocolHandle,
        interface: Interface<V4>,
    ) -> Result<Reference<'_, Registered>, BulkError> {
        let refused = |error| BulkError { at: None, error };
        let registered = self.registered(protocol).map_err(refused)?;
        self.may_add(&registered, protocol, state.owner(interface)).map_err(refused)?;
        Ok(registered)
    }

    /// Checks that a client may add memberships on an interface with this owner.
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

    /// Checks that a client may delete memberships on an interface with this owner.
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

    /// Makes the updates of the client in their order, all in one commit or none.
    ///
    /// `updates` is consumed with the manager's locks held, so it must not call this manager. An item may be
    /// an error, which ends the call.
    ///
    /// # Errors
    ///
    /// As [`update_memberships`](Self::update_memberships), or the first error of `updates`, with its index.
    pub fn try_update<E: From<ManagerError>>(
        &self,
        protocol: ProtocolHandle,
        updates: impl IntoIterator<Item = Result<MembershipUpdate, E>>,
    ) -> Result<Committed, BulkError<E>> {
        let refused_client = |error: ManagerError| BulkError { at: None, error: error.into() };
        let mut wait = self.wait();
        let state = self.state(&mut wait).map_err(refused_client)?;
        let client = self.registered(protocol).map_err(refused_client)?;
        let mut txn = self.begin_write(&mut wait).map_err(refused_client)?;
        let mut update = |update| {
            let (MembershipUpdate::Add(named) | MembershipUpdate::Delete(named)) = update;
            let ClientMembership { entry, interface, flags } = named;
            check(&entry)?;
            let (owner, membership) =
                (state.owner(interface), client.membership(&entry, interface, flags));
            match update {
                MembershipUpdate::Add(_) => {
                    self.may_add(&client, protocol, owner)?;
                    txn.join(&membership).map_err(ManagerError::Write)
                }
                MembershipUpdate::Delete(_) => {
                    self.may_delete(&client, protocol, owner, interface, &txn)?;
                    txn.leave(&membership).map_err(ManagerError::NotRemoved)
                }
            }
        };
        let mut changed = 0;
        for (at, next) in updates.into_iter().enumerate() {
            let is_change = next.and_then(|next| update(next).map_err(E::from));
            let is_change = is_change.map_err(|error| BulkError { at: Some(at), error })?;
            changed += usize::from(is_change);
        }
        Ok(Committed { version: txn.commit(), changed })
    }

    fn not_the_owner(&self, owner: Option<ProtocolHandle>) -> ManagerError {
        let owner = owner.and_then(|owner| self.registered(owner).ok());
        ManagerError::NotTheOwner { owner: owner.map(|owner| owner.client) }
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

/// Checks the joins of a replacement.
fn check_joins<'j>(
    mut joins: impl Iterator<Item = (usize, &'j Join<V4>)>,
) -> Result<(), BulkError> {
    joins.try_for_each(|(at, join)| {
        check_join(*join).map_err(|error| BulkError { at: Some(at), error })
    })
}

/// The error of a replacement that the table refused.
fn not_replaced(error: WriteError) -> BulkError {
    let at = match error {
        WriteError::NotAscending { at } => Some(at),
        _ => None,
    };
    BulkError { at, error: ManagerError::Write(error) }
}

/// Checks an entry: a multicast group with one source or any, or all groups from all sources. An address of
/// 0 means any, with either mask.
fn check(entry: &SourceGroupEntry) -> Result<(), ManagerError> {
    let masked = [(entry.source(), entry.source_mask()), (entry.group(), entry.group_mask())];
    for (address, mask) in masked {
        let is_any = mask.is_unspecified() && address.is_unspecified();
        if !is_any && mask != V4::BROADCAST {
            return Err(ManagerError::RangeMask { address, mask });
        }
    }
    check_join(entry.join())
}

/// Checks a join: a multicast group, or all groups from all sources.
fn check_join(Join { group, source }: Join<V4>) -> Result<(), ManagerError> {
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
    fn enumerations_do_not_wait_for_an_update() {
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
            // During an update, with the manager's lock and the writer's held.
            let updates = iter::once_with(|| {
                let (done, wait) = channel();
                scope.spawn(move || done.send(enumerate()));
                // Times out only if the reader waits for the update.
                assert_eq!(wait.recv_timeout(Duration::from_secs(60)), Ok(Ok(false)));
                Ok::<_, ManagerError>(MembershipUpdate::Add(membership))
            });
            assert_eq!(manager.try_update(igmp, updates).unwrap().changed, 1);
        });
    }
}
