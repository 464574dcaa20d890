//! A replay of captures: drives the membership state of each link from the frames, in file order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::time::Duration;

use groupscan::{Interface, Membership, Protocol, V4};

use crate::capture::{self, CaptureError, Frame, Visitor};
use crate::frame::{self, LinkId, Skip};
use crate::igmp::{self, GROUP_MEMBERSHIP_INTERVAL, MembershipState};
use crate::stats::{CaptureStats, Rejection};

/// How the interfaces of a capture get their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Naming {
    /// The capture's own names win. An interface without one gets the name that the caller gives.
    Capture,
    /// All frames belong to the one interface that the caller names.
    Caller,
}

/// Reads captures as a router would hear them, and yields the memberships at their end.
///
/// Each capture is one interface, or several if it is a pcapng file that describes several. VLAN tags and the
/// device index of a Linux cooked header tell links apart: a leave on one link does not affect another. An
/// interface has the union of its links.
///
/// # Time
///
/// Time is that of the captures. The clock of an interface starts with its first frame, never runs backwards,
/// and ends with the last frame of its last capture. A capture that begins after another capture of the same
/// interface has ended continues it, so read successive captures in the order of time;
/// [`first_frame_time`](crate::first_frame_time) tells it. A capture that begins earlier was taken elsewhere
/// at the same time. It gets a clock of its own, and the interface has the union of what both captures saw.
///
/// # Examples
///
/// ```
/// use groupscan_sources::{Naming, Replay};
///
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/router-lan1.pcap");
/// let mut replay = Replay::new();
/// replay.read_capture(std::fs::File::open(path)?, "lan1", Naming::Capture)?;
/// for membership in replay.memberships() {
///     let interface = replay.interface_name(membership.interface.index);
///     println!("{} on {}", membership.join(), interface.unwrap_or("?"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Replay {
    interfaces: Vec<ReplayedInterface>,
    by_name: HashMap<String, usize>,
    stats: CaptureStats,
}

/// An interface and what was seen of it.
#[derive(Debug)]
struct ReplayedInterface {
    name: String,
    /// Captures that overlap in time are in different timelines.
    timelines: Vec<Timeline>,
}

/// Successive captures of one interface, on one clock.
#[derive(Debug, Default)]
struct Timeline {
    clock: Duration,
    next_sweep: Duration,
    links: BTreeMap<LinkId, MembershipState>,
}

/// The number of an interface and of one of its timelines.
#[derive(Clone, Copy, Debug)]
struct TimelineId {
    interface: usize,
    timeline: usize,
}

impl ReplayedInterface {
    /// The timeline that a capture which begins at `time` continues: of those that have ended by then the one
    /// that ended last, or a new one.
    fn timeline_at(&mut self, time: Duration) -> usize {
        let ended = self.timelines.iter().enumerate().filter(|(_, line)| line.clock <= time);
        let last = ended.max_by_key(|(_, line)| line.clock).map(|(index, _)| index);
        last.unwrap_or_else(|| {
            self.timelines.push(Timeline::default());
            self.timelines.len() - 1
        })
    }
}

impl Timeline {
    /// Moves the clock forward to the time of a frame. Once in a group membership interval, removes groups
    /// that have no members left, so that memory follows the state and not the length of the captures.
    fn advance(&mut self, time: Duration) {
        self.clock = self.clock.max(time);
        if self.clock >= self.next_sweep {
            self.next_sweep = self.clock.saturating_add(GROUP_MEMBERSHIP_INTERVAL);
            self.links.retain(|_, link| link.sweep(self.clock));
        }
    }

    /// The (group, source) that are joined at the end, by link.
    fn joins(&self) -> impl Iterator<Item = (V4, V4)> {
        self.links.values().flat_map(|link| link.joins(self.clock))
    }
}

impl Replay {
    /// A replay that has read nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a capture, pcap or pcapng, to its end. `name` names the interface, as `naming` says.
    ///
    /// Reading takes at most 256 KiB of memory plus 32 times the length of the file, whatever the file holds.
    /// Afterwards the replay keeps its interfaces, and of each link the groups that had members within the
    /// last group membership interval.
    ///
    /// # Errors
    ///
    /// Any [`CaptureError`]. Everything before the fault has been used, and further captures may be read.
    pub fn read_capture(
        &mut self,
        reader: impl Read,
        name: &str,
        naming: Naming,
    ) -> Result<(), CaptureError> {
        let mut visitor = ReplayVisitor {
            replay: self,
            name,
            naming,
            timelines: BTreeMap::new(),
            last_frame: Duration::ZERO,
            unsupported: None,
        };
        let read = capture::read(reader, &mut visitor);
        let ReplayVisitor { timelines, last_frame, unsupported, .. } = visitor;
        for (interface, timeline) in timelines {
            self.timeline(TimelineId { interface, timeline }).advance(last_frame);
        }
        match (read, unsupported) {
            (Ok(()), Some((link_type, frames))) => {
                Err(CaptureError::UnsupportedLinkType { link_type, frames })
            }
            (read, _) => read,
        }
    }

    /// What was read so far, by kind.
    #[must_use]
    pub fn stats(&self) -> &CaptureStats {
        &self.stats
    }

    /// The memberships at the end of the captures, each once, ascending by interface, group and source.
    ///
    /// A group in EXCLUDE mode is an any-source join, whichever sources it excludes. The sources of a group
    /// in INCLUDE mode are source-specific joins. The protocol is [`Protocol::IGMP`]. Interface indexes start
    /// at 1; [`interface_name`](Self::interface_name) tells their names.
    pub fn memberships(&self) -> impl Iterator<Item = Membership<V4>> + '_ {
        (1..).zip(&self.interfaces).flat_map(|(index, interface)| {
            let joins: BTreeSet<_> = interface.timelines.iter().flat_map(Timeline::joins).collect();
            let interface = Interface::new(index);
            joins.into_iter().map(move |(group, source)| {
                Membership::source_specific(group, source, interface, Protocol::IGMP)
            })
        })
    }

    /// The name of the interface with this index; `None` if there is no such interface.
    #[must_use]
    pub fn interface_name(&self, index: u32) -> Option<&str> {
        let position = usize::try_from(index).ok()?.checked_sub(1)?;
        self.interfaces.get(position).map(|interface| interface.name.as_str())
    }

    /// The number of the interface of this name, which is added if it is new.
    fn interface_named(&mut self, name: &str) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.interfaces.len();
        let interface = ReplayedInterface { name: name.to_owned(), timelines: Vec::new() };
        self.interfaces.push(interface);
        self.by_name.insert(name.to_owned(), index);
        index
    }

    /// The interface of a number that [`interface_named`](Self::interface_named) gave.
    fn interface_mut(&mut self, interface: usize) -> &mut ReplayedInterface {
        let Some(interface) = self.interfaces.get_mut(interface) else {
            unreachable!("I1: interfaces are never removed");
        };
        interface
    }

    /// The timeline of a number that [`ReplayedInterface::timeline_at`] gave.
    fn timeline(&mut self, id: TimelineId) -> &mut Timeline {
        let Some(timeline) = self.interface_mut(id.interface).timelines.get_mut(id.timeline) else {
            unreachable!("I1: timelines are never removed");
        };
        timeline
    }
}

/// Puts the frames of one capture into a replay.
struct ReplayVisitor<'r> {
    replay: &'r mut Replay,
    name: &'r str,
    naming: Naming,
    /// The timeline that each interface continues, from its first frame on.
    timelines: BTreeMap<usize, usize>,
    last_frame: Duration,
    /// The first unsupported link type, and the number of frames with any unsupported link type.
    unsupported: Option<(u32, u64)>,
}

impl ReplayVisitor<'_> {
    /// Applies the message in a frame, or tells why the frame has none.
    fn apply(&mut self, frame: &Frame<'_>) -> Result<(), Skip> {
        let id = self.timeline_of(frame);
        let (link, bytes) = frame::igmp(frame.link_type, frame.data).inspect_err(|skip| {
            if *skip == Skip::Rejected(Rejection::LinkType) {
                let (_, frames) = self.unsupported.get_or_insert((frame.link_type, 0));
                *frames += 1;
            }
        })?;
        let message = igmp::decode(bytes)?;
        self.replay.stats.messages.add(message.kind());
        let timeline = self.replay.timeline(id);
        timeline.advance(frame.time);
        let now = timeline.clock;
        let ignored = timeline.links.entry(link).or_default().apply(&message, now);
        self.replay.stats.ignored.merge(&ignored);
        Ok(())
    }

    /// The timeline that a frame belongs to.
    fn timeline_of(&mut self, frame: &Frame<'_>) -> TimelineId {
        let interface = frame.interface;
        let timeline = *self
            .timelines
            .entry(interface)
            .or_insert_with(|| self.replay.interface_mut(interface).timeline_at(frame.time));
        TimelineId { interface, timeline }
    }
}

impl Visitor for ReplayVisitor<'_> {
    fn interface(&mut self, name: Option<&str>, id: usize) -> usize {
        let numbered;
        let name = match (self.naming, name, id) {
            (Naming::Capture, Some(name), _) => name,
            // A further interface without a name is an interface of its own.
            (Naming::Capture, None, 1..) => {
                numbered = format!("{}:{id}", self.name);
                &numbered
            }
            _ => self.name,
        };
        self.replay.interface_named(name)
    }

    fn frame(&mut self, frame: Frame<'_>) {
        self.replay.stats.frames += 1;
        self.last_frame = frame.time;
        match self.apply(&frame) {
            Ok(()) => {}
            Err(Skip::Foreign(kind)) => self.replay.stats.foreign.add(kind),
            Err(Skip::Rejected(cause)) => self.replay.stats.rejected.add(cause),
        }
    }

    fn unreadable_frame(&mut self, cause: Rejection) {
        self.replay.stats.frames += 1;
        self.replay.stats.rejected.add(cause);
    }
}
