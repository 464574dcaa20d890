//! Shuffles: which byte of a key each byte of its record comes from.
//!
//! Counted from the most significant byte on, as in [`key`](crate::types::key), the bytes of a key are its
//! fields in network byte order:
//!
//! ```text
//! JoinKey         group | source
//! ByInterfaceKey  interface id 3 | group | source | protocol 4 | flags 1
//! ```
//!
//! In memory the bytes of each 64-bit word are reversed.

/// The entry of a byte that comes from no byte of the key. A shuffle of AVX2 makes it 0.
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

/// The record of a membership: entry, next hop, index, protocol, flags. Next hop and index do not come from
/// the key. Numbers are in the byte order of the machine.
const fn membership(address_bytes: usize) -> Layout {
    const ID_BYTES: usize = 3;
    const PROTOCOL_BYTES: usize = 4;
    let mut layout = entry([NONE; RECORD_BYTES], address_bytes, ID_BYTES);
    let protocol_at = ID_BYTES + 2 * address_bytes;
    let record_at = 5 * address_bytes + 4;
    let mut byte = 0;
    while byte < PROTOCOL_BYTES {
        layout[record_at + byte] = in_memory(protocol_at + PROTOCOL_BYTES - 1 - byte);
        byte += 1;
    }
    layout[record_at + PROTOCOL_BYTES] = in_memory(protocol_at + PROTOCOL_BYTES);
    layout
}

/// A shuffle of a vector of `N` bytes.
#[repr(align(64))]
#[derive(Clone, Copy)]
pub(super) struct Shuffle<const N: usize> {
    /// The byte of the keys that each byte comes from, or [`NONE`].
    pub(super) places: [u8; N],
    /// One bit for each byte that comes from the key.
    pub(super) present: u64,
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
pub(super) static JOINS4: [Shuffle<64>; 2] = [shuffle(JOIN4, 8, 16, 0), shuffle(JOIN4, 8, 16, 64)];
pub(super) static JOINS6: [Shuffle<64>; 2] =
    [shuffle(JOIN6, 32, 64, 0), shuffle(JOIN6, 32, 64, 64)];
pub(super) static MEMBERSHIPS4: [Shuffle<64>; 2] =
    [shuffle(MEMBERSHIP4, 16, 32, 0), shuffle(MEMBERSHIP4, 16, 32, 64)];

/// From a key to the first 64 bytes of its record, and to the rest.
pub(super) static ONE_MEMBERSHIP6: [Shuffle<64>; 2] =
    [shuffle(MEMBERSHIP6, 40, RECORD_BYTES, 0), shuffle(MEMBERSHIP6, 40, RECORD_BYTES, 64)];

/// From a key to its record.
pub(super) static ONE_MEMBERSHIP4: Shuffle<32> = shuffle(MEMBERSHIP4, 16, 32, 0);

// `in_memory` counts bytes as little-endian words have them.
const _: () = assert!(cfg!(target_endian = "little"));
