//! Prefetch: requests for memory before it is read. Only on x86-64; elsewhere it does nothing.
//!
//! Lines are requested into the first-level cache or into the second, whichever the processor does better
//! with: [`prefers_second_level`].

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
    /// The number of lines, with the flags [`FAR`] and [`SECOND`].
    count: usize,
}

/// The flag in `count` of lines that lie beyond the caches.
const FAR: usize = 1 << (usize::BITS - 1);

/// The flag in `count` of lines that are requested into the second-level cache.
const SECOND: usize = 1 << (usize::BITS - 2);

/// Whether this processor does better with prefetches into the second-level cache: AMD's family 25 (Zen 3 and
/// 4) enumerates a million joins 1.2 to 1.5 times as fast with them and changes them in 0.83 of the time,
/// while family 26 (Zen 5) is 5 % slower.
#[inline]
pub(crate) fn prefers_second_level() -> bool {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::sync::atomic::{AtomicU8, Ordering};

        const UNKNOWN: u8 = 2;
        static ANSWER: AtomicU8 = AtomicU8::new(UNKNOWN);
        // Relaxed: every thread finds the same answer.
        let answer = match ANSWER.load(Ordering::Relaxed) {
            UNKNOWN => {
                let answer = u8::from(is_amd_family_25());
                ANSWER.store(answer, Ordering::Relaxed);
                answer
            }
            answer => answer,
        };
        answer == 1
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    false
}

/// Whether the processor is one of AMD's family 25, by the instruction CPUID.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[cold]
fn is_amd_family_25() -> bool {
    use std::arch::x86_64::__cpuid;

    // SAFETY: every processor of this architecture has the instruction.
    #[allow(unused_unsafe, reason = "safe in later versions of the standard library")]
    let (vendor, signature) = unsafe { (__cpuid(0), __cpuid(1).eax) };
    let vendor = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
    let family = (signature >> 8 & 0xf) + (signature >> 20 & 0xff);
    // Not concatenated, which would allocate.
    vendor == [*b"Auth", *b"enti", *b"cAMD"] && family == 25
}

impl PrefetchRange {
    /// No lines.
    pub(crate) const NONE: Self = Self { first: std::ptr::null(), count: 0 };

    /// The lines of `bytes` bytes from `first` on, which begins a line.
    #[inline]
    pub(crate) fn new<T>(first: *const T, bytes: usize) -> Self {
        let second = if prefers_second_level() { SECOND } else { 0 };
        Self { first: first.cast(), count: bytes.div_ceil(LINE_BYTES) | second }
    }

    /// The same lines, marked as lying beyond the caches or not.
    ///
    /// Far lines are requested one at a time, at the rate at which lines are used: the processor can wait for
    /// a limited number of lines, and a burst stalls at that number. Near lines are requested in bursts,
    /// which is cheaper.
    #[inline]
    pub(crate) fn far(self, is_far: bool) -> Self {
        Self { count: self.count & !FAR | if is_far { FAR } else { 0 }, ..self }
    }

    /// Whether the lines lie beyond the caches.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only vector kernels use it")
    )]
    #[inline]
    pub(super) fn is_far(self) -> bool {
        self.count & FAR != 0
    }

    /// The number of lines.
    #[inline]
    pub(super) fn count(self) -> usize {
        self.count & !(FAR | SECOND)
    }

    /// Whether the lines are requested into the second-level cache.
    #[inline(always)]
    pub(super) fn is_second(self) -> bool {
        self.count & SECOND != 0
    }

    /// Requests line `at`.
    #[inline(always)]
    pub(super) fn ask(self, at: usize) {
        match self.is_second() {
            true => self.ask_into::<true>(at),
            false => self.ask_into::<false>(at),
        }
    }

    /// Requests line `at` into the cache that [`is_second`](Self::is_second) tells. A loop that branches on
    /// that once is faster than one that calls [`ask`](Self::ask).
    #[inline(always)]
    pub(super) fn ask_into<const IS_SECOND: bool>(self, at: usize) {
        debug_assert!(at < self.count());
        let line = self.first.wrapping_add(at * LINE_BYTES);
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
            // SAFETY: a prefetch has no visible effect and never faults, whatever the address.
            unsafe {
                match IS_SECOND {
                    true => _mm_prefetch::<_MM_HINT_T1>(line.cast()),
                    false => _mm_prefetch::<_MM_HINT_T0>(line.cast()),
                }
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = line;
    }

    /// Requests all lines from number `from` on.
    #[inline(always)]
    pub(crate) fn prefetch_from(self, from: usize) {
        if self.is_second() {
            (from..self.count()).for_each(|at| self.ask_into::<true>(at));
        } else {
            (from..self.count()).for_each(|at| self.ask_into::<false>(at));
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
