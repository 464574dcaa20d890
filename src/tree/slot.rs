//! Slots: the places of nodes, and what a node has in front of its entries.
//!
//! ```text
//! slot    header, 64 bytes | body, 2,048 bytes
//! header  birth 8 | next | previous | length 2 | level 1 | part 1 | life 4
//! ```
//!
//! A slot is 33 cache lines, so that neighbouring slots fall on different sets of a cache, and its
//! body begins on a line of its own.
//!
//! # Invariants
//!
//! - I1: every byte of a slot's body is initialised from the time when its chunk was mapped, and its
//!   header from the time when it was first a node or free.
//! - I2: while a node is published, only its fields `next` and `previous` change, and these only the
//!   writer reads and writes; no reference ever covers them.

use std::ptr::NonNull;

use crate::prefetch::Lines;

/// The bytes of a node's entries.
pub(super) const BODY_BYTES: usize = 2048;

/// The bytes of a slot.
pub(crate) const SLOT_BYTES: usize = size_of::<Slot>();

/// The word of life of a slot that holds a node. Debug builds check it at every read.
const ALIVE: u32 = 0x616c_6976;

/// The word of life of a slot that was freed.
const FREED: u32 = 0x6672_6565;

/// The place of a node.
#[repr(C, align(64))]
pub(crate) struct Slot {
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

/// The address of a slot. To have one says nothing of the node's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub(crate) struct NodePtr(NonNull<Slot>);

// SAFETY: an address may go anywhere. What is done with it is unsafe, and has its own conditions.
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
    pub(crate) fn address(self) -> usize {
        self.0.as_ptr().addr()
    }

    /// The version that made the node.
    ///
    /// # Safety
    ///
    /// The slot is mapped and holds a node, and no other thread makes it another one meanwhile.
    pub(crate) unsafe fn birth(self) -> u64 {
        // SAFETY: as the caller promises.
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
        // SAFETY: as the caller promises.
        unsafe { (&raw const (*self.0.as_ptr()).header.part).read() }
    }

    /// Asks for the memory of the slot's first `bytes` bytes.
    #[inline]
    pub(super) fn prefetch(self, bytes: usize) {
        Lines::new(self.0.as_ptr(), bytes).ask_from(0);
    }

    /// The next node of the list that this one is on.
    ///
    /// # Safety
    ///
    /// The slot is mapped, and the caller is the writer (I2).
    pub(super) unsafe fn next(self) -> Option<Self> {
        // SAFETY: as the caller promises.
        unsafe { (&raw const (*self.0.as_ptr()).header.next).read() }
    }

    /// # Safety
    ///
    /// As [`next`](Self::next).
    pub(super) unsafe fn set_next(self, next: Option<Self>) {
        // SAFETY: as the caller promises.
        unsafe { (&raw mut (*self.0.as_ptr()).header.next).write(next) };
    }

    /// The node before this one on its list, of lists that go both ways.
    ///
    /// # Safety
    ///
    /// As [`next`](Self::next).
    pub(super) unsafe fn previous(self) -> Option<Self> {
        // SAFETY: as the caller promises.
        unsafe { (&raw const (*self.0.as_ptr()).header.previous).read() }
    }

    /// # Safety
    ///
    /// As [`next`](Self::next).
    pub(super) unsafe fn set_previous(self, previous: Option<Self>) {
        // SAFETY: as the caller promises.
        unsafe { (&raw mut (*self.0.as_ptr()).header.previous).write(previous) };
    }

    /// Makes the slot an empty node, of a part of the pool.
    ///
    /// # Safety
    ///
    /// The slot is mapped, and nobody else refers to it.
    pub(super) unsafe fn make(self, birth: u64, level: u8, part: u8) {
        let header =
            Header { birth, next: None, previous: None, length: 0, level, part, life: ALIVE };
        // SAFETY: as the caller promises.
        unsafe { (&raw mut (*self.0.as_ptr()).header).write(header) };
    }

    /// Ends the node's life. In debug builds its content is overwritten.
    ///
    /// # Safety
    ///
    /// The slot is mapped, and nobody else refers to it.
    pub(super) unsafe fn unmake(self) {
        let slot = self.0.as_ptr();
        // SAFETY: as the caller promises.
        unsafe {
            (&raw mut (*slot).header.life).write(FREED);
            if cfg!(debug_assertions) {
                (&raw mut (*slot).body).cast::<u8>().write_bytes(0xdb, BODY_BYTES);
            }
        }
    }

    /// Panics in debug builds where the slot holds no node.
    ///
    /// # Safety
    ///
    /// The slot is mapped.
    pub(super) unsafe fn check_alive(self) {
        if cfg!(debug_assertions) {
            // SAFETY: as the caller promises; the word is initialised (I1).
            let life = unsafe { (&raw const (*self.0.as_ptr()).header.life).read() };
            assert_eq!(life, ALIVE, "a node was read that is not alive");
        }
    }
}
