//! The buffer that all sides fill, and its records.
//!
//! A side fills a page with whole records in network byte order, passes it on, and fills it again. Peers
//! that iterate pack key by key with one scalar loop. A peer with a slice of keys packs the slice
//! ([`pack_slice`](crate::slices::pack_slice)).

use bytemuck::{Pod, Zeroable};

/// A record in the layout of `SOURCE_GROUP_ENTRY`: source, source mask, group, group mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub struct Record([u32; 4]);

impl Record {
    /// The record of a key. A mask is 0 if its address is 0, and the host mask otherwise.
    #[inline(always)]
    pub fn new(key: u64) -> Self {
        let (group, source) = ((key >> 32) as u32, key as u32);
        let mask = |address: u32| if address == 0 { 0 } else { u32::MAX };
        Self([source.to_be(), mask(source), group.to_be(), mask(group)])
    }

    /// The key of the record.
    pub fn key(self) -> u64 {
        let [source, _, group, _] = self.0;
        u64::from(u32::from_be(group)) << 32 | u64::from(u32::from_be(source))
    }

    /// The four numbers, in memory order.
    pub fn words(self) -> [u32; 4] {
        self.0
    }
}

/// A buffer of 64 KiB, aligned to a page of memory for all sides.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(4096))]
pub struct Page([Record; Page::RECORDS]);

/// The call for each filled page.
pub type Sink<'s> = &'s mut dyn FnMut(&[Record]);

impl Page {
    /// The bytes of a page.
    pub const BYTES: usize = 64 << 10;

    /// The number of records that fit into a page.
    pub const RECORDS: usize = Self::BYTES / size_of::<Record>();

    /// An empty page.
    pub fn boxed() -> Box<Self> {
        bytemuck::zeroed_box()
    }

    /// The page as bytes.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::bytes_of_mut(self)
    }

    /// The page as records.
    pub fn records_mut(&mut self) -> &mut [Record] {
        &mut self.0
    }
}

/// Packs keys one by one, page after page.
pub fn pack(mut keys: impl Iterator<Item = u64>, page: &mut Page, sink: Sink<'_>) {
    loop {
        let mut filled = 0;
        for (place, key) in page.0.iter_mut().zip(keys.by_ref()) {
            *place = Record::new(key);
            filled += 1;
        }
        if filled > 0 {
            sink(&page.0[..filled]);
        }
        if filled < Page::RECORDS {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groupscan::{SourceGroupEntry, V4};

    #[test]
    fn records_are_those_of_groupscan() {
        let addresses = [0, 1, 0x0a00_0001, 0x8000_0000, 0xe801_0203, u32::MAX];
        for group in addresses {
            for source in addresses {
                let key = u64::from(group) << 32 | u64::from(source);
                let entry = SourceGroupEntry::new(V4::from_bits(group), V4::from_bits(source));
                assert_eq!(bytemuck::bytes_of(&Record::new(key)), bytemuck::bytes_of(&entry));
                assert_eq!(Record::new(key).key(), key);
            }
        }
    }

    #[test]
    fn every_key_is_in_one_page() {
        let mut page = Page::boxed();
        for count in [0, 1, Page::RECORDS - 1, Page::RECORDS, Page::RECORDS + 1, 10_000] {
            let mut keys = Vec::new();
            let mut sink = |records: &[Record]| {
                assert!(!records.is_empty());
                keys.extend(records.iter().map(|record| record.key()));
            };
            pack(0..count as u64, &mut page, &mut sink);
            assert!(keys.into_iter().eq(0..count as u64));
        }
    }
}
