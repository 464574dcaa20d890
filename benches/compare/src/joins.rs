//! The joins of the tables, and their changes.
//!
//! A join is a key: the group in the high half of a number, the source in the low half. The keys are those
//! of the project's other benches: random groups and sources, the same in every run.

#[path = "../../support/random.rs"]
mod random;

pub(crate) use random::Random;

/// One join or leave.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub key: u64,
    pub is_join: bool,
    /// The index of its key among the churn's keys.
    at: usize,
}

/// Leaves of random keys and joins of new ones, in turn.
pub struct Churn {
    keys: Vec<u64>,
    random: Random,
    is_join: bool,
    at: usize,
}

impl Churn {
    /// For a table that has the first `size` keys.
    pub fn new(size: usize) -> Self {
        let mut random = Random::new();
        Self { keys: random.keys(size), random, is_join: false, at: 0 }
    }

    /// The next change.
    pub fn next(&mut self) -> Change {
        let is_join = self.is_join;
        if is_join {
            self.keys[self.at] = self.random.next();
        } else {
            self.at = (self.random.next() % self.keys.len() as u64) as usize;
        }
        self.is_join = !is_join;
        Change { key: self.keys[self.at], is_join, at: self.at }
    }

    /// Prepares changes in advance, so that their preparation is not timed.
    pub fn prepare(&mut self, changes: usize) -> Vec<Change> {
        (0..changes).map(|_| self.next()).collect()
    }

    /// Takes back the last prepared changes, which have not been made: leaves with their joins.
    pub fn take_back(&mut self, changes: &[Change]) {
        assert!(!self.is_in_between(), "a leave and its join belong together");
        for leave in changes.iter().rev().filter(|change| !change.is_join) {
            self.keys[leave.at] = leave.key;
        }
    }

    /// Keys that the table does not have.
    pub fn new_keys(&mut self, count: usize) -> Vec<u64> {
        self.random.keys(count)
    }

    /// Whether the last leave still lacks its join, so that the table has one key less than at first.
    pub fn is_in_between(&self) -> bool {
        self.is_join
    }

    /// The keys that the table has after the changes, ascending.
    pub fn sorted_keys(&self) -> Vec<u64> {
        assert!(!self.is_in_between(), "a leave and its join belong together");
        let mut keys = self.keys.clone();
        keys.sort_unstable();
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_that_were_not_made_are_taken_back() {
        // Few keys, so that some change more than once.
        let mut churn = Churn::new(4);
        let before = churn.sorted_keys();
        let not_made = churn.prepare(20);
        assert_ne!(churn.sorted_keys(), before);
        churn.take_back(&not_made);
        assert_eq!(churn.sorted_keys(), before);
    }
}
