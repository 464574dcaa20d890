//! Shuffles: which byte of a key each byte of its record comes from.
//!
//! Counted from the most significant byte on, as in [`key`](crate::types::key), the bytes of a key are its
//! fields in network byte order:
//!
//! ```text
//! JoinKey         group | source
//! ByInterfaceKey  index 4 | group | source | protocol 4
//! ```
//!
//! In memory the bytes of each 64-bit word are reversed.

/// The entry of a byte that comes from no byte of the key. Shuffles of AVX2 and of NEON make it 0.
const NONE: u8 = 0x80;

/// The size of the largest record in bytes.
const RECORD_BYTES: usize = 96;

/// For each byte of a record, the byte of the key in memory. The bytes of a mask are those of its address;
/// the kernels turn them into a mask.
type Layout = [u8; RECORD_BYTES];

const JOIN4: Layout = entry([NONE; RECORD_BYTES], 4, 0);
const JOIN6: Layout = entry([NONE; RECORD_BYTES], 16, 0);
const MEMBERSHIP4: Layout = membership(4);
const MEMBERSHIP6: Layout = membership(16);

/// The position in memory of byte `byte` of a key, counted from the most significant one.
const fn in_memory(byte: usize) -> u8 {
    (byte / 8 * 8 + 7 - byte % 8) as u8
}

/// The first part of a record: source, source mask, group, group mask.
const fn entry(mut layout: Layout, address_bytes: usize, group_at: usize) -> Layout {
    let mut byte = 0;
    while byte < address_bytes {
        let (source, group) = (group_at + address_bytes + byte, group_at + byte);
        layout[byte] = in_memory(source);
        layout[address_bytes + byte] = in_memory(source);
        layout[2 * address_bytes + byte] = in_memory(group);
        layout[3 * address_bytes + byte] = in_memory(group);
        byte += 1;
    }
    layout
}

/// The record of a membership: entry, next hop, index, protocol, flags. The next hop and the flags do not
/// come from the key. Numbers are in the byte order of the machine, which is that of the key's words.
const fn membership(address_bytes: usize) -> Layout {
    const NUMBER_BYTES: usize = 4;
    let mut layout = entry([NONE; RECORD_BYTES], address_bytes, NUMBER_BYTES);
    let (index_at, protocol_at) = (0, NUMBER_BYTES + 2 * address_bytes);
    let record_at = 5 * address_bytes;
    let mut byte = 0;
    while byte < NUMBER_BYTES {
        let from_end = NUMBER_BYTES - 1 - byte;
        layout[record_at + byte] = in_memory(index_at + from_end);
        layout[record_at + NUMBER_BYTES + byte] = in_memory(protocol_at + from_end);
        byte += 1;
    }
    layout
}

/// A shuffle of a vector of `N` bytes.
#[repr(align(64))]
#[derive(Clone, Copy)]
pub(in crate::simd) struct Shuffle<const N: usize> {
    /// The byte of the keys that each byte comes from, or [`NONE`].
    pub(in crate::simd) places: [u8; N],
    /// One bit for each byte that comes from the key.
    pub(in crate::simd) present: u64,
}

/// The shuffle from a sequence of keys of `key_bytes` each to the bytes `first..first + N` of the sequence of
/// their records, of `record_bytes` each.
const fn shuffle<const N: usize>(
    layout: Layout,
    key_bytes: usize,
    record_bytes: usize,
    first: usize,
) -> Shuffle<N> {
    let mut shuffle = Shuffle { places: [NONE; N], present: 0 };
    let mut byte = 0;
    while byte < N {
        let (record, place) = ((first + byte) / record_bytes, (first + byte) % record_bytes);
        if layout[place] != NONE {
            shuffle.places[byte] = (record * key_bytes) as u8 + layout[place];
            shuffle.present |= 1 << byte;
        }
        byte += 1;
    }
    shuffle
}

/// From 64 bytes of keys to the first and the second 64 bytes of their records.
pub(in crate::simd) static JOINS4: [Shuffle<64>; 2] =
    [shuffle(JOIN4, 8, 16, 0), shuffle(JOIN4, 8, 16, 64)];
pub(in crate::simd) static JOINS6: [Shuffle<64>; 2] =
    [shuffle(JOIN6, 32, 64, 0), shuffle(JOIN6, 32, 64, 64)];
pub(in crate::simd) static MEMBERSHIPS4: [Shuffle<64>; 2] =
    [shuffle(MEMBERSHIP4, 16, 32, 0), shuffle(MEMBERSHIP4, 16, 32, 64)];

/// From a key to the first 64 bytes of its record, and to the rest.
pub(in crate::simd) static ONE_MEMBERSHIP6: [Shuffle<64>; 2] =
    [shuffle(MEMBERSHIP6, 40, RECORD_BYTES, 0), shuffle(MEMBERSHIP6, 40, RECORD_BYTES, 64)];

/// From a key to its record.
pub(in crate::simd) static ONE_MEMBERSHIP4: Shuffle<32> = shuffle(MEMBERSHIP4, 16, 32, 0);

/// The byte of the flags in the record of an IPv4 membership, and in the last 32 bytes of that of an IPv6
/// membership. In both it is the lowest one of a little-endian number.
pub(in crate::simd) const FLAGS4_AT: usize = 28;
pub(in crate::simd) const FLAGS6_AT: usize = 88 - 64;

// `in_memory` counts bytes as little-endian words have them. Only such machines have vector kernels.
