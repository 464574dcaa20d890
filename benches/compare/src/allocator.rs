//! The allocator of all sides, and a count of the bytes that the program has from it.
//!
//! The default is the system's allocator. The feature `mimalloc` selects mimalloc instead, because some
//! peers spend much of their time allocating and freeing.
//!
//! Counting is on for the questions about memory only, so timings do not pay for it. While it is off, an
//! allocation costs one more relaxed load.
//!
//! # Orderings
//!
//! All are relaxed: the numbers synchronise nothing, and the thread that allocates reads them.

#![allow(unsafe_code, reason = "implements the allocator's trait")]

#[cfg(not(feature = "mimalloc"))]
use std::alloc::System as Chosen;
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

#[cfg(feature = "mimalloc")]
use mimalloc::MiMalloc as Chosen;

/// The name of the allocator.
pub const NAME: &str =
    if cfg!(feature = "mimalloc") { "mimalloc" } else { "the system's allocator" };

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE_BYTES: AtomicIsize = AtomicIsize::new(0);

/// The allocator, and a count of the bytes that are allocated and not freed.
struct Counting;

/// Counts while it lives. Only one exists at a time.
pub struct Count;

impl Count {
    /// Starts to count at zero.
    pub fn start() -> Self {
        LIVE_BYTES.store(0, Ordering::Relaxed);
        let was_counting = IS_COUNTING.swap(true, Ordering::Relaxed);
        assert!(!was_counting, "only one count at a time");
        Self
    }

    /// The bytes allocated and not freed since the start.
    pub fn live_bytes(&self) -> usize {
        LIVE_BYTES.load(Ordering::Relaxed).max(0) as usize
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        IS_COUNTING.store(false, Ordering::Relaxed);
    }
}

fn add(bytes: isize) {
    if IS_COUNTING.load(Ordering::Relaxed) {
        LIVE_BYTES.fetch_add(bytes, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the chosen allocator unchanged, and its result is returned unchanged.
// Counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `Chosen.alloc`.
        unsafe { Chosen.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: as for `alloc`.
        unsafe { Chosen.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        add(bytes as isize - layout.size() as isize);
        // SAFETY: `memory` came from `Chosen` with this layout, as `realloc` requires of its caller.
        unsafe { Chosen.realloc(memory, layout, bytes) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY: `memory` came from `Chosen` with this layout, as `dealloc` requires of its caller.
        unsafe { Chosen.dealloc(memory, layout) }
    }
}
