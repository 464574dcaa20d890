//! Enumerations: `groupscan_enumeration_…`.

#![allow(non_camel_case_types, reason = "names of the header")]

use std::ffi::c_void;
use std::ptr::NonNull;

use super::answer;
use super::memory::{boxed, object, result, room, take_back, value};
use super::status::groupscan_status::{
    self, GROUPSCAN_ERROR_INVALID_SIZE, GROUPSCAN_ERROR_NULL_POINTER, GROUPSCAN_ERROR_OUT_OF_MEMORY,
};
use super::types::{InC, groupscan_position};
use crate::enumeration::{Enumeration, Kind, Memberships};
use crate::family::{V4, V6};

/// An enumeration.
pub struct groupscan_enumeration(pub(super) Walk);

/// An enumeration of one kind of records.
pub(super) enum Walk {
    Joins4(Enumeration<V4>),
    Joins6(Enumeration<V6>),
    Memberships4(Enumeration<V4, Memberships>),
    Memberships6(Enumeration<V6, Memberships>),
}

/// What is said of the enumeration, whatever its kind is.
macro_rules! of_each {
    ($walk:expr, $enumeration:ident => $said:expr) => {
        match $walk {
            Walk::Joins4($enumeration) => $said,
            Walk::Joins6($enumeration) => $said,
            Walk::Memberships4($enumeration) => $said,
            Walk::Memberships6($enumeration) => $said,
        }
    };
}

/// Drops an enumeration.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_destroy(enumeration: *mut groupscan_enumeration) {
    let _ = answer(|| {
        // SAFETY: as the caller promises (P1, P4).
        unsafe { take_back(enumeration) };
        Ok(())
    });
}

/// Puts the next records into a buffer.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_next(
    enumeration: *mut groupscan_enumeration,
    buffer: *mut c_void,
    buffer_bytes: usize,
    count: *mut usize,
    more: *mut bool,
) -> groupscan_status {
    let read = || {
        // SAFETY: as the caller promises (P1).
        let enumeration = unsafe { object(enumeration) }?;
        // SAFETY: as the caller promises (P2).
        of_each!(&enumeration.0, walk => unsafe { next(walk, buffer, buffer_bytes) })
    };
    // SAFETY: as the caller promises (P2).
    unsafe { reading(count, more, read) }
}

/// How many records remain.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_remaining(
    enumeration: *const groupscan_enumeration,
    remaining: *mut usize,
    exact: *mut bool,
) -> groupscan_status {
    let count = || {
        // SAFETY: as the caller promises (P1).
        let enumeration = unsafe { object(enumeration) }?;
        let (records, is_exact) =
            of_each!(&enumeration.0, walk => (walk.remaining(), walk.is_exact()));
        Ok((records, is_exact || records == 0))
    };
    // SAFETY: as the caller promises (P2).
    unsafe { reading(remaining, exact, count) }
}

/// How far an enumeration has got.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_position(
    enumeration: *const groupscan_enumeration,
    position: *mut groupscan_position,
) -> groupscan_status {
    answer(|| {
        let position = result(position)?;
        // SAFETY: as the caller promises (P1).
        let enumeration = unsafe { object(enumeration) }?;
        let got_to = of_each!(&enumeration.0, walk => position_of(walk));
        // SAFETY: as the caller promises (P2).
        unsafe { position.write_unaligned(got_to) };
        Ok(())
    })
}

/// Moves an enumeration behind a position.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_resume_after(
    enumeration: *mut groupscan_enumeration,
    position: *const groupscan_position,
) -> groupscan_status {
    answer(|| {
        let mut enumeration = NonNull::new(enumeration).ok_or(GROUPSCAN_ERROR_NULL_POINTER)?;
        // SAFETY: as the caller promises (P1, P4), and nobody else uses it.
        let enumeration = unsafe { enumeration.as_mut() };
        // SAFETY: as the caller promises (P3).
        let position = unsafe { value(position) }?;
        of_each!(&mut enumeration.0, walk => resume(walk, position))
    })
}

/// Cuts what remains of an enumeration into several.
///
/// # Safety
///
/// P1 to P4 of [`ffi`](super#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_split(
    enumeration: *const groupscan_enumeration,
    parts: *mut *mut groupscan_enumeration,
    count: usize,
) -> groupscan_status {
    answer(|| {
        let parts = result(parts)?;
        // SAFETY: as the caller promises (P1).
        let enumeration = unsafe { object(enumeration) }?;
        if count == 0 || u32::try_from(count).is_err() {
            return Err(GROUPSCAN_ERROR_INVALID_SIZE);
        }
        let cut = match &enumeration.0 {
            Walk::Joins4(walk) => cut(walk, count, Walk::Joins4),
            Walk::Joins6(walk) => cut(walk, count, Walk::Joins6),
            Walk::Memberships4(walk) => cut(walk, count, Walk::Memberships4),
            Walk::Memberships6(walk) => cut(walk, count, Walk::Memberships6),
        }?;
        for (at, part) in cut.into_iter().enumerate() {
            // SAFETY: as the caller promises (P2): there are as many places.
            unsafe { parts.add(at).write_unaligned(Box::into_raw(part)) };
        }
        Ok(())
    })
}

/// Says what was read: a number, and where it is asked for, something about it.
///
/// # Safety
///
/// The places are each null or may be written, aligned or not.
#[inline]
pub(super) unsafe fn reading(
    number: *mut usize,
    about: *mut bool,
    read: impl FnOnce() -> Result<(usize, bool), groupscan_status>,
) -> groupscan_status {
    answer(|| {
        let number = result(number)?;
        let (read, is_so) = read()?;
        // SAFETY: as the caller promises (P2).
        unsafe {
            number.write_unaligned(read);
            if !about.is_null() {
                about.write_unaligned(is_so);
            }
        }
        Ok(())
    })
}

/// Puts the next records into a buffer, and says how many, and whether there are more.
///
/// # Safety
///
/// As for [`room`].
#[inline]
pub(super) unsafe fn next<F: InC, K: Kind>(
    enumeration: &Enumeration<F, K>,
    buffer: *mut c_void,
    buffer_bytes: usize,
) -> Result<(usize, bool), groupscan_status> {
    let is_over = || enumeration.remaining() == 0;
    // SAFETY: as the caller promises (P1 to P4).
    let room = unsafe { room(buffer.cast(), buffer_bytes, is_over) };
    let batch = enumeration.fill(room.ok_or(GROUPSCAN_ERROR_NULL_POINTER)?)?;
    Ok((batch.entries().len(), batch.more()))
}

fn position_of<F: InC, K: Kind>(enumeration: &Enumeration<F, K>) -> groupscan_position {
    F::position_out(enumeration.position())
}

fn resume<F: InC, K: Kind>(
    enumeration: &mut Enumeration<F, K>,
    position: groupscan_position,
) -> Result<(), groupscan_status> {
    let again = enumeration.fork();
    *enumeration = match F::position_in(position)? {
        Some(position) => again.resume_after(position),
        None => again.rewound(),
    };
    Ok(())
}

/// What remains, in parts: all of them or none.
#[expect(clippy::vec_box, reason = "the boxes are what is handed out")]
fn cut<F: InC, K: Kind>(
    enumeration: &Enumeration<F, K>,
    parts: usize,
    walk: fn(Enumeration<F, K>) -> Walk,
) -> Result<Vec<Box<groupscan_enumeration>>, groupscan_status> {
    let mut cut = Vec::new();
    cut.try_reserve_exact(parts).map_err(|_| GROUPSCAN_ERROR_OUT_OF_MEMORY)?;
    for part in enumeration.fork().split(parts) {
        cut.push(boxed(groupscan_enumeration(walk(part)))?);
    }
    Ok(cut)
}
