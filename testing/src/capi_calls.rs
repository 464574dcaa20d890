//! The same changes by the calls of `groupscan.h` and by those of Rust: tables, snapshots and enumerations
//! are equal after each. Shared by a test and a fuzz target.

#![allow(unsafe_code, reason = "calls the C interface")]

use std::collections::BTreeSet;
use std::iter;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;

use bytemuck::Zeroable;
use groupscan::{
    Committed, Enumeration, FamilySnapshot, Filter, GroupTable, Interface, Join, JoinKey, Kind,
    Membership, MembershipOrder, Prefix, Protocol, ReplacedFlags, Snapshot, Step, V4, V6, View,
    WriteError, WriteTxn,
};
use groupscan_capi::*;

use crate::model::{ORDERS, Small, membership};

/// The number of filters.
pub const FILTERS: usize = 5;

/// More than the elements of any walk.
const MOST_STEPS: usize = 100_000;

/// A change of many memberships. The numbers are the arguments of `membership`.
#[derive(Clone, Debug)]
pub enum Change {
    Join {
        protocol: u8,
        memberships: Vec<Numbers>,
    },
    Leave {
        protocol: u8,
        memberships: Vec<Numbers>,
    },
    Update {
        protocol: u8,
        leaves: Vec<Numbers>,
        joins: Vec<Numbers>,
    },
    LeaveAll {
        protocol: u8,
        interface: u8,
    },
    LeaveEverywhere {
        protocol: u8,
    },
    Replace {
        protocol: u8,
        interface: u8,
        joins: Vec<(u8, u8)>,
        sorted: bool,
    },
    /// In steps of `most` memberships, or of one if that is 0.
    ReplaceInSteps {
        protocol: u8,
        interface: u8,
        joins: Vec<(u8, u8)>,
        flags: u8,
        most: u8,
    },
    LeaveEverywhereInSteps {
        protocol: u8,
        most: u8,
    },
}

/// Group, source, interface, flags.
pub type Numbers = (u8, u8, u8, u8);

/// The outcome of a change: the number of the version and of the memberships that changed, or why and at
/// which element it was refused.
type Outcome = Result<(u64, usize), (groupscan_status, usize)>;

/// The calls of a family.
trait Calls: Small {
    type JoinInC: Copy;
    type InterfaceInC: Copy;
    type PlaceInC: Zeroable;

    fn join_out(join: Join<Self>) -> Self::JoinInC;
    fn interface_out(interface: Interface<Self>) -> Self::InterfaceInC;
    fn interface_back(interface: Self::InterfaceInC) -> Interface<Self>;

    /// Adds or removes memberships.
    fn change(
        table: *mut groupscan_table,
        joins: bool,
        protocol: u32,
        memberships: &[Membership<Self>],
    ) -> Outcome;
    /// Removes memberships and adds others.
    fn update(
        table: *mut groupscan_table,
        protocol: u32,
        leaves: &[Membership<Self>],
        joins: &[Membership<Self>],
    ) -> Outcome;
    fn leave_all(table: *mut groupscan_table, protocol: u32, on: Interface<Self>) -> Outcome;
    fn leave_everywhere(table: *mut groupscan_table, protocol: u32) -> Outcome;
    fn replace(
        table: *mut groupscan_table,
        protocol: u32,
        on: Interface<Self>,
        joins: &[Join<Self>],
    ) -> Outcome;

    /// Steps from a place on, and whether more remain.
    fn replace_step(
        table: *mut groupscan_table,
        protocol: u32,
        on: Interface<Self>,
        joins: &[Join<Self>],
        flags_and_most: (u32, usize),
        place: &mut Self::PlaceInC,
    ) -> (Outcome, bool);
    fn leave_everywhere_step(
        table: *mut groupscan_table,
        protocol: u32,
        most: usize,
        place: &mut Self::PlaceInC,
    ) -> (Outcome, bool);

    /// The results of `contains`, `rank` and `outgoing`.
    fn ask(
        snapshot: *const groupscan_snapshot,
        join: Join<Self>,
    ) -> (bool, usize, Vec<Interface<Self>>);
    fn keys(snapshot: *const groupscan_snapshot) -> Vec<Join<Self>>;
    fn interfaces(snapshot: *const groupscan_snapshot) -> Vec<Interface<Self>>;

    /// The bytes of the records of a group's memberships.
    fn memberships(snapshot: *const groupscan_snapshot, group: Self) -> Vec<u8>;

    /// The steps: the element behind another one, or the first.
    fn next_interface(
        snapshot: *const groupscan_snapshot,
        after: Option<Interface<Self>>,
    ) -> Option<Interface<Self>>;
    fn next_outgoing(
        snapshot: *const groupscan_snapshot,
        join: Join<Self>,
        after: Option<Interface<Self>>,
    ) -> Option<Interface<Self>>;
    fn next_membership(
        snapshot: *const groupscan_snapshot,
        order: MembershipOrder,
        after: Option<Membership<Self>>,
    ) -> Option<Membership<Self>>;

    fn enumerate(
        snapshot: *const groupscan_snapshot,
        view: View,
        filter: Filter<Self>,
    ) -> *mut groupscan_enumeration;
    fn enumerate_memberships(
        snapshot: *const groupscan_snapshot,
        interface: Interface<Self>,
        filter: Filter<Self>,
    ) -> *mut groupscan_enumeration;
    fn enumerate_all_memberships(
        snapshot: *const groupscan_snapshot,
        order: MembershipOrder,
        filter: Filter<Self>,
    ) -> *mut groupscan_enumeration;
}

/// The outcome of a call, by its status and what it wrote.
fn outcome_of(call: impl FnOnce(*mut groupscan_outcome) -> groupscan_status) -> Outcome {
    let mut outcome = MaybeUninit::uninit();
    let status = call(outcome.as_mut_ptr());
    // SAFETY: a change always writes its outcome.
    let groupscan_outcome { version, changed, refused_at } = unsafe { outcome.assume_init() };
    if status == GROUPSCAN_OK {
        assert_eq!(refused_at, GROUPSCAN_NOWHERE);
        return Ok((version, changed));
    }
    assert_eq!((version, changed), (0, 0));
    Err((status, refused_at))
}

/// The result of a call that must succeed.
fn ok<T>(call: impl FnOnce(*mut T) -> groupscan_status) -> T {
    let mut place = MaybeUninit::uninit();
    assert_eq!(call(place.as_mut_ptr()), GROUPSCAN_OK);
    // SAFETY: the call has succeeded, so it has written its result.
    unsafe { place.assume_init() }
}

/// The result of a step, if there is one.
fn found<T>(call: impl FnOnce(*mut T) -> groupscan_status) -> Option<T> {
    let mut place = MaybeUninit::uninit();
    match call(place.as_mut_ptr()) {
        // SAFETY: the call has succeeded, so it has written its result.
        GROUPSCAN_OK => Some(unsafe { place.assume_init() }),
        status => {
            assert_eq!(status, GROUPSCAN_ERROR_NOT_FOUND);
            None
        }
    }
}

/// A pointer to a value, or null.
fn or_null<T>(value: Option<&T>) -> *const T {
    value.map_or(ptr::null(), ptr::from_ref)
}

fn order_number(order: MembershipOrder) -> u32 {
    match order {
        MembershipOrder::ByGroup => GROUPSCAN_BY_GROUP as u32,
        MembershipOrder::ByInterface => GROUPSCAN_BY_INTERFACE as u32,
    }
}

fn number_of(view: View) -> u32 {
    View::ALL.iter().position(|one| *one == view).unwrap() as u32
}

macro_rules! calls {
    (
        $family:ty, $join:ident, $interface:ident, $membership:ident, $prefix:ident, $filter:ident,
        $place:ident, $everywhere_call:ident, $replace_step_call:ident, $everywhere_step_call:ident,
        $join_call:ident, $leave_call:ident, $leave_all_call:ident, $replace_call:ident,
        $update_call:ident, $contains_call:ident, $rank_call:ident, $outgoing_call:ident,
        $interfaces_call:ident, $group_call:ident, $record:ident, $keys_call:ident,
        $enumerate_call:ident, $memberships_call:ident, $next_interface_call:ident,
        $next_outgoing_call:ident, $next_membership_call:ident, $all_memberships_call:ident,
        $key_back:expr
    ) => {
        impl Calls for $family {
            type JoinInC = $join;
            type InterfaceInC = $interface;
            type PlaceInC = $place;

            fn join_out(join: Join<Self>) -> $join {
                $join { group: join.group.octets(), source: join.source.octets() }
            }

            fn interface_out(interface: Interface<Self>) -> $interface {
                $interface { index: interface.index, next_hop: interface.next_hop.octets() }
            }

            fn interface_back(interface: $interface) -> Interface<Self> {
                Interface::with_next_hop(interface.index, interface.next_hop.into())
            }

            fn change(
                table: *mut groupscan_table,
                joins: bool,
                protocol: u32,
                memberships: &[Membership<Self>],
            ) -> Outcome {
                let out: Vec<$membership> =
                    memberships.iter().map(membership_out!($membership)).collect();
                let (first, count) = (out.as_ptr(), out.len());
                let call = if joins { $join_call } else { $leave_call };
                // SAFETY: the table exists, and the memberships are in a vector.
                outcome_of(|outcome| unsafe { call(table, protocol, first, count, outcome) })
            }

            fn update(
                table: *mut groupscan_table,
                protocol: u32,
                leaves: &[Membership<Self>],
                joins: &[Membership<Self>],
            ) -> Outcome {
                let out = |memberships: &[Membership<Self>]| -> Vec<$membership> {
                    memberships.iter().map(membership_out!($membership)).collect()
                };
                let (leaves, joins) = (out(leaves), out(joins));
                let (left, joined) = (leaves.as_ptr(), joins.as_ptr());
                // SAFETY: the table exists, and the memberships are in a vector.
                outcome_of(|outcome| unsafe {
                    $update_call(table, protocol, left, leaves.len(), joined, joins.len(), outcome)
                })
            }

            fn leave_all(
                table: *mut groupscan_table,
                protocol: u32,
                on: Interface<Self>,
            ) -> Outcome {
                let on = Self::interface_out(on);
                // SAFETY: the table exists.
                outcome_of(|outcome| unsafe { $leave_all_call(table, protocol, &on, outcome) })
            }

            fn replace(
                table: *mut groupscan_table,
                protocol: u32,
                on: Interface<Self>,
                joins: &[Join<Self>],
            ) -> Outcome {
                let on = Self::interface_out(on);
                let out: Vec<$join> = joins.iter().copied().map(Self::join_out).collect();
                let (first, count) = (out.as_ptr(), out.len());
                // SAFETY: the table exists, and the joins are in a vector.
                outcome_of(|outcome| unsafe {
                    $replace_call(table, protocol, &on, first, count, outcome)
                })
            }

            fn leave_everywhere(table: *mut groupscan_table, protocol: u32) -> Outcome {
                // SAFETY: the table exists.
                outcome_of(|outcome| unsafe { $everywhere_call(table, protocol, outcome) })
            }

            fn replace_step(
                table: *mut groupscan_table,
                protocol: u32,
                on: Interface<Self>,
                joins: &[Join<Self>],
                (flags, most): (u32, usize),
                place: &mut $place,
            ) -> (Outcome, bool) {
                let (on, call) = (Self::interface_out(on), $replace_step_call);
                let out: Vec<$join> = joins.iter().copied().map(Self::join_out).collect();
                let (first, count) = (out.as_ptr(), out.len());
                let mut more = false;
                // SAFETY: the table exists, and the joins are in a vector.
                let outcome = outcome_of(|outcome| unsafe {
                    call(table, protocol, &on, first, count, flags, most, place, &mut more, outcome)
                });
                (outcome, more)
            }

            fn leave_everywhere_step(
                table: *mut groupscan_table,
                protocol: u32,
                most: usize,
                place: &mut $place,
            ) -> (Outcome, bool) {
                let mut more = false;
                // SAFETY: the table exists.
                let outcome = outcome_of(|outcome| unsafe {
                    $everywhere_step_call(table, protocol, most, place, &mut more, outcome)
                });
                (outcome, more)
            }

            fn ask(
                snapshot: *const groupscan_snapshot,
                join: Join<Self>,
            ) -> (bool, usize, Vec<Interface<Self>>) {
                let join = Self::join_out(join);
                // SAFETY: the snapshot exists.
                let contains = ok(|place| unsafe { $contains_call(snapshot, &join, place) });
                // SAFETY: the snapshot exists.
                let rank = ok(|place| unsafe { $rank_call(snapshot, &join, place) });
                let mut interfaces = [$interface::zeroed(); 8];
                let first = interfaces.as_mut_ptr();
                let outgoing = $outgoing_call;
                // SAFETY: the snapshot exists, and the array has eight elements.
                let count = ok(|place| unsafe { outgoing(snapshot, &join, first, 8, place) });
                let outgoing = interfaces[..count].iter().map(|i| Self::interface_back(*i));
                (contains, rank, outgoing.collect())
            }

            fn keys(snapshot: *const groupscan_snapshot) -> Vec<Join<Self>> {
                let mut joins = Vec::new();
                loop {
                    let (mut keys, call) = (ptr::null(), $keys_call);
                    let rank = joins.len();
                    // SAFETY: the snapshot exists.
                    let count = ok(|count| unsafe { call(snapshot, rank, &mut keys, count) });
                    if count == 0 {
                        return joins;
                    }
                    // SAFETY: there are `count` keys as long as the snapshot exists.
                    let keys = unsafe { std::slice::from_raw_parts(keys, count) };
                    joins.extend(keys.iter().map($key_back));
                }
            }

            fn interfaces(snapshot: *const groupscan_snapshot) -> Vec<Interface<Self>> {
                let mut interfaces = [$interface::zeroed(); 8];
                let first = interfaces.as_mut_ptr();
                // SAFETY: the snapshot exists, and the array has eight elements.
                let count = ok(|place| unsafe { $interfaces_call(snapshot, first, 8, place) });
                interfaces[..count].iter().map(|i| Self::interface_back(*i)).collect()
            }

            fn memberships(snapshot: *const groupscan_snapshot, group: Self) -> Vec<u8> {
                let group = group.octets();
                let mut count = 0;
                let (of, none) = (group.as_ptr(), ptr::null_mut());
                // SAFETY: the snapshot exists, and an empty array may be null.
                let status = unsafe { $group_call(snapshot, of, none, 0, &mut count) };
                let too_small =
                    if count > 0 { GROUPSCAN_ERROR_BUFFER_TOO_SMALL } else { GROUPSCAN_OK };
                assert_eq!(status, too_small);
                let mut records = vec![$record::zeroed(); count];
                let (first, call) = (records.as_mut_ptr(), $group_call);
                // SAFETY: the snapshot exists, and the vector has `count` elements.
                let again = ok(|place| unsafe { call(snapshot, of, first, count, place) });
                assert_eq!(again, count);
                bytemuck::cast_slice(&records).to_vec()
            }

            fn next_interface(
                snapshot: *const groupscan_snapshot,
                after: Option<Interface<Self>>,
            ) -> Option<Interface<Self>> {
                let (after, call) = (after.map(Self::interface_out), $next_interface_call);
                let after = or_null(after.as_ref());
                // SAFETY: the snapshot exists.
                found(|next| unsafe { call(snapshot, after, next) }).map(Self::interface_back)
            }

            fn next_outgoing(
                snapshot: *const groupscan_snapshot,
                join: Join<Self>,
                after: Option<Interface<Self>>,
            ) -> Option<Interface<Self>> {
                let (after, call) = (after.map(Self::interface_out), $next_outgoing_call);
                let (join, after) = (Self::join_out(join), or_null(after.as_ref()));
                // SAFETY: the snapshot exists.
                found(|next| unsafe { call(snapshot, &join, after, next) })
                    .map(Self::interface_back)
            }

            fn next_membership(
                snapshot: *const groupscan_snapshot,
                order: MembershipOrder,
                after: Option<Membership<Self>>,
            ) -> Option<Membership<Self>> {
                // The records have the same bytes in both languages.
                let after = after.map(|after| bytemuck::cast::<_, $record>(after.to_entry()));
                let (order, after) = (order_number(order), or_null(after.as_ref()));
                let call = $next_membership_call;
                // SAFETY: the snapshot exists.
                let next = found(|next| unsafe { call(snapshot, order, after, next) });
                next.map(|next: $record| Membership::from_entry(&bytemuck::cast(next)).unwrap())
            }

            fn enumerate_all_memberships(
                snapshot: *const groupscan_snapshot,
                order: MembershipOrder,
                filter: Filter<Self>,
            ) -> *mut groupscan_enumeration {
                let filter = filter_out!(filter, $filter, $prefix);
                let order = order_number(order);
                // SAFETY: the snapshot exists.
                ok(|place| unsafe { $all_memberships_call(snapshot, order, &filter, place) })
            }

            fn enumerate(
                snapshot: *const groupscan_snapshot,
                view: View,
                filter: Filter<Self>,
            ) -> *mut groupscan_enumeration {
                let (view, filter) = (number_of(view), filter_out!(filter, $filter, $prefix));
                // SAFETY: the snapshot exists.
                ok(|place| unsafe { $enumerate_call(snapshot, view, &filter, place) })
            }

            fn enumerate_memberships(
                snapshot: *const groupscan_snapshot,
                interface: Interface<Self>,
                filter: Filter<Self>,
            ) -> *mut groupscan_enumeration {
                let interface = Self::interface_out(interface);
                let filter = filter_out!(filter, $filter, $prefix);
                // SAFETY: the snapshot exists.
                ok(|place| unsafe { $memberships_call(snapshot, &interface, &filter, place) })
            }
        }
    };
}

/// Converts a membership to C, inside an `impl` for its family.
macro_rules! membership_out {
    ($membership:ident) => {
        |m: &Membership<Self>| $membership {
            group: m.group.octets(),
            source: m.source.octets(),
            iface: Self::interface_out(m.interface),
            flags: m.flags.bits().into(),
        }
    };
}

/// Converts a filter to C.
macro_rules! filter_out {
    ($filter:expr, $out:ident, $prefix:ident) => {{
        let out = |prefix: Prefix<Self>| $prefix {
            address: prefix.first().octets(),
            length: prefix.length().into(),
        };
        let interface = $filter.interface();
        let mut filtered = $out::zeroed();
        filtered.size = size_of::<$out>();
        (filtered.group, filtered.source) = (out($filter.groups()), out($filter.sources()));
        if let Some(interface) = interface {
            filtered.has_interface = 1;
            filtered.iface = Self::interface_out(interface);
        }
        filtered
    }};
}

calls!(
    V4,
    groupscan_join4,
    groupscan_interface4,
    groupscan_membership4,
    groupscan_prefix4,
    groupscan_filter4,
    groupscan_place4,
    groupscan_table_leave_everywhere4,
    groupscan_table_replace4_step,
    groupscan_table_leave_everywhere4_step,
    groupscan_table_join4,
    groupscan_table_leave4,
    groupscan_table_leave_all4,
    groupscan_table_replace4,
    groupscan_table_update4,
    groupscan_snapshot_contains4,
    groupscan_snapshot_rank4,
    groupscan_snapshot_outgoing4,
    groupscan_snapshot_interfaces4,
    groupscan_snapshot_memberships4,
    groupscan_membership_entry4,
    groupscan_snapshot_keys4,
    groupscan_snapshot_enumerate4,
    groupscan_snapshot_enumerate_memberships4,
    groupscan_snapshot_next_interface4,
    groupscan_snapshot_next_outgoing4,
    groupscan_snapshot_next_membership4,
    groupscan_snapshot_enumerate_all_memberships4,
    |key: &u64| Join::new(V4::from_bits((key >> 32) as u32), V4::from_bits(*key as u32))
);
calls!(
    V6,
    groupscan_join6,
    groupscan_interface6,
    groupscan_membership6,
    groupscan_prefix6,
    groupscan_filter6,
    groupscan_place6,
    groupscan_table_leave_everywhere6,
    groupscan_table_replace6_step,
    groupscan_table_leave_everywhere6_step,
    groupscan_table_join6,
    groupscan_table_leave6,
    groupscan_table_leave_all6,
    groupscan_table_replace6,
    groupscan_table_update6,
    groupscan_snapshot_contains6,
    groupscan_snapshot_rank6,
    groupscan_snapshot_outgoing6,
    groupscan_snapshot_interfaces6,
    groupscan_snapshot_memberships6,
    groupscan_membership_entry6,
    groupscan_snapshot_keys6,
    groupscan_snapshot_enumerate6,
    groupscan_snapshot_enumerate_memberships6,
    groupscan_snapshot_next_interface6,
    groupscan_snapshot_next_outgoing6,
    groupscan_snapshot_next_membership6,
    groupscan_snapshot_enumerate_all_memberships6,
    |key: &groupscan_key6| {
        let address = |high: u64, low: u64| V6::from_bits(u128::from(high) << 64 | u128::from(low));
        let [a, b, c, d] = key.words;
        Join::new(address(a, b), address(c, d))
    }
);

fn refused(error: WriteError) -> (groupscan_status, usize) {
    match error {
        WriteError::NotAscending { at } => (GROUPSCAN_ERROR_NOT_ASCENDING, at),
        error => panic!("{error}"),
    }
}

/// Makes all steps of a change, whose outcomes must be equal in both languages. Returns those of the last.
fn in_steps<C: Zeroable, P>(
    in_c: impl Fn(&mut C) -> (Outcome, bool),
    in_rust: impl Fn(Option<P>) -> Result<((u64, usize), Option<P>), (groupscan_status, usize)>,
) -> (Outcome, Outcome) {
    let (mut place, mut from) = (C::zeroed(), None);
    for _ in 0..MOST_STEPS {
        let (c, more) = in_c(&mut place);
        let (rust, next) = in_rust(from).unwrap();
        assert_eq!((c, more), (Ok(rust), next.is_some()));
        if next.is_none() {
            return (c, Ok(rust));
        }
        from = next;
    }
    panic!("the steps do not end");
}

/// Makes a change by the calls of both languages. The outcomes must be equal.
fn change_both<F: Calls>(in_c: *mut groupscan_table, in_rust: &GroupTable, change: &Change) {
    let protocol_of = |number: u8| u32::from(number);
    let all = |protocol: u8, numbers: &[Numbers]| -> Vec<Membership<F>> {
        let one = |&(g, s, i, f): &Numbers| membership(g, s, i, protocol, f);
        numbers.iter().map(one).collect()
    };
    let on = |interface: u8| membership::<F>(0, 0, interface, 0, 0).interface;
    let commit = |change: &dyn Fn(&mut WriteTxn<'_>) -> Result<usize, WriteError>| -> Outcome {
        let mut txn = in_rust.begin_write();
        let changed = change(&mut txn).map_err(refused)?;
        Ok((txn.commit().number(), changed))
    };
    let (c, rust) = match change {
        Change::Join { protocol, memberships } => {
            let all = all(*protocol, memberships);
            let c = F::change(in_c, true, protocol_of(*protocol), &all);
            (c, commit(&|txn| all.iter().map(|m| txn.join(m).map(usize::from)).sum()))
        }
        Change::Leave { protocol, memberships } => {
            let all = all(*protocol, memberships);
            let c = F::change(in_c, false, protocol_of(*protocol), &all);
            (c, commit(&|txn| all.iter().map(|m| txn.leave(m).map(usize::from)).sum()))
        }
        Change::Update { protocol, leaves, joins } => {
            let (leaves, joins) = (all(*protocol, leaves), all(*protocol, joins));
            let c = F::update(in_c, protocol_of(*protocol), &leaves, &joins);
            let rust = commit(&|txn| {
                let left = leaves.iter().map(|m| txn.leave(m).map(usize::from));
                let left: usize = left.sum::<Result<_, _>>()?;
                let joined = joins.iter().map(|m| txn.join(m).map(usize::from));
                Ok(left + joined.sum::<Result<usize, _>>()?)
            });
            (c, rust)
        }
        Change::LeaveAll { protocol, interface } => {
            let (protocol, on) = (protocol_of(*protocol), on(*interface));
            let c = F::leave_all(in_c, protocol, on);
            (c, commit(&|txn| txn.leave_all(on, Protocol::new(protocol))))
        }
        Change::LeaveEverywhere { protocol } => {
            let protocol = protocol_of(*protocol);
            let c = F::leave_everywhere(in_c, protocol);
            let rust = in_rust.leave_everywhere::<F>(Protocol::new(protocol)).map_err(refused);
            (c, rust.map(|Committed { version, changed }| (version.number(), changed)))
        }
        Change::ReplaceInSteps { protocol, interface, joins, flags, most } => {
            let (protocol, on) = (protocol_of(*protocol), on(*interface));
            let most = usize::from(*most).max(1);
            let joins: BTreeSet<Join<F>> =
                joins.iter().map(|&(g, s)| Join::new(F::small(g), F::small(s))).collect();
            let joins: Vec<Join<F>> = joins.into_iter().collect();
            let member_flags = membership::<F>(0, 0, 0, 0, *flags).flags;
            let bits = u32::from(member_flags.bits());
            let (flags, bits) = match flags / 3 % 2 {
                0 => (ReplacedFlags::Set(member_flags), bits),
                _ => (ReplacedFlags::Add(member_flags), bits | GROUPSCAN_KEEP_FLAGS),
            };
            in_steps(
                |place| F::replace_step(in_c, protocol, on, &joins, (bits, most), place),
                |from| {
                    let mut txn = in_rust.begin_write();
                    let protocol = Protocol::new(protocol);
                    let step = txn.replace_step(on, protocol, &joins, flags, from, most);
                    let Step { changed, next } = step.map_err(refused)?;
                    Ok(((txn.commit().number(), changed), next))
                },
            )
        }
        Change::LeaveEverywhereInSteps { protocol, most } => {
            let (protocol, most) = (protocol_of(*protocol), usize::from(*most).max(1));
            in_steps(
                |place| F::leave_everywhere_step(in_c, protocol, most, place),
                |from| {
                    let mut txn = in_rust.begin_write();
                    let protocol = Protocol::new(protocol);
                    let step = txn.leave_everywhere_step::<F>(protocol, from, most);
                    let Step { changed, next } = step.map_err(refused)?;
                    Ok(((txn.commit().number(), changed), next))
                },
            )
        }
        Change::Replace { protocol, interface, joins, sorted } => {
            let (protocol, on) = (protocol_of(*protocol), on(*interface));
            let mut joins: Vec<Join<F>> =
                joins.iter().map(|&(g, s)| Join::new(F::small(g), F::small(s))).collect();
            if *sorted {
                joins.sort();
                joins.dedup();
            }
            let c = F::replace(in_c, protocol, on, &joins);
            (c, commit(&|txn| txn.replace(on, Protocol::new(protocol), &joins)))
        }
    };
    assert_eq!(c, rust, "{change:?}");
}

/// All records of an enumeration, through buffers of `buffer_bytes` bytes. Ends the enumeration.
fn records(enumeration: *mut groupscan_enumeration, buffer_bytes: usize, record: usize) -> Vec<u8> {
    let mut records = Vec::new();
    let mut buffer = vec![0u8; buffer_bytes];
    loop {
        let mut more = true;
        let place = buffer.as_mut_ptr().cast();
        // SAFETY: the enumeration exists, and the buffer has `buffer_bytes` bytes.
        let count = ok(|count| unsafe {
            groupscan_enumeration_next(enumeration, place, buffer_bytes, count, &mut more)
        });
        records.extend_from_slice(&buffer[..count * record]);
        if !more {
            break;
        }
    }
    // SAFETY: it is destroyed once, and not used later.
    unsafe { groupscan_enumeration_destroy(enumeration) };
    records
}

/// Compares enumerations: whole, from the middle, and in parts.
fn compare_enumerations<F: Calls, K: Kind>(
    in_c: impl Fn() -> *mut groupscan_enumeration,
    in_rust: impl Fn() -> Enumeration<F, K>,
) {
    let record = size_of::<K::Record<F>>();
    let all = |enumeration: Enumeration<F, K>| -> Vec<u8> {
        let mut buffer = vec![0; (enumeration.remaining() + 1) * record];
        bytemuck::cast_slice(enumeration.get_next(&mut buffer).unwrap().entries()).to_vec()
    };
    let expected = all(in_rust());
    for buffer_bytes in [record, 5 * record + 3, 4096] {
        assert_eq!(records(in_c(), buffer_bytes, record), expected);
    }

    // One half, then the other by another enumeration from that position.
    let (half, rust) = (in_c(), in_rust());
    let mut buffer = vec![0; (expected.len() / record / 2).max(1) * record];
    rust.get_next(&mut buffer).unwrap();
    let (place, bytes) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the enumeration exists, the buffer has `bytes` bytes, and `more` may be null.
    ok(|count| unsafe { groupscan_enumeration_next(half, place, bytes, count, ptr::null_mut()) });
    let mut exact = false;
    // SAFETY: the enumeration exists.
    let remaining = ok(|place| unsafe { groupscan_enumeration_remaining(half, place, &mut exact) });
    assert_eq!((remaining, exact), (rust.remaining(), rust.is_exact() || remaining == 0));
    // SAFETY: the enumeration exists.
    let position = ok(|place| unsafe { groupscan_enumeration_position(half, place) });
    let resumed = in_c();
    // SAFETY: the enumeration exists, and no other thread uses it.
    let status = unsafe { groupscan_enumeration_resume_after(resumed, &position) };
    assert_eq!(status, GROUPSCAN_OK);
    let expected = match rust.position() {
        Some(position) => all(in_rust().resume_after(position)),
        None => all(in_rust()),
    };
    assert_eq!(records(resumed, 4096, record), expected);

    // The other half in parts.
    let mut parts = [ptr::null_mut(); 3];
    // SAFETY: the enumeration exists, and the array has three elements.
    let status = unsafe { groupscan_enumeration_split(half, parts.as_mut_ptr(), 3) };
    assert_eq!(status, GROUPSCAN_OK);
    for (part, rust) in parts.into_iter().zip(rust.split(3)) {
        assert_eq!(records(part, 4096, record), all(rust));
    }
    // SAFETY: it is destroyed once, and not used later.
    unsafe { groupscan_enumeration_destroy(half) };
}

/// Compares the steps of all walks: from the first element to the last, and behind keys that may not exist.
fn compare_steps<F: Calls>(in_c: *const groupscan_snapshot, in_rust: FamilySnapshot<'_, F>) {
    // A walk that does not end is too long.
    fn walk<T: Copy>(next: impl Fn(Option<T>) -> Option<T>) -> Vec<T> {
        iter::successors(next(None), |last| next(Some(*last))).take(MOST_STEPS).collect()
    }
    let keys = (0..9).map(|number| membership::<F>(0, 0, number, 0, 0).interface);
    assert!(in_rust.interfaces().eq(walk(|after| F::next_interface(in_c, after))));
    for key in keys.clone() {
        let next = in_rust.interfaces().after(key).next();
        assert_eq!(F::next_interface(in_c, Some(key)), next, "{key}");
    }
    let joins = [(0, 0), (7, 5), (30, 30)].map(|(g, s)| Join::new(F::small(g), F::small(s)));
    for join in in_rust.join_at(in_rust.len() / 2).into_iter().chain(joins) {
        assert!(in_rust.outgoing(join).eq(walk(|after| F::next_outgoing(in_c, join, after))));
        for key in keys.clone() {
            let next = in_rust.outgoing(join).after(key).next();
            assert_eq!(F::next_outgoing(in_c, join, Some(key)), next, "{join} {key}");
        }
    }
    for order in ORDERS {
        let all = || in_rust.all_memberships(order);
        assert!(all().eq(walk(|after| F::next_membership(in_c, order, after))), "{order:?}");
        for (group, source, interface) in [(0, 0, 0), (7, 5, 1), (30, 30, 2), (59, 59, 5)] {
            let key = membership(group, source, interface, 1, 0);
            let next = all().after(&key).next();
            assert_eq!(F::next_membership(in_c, order, Some(key)), next, "{order:?} {key}");
        }
    }
}

/// Compares the results of all calls on snapshots of both languages, with some of the filters.
fn compare<F: Calls>(in_c: *const groupscan_snapshot, in_rust: &Snapshot, narrowed: &Range<usize>) {
    // SAFETY: the snapshot exists.
    let info = ok(|place: *mut groupscan_snapshot_info| unsafe {
        groupscan_snapshot_get_info(in_c, place, size_of::<groupscan_snapshot_info>())
    });
    assert_eq!(info.version, in_rust.version().number());
    let counts = |stats: groupscan_family_stats| (stats.joins, stats.memberships, stats.interfaces);
    let (ipv4, ipv6) = (in_rust.ipv4(), in_rust.ipv6());
    let expected = [
        (ipv4.len(), ipv4.membership_count(), ipv4.interface_count()),
        (ipv6.len(), ipv6.membership_count(), ipv6.interface_count()),
    ];
    assert_eq!([counts(info.ipv4), counts(info.ipv6)], expected);
    let in_rust = in_rust.of::<F>();
    let keys = in_rust.join_keys(Prefix::ALL).flatten();
    let keys: Vec<Join<F>> = keys.map(|key| Join::new(key.group(), key.source())).collect();
    assert_eq!(F::keys(in_c), keys);
    for (group, source) in [(0, 0), (1, 0), (7, 5), (30, 30), (59, 59), (60, 0)] {
        let join = Join::new(F::small(group), F::small(source));
        let expected =
            (in_rust.contains(join), in_rust.rank(join), in_rust.outgoing(join).collect());
        assert_eq!(F::ask(in_c, join), expected);
        let mut records = Vec::new();
        for membership in in_rust.memberships(join.group) {
            records.extend_from_slice(bytemuck::bytes_of(&membership.to_entry()));
        }
        assert_eq!(F::memberships(in_c, join.group), records);
    }
    assert_eq!(F::interfaces(in_c), in_rust.interfaces().collect::<Vec<_>>());
    compare_steps(in_c, in_rust);
    let prefix = |number, length| {
        let mut length = length;
        loop {
            // A prefix of `length` bits, or if the address has bits beyond them, the next longer one.
            if let Ok(prefix) = Prefix::new(F::small(number), length) {
                return prefix;
            }
            length += 1;
        }
    };
    let on = |interface| membership::<F>(0, 0, interface, 0, 0).interface;
    let filters: [_; FILTERS] = [
        Filter::all(),
        Filter::all().with_groups(prefix(32, 8)),
        Filter::all().with_sources(prefix(16, 8)),
        Filter::all().with_interface(on(2)),
        Filter::all().with_interface(on(3)).with_groups(prefix(32, 8)).with_sources(prefix(48, 8)),
    ];
    for filter in filters.into_iter().take(narrowed.end).skip(narrowed.start) {
        for view in View::ALL {
            compare_enumerations(
                || F::enumerate(in_c, view, filter),
                || in_rust.enumerate(view, filter),
            );
        }
        for interface in [0, 3, 7] {
            compare_enumerations(
                || F::enumerate_memberships(in_c, on(interface), filter),
                || in_rust.enumerate_memberships(on(interface), filter),
            );
        }
        for order in ORDERS {
            compare_enumerations(
                || F::enumerate_all_memberships(in_c, order, filter),
                || in_rust.enumerate_all_memberships(order, filter),
            );
        }
    }
}

/// Makes changes, each of IPv4 if its flag is set and else of IPv6, and compares snapshots of some versions,
/// with some of the filters.
pub fn run(changes: Vec<(bool, Change)>, narrowed: Range<usize>) {
    // SAFETY: options may be null.
    let in_c = ok(|table| unsafe { groupscan_table_create(ptr::null(), table) });
    let in_rust = GroupTable::new();
    let mut held = Vec::new();
    for (is_v4, change) in changes {
        match is_v4 {
            true => change_both::<V4>(in_c, &in_rust, &change),
            false => change_both::<V6>(in_c, &in_rust, &change),
        }
        // SAFETY: the table exists.
        let snapshot = ok(|place| unsafe { groupscan_table_snapshot(in_c, place) });
        // SAFETY: the snapshot exists.
        let clone = ok(|place| unsafe { groupscan_snapshot_clone(snapshot, place) });
        // SAFETY: it is destroyed once, and its clone does not need it.
        unsafe { groupscan_snapshot_destroy(snapshot) };
        held.push((clone, in_rust.snapshot().unwrap()));
        if held.len() > 3 {
            let (snapshot, _) = held.remove(1);
            // SAFETY: it is destroyed once, and not used later.
            unsafe { groupscan_snapshot_destroy(snapshot) };
        }
    }
    // SAFETY: it is destroyed once, and its snapshots do not need it.
    unsafe { groupscan_table_destroy(in_c) };
    for (snapshot, in_rust) in held {
        compare::<V4>(snapshot, &in_rust, &narrowed);
        compare::<V6>(snapshot, &in_rust, &narrowed);
        // SAFETY: it is destroyed once, and not used later.
        unsafe { groupscan_snapshot_destroy(snapshot) };
    }
}
