//! Kernels for x86-64, and what they share.
//!
//! # Expand
//!
//! Both kernels go over the keys a cache line (64 bytes) at a time ([`lines`]). An address in a key is a
//! number; in a record it is in network byte order, and followed by its mask, which is all ones unless the
//! address is 0.
//!
//! ```text
//! for each vector of keys:
//!     records = shuffle(keys)                         addresses reversed, in the places of `layout`
//!     masks   = address == 0 ? 0 : all ones           compared lane by lane
//!     store(records with masks, or what all records have in common)
//! ```
//!
//! The last line of a run may overlap the line before it, so there is no scalar tail: some records are stored
//! twice, with the same bytes. Runs shorter than a line go to the portable kernel; AVX-512 packs memberships
//! of IPv6 one by one.
//!
//! # Compact
//!
//! A key of an IPv4 join is one word, group << 32 | source. A vector has `N` of them (4 or 8).
//!
//! ```text
//! last      = the last key before the vector, and whether it was in the range
//! for each vector of keys:
//!     distance = (keys << 32) - (low << 32)           the source in the high half; wraps below `low`
//!     in_range = distance <= (high - low) << 32       one unsigned comparison for both bounds
//!     shown    = in_range
//!     if groups are shown once:
//!         previous   = [last, keys[0], .., keys[N-2]] the keys, moved up by one lane
//!         same_group = (keys ^ previous) >> 32 == 0
//!         shown     &= !(same_group & (in_range << 1 | last was in the range))
//!     if shown != 0:
//!         if fewer than N records fit: stop           the caller goes on key by key
//!         store(expand(compress(keys, shown)))        N records; only the first popcnt(shown) count
//!     last = keys[N-1], in_range[N-1]
//! ```
//!
//! *Range by subtraction*: `source - low` wraps to a large number if `source < low`, so that one comparison
//! with `high - low` checks both bounds. The shift moves the source to the high half, so that the group drops
//! out, and the low halves are 0.
//!
//! *Previous lane*: keys ascend, so within a group the keys in the range are adjacent. A key is therefore the
//! first of its group in the range unless the lane before it is in the range and has the same group. The lane
//! before the first is the last of the previous vector, or of the previous call ([`Last`](super::Last)).

pub(super) mod avx2;
pub(super) mod avx512;
mod layout;
mod lines;
