//! IGMP messages: what they are, and what they do to a router.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use etherparse::IgmpSlice;
use etherparse::igmp::{ReportGroupRecordType, ReportGroupRecordV3Slice};

use super::counts::{Foreign, Ignored, MessageKind, Rejection, Tally};
use super::frame::Skip;
use super::router::{RecordKind, Router};

/// A message that was found to be in order.
pub(super) struct Message<'a> {
    kind: MessageKind,
    slice: IgmpSlice<'a>,
}

impl Message<'_> {
    pub(super) fn kind(&self) -> MessageKind {
        self.kind
    }
}

/// Decodes the bytes of one IGMP message, neither more nor less.
pub(super) fn decode(bytes: &[u8]) -> Result<Message<'_>, Skip> {
    // A message has 8 bytes or more, a query 8, 12 or more (RFC 3376, section 7.1).
    let slice = IgmpSlice::from_slice(bytes).map_err(|_| Rejection::Malformed)?;
    if let IgmpSlice::Unknown(_) = slice {
        return Err(foreign(slice.type_u8()).into());
    }
    if !slice.is_checksum_valid() {
        return Err(Rejection::IgmpChecksum.into());
    }
    let kind = match &slice {
        IgmpSlice::MembershipQuery(query) if query.max_response_time() == 0 => MessageKind::QueryV1,
        IgmpSlice::MembershipQuery(_) => MessageKind::QueryV2,
        IgmpSlice::MembershipQueryWithSources(_) => MessageKind::QueryV3,
        IgmpSlice::MembershipReportV1(_) => MessageKind::ReportV1,
        IgmpSlice::MembershipReportV2(_) => MessageKind::ReportV2,
        IgmpSlice::MembershipReportV3(report) => {
            if report.group_records().any(|record| record.is_err()) {
                return Err(Rejection::Malformed.into());
            }
            MessageKind::ReportV3
        }
        IgmpSlice::LeaveGroup(_) => MessageKind::Leave,
        IgmpSlice::Unknown(_) => return Err(Foreign::Igmp.into()),
    };
    Ok(Message { kind, slice })
}

/// What shares IGMP's protocol number, by the IANA registry of IGMP types.
fn foreign(kind: u8) -> Foreign {
    match kind {
        0x13 => Foreign::Dvmrp,
        0x14 => Foreign::PimV1,
        0x1e | 0x1f => Foreign::Mtrace,
        _ => Foreign::Igmp,
    }
}

/// Does to `router` what a message received at `now` does, and notes the parts that it ignored.
pub(super) fn apply(
    message: &Message<'_>,
    router: &mut Router,
    now: Duration,
    ignored: &mut Tally<Ignored>,
) {
    match &message.slice {
        // The group of a version 1 query means nothing (RFC 1112, appendix I).
        IgmpSlice::MembershipQuery(_) if message.kind == MessageKind::QueryV1 => {}
        IgmpSlice::MembershipQuery(query) => {
            if let Some(group) = queried(query.group_address().octets, ignored) {
                router.group_query(now, group);
            }
        }
        IgmpSlice::MembershipQueryWithSources(query) => {
            if query.s_flag() {
                return;
            }
            if let Some(group) = queried(query.group_address().octets, ignored) {
                if query.num_of_sources() == 0 {
                    router.group_query(now, group);
                } else {
                    router.source_query(now, group, &sources(query.source_addresses(), ignored));
                }
            }
        }
        IgmpSlice::MembershipReportV1(report) => {
            if let Some(group) = multicast(report.group_address().octets, ignored) {
                router.report_v1(now, group);
            }
        }
        IgmpSlice::MembershipReportV2(report) => {
            if let Some(group) = multicast(report.group_address().octets, ignored) {
                router.report_v2(now, group);
            }
        }
        IgmpSlice::MembershipReportV3(report) => {
            for record in report.group_records().flatten() {
                apply_record(&record, router, now, ignored);
            }
        }
        IgmpSlice::LeaveGroup(leave) => {
            if let Some(group) = multicast(leave.group_address().octets, ignored) {
                router.leave(now, group);
            }
        }
        IgmpSlice::Unknown(_) => {}
    }
}

fn apply_record(
    record: &ReportGroupRecordV3Slice<'_>,
    router: &mut Router,
    now: Duration,
    ignored: &mut Tally<Ignored>,
) {
    let kind = match record.record_type() {
        ReportGroupRecordType::MODE_IS_INCLUDE => RecordKind::IsInclude,
        ReportGroupRecordType::MODE_IS_EXCLUDE => RecordKind::IsExclude,
        ReportGroupRecordType::CHANGE_TO_INCLUDE_MODE => RecordKind::ToInclude,
        ReportGroupRecordType::CHANGE_TO_EXCLUDE_MODE => RecordKind::ToExclude,
        ReportGroupRecordType::ALLOW_NEW_SOURCES => RecordKind::Allow,
        ReportGroupRecordType::BLOCK_OLD_SOURCES => RecordKind::Block,
        _ => return ignored.add(Ignored::RecordType),
    };
    if let Some(group) = multicast(record.multicast_address(), ignored) {
        let sources = sources(record.source_addresses(), ignored);
        // A list of nothing but impossible sources must not act as the empty list, which joins or
        // leaves the whole group.
        if !sources.is_empty() || record.num_of_sources() == 0 {
            router.record(now, group, kind, &sources);
        }
    }
}

/// The group of a query; `None` for a general query, whose group is 0.
fn queried(octets: [u8; 4], ignored: &mut Tally<Ignored>) -> Option<Ipv4Addr> {
    if octets == [0; 4] { None } else { multicast(octets, ignored) }
}

fn multicast(octets: [u8; 4], ignored: &mut Tally<Ignored>) -> Option<Ipv4Addr> {
    let group = Ipv4Addr::from(octets);
    if !group.is_multicast() {
        ignored.add(Ignored::Group);
        return None;
    }
    Some(group)
}

/// The addresses of a source list that can be sources.
fn sources(
    addresses: impl Iterator<Item = [u8; 4]>,
    ignored: &mut Tally<Ignored>,
) -> BTreeSet<Ipv4Addr> {
    let unicast = |source: &Ipv4Addr| {
        !source.is_unspecified() && !source.is_multicast() && !source.is_broadcast()
    };
    addresses
        .map(Ipv4Addr::from)
        .inspect(|source| {
            if !unicast(source) {
                ignored.add(Ignored::Source);
            }
        })
        .filter(unicast)
        .collect()
}
