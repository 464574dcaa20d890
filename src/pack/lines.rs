//! Going through keys a cache line at a time.

use crate::prefetch::{LINE_BYTES, Lines};

/// The lines at the front of a run that all the memory that is near is asked for in.
const FRONT: usize = 8;

/// Calls `line` for places that together are `bytes` bytes: for every 64 of them, and at last for
/// the last 64. Asks for `ahead` on the way. There are 64 bytes or more.
///
/// To be inlined where the instructions of `line` are allowed.
///
/// Lengths of runs are all different, and the end of each loop over one is a branch that a processor
/// guesses wrong. So memory that is near is asked for in four groups of lines that overlap as they
/// need to, in the first few steps, which are always as many: instead of one wrong guess for the lines
/// and one for the keys. Memory that is far away is asked for one line a step.
#[inline(always)]
pub(super) fn for_each_line(bytes: usize, ahead: Lines, line: impl Fn(usize)) {
    debug_assert!(bytes >= LINE_BYTES);
    let steps = bytes / LINE_BYTES;
    let asked = ahead.count();
    if !ahead.is_far() {
        let mut step = 0;
        if (FRONT..=4 * FRONT).contains(&asked) {
            let groups = [0, 1, 2, 3].map(|group| (group * FRONT).min(asked - FRONT));
            if steps >= FRONT {
                for front in 0..FRONT {
                    groups.iter().for_each(|group| ahead.ask(group + front));
                    line(front * LINE_BYTES);
                }
                step = FRONT;
            } else {
                for front in 0..FRONT {
                    groups.iter().for_each(|group| ahead.ask(group + front));
                }
            }
        } else {
            ahead.ask_from(0);
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
            ahead.ask(step);
            line(step * LINE_BYTES);
        }
        for step in both..steps {
            line(step * LINE_BYTES);
        }
        ahead.ask_from(both);
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
                    let ahead = Lines::new(&memory, asked * LINE_BYTES).far(is_far);
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
