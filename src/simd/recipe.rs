//! Recipes: the record of each entry of an index.

use std::marker::PhantomData;

use bytemuck::Pod;

use crate::types::key::{JoinKey, Key, MembershipKey};
use crate::types::sole::SoleMembership;
use crate::types::{Family, Join, MembershipFlags};

/// The shapes of recipes, by which vector kernels choose their code.
///
/// A vector kernel uses nothing of a recipe but its shape: the layout of the keys, the meaning of the values,
/// and the layout of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// [`JoinRecords`] of IPv4: keys of 8 bytes to records of 16.
    Join4,
    /// [`JoinRecords`] of IPv6: 32 bytes to 64.
    Join6,
    /// [`InterfaceJoinRecords`] of `ByInterfaceKey4`: 16 bytes to 16.
    InterfaceJoin4,
    /// [`InterfaceJoinRecords`] of `ByInterfaceKey6`: 40 bytes to 64.
    InterfaceJoin6,
    /// [`MembershipRecords`] of `ByInterfaceKey4`: 16 bytes to 32.
    Membership4,
    /// [`MembershipRecords`] of `ByInterfaceKey6`: 40 bytes to 96.
    Membership6,
    /// All others: packed one by one.
    Scalar,
}

impl Shape {
    /// The size of a key in bytes, and the size of a record; `None` if they may be any.
    const fn sizes(self) -> Option<(usize, usize)> {
        match self {
            Self::Join4 => Some((8, 16)),
            Self::Join6 => Some((32, 64)),
            Self::InterfaceJoin4 => Some((16, 16)),
            Self::InterfaceJoin6 => Some((40, 64)),
            Self::Membership4 => Some((16, 32)),
            Self::Membership6 => Some((40, 96)),
            Self::Scalar => None,
        }
    }

    /// Whether the values are membership flags, of one byte.
    pub(super) const fn has_flags(self) -> bool {
        match self {
            Self::InterfaceJoin4 | Self::InterfaceJoin6 => true,
            Self::Membership4 | Self::Membership6 => true,
            Self::Join4 | Self::Join6 | Self::Scalar => false,
        }
    }

    /// Whether records are those of joins, which vector kernels compact.
    pub(super) const fn is_of_joins(self) -> bool {
        match self {
            Self::Join4 | Self::Join6 | Self::InterfaceJoin4 | Self::InterfaceJoin6 => true,
            Self::Membership4 | Self::Membership6 | Self::Scalar => false,
        }
    }

    /// Whether the keys, values and records of a recipe have the sizes of this shape.
    pub(super) const fn fits<R: Recipe>(self) -> bool {
        let fits = match self.sizes() {
            Some((key, record)) => key == size_of::<R::Key>() && record == size_of::<R::Record>(),
            None => true,
        };
        fits && (!self.has_flags() || size_of::<R::Value>() == 1)
    }

    /// `shape4` or `shape6` if membership keys of type `K` have its size; no others have the size of a
    /// `ByInterfaceKey`.
    const fn by_interface<F: Family, K>(shape4: Self, shape6: Self) -> Self {
        match (F::BITS, size_of::<K>()) {
            (32, 16) => shape4,
            (128, 40) => shape6,
            _ => Self::Scalar,
        }
    }
}

/// Defines the records of one kind, and the keys and values that they are made from.
pub(crate) trait Recipe: Copy {
    type Family: Family;
    type Key: Key;
    type Value: Pod;
    type Record: Pod;

    const SHAPE: Shape;

    /// The join of a key; `None` if the key is never shown.
    fn join(self, key: Self::Key, value: Self::Value) -> Option<Join<Self::Family>>;

    /// The join of a key that bounds a leaf, if the index orders by join.
    fn bound(_key: Self::Key) -> Option<Join<Self::Family>> {
        None
    }

    /// The record of a key, with its source or with the unspecified one. The reference for every kernel.
    fn record(self, key: Self::Key, value: Self::Value, shows_source: bool) -> Self::Record;
}

/// The records of joins. Values are not looked at.
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
    type Value = SoleMembership;
    type Record = F::Entry;

    const SHAPE: Shape = if F::BITS == 32 { Shape::Join4 } else { Shape::Join6 };

    #[inline]
    fn join(self, key: F::JoinKey, _: SoleMembership) -> Option<Join<F>> {
        Some(Join::new(key.group(), key.source()))
    }

    #[inline]
    fn bound(key: F::JoinKey) -> Option<Join<F>> {
        Some(Join::new(key.group(), key.source()))
    }

    #[inline]
    fn record(self, key: F::JoinKey, _: SoleMembership, shows_source: bool) -> F::Entry {
        entry(key.group(), key.source(), shows_source)
    }
}

/// The records of the joins of an interface: of its memberships with the join flag. Values are bits of
/// [`MembershipFlags`].
#[derive(Clone, Copy)]
pub(crate) struct InterfaceJoinRecords<F, K>(PhantomData<(F, K)>);

impl<F, K> InterfaceJoinRecords<F, K> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: Family, K: MembershipKey<F>> Recipe for InterfaceJoinRecords<F, K> {
    type Family = F;
    type Key = K;
    type Value = u8;
    type Record = F::Entry;

    const SHAPE: Shape = Shape::by_interface::<F, K>(Shape::InterfaceJoin4, Shape::InterfaceJoin6);

    #[inline]
    fn join(self, key: K, flags: u8) -> Option<Join<F>> {
        let parts = key.parts();
        let is_join = flags & MembershipFlags::JOIN.bits() != 0;
        is_join.then_some(Join::new(parts.group, parts.source))
    }

    #[inline]
    fn record(self, key: K, _: u8, shows_source: bool) -> F::Entry {
        let parts = key.parts();
        entry(parts.group, parts.source, shows_source)
    }
}

/// The records of memberships. Values are bits of [`MembershipFlags`].
#[derive(Clone, Copy)]
pub(crate) struct MembershipRecords<F, K>(PhantomData<(F, K)>);

impl<F, K> MembershipRecords<F, K> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: Family, K: MembershipKey<F>> Recipe for MembershipRecords<F, K> {
    type Family = F;
    type Key = K;
    type Value = u8;
    type Record = F::MembershipEntry;

    const SHAPE: Shape = Shape::by_interface::<F, K>(Shape::Membership4, Shape::Membership6);

    #[inline]
    fn join(self, key: K, _: u8) -> Option<Join<F>> {
        let parts = key.parts();
        Some(Join::new(parts.group, parts.source))
    }

    #[inline]
    fn record(self, key: K, flags: u8, shows_source: bool) -> F::MembershipEntry {
        let parts = key.parts();
        let entry = entry(parts.group, parts.source, shows_source);
        F::membership_entry(entry, parts.index, parts.next_hop, parts.protocol, flags)
    }
}

#[inline]
fn entry<F: Family>(group: F, source: F, shows_source: bool) -> F::Entry {
    F::entry(group, if shows_source { source } else { F::UNSPECIFIED })
}
