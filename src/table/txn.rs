//! Transactions: all changes of a table.

use std::fmt;

use super::steps::ReplacedFlags;
use crate::index::{self, Part, TableTxn, WriteError};
use crate::mvcc::Version;
use crate::types::{Family, Interface, Join, Membership, Protocol};

/// A transaction: changes that become visible together, or not at all.
///
/// Unless it is [committed](Self::commit), the table stays as it was, also if a panic drops it. Other writers
/// wait until the transaction has ended; readers do not.
///
/// # Examples
///
/// ```
/// use groupscan::{GroupTable, Interface, Join, Membership, Protocol, V4};
///
/// let table = GroupTable::new();
/// let (lan, wan) = (Interface::new(2), Interface::new(3));
/// let join = Join::new(V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1));
/// let membership = Membership::new(join, lan, Protocol::IGMP);
///
/// let mut txn = table.begin_write();
/// assert!(txn.join(&membership)?);
/// assert!(!txn.join(&membership)?, "it existed");
/// // A protocol resynchronizes another interface: its joins there, in ascending order.
/// let joins = [join, Join::any_source(V4::new(239, 1, 1, 1))];
/// assert_eq!(txn.replace(wan, Protocol::IGMP, &joins)?, 2);
/// txn.commit();
///
/// let mut txn = table.begin_write();
/// assert!(txn.leave(&membership)?);
/// assert_eq!(txn.leave_all(wan, Protocol::IGMP)?, 2);
/// txn.abort();
/// assert_eq!(table.stats().ipv4.memberships, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a transaction changes nothing unless it is committed"]
pub struct WriteTxn<'t> {
    pub(super) txn: TableTxn<'t>,
    /// Whether the commit compacts a little.
    keeps_up: bool,
}

impl<'t> WriteTxn<'t> {
    pub(super) fn new(txn: TableTxn<'t>, keeps_up: bool) -> Self {
        Self { txn, keeps_up }
    }

    /// Adds a membership, or the flags that an existing one lacks, and returns whether that changed anything.
    ///
    /// Any address is accepted as a group; the caller decides which ones are valid.
    ///
    /// # Errors
    ///
    /// [`WriteError`]. The call has then changed nothing, and the transaction can continue.
    pub fn join<F: Family>(&mut self, membership: &Membership<F>) -> Result<bool, WriteError> {
        index::join(&mut self.txn, membership)
    }

    /// Removes flags of a membership, and with the last flag the membership, and returns whether that changed
    /// anything. Removing what does not exist changes nothing and is not an error.
    ///
    /// Leaves may exceed [`Limits::node_bytes`](crate::Limits::node_bytes), by at most one copy of the nodes
    /// that live versions hold, so that a full table can always shrink. A membership that keeps the flag
    /// [`FORWARD`](crate::MembershipFlags::FORWARD) alone stays, and may take a key more than before.
    ///
    /// # Errors
    ///
    /// [`WriteError::OutOfMemory`]; [`WriteError::OutOfCapacity`] at
    /// [`Limits::mapped_bytes`](crate::Limits::mapped_bytes). The call has then changed nothing, and the
    /// transaction can continue. The first leave of a transaction never fails if no older version is held: the
    /// table keeps a reserve for it.
    pub fn leave<F: Family>(&mut self, membership: &Membership<F>) -> Result<bool, WriteError> {
        index::leave(&mut self.txn, membership)
    }

    /// Removes all memberships of a protocol on an interface, for example when the interface went down, and
    /// returns their number. Costs about 0.2 µs for each, whatever the size of the table.
    ///
    /// [`GroupTable::leave_all`](crate::GroupTable::leave_all) also works where there is too little memory for
    /// one version.
    ///
    /// # Errors
    ///
    /// As [`leave`](Self::leave).
    pub fn leave_all<F: Family>(
        &mut self,
        interface: Interface<F>,
        protocol: Protocol,
    ) -> Result<usize, WriteError> {
        self.replace(interface, protocol, &[])
    }

    /// Makes the memberships of a protocol on an interface exactly those of `joins`, for example when the
    /// protocol resynchronizes, and returns the number of memberships that were added, removed, or had their
    /// flags changed.
    ///
    /// `joins` must ascend strictly. The memberships have the flag [`JOIN`](crate::MembershipFlags::JOIN) and
    /// no other. [`replace_with`](Self::replace_with) gives them other flags.
    ///
    /// # Errors
    ///
    /// [`WriteError`]. The call has then changed nothing, and the transaction can continue. The call reserves
    /// nodes for copies of those that change and of their neighbours, and for what is added.
    pub fn replace<F: Family>(
        &mut self,
        interface: Interface<F>,
        protocol: Protocol,
        joins: &[Join<F>],
    ) -> Result<usize, WriteError> {
        self.replace_with(interface, protocol, joins, ReplacedFlags::default())
    }

    /// As [`replace`](Self::replace), with other flags.
    ///
    /// # Errors
    ///
    /// As [`replace`](Self::replace).
    pub fn replace_with<F: Family>(
        &mut self,
        interface: Interface<F>,
        protocol: Protocol,
        joins: &[Join<F>],
        flags: ReplacedFlags,
    ) -> Result<usize, WriteError> {
        let wanted = flags.wanted(interface, protocol, joins);
        Ok(index::replace(&mut self.txn, &wanted, Part::all())?.changed)
    }

    /// Whether the interface had a membership when the transaction began.
    pub(crate) fn had_memberships<F: Family>(&self, interface: Interface<F>) -> bool {
        self.txn.base_indexes().of::<F>().has_memberships(interface)
    }

    /// Publishes the changes and returns the version that has them. If nothing was changed, publishes nothing
    /// and returns the previous version.
    ///
    /// Snapshots taken after this call has returned, on any thread, have the changes. Needs no memory: the
    /// changes have requested what it takes.
    ///
    /// Also frees nodes that dropped snapshots left, whether anything was changed or not: a few, and twice as
    /// many as the transaction replaced; or all, while more are in use than
    /// [`Limits::node_bytes`](crate::Limits::node_bytes) allows.
    pub fn commit(mut self) -> Version {
        if self.keeps_up {
            index::keep_up(&mut self.txn);
        }
        self.txn.commit()
    }

    /// Discards all changes, as dropping the transaction does.
    pub fn abort(self) {
        self.txn.abort();
    }
}

#[cfg(test)]
impl WriteTxn<'_> {
    /// Refuses memory after the next `requests` requests, in later transactions too.
    pub(crate) fn refuse_after(&self, requests: Option<usize>) {
        self.txn.refuse_after(requests);
    }
}

impl fmt::Debug for WriteTxn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteTxn")
            .field("base", &self.txn.base())
            .field("changed", &self.txn.changed())
            .finish_non_exhaustive()
    }
}
