//! What each live version retains: the bytes of the nodes that only this version reaches.
//!
//! ```text
//! live versions     4            7            9
//! walk of 9                      |--- mid ----|-- young --|     births after 4, in two sums
//! only 7 reaches    young of 7 - mid of 9
//! ```
//!
//! A node is reachable from the versions from its birth up to its retirement. So only version 7 reaches a
//! node if the node was born after 4, the live version before, and 9, the one after, does not reach it. The
//! walk of 7 counts the nodes born after 4: they are *young* there. Those of them that 9 still reaches are
//! the ones that the walk of 9 finds with births from 5 to 7. No list of retired nodes is looked at, so it
//! does not matter how far the writer is with reclaiming.
//!
//! The walks need no lock, because they hold their versions. The writer's lock is taken for a step at a
//! time, to find and hold the next few versions. Versions that die between two steps are left out, and those
//! published since the first step too. If no writer works meanwhile, the figures are those of one moment.
//!
//! One call at a time walks. Otherwise each of two calls would find, and hold, versions that only the other
//! one holds, and so a version could live as long as there are such calls.
//!
//! # Invariants
//!
//! - I1: the young nodes of a version are at least those that the next version reaches of them, whichever
//!   live versions lie between.
//!
//! # Progress
//!
//! Blocking: a turn among the calls that list, and one of the writer's lock for every [`VERSIONS_A_STEP`] versions. The lock is held for some
//! microseconds.
//!
//! # Costs
//!
//! For each version, O(the nodes born since the live version before the previous one, and their children).

use std::mem;
use std::time::Duration;

use super::header::{Hold, VersionRef};
use super::shared::Shared;
use super::{Retained, RetainedError, Version, VersionIndexes};

/// How many versions a step looks at, and holds if they are alive, while it has the writer's lock.
const VERSIONS_A_STEP: usize = 64;

/// A version that this call holds.
struct Held<S: VersionIndexes> {
    version: VersionRef<S>,
    /// Its other holders, at the time.
    holders: usize,
}

/// What each live version retains, from the oldest version to the current one. Waits for turns, `left` in
/// all.
pub(super) fn retained<S: VersionIndexes>(
    shared: &Shared<S>,
    mut left: Duration,
) -> Result<Vec<Retained>, RetainedError> {
    let _one_at_a_time = shared.listing.lock_within(&mut left).ok_or(RetainedError::Timeout)?;
    let mut found: Vec<Retained> = Vec::new();
    let mut step: Vec<Held<S>> = Vec::new();
    // With one more place for the current version.
    step.try_reserve_exact(VERSIONS_A_STEP + 1).map_err(|_| RetainedError::OutOfMemory)?;
    // The version that was looked at last, and the current version of the first step, where the list ends.
    let (mut at, mut last) = (None, None);
    // The bytes of the young nodes of the version that was found last, and the version before it.
    let (mut young, mut before) = (0, None);
    loop {
        let is_end = hold_next(shared, &mut at, &mut last, &mut step, &mut left)?;
        if is_end && let Some(last) = mem::take(&mut last) {
            step.push(last);
        }
        found.try_reserve(step.len()).map_err(|_| RetainedError::OutOfMemory)?;
        for Held { version: held, holders } in step.drain(..) {
            let version = held.version();
            let previous = found.last_mut();
            let boundary = previous.as_ref().map(|previous| previous.version);
            let (mid, next_young) = born_after(&held, before, boundary);
            if let Some(previous) = previous {
                debug_assert!(young >= mid, "I1");
                previous.bytes = young - mid;
            }
            (before, young) = (boundary, next_young);
            found.push(Retained { version, holders, bytes: young });
        }
        if is_end {
            return Ok(found);
        }
    }
}

/// Holds the next live versions behind `at`, which moves on, and before `last`, which the first step sets to
/// the current version. Returns whether there are no more.
fn hold_next<S: VersionIndexes>(
    shared: &Shared<S>,
    at: &mut Option<Version>,
    last: &mut Option<Held<S>>,
    step: &mut Vec<Held<S>>,
    left: &mut Duration,
) -> Result<bool, RetainedError> {
    let writer = shared.lock_within(left).ok_or(RetainedError::Timeout)?;
    let last = last.get_or_insert_with(|| {
        let current = writer.current();
        // Without the reference for being current.
        let holders = current.holders() - 1;
        // Also if the version is closed to readers: it is held for a moment, as a writer's base is.
        Held { version: current.clone(), holders }
    });
    let end = last.version.version();
    for header in writer.live.headers_behind(*at).take(VERSIONS_A_STEP) {
        if header.version() >= end {
            return Ok(true);
        }
        *at = Some(header.version());
        let holders = header.holders();
        // A version that is dead by now retains nothing.
        if let Hold::Held(version) = header.hold(|| None) {
            step.push(Held { version, holders });
        }
    }
    Ok(false)
}

/// The bytes of the slots of the nodes born after `before` up to `boundary`, and of those born after
/// `boundary`. Without a version, the respective sum begins with the oldest node.
fn born_after<S: VersionIndexes>(
    version: &VersionRef<S>,
    before: Option<Version>,
    boundary: Option<Version>,
) -> (usize, usize) {
    let all = version.node_bytes();
    let Some(boundary) = boundary else {
        return (0, all);
    };
    let (mut mid, mut young) = (0, 0);
    // If all older nodes count, they need no walk: they are the rest.
    let after = before.unwrap_or(boundary);
    version.indexes().for_each_node(Some(after.number()), &mut |node| {
        // SAFETY: the version is held, so its nodes are alive.
        let (birth, bytes) = unsafe { (node.birth(), node.bytes()) };
        *(if birth > boundary.number() { &mut young } else { &mut mid }) += bytes;
    });
    if before.is_none() {
        mid = all - young;
    }
    (mid, young)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::mvcc::{Bounds, Versions};
    use crate::tree::{NodePtr, PoolLimits, Reach, Tree};
    use crate::types::V4;
    use crate::types::key::{JoinKey, JoinKey4};

    /// A tree whose walks call [`DURING_WALKS`].
    struct Watched(Tree<JoinKey4, ()>);

    thread_local! {
        static DURING_WALKS: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) };
    }

    impl VersionIndexes for Watched {
        type State = ();
        type Figures = ();

        fn empty() -> Self {
            Self(Tree::empty())
        }

        unsafe fn duplicate(&self) -> Self {
            // SAFETY: as the caller promises.
            Self(unsafe { self.0.duplicate() })
        }

        fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr)) {
            let during = DURING_WALKS.with_borrow(Option::clone);
            during.inspect(|during| during());
            self.0.for_each_node(after, visit);
        }

        fn publish_figures(&self, (): &()) {}
    }

    fn insert(versions: &Versions<Watched>, key: u32) {
        let mut txn = versions.begin();
        let demand = txn.indexes().0.worst_case();
        txn.reserve(demand, Reach::System).unwrap();
        let key = JoinKey4::new(V4::from_bits(key), V4::UNSPECIFIED);
        let path = txn.indexes().0.seek(key).path();
        txn.edit(|indexes| &mut indexes.0).insert(&path, key, ());
        txn.mark_changed();
        txn.commit();
    }

    fn versions() -> Rc<Versions<Watched>> {
        let bounds = Bounds { pool: PoolLimits::NONE, live_versions: 1024 };
        Rc::new(Versions::try_new(bounds).unwrap())
    }

    fn numbers(found: &[Retained]) -> Vec<u64> {
        found.iter().map(|one| one.version.number()).collect()
    }

    #[test]
    fn walks_hold_versions_and_not_the_lock() {
        let versions = versions();
        let mut held = Vec::new();
        for key in 1..=3 {
            insert(&versions, key);
            held.push(versions.hold().unwrap());
        }
        insert(&versions, 4);
        let walks = Rc::new(RefCell::new(0));
        let during = {
            let (versions, walks) = (Rc::clone(&versions), Rc::clone(&walks));
            let held = RefCell::new(held);
            move || {
                // Commits of another thread, and deaths of the versions that are listed.
                let txn = versions.begin_within(&mut { Duration::ZERO });
                txn.expect("the lock is free").abort();
                let second = versions.retained_within(Duration::ZERO);
                assert_eq!(second, Err(RetainedError::Timeout), "one call at a time walks");
                held.borrow_mut().clear();
                insert(&versions, 10 + *walks.borrow());
                *walks.borrow_mut() += 1;
            }
        };
        DURING_WALKS.set(Some(Rc::new(during)));
        let found = versions.retained_within(Duration::MAX);
        DURING_WALKS.set(None);
        assert_eq!(numbers(&found.unwrap()), [1, 2, 3, 4], "those of the first step");
        assert_eq!(*walks.borrow(), 3, "the oldest version needs none");
        while versions.reclaim_within(Duration::MAX) == Some(true) {}
        let found = versions.retained_within(Duration::MAX).unwrap();
        assert_eq!((numbers(&found), found[0].holders), (vec![7], 0));
    }

    #[test]
    fn more_versions_than_a_step_holds_are_listed_once() {
        for count in [1, 63, 64, 65, 129] {
            let versions = versions();
            let held: Vec<_> = (1..=count)
                .map(|key| {
                    insert(&versions, key);
                    versions.hold().unwrap()
                })
                .collect();
            let found = versions.retained_within(Duration::MAX).unwrap();
            assert_eq!(numbers(&found), (1..=u64::from(count)).collect::<Vec<_>>());
            assert!(found.iter().all(|one| one.holders == 1), "its own references do not count");
            drop(held);
        }
    }

    #[test]
    fn a_list_gives_up_when_its_turn_does_not_come() {
        let versions = versions();
        let txn = versions.begin();
        let refused = versions.retained_within(Duration::ZERO);
        assert_eq!(refused, Err(RetainedError::Timeout));
        assert_eq!(versions.reclaim_within(Duration::ZERO), None);
        txn.abort();
        assert!(versions.retained_within(Duration::ZERO).is_ok());
        assert_eq!(versions.reclaim_within(Duration::ZERO), Some(false));
    }
}
