//! Vector kernels for AArch64: the instructions for the algorithms in [`vector`](super::vector).

pub(super) mod neon;
