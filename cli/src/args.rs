//! The command line's arguments.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{
    NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser,
};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use groupscan::{Enumeration, Filter, Prefix, PrefixError, SimdLevel, V4, V6, View};

/// Multicast groups from packet captures, enumerated at one point in time
#[derive(Debug, Parser)]
#[command(
    name = "groupscan",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  groupscan replay lan1.pcap
  groupscan bench

\"groupscan help COMMAND\" explains a command in full."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Replay(ReplayArgs),
    Bench(BenchArgs),
}

/// Print the groups that the hosts in packet captures have joined
///
/// Reads captures as a router would hear them. IGMPv1, v2 and v3 messages drive the membership state of RFC
/// 3376, on the clock of the captures, up to their last frame. The resulting memberships are loaded into a
/// table, which is then enumerated: one line for each join, ordered by group and source. The source of an
/// any-source join is "*".
///
/// A capture is one interface, or several if it is pcapng; --interface says how they are named. Captures of
/// one name are read one after the other, in the order of time.
///
/// Data goes to standard output, a summary to standard error. The summary divides the frames into IGMP
/// messages, foreign frames (well-formed, but not IGMP) and rejected frames (damaged or not readable).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  groupscan replay lan1.pcap lan2.pcap
  groupscan replay --json --view source-specific --group 232.0.0.0/8 lan1.pcap
  tcpdump -i eth0 -w - igmp | groupscan replay --interface eth0 -

Exit status:
  0  success
  1  an input cannot be read to its end, or the output cannot be written; what could be
     read is printed
  2  invalid arguments")]
pub(crate) struct ReplayArgs {
    /// Captures, pcap or pcapng; "-" is standard input
    ///
    /// Link types: Ethernet (with VLAN tags), Linux cooked (versions 1 and 2), raw IP.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Print JSON: an array of {"group", "source", "interfaces"}
    #[arg(short, long)]
    pub(crate) json: bool,

    /// Indent the JSON
    #[arg(short, long, requires = "json")]
    pub(crate) pretty: bool,

    /// Print no summary and no progress
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Show IPv4 groups only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    ipv4: bool,

    /// Show IPv6 groups only
    #[arg(short = '6', long = "ipv6")]
    ipv6: bool,

    /// Which records to show of the joins that the filters admit
    #[arg(long, value_name = "VIEW", value_parser = views(), default_value_t)]
    view: View,

    /// Show only groups with this prefix, such as 239.0.0.0/8 or 239.1.1.1
    #[arg(long, value_name = "PREFIX")]
    group: Option<AnyPrefix>,

    /// Show only sources with this prefix; excludes any-source joins
    #[arg(long, value_name = "PREFIX")]
    source: Option<AnyPrefix>,

    /// Assign all frames to the interface NAME
    ///
    /// By default an interface has the name that a pcapng capture gives it, or else the name of the file
    /// without its extension.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) interface: Option<String>,

    /// Leave out 224.0.0.0/24, the local network control block, which routers do not forward
    #[arg(long)]
    pub(crate) skip_link_local: bool,
}

/// Measure how fast this machine enumerates joins, compared with copying their records
///
/// Fills tables with joins in random order: four for each group, every eighth of them any-source. Then
/// streams each table through a buffer, as a routing protocol would, with every SIMD level that the
/// processor has and in every view. The competitor copies the same records from an array into the same
/// buffer. Both sides take turns in one process. Their results are compared before the measurement.
///
/// A ratio above 1 means that enumerating is faster than copying.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  groupscan bench
  groupscan bench --keys 1K,64K,1M --seconds 60
  groupscan bench --json --view all-sources --simd avx2,portable --buffer 64K > bench.json

Columns, and fields of the JSON objects:
  keys           joins in the table
  simd           SIMD level
  view           what was enumerated
  buffer_bytes   size of the buffer
  ns_per_record  time for one record
  gb_per_s       10^9 bytes of records in a second
  ratio_to_copy  time of the copy, divided by the time of the enumeration
If a view shows no records, the last three are \"-\", or null in JSON.

Exit status:
  0  success
  1  a SIMD level gives wrong records, or the output cannot be written
  2  invalid arguments")]
pub(crate) struct BenchArgs {
    /// Numbers of joins in the table; K means 1,024 and M means 1,048,576
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = parse_keys,
        default_value = "4K,64K,1M")]
    pub(crate) keys: Vec<usize>,

    /// Duration of all measurements in seconds, without filling the tables
    #[arg(long, value_name = "S", value_parser = parse_seconds, default_value = "20",
        allow_negative_numbers = true)]
    pub(crate) seconds: Duration,

    /// Measure only these SIMD levels [default: all that this processor has]
    #[arg(long = "simd", value_name = "LEVEL", value_delimiter = ',', value_parser = simd_levels())]
    pub(crate) simd_levels: Vec<SimdLevel>,

    /// Measure only these views [default: all]
    #[arg(long = "view", value_name = "VIEW", value_delimiter = ',', value_parser = views())]
    pub(crate) views: Vec<View>,

    /// Sizes of the buffer in bytes; K and M as above
    #[arg(long = "buffer", value_name = "BYTES", value_delimiter = ',',
        value_parser = parse_buffer, default_value = "16K,64K")]
    pub(crate) buffers_bytes: Vec<usize>,

    /// Print JSON: an array of objects
    #[arg(short, long)]
    pub(crate) json: bool,

    /// Indent the JSON
    #[arg(short, long, requires = "json")]
    pub(crate) pretty: bool,

    /// Print no progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Parses a view, and lists all views in the help.
fn views() -> impl TypedValueParser<Value = View> {
    let describe = |view| match view {
        View::AllSources => "All joins",
        View::OnePerGroup => {
            "For each group with source-specific joins, the one with the lowest source"
        }
        View::SourceSpecific => "Source-specific joins, (S,G)",
        View::AnySource => "Any-source joins, (*,G)",
        View::Groups => "Each group once",
    };
    let values = View::ALL.map(|view| PossibleValue::new(view.name()).help(describe(view)));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<View>())
}

/// Parses a SIMD level, and lists those of this processor in the help.
fn simd_levels() -> impl TypedValueParser<Value = SimdLevel> {
    PossibleValuesParser::new(SimdLevel::available().map(SimdLevel::name))
        .try_map(|name| name.parse::<SimdLevel>())
}

/// The most joins in a measured table. This many take about 6 GB.
const MAX_KEYS: usize = 64 << 20;

/// The largest buffer.
const MAX_BUFFER_BYTES: usize = 1 << 30;

/// A number within bounds, with or without the suffix K or M.
fn parse_number(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let (digits, unit) = match text.strip_suffix(['K', 'k']) {
        Some(digits) => (digits, 1 << 10),
        None => text.strip_suffix(['M', 'm']).map_or((text, 1), |digits| (digits, 1 << 20)),
    };
    let number = digits.parse().ok().and_then(|number: usize| number.checked_mul(unit));
    match number {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("must be a number from {least} to {most}, such as 4096 or 64K")),
    }
}

fn parse_keys(text: &str) -> Result<usize, String> {
    parse_number(text, 1, MAX_KEYS)
}

fn parse_buffer(text: &str) -> Result<usize, String> {
    parse_number(text, Enumeration::<V4>::ENTRY_BYTES, MAX_BUFFER_BYTES)
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    const MOST: f64 = 86_400.0;
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds > 0.0 && *seconds <= MOST);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("must be a number of seconds above 0, at most {MOST}"))
}

/// A prefix of either family.
#[derive(Clone, Copy, Debug)]
enum AnyPrefix {
    V4(Prefix<V4>),
    V6(Prefix<V6>),
}

impl FromStr for AnyPrefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        if text.contains(':') { text.parse().map(Self::V6) } else { text.parse().map(Self::V4) }
    }
}

/// What to enumerate: a view, and a filter for each family to show.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) view: View,
    pub(crate) v4: Option<Filter<V4>>,
    pub(crate) v6: Option<Filter<V6>>,
}

impl ReplayArgs {
    /// The query that the arguments describe.
    pub(crate) fn query(&self) -> Result<Query, clap::Error> {
        let mut v4 = (!self.ipv6).then(Filter::all);
        let mut v6 = (!self.ipv4).then(Filter::all);
        // A prefix of one family excludes the other.
        match self.group {
            Some(AnyPrefix::V4(prefix)) => (v4, v6) = (v4.map(|f| f.with_groups(prefix)), None),
            Some(AnyPrefix::V6(prefix)) => (v4, v6) = (None, v6.map(|f| f.with_groups(prefix))),
            None => {}
        }
        match self.source {
            Some(AnyPrefix::V4(prefix)) => (v4, v6) = (v4.map(|f| f.with_sources(prefix)), None),
            Some(AnyPrefix::V6(prefix)) => (v4, v6) = (None, v6.map(|f| f.with_sources(prefix))),
            None => {}
        }
        if v4.is_none() && v6.is_none() {
            let message = "--group, --source, -4 and -6 must be of one address family";
            let mut command = Args::command();
            command.build();
            let Some(replay) = command.find_subcommand_mut("replay") else {
                unreachable!("`Command::Replay` is a subcommand");
            };
            return Err(replay.error(ErrorKind::ArgumentConflict, message));
        }
        Ok(Query { view: self.view, v4, v6 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn numbers_have_bounds_and_suffixes() {
        for (text, number) in [("1", 1), ("4096", 4096), ("64K", 65_536), ("64m", 64 << 20)] {
            assert_eq!(parse_keys(text), Ok(number));
        }
        for text in ["", "0", "-1", "K", "1.5M", "65M", "99999999999999999999", "4 K", "4KK"] {
            let error = parse_keys(text).unwrap_err();
            assert_eq!(error, "must be a number from 1 to 67108864, such as 4096 or 64K", "{text}");
        }
        assert_eq!((parse_buffer("16"), parse_buffer("15").is_err()), (Ok(16), true));
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["", "0", "-1", "inf", "NaN", "1e9", "soon"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
