//! Writers on the table with the cap.

use std::time::Instant;

use crate::Soak;
use groupscan_testing::history::{Transaction, World};
use groupscan_testing::random::Random;

/// More memberships than fit under the cap, so that it refuses joins much of the time.
pub(crate) const WORLD: World =
    World { groups: 120, sources: 10, interfaces: 8, protocols: 3, joins_in_16: 9, sweeps: 40 };

/// The largest number of changes in a transaction.
const CHANGES: usize = 8;

/// Changes the table until a moment, and tells the oracle of each commit.
pub(crate) fn write(soak: &Soak, mut random: Random, until: Instant) -> Result<(), String> {
    while Instant::now() < until {
        let transaction = Transaction::run(&soak.table, &mut random, &WORLD, CHANGES);
        soak.counts.refused.add(transaction.refused());
        if let Some(version) = transaction.made() {
            soak.counts.commits.add(1);
            soak.oracle.tell(version, transaction)?;
        }
        if random.one_in(50) {
            soak.table.reclaim();
        }
        random.pause();
    }
    Ok(())
}
