//! Choices that a seed decides, so that threads repeat what they do.

use std::thread;
use std::time::Duration;

/// A sequence of numbers by SplitMix64. Any number is a valid state, so neighbouring seeds give
/// unrelated sequences.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The sequence of one thread among many with the same seed.
    pub fn new(seed: u64, thread: u64) -> Self {
        let mut of_seed = Self(seed);
        Self(of_seed.bits() ^ thread.wrapping_mul(Self::STEP).rotate_left(32))
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number less than `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() >> 16) as usize % bound
    }

    /// A number less than `bound`.
    pub fn small(&mut self, bound: u8) -> u8 {
        self.below(bound.into()) as u8
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Pauses in one of the ways in which threads lose their turn, or does not pause.
    pub fn pause(&mut self) {
        match self.below(16) {
            0..=3 => thread::yield_now(),
            4..=6 => (0..self.below(300)).for_each(|_| std::hint::spin_loop()),
            7 => thread::sleep(Duration::from_micros(self.below(200) as u64)),
            _ => {}
        }
    }
}
