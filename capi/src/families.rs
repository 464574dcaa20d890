//! What exists once for IPv4 and once for IPv6: calls and structs.

use bytemuck::{Pod, Zeroable};
use groupscan::{
    Family, Filter, Interface, Join, JoinOn, Membership, Position, Prefix, Protocol, V4, V6,
};

use crate::memory::Grows;
use crate::status::groupscan_status::{
    self, GROUPSCAN_ERROR_INVALID_FAMILY, GROUPSCAN_ERROR_UNKNOWN_OPTION,
};
use crate::types::{
    GROUPSCAN_IPV4, GROUPSCAN_IPV6, flags_in, groupscan_filter4, groupscan_filter6,
    groupscan_interface4, groupscan_interface6, groupscan_join4, groupscan_join6, groupscan_key6,
    groupscan_membership_entry4, groupscan_membership_entry6, groupscan_membership4,
    groupscan_membership6, groupscan_place4, groupscan_place6, groupscan_position,
};

/// Exports each call under two names, the IPv4 one and the IPv6 one, which end in `4` and `6`, or in `4_step`
/// and `6_step`.
///
/// In signatures and bodies `F` is the address family, `V4` or `V6`, and `<F as InC>::Join` and the like are
/// its structs. A file invokes the macro at most once. The names and signatures are compared with the header
/// by `tests/c_programs/header.rs`, which reads the invocations as text.
macro_rules! both_families {
    ($(
        $(#[$doc:meta])*
        fn $name4:ident, $name6:ident($($parameter:ident: $type:ty),* $(,)?) $body:block
    )*) => {
        both_families!(@family v4 V4 $( { $(#[$doc])* fn $name4($($parameter: $type),*) $body } )*);
        both_families!(@family v6 V6 $( { $(#[$doc])* fn $name6($($parameter: $type),*) $body } )*);
    };
    (@family $module:ident $family:ident $( {
        $(#[$doc:meta])*
        fn $name:ident($($parameter:ident: $type:ty),*) $body:block
    } )*) => {
        mod $module {
            use super::*;

            type F = groupscan::$family;

            $(
                $(#[$doc])*
                ///
                /// # Safety
                ///
                /// [P1 to P4](crate#what-callers-promise).
                #[unsafe(no_mangle)]
                pub unsafe extern "C" fn $name($($parameter: $type),*) -> groupscan_status $body
            )*
        }

        pub use $module::*;
    };
}

/// The structs of a family, and their conversions.
pub trait InC: Family + From<Self::Address> {
    /// The bytes of an address.
    type Address: Pod;
    type Join: Pod;
    type Interface: Pod;
    type Membership: Pod;
    type Filter: Grows;
    type Place: Pod;
    type Record: Pod;
    type Key: Pod;

    /// The number of the family in positions.
    const NUMBER: u32;

    fn join_in(join: Self::Join) -> Join<Self>;
    fn join_out(join: Join<Self>) -> Self::Join;
    fn interface_in(interface: Self::Interface) -> Interface<Self>;
    fn interface_out(interface: Interface<Self>) -> Self::Interface;
    fn membership_in(
        membership: Self::Membership,
        protocol: Protocol,
    ) -> Result<Membership<Self>, groupscan_status>;
    fn filter_in(filter: Self::Filter) -> Result<Filter<Self>, groupscan_status>;

    /// Where a step of a change begins; `None` at the start.
    fn place_in(place: Self::Place) -> Result<Option<JoinOn<Self>>, groupscan_status>;
    fn place_out(place: Option<JoinOn<Self>>) -> Self::Place;

    /// The record of a membership.
    fn record_out(membership: Membership<Self>) -> Self::Record {
        // Both have the same size.
        bytemuck::cast(membership.to_entry())
    }

    /// The membership of a record. Its masks and flags do not count.
    fn record_in(record: Self::Record) -> Membership<Self>;

    /// The address in the first bytes.
    fn address_in(bytes: [u8; 16]) -> Self;

    /// The bytes of the address, followed by zeros.
    fn address_out(address: Self) -> [u8; 16];

    /// A position of this family; `None` is the one before all records.
    fn position_in(
        position: groupscan_position,
    ) -> Result<Option<Position<Self>>, groupscan_status> {
        let groupscan_position { group, source, family, .. } = position;
        if family == 0 {
            return Ok(None);
        }
        if family != Self::NUMBER {
            return Err(GROUPSCAN_ERROR_INVALID_FAMILY);
        }
        let [group, source] = [group, source].map(Self::address_in);
        let protocol = (position.has_protocol != 0).then_some(Protocol::new(position.protocol));
        let next_hop = Self::address_in(position.next_hop);
        let interface = Interface::with_next_hop(position.interface_index, next_hop);
        let interface = (position.has_interface != 0).then_some(interface);
        Ok(Some(Position { group, source, interface, protocol }))
    }

    fn position_out(position: Option<Position<Self>>) -> groupscan_position {
        let Some(Position { group, source, interface, protocol }) = position else {
            return groupscan_position::zeroed();
        };
        groupscan_position {
            group: Self::address_out(group),
            source: Self::address_out(source),
            family: Self::NUMBER,
            has_protocol: protocol.is_some().into(),
            protocol: protocol.map_or(0, Protocol::number),
            has_interface: interface.is_some().into(),
            interface_index: interface.map_or(0, |interface| interface.index),
            next_hop: interface.map_or([0; 16], |interface| Self::address_out(interface.next_hop)),
        }
    }
}

/// Implements [`InC`] for a family.
macro_rules! in_c {
    (
        $family:ty, $number:expr, $bytes:literal, $join:ident, $interface:ident, $membership:ident,
        $filter:ident, $place:ident, $record:ident, $key:ty
    ) => {
        impl InC for $family {
            type Address = [u8; $bytes];
            type Join = $join;
            type Interface = $interface;
            type Membership = $membership;
            type Filter = $filter;
            type Place = $place;
            type Record = $record;
            type Key = $key;

            const NUMBER: u32 = $number;

            fn join_in(join: $join) -> Join<Self> {
                Join::new(join.group.into(), join.source.into())
            }

            fn join_out(join: Join<Self>) -> $join {
                $join { group: join.group.octets(), source: join.source.octets() }
            }

            fn interface_in(interface: $interface) -> Interface<Self> {
                Interface::with_next_hop(interface.index, interface.next_hop.into())
            }

            fn interface_out(interface: Interface<Self>) -> $interface {
                $interface { index: interface.index, next_hop: interface.next_hop.octets() }
            }

            fn membership_in(
                membership: $membership,
                protocol: Protocol,
            ) -> Result<Membership<Self>, groupscan_status> {
                let flags = flags_in(membership.flags)?;
                let interface = Self::interface_in(membership.iface);
                let join = Join::new(membership.group.into(), membership.source.into());
                Ok(Membership::new(join, interface, protocol).with_flags(flags))
            }

            fn record_in(record: $record) -> Membership<Self> {
                let next_hop = record.next_hop.into();
                let interface = Interface::with_next_hop(record.interface_index, next_hop);
                let join = Join::new(record.entry.group.into(), record.entry.source.into());
                Membership::new(join, interface, Protocol::new(record.protocol))
            }

            fn filter_in(filter: $filter) -> Result<Filter<Self>, groupscan_status> {
                if filter.is_reserved_used() {
                    return Err(GROUPSCAN_ERROR_UNKNOWN_OPTION);
                }
                let [group, source] = [filter.group, filter.source].map(|prefix| {
                    let length = prefix.length.try_into().unwrap_or(u8::MAX);
                    Prefix::new(prefix.address.into(), length)
                });
                let filtered = Filter::all().with_groups(group?).with_sources(source?);
                match filter.has_interface {
                    0 => Ok(filtered),
                    1 => Ok(filtered.with_interface(Self::interface_in(filter.iface))),
                    _ => Err(GROUPSCAN_ERROR_UNKNOWN_OPTION),
                }
            }

            fn place_in(place: $place) -> Result<Option<JoinOn<Self>>, groupscan_status> {
                let $place { iface, join, has_begun } = place;
                match has_begun {
                    0 => Ok(None),
                    1 => Ok(Some(JoinOn {
                        interface: Self::interface_in(iface),
                        join: Self::join_in(join),
                    })),
                    _ => Err(GROUPSCAN_ERROR_UNKNOWN_OPTION),
                }
            }

            fn place_out(place: Option<JoinOn<Self>>) -> $place {
                let Some(JoinOn { interface, join }) = place else {
                    return $place::zeroed();
                };
                $place {
                    iface: Self::interface_out(interface),
                    join: Self::join_out(join),
                    has_begun: 1,
                }
            }

            fn address_in(bytes: [u8; 16]) -> Self {
                bytes.first_chunk::<$bytes>().map_or(Self::UNSPECIFIED, |first| (*first).into())
            }

            fn address_out(address: Self) -> [u8; 16] {
                let mut bytes = [0; 16];
                bytes.iter_mut().zip(address.octets()).for_each(|(to, from)| *to = from);
                bytes
            }
        }
    };
}

in_c!(
    V4,
    GROUPSCAN_IPV4,
    4,
    groupscan_join4,
    groupscan_interface4,
    groupscan_membership4,
    groupscan_filter4,
    groupscan_place4,
    groupscan_membership_entry4,
    u64
);
in_c!(
    V6,
    GROUPSCAN_IPV6,
    16,
    groupscan_join6,
    groupscan_interface6,
    groupscan_membership6,
    groupscan_filter6,
    groupscan_place6,
    groupscan_membership_entry6,
    groupscan_key6
);
