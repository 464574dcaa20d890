//! Interface ids: which are taken, and when an id may be reused.
//!
//! An interface gets an id with its first membership and loses it with its last. Keys of older versions
//! still contain the id, so it may be given to another interface only when no live version can contain it.
//! This is the rule for nodes, applied to ids:
//!
//! ```text
//!          take                    give back, commit             no live version in birth..retire
//! free ──────────▶ taken ────────────────────────────▶ retired ──────────────────────────────────▶ taken
//! ```
//!
//! # Invariants
//!
//! - I1: an id is free, retired or taken. A taken id belongs to one interface.
//! - I2: no live version contains a free id.
//! - I3: the versions that contain a retired id lie from its birth, included, to its retirement, excluded.
//! - I4: every id has a birth: the version whose transaction took it last.
//!
//! # Costs
//!
//! Taking an id costs a constant time and an eighth of the retired ids; if all ids exist, it may cost all
//! retired ids.

use std::collections::{TryReserveError, VecDeque};

use crate::mvcc::WriterState;
use crate::types::Family;
use crate::types::key::MAX_INTERFACES;

/// The fewest retired ids that are examined before a new id is made.
const MIN_EXAMINED: usize = 8;

/// The part of the retired ids that is examined, if that is more: an eighth. So if old versions keep some
/// ids, at most seven times as many others wait behind them.
const EXAMINED_PART: usize = 8;

/// The ids of one family.
#[derive(Debug)]
pub(super) struct IdAllocator {
    limit: u32,
    /// By id, the version whose transaction took it last (I4).
    births: Vec<u64>,
    free: Vec<u32>,
    retired: VecDeque<RetiredId>,
    /// The ids that the running transaction took, and the ids that it gave back.
    taken: Vec<u32>,
    given_back: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct RetiredId {
    id: u32,
    retire: u64,
}

impl Default for IdAllocator {
    fn default() -> Self {
        Self::with_limit(MAX_INTERFACES)
    }
}

impl IdAllocator {
    fn with_limit(limit: u32) -> Self {
        Self {
            limit,
            births: Vec::new(),
            free: Vec::new(),
            retired: VecDeque::new(),
            taken: Vec::new(),
            given_back: Vec::new(),
        }
    }

    /// The most ids that there can be.
    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// Reserves memory for one more [`take`](Self::take) or [`give_back`](Self::give_back), and for the
    /// commit or abort after it.
    pub(super) fn reserve(&mut self) -> Result<(), TryReserveError> {
        let ended = self.taken.len() + self.given_back.len() + 1;
        self.births.try_reserve(1)?;
        self.taken.try_reserve(1)?;
        self.given_back.try_reserve(1)?;
        self.free.try_reserve(ended)?;
        self.retired.try_reserve(ended)
    }

    /// Takes an id for the transaction that makes version `number`, or returns `None` if there is none.
    /// `any_in` tells whether a live version lies in a range of numbers.
    pub(super) fn take(&mut self, number: u64, any_in: impl Fn(u64, u64) -> bool) -> Option<u32> {
        let id = self
            .free
            .pop()
            .or_else(|| {
                let part = self.retired.len() / EXAMINED_PART;
                self.take_retired(part.max(MIN_EXAMINED), &any_in)
            })
            .or_else(|| self.make())
            .or_else(|| self.take_retired(usize::MAX, &any_in))?;
        *self.birth_mut(id) = number;
        self.taken.push(id);
        Some(id)
    }

    /// Takes the first of some retired ids that no live version contains.
    fn take_retired(&mut self, examined: usize, any_in: impl Fn(u64, u64) -> bool) -> Option<u32> {
        for _ in 0..examined.min(self.retired.len()) {
            let retired = self.retired.pop_front()?;
            if !any_in(*self.birth_mut(retired.id), retired.retire) {
                return Some(retired.id);
            }
            // To the back, so that an id which an old version keeps does not block the ids behind it.
            self.retired.push_back(retired);
        }
        None
    }

    /// The birth of an id.
    fn birth_mut(&mut self, id: u32) -> &mut u64 {
        let Some(birth) = self.births.get_mut(id as usize) else {
            unreachable!("I4: every id has a birth");
        };
        birth
    }

    /// Makes a new id, if the limit allows one.
    fn make(&mut self) -> Option<u32> {
        let id = u32::try_from(self.births.len()).ok().filter(|id| *id < self.limit)?;
        self.births.push(0);
        Some(id)
    }

    /// Gives back an id whose interface has lost its last membership.
    pub(super) fn give_back(&mut self, id: u32) {
        self.given_back.push(id);
    }

    /// The running transaction is about to be published as version `number`.
    fn commit(&mut self, number: u64) {
        self.taken.clear();
        let mut given_back = std::mem::take(&mut self.given_back);
        for id in given_back.drain(..) {
            // An id that the transaction took itself was never published.
            match *self.birth_mut(id) == number {
                true => self.free.push(id),
                false => self.retired.push_back(RetiredId { id, retire: number }),
            }
        }
        // Keeps the memory of the list.
        self.given_back = given_back;
    }

    /// The running transaction ends and its changes are undone.
    fn abort(&mut self) {
        self.given_back.clear();
        self.free.append(&mut self.taken);
    }
}

/// The interface ids of both families.
#[derive(Debug, Default)]
pub(crate) struct IdAllocators {
    v4: IdAllocator,
    v6: IdAllocator,
}

impl IdAllocators {
    /// The allocator of family `F`.
    pub(super) fn of_mut<F: Family>(&mut self) -> &mut IdAllocator {
        F::pick(&mut self.v4, &mut self.v6)
    }
}

impl WriterState for IdAllocators {
    fn commit(&mut self, version: u64) {
        self.v4.commit(version);
        self.v6.commit(version);
    }

    fn abort(&mut self) {
        self.v4.abort();
        self.v6.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(ids: &mut IdAllocator, number: u64, live: &[u64]) -> Option<u32> {
        ids.reserve().unwrap();
        ids.take(number, |birth, retire| live.iter().any(|v| (birth..retire).contains(v)))
    }

    #[test]
    fn an_id_is_reused_when_no_live_version_can_contain_it() {
        let mut ids = IdAllocator::with_limit(2);
        assert_eq!(take(&mut ids, 1, &[]), Some(0));
        ids.commit(1);
        ids.give_back(0);
        ids.commit(4);
        assert_eq!(take(&mut ids, 5, &[3, 4]), Some(1), "version 3 contains id 0");
        ids.commit(5);
        assert_eq!(take(&mut ids, 6, &[1, 5]), None, "version 1 contains id 0");
        assert_eq!(take(&mut ids, 6, &[0, 4, 5]), Some(0), "versions 0 and 4 do not contain id 0");
        ids.abort();
        assert_eq!(take(&mut ids, 6, &[0, 4, 5]), Some(0), "an abort returns the id");
    }

    #[test]
    fn ids_that_an_old_version_contains_do_not_block_others() {
        let mut ids = IdAllocator::with_limit(1000);
        for id in 0..20 {
            assert_eq!(take(&mut ids, 1, &[]), Some(id));
        }
        ids.commit(1);
        (0..20).for_each(|id| ids.give_back(id));
        ids.commit(2);
        // Version 1 is held, and interfaces come and go.
        for number in (3..20_000).step_by(2) {
            let id = take(&mut ids, number, &[1, number - 1]).unwrap();
            ids.commit(number);
            ids.give_back(id);
            ids.commit(number + 1);
            assert!(id < 20 * 8 + 8, "ids are reused");
        }
    }

    #[test]
    fn an_id_that_a_transaction_takes_and_gives_back_is_free_at_once() {
        let mut ids = IdAllocator::with_limit(1);
        assert_eq!(take(&mut ids, 1, &[0]), Some(0));
        ids.give_back(0);
        assert_eq!(take(&mut ids, 1, &[0]), None, "the transaction may still be aborted");
        ids.commit(1);
        assert_eq!(take(&mut ids, 2, &[0, 1]), Some(0));
    }

    #[test]
    fn an_abort_keeps_ids_taken() {
        let mut ids = IdAllocator::with_limit(1);
        assert_eq!(take(&mut ids, 1, &[0]), Some(0));
        ids.commit(1);
        ids.give_back(0);
        ids.abort();
        assert_eq!(take(&mut ids, 2, &[1]), None, "the id is still taken");
    }
}
