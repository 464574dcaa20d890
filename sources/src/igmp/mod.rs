//! IGMP versions 1 to 3, from a message to the membership state of a link.
//!
//! ```text
//!  bytes ──▶ message::decode ──▶ Message ──▶ MembershipState::apply ──▶ joins
//!            checks the whole                filter modes and timers
//!            message                         of each group
//! ```

mod apply;
mod membership_state;
mod message;

pub(crate) use membership_state::{GROUP_MEMBERSHIP_INTERVAL, MembershipState};
pub(crate) use message::decode;
