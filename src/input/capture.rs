//! Capture files, pcap and pcapng, as a stream of frames.

use std::error::Error;
use std::fmt;
use std::io::{self, Cursor, Read};
use std::time::Duration;

use pcap_parser::pcapng::Block;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{LegacyPcapReader, PcapBlockOwned, PcapError, PcapNGReader};

use super::counts::Rejection;

/// The greatest block of a capture, or record of a frame, that is read. What claims to be larger is
/// taken for damage.
pub const MAX_BLOCK_BYTES: usize = 16 << 20;

/// What a block of pcapng has at least: its type, and its length before and after what it holds.
const LEAST_BLOCK_BYTES: usize = 12;

/// How much of the file is read at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// The type of the block for frames that pcapng had before Enhanced Packet Blocks.
const PACKET_BLOCK: u32 = 2;

/// The bits of a pcap header's network field that number the link type; the others tell about frame
/// check sequences.
const LINK_TYPE_MASK: i32 = 0x03ff_ffff;

/// A frame as it was captured.
pub(super) struct Frame<'a> {
    /// What [`Visitor::interface`] gave.
    pub(super) interface: usize,
    /// Since 1970.
    pub(super) time: Duration,
    pub(super) link_type: u32,
    pub(super) data: &'a [u8],
}

/// What a capture is read into.
pub(super) trait Visitor {
    /// An interface, the `id`th of the capture or of its section, by the name that the capture has
    /// for it. Returns what its frames shall name it.
    fn interface(&mut self, name: Option<&str>, id: usize) -> usize;

    /// A frame.
    fn frame(&mut self, frame: Frame<'_>);

    /// A frame that the capture holds in a way that keeps it from being read.
    fn unreadable_frame(&mut self, cause: Rejection);
}

/// Why a capture could not be read, or not to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// Reading failed.
    Io(io::Error),
    /// The file is neither pcap nor pcapng.
    NotACapture {
        /// What it is instead, where that can be told.
        instead: Option<&'static str>,
    },
    /// The file ends in the middle of a packet. All before it was read.
    Truncated {
        /// Where in the file the packet begins, in bytes; 0 for the header of the file.
        offset: u64,
    },
    /// The file does not go on as a capture. All before that place was read.
    Damaged {
        /// Where in the file that is, in bytes.
        offset: u64,
    },
    /// The capture has frames of a link type that is not supported. All others were read.
    UnsupportedLinkType {
        /// The first such link type, as <https://www.tcpdump.org/linktypes.html> numbers them.
        link_type: u32,
        /// The number of frames with such a link type.
        frames: u64,
    },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::NotACapture { instead } => {
                f.write_str("is neither a pcap nor a pcapng capture")?;
                instead.map_or(Ok(()), |instead| write!(f, ": it is {instead}"))
            }
            Self::Truncated { offset: 0 } => f.write_str("ends in the middle of its header"),
            Self::Truncated { offset } => {
                write!(f, "ends in the middle of the packet at offset {offset}; used up to there")
            }
            Self::Damaged { offset } => {
                write!(f, "is damaged at offset {offset}; used up to there")
            }
            Self::UnsupportedLinkType { link_type, frames } => {
                write!(f, "has {frames} frames of a link type that is not supported ({link_type})")
            }
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
pub(super) fn read(mut reader: impl Read, visitor: &mut impl Visitor) -> Result<(), CaptureError> {
    let mut magic = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut magic).map_err(CaptureError::Io)?;
    let mut failure = None;
    let source = Source { reader: Cursor::new(&magic).chain(reader), failure: &mut failure };
    let read = match magic.as_slice() {
        [0x0a, 0x0d, 0x0d, 0x0a] => {
            let blocks = PcapNGReader::new(BUFFER_BYTES, source).map_err(|e| at_start(&e));
            blocks.and_then(|blocks| read_blocks(blocks, PcapNg::new(visitor)))
        }
        // Microseconds and nanoseconds, in either byte order, and the little-endian form of what
        // patched kernels of old wrote.
        [0xa1, 0xb2, 0xc3, 0xd4]
        | [0xd4, 0xc3, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0x3c, 0x4d]
        | [0x4d, 0x3c, 0xb2, 0xa1]
        | [0x34, 0xcd, 0xb2, 0xa1] => {
            let frames = LegacyPcapReader::new(BUFFER_BYTES, source).map_err(|e| at_start(&e));
            frames.and_then(|frames| read_blocks(frames, Pcap::new(visitor)))
        }
        other => Err(CaptureError::NotACapture { instead: instead(other) }),
    };
    match failure {
        Some(error) => Err(CaptureError::Io(error)),
        None => read,
    }
}

/// The time of the first frame of a capture since 1970, as far as `reader` goes; `None` where there is
/// none.
///
/// A prefix of the file does: whatever is wrong with the capture is for
/// [`Replay::read_capture`](super::Replay::read_capture) to tell.
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

/// The fault of a file whose first header could not be read.
fn at_start<I>(error: &PcapError<I>) -> CaptureError {
    match error {
        PcapError::Incomplete(_) => CaptureError::Truncated { offset: 0 },
        _ => CaptureError::Damaged { offset: 0 },
    }
}

/// What a file with these first bytes is, if it is something that captures are found in.
fn instead(magic: &[u8]) -> Option<&'static str> {
    match magic {
        [] => Some("empty"),
        [0x1f, 0x8b, ..] => Some("compressed with gzip; decompress it first"),
        [0x28, 0xb5, 0x2f, 0xfd] => Some("compressed with zstd; decompress it first"),
        [0xfd, b'7', b'z', b'X'] => Some("compressed with xz; decompress it first"),
        _ => None,
    }
}

/// A reader that fills the buffers it is given, so that the parsers see short reads at the end of a
/// file only, and that keeps the error that they would drop.
struct Source<'f, R> {
    reader: R,
    failure: &'f mut Option<io::Error>,
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // What came before the failure is used; then the file counts as ended.
                    self.failure.get_or_insert(error);
                    break;
                }
            }
        }
        Ok(filled)
    }
}

/// What the blocks of a format mean.
trait Format {
    /// Takes in the next block.
    fn block(&mut self, block: &PcapBlockOwned<'_>);

    /// The bytes of the block that `data` begins with, as it says itself, if it does and `data` goes
    /// as far.
    fn block_bytes(&self, data: &[u8]) -> Option<usize>;
}

/// Reads the blocks of a capture, to the end or to the first fault.
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
            // The parser reckons with more, for blocks of some kinds.
            return damaged;
        }
        // What to grow the buffer to, if it needs to, once the parser's borrow of it has ended.
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
            // All of the block is there, so more data would not help.
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
            PcapBlockOwned::NG(_) => {}
        }
    }

    fn block_bytes(&self, _data: &[u8]) -> Option<usize> {
        // A record says how much data it has, however little; and data is all that it may lack.
        None
    }
}

/// A pcapng file: sections, each with interfaces of its own.
struct PcapNg<'v, V> {
    visitor: &'v mut V,
    /// Of the current section, as its header says.
    big_endian: bool,
    /// Those of the current section, described so far.
    interfaces: Vec<CaptureInterface>,
    /// The time of the last frame that has one, for those that have none.
    last_time: Duration,
}

struct CaptureInterface {
    /// What the visitor gave.
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
                    // The parser reads this option as little-endian, whatever the section is.
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
            // Statistics, names, secrets: nothing about members.
            _ => {}
        }
    }

    fn block_bytes(&self, data: &[u8]) -> Option<usize> {
        // Type, length; a section header goes on with the magic number of its byte order.
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
    /// The time of a time stamp, by the interface's resolution and offset: a power of 10, or of 2
    /// where the highest bit is set, parts of a second.
    fn time(&self, ticks: u64) -> Duration {
        const NANOS: u128 = 1_000_000_000;
        let power = u32::from(self.resolution & 0x7f);
        let scaled = u128::from(ticks) * NANOS;
        let nanos = if self.resolution & 0x80 != 0 {
            scaled >> power
        } else {
            10u128.checked_pow(power).map_or(0, |parts| scaled / parts)
        };
        let seconds = u64::try_from(nanos / NANOS).unwrap_or(u64::MAX);
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
