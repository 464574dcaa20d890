//! Packs a slice of keys with the widest vectors that the processor has.
//!
//! The loop is the same for all; the compiler vectorises it for the instructions that it may use.

#![allow(unsafe_code, reason = "functions with more instructions than all processors have")]

use crate::page::{Page, Record, Sink};

/// Packs a slice of ascending keys, page after page.
pub fn pack_slice(keys: &[u64], page: &mut Page, sink: Sink<'_>) {
    for keys in keys.chunks(Page::RECORDS) {
        let records = &mut page.records_mut()[..keys.len()];
        expand(keys, records);
        sink(records);
    }
}

/// Makes a record of each key. Both slices have the same length.
fn expand(keys: &[u64], records: &mut [Record]) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            // SAFETY: the processor has the instructions.
            return unsafe { expand_avx512(keys, records) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the instructions.
            return unsafe { expand_avx2(keys, records) };
        }
    }
    expand_any(keys, records);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
fn expand_avx512(keys: &[u64], records: &mut [Record]) {
    expand_any(keys, records);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn expand_avx2(keys: &[u64], records: &mut [Record]) {
    expand_any(keys, records);
}

#[inline(always)]
fn expand_any(keys: &[u64], records: &mut [Record]) {
    for (key, record) in keys.iter().zip(records) {
        *record = Record::new(*key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::joins::Random;

    #[test]
    fn all_ways_to_pack_a_slice_agree() {
        type Expand = fn(&[u64], &mut [Record]);
        let mut ways: Vec<Expand> = vec![expand, expand_any];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the instructions.
            ways.push(|keys, records| unsafe { expand_avx2(keys, records) });
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            // SAFETY: the processor has the instructions.
            ways.push(|keys, records| unsafe { expand_avx512(keys, records) });
        }
        let mut keys = Random::new().keys(100);
        keys.extend([0, 1, u64::MAX, 0xe801_0203 << 32]);
        let expected: Vec<Record> = keys.iter().map(|key| Record::new(*key)).collect();
        for length in 0..=keys.len() {
            for expand in &ways {
                let mut records = vec![Record::new(7); keys.len()];
                expand(&keys[..length], &mut records[..length]);
                assert_eq!(records[..length], expected[..length]);
                assert!(records[length..].iter().all(|record| *record == Record::new(7)));
            }
        }
    }
}
