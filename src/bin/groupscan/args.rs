//! What the command line takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use groupscan::{Enumeration, Filter, Kernel, Prefix, V4, V6, View};

/// Multicast groups, enumerated at one point in time.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
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
/// Reads captures as a router would hear them: IGMPv1, v2 and v3 drive the membership state of RFC
/// 3376, on the captures' own clock, up to their last frame. The memberships are loaded into a table,
/// which is then enumerated: one line a join, by ascending group and source. Groups joined from any
/// source have the source "*".
///
/// Each capture is an interface, named as its file; captures of one name are read one after the
/// other, by time. Data goes to standard output, a summary to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  groupscan replay lan1.pcap lan2.pcap
  groupscan replay -j --view source-specific --group 232.0.0.0/8 lan1.pcap
  tcpdump -i eth0 -w - igmp | groupscan replay --interface eth0 -

Exit status: 0 if all went well, 1 if an input is at fault (what could be read of it
is printed all the same) or the output cannot be written, 2 if the command line is at
fault.")]
pub(crate) struct ReplayArgs {
    /// Captures, pcap or pcapng; "-" is standard input
    ///
    /// Link types: Ethernet (with VLAN tags), Linux cooked (version 1 and 2), raw IP.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Print JSON: an array of {"group", "source", "interfaces"}
    #[arg(short, long)]
    pub(crate) json: bool,

    /// Indent the JSON for people
    #[arg(short, long, requires = "json")]
    pub(crate) pretty: bool,

    /// No summary and no progress
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// IPv4 groups only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    ipv4: bool,

    /// IPv6 groups only
    #[arg(short = '6', long = "ipv6")]
    ipv6: bool,

    /// What to show of the joins that the filters leave
    #[arg(long, value_enum, value_name = "VIEW", default_value_t = ViewArg::All)]
    view: ViewArg,

    /// Only groups of this prefix, such as 239.0.0.0/8 or 239.1.1.1
    #[arg(long, value_name = "PREFIX", value_parser = parse_prefix)]
    group: Option<AnyPrefix>,

    /// Only sources of this prefix; leaves out joins from any source
    #[arg(long, value_name = "PREFIX", value_parser = parse_prefix)]
    source: Option<AnyPrefix>,

    /// Take all frames to be of the interface NAME
    ///
    /// Without it the interface has the name that a pcapng capture gives it, or else that of the
    /// file without its extension.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) interface: Option<String>,

    /// Leave out the local network control block, 224.0.0.0/24, which routers do not forward
    #[arg(long)]
    pub(crate) skip_link_local: bool,
}

/// Measure how fast this machine enumerates joins, against copying their records
///
/// Makes tables of joins, put in in random order, four a group and every eighth from any source, and
/// streams them through a buffer, as a routing protocol would: every kernel that the processor has,
/// every view. The competitor copies the same records, ready-made in one array, into the same buffer.
/// Both take turns in one run, and what they give is compared before it is timed.
///
/// A ratio above 1 says that enumerating is faster than copying.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  groupscan bench
  groupscan bench --keys 1K,64K,1M --seconds 60
  groupscan bench -j --view all --kernel avx2,portable --buffer 65536 > bench.json

Columns, and the fields of the JSON objects: keys (joins in the table), kernel, view,
buffer_bytes, ns_per_record, gb_per_s (10^9 bytes of records a second), ratio_to_copy (the
copy's time over ours). Where a view shows nothing, the last three are \"-\", or null.

Exit status: 0 if all went well, 1 if a kernel is at fault or the output cannot be
written, 2 if the command line is at fault.")]
pub(crate) struct BenchArgs {
    /// Numbers of joins; K and M stand for 1,024 and 1,048,576
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = parse_keys,
        default_value = "4K,64K,1M")]
    pub(crate) keys: Vec<usize>,

    /// Measure for about so many seconds in all; tables are made besides
    #[arg(long, value_name = "S", value_parser = parse_seconds, default_value = "20",
        allow_negative_numbers = true)]
    pub(crate) seconds: Duration,

    /// Only these kernels; all that this processor has if not given
    #[arg(long = "kernel", value_name = "NAME", value_delimiter = ',', value_parser = parse_kernel)]
    pub(crate) kernels: Vec<Kernel>,

    /// Only these views; all if not given
    #[arg(long = "view", value_enum, value_name = "VIEW", value_delimiter = ',')]
    pub(crate) views: Vec<ViewArg>,

    /// Sizes of the buffer, in bytes; K and M as above
    #[arg(long = "buffer", value_name = "BYTES", value_delimiter = ',',
        value_parser = parse_buffer, default_value = "16K,64K")]
    pub(crate) buffers_bytes: Vec<usize>,

    /// Print JSON: an array of objects
    #[arg(short, long)]
    pub(crate) json: bool,

    /// Indent the JSON for people
    #[arg(short, long, requires = "json")]
    pub(crate) pretty: bool,

    /// No progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// The most joins that a table is made of to be measured: some 6 GB.
const MAX_KEYS: usize = 64 << 20;

/// The greatest buffer.
const MAX_BUFFER_BYTES: usize = 1 << 30;

/// A number within bounds, with a suffix of K or M or none.
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

fn parse_kernel(text: &str) -> Result<Kernel, String> {
    Kernel::available().find(|kernel| kernel.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Kernel::available().map(Kernel::name).collect();
        format!("this processor has {}", names.join(", "))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ViewArg {
    /// Every join
    All,
    /// One a group that is joined from specific sources: its lowest source
    AnySource,
    /// Joins from specific sources
    SourceSpecific,
    /// Joins from any source
    Wildcard,
    /// Each group once, however joined
    Groups,
}

impl ViewArg {
    pub(crate) fn view(self) -> View {
        match self {
            Self::All => View::AllSources,
            Self::AnySource => View::AnySource,
            Self::SourceSpecific => View::SourceSpecific,
            Self::Wildcard => View::Wildcard,
            Self::Groups => View::Groups,
        }
    }

    /// What the view is called on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// A prefix of either family.
#[derive(Clone, Copy, Debug)]
enum AnyPrefix {
    V4(Prefix<V4>),
    V6(Prefix<V6>),
}

fn parse_prefix(text: &str) -> Result<AnyPrefix, groupscan::PrefixError> {
    if text.contains(':') {
        text.parse().map(AnyPrefix::V6)
    } else {
        text.parse().map(AnyPrefix::V4)
    }
}

/// What to enumerate: a view, and the filter of each family that is shown.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) view: View,
    pub(crate) v4: Option<Filter<V4>>,
    pub(crate) v6: Option<Filter<V6>>,
}

impl ReplayArgs {
    /// What the arguments ask for.
    pub(crate) fn query(&self) -> Result<Query, clap::Error> {
        let view = self.view.view();
        let mut v4 = (!self.ipv6).then(Filter::all);
        let mut v6 = (!self.ipv4).then(Filter::all);
        // A prefix of one family leaves nothing of the other.
        match self.group {
            Some(AnyPrefix::V4(prefix)) => (v4, v6) = (v4.map(|f| f.group(prefix)), None),
            Some(AnyPrefix::V6(prefix)) => (v4, v6) = (None, v6.map(|f| f.group(prefix))),
            None => {}
        }
        match self.source {
            Some(AnyPrefix::V4(prefix)) => (v4, v6) = (v4.map(|f| f.source(prefix)), None),
            Some(AnyPrefix::V6(prefix)) => (v4, v6) = (None, v6.map(|f| f.source(prefix))),
            None => {}
        }
        if v4.is_none() && v6.is_none() {
            let message = "--group, --source, -4 and -6 must be of one address family";
            return Err(Args::command().error(ErrorKind::ArgumentConflict, message));
        }
        Ok(Query { view, v4, v6 })
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
