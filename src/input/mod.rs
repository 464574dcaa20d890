//! Readers of real inputs: who is a member of what, according to a packet capture.
//!
//! A [`Replay`] stands where a router would: it reads captured frames, keeps the membership state of
//! RFC 3376 for each link, and yields the [`Membership`]s that the state amounts to. It touches no
//! table.
//!
//! ```text
//! capture ──▶ frame ──▶ message ──▶ router ──▶ memberships
//! (file)      (link,    (IGMP)      (RFC 3376,
//!              IPv4)                 one a link)
//! ```
//!
//! Frames that say nothing about IGMP, and frames that say it wrongly, are counted by cause and
//! passed over. See [`Counts`].
//!
//! # Costs
//!
//! Memory follows the number of distinct (group, source, link) that are named within two membership
//! intervals, and of interfaces; a file buffer of at most [`MAX_BLOCK_BYTES`] comes on top.

mod capture;
mod counts;
mod frame;
mod message;
mod router;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::time::Duration;

use crate::family::V4;
use crate::membership::{Interface, Membership, Protocol};

pub use capture::{CaptureError, MAX_BLOCK_BYTES, first_frame_time};
use capture::{Frame, Visitor};
pub use counts::{Counts, Foreign, Ignored, MessageKind, Rejection, Tally};
use frame::{Link, Skip};
use router::{GROUP_MEMBERSHIP_INTERVAL, Router};

/// How the interfaces of a capture get their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Names that the capture gives win; what it leaves unnamed gets the name given by the caller.
    Capture,
    /// Every frame belongs to the interface that the caller names.
    Caller,
}

/// A router's view of the IGMP traffic in captures.
///
/// Each capture is an interface, or several where it says so itself. What a VLAN tag or the interface
/// index of a Linux cooked header tells apart are links of their own: a leave on one says nothing
/// about another, and the interface has the union of them.
///
/// Time is the captures' own: the clock of a capture's interface starts with its first frame, never
/// runs backwards and ends with the capture's last frame. A capture that begins after another one of
/// its interface has ended goes on where that one ended, so successive captures are to be read in the
/// order of time ([`first_frame_time`] tells it). One that begins earlier saw the interface from
/// another place, and the interface has the union of what both saw.
///
/// # Examples
///
/// ```
/// use groupscan::GroupTable;
/// use groupscan::input::{Naming, Replay};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/router-lan1.pcap");
/// let mut replay = Replay::new();
/// replay.read_capture(std::fs::File::open(path)?, "lan1", Naming::Capture)?;
///
/// let table = GroupTable::new();
/// let mut txn = table.begin_write();
/// for membership in replay.memberships() {
///     txn.join(&membership)?;
/// }
/// txn.commit();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Replay {
    interfaces: Vec<ReplayedInterface>,
    by_name: HashMap<String, usize>,
    counts: Counts,
}

#[derive(Debug)]
struct ReplayedInterface {
    name: String,
    /// One for each place that the interface was seen from.
    streams: Vec<Stream>,
}

/// Successive captures of an interface, on one clock.
#[derive(Debug, Default)]
struct Stream {
    clock: Duration,
    next_sweep: Duration,
    links: BTreeMap<Link, Router>,
}

impl ReplayedInterface {
    /// The stream that a capture which begins at `time` goes on with: the one that ended last before
    /// then, or a new one.
    fn stream_at(&mut self, time: Duration) -> usize {
        let ended = self.streams.iter().enumerate().filter(|(_, stream)| stream.clock <= time);
        let last = ended.max_by_key(|(_, stream)| stream.clock).map(|(index, _)| index);
        last.unwrap_or_else(|| {
            self.streams.push(Stream::default());
            self.streams.len() - 1
        })
    }
}

impl Stream {
    /// Moves the clock to the time of a frame, and once in a while removes what is over, so that
    /// memory follows the state and not the length of the captures.
    fn advance(&mut self, time: Duration) {
        self.clock = self.clock.max(time);
        if self.clock >= self.next_sweep {
            self.next_sweep = self.clock.saturating_add(GROUP_MEMBERSHIP_INTERVAL);
            self.links.retain(|_, link| link.sweep(self.clock));
        }
    }

    /// The joins at the end, by link.
    fn joins(&self) -> impl Iterator<Item = (V4, V4)> {
        self.links.values().flat_map(|link| link.joins(self.clock))
    }
}

impl Replay {
    /// A replay that has read nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a capture, pcap or pcapng, to its end. `name` names the interface, as `naming` says.
    ///
    /// Whatever is in the file, reading it takes at most 256 KiB of memory and 32 times the file's
    /// length, of which stays what the joins in it take.
    ///
    /// # Errors
    ///
    /// Any [`CaptureError`]. What was read before the fault counts all the same, and further
    /// captures may be read.
    pub fn read_capture(
        &mut self,
        reader: impl Read,
        name: &str,
        naming: Naming,
    ) -> Result<(), CaptureError> {
        let mut reading = Reading {
            replay: self,
            name,
            naming,
            streams: BTreeMap::new(),
            last_frame: Duration::ZERO,
            unsupported: None,
        };
        let read = capture::read(reader, &mut reading);
        let Reading { streams, last_frame, unsupported, .. } = reading;
        for at in streams {
            if let Some(stream) = self.stream(at) {
                stream.advance(last_frame);
            }
        }
        match (read, unsupported) {
            (Ok(()), Some((link_type, frames))) => {
                Err(CaptureError::UnsupportedLinkType { link_type, frames })
            }
            (read, _) => read,
        }
    }

    /// What was read, by kind.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The memberships at the end of the captures, each once, by ascending interface, group and
    /// source.
    ///
    /// A group in EXCLUDE mode is an any-source join, whatever sources it excludes; the sources of a
    /// group in INCLUDE mode are source-specific joins. The protocol is [`Protocol::IGMP`]. The
    /// interfaces' indices start from 1; [`interface_name`](Self::interface_name) has their names.
    pub fn memberships(&self) -> impl Iterator<Item = Membership<V4>> + '_ {
        (1..).zip(&self.interfaces).flat_map(|(index, interface)| {
            let joins: BTreeSet<_> = interface.streams.iter().flat_map(Stream::joins).collect();
            let interface = Interface::new(index);
            joins.into_iter().map(move |(group, source)| {
                Membership::source_specific(group, source, interface, Protocol::IGMP)
            })
        })
    }

    /// The name of the interface of an index.
    pub fn interface_name(&self, index: u32) -> Option<&str> {
        let position = usize::try_from(index).ok()?.checked_sub(1)?;
        self.interfaces.get(position).map(|interface| interface.name.as_str())
    }

    /// A stream, by the positions of its interface and of itself.
    fn stream(&mut self, (interface, stream): (usize, usize)) -> Option<&mut Stream> {
        self.interfaces.get_mut(interface)?.streams.get_mut(stream)
    }

    /// The position of the interface of a name, made where there is none.
    fn interface_named(&mut self, name: &str) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.interfaces.len();
        self.interfaces.push(ReplayedInterface { name: name.to_owned(), streams: Vec::new() });
        self.by_name.insert(name.to_owned(), index);
        index
    }
}

/// The reading of one capture.
struct Reading<'r> {
    replay: &'r mut Replay,
    name: &'r str,
    naming: Naming,
    /// The stream that each interface goes on with, from its first frame on.
    streams: BTreeMap<usize, usize>,
    last_frame: Duration,
    /// The first link type that is not supported, and the frames of any such.
    unsupported: Option<(u32, u64)>,
}

impl Reading<'_> {
    /// Does what a frame says, or tells why not.
    fn take_in(&mut self, frame: &Frame<'_>, stream: usize) -> Result<(), Skip> {
        let (link, igmp) = match frame::igmp(frame.link_type, frame.data) {
            Err(Skip::Rejected(Rejection::LinkType)) => {
                let (_, frames) = self.unsupported.get_or_insert((frame.link_type, 0));
                *frames += 1;
                return Err(Skip::Rejected(Rejection::LinkType));
            }
            decoded => decoded?,
        };
        let message = message::decode(igmp)?;
        self.replay.counts.messages.add(message.kind());
        let (counts, interfaces) = (&mut self.replay.counts, &mut self.replay.interfaces);
        let interface = interfaces.get_mut(frame.interface);
        if let Some(stream) = interface.and_then(|interface| interface.streams.get_mut(stream)) {
            stream.advance(frame.time);
            let router = stream.links.entry(link).or_default();
            message::apply(&message, router, stream.clock, &mut counts.ignored);
        }
        Ok(())
    }

    /// The stream that a frame belongs to, within its interface.
    fn stream_of(&mut self, frame: &Frame<'_>) -> usize {
        let interfaces = &mut self.replay.interfaces;
        *self.streams.entry(frame.interface).or_insert_with(|| {
            interfaces.get_mut(frame.interface).map_or(0, |i| i.stream_at(frame.time))
        })
    }
}

impl Visitor for Reading<'_> {
    fn interface(&mut self, name: Option<&str>, id: usize) -> usize {
        let unnamed;
        let name = match (self.naming, name, id) {
            (Naming::Capture, Some(name), _) => name,
            // What is unnamed beside others is still an interface of its own.
            (Naming::Capture, None, 1..) => {
                unnamed = format!("{}:{id}", self.name);
                &unnamed
            }
            _ => self.name,
        };
        self.replay.interface_named(name)
    }

    fn frame(&mut self, frame: Frame<'_>) {
        self.replay.counts.frames += 1;
        self.last_frame = frame.time;
        let stream = self.stream_of(&frame);
        match self.take_in(&frame, stream) {
            Ok(()) => {}
            Err(Skip::Foreign(kind)) => self.replay.counts.foreign.add(kind),
            Err(Skip::Rejected(cause)) => self.replay.counts.rejected.add(cause),
        }
    }

    fn unreadable_frame(&mut self, cause: Rejection) {
        self.replay.counts.frames += 1;
        self.replay.counts.rejected.add(cause);
    }
}
