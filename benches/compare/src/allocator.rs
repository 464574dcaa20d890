//! The allocator that all sides use, and a count of the bytes that the program has from it.
//!
//! It is the system's, which is what one has who does nothing about it; the feature `mimalloc` has that one
//! instead, for much of what some peers do is allocating and freeing.
//!
//! Counting is off but for the questions about memory, so that no timing pays for it: then an
//! allocation costs one relaxed load more.
//!
//! # Orderings
//!
//! All relaxed: the numbers synchronise nothing, and are read on the thread that allocates.

#![allow(unsafe_code, reason = "implements the allocator's trait")]

#[cfg(not(feature = "mimalloc"))]
use std::alloc::System as Chosen;
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

#[cfg(feature = "mimalloc")]
use mimalloc::MiMalloc as Chosen;

/// What the allocator is called.
pub const NAME: &str =
    if cfg!(feature = "mimalloc") { "mimalloc" } else { "the system's allocator" };

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE_BYTES: AtomicIsize = AtomicIsize::new(0);

/// The allocator, and a count of the bytes that it has given and not got back.
struct Counting;

/// Counts as long as it lives. There is one at a time.
pub struct Count;

impl Count {
    /// Begins to count, at zero.
    pub fn start() -> Self {
        LIVE_BYTES.store(0, Ordering::Relaxed);
        let was_counting = IS_COUNTING.swap(true, Ordering::Relaxed);
        assert!(!was_counting, "there is one count");
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

// SAFETY: every call is handed on to the chosen allocator as it is, and answered as that answers.
// Counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { Chosen.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { Chosen.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        add(bytes as isize - layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { Chosen.realloc(memory, layout, bytes) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { Chosen.dealloc(memory, layout) }
    }
}
