//! Prefetch: requests for memory before it is read. Only on x86-64; elsewhere it does nothing.

#![allow(unsafe_code, reason = "the intrinsic is an unsafe function")]

/// The size of a cache line in bytes, on most machines.
pub(super) const LINE_BYTES: usize = 64;

/// A range of cache lines that will be read soon.
///
/// Two words, so that it is passed in registers: in memory, its loads would wait behind the stores of the
/// records just written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrefetchRange {
    first: *const u8,
    /// The number of lines, with the flag [`FAR`].
    count: usize,
}

/// The flag in `count` of lines that lie beyond the caches.
const FAR: usize = 1 << (usize::BITS - 1);

impl PrefetchRange {
    /// No lines.
    pub(crate) const NONE: Self = Self { first: std::ptr::null(), count: 0 };

    /// The lines of `bytes` bytes from `first` on, which begins a line.
    #[inline]
    pub(crate) fn new<T>(first: *const T, bytes: usize) -> Self {
        Self { first: first.cast(), count: bytes.div_ceil(LINE_BYTES) }
    }

    /// The same lines, marked as lying beyond the caches or not.
    ///
    /// Far lines are requested one at a time, at the rate at which lines are used: the processor can wait for
    /// a limited number of lines, and a burst stalls at that number. Near lines are requested in bursts,
    /// which is cheaper.
    #[inline]
    pub(crate) fn far(self, is_far: bool) -> Self {
        Self { count: self.count() | if is_far { FAR } else { 0 }, ..self }
    }

    /// Whether the lines lie beyond the caches.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only the x86-64 kernels use it")
    )]
    #[inline]
    pub(super) fn is_far(self) -> bool {
        self.count & FAR != 0
    }

    /// The number of lines.
    #[inline]
    pub(super) fn count(self) -> usize {
        self.count & !FAR
    }

    /// Requests line `at`.
    #[inline(always)]
    pub(super) fn ask(self, at: usize) {
        debug_assert!(at < self.count());
        let line = self.first.wrapping_add(at * LINE_BYTES);
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a prefetch has no visible effect and never faults, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = line;
    }

    /// Requests all lines from number `from` on.
    #[inline(always)]
    pub(crate) fn prefetch_from(self, from: usize) {
        for at in from..self.count() {
            self.ask(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_covers_whole_lines() {
        let bytes = [0u64; 64];
        for (count, lines) in [(0, 0), (1, 1), (64, 1), (65, 2), (512, 8)] {
            assert_eq!(PrefetchRange::new(&bytes, count).count(), lines);
        }
        let lines = PrefetchRange::new(&bytes, 512).far(true);
        assert_eq!((lines.count(), lines.is_far()), (8, true));
        assert_eq!((lines.far(false).count(), lines.far(false).is_far()), (8, false));
        lines.prefetch_from(0);
        PrefetchRange::NONE.prefetch_from(0);
    }
}
