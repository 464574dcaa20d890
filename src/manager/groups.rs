//! Memberships that clients add and delete.

use super::GroupManager;
use super::clients::Registered;
use super::error::ManagerError;
use super::handle::ProtocolHandle;
use crate::family::V4;
use crate::flags::MembershipFlags;
use crate::membership::{Interface, Membership};
use crate::record::SourceGroupEntry;

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
        let state = self.state();
        let registered = self.registered(protocol)?;
        check(entry)?;
        let owner = state.owner(interface);
        if owner != Some(protocol) && !registered.client.is_igmp() {
            return Err(self.not_the_owner(owner));
        }
        let mut txn = self.table.begin_write();
        let membership = registered.membership(entry, interface, flags);
        txn.join(&membership).map_err(ManagerError::Write)?;
        txn.commit();
        Ok(())
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
        let state = self.state();
        let registered = self.registered(protocol)?;
        check(entry)?;
        let owner = state.owner(interface);
        let mut txn = self.table.begin_write();
        match owner {
            None if !txn.has_memberships(interface) => return Err(ManagerError::InterfaceNotFound),
            Some(other) if other != protocol && !registered.client.is_igmp() => {
                return Err(self.not_the_owner(owner));
            }
            _ => {}
        }
        let membership = registered.membership(entry, interface, flags);
        txn.leave(&membership).map_err(ManagerError::NotRemoved)?;
        txn.commit();
        Ok(())
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
}
