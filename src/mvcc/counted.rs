//! Memory that the system may refuse, and counted pointers in it.
//!
//! ```text
//! Room::request ──▶ Room<Block<T>> ── Counted::new ──▶ Counted<T> ──▶ Block [ pointers | value ]
//! ```
//!
//! A [`Counted`] is an `Arc` without weak references. In contrast to `Arc`, the memory for it is requested
//! before the value exists, by [`Room::request`], which returns an error if the system refuses.
//!
//! # Invariants
//!
//! - I1: `pointers` counts the pointers to a block: those of type [`Counted`], and those from
//!   [`into_raw`](Counted::into_raw). From 0 it never rises.
//! - I2: while `pointers` is not 0, the block is allocated, its value is alive, and the value is only shared.
//! - I3: the thread that takes `pointers` to 0 frees the block, once.
//!
//! # Orderings
//!
//! `pointers` rises with relaxed ordering, because the thread has a pointer already. It falls with release,
//! and the thread that takes it to 0 then acquires it: every use of the value happens before its drop.

use std::alloc::{self, Layout};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::Deref;
use std::ptr::NonNull;
// Not from `crate::sync`: as with `Arc`, the checkers trust the count. Otherwise they would have to try many
// times as many orders.
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::tree::AllocError;

/// Memory for a value that does not exist yet.
pub(super) struct Room<T>(Box<MaybeUninit<T>>);

// SAFETY: there is no value, and memory is not bound to a thread.
unsafe impl<T> Send for Room<T> {}

impl<T> Room<T> {
    /// Requests memory from the system.
    pub(super) fn request() -> Result<Self, AllocError> {
        const { assert!(size_of::<T>() > 0) };
        // SAFETY: the size is not 0.
        let memory = NonNull::new(unsafe { alloc::alloc(Layout::new::<T>()) });
        let memory = memory.ok_or(AllocError::System)?.cast::<MaybeUninit<T>>();
        // SAFETY: the global allocator allocated the memory with the layout of `T`, as a box does, and
        // nothing else refers to it. It need not be initialised.
        Ok(Self(unsafe { Box::from_raw(memory.as_ptr()) }))
    }

    /// The memory of a value that is dropped.
    pub(super) fn of_dropped(value: Box<T>) -> Self {
        let value = Box::into_raw(value);
        // SAFETY: the value comes from a box, so it is alive and is dropped once. Then the memory is taken
        // back as a box of the same layout, which need not be initialised.
        unsafe {
            value.drop_in_place();
            Self(Box::from_raw(value.cast()))
        }
    }

    /// Puts a value into the memory.
    pub(super) fn fill(self, value: T) -> Box<T> {
        Box::write(self.0, value)
    }
}

/// A value, and the number of pointers to it.
pub(super) struct Block<T: ?Sized> {
    pointers: AtomicUsize,
    value: T,
}

/// A counted pointer to a value.
pub(super) struct Counted<T: ?Sized> {
    block: NonNull<Block<T>>,
}

// SAFETY: threads share the value by reference (`T: Sync`), and any thread may drop it (`T: Send`). The count
// is atomic.
unsafe impl<T: ?Sized + Send + Sync> Send for Counted<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for Counted<T> {}

impl<T> Counted<T> {
    /// Puts a value into its room, with one pointer to it.
    pub(super) fn new(room: Room<Block<T>>, value: T) -> Self {
        let block = room.fill(Block { pointers: AtomicUsize::new(1), value });
        Self { block: NonNull::from(Box::leak(block)) }
    }
}

impl<T: ?Sized> Counted<T> {
    /// The address of the block. The pointer stays counted until [`from_raw`](Self::from_raw) takes it back.
    pub(super) fn into_raw(self) -> NonNull<Block<T>> {
        ManuallyDrop::new(self).block
    }

    /// The address of the block, for [`into_raw`](Self::into_raw) of the same pointer later.
    #[cfg(not(any(loom, shuttle, groupscan_lock_twin)))]
    pub(super) fn as_raw(&self) -> NonNull<Block<T>> {
        self.block
    }

    /// Takes a counted pointer back.
    ///
    /// # Safety
    ///
    /// The address is from [`into_raw`](Self::into_raw), and this is called once for each such pointer.
    pub(super) unsafe fn from_raw(block: NonNull<Block<T>>) -> Self {
        Self { block }
    }

    #[inline]
    fn block(&self) -> &Block<T> {
        // SAFETY: this pointer is counted, so the block is allocated (I1, I2).
        unsafe { self.block.as_ref() }
    }

    /// The number of pointers.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn pointers(&self) -> usize {
        self.block().pointers.load(Ordering::Relaxed)
    }
}

impl<T: ?Sized> Deref for Counted<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.block().value
    }
}

impl<T: ?Sized> Clone for Counted<T> {
    #[inline]
    fn clone(&self) -> Self {
        let pointers = self.block().pointers.fetch_add(1, Ordering::Relaxed);
        check_count(pointers);
        Self { block: self.block }
    }
}

impl<T: ?Sized> Drop for Counted<T> {
    #[inline]
    fn drop(&mut self) {
        let pointers = &self.block().pointers;
        if pointers.fetch_sub(1, Ordering::Release) == 1 {
            // Reads the 0, and so acquires what every decrement released. A load and not a fence, because
            // thread sanitizers do not follow fences.
            pointers.load(Ordering::Acquire);
            // SAFETY: `new` leaked the block, which is a box. This call took the count to 0, so no other
            // pointer leads to it, and this happens once (I1, I3).
            drop(unsafe { Box::from_raw(self.block.as_ptr()) });
        }
    }
}

/// Aborts, as `Arc` does, if leaked pointers made the count overflow.
#[inline]
pub(super) fn check_count(pointers: usize) {
    if pointers > usize::MAX / 2 {
        std::process::abort();
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn counted<T>(value: T) -> Counted<T> {
        Counted::new(Room::request().unwrap(), value)
    }

    #[test]
    fn a_counted_value_is_dropped_with_its_last_pointer() {
        let value = Arc::new(());
        let first = counted(Arc::clone(&value));
        let second = first.clone();
        assert_eq!((first.pointers(), Arc::strong_count(&value)), (2, 2));
        drop(first);
        assert_eq!((second.pointers(), Arc::strong_count(&second)), (1, 2));
        drop(second);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn a_pointer_becomes_one_to_a_trait_object() {
        let value = Arc::new(());
        let raw: NonNull<Block<dyn Send + Sync>> = counted(Arc::clone(&value)).into_raw();
        // SAFETY: the address is from `into_raw`, and is used once.
        let counted = unsafe { Counted::from_raw(raw) };
        assert_eq!((counted.pointers(), Arc::strong_count(&value)), (1, 2));
        drop(counted);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn threads_share_a_value_until_the_last_of_them() {
        let shared = counted(vec![7; 100]);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let own = shared.clone();
                scope.spawn(move || {
                    for _ in 0..if cfg!(miri) { 20 } else { 2000 } {
                        assert_eq!(own.clone().iter().sum::<i32>(), 700);
                    }
                });
            }
            drop(shared);
        });
    }

    #[test]
    fn room_that_is_not_used_is_freed() {
        drop(Room::<[u64; 4]>::request().unwrap());
    }

    #[test]
    fn the_memory_of_a_dropped_value_is_used_again() {
        let value = Arc::new(());
        let boxed = Room::request().unwrap().fill(Arc::clone(&value));
        let room = Room::of_dropped(boxed);
        assert_eq!(Arc::strong_count(&value), 1);
        assert!(Arc::ptr_eq(&room.fill(Arc::clone(&value)), &value));
    }
}
