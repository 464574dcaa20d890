//! What the command line takes.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use groupscan::{Filter, Prefix, V4, V6, View};

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
is printed all the same), 2 if the command line is.")]
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
    #[arg(short, long)]
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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ViewArg {
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
        let view = match self.view {
            ViewArg::All => View::AllSources,
            ViewArg::AnySource => View::AnySource,
            ViewArg::SourceSpecific => View::SourceSpecific,
            ViewArg::Wildcard => View::Wildcard,
            ViewArg::Groups => View::Groups,
        };
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
}
