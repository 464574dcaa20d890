//! What the project's own tests and benches look at. Not part of the interface: it changes without
//! notice.

#![allow(unsafe_code, reason = "implements the trait of what a version consists of")]
#![allow(missing_docs, reason = "not part of the interface")]

use std::alloc::{Layout, handle_alloc_error};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::mvcc::{Bounds, Txn, VersionIndexes, VersionRef, Versions};
use crate::table::GroupTable;
use crate::table::Snapshot;
use crate::tree::{NodePtr, PoolLimits, Reach, Tree};
use crate::types::key::{JoinKey, JoinKey4};

/// The addresses of the nodes that a snapshot's version reaches, and the bytes of their slots.
pub fn reachable(snapshot: &Snapshot) -> BTreeMap<usize, usize> {
    let mut nodes = BTreeMap::new();
    snapshot.version_ref().indexes().for_each_node(None, &mut |node| {
        // SAFETY: the nodes are alive while the snapshot holds their version.
        nodes.insert(node.address(), unsafe { node.bytes() });
    });
    nodes
}

/// The addresses of the nodes that exist in a table, and the bytes of their slots.
pub fn existing(table: &GroupTable) -> BTreeMap<usize, usize> {
    table.versions().existing()
}

/// Runs `stopped` as if the thread were stopped there in the middle of `GroupTable::snapshot`, with
/// the current version's header loaded and not yet held.
pub fn stop_in_snapshot(table: &GroupTable, stopped: impl FnOnce()) {
    table.versions().stop_in_hold(stopped);
}

/// Has `refuses` decide whether a request of this thread for a chunk of nodes is refused. Chunks do not come
/// from the global allocator.
#[cfg(not(groupscan_check))]
pub fn refuse_chunks(refuses: Option<fn() -> bool>) {
    crate::tree::refuse_chunks(refuses);
}

/// One index of IPv4 joins alone, with all that a table has around its indexes.
pub struct JoinIndex {
    versions: Versions<Tree<JoinKey4, ()>>,
}

/// A version of a [`JoinIndex`].
pub struct JoinIndexSnapshot(VersionRef<Tree<JoinKey4, ()>>);

impl VersionIndexes for Tree<JoinKey4, ()> {
    type State = ();
    type Figures = ();

    fn empty() -> Self {
        Self::empty()
    }

    unsafe fn duplicate(&self) -> Self {
        // SAFETY: as the caller promises.
        unsafe { self.duplicate() }
    }

    fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr)) {
        self.for_each_node(after, visit);
    }

    fn publish_figures(&self, (): &()) {}
}

fn join_key(key: u64) -> JoinKey4 {
    let [group, source] = [(key >> 32) as u32, key as u32].map(Ipv4Addr::from_bits);
    JoinKey4::new(group, source)
}

impl JoinIndex {
    #[expect(clippy::new_without_default, reason = "not part of the interface")]
    pub fn new() -> Self {
        let bounds = Bounds { pool: PoolLimits::NONE, live_versions: 1024 };
        let Ok(versions) = Versions::try_new(bounds) else {
            handle_alloc_error(Layout::new::<Self>());
        };
        Self { versions }
    }

    /// Puts keys in, or takes them out, in one commit. Says whether there was memory.
    pub fn change(&self, keys: impl IntoIterator<Item = u64>, present: bool) -> bool {
        change(self.versions.begin(), keys, present)
    }

    /// As `change`, in a turn that comes within the timeout, or else `None`.
    pub fn change_within(
        &self,
        mut timeout: Duration,
        keys: impl IntoIterator<Item = u64>,
        present: bool,
    ) -> Option<bool> {
        let txn = self.versions.begin_within(&mut timeout)?;
        Some(change(txn, keys, present))
    }

    /// Puts ascending keys into an empty index, in one commit. Returns whether there was memory.
    pub fn bulk_load(&self, keys: impl ExactSizeIterator<Item = u64>) -> bool {
        let mut txn = self.versions.begin();
        assert_eq!(txn.indexes().len(), 0, "for an empty index");
        let demand = Tree::<JoinKey4, ()>::slots_to_load(keys.len());
        if txn.reserve(demand, Reach::System).is_err() {
            return false;
        }
        txn.edit(|tree| tree).bulk_load(keys.map(|key| (join_key(key), ())));
        txn.mark_changed();
        txn.commit();
        true
    }

    pub fn snapshot(&self) -> Option<JoinIndexSnapshot> {
        self.versions.hold().ok().map(JoinIndexSnapshot)
    }

    pub fn live_versions(&self) -> usize {
        self.versions.usage().live_versions
    }

    /// The bytes of nodes in use that the current version does not reach.
    pub fn retained_bytes(&self) -> usize {
        let usage = self.versions.usage();
        usage.pool.in_use.saturating_sub(usage.current_bytes)
    }

    /// The number of versions, and the bytes that each retains; `None` if the turns for it do not come within
    /// the timeout.
    pub fn retained_within(&self, timeout: Duration) -> Option<(usize, usize)> {
        let retained = self.versions.retained_within(timeout).ok()?;
        Some((retained.len(), retained.iter().map(|one| one.bytes).sum()))
    }

    /// The bytes of slots in use.
    pub fn node_bytes(&self) -> usize {
        self.versions.usage().pool.in_use
    }
}

fn change(
    mut txn: Txn<'_, Tree<JoinKey4, ()>>,
    keys: impl IntoIterator<Item = u64>,
    present: bool,
) -> bool {
    for key in keys {
        let demand = txn.indexes().worst_case();
        if txn.reserve(demand, Reach::System).is_err() {
            return false;
        }
        let key = join_key(key);
        let cursor = txn.indexes().seek(key);
        let (path, is_there) = (cursor.path(), cursor.found().is_some());
        if is_there != present {
            let mut edit = txn.edit(|tree| tree);
            match present {
                true => edit.insert(&path, key, ()),
                false => edit.remove(&path),
            }
            txn.mark_changed();
        }
    }
    txn.commit();
    true
}

impl JoinIndexSnapshot {
    #[expect(clippy::len_without_is_empty, reason = "not part of the interface")]
    pub fn len(&self) -> usize {
        self.0.indexes().len()
    }

    pub fn contains(&self, key: u64) -> bool {
        self.0.indexes().get(join_key(key)).is_some()
    }
}
