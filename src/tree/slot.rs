//! Slots: memory for one node each, with a header in front of the entries.
//!
//! ```text
//! slot    header, 64 bytes | body, 2,048 bytes
//! header  birth 8 | next | previous | length 2 | level 1 | part 1 | life 4
//! ```
//!
//! A slot has 33 cache lines, so that neighbouring slots map to different sets of a cache. Its body begins
//! on a new line.
//!
//! # Invariants
//!
//! - I1: every byte of a slot's body is initialised as soon as its chunk is mapped, and the header as soon
//!   as the slot first holds a node or is free.
//! - I2: while a node is published, only its fields `next` and `previous` change. Only the writer reads and
//!   writes these, and no reference ever covers them.

use std::ptr::NonNull;

use crate::simd::prefetch::PrefetchRange;

/// The bytes of a node's entries.
pub(super) const BODY_BYTES: usize = 2048;

/// The bytes of a slot.
pub(crate) const SLOT_BYTES: usize = size_of::<Slot>();

/// The `life` of a slot that holds a node. Debug builds check it whenever a node is read.
const ALIVE: u32 = 0x616c_6976;

/// The `life` of a slot that was freed.
const FREED: u32 = 0x6672_6565;

/// Memory for one node.
#[repr(C, align(64))]
pub(super) struct Slot {
    pub(super) header: Header,
    pub(super) body: [u64; BODY_BYTES / 8],
}

#[repr(C, align(64))]
pub(super) struct Header {
    birth: u64,
    next: Option<NodePtr>,
    previous: Option<NodePtr>,
    pub(super) length: u16,
    pub(super) level: u8,
    part: u8,
    life: u32,
}

const _: () = assert!(SLOT_BYTES == 33 * 64);

/// The address of a slot. It does not imply that a node in the slot is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct NodePtr(NonNull<Slot>);

// SAFETY: an address may be sent and shared. Every access through it is unsafe and has its own conditions.
unsafe impl Send for NodePtr {}
// SAFETY: as above.
unsafe impl Sync for NodePtr {}

impl NodePtr {
    pub(super) fn new(slot: NonNull<Slot>) -> Self {
        Self(slot)
    }

    pub(super) fn slot(self) -> NonNull<Slot> {
        self.0
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
            (&raw const (*self.0.as_ptr()).header.birth).read()
        }
    }

    /// The part of the pool that the slot belongs to.
    ///
    /// # Safety
    ///
    /// As [`birth`](Self::birth).
    pub(super) unsafe fn part(self) -> u8 {
        // SAFETY: as in `birth`; the part never changes.
        unsafe { (&raw const (*self.0.as_ptr()).header.part).read() }
    }

    /// Prefetches the slot's first `bytes` bytes.
    #[inline]
    pub(super) fn prefetch(self, bytes: usize) {
        PrefetchRange::new(self.0.as_ptr(), bytes).prefetch_from(0);
    }

    /// The next node of the list that this one is on.
    ///
    /// # Safety
    ///
    /// The slot is mapped and holds a node or is free, and the caller is the writer.
    pub(super) unsafe fn next(self) -> Option<Self> {
        // SAFETY: the header is initialised (I1), and only the writer, our caller, touches the link (I2).
        unsafe { (&raw const (*self.0.as_ptr()).header.next).read() }
    }

    /// # Safety
    ///
    /// As [`next`](Self::next).
    pub(super) unsafe fn set_next(self, next: Option<Self>) {
        // SAFETY: as in `next`.
        unsafe { (&raw mut (*self.0.as_ptr()).header.next).write(next) };
    }

    /// The previous node of the doubly linked list that this one is on.
    ///
    /// # Safety
    ///
    /// As [`next`](Self::next).
    pub(super) unsafe fn previous(self) -> Option<Self> {
        // SAFETY: as in `next`.
        unsafe { (&raw const (*self.0.as_ptr()).header.previous).read() }
    }

    /// # Safety
    ///
    /// As [`next`](Self::next).
    pub(super) unsafe fn set_previous(self, previous: Option<Self>) {
        // SAFETY: as in `next`.
        unsafe { (&raw mut (*self.0.as_ptr()).header.previous).write(previous) };
    }

    /// Makes an empty node in the slot, which belongs to `part` of the pool.
    ///
    /// # Safety
    ///
    /// The slot is mapped, and nothing else refers to it.
    pub(super) unsafe fn make(self, birth: u64, level: u8, part: u8) {
        let header =
            Header { birth, next: None, previous: None, length: 0, level, part, life: ALIVE };
        // SAFETY: the slot is mapped, and only the caller refers to it.
        unsafe { (&raw mut (*self.0.as_ptr()).header).write(header) };
    }

    /// Marks the slot as freed. Debug builds also overwrite the body.
    ///
    /// # Safety
    ///
    /// The slot is mapped, and nothing else refers to it.
    pub(super) unsafe fn unmake(self) {
        let slot = self.0.as_ptr();
        // SAFETY: the slot is mapped, and only the caller refers to it.
        unsafe {
            (&raw mut (*slot).header.life).write(FREED);
            if cfg!(debug_assertions) {
                (&raw mut (*slot).body).cast::<u8>().write_bytes(0xdb, BODY_BYTES);
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
            let life = unsafe { (&raw const (*self.0.as_ptr()).header.life).read() };
            assert_eq!(life, ALIVE, "a node is alive while it is read");
        }
    }
}
