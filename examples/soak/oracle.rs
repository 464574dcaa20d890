//! What every version must be: the transactions in the order of their versions, and models of some of
//! them.
//!
//! ```text
//! versions      64          128         192    head
//! models        ●           ●           ●      ●
//! transactions   |||||||||||||||||||||||||||||||  ||   told, but one before them was not yet
//! ```
//!
//! A reader says before it looks that it will ask, so what it asks for is not forgotten meanwhile. What
//! nobody can ask for any more is forgotten, so the oracle has about as many models as there are commits
//! in the time of one question.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use groupscan::{GroupTable, Snapshot, SnapshotError};

use crate::history::{Models, Transaction, counts};

/// A model is kept of every so manieth version.
const EVERY: u64 = 64;

/// A writer that has committed tells within this time, unless it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(crate) struct Oracle {
    known: Mutex<Known>,
    heard: Condvar,
}

#[derive(Default)]
struct Known {
    /// The last version before which all have been heard of.
    head: u64,
    at_head: Models,
    kept: BTreeMap<u64, Arc<Models>>,
    /// By the version that each made.
    transactions: BTreeMap<u64, Arc<Transaction>>,
    /// Those who will ask, and what was the head when they said so.
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

    /// Tells of a transaction that has made a version. Transactions that follow on each other may be
    /// told in any order.
    pub(crate) fn tell(&self, version: u64, transaction: Transaction) -> Result<(), String> {
        let mut known = self.lock();
        let other = known.transactions.insert(version, Arc::new(transaction));
        let followed = match (&known.fault, other) {
            // What follows a fault says nothing.
            (Some(fault), _) => Err(fault.clone()),
            (None, None) => known.follow(),
            (None, Some(other)) => Err(format!("version {version} was made twice: {other:?}")),
        };
        known.fault = followed.clone().err();
        self.heard.notify_all();
        followed
    }

    /// Announces that the version of a snapshot will be asked for, which is taken after this.
    pub(crate) fn will_ask(&self) -> Question<'_> {
        let mut known = self.lock();
        let head = known.head;
        known.asking.push(head);
        Question { oracle: self, head }
    }

    /// Compares the current version with all that was told. Nobody writes meanwhile.
    pub(crate) fn check_current(&self, table: &GroupTable) -> Result<(), String> {
        let known = self.lock();
        let snapshot = match table.snapshot() {
            Ok(snapshot) => snapshot,
            // The readers hold what leaves have left behind.
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
    /// Goes on to the last version before which all were told.
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

    /// Forgets what comes before the last model that a question may need: who asks has taken a snapshot
    /// of the head of that time, or of a later version.
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
    /// What the version of a snapshot must have.
    pub(crate) fn ask(self, snapshot: &Snapshot) -> Result<Models, String> {
        let version = snapshot.version().number();
        if version < self.head {
            return Err(format!("version {version} was seen after the commit of {}", self.head));
        }
        let mut known = self.oracle.lock();
        // Whoever made it may not have told yet.
        while known.head < version {
            if let Some(fault) = &known.fault {
                return Err(fault.clone());
            }
            let waited = self.oracle.heard.wait_timeout(known, PATIENCE);
            let (now, timed) = waited.unwrap_or_else(PoisonError::into_inner);
            known = now;
            if timed.timed_out() {
                return Err(format!("version {version} was seen, and nobody made it"));
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
