//! Asking for memory before it is read. On machines other than x86-64 nobody asks.

#![allow(unsafe_code, reason = "the instruction is an unsafe function")]

/// The bytes of a cache line, of most machines.
pub(crate) const LINE_BYTES: usize = 64;

/// Some cache lines that will be read soon.
///
/// Two words, so that they are handed on in registers: through memory, they would have to wait for the
/// records that were just written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    first: *const u8,
    /// The number of lines, and [`FAR`].
    count: usize,
}

/// Set in a count where the lines lie beyond the caches.
const FAR: usize = 1 << (usize::BITS - 1);

impl Lines {
    /// No lines.
    pub(crate) const NONE: Self = Self { first: std::ptr::null(), count: 0 };

    /// The lines of so many bytes, of which the first begins a line.
    #[inline]
    pub(crate) fn new<T>(first: *const T, bytes: usize) -> Self {
        Self { first: first.cast(), count: bytes.div_ceil(LINE_BYTES) }
    }

    /// The same lines, which lie beyond the caches or not.
    ///
    /// What is far away has to be asked for one line at a time, as fast as it is used: the machine can
    /// wait for so many lines only, and a burst stops at that number. What is near may be asked for in
    /// bursts, which is cheaper.
    #[inline]
    pub(crate) fn far(self, is_far: bool) -> Self {
        Self { count: self.count() | if is_far { FAR } else { 0 }, ..self }
    }

    /// Whether the lines lie beyond the caches.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "kernels of others do not ask")
    )]
    #[inline]
    pub(crate) fn is_far(self) -> bool {
        self.count & FAR != 0
    }

    /// The number of lines.
    #[inline]
    pub(crate) fn count(self) -> usize {
        self.count & !FAR
    }

    /// Asks for line `at`.
    #[inline(always)]
    pub(crate) fn ask(self, at: usize) {
        debug_assert!(at < self.count());
        let line = self.first.wrapping_add(at * LINE_BYTES);
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a prefetch reads nothing that anybody could see, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = line;
    }

    /// Asks for the lines from place `from` on.
    #[inline(always)]
    pub(crate) fn ask_from(self, from: usize) {
        for at in from..self.count() {
            self.ask(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_whole_lines() {
        let bytes = [0u64; 64];
        for (count, lines) in [(0, 0), (1, 1), (64, 1), (65, 2), (512, 8)] {
            assert_eq!(Lines::new(&bytes, count).count(), lines);
        }
        let lines = Lines::new(&bytes, 512).far(true);
        assert_eq!((lines.count(), lines.is_far()), (8, true));
        assert_eq!((lines.far(false).count(), lines.far(false).is_far()), (8, false));
        lines.ask_from(0);
        Lines::NONE.ask_from(0);
    }
}
