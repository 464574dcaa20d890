//! The caller's memory: what is read from it and written to it, and objects that the caller holds.
//!
//! # Invariants
//!
//! - I1: what is read is copied before it is looked at: no value is looked at twice.
//! - I2: nothing has to be aligned, but for objects, which the library itself has made.
//! - I3: an object that the caller holds is a `Box` that was given up, of what threads may share.

use std::ptr::{self, NonNull};

use bytemuck::Pod;

use super::status::groupscan_status::{
    self, GROUPSCAN_ERROR_BUFFER_TOO_SMALL, GROUPSCAN_ERROR_INVALID_SIZE,
    GROUPSCAN_ERROR_NULL_POINTER, GROUPSCAN_ERROR_OUT_OF_MEMORY, GROUPSCAN_ERROR_UNKNOWN_OPTION,
};
use super::types::Grows;
use crate::pack::Room;

/// The most bytes that a struct which grows may have: more is no size, but a mistake.
const MOST_BYTES: usize = 4096;

/// An object of the caller's.
///
/// # Safety
///
/// The pointer is null, or of an object that was handed out and is not taken back for `'a`.
pub(super) unsafe fn object<'a, T: Send + Sync>(
    object: *const T,
) -> Result<&'a T, groupscan_status> {
    // SAFETY: as the caller promises; aligned (I3).
    unsafe { object.as_ref() }.ok_or(GROUPSCAN_ERROR_NULL_POINTER)
}

/// An object to be handed out, for which there may be no memory.
pub(super) fn boxed<T: Send + Sync>(object: T) -> Result<Box<T>, groupscan_status> {
    let mut one = Vec::new();
    one.try_reserve_exact(1).map_err(|_| GROUPSCAN_ERROR_OUT_OF_MEMORY)?;
    one.push(object);
    let one = Box::into_raw(one.into_boxed_slice());
    // SAFETY: the memory of a slice of one object is that of the object.
    Ok(unsafe { Box::from_raw(one.cast()) })
}

/// Hands an object out: it is the caller's until it is taken back.
///
/// # Safety
///
/// A pointer may be written at the place, aligned or not.
pub(super) unsafe fn hand_out<T: Send + Sync>(
    place: NonNull<*mut T>,
    object: T,
) -> Result<(), groupscan_status> {
    let object = boxed(object)?;
    // SAFETY: as the caller promises.
    unsafe { place.write_unaligned(Box::into_raw(object)) };
    Ok(())
}

/// Takes an object back and drops it. Null does nothing.
///
/// # Safety
///
/// The pointer is null, or of an object that was handed out, was not taken back, and that no other
/// thread uses.
pub(super) unsafe fn take_back<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: as the caller promises; a box (I3), and nobody else has it.
        drop(unsafe { Box::from_raw(object) });
    }
}

/// A place where a result goes, which need not be aligned.
pub(super) fn result<T>(place: *mut T) -> Result<NonNull<T>, groupscan_status> {
    NonNull::new(place).ok_or(GROUPSCAN_ERROR_NULL_POINTER)
}

/// A value of the caller's.
///
/// # Safety
///
/// The pointer is null or points to a `T` that may be read, aligned or not.
pub(super) unsafe fn value<T: Pod>(value: *const T) -> Result<T, groupscan_status> {
    let value = NonNull::new(value.cast_mut()).ok_or(GROUPSCAN_ERROR_NULL_POINTER)?;
    // SAFETY: as the caller promises.
    Ok(unsafe { value.read_unaligned() })
}

/// Values of the caller's, one by one.
///
/// # Errors
///
/// Null where there are some, or so many that no memory holds them.
///
/// # Safety
///
/// The pointer is null or points to so many `T`s that may be read for `'a`, aligned or not.
pub(super) unsafe fn values<'a, T: Pod + 'a>(
    values: *const T,
    count: usize,
) -> Result<impl ExactSizeIterator<Item = T> + 'a, groupscan_status> {
    if values.is_null() && count > 0 {
        return Err(GROUPSCAN_ERROR_NULL_POINTER);
    }
    fits::<T>(count)?;
    // SAFETY: as the caller promises, and the place is one of them.
    Ok((0..count).map(move |at| unsafe { values.add(at).read_unaligned() }))
}

/// Checks that so many values fit into memory.
fn fits<T>(count: usize) -> Result<(), groupscan_status> {
    match count.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(GROUPSCAN_ERROR_INVALID_SIZE),
    }
}

/// The size of a struct that grows, if it can be one.
fn size_of_grown<T: Grows>(bytes: usize) -> Result<usize, groupscan_status> {
    let is_one = bytes.is_multiple_of(size_of::<u64>());
    match (T::FIRST_BYTES..=MOST_BYTES).contains(&bytes) && is_one {
        true => Ok(bytes),
        false => Err(GROUPSCAN_ERROR_INVALID_SIZE),
    }
}

/// Options of the caller's, whose first field is their size: what this version knows of them, and 0 for
/// what the caller's did not know. Null stands for 0 everywhere.
///
/// # Errors
///
/// A size that is none, and anything but 0 in what this version does not know.
///
/// # Safety
///
/// The pointer is null or points to a `usize`, and then to so many bytes in all that may be read,
/// aligned or not.
pub(super) unsafe fn options<T: Grows>(options: *const T) -> Result<T, groupscan_status> {
    let mut known = T::zeroed();
    if options.is_null() {
        return Ok(known);
    }
    // SAFETY: as the caller promises.
    let bytes = size_of_grown::<T>(unsafe { options.cast::<usize>().read_unaligned() })?;
    // SAFETY: as the caller promises.
    let mut given = unsafe { values(options.cast::<u8>(), bytes) }?;
    bytemuck::bytes_of_mut(&mut known).iter_mut().zip(&mut given).for_each(|(to, from)| *to = from);
    match given.all(|unknown| unknown == 0) {
        true => Ok(known),
        false => Err(GROUPSCAN_ERROR_UNKNOWN_OPTION),
    }
}

/// Gives the caller a struct that grows: as much as there is room for, and 0 in what this version does
/// not know.
///
/// # Safety
///
/// The pointer is null or points to so many bytes that may be written, aligned or not.
pub(super) unsafe fn grown<T: Grows>(
    place: *mut T,
    bytes: usize,
    known: impl FnOnce() -> T,
) -> Result<(), groupscan_status> {
    let place = result(place)?.cast();
    let bytes = size_of_grown::<T>(bytes)?;
    // SAFETY: as the caller promises.
    unsafe { write_grown(place, bytes, &known()) };
    Ok(())
}

/// # Safety
///
/// So many bytes may be written.
unsafe fn write_grown<T: Pod>(place: NonNull<u8>, bytes: usize, known: &T) {
    let known = bytemuck::bytes_of(known);
    let common = known.len().min(bytes);
    // SAFETY: as the caller promises; the first part is no longer than either side.
    unsafe {
        ptr::copy_nonoverlapping(known.as_ptr(), place.as_ptr(), common);
        place.add(common).write_bytes(0, bytes - common);
    }
}

/// A list of the caller's.
#[derive(Clone, Copy)]
pub(super) struct List<T> {
    first: *mut T,
    capacity: usize,
    element_bytes: usize,
    count: NonNull<usize>,
}

impl<T: Grows> List<T> {
    /// A list of elements of a struct that grows.
    ///
    /// # Safety
    ///
    /// `first` is null or points to so many elements of so many bytes, `count` is null or points to a
    /// number: all may be written as long as the list is used, aligned or not.
    pub(super) unsafe fn new(
        first: *mut T,
        capacity: usize,
        element_bytes: usize,
        count: *mut usize,
    ) -> Result<Self, groupscan_status> {
        let element_bytes = size_of_grown::<T>(element_bytes)?;
        // SAFETY: as the caller promises.
        unsafe { Self::of_elements(first, capacity, element_bytes, count) }
    }
}

impl<T: Pod> List<T> {
    /// A list of elements of a struct that never grows.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new), with elements of their size.
    pub(super) unsafe fn fixed(
        first: *mut T,
        capacity: usize,
        count: *mut usize,
    ) -> Result<Self, groupscan_status> {
        // SAFETY: as the caller promises.
        unsafe { Self::of_elements(first, capacity, size_of::<T>(), count) }
    }

    /// # Safety
    ///
    /// As for [`new`](Self::new).
    unsafe fn of_elements(
        first: *mut T,
        capacity: usize,
        element_bytes: usize,
        count: *mut usize,
    ) -> Result<Self, groupscan_status> {
        let count = result(count)?;
        if first.is_null() && capacity > 0 {
            return Err(GROUPSCAN_ERROR_NULL_POINTER);
        }
        fits::<u8>(capacity.saturating_mul(element_bytes))?;
        Ok(Self { first, capacity, element_bytes, count })
    }

    /// Fills the list, and says how many there are, also where they do not all fit.
    pub(super) fn fill(self, elements: impl Iterator<Item = T>) -> Result<(), groupscan_status> {
        let Self { first, capacity, element_bytes, count } = self;
        let mut there_are = 0;
        for element in elements {
            if let Some(first) = NonNull::new(first).filter(|_| there_are < capacity) {
                // SAFETY: one of so many elements of so many bytes, as who made the list promises.
                unsafe {
                    let place = first.cast::<u8>().add(there_are * element_bytes);
                    write_grown(place, element_bytes, &element);
                }
            }
            there_are += 1;
        }
        // SAFETY: as who made the list promises.
        unsafe { count.write_unaligned(there_are) };
        match there_are <= capacity {
            true => Ok(()),
            false => Err(GROUPSCAN_ERROR_BUFFER_TOO_SMALL),
        }
    }
}

/// Room for records in the caller's buffer. A null buffer takes nothing, which is no mistake where
/// nothing is asked for, or where the enumeration is over; it is none otherwise.
///
/// # Safety
///
/// The buffer is null, or so many bytes of it may be written for `'b`, aligned or not, and nobody else
/// looks at them.
#[inline]
pub(super) unsafe fn room<'b, R: Pod>(
    buffer: *mut u8,
    bytes: usize,
    is_over: impl FnOnce() -> bool,
) -> Option<Room<'b, R>> {
    let (buffer, bytes) = match NonNull::new(buffer) {
        Some(buffer) => (buffer, bytes),
        None if bytes < size_of::<R>() || is_over() => (NonNull::dangling(), 0),
        None => return None,
    };
    // SAFETY: as the caller promises, or no bytes at all.
    Some(unsafe { Room::at(buffer.as_ptr(), bytes) })
}
