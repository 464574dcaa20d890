//! Where multicast memberships come from: readers that turn recorded traffic into
//! [`Membership`](groupscan::Membership)s for a [`GroupTable`](groupscan::GroupTable).
//!
//! A [`Replay`] takes the place of a router. It reads the frames of packet captures, runs the IGMP membership
//! state of each link, and yields the memberships that this state amounts to. It touches no table: the caller
//! joins what it yields.
//!
//! # How it works
//!
//! ```text
//!  capture file
//!      │ capture           pcap or pcapng; time stamps, interfaces
//!      ▼
//!  frame                   link header, VLAN tags, IPv4 header
//!      │ frame
//!      ▼
//!  IGMP message            decoded and checked as a whole
//!      │ igmp::message
//!      ▼
//!  membership state        one for each link: filter modes, timers (RFC 3376, section 6)
//!      │ igmp::membership_state
//!      ▼
//!  memberships             one for each (interface, group, source)
//!
//!  interface "lan1"  ──▶  timeline  ──▶  link (no VLAN)  ──▶  group 239.1.1.1  EXCLUDE ()
//!                                   ╰─▶  link (VLAN 7)   ──▶  group 232.1.1.1  INCLUDE (10.0.0.1)
//! ```
//!
//! - An *interface* has a name. A capture has one interface, or several if it is pcapng.
//! - A *timeline* is a run of captures of one interface that follow each other in time, on one clock.
//! - A *link* is what a VLAN tag or the device index of a Linux cooked header tells apart within a timeline.
//!
//! An interface has the union of the memberships of its links, in all its timelines.
//!
//! IGMPv1 (RFC 1112), IGMPv2 (RFC 2236) and IGMPv3 are understood. The rules for IGMPv3 are those of RFC
//! 3376; what RFC 9776, its successor, changes is not implemented.
//!
//! # Invariants
//!
//! - I1: interfaces and timelines are never removed from a [`Replay`], so the numbers that refer to them stay
//!   valid.
//! - I2: a message is taken as a whole or not at all. A frame that is not taken changes no membership.
//! - I3: every frame is counted once: as a message, as foreign, or as rejected. See [`CaptureStats`].
//! - I4: time does not run backwards within a timeline.
//!
//! # Costs
//!
//! Reading takes time in proportion to the capture. Memory follows the number of distinct
//! (group, source, link) that are named within two group membership intervals (520 s), and the number of
//! interfaces. The file buffer adds at most [`MAX_BLOCK_BYTES`]. [`Replay::read_capture`] states the bound
//! for hostile files.
//!
//! # Examples
//!
//! ```
//! use groupscan::{GroupTable, View};
//! use groupscan_sources::{Naming, Replay};
//!
//! let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/router-lan1.pcap");
//! let mut replay = Replay::new();
//! replay.read_capture(std::fs::File::open(path)?, "lan1", Naming::Capture)?;
//!
//! let table = GroupTable::new();
//! let mut txn = table.begin_write();
//! for membership in replay.memberships() {
//!     txn.join(&membership)?;
//! }
//! txn.commit();
//! println!("{} messages", replay.stats().messages.total());
//! for join in table.snapshot()?.ipv4().records(View::AllSources) {
//!     println!("{join}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod capture;
mod frame;
mod igmp;
mod replay;
mod stats;

pub use capture::{CaptureError, MAX_BLOCK_BYTES, first_frame_time};
pub use replay::{Naming, Replay};
pub use stats::{CaptureStats, Foreign, Ignored, MessageKind, Rejection, Tally};
