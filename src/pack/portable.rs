//! The kernel for every machine, and the reference for all others.

use super::{Last, Recipe, Room, Selection};
use crate::prefetch::Lines;

/// As [`Kernel::expand`](super::Kernel::expand).
#[inline]
pub(super) fn expand<R: Recipe>(
    recipe: R,
    keys: &[R::Key],
    room: &mut Room<'_, R::Record>,
    ahead: Lines,
) {
    ahead.ask_from(0);
    let count = keys.len().min(room.left());
    let first = room.next();
    for (at, key) in keys[..count].iter().enumerate() {
        // SAFETY: there is room for `count` records from there on (I1 of `Room`).
        unsafe { first.add(at).write(recipe.record(*key, true)) };
    }
    // SAFETY: they were just written.
    unsafe { room.fill(count) };
}

/// As [`Kernel::compact`](super::Kernel::compact).
#[inline]
pub(super) fn compact<R: Recipe>(
    recipe: R,
    selection: &Selection<R::Family>,
    last: &mut Last<R::Family>,
    keys: &[R::Key],
    room: &mut Room<'_, R::Record>,
) -> Option<usize> {
    let mut is_shown = |key: &R::Key| {
        recipe.join(*key).is_some_and(|(group, source)| selection.shows(group, source, last))
    };
    let mut at = 0;
    // Every record is written, and overwritten by the next where it is not shown: which ones are is
    // nothing that a processor could predict.
    while at < keys.len() && room.left() > 0 {
        let key = &keys[at];
        room.put(recipe.record(*key, selection.shows_source), is_shown(key));
        at += 1;
    }
    keys[at..].iter().position(is_shown).map(|found| at + found)
}
