//! Which slots stand for interfaces, and which may be given away.
//!
//! An interface gets a slot with its first membership and loses it with its last. Keys of older
//! versions go on naming it, so the slot may stand for another interface only when no live version
//! can name the one before: the rule for nodes, applied to slots.
//!
//! # Invariants
//!
//! - I1: a slot is free, retired, or taken; a taken one stands for one interface.
//! - I2: a free slot is named by no live version.
//! - I3: a retired slot is named by versions from its birth, included, to its retirement, excluded,
//!   and by no others.

use std::collections::{TryReserveError, VecDeque};

use crate::key::SLOTS;

/// How many retired slots a call looks at, at least, before it makes a new one.
const LOOKED_AT: usize = 8;

/// What part of the retired slots it looks at, if that is more: an eighth. So those that old versions
/// name keep back at most seven times as many others.
const PART_LOOKED_AT: usize = 8;

/// The slots of one family.
#[derive(Debug)]
pub(crate) struct Slots {
    limit: u32,
    /// By slot, the version that took it last.
    births: Vec<u64>,
    free: Vec<u32>,
    retired: VecDeque<Retired>,
    /// The slots that the running transaction took, and those that it gave back.
    taken: Vec<u32>,
    given_back: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Retired {
    slot: u32,
    retire: u64,
}

impl Default for Slots {
    fn default() -> Self {
        Self::with_limit(SLOTS)
    }
}

impl Slots {
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

    /// How many slots there may be.
    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    /// Makes sure of memory for one more [`take`](Self::take) or [`give_back`](Self::give_back), and
    /// for what a commit or an abort makes of it.
    pub(crate) fn reserve(&mut self) -> Result<(), TryReserveError> {
        let ended = self.taken.len() + self.given_back.len() + 1;
        self.births.try_reserve(1)?;
        self.taken.try_reserve(1)?;
        self.given_back.try_reserve(1)?;
        self.free.try_reserve(ended)?;
        self.retired.try_reserve(ended)
    }

    /// Takes a slot for the transaction that makes version `number`; `None` where there is none.
    /// `any_in` says whether a live version is among those from one number to another.
    pub(crate) fn take(&mut self, number: u64, any_in: impl Fn(u64, u64) -> bool) -> Option<u32> {
        let slot = self
            .free
            .pop()
            .or_else(|| {
                let part = self.retired.len() / PART_LOOKED_AT;
                self.take_retired(part.max(LOOKED_AT), &any_in)
            })
            .or_else(|| self.make())
            .or_else(|| self.take_retired(usize::MAX, &any_in))?;
        if let Some(birth) = self.births.get_mut(slot as usize) {
            *birth = number;
        }
        self.taken.push(slot);
        Some(slot)
    }

    /// The first of some retired slots that no live version names.
    fn take_retired(&mut self, looked_at: usize, any_in: impl Fn(u64, u64) -> bool) -> Option<u32> {
        for _ in 0..looked_at.min(self.retired.len()) {
            let retired = self.retired.pop_front()?;
            let birth = self.births.get(retired.slot as usize)?;
            if !any_in(*birth, retired.retire) {
                return Some(retired.slot);
            }
            // To the back, so that one which is named for long keeps none behind it from its turn.
            self.retired.push_back(retired);
        }
        None
    }

    fn make(&mut self) -> Option<u32> {
        let slot = u32::try_from(self.births.len()).ok().filter(|slot| *slot < self.limit)?;
        self.births.push(0);
        Some(slot)
    }

    /// Gives a slot back whose interface lost its last membership.
    pub(crate) fn give_back(&mut self, slot: u32) {
        self.given_back.push(slot);
    }

    /// The running transaction is about to be published as version `number`.
    pub(crate) fn commit(&mut self, number: u64) {
        self.taken.clear();
        for slot in self.given_back.drain(..) {
            // What the transaction took itself was never published.
            match self.births.get(slot as usize) {
                Some(birth) if *birth == number => self.free.push(slot),
                _ => self.retired.push_back(Retired { slot, retire: number }),
            }
        }
    }

    /// The running transaction has ended without being published, or was published before this.
    pub(crate) fn abort(&mut self) {
        self.given_back.clear();
        self.free.append(&mut self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(slots: &mut Slots, number: u64, live: &[u64]) -> Option<u32> {
        slots.reserve().unwrap();
        slots.take(number, |birth, retire| live.iter().any(|v| (birth..retire).contains(v)))
    }

    #[test]
    fn a_slot_is_taken_again_when_no_live_version_can_name_it() {
        let mut slots = Slots::with_limit(2);
        assert_eq!(take(&mut slots, 1, &[]), Some(0));
        slots.commit(1);
        slots.give_back(0);
        slots.commit(4);
        assert_eq!(take(&mut slots, 5, &[3, 4]), Some(1), "version 3 names slot 0");
        slots.commit(5);
        assert_eq!(take(&mut slots, 6, &[1, 5]), None, "and so does version 1");
        assert_eq!(take(&mut slots, 6, &[0, 4, 5]), Some(0), "versions 0 and 4 do not");
        slots.abort();
        assert_eq!(take(&mut slots, 6, &[0, 4, 5]), Some(0), "an abort gives it back");
    }

    #[test]
    fn slots_that_an_old_version_names_keep_no_others_back() {
        let mut slots = Slots::with_limit(1000);
        for slot in 0..20 {
            assert_eq!(take(&mut slots, 1, &[]), Some(slot));
        }
        slots.commit(1);
        (0..20).for_each(|slot| slots.give_back(slot));
        slots.commit(2);
        // Version 1 is held, and interfaces come and go.
        for number in (3..20_000).step_by(2) {
            let slot = take(&mut slots, number, &[1, number - 1]).unwrap();
            slots.commit(number);
            slots.give_back(slot);
            slots.commit(number + 1);
            assert!(slot < 20 * 8 + 8, "slots are taken again");
        }
    }

    #[test]
    fn what_a_transaction_takes_and_gives_back_was_never_seen() {
        let mut slots = Slots::with_limit(1);
        assert_eq!(take(&mut slots, 1, &[0]), Some(0));
        slots.give_back(0);
        assert_eq!(take(&mut slots, 1, &[0]), None, "the transaction may still be aborted");
        slots.commit(1);
        assert_eq!(take(&mut slots, 2, &[0, 1]), Some(0));
    }

    #[test]
    fn an_abort_takes_nothing_away() {
        let mut slots = Slots::with_limit(1);
        assert_eq!(take(&mut slots, 1, &[0]), Some(0));
        slots.commit(1);
        slots.give_back(0);
        slots.abort();
        assert_eq!(take(&mut slots, 2, &[1]), None, "the slot is still taken");
    }
}
