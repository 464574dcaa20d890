//! The plain-old-data records of enumerations, and of what changed between two versions.
//!
//! Every record is made of byte arrays only, so its alignment is 1 and any byte buffer can be
//! viewed as records without a copy. Addresses and masks are in network byte order, as in
//! `in_addr`; the other numbers are in the byte order of the machine, as in C's `uint32_t`.
//!
//! ```text
//! SourceGroupEntry   0        4             8       12           16
//!                    | source | source mask | group | group mask |
//!
//! MembershipEntry    0       16         20                24         28      32
//!                    | entry | next hop | interface index | protocol | flags |
//!
//! ChangeEntry        0       16     17         20
//!                    | entry | kind | reserved |
//! ```
//!
//! The IPv6 records have the same fields in the same order, with addresses and masks of 16 bytes.

use std::fmt;
use std::mem::{align_of, offset_of, size_of};
use std::net::{Ipv4Addr, Ipv6Addr};

use bytemuck::{Pod, Zeroable};

/// What happened to an entry between two versions. See [`ChangeEntry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChangeKind {
    /// The newer version has the entry and the older one has not.
    Added = 1,
    /// The older version has the entry and the newer one has not.
    Removed = 2,
}

/// Defines the three records of one address family. `$reserved` bytes fill the membership record
/// to a multiple of 32.
macro_rules! records {
    (
        $family:literal, $address:ty, $bytes:literal, $reserved:literal,
        $entry:ident, $membership:ident, $change:ident
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
            /// Makes the entry of a group and a source. The unspecified address stands for any;
            /// the masks follow from the addresses.
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
            #[inline]
            pub fn group(&self) -> $address {
                self.group.into()
            }

            /// The group's mask: all ones, or 0 for (\*,\*).
            #[inline]
            pub fn group_mask(&self) -> $address {
                self.group_mask.into()
            }

            /// The source; unspecified for an any-source join.
            #[inline]
            pub fn source(&self) -> $address {
                self.source.into()
            }

            /// The source's mask: all ones, or 0 for an any-source join.
            #[inline]
            pub fn source_mask(&self) -> $address {
                self.source_mask.into()
            }

            /// Whether the join takes any source: (\*,G) or (\*,\*).
            #[inline]
            pub fn is_any_source(&self) -> bool {
                self.source().is_unspecified()
            }
        }

        /// Formats as `(source, group)` with `*` for any, as the RFCs do: `(*, 239.1.1.1)`.
        impl fmt::Display for $entry {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("(")?;
                for (address, after) in [(self.source(), ", "), (self.group(), ")")] {
                    if address.is_unspecified() {
                        f.write_str("*")?;
                    } else {
                        write!(f, "{address}")?;
                    }
                    f.write_str(after)?;
                }
                Ok(())
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
            /// Makes the record of a join on interface (`interface_index`, `next_hop`) by
            /// `protocol`, with the flags of `mgm.h`.
            #[inline]
            pub const fn new(
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

            /// The group and the source.
            #[inline]
            pub const fn entry(&self) -> $entry {
                self.entry
            }

            /// The index of the interface.
            #[inline]
            pub const fn interface_index(&self) -> u32 {
                u32::from_ne_bytes(self.interface_index)
            }

            /// The next hop that tells the neighbours of a point-to-multipoint interface apart;
            /// unspecified on other interfaces.
            #[inline]
            pub fn next_hop(&self) -> $address {
                self.next_hop.into()
            }

            /// The number of the protocol that joined.
            #[inline]
            pub const fn protocol(&self) -> u32 {
                u32::from_ne_bytes(self.protocol)
            }

            /// The flags of `mgm.h`: 1 for join state, 2 for forward state.
            #[inline]
            pub const fn flags(&self) -> u32 {
                u32::from_ne_bytes(self.flags)
            }
        }

        #[doc = concat!("One difference between the ", $family, " joins of two versions.")]
        ///
        /// No call of the crate gives these: it is the layout for who compares two versions and hands on
        /// what changed.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
        #[repr(C)]
        pub struct $change {
            entry: $entry,
            kind: u8,
            reserved: [u8; 3],
        }

        impl $change {
            /// Makes the record of `entry` having been added or removed.
            #[inline]
            pub const fn new(entry: $entry, kind: ChangeKind) -> Self {
                Self { entry, kind: kind as u8, reserved: [0; 3] }
            }

            /// The group and the source.
            #[inline]
            pub const fn entry(&self) -> $entry {
                self.entry
            }

            /// What happened to the entry; `None` where the bytes viewed as a record are not one.
            #[inline]
            pub const fn kind(&self) -> Option<ChangeKind> {
                match self.kind {
                    1 => Some(ChangeKind::Added),
                    2 => Some(ChangeKind::Removed),
                    _ => None,
                }
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
            assert!(align_of::<$change>() == 1);
            assert!(size_of::<$change>() == 4 * BYTES + 4);
            assert!(offset_of!($change, entry) == 0);
            assert!(offset_of!($change, kind) == 4 * BYTES);
        };
    };
}

records!("IPv4", Ipv4Addr, 4, 0, SourceGroupEntry, MembershipEntry, ChangeEntry);
records!("IPv6", Ipv6Addr, 16, 4, SourceGroupEntry6, MembershipEntry6, ChangeEntry6);

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
    fn masks_of_wildcards_are_zero() {
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
    fn membership_and_change_entries_give_back_what_they_were_made_of() {
        let entry = SourceGroupEntry::new(GROUP, SOURCE);
        let next_hop = Ipv4Addr::new(192, 0, 2, 9);
        let membership = MembershipEntry::new(entry, 7, next_hop, 0x0137_000a, 3);
        assert_eq!(membership.entry(), entry);
        assert_eq!(membership.interface_index(), 7);
        assert_eq!(membership.next_hop(), next_hop);
        assert_eq!(membership.protocol(), 0x0137_000a);
        assert_eq!(membership.flags(), 3);
        assert_eq!(bytemuck::bytes_of(&membership)[16..20], [192, 0, 2, 9]);

        for kind in [ChangeKind::Added, ChangeKind::Removed] {
            assert_eq!(ChangeEntry::new(entry, kind).kind(), Some(kind));
        }
        assert_eq!(ChangeEntry::default().kind(), None);
        assert_eq!(ChangeEntry::new(entry, ChangeKind::Added).entry(), entry);
    }

    #[test]
    fn any_byte_buffer_is_viewed_as_records() {
        let bytes = [1u8; 33];
        let entries: &[SourceGroupEntry] = bytemuck::cast_slice(&bytes[1..]);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[1].group(), Ipv4Addr::new(1, 1, 1, 1));
    }
}
