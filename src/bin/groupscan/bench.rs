//! `groupscan bench`: how fast this machine enumerates, against copying.

use std::fmt;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use groupscan::{
    Filter, GetNextError, GroupTable, Interface, Kernel, Membership, Protocol, Snapshot,
    SnapshotError, SourceGroupEntry, V4, WriteError,
};

use crate::args::{BenchArgs, ViewArg};
use crate::progress::Progress;

/// The least duration of a round of one side.
const ROUND: Duration = Duration::from_millis(2);

/// The least number of rounds.
const ROUNDS: usize = 5;

const VIEWS: [ViewArg; 5] =
    [ViewArg::All, ViewArg::AnySource, ViewArg::SourceSpecific, ViewArg::Wildcard, ViewArg::Groups];

/// Why there are no figures.
#[derive(Debug)]
pub(crate) enum Failure {
    Output(io::Error),
    Memory(io::Error),
    Table(WriteError),
    Snapshot(SnapshotError),
    Enumeration(GetNextError),
    /// The records of a kernel differ from those of the portable one.
    Kernel {
        kernel: Kernel,
        view: String,
        keys: usize,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
            Self::Memory(error) => write!(f, "no memory for the records: {error}"),
            Self::Table(error) => write!(f, "cannot make the table: {error}"),
            Self::Snapshot(error) => write!(f, "cannot read the table: {error}"),
            Self::Enumeration(error) => write!(f, "cannot enumerate the table: {error}"),
            Self::Kernel { kernel, view, keys } => write!(
                f,
                "the kernel {kernel} is at fault: of {keys} joins, view {view}, its records are \
                 not those of the kernel portable; please report this"
            ),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<GetNextError> for Failure {
    fn from(error: GetNextError) -> Self {
        Self::Enumeration(error)
    }
}

/// A line of figures; the last three are missing where the view shows nothing.
#[derive(serde::Serialize)]
struct Line {
    keys: usize,
    kernel: &'static str,
    view: String,
    buffer_bytes: usize,
    ns_per_record: Option<f64>,
    gb_per_s: Option<f64>,
    ratio_to_copy: Option<f64>,
}

/// Measures and prints what the arguments ask for.
///
/// # Errors
///
/// A [`Failure`].
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let kernels = match args.kernels.is_empty() {
        true => Kernel::available().collect(),
        false => args.kernels.clone(),
    };
    let views = if args.views.is_empty() { &VIEWS[..] } else { &args.views };
    let questions = args.keys.len() * views.len() * args.buffers_bytes.len();
    let share = args.seconds / u32::try_from(questions).unwrap_or(u32::MAX);
    let progress = Progress::through_steps(questions as u64, args.quiet);
    let mut printer = Printer::new(args)?;
    for &keys in &args.keys {
        progress.begin(format!("making a table of {keys} joins"));
        let table = table(keys).map_err(Failure::Table)?;
        let snapshot = table.snapshot().map_err(Failure::Snapshot)?;
        for &view in views {
            let measured = Measured::new(&snapshot, view, keys)?;
            for &buffer_bytes in &args.buffers_bytes {
                progress.begin(format!("{keys} joins, view {}", view.name()));
                let lines = measured.measure(&kernels, buffer_bytes, share)?;
                progress.suspend(|| lines.into_iter().try_for_each(|line| printer.line(line)))?;
                progress.step();
            }
        }
    }
    drop(progress);
    Ok(printer.end()?)
}

/// A table of so many joins, put in in random order: four a group, every eighth from any source.
fn table(keys: usize) -> Result<GroupTable, WriteError> {
    let mut order: Vec<u32> = (0..keys as u32).collect();
    let mut random = 1u64;
    for last in (1..keys).rev() {
        // A linear congruential generator, of which the high bits are random enough.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        order.swap(last, ((random >> 32) % (last as u64 + 1)) as usize);
    }
    let table = GroupTable::new();
    let mut txn = table.begin_write();
    for number in order {
        let group = V4::from_bits(0xe100_0000 + number / 4);
        let source = match number % 8 {
            4 => V4::UNSPECIFIED,
            _ => V4::from_bits(0x0a00_0000 + number % 4),
        };
        let lan = Interface::new(1);
        txn.join(&Membership::source_specific(group, source, lan, Protocol::IGMP))?;
    }
    txn.commit();
    Ok(table)
}

/// A view of a table, and the records that it shows.
struct Measured<'s> {
    snapshot: &'s Snapshot,
    view: ViewArg,
    keys: usize,
    ready: Bytes,
    records: usize,
}

impl<'s> Measured<'s> {
    fn new(snapshot: &'s Snapshot, view: ViewArg, keys: usize) -> Result<Self, Failure> {
        let mut records: Vec<SourceGroupEntry> = Vec::new();
        let mut page = vec![0; 64 << 10];
        stream(snapshot, view, Kernel::PORTABLE, &mut page, |bytes| {
            records.extend_from_slice(bytemuck::cast_slice(bytes));
        })?;
        let ready = Bytes::copy_of(bytemuck::cast_slice(&records)).map_err(Failure::Memory)?;
        Ok(Self { snapshot, view, keys, ready, records: records.len() })
    }

    /// Times the copy and all kernels in alternating rounds, for about as long as `share`.
    fn measure(
        &self,
        kernels: &[Kernel],
        buffer_bytes: usize,
        share: Duration,
    ) -> Result<Vec<Line>, Failure> {
        let mut buffer = Bytes::copy_of(&vec![0; buffer_bytes]).map_err(Failure::Memory)?;
        let buffer = buffer.bytes_mut();
        for &kernel in kernels {
            self.check(kernel, buffer)?;
        }
        let mut nanos = vec![Vec::new(); 1 + kernels.len()];
        let mut calls = vec![1; 1 + kernels.len()];
        let started = Instant::now();
        let too_few = |nanos: &[Vec<f64>]| nanos.iter().any(|side| side.len() < ROUNDS);
        while self.records > 0 && (too_few(&nanos) || started.elapsed() < share) {
            for (side, nanos) in nanos.iter_mut().enumerate() {
                let begun = Instant::now();
                for _ in 0..calls[side] {
                    match side.checked_sub(1).map(|kernel| kernels[kernel]) {
                        None => copy(self.ready.bytes(), buffer),
                        Some(kernel) => {
                            let looked_at = |page: &[u8]| _ = black_box(page);
                            stream(self.snapshot, self.view, kernel, buffer, looked_at)?;
                        }
                    }
                }
                let elapsed = begun.elapsed();
                // Rounds that are too short to be timed do not count.
                if elapsed < ROUND && nanos.is_empty() {
                    calls[side] *= 2;
                } else {
                    nanos.push(elapsed.as_nanos() as f64 / f64::from(calls[side]));
                }
            }
        }
        let copy = median(&mut nanos[0]);
        let line = |(&kernel, nanos): (&Kernel, &mut Vec<f64>)| {
            let ours = median(nanos);
            Line {
                keys: self.keys,
                kernel: kernel.name(),
                view: self.view.name(),
                buffer_bytes,
                ns_per_record: ours.map(|ours| ours / self.records as f64),
                gb_per_s: ours.map(|ours| self.ready.bytes().len() as f64 / ours),
                ratio_to_copy: ours.zip(copy).map(|(ours, copy)| copy / ours),
            }
        };
        Ok(kernels.iter().zip(&mut nanos[1..]).map(line).collect())
    }

    /// Compares what a kernel gives with what it should give.
    fn check(&self, kernel: Kernel, buffer: &mut [u8]) -> Result<(), Failure> {
        let mut left = self.ready.bytes();
        let mut same = true;
        stream(self.snapshot, self.view, kernel, buffer, |page| {
            same &= left.starts_with(page);
            left = left.get(page.len()..).unwrap_or(&[]);
        })?;
        if same && left.is_empty() {
            return Ok(());
        }
        Err(Failure::Kernel { kernel, view: self.view.name(), keys: self.keys })
    }
}

/// A whole enumeration through a buffer.
fn stream(
    snapshot: &Snapshot,
    view: ViewArg,
    kernel: Kernel,
    buffer: &mut [u8],
    mut page: impl FnMut(&[u8]),
) -> Result<(), GetNextError> {
    let enumeration = snapshot.enumerate(view.view(), Filter::<V4>::all()).with_kernel(kernel);
    loop {
        let batch = enumeration.get_next(buffer)?;
        page(bytemuck::cast_slice(batch.entries()));
        if !batch.more() {
            return Ok(());
        }
    }
}

/// The same by copying.
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

/// Prints lines: text as they come, JSON at the end.
struct Printer {
    json: Option<Vec<Line>>,
    pretty: bool,
}

impl Printer {
    fn new(args: &BenchArgs) -> io::Result<Self> {
        if !args.json {
            let mut out = io::stdout().lock();
            let (names, figures) = ("KEYS  KERNEL    VIEW            ", "    BUFFER  NS/RECORD");
            writeln!(out, "{:>6}{names}{figures}      GB/S  RATIO TO COPY", "")?;
        }
        Ok(Self { json: args.json.then(Vec::new), pretty: args.pretty })
    }

    fn line(&mut self, line: Line) -> io::Result<()> {
        if let Some(lines) = &mut self.json {
            lines.push(line);
            return Ok(());
        }
        let figure = |figure: Option<f64>, decimals: usize| {
            figure.map_or("-".into(), |figure| format!("{figure:.decimals$}"))
        };
        writeln!(
            io::stdout().lock(),
            "{:>10}  {:<8}  {:<14}  {:>10}  {:>9}  {:>8}  {:>13}",
            line.keys,
            line.kernel,
            line.view,
            line.buffer_bytes,
            figure(line.ns_per_record, 3),
            figure(line.gb_per_s, 1),
            figure(line.ratio_to_copy, 2),
        )
    }

    fn end(self) -> io::Result<()> {
        let Some(lines) = self.json else {
            return Ok(());
        };
        let mut out = io::stdout().lock();
        match self.pretty {
            true => serde_json::to_writer_pretty(&mut out, &lines)?,
            false => serde_json::to_writer(&mut out, &lines)?,
        }
        writeln!(out)
    }
}

#[cfg(unix)]
use crate::pages::HugeBytes as Bytes;

#[cfg(not(unix))]
use plain::Bytes;

/// Memory on whatever pages there are.
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
