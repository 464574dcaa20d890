//! Slots: memory for one node each, with a header in front of the entries.
//!
//! ```text
//! slot    header, 64 bytes | body, 4,096 or 2,048 bytes
//! header  birth 8 | next | previous | length 2 | level 1 | part 1 | life 4
//! ```
//!
//! A slot has an odd number of cache lines, 65 or 33, so that neighbouring slots map to different sets of a
//! cache. Its body begins on a new line. All slots of a [`Part`] have the same size.
//!
//! # Invariants
//!
//! - I1: every byte of a slot's body is initialised as soon as its chunk is mapped, and the header as soon
//!   as the slot first holds a node or is free.
//! - I2: while a node is published, only its fields `next` and `previous` change. Only the writer reads and
//!   writes these, and no reference ever covers them.
//! - I3: the address of a slot has the provenance of all of the slot.

use std::ptr::NonNull;

use crate::simd::prefetch::PrefetchRange;

/// A part of a pool: slots of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Part {
    Large,
    Small,
}

impl Part {
    pub(super) const ALL: [Self; 2] = [Self::Large, Self::Small];

    /// The bytes of a node's entries.
    pub(super) const fn body_bytes(self) -> usize {
        match self {
            Self::Large => 4096,
            Self::Small => 2048,
        }
    }

    /// The bytes of a slot.
    pub(super) const fn slot_bytes(self) -> usize {
        HEADER_BYTES + self.body_bytes()
    }
}

/// The `life` of a slot that holds a node. Debug builds check it whenever a node is read.
const ALIVE: u32 = 0x616c_6976;

/// The `life` of a slot that was freed.
const FREED: u32 = 0x6672_6565;

#[repr(C, align(64))]
struct Header {
    birth: u64,
    next: Option<NodePtr>,
    previous: Option<NodePtr>,
    length: u16,
    level: u8,
    part: Part,
    life: u32,
}

/// The bytes of a slot's header.
pub(super) const HEADER_BYTES: usize = size_of::<Header>();

const _: () = assert!(HEADER_BYTES == 64);

/// The address of a slot. It does not imply that a node in the slot is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct NodePtr(NonNull<Header>);

// SAFETY: an address may be sent and shared. Every access through it is unsafe and has its own conditions.
unsafe impl Send for NodePtr {}
// SAFETY: as above.
unsafe impl Sync for NodePtr {}

impl NodePtr {
    /// The slot that begins at `start`, which is aligned to a cache line and has the provenance of all of the
    /// slot (I3).
    pub(super) fn new(start: NonNull<u8>) -> Self {
        debug_assert_eq!(start.as_ptr().align_offset(align_of::<Header>()), 0);
        Self(start.cast())
    }

    /// The start of the slot.
    #[cfg(groupscan_check)]
    pub(super) fn start(self) -> NonNull<u8> {
        self.0.cast()
    }

    /// The start of the body. It is a line behind the header.
    #[inline]
    pub(super) fn body(self) -> *mut u8 {
        self.0.as_ptr().wrapping_add(1).cast()
    }

    /// The address as a number.
    #[cfg(any(groupscan_check, test, feature = "__internals"))]
    pub(crate) fn address(self) -> usize {
        self.0.as_ptr().addr()
    }

    /// The version that made the node.
    ///
    /// # Safety
    ///
    /// The slot is mapped and holds a node, and no other thread frees that node meanwhile.
    pub(crate) unsafe fn birth(self) -> u64 {
        // SAFETY: the slot holds a node, whose header is initialised (I1) and keeps its birth (I2).
        unsafe {
            self.check_alive();
            (&raw const (*self.0.as_ptr()).birth).read()
        }
    }

    /// The part of the pool that the slot belongs to.
    ///
    /// # Safety
    ///
    /// As [`birth`](Self::birth).
    #[inline]
    pub(super) unsafe fn part(self) -> Part {
        // SAFETY: as in `birth`; the part never changes.
        unsafe { (&raw const (*self.0.as_ptr()).part).read() }
    }

    /// The number of levels below the node; 0 for a leaf.
    ///
    /// # Safety
    ///
    /// As [`birth`](Self::birth).
    #[inline]
    pub(super) unsafe fn level(self) -> u8 {
        // SAFETY: as in `birth`; the level never changes while the slot holds the node.
        unsafe { (&raw const (*self.0.as_ptr()).level).read() }
    }

    /// The number of entries of the node.
    ///
    /// # Safety
    ///
    /// As [`birth`](Self::birth), and no other thread changes the node.
    #[inline]
    pub(super) unsafe fn len(self) -> usize {
        // SAFETY: as in `birth`.
        unsafe { (&raw const (*self.0.as_ptr()).length).read() }.into()
    }

    /// Sets the number of entries of the node.
    ///
    /// # Safety
    ///
    /// The slot is mapped and holds a node, and only the caller uses the node.
    #[inline]
    pub(super) unsafe fn set_len(self, length: u16) {
        // SAFETY: the slot is mapped, and only the caller uses the node.
        unsafe { (&raw mut (*self.0.as_ptr()).length).write(length) };
    }

    /// The bytes of the slot.
    ///
    /// # Safety
    ///
    /// As [`birth`](Self::birth).
    #[inline]
    pub(crate) unsafe fn bytes(self) -> usize {
        // SAFETY: the contract is that of `part`.
        unsafe { self.part() }.slot_bytes()
    }

    /// Prefetches the header.
    #[inline]
    pub(super) fn prefetch_header(self) {
        PrefetchRange::new(self.0.as_ptr(), HEADER_BYTES).prefetch_from(0);
    }

    /// The next node of the list that this one is on.
    ///
    /// # Safety
    ///
    /// The slot is mapped and holds a node or is free, and the caller is the writer.
    pub(super) unsafe fn next(self) -> Option<Self> {
        // SAFETY: the header is initialised (I1), and only the writer, our caller, touches the link (I2).
        unsafe { (&raw const (*self.0.as_ptr()).next).read() }
    }

    /// # Safety
    ///
    /// As [`next`](Self::next).
    pub(super) unsafe fn set_next(self, next: Option<Self>) {
        // SAFETY: as in `next`.
        unsafe { (&raw mut (*self.0.as_ptr()).next).write(next) };
    }

    /// The previous node of the doubly linked list that this one is on.
    ///
    /// # Safety
    ///
    /// As [`next`](Self::next).
    pub(super) unsafe fn previous(self) -> Option<Self> {
        // SAFETY: as in `next`.
        unsafe { (&raw const (*self.0.as_ptr()).previous).read() }
    }

    /// # Safety
    ///
    /// As [`next`](Self::next).
    pub(super) unsafe fn set_previous(self, previous: Option<Self>) {
        // SAFETY: as in `next`.
        unsafe { (&raw mut (*self.0.as_ptr()).previous).write(previous) };
    }

    /// Makes an empty node in the slot, which belongs to `part` of the pool.
    ///
    /// # Safety
    ///
    /// The slot is mapped, and nothing else refers to it.
    #[inline]
    pub(super) unsafe fn make(self, birth: u64, level: u8, part: Part) {
        let header =
            Header { birth, next: None, previous: None, length: 0, level, part, life: ALIVE };
        // SAFETY: the slot is mapped, and only the caller refers to it.
        unsafe { self.0.as_ptr().write(header) };
    }

    /// Marks the slot as freed. Debug builds also overwrite the body.
    ///
    /// # Safety
    ///
    /// The slot is mapped, and nothing else refers to it.
    pub(super) unsafe fn unmake(self) {
        // SAFETY: the slot is mapped, and only the caller refers to it.
        unsafe {
            (&raw mut (*self.0.as_ptr()).life).write(FREED);
            if cfg!(debug_assertions) {
                self.body().write_bytes(0xdb, self.part().body_bytes());
            }
        }
    }

    /// Panics in debug builds if the slot does not hold a node.
    ///
    /// # Safety
    ///
    /// The slot is mapped and holds a node or was freed.
    pub(super) unsafe fn check_alive(self) {
        if cfg!(debug_assertions) {
            // SAFETY: the slot is mapped, and its header is initialised (I1).
            let life = unsafe { (&raw const (*self.0.as_ptr()).life).read() };
            assert_eq!(life, ALIVE, "a node is alive while it is read");
        }
    }
}
