//! The plain-old-data records of enumerations.
//!
//! A record consists of byte arrays only, so its alignment is 1 and any byte buffer can be viewed as
//! records without a copy. Addresses and masks are in network byte order, as in `in_addr`; the other
//! numbers are in the byte order of the machine, as in C's `uint32_t`.
//!
//! ```text
//! SourceGroupEntry   0        4             8       12           16
//!                    | source | source mask | group | group mask |
//!
//! MembershipEntry    0       16         20                24         28      32
//!                    | entry | next hop | interface index | protocol | flags |
//! ```
//!
//! The IPv6 records have the same fields in the same order, with addresses and masks of 16 bytes.

use std::fmt;
use std::mem::{align_of, offset_of, size_of};
use std::net::{Ipv4Addr, Ipv6Addr};

use bytemuck::{Pod, Zeroable};

use super::flags::MembershipFlags;
use super::interface::Interface;
use super::join::Join;
use super::membership::Membership;
use super::protocol::Protocol;

/// Defines the two records of one address family. `$reserved` bytes pad the membership record to a
/// multiple of 32.
macro_rules! records {
    (
        $family:literal, $address:ty, $bytes:literal, $reserved:literal,
        $entry:ident, $membership:ident
    ) => {
        #[doc = concat!("One ", $family, " join: a (\\*,G) or an (S,G).")]
        ///
        /// The fields are those of `SOURCE_GROUP_ENTRY` of the Multicast Group Manager API
        /// (`mgm.h`), in its order. A mask is 0 where its address is 0, otherwise it is the host
        /// mask. (\*,\*) has a group of 0 too.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
        #[repr(C)]
        pub struct $entry {
            source: [u8; $bytes],
            source_mask: [u8; $bytes],
            group: [u8; $bytes],
            group_mask: [u8; $bytes],
        }

        impl $entry {
            /// The record of a group and a source. The unspecified address means any; the masks follow
            /// from the addresses.
            #[must_use]
            #[inline]
            pub const fn new(group: $address, source: $address) -> Self {
                Self {
                    source: source.octets(),
                    source_mask: Self::mask(source),
                    group: group.octets(),
                    group_mask: Self::mask(group),
                }
            }

            #[inline]
            const fn mask(address: $address) -> [u8; $bytes] {
                if address.is_unspecified() { [0; $bytes] } else { [0xff; $bytes] }
            }

            /// The group; unspecified for (\*,\*).
            #[must_use]
            #[inline]
            pub fn group(&self) -> $address {
                self.group.into()
            }

            /// The group's mask: all ones, or 0 for (\*,\*).
            #[must_use]
            #[inline]
            pub fn group_mask(&self) -> $address {
                self.group_mask.into()
            }

            /// The source; unspecified for an any-source join.
            #[must_use]
            #[inline]
            pub fn source(&self) -> $address {
                self.source.into()
            }

            /// The source's mask: all ones, or 0 for an any-source join.
            #[must_use]
            #[inline]
            pub fn source_mask(&self) -> $address {
                self.source_mask.into()
            }

            /// The group and the source as a join.
            #[must_use]
            #[inline]
            pub fn join(&self) -> Join<$address> {
                Join::new(self.group(), self.source())
            }

            /// Whether this is an any-source join: (\*,G) or (\*,\*).
            #[must_use]
            #[inline]
            pub fn is_any_source(&self) -> bool {
                self.source().is_unspecified()
            }
        }

        /// Formats as its [`Join`] does: `(*, 239.1.1.1)`.
        impl fmt::Display for $entry {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.join(), f)
            }
        }

        impl From<Join<$address>> for $entry {
            fn from(join: Join<$address>) -> Self {
                Self::new(join.group, join.source)
            }
        }

        impl From<$entry> for Join<$address> {
            fn from(entry: $entry) -> Self {
                entry.join()
            }
        }

        impl From<&Membership<$address>> for $membership {
            fn from(membership: &Membership<$address>) -> Self {
                membership.to_entry()
            }
        }

        impl fmt::Debug for $entry {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        #[doc = concat!("One ", $family, " membership: what a protocol keeps of a join on an interface.")]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
        #[repr(C)]
        pub struct $membership {
            entry: $entry,
            next_hop: [u8; $bytes],
            interface_index: [u8; 4],
            protocol: [u8; 4],
            flags: [u8; 4],
            reserved: [u8; $reserved],
        }

        impl $membership {
            /// The record of a membership of `entry`, with flags that may be any.
            #[inline]
            pub(crate) const fn from_fields(
                entry: $entry,
                interface_index: u32,
                next_hop: $address,
                protocol: u32,
                flags: u32,
            ) -> Self {
                Self {
                    entry,
                    next_hop: next_hop.octets(),
                    interface_index: interface_index.to_ne_bytes(),
                    protocol: protocol.to_ne_bytes(),
                    flags: flags.to_ne_bytes(),
                    reserved: [0; $reserved],
                }
            }

            /// Group, source, interface index, next hop, protocol and flags.
            pub(crate) fn fields(&self) -> ($address, $address, u32, $address, u32, u32) {
                let [index, protocol, flags] =
                    [self.interface_index, self.protocol, self.flags].map(u32::from_ne_bytes);
                let (group, source) = (self.entry.group(), self.entry.source());
                (group, source, index, self.next_hop.into(), protocol, flags)
            }

            /// The record of the join.
            #[must_use]
            #[inline]
            pub const fn entry(&self) -> $entry {
                self.entry
            }

            /// The group and the source as a join.
            #[must_use]
            #[inline]
            pub fn join(&self) -> Join<$address> {
                self.entry.join()
            }

            /// The interface.
            #[must_use]
            #[inline]
            pub fn interface(&self) -> Interface<$address> {
                let index = u32::from_ne_bytes(self.interface_index);
                Interface { index, next_hop: self.next_hop.into() }
            }

            /// The protocol that joined.
            #[must_use]
            #[inline]
            pub const fn protocol(&self) -> Protocol {
                Protocol::new(u32::from_ne_bytes(self.protocol))
            }

            /// The flags; `None` if the bytes viewed as a record have none or unknown ones.
            #[must_use]
            #[inline]
            pub fn flags(&self) -> Option<MembershipFlags> {
                let bits = u8::try_from(u32::from_ne_bytes(self.flags)).ok()?;
                MembershipFlags::from_bits(bits)
            }

            /// The membership; `None` if [`flags`](Self::flags) is.
            #[must_use]
            pub fn membership(&self) -> Option<Membership<$address>> {
                Membership::from_entry(self)
            }
        }

        const _: () = {
            const BYTES: usize = $bytes;
            assert!(align_of::<$entry>() == 1);
            assert!(size_of::<$entry>() == 4 * BYTES);
            assert!(offset_of!($entry, source) == 0);
            assert!(offset_of!($entry, source_mask) == BYTES);
            assert!(offset_of!($entry, group) == 2 * BYTES);
            assert!(offset_of!($entry, group_mask) == 3 * BYTES);
            assert!(align_of::<$membership>() == 1);
            assert!(size_of::<$membership>().is_multiple_of(32));
            assert!(offset_of!($membership, entry) == 0);
            assert!(offset_of!($membership, next_hop) == 4 * BYTES);
            assert!(offset_of!($membership, interface_index) == 5 * BYTES);
            assert!(offset_of!($membership, protocol) == 5 * BYTES + 4);
            assert!(offset_of!($membership, flags) == 5 * BYTES + 8);
        };
    };
}

records!("IPv4", Ipv4Addr, 4, 0, SourceGroupEntry, MembershipEntry);
records!("IPv6", Ipv6Addr, 16, 4, SourceGroupEntry6, MembershipEntry6);

const _: () = {
    assert!(size_of::<SourceGroupEntry>() == 16);
    assert!(size_of::<SourceGroupEntry6>() == 64);
    assert!(size_of::<MembershipEntry>() == 32);
    assert!(size_of::<MembershipEntry6>() == 96);
};

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: Ipv4Addr = Ipv4Addr::new(232, 1, 2, 3);
    const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    #[test]
    fn source_group_entry_is_in_network_byte_order() {
        let entry = SourceGroupEntry::new(GROUP, SOURCE);
        assert_eq!(
            bytemuck::bytes_of(&entry),
            [10, 0, 0, 1, 255, 255, 255, 255, 232, 1, 2, 3, 255, 255, 255, 255]
        );
        assert_eq!((entry.group(), entry.source()), (GROUP, SOURCE));
        assert_eq!(entry.to_string(), "(10.0.0.1, 232.1.2.3)");
    }

    #[test]
    fn masks_of_any_are_zero() {
        let any_source = SourceGroupEntry::new(GROUP, Ipv4Addr::UNSPECIFIED);
        assert_eq!(
            bytemuck::bytes_of(&any_source),
            [0, 0, 0, 0, 0, 0, 0, 0, 232, 1, 2, 3, 255, 255, 255, 255]
        );
        assert!(any_source.is_any_source());
        assert_eq!(any_source.to_string(), "(*, 232.1.2.3)");

        let any = SourceGroupEntry6::new(Ipv6Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
        assert_eq!(bytemuck::bytes_of(&any), [0; 64]);
        assert_eq!(any.to_string(), "(*, *)");
    }

    #[test]
    fn ipv6_entry_has_the_fields_of_the_ipv4_entry() {
        let group: Ipv6Addr = "ff3e::8000:1".parse().unwrap();
        let source: Ipv6Addr = "2001:db8::5".parse().unwrap();
        let entry = SourceGroupEntry6::new(group, source);
        let bytes = bytemuck::bytes_of(&entry);
        assert_eq!(bytes[..16], source.octets());
        assert_eq!(bytes[16..32], [255; 16]);
        assert_eq!(bytes[32..48], group.octets());
        assert_eq!(bytes[48..], [255; 16]);
        assert_eq!(entry.source_mask(), entry.group_mask());
    }

    #[test]
    fn a_membership_record_has_the_fields_of_its_membership() {
        let interface = Interface::with_next_hop(7, Ipv4Addr::new(192, 0, 2, 9));
        let (join, protocol) = (Join::new(GROUP, SOURCE), Protocol::new(0x0137_000a));
        let membership =
            Membership::new(join, interface, protocol).with_flags(MembershipFlags::FORWARD);
        let record = MembershipEntry::from(&membership);
        assert_eq!((record.join(), record.entry().join()), (join, join));
        assert_eq!((record.interface(), record.protocol()), (interface, protocol));
        assert_eq!(record.flags(), Some(MembershipFlags::FORWARD));
        assert_eq!(record.membership(), Some(membership));
        assert_eq!(bytemuck::bytes_of(&record)[16..20], [192, 0, 2, 9]);

        let group: Ipv6Addr = "ff3e::1".parse().unwrap();
        let membership = Membership::any_source(group, Interface::new(3), Protocol::MLD);
        let record = MembershipEntry6::from(&membership);
        assert_eq!((record.entry().group(), record.interface()), (group, Interface::new(3)));
        assert_eq!(record.membership(), Some(membership));
        assert_eq!(MembershipEntry6::zeroed().membership(), None);
    }

    #[test]
    fn any_byte_buffer_is_viewed_as_records() {
        let bytes = [1u8; 33];
        let entries: &[SourceGroupEntry] = bytemuck::cast_slice(&bytes[1..]);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[1].group(), Ipv4Addr::new(1, 1, 1, 1));
    }
}
