//! Capture files, pcap and pcapng: reads their blocks and passes each frame to a [`Visitor`].
//!
//! # Costs
//!
//! The buffer starts at 64 KiB and doubles while a block does not fit, up to [`MAX_BLOCK_BYTES`]. It grows
//! only as far as the file has data, not as far as a block claims.

use std::error::Error;
use std::fmt;
use std::io::{self, Cursor, Read};
use std::time::Duration;

use pcap_parser::pcapng::Block;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{LegacyPcapReader, PcapBlockOwned, PcapError, PcapNGReader};

use crate::stats::Rejection;

/// The size limit of a block of a capture, in bytes. A capture with a larger block is
/// [damaged](CaptureError::Damaged).
pub const MAX_BLOCK_BYTES: usize = 16 << 20;

/// The smallest block of pcapng: its type, and its length twice, before and after its content.
const LEAST_BLOCK_BYTES: usize = 12;

/// How much of the file is read at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// The type of the Packet Block, which the Enhanced Packet Block has replaced.
const PACKET_BLOCK: u32 = 2;

/// The bits of a pcap header's network field that hold the link type. The others describe the frame check
/// sequence.
const LINK_TYPE_MASK: i32 = 0x03ff_ffff;

/// A frame as it was captured.
pub(crate) struct Frame<'a> {
    /// What [`Visitor::interface`] returned.
    pub(crate) interface: usize,
    /// Since 1970-01-01 00:00 UTC.
    pub(crate) time: Duration,
    pub(crate) link_type: u32,
    pub(crate) data: &'a [u8],
}

/// Receives what a capture holds, in the order of the file.
pub(crate) trait Visitor {
    /// An interface, number `id` of its section or of the capture, with the name that the capture gives it.
    /// Returns the value for [`Frame::interface`].
    fn interface(&mut self, name: Option<&str>, id: usize) -> usize;

    /// A frame.
    fn frame(&mut self, frame: Frame<'_>);

    /// A frame that cannot be read.
    fn unreadable_frame(&mut self, cause: Rejection);
}

/// Why a capture could not be read, or not to its end. A retry with the same file fails again, except where
/// an [`Io`](Self::Io) error was temporary.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// The reader failed. Everything that it gave before was used.
    Io(io::Error),
    /// The file is neither pcap nor pcapng.
    NotACapture {
        /// What the file is instead, if it is known.
        instead: Option<&'static str>,
    },
    /// The file ends in the middle of a packet. Everything before the packet was used.
    Truncated {
        /// The offset of the packet in the file, in bytes; 0 if the header of the file is cut.
        offset: u64,
    },
    /// The file is not a valid capture from this offset on. Everything before it was used.
    Damaged {
        /// The offset in the file, in bytes.
        offset: u64,
    },
    /// Some frames have a link type that is not supported. All others were used.
    UnsupportedLinkType {
        /// The first such link type, as <https://www.tcpdump.org/linktypes.html> numbers them.
        link_type: u32,
        /// The number of frames with any such link type.
        frames: u64,
    },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("cannot read the capture"),
            Self::NotACapture { instead } => {
                f.write_str("not a pcap or pcapng capture")?;
                instead.map_or(Ok(()), |instead| write!(f, ": the file is {instead}"))
            }
            Self::Truncated { offset: 0 } => {
                f.write_str("the capture ends in the middle of its header")
            }
            Self::Truncated { offset } => write!(
                f,
                "the capture ends in the middle of the packet at offset {offset}; \
                 the packets before it were used"
            ),
            Self::Damaged { offset } => write!(
                f,
                "the capture is damaged at offset {offset}; the packets before it were used"
            ),
            Self::UnsupportedLinkType { link_type, frames } => write!(
                f,
                "unsupported link type {link_type} (frames skipped: {frames}); \
                 the other frames were used"
            ),
        }
    }
}

impl Error for CaptureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// Reads a capture to its end, or to the first fault.
pub(crate) fn read(mut reader: impl Read, visitor: &mut impl Visitor) -> Result<(), CaptureError> {
    let mut magic = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut magic).map_err(CaptureError::Io)?;
    let mut failure = None;
    let reader = WholeReads { reader: Cursor::new(&magic).chain(reader), failure: &mut failure };
    let read = match magic.as_slice() {
        [0x0a, 0x0d, 0x0d, 0x0a] => {
            let blocks = PcapNGReader::new(BUFFER_BYTES, reader).map_err(|e| at_start(&e));
            blocks.and_then(|blocks| read_blocks(blocks, PcapNg::new(visitor)))
        }
        // Microseconds and nanoseconds, in either byte order, and the little-endian form of the
        // modified pcap format that Alexey Kuznetsov's libpcap patches wrote.
        [0xa1, 0xb2, 0xc3, 0xd4]
        | [0xd4, 0xc3, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0x3c, 0x4d]
        | [0x4d, 0x3c, 0xb2, 0xa1]
        | [0x34, 0xcd, 0xb2, 0xa1] => {
            let frames = LegacyPcapReader::new(BUFFER_BYTES, reader).map_err(|e| at_start(&e));
            frames.and_then(|frames| read_blocks(frames, Pcap::new(visitor)))
        }
        other => Err(CaptureError::NotACapture { instead: instead(other) }),
    };
    match failure {
        Some(error) => Err(CaptureError::Io(error)),
        None => read,
    }
}

/// The time of the first frame of a capture, since 1970-01-01 00:00 UTC; `None` if no frame can be read.
///
/// The beginning of the file suffices. Errors are ignored here;
/// [`Replay::read_capture`](crate::Replay::read_capture) reports them.
///
/// # Examples
///
/// ```
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/router-lan1.pcap");
/// let time = groupscan_sources::first_frame_time(std::fs::File::open(path)?);
/// assert!(time.is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn first_frame_time(reader: impl Read) -> Option<Duration> {
    struct First(Option<Duration>);

    impl Visitor for First {
        fn interface(&mut self, _name: Option<&str>, _id: usize) -> usize {
            0
        }

        fn frame(&mut self, frame: Frame<'_>) {
            self.0.get_or_insert(frame.time);
        }

        fn unreadable_frame(&mut self, _cause: Rejection) {}
    }

    let mut first = First(None);
    let _ = read(reader, &mut first);
    first.0
}

/// The error for a file whose first header could not be read.
fn at_start<I>(error: &PcapError<I>) -> CaptureError {
    match error {
        PcapError::Incomplete(_) => CaptureError::Truncated { offset: 0 },
        _ => CaptureError::Damaged { offset: 0 },
    }
}

/// What a file with these first bytes is, if it is a common mistake.
fn instead(magic: &[u8]) -> Option<&'static str> {
    match magic {
        [] => Some("empty"),
        [0x1f, 0x8b, ..] => Some("compressed with gzip; decompress it first"),
        [0x28, 0xb5, 0x2f, 0xfd] => Some("compressed with zstd; decompress it first"),
        [0xfd, b'7', b'z', b'X'] => Some("compressed with xz; decompress it first"),
        _ => None,
    }
}

/// A reader that fills every buffer, so that the parsers see a short read only at the end of the file. It
/// keeps the error that the parsers would drop.
struct WholeReads<'f, R> {
    reader: R,
    failure: &'f mut Option<io::Error>,
}

impl<R: Read> Read for WholeReads<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // The parsers use what came before, and then see the end of the file.
                    self.failure.get_or_insert(error);
                    break;
                }
            }
        }
        Ok(filled)
    }
}

/// How to interpret the blocks of a file format.
trait Format {
    /// Passes the content of the next block to the visitor.
    fn block(&mut self, block: &PcapBlockOwned<'_>);

    /// The length that the block at the front of `data` states, in bytes; `None` if the format states none
    /// or `data` is too short to hold it.
    fn block_bytes(&self, data: &[u8]) -> Option<usize>;
}

/// Reads the blocks of a capture, to its end or to the first fault.
fn read_blocks(
    mut reader: impl PcapReaderIterator,
    mut format: impl Format,
) -> Result<(), CaptureError> {
    let mut capacity_bytes = BUFFER_BYTES;
    loop {
        let offset = reader.consumed() as u64;
        let damaged = Err(CaptureError::Damaged { offset });
        let block_bytes = format.block_bytes(reader.data());
        if block_bytes.is_some_and(|bytes| bytes < LEAST_BLOCK_BYTES) {
            // The parser relies on the minimum for blocks of some types.
            return damaged;
        }
        // The size to grow the buffer to, if needed, once the parser's borrow of it has ended.
        let grown_bytes = match reader.next() {
            Ok((length, block)) => {
                format.block(&block);
                reader.consume(length);
                continue;
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_)) => None,
            Err(PcapError::BufferTooSmall) => Some(capacity_bytes * 2),
            Err(PcapError::UnexpectedEof) => return Err(CaptureError::Truncated { offset }),
            Err(_) => return damaged,
        };
        if block_bytes.is_some_and(|bytes| bytes <= reader.data().len()) {
            // The whole block is there, so more data would not help.
            return damaged;
        }
        if let Some(grown_bytes) = grown_bytes {
            if grown_bytes > MAX_BLOCK_BYTES || !reader.grow(grown_bytes) {
                return damaged;
            }
            capacity_bytes = grown_bytes;
        }
        if reader.refill().is_err() {
            return damaged;
        }
    }
}

/// A pcap file: one interface, one link type.
struct Pcap<'v, V> {
    visitor: &'v mut V,
    interface: usize,
    link_type: u32,
    nanos_per_tick: u64,
}

impl<'v, V: Visitor> Pcap<'v, V> {
    fn new(visitor: &'v mut V) -> Self {
        let interface = visitor.interface(None, 0);
        Self { visitor, interface, link_type: 0, nanos_per_tick: 1000 }
    }
}

impl<V: Visitor> Format for Pcap<'_, V> {
    fn block(&mut self, block: &PcapBlockOwned<'_>) {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                self.link_type = (header.network.0 & LINK_TYPE_MASK) as u32;
                if header.is_nanosecond_precision() {
                    self.nanos_per_tick = 1;
                }
            }
            PcapBlockOwned::Legacy(frame) => {
                let nanos = u64::from(frame.ts_usec) * self.nanos_per_tick;
                self.visitor.frame(Frame {
                    interface: self.interface,
                    time: Duration::from_secs(frame.ts_sec.into()) + Duration::from_nanos(nanos),
                    link_type: self.link_type,
                    data: frame.data,
                });
            }
            PcapBlockOwned::NG(_) => unreachable!("a reader of pcap gives blocks of pcap"),
        }
    }

    fn block_bytes(&self, _data: &[u8]) -> Option<usize> {
        // A record that the parser calls incomplete lacks nothing but data, so none is contradictory.
        None
    }
}

/// A pcapng file: sections, each with its own interfaces.
struct PcapNg<'v, V> {
    visitor: &'v mut V,
    /// The byte order of the current section, as its header states.
    big_endian: bool,
    /// The interfaces of the current section that have been described so far.
    interfaces: Vec<CaptureInterface>,
    /// The time of the last frame that has a time. Frames without a time get this one.
    last_time: Duration,
}

struct CaptureInterface {
    /// What the visitor returned.
    handle: usize,
    link_type: u32,
    snap_bytes: usize,
    resolution: u8,
    offset_seconds: i64,
}

impl<'v, V: Visitor> PcapNg<'v, V> {
    fn new(visitor: &'v mut V) -> Self {
        let (interfaces, last_time) = (Vec::new(), Duration::ZERO);
        Self { visitor, big_endian: false, interfaces, last_time }
    }

    fn frame(&mut self, interface: usize, ticks: Option<u64>, packet: &dyn PcapNGPacketBlock) {
        let Some(interface) = self.interfaces.get(interface) else {
            return self.visitor.unreadable_frame(Rejection::NoInterface);
        };
        if let Some(ticks) = ticks {
            self.last_time = interface.time(ticks);
        }
        let data = packet.packet_data();
        self.visitor.frame(Frame {
            interface: interface.handle,
            time: self.last_time,
            link_type: interface.link_type,
            data: data.get(..interface.snap_bytes).unwrap_or(data),
        });
    }
}

impl<V: Visitor> Format for PcapNg<'_, V> {
    fn block(&mut self, block: &PcapBlockOwned<'_>) {
        match block {
            PcapBlockOwned::NG(Block::SectionHeader(header)) => {
                self.big_endian = header.big_endian();
                self.interfaces.clear();
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(described)) => {
                let name = described.if_name().and_then(Result::ok);
                let name = name.map(|name| name.trim_end_matches('\0')).filter(|n| !n.is_empty());
                self.interfaces.push(CaptureInterface {
                    handle: self.visitor.interface(name, self.interfaces.len()),
                    link_type: described.linktype.0 as u32,
                    snap_bytes: match described.snaplen {
                        0 => usize::MAX,
                        limit => limit as usize,
                    },
                    resolution: described.if_tsresol,
                    // The parser reads this option as little-endian in every section.
                    offset_seconds: if self.big_endian {
                        described.if_tsoffset.swap_bytes()
                    } else {
                        described.if_tsoffset
                    },
                });
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                self.frame(packet.if_id as usize, Some(ticks), packet);
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => self.frame(0, None, packet),
            PcapBlockOwned::NG(Block::Unknown(unknown)) if unknown.block_type == PACKET_BLOCK => {
                self.visitor.unreadable_frame(Rejection::PacketBlock);
            }
            // Statistics, names, secrets: they hold no frames.
            PcapBlockOwned::NG(_) => {}
            PcapBlockOwned::Legacy(_) | PcapBlockOwned::LegacyHeader(_) => {
                unreachable!("a reader of pcapng gives blocks of pcapng")
            }
        }
    }

    fn block_bytes(&self, data: &[u8]) -> Option<usize> {
        // Type and length. In a section header the magic number that shows the byte order follows.
        let ([kind @ .., a, b, c, d], rest) = data.split_first_chunk::<8>()?;
        let big_endian = match (kind, rest) {
            ([0x0a, 0x0d, 0x0d, 0x0a], [first, ..]) => *first == 0x1a,
            _ => self.big_endian,
        };
        let length = [*a, *b, *c, *d];
        let length =
            if big_endian { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) };
        Some(length as usize)
    }
}

impl CaptureInterface {
    /// The time of a time stamp. Ticks are 10^-n s, or 2^-n s if the highest bit of the resolution is set; n
    /// is the other bits.
    fn time(&self, ticks: u64) -> Duration {
        const NANOS: u128 = 1_000_000_000;
        let power = u32::from(self.resolution & 0x7f);
        let scaled = u128::from(ticks) * NANOS;
        let nanos = if self.resolution & 0x80 != 0 {
            scaled >> power
        } else {
            // `scaled` is below 2^94, so a power that overflows exceeds it.
            10u128.checked_pow(power).map_or(0, |ticks_per_second| scaled / ticks_per_second)
        };
        // At most `ticks`, because a tick is at most a second.
        let seconds = (nanos / NANOS) as u64;
        Duration::new(seconds.saturating_add_signed(self.offset_seconds), (nanos % NANOS) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(resolution: u8, offset_seconds: i64, ticks: u64) -> Duration {
        let interface =
            CaptureInterface { handle: 0, link_type: 1, snap_bytes: 0, resolution, offset_seconds };
        interface.time(ticks)
    }

    #[test]
    fn time_stamps_of_every_resolution() {
        assert_eq!(time(6, 0, 1_500_000), Duration::from_millis(1500));
        assert_eq!(time(9, 0, 1_500_000_001), Duration::new(1, 500_000_001));
        assert_eq!(time(0, 0, 7), Duration::from_secs(7));
        assert_eq!(time(12, 0, 2_000_000_000_000), Duration::from_secs(2));
        assert_eq!(time(0x80 | 10, 0, 1536), Duration::from_millis(1500));
        assert_eq!(time(6, 100, 1_000_000), Duration::from_secs(101));
        assert_eq!(time(6, -100, 1_000_000), Duration::ZERO);
        assert_eq!(time(0x7f, 0, u64::MAX), Duration::ZERO);
        assert_eq!(time(0xff, 0, u64::MAX), Duration::ZERO);
        assert_eq!(time(0, i64::MAX, u64::MAX), Duration::from_secs(u64::MAX));
    }
}
