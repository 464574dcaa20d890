//! Random enumerations: what they show, page by page, and what they must show.

use std::thread::{self, ScopedJoinHandle};

use groupscan::manager::ManagerError;
use groupscan::{
    Enumeration, Family, Filter, Interface, Join, Kind, Prefix, PrefixError, Snapshot, V4, V6, View,
};

use crate::history::{Models, World};
use crate::model::{Model, Small, membership};
use crate::random::Random;

/// An open enumeration of any kind. It writes records into a buffer, and returns their number and
/// whether there are more.
pub type Walk<'w> =
    Box<dyn Fn(&mut [u8]) -> Result<(usize, bool), ManagerError> + Send + Sync + 'w>;

/// The batches that one thread got, as bytes.
pub type Batches = Vec<Vec<u8>>;

/// A request for an enumeration.
#[derive(Clone, Debug)]
pub enum Request {
    Ipv4(Narrowed<V4>),
    Ipv6(Narrowed<V6>),
}

/// A request in one family: a view of joins, or the memberships of an interface.
#[derive(Clone, Debug)]
pub struct Narrowed<F> {
    view: Option<View>,
    interface: Interface<F>,
    filter: Filter<F>,
}

impl Request {
    pub fn random(random: &mut Random, world: &World) -> Self {
        match random.one_in(3) {
            true => Self::Ipv6(Narrowed::random(random, world)),
            false => Self::Ipv4(Narrowed::random(random, world)),
        }
    }

    /// A view of the joins on an interface, and the filter that selects the interface.
    pub fn joins_on(
        random: &mut Random,
        world: &World,
        interface: Interface<V4>,
    ) -> (Self, View, Filter<V4>) {
        let Narrowed { filter, .. } = Narrowed::random(random, world);
        let (view, filter) = (*random.pick(&View::ALL), filter.with_interface(interface));
        (Self::Ipv4(Narrowed { view: Some(view), interface, filter }), view, filter)
    }

    pub fn start(&self, snapshot: &Snapshot) -> Walk<'static> {
        match self {
            Self::Ipv4(narrowed) => narrowed.start(snapshot),
            Self::Ipv6(narrowed) => narrowed.start(snapshot),
        }
    }

    pub fn record_bytes(&self) -> usize {
        match self {
            Self::Ipv4(narrowed) => narrowed.record_bytes(),
            Self::Ipv6(narrowed) => narrowed.record_bytes(),
        }
    }

    /// The records that the enumeration of a version must show.
    pub fn expected(&self, models: &Models) -> Vec<u8> {
        match self {
            Self::Ipv4(narrowed) => narrowed.expected(&models.ipv4),
            Self::Ipv6(narrowed) => narrowed.expected(&models.ipv6),
        }
    }

    /// Gets one page in a buffer of random size and alignment. Returns whether there is more.
    pub fn page(
        &self,
        walk: &Walk<'_>,
        random: &mut Random,
        batches: &mut Batches,
    ) -> Result<bool, String> {
        let record_bytes = self.record_bytes();
        // Sometimes too small for one record, and often not a whole number of records.
        let most = *random.pick(&[2, 7, 40]);
        let bytes = random.below(most * record_bytes);
        let offset = random.below(9);
        let mut buffer = vec![0; offset + bytes];
        match walk(&mut buffer[offset..]) {
            Ok((records, more)) => {
                let fit = bytes / record_bytes;
                if records > fit || (more && records < fit) {
                    return Err(format!("{self:?}: {records} records where {fit} fit"));
                }
                if records > 0 {
                    batches.push(buffer[offset..][..records * record_bytes].to_vec());
                }
                Ok(more)
            }
            Err(ManagerError::BufferTooSmall { needed_bytes })
                if bytes < needed_bytes && needed_bytes == record_bytes =>
            {
                Ok(true)
            }
            Err(error) => Err(format!("{self:?}: {bytes} bytes: {error}")),
        }
    }

    /// Gets all remaining pages.
    pub fn rest(
        &self,
        walk: &Walk<'_>,
        random: &mut Random,
        batches: &mut Batches,
    ) -> Result<(), String> {
        while self.page(walk, random, batches)? {}
        Ok(())
    }

    /// Gets all remaining pages with several threads, and returns what each thread got.
    pub fn share(
        &self,
        walk: &Walk<'_>,
        random: &mut Random,
        threads: usize,
    ) -> Result<Vec<Batches>, String> {
        thread::scope(|scope| {
            let sharer = |_| {
                let mut random = Random::new(random.bits(), 0);
                scope.spawn(move || {
                    let mut batches = Batches::new();
                    self.rest(walk, &mut random, &mut batches).map(|()| batches)
                })
            };
            let sharers: Vec<_> = (0..threads).map(sharer).collect();
            ends(sharers)
        })
    }

    /// Checks that the batches of some threads are runs of the expected records, that those of each thread
    /// ascend, and that no record is missing or was given twice.
    pub fn compare(&self, expected: &[u8], threads: &[Batches]) -> Result<(), String> {
        let record_bytes = self.record_bytes();
        let records: Vec<&[u8]> = expected.chunks(record_bytes).collect();
        let mut runs = Vec::new();
        for batches in threads {
            let mut from = 0;
            for batch in batches {
                let first = records[from..].iter().position(|record| batch.starts_with(record));
                let at = first.map(|at| from + at).unwrap_or(records.len());
                from = at + batch.len() / record_bytes;
                let expected = expected.get(at * record_bytes..from * record_bytes);
                if expected != Some(&batch[..]) {
                    return Err(format!(
                        "{self:?}: records that the version does not show: {batch:?}"
                    ));
                }
                runs.push(at..from);
            }
        }
        runs.sort_unstable_by_key(|run| run.start);
        let mut end = 0;
        for run in runs {
            if run.start != end {
                let what = if run.start > end { "are missing" } else { "were given twice" };
                return Err(format!("{self:?}: records {end} to {} {what}", run.start));
            }
            end = run.end;
        }
        match end == records.len() {
            true => Ok(()),
            false => Err(format!("{self:?}: {end} records of {}", records.len())),
        }
    }
}

/// The results of threads. They are joined one by one, because a sanitizer does not see the end of a scope.
pub fn ends<T>(threads: Vec<ScopedJoinHandle<'_, Result<T, String>>>) -> Result<Vec<T>, String> {
    let ended: Vec<_> = threads.into_iter().map(ScopedJoinHandle::join).collect();
    ended.into_iter().map(|end| end.map_err(|_| "a thread panicked")?).collect()
}

impl<F: Small> Narrowed<F> {
    fn random(random: &mut Random, world: &World) -> Self {
        let interface = membership::<F>(0, 0, random.small(world.interfaces), 0, 0).interface;
        let mut filter = Filter::all();
        if random.one_in(3) {
            filter = filter.with_groups(prefix(random, world.groups));
        }
        if random.one_in(4) {
            filter = filter.with_sources(prefix(random, world.sources));
        }
        if random.one_in(4) {
            filter = filter.with_interface(interface);
        }
        let view = (!random.one_in(5)).then(|| *random.pick(&View::ALL));
        Self { view, interface, filter }
    }

    fn start(&self, snapshot: &Snapshot) -> Walk<'static> {
        match self.view {
            Some(view) => walk(snapshot.of::<F>().enumerate(view, self.filter)),
            None => walk(snapshot.of::<F>().enumerate_memberships(self.interface, self.filter)),
        }
    }

    fn record_bytes(&self) -> usize {
        match self.view {
            Some(_) => size_of::<F::Entry>(),
            None => size_of::<F::MembershipEntry>(),
        }
    }

    fn expected(&self, model: &Model<F>) -> Vec<u8> {
        match self.view {
            Some(view) => {
                let shown = model.shown(view, self.filter).into_iter();
                let records: Vec<_> = shown.map(Join::to_entry).collect();
                bytemuck::cast_slice(&records).to_vec()
            }
            None => {
                let shown = model.memberships_on(self.interface, self.filter).into_iter();
                let records: Vec<_> = shown.map(|membership| membership.to_entry()).collect();
                bytemuck::cast_slice(&records).to_vec()
            }
        }
    }
}

/// The prefix of an address that may be in the table, short enough that other addresses share it.
fn prefix<F: Small>(random: &mut Random, addresses: u8) -> Prefix<F> {
    let (address, host_bits) = (random.small(addresses), random.small(4));
    let length = *random.pick(&[F::BITS, F::BITS - host_bits, 16, 8]);
    match Prefix::new(F::small(address), length) {
        Err(PrefixError::BitsBeyondLength { network, length }) => {
            format!("{network}/{length}").parse().unwrap_or_default()
        }
        prefix => prefix.unwrap_or_default(),
    }
}

fn walk<F: Family, K: Kind>(enumeration: Enumeration<F, K>) -> Walk<'static> {
    Box::new(move |buffer| {
        let batch = enumeration.get_next(buffer)?;
        Ok((batch.entries().len(), batch.more()))
    })
}
