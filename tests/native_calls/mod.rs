//! The calls of `groupscan.h` and of Rust, on the same changes: tables, snapshots and enumerations are the
//! same after each. A test and a fuzz target share it.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;

use bytemuck::Zeroable;
use groupscan::ffi::*;
use groupscan::{
    Enumeration, Filter, GroupTable, Interface, JoinKey, Kind, Membership, Prefix, Protocol,
    Snapshot, V4, V6, View, WriteError, WriteTxn,
};

#[path = "../common/mod.rs"]
mod common;

use common::{Small, VIEWS, membership};

/// How many filters there are to narrow enumerations by.
pub(crate) const FILTERS: usize = 5;

/// A change of many memberships. The numbers are those of `membership`.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Join { protocol: u8, memberships: Vec<Numbers> },
    Leave { protocol: u8, memberships: Vec<Numbers> },
    Update { protocol: u8, leaves: Vec<Numbers>, joins: Vec<Numbers> },
    LeaveAll { protocol: u8, interface: u8 },
    Replace { protocol: u8, interface: u8, joins: Vec<(u8, u8)>, sorted: bool },
}

/// Group, source, interface, flags.
pub(crate) type Numbers = (u8, u8, u8, u8);

/// What a change came to: the number of the version, and how many memberships changed; or why and where
/// it was refused.
type Came = Result<(u64, usize), (groupscan_status, usize)>;

/// A family's calls.
trait Calls: Small {
    type Join: Copy;
    type Interface: Copy;

    fn join_out(group: Self, source: Self) -> Self::Join;
    fn interface_out(interface: Interface<Self>) -> Self::Interface;
    fn interface_back(interface: Self::Interface) -> Interface<Self>;

    /// Adds or removes memberships.
    fn change(
        table: *mut groupscan_table,
        joins: bool,
        protocol: u32,
        memberships: &[Membership<Self>],
    ) -> Came;
    /// Removes memberships and adds others.
    fn update(
        table: *mut groupscan_table,
        protocol: u32,
        leaves: &[Membership<Self>],
        joins: &[Membership<Self>],
    ) -> Came;
    fn leave_all(table: *mut groupscan_table, protocol: u32, on: Interface<Self>) -> Came;
    fn replace(
        table: *mut groupscan_table,
        protocol: u32,
        on: Interface<Self>,
        joins: &[(Self, Self)],
    ) -> Came;

    /// What `contains`, `rank` and `outgoing` say.
    fn ask(
        snapshot: *const groupscan_snapshot,
        group: Self,
        source: Self,
    ) -> (bool, usize, Vec<Interface<Self>>);
    fn keys(snapshot: *const groupscan_snapshot) -> Vec<(Self, Self)>;
    fn interfaces(snapshot: *const groupscan_snapshot) -> Vec<Interface<Self>>;

    /// The bytes of the records of a group's memberships.
    fn memberships(snapshot: *const groupscan_snapshot, group: Self) -> Vec<u8>;

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
}

/// What a change came to, by what it returned and where it said more.
fn came(call: impl FnOnce(*mut groupscan_outcome) -> groupscan_status) -> Came {
    let mut outcome = MaybeUninit::uninit();
    let status = call(outcome.as_mut_ptr());
    // SAFETY: a change always writes what came of it.
    let groupscan_outcome { version, changed, refused_at } = unsafe { outcome.assume_init() };
    if status == GROUPSCAN_OK {
        assert_eq!(refused_at, GROUPSCAN_NOWHERE);
        return Ok((version, changed));
    }
    assert_eq!((version, changed), (0, 0));
    Err((status, refused_at))
}

/// What a call gives, which must not be refused.
fn given<T>(call: impl FnOnce(*mut T) -> groupscan_status) -> T {
    let mut place = MaybeUninit::uninit();
    assert_eq!(call(place.as_mut_ptr()), GROUPSCAN_OK);
    // SAFETY: the call did what it says, so it has written its result.
    unsafe { place.assume_init() }
}

fn number_of(view: View) -> u32 {
    VIEWS.iter().position(|one| *one == view).unwrap() as u32
}

macro_rules! calls {
    (
        $family:ty, $join:ident, $interface:ident, $membership:ident, $prefix:ident, $filter:ident,
        $join_call:ident, $leave_call:ident, $leave_all_call:ident, $replace_call:ident,
        $update_call:ident, $contains_call:ident, $rank_call:ident, $outgoing_call:ident,
        $interfaces_call:ident, $group_call:ident, $record:ident, $keys_call:ident,
        $enumerate_call:ident, $memberships_call:ident, $key_back:expr
    ) => {
        impl Calls for $family {
            type Join = $join;
            type Interface = $interface;

            fn join_out(group: Self, source: Self) -> $join {
                $join { group: group.octets(), source: source.octets() }
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
            ) -> Came {
                let out: Vec<$membership> =
                    memberships.iter().map(membership_out!($membership)).collect();
                let (first, count) = (out.as_ptr(), out.len());
                let call = if joins { $join_call } else { $leave_call };
                // SAFETY: the table is there, and so many memberships.
                came(|outcome| unsafe { call(table, protocol, first, count, outcome) })
            }

            fn update(
                table: *mut groupscan_table,
                protocol: u32,
                leaves: &[Membership<Self>],
                joins: &[Membership<Self>],
            ) -> Came {
                let out = |memberships: &[Membership<Self>]| -> Vec<$membership> {
                    memberships.iter().map(membership_out!($membership)).collect()
                };
                let (leaves, joins) = (out(leaves), out(joins));
                let (left, joined) = (leaves.as_ptr(), joins.as_ptr());
                // SAFETY: the table is there, and so many memberships.
                came(|outcome| unsafe {
                    $update_call(table, protocol, left, leaves.len(), joined, joins.len(), outcome)
                })
            }

            fn leave_all(table: *mut groupscan_table, protocol: u32, on: Interface<Self>) -> Came {
                let on = Self::interface_out(on);
                // SAFETY: the table is there.
                came(|outcome| unsafe { $leave_all_call(table, protocol, &on, outcome) })
            }

            fn replace(
                table: *mut groupscan_table,
                protocol: u32,
                on: Interface<Self>,
                joins: &[(Self, Self)],
            ) -> Came {
                let on = Self::interface_out(on);
                let out: Vec<$join> = joins.iter().map(|(g, s)| Self::join_out(*g, *s)).collect();
                let (first, count) = (out.as_ptr(), out.len());
                // SAFETY: the table is there, and so many joins.
                came(|outcome| unsafe {
                    $replace_call(table, protocol, &on, first, count, outcome)
                })
            }

            fn ask(
                snapshot: *const groupscan_snapshot,
                group: Self,
                source: Self,
            ) -> (bool, usize, Vec<Interface<Self>>) {
                let join = Self::join_out(group, source);
                // SAFETY: the snapshot is there.
                let contains = given(|place| unsafe { $contains_call(snapshot, &join, place) });
                // SAFETY: the snapshot is there.
                let rank = given(|place| unsafe { $rank_call(snapshot, &join, place) });
                let mut interfaces = [$interface::zeroed(); 8];
                let first = interfaces.as_mut_ptr();
                let outgoing = $outgoing_call;
                // SAFETY: the snapshot is there, and there are eight places.
                let count = given(|place| unsafe { outgoing(snapshot, &join, first, 8, place) });
                let outgoing = interfaces[..count].iter().map(|i| Self::interface_back(*i));
                (contains, rank, outgoing.collect())
            }

            fn keys(snapshot: *const groupscan_snapshot) -> Vec<(Self, Self)> {
                let mut joins = Vec::new();
                loop {
                    let mut keys = ptr::null();
                    // SAFETY: the snapshot is there.
                    let count = given(|count| unsafe {
                        $keys_call(snapshot, joins.len(), &mut keys, count)
                    });
                    if count == 0 {
                        return joins;
                    }
                    // SAFETY: so many keys, and the snapshot is there.
                    let keys = unsafe { std::slice::from_raw_parts(keys, count) };
                    joins.extend(keys.iter().map($key_back));
                }
            }

            fn interfaces(snapshot: *const groupscan_snapshot) -> Vec<Interface<Self>> {
                let mut interfaces = [$interface::zeroed(); 8];
                let first = interfaces.as_mut_ptr();
                // SAFETY: the snapshot is there, and there are eight places.
                let count = given(|place| unsafe { $interfaces_call(snapshot, first, 8, place) });
                interfaces[..count].iter().map(|i| Self::interface_back(*i)).collect()
            }

            fn memberships(snapshot: *const groupscan_snapshot, group: Self) -> Vec<u8> {
                let group = group.octets();
                let mut count = 0;
                let (of, none) = (group.as_ptr(), ptr::null_mut());
                // SAFETY: the snapshot is there, and no places have none.
                let status = unsafe { $group_call(snapshot, of, none, 0, &mut count) };
                let too_small =
                    if count > 0 { GROUPSCAN_ERROR_BUFFER_TOO_SMALL } else { GROUPSCAN_OK };
                assert_eq!(status, too_small);
                let mut records = vec![$record::zeroed(); count];
                let (first, call) = (records.as_mut_ptr(), $group_call);
                // SAFETY: the snapshot is there, and there are so many places.
                let again = given(|place| unsafe { call(snapshot, of, first, count, place) });
                assert_eq!(again, count);
                bytemuck::cast_slice(&records).to_vec()
            }

            fn enumerate(
                snapshot: *const groupscan_snapshot,
                view: View,
                filter: Filter<Self>,
            ) -> *mut groupscan_enumeration {
                let (view, filter) = (number_of(view), filter_out!(filter, $filter, $prefix));
                // SAFETY: the snapshot is there.
                given(|place| unsafe { $enumerate_call(snapshot, view, &filter, place) })
            }

            fn enumerate_memberships(
                snapshot: *const groupscan_snapshot,
                interface: Interface<Self>,
                filter: Filter<Self>,
            ) -> *mut groupscan_enumeration {
                let interface = Self::interface_out(interface);
                let filter = filter_out!(filter, $filter, $prefix);
                // SAFETY: the snapshot is there.
                given(|place| unsafe { $memberships_call(snapshot, &interface, &filter, place) })
            }
        }
    };
}

/// What makes a membership as C has it, of the family that this stands in.
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

/// A filter as C has it.
macro_rules! filter_out {
    ($filter:expr, $out:ident, $prefix:ident) => {{
        let out = |prefix: Prefix<Self>| $prefix {
            address: prefix.first().octets(),
            length: prefix.length().into(),
        };
        let interface = $filter.interface_filter();
        let mut filtered = $out::zeroed();
        filtered.size = size_of::<$out>();
        (filtered.group, filtered.source) =
            (out($filter.group_prefix()), out($filter.source_prefix()));
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
    |key: &u64| (V4::from_bits((key >> 32) as u32), V4::from_bits(*key as u32))
);
calls!(
    V6,
    groupscan_join6,
    groupscan_interface6,
    groupscan_membership6,
    groupscan_prefix6,
    groupscan_filter6,
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
    |key: &groupscan_key6| {
        let address = |high: u64, low: u64| V6::from_bits(u128::from(high) << 64 | u128::from(low));
        let [a, b, c, d] = key.words;
        (address(a, b), address(c, d))
    }
);

fn refused(error: WriteError) -> (groupscan_status, usize) {
    match error {
        WriteError::NotAscending { at } => (GROUPSCAN_ERROR_NOT_ASCENDING, at),
        error => panic!("{error}"),
    }
}

/// Makes a change by both sides' calls, which must come to the same.
fn change_both<F: Calls>(in_c: *mut groupscan_table, in_rust: &GroupTable, change: &Change) {
    let protocol_of = |number: u8| u32::from(number);
    let all = |protocol: u8, numbers: &[Numbers]| -> Vec<Membership<F>> {
        let one = |&(g, s, i, f): &Numbers| membership(g, s, i, protocol, f);
        numbers.iter().map(one).collect()
    };
    let on = |interface: u8| membership::<F>(0, 0, interface, 0, 0).interface;
    let commit = |change: &dyn Fn(&mut WriteTxn<'_>) -> Result<usize, WriteError>| -> Came {
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
            (c, commit(&|txn| txn.leave_all(on, Protocol(protocol))))
        }
        Change::Replace { protocol, interface, joins, sorted } => {
            let (protocol, on) = (protocol_of(*protocol), on(*interface));
            let mut joins: Vec<(F, F)> =
                joins.iter().map(|&(g, s)| (F::small(g), F::small(s))).collect();
            if *sorted {
                joins.sort();
                joins.dedup();
            }
            let c = F::replace(in_c, protocol, on, &joins);
            (c, commit(&|txn| txn.replace(on, Protocol(protocol), &joins)))
        }
    };
    assert_eq!(c, rust, "{change:?}");
}

/// All records of an enumeration, through buffers of such a size, and ends it.
fn records(enumeration: *mut groupscan_enumeration, buffer_bytes: usize, record: usize) -> Vec<u8> {
    let mut records = Vec::new();
    let mut buffer = vec![0u8; buffer_bytes];
    loop {
        let mut more = true;
        let place = buffer.as_mut_ptr().cast();
        // SAFETY: the enumeration is there, and the buffer has so many bytes.
        let count = given(|count| unsafe {
            groupscan_enumeration_next(enumeration, place, buffer_bytes, count, &mut more)
        });
        records.extend_from_slice(&buffer[..count * record]);
        if !more {
            break;
        }
    }
    // SAFETY: it is ours, and ends here.
    unsafe { groupscan_enumeration_destroy(enumeration) };
    records
}

/// Compares enumerations: whole, from the middle on, and in parts.
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

    // Half of it, and the rest from there on, by another enumeration.
    let (half, rust) = (in_c(), in_rust());
    let mut buffer = vec![0; (expected.len() / record / 2).max(1) * record];
    rust.get_next(&mut buffer).unwrap();
    let (place, bytes) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the enumeration is there, and the buffer has so many bytes; there need not be a place
    // for whether there is more.
    given(|count| unsafe {
        groupscan_enumeration_next(half, place, bytes, count, ptr::null_mut())
    });
    let mut exact = false;
    // SAFETY: the enumeration is there.
    let remaining =
        given(|place| unsafe { groupscan_enumeration_remaining(half, place, &mut exact) });
    assert_eq!((remaining, exact), (rust.remaining(), rust.is_exact() || remaining == 0));
    // SAFETY: the enumeration is there.
    let position = given(|place| unsafe { groupscan_enumeration_position(half, place) });
    let resumed = in_c();
    // SAFETY: the enumeration is there, and nobody else's.
    let status = unsafe { groupscan_enumeration_resume_after(resumed, &position) };
    assert_eq!(status, GROUPSCAN_OK);
    let expected = match rust.position() {
        Some(position) => all(in_rust().resume_after(position)),
        None => all(in_rust()),
    };
    assert_eq!(records(resumed, 4096, record), expected);

    // The same rest in parts.
    let mut parts = [ptr::null_mut(); 3];
    // SAFETY: the enumeration is there, and three places.
    let status = unsafe { groupscan_enumeration_split(half, parts.as_mut_ptr(), 3) };
    assert_eq!(status, GROUPSCAN_OK);
    for (part, rust) in parts.into_iter().zip(rust.split(3)) {
        assert_eq!(records(part, 4096, record), all(rust));
    }
    // SAFETY: it is ours, and ends here.
    unsafe { groupscan_enumeration_destroy(half) };
}

/// The bytes of a membership's record.
fn record_bytes<F: Calls>(m: &Membership<F>) -> Vec<u8> {
    let (entry, on) = (F::entry(m.group, m.source), m.interface);
    let flags = m.flags.bits().into();
    let record = F::membership_entry(entry, on.index, on.next_hop, m.protocol.0, flags);
    bytemuck::bytes_of(&record).to_vec()
}

/// Compares all that snapshots of both sides answer, with some of the filters.
fn compare<F: Calls>(in_c: *const groupscan_snapshot, in_rust: &Snapshot, narrowed: &Range<usize>) {
    // SAFETY: the snapshot is there.
    let info = given(|place: *mut groupscan_snapshot_info| unsafe {
        groupscan_snapshot_get_info(in_c, place, size_of::<groupscan_snapshot_info>())
    });
    assert_eq!(info.version, in_rust.version().number());
    let counts = |stats: groupscan_family_stats| (stats.joins, stats.memberships, stats.interfaces);
    let expected = |len, memberships, interfaces| (len, memberships, interfaces);
    assert_eq!(
        [counts(info.ipv4), counts(info.ipv6)],
        [
            expected(
                in_rust.len::<V4>(),
                in_rust.membership_count::<V4>(),
                in_rust.interface_count::<V4>()
            ),
            expected(
                in_rust.len::<V6>(),
                in_rust.membership_count::<V6>(),
                in_rust.interface_count::<V6>()
            ),
        ]
    );
    let keys = in_rust.join_keys(Prefix::<F>::ALL).flatten();
    let keys: Vec<(F, F)> = keys.map(|key| (key.group(), key.source())).collect();
    assert_eq!(F::keys(in_c), keys);
    for (group, source) in [(0, 0), (1, 0), (7, 5), (30, 30), (59, 59), (60, 0)] {
        let (group, source) = (F::small(group), F::small(source));
        let answers = (
            in_rust.contains(group, source),
            in_rust.rank(group, source),
            in_rust.outgoing(group, source).collect(),
        );
        assert_eq!(F::ask(in_c, group, source), answers);
        let memberships = in_rust.memberships(group).flat_map(|m| record_bytes(&m));
        assert_eq!(F::memberships(in_c, group), memberships.collect::<Vec<u8>>());
    }
    assert_eq!(F::interfaces(in_c), in_rust.interfaces::<F>().collect::<Vec<_>>());
    let prefix = |number, length| {
        let mut length = length;
        loop {
            // The longest prefix of the address that is no longer, which has no bits beyond it.
            if let Ok(prefix) = Prefix::new(F::small(number), length) {
                return prefix;
            }
            length += 1;
        }
    };
    let on = |interface| membership::<F>(0, 0, interface, 0, 0).interface;
    let filters: [_; FILTERS] = [
        Filter::all(),
        Filter::all().group(prefix(32, 8)),
        Filter::all().source(prefix(16, 8)),
        Filter::all().interface(on(2)),
        Filter::all().interface(on(3)).group(prefix(32, 8)).source(prefix(48, 8)),
    ];
    for filter in filters.into_iter().take(narrowed.end).skip(narrowed.start) {
        for view in VIEWS {
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
    }
}

/// Makes changes, of IPv4 where it is said, and compares what snapshots of some versions show, with some
/// of the filters.
pub(crate) fn run(changes: Vec<(bool, Change)>, narrowed: Range<usize>) {
    // SAFETY: no options are the default ones.
    let in_c = given(|table| unsafe { groupscan_table_create(ptr::null(), table) });
    let in_rust = GroupTable::new();
    let mut held = Vec::new();
    for (is_v4, change) in changes {
        match is_v4 {
            true => change_both::<V4>(in_c, &in_rust, &change),
            false => change_both::<V6>(in_c, &in_rust, &change),
        }
        // SAFETY: the table is there.
        let snapshot = given(|place| unsafe { groupscan_table_snapshot(in_c, place) });
        // SAFETY: the snapshot is there.
        let clone = given(|place| unsafe { groupscan_snapshot_clone(snapshot, place) });
        // SAFETY: it is ours, and ends here; its clone needs it no longer.
        unsafe { groupscan_snapshot_destroy(snapshot) };
        held.push((clone, in_rust.snapshot().unwrap()));
        if held.len() > 3 {
            let (snapshot, _) = held.remove(1);
            // SAFETY: it is ours, and ends here.
            unsafe { groupscan_snapshot_destroy(snapshot) };
        }
    }
    // SAFETY: it is ours, and ends here; its snapshots need it no longer.
    unsafe { groupscan_table_destroy(in_c) };
    for (snapshot, in_rust) in held {
        compare::<V4>(snapshot, &in_rust, &narrowed);
        compare::<V6>(snapshot, &in_rust, &narrowed);
        // SAFETY: it is ours, and ends here.
        unsafe { groupscan_snapshot_destroy(snapshot) };
    }
}
