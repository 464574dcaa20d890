//! Tables: `groupscan_table_…`.

#![allow(non_camel_case_types, reason = "names of the header")]
#![allow(unsafe_code, reason = "takes pointers from C")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use groupscan::{
    Committed, GroupTable, Join, Protocol, Retained, Snapshot, SnapshotError, Stats, WriteError,
    WriteTxn,
};

use crate::families::InC;
use crate::memory::{
    Array, List, empty, grown, hand_out, object, options, take_back, value, values, writable,
};
use crate::result::{FailedAt, groupscan_outcome, nowhere, write_outcome};
use crate::snapshots::groupscan_snapshot;
use crate::stats::{groupscan_retained, groupscan_stats};
use crate::status::groupscan_status::{self, GROUPSCAN_ERROR_TIMEOUT};
use crate::status_of;
use crate::types::{GROUPSCAN_WAIT_FOREVER, groupscan_table_options, timeout_in};

/// A table.
pub struct groupscan_table {
    table: GroupTable,
    /// How many milliseconds each call waits for its turn.
    timeout: AtomicU32,
}

impl groupscan_table {
    fn new(table: GroupTable) -> Self {
        Self { table, timeout: AtomicU32::new(GROUPSCAN_WAIT_FOREVER) }
    }

    /// The table in Rust.
    pub fn table(&self) -> &GroupTable {
        &self.table
    }

    /// The time that a call may wait which begins now.
    #[inline]
    fn wait(&self) -> Duration {
        // Relaxed: a number that guards nothing.
        timeout_in(self.timeout.load(Ordering::Relaxed)).unwrap_or(Duration::MAX)
    }

    /// Begins a transaction in the turn of a call.
    #[inline]
    pub(crate) fn begin_write(&self) -> Result<WriteTxn<'_>, FailedAt> {
        let txn = self.table.begin_write_timeout(self.wait());
        txn.ok_or_else(|| nowhere(GROUPSCAN_ERROR_TIMEOUT))
    }
}

/// Creates an empty table.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_create(
    options: *const groupscan_table_options,
    table: *mut *mut groupscan_table,
) -> groupscan_status {
    status_of(|| {
        let table = writable(table)?;
        // SAFETY: P3.
        let options = unsafe { self::options(options) }?;
        let made = GroupTable::try_with_limits(options.into())?;
        // SAFETY: P2.
        unsafe { hand_out(table, groupscan_table::new(made)) }
    })
}

/// Sets how long the calls of a table wait for their turns.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_set_timeout(
    table: *mut groupscan_table,
    milliseconds: u32,
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let table = unsafe { object(table) }?;
        table.timeout.store(milliseconds, Ordering::Relaxed);
        Ok(())
    })
}

/// Drops a table.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_destroy(table: *mut groupscan_table) {
    let _ = status_of(|| {
        // SAFETY: P1, P4.
        unsafe { take_back(table) };
        Ok(())
    });
}

both_families! {
    /// Adds memberships of a protocol in one commit.
    fn groupscan_table_join4, groupscan_table_join6(
        table: *mut groupscan_table,
        protocol: u32,
        memberships: *const <F as InC>::Membership,
        count: usize,
        outcome: *mut groupscan_outcome,
    ) {
        // SAFETY: P1 to P4; an empty array may be null.
        unsafe { update::<F>(table, protocol, empty(), (memberships, count), outcome) }
    }

    /// Removes memberships of a protocol in one commit.
    fn groupscan_table_leave4, groupscan_table_leave6(
        table: *mut groupscan_table,
        protocol: u32,
        memberships: *const <F as InC>::Membership,
        count: usize,
        outcome: *mut groupscan_outcome,
    ) {
        // SAFETY: P1 to P4; an empty array may be null.
        unsafe { update::<F>(table, protocol, (memberships, count), empty(), outcome) }
    }

    /// Removes memberships of a protocol and adds others in one commit.
    fn groupscan_table_update4, groupscan_table_update6(
        table: *mut groupscan_table,
        protocol: u32,
        leaves: *const <F as InC>::Membership,
        leave_count: usize,
        joins: *const <F as InC>::Membership,
        join_count: usize,
        outcome: *mut groupscan_outcome,
    ) {
        let (leaves, joins) = ((leaves, leave_count), (joins, join_count));
        // SAFETY: P1 to P4.
        unsafe { update::<F>(table, protocol, leaves, joins, outcome) }
    }

    /// Removes all memberships of a protocol on an interface.
    fn groupscan_table_leave_all4, groupscan_table_leave_all6(
        table: *mut groupscan_table,
        protocol: u32,
        iface: *const <F as InC>::Interface,
        outcome: *mut groupscan_outcome,
    ) {
        let leave_all = || {
            // SAFETY: P1.
            let table = unsafe { object(table) }.map_err(nowhere)?;
            // SAFETY: P3.
            let interface = F::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
            let protocol = Protocol::new(protocol);
            whole_or_in_steps(
                table,
                |txn| txn.leave_all(interface, protocol),
                |table| table.leave_all(interface, protocol),
            )
        };
        // SAFETY: P2.
        unsafe { write_outcome(outcome, leave_all) }
    }

    /// Removes all memberships of a protocol.
    fn groupscan_table_leave_everywhere4, groupscan_table_leave_everywhere6(
        table: *mut groupscan_table,
        protocol: u32,
        outcome: *mut groupscan_outcome,
    ) {
        let leave_everywhere = || {
            // SAFETY: P1.
            let table = unsafe { object(table) }.map_err(nowhere)?;
            let protocol = Protocol::new(protocol);
            whole_or_in_steps(
                table,
                |txn| Ok(txn.leave_everywhere_step::<F>(protocol, None, usize::MAX)?.changed),
                |table| table.leave_everywhere::<F>(protocol),
            )
        };
        // SAFETY: P2.
        unsafe { write_outcome(outcome, leave_everywhere) }
    }

    /// Replaces the memberships of a protocol on an interface by those of a list.
    fn groupscan_table_replace4, groupscan_table_replace6(
        table: *mut groupscan_table,
        protocol: u32,
        iface: *const <F as InC>::Interface,
        joins: *const <F as InC>::Join,
        count: usize,
        outcome: *mut groupscan_outcome,
    ) {
        // SAFETY: P1 to P4.
        unsafe { replace::<F>(table, protocol, iface, (joins, count), outcome) }
    }
}

/// Takes a snapshot of a table.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_snapshot(
    table: *const groupscan_table,
    snapshot: *mut *mut groupscan_snapshot,
) -> groupscan_status {
    // SAFETY: P1, P2.
    unsafe { snapshot_of(table, |table| table.table.snapshot(), snapshot) }
}

/// How a table's memory is used.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_stats(
    table: *const groupscan_table,
    stats: *mut groupscan_stats,
    stats_bytes: usize,
) -> groupscan_status {
    // SAFETY: P1, P2.
    unsafe { stats_of(table, |table| table.table.stats(), stats, stats_bytes) }
}

/// What each live version of a table retains.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_retained(
    table: *const groupscan_table,
    retained: *mut groupscan_retained,
    capacity: usize,
    element_bytes: usize,
    count: *mut usize,
) -> groupscan_status {
    let list = (retained, capacity, element_bytes, count);
    // SAFETY: P1, P2.
    unsafe { retained_by(table, |table| Ok(table.table.retained_timeout(table.wait())?), list) }
}

/// Frees some of what dead versions of a table left behind.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_reclaim(
    table: *mut groupscan_table,
    more: *mut bool,
) -> groupscan_status {
    // SAFETY: P1, P2.
    unsafe {
        memory_step_of(
            table,
            |table| {
                let step = table.table.reclaim_step_timeout(table.wait());
                step.ok_or(GROUPSCAN_ERROR_TIMEOUT)
            },
            more,
        )
    }
}

/// Gives some free memory back to the system.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn groupscan_table_trim(
    table: *mut groupscan_table,
    more: *mut bool,
) -> groupscan_status {
    // SAFETY: P1, P2.
    unsafe {
        memory_step_of(
            table,
            |table| {
                let step = table.table.trim_step_timeout(table.wait());
                step.ok_or(GROUPSCAN_ERROR_TIMEOUT)
            },
            more,
        )
    }
}

// What a table and a manager's table have in common. The functions take the object and the call on it.

/// Takes a snapshot.
///
/// # Safety
///
/// [P1 and P2](crate#what-callers-promise).
pub(crate) unsafe fn snapshot_of<T: Send + Sync>(
    owner: *const T,
    take: impl FnOnce(&T) -> Result<Snapshot, SnapshotError>,
    snapshot: *mut *mut groupscan_snapshot,
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let (owner, snapshot) = (unsafe { object(owner) }?, writable(snapshot)?);
        // SAFETY: P2.
        unsafe { hand_out(snapshot, groupscan_snapshot(take(owner)?)) }
    })
}

/// Writes how memory is used.
///
/// # Safety
///
/// [P1 and P2](crate#what-callers-promise).
pub(crate) unsafe fn stats_of<T: Send + Sync>(
    owner: *const T,
    stats_now: impl FnOnce(&T) -> Stats,
    stats: *mut groupscan_stats,
    stats_bytes: usize,
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let owner = unsafe { object(owner) }?;
        // SAFETY: P2.
        unsafe { grown(stats, stats_bytes, || stats_now(owner).into()) }
    })
}

/// Lists what each live version retains. The list is the arguments of [`List::new`].
///
/// # Safety
///
/// [P1 and P2](crate#what-callers-promise).
pub(crate) unsafe fn retained_by<T: Send + Sync>(
    owner: *const T,
    retained_now: impl FnOnce(&T) -> Result<Vec<Retained>, groupscan_status>,
    (first, capacity, element_bytes, count): (*mut groupscan_retained, usize, usize, *mut usize),
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let owner = unsafe { object(owner) }?;
        // SAFETY: P2.
        let list = unsafe { List::new(first, capacity, element_bytes, count) }?;
        list.fill(retained_now(owner)?.into_iter().map(groupscan_retained::from))
    })
}

/// Does a step that frees memory.
///
/// # Safety
///
/// [P1 and P2](crate#what-callers-promise).
pub(crate) unsafe fn memory_step_of<T: Send + Sync>(
    owner: *const T,
    step: impl FnOnce(&T) -> Result<bool, groupscan_status>,
    more: *mut bool,
) -> groupscan_status {
    status_of(|| {
        // SAFETY: P1.
        let (owner, more) = (unsafe { object(owner) }?, writable(more)?);
        let more_remains = step(owner)?;
        // SAFETY: P2.
        unsafe { more.write_unaligned(more_remains) };
        Ok(())
    })
}

/// Removes and adds memberships in one commit.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
#[inline]
unsafe fn update<F: InC>(
    table: *mut groupscan_table,
    protocol: u32,
    leaves: Array<F::Membership>,
    joins: Array<F::Membership>,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let protocol = Protocol::new(protocol);
    let update = || {
        // SAFETY: P1.
        let table = unsafe { object(table) }.map_err(nowhere)?;
        // SAFETY: P3.
        let leaves = unsafe { values(leaves) }.map_err(nowhere)?;
        // SAFETY: P3.
        let joins = unsafe { values(joins) }.map_err(nowhere)?;
        let first_join = leaves.len();
        let mut txn = table.begin_write()?;
        let left =
            update_each(leaves, 0, |leave| Ok(txn.leave(&F::membership_in(leave, protocol)?)?))?;
        let joined = update_each(joins, first_join, |join| {
            Ok(txn.join(&F::membership_in(join, protocol)?)?)
        })?;
        Ok((txn.commit().number(), left + joined))
    };
    // SAFETY: P2.
    unsafe { write_outcome(outcome, update) }
}

/// Applies `update` to each element, and returns how many changed anything. The index of the first element
/// is `first`.
#[inline]
fn update_each<M>(
    elements: impl Iterator<Item = M>,
    first: usize,
    mut update: impl FnMut(M) -> Result<bool, groupscan_status>,
) -> Result<usize, FailedAt> {
    let mut changed = 0;
    for (at, element) in elements.enumerate() {
        changed += usize::from(update(element).map_err(|status| (status, first + at))?);
    }
    Ok(changed)
}

/// Removes memberships in one version, or, if there is too little memory for that, in several.
fn whole_or_in_steps(
    table: &groupscan_table,
    whole: impl FnOnce(&mut WriteTxn<'_>) -> Result<usize, WriteError>,
    in_steps: impl FnOnce(&GroupTable) -> Result<Committed, WriteError>,
) -> Result<(u64, usize), FailedAt> {
    let mut txn = table.begin_write()?;
    match whole(&mut txn) {
        Ok(changed) => Ok((txn.commit().number(), changed)),
        Err(WriteError::OutOfMemory | WriteError::OutOfCapacity { .. }) => {
            txn.abort();
            let Committed { version, changed } = in_steps(&table.table).map_err(nowhere)?;
            Ok((version.number(), changed))
        }
        Err(error) => Err(nowhere(error)),
    }
}

/// Replaces the memberships of a protocol on an interface by those of a list.
///
/// # Safety
///
/// [P1 to P4](crate#what-callers-promise).
unsafe fn replace<F: InC>(
    table: *mut groupscan_table,
    protocol: u32,
    iface: *const F::Interface,
    joins: Array<F::Join>,
    outcome: *mut groupscan_outcome,
) -> groupscan_status {
    let update = || {
        // SAFETY: P1.
        let table = unsafe { object(table) }.map_err(nowhere)?;
        // SAFETY: P3.
        let interface = F::interface_in(unsafe { value(iface) }.map_err(nowhere)?);
        // SAFETY: P3.
        let joins = unsafe { joins_in::<F>(joins) }.map_err(nowhere)?;
        let mut txn = table.begin_write()?;
        let changed = txn.replace(interface, Protocol::new(protocol), &joins);
        let changed = changed.map_err(refused_join)?;
        Ok((txn.commit().number(), changed))
    };
    // SAFETY: P2.
    unsafe { write_outcome(outcome, update) }
}

/// Why a replacement was refused.
pub(crate) fn refused_join(error: WriteError) -> FailedAt {
    match error {
        WriteError::NotAscending { at } => (error.into(), at),
        _ => nowhere(error),
    }
}

/// Copies a list of joins.
///
/// # Safety
///
/// As for [`values`].
pub(crate) unsafe fn joins_in<F: InC>(
    joins: Array<F::Join>,
) -> Result<Vec<Join<F>>, groupscan_status> {
    // SAFETY: as for `values`.
    let given = unsafe { values(joins) }?;
    let mut joins = Vec::new();
    joins.try_reserve_exact(given.len()).map_err(|_| WriteError::OutOfMemory)?;
    joins.extend(given.map(F::join_in));
    Ok(joins)
}
