//! Every peer, compared with the standard library's set.

use std::collections::BTreeSet;

use super::*;
use crate::check;
use crate::joins::{Churn, Random};

/// Checks a peer's contents by every way to read it.
fn check_contents(kind: &Kind, peer: &dyn Peer, model: &BTreeSet<u64>, absent: &[u64]) {
    let keys: Vec<u64> = model.iter().copied().collect();
    assert!(peer.holds(&keys), "{}", kind.name);
    assert!(!peer.holds(&keys[1..]), "{}", kind.name);
    let reader = peer.reader();
    assert!(keys.iter().all(|key| reader.contains(*key)), "{}", kind.name);
    assert!(absent.iter().all(|key| !reader.contains(*key)), "{}", kind.name);
    if kind.enumerates {
        check::enumeration(kind, peer, &keys, &mut Page::boxed()).unwrap();
    }
}

#[test]
fn peers_are_sets() {
    const SIZE: usize = 10_000;
    for kind in &ALL {
        let mut model: BTreeSet<u64> = Random::new().keys(SIZE).into_iter().collect();
        let peer = (kind.build)(&Random::new().keys(SIZE));
        let mut churn = Churn::new(SIZE);
        check_contents(kind, &*peer, &model, &[]);
        let mut left = Vec::new();
        for change in churn.prepare(1000) {
            peer.change(&[change.key], change.is_join);
            if change.is_join {
                model.insert(change.key);
            } else {
                model.remove(&change.key);
                left.push(change.key);
            }
            assert_eq!(peer.reader().contains(change.key), change.is_join, "{}", kind.name);
        }
        assert!(model.iter().copied().eq(churn.sorted_keys()));
        check_contents(kind, &*peer, &model, &left);
        let batch = churn.new_keys(777);
        peer.change(&batch, true);
        model.extend(&batch);
        check_contents(kind, &*peer, &model, &left);
        peer.change(&batch, false);
        batch.iter().for_each(|key| _ = model.remove(key));
        left.extend(batch);
        check_contents(kind, &*peer, &model, &left);
    }
}

#[test]
fn any_source_joins_are_packed_as_such() {
    let mut keys: Vec<u64> = (0..5000).map(|number| (0xe800_0000 + number / 2) << 32).collect();
    keys.dedup();
    for kind in that_enumerate() {
        let peer = (kind.build)(&keys);
        check::enumeration(kind, &*peer, &keys, &mut Page::boxed()).unwrap();
    }
}

#[test]
fn parked_enumerations_stay_as_they_were() {
    const SIZE: usize = 10_000;
    let mut page = Page::boxed();
    for kind in &ALL {
        let peer = (kind.build)(&Random::new().keys(SIZE));
        let mut churn = Churn::new(SIZE);
        let mut parked = Vec::new();
        for _ in 0..3 {
            let mut keys = Vec::new();
            let mut sink = |records: &[Record]| keys.extend(records.iter().map(|one| one.key()));
            if let Some(view) = peer.park(&mut page, &mut sink) {
                assert_eq!(keys.len(), Page::RECORDS);
                parked.push((view, keys, churn.sorted_keys()));
            }
            for change in churn.prepare(2000) {
                peer.change(&[change.key], change.is_join);
            }
        }
        let has_snapshots = kind.view == View::Snapshot && kind.enumerates;
        assert_eq!(parked.len(), if has_snapshots { 3 } else { 0 }, "{}", kind.name);
        for (view, mut keys, expected) in parked {
            view.finish(&mut page, &mut |records| {
                keys.extend(records.iter().map(|record| record.key()));
            });
            assert_eq!(keys, expected, "{}", kind.name);
        }
    }
}
