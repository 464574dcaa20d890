//! Packing: turning keys into records, at the speed of memory.
//!
//! A kernel reads keys as they lie in the set and writes whole records, in the caller's memory and
//! nowhere else. Masks are derived while packing, since they carry no information of their own.

mod portable;

pub(crate) use portable::expand;
