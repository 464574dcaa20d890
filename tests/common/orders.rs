//! What the tests of threads' orders start from, whoever chooses the order.

use std::sync::Arc;

use groupscan::internals::{JoinSet, JoinSetSnapshot};
use groupscan::manager::{
    Client, EnumerationHandle, GroupManager, ManagerError, ManagerLimits, ProtocolHandle,
};
use groupscan::{Filter, Interface, MembershipFlags, SourceGroupEntry, V4, View};

pub(crate) const LAN: Interface<V4> = Interface::new(1);

/// A version has the keys 1 to its number.
pub(crate) fn check(snapshot: &JoinSetSnapshot) -> usize {
    let length = snapshot.len();
    assert!((1..=length as u64).all(|key| snapshot.contains(key)));
    assert!(!snapshot.contains(length as u64 + 1));
    length
}

pub(crate) fn set_of(keys: u64) -> Arc<JoinSet> {
    let set = JoinSet::new();
    for key in 1..=keys {
        assert!(set.change([key], true));
    }
    Arc::new(set)
}

/// The join of a number.
pub(crate) fn entry(number: u8) -> SourceGroupEntry {
    SourceGroupEntry::new(V4::new(239, 0, 0, number), V4::UNSPECIFIED)
}

/// A manager with joins of the numbers from 1 on, for so many enumerations at a time.
pub(crate) fn manager(joins: u8, enumerations: usize) -> (Arc<GroupManager>, ProtocolHandle) {
    let limits = ManagerLimits::default().protocols(1).enumerations(enumerations);
    let manager = GroupManager::with_limits(limits);
    let igmp = manager.register(Client::new(10, 0), None).unwrap();
    for number in 1..=joins {
        manager.add_membership(igmp, &entry(number), LAN, MembershipFlags::JOIN).unwrap();
    }
    (Arc::new(manager), igmp)
}

pub(crate) fn start(
    manager: &GroupManager,
    protocol: ProtocolHandle,
) -> Result<EnumerationHandle, ManagerError> {
    manager.start_enumeration(protocol, View::AllSources, Filter::all())
}

/// Reads one record of an enumeration, which is `None` after the last, unless it has ended.
pub(crate) fn read_one(
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

/// Checks that nothing is left of versions but the current one.
pub(crate) fn check_nothing_is_left(manager: &GroupManager) {
    while manager.reclaim() {}
    let stats = manager.stats();
    assert_eq!((stats.live_versions, stats.slots_retained), (1, 0));
}
