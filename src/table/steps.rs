//! Changes of many memberships: in one version where there is memory for that, and in steps.

use super::GroupTable;
use crate::index::{self, JoinOn, Part, TableTxn, Wanted, WriteError};
use crate::mvcc::Version;
use crate::types::{Family, Interface, Join, MembershipFlags, Protocol};

/// The result of a change of several memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The version that has the changes; if nothing had to be changed, the previous one.
    pub version: Version,
    /// The number of memberships that were added, removed, or had their flags changed. A membership that is
    /// named twice may count twice.
    pub changed: usize,
}

/// A step of a long change. `P` is a place in the order of the memberships that it goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<P> {
    /// What the step did.
    pub committed: Committed,
    /// Where the next step begins; `None` after the last one.
    pub next: Option<P>,
}

/// The flags of the memberships that a replacement wants. The default is
/// [`JOIN`](MembershipFlags::JOIN) and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplacedFlags {
    /// Exactly these.
    Set(MembershipFlags),
    /// At least these: memberships that exist keep those that they have besides.
    Add(MembershipFlags),
}

impl Default for ReplacedFlags {
    fn default() -> Self {
        Self::Set(MembershipFlags::JOIN)
    }
}

impl ReplacedFlags {
    pub(super) fn wanted<F: Family>(
        self,
        interface: Interface<F>,
        protocol: Protocol,
        joins: &[Join<F>],
    ) -> Wanted<'_, F> {
        let (flags, keeps_flags) = match self {
            Self::Set(flags) => (flags, false),
            Self::Add(flags) => (flags, true),
        };
        Wanted { interface, protocol, joins, flags, keeps_flags }
    }
}

/// The most memberships that a step of a change looks at, where there was no memory for one version.
const STEP: usize = 4096;

impl GroupTable {
    /// Removes all memberships of a protocol on an interface, for example when the interface went down.
    ///
    /// That is one version, unless there is too little memory for it: then several, so that the call works
    /// wherever removing the memberships one by one would. Costs about 0.2 µs for each membership. Waits for
    /// other writers.
    ///
    /// # Errors
    ///
    /// [`WriteError::OutOfMemory`] or [`WriteError::OutOfCapacity`] if not even one more can be removed, because
    /// snapshots hold older versions. Some may have been removed.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Membership, Protocol, V4};
    ///
    /// let table = GroupTable::new();
    /// let lan = Interface::new(2);
    /// let mut txn = table.begin_write();
    /// for last in 1..=9 {
    ///     txn.join(&Membership::any_source(V4::new(239, 1, 1, last), lan, Protocol::IGMP))?;
    /// }
    /// txn.commit();
    /// assert_eq!(table.leave_all(lan, Protocol::IGMP)?.changed, 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn leave_all<F: Family>(
        &self,
        interface: Interface<F>,
        protocol: Protocol,
    ) -> Result<Committed, WriteError> {
        let wanted = Wanted::nothing(interface, protocol);
        self.whole_or_in_steps(|txn, from: Option<Join<F>>, most| {
            let part = Part { from: from.unwrap_or(Part::all().from), most };
            let replaced = index::replace(txn, &wanted, part)?;
            Ok((replaced.changed, replaced.next))
        })
    }

    /// Removes all memberships of a protocol. Otherwise as [`leave_all`](Self::leave_all). Visits every
    /// membership of the family.
    ///
    /// # Errors
    ///
    /// As [`leave_all`](Self::leave_all).
    pub fn leave_everywhere<F: Family>(&self, protocol: Protocol) -> Result<Committed, WriteError> {
        self.whole_or_in_steps(|txn, from, most| {
            index::leave_everywhere::<F>(txn, protocol, from, most)
        })
    }

    /// Makes one step of [`WriteTxn::replace_with`](crate::WriteTxn::replace_with): looks at `most` memberships
    /// that exist or should exist, from a join on, and commits. With an empty list it removes all memberships.
    ///
    /// The first step begins at `None`, and each other one at the `next` of the one before. Other writers get
    /// their turn between steps, and readers see the versions of all steps. What others change before a step's
    /// beginning stays. A step of 10,000 holds up other writers for some milliseconds.
    ///
    /// # Errors
    ///
    /// [`WriteError`]. The step has then changed nothing, and can be tried again, also with a lower `most`.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{GroupTable, Interface, Join, Protocol, ReplacedFlags, V4};
    ///
    /// let table = GroupTable::new();
    /// let lan = Interface::new(2);
    /// let joins: Vec<_> = (1..=9).map(|last| Join::any_source(V4::new(239, 1, 1, last))).collect();
    /// let (mut from, mut versions) = (None, 0);
    /// loop {
    ///     let flags = ReplacedFlags::default();
    ///     let step = table.replace_step(lan, Protocol::IGMP, &joins, flags, from, 4)?;
    ///     versions += 1;
    ///     from = step.next;
    ///     if from.is_none() {
    ///         break;
    ///     }
    /// }
    /// assert_eq!((versions, table.stats().ipv4.joins), (3, 9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace_step<F: Family>(
        &self,
        interface: Interface<F>,
        protocol: Protocol,
        joins: &[Join<F>],
        flags: ReplacedFlags,
        from: Option<Join<F>>,
        most: usize,
    ) -> Result<Step<Join<F>>, WriteError> {
        if from.is_none() {
            index::check_order(joins)?;
        }
        let wanted = flags.wanted(interface, protocol, joins);
        let part = Part { from: from.unwrap_or(Part::all().from), most: most.max(1) };
        self.step(|txn| {
            let replaced = index::replace(txn, &wanted, part)?;
            Ok((replaced.changed, replaced.next))
        })
    }

    /// Makes one step of [`leave_all`](Self::leave_all): looks at `most` memberships, and commits. As
    /// [`replace_step`](Self::replace_step).
    ///
    /// # Errors
    ///
    /// As [`replace_step`](Self::replace_step).
    pub fn leave_all_step<F: Family>(
        &self,
        interface: Interface<F>,
        protocol: Protocol,
        from: Option<Join<F>>,
        most: usize,
    ) -> Result<Step<Join<F>>, WriteError> {
        self.replace_step(interface, protocol, &[], ReplacedFlags::default(), from, most)
    }

    /// Makes one step of [`leave_everywhere`](Self::leave_everywhere): looks at `most` memberships of the
    /// protocol, and passes over those of others, at some nanoseconds each. As
    /// [`replace_step`](Self::replace_step).
    ///
    /// # Errors
    ///
    /// As [`replace_step`](Self::replace_step).
    pub fn leave_everywhere_step<F: Family>(
        &self,
        protocol: Protocol,
        from: Option<JoinOn<F>>,
        most: usize,
    ) -> Result<Step<JoinOn<F>>, WriteError> {
        self.step(|txn| index::leave_everywhere::<F>(txn, protocol, from, most.max(1)))
    }

    /// Makes a change in a transaction of its own. `change` returns how many memberships it changed, and where
    /// the next step begins.
    fn step<P>(
        &self,
        change: impl FnOnce(&mut TableTxn<'_>) -> Result<(usize, Option<P>), WriteError>,
    ) -> Result<Step<P>, WriteError> {
        let mut txn = self.begin_write();
        let (changed, next) = change(&mut txn.txn)?;
        Ok(Step { committed: Committed { version: txn.commit(), changed }, next })
    }

    /// Makes a change that removes memberships: all of it in one version, or, if there is too little memory, in
    /// steps, which free what they replace.
    pub(crate) fn whole_or_in_steps<P: Copy>(
        &self,
        change: impl Fn(&mut TableTxn<'_>, Option<P>, usize) -> Result<(usize, Option<P>), WriteError>,
    ) -> Result<Committed, WriteError> {
        let (mut from, mut changed, mut most) = (None, 0, usize::MAX);
        loop {
            match self.step(|txn| change(txn, from, most)) {
                Ok(Step { committed, next }) => {
                    changed += committed.changed;
                    if next.is_none() {
                        return Ok(Committed { changed, ..committed });
                    }
                    from = next;
                }
                Err(error) if most == 1 => return Err(error),
                Err(_) => most = most.min(16 * STEP) / 16,
            }
        }
    }
}
