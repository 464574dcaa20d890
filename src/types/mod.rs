//! The values that callers pass and get: families, joins, interfaces, protocols, memberships, and their
//! plain-old-data records; and the keys that order them.
//!
//! Files, from the bottom up: [`parse`], [`flags`], [`protocol`]; [`key`] (in host byte order); [`family`]
//! (the trait), [`join`], [`interface`], [`prefix`], [`membership`], [`order`], [`sole`]; [`record`];
//! [`families`] (the trait's two implementations).

mod families;
pub(crate) mod family;
mod flags;
mod interface;
mod join;
pub(crate) mod key;
mod membership;
mod order;
mod parse;
mod prefix;
mod protocol;
mod record;
pub(crate) mod sole;

pub use family::{Family, V4, V6};
pub use flags::MembershipFlags;
pub use interface::Interface;
pub use join::Join;
pub use key::{JoinKey, JoinKey4, JoinKey6};
pub use membership::Membership;
pub use order::MembershipOrder;
pub use parse::ParseError;
pub use prefix::{Prefix, PrefixError};
pub use protocol::Protocol;
pub use record::{MembershipEntry, MembershipEntry6, SourceGroupEntry, SourceGroupEntry6};
