//! Which byte of a record comes from which byte of its key, for kernels that move bytes.
//!
//! Counted from the most significant byte on, as [`key`](crate::key) has them, the bytes of a key are
//! its fields in network byte order:
//!
//! ```text
//! JoinKey         group | source
//! ByInterfaceKey  slot 3 | group | source | protocol 4 | flags 1
//! ```
//!
//! In memory the bytes of each 64-bit word are the other way round.

/// What stands for a byte that comes from no byte of the key.
const NONE: u8 = 0x80;

/// The greatest record.
const RECORD_BYTES: usize = 96;

/// By place in the record, the place in the key's memory. A mask has the bytes of its address.
type Layout = [u8; RECORD_BYTES];

const JOIN4: Layout = entry([NONE; RECORD_BYTES], 4, 0);
const JOIN6: Layout = entry([NONE; RECORD_BYTES], 16, 0);
const MEMBERSHIP4: Layout = membership(4);
const MEMBERSHIP6: Layout = membership(16);

/// The place in memory of a key's byte, counted from the most significant one.
const fn in_memory(byte: usize) -> u8 {
    (byte / 8 * 8 + 7 - byte % 8) as u8
}

/// The first part of a record: source, its mask, group, its mask.
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

/// A membership's record: entry, next hop, index, protocol, flags, of which the next hop and the
/// index come from no key, and numbers are in the byte order of the machine.
const fn membership(address_bytes: usize) -> Layout {
    const SLOT_BYTES: usize = 3;
    const PROTOCOL_BYTES: usize = 4;
    let mut layout = entry([NONE; RECORD_BYTES], address_bytes, SLOT_BYTES);
    let protocol_at = SLOT_BYTES + 2 * address_bytes;
    let record_at = 5 * address_bytes + 4;
    let mut byte = 0;
    while byte < PROTOCOL_BYTES {
        layout[record_at + byte] = in_memory(protocol_at + PROTOCOL_BYTES - 1 - byte);
        byte += 1;
    }
    layout[record_at + PROTOCOL_BYTES] = in_memory(protocol_at + PROTOCOL_BYTES);
    layout
}

/// The places of bytes for a vector of `N` that is shuffled, and which of them have a byte.
#[repr(align(64))]
#[derive(Clone, Copy)]
pub(super) struct Shuffle<const N: usize> {
    pub(super) places: [u8; N],
    /// A bit a byte.
    pub(super) present: u64,
}

/// The shuffle of bytes `first..first + N` of a sequence of records of `record_bytes` each, from a
/// sequence of keys of `key_bytes` each.
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

// Bytes are moved by their place in the words of a machine that has the low byte first.
const _: () = assert!(cfg!(target_endian = "little"));
