//! The table behind one kind of handles: a lock-free map of handles to what they stand for.
//!
//! ```text
//! slots   [ null | ● | null | ● ]         free slots: 2, 0
//!                  │          └──▶ Entry { handle, uses, value }
//!                  └──▶ Entry { handle, uses, value } ◀── Reference (in the middle of a call)
//! ```
//!
//! A call pins itself, looks its handle up, takes a reference and unpins; only then it works. Removing
//! a handle unlinks its entry. The last reference drops the value at once; the entry's memory, at which
//! a pinned thread may still look, goes by the collector.
//!
//! # Invariants
//!
//! - I1: a slot is null, or points to an entry, of which it owns a reference.
//! - I2: `uses` counts the references to an entry. From 0 it never rises.
//! - I3: an entry's value is there while `uses` is not 0. Whoever takes `uses` to 0 drops it, once.
//! - I4: an entry's memory is there while `uses` is not 0, and as long as a thread is pinned that could
//!   load it from its slot: whoever takes `uses` to 0 hands it to the collector, and by then its slot
//!   does not point to it any more (I1).
//! - I5: a slot is among the free ones, or one `insert` or one linked entry has it.
//!
//! # Orderings
//!
//! - A slot is set with a release and loaded with an acquire, so who finds an entry sees all of it.
//! - `uses` rises with relaxed ordering: who takes a reference has seen the entry already. It falls with
//!   a release, and who takes it to 0 then acquires: every use of the value comes before its drop.
//!
//! # Progress
//!
//! All operations are lock-free. `insert` allocates the entry; the others allocate nothing, but for what
//! pinning does now and then ([`collector`]).

#![allow(unsafe_code, reason = "shares entries that other threads unlink")]

use std::alloc::{self, Layout};
use std::cell::UnsafeCell;
use std::collections::TryReserveError;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use super::free::{FreeSlots, Taken};
use super::handle::{self, SLOTS, Tag};
use crate::collector;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// What a handle stands for, and who is at it. Of cache lines of its own, so that threads with handles of
/// their own do not disturb each other.
#[repr(align(64))]
struct Entry<T> {
    bits: u64,
    uses: AtomicUsize,
    /// The slot, for whoever unlinks the entry.
    taken: UnsafeCell<Option<Taken>>,
    value: UnsafeCell<ManuallyDrop<T>>,
}

/// The entries of one kind.
pub(super) struct Handles<T> {
    tag: Tag,
    slots: Box<[AtomicPtr<Entry<T>>]>,
    free: FreeSlots,
    owned: PhantomData<T>,
}

// SAFETY: threads share values by reference, and any of them may be the one that drops a value.
unsafe impl<T: Send + Sync> Send for Handles<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Handles<T> {}

/// Why a handle was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotInserted {
    /// As many exist as may.
    TooMany,
    /// The system gives no memory.
    OutOfMemory,
}

impl<T: Send + Sync + 'static> Handles<T> {
    /// A table for so many handles at a time, [`SLOTS`] at most.
    pub(super) fn new(tag: Tag, limit: usize) -> Result<Self, TryReserveError> {
        let limit = limit.min(SLOTS);
        let mut slots = Vec::new();
        slots.try_reserve_exact(limit)?;
        slots.resize_with(limit, || AtomicPtr::new(ptr::null_mut()));
        let free = FreeSlots::new(limit as u32)?;
        Ok(Self { tag, slots: slots.into_boxed_slice(), free, owned: PhantomData })
    }

    /// How many handles there may be at a time.
    pub(super) fn limit(&self) -> usize {
        self.slots.len()
    }

    /// Makes a value if there may be one more, and a handle for it, and returns its bits.
    pub(super) fn insert(&self, make: impl FnOnce() -> T) -> Result<u64, NotInserted> {
        let mut reserved = Reserved { free: &self.free, taken: self.free.take() };
        let number = reserved.taken.as_ref().ok_or(NotInserted::TooMany)?.slot;
        let slot = self.slots.get(number as usize).ok_or(NotInserted::TooMany)?;
        let value = make();
        let bits = handle::issue(self.tag, number);
        // SAFETY: an entry has a size: its count's alone is not 0.
        let memory = NonNull::new(unsafe { alloc::alloc(Layout::new::<Entry<T>>()) });
        let entry: NonNull<Entry<T>> = memory.ok_or(NotInserted::OutOfMemory)?.cast();
        let uses = AtomicUsize::new(1);
        let (taken, value) = (reserved.taken.take().into(), ManuallyDrop::new(value).into());
        // SAFETY: the memory is new, of an entry's layout, and nobody else knows of it.
        unsafe { entry.write(Entry { bits, uses, taken, value }) };
        // The slot is ours (I5), and gets the first reference (I1).
        slot.store(entry.as_ptr(), Ordering::Release);
        Ok(bits)
    }

    /// Looks a handle up. What it stands for lives at least as long as the reference.
    #[inline]
    pub(super) fn get(&self, bits: u64) -> Option<Reference<'_, T>> {
        let slot = self.slots.get(handle::slot(bits, self.tag)?)?;
        collector::pinned(|_| {
            let entry = NonNull::new(slot.load(Ordering::Acquire))?;
            // SAFETY: the slot pointed to it and we are pinned, so its memory is there (I4).
            let found = unsafe { entry.as_ref() };
            if found.bits != bits || !found.hold() {
                return None;
            }
            Some(Reference { entry, handles: PhantomData })
        })
    }

    /// Ends a handle. `None` where it stands for nothing: of two threads that end it one gets the
    /// reference that its slot had.
    pub(super) fn remove(&self, bits: u64) -> Option<Reference<'_, T>> {
        let slot = self.slots.get(handle::slot(bits, self.tag)?)?;
        let entry = collector::pinned(|_| {
            let entry = NonNull::new(slot.load(Ordering::Acquire))?;
            // SAFETY: the slot pointed to it and we are pinned, so its memory is there (I4).
            if unsafe { entry.as_ref() }.bits != bits {
                return None;
            }
            // While we are pinned no other entry can have its address, so what is unlinked is what was
            // looked at. Relaxed: others wait for nothing that we did.
            slot.compare_exchange(
                entry.as_ptr(),
                ptr::null_mut(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .ok()?;
            // The slot's reference, which is ours now.
            Some(Reference { entry, handles: PhantomData })
        })?;
        // SAFETY: whoever unlinked the entry, once, is the only one who looks at this.
        if let Some(taken) = unsafe { (*entry.entry().taken.get()).take() } {
            self.free.give_back(taken);
        }
        Some(entry)
    }

    /// What the handles stand for, with their bits, in no particular order: all that exist during the
    /// whole walk, and perhaps some that come or go meanwhile.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Reference<'_, T>)> + '_ {
        self.slots.iter().filter_map(|slot| {
            collector::pinned(|_| {
                let entry = NonNull::new(slot.load(Ordering::Acquire))?;
                // SAFETY: the slot pointed to it and we are pinned, so its memory is there (I4).
                let found = unsafe { entry.as_ref() };
                if !found.hold() {
                    return None;
                }
                Some((found.bits, Reference { entry, handles: PhantomData }))
            })
        })
    }
}

/// A slot that goes back unless its entry gets it.
struct Reserved<'f> {
    free: &'f FreeSlots,
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
        for slot in &self.slots {
            if let Some(entry) = NonNull::new(slot.swap(ptr::null_mut(), Ordering::Relaxed)) {
                // SAFETY: `insert` allocated it as a box does. References borrow the table, and calls
                // do, so nobody else can look at it.
                let mut entry = unsafe { Box::from_raw(entry.as_ptr()) };
                // SAFETY: the slot's reference is the last, so the value is there (I3), and it goes
                // with the box.
                unsafe { ManuallyDrop::drop(entry.value.get_mut()) };
            }
        }
    }
}

impl<T> Entry<T> {
    /// Takes a reference, unless the last one is gone.
    #[inline]
    fn hold(&self) -> bool {
        let mut uses = self.uses.load(Ordering::Relaxed);
        // No overflow: each thread has a reference or two at a time.
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

/// A counted reference to what a handle stands for.
pub(super) struct Reference<'h, T: Send + Sync + 'static> {
    entry: NonNull<Entry<T>>,
    handles: PhantomData<&'h Handles<T>>,
}

impl<T: Send + Sync> Reference<'_, T> {
    #[inline]
    fn entry(&self) -> &Entry<T> {
        // SAFETY: the reference is counted, so the entry is there (I4).
        unsafe { self.entry.as_ref() }
    }
}

impl<T: Send + Sync> Deref for Reference<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the reference is counted, so the value is there, and is only read (I3).
        unsafe { &*self.entry().value.get() }
    }
}

impl<T: Send + Sync> Drop for Reference<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.entry().uses.fetch_sub(1, Ordering::Release) == 1 {
            // SAFETY: the count fell to 0 by us.
            unsafe { end(self.entry) };
        }
    }
}

/// Drops an entry's value, and leaves its memory to the collector.
///
/// # Safety
///
/// The caller took the entry's `uses` to 0.
#[cold]
unsafe fn end<T: Send + Sync + 'static>(entry: NonNull<Entry<T>>) {
    let shell = entry;
    // SAFETY: the memory is there until the collector has the shell (I4).
    let entry = unsafe { entry.as_ref() };
    // Reads the 0 that ends the chain of falls, and so acquires what each released. A load and not a
    // fence, which thread sanitizers do not follow.
    entry.uses.load(Ordering::Acquire);
    // SAFETY: nobody else can get at the value any more, and this is done once (I3).
    unsafe { ManuallyDrop::drop(&mut *entry.value.get()) };
    collector::pinned(|pin| pin.drop_later(Shell(shell)));
}

/// The memory of an entry without a value.
struct Shell<T>(NonNull<Entry<T>>);

// SAFETY: all that is left of the entry are numbers.
unsafe impl<T> Send for Shell<T> {}

impl<T> Drop for Shell<T> {
    fn drop(&mut self) {
        // SAFETY: `insert` allocated it as a box does. No reference is left, and by the collector's word
        // nobody looks at it (I4).
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
    fn a_handle_stands_for_its_value_until_it_is_removed() {
        let handles = Handles::new(Tag::Protocol, 4).unwrap();
        let bits = handles.insert(|| "a".to_string()).unwrap();
        assert_eq!(handles.get(bits).as_deref().map(String::as_str), Some("a"));
        let held = handles.get(bits).unwrap();
        assert!(handles.remove(bits).is_some());
        assert!(handles.remove(bits).is_none() && handles.get(bits).is_none());
        assert_eq!(*held, "a", "who had it may go on");
    }

    #[test]
    fn a_value_goes_with_its_last_reference_at_once() {
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
        assert_eq!(Arc::strong_count(&value), 1, "the table's end is the end of its values");
    }

    // Even without a sanitizer: what glibc writes into memory that is free changes the count.
    #[cfg(not(groupscan_lock_twin))]
    #[test]
    fn an_entry_is_there_for_who_is_pinned() {
        let handles = Handles::new(Tag::Protocol, 1).unwrap();
        let bits = handles.insert(|| ()).unwrap();
        collector::pinned(|_| {
            let entry = NonNull::new(handles.slots[0].load(Ordering::Acquire)).unwrap();
            let remove = || {
                drop(handles.remove(bits));
                (0..1000).for_each(|_| collector::collect());
            };
            std::thread::scope(|scope| _ = scope.spawn(remove));
            // SAFETY: the slot pointed to it, and we have been pinned since (I4).
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
    fn the_limit_is_kept_and_slots_come_back() {
        let handles = Handles::new(Tag::Enumeration, 3).unwrap();
        for _ in 0..10 {
            let bits: Vec<u64> = (0..3).map(|value| handles.insert(|| value).unwrap()).collect();
            assert_eq!(handles.insert(|| 3), Err(NotInserted::TooMany));
            let mut all: Vec<_> = handles.iter().map(|(bits, value)| (bits, *value)).collect();
            all.sort_by_key(|(_, value)| *value);
            assert!(all.into_iter().map(|(bits, _)| bits).eq(bits.iter().copied()));
            bits.iter().for_each(|bits| assert!(handles.remove(*bits).is_some()));
        }
        assert_eq!(Handles::<()>::new(Tag::Protocol, usize::MAX).unwrap().limit(), SLOTS);
        assert_eq!(Handles::new(Tag::Protocol, 0).unwrap().insert(|| 1), Err(NotInserted::TooMany));
    }

    #[test]
    fn a_value_that_fails_to_be_made_takes_no_slot() {
        let handles = Handles::<()>::new(Tag::Protocol, 1).unwrap();
        for _ in 0..3 {
            let failing = std::panic::AssertUnwindSafe(|| handles.insert(|| panic!("as a test")));
            assert!(std::panic::catch_unwind(failing).is_err());
        }
        assert!(handles.insert(|| ()).is_ok());
    }

    #[test]
    fn threads_meet_whole_values_or_none() {
        const TURNS: usize = if cfg!(groupscan_check) { 3000 } else { 30_000 };
        // Two that exist, and two in the middle of being removed.
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
            assert_eq!(turns, TURNS, "there is always a slot");
        });
        handles.remove(latest.into_inner());
        assert_eq!(Arc::strong_count(&made), 1);
    }
}
