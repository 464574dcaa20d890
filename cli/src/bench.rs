//! `groupscan bench`: how fast this machine enumerates, compared with copying the same records.
//!
//! The sides take turns, round by round, so that what else the machine does affects all of them alike. The
//! figures are medians over the rounds.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use groupscan::{
    FamilySnapshot, Filter, GetNextError, GroupTable, Interface, Join, Membership, Protocol,
    SimdLevel, SourceGroupEntry, V4, View, WriteError,
};

use crate::args::BenchArgs;
use crate::output::written;
use crate::progress::Progress;

/// The shortest round of one side.
const ROUND: Duration = Duration::from_millis(2);

/// The smallest number of rounds.
const ROUNDS: usize = 5;

/// A line of figures. The last three are `None` if the view shows no records.
#[derive(serde::Serialize)]
struct Line {
    keys: usize,
    simd: &'static str,
    view: View,
    buffer_bytes: usize,
    ns_per_record: Option<f64>,
    gb_per_s: Option<f64>,
    ratio_to_copy: Option<f64>,
}

/// Measures what the arguments select, and prints the figures.
///
/// # Errors
///
/// Memory is out, the output cannot be written, or a SIMD level gives wrong records.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let levels = match args.simd_levels.is_empty() {
        true => SimdLevel::available().collect(),
        false => args.simd_levels.clone(),
    };
    let views = if args.views.is_empty() { &View::ALL[..] } else { &args.views };
    let cases = args.keys.len() * views.len() * args.buffers_bytes.len();
    let share = args.seconds / u32::try_from(cases).unwrap_or(u32::MAX);
    let progress = Progress::through_steps(cases as u64, args.quiet);
    let mut printer = Printer::new(args)?;
    for &keys in &args.keys {
        progress.begin(format!("filling a table with {keys} joins"));
        let table = table(keys).context("cannot fill the table")?;
        let snapshot = table.snapshot().context("cannot read the table")?;
        for &view in views {
            let measured = Measured::new(snapshot.ipv4(), view, keys)?;
            for &buffer_bytes in &args.buffers_bytes {
                progress.begin(format!("{keys} joins, view {view}"));
                let lines = measured.measure(&levels, buffer_bytes, share)?;
                progress.suspend(|| lines.into_iter().try_for_each(|line| printer.line(line)))?;
                progress.step();
            }
        }
    }
    drop(progress);
    printer.end()
}

/// A table of `keys` joins, inserted in random order: four for each group, every eighth of them any-source.
fn table(keys: usize) -> Result<GroupTable, WriteError> {
    let mut order: Vec<u32> = (0..keys as u32).collect();
    let mut random = 1u64;
    for last in (1..keys).rev() {
        // A linear congruential generator. Its high bits are random enough.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        order.swap(last, ((random >> 32) % (last as u64 + 1)) as usize);
    }
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for number in order {
        let group = V4::from_bits(0xe100_0000 + number / 4);
        let join = match number % 8 {
            4 => Join::any_source(group),
            _ => Join::new(group, V4::from_bits(0x0a00_0000 + number % 4)),
        };
        txn.join(&Membership::new(join, Interface::new(1), Protocol::IGMP))?;
    }
    txn.commit();
    Ok(table)
}

/// A view of a table, with the records that it must show.
struct Measured<'s> {
    snapshot: FamilySnapshot<'s, V4>,
    view: View,
    keys: usize,
    /// The bytes of the records.
    expected: Bytes,
    records: usize,
}

impl<'s> Measured<'s> {
    fn new(snapshot: FamilySnapshot<'s, V4>, view: View, keys: usize) -> anyhow::Result<Self> {
        let mut records: Vec<SourceGroupEntry> = Vec::new();
        let mut page = vec![0; 64 << 10];
        stream(snapshot, view, SimdLevel::PORTABLE, &mut page, |bytes| {
            records.extend_from_slice(bytemuck::cast_slice(bytes));
        })?;
        let expected = bytes_of(bytemuck::cast_slice(&records))?;
        Ok(Self { snapshot, view, keys, expected, records: records.len() })
    }

    /// Times the copy and all SIMD levels in alternating rounds, for about as long as `share`.
    fn measure(
        &self,
        levels: &[SimdLevel],
        buffer_bytes: usize,
        share: Duration,
    ) -> anyhow::Result<Vec<Line>> {
        let mut buffer = bytes_of(&vec![0; buffer_bytes])?;
        let buffer = buffer.bytes_mut();
        for &level in levels {
            self.check(level, buffer)?;
        }
        // Side 0 is the copy, side 1 + n is level n.
        let mut nanos = vec![Vec::new(); 1 + levels.len()];
        let mut calls = vec![1; 1 + levels.len()];
        let started = Instant::now();
        let too_few = |nanos: &[Vec<f64>]| nanos.iter().any(|side| side.len() < ROUNDS);
        while self.records > 0 && (too_few(&nanos) || started.elapsed() < share) {
            for (side, nanos) in nanos.iter_mut().enumerate() {
                let begun = Instant::now();
                for _ in 0..calls[side] {
                    match side.checked_sub(1).map(|level| levels[level]) {
                        None => copy(self.expected.bytes(), buffer),
                        Some(level) => {
                            let use_page = |page: &[u8]| _ = black_box(page);
                            stream(self.snapshot, self.view, level, buffer, use_page)?;
                        }
                    }
                }
                let elapsed = begun.elapsed();
                // A round that is too short to be timed does not count.
                if elapsed < ROUND && nanos.is_empty() {
                    calls[side] *= 2;
                } else {
                    nanos.push(elapsed.as_nanos() as f64 / f64::from(calls[side]));
                }
            }
        }
        let copy = median(&mut nanos[0]);
        let line = |(level, nanos): (&SimdLevel, &mut Vec<f64>)| {
            let ours = median(nanos);
            Line {
                keys: self.keys,
                simd: level.name(),
                view: self.view,
                buffer_bytes,
                ns_per_record: ours.map(|ours| ours / self.records as f64),
                gb_per_s: ours.map(|ours| self.expected.bytes().len() as f64 / ours),
                ratio_to_copy: ours.zip(copy).map(|(ours, copy)| copy / ours),
            }
        };
        Ok(levels.iter().zip(&mut nanos[1..]).map(line).collect())
    }

    /// Compares the records of a SIMD level with the expected ones.
    fn check(&self, level: SimdLevel, buffer: &mut [u8]) -> anyhow::Result<()> {
        let mut left = Some(self.expected.bytes());
        stream(self.snapshot, self.view, level, buffer, |page| {
            left = left.and_then(|left| left.strip_prefix(page));
        })?;
        ensure!(
            left.is_some_and(<[u8]>::is_empty),
            "SIMD level {level} gives wrong records for {} joins in view {}; please report this",
            self.keys,
            self.view,
        );
        Ok(())
    }
}

/// A copy of `bytes` to measure with.
fn bytes_of(bytes: &[u8]) -> anyhow::Result<Bytes> {
    Bytes::copy_of(bytes).context("cannot allocate memory for the records")
}

/// Enumerates everything through a buffer, and passes each page of records to `page`.
fn stream(
    snapshot: FamilySnapshot<'_, V4>,
    view: View,
    level: SimdLevel,
    buffer: &mut [u8],
    mut page: impl FnMut(&[u8]),
) -> Result<(), GetNextError> {
    let enumeration = snapshot.enumerate(view, Filter::all()).with_simd_level(level);
    loop {
        let batch = enumeration.get_next(buffer)?;
        page(bytemuck::cast_slice(batch.entries()));
        if !batch.more() {
            return Ok(());
        }
    }
}

/// Copies all records through a buffer.
fn copy(ready: &[u8], buffer: &mut [u8]) {
    let record_bytes = size_of::<SourceGroupEntry>();
    for records in ready.chunks(buffer.len() / record_bytes * record_bytes) {
        let place = &mut buffer[..records.len()];
        place.copy_from_slice(records);
        black_box(&*place);
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Prints lines: text at once, JSON at the end.
struct Printer {
    json: Option<Vec<Line>>,
    pretty: bool,
}

impl Printer {
    fn new(args: &BenchArgs) -> anyhow::Result<Self> {
        if !args.json {
            let heading = format!(
                "{:>10}  {:<8}  {:<15}  {:>10}  {:>9}  {:>8}  {:>13}",
                "KEYS", "SIMD", "VIEW", "BUFFER", "NS/RECORD", "GB/S", "RATIO TO COPY"
            );
            written(writeln!(io::stdout().lock(), "{heading}"))?;
        }
        Ok(Self { json: args.json.then(Vec::new), pretty: args.pretty })
    }

    fn line(&mut self, line: Line) -> anyhow::Result<()> {
        if let Some(lines) = &mut self.json {
            lines.push(line);
            return Ok(());
        }
        let figure = |figure: Option<f64>, decimals: usize| {
            figure.map_or("-".into(), |figure| format!("{figure:.decimals$}"))
        };
        written(writeln!(
            io::stdout().lock(),
            "{:>10}  {:<8}  {:<15}  {:>10}  {:>9}  {:>8}  {:>13}",
            line.keys,
            line.simd,
            line.view,
            line.buffer_bytes,
            figure(line.ns_per_record, 3),
            figure(line.gb_per_s, 1),
            figure(line.ratio_to_copy, 2),
        ))
    }

    fn end(self) -> anyhow::Result<()> {
        let Some(lines) = self.json else {
            return Ok(());
        };
        let mut out = io::stdout().lock();
        written(match self.pretty {
            true => serde_json::to_writer_pretty(&mut out, &lines),
            false => serde_json::to_writer(&mut out, &lines),
        })?;
        written(writeln!(out))
    }
}

#[cfg(unix)]
use crate::pages::HugeBytes as Bytes;

#[cfg(not(unix))]
use plain::Bytes;

/// Memory on pages of any size.
#[cfg(not(unix))]
mod plain {
    pub(super) struct Bytes(Vec<u8>);

    impl Bytes {
        pub(super) fn copy_of(bytes: &[u8]) -> std::io::Result<Self> {
            Ok(Self(bytes.to_vec()))
        }

        pub(super) fn bytes(&self) -> &[u8] {
            &self.0
        }

        pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
            &mut self.0
        }
    }
}
