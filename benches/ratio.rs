//! How much faster we are than the alternatives: every ratio that the project claims is printed
//! here.
//!
//! The two sides of a question alternate, round by round, in one process, because the speed of a
//! machine drifts by more than many an effect. A round lasts 10 ms or more. Printed are the ratio of
//! the medians, competitor's time over ours, and the quartiles of the rounds' own ratios: above 1
//! we are faster.
//!
//! Run with `cargo bench --bench ratio`; `cargo bench --bench ratio -- PART` asks only the questions
//! whose names have PART in them.

mod pages;
mod support;

use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytemuck::cast_slice;
use groupscan::{Enumeration, Filter, V4, View};
use pages::HugeBytes;
use support::{SIZES, records, table};

/// The least duration of a round.
const ROUND: Duration = Duration::from_millis(10);

/// The number of rounds of each side.
const ROUNDS: usize = 31;

fn main() {
    let wanted = env::args().skip(1).find(|argument| !argument.starts_with('-'));
    println!("{:<60} {:>6}   quartiles      ours, competitor (ns a record)", "question", "ratio");
    for page_bytes in [16 << 10, 64 << 10] {
        for joins in SIZES {
            let name = format!("all sources / copy, {joins} joins, {page_bytes} bytes a call");
            if wanted.as_ref().is_none_or(|part| name.contains(part.as_str())) {
                all_sources_against_copy(&name, joins, page_bytes);
            }
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
    let ready = HugeBytes::copy_of(cast_slice(&expected));
    let mut buffer = HugeBytes::copy_of(&vec![0; page_bytes]);
    let mut other_buffer = HugeBytes::copy_of(&vec![0; page_bytes]);

    // Checked once before it is timed: both sides put the same bytes into their buffers.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    stream(&snapshot, buffer.bytes_mut(), |page| ours.extend_from_slice(page));
    copy(ready.bytes(), other_buffer.bytes_mut(), |page| theirs.extend_from_slice(page));
    assert!(ours == theirs && ours == cast_slice::<_, u8>(&expected));

    alternate(
        name,
        joins,
        || stream(&snapshot, buffer.bytes_mut(), |page| _ = black_box(page)),
        || copy(ready.bytes(), other_buffer.bytes_mut(), |page| _ = black_box(page)),
    );
}

/// A whole enumeration through a buffer.
fn stream(snapshot: &groupscan::Snapshot, buffer: &mut [u8], mut page: impl FnMut(&[u8])) {
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

/// Times both sides in alternating rounds and prints their ratio. Each call of a side handles so
/// many records.
fn alternate(name: &str, records: usize, mut ours: impl FnMut(), mut theirs: impl FnMut()) {
    let (our_calls, their_calls) = (calls_a_round(&mut ours), calls_a_round(&mut theirs));
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| (nanos_a_call(our_calls, &mut ours), nanos_a_call(their_calls, &mut theirs)))
        .collect();
    let mut sorted_by = |key: fn(&(f64, f64)) -> f64, quarter: usize| {
        rounds.sort_by(|a, b| key(a).total_cmp(&key(b)));
        key(&rounds[(ROUNDS - 1) * quarter / 4])
    };
    let (ours, theirs) = (sorted_by(|round| round.0, 2), sorted_by(|round| round.1, 2));
    let ratio = |round: &(f64, f64)| round.1 / round.0;
    let (low, high) = (sorted_by(ratio, 1), sorted_by(ratio, 3));
    let [our_nanos, their_nanos] = [ours, theirs].map(|nanos| nanos / records as f64);
    println!(
        "{name:<60} {:>6.2}   {low:.2} to {high:.2}   {our_nanos:.3}, {their_nanos:.3}",
        theirs / ours
    );
}

/// How many calls make a round.
fn calls_a_round(side: &mut impl FnMut()) -> u32 {
    let mut calls = 1;
    while nanos_a_call(calls, side) * f64::from(calls) < ROUND.as_nanos() as f64 {
        calls *= 2;
    }
    calls
}

fn nanos_a_call(calls: u32, side: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        side();
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}
