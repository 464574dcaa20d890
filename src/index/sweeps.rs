//! How far the sweeps of the indexes have got: what the writer keeps for [compaction](mod@super::compact).

use std::any::Any;

use crate::types::{Family, V4, V6};

/// How many keys the upkeep passes for each change of an index. Set by `cargo bench --bench ratio -- churn`.
pub(super) const UPKEEP: isize = 8;

/// How far a sweep of an index has got.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep<K> {
    /// The key from which the next step goes on; `None` for the first one.
    pub(super) next: Option<K>,
    /// How many more keys the upkeep may pass.
    pub(super) credit: isize,
}

impl<K> Default for Sweep<K> {
    fn default() -> Self {
        Self { next: None, credit: 0 }
    }
}

impl<K> Sweep<K> {
    /// Counts changes of the index.
    #[inline]
    pub(super) fn changed(&mut self, changes: usize) {
        self.credit = self.credit.saturating_add(UPKEEP.saturating_mul(changes as isize));
    }
}

/// A sweep of each index of a family.
#[derive(Debug)]
pub(crate) struct FamilySweeps<F: Family> {
    pub(super) joins: Sweep<F::JoinKey>,
    pub(super) by_group: Sweep<F::ByGroup>,
    pub(super) by_interface: Sweep<F::ByInterface>,
    pub(super) by_neighbor: Sweep<F::ByNeighbor>,
}

impl<F: Family> Default for FamilySweeps<F> {
    fn default() -> Self {
        Self {
            joins: Sweep::default(),
            by_group: Sweep::default(),
            by_interface: Sweep::default(),
            by_neighbor: Sweep::default(),
        }
    }
}

/// A sweep of each index of both families.
#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    v4: FamilySweeps<V4>,
    v6: FamilySweeps<V6>,
}

impl Sweeps {
    /// The sweeps of family `F`. The compiler resolves this.
    #[inline]
    pub(super) fn of<F: Family>(&mut self) -> &mut FamilySweeps<F> {
        let [v4, v6]: [&mut dyn Any; 2] = [&mut self.v4, &mut self.v6];
        let found = v4.downcast_mut().or_else(|| v6.downcast_mut());
        found.unwrap_or_else(|| unreachable!("there are two families"))
    }
}

/// The sweeps of a table.
#[derive(Debug, Default)]
pub(crate) struct Compaction {
    pub(super) upkeep: Sweeps,
    pub(super) full: Sweeps,
    /// How many indexes the full sweep has finished; `None` if there is no full sweep.
    pub(super) finished: Option<usize>,
}

impl Compaction {
    /// The upkeep of the indexes of a family.
    #[inline]
    pub(super) fn upkeep<F: Family>(&mut self) -> &mut FamilySweeps<F> {
        self.upkeep.of()
    }
}
