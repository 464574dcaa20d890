//! Decodes IGMP messages and checks them.

use etherparse::IgmpSlice;

use crate::frame::Skip;
use crate::stats::{Foreign, MessageKind, Rejection};

/// A message that passed all checks.
///
/// # Invariants
///
/// - M1: the slice is not of an unknown type.
/// - M2: every group record of a version 3 report can be decoded.
pub(crate) struct Message<'a> {
    kind: MessageKind,
    slice: IgmpSlice<'a>,
}

impl<'a> Message<'a> {
    pub(crate) fn kind(&self) -> MessageKind {
        self.kind
    }

    pub(super) fn slice(&self) -> &IgmpSlice<'a> {
        &self.slice
    }
}

/// Decodes one IGMP message from the whole of `bytes`.
pub(crate) fn decode(bytes: &[u8]) -> Result<Message<'_>, Skip> {
    // A message has at least 8 bytes; a query has 8, or at least 12 (RFC 3376, section 7.1).
    let slice = IgmpSlice::from_slice(bytes).map_err(|_| Rejection::Malformed)?;
    let kind = match &slice {
        IgmpSlice::MembershipQuery(query) if query.max_response_time() == 0 => MessageKind::QueryV1,
        IgmpSlice::MembershipQuery(_) => MessageKind::QueryV2,
        IgmpSlice::MembershipQueryWithSources(_) => MessageKind::QueryV3,
        IgmpSlice::MembershipReportV1(_) => MessageKind::ReportV1,
        IgmpSlice::MembershipReportV2(_) => MessageKind::ReportV2,
        IgmpSlice::MembershipReportV3(_) => MessageKind::ReportV3,
        IgmpSlice::LeaveGroup(_) => MessageKind::Leave,
        IgmpSlice::Unknown(_) => return Err(foreign(slice.type_u8()).into()),
    };
    if !slice.is_checksum_valid() {
        return Err(Rejection::IgmpChecksum.into());
    }
    if let IgmpSlice::MembershipReportV3(report) = &slice
        && report.group_records().any(|record| record.is_err())
    {
        return Err(Rejection::Malformed.into());
    }
    Ok(Message { kind, slice })
}

/// Which protocol uses an IGMP type that is not of a host or a querier (IANA's registry of IGMP types).
fn foreign(kind: u8) -> Foreign {
    match kind {
        0x13 => Foreign::Dvmrp,
        0x14 => Foreign::PimV1,
        0x1e | 0x1f => Foreign::Mtrace,
        _ => Foreign::Igmp,
    }
}
