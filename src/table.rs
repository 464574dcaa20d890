//! The table, and the transactions that change it.

use std::error::Error;
use std::fmt;

use crate::family::Family;
use crate::membership::{Interface, Membership, Protocol};
use crate::sets::{self, ChangeRefused, TableSets, TableTxn};
use crate::snapshot::Snapshot;
use crate::stats::{Retained, Stats};
use crate::tree::Refusal;
use crate::version::{Bounds, Refused, Version, Versions};

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
/// let enumeration = table.snapshot()?.enumerate(View::AllSources, Filter::<V4>::all());
/// let mut buffer = [0; 1024];
/// let batch = enumeration.get_next(&mut buffer)?;
/// assert_eq!(batch.entries()[0].to_string(), "(10.0.0.1, 232.1.1.1)");
/// assert!(!batch.more());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GroupTable {
    versions: Versions<TableSets>,
    limits: Limits,
}

/// What bounds a table's memory.
///
/// # Examples
///
/// ```
/// use groupscan::{GroupTable, Limits};
///
/// // For some 200,000 memberships, and as many again that snapshots hold.
/// let table = GroupTable::with_limits(Limits::default().node_bytes(32 << 20).live_versions(64));
/// assert_eq!(table.limits().node_bytes, 32 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The bytes of nodes that may be in use; `usize::MAX` is no bound.
    pub node_bytes: usize,
    /// The versions that may live at a time. `None` leaves it to who makes the table: it is
    /// [`LIVE_VERSIONS`](Self::LIVE_VERSIONS), or, where a manager keeps the table, twice as many as its
    /// enumerations.
    pub live_versions: Option<usize>,
}

impl Limits {
    /// The versions of a table that may live at a time unless it is said otherwise.
    pub const LIVE_VERSIONS: usize = 1024;

    /// The fewest versions that a table can be bounded to.
    const LEAST_LIVE_VERSIONS: usize = 2;

    /// Bounds the bytes of nodes in use: those of the current version and those that only older
    /// versions retain. At the bound joins fail, leaves do not. Unless this is called there is no
    /// bound but the system's.
    ///
    /// A join needs spare nodes, of [`Stats::SLOT_BYTES`] each, for the copies of its ways through the
    /// trees of three sets: six to a dozen, and more where it splits nodes.
    pub const fn node_bytes(self, bytes: usize) -> Self {
        Self { node_bytes: bytes, ..self }
    }

    /// Bounds the versions that live at a time: the current one, and the older ones that snapshots
    /// hold; for the moment of a commit there may be one more. At the bound snapshots of a version
    /// that has none yet are refused. The least bound is 2.
    pub const fn live_versions(self, versions: usize) -> Self {
        Self { live_versions: Some(versions), ..self }
    }

    /// With so many versions where nothing was said about them.
    pub(crate) const fn or_live_versions(self, versions: usize) -> Self {
        match self.live_versions {
            Some(_) => self,
            None => self.live_versions(versions),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { node_bytes: usize::MAX, live_versions: None }
    }
}

impl GroupTable {
    /// Makes an empty table with the default limits.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// Makes an empty table.
    pub fn with_limits(limits: Limits) -> Self {
        let live_versions = limits.live_versions.unwrap_or(Limits::LIVE_VERSIONS);
        let live_versions = live_versions.max(Limits::LEAST_LIVE_VERSIONS);
        let limits = limits.live_versions(live_versions);
        let bounds = Bounds { node_bytes: limits.node_bytes, live_versions };
        Self { versions: Versions::new(bounds), limits }
    }

    /// The limits that hold: those that the table was made with, and for what these left open what was
    /// chosen.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Takes a snapshot: the version that was published last, as it is now and will stay.
    ///
    /// Lock-free. It allocates nothing and makes no system call, but for a thread's first call, and
    /// for every 128th, which does a bounded step of the epoch collector's work: that may free and
    /// allocate some hundred records of dead versions, never nodes. It sees every commit that
    /// returned before this call.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`], where one more version to be kept would break a limit of the table. A
    /// version that somebody has a snapshot of already is never refused.
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        match self.versions.hold() {
            Ok(holder) => Ok(Snapshot::new(holder)),
            Err(Refused::TooManyVersions { limit }) => {
                Err(SnapshotError::TooManyVersions { limit })
            }
            Err(Refused::OutOfCapacity { limit_bytes }) => {
                Err(SnapshotError::OutOfCapacity { limit_bytes })
            }
        }
    }

    /// Begins a transaction, waiting for the one that another thread may have begun.
    ///
    /// A thread that has a transaction open must not begin another one on the same table: it would
    /// wait for itself. The same holds for [`reclaim`](Self::reclaim) and
    /// [`retained`](Self::retained), and for dropping the table after a transaction was leaked
    /// (`mem::forget`).
    pub fn begin_write(&self) -> WriteTxn<'_> {
        WriteTxn { txn: self.versions.begin(), limits: self.limits }
    }

    /// Frees some of what dead versions left behind, and says whether there is more.
    ///
    /// Commits do this on their way, and keep pace. A table that is idle keeps what the last
    /// snapshots left until the next commit, unless this is called until it says `false`. A call
    /// takes some hundred microseconds at most. It waits for other writers.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
    ///
    /// # let table = GroupTable::new();
    /// # let lan = Interface::new(2);
    /// # let mut txn = table.begin_write();
    /// # txn.join(&Membership::any_source(V4::new(239, 1, 1, 1), lan, Protocol::IGMP))?;
    /// # txn.commit();
    /// let held = table.snapshot()?;
    /// let mut txn = table.begin_write();
    /// txn.leave_all(lan, Protocol::IGMP)?;
    /// txn.commit();
    /// drop(held);
    /// assert!(table.stats().slots_retained > 0, "nobody has written since");
    /// while table.reclaim() {}
    /// assert_eq!(table.stats().slots_retained, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reclaim(&self) -> bool {
        self.versions.reclaim()
    }

    /// How the table's memory is spent, as of the last commit, abort or [`reclaim`](Self::reclaim).
    ///
    /// Wait-free. Each number was right at some time; those of one call may be of neighbouring
    /// versions where writers are at work.
    pub fn stats(&self) -> Stats {
        Stats::new(&self.versions.usage())
    }

    /// What each live version retains, from the oldest to the current one.
    ///
    /// Waits for other writers, and makes them wait: it visits the nodes that old versions retain.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, Stats, V4};
    ///
    /// # let table = GroupTable::new();
    /// let sleeper = table.snapshot()?;
    /// let mut txn = table.begin_write();
    /// let lan = Interface::new(2);
    /// txn.join(&Membership::any_source(V4::new(239, 1, 1, 1), lan, Protocol::IGMP))?;
    /// txn.commit();
    /// for retained in table.retained() {
    ///     let bytes = retained.slots * Stats::SLOT_BYTES;
    ///     println!("{} bytes by {} holders of {:?}", bytes, retained.holders, retained.version);
    /// }
    /// assert_eq!(table.stats().live_versions, 2);
    /// drop(sleeper);
    /// while table.reclaim() {}
    /// assert_eq!((table.stats().live_versions, table.stats().slots_retained), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retained(&self) -> Vec<Retained> {
        self.versions.retained().into_iter().map(Retained::new).collect()
    }

    pub(crate) fn versions(&self) -> &Versions<TableSets> {
        &self.versions
    }
}

impl Default for GroupTable {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for GroupTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupTable").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// A transaction: changes that become visible all at once, or not at all.
///
/// Dropped without [`commit`](Self::commit), also by a panic, it leaves the table as it was. Other writers
/// wait until it is committed or dropped; readers do not.
///
/// # Examples
///
/// ```
/// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
///
/// let table = GroupTable::new();
/// let (lan, wan) = (Interface::new(2), Interface::new(3));
/// let [group, source] = [V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1)];
/// let membership = Membership::source_specific(group, source, lan, Protocol::IGMP);
///
/// let mut txn = table.begin_write();
/// assert!(txn.join(&membership)?);
/// assert!(!txn.join(&membership)?, "it was there");
/// // What a protocol found on another interface when it synchronised, in ascending order.
/// let joins = [(group, source), (V4::new(239, 1, 1, 1), V4::UNSPECIFIED)];
/// assert_eq!(txn.replace(wan, Protocol::IGMP, &joins)?, 2);
/// txn.commit();
///
/// let mut txn = table.begin_write();
/// assert!(txn.leave(&membership)?);
/// assert_eq!(txn.leave_all(wan, Protocol::IGMP)?, 2);
/// drop(txn);
/// assert_eq!(table.stats().ipv4.memberships, 3, "that was not committed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WriteTxn<'t> {
    txn: TableTxn<'t>,
    limits: Limits,
}

impl WriteTxn<'_> {
    /// Adds a membership and returns whether that changed anything.
    ///
    /// A membership that exists already gets the flags that it lacks. The table takes any group;
    /// what counts as one is the caller's business.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; then the call has changed nothing and the transaction may go on.
    pub fn join<F: Family>(&mut self, membership: &Membership<F>) -> Result<bool, WriteError> {
        sets::join(&mut self.txn, membership).map_err(|refused| self.error(refused))
    }

    /// Removes a membership's flags, and the membership with the last of them, and returns whether
    /// that changed anything. Removing what is not there is no error.
    ///
    /// A leave may bring more nodes into use than [`Limits::node_bytes`] allows, by at most one copy
    /// of those that live versions hold, so that a full table can always shrink.
    ///
    /// # Errors
    ///
    /// [`WriteError::OutOfMemory`]; then the call has changed nothing and the transaction may go on.
    pub fn leave<F: Family>(&mut self, membership: &Membership<F>) -> Result<bool, WriteError> {
        sets::leave(&mut self.txn, membership).map_err(|refused| self.error(refused))
    }

    /// Removes all memberships of a protocol on an interface, as when the interface went down, and
    /// returns how many they were. Costs those, not the table.
    ///
    /// # Errors
    ///
    /// As for [`leave`](Self::leave).
    pub fn leave_all<F: Family>(
        &mut self,
        interface: Interface<F>,
        protocol: Protocol,
    ) -> Result<usize, WriteError> {
        self.replace(interface, protocol, &[])
    }

    /// Makes the memberships of a protocol on an interface exactly those of `joins`, as when the
    /// protocol synchronised anew, and returns how many came, went or changed their flags.
    ///
    /// `joins` has (group, source) pairs that ascend strictly; the unspecified source stands for any.
    /// The memberships get the flag [`JOIN`](crate::MembershipFlags::JOIN) and no other.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; then the call has changed nothing and the transaction may go on. For the nodes
    /// that it may need the call reserves a bound, which for long lists is about twice the nodes of
    /// the table and of the list.
    pub fn replace<F: Family>(
        &mut self,
        interface: Interface<F>,
        protocol: Protocol,
        joins: &[(F, F)],
    ) -> Result<usize, WriteError> {
        sets::replace(&mut self.txn, interface, protocol, joins)
            .map_err(|refused| self.error(refused))
    }

    /// Removes all memberships of a protocol, and returns how many they were. Looks at every membership.
    ///
    /// # Errors
    ///
    /// As for [`leave`](Self::leave); but the call may have changed something, so the transaction must not
    /// be committed.
    pub(crate) fn leave_everywhere<F: Family>(
        &mut self,
        protocol: Protocol,
    ) -> Result<usize, WriteError> {
        let sets = self.txn.sets().of::<F>();
        let mut interfaces = Vec::new();
        let refused = interfaces.try_reserve_exact(sets.interface_count());
        refused.map_err(|_| WriteError::OutOfMemory)?;
        interfaces.extend(sets.interfaces());
        interfaces.into_iter().map(|interface| self.leave_all(interface, protocol)).sum()
    }

    /// Whether there was a membership on an interface when the transaction began.
    pub(crate) fn had_memberships<F: Family>(&self, interface: Interface<F>) -> bool {
        self.txn.base_sets().of::<F>().slot(interface).is_some()
    }

    /// Publishes the changes and returns the version that has them. Where no call changed anything,
    /// nothing is published, and the version is the one before.
    ///
    /// Snapshots taken after this has returned, on any thread, have the changes.
    ///
    /// Frees what dropped snapshots left, also where nothing was changed: a few nodes and twice as many as it
    /// replaced, or all of them while more are in use than [`Limits::node_bytes`] allows.
    pub fn commit(self) -> Version {
        self.txn.commit()
    }

    fn error(&self, refused: ChangeRefused) -> WriteError {
        match refused {
            ChangeRefused::Interfaces { limit } => WriteError::TooManyInterfaces { limit },
            ChangeRefused::Memberships { limit } => WriteError::TooManyMemberships { limit },
            ChangeRefused::NotAscending { at } => WriteError::NotAscending { at },
            ChangeRefused::Memory(Refusal::Capacity) => {
                WriteError::OutOfCapacity { limit_bytes: self.limits.node_bytes }
            }
            ChangeRefused::Memory(Refusal::System) => WriteError::OutOfMemory,
        }
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

/// Why a transaction refused a change. The change was not made, not even in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The family's memberships name as many interfaces as a table can tell apart. Trying again
    /// helps once an interface has no memberships left, and the snapshots that name it are gone.
    TooManyInterfaces {
        /// How many interfaces there may be.
        limit: u32,
    },
    /// The family has as many memberships as a table can count; [`WriteTxn::replace`] counts those that come
    /// beside those that go. Trying again helps once some have left.
    TooManyMemberships {
        /// How many memberships there may be.
        limit: usize,
    },
    /// The change might bring more nodes into use than [`Limits::node_bytes`] allows. Trying again
    /// helps once memberships have left or snapshots were dropped.
    OutOfCapacity {
        /// How many bytes of nodes there may be.
        limit_bytes: usize,
    },
    /// The operating system gives no memory. Trying again may help.
    OutOfMemory,
    /// The list does not ascend strictly. Trying again with a sorted list without repetitions helps.
    NotAscending {
        /// The first place whose pair is not greater than the one before.
        at: usize,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyInterfaces { limit } => {
                write!(f, "memberships on more than {limit} interfaces at a time")
            }
            Self::TooManyMemberships { limit } => {
                write!(f, "more than {limit} memberships at a time")
            }
            Self::OutOfCapacity { limit_bytes } => {
                write!(f, "the table's limit of {limit_bytes} bytes leaves no room")
            }
            Self::OutOfMemory => f.write_str("the system gives no memory"),
            Self::NotAscending { at } => {
                write!(f, "the list does not ascend strictly: see place {at}")
            }
        }
    }
}

impl Error for WriteError {}

/// Why no snapshot could be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// As many versions live as [`Limits::live_versions`] allows. Trying again helps once the last
    /// snapshot of one of them was dropped.
    TooManyVersions {
        /// How many versions may live.
        limit: usize,
    },
    /// More nodes are in use than [`Limits::node_bytes`] allows, because leaves went beyond it. Trying
    /// again helps once snapshots were dropped or memberships have left, and a commit or
    /// [`GroupTable::reclaim`] has freed what they had.
    OutOfCapacity {
        /// How many bytes of nodes there may be.
        limit_bytes: usize,
    },
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyVersions { limit } => {
                write!(f, "snapshots hold as many versions as may live: {limit}")
            }
            Self::OutOfCapacity { limit_bytes } => {
                write!(f, "the table has gone beyond its limit of {limit_bytes} bytes")
            }
        }
    }
}

impl Error for SnapshotError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{V4, V6};
    use std::collections::BTreeSet;

    impl WriteTxn<'_> {
        /// Refuses memory from the request after the next `requests` on, in later transactions, too.
        pub(crate) fn refuse_after(&mut self, requests: Option<usize>) {
            self.txn.refuse_after(requests);
        }
    }

    fn commit(table: &GroupTable, number: u8) -> Version {
        let group = V4::new(239, 0, 0, number);
        let mut txn = table.begin_write();
        txn.join(&Membership::any_source(group, Interface::new(1), Protocol::IGMP)).unwrap();
        txn.commit()
    }

    fn joins(snapshot: &Snapshot) -> Vec<(V4, V4)> {
        (0..).map_while(|rank| snapshot.join_at(rank)).collect()
    }

    /// The joins by their model: all on one interface.
    fn expected(model: &BTreeSet<u8>) -> Vec<(V4, V4)> {
        model.iter().map(|number| (V4::new(239, 0, 0, *number), V4::UNSPECIFIED)).collect()
    }

    #[test]
    fn a_refusal_of_memory_at_any_request_changes_nothing() {
        let on = Interface::<V4>::new(1);
        let membership =
            |number| Membership::any_source(V4::new(239, 0, 0, number), on, Protocol::IGMP);
        for granted in 0..60 {
            let table = GroupTable::new();
            let mut model: BTreeSet<u8> = (0..40).map(|number| number * 3).collect();
            table.begin_write().replace(on, Protocol::IGMP, &expected(&model)).unwrap();
            let mut txn = table.begin_write();
            txn.replace(on, Protocol::IGMP, &expected(&model)).unwrap();
            txn.commit();
            let held = table.snapshot().unwrap();

            let mut txn = table.begin_write();
            txn.refuse_after(Some(granted));
            let mut refused = 0;
            for number in 0..50u8 {
                match txn.join(&membership(number.wrapping_mul(7))) {
                    Ok(changed) => assert_eq!(changed, model.insert(number.wrapping_mul(7))),
                    Err(error) => {
                        assert_eq!(error, WriteError::OutOfMemory);
                        refused += 1;
                    }
                }
                match txn.leave(&membership(number)) {
                    Ok(changed) => assert_eq!(changed, model.remove(&number)),
                    Err(error) => {
                        assert_eq!(error, WriteError::OutOfMemory);
                        refused += 1;
                    }
                }
            }
            let half: BTreeSet<u8> = model.iter().copied().step_by(2).collect();
            match txn.replace(on, Protocol::IGMP, &expected(&half)) {
                Ok(_) => model = half,
                Err(error) => {
                    assert_eq!(error, WriteError::OutOfMemory);
                    refused += 1;
                }
            }
            assert!(refused > 0 || granted > 50);
            txn.refuse_after(None);
            assert_eq!(txn.join(&membership(200)), Ok(true), "the transaction goes on");
            model.insert(200);
            txn.commit();
            let snapshot = table.snapshot().unwrap();
            assert_eq!(joins(&snapshot), expected(&model), "{granted} requests granted");
            let by_interface: Vec<_> = snapshot.joined_on(on).collect();
            assert_eq!(by_interface, expected(&model));
            assert_eq!(snapshot.membership_count::<V4>(), model.len());
            assert_eq!(held.len::<V4>(), 40);
        }
    }

    #[test]
    fn families_share_versions_and_nothing_else() {
        let table = GroupTable::new();
        assert_eq!(commit(&table, 1).number(), 1);
        let mut txn = table.begin_write();
        let group: V6 = "ff3e::1".parse().unwrap();
        txn.join(&Membership::any_source(group, Interface::new(1), Protocol::IGMP)).unwrap();
        assert_eq!(txn.commit().number(), 2);
        let snapshot = table.snapshot().unwrap();
        assert_eq!((snapshot.len::<V4>(), snapshot.len::<V6>()), (1, 1));
        assert!(!snapshot.contains(V6::UNSPECIFIED, V6::UNSPECIFIED));
    }

    #[test]
    fn a_list_that_does_not_ascend_is_refused() {
        let table = GroupTable::new();
        let join = |group, source| (V4::new(239, 0, 0, group), V4::new(10, 0, 0, source));
        let mut txn = table.begin_write();
        let mut replace = |joins: &[(V4, V4)]| txn.replace(Interface::new(1), Protocol(7), joins);
        assert_eq!(replace(&[join(1, 1), join(1, 2), join(2, 1)]), Ok(3));
        for (at, joins) in [
            (1, [join(1, 1), join(1, 1), join(1, 2)]),
            (2, [join(1, 1), join(1, 2), join(1, 2)]),
            (2, [join(1, 1), join(2, 1), join(1, 2)]),
        ] {
            assert_eq!(replace(&joins), Err(WriteError::NotAscending { at }));
        }
        assert_eq!(replace(&[join(1, 1), join(1, 2), join(2, 1)]), Ok(0), "nothing was changed");
        assert_eq!(replace(&[]), Ok(3));
    }

    #[test]
    fn an_abort_gives_slots_back_and_takes_them_back() {
        let on = |number, index| {
            let group = V4::new(239, 0, 0, number);
            Membership::any_source(group, Interface::new(index), Protocol::IGMP)
        };
        let table = GroupTable::new();
        let mut txn = table.begin_write();
        txn.join(&on(1, 1)).unwrap();
        txn.commit();
        let mut aborted = table.begin_write();
        assert_eq!(aborted.leave(&on(1, 1)), Ok(true));
        assert_eq!(aborted.join(&on(1, 7)), Ok(true));
        drop(aborted);
        // The next commits must not take what the aborted one did for done.
        for index in [1, 2, 3] {
            let mut txn = table.begin_write();
            assert_eq!(txn.join(&on(2, index)), Ok(true));
            txn.commit();
        }
        let snapshot = table.snapshot().unwrap();
        let indices = |number| -> BTreeSet<u32> {
            let outgoing = snapshot.outgoing(V4::new(239, 0, 0, number), V4::UNSPECIFIED);
            outgoing.map(|interface| interface.index).collect()
        };
        assert_eq!(indices(1), BTreeSet::from([1]));
        assert_eq!(indices(2), BTreeSet::from([1, 2, 3]));
        assert_eq!(snapshot.interface_count::<V4>(), 3);
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
        let before = table.snapshot().unwrap();
        let mut txn = table.begin_write();
        assert_eq!(txn.leave(&on(1)), Ok(true));
        assert_eq!(txn.join(&on(2)), Ok(true));
        txn.commit();
        let indices = |snapshot: &Snapshot| -> Vec<u32> {
            let outgoing = snapshot.outgoing(V4::new(239, 0, 0, 1), V4::UNSPECIFIED);
            outgoing.map(|interface| interface.index).collect()
        };
        assert_eq!(indices(&table.snapshot().unwrap()), [2]);
        assert_eq!(indices(&before), [1]);
        assert_eq!(before.joined_on(Interface::<V4>::new(2)).count(), 0);
    }
}
