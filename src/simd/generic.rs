//! The portable kernel: the reference for all others.

use std::ops::Range;

use super::prefetch::PrefetchRange;
use super::recipe::Recipe;
use super::record_buf::RecordBuf;
use super::selection::{Last, Selection};
use crate::types::key::Entries;

/// As [`SimdLevel::expand`](super::SimdLevel::expand).
#[inline]
pub(super) fn expand<R: Recipe>(
    recipe: R,
    entries: Entries<'_, R::Key, R::Value>,
    buf: &mut RecordBuf<'_, R::Record>,
    ahead: PrefetchRange,
) {
    ahead.prefetch_from(0);
    let count = entries.keys.len().min(buf.left());
    let Entries { keys, values } = part(entries, 0..count);
    let first = buf.next();
    for at in 0..count {
        // SAFETY: `at < count <= buf.left()`, so the record lies in the free part of `buf` (I1 of
        // `RecordBuf`).
        unsafe { first.add(at).write(recipe.record(keys[at], values[at], true)) };
    }
    // SAFETY: the loop has written `count` records, and `count <= buf.left()`.
    unsafe { buf.fill(count) };
}

/// As [`SimdLevel::compact`](super::SimdLevel::compact).
#[inline]
pub(super) fn compact<R: Recipe>(
    recipe: R,
    selection: &Selection<R::Family>,
    last: &mut Last<R::Family>,
    entries: Entries<'_, R::Key, R::Value>,
    buf: &mut RecordBuf<'_, R::Record>,
) -> Option<usize> {
    let Entries { keys, values } = part(entries, 0..entries.keys.len());
    for (at, (key, value)) in keys.iter().zip(values).enumerate() {
        let is_shown = recipe.join(*key, *value).is_some_and(|join| selection.shows(join, last));
        // Writes the record of every key; the next one overwrites it if the key is not shown. A branch
        // instead would be mispredicted often.
        if buf.left() > 0 {
            buf.put(recipe.record(*key, *value, selection.shows_source), is_shown);
        } else if is_shown {
            return Some(at);
        }
    }
    None
}

/// The entries at some positions.
#[inline]
pub(super) fn part<K, V>(entries: Entries<'_, K, V>, positions: Range<usize>) -> Entries<'_, K, V> {
    Entries { keys: &entries.keys[positions.clone()], values: &entries.values[positions] }
}
