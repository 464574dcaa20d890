//! The layout of the entries of leaves and branches in the bodies of their slots.
//!
//! ```text
//! leaf    keys | values
//! branch  separators | children | cumulative
//! ```
//!
//! Each array has room for a capacity that the sizes of keys and values decide:
//!
//! ```text
//!                           body    keys of a leaf, children of a branch
//! joins of IPv4, IPv6       4,096   256, 102;  102, 46
//! memberships of IPv4       2,048   120 or 97, 48
//! memberships of IPv6       2,048   49 or 35, 39 or 30
//! ```
//!
//! Child `i` of a branch has the keys from separator `i` up to the next separator. Separator 0 is the
//! branch's own lower bound, as in its parent. No search uses it, but entries that move to a neighbour keep
//! their separators because of it. On the left edge of a tree it has no meaning. `cumulative[i]` counts the
//! keys of the children `0..=i`, so a rank is found by a search.

use std::marker::PhantomData;

use super::reserve::part_of;
use super::slot::NodePtr;
use crate::types::key::Key;

/// Whether the capacities are tiny, so that splits and merges happen all the time.
const SMALL: bool = cfg!(any(test, loom, shuttle, groupscan_check));

/// The most bytes of a branch.
const BRANCH_BYTES: usize = 2048;

/// The most children of a branch of an index that is not scanned. A change copies a branch on each level, so
/// fewer children make changes cheaper; a scan wants more.
const SEARCHED_CHILDREN: usize = 48;

/// The most keys of a leaf: more would make copies dearer, and scans no faster.
const LEAF_KEYS: usize = 256;

/// The layout of nodes with keys `K` and values `V`.
pub(super) struct NodeLayout<K, V>(PhantomData<(K, V)>);

impl<K: Key, V> NodeLayout<K, V> {
    const BODY_BYTES: usize = part_of::<K, V>().body_bytes();

    /// The bytes of a node's slot.
    pub(super) const SLOT_BYTES: usize = part_of::<K, V>().slot_bytes();

    /// The most keys of a leaf.
    pub(super) const LEAF_CAPACITY: usize = if SMALL {
        4
    } else {
        least(Self::BODY_BYTES / (size_of::<K>() + size_of::<V>()), LEAF_KEYS)
    };

    /// The most children of a branch.
    pub(super) const BRANCH_CAPACITY: usize = if SMALL {
        4
    } else {
        let most = BRANCH_BYTES / (size_of::<K>() + size_of::<NodePtr>() + size_of::<u32>());
        if K::IS_SCANNED { most } else { least(most, SEARCHED_CHILDREN) }
    };

    /// The fewest keys of a leaf, and children of a branch, that is not the last of its level.
    ///
    /// A third of the capacity and not a half, so that a node that was just merged or rebalanced is far
    /// from both bounds.
    pub(super) const LEAF_MINIMUM: usize = if SMALL { 2 } else { Self::LEAF_CAPACITY / 3 };
    pub(super) const BRANCH_MINIMUM: usize = if SMALL { 2 } else { Self::BRANCH_CAPACITY / 3 };

    /// The most keys of a leaf that shares those of a full neighbour. Both then have room for some more, so
    /// that they do not share again at once.
    pub(super) const LEAF_ROOMY: usize =
        Self::LEAF_CAPACITY - if SMALL { 2 } else { Self::LEAF_CAPACITY / 8 };

    /// The most entries of two neighbours that are merged.
    pub(super) const LEAF_MERGED: usize = merged(Self::LEAF_CAPACITY, Self::LEAF_MINIMUM);
    pub(super) const BRANCH_MERGED: usize = merged(Self::BRANCH_CAPACITY, Self::BRANCH_MINIMUM);

    /// The offsets of the arrays behind the first one.
    pub(super) const VALUES_AT: usize = Self::LEAF_CAPACITY * size_of::<K>();
    pub(super) const CHILDREN_AT: usize = Self::BRANCH_CAPACITY * size_of::<K>();
    pub(super) const CUMULATIVE_AT: usize =
        Self::CHILDREN_AT + Self::BRANCH_CAPACITY * size_of::<NodePtr>();

    /// What the accessors of nodes rely on.
    pub(super) const FITS: () = {
        assert!(align_of::<K>() <= 64 && Self::VALUES_AT % align_of::<V>() == 0);
        assert!(Self::CHILDREN_AT % align_of::<NodePtr>() == 0);
        assert!(Self::CUMULATIVE_AT % align_of::<u32>() == 0);
        assert!(Self::VALUES_AT + Self::LEAF_CAPACITY * size_of::<V>() <= Self::BODY_BYTES);
        assert!(Self::CUMULATIVE_AT + Self::BRANCH_CAPACITY * size_of::<u32>() <= Self::BODY_BYTES);
        assert!(Self::LEAF_CAPACITY <= u16::MAX as usize);
    };
}

const fn least(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

const fn merged(capacity: usize, minimum: usize) -> usize {
    let most = capacity / 8 * 7;
    if most < 2 * minimum - 1 { 2 * minimum - 1 } else { most }
}
