//! `groupscan replay`: reads captures, loads the memberships into a table and prints what the table shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use groupscan::{
    Family, FamilySnapshot, Filter, GroupTable, Interface, Join, MembershipFlags, V4, V6, View,
    WriteError,
};
use groupscan_sources::{CaptureError, Naming, Replay};

use crate::args::{Query, ReplayArgs};
use crate::output::{Format, Row, Rows, is_broken_pipe};
use crate::progress::Progress;
use crate::say;
use crate::summary::Summary;

/// The bytes of a capture in which its first frame is looked for.
const BEGINNING_BYTES: u64 = 64 << 10;

/// Replays the captures and prints the records of the query.
///
/// Returns a failure if an input could not be read to its end; that was reported on standard error.
///
/// # Errors
///
/// The table refuses the memberships, or the output cannot be written.
pub(crate) fn run(args: &ReplayArgs, query: &Query) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let mut replay = Replay::new();
    let exit_code = read_files(args, &mut replay);

    let table = GroupTable::new();
    load(&table, &replay, args.skip_link_local).context("cannot load the table")?;

    let snapshot = table.snapshot().context("cannot read the table")?;
    let (ipv4, ipv6) = (snapshot.ipv4(), snapshot.ipv6());
    let format = if args.json {
        Format::Json { pretty: args.pretty }
    } else if query.v6.is_some() && !ipv6.is_empty() {
        Format::Text { address_width: V6::MAX.to_string().len() }
    } else {
        Format::Text { address_width: V4::MAX.to_string().len() }
    };
    let mut records = 0;
    let printed = format.print(BufWriter::new(io::stdout().lock()), |rows| {
        if let Some(filter) = query.v4 {
            records += enumerate(ipv4, query.view, filter, &replay, rows)?;
        }
        if let Some(filter) = query.v6 {
            records += enumerate(ipv6, query.view, filter, &replay, rows)?;
        }
        Ok(())
    });
    match printed {
        // The reader of the output needs no more.
        Err(error) if is_broken_pipe(&error) => return Ok(exit_code),
        printed => printed?,
    }
    if !args.quiet {
        let summary = Summary {
            stats: replay.stats(),
            records,
            joins: ipv4.len() + ipv6.len(),
            interfaces: ipv4.interface_count() + ipv6.interface_count(),
            elapsed: started.elapsed(),
        };
        say(summary);
    }
    Ok(exit_code)
}

/// Reads every file. Reports errors on standard error and returns whether there were any.
fn read_files(args: &ReplayArgs, replay: &mut Replay) -> ExitCode {
    let sizes = args.files.iter().map(|path| path.metadata().ok().map(|about| about.len()));
    let progress = Progress::through_bytes(sizes.sum(), args.quiet);
    let mut exit_code = ExitCode::SUCCESS;
    for path in in_order_of_time(args) {
        if let Err(error) = read_file(args, path, &progress, replay) {
            let error = anyhow::Error::new(error).context(path.display().to_string());
            progress.suspend(|| say(format_args!("groupscan: {error:#}")));
            exit_code = ExitCode::FAILURE;
        }
    }
    exit_code
}

/// The files in the given order, except that files of one interface are ordered by the time of their first
/// frame. So the pieces of a long capture are read in the right order, however the shell sorts them.
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

/// The time of the first frame; `None` if the beginning of the file has none, or if it cannot be read twice.
fn first_frame_time(path: &Path) -> Option<Duration> {
    // Even opening a pipe would disturb its writer.
    if !path.is_file() {
        return None;
    }
    groupscan_sources::first_frame_time(File::open(path).ok()?.take(BEGINNING_BYTES))
}

/// The name of a file's interface, and whether a name in the capture overrides it.
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

/// Loads the memberships of the replay into the table, in one transaction.
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

/// Whether a group is in the local network control block, 224.0.0.0/24 (RFC 5771, section 4).
fn is_link_local(group: V4) -> bool {
    matches!(group.octets(), [224, 0, 0, _])
}

/// Prints the records of one family. Returns their number.
fn enumerate<F: Family>(
    snapshot: FamilySnapshot<'_, F>,
    view: View,
    filter: Filter<F>,
    replay: &Replay,
    rows: &mut dyn Rows,
) -> anyhow::Result<usize> {
    let mut records = 0;
    for entry in snapshot.enumerate(view, filter) {
        let join = Join::from_entry(&entry);
        let interfaces = interfaces(snapshot, view, filter, join);
        rows.row(&Row {
            group: join.group.to_string(),
            source: if join.is_any_source() { "*".into() } else { join.source.to_string() },
            interfaces: interfaces.iter().map(|index| name(replay, *index)).collect(),
        })?;
        records += 1;
    }
    Ok(records)
}

/// The name of an interface of the table.
fn name(replay: &Replay, index: u32) -> &str {
    let Some(name) = replay.interface_name(index) else {
        unreachable!("the table has no interfaces but those of the replay");
    };
    name
}

/// The indexes of the interfaces of a record: those of its join, or in the view of groups those of all joins
/// of the group that the filter admits.
fn interfaces<F: Family>(
    snapshot: FamilySnapshot<'_, F>,
    view: View,
    filter: Filter<F>,
    join: Join<F>,
) -> BTreeSet<u32> {
    let index = |interface: Interface<F>| interface.index;
    if view == View::Groups {
        let memberships = snapshot.memberships(join.group);
        memberships
            .filter(|m| m.flags.contains(MembershipFlags::JOIN) && filter.admits(m.join()))
            .map(|m| index(m.interface))
            .collect()
    } else {
        snapshot.outgoing(join).map(index).collect()
    }
}
