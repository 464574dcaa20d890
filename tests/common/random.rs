//! Choices that follow from a seed, for threads whose runs must be repeatable in what they do.

#![allow(dead_code, reason = "each test uses its part")]

use std::thread;
use std::time::Duration;

/// A sequence of numbers: SplitMix64, whose states may be any numbers, so that those of neighbouring
/// seeds have nothing in common.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The sequence of a thread, one of many that have the seed.
    pub(crate) fn new(seed: u64, thread: u64) -> Self {
        let mut of_seed = Self(seed);
        Self(of_seed.bits() ^ thread.wrapping_mul(Self::STEP).rotate_left(32))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number less than `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.bits() >> 16) as usize % bound
    }

    /// A number less than `bound`.
    pub(crate) fn small(&mut self, bound: u8) -> u8 {
        self.below(bound.into()) as u8
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Stands still for a moment, in one of the ways in which threads lose their turn, or not at all.
    pub(crate) fn pause(&mut self) {
        match self.below(16) {
            0..=3 => thread::yield_now(),
            4..=6 => (0..self.below(300)).for_each(|_| std::hint::spin_loop()),
            7 => thread::sleep(Duration::from_micros(self.below(200) as u64)),
            _ => {}
        }
    }
}
