//! Handle tables: a lock-free map from the handles of one kind to their values.
//!
//! ```text
//! entries [ null | ● | null | ● ]         free indices: 2, 0
//!                  │          └──▶ Entry { handle, uses, value }
//!                  └──▶ Entry { handle, uses, value } ◀── Reference (a call in progress)
//! ```
//!
//! A call pins its thread, looks the handle up, takes a reference and unpins; only then it works. Removing
//! a handle unlinks its entry. Dropping the last reference drops the value at once. The entry's memory, which
//! a pinned thread may still read, is freed through the [epoch collector](crate::sync::epoch).
//!
//! # Invariants
//!
//! - I1: a pointer in `entries` is null, or points to an entry and owns one reference to it.
//! - I2: `uses` counts the references to an entry. It never rises from 0.
//! - I3: an entry's value exists while `uses` is not 0. The thread that takes `uses` to 0 drops it, once.
//! - I4: an entry's memory exists while `uses` is not 0, and as long as any thread is pinned that could have
//!   loaded its pointer from `entries`: the thread that takes `uses` to 0 hands the memory to the collector,
//!   and by then `entries` no longer points to it (I1).
//! - I5: an index is free, or belongs to one running `insert` or to one linked entry.
//! - I6: every index, free or not, is less than `entries.len()`.
//!
//! # Orderings
//!
//! - Pointers in `entries` are stored with release and loaded with acquire, so a thread that finds an entry
//!   sees all of it.
//! - `uses` rises with relaxed ordering: a thread that takes a reference has already seen the entry. It falls
//!   with release, and the thread that takes it to 0 then acquires: every use of the value happens before its
//!   drop.
//!
//! # Progress
//!
//! All operations are lock-free. `insert` allocates the entry. The others allocate nothing, apart from what
//! [pinning](crate::sync::epoch) does now and then.

#![allow(unsafe_code, reason = "shares entries that other threads unlink")]

mod free_indices;
mod handle;

use std::alloc::{self, Layout};
use std::cell::UnsafeCell;
use std::collections::TryReserveError;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use crate::sync::epoch;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

use free_indices::{FreeIndices, Taken};

pub use handle::{EnumerationHandle, ProtocolHandle};
pub(crate) use handle::{MAX_HANDLES, Tag};

/// The value of a handle, and the count of its users. Aligned to a cache line, so that threads that use
/// different handles do not slow each other down.
#[repr(align(64))]
struct Entry<T> {
    bits: u64,
    uses: AtomicUsize,
    /// The index, which the thread that unlinks the entry gives back.
    taken: UnsafeCell<Option<Taken>>,
    value: UnsafeCell<ManuallyDrop<T>>,
}

/// The entries of the handles of one kind.
pub(crate) struct Handles<T> {
    tag: Tag,
    entries: Box<[AtomicPtr<Entry<T>>]>,
    free: FreeIndices,
    owned: PhantomData<T>,
}

// SAFETY: threads share values by reference (`T: Sync`), and any thread may drop a value (`T: Send`).
unsafe impl<T: Send + Sync> Send for Handles<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Handles<T> {}

/// Why no handle was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotInserted {
    /// The limit is reached.
    TooMany,
    /// The system refused memory.
    OutOfMemory,
}

impl<T: Send + Sync + 'static> Handles<T> {
    /// A table for `limit` handles at a time, at most [`MAX_HANDLES`].
    pub(crate) fn new(tag: Tag, limit: usize) -> Result<Self, TryReserveError> {
        let limit = limit.min(MAX_HANDLES);
        let mut entries = Vec::new();
        entries.try_reserve_exact(limit)?;
        entries.resize_with(limit, || AtomicPtr::new(ptr::null_mut()));
        let free = FreeIndices::new(limit as u32)?;
        Ok(Self { tag, entries: entries.into_boxed_slice(), free, owned: PhantomData })
    }

    /// The most handles at a time.
    pub(crate) fn limit(&self) -> usize {
        self.entries.len()
    }

    /// Issues a handle for the value that `make` returns, and returns its bits. At the limit, `make` is not
    /// called.
    pub(crate) fn insert(&self, make: impl FnOnce() -> T) -> Result<u64, NotInserted> {
        let mut reserved = Reserved { free: &self.free, taken: self.free.take() };
        let index = reserved.taken.as_ref().ok_or(NotInserted::TooMany)?.index;
        let Some(pointer) = self.entries.get(index as usize) else {
            unreachable!("I6: index {index} has no entry");
        };
        let value = make();
        let bits = handle::issue(self.tag, index);
        // SAFETY: the size of an entry is not 0: it contains `uses`.
        let memory = NonNull::new(unsafe { alloc::alloc(Layout::new::<Entry<T>>()) });
        let entry: NonNull<Entry<T>> = memory.ok_or(NotInserted::OutOfMemory)?.cast();
        let uses = AtomicUsize::new(1);
        let (taken, value) = (reserved.taken.take().into(), ManuallyDrop::new(value).into());
        // SAFETY: the memory is new and has an entry's layout, and no other thread has its address.
        unsafe { entry.write(Entry { bits, uses, taken, value }) };
        // This call owns the index (I5), and the pointer owns the first reference (I1).
        pointer.store(entry.as_ptr(), Ordering::Release);
        Ok(bits)
    }

    /// Looks a handle up. Its value lives at least as long as the reference.
    #[inline]
    pub(crate) fn get(&self, bits: u64) -> Option<Reference<'_, T>> {
        let pointer = self.entries.get(handle::index(bits, self.tag)?)?;
        epoch::pinned(|_| {
            let entry = NonNull::new(pointer.load(Ordering::Acquire))?;
            // SAFETY: `entries` pointed to it while this thread was pinned, so its memory exists (I4).
            let found = unsafe { entry.as_ref() };
            if found.bits != bits || !found.hold() {
                return None;
            }
            Some(Reference { entry, handles: PhantomData })
        })
    }

    /// Removes a handle, and returns the reference that `entries` owned; `None` if the handle is invalid. Of
    /// two threads that remove one handle, one gets the reference.
    pub(crate) fn remove(&self, bits: u64) -> Option<Reference<'_, T>> {
        let pointer = self.entries.get(handle::index(bits, self.tag)?)?;
        let entry = epoch::pinned(|_| {
            let entry = NonNull::new(pointer.load(Ordering::Acquire))?;
            // SAFETY: `entries` pointed to it while this thread was pinned, so its memory exists (I4).
            if unsafe { entry.as_ref() }.bits != bits {
                return None;
            }
            // While this thread is pinned, no other entry can have this address (I4), so the entry that is
            // unlinked is the one that was compared. Relaxed: unlinking publishes no memory.
            pointer
                .compare_exchange(
                    entry.as_ptr(),
                    ptr::null_mut(),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .ok()?;
            // The reference that `entries` owned (I1) now belongs to this call.
            Some(Reference { entry, handles: PhantomData })
        })?;
        // SAFETY: only the thread that unlinked the entry accesses `taken`, and the compare-exchange above
        // succeeds for one thread.
        let Some(taken) = (unsafe { (*entry.entry().taken.get()).take() }) else {
            unreachable!("I5: a linked entry has its index");
        };
        self.free.give_back(taken);
        Some(entry)
    }

    /// The values with the bits of their handles, by ascending index: all that exist during the whole walk,
    /// and perhaps some that come or go meanwhile.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, Reference<'_, T>)> + '_ {
        self.entries.iter().filter_map(|pointer| {
            // Most indices have no entry, and need no pin.
            if pointer.load(Ordering::Relaxed).is_null() {
                return None;
            }
            epoch::pinned(|_| {
                let entry = NonNull::new(pointer.load(Ordering::Acquire))?;
                // SAFETY: `entries` pointed to it while this thread was pinned, so its memory exists (I4).
                let found = unsafe { entry.as_ref() };
                if !found.hold() {
                    return None;
                }
                Some((found.bits, Reference { entry, handles: PhantomData }))
            })
        })
    }
}

/// An index that is given back unless an entry gets it.
struct Reserved<'f> {
    free: &'f FreeIndices,
    taken: Option<Taken>,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.free.give_back(taken);
        }
    }
}

impl<T> Drop for Handles<T> {
    fn drop(&mut self) {
        for pointer in &self.entries {
            if let Some(entry) = NonNull::new(pointer.swap(ptr::null_mut(), Ordering::Relaxed)) {
                // SAFETY: `insert` allocated it as a box does. References and calls borrow the table, and
                // this thread has it exclusively, so no other thread has access.
                let mut entry = unsafe { Box::from_raw(entry.as_ptr()) };
                // SAFETY: the reference that `entries` owns is the last, so the value exists (I3). The box
                // frees its memory without dropping it again.
                unsafe { ManuallyDrop::drop(entry.value.get_mut()) };
            }
        }
    }
}

impl<T> Entry<T> {
    /// Takes a reference. Fails if `uses` is 0 (I2).
    #[inline]
    fn hold(&self) -> bool {
        let mut uses = self.uses.load(Ordering::Relaxed);
        // No overflow: a thread has one or two references at a time.
        while uses != 0 {
            let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
            match self.uses.compare_exchange_weak(uses, uses + 1, success, failure) {
                Ok(_) => return true,
                Err(now) => uses = now,
            }
        }
        false
    }
}

/// A counted reference to the value of a handle.
pub(crate) struct Reference<'h, T: Send + Sync + 'static> {
    entry: NonNull<Entry<T>>,
    handles: PhantomData<&'h Handles<T>>,
}

impl<T: Send + Sync> Reference<'_, T> {
    #[inline]
    fn entry(&self) -> &Entry<T> {
        // SAFETY: the reference is counted, so the entry's memory exists (I4).
        unsafe { self.entry.as_ref() }
    }
}

impl<T: Send + Sync> Deref for Reference<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the reference is counted, so the value exists (I3), and it is only read while it does.
        unsafe { &*self.entry().value.get() }
    }
}

impl<T: Send + Sync> Drop for Reference<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.entry().uses.fetch_sub(1, Ordering::Release) == 1 {
            // SAFETY: this call took the count to 0.
            unsafe { end(self.entry) };
        }
    }
}

/// Drops an entry's value, and hands its memory to the collector.
///
/// # Safety
///
/// The calling thread took the entry's `uses` to 0.
#[cold]
unsafe fn end<T: Send + Sync + 'static>(entry: NonNull<Entry<T>>) {
    let shell = entry;
    // SAFETY: the memory exists until the collector gets the shell, below (I4).
    let entry = unsafe { entry.as_ref() };
    // Reads the 0, and so acquires what every decrement released. A load and not a fence, because thread
    // sanitizers do not model fences.
    entry.uses.load(Ordering::Acquire);
    // SAFETY: `uses` is 0 and never rises again (I2), so no thread can reach the value, and only this thread
    // drops it (I3).
    unsafe { ManuallyDrop::drop(&mut *entry.value.get()) };
    epoch::pinned(|pin| pin.drop_later(Shell(shell)));
}

/// The memory of an entry without a value.
struct Shell<T>(NonNull<Entry<T>>);

// SAFETY: the value is dropped already; what remains of the entry are numbers.
unsafe impl<T> Send for Shell<T> {}

impl<T> Drop for Shell<T> {
    fn drop(&mut self) {
        // SAFETY: `insert` allocated it as a box does. No reference remains, and the collector drops the
        // shell when no thread is pinned that could still read it (I4).
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn a_handle_names_its_value_until_it_is_removed() {
        let handles = Handles::new(Tag::Protocol, 4).unwrap();
        let bits = handles.insert(|| "a".to_string()).unwrap();
        assert_eq!(handles.get(bits).as_deref().map(String::as_str), Some("a"));
        let held = handles.get(bits).unwrap();
        assert!(handles.remove(bits).is_some());
        assert!(handles.remove(bits).is_none() && handles.get(bits).is_none());
        assert_eq!(*held, "a", "a reference keeps the value");
    }

    #[test]
    fn a_value_is_dropped_at_once_with_its_last_reference() {
        let value = Arc::new(());
        let handles = Handles::new(Tag::Protocol, 4).unwrap();
        let bits = handles.insert(|| Arc::clone(&value)).unwrap();
        let held = handles.get(bits).unwrap();
        drop(handles.remove(bits));
        assert_eq!(Arc::strong_count(&value), 2);
        drop(held);
        assert_eq!(Arc::strong_count(&value), 1);
        handles.insert(|| Arc::clone(&value)).unwrap();
        drop(handles);
        assert_eq!(Arc::strong_count(&value), 1, "dropping the table drops its values");
    }

    // Fails even without a sanitizer: glibc writes into freed memory, which changes the count.
    #[cfg(not(groupscan_lock_twin))]
    #[test]
    fn an_entry_outlives_the_threads_pinned_when_it_was_removed() {
        let handles = Handles::new(Tag::Protocol, 1).unwrap();
        let bits = handles.insert(|| ()).unwrap();
        epoch::pinned(|_| {
            let entry = NonNull::new(handles.entries[0].load(Ordering::Acquire)).unwrap();
            let remove = || {
                drop(handles.remove(bits));
                (0..1000).for_each(|_| epoch::collect());
            };
            std::thread::scope(|scope| _ = scope.spawn(remove));
            // SAFETY: `entries` pointed to it, and this thread has been pinned since (I4).
            let found = unsafe { entry.as_ref() };
            assert_eq!((found.bits, found.hold()), (bits, false));
        });
    }

    #[test]
    fn other_kinds_other_tables_and_stale_handles_are_not_found() {
        let [protocols, others] = [(); 2].map(|()| Handles::new(Tag::Protocol, 2).unwrap());
        let enumerations = Handles::new(Tag::Enumeration, 2).unwrap();
        let mut seen = BTreeSet::new();
        let mut last = None;
        for turn in 0..1000 {
            let bits = protocols.insert(|| turn).unwrap();
            assert!(seen.insert(bits));
            for handles in [&others, &enumerations] {
                assert!(handles.get(bits).is_none() && handles.remove(bits).is_none());
            }
            for near in [bits ^ 1, bits ^ 2, bits ^ 3, bits ^ 4, bits ^ 1 << 18, bits ^ 1 << 63] {
                assert!(last == Some(near) || protocols.get(near).is_none());
            }
            if let Some(stale) = last {
                assert_eq!(*protocols.remove(stale).unwrap(), turn - 1);
                assert!(protocols.get(stale).is_none());
            }
            last = Some(bits);
        }
    }

    #[test]
    fn the_limit_holds_and_indices_are_reused() {
        let handles = Handles::new(Tag::Enumeration, 3).unwrap();
        for _ in 0..10 {
            let bits: Vec<u64> = (0..3).map(|value| handles.insert(|| value).unwrap()).collect();
            assert_eq!(handles.insert(|| 3), Err(NotInserted::TooMany));
            let mut all: Vec<_> = handles.iter().map(|(bits, value)| (bits, *value)).collect();
            all.sort_by_key(|(_, value)| *value);
            assert!(all.into_iter().map(|(bits, _)| bits).eq(bits.iter().copied()));
            bits.iter().for_each(|bits| assert!(handles.remove(*bits).is_some()));
        }
        assert_eq!(Handles::<()>::new(Tag::Protocol, usize::MAX).unwrap().limit(), MAX_HANDLES);
        assert_eq!(Handles::new(Tag::Protocol, 0).unwrap().insert(|| 1), Err(NotInserted::TooMany));
    }

    #[test]
    fn a_value_that_fails_to_be_made_takes_no_index() {
        let handles = Handles::<()>::new(Tag::Protocol, 1).unwrap();
        for _ in 0..3 {
            let failing = std::panic::AssertUnwindSafe(|| handles.insert(|| panic!("on purpose")));
            assert!(std::panic::catch_unwind(failing).is_err());
        }
        assert!(handles.insert(|| ()).is_ok());
    }

    #[test]
    fn threads_find_whole_values_or_none() {
        const TURNS: usize = if cfg!(groupscan_check) { 3000 } else { 30_000 };
        // Two that exist, and two that are being removed.
        let handles = Handles::new(Tag::Enumeration, 4).unwrap();
        let latest = crate::sync::AtomicU64::new(0);
        let done = AtomicBool::new(false);
        let made = Arc::new(());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        let bits = latest.load(Ordering::Relaxed);
                        if let Some(found) = handles.get(bits) {
                            let (value, _): &(Vec<usize>, Arc<()>) = &found;
                            assert!(value.iter().all(|item| *item == value[0]));
                        }
                        if bits.is_multiple_of(5) {
                            handles.remove(bits);
                        }
                    }
                });
            }
            let turns = (0..TURNS).take_while(|turn| {
                let make = || (vec![*turn; 8], Arc::clone(&made));
                let inserted = handles.insert(make);
                let before = inserted.map(|bits| latest.swap(bits, Ordering::Relaxed));
                before.map(|before| drop(handles.remove(before))).is_ok()
            });
            let turns = turns.count();
            done.store(true, Ordering::Relaxed);
            assert_eq!(turns, TURNS, "there is always a free index");
        });
        handles.remove(latest.into_inner());
        assert_eq!(Arc::strong_count(&made), 1);
    }
}
