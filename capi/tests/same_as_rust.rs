//! The calls of C and of Rust, compared on random changes.

use proptest::prelude::*;

use groupscan_testing::capi_calls::{Change, FILTERS};

fn changes() -> impl Strategy<Value = Vec<(bool, Change)>> {
    let numbers = (0..60u8, 0..60u8, 0..6u8, 0..3u8);
    let many = || prop::collection::vec(numbers.clone(), 0..200);
    let joins = prop::collection::vec((0..60u8, 0..60u8), 0..60);
    let (protocol, interface) = (0..3u8, 0..6u8);
    let change = prop_oneof![
        4 => (protocol.clone(), many())
            .prop_map(|(protocol, memberships)| Change::Join { protocol, memberships }),
        2 => (protocol.clone(), many())
            .prop_map(|(protocol, memberships)| Change::Leave { protocol, memberships }),
        2 => (protocol.clone(), many(), many())
            .prop_map(|(protocol, leaves, joins)| Change::Update { protocol, leaves, joins }),
        1 => (protocol.clone(), interface.clone())
            .prop_map(|(protocol, interface)| Change::LeaveAll { protocol, interface }),
        1 => protocol.clone().prop_map(|protocol| Change::LeaveEverywhere { protocol }),
        1 => (protocol.clone(), 0..50u8)
            .prop_map(|(protocol, most)| Change::LeaveEverywhereInSteps { protocol, most }),
        2 => (protocol.clone(), interface.clone(), joins.clone(), 0..6u8, 0..50u8).prop_map(
            |(protocol, interface, joins, flags, most)| Change::ReplaceInSteps {
                protocol,
                interface,
                joins,
                flags,
                most
            }
        ),
        1 => (protocol, interface, joins, prop::bool::weighted(0.8)).prop_map(
            |(protocol, interface, joins, sorted)| Change::Replace {
                protocol,
                interface,
                joins,
                sorted
            }
        ),
    ];
    prop::collection::vec((any::<bool>(), change), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn changes_and_what_is_read_after_them(changes in changes()) {
        groupscan_testing::capi_calls::run(changes, 0..FILTERS);
    }
}
