//! Transactions chosen at random, made on a table, and made again on models in the order of their
//! versions.

#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeSet;
use std::fmt;

use groupscan::{
    GroupTable, Interface, Membership, Protocol, Snapshot, V4, V6, WriteError, WriteTxn,
};

use crate::common::{Model, Small, membership};
use crate::random::Random;

/// How many of each there are to choose from, and how the table fills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) groups: u8,
    pub(crate) sources: u8,
    pub(crate) interfaces: u8,
    pub(crate) protocols: u8,
    /// How many of sixteen changes are joins; the rest are leaves.
    pub(crate) joins_in_16: usize,
    /// Of so many times sixteen changes, one is of all that a protocol has on an interface.
    pub(crate) sweeps: usize,
}

/// The models of both families.
#[derive(Clone, Debug, Default)]
pub(crate) struct Models {
    pub(crate) ipv4: Model<V4>,
    pub(crate) ipv6: Model<V6>,
}

impl Models {
    /// Compares what a snapshot counts.
    pub(crate) fn compare_counts(&self, counts: [usize; 6]) -> Result<(), String> {
        let [ipv4, ipv6] = [self.ipv4.counts(), self.ipv6.counts()];
        let expected = [ipv4, ipv6].concat();
        match counts[..] == expected {
            true => Ok(()),
            false => Err(format!("counts {counts:?}, not {expected:?}")),
        }
    }
}

/// The joins, memberships and interfaces of both families.
pub(crate) fn counts(snapshot: &Snapshot) -> [usize; 6] {
    [
        snapshot.len::<V4>(),
        snapshot.membership_count::<V4>(),
        snapshot.interface_count::<V4>(),
        snapshot.len::<V6>(),
        snapshot.membership_count::<V6>(),
        snapshot.interface_count::<V6>(),
    ]
}

impl<F: Small> Model<F> {
    fn counts(&self) -> [usize; 3] {
        [self.joins().len(), self.len(), self.interfaces().len()]
    }
}

/// A change of one family's memberships.
#[derive(Clone, Debug)]
pub(crate) enum Edit<F> {
    Join(Membership<F>),
    Leave(Membership<F>),
    LeaveAll(Interface<F>, Protocol),
    Replace(Interface<F>, Protocol, Vec<(F, F)>),
}

impl<F: Small> Edit<F> {
    fn random(random: &mut Random, world: &World) -> Self {
        let join = |random: &mut Random| (random.small(world.groups), random.small(world.sources));
        let (group, source) = join(random);
        let (interface, protocol) = (random.small(world.interfaces), random.small(world.protocols));
        let one = membership::<F>(group, source, interface, protocol, random.small(3));
        match random.below(16) {
            kind if kind < world.joins_in_16 => Self::Join(one),
            15 if random.one_in(world.sweeps) => {
                if random.one_in(2) {
                    return Self::LeaveAll(one.interface, one.protocol);
                }
                let joins = (0..random.below(32)).map(|_| join(random));
                let joins: BTreeSet<_> = joins.map(|(g, s)| (F::small(g), F::small(s))).collect();
                Self::Replace(one.interface, one.protocol, joins.into_iter().collect())
            }
            _ => Self::Leave(one),
        }
    }

    /// Makes the change in a transaction, and returns how many memberships it changed.
    fn make(&self, txn: &mut WriteTxn<'_>) -> Result<usize, WriteError> {
        match self {
            Self::Join(membership) => txn.join(membership).map(usize::from),
            Self::Leave(membership) => txn.leave(membership).map(usize::from),
            Self::LeaveAll(interface, protocol) => txn.leave_all(*interface, *protocol),
            Self::Replace(interface, protocol, joins) => txn.replace(*interface, *protocol, joins),
        }
    }

    /// The same on a model.
    fn make_again(&self, model: &mut Model<F>) -> usize {
        match self {
            Self::Join(membership) => model.join(membership).into(),
            Self::Leave(membership) => model.leave(membership).into(),
            Self::LeaveAll(interface, protocol) => model.replace(*interface, *protocol, &[]),
            Self::Replace(interface, protocol, joins) => {
                model.replace(*interface, *protocol, joins)
            }
        }
    }

    /// Whether the table's cap may refuse the change.
    fn may_need_room(&self) -> bool {
        matches!(self, Self::Join(_) | Self::Replace(..))
    }
}

/// A change of a family, and how many memberships it changed.
#[derive(Clone, Debug)]
struct Made<F> {
    edit: Edit<F>,
    changed: Result<usize, WriteError>,
}

impl<F: Small> Made<F> {
    fn random(random: &mut Random, world: &World, txn: &mut WriteTxn<'_>) -> Self {
        let edit = Edit::random(random, world);
        let changed = edit.make(txn);
        Self { edit, changed }
    }

    fn replay(&self, model: &mut Model<F>) -> Result<(), String> {
        let expected = match self.changed {
            // Refused as a whole, it has changed nothing.
            Err(WriteError::OutOfCapacity { .. }) if self.edit.may_need_room() => return Ok(()),
            _ => self.edit.make_again(model),
        };
        match self.changed == Ok(expected) {
            true => Ok(()),
            false => Err(format!("{:?}: {:?}, not {expected}", self.edit, self.changed)),
        }
    }
}

#[derive(Clone, Debug)]
enum Either {
    Ipv4(Made<V4>),
    Ipv6(Made<V6>),
}

impl Either {
    fn changed(&self) -> Result<usize, WriteError> {
        match self {
            Self::Ipv4(made) => made.changed,
            Self::Ipv6(made) => made.changed,
        }
    }
}

/// What a transaction did.
#[derive(Clone)]
pub(crate) struct Transaction {
    /// The version that it began with, where one could be held to see.
    pub(crate) base: Option<u64>,
    /// What the commit returned; `None` where the transaction was dropped instead.
    pub(crate) version: Option<u64>,
    edits: Vec<Either>,
}

impl Transaction {
    /// Makes up to `most` changes, and commits them or not.
    pub(crate) fn run(table: &GroupTable, random: &mut Random, world: &World, most: usize) -> Self {
        let mut txn = table.begin_write();
        // Nobody commits meanwhile, so this is the version that the changes are made to.
        let base = table.snapshot().ok().map(|snapshot| snapshot.version().number());
        let mut edits = Vec::new();
        for _ in 0..=random.below(most) {
            edits.push(match random.one_in(3) {
                true => Either::Ipv6(Made::random(random, world, &mut txn)),
                false => Either::Ipv4(Made::random(random, world, &mut txn)),
            });
            if random.one_in(4) {
                random.pause();
            }
        }
        let version = match random.one_in(8) {
            true => {
                drop(txn);
                None
            }
            false => Some(txn.commit().number()),
        };
        Self { base, version, edits }
    }

    /// The version that it made, if it made one.
    pub(crate) fn made(&self) -> Option<u64> {
        let changed = self.edits.iter().any(|edit| !matches!(edit.changed(), Ok(0) | Err(_)));
        self.version.filter(|_| changed)
    }

    /// How many of the changes the table's cap refused.
    pub(crate) fn refused(&self) -> usize {
        self.edits.iter().filter(|edit| edit.changed().is_err()).count()
    }

    /// Checks that it began with version `last`, made the one after if it changed anything, and else
    /// committed none.
    pub(crate) fn follows(&self, last: u64) -> Result<(), String> {
        let is_base = |version: u64| version == last;
        let follows = match self.made() {
            Some(made) => made == last + 1,
            None => self.version.is_none_or(is_base),
        };
        match follows && self.base.is_none_or(is_base) {
            true => Ok(()),
            false => Err(format!("after version {last} comes {self:?}")),
        }
    }

    /// Makes the changes again, on what they were made to, and compares what they changed.
    pub(crate) fn replay(&self, models: &mut Models) -> Result<(), String> {
        for edit in &self.edits {
            let replayed = match edit {
                Either::Ipv4(made) => made.replay(&mut models.ipv4),
                Either::Ipv6(made) => made.replay(&mut models.ipv6),
            };
            replayed.map_err(|error| format!("{self:?}: {error}"))?;
        }
        Ok(())
    }
}

/// Without the changes, which may be many.
impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, version, edits } = self;
        write!(f, "a transaction of {} changes, from {base:?} to {version:?}", edits.len())
    }
}
