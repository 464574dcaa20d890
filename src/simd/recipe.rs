//! Recipes: the record of each key.

#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "only vector kernels use shapes")
)]

use std::marker::PhantomData;

use bytemuck::Pod;

use crate::types::key::{JoinKey, Key, MembershipKey};
use crate::types::{Family, Interface, Join};

/// The shapes of recipes, by which kernels choose their code.
///
/// A vector kernel uses two things of a recipe: its shape, whose sizes of keys and records [`Shape::fits`]
/// checks, and the record of the all-zero key, which has the bytes that all records have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// [`JoinRecords`] of IPv4: 8 bytes to 16.
    Join4,
    /// [`JoinRecords`] of IPv6: 32 bytes to 64.
    Join6,
    /// [`MembershipRecords`] of IPv4: 16 bytes to 32.
    Membership4,
    /// [`MembershipRecords`] of IPv6: 40 bytes to 96.
    Membership6,
    /// [`InterfaceJoinRecords`]: packed one by one.
    InterfaceJoin,
}

impl Shape {
    /// Whether the keys and records of a recipe have the sizes of this shape.
    pub(super) const fn fits<R: Recipe>(self) -> bool {
        let (key, record) = (size_of::<R::Key>(), size_of::<R::Record>());
        match self {
            Self::Join4 => key == 8 && record == 16,
            Self::Join6 => key == 32 && record == 64,
            Self::Membership4 => key == 16 && record == 32,
            Self::Membership6 => key == 40 && record == 96,
            Self::InterfaceJoin => true,
        }
    }
}

/// Defines the records of one kind, and their keys. A value of the recipe has the data that its records
/// share.
pub(crate) trait Recipe: Copy {
    type Family: Family;
    type Key: Key;
    type Record: Pod;

    const SHAPE: Shape;

    /// The join of a key; `None` if the key is never shown.
    fn join(self, key: Self::Key) -> Option<Join<Self::Family>>;

    /// The record of a key, with its source or with the unspecified one. The reference for every kernel.
    fn record(self, key: Self::Key, shows_source: bool) -> Self::Record;
}

/// The records of joins.
#[derive(Clone, Copy)]
pub(crate) struct JoinRecords<F>(PhantomData<F>);

impl<F> JoinRecords<F> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: Family> Recipe for JoinRecords<F> {
    type Family = F;
    type Key = F::JoinKey;
    type Record = F::Entry;

    const SHAPE: Shape = if F::BITS == 32 { Shape::Join4 } else { Shape::Join6 };

    #[inline]
    fn join(self, key: F::JoinKey) -> Option<Join<F>> {
        Some(Join::new(key.group(), key.source()))
    }

    #[inline]
    fn record(self, key: F::JoinKey, shows_source: bool) -> F::Entry {
        F::entry(key.group(), if shows_source { key.source() } else { F::UNSPECIFIED })
    }
}

/// The records of the joins of one interface: of its memberships with the join flag.
#[derive(Clone, Copy)]
pub(crate) struct InterfaceJoinRecords<F>(PhantomData<F>);

impl<F> InterfaceJoinRecords<F> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: Family> Recipe for InterfaceJoinRecords<F> {
    type Family = F;
    type Key = F::ByInterface;
    type Record = F::Entry;

    const SHAPE: Shape = Shape::InterfaceJoin;

    #[inline]
    fn join(self, key: F::ByInterface) -> Option<Join<F>> {
        let parts = key.parts();
        parts.is_join().then_some(Join::new(parts.group, parts.source))
    }

    #[inline]
    fn record(self, key: F::ByInterface, shows_source: bool) -> F::Entry {
        let parts = key.parts();
        F::entry(parts.group, if shows_source { parts.source } else { F::UNSPECIFIED })
    }
}

/// The records of the memberships of one interface.
#[derive(Clone, Copy)]
pub(crate) struct MembershipRecords<F> {
    pub(crate) interface: Interface<F>,
}

impl<F: Family> Recipe for MembershipRecords<F> {
    type Family = F;
    type Key = F::ByInterface;
    type Record = F::MembershipEntry;

    const SHAPE: Shape = if F::BITS == 32 { Shape::Membership4 } else { Shape::Membership6 };

    #[inline]
    fn join(self, key: F::ByInterface) -> Option<Join<F>> {
        let parts = key.parts();
        Some(Join::new(parts.group, parts.source))
    }

    #[inline]
    fn record(self, key: F::ByInterface, shows_source: bool) -> F::MembershipEntry {
        let parts = key.parts();
        let source = if shows_source { parts.source } else { F::UNSPECIFIED };
        let Interface { index, next_hop } = self.interface;
        let entry = F::entry(parts.group, source);
        F::membership_entry(entry, index, next_hop, parts.protocol, parts.flags)
    }
}
