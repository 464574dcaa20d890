//! Requests for slots: how many, from which part of the pool, how far they may go, and why they fail.

use std::ops::Add;

use super::slot::Part;
use crate::types::key::Key;

/// Why there are no slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AllocError {
    /// More slots would be in use than the pool's limit allows.
    Capacity {
        /// The limit on bytes of nodes.
        limit_bytes: usize,
    },
    /// More memory would be mapped than the pool's limit allows.
    Mapped {
        /// The limit on bytes of chunks.
        limit_bytes: usize,
    },
    /// The system refused memory.
    System,
}

/// How far a reservation may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Up to the pool's capacity, and such that these slots are still available then: the spare for the
    /// next removal.
    Capacity { spare: Demand },
    /// Beyond the capacity, but such that these slots are still available then.
    BeyondCapacity { spare: Demand },
    /// Beyond the capacity and into the spare, as far as there is memory.
    System,
}

/// The part of a pool that the nodes of an index come from.
///
/// The leaves of an index that is scanned have values behind their keys, and need large slots. They lie apart
/// from all others also so that a scan touches less memory: at 16 M joins that makes a difference of a fifth
/// (`cargo bench --bench ratio -- "all sources"`).
pub(super) const fn part_of<K: Key, V>() -> Part {
    if K::IS_SCANNED && size_of::<V>() > 0 { Part::Large } else { Part::Small }
}

/// The number of slots requested from each part of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand(pub(super) [usize; Part::ALL.len()]);

impl Demand {
    /// `slots` slots for an index of keys `K` and values `V`.
    pub(crate) fn of<K: Key, V>(slots: usize) -> Self {
        let mut demand = Self::default();
        demand.0[part_of::<K, V>() as usize] = slots;
        demand
    }

    /// The greater number of slots for each part.
    #[inline]
    pub(crate) fn max(self, other: Self) -> Self {
        let mut most = self;
        most.0.iter_mut().zip(other.0).for_each(|(slots, other)| *slots = (*slots).max(other));
        most
    }

    /// The bytes of the slots of both parts.
    pub(crate) fn bytes(self) -> usize {
        let bytes = Part::ALL.map(|part| self.0[part as usize].saturating_mul(part.slot_bytes()));
        bytes.into_iter().fold(0, usize::saturating_add)
    }
}

impl Add for Demand {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        let mut sum = self;
        sum.0.iter_mut().zip(other.0).for_each(|(slots, more)| *slots = slots.saturating_add(more));
        sum
    }
}
