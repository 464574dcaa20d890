//! Enumerating a snapshot through the caller's buffer.
//!
//! An [`Enumeration`] is a place in one version of one set of joins: a rank. Each
//! [`get_next`](Enumeration::get_next) packs records from there on into the buffer it is given.
//!
//! ```text
//!  joins of the snapshot   k0 k1 k2 k3 k4 k5 k6 k7 k8 k9
//!                                |        |        |
//!  the filter's group range   first    cursor     end
//! ```
//!
//! # Invariants
//!
//! - I1: the cursor is the rank of a join that the view shows and nobody was given yet, or `end`.
//! - I2: the cursor only grows, and whoever moves it from `a` to `b` gives the records of `a..b`,
//!   so that every record is given once.
//!
//! # Orderings
//!
//! The cursor is the only thing that threads on one enumeration change, and it guards no other
//! memory: the set that it counts in never changes. All its operations are relaxed.
//!
//! # Progress
//!
//! `get_next` is lock-free: a thread tries again only when another one moved the cursor. It takes
//! no lock, allocates nothing and makes no system call.
//!
//! # Costs
//!
//! Starting is two searches for the group range, and for a narrowed view a search for its first
//! record. A call costs its records; views and source filters also cost the joins that they pass
//! over.

mod filter;
mod view;

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::family::Family;
use crate::key::JoinKey;
use crate::pack;
use crate::snapshot::Snapshot;

pub use filter::{Filter, Prefix, PrefixError};
use view::Selection;
pub use view::View;

/// A walk over the joins of one version, in ascending order of (group, source), through buffers of
/// the caller's.
///
/// It sees exactly the version of its snapshot, from the first call to the last, whatever writers do
/// meanwhile. Dropping it ends it.
///
/// Threads may share an enumeration: concurrent calls get disjoint batches that together are the
/// whole. That a call says there is no more does not say that the others have finished theirs.
///
/// # Examples
///
/// ```
/// use groupscan::{Filter, GroupTable, V4, View};
///
/// # let table = GroupTable::new();
/// let enumeration = table.snapshot()?.enumerate(View::AllSources, Filter::<V4>::all());
/// let mut buffer = [0; 4096];
/// loop {
///     let batch = enumeration.get_next(&mut buffer)?;
///     for entry in batch.entries() {
///         println!("{} from {}", entry.group(), entry.source());
///     }
///     if !batch.more() {
///         break;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Enumeration<F: Family> {
    snapshot: Snapshot,
    view: View,
    filter: Filter<F>,
    end: usize,
    cursor: AtomicUsize,
}

impl Snapshot {
    /// Starts an enumeration of one family's joins. It holds the version as the snapshot does.
    pub fn enumerate<F: Family>(&self, view: View, filter: Filter<F>) -> Enumeration<F> {
        Enumeration::new(self.clone(), view, filter)
    }

    /// The number of joins of groups of a prefix. O(log n).
    pub fn count<F: Family>(&self, groups: Prefix<F>) -> usize {
        let ranks = self.ranks(groups);
        ranks.end - ranks.start
    }

    /// The ranks of the joins of groups of a prefix.
    fn ranks<F: Family>(&self, groups: Prefix<F>) -> Range<usize> {
        let joins = &self.sets::<F>().joins;
        let first = joins.lower_bound(F::Join::new(groups.first(), F::UNSPECIFIED));
        first..joins.upper_bound(F::Join::new(groups.last(), F::MAX))
    }
}

impl<F: Family> Enumeration<F> {
    /// The bytes of one record.
    pub const ENTRY_BYTES: usize = size_of::<F::Entry>();

    fn new(snapshot: Snapshot, view: View, filter: Filter<F>) -> Self {
        let Range { start: first, end } = snapshot.ranks(filter.group_prefix());
        let mut enumeration = Self { snapshot, view, filter, end, cursor: AtomicUsize::new(first) };
        if !enumeration.shows_all() {
            let (_, first_shown) = enumeration.select(first, &mut []);
            *enumeration.cursor.get_mut() = first_shown;
        }
        enumeration
    }

    /// Puts the next records into `buffer`: as many whole ones as fit, in ascending order of
    /// (group, source).
    ///
    /// The buffer may have any size and any alignment. Nothing is written at or beyond the largest
    /// multiple of [`ENTRY_BYTES`](Self::ENTRY_BYTES) in its size; between the last record and there
    /// the bytes are unspecified.
    ///
    /// A buffer that takes exactly the rest gets it together with the word that there is no more.
    /// After the end every call gives an empty batch, whatever its buffer.
    ///
    /// # Errors
    ///
    /// [`GetNextError::BufferTooSmall`] where records remain and not even one fits. The enumeration
    /// stays where it is.
    pub fn get_next<'b>(&self, buffer: &'b mut [u8]) -> Result<Batch<'b, F>, GetNextError> {
        let whole_bytes = buffer.len() - buffer.len() % Self::ENTRY_BYTES;
        let (whole, _) = buffer.split_at_mut(whole_bytes);
        let records: &'b mut [F::Entry] = bytemuck::cast_slice_mut(whole);
        loop {
            let at = self.cursor.load(Ordering::Relaxed);
            if at == self.end {
                return Ok(Batch { entries: &[], more: false });
            }
            if records.is_empty() {
                return Err(GetNextError::BufferTooSmall { needed_bytes: Self::ENTRY_BYTES });
            }
            let (count, next) = if self.shows_all() {
                let count = records.len().min(self.end - at);
                (count, at + count)
            } else {
                self.select(at, records)
            };
            // I2: the batch is ours if the cursor is still where it began.
            let moved =
                self.cursor.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
            if moved.is_err() {
                continue;
            }
            let (entries, _) = records.split_at_mut(count);
            if self.shows_all() {
                self.expand(at, entries);
            }
            return Ok(Batch { entries, more: next < self.end });
        }
    }

    /// The snapshot that is enumerated.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What the enumeration shows.
    pub fn view(&self) -> View {
        self.view
    }

    /// What the enumeration is narrowed to.
    pub fn filter(&self) -> Filter<F> {
        self.filter
    }

    /// Whether every join of the range is shown, so that counts follow from ranks and a batch can
    /// be claimed before it is packed.
    fn shows_all(&self) -> bool {
        self.view == View::AllSources && self.filter.source_prefix().is_all()
    }

    /// Packs the joins from rank `at` on, until `records` is full.
    fn expand(&self, at: usize, mut records: &mut [F::Entry]) {
        for keys in self.snapshot.sets::<F>().joins.slices(at..at + records.len()) {
            let (now, later) = records.split_at_mut(keys.len());
            pack::expand::<F>(keys, now);
            records = later;
        }
    }

    /// Packs what the view shows from rank `at` on, until `records` is full. Returns how many
    /// records that were and the rank of the first join that is shown after them.
    fn select(&self, at: usize, records: &mut [F::Entry]) -> (usize, usize) {
        let mut selection = Selection::new(self.view, self.filter);
        let mut free = records.iter_mut();
        let mut count = 0;
        let keys = self.snapshot.sets::<F>().joins.slices(at..self.end).flatten();
        for (rank, key) in (at..).zip(keys) {
            if let Some((group, source)) = selection.next(key.group(), key.source()) {
                let Some(record) = free.next() else {
                    return (count, rank);
                };
                *record = F::entry(group, source);
                count += 1;
            }
        }
        (count, self.end)
    }
}

impl<F: Family> fmt::Debug for Enumeration<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enumeration")
            .field("version", &self.snapshot.version())
            .field("view", &self.view)
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}

/// What one call placed in the buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batch<'b, F: Family> {
    entries: &'b [F::Entry],
    more: bool,
}

impl<'b, F: Family> Batch<'b, F> {
    /// The records, as they lie in the buffer.
    pub fn entries(&self) -> &'b [F::Entry] {
        self.entries
    }

    /// Whether records remain after these, for this call or a concurrent one to get.
    pub fn more(&self) -> bool {
        self.more
    }
}

/// Why a call gave no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetNextError {
    /// Records remain, and the buffer does not take even one. Trying again with a buffer of the size
    /// given helps.
    BufferTooSmall {
        /// The bytes of one record.
        needed_bytes: usize,
    },
}

impl fmt::Display for GetNextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed_bytes } => {
                write!(f, "the buffer is too small for one record of {needed_bytes} bytes")
            }
        }
    }
}

impl Error for GetNextError {}
