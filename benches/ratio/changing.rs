//! Tables of random joins, and changes of them.

use groupscan::{GroupTable, Interface, Membership, Protocol, V4, WriteTxn};

pub(crate) use crate::support::Random;

/// The membership of a key on the one interface that these tables have.
pub(crate) fn membership(key: u64) -> Membership<V4> {
    let [group, source] = [(key >> 32) as u32, key as u32].map(V4::from_bits);
    Membership::source_specific(group, source, Interface::new(1), Protocol::IGMP)
}

/// Joins or leaves keys in one commit.
pub(crate) fn change(table: &GroupTable, keys: &[u64], present: bool) {
    change_in(table.begin_write(), keys, present);
}

/// Joins or leaves keys in a transaction, and commits it.
pub(crate) fn change_in(mut txn: WriteTxn<'_>, keys: &[u64], present: bool) {
    for key in keys {
        let membership = membership(*key);
        let changed = if present { txn.join(&membership) } else { txn.leave(&membership) };
        assert_eq!(changed, Ok(true), "keys are new, or were put in before");
    }
    txn.commit();
}

/// A table of random groups and sources on one interface.
pub(crate) fn random_table(joins: usize, random: &mut Random) -> GroupTable {
    let table = GroupTable::new();
    change(&table, &random.keys(joins), true);
    table
}

/// Leaves and joins at random places, in turn, each in its own commit.
pub(crate) struct Churn {
    keys: Vec<u64>,
    random: Random,
    is_join: bool,
    at: usize,
}

impl Churn {
    /// For a table that has these keys; new ones come from `random`.
    pub(crate) fn new(keys: Vec<u64>, random: Random) -> Self {
        Self { keys, random, is_join: false, at: 0 }
    }

    /// Makes this number of changes.
    pub(crate) fn run(&mut self, table: &GroupTable, changes: usize) {
        for _ in 0..changes {
            if !self.is_join {
                self.at = (self.random.next() % self.keys.len() as u64) as usize;
            } else {
                self.keys[self.at] = self.random.next();
            }
            change(table, &[self.keys[self.at]], self.is_join);
            self.is_join = !self.is_join;
        }
    }
}
