//! Kinds of enumerations: the type of their records.

use std::fmt::Debug;

use bytemuck::Pod;

use super::source::{JoinSource, MembershipSource};
use crate::types::Family;

/// The kind of an enumeration: [`Joins`] or [`Memberships`].
///
/// This trait is sealed: there are no other kinds.
pub trait Kind: sealed::Enumerated + Send + Sync + 'static {
    /// The type of the records.
    type Record<F: Family>: Pod + Debug + PartialEq + Send + Sync;
}

/// Joins: each (group, source) once, with any number of memberships, as
/// [`SourceGroupEntry`](crate::SourceGroupEntry) or [`SourceGroupEntry6`](crate::SourceGroupEntry6).
#[derive(Debug)]
pub enum Joins {}

/// Memberships, each with its interface, protocol and flags, as
/// [`MembershipEntry`](crate::MembershipEntry) or [`MembershipEntry6`](crate::MembershipEntry6).
#[derive(Debug)]
pub enum Memberships {}

impl Kind for Joins {
    type Record<F: Family> = F::Entry;
}

impl Kind for Memberships {
    type Record<F: Family> = F::MembershipEntry;
}

pub(crate) mod sealed {
    use super::*;
    use crate::enumeration::source::Source;

    /// Ties a kind to what it enumerates.
    pub trait Enumerated: Sized {
        type Source<F: Family>: Source<F, Record = <Self as Kind>::Record<F>>
        where
            Self: Kind;
    }

    impl Enumerated for Joins {
        type Source<F: Family> = JoinSource<F>;
    }

    impl Enumerated for Memberships {
        type Source<F: Family> = MembershipSource<F>;
    }
}
