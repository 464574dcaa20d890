//! Requests for slots: how many, from which part of the pool, how far they may go, and why they fail.

use std::ops::Add;

use crate::types::key::Key;

/// Why there are no slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AllocError {
    /// More slots would be in use than the pool's limit allows.
    Capacity {
        /// The limit on bytes of nodes.
        limit_bytes: usize,
    },
    /// The system refused memory.
    System,
}

/// How far a reservation may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Up to the pool's capacity.
    Capacity,
    /// Beyond the capacity, as far as the system gives memory.
    System,
}

/// The number of parts of a pool.
pub(super) const PARTS: usize = 2;

/// The part of a pool that the nodes of an index come from.
///
/// Nodes of indexes that are scanned lie apart from all others, so that a scan touches less memory. Set by
/// `cargo bench --bench ratio -- "all sources"`: at 16 M joins it makes a difference of a
/// fifth.
pub(super) const fn part_of<K: Key>() -> u8 {
    !K::IS_SCANNED as u8
}

/// The number of slots requested from each part of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand(pub(super) [usize; PARTS]);

impl Demand {
    /// `slots` slots for an index of keys `K`.
    pub(crate) fn of<K: Key>(slots: usize) -> Self {
        let mut demand = Self::default();
        demand.0[usize::from(part_of::<K>())] = slots;
        demand
    }

    /// The number of slots of both parts.
    pub(crate) fn total(self) -> usize {
        self.0.into_iter().fold(0, usize::saturating_add)
    }
}

impl Add for Demand {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let mut sum = self;
        sum.0.iter_mut().zip(other.0).for_each(|(slots, more)| *slots = slots.saturating_add(more));
        sum
    }
}
