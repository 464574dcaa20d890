//! Rounds: the timing of a question's sides.
//!
//! In each round every side has one turn, because a machine's speed drifts by more than many effects. The
//! order of a round is random, so that a side does not always follow the same one.

use std::time::{Duration, Instant};

use crate::joins::Random;

/// The time after which a side has no more turns. Some peers free what a reader held so slowly that a turn
/// takes minutes.
const BUDGET: Duration = Duration::from_secs(60);

/// Gives every side a turn in each round, except sides whose turns have taken too long by then. Returns the
/// results of the turns, by side.
pub fn alternate<S, T>(
    sides: &mut [S],
    rounds: usize,
    mut turn: impl FnMut(usize, &mut S) -> T,
) -> Vec<Vec<T>> {
    let mut given: Vec<Vec<T>> = sides.iter().map(|_| Vec::with_capacity(rounds)).collect();
    let mut taken = vec![Duration::ZERO; sides.len()];
    let mut random = Random::new();
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..sides.len()).collect();
        order.sort_by_cached_key(|_| random.next());
        for side in order {
            if taken[side] > BUDGET {
                continue;
            }
            let start = Instant::now();
            given[side].push(turn(round, &mut sides[side]));
            taken[side] += start.elapsed();
        }
    }
    given
}

/// The number of calls that fill a turn of `least`.
pub fn calls_that_fill(least: Duration, mut call: impl FnMut()) -> usize {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        if start.elapsed() >= least {
            return calls;
        }
        calls *= 2;
    }
}

/// The nanoseconds per unit.
pub fn nanos_a_unit(units: usize, run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_nanos() as f64 / units as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_has_a_turn_a_round_and_comes_after_every_other() {
        let mut order = Vec::new();
        let given = alternate(&mut ['a', 'b', 'c'], 15, |round, side| {
            order.push(*side);
            (round, *side)
        });
        for (turns, side) in given.iter().zip(['a', 'b', 'c']) {
            assert!(turns.iter().copied().eq((0..15).map(|round| (round, side))));
        }
        for pair in [['a', 'b'], ['b', 'a'], ['a', 'c'], ['c', 'a'], ['b', 'c'], ['c', 'b']] {
            assert!(order.windows(2).any(|turns| turns == pair), "{pair:?}");
        }
    }
}
