//! Enumerations: `groupscan_enumeration_…`.

#![allow(non_camel_case_types, reason = "names of the header")]
#![allow(unsafe_code, reason = "takes pointers from C")]

use std::ffi::c_void;
use std::ptr::NonNull;

use groupscan::{Enumeration, Joins, Kind, Memberships, V4, V6};

use crate::families::InC;
use crate::memory::{boxed, object, record_buffer, take_back, value, writable};
use crate::status::groupscan_status::{
    self, GROUPSCAN_ERROR_INVALID_SIZE, GROUPSCAN_ERROR_NULL_POINTER, GROUPSCAN_ERROR_OUT_OF_MEMORY,
};
use crate::status_of;
use crate::types::groupscan_position;

/// An enumeration.
pub struct groupscan_enumeration(pub(crate) AnyEnumeration);

/// An enumeration of any family and kind.
pub(crate) enum AnyEnumeration {
    Joins4(Enumeration<V4>),
    Joins6(Enumeration<V6>),
    Memberships4(Enumeration<V4, Memberships>),
    Memberships6(Enumeration<V6, Memberships>),
}

macro_rules! any_enumeration_from {
    ($($variant:ident: $family:ty, $kind:ty;)*) => {
        $(impl From<Enumeration<$family, $kind>> for AnyEnumeration {
            fn from(enumeration: Enumeration<$family, $kind>) -> Self {
                Self::$variant(enumeration)
            }
        })*
    };
}

any_enumeration_from! {
    Joins4: V4, Joins;
    Joins6: V6, Joins;
    Memberships4: V4, Memberships;
    Memberships6: V6, Memberships;
}

/// Evaluates an expression with the enumeration, whatever its family and kind.
macro_rules! with_any {
    ($any:expr, $enumeration:ident => $result:expr) => {
        match $any {
            AnyEnumeration::Joins4($enumeration) => $result,
            AnyEnumeration::Joins6($enumeration) => $result,
            AnyEnumeration::Memberships4($enumeration) => $result,
            AnyEnumeration::Memberships6($enumeration) => $result,
        }
    };
}

/// Drops an enumeration.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_destroy(enumeration: *mut groupscan_enumeration) {
    let _ = status_of(|| {
        // SAFETY: P1, P4.
        unsafe { take_back(enumeration) };
        Ok(())
    });
}

/// Puts the next records into a buffer.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_next(
    enumeration: *mut groupscan_enumeration,
    buffer: *mut c_void,
    buffer_bytes: usize,
    count: *mut usize,
    more: *mut bool,
) -> groupscan_status {
    let read = || {
        // SAFETY: P1.
        let enumeration = unsafe { object(enumeration) }?;
        // SAFETY: P2.
        with_any!(&enumeration.0, any => unsafe { next(any, buffer, buffer_bytes) })
    };
    // SAFETY: P2.
    unsafe { write_number(count, more, read) }
}

/// The number of records that remain.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_remaining(
    enumeration: *const groupscan_enumeration,
    remaining: *mut usize,
    exact: *mut bool,
) -> groupscan_status {
    let count = || {
        // SAFETY: P1.
        let enumeration = unsafe { object(enumeration) }?;
        let (records, is_exact) =
            with_any!(&enumeration.0, any => (any.remaining(), any.is_exact()));
        Ok((records, is_exact || records == 0))
    };
    // SAFETY: P2.
    unsafe { write_number(remaining, exact, count) }
}

/// The position that an enumeration has reached.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_position(
    enumeration: *const groupscan_enumeration,
    position: *mut groupscan_position,
) -> groupscan_status {
    status_of(|| {
        let position = writable(position)?;
        // SAFETY: P1.
        let enumeration = unsafe { object(enumeration) }?;
        let reached = with_any!(&enumeration.0, any => InC::position_out(any.position()));
        // SAFETY: P2.
        unsafe { position.write_unaligned(reached) };
        Ok(())
    })
}

/// Moves an enumeration behind a position.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_resume_after(
    enumeration: *mut groupscan_enumeration,
    position: *const groupscan_position,
) -> groupscan_status {
    status_of(|| {
        let mut enumeration = NonNull::new(enumeration).ok_or(GROUPSCAN_ERROR_NULL_POINTER)?;
        // SAFETY: P1, P4: no other call uses it.
        let enumeration = unsafe { enumeration.as_mut() };
        // SAFETY: P3.
        let position = unsafe { value(position) }?;
        with_any!(&mut enumeration.0, any => resume(any, position))
    })
}

/// Splits what remains of an enumeration.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_enumeration_split(
    enumeration: *const groupscan_enumeration,
    parts: *mut *mut groupscan_enumeration,
    count: usize,
) -> groupscan_status {
    status_of(|| {
        let parts = writable(parts)?;
        // SAFETY: P1.
        let enumeration = unsafe { object(enumeration) }?;
        if count == 0 || u32::try_from(count).is_err() {
            return Err(GROUPSCAN_ERROR_INVALID_SIZE);
        }
        let boxes = with_any!(&enumeration.0, any => split(any, count))?;
        for (at, part) in boxes.into_iter().enumerate() {
            // SAFETY: P2, and there are `count` parts.
            unsafe { parts.add(at).write_unaligned(Box::into_raw(part)) };
        }
        Ok(())
    })
}

/// Writes what `read` returns: a number, and a flag if the caller asks for it.
///
/// # Safety
///
/// The pointers are each null or writable, aligned or not.
#[inline]
pub(crate) unsafe fn write_number(
    number: *mut usize,
    flag: *mut bool,
    read: impl FnOnce() -> Result<(usize, bool), groupscan_status>,
) -> groupscan_status {
    status_of(|| {
        let number = writable(number)?;
        let (read, is_so) = read()?;
        // SAFETY: `number` is not null, and `flag` is checked, so what is written to is writable.
        unsafe {
            number.write_unaligned(read);
            if !flag.is_null() {
                flag.write_unaligned(is_so);
            }
        }
        Ok(())
    })
}

/// Puts the next records into a buffer. Returns their number, and whether more remain.
///
/// # Safety
///
/// As for [`record_buffer`].
#[inline]
pub(crate) unsafe fn next<F: InC, K: Kind>(
    enumeration: &Enumeration<F, K>,
    buffer: *mut c_void,
    buffer_bytes: usize,
) -> Result<(usize, bool), groupscan_status> {
    // SAFETY: as for `record_buffer`.
    let buffer = unsafe { record_buffer(buffer.cast(), buffer_bytes, enumeration) };
    let batch = enumeration.get_next_uninit(buffer.ok_or(GROUPSCAN_ERROR_NULL_POINTER)?)?;
    Ok((batch.entries().len(), batch.more()))
}

fn resume<F: InC, K: Kind>(
    enumeration: &mut Enumeration<F, K>,
    position: groupscan_position,
) -> Result<(), groupscan_status> {
    match F::position_in(position)? {
        Some(position) => *enumeration = enumeration.clone().resume_after(position),
        None => enumeration.rewind(),
    }
    Ok(())
}

/// What remains, in `parts` boxes that are ready to be handed out.
#[expect(clippy::vec_box, reason = "the boxes are what is handed out")]
fn split<F: InC, K: Kind>(
    enumeration: &Enumeration<F, K>,
    parts: usize,
) -> Result<Vec<Box<groupscan_enumeration>>, groupscan_status>
where
    AnyEnumeration: From<Enumeration<F, K>>,
{
    let mut boxes = Vec::new();
    boxes.try_reserve_exact(parts).map_err(|_| GROUPSCAN_ERROR_OUT_OF_MEMORY)?;
    for part in enumeration.clone().split(parts) {
        boxes.push(boxed(groupscan_enumeration(part.into()))?);
    }
    Ok(boxes)
}
