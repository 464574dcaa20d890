//! Random keys.

/// Random numbers, the same in every run, that never repeat.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0)
    }

    /// The next number: a permutation of the 64-bit numbers, applied to a count.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 += 1;
        let mut number = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for factor in [0xbf58_476d_1ce4_e5b9_u64, 0x94d0_49bb_1331_11eb] {
            number = (number ^ (number >> 31)).wrapping_mul(factor);
        }
        number ^ (number >> 31)
    }

    /// New keys: group in the high half, source in the low half.
    #[allow(dead_code, reason = "not every bench changes tables")]
    pub(crate) fn keys(&mut self, count: usize) -> Vec<u64> {
        (0..count).map(|_| self.next()).collect()
    }
}
