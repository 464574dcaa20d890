//! The time of `get_next` over a whole table.

mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use groupscan::{Enumeration, Filter, V4, View};
use support::{SIZES, records, table};

fn enumerate(criterion: &mut Criterion) {
    for joins in SIZES {
        let snapshot = table(joins).snapshot().expect("few versions live");
        assert_eq!(records(&snapshot).len(), joins);
        let mut group = criterion.benchmark_group(format!("all sources, {joins} joins"));
        group.throughput(Throughput::Bytes((joins * Enumeration::<V4>::ENTRY_BYTES) as u64));
        for page_bytes in [16 << 10, 64 << 10] {
            let mut buffer = vec![0; page_bytes];
            let id = BenchmarkId::from_parameter(format!("{page_bytes} bytes a call"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let enumeration =
                        snapshot.ipv4().enumerate(View::AllSources, Filter::<V4>::all());
                    while enumeration.get_next(black_box(&mut buffer)).is_ok_and(|b| b.more()) {}
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, enumerate);
criterion_main!(benches);
