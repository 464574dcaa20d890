//! A loop over keys, one cache line at a time.

use crate::simd::prefetch::{LINE_BYTES, PrefetchRange};

/// The number of steps at the front of a run in which all near lines are prefetched.
const FRONT: usize = 8;

/// Calls `line` with the offsets of 64-byte lines that together cover `bytes` bytes: all whole lines, and
/// last the line that ends at `bytes`, which may overlap the one before. Every offset is at most `bytes -
/// 64`. Prefetches `ahead` on the way. `bytes` is at least 64.
///
/// It is inlined, because `line` may use instructions that only its caller enables.
///
/// Runs differ in length, so the end of each loop over one is a mispredicted branch. To save that of a loop
/// over `ahead`, near lines are prefetched in four overlapping groups, in a constant number of steps at the
/// front. Far lines are prefetched one per step.
#[inline(always)]
pub(in crate::simd) fn for_each_line(bytes: usize, ahead: PrefetchRange, line: impl Fn(usize)) {
    debug_assert!(bytes >= LINE_BYTES);
    match ahead.is_second() {
        true => lines::<true>(bytes, ahead, line),
        false => lines::<false>(bytes, ahead, line),
    }
}

/// As [`for_each_line`], for one kind of prefetches.
#[inline(always)]
fn lines<const IS_SECOND: bool>(bytes: usize, ahead: PrefetchRange, line: impl Fn(usize)) {
    let steps = bytes / LINE_BYTES;
    let asked = ahead.count();
    if !ahead.is_far() {
        let mut step = 0;
        if (FRONT..=4 * FRONT).contains(&asked) {
            let groups = [0, 1, 2, 3].map(|group| (group * FRONT).min(asked - FRONT));
            if steps >= FRONT {
                for front in 0..FRONT {
                    groups.iter().for_each(|group| ahead.ask_into::<IS_SECOND>(group + front));
                    line(front * LINE_BYTES);
                }
                step = FRONT;
            } else {
                for front in 0..FRONT {
                    groups.iter().for_each(|group| ahead.ask_into::<IS_SECOND>(group + front));
                }
            }
        } else {
            ahead.prefetch_from(0);
        }
        while step + 2 <= steps {
            line(step * LINE_BYTES);
            line((step + 1) * LINE_BYTES);
            step += 2;
        }
        if step < steps {
            line(step * LINE_BYTES);
        }
    } else {
        let both = steps.min(asked);
        for step in 0..both {
            ahead.ask_into::<IS_SECOND>(step);
            line(step * LINE_BYTES);
        }
        for step in both..steps {
            line(step * LINE_BYTES);
        }
        ahead.prefetch_from(both);
    }
    line(bytes - LINE_BYTES);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn lines_cover_every_byte_and_no_other() {
        let memory = [0u64; 300];
        for bytes in (LINE_BYTES..=2048).step_by(8) {
            for asked in [0, 1, 7, 8, 9, 20, 31, 32, 33] {
                for is_far in [false, true] {
                    let covered = RefCell::new([false; 2048]);
                    let ahead = PrefetchRange::new(&memory, asked * LINE_BYTES).far(is_far);
                    for_each_line(bytes, ahead, |at| {
                        covered.borrow_mut()[at..at + LINE_BYTES].fill(true);
                    });
                    let covered = covered.into_inner();
                    assert!(covered[..bytes].iter().all(|is| *is));
                    assert!(covered[bytes..].iter().all(|is| !is));
                }
            }
        }
    }
}
