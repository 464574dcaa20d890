//! The table, and the transactions that change it.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::family::{Families, Family, PerFamily};
use crate::flags::MembershipFlags;
use crate::interfaces::Interfaces;
use crate::key::{JoinKey, MembershipKey, MembershipParts, SLOTS};
use crate::membership::Membership;
use crate::set::SetEdits;
use crate::snapshot::Snapshot;
use crate::version::{Publication, Root, Sets, Version};

/// A table of multicast group memberships, IPv4 and IPv6.
///
/// Readers take snapshots and never wait for writers, nor writers for readers. Writers take turns:
/// one transaction at a time.
///
/// # Examples
///
/// ```
/// use groupscan::{Filter, GroupTable, Interface, Membership, Protocol, V4, View};
///
/// let table = GroupTable::new();
/// let mut txn = table.begin_write();
/// let interface = Interface::new(2);
/// let (group, source) = (V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1));
/// txn.join(&Membership::source_specific(group, source, interface, Protocol::IGMP))?;
/// txn.commit();
///
/// let enumeration = table.snapshot().enumerate(View::AllSources, Filter::<V4>::all());
/// let mut buffer = [0; 1024];
/// let batch = enumeration.get_next(&mut buffer)?;
/// assert_eq!(batch.entries()[0].to_string(), "(10.0.0.1, 232.1.1.1)");
/// assert!(!batch.more());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GroupTable {
    published: Publication<Root>,
    /// The current version, held for the publication, under the writer lock.
    current: Mutex<Arc<Root>>,
}

impl GroupTable {
    /// Makes an empty table.
    pub fn new() -> Self {
        let current = Arc::new(Root::empty());
        Self { published: Publication::new(&current), current: Mutex::new(current) }
    }

    /// Takes a snapshot: the version that was published last, as it is now and will stay.
    ///
    /// Lock-free. It sees every commit that returned before this call.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.published.load())
    }

    /// Begins a transaction, waiting for the one that another thread may have begun.
    ///
    /// A thread that has a transaction open must not begin another one on the same table: it would
    /// wait for itself.
    pub fn begin_write(&self) -> WriteTxn<'_> {
        // A panic inside a transaction leaves nothing half done: edits live in the transaction.
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let edits = Families {
            v4: FamilyEdits::new(&current.sets.v4),
            v6: FamilyEdits::new(&current.sets.v6),
        };
        WriteTxn { published: &self.published, current, edits, changed: false }
    }
}

impl Default for GroupTable {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for GroupTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GroupTable").field(&self.snapshot()).finish()
    }
}

/// A transaction: changes that become visible all at once, or not at all.
///
/// Dropped without [`commit`](Self::commit), also by a panic, it leaves the table as it was.
pub struct WriteTxn<'t> {
    published: &'t Publication<Root>,
    current: MutexGuard<'t, Arc<Root>>,
    edits: Families<EditsPerFamily>,
    changed: bool,
}

impl WriteTxn<'_> {
    /// Adds a membership and returns whether that changed anything.
    ///
    /// A membership that exists already gets the flags that it lacks. The table takes any group;
    /// what counts as one is the caller's business.
    ///
    /// # Errors
    ///
    /// [`WriteError::TooManyInterfaces`]; then the call has changed nothing and the transaction may
    /// go on.
    pub fn join<F: Family>(&mut self, membership: &Membership<F>) -> Result<bool, WriteError> {
        let changed = self.edits.of_mut::<F>().join(membership)?;
        self.changed |= changed;
        Ok(changed)
    }

    /// Removes a membership's flags, and the membership with the last of them, and returns whether
    /// that changed anything. Removing what is not there is no error.
    ///
    /// # Errors
    ///
    /// [`WriteError`], of which no cause known today concerns leaves; then the call has changed
    /// nothing.
    pub fn leave<F: Family>(&mut self, membership: &Membership<F>) -> Result<bool, WriteError> {
        let changed = self.edits.of_mut::<F>().leave(membership);
        self.changed |= changed;
        Ok(changed)
    }

    /// Publishes the changes and returns the version that has them. Where no call changed anything,
    /// nothing is published, and the version is the one before.
    ///
    /// Snapshots taken after this has returned, on any thread, have the changes.
    pub fn commit(mut self) -> Version {
        if !self.changed {
            return self.current.version;
        }
        let root = Arc::new(Root {
            version: self.current.version.next(),
            sets: Families { v4: self.edits.v4.finish(), v6: self.edits.v6.finish() },
        });
        self.published.publish(&root);
        let version = root.version;
        *self.current = root;
        version
    }
}

impl fmt::Debug for WriteTxn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteTxn")
            .field("base", &self.current.version)
            .field("changed", &self.changed)
            .finish_non_exhaustive()
    }
}

/// Marks what is [`FamilyEdits`] for each family.
enum EditsPerFamily {}

impl PerFamily for EditsPerFamily {
    type Of<F: Family> = FamilyEdits<F>;
}

/// A transaction's edits to the sets of one family.
struct FamilyEdits<F: Family> {
    joins: SetEdits<F::Join>,
    by_group: SetEdits<F::ByGroup>,
    by_interface: SetEdits<F::ByInterface>,
    interfaces: Arc<Interfaces<F>>,
}

impl<F: Family> FamilyEdits<F> {
    fn new(sets: &Sets<F>) -> Self {
        Self {
            joins: SetEdits::new(sets.joins.clone()),
            by_group: SetEdits::new(sets.by_group.clone()),
            by_interface: SetEdits::new(sets.by_interface.clone()),
            interfaces: Arc::clone(&sets.interfaces),
        }
    }

    fn finish(self) -> Sets<F> {
        Sets {
            joins: self.joins.finish(),
            by_group: self.by_group.finish(),
            by_interface: self.by_interface.finish(),
            interfaces: self.interfaces,
        }
    }

    fn join(&mut self, membership: &Membership<F>) -> Result<bool, WriteError> {
        let before = self.find(membership);
        let flags = match before.and_then(|(_, flags)| flags) {
            Some(flags) if flags.contains(membership.flags) => return Ok(false),
            Some(flags) => flags.union(membership.flags),
            None => membership.flags,
        };
        let slot = match before {
            Some((slot, Some(_))) => slot,
            _ => Arc::make_mut(&mut self.interfaces)
                .take(membership.interface)
                .ok_or(WriteError::TooManyInterfaces { limit: SLOTS })?,
        };
        let parts = parts(membership, slot, flags);
        self.by_group.insert(F::ByGroup::new(parts));
        self.by_interface.insert(F::ByInterface::new(parts));
        if flags.contains(MembershipFlags::JOIN) {
            self.joins.insert(F::Join::new(membership.group, membership.source));
        }
        Ok(true)
    }

    fn leave(&mut self, membership: &Membership<F>) -> bool {
        let Some((slot, Some(flags))) = self.find(membership) else {
            return false;
        };
        let rest = flags.difference(membership.flags);
        if rest == Some(flags) {
            return false;
        }
        let parts = parts(membership, slot, rest.unwrap_or(flags));
        let (by_group, by_interface) = (F::ByGroup::new(parts), F::ByInterface::new(parts));
        if rest.is_some() {
            self.by_group.insert(by_group);
            self.by_interface.insert(by_interface);
        } else {
            self.by_group.remove(by_group);
            self.by_interface.remove(by_interface);
            Arc::make_mut(&mut self.interfaces).give_back(slot);
        }
        let join = F::Join::new(membership.group, membership.source);
        if self.joins.get(join).is_some() && !self.is_joined(membership.group, membership.source) {
            self.joins.remove(join);
        }
        true
    }

    /// The slot of the membership's interface, if it has one, and the membership's own flags, if it
    /// exists.
    fn find(&self, membership: &Membership<F>) -> Option<(u32, Option<MembershipFlags>)> {
        let slot = self.interfaces.slot(membership.interface)?;
        let key = F::ByGroup::new(parts(membership, slot, membership.flags));
        let found = self.by_group.get(key);
        Some((slot, found.and_then(|key| MembershipFlags::from_bits(key.parts().flags))))
    }

    /// Whether a membership with the join flag has (group, source).
    fn is_joined(&self, group: F, source: F) -> bool {
        let low = F::ByGroup::new(MembershipParts::first_of(group, source));
        let high = F::ByGroup::new(MembershipParts::last_of(group, source));
        self.by_group.range(low, high).any(|key| key.parts().is_join())
    }
}

fn parts<F: Family>(
    membership: &Membership<F>,
    slot: u32,
    flags: MembershipFlags,
) -> MembershipParts<F> {
    MembershipParts {
        group: membership.group,
        source: membership.source,
        slot,
        protocol: membership.protocol.0,
        flags: flags.bits(),
    }
}

/// Why a transaction refused a change. The change was not made, not even in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The family's memberships name as many interfaces as a table can tell apart. Trying again
    /// helps once an interface has no memberships left.
    TooManyInterfaces {
        /// How many interfaces there may be.
        limit: u32,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyInterfaces { limit } => {
                write!(f, "memberships on more than {limit} interfaces at a time")
            }
        }
    }
}

impl Error for WriteError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{V4, V6};
    use crate::membership::{Interface, Protocol};

    fn commit(table: &GroupTable, number: u8) -> Version {
        let group = V4::new(239, 0, 0, number);
        let mut txn = table.begin_write();
        txn.join(&Membership::any_source(group, Interface::new(1), Protocol::IGMP)).unwrap();
        txn.commit()
    }

    #[test]
    fn a_version_dies_with_its_last_holder() {
        let table = GroupTable::new();
        let current = || Arc::downgrade(&table.current.lock().unwrap());
        let empty = current();
        commit(&table, 1);
        assert!(empty.upgrade().is_none(), "nobody held the empty table");
        let first = current();
        let snapshot = table.snapshot();
        let clone = snapshot.clone();
        commit(&table, 2);
        let second = current();
        commit(&table, 3);
        assert!(second.upgrade().is_none(), "an older holder does not keep a newer version");
        drop(snapshot);
        assert!(first.upgrade().is_some());
        drop(clone);
        assert!(first.upgrade().is_none());
        let last = current();
        drop(table);
        assert!(last.upgrade().is_none());
    }

    #[test]
    fn families_share_versions_and_nothing_else() {
        let table = GroupTable::new();
        assert_eq!(commit(&table, 1).number(), 1);
        let mut txn = table.begin_write();
        let group: V6 = "ff3e::1".parse().unwrap();
        txn.join(&Membership::any_source(group, Interface::new(1), Protocol::IGMP)).unwrap();
        assert_eq!(txn.commit().number(), 2);
        let snapshot = table.snapshot();
        assert_eq!((snapshot.len::<V4>(), snapshot.len::<V6>()), (1, 1));
        assert!(!snapshot.contains(V6::UNSPECIFIED, V6::UNSPECIFIED));
    }

    #[test]
    fn a_slot_freed_and_taken_again_in_one_transaction_names_the_new_interface() {
        let table = GroupTable::new();
        let on = |index| {
            let interface = Interface::new(index);
            Membership::any_source(V4::new(239, 0, 0, 1), interface, Protocol::IGMP)
        };
        let mut txn = table.begin_write();
        txn.join(&on(1)).unwrap();
        txn.commit();
        let before = table.snapshot();
        let mut txn = table.begin_write();
        assert_eq!(txn.leave(&on(1)), Ok(true));
        assert_eq!(txn.join(&on(2)), Ok(true));
        txn.commit();
        let indices = |snapshot: &Snapshot| -> Vec<u32> {
            let outgoing = snapshot.outgoing(V4::new(239, 0, 0, 1), V4::UNSPECIFIED);
            outgoing.map(|interface| interface.index).collect()
        };
        assert_eq!(indices(&table.snapshot()), [2]);
        assert_eq!(indices(&before), [1]);
        assert_eq!(before.joined_on(Interface::<V4>::new(2)).count(), 0);
    }
}
