//! Long changes in steps: `groupscan_…_step`. A call makes one step, commits, and moves the caller's place.

#![allow(non_camel_case_types, reason = "names of the header")]
#![allow(unsafe_code, reason = "takes pointers from C")]

use groupscan::manager::{BulkError, CommittedStep, ProtocolHandle};
use groupscan::{Committed, Interface, Join, JoinOn, Protocol, Step, V4, WriteTxn};

use crate::families::InC;
use crate::managers::groupscan_manager;
use crate::memory::{Array, object, value, values, writable};
use crate::result::{FailedAt, GROUPSCAN_NOWHERE, groupscan_outcome, nowhere, write_outcome};
use crate::status::groupscan_status::{self, GROUPSCAN_ERROR_INVALID_SIZE};
use crate::tables::{groupscan_table, joins_in, refused_join};
use crate::types::{
    groupscan_interface4, groupscan_join4, groupscan_place4, groupscan_protocol_handle,
    replaced_flags_in,
};

both_families! {
    /// Makes one step of a replacement.
    fn groupscan_table_replace4_step, groupscan_table_replace6_step(
        table: *mut groupscan_table,
        protocol: u32,
        iface: *const <F as InC>::Interface,
        joins: *const <F as InC>::Join,
        count: usize,
        flags: u32,
        most: usize,
        place: *mut <F as InC>::Place,
        more: *mut bool,
        outcome: *mut groupscan_outcome,
    ) {
        let replace = |table: &groupscan_table, from: Option<JoinOn<F>>| {
            // SAFETY: P3.
            let interface = F::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
            let flags = replaced_flags_in(flags).map_err(nowhere)?;
            let from = from.map(|from| from.join);
            // SAFETY: P3.
            let (joins, first) = unsafe { joins_from::<F>((joins, count), from, most) }?;
            let mut txn = table.begin_write()?;
            let protocol = Protocol::new(protocol);
            let step = txn.replace_step(interface, protocol, &joins, flags, from, most);
            let step = step.map_err(|error| at_index_from(first, refused_join(error)))?;
            Ok(commit(txn, on(interface, step)))
        };
        // SAFETY: P1 to P4.
        unsafe { step_of(table, most, (place, more), outcome, replace) }
    }

    /// Makes one step of the removal of all memberships of a protocol on an interface.
    fn groupscan_table_leave_all4_step, groupscan_table_leave_all6_step(
        table: *mut groupscan_table,
        protocol: u32,
        iface: *const <F as InC>::Interface,
        most: usize,
        place: *mut <F as InC>::Place,
        more: *mut bool,
        outcome: *mut groupscan_outcome,
    ) {
        let leave_all = |table: &groupscan_table, from: Option<JoinOn<F>>| {
            // SAFETY: P3.
            let interface = F::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
            let from = from.map(|from| from.join);
            let mut txn = table.begin_write()?;
            let step = txn.leave_all_step(interface, Protocol::new(protocol), from, most);
            Ok(commit(txn, on(interface, step.map_err(nowhere)?)))
        };
        // SAFETY: P1 to P4.
        unsafe { step_of(table, most, (place, more), outcome, leave_all) }
    }

    /// Makes one step of the removal of all memberships of a protocol.
    fn groupscan_table_leave_everywhere4_step, groupscan_table_leave_everywhere6_step(
        table: *mut groupscan_table,
        protocol: u32,
        most: usize,
        place: *mut <F as InC>::Place,
        more: *mut bool,
        outcome: *mut groupscan_outcome,
    ) {
        let leave_everywhere = |table: &groupscan_table, from: Option<JoinOn<F>>| {
            let mut txn = table.begin_write()?;
            // After an error the transaction is dropped, which aborts it.
            let step = txn.leave_everywhere_step(Protocol::new(protocol), from, most);
            let step = step.map_err(nowhere)?;
            Ok(commit(txn, step))
        };
        // SAFETY: P1 to P4.
        unsafe { step_of(table, most, (place, more), outcome, leave_everywhere) }
    }
}

/// Makes one step of a replacement by a client.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_replace4_step(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
    joins: *const groupscan_join4,
    count: usize,
    flags: u32,
    most: usize,
    place: *mut groupscan_place4,
    more: *mut bool,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let replace = |manager: &groupscan_manager, from: Option<JoinOn<V4>>| {
        // SAFETY: P3.
        let interface = V4::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
        let flags = replaced_flags_in(flags).map_err(nowhere)?;
        let from = from.map(|from| from.join);
        // SAFETY: P3.
        let (joins, first) = unsafe { joins_from::<V4>((joins, count), from, most) }?;
        let protocol = ProtocolHandle::from_bits(protocol);
        let step = manager.0.replace_step(protocol, interface, &joins, flags, from, most);
        let step = step.map_err(|BulkError { at, error }| {
            at_index_from(first, (error.into(), at.unwrap_or(GROUPSCAN_NOWHERE)))
        });
        Ok(committed_on(interface, step?))
    };
    // SAFETY: P1 to P4.
    unsafe { step_of(manager, most, (place, more), outcome, replace) }
}

/// Makes one step of the removal of all memberships of a client on an interface.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_leave_all4_step(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
    most: usize,
    place: *mut groupscan_place4,
    more: *mut bool,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let leave_all = |manager: &groupscan_manager, from: Option<JoinOn<V4>>| {
        // SAFETY: P3.
        let interface = V4::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
        let (protocol, from) = (ProtocolHandle::from_bits(protocol), from.map(|from| from.join));
        let step = manager.0.leave_all_step(protocol, interface, from, most);
        Ok(committed_on(interface, step.map_err(nowhere)?))
    };
    // SAFETY: P1 to P4.
    unsafe { step_of(manager, most, (place, more), outcome, leave_all) }
}

/// Makes one step of the release of an interface.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_release_interface4_step(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    iface: *const groupscan_interface4,
    most: usize,
    place: *mut groupscan_place4,
    more: *mut bool,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let release = |manager: &groupscan_manager, from: Option<JoinOn<V4>>| {
        // SAFETY: P3.
        let interface = V4::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
        let (protocol, from) = (ProtocolHandle::from_bits(protocol), from.map(|from| from.join));
        let step = manager.0.release_interface_step(protocol, interface, from, most);
        Ok(committed_on(interface, step.map_err(nowhere)?))
    };
    // SAFETY: P1 to P4.
    unsafe { step_of(manager, most, (place, more), outcome, release) }
}

/// Makes one step of the deregistration of a client.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_manager_deregister_step(
    manager: *mut groupscan_manager,
    protocol: groupscan_protocol_handle,
    most: usize,
    place: *mut groupscan_place4,
    more: *mut bool,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let deregister = |manager: &groupscan_manager, from: Option<JoinOn<V4>>| {
        let step = manager.0.deregister_step(ProtocolHandle::from_bits(protocol), from, most);
        step.map_err(nowhere)
    };
    // SAFETY: P1 to P4.
    unsafe { step_of(manager, most, (place, more), outcome, deregister) }
}

/// Makes one step of a change from the caller's place on, and moves the place, except after an error.
///
/// # Safety
///
/// [P1 and P2](crate#what-callers-promise).
unsafe fn step_of<T: Send + Sync, F: InC>(
    owner: *const T,
    most: usize,
    (place, more): (*mut F::Place, *mut bool),
    outcome: *mut groupscan_outcome,
    make: impl FnOnce(&T, Option<JoinOn<F>>) -> Result<CommittedStep<JoinOn<F>>, FailedAt>,
) -> groupscan_status {
    let step = || {
        let (moved, more) = (writable(place).map_err(nowhere)?, writable(more).map_err(nowhere)?);
        // SAFETY: P1.
        let owner = unsafe { object(owner) }.map_err(nowhere)?;
        // SAFETY: P2: the place is initialised, too.
        let from = F::place_in(unsafe { value(place) }.map_err(nowhere)?).map_err(nowhere)?;
        if most == 0 {
            return Err(nowhere(GROUPSCAN_ERROR_INVALID_SIZE));
        }
        let CommittedStep { committed, next } = make(owner, from)?;
        // SAFETY: P2.
        unsafe {
            moved.write_unaligned(F::place_out(next));
            more.write_unaligned(next.is_some());
        }
        Ok((committed.version.number(), committed.changed))
    };
    // SAFETY: P2.
    unsafe { write_outcome(outcome, step) }
}

/// Commits a step.
fn commit<P>(txn: WriteTxn<'_>, step: Step<P>) -> CommittedStep<P> {
    let Step { changed, next } = step;
    CommittedStep { committed: Committed { version: txn.commit(), changed }, next }
}

/// A step on one interface.
fn on<F: InC>(interface: Interface<F>, step: Step<Join<F>>) -> Step<JoinOn<F>> {
    let Step { changed, next } = step;
    Step { changed, next: next.map(|join| JoinOn { interface, join }) }
}

/// As [`on`], for a step that is committed.
fn committed_on<F: InC>(
    interface: Interface<F>,
    step: CommittedStep<Join<F>>,
) -> CommittedStep<JoinOn<F>> {
    let CommittedStep { committed, next } = step;
    CommittedStep { committed, next: next.map(|join| JoinOn { interface, join }) }
}

/// The joins of a list that a step needs, and the index of the first of them: it looks at `most` joins, and
/// one more is where the next step begins. The step checks their order.
///
/// # Errors
///
/// As [`values`].
///
/// # Safety
///
/// As for [`values`].
unsafe fn joins_from<F: InC>(
    joins: Array<F::Join>,
    from: Option<Join<F>>,
    most: usize,
) -> Result<(Vec<Join<F>>, usize), FailedAt> {
    // SAFETY: as for `values`. This checks the array.
    let count = unsafe { values(joins) }.map_err(nowhere)?.len();
    let (list, _) = joins;
    let (mut first, mut end) = (0, if from.is_some() { count } else { 0 });
    // A binary search, because copies of the whole list in each step would cost the square of its length.
    while let Some(from) = from
        && first < end
    {
        let middle = usize::midpoint(first, end);
        // SAFETY: less than the number of readable elements.
        match F::join_in(unsafe { list.add(middle).read_unaligned() }) < from {
            true => first = middle + 1,
            false => end = middle,
        }
    }
    let needed = most.saturating_add(1).min(count - first);
    // SAFETY: `first` is at most the number of readable elements, and `needed` of them follow.
    let needed = unsafe { joins_in::<F>((list.wrapping_add(first), needed)) };
    Ok((needed.map_err(nowhere)?, first))
}

/// An error with its index in a list, by that in the list from `first` on.
fn at_index_from(first: usize, (status, at): FailedAt) -> FailedAt {
    match at {
        GROUPSCAN_NOWHERE => (status, at),
        at => (status, first + at),
    }
}
