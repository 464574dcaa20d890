//! Random transactions on a table, replayed on models in the order of their versions.

use std::collections::BTreeSet;
use std::fmt;

use groupscan::{
    GroupTable, Interface, Join, Membership, Protocol, Snapshot, V4, V6, WriteError, WriteTxn,
};

use crate::model::{Model, Small, membership};
use crate::random::Random;

/// The number of choices of each kind, and how the table fills.
#[derive(Clone, Copy, Debug)]
pub struct World {
    pub groups: u8,
    pub sources: u8,
    pub interfaces: u8,
    pub protocols: u8,
    /// The joins among sixteen changes. The rest are leaves.
    pub joins_in_16: usize,
    /// One in this many times sixteen changes is of all memberships of a protocol on an interface.
    pub sweeps: usize,
}

/// The models of both families.
#[derive(Clone, Debug, Default)]
pub struct Models {
    pub ipv4: Model<V4>,
    pub ipv6: Model<V6>,
}

impl Models {
    /// Compares the counts of a snapshot.
    pub fn compare_counts(&self, counts: [usize; 6]) -> Result<(), String> {
        let [ipv4, ipv6] = [self.ipv4.counts(), self.ipv6.counts()];
        let expected = [ipv4, ipv6].concat();
        match counts[..] == expected {
            true => Ok(()),
            false => Err(format!("counts {counts:?}, not {expected:?}")),
        }
    }
}

/// The joins, memberships and interfaces of both families.
pub fn counts(snapshot: &Snapshot) -> [usize; 6] {
    let (ipv4, ipv6) = (snapshot.ipv4(), snapshot.ipv6());
    [
        ipv4.len(),
        ipv4.membership_count(),
        ipv4.interface_count(),
        ipv6.len(),
        ipv6.membership_count(),
        ipv6.interface_count(),
    ]
}

impl<F: Small> Model<F> {
    fn counts(&self) -> [usize; 3] {
        [self.joins().len(), self.membership_count(), self.interfaces().len()]
    }
}

/// A change of one family's memberships.
#[derive(Clone, Debug)]
pub enum Edit<F> {
    Join(Membership<F>),
    Leave(Membership<F>),
    LeaveAll(Interface<F>, Protocol),
    Replace(Interface<F>, Protocol, Vec<Join<F>>),
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
                let joins: BTreeSet<_> =
                    joins.map(|(g, s)| Join::new(F::small(g), F::small(s))).collect();
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

    /// Makes the change on a model.
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
            // The table refused the whole change, so it changed nothing.
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
pub struct Transaction {
    /// The version that it began with, if a snapshot of it could be taken.
    pub base: Option<u64>,
    /// What the commit returned; `None` if the transaction was dropped instead.
    pub version: Option<u64>,
    edits: Vec<Either>,
}

impl Transaction {
    /// Makes up to `most` changes, and commits or drops them.
    pub fn run(table: &GroupTable, random: &mut Random, world: &World, most: usize) -> Self {
        let mut txn = table.begin_write();
        // No other commit happens meanwhile, so the changes are made to this version.
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
    pub fn made(&self) -> Option<u64> {
        let changed = self.edits.iter().any(|edit| !matches!(edit.changed(), Ok(0) | Err(_)));
        self.version.filter(|_| changed)
    }

    /// The number of changes that the table's cap refused.
    pub fn refused(&self) -> usize {
        self.edits.iter().filter(|edit| edit.changed().is_err()).count()
    }

    /// Checks that it began with version `last`. It made the next version if it changed anything, and no
    /// version otherwise.
    pub fn follows(&self, last: u64) -> Result<(), String> {
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

    /// Replays the changes on models of the version that they were made to, and compares the results.
    pub fn replay(&self, models: &mut Models) -> Result<(), String> {
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

/// Leaves out the changes, because they may be many.
impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, version, edits } = self;
        write!(f, "a transaction of {} changes, from {base:?} to {version:?}", edits.len())
    }
}
