//! Checks that a peer does the work that it is timed for.

use anyhow::{Result, ensure};
use groupscan::{SourceGroupEntry, V4};

use crate::page::{Page, Record};
use crate::peers::{Kind, Peer};

/// Compares what a peer enumerates with the records of ascending keys. The records of an unordered peer
/// are sorted first.
pub fn enumeration(kind: &Kind, peer: &dyn Peer, keys: &[u64], page: &mut Page) -> Result<()> {
    let mut records: Vec<Record> = Vec::with_capacity(keys.len());
    peer.reader().enumerate(page, &mut |page| records.extend_from_slice(page));
    if !kind.is_ordered {
        records.sort_unstable_by_key(|record| record.key());
    }
    ensure!(
        records.len() == keys.len(),
        "{} gives {} records of {}",
        kind.name,
        records.len(),
        keys.len()
    );
    let expected = keys.iter().map(|key| {
        let [group, source] = [(key >> 32) as u32, *key as u32].map(V4::from_bits);
        SourceGroupEntry::new(group, source)
    });
    let differs = records
        .iter()
        .zip(expected)
        .position(|(record, entry)| bytemuck::bytes_of(record) != bytemuck::bytes_of(&entry));
    match differs {
        Some(at) => anyhow::bail!("{} gives a different record at place {at}", kind.name),
        None => Ok(()),
    }
}

/// Compares a peer's contents after its changes with ascending keys.
pub fn contents(kind: &Kind, peer: &dyn Peer, keys: &[u64]) -> Result<()> {
    ensure!(peer.holds(keys), "{} does not have the joins that it should have", kind.name);
    Ok(())
}
