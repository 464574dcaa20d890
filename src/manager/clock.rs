//! A clock that is cheap enough to read in every call: monotonic, with a resolution of some milliseconds.

#![allow(unsafe_code, reason = "std has no coarse clock")]

use std::time::Duration;

/// A moment of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    nanos: u64,
}

impl Moment {
    /// The current moment. Makes no system call.
    #[inline]
    pub(super) fn now() -> Self {
        Self { nanos: nanos() }
    }

    /// The moment for which [`to_nanos`](Self::to_nanos) returned `nanos`.
    pub(super) fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// The nanoseconds since a moment that is the same for the whole process.
    pub(super) fn to_nanos(self) -> u64 {
        self.nanos
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable. Linux has the clock since 2.6.32; without it, the call would fail and
    // `time` stay 0.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn nanos() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;

    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    FIRST.elapsed().as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_advances_and_never_goes_back() {
        let first = Moment::now();
        let mut last = first;
        while last.since(first) < Duration::from_millis(20) {
            let now = Moment::now();
            assert!(now >= last);
            last = now;
            std::thread::yield_now();
        }
        assert_eq!(first.since(last), Duration::ZERO);
        assert_eq!(Moment::from_nanos(last.to_nanos()), last);
    }
}
