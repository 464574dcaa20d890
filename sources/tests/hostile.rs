//! Captures cut at every byte, and with every byte changed. For any content, reading a file ends, counts
//! every frame, and takes memory in proportion to the file.

#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use groupscan::V4;
use groupscan_sources::{CaptureError, Naming, Replay};

use groupscan_testing::captures::{
    IPV4, RECORDINGS, enhanced, interface, of_others, pcap, report, report_v3, section, simple,
};

thread_local! {
    static LIVE_BYTES: Cell<usize> = const { Cell::new(0) };
    static PEAK_BYTES: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE_BYTES.get() + layout.size();
        LIVE_BYTES.set(live);
        PEAK_BYTES.set(PEAK_BYTES.get().max(live));
        // SAFETY: `System` has the same contract, which the caller fulfils: `layout` is not of size 0.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // What another thread allocated is not counted here.
        LIVE_BYTES.set(LIVE_BYTES.get().saturating_sub(layout.size()));
        // SAFETY: by the contract of `dealloc`, `start` is from `alloc` above with this layout, that is, from
        // `System`.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most memory that `Replay::read_capture` may take for a file, as its documentation states.
fn bound_bytes(file: &[u8]) -> usize {
    256 * 1024 + 32 * file.len()
}

/// A file that is read in pieces, which are counted.
struct Pieces<'f> {
    rest: &'f [u8],
    reads: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(1000);
        self.reads += 1;
        self.rest.read(&mut buffer[..most])
    }
}

/// Reads a capture and checks what must hold for any capture. Returns the number of its frames and the
/// result.
fn read(file: &[u8]) -> (u64, Result<(), CaptureError>) {
    let before = LIVE_BYTES.get();
    PEAK_BYTES.set(before);
    let mut replay = Replay::new();
    let mut pieces = Pieces { rest: file, reads: 0 };
    let result = replay.read_capture(&mut pieces, "lan", Naming::Capture);
    let peak_bytes = PEAK_BYTES.get() - before;
    assert!(peak_bytes <= bound_bytes(file), "{peak_bytes} bytes for a file of {}", file.len());
    // The end is read twice at most: by the reader of the format, and by the code that detects the format.
    assert!(pieces.reads <= file.len() / 1000 + 20, "{} reads", pieces.reads);
    let stats = replay.stats();
    let accounted = stats.messages.total() + stats.foreign.total() + stats.rejected.total();
    assert_eq!(accounted, stats.frames);
    assert!(stats.frames as usize <= file.len() / 12, "a frame has a header");
    let mut memberships = replay.memberships();
    assert!(memberships.all(|m| m.group.is_multicast() && !m.source.is_multicast()));
    (stats.frames, result)
}

/// This project's recordings of one link, in pcap.
fn recordings() -> impl Iterator<Item = (String, Vec<u8>)> {
    ["router-lan1", "router-lan3", "router-enp0s31f6np0"].into_iter().map(|name| {
        let file = fs::read(Path::new(RECORDINGS).join(format!("{name}.pcap"))).unwrap();
        (name.to_owned(), file)
    })
}

/// Captures of other projects, which are not part of this one; none if they are absent.
fn others() -> impl Iterator<Item = (String, Vec<u8>)> {
    ["tcpdump/IGMP_V2", "tcpdump/PIM-SM_join_prune", "zeek/igmp", "zeek/icmp6-mldv2"]
        .into_iter()
        .filter_map(|name| {
            let path = of_others(&format!("{name}.pcap"))?;
            Some((name.to_owned(), fs::read(path).unwrap()))
        })
}

/// A small file with every type of block of pcapng that is read.
fn pcapng() -> (String, Vec<u8>) {
    let group = V4::new(239, 1, 1, 1);
    let blocks = [
        section(),
        interface(228, Some("eth0")),
        enhanced(0, 0, &report(group)),
        simple(&report(group)),
        section(),
        interface(1, None),
        enhanced(0, 1000, &report(group)),
    ];
    ("pcapng".to_owned(), blocks.concat())
}

#[test]
fn captures_cut_anywhere_give_what_came_before() {
    for (name, file) in recordings() {
        let mut offset = 24;
        let mut frames = 0;
        for length in 0..file.len() {
            let (counted, result) = read(&file[..length]);
            if length < 24 {
                match result {
                    Err(CaptureError::NotACapture { .. }) if length < 4 => {}
                    Err(CaptureError::Truncated { offset: 0 }) => {}
                    other => panic!("{name} cut at {length}: {other:?}"),
                }
                continue;
            }
            let next = |offset: usize| {
                let bytes = file[offset + 8..offset + 12].try_into().unwrap();
                offset + 16 + u32::from_le_bytes(bytes) as usize
            };
            if length == next(offset) {
                offset = length;
                frames += 1;
            }
            match result {
                Ok(()) => assert_eq!(length, offset),
                Err(CaptureError::Truncated { offset: at }) => assert_eq!(at, offset as u64),
                Err(other) => panic!("{name} cut at {length}: {other:?}"),
            }
            assert_eq!(counted, frames);
        }
    }
}

#[test]
fn other_captures_cut_anywhere_are_read_without_harm() {
    for (_, file) in others().chain([pcapng()]) {
        let mut before = 0;
        for length in 0..file.len() {
            let (frames, _) = read(&file[..length]);
            assert!((before..=before + 1).contains(&frames), "more of a file has more frames");
            before = frames;
        }
    }
}

#[test]
fn captures_with_any_byte_changed_are_read_without_harm() {
    for (_, mut file) in recordings().chain(others()).chain([pcapng()]) {
        for at in 0..file.len() {
            for change in [0x01, 0x80, 0xff] {
                file[at] ^= change;
                let _ = read(&file);
                file[at] ^= change;
            }
        }
    }
}

/// The smallest records: of groups that exclude nothing, and of sources of few groups.
#[test]
fn memory_for_a_capture_of_nothing_but_joins_is_in_proportion() {
    const TO_EXCLUDE: u8 = 4;
    const ALLOW: u8 = 5;
    let address = |first: u8, number: u32| V4::from_bits(u32::from(first) << 24 | number);
    let frames = (0..40u32).flat_map(|frame| {
        let groups: Vec<V4> = (0..2000).map(|number| address(239, frame << 16 | number)).collect();
        let records = groups.iter().map(|group| (TO_EXCLUDE, *group, &[][..]));
        let of_groups = report_v3(&records.collect::<Vec<_>>());
        let sources: Vec<V4> = (0..4000).map(|number| address(10, frame << 16 | number)).collect();
        let of_sources = report_v3(&[(ALLOW, address(232, frame), &sources)]);
        [of_groups, of_sources]
    });
    let frames: Vec<_> = frames.map(|frame| (0, frame)).collect();
    let (read, result) = read(&pcap(IPV4, &frames));
    result.unwrap();
    assert_eq!(read, 80);
}

#[test]
fn memory_for_a_capture_of_nothing_but_interfaces_is_in_proportion() {
    let blocks = std::iter::once(section());
    let file = blocks.chain((0..20_000).map(|_| interface(228, None))).collect::<Vec<_>>().concat();
    let (frames, result) = read(&file);
    result.unwrap();
    assert_eq!(frames, 0);
    // The same interfaces, section after section.
    let described = [section(), interface(228, Some("lan"))].concat();
    read(&described.repeat(5000)).1.unwrap();
}

#[test]
fn memory_for_a_block_that_claims_too_much_follows_the_data() {
    let (_, file) = pcapng();
    for length in [1 << 10, 1 << 20, 15 << 20, 17 << 20, u32::MAX] {
        // The block of the first frame, after the section header and the interface.
        let at = section().len() + interface(228, Some("eth0")).len();
        let mut claims = file.clone();
        claims[at + 4..at + 8].copy_from_slice(&length.to_le_bytes());
        let (frames, result) = read(&claims);
        assert_eq!(frames, 0);
        assert!(result.is_err(), "{length} bytes: {result:?}");
    }
}

#[test]
fn blocks_of_any_kind_and_length_are_read_or_damaged() {
    const SECTION: u32 = 0x0a0d_0d0a;
    // Packets, statistics, names, secrets, a journal, custom blocks that may be copied or not, processes,
    // and an unassigned type.
    let kinds = [1, 2, 3, 4, 5, 6, 9, 10, 0x0bad, 0x4000_0bad, 0x8000_0001, 0x7777, SECTION];
    let magic: u32 = 0x1a2b_3c4d;
    for big_endian in [false, true] {
        let word = |word: u32| if big_endian { word.to_be_bytes() } else { word.to_le_bytes() };
        let words = |words: &[u32]| words.iter().copied().flat_map(word).collect::<Vec<u8>>();
        let start = words(&[SECTION, 28, magic, 0x0001_0000, !0, !0, 28]);
        for kind in kinds {
            for length in 0..64 {
                for filling in [0, 1, 32, u32::MAX] {
                    let first = if kind == SECTION { magic } else { filling };
                    let block = words(&[&[kind, length, first][..], &[filling; 30]].concat());
                    let (_, result) = read(&[&start[..], &block].concat());
                    if length < 12 {
                        let damaged = matches!(result, Err(CaptureError::Damaged { offset: 28 }));
                        assert!(damaged, "{kind:#x}, {length} bytes of {filling:#x}: {result:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn memory_follows_the_members_and_not_the_length_of_the_capture() {
    // In each round other groups are joined, whose members then stay silent for longer than an interval.
    let round = |round: u8| {
        let joins = (0..250).map(|group| {
            let frame = report(V4::new(239, 1, round, group));
            (u64::from(round) * 300_000, frame)
        });
        pcap(IPV4, &joins.collect::<Vec<_>>())
    };
    let mut replay = Replay::new();
    let mut live_after = |number| {
        let capture = round(number);
        let before = LIVE_BYTES.get();
        replay.read_capture(&capture[..], "lan", Naming::Capture).unwrap();
        assert_eq!(replay.memberships().count(), 250);
        LIVE_BYTES.get() as isize - before as isize
    };
    assert!(live_after(0) > 250 * 16, "memberships take memory");
    let grown: isize = (1..100).map(&mut live_after).sum();
    assert!(grown < 64 << 10, "{grown} bytes more after 99 rounds");
}
