//! What a message does to the membership state of the link that it was received on.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use etherparse::IgmpSlice;
use etherparse::igmp::{ReportGroupRecordType, ReportGroupRecordV3Slice};

use super::membership_state::{GroupRecord, GroupRecordType, MembershipState};
use super::message::Message;
use crate::stats::{Ignored, MessageKind, Tally};

impl MembershipState {
    /// Applies a message that was received at `now`. Returns which parts of it were ignored.
    pub(crate) fn apply(&mut self, message: &Message<'_>, now: Duration) -> Tally<Ignored> {
        let mut ignored = Tally::default();
        match message.slice() {
            // The group of a version 1 query has no meaning (RFC 1112, appendix I).
            IgmpSlice::MembershipQuery(_) if message.kind() == MessageKind::QueryV1 => {}
            IgmpSlice::MembershipQuery(query) => {
                if let Some(group) = queried(query.group_address().octets, &mut ignored) {
                    self.group_query(now, group);
                }
            }
            // The S flag suppresses the processing of timers (RFC 3376, section 6.6.1).
            IgmpSlice::MembershipQueryWithSources(query) if query.s_flag() => {}
            IgmpSlice::MembershipQueryWithSources(query) => {
                if let Some(group) = queried(query.group_address().octets, &mut ignored) {
                    if query.num_of_sources() == 0 {
                        self.group_query(now, group);
                    } else {
                        let sources = unicast(query.source_addresses(), &mut ignored);
                        self.source_query(now, group, &sources);
                    }
                }
            }
            IgmpSlice::MembershipReportV1(report) => {
                if let Some(group) = multicast(report.group_address().octets, &mut ignored) {
                    self.report_v1(now, group);
                }
            }
            IgmpSlice::MembershipReportV2(report) => {
                if let Some(group) = multicast(report.group_address().octets, &mut ignored) {
                    self.report_v2(now, group);
                }
            }
            IgmpSlice::MembershipReportV3(report) => {
                for record in report.group_records() {
                    let Ok(record) = record else {
                        unreachable!("M2: every group record can be decoded");
                    };
                    if let Some(record) = group_record(&record, &mut ignored) {
                        self.group_record(now, &record);
                    }
                }
            }
            IgmpSlice::LeaveGroup(leave) => {
                if let Some(group) = multicast(leave.group_address().octets, &mut ignored) {
                    self.leave(now, group);
                }
            }
            IgmpSlice::Unknown(_) => unreachable!("M1: the type of a message is known"),
        }
        ignored
    }
}

/// The group record of a report; `None` if it must be ignored.
fn group_record(
    record: &ReportGroupRecordV3Slice<'_>,
    ignored: &mut Tally<Ignored>,
) -> Option<GroupRecord> {
    let record_type = match record.record_type() {
        ReportGroupRecordType::MODE_IS_INCLUDE => GroupRecordType::IsInclude,
        ReportGroupRecordType::MODE_IS_EXCLUDE => GroupRecordType::IsExclude,
        ReportGroupRecordType::CHANGE_TO_INCLUDE_MODE => GroupRecordType::ToInclude,
        ReportGroupRecordType::CHANGE_TO_EXCLUDE_MODE => GroupRecordType::ToExclude,
        ReportGroupRecordType::ALLOW_NEW_SOURCES => GroupRecordType::Allow,
        ReportGroupRecordType::BLOCK_OLD_SOURCES => GroupRecordType::Block,
        _ => {
            ignored.add(Ignored::RecordType);
            return None;
        }
    };
    let group = multicast(record.multicast_address(), ignored)?;
    let sources = unicast(record.source_addresses(), ignored);
    // If all listed sources are invalid, the record must not act as one with an empty list, which joins or
    // leaves the whole group.
    let is_meant = !sources.is_empty() || record.num_of_sources() == 0;
    is_meant.then_some(GroupRecord { record_type, group, sources })
}

/// The group of a query; `None` for a general query, whose group is 0.0.0.0.
fn queried(octets: [u8; 4], ignored: &mut Tally<Ignored>) -> Option<Ipv4Addr> {
    if octets == [0; 4] { None } else { multicast(octets, ignored) }
}

/// The address, if it is a multicast address.
fn multicast(octets: [u8; 4], ignored: &mut Tally<Ignored>) -> Option<Ipv4Addr> {
    let group = Ipv4Addr::from(octets);
    if !group.is_multicast() {
        ignored.add(Ignored::Group);
        return None;
    }
    Some(group)
}

/// The addresses of a source list that are unicast addresses.
fn unicast(
    addresses: impl Iterator<Item = [u8; 4]>,
    ignored: &mut Tally<Ignored>,
) -> BTreeSet<Ipv4Addr> {
    let mut sources = BTreeSet::new();
    for source in addresses.map(Ipv4Addr::from) {
        if source.is_unspecified() || source.is_multicast() || source.is_broadcast() {
            ignored.add(Ignored::Source);
        } else {
            sources.insert(source);
        }
    }
    sources
}
