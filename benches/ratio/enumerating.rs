//! Packing records, against copies of ready-made records and against a scalar loop.

use std::hint::black_box;

use bytemuck::{cast_slice, cast_slice_mut};
use groupscan::{Enumeration, Filter, Prefix, SimdLevel, Snapshot, SourceGroupEntry, V4, View};

use crate::pages::HugeBytes;
use crate::rounds::{Asked, alternate, per_call};
use crate::support::{SIZES, records, table};

pub(crate) fn ask(asked: &Asked) {
    for joins in SIZES {
        for is_compacted in [false, true] {
            all_sources(asked, joins, is_compacted);
        }
    }
    for level in SimdLevel::available() {
        let name = format!("one per group / scalar loop, 1048576 joins, {level}");
        asked.ask(&name, || one_per_group_against_scalar(&name, level));
    }
}

/// Asks for tables of `joins` joins, compacted or as random inserts leave them.
fn all_sources(asked: &Asked, joins: usize, is_compacted: bool) {
    let compacted = if is_compacted { " compacted" } else { "" };
    let name = |level: SimdLevel, page_bytes| {
        format!("all sources / copy, {joins} joins{compacted}, {page_bytes} bytes a call, {level}")
    };
    let pages = [16 << 10, 64 << 10];
    let questions =
        pages.iter().flat_map(|page| SimdLevel::available().map(move |level| (level, *page)));
    let wanted: Vec<_> =
        questions.filter(|(level, page)| asked.wants(&name(*level, *page))).collect();
    if wanted.is_empty() {
        return;
    }
    let table = table(joins);
    if is_compacted {
        table.compact().expect("memory");
    }
    let snapshot = table.snapshot().expect("few versions live");
    let expected = records(&snapshot);
    assert_eq!(expected.len(), joins);
    assert!(expected.is_sorted_by_key(|entry| (entry.group(), entry.source())));
    let ready = huge(cast_slice(&expected));
    drop(expected);
    for (level, page_bytes) in wanted {
        let name = name(level, page_bytes);
        all_sources_against_copy(&name, &snapshot, level, &ready, page_bytes);
    }
}

/// Streams a table through a buffer. The other side copies the same records, ready-made in one array on
/// huge pages, page by page into the same buffer.
fn all_sources_against_copy(
    name: &str,
    snapshot: &Snapshot,
    level: SimdLevel,
    ready: &HugeBytes,
    page_bytes: usize,
) {
    let mut buffer = huge(&vec![0; page_bytes]);
    let mut other_buffer = huge(&vec![0; page_bytes]);
    let view = View::AllSources;

    // Checked once before the timing: both sides write the same bytes.
    let (mut ours, mut theirs) = (ready.bytes(), ready.bytes());
    stream(snapshot, view, level, buffer.bytes_mut(), |page| ours = strip(ours, page));
    copy(ready.bytes(), other_buffer.bytes_mut(), |page| theirs = strip(theirs, page));
    assert!(ours.is_empty() && theirs.is_empty());

    let joins = snapshot.ipv4().len();
    let looked_at = |page: &[u8]| _ = black_box(page);
    alternate(
        name,
        "ns a record",
        per_call(joins, || stream(snapshot, view, level, buffer.bytes_mut(), looked_at)),
        per_call(joins, || copy(ready.bytes(), other_buffer.bytes_mut(), looked_at)),
    );
}

/// Streams the lowest source of each group. The other side looks at the same keys one by one.
fn one_per_group_against_scalar(name: &str, level: SimdLevel) {
    let snapshot = table(1 << 20).snapshot().expect("few versions live");
    let mut buffer = huge(&[0; 64 << 10]);
    let mut other_buffer = huge(&[0; 64 << 10]);
    let view = View::OnePerGroup;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    stream(&snapshot, view, level, buffer.bytes_mut(), |page| ours.extend_from_slice(page));
    one_per_group_scalar(&snapshot, other_buffer.bytes_mut(), |page| {
        theirs.extend_from_slice(page)
    });
    assert!(ours == theirs && ours.len() == (1 << 18) * Enumeration::<V4>::ENTRY_BYTES);

    let looked_at = |page: &[u8]| _ = black_box(page);
    alternate(
        name,
        "ns a join",
        per_call(1 << 20, || stream(&snapshot, view, level, buffer.bytes_mut(), looked_at)),
        per_call(1 << 20, || one_per_group_scalar(&snapshot, other_buffer.bytes_mut(), looked_at)),
    );
}

/// The fixed scalar loop that the one-per-group view is compared with. It visits the keys in the nodes
/// one by one. It does not change when the kernels do.
fn one_per_group_scalar(snapshot: &Snapshot, buffer: &mut [u8], mut page: impl FnMut(&[u8])) {
    let places: &mut [SourceGroupEntry] = cast_slice_mut(buffer);
    let (mut filled, mut shown) = (0, None);
    for keys in snapshot.ipv4().join_keys(Prefix::<V4>::ALL) {
        for key in keys {
            let (group, source) = ((key.to_bits() >> 32) as u32, key.to_bits() as u32);
            if source == 0 || shown == Some(group) {
                continue;
            }
            shown = Some(group);
            if filled == places.len() {
                page(cast_slice(places));
                filled = 0;
            }
            places[filled] = SourceGroupEntry::new(V4::from_bits(group), V4::from_bits(source));
            filled += 1;
        }
    }
    page(cast_slice(&places[..filled]));
}

/// The bytes after a page that they must begin with.
fn strip<'b>(bytes: &'b [u8], page: &[u8]) -> &'b [u8] {
    bytes.strip_prefix(page).expect("the records of the table")
}

/// A copy on huge pages.
pub(crate) fn huge(bytes: &[u8]) -> HugeBytes {
    HugeBytes::copy_of(bytes).expect("enough memory")
}

/// A whole enumeration through a buffer.
pub(crate) fn stream(
    snapshot: &Snapshot,
    view: View,
    level: SimdLevel,
    buffer: &mut [u8],
    page: impl FnMut(&[u8]),
) {
    read(&snapshot.ipv4().enumerate(view, Filter::all()).with_simd_level(level), buffer, page);
}

/// The rest of an enumeration through a buffer.
pub(crate) fn read(enumeration: &Enumeration<V4>, buffer: &mut [u8], mut page: impl FnMut(&[u8])) {
    loop {
        let batch = enumeration.get_next(buffer).expect("the buffer takes a record");
        page(cast_slice(batch.entries()));
        if !batch.more() {
            return;
        }
    }
}

/// The same by copies.
fn copy(ready: &[u8], buffer: &mut [u8], mut page: impl FnMut(&[u8])) {
    for records in ready.chunks(buffer.len()) {
        let place = &mut buffer[..records.len()];
        place.copy_from_slice(records);
        page(place);
    }
}
