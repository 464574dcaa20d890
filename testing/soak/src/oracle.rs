//! The expected content of every version: the transactions in the order of their versions, and models of
//! some versions.
//!
//! ```text
//! versions      64          128         192    head
//! models        ●           ●           ●      ●
//! transactions   |||||||||||||||||||||||||||||||  ||   told, but an earlier one is missing
//! ```
//!
//! A reader announces its question before it takes a snapshot, so the oracle keeps what the question
//! needs. It drops what no question can need, so the number of its models follows the number of commits
//! during one question.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use groupscan::{GroupTable, Snapshot, SnapshotError};

use groupscan_testing::history::{Models, Transaction, counts};

/// The oracle keeps a model of each version whose number is a multiple of this.
const EVERY: u64 = 64;

/// A writer tells of its commit within this time, unless it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(crate) struct Oracle {
    known: Mutex<Known>,
    heard: Condvar,
}

#[derive(Default)]
struct Known {
    /// The last version up to which all transactions were told.
    head: u64,
    at_head: Models,
    kept: BTreeMap<u64, Arc<Models>>,
    /// The transactions by the version that each made.
    transactions: BTreeMap<u64, Arc<Transaction>>,
    /// The announced questions, each with the head at the time of the announcement.
    asking: Vec<u64>,
    fault: Option<String>,
}

/// The announcement of a question.
pub(crate) struct Question<'o> {
    oracle: &'o Oracle,
    head: u64,
}

impl Oracle {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of a transaction that has made a version. Transactions may be told in any order.
    pub(crate) fn tell(&self, version: u64, transaction: Transaction) -> Result<(), String> {
        let mut known = self.lock();
        let other = known.transactions.insert(version, Arc::new(transaction));
        let followed = match (&known.fault, other) {
            // Results after a failure mean nothing.
            (Some(fault), _) => Err(fault.clone()),
            (None, None) => known.follow(),
            (None, Some(other)) => Err(format!("version {version} was made twice: {other:?}")),
        };
        known.fault = followed.clone().err();
        self.heard.notify_all();
        followed
    }

    /// Announces a question about a snapshot that is taken after this call.
    pub(crate) fn will_ask(&self) -> Question<'_> {
        let mut known = self.lock();
        let head = known.head;
        known.asking.push(head);
        Question { oracle: self, head }
    }

    /// Compares the current version with all transactions told. No writer may run meanwhile.
    pub(crate) fn check_current(&self, table: &GroupTable) -> Result<(), String> {
        let known = self.lock();
        let snapshot = match table.snapshot() {
            Ok(snapshot) => snapshot,
            // Readers hold the versions that leaves replaced.
            Err(SnapshotError::OutOfCapacity { .. }) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        match snapshot.version().number() == known.head {
            true => known.at_head.compare_counts(counts(&snapshot)),
            false => {
                Err(format!("{} was told last, {} is current", known.head, snapshot.version()))
            }
        }
    }
}

impl Known {
    /// Advances the head to the last version up to which all were told.
    fn follow(&mut self) -> Result<(), String> {
        while let Some(next) = self.transactions.get(&(self.head + 1)) {
            next.follows(self.head)?;
            next.replay(&mut self.at_head)?;
            self.head += 1;
            if self.head.is_multiple_of(EVERY) {
                self.kept.insert(self.head, Arc::new(self.at_head.clone()));
                self.forget();
            }
        }
        Ok(())
    }

    /// Drops what comes before the last model that a question may need. A question is about the head at
    /// its announcement, or about a later version.
    fn forget(&mut self) {
        let oldest = self.asking.iter().copied().min().unwrap_or(self.head);
        if let Some((first, _)) = self.kept.range(..=oldest).next_back() {
            let first = *first;
            self.kept = self.kept.split_off(&first);
            self.transactions = self.transactions.split_off(&(first + 1));
        }
    }
}

impl Question<'_> {
    /// The expected content of a snapshot.
    pub(crate) fn ask(self, snapshot: &Snapshot) -> Result<Models, String> {
        let version = snapshot.version().number();
        if version < self.head {
            return Err(format!("version {version} was seen after the commit of {}", self.head));
        }
        let mut known = self.oracle.lock();
        // The writer that made it may not have told yet.
        while known.head < version {
            if let Some(fault) = &known.fault {
                return Err(fault.clone());
            }
            let waited = self.oracle.heard.wait_timeout(known, PATIENCE);
            let (now, timed) = waited.unwrap_or_else(PoisonError::into_inner);
            known = now;
            if timed.timed_out() {
                return Err(format!("version {version} was seen, but no transaction made it"));
            }
        }
        let (from, kept) = match known.kept.range(..=version).next_back() {
            Some((from, kept)) => (*from, Arc::clone(kept)),
            None => (0, Arc::default()),
        };
        let since = known.transactions.range((Excluded(from), Included(version)));
        let since: Vec<_> = since.map(|(_, one)| Arc::clone(one)).collect();
        drop(known);
        let mut models = Models::clone(&kept);
        since.iter().try_for_each(|one| one.replay(&mut models))?;
        Ok(models)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let mut known = self.oracle.lock();
        if let Some(at) = known.asking.iter().position(|head| *head == self.head) {
            known.asking.swap_remove(at);
        }
    }
}
