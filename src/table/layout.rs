//! How the leaves of a version lie in memory.

use bytemuck::Pod;

use crate::index::Indexes;
use crate::tree::Tree;
use crate::types::Family;
use crate::types::key::Key;

/// How full the leaves of a family's indexes are, and how they lie in memory. Returned by
/// [`FamilySnapshot::layout`](crate::FamilySnapshot::layout).
///
/// Enumerations are fastest when leaves are full and lie in the order of their keys. Changes undo both;
/// [`GroupTable::compact`](crate::GroupTable::compact) restores both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// The index of joins, which enumerations of joins read.
    pub joins: IndexLayout,
    /// The memberships by interface.
    pub by_interface: IndexLayout,
    /// The memberships by group, of joins that have several, and of those that make no join.
    pub by_group: IndexLayout,
}

/// How the leaves of one index lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexLayout {
    /// The number of entries.
    pub entries: usize,
    /// The number of entries that the leaves have room for.
    pub capacity: usize,
    /// The number of leaves.
    pub leaves: usize,
    /// The number of leaves that lie in memory right behind the leaf before.
    pub leaves_in_order: usize,
}

impl IndexLayout {
    fn of<K: Key, V: Pod>(tree: &Tree<K, V>) -> Self {
        let (leaves, leaves_in_order) = tree.leaves();
        Self { entries: tree.len(), capacity: tree.capacity(), leaves, leaves_in_order }
    }

    /// How full the leaves are, from 0 to 1; 1 if there are none.
    #[must_use]
    pub fn fill(&self) -> f64 {
        if self.capacity == 0 { 1.0 } else { self.entries as f64 / self.capacity as f64 }
    }

    /// The part of the leaves that lie right behind the leaf before, from 0 to 1; 1 if there is one leaf at
    /// most.
    #[must_use]
    pub fn order(&self) -> f64 {
        match self.leaves.checked_sub(1) {
            None | Some(0) => 1.0,
            Some(pairs) => self.leaves_in_order as f64 / pairs as f64,
        }
    }

    /// Both together.
    fn and(self, other: Self) -> Self {
        Self {
            entries: self.entries + other.entries,
            capacity: self.capacity + other.capacity,
            leaves: self.leaves + other.leaves,
            leaves_in_order: self.leaves_in_order + other.leaves_in_order,
        }
    }
}

impl Layout {
    pub(super) fn of<F: Family>(indexes: &Indexes<F>) -> Self {
        let direct = IndexLayout::of(&indexes.by_interface);
        Self {
            joins: IndexLayout::of(&indexes.joins),
            by_interface: direct.and(IndexLayout::of(&indexes.by_neighbor)),
            by_group: IndexLayout::of(&indexes.by_group),
        }
    }
}
