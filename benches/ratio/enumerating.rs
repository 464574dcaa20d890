//! Enumerating a table, against copying its records.

use std::hint::black_box;

use bytemuck::cast_slice;
use groupscan::{Enumeration, Filter, Snapshot, V4, View};

use crate::pages::HugeBytes;
use crate::rounds::{Asked, alternate, per_call};
use crate::support::{SIZES, records, table};

pub(crate) fn ask(asked: &Asked) {
    for page_bytes in [16 << 10, 64 << 10] {
        for joins in SIZES {
            let name = format!("all sources / copy, {joins} joins, {page_bytes} bytes a call");
            asked.ask(&name, || all_sources_against_copy(&name, joins, page_bytes));
        }
    }
}

/// Streams a table through a buffer; the competitor copies the same records, ready-made in one
/// array on huge pages, page by page into the same buffer.
fn all_sources_against_copy(name: &str, joins: usize, page_bytes: usize) {
    let snapshot = table(joins).snapshot().expect("few versions live");
    let expected = records(&snapshot);
    assert_eq!(expected.len(), joins);
    assert!(expected.is_sorted_by_key(|entry| (entry.group(), entry.source())));
    let ready = huge(cast_slice(&expected));
    let mut buffer = huge(&vec![0; page_bytes]);
    let mut other_buffer = huge(&vec![0; page_bytes]);

    // Checked once before it is timed: both sides put the same bytes into their buffers.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    stream(&snapshot, buffer.bytes_mut(), |page| ours.extend_from_slice(page));
    copy(ready.bytes(), other_buffer.bytes_mut(), |page| theirs.extend_from_slice(page));
    assert!(ours == theirs && ours == cast_slice::<_, u8>(&expected));

    alternate(
        name,
        "ns a record",
        per_call(joins, || stream(&snapshot, buffer.bytes_mut(), |page| _ = black_box(page))),
        per_call(joins, || {
            copy(ready.bytes(), other_buffer.bytes_mut(), |page| _ = black_box(page))
        }),
    );
}

/// A copy on huge pages.
fn huge(bytes: &[u8]) -> HugeBytes {
    HugeBytes::copy_of(bytes).expect("enough memory")
}

/// A whole enumeration through a buffer.
fn stream(snapshot: &Snapshot, buffer: &mut [u8], mut page: impl FnMut(&[u8])) {
    let enumeration: Enumeration<V4> = snapshot.enumerate(View::AllSources, Filter::all());
    loop {
        let batch = enumeration.get_next(buffer).expect("the buffer takes a record");
        page(cast_slice(batch.entries()));
        if !batch.more() {
            return;
        }
    }
}

/// The same by copying.
fn copy(ready: &[u8], buffer: &mut [u8], mut page: impl FnMut(&[u8])) {
    for records in ready.chunks(buffer.len()) {
        let place = &mut buffer[..records.len()];
        place.copy_from_slice(records);
        page(place);
    }
}
