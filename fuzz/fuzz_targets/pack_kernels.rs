//! Joins, a view, a filter, page sizes and offsets from the input: every kernel packs the same bytes as the
//! portable one, and writes nothing else. All memberships are packed as they are walked one by one.

#![cfg_attr(fuzzing, no_main)]

use arbitrary::Arbitrary;
use groupscan::{
    Enumeration, Family, Filter, GetNextError, GroupTable, Interface, Kind, Membership,
    MembershipFlags, Prefix, Protocol, SimdLevel, V4, V6, View,
};
use groupscan_testing::model::ORDERS;

/// The greatest number of runs of memberships in an input, and the greatest length of a run.
const RUNS: usize = 40;
const RUN_LENGTH: u16 = 400;

/// The bytes around the buffers, which must not change.
const CANARY: u8 = 0xa5;

#[derive(Arbitrary, Debug)]
struct Input {
    ipv6: bool,
    runs: Vec<Run>,
    view: u8,
    group: Option<(u128, u8)>,
    source: Option<(u128, u8)>,
    on_interface: bool,
    /// The sizes of the pages, in turn, and their offsets.
    pages: Vec<(u16, u8)>,
}

/// Memberships whose groups and sources advance in steps.
#[derive(Arbitrary, Debug)]
struct Run {
    group: u128,
    source: u128,
    group_step: u8,
    source_step: u8,
    length: u16,
    protocol: u8,
    flags: u8,
    second_interface: bool,
}

groupscan_fuzz::target!(|input: Input| {
    if input.ipv6 {
        run(input, V6::from_bits);
    } else {
        run(input, |number| V4::from_bits(number as u32));
    }
});

fn run<F: Family>(input: Input, address: impl Fn(u128) -> F) {
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for run in input.runs.iter().take(RUNS) {
        let interface = Interface::new(1 + u32::from(run.second_interface));
        let flags = MembershipFlags::from_bits(run.flags % 3 + 1).expect("1 to 3 are flags");
        for step in 0..u128::from(run.length % RUN_LENGTH) {
            let group = address(run.group.wrapping_add(step * u128::from(run.group_step)));
            let source = address(run.source.wrapping_add(step * u128::from(run.source_step)));
            let protocol = Protocol::new(run.protocol.into());
            let membership = Membership::source_specific(group, source, interface, protocol);
            txn.join(&membership.with_flags(flags)).expect("there is memory");
        }
    }
    txn.commit();

    let prefix = |of: Option<(u128, u8)>| {
        let cut = |(number, length): (u128, u8)| {
            let length = length % (F::BITS + 1);
            let host_bits = u32::from(F::BITS - length);
            let network = number.checked_shr(host_bits).and_then(|n| n.checked_shl(host_bits));
            Prefix::new(address(network.unwrap_or(0)), length).ok()
        };
        of.and_then(cut).unwrap_or(Prefix::ALL)
    };
    let snapshot = table.snapshot().expect("one version is live");
    let snapshot = snapshot.of::<F>();
    let filter = Filter::all().with_groups(prefix(input.group)).with_sources(prefix(input.source));
    let interface = Interface::new(1);
    let memberships =
        |level| snapshot.enumerate_memberships(interface, filter).with_simd_level(level);
    let filter = if input.on_interface { filter.with_interface(interface) } else { filter };
    let view = View::ALL[usize::from(input.view) % View::ALL.len()];
    let joins = |level| snapshot.enumerate(view, filter).with_simd_level(level);

    let expected = pages(&joins(SimdLevel::PORTABLE), &input.pages);
    let expected_memberships = pages(&memberships(SimdLevel::PORTABLE), &input.pages);
    for level in SimdLevel::available() {
        assert!(pages(&joins(level), &input.pages) == expected, "{level}");
        assert!(pages(&memberships(level), &input.pages) == expected_memberships, "{level}");
    }
    for order in ORDERS {
        let packed = pages(&snapshot.enumerate_all_memberships(order, filter), &input.pages);
        let walked = snapshot.all_memberships(order).filter(|one| filter.admits(one.join()));
        let on = filter.interface();
        let walked = walked.filter(|one| on.is_none_or(|interface| one.interface == interface));
        assert!(packed.into_iter().eq(walked.map(|one| one.to_entry())), "{order:?}");
    }
}

/// The records of an enumeration, read through pages of the given sizes and then of one size.
fn pages<F: Family, K: Kind>(
    enumeration: &Enumeration<F, K>,
    sizes: &[(u16, u8)],
) -> Vec<K::Record<F>> {
    let record_bytes = size_of::<K::Record<F>>();
    let mut records = Vec::new();
    for (bytes, offset) in sizes.iter().copied().chain(std::iter::repeat((4000, 1))) {
        let (bytes, offset) = (usize::from(bytes), usize::from(offset));
        let mut memory = vec![CANARY; offset + bytes + 64];
        let more = match enumeration.get_next(&mut memory[offset..offset + bytes]) {
            Ok(batch) => {
                records.extend_from_slice(batch.entries());
                batch.more()
            }
            Err(GetNextError::BufferTooSmall { needed_bytes }) => {
                assert!(bytes < needed_bytes && needed_bytes == record_bytes);
                true
            }
            Err(error) => panic!("{error}"),
        };
        let end = offset + bytes / record_bytes * record_bytes;
        assert!(memory[..offset].iter().chain(&memory[end..]).all(|byte| *byte == CANARY));
        if !more {
            break;
        }
    }
    records
}
