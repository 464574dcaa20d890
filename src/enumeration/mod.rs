//! Enumerating a snapshot through the caller's buffer.
//!
//! An [`Enumeration`] is a place in one version of one set: a rank. Each
//! [`get_next`](Enumeration::get_next) packs records from there on into the buffer it is given.
//!
//! ```text
//!  keys of a set       k0 k1 k2 k3 k4 k5 k6 k7 k8 k9
//!                            |        |        |
//!  the filter's range    first     cursor     end
//! ```
//!
//! [`kind`] says which records are made of which set, [`place`] where in it a range is, [`view`] which
//! keys of the range are shown; [`filter`] and [`position`] are what callers say, [`records`] is for
//! those without a buffer.
//!
//! # Invariants
//!
//! - I1: the cursor is the rank of a key that is shown and nobody was given yet, or `end`.
//! - I2: the cursor only grows, and whoever moves it from `a` to `b` gives the records of `a..b`,
//!   so that every record is given once.
//! - I3: where a group or a join is shown once, none lies on both sides of `end`.
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
//! Where every key is shown, a call claims its range first and packs it then, so that threads that
//! share an enumeration pack at the same time. Elsewhere it must pack to know where its range ends;
//! there [`split`](Enumeration::split) is the way to share.
//!
//! # Costs
//!
//! Starting is two searches for the range. A call costs a search and its records. Views and source
//! filters also cost a look at the joins that they pass over, at the start up to the first record, and in
//! a call up to the one after its last.

mod filter;
mod kind;
mod place;
mod position;
mod records;
mod view;

use std::error::Error;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{ControlFlow, Range};

use crate::family::Family;
use crate::membership::Interface;
use crate::pack::{Each, Kernel, Room, Selection};
use crate::snapshot::Snapshot;
use crate::sync::{AtomicUsize, Ordering};

pub use filter::{Filter, Prefix, PrefixError};
pub use kind::{Joins, Kind, Memberships};
pub use position::Position;
pub use records::{JoinKeys, Records};
pub use view::View;

use kind::Packing;
use place::Place;

/// A walk over one version, in ascending order of (group, source), through buffers of the caller's:
/// over its joins, or over the [`Memberships`] of an interface.
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
pub struct Enumeration<F: Family, K: Kind = Joins> {
    snapshot: Snapshot,
    place: Place<F>,
    view: View,
    filter: Filter<F>,
    /// `None` where every key of the range is shown.
    selection: Option<Selection<F>>,
    kernel: Kernel,
    /// The first rank of the filter's range.
    low: usize,
    /// The first rank of this enumeration: that of the filter's range, or of a part of it.
    first: usize,
    end: usize,
    /// The rank from which on the first record was looked for.
    start: usize,
    cursor: AtomicUsize,
    kind: std::marker::PhantomData<K>,
}

impl Snapshot {
    /// Starts an enumeration of one family's joins. It holds the version as the snapshot does.
    pub fn enumerate<F: Family>(&self, view: View, filter: Filter<F>) -> Enumeration<F> {
        self.clone().into_enumeration(view, filter)
    }

    /// As [`enumerate`](Self::enumerate), and the snapshot goes into the enumeration.
    pub(crate) fn into_enumeration<F: Family>(
        self,
        view: View,
        filter: Filter<F>,
    ) -> Enumeration<F> {
        let once = match filter.interface_filter() {
            None => Each::Key,
            Some(_) => Each::Join,
        };
        let selection = view.selection(&filter, once);
        let shows_all =
            once == Each::Key && view == View::AllSources && filter.source_prefix().is_all();
        Enumeration::new(self, view, filter, (!shows_all).then_some(selection))
    }

    /// Starts an enumeration of the memberships of an interface: of every protocol, and also those
    /// that are no joins. `filter` narrows them by groups and sources; an interface that it may have
    /// itself gives way to `interface`. It holds the version as the snapshot does.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{Filter, GroupTable, Interface, V4};
    ///
    /// # let table = GroupTable::new();
    /// let snapshot = table.snapshot()?;
    /// for record in snapshot.enumerate_memberships(Interface::<V4>::new(2), Filter::all()) {
    ///     println!("{} by protocol {}", record.entry(), record.protocol());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enumerate_memberships<F: Family>(
        &self,
        interface: Interface<F>,
        filter: Filter<F>,
    ) -> Enumeration<F, Memberships> {
        let filter = filter.interface(interface);
        let view = View::AllSources;
        let selection = view.selection(&filter, Each::Key);
        let shows_all = filter.source_prefix().is_all();
        Enumeration::new(self.clone(), view, filter, (!shows_all).then_some(selection))
    }

    /// The number of joins of groups of a prefix. O(log n).
    pub fn count<F: Family>(&self, groups: Prefix<F>) -> usize {
        Place::Joins.ranks(self.sets::<F>(), groups).len()
    }
}

impl<F: Family> Enumeration<F> {
    /// The bytes of one record of a join.
    pub const ENTRY_BYTES: usize = size_of::<F::Entry>();
}

impl<F: Family, K: Kind> Enumeration<F, K> {
    fn new(
        snapshot: Snapshot,
        view: View,
        filter: Filter<F>,
        selection: Option<Selection<F>>,
    ) -> Self {
        let sets = snapshot.sets::<F>();
        let place = Place::new(sets, &filter);
        let Range { start: first, mut end } = place.ranks(sets, filter.group_prefix());
        if selection.is_some_and(|selection| selection.low > selection.high) {
            end = first;
        }
        let enumeration = Self {
            snapshot,
            place,
            view,
            filter,
            selection,
            kernel: Kernel::best(),
            low: first,
            first,
            end,
            start: first,
            cursor: AtomicUsize::new(first),
            kind: std::marker::PhantomData,
        };
        enumeration.starting_at(first)
    }

    /// The same enumeration, at the first record that is not before the key of a rank. Of a group or a
    /// join that is shown once, the rank is that of the first key.
    fn starting_at(mut self, rank: usize) -> Self {
        let rank = rank.clamp(self.first, self.end);
        let found = match self.selection {
            None => rank,
            Some(_) => self.pack(rank..self.end, at_once, &mut Room::over(&mut [])),
        };
        self.start = rank;
        self.cursor = AtomicUsize::new(found);
        self
    }

    /// As [`sealed::Pack::pack`](kind::sealed::Pack::pack).
    #[inline]
    fn pack(
        &self,
        ranks: Range<usize>,
        begin: impl FnOnce() -> ControlFlow<usize>,
        room: &mut Room<'_, K::Record<F>>,
    ) -> usize {
        let &Self { place, kernel, selection, .. } = self;
        let packing = Packing { sets: self.snapshot.sets::<F>(), place, kernel, selection };
        K::pack(packing, ranks, begin, room)
    }

    /// Puts the next records into `buffer`: as many whole ones as fit, in ascending order of
    /// (group, source), and of the protocol's number where they are memberships.
    ///
    /// The buffer may have any size and any alignment. Nothing is written at or beyond the largest
    /// multiple of a record's size in its own; between the last record and there the bytes are
    /// unspecified.
    ///
    /// A buffer that takes exactly the rest gets it together with the word that there is no more.
    /// After the end every call gives an empty batch, whatever its buffer.
    ///
    /// # Errors
    ///
    /// [`GetNextError::BufferTooSmall`] where records remain and not even one fits. The enumeration
    /// stays where it is.
    pub fn get_next<'b>(
        &self,
        buffer: &'b mut [u8],
    ) -> Result<Batch<'b, K::Record<F>>, GetNextError> {
        self.fill(Room::over(buffer))
    }

    /// As [`get_next`](Self::get_next), into memory that need not be initialised.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::mem::MaybeUninit;
    ///
    /// use groupscan::{Filter, GroupTable, V4, View};
    ///
    /// # let table = GroupTable::new();
    /// let enumeration = table.snapshot()?.enumerate(View::Groups, Filter::<V4>::all());
    /// let mut buffer = [MaybeUninit::uninit(); 4096];
    /// let batch = enumeration.get_next_uninit(&mut buffer)?;
    /// println!("{} records, {}", batch.entries().len(), batch.more());
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
        self.fill(Room::over_uninit(buffer))
    }

    /// As [`get_next`](Self::get_next), into a room.
    #[inline]
    pub(crate) fn fill<'b>(
        &self,
        mut room: Room<'b, K::Record<F>>,
    ) -> Result<Batch<'b, K::Record<F>>, GetNextError> {
        loop {
            let at = self.cursor.load(Ordering::Relaxed);
            if at == self.end {
                return Ok(Batch { entries: &[], more: false });
            }
            if room.left() == 0 {
                let needed_bytes = size_of::<K::Record<F>>();
                return Err(GetNextError::BufferTooSmall { needed_bytes });
            }
            // I2: the batch is ours if the cursor is still where it began.
            let claim = |next| {
                let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
                self.cursor.compare_exchange(at, next, success, failure).is_ok()
            };
            let (next, is_ours) = match self.selection {
                None => {
                    let next = at + room.left().min(self.end - at);
                    let mut is_ours = false;
                    let begin = || {
                        is_ours = claim(next);
                        if is_ours { ControlFlow::Continue(()) } else { ControlFlow::Break(at) }
                    };
                    self.pack(at..next, begin, &mut room);
                    (next, is_ours)
                }
                Some(_) => {
                    let next = self.pack(at..self.end, at_once, &mut room);
                    (next, claim(next))
                }
            };
            if !is_ours {
                room.clear();
                continue;
            }
            return Ok(Batch { entries: room.into_filled(), more: next < self.end });
        }
    }

    /// How many records remain: exactly, where the enumeration [is exact](Self::is_exact), and at most
    /// elsewhere. 0 always says that there are none. With concurrent calls, as of some moment.
    pub fn remaining(&self) -> usize {
        self.end - self.cursor.load(Ordering::Relaxed)
    }

    /// Whether every key of the set that is gone through is shown, so that numbers of records are
    /// known without a look at them: of all sources of all groups or those of a prefix, and of the
    /// memberships of an interface, but with no source prefix.
    pub fn is_exact(&self) -> bool {
        self.selection.is_none()
    }

    /// How far the enumeration has got: behind every record that was given and before every one
    /// that remains. `None` where there is nothing that could have been given or passed over. O(log n).
    ///
    /// A [part](Self::split) has what comes before it behind it.
    ///
    /// A narrowed enumeration has already passed over what it does not show, up to the next record. A
    /// record that a later version has in that stretch counts as passed over, too; who wants it goes on
    /// behind the last record that was given, by [`Position::behind`].
    ///
    /// With concurrent calls, as of some moment: what another thread has claimed counts as given.
    pub fn position(&self) -> Option<Position<F>> {
        let sets = self.snapshot.sets::<F>();
        let at = self.unit_start(self.cursor.load(Ordering::Relaxed));
        let behind =
            self.place.behind(sets, at.checked_sub(1).filter(|last| *last >= self.low)?)?;
        // Which memberships there are of a join says nothing of the joins.
        let is_join = self.selection.is_some_and(|selection| selection.once != Each::Key);
        Some(if is_join { Position::behind(behind.group, behind.source) } else { behind })
    }

    /// The same enumeration, started anew behind a position, which may be one of another version: the
    /// records that come after it. A [part](Self::split) stays within what it is a part of.
    ///
    /// Where a group is shown once, all of the position's group comes before it. O(log n), and for a
    /// narrowed view a look at the joins up to its first record.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{Filter, GroupTable, Position, V4, View};
    ///
    /// # let table = GroupTable::new();
    /// let start = || table.snapshot().map(|s| s.enumerate(View::AllSources, Filter::<V4>::all()));
    /// let before = start()?;
    /// before.get_next(&mut [0; 160])?;
    /// // Later, on the version of that time:
    /// let mut after = start()?;
    /// if let Some(position) = before.position() {
    ///     after = after.resume_after(position);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume_after(self, position: Position<F>) -> Self {
        let position = match self.once() {
            Each::Group => Position::behind(position.group, F::MAX),
            Each::Join => Position::behind(position.group, position.source),
            Each::Key => position,
        };
        let rank = self.place.rank_behind(self.snapshot.sets::<F>(), &position);
        self.starting_at(rank)
    }

    /// Cuts what remains into so many enumerations, one at least and 4,294,967,295 at most, of about as
    /// many keys each. One after the other they give what this one would have given; at the same time,
    /// from as many threads, they do it sooner.
    ///
    /// Each is cut off when it is asked for: O(log n), and for a narrowed view a look at the joins up to
    /// its first record, by who asks. A group is not cut in two where it is shown once.
    ///
    /// # Examples
    ///
    /// ```
    /// use groupscan::{Filter, GroupTable, V4, View};
    ///
    /// # let table = GroupTable::new();
    /// let enumeration = table.snapshot()?.enumerate(View::AllSources, Filter::<V4>::all());
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
            let part = Self {
                snapshot: self.snapshot.clone(),
                first: start,
                end,
                cursor: AtomicUsize::new(start),
                ..self
            };
            part.starting_at(start)
        })
    }

    /// What remains of this enumeration, a second time. With concurrent calls, as of some moment.
    #[cfg(feature = "capi")]
    pub(crate) fn fork(&self) -> Self {
        let cursor = AtomicUsize::new(self.cursor.load(Ordering::Relaxed));
        Self { snapshot: self.snapshot.clone(), cursor, ..*self }
    }

    /// The same enumeration, started anew where it began.
    #[cfg(feature = "capi")]
    pub(crate) fn rewound(self) -> Self {
        let first = self.first;
        self.starting_at(first)
    }

    /// The rank where part `part` of `parts` begins: always where something that is shown once does (I3),
    /// also if that is before the cursor, for no key in between is shown.
    fn cut(&self, part: usize, parts: usize) -> usize {
        let at = self.cursor.load(Ordering::Relaxed);
        let keys = (self.end - at) as u128 * part as u128 / parts as u128;
        self.unit_start(at + keys as usize)
    }

    /// The rank of the first key of what is shown once and has the key of a rank.
    fn unit_start(&self, rank: usize) -> usize {
        let sets = self.snapshot.sets::<F>();
        let once = self.once();
        if rank == self.end || once == Each::Key {
            return rank;
        }
        let Some(Position { group, source, .. }) = self.place.behind(sets, rank) else {
            return rank;
        };
        let source = if once == Each::Group { F::UNSPECIFIED } else { source };
        self.place.rank_of(sets, group, source)
    }

    fn once(&self) -> Each {
        self.selection.map_or(Each::Key, |selection| selection.once)
    }

    /// The same enumeration, started anew where it was started, with a kernel other than the best. No
    /// other kernel has a part in what it gives.
    pub fn with_kernel(self, kernel: Kernel) -> Self {
        let start = self.start;
        Self { kernel, ..self }.starting_at(start)
    }

    /// The kernel that packs the records.
    pub fn kernel(&self) -> Kernel {
        self.kernel
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
}

impl<F: Family, K: Kind> fmt::Debug for Enumeration<F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enumeration")
            .field("version", &self.snapshot.version())
            .field("view", &self.view)
            .field("filter", &self.filter)
            .field("kernel", &self.kernel)
            .finish_non_exhaustive()
    }
}

/// Begins a scan that nothing stands against.
fn at_once() -> ControlFlow<usize> {
    ControlFlow::Continue(())
}

/// What one call placed in the buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batch<'b, R> {
    entries: &'b [R],
    more: bool,
}

impl<'b, R> Batch<'b, R> {
    /// The records, as they lie in the buffer.
    pub fn entries(&self) -> &'b [R] {
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
