//! Values through serde: what is written reads back, and is what people would write.

#![cfg(feature = "serde")]

use std::fmt::Debug;

use groupscan::{
    Filter, GroupTable, Interface, Join, Membership, MembershipFlags, MembershipOrder, Position,
    Prefix, Protocol, V4, V6, View,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

fn reads_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    value: T,
    expected: serde_json::Value,
) {
    assert_eq!(serde_json::to_value(&value).unwrap(), expected);
    assert_eq!(serde_json::from_value::<T>(expected).unwrap(), value);
}

#[test]
fn values_are_written_as_people_write_them() {
    let (group, source) = (V4::new(232, 1, 1, 1), V4::new(10, 0, 0, 1));
    let interface = Interface::with_next_hop(7, V4::new(192, 0, 2, 9));
    reads_back(Join::new(group, source), json!({"group": "232.1.1.1", "source": "10.0.0.1"}));
    reads_back(
        Membership::source_specific(group, source, interface, Protocol::IGMP)
            .with_flags(MembershipFlags::JOIN_AND_FORWARD),
        json!({
            "group": "232.1.1.1",
            "source": "10.0.0.1",
            "interface": {"index": 7, "next_hop": "192.0.2.9"},
            "protocol": 10,
            "flags": "join+forward",
        }),
    );
    for view in View::ALL {
        reads_back(view, json!(view.name()));
    }
    reads_back("ff3e::/16".parse::<Prefix<V6>>().unwrap(), json!("ff3e::/16"));
    reads_back(
        Filter::all().with_groups("239.0.0.0/8".parse().unwrap()).with_interface(interface),
        json!({
            "groups": "239.0.0.0/8",
            "sources": "0.0.0.0/0",
            "interface": {"index": 7, "next_hop": "192.0.2.9"},
        }),
    );
    reads_back(
        Position::behind(Join::any_source(group)),
        json!({"group": "232.1.1.1", "source": "0.0.0.0", "interface": null, "protocol": null}),
    );
    for order in MembershipOrder::ALL {
        reads_back(order, json!(order.name()));
    }
    reads_back(GroupTable::new().version(), json!(0));
}

#[test]
fn what_is_not_a_value_is_refused() {
    for (text, part) in [("\"wildcard\"", "any-source"), ("3", "")] {
        let error = serde_json::from_str::<View>(text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(serde_json::from_str::<MembershipFlags>("\"none\"").is_err());
    let error = serde_json::from_str::<Prefix<V4>>("\"239.1.0.0/8\"").unwrap_err().to_string();
    assert!(error.contains("239.0.0.0/8"), "{error}");
}
