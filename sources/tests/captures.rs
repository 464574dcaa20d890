//! Captures, recorded and made, and the memberships that result from them. FRR, tcpdump and Zeek decoded the
//! recorded ones.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use groupscan::V4;
use groupscan_sources::{
    CaptureError, Foreign, Ignored, MAX_BLOCK_BYTES, MessageKind, Naming, Rejection, Replay,
};
use groupscan_testing::captures::{
    ETHERNET, IPV4, RECORDINGS, block, enhanced, ethernet, interface, leave, message, of_others,
    packet, pcap, report, report_v3, section, simple,
};

const GROUP: V4 = V4::new(239, 1, 1, 1);

fn data(name: &str) -> PathBuf {
    Path::new(RECORDINGS).join(name)
}

/// A replay of this project's recordings.
fn replay(names: &[&str]) -> Replay {
    let mut replay = Replay::new();
    for name in names {
        let file = std::fs::File::open(data(&format!("router-{name}.pcap"))).unwrap();
        replay.read_capture(file, name, Naming::Capture).unwrap();
    }
    replay
}

/// A replay of one capture, and the result of reading it.
fn read(capture: &[u8]) -> (Replay, Result<(), CaptureError>) {
    let mut replay = Replay::new();
    let read = replay.read_capture(capture, "lan", Naming::Capture);
    (replay, read)
}

/// The (interface, group, source) of a replay.
fn joins(replay: &Replay) -> BTreeSet<(String, V4, V4)> {
    let memberships: Vec<_> = replay.memberships().collect();
    let joins: BTreeSet<_> = memberships
        .iter()
        .map(|m| {
            let name = replay.interface_name(m.interface.index).unwrap();
            (name.to_owned(), m.group, m.source)
        })
        .collect();
    assert_eq!(joins.len(), memberships.len(), "each membership once");
    joins
}

/// The groups of a replay, on any interface.
fn groups(replay: &Replay) -> BTreeSet<V4> {
    replay.memberships().map(|membership| membership.group).collect()
}

// This project's recordings.

#[test]
fn two_lans_have_the_joins_that_frr_lists() {
    let text = std::fs::read_to_string(data("lr1.frr.igmp-sources.json")).unwrap();
    let frr: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut expected = BTreeSet::new();
    for (name, groups) in frr.as_object().unwrap() {
        for (group, state) in groups.as_object().unwrap().iter().filter(|(key, _)| *key != "name") {
            for source in state["sources"].as_array().unwrap() {
                let address = source["source"].as_str().unwrap();
                // FRR lists an excluded source as not forwarded. It is not a join.
                let source = match address {
                    "*" => V4::UNSPECIFIED,
                    _ if source["forwarded"] == false => continue,
                    _ => address.parse().unwrap(),
                };
                expected.insert((name.clone(), group.parse().unwrap(), source));
            }
        }
    }
    assert_eq!(expected.len(), 87, "the list is complete");
    let mut found = joins(&replay(&["lan1", "enp0s31f6np0"]));
    found.retain(|(_, group, _)| group.octets()[..3] != [224, 0, 0]);
    assert_eq!(found, expected);
}

#[test]
fn one_capture_of_all_links_has_what_their_own_captures_have() {
    let singles = replay(&["lan1", "enp0s31f6np0", "lan3", "up0"]);
    let expected: BTreeSet<_> = singles.memberships().map(|m| (m.group, m.source)).collect();
    let any = replay(&["any-sll2"]);
    let found: BTreeSet<_> = any.memberships().map(|m| (m.group, m.source)).collect();
    assert_eq!(found, expected);
    for kind in [MessageKind::ReportV1, MessageKind::ReportV2, MessageKind::ReportV3] {
        assert_eq!(any.stats().messages.get(kind), singles.stats().messages.get(kind), "{kind}");
    }
}

// Captures of other projects, decoded by these.

fn read_file(path: &Path) -> Replay {
    let mut replay = Replay::new();
    let file = std::fs::File::open(path).unwrap();
    replay.read_capture(file, "lan", Naming::Capture).unwrap();
    let stats = replay.stats();
    let accounted = stats.messages.total() + stats.foreign.total() + stats.rejected.total();
    assert_eq!(accounted, stats.frames, "{}", path.display());
    replay
}

fn messages(replay: &Replay) -> BTreeMap<MessageKind, u64> {
    replay.stats().messages.iter().collect()
}

#[test]
fn igmp_is_counted_as_tcpdump_prints_it() {
    let Some(folder) = of_others("tcpdump") else {
        return;
    };
    for (capture, printed) in [
        ("IGMP_V1.pcap", "igmpv1.out"),
        ("IGMP_V2.pcap", "igmpv2.out"),
        ("igmpv3-queries.pcap", "igmpv3-queries.out"),
    ] {
        let printed = std::fs::read_to_string(folder.join(printed)).unwrap();
        let mut expected = BTreeMap::new();
        for line in printed.lines() {
            let (_, what) = line.split_once(": igmp ").unwrap();
            let kind = match what.split_whitespace().take(2).collect::<Vec<_>>()[..] {
                ["query", "v1"] => MessageKind::QueryV1,
                ["query", "v2"] => MessageKind::QueryV2,
                ["query", "v3"] => MessageKind::QueryV3,
                ["v1", "report"] => MessageKind::ReportV1,
                ["v2", "report"] => MessageKind::ReportV2,
                ["leave", _] => MessageKind::Leave,
                _ => panic!("unknown: {what}"),
            };
            *expected.entry(kind).or_default() += 1;
        }
        let replay = read_file(&folder.join(capture));
        assert_eq!(messages(&replay), expected, "{capture}");
        assert_eq!(replay.stats().messages.total(), replay.stats().frames, "{capture}");
    }
}

#[test]
fn foreign_traffic_is_counted_by_kind() {
    let Some(folder) = of_others("tcpdump") else {
        return;
    };
    let printed = std::fs::read_to_string(folder.join("pimv2_sm-v.out")).unwrap();
    let pim = printed.matches("proto PIM").count() as u64;
    for (capture, expected) in [
        ("PIM-SM_join_prune.pcap", &[(Foreign::Pim, pim), (Foreign::PimV1, 4)][..]),
        ("PIM-DM_pruning.pcap", &[(Foreign::Ipv4, 5), (Foreign::Pim, 33)]),
        ("PIM_register_register-stop.pcap", &[(Foreign::Pim, 2)]),
        ("PIMv2_hellos.pcap", &[(Foreign::Pim, 6)]),
        ("icmpv6.pcap", &[(Foreign::Ipv6, 1), (Foreign::Mld, 4)]),
        ("mtrace.pcap", &[(Foreign::Mtrace, 2)]),
    ] {
        let replay = read_file(&folder.join(capture));
        let foreign: Vec<_> = replay.stats().foreign.iter().collect();
        assert_eq!(foreign, expected, "{capture}");
        assert_eq!(replay.stats().rejected.total(), 0, "{capture}");
    }
    // Two IGMP messages among other traffic.
    let replay = read_file(&folder.join("eapon1.pcap"));
    assert_eq!(messages(&replay), BTreeMap::from([(MessageKind::ReportV3, 2)]));
    assert_eq!(replay.stats().foreign.total(), 112);
}

#[test]
fn malformed_captures_are_counted_as_errors() {
    let Some(folder) = of_others("tcpdump") else {
        return;
    };
    for (capture, foreign) in
        [("hoobr_pimv1.pcap", 8), ("pim_header_asan.pcap", 0), ("pim_header_asan-3.pcap", 0)]
    {
        let replay = read_file(&folder.join(capture));
        assert_eq!(replay.stats().rejected.get(Rejection::Truncated), 1, "{capture}");
        assert_eq!(replay.stats().foreign.total(), foreign, "{capture}");
        assert_eq!(replay.memberships().count(), 0, "{capture}");
    }
}

#[test]
fn igmp_is_counted_as_zeek_logs_it() {
    let Some(folder) = of_others("zeek") else { return };
    // The log has the events of two captures, one after the other.
    let log = std::fs::read_to_string(folder.join("igmp.baseline.out")).unwrap();
    let logged = |kind: &str| {
        log.lines().filter(|line| line.ends_with(&format!("IGMP::{kind}"))).count() as u64
    };
    let mut found = messages(&read_file(&folder.join("igmp.pcap")));
    assert_eq!(found.values().sum::<u64>(), 12);
    let queries = "multicast-igmp-version-membership-query-and-report.pcap";
    found.extend(messages(&read_file(&folder.join(queries))));
    let expected = BTreeMap::from([
        // Zeek's log does not have queries.
        (MessageKind::QueryV1, 8),
        (MessageKind::ReportV1, logged("MEMBERSHIP_REPORT_V1")),
        (MessageKind::ReportV2, logged("MEMBERSHIP_REPORT_V2")),
        (MessageKind::ReportV3, logged("MEMBERSHIP_REPORT_V3")),
        (MessageKind::Leave, logged("LEAVE_GROUP")),
    ]);
    assert_eq!(found, expected);

    let replay = read_file(&folder.join("igmp-bad-checksum.pcap"));
    assert_eq!(replay.stats().rejected.get(Rejection::IgmpChecksum), 1);
    assert_eq!(replay.stats().messages.total(), 11);
    let replay = read_file(&folder.join("igmp-many-groups.pcap"));
    assert_eq!(messages(&replay), BTreeMap::from([(MessageKind::ReportV2, 450)]));
}

#[test]
fn mld_and_tunnels_are_foreign() {
    let Some(folder) = of_others("zeek") else { return };
    for (capture, kind, count) in [
        ("icmp6-mldv1.pcap", Foreign::Mld, 4),
        ("icmp6-mldv2.pcap", Foreign::Mld, 5),
        ("icmp6-mld-query.pcap", Foreign::Mld, 1),
        ("vxlan-encapsulated-igmp-v2.pcap", Foreign::Ipv4, 3),
    ] {
        let replay = read_file(&folder.join(capture));
        assert_eq!(replay.stats().foreign.get(kind), count, "{capture}");
        assert_eq!(replay.stats().frames, count, "{capture}");
    }
}

// Time.

#[test]
fn the_clock_ends_with_the_last_frame() {
    let joined_at_end = |frames: &[(u64, Vec<u8>)]| {
        let (replay, read) = read(&pcap(IPV4, frames));
        read.unwrap();
        !groups(&replay).is_empty()
    };
    let other = || message(0x99, 0, GROUP);
    let report = || report(GROUP);
    // A foreign frame moves the clock, too.
    assert!(joined_at_end(&[(0, report()), (259_999, other())]));
    assert!(!joined_at_end(&[(0, report()), (260_000, other())]));
    assert!(joined_at_end(&[(0, report()), (5_000, leave(GROUP)), (6_999, other())]));
    assert!(!joined_at_end(&[(0, report()), (5_000, leave(GROUP)), (7_000, other())]));
    // A time stamp that is set back does not move the clock back. A frame without a message and with a time
    // stamp in the future does not move it forward, unless it is the last one.
    let leaving = || [(5_000, report()), (9_000, leave(GROUP)), (11_000, leave(GROUP))];
    assert!(!joined_at_end(&[&leaving()[..], &[(0, other())]].concat()));
    assert!(joined_at_end(&[(0, report()), (4_000_000_000, other()), (1_000, other())]));
    // A group-specific query is received; then the same with a version 1 host.
    let query = || message(0x11, 10, GROUP);
    assert!(!joined_at_end(&[(0, report()), (1_000, query()), (3_000, other())]));
    let report_v1 = message(0x12, 0, GROUP);
    let leaving = [(0, report_v1), (5_000, leave(GROUP)), (100_000, other())];
    assert!(joined_at_end(&leaving), "a version 1 host disables leaves");
    let query_v1 = message(0x11, 0, GROUP);
    let frames = [(0, report()), (1_000, query_v1), (9_000, other())];
    assert!(joined_at_end(&frames), "the group of a version 1 query has no meaning");
}

#[test]
fn suppressed_queries_change_nothing() {
    let query =
        |flags: u8| packet([&[0x11, 10, 0, 0][..], &GROUP.octets(), &[flags, 125, 0, 0]].concat());
    for (flags, joined) in [(0x02, false), (0x0a, true)] {
        let frames = [(0, report(GROUP)), (0, query(flags)), (9_000, message(0x99, 0, GROUP))];
        let (replay, _) = read(&pcap(IPV4, &frames));
        assert_eq!(!groups(&replay).is_empty(), joined, "flags {flags:#x}");
    }
}

#[test]
fn captures_of_one_name_continue_each_other() {
    let first = pcap(IPV4, &[(0, report(GROUP))]);
    let second = pcap(IPV4, &[(10_000, leave(GROUP)), (20_000, leave(GROUP))]);
    let mut replay = Replay::new();
    replay.read_capture(&first[..], "lan", Naming::Capture).unwrap();
    assert_eq!(replay.memberships().count(), 1);
    replay.read_capture(&second[..], "lan", Naming::Capture).unwrap();
    assert_eq!(replay.memberships().count(), 0);
    // A capture that begins before the end of the other has a clock of its own: on that clock `gone` was
    // left long before the end.
    let (gone, stays) = (V4::new(239, 7, 7, 7), V4::new(239, 8, 8, 8));
    let frames = [(5_000, report(gone)), (6_000, leave(gone)), (9_000, report(stays))];
    replay.read_capture(&pcap(IPV4, &frames)[..], "lan", Naming::Capture).unwrap();
    assert_eq!(joins(&replay), [("lan".to_owned(), stays, V4::UNSPECIFIED)].into());
    replay.read_capture(&first[..], "lan", Naming::Capture).unwrap();
    assert_eq!(groups(&replay), [stays, GROUP].into());
    // A capture with another name is another interface, with a clock of its own.
    let mut replay = Replay::new();
    replay.read_capture(&second[..], "lan", Naming::Capture).unwrap();
    replay.read_capture(&first[..], "wan", Naming::Capture).unwrap();
    assert_eq!(joins(&replay), [("wan".to_owned(), GROUP, V4::UNSPECIFIED)].into());
}

#[test]
fn vlans_are_links_of_their_own() {
    let on = |vlan: u16, packet: Vec<u8>| ethernet(&[vlan], &packet);
    let frames = [
        (0, on(7, report(GROUP))),
        (0, on(9, report(GROUP))),
        (1_000, on(9, leave(GROUP))),
        (9_000, on(9, leave(GROUP))),
    ];
    let (replay, _) = read(&pcap(ETHERNET, &frames));
    assert_eq!(joins(&replay), [("lan".to_owned(), GROUP, V4::UNSPECIFIED)].into());
}

// Malformed messages.

#[test]
fn invalid_addresses_are_ignored() {
    let sources = [V4::UNSPECIFIED, V4::new(10, 0, 0, 9), V4::new(224, 0, 0, 1), V4::BROADCAST];
    let v3 = report_v3(&[
        (1, GROUP, &sources),
        (4, V4::new(10, 1, 1, 1), &[]),
        (9, V4::new(239, 9, 9, 9), &[]),
        (4, V4::UNSPECIFIED, &[]),
    ]);
    let frames = [(0, v3), (0, report(V4::new(192, 168, 1, 1))), (0, leave(V4::UNSPECIFIED))];
    let (replay, _) = read(&pcap(IPV4, &frames));
    let expected = [("lan".to_owned(), GROUP, V4::new(10, 0, 0, 9))];
    assert_eq!(
        joins(&replay),
        expected.into(),
        "source 0.0.0.0 must not become an any-source join"
    );
    let ignored = &replay.stats().ignored;
    assert_eq!(ignored.get(Ignored::Source), 3);
    assert_eq!(ignored.get(Ignored::Group), 4);
    assert_eq!(ignored.get(Ignored::RecordType), 1);
    assert_eq!(replay.stats().messages.total(), 3);
}

#[test]
fn a_list_of_invalid_sources_is_not_the_empty_list() {
    for kind in 1..=6 {
        let start = (0, report_v3(&[(4, GROUP, &[])]));
        let end = (9_000, message(0x99, 0, GROUP));
        let record = (1_000, report_v3(&[(kind, GROUP, &[V4::UNSPECIFIED])]));
        let (replay, _) = read(&pcap(IPV4, &[start, record.clone(), end.clone()]));
        assert_eq!(replay.memberships().count(), 1, "record type {kind} after a join");
        let (replay, _) = read(&pcap(IPV4, &[record, end]));
        assert_eq!(replay.memberships().count(), 0, "record type {kind} alone");
    }
}

#[test]
fn a_report_is_taken_whole_or_not_at_all() {
    let mut igmp = report_v3(&[(4, GROUP, &[])])[20..].to_vec();
    igmp[7] = 2; // The header states two records; there is one.
    igmp[2..4].fill(0);
    let (replay, _) = read(&pcap(IPV4, &[(0, packet(igmp))]));
    assert_eq!(replay.stats().rejected.get(Rejection::Malformed), 1);
    assert_eq!(replay.memberships().count(), 0);
}

#[test]
fn a_wrong_checksum_is_rejected_and_counted() {
    let mut wrong = report(GROUP);
    wrong[22] ^= 1;
    let (replay, read) = read(&pcap(IPV4, &[(0, wrong), (0, report(V4::new(239, 9, 9, 9)))]));
    read.unwrap();
    assert_eq!(replay.stats().rejected.get(Rejection::IgmpChecksum), 1);
    assert_eq!(groups(&replay), [V4::new(239, 9, 9, 9)].into());
}

#[test]
fn messages_too_short_are_malformed() {
    let query_of_10_bytes = packet([&[0x11, 10, 0, 0][..], &GROUP.octets(), &[0, 0]].concat());
    let frames = [(0, packet(vec![0x16, 0, 0, 0])), (0, query_of_10_bytes)];
    let (replay, _) = read(&pcap(IPV4, &frames));
    assert_eq!(replay.stats().rejected.get(Rejection::Malformed), 2);
}

// Files.

#[test]
fn byte_order_and_resolution_of_pcap_make_no_difference() {
    let frames =
        [(1_500, report(GROUP)), (200_000, leave(GROUP)), (201_999, leave(V4::new(239, 9, 9, 9)))];
    let little = pcap(IPV4, &frames);
    let swap_words = |file: &[u8]| {
        let mut swapped = file.to_vec();
        let (mut at, mut words) = (0, vec![4, 2, 2, 4, 4, 4, 4]);
        while at < file.len() {
            for bytes in std::mem::take(&mut words) {
                swapped[at..at + bytes].reverse();
                at += bytes;
            }
            if at < file.len() {
                let length = u32::from_le_bytes(file[at + 8..at + 12].try_into().unwrap()) as usize;
                for field in 0..4 {
                    swapped[at + 4 * field..at + 4 * field + 4].reverse();
                }
                at += 16 + length;
            }
        }
        swapped
    };
    let mut nanos = little.clone();
    nanos[..4].copy_from_slice(&0xa1b2_3c4du32.to_le_bytes());
    let mut at = 24;
    while at < nanos.len() {
        let word = |at: usize| u32::from_le_bytes(little[at..at + 4].try_into().unwrap());
        nanos[at + 4..at + 8].copy_from_slice(&(word(at + 4) * 1000).to_le_bytes());
        at += 16 + word(at + 8) as usize;
    }
    for file in [swap_words(&little), swap_words(&nanos), nanos, little] {
        let (replay, read) = read(&file);
        read.unwrap();
        assert_eq!(replay.stats().messages.total(), 3);
        assert_eq!(replay.memberships().count(), 1, "one millisecond before the leave counts");
    }
}

#[test]
fn pcapng_interfaces_have_names_or_get_them() {
    let (a, b, c) = (V4::new(239, 0, 0, 1), V4::new(239, 0, 0, 2), V4::new(239, 0, 0, 3));
    let file = [
        section(),
        interface(228, Some("eth0")),
        interface(228, None),
        enhanced(0, 0, &report(a)),
        enhanced(1, 0, &report(b)),
        enhanced(5, 0, &report(b)),
        block(0x0bad, &[1, 2, 3, 4]),
        section(),
        interface(228, None),
        simple(&report(c)),
    ]
    .concat();
    let (replay, read) = read(&file);
    read.unwrap();
    let any = V4::UNSPECIFIED;
    let expected = [("eth0", a), ("lan:1", b), ("lan", c)].map(|(n, g)| (n.to_owned(), g, any));
    assert_eq!(joins(&replay), expected.into());
    assert_eq!(replay.stats().rejected.get(Rejection::NoInterface), 1);
    assert_eq!(replay.stats().frames, 4);

    let mut replay = Replay::new();
    replay.read_capture(&file[..], "mine", Naming::Caller).unwrap();
    let expected = [a, b, c].map(|group| ("mine".to_owned(), group, any));
    assert_eq!(joins(&replay), expected.into(), "the caller's name wins");
}

#[test]
fn pcapng_frames_in_obsolete_blocks_are_counted() {
    let file = [section(), interface(228, None), block(2, &[0; 20])].concat();
    let (replay, read) = read(&file);
    read.unwrap();
    assert_eq!(replay.stats().rejected.get(Rejection::PacketBlock), 1);
    assert_eq!(replay.stats().frames, 1);
}

#[test]
fn time_offsets_of_pcapng_have_the_byte_order_of_their_section() {
    // A capture of one interface with a time offset.
    let capture = |big_endian: bool, seconds: i64| {
        let swap = |bytes: &mut Vec<u8>| {
            if big_endian {
                bytes.reverse()
            }
        };
        let number = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            swap(&mut bytes);
            bytes
        };
        let words = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| number(&word.to_le_bytes())).collect()
        };
        let half = |value: u16| number(&value.to_le_bytes());
        let block = |kind: u32, body: Vec<u8>| {
            let length = body.len() as u32 + 12;
            [words(&[kind, length]), body, words(&[length])].concat()
        };
        let section = [words(&[0x1a2b_3c4d]), half(1), half(0), vec![0xff; 8]].concat();
        let offset = [half(14), half(8), number(&seconds.to_le_bytes()), vec![0; 4]].concat();
        let interface = [half(228), half(0), words(&[0]), offset].concat();
        let frame = |micros: u32, data: Vec<u8>| {
            let length = data.len() as u32;
            assert_eq!(length % 4, 0);
            block(6, [words(&[0, 0, micros, length, length]), data].concat())
        };
        [
            block(0x0a0d_0d0a, section),
            block(1, interface),
            frame(0, report(GROUP)),
            frame(1_000_000, message(0x99, 0, GROUP)),
        ]
        .concat()
    };
    for big_endian in [false, true] {
        let file = capture(big_endian, 200);
        let time = groupscan_sources::first_frame_time(&file[..]);
        assert_eq!(time, Some(std::time::Duration::from_secs(200)), "big-endian: {big_endian}");
    }
}

#[test]
fn pcapng_that_contradicts_itself_is_damaged() {
    let start = [section(), interface(228, None), enhanced(0, 0, &report(GROUP))].concat();
    // A frame that claims more bytes than its block has.
    let mut frame = enhanced(0, 0, &report(GROUP));
    frame[20..24].copy_from_slice(&1000u32.to_le_bytes());
    let more = enhanced(0, 0, &report(GROUP)).repeat(100);
    for file in [[&start[..], &frame].concat(), [&start[..], &frame, &more].concat()] {
        let (replay, read) = read(&file);
        let offset = start.len() as u64;
        assert!(
            matches!(read, Err(CaptureError::Damaged { offset: o }) if o == offset),
            "{read:?}"
        );
        assert_eq!(replay.memberships().count(), 1, "what came before counts");
    }
}

#[test]
fn frames_larger_than_the_buffer_are_read_and_absurd_ones_are_not() {
    let large = ethernet(&[], &[report(GROUP), vec![0; 5 << 20]].concat());
    let (replay, result) = read(&pcap(ETHERNET, &[(0, large)]));
    result.unwrap();
    assert_eq!(replay.memberships().count(), 1);

    let mut absurd = pcap(ETHERNET, &[(0, vec![0; MAX_BLOCK_BYTES + 1])]);
    let (_, result) = read(&absurd);
    assert!(matches!(result, Err(CaptureError::Damaged { offset: 24 })), "{result:?}");
    absurd[32..36].fill(0xff);
    let (_, result) = read(&absurd);
    assert!(matches!(result, Err(CaptureError::Damaged { offset: 24 })), "{result:?}");
}

#[test]
fn a_file_that_is_not_a_capture_is_named() {
    for (bytes, expected) in [
        (&b""[..], "empty"),
        (b"\x1f\x8b\x08\x00....", "gzip"),
        (b"\x28\xb5\x2f\xfd....", "zstd"),
        (b"\xfd7zXZ\x00....", "xz"),
        (b"# a text file", "not a pcap or pcapng capture"),
    ] {
        let (_, result) = read(bytes);
        let message = result.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn unsupported_link_types_are_an_error() {
    let (replay, result) = read(&pcap(127, &[(0, report(GROUP)), (0, report(GROUP))]));
    let expected = CaptureError::UnsupportedLinkType { link_type: 127, frames: 2 };
    assert_eq!(result.unwrap_err().to_string(), expected.to_string());
    assert_eq!(replay.stats().rejected.get(Rejection::LinkType), 2);
}

#[test]
fn a_failing_reader_is_an_error_and_what_it_gave_is_used() {
    struct Failing<'a>(&'a [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            // A byte at a time, then the failure.
            match self.0.read(&mut buffer[..1])? {
                0 => Err(io::Error::other("the disk is on fire")),
                count => Ok(count),
            }
        }
    }
    let file = pcap(IPV4, &[(0, report(GROUP))]);
    let mut replay = Replay::new();
    let result = replay.read_capture(Failing(&file), "lan", Naming::Capture);
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "cannot read the capture", "without its cause");
    assert!(error.source().unwrap().to_string().contains("on fire"));
    assert_eq!(replay.memberships().count(), 1);
}
