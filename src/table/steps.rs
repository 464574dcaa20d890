//! Changes of many memberships: in one version where there is memory for that, and in steps.

use super::{GroupTable, WriteTxn};
use crate::index::{self, JoinOn, Part, Wanted, WriteError};
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

/// A step of a long change. `P` is a place in the order of the memberships that the change goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<P> {
    /// The number of memberships that the step added, removed, or gave other flags.
    pub changed: usize,
    /// Where the next step begins; `None` after the last one.
    pub next: Option<P>,
}

impl<P> Step<P> {
    /// This step together with one before it in the same transaction.
    pub(crate) fn after(self, before: &Self) -> Self {
        Self { changed: before.changed + self.changed, ..self }
    }
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
    /// other writers. [`WriteTxn::leave_all_step`] lets them in between.
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
        self.leave_all_from(self.begin_write(), interface, protocol)
    }

    /// Removes all memberships of a protocol. Otherwise as [`leave_all`](Self::leave_all). Visits every
    /// membership of the family.
    ///
    /// # Errors
    ///
    /// As [`leave_all`](Self::leave_all).
    pub fn leave_everywhere<F: Family>(&self, protocol: Protocol) -> Result<Committed, WriteError> {
        self.leave_everywhere_from::<F>(self.begin_write(), protocol)
    }

    /// As [`leave_all`](Self::leave_all), in a transaction that has begun.
    pub(crate) fn leave_all_from<'t, F: Family>(
        &'t self,
        txn: WriteTxn<'t>,
        interface: Interface<F>,
        protocol: Protocol,
    ) -> Result<Committed, WriteError> {
        self.whole_or_in_steps(txn, |txn, from, most| {
            txn.leave_all_step(interface, protocol, from, most)
        })
    }

    /// As [`leave_everywhere`](Self::leave_everywhere), in a transaction that has begun.
    pub(crate) fn leave_everywhere_from<'t, F: Family>(
        &'t self,
        txn: WriteTxn<'t>,
        protocol: Protocol,
    ) -> Result<Committed, WriteError> {
        self.whole_or_in_steps(txn, |txn, from, most| {
            txn.leave_everywhere_step::<F>(protocol, from, most)
        })
    }

    /// Makes a change that removes memberships: all of it in one version, or, if there is too little memory, in
    /// steps, which free what they replace.
    fn whole_or_in_steps<'t, P: Copy>(
        &'t self,
        mut txn: WriteTxn<'t>,
        change: impl Fn(&mut WriteTxn<'_>, Option<P>, usize) -> Result<Step<P>, WriteError>,
    ) -> Result<Committed, WriteError> {
        let (mut from, mut changed, mut most) = (None, 0, usize::MAX);
        loop {
            match change(&mut txn, from, most) {
                Ok(step) => {
                    changed += step.changed;
                    let version = txn.commit();
                    if step.next.is_none() {
                        return Ok(Committed { version, changed });
                    }
                    from = step.next;
                }
                Err(error) if most == 1 => return Err(error),
                Err(_) => {
                    most = most.min(16 * STEP) / 16;
                    txn.abort();
                }
            }
            txn = self.begin_write();
        }
    }
}

/// Long changes in steps: each is a part of a transaction, which the caller commits. So other writers get their
/// turn between steps, and readers see the versions of all steps.
///
/// The first step begins at `None`, and each other one at the `next` of the one before. A step looks at `most`
/// memberships, one at least. What other writers change behind the place where a step begins is found; what they
/// change before it stays. A step of 10,000 takes some milliseconds.
impl WriteTxn<'_> {
    /// Makes one step of [`replace_with`](Self::replace_with): looks at memberships that exist or should exist.
    ///
    /// # Errors
    ///
    /// [`WriteError`]. The step has then changed nothing, and can be tried again, also with a lower `most`. A step
    /// checks the order of the joins that it looks at.
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
    ///     let mut txn = table.begin_write();
    ///     let flags = ReplacedFlags::default();
    ///     let step = txn.replace_step(lan, Protocol::IGMP, &joins, flags, from, 4)?;
    ///     txn.commit();
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
        &mut self,
        interface: Interface<F>,
        protocol: Protocol,
        joins: &[Join<F>],
        flags: ReplacedFlags,
        from: Option<Join<F>>,
        most: usize,
    ) -> Result<Step<Join<F>>, WriteError> {
        let wanted = flags.wanted(interface, protocol, joins);
        let part = Part { from: from.unwrap_or(Part::all().from), most: most.max(1) };
        let replaced = index::replace(&mut self.txn, &wanted, part)?;
        Ok(Step { changed: replaced.changed, next: replaced.next })
    }

    /// Makes one step of [`leave_all`](Self::leave_all).
    ///
    /// # Errors
    ///
    /// As [`replace_step`](Self::replace_step).
    pub fn leave_all_step<F: Family>(
        &mut self,
        interface: Interface<F>,
        protocol: Protocol,
        from: Option<Join<F>>,
        most: usize,
    ) -> Result<Step<Join<F>>, WriteError> {
        self.replace_step(interface, protocol, &[], ReplacedFlags::default(), from, most)
    }

    /// Makes one step of the removal of all memberships of a protocol. Passes over those of other protocols, at
    /// some nanoseconds each.
    ///
    /// # Errors
    ///
    /// [`WriteError`]. The step may have made some of its changes, so the transaction must be aborted.
    pub fn leave_everywhere_step<F: Family>(
        &mut self,
        protocol: Protocol,
        from: Option<JoinOn<F>>,
        most: usize,
    ) -> Result<Step<JoinOn<F>>, WriteError> {
        let left = index::leave_everywhere::<F>(&mut self.txn, protocol, from, most.max(1));
        left.map(|(changed, next)| Step { changed, next })
    }
}
