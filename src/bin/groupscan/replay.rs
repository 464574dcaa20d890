//! `groupscan replay`: captures in, the table's joins out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use groupscan::input::{self, CaptureError, Naming, Replay};
use groupscan::{
    Family, Filter, GroupTable, MembershipFlags, Snapshot, SnapshotError, V4, V6, View, WriteError,
};

use crate::args::{Query, ReplayArgs};
use crate::output::{Format, Row, Rows};
use crate::progress::Progress;
use crate::say;
use crate::summary::Summary;

/// The size of the buffer that the enumeration fills again and again.
const BUFFER_BYTES: usize = 64 << 10;

/// How a replay ended.
pub(crate) enum Outcome {
    Clean,
    /// Some input could not be read, or not to its end.
    InputAtFault,
}

/// Why a replay did not get to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The output could not be written.
    Output(io::Error),
    /// The table refused what the captures hold.
    Table(WriteError),
    /// The table refused to be read.
    Snapshot(SnapshotError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
            Self::Table(error) => write!(f, "cannot load the table: {error}"),
            Self::Snapshot(error) => write!(f, "cannot read the table: {error}"),
        }
    }
}

/// Replays the captures and prints what the query asks for.
///
/// # Errors
///
/// A [`Failure`]; faults of the input are none.
pub(crate) fn run(args: &ReplayArgs, query: &Query) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let mut replay = Replay::new();
    let outcome = read_files(args, &mut replay);

    let table = GroupTable::new();
    load(&table, &replay, args.skip_link_local).map_err(Failure::Table)?;

    let snapshot = table.snapshot().map_err(Failure::Snapshot)?;
    let format = if args.json {
        Format::Json { pretty: args.pretty }
    } else if query.v6.is_some() && !snapshot.is_empty::<V6>() {
        Format::Text { address_width: V6::MAX.to_string().len() }
    } else {
        Format::Text { address_width: V4::MAX.to_string().len() }
    };
    let mut records = 0;
    let printed = format.print(BufWriter::new(io::stdout().lock()), |rows| {
        if let Some(filter) = query.v4 {
            records += enumerate::<V4>(&snapshot, query.view, filter, &replay, rows)?;
        }
        if let Some(filter) = query.v6 {
            records += enumerate::<V6>(&snapshot, query.view, filter, &replay, rows)?;
        }
        Ok(())
    });
    match printed {
        // Whoever read the output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(outcome),
        printed => printed.map_err(Failure::Output)?,
    }
    if !args.quiet {
        let summary = Summary {
            counts: replay.counts(),
            records,
            joins: snapshot.len::<V4>() + snapshot.len::<V6>(),
            interfaces: snapshot.interface_count::<V4>() + snapshot.interface_count::<V6>(),
            elapsed: started.elapsed(),
        };
        say(summary);
    }
    Ok(outcome)
}

/// Reads every file, saying on standard error what is wrong with it.
fn read_files(args: &ReplayArgs, replay: &mut Replay) -> Outcome {
    let sizes = args.files.iter().map(|path| path.metadata().ok().map(|about| about.len()));
    let progress = Progress::through_bytes(sizes.sum(), args.quiet);
    let mut outcome = Outcome::Clean;
    for path in in_order_of_time(args) {
        if let Err(error) = read_file(args, path, &progress, replay) {
            progress.suspend(|| say(format_args!("groupscan: {}: {error}", path.display())));
            outcome = Outcome::InputAtFault;
        }
    }
    outcome
}

/// The files as given, but those of one name among themselves by the time of their first frame, so
/// that the pieces of a long capture follow on each other however the shell sorts them.
fn in_order_of_time(args: &ReplayArgs) -> Vec<&Path> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, path) in args.files.iter().enumerate() {
        let (name, _) = naming(args, path);
        places.entry(name).or_default().push(place);
    }
    let mut ordered: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    for places in places.values().filter(|places| places.len() > 1) {
        let mut files: Vec<&Path> = places.iter().map(|place| ordered[*place]).collect();
        files.sort_by_cached_key(|path| first_frame_time(path));
        for (place, path) in places.iter().zip(files) {
            ordered[*place] = path;
        }
    }
    ordered
}

/// The time of the first frame, where the file can be read more than once.
fn first_frame_time(path: &Path) -> Option<Duration> {
    let beginning = File::open(path).ok().filter(|_| path.is_file())?.take(BUFFER_BYTES as u64);
    input::first_frame_time(beginning)
}

/// What a file's interface is called, and whether the capture may call it something else.
fn naming(args: &ReplayArgs, path: &Path) -> (String, Naming) {
    match &args.interface {
        Some(name) => (name.clone(), Naming::Caller),
        None if is_stdin(path) => ("stdin".into(), Naming::Capture),
        None => {
            let stem = path.file_stem().unwrap_or(path.as_os_str());
            (stem.to_string_lossy().into_owned(), Naming::Capture)
        }
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn read_file(
    args: &ReplayArgs,
    path: &Path,
    progress: &Progress,
    replay: &mut Replay,
) -> Result<(), CaptureError> {
    let reader: Box<dyn Read> = if is_stdin(path) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(CaptureError::Io)?)
    };
    let (name, naming) = naming(args, path);
    replay.read_capture(progress.watch(reader), &name, naming)
}

/// Loads what the replay found into the table, in one transaction.
fn load(table: &GroupTable, replay: &Replay, skip_link_local: bool) -> Result<(), WriteError> {
    let mut txn = table.begin_write();
    for membership in replay.memberships() {
        if !(skip_link_local && is_link_local(membership.group)) {
            txn.join(&membership)?;
        }
    }
    txn.commit();
    Ok(())
}

/// Whether a group is of the local network control block, 224.0.0.0/24 (RFC 5771, section 4).
fn is_link_local(group: V4) -> bool {
    matches!(group.octets(), [224, 0, 0, _])
}

/// Prints one family's joins through the enumeration, and returns how many records that were.
fn enumerate<F: Family>(
    snapshot: &Snapshot,
    view: View,
    filter: Filter<F>,
    replay: &Replay,
    rows: &mut dyn Rows,
) -> io::Result<usize> {
    let enumeration = snapshot.enumerate(view, filter);
    let mut buffer = [0; BUFFER_BYTES];
    let mut records = 0;
    loop {
        let batch = enumeration.get_next(&mut buffer).map_err(io::Error::other)?;
        for entry in batch.entries() {
            let (group, source) = F::group_and_source(entry);
            let interfaces = interfaces(snapshot, view, filter, (group, source));
            rows.row(&Row {
                group: group.to_string(),
                source: if source == F::UNSPECIFIED { "*".into() } else { source.to_string() },
                interfaces: interfaces.iter().filter_map(|i| replay.interface_name(*i)).collect(),
            })?;
        }
        records += batch.entries().len();
        if !batch.more() {
            return Ok(records);
        }
    }
}

/// The indices of the interfaces that a record stands for: those of its join, or, where one record
/// stands for a group, those of the group's joins that the filter leaves.
fn interfaces<F: Family>(
    snapshot: &Snapshot,
    view: View,
    filter: Filter<F>,
    (group, source): (F, F),
) -> BTreeSet<u32> {
    if view == View::Groups {
        let memberships = snapshot.memberships(group);
        memberships
            .filter(|m| m.flags.contains(MembershipFlags::JOIN) && filter.admits(group, m.source))
            .map(|m| m.interface.index)
            .collect()
    } else {
        snapshot.outgoing(group, source).map(|interface| interface.index).collect()
    }
}
