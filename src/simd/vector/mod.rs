//! What vector kernels share: the algorithms, in terms of a few operations that each instruction set has.
//!
//! [`expand`](expand()) goes over keys by cache lines ([`lines`]), and [`compact`](compact()) by the lanes of
//! vectors ([`Lanes`]). [`layout`] computes the shuffles of both.

mod compact;
mod expand;
pub(super) mod layout;
pub(super) mod lines;

pub(super) use compact::{Lanes, compact};
pub(super) use expand::{Expand, expand};
