//! The portable kernel: the reference for all others.

use super::{Last, Recipe, RecordBuf, Selection};
use crate::simd::prefetch::PrefetchRange;

/// As [`SimdLevel::expand`](super::SimdLevel::expand).
#[inline]
pub(super) fn expand<R: Recipe>(
    recipe: R,
    keys: &[R::Key],
    buf: &mut RecordBuf<'_, R::Record>,
    ahead: PrefetchRange,
) {
    ahead.prefetch_from(0);
    let count = keys.len().min(buf.left());
    let first = buf.next();
    for (at, key) in keys[..count].iter().enumerate() {
        // SAFETY: `at < count <= buf.left()`, so the record lies in the free part of `buf` (I1 of
        // `RecordBuf`).
        unsafe { first.add(at).write(recipe.record(*key, true)) };
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
    keys: &[R::Key],
    buf: &mut RecordBuf<'_, R::Record>,
) -> Option<usize> {
    let mut is_shown =
        |key: &R::Key| recipe.join(*key).is_some_and(|join| selection.shows(join, last));
    let mut at = 0;
    // Writes the record of every key; the next one overwrites it if the key is not shown. A branch instead
    // would be mispredicted often.
    while at < keys.len() && buf.left() > 0 {
        let key = &keys[at];
        buf.put(recipe.record(*key, selection.shows_source), is_shown(key));
        at += 1;
    }
    keys[at..].iter().position(is_shown).map(|found| at + found)
}
