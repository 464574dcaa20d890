//! Views and filters that skip joins, and the joins of one interface.

use std::hint::black_box;

use groupscan::{
    Enumeration, Family, Filter, GroupTable, Interface, Membership, Prefix, Protocol, SimdLevel,
    V6, View,
};

use crate::enumerating::{huge, read};
use crate::rounds::{Asked, alternate, per_call};
use crate::support::table;

/// The joins of the tables.
const JOINS: usize = 64 << 10;

/// The size of the pages.
const PAGE_BYTES: usize = 16 << 10;

pub(crate) fn ask(asked: &Asked) {
    let name = "joins of one interface / all sources, 65536 joins";
    asked.ask(name, || one_interface(name));
    for level in SimdLevel::available().skip(1) {
        let name = format!("IPv6 any-source view / portable, 65536 joins, {level}");
        let all = Filter::all();
        asked.ask(&name, || ipv6(&name, level, View::AnySource, all));
        let name = format!("IPv6 sources of a prefix / portable, 65536 joins, {level}");
        let sources: Prefix<V6> = "2001:db8::/34".parse().expect("a prefix");
        asked.ask(&name, || ipv6(&name, level, View::AllSources, all.with_sources(sources)));
    }
}

/// The joins of the one interface that the table has. The other side enumerates the same records without the
/// filter.
fn one_interface(name: &str) {
    let table = table(JOINS);
    let snapshot = table.snapshot().expect("few versions live");
    let filter = Filter::all().with_interface(Interface::new(1));
    let (mut buffer, mut other_buffer) = (huge(&[0; PAGE_BYTES]), huge(&[0; PAGE_BYTES]));
    let stream = |filter, buffer: &mut [u8]| {
        let enumeration = snapshot.ipv4().enumerate(View::AllSources, filter);
        let mut records = 0;
        read(&enumeration, buffer, |page| records += black_box(page).len() / 16);
        assert_eq!(records, JOINS);
    };
    alternate(
        name,
        "ns a record",
        per_call(JOINS, || stream(filter, buffer.bytes_mut())),
        per_call(JOINS, || stream(Filter::all(), other_buffer.bytes_mut())),
    );
}

/// Groups of four joins: one from any source, and three from sources of which the first is in the prefix.
fn ipv6_table() -> GroupTable {
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for number in 0..JOINS as u128 {
        // Numbers in another order than that of the keys.
        let number = number * 7919 % JOINS as u128;
        let group = V6::from_bits((0xff3e << 112) | (number / 4));
        let source = match number % 4 {
            0 => V6::UNSPECIFIED,
            host => V6::from_bits((0x2001_0db8 << 96) | ((host - 1) << 94) | host),
        };
        let lan = Interface::new(1);
        let membership = Membership::source_specific(group, source, lan, Protocol::MLD);
        txn.join(&membership).expect("memory");
    }
    txn.commit();
    table
}

/// A view of the table. The other side uses no vector instructions.
fn ipv6(name: &str, level: SimdLevel, view: View, filter: Filter<V6>) {
    let snapshot = ipv6_table().snapshot().expect("few versions live");
    let (mut buffer, mut other_buffer) = (huge(&[0; PAGE_BYTES]), huge(&[0; PAGE_BYTES]));
    let stream = |level, buffer: &mut [u8]| {
        let enumeration = snapshot.ipv6().enumerate(view, filter).with_simd_level(level);
        count(&enumeration, buffer)
    };
    let shown = stream(level, buffer.bytes_mut());
    assert_eq!((shown, shown), (JOINS / 4, stream(SimdLevel::PORTABLE, other_buffer.bytes_mut())));
    alternate(
        name,
        "ns a join",
        per_call(JOINS, || _ = black_box(stream(level, buffer.bytes_mut()))),
        per_call(JOINS, || _ = black_box(stream(SimdLevel::PORTABLE, other_buffer.bytes_mut()))),
    );
}

/// The number of records.
fn count<F: Family>(enumeration: &Enumeration<F>, buffer: &mut [u8]) -> usize {
    let mut records = 0;
    loop {
        let batch = enumeration.get_next(buffer).expect("the buffer takes a record");
        records += black_box(batch.entries()).len();
        if !batch.more() {
            return records;
        }
    }
}
