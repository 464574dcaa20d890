//! Enumeration of a snapshot through the caller's buffers.
//!
//! An [`Enumeration`] is a cursor in one order of one version: a place, which is a number. Each
//! [`get_next`](Enumeration::get_next) packs records from the cursor on into the buffer that it is given.
//!
//! ```text
//!  entries of an index    e0 e1 e2 e3 e4 e5 e6 e7 e8 e9
//!                               |        |        |
//!  range of the filter        first    cursor    end
//! ```
//!
//! [`view`] and [`filter`] choose what is shown, [`position`] names a place for other versions, [`source`]
//! has the indexes, their places and the recipes of their records, [`kind`] ties records to sources, and
//! [`records`] iterates without a buffer of the caller.
//!
//! # Invariants
//!
//! - I1: the cursor is the place of a record that is shown and was not returned yet, or `end`.
//! - I2: shared calls only increase the cursor, and the call that moves it from `a` to `b` returns the
//!   records of `a..b`, so every record is returned once. Calls that move it back have the enumeration
//!   exclusively.
//! - I3: if groups or joins are shown once, no group or join has entries on both sides of `end`.
//!
//! # Orderings
//!
//! The cursor is the only shared state that changes, and it publishes no other memory: the index never
//! changes. All operations on the cursor are relaxed.
//!
//! # Progress
//!
//! `get_next` is lock-free: a thread retries only if another thread moved the cursor. It takes no lock,
//! allocates nothing and makes no system call.
//!
//! If every entry is shown, a call claims its range before it packs, so that threads that share an
//! enumeration pack in parallel. Otherwise a call must pack to find the end of its range, and loses its work
//! if another thread was faster; [`split`](Enumeration::split) shares such enumerations.
//!
//! # Costs
//!
//! A start costs two searches for the range. A call costs one search, and its records. A view or filter that
//! skips joins also looks at those: at the start up to the first record, and in each call up to the record
//! after its last.

mod filter;
mod kind;
mod position;
mod records;
mod source;
mod start;
mod view;

use std::error::Error;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::slice;

use crate::simd::{Distinct, RecordBuf, Selection, SimdLevel};
use crate::sync::{AtomicU64, Ordering};
use crate::table::Snapshot;
use crate::types::{Family, Join};

pub use filter::Filter;
pub use kind::{Joins, Kind, Memberships};
pub use position::Position;
pub use records::{JoinKeys, Records};
pub use view::View;

use source::{Pack, Place, Source};

/// A walk over one version through the caller's buffers, in ascending order of (group, source): over its
/// joins or over memberships ([`Memberships`]).
///
/// It shows exactly the version of its snapshot, from the first call to the last, whatever writers do
/// meanwhile. It holds that version until it is dropped.
///
/// Threads may share an enumeration: concurrent calls get disjoint batches that together are the whole. When
/// one call reports that no records remain, others may still be packing theirs.
///
/// # Examples
///
/// ```
/// use groupscan::{Filter, GroupTable, View};
///
/// # let table = GroupTable::new();
/// let enumeration = table.snapshot()?.ipv4().enumerate(View::AllSources, Filter::all());
/// let mut buffer = [0; 4096];
/// loop {
///     let batch = enumeration.get_next(&mut buffer)?;
///     for entry in batch {
///         println!("{} from {}", entry.group(), entry.source());
///     }
///     if !batch.more() {
///         break;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an enumeration retains its version until it is dropped"]
pub struct Enumeration<F: Family, K: Kind = Joins> {
    snapshot: Snapshot,
    source: K::Source<F>,
    view: View,
    filter: Filter<F>,
    /// `None` if every entry of the range is shown, apart from those that a merge filters.
    selection: Option<Selection<F>>,
    simd_level: SimdLevel,
    /// The first place of the filter's range, also in a part of it.
    low: Place,
    /// The first place of this enumeration: that of the filter's range, or of a part of it.
    first: Place,
    end: Place,
    /// The place at which the search for the first record began.
    start: Place,
    cursor: AtomicU64,
}

impl<F: Family> Enumeration<F> {
    /// The size of the record of a join in bytes.
    pub const ENTRY_BYTES: usize = size_of::<F::Entry>();
}

impl<F: Family, K: Kind> Enumeration<F, K> {
    fn new(
        snapshot: Snapshot,
        source: K::Source<F>,
        view: View,
        filter: Filter<F>,
        distinct: Distinct,
    ) -> Self {
        let selection = view.selection(&filter, distinct);
        let indexes = snapshot.indexes::<F>();
        let Range { start: first, mut end } = source.range(indexes, filter.groups());
        if selection.is_some_and(|selection| selection.low > selection.high) {
            end = first;
        }
        let mut enumeration = Self {
            snapshot,
            source,
            view,
            filter,
            selection,
            simd_level: SimdLevel::best(),
            low: first,
            first,
            end,
            start: first,
            cursor: AtomicU64::new(first),
        };
        enumeration.seek(first);
        enumeration
    }

    /// Moves to the first record that is not before a place. If a group or a join is shown once, the place
    /// is that of its first entry.
    fn seek(&mut self, place: Place) {
        let place = place.clamp(self.first, self.end);
        let found = match self.is_exact() {
            true => place,
            false => self.pack_shown(place, &mut RecordBuf::over(&mut [])),
        };
        self.start = place;
        self.cursor = AtomicU64::new(found);
    }

    /// The records of a range of places.
    #[inline(always)]
    fn packer(&self, range: Range<Place>) -> <K::Source<F> as Source<F>>::Packer<'_> {
        self.source.packer(self.snapshot.indexes::<F>(), &self.filter, range)
    }

    /// Packs the records that are shown from a place on, until one has no room. Returns the place of that
    /// one, or the end.
    fn pack_shown(&self, from: Place, buf: &mut RecordBuf<'_, K::Record<F>>) -> Place {
        let packer = self.packer(from..self.end);
        packer.compact(self.simd_level, self.selection.as_ref(), buf).unwrap_or(self.end)
    }

    /// Packs the next records into `buffer`: as many as fit whole, in ascending order of (group, source), and
    /// for memberships of the protocol's number.
    ///
    /// The buffer may have any size and alignment. Let `n` be its size rounded down to a multiple of a
    /// record's size: the bytes between the last record and `n` are unspecified afterwards, and the bytes
    /// from `n` on are not written.
    ///
    /// If the remaining records fit exactly, the same call reports that none remain. After the end every call
    /// returns an empty batch, whatever its buffer.
    ///
    /// # Errors
    ///
    /// [`GetNextError::BufferTooSmall`] if records remain and not even one fits. The cursor does not move.
    pub fn get_next<'b>(
        &self,
        buffer: &'b mut [u8],
    ) -> Result<Batch<'b, K::Record<F>>, GetNextError> {
        self.fill(RecordBuf::over(buffer))
    }

    /// As [`get_next`](Self::get_next), into memory that need not be initialised.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::mem::MaybeUninit;
    ///
    /// use groupscan::{Filter, GroupTable, View};
    ///
    /// # let table = GroupTable::new();
    /// let enumeration = table.snapshot()?.ipv4().enumerate(View::Groups, Filter::all());
    /// let mut buffer = [MaybeUninit::uninit(); 4096];
    /// let batch = enumeration.get_next_uninit(&mut buffer)?;
    /// println!("{} records, more: {}", batch.entries().len(), batch.more());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get_next`](Self::get_next).
    pub fn get_next_uninit<'b>(
        &self,
        buffer: &'b mut [MaybeUninit<u8>],
    ) -> Result<Batch<'b, K::Record<F>>, GetNextError> {
        self.fill(RecordBuf::over_uninit(buffer))
    }

    /// As [`get_next`](Self::get_next).
    #[inline]
    fn fill<'b>(
        &self,
        mut buf: RecordBuf<'b, K::Record<F>>,
    ) -> Result<Batch<'b, K::Record<F>>, GetNextError> {
        loop {
            let at = self.cursor.load(Ordering::Relaxed);
            if at == self.end {
                return Ok(Batch { entries: &[], more: false });
            }
            if buf.left() == 0 {
                let needed_bytes = size_of::<K::Record<F>>();
                return Err(GetNextError::BufferTooSmall { needed_bytes });
            }
            let next = if self.is_exact() {
                let next = at + (self.end - at).min(buf.left() as Place);
                let packer = self.packer(at..next);
                if !self.claim(at, next) {
                    continue;
                }
                packer.expand(self.simd_level, &mut buf);
                next
            } else {
                let next = self.pack_shown(at, &mut buf);
                if !self.claim(at, next) {
                    buf.clear();
                    continue;
                }
                next
            };
            return Ok(Batch { entries: buf.into_filled(), more: next < self.end });
        }
    }

    /// Moves the cursor from `at` to `next`, unless it has moved: then the batch belongs to another call
    /// (I2).
    #[inline]
    fn claim(&self, at: Place, next: Place) -> bool {
        self.cursor.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The number of records that remain. An upper bound if the enumeration is not [exact](Self::is_exact); 0
    /// always means that none remain. With concurrent calls, it is that of some moment during the call.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.source.count(self.cursor.load(Ordering::Relaxed)..self.end)
    }

    /// Whether every entry of the range is shown, so that the number of records is known in advance. So it is
    /// without a source prefix for [`View::AllSources`] over all interfaces, and for the memberships of one
    /// interface.
    #[must_use]
    #[inline]
    pub fn is_exact(&self) -> bool {
        self.selection.is_none() && self.source.has_ranks()
    }

    /// How far the enumeration has got: behind every record that was returned and before every record that
    /// remains. `None` if no record was returned or skipped yet. O(log n).
    ///
    /// In a [part](Self::split), the records of the parts before it count as returned.
    ///
    /// A view or filter that skips joins has already skipped those up to the next record. Records that a
    /// later version has in the skipped range are skipped too. To see them, resume from the last returned
    /// record with [`Position::behind`].
    ///
    /// With concurrent calls, it is that of some moment during the call; records that another thread has
    /// claimed count as returned.
    #[must_use]
    pub fn position(&self) -> Option<Position<F>> {
        let indexes = self.snapshot.indexes::<F>();
        let at = self.unit_start(self.cursor.load(Ordering::Relaxed));
        if at <= self.low {
            return None;
        }
        let behind = self.source.position_before(indexes, at);
        // A position of joins does not depend on their memberships.
        let is_join = self.once() != Distinct::Key;
        Some(if is_join { Position::behind(behind.join()) } else { behind })
    }

    /// Moves behind a position, which may come from another version: to the first record after it. A
    /// [part](Self::split) stays within its bounds.
    ///
    /// If a group is shown once, all of the position's group counts as passed. O(log n); a view or filter
    /// that skips joins also looks for its first record.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{Filter, GroupTable, View};
    ///
    /// # let table = GroupTable::new();
    /// let start = || table.snapshot().map(|s| s.ipv4().enumerate(View::AllSources, Filter::all()));
    /// let before = start()?;
    /// before.get_next(&mut [0; 160])?;
    /// // Later, in the version that is current then:
    /// let mut after = start()?;
    /// if let Some(position) = before.position() {
    ///     after = after.resume_after(position);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume_after(mut self, position: Position<F>) -> Self {
        let position = match self.once() {
            Distinct::Group => Position::behind(Join::new(position.group, F::MAX)),
            Distinct::Join => Position::behind(position.join()),
            Distinct::Key => position,
        };
        self.seek(self.source.place_behind(self.snapshot.indexes::<F>(), &position));
        self
    }

    /// Cuts what remains into `parts` enumerations of about the same number of keys, for as many threads. One
    /// after the other they return what this one would have returned. `parts` is raised to 1 and reduced to
    /// 2³² - 1.
    ///
    /// Each part is made when the iterator reaches it: O(log n); a view or filter that skips joins also looks
    /// for the part's first record. A group that is shown once is in one part only.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{Filter, GroupTable, View};
    ///
    /// # let table = GroupTable::new();
    /// let enumeration = table.snapshot()?.ipv4().enumerate(View::AllSources, Filter::all());
    /// std::thread::scope(|scope| {
    ///     for part in enumeration.split(4) {
    ///         scope.spawn(move || part.into_iter().count());
    ///     }
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split(self, parts: usize) -> impl ExactSizeIterator<Item = Self> {
        let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
        (0..parts as usize).map(move |part| {
            let [start, end] = [part, part + 1].map(|part| self.cut(part, parts as usize));
            let mut part = Self { first: start, end, ..self.clone() };
            part.seek(start);
            part
        })
    }

    /// Moves back to the first record, where the enumeration or the [part](Self::split) began.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{Filter, GroupTable, View};
    ///
    /// # let table = GroupTable::new();
    /// let mut enumeration = table.snapshot()?.ipv4().enumerate(View::Groups, Filter::all());
    /// let first = enumeration.get_next(&mut [0; 1024])?.entries().len();
    /// enumeration.rewind();
    /// assert_eq!(enumeration.get_next(&mut [0; 1024])?.entries().len(), first);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rewind(&mut self) {
        self.seek(self.first);
    }

    /// The place at which part `part` of `parts` begins: that of the first entry of a group or join that is
    /// shown once (I3). It may be before the cursor; no entry in between is shown.
    fn cut(&self, part: usize, parts: usize) -> Place {
        let at = self.cursor.load(Ordering::Relaxed);
        self.unit_start(self.source.cut(self.snapshot.indexes::<F>(), at..self.end, part, parts))
    }

    /// The place of the first entry of the group or join that is shown once and to which the entry at `place`
    /// belongs.
    fn unit_start(&self, place: Place) -> Place {
        let indexes = self.snapshot.indexes::<F>();
        let once = self.once();
        if place == self.end || once == Distinct::Key {
            return place;
        }
        let Position { group, source, .. } = self.source.position_at(indexes, place);
        let source = if once == Distinct::Group { F::UNSPECIFIED } else { source };
        self.source.place_of(indexes, Join::new(group, source))
    }

    /// What is shown once.
    fn once(&self) -> Distinct {
        self.selection.map_or(Distinct::Key, |selection| selection.once)
    }

    /// Restarts this enumeration from its start, with the instructions of `level` instead of the best ones.
    pub fn with_simd_level(mut self, level: SimdLevel) -> Self {
        self.simd_level = level;
        self.seek(self.start);
        self
    }

    /// The level of the instructions that pack the records.
    #[must_use]
    pub fn simd_level(&self) -> SimdLevel {
        self.simd_level
    }

    /// The snapshot that is enumerated.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The view: what is shown of the joins that the filter admits.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// The filter.
    #[must_use]
    pub fn filter(&self) -> Filter<F> {
        self.filter
    }
}

/// The clone holds the same version, and its cursor is at the same record; with concurrent calls, at that of
/// some moment during the call.
impl<F: Family, K: Kind> Clone for Enumeration<F, K> {
    fn clone(&self) -> Self {
        let cursor = AtomicU64::new(self.cursor.load(Ordering::Relaxed));
        Self { snapshot: self.snapshot.clone(), cursor, ..*self }
    }
}

impl<F: Family, K: Kind> fmt::Debug for Enumeration<F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enumeration")
            .field("version", &self.snapshot.version())
            .field("view", &self.view)
            .field("filter", &self.filter)
            .field("simd_level", &self.simd_level)
            .finish_non_exhaustive()
    }
}

/// The records that one call packed into its buffer.
///
/// Iterates over references to them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batch<'b, R> {
    entries: &'b [R],
    more: bool,
}

impl<'b, R> Batch<'b, R> {
    /// The records, in the buffer.
    #[must_use]
    pub fn entries(&self) -> &'b [R] {
        self.entries
    }

    /// Whether records remain after these, for later calls and concurrent ones.
    #[must_use]
    pub fn more(&self) -> bool {
        self.more
    }
}

impl<'b, R> IntoIterator for Batch<'b, R> {
    type Item = &'b R;
    type IntoIter = slice::Iter<'b, R>;

    fn into_iter(self) -> slice::Iter<'b, R> {
        self.entries.iter()
    }
}

/// Why a call returned no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetNextError {
    /// Records remain, and the buffer is too small for one. A retry with a buffer of `needed_bytes` helps.
    BufferTooSmall {
        /// The size of one record in bytes.
        needed_bytes: usize,
    },
}

impl fmt::Display for GetNextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed_bytes } => {
                write!(f, "buffer too small: one record needs {needed_bytes} bytes")
            }
        }
    }
}

impl Error for GetNextError {}
