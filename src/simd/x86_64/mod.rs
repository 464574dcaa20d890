//! Vector kernels for x86-64: the instructions for the algorithms in [`vector`](super::vector).

pub(super) mod avx2;
pub(super) mod avx512;
