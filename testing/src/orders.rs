//! Common parts of the tests of threads' orders, for any tool that chooses the order.

use std::sync::Arc;

use groupscan::internals::{JoinIndex, JoinIndexSnapshot};
use groupscan::manager::{
    Client, EnumerationHandle, GroupManager, ManagerError, ManagerLimits, ProtocolHandle,
};
use groupscan::{Filter, Interface, MembershipFlags, SourceGroupEntry, V4, View};

pub const LAN: Interface<V4> = Interface::new(1);

/// Checks that a version has the keys from 1 to its number.
pub fn check(snapshot: &JoinIndexSnapshot) -> usize {
    let length = snapshot.len();
    assert!((1..=length as u64).all(|key| snapshot.contains(key)));
    assert!(!snapshot.contains(length as u64 + 1));
    length
}

pub fn index_of(keys: u64) -> Arc<JoinIndex> {
    let index = JoinIndex::new();
    for key in 1..=keys {
        assert!(index.change([key], true));
    }
    Arc::new(index)
}

/// The join of a number.
pub fn entry(number: u8) -> SourceGroupEntry {
    SourceGroupEntry::new(V4::new(239, 0, 0, number), V4::UNSPECIFIED)
}

/// A manager with joins of the numbers from 1 on, and a limit on open enumerations.
pub fn manager(joins: u8, enumerations: usize) -> (Arc<GroupManager>, ProtocolHandle) {
    let limits = ManagerLimits::default().with_protocols(1).with_enumerations(enumerations);
    let manager = GroupManager::with_limits(limits);
    let igmp = manager.register(Client::new(10, 0), None).unwrap();
    for number in 1..=joins {
        manager.add_membership(igmp, &entry(number), LAN, MembershipFlags::JOIN).unwrap();
    }
    (Arc::new(manager), igmp)
}

pub fn start(
    manager: &GroupManager,
    protocol: ProtocolHandle,
) -> Result<EnumerationHandle, ManagerError> {
    manager.start_enumeration(protocol, View::AllSources, Filter::all())
}

/// Reads one record of an enumeration: `Some(None)` after the last, `None` if the enumeration has ended.
pub fn read_one(
    manager: &GroupManager,
    running: EnumerationHandle,
) -> Option<Option<SourceGroupEntry>> {
    let mut buffer = [0; 16];
    match manager.get_next(running, &mut buffer) {
        Ok(batch) => Some(batch.entries().first().copied()),
        Err(error) => {
            assert_eq!(error, ManagerError::InvalidHandle);
            None
        }
    }
}

/// Checks that only the current version is left.
pub fn check_nothing_is_left(manager: &GroupManager) {
    manager.reclaim();
    let stats = manager.stats();
    assert_eq!((stats.live_versions, stats.retained_bytes), (1, 0));
}
