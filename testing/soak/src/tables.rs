//! Tables that are dropped while snapshots of them are read.

use std::thread;
use std::time::Instant;

use groupscan::{GroupTable, Snapshot};

use crate::Soak;
use groupscan_testing::history::{Models, Transaction, World};
use groupscan_testing::random::Random;
use groupscan_testing::requests::{Batches, Request, ends};

const WORLD: World =
    World { groups: 30, sources: 6, interfaces: 6, protocols: 2, joins_in_16: 11, sweeps: 4 };

/// The snapshots of a table, each of a different version.
const SNAPSHOTS: usize = 4;

/// Makes and drops tables until a moment.
pub(crate) fn drop_tables(soak: &Soak, mut random: Random, until: Instant) -> Result<(), String> {
    while Instant::now() < until {
        let table = GroupTable::new();
        let mut models = Models::default();
        let mut held = Vec::new();
        while held.len() < SNAPSHOTS {
            let transaction = Transaction::run(&table, &mut random, &WORLD, 200);
            if transaction.made().is_some() {
                transaction.replay(&mut models)?;
                let snapshot = table.snapshot().map_err(|error| error.to_string())?;
                held.push((snapshot, models.clone(), Random::new(random.bits(), 0)));
            }
        }
        thread::scope(|scope| {
            let readers = held.into_iter().map(|(snapshot, models, random)| {
                scope.spawn(move || read(soak, &snapshot, &models, random))
            });
            let readers: Vec<_> = readers.collect();
            random.pause();
            drop(table);
            ends(readers)
        })?;
        soak.counts.tables.add(1);
    }
    Ok(())
}

/// Reads a snapshot. Its table may be dropped already.
fn read(
    soak: &Soak,
    snapshot: &Snapshot,
    models: &Models,
    mut random: Random,
) -> Result<(), String> {
    for _ in 0..4 {
        let request = Request::random(&mut random, &WORLD);
        let (walk, mut batches) = (request.start(snapshot), Batches::new());
        request.rest(&walk, &mut random, &mut batches)?;
        soak.compare(&request, &request.expected(models), &[batches])?;
        random.pause();
    }
    Ok(())
}
