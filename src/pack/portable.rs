//! The kernel for every machine, and the reference for all others.

use crate::family::Family;
use crate::key::JoinKey;

/// Writes the record of each key, as many as both slices have.
#[inline]
pub(crate) fn expand<F: Family>(keys: &[F::Join], records: &mut [F::Entry]) {
    for (record, key) in records.iter_mut().zip(keys) {
        *record = F::entry(key.group(), key.source());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{V4, V6};
    use crate::record::SourceGroupEntry;
    use bytemuck::Zeroable;

    #[test]
    fn expands_every_length_and_writes_nothing_else() {
        let keys: Vec<_> = (0..70u32)
            .map(|i| {
                <V4 as crate::family::sealed::Keys>::Join::new(
                    (0xe000_0000 + i).into(),
                    (i % 3).into(),
                )
            })
            .collect();
        let canary = SourceGroupEntry::new(V4::BROADCAST, V4::BROADCAST);
        for length in 0..=keys.len() {
            let mut records = vec![canary; keys.len()];
            expand::<V4>(&keys[..length], &mut records);
            for (i, record) in records.iter().enumerate() {
                let i = u32::try_from(i).unwrap();
                let expected = if (i as usize) < length {
                    SourceGroupEntry::new((0xe000_0000 + i).into(), (i % 3).into())
                } else {
                    canary
                };
                assert_eq!(*record, expected);
            }
        }
    }

    #[test]
    fn expands_ipv6() {
        let (group, source): (V6, V6) =
            ("ff3e::1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let mut records = [Zeroable::zeroed(); 1];
        expand::<V6>(&[JoinKey::new(group, source)], &mut records);
        assert_eq!(records[0], V6::entry(group, source));
    }
}
