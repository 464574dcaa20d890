//! Places of the memberships of one interface.

use super::{Place, key_at};
use crate::enumeration::position::Position;
use crate::index::{Direct, Indexes, InterfaceIndex, Neighbor};
use crate::types::key::{MembershipKey, MembershipParts};
use crate::types::{Family, Interface, Join, Protocol};

pub(super) fn place_of<F: Family>(
    indexes: &Indexes<F>,
    interface: Interface<F>,
    join: Join<F>,
) -> Place {
    let first = MembershipParts::new(join, interface, Protocol::new(0));
    let rank = match interface.next_hop.is_unspecified() {
        true => Direct::tree(indexes).lower_bound(F::ByInterface::new(first)),
        false => Neighbor::tree(indexes).lower_bound(F::ByNeighbor::new(first)),
    };
    rank as Place
}

pub(super) fn place_behind<F: Family>(
    indexes: &Indexes<F>,
    interface: Interface<F>,
    position: &Position<F>,
) -> Place {
    let protocol = position.protocol.unwrap_or(Protocol::new(u32::MAX));
    let last = MembershipParts::new(position.join(), interface, protocol);
    let rank = match interface.next_hop.is_unspecified() {
        true => Direct::tree(indexes).upper_bound(F::ByInterface::new(last)),
        false => Neighbor::tree(indexes).upper_bound(F::ByNeighbor::new(last)),
    };
    rank as Place
}

pub(super) fn position_at<F: Family>(
    indexes: &Indexes<F>,
    interface: Interface<F>,
    place: Place,
) -> Position<F> {
    Position::of(&match interface.next_hop.is_unspecified() {
        true => key_at(Direct::tree(indexes), place).parts(),
        false => key_at(Neighbor::tree(indexes), place).parts(),
    })
}
