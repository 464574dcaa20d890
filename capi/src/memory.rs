//! The caller's memory: reading from it, writing to it, and objects that the caller holds.
//!
//! # Invariants
//!
//! - I1: a value is copied before it is checked, so none is read twice.
//! - I2: nothing has to be aligned except objects, which the library itself has allocated.
//! - I3: an object that was handed out is a leaked `Box` of a type that is `Send` and `Sync`. The manager of
//!   the process is not handed out: it is a static object, which lives forever.

#![allow(unsafe_code, reason = "takes pointers from C")]

use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::slice;

use bytemuck::Pod;
use groupscan::{Enumeration, Family, Kind};

use crate::status::groupscan_status::{
    self, GROUPSCAN_ERROR_BUFFER_TOO_SMALL, GROUPSCAN_ERROR_INVALID_SIZE,
    GROUPSCAN_ERROR_NULL_POINTER, GROUPSCAN_ERROR_OUT_OF_MEMORY, GROUPSCAN_ERROR_UNKNOWN_OPTION,
};

/// The maximum size of a struct that grows. Larger sizes are rejected.
const MAX_BYTES: usize = 4096;

/// An array of the caller: its first element, and the number of elements.
pub(crate) type Array<T> = (*const T, usize);

/// The empty array.
pub(crate) const fn empty<T>() -> Array<T> {
    (ptr::null(), 0)
}

/// A struct to which later versions of the library may add fields. Its first field is its size, or it is
/// passed together with its size.
pub trait Grows: Pod {
    /// The size of its first version, the minimum that callers pass.
    const FIRST_BYTES: usize;
}

/// An object that the caller holds.
///
/// # Safety
///
/// The pointer is null, or of the manager of the process, or of an object that was handed out and is not
/// taken back for `'a`.
pub(crate) unsafe fn object<'a, T: Send + Sync>(
    object: *const T,
) -> Result<&'a T, groupscan_status> {
    // SAFETY: null, or a live and aligned object (I3).
    unsafe { object.as_ref() }.ok_or(GROUPSCAN_ERROR_NULL_POINTER)
}

/// Moves an object to the heap, unless the system refuses memory.
pub(crate) fn boxed<T: Send + Sync>(object: T) -> Result<Box<T>, groupscan_status> {
    let mut one = Vec::new();
    one.try_reserve_exact(1).map_err(|_| GROUPSCAN_ERROR_OUT_OF_MEMORY)?;
    one.push(object);
    let one = Box::into_raw(one.into_boxed_slice());
    // SAFETY: a boxed slice of one object has the layout of a box of the object.
    Ok(unsafe { Box::from_raw(one.cast()) })
}

/// Hands out an object: the caller holds it until it is taken back.
///
/// # Safety
///
/// The place is writable, aligned or not.
pub(crate) unsafe fn hand_out<T: Send + Sync>(
    place: NonNull<*mut T>,
    object: T,
) -> Result<(), groupscan_status> {
    let object = boxed(object)?;
    // SAFETY: the place is writable.
    unsafe { place.write_unaligned(Box::into_raw(object)) };
    Ok(())
}

/// Takes an object back and drops it. Null does nothing.
///
/// # Safety
///
/// The pointer is null, or of an object that was handed out, was not taken back, and is not used by another
/// thread.
pub(crate) unsafe fn take_back<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: a leaked box (I3), which is not used elsewhere.
        drop(unsafe { Box::from_raw(object) });
    }
}

/// A place for a result, which need not be aligned. Null is an error.
pub(crate) fn writable<T>(place: *mut T) -> Result<NonNull<T>, groupscan_status> {
    NonNull::new(place).ok_or(GROUPSCAN_ERROR_NULL_POINTER)
}

/// A value of the caller.
///
/// # Safety
///
/// The pointer is null or points to a readable `T`, aligned or not.
pub(crate) unsafe fn value<T: Pod>(value: *const T) -> Result<T, groupscan_status> {
    let value = NonNull::new(value.cast_mut()).ok_or(GROUPSCAN_ERROR_NULL_POINTER)?;
    // SAFETY: not null, so it is readable.
    Ok(unsafe { value.read_unaligned() })
}

/// As [`value`], where null means none.
///
/// # Safety
///
/// As for [`value`].
pub(crate) unsafe fn optional<T: Pod>(place: *const T) -> Option<T> {
    // SAFETY: the same condition.
    unsafe { value(place) }.ok()
}

/// The elements of an array of the caller.
///
/// # Errors
///
/// If the array is null but not empty, or larger than any memory.
///
/// # Safety
///
/// The array is null, or its elements are readable for `'a`, aligned or not.
pub(crate) unsafe fn values<'a, T: Pod + 'a>(
    (values, count): Array<T>,
) -> Result<impl ExactSizeIterator<Item = T> + 'a, groupscan_status> {
    if values.is_null() && count > 0 {
        return Err(GROUPSCAN_ERROR_NULL_POINTER);
    }
    fits::<T>(count)?;
    // SAFETY: not null, and `at` is less than the number of readable elements.
    Ok((0..count).map(move |at| unsafe { values.add(at).read_unaligned() }))
}

/// Checks that `count` values can fit into memory.
fn fits<T>(count: usize) -> Result<(), groupscan_status> {
    match count.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(GROUPSCAN_ERROR_INVALID_SIZE),
    }
}

/// Checks the size of a struct that grows.
fn size_of_grown<T: Grows>(bytes: usize) -> Result<usize, groupscan_status> {
    let is_one = bytes.is_multiple_of(size_of::<u64>());
    match (T::FIRST_BYTES..=MAX_BYTES).contains(&bytes) && is_one {
        true => Ok(bytes),
        false => Err(GROUPSCAN_ERROR_INVALID_SIZE),
    }
}

/// Options of the caller, whose first field is their size. Fields that the caller's version did not have are
/// 0. Null means that all fields are 0.
///
/// # Errors
///
/// If the size is invalid, or a field that this version does not have is not 0.
///
/// # Safety
///
/// The pointer is null or points to a readable `usize`, and if that is a valid size, to as many readable
/// bytes, aligned or not.
pub(crate) unsafe fn options<T: Grows>(options: *const T) -> Result<T, groupscan_status> {
    let mut known = T::zeroed();
    if options.is_null() {
        return Ok(known);
    }
    // SAFETY: not null, so it begins with a readable `usize`.
    let bytes = size_of_grown::<T>(unsafe { options.cast::<usize>().read_unaligned() })?;
    // SAFETY: the size is valid, so `bytes` bytes are readable.
    let mut given = unsafe { values((options.cast::<u8>(), bytes)) }?;
    bytemuck::bytes_of_mut(&mut known).iter_mut().zip(&mut given).for_each(|(to, from)| *to = from);
    match given.all(|unknown| unknown == 0) {
        true => Ok(known),
        false => Err(GROUPSCAN_ERROR_UNKNOWN_OPTION),
    }
}

/// Writes a struct that grows: as many fields as the caller's version has, and 0 for those that this version
/// does not have.
///
/// # Safety
///
/// The pointer is null or points to `bytes` writable bytes, aligned or not.
pub(crate) unsafe fn grown<T: Grows>(
    place: *mut T,
    bytes: usize,
    known: impl FnOnce() -> T,
) -> Result<(), groupscan_status> {
    let place = writable(place)?.cast();
    let bytes = size_of_grown::<T>(bytes)?;
    // SAFETY: not null, so `bytes` bytes are writable.
    unsafe { write_grown(place, bytes, &known()) };
    Ok(())
}

/// # Safety
///
/// `bytes` bytes are writable at the place.
unsafe fn write_grown<T: Pod>(place: NonNull<u8>, bytes: usize, known: &T) {
    let known = bytemuck::bytes_of(known);
    let common = known.len().min(bytes);
    // SAFETY: `bytes` bytes are writable, and `common` is at most that and the length of `known`.
    unsafe {
        ptr::copy_nonoverlapping(known.as_ptr(), place.as_ptr(), common);
        place.add(common).write_bytes(0, bytes - common);
    }
}

/// A list that the caller wants filled.
pub(crate) struct List<T> {
    first: *mut T,
    capacity: usize,
    element_bytes: usize,
    count: NonNull<usize>,
}

impl<T: Grows> List<T> {
    /// A list of a struct that grows.
    ///
    /// # Safety
    ///
    /// `first` is null or points to `capacity` elements of `element_bytes` bytes, and `count` is null or
    /// points to a `usize`: all writable as long as the list is used, aligned or not.
    pub(crate) unsafe fn new(
        first: *mut T,
        capacity: usize,
        element_bytes: usize,
        count: *mut usize,
    ) -> Result<Self, groupscan_status> {
        let element_bytes = size_of_grown::<T>(element_bytes)?;
        // SAFETY: the same condition.
        unsafe { Self::of_elements(first, capacity, element_bytes, count) }
    }
}

impl<T: Pod> List<T> {
    /// A list of a struct that never grows.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new), with elements of the size of `T`.
    pub(crate) unsafe fn fixed(
        first: *mut T,
        capacity: usize,
        count: *mut usize,
    ) -> Result<Self, groupscan_status> {
        // SAFETY: the same condition.
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
        let count = writable(count)?;
        if first.is_null() && capacity > 0 {
            return Err(GROUPSCAN_ERROR_NULL_POINTER);
        }
        fits::<u8>(capacity.saturating_mul(element_bytes))?;
        Ok(Self { first, capacity, element_bytes, count })
    }

    /// Fills the list, and writes the number of elements even if they do not all fit.
    pub(crate) fn fill(self, elements: impl Iterator<Item = T>) -> Result<(), groupscan_status> {
        let Self { first, capacity, element_bytes, count } = self;
        let mut total = 0;
        for element in elements {
            if let Some(first) = NonNull::new(first).filter(|_| total < capacity) {
                // SAFETY: `total` is less than the number of writable elements.
                unsafe {
                    let place = first.cast::<u8>().add(total * element_bytes);
                    write_grown(place, element_bytes, &element);
                }
            }
            total += 1;
        }
        // SAFETY: writable as long as the list is used.
        unsafe { count.write_unaligned(total) };
        match total <= capacity {
            true => Ok(()),
            false => Err(GROUPSCAN_ERROR_BUFFER_TOO_SMALL),
        }
    }
}

/// The caller's buffer, as memory for records of `enumeration`. A null buffer is an empty one if the stated
/// length is less than a record, so that a call can ask for the size, or if the enumeration is over. Any
/// other null buffer is `None`.
///
/// # Safety
///
/// The buffer is null, or `bytes` bytes of it are writable for `'b`, and not accessed by others.
#[inline]
pub(crate) unsafe fn record_buffer<'b, F: Family, K: Kind>(
    buffer: *mut u8,
    bytes: usize,
    enumeration: &Enumeration<F, K>,
) -> Option<&'b mut [MaybeUninit<u8>]> {
    // The limit of a slice, which no object exceeds.
    let length = bytes.min(isize::MAX.unsigned_abs());
    match NonNull::new(buffer.cast()) {
        // SAFETY: not null; bytes need no alignment; `length` bytes are writable and not accessed by others.
        Some(buffer) => Some(unsafe { slice::from_raw_parts_mut(buffer.as_ptr(), length) }),
        None if bytes < size_of::<K::Record<F>>() || enumeration.remaining() == 0 => Some(&mut []),
        None => None,
    }
}
