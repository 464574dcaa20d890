//! Enumerations chosen at random: what they show, page by page, and what they must show.

#![allow(dead_code, reason = "each test uses its part")]

use std::thread::{self, ScopedJoinHandle};

use groupscan::manager::ManagerError;
use groupscan::{
    Enumeration, Family, Filter, Interface, Kind, Prefix, PrefixError, Snapshot, V4, V6, View,
};

use crate::common::{Model, Small, VIEWS, membership};
use crate::history::{Models, World};
use crate::random::Random;

/// An enumeration that is under way, whatever it is of: puts records into a buffer, and says how many
/// and whether there are more.
pub(crate) type Walk<'w> =
    Box<dyn Fn(&mut [u8]) -> Result<(usize, bool), ManagerError> + Send + Sync + 'w>;

/// The batches that one thread was given, as bytes.
pub(crate) type Batches = Vec<Vec<u8>>;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Ipv4(Narrowed<V4>),
    Ipv6(Narrowed<V6>),
}

/// What is asked for of one family: a view of joins, or else the memberships of an interface.
#[derive(Clone, Debug)]
pub(crate) struct Narrowed<F> {
    view: Option<View>,
    interface: Interface<F>,
    filter: Filter<F>,
}

impl Request {
    pub(crate) fn random(random: &mut Random, world: &World) -> Self {
        match random.one_in(3) {
            true => Self::Ipv6(Narrowed::random(random, world)),
            false => Self::Ipv4(Narrowed::random(random, world)),
        }
    }

    /// A view of the joins on an interface, with the filter that narrows it to that.
    pub(crate) fn joins_on(
        random: &mut Random,
        world: &World,
        interface: Interface<V4>,
    ) -> (Self, View, Filter<V4>) {
        let Narrowed { filter, .. } = Narrowed::random(random, world);
        let (view, filter) = (*random.pick(&VIEWS), filter.interface(interface));
        (Self::Ipv4(Narrowed { view: Some(view), interface, filter }), view, filter)
    }

    pub(crate) fn start(&self, snapshot: &Snapshot) -> Walk<'static> {
        match self {
            Self::Ipv4(narrowed) => narrowed.start(snapshot),
            Self::Ipv6(narrowed) => narrowed.start(snapshot),
        }
    }

    pub(crate) fn record_bytes(&self) -> usize {
        match self {
            Self::Ipv4(narrowed) => narrowed.record_bytes(),
            Self::Ipv6(narrowed) => narrowed.record_bytes(),
        }
    }

    /// The records that must be shown of a version.
    pub(crate) fn expected(&self, models: &Models) -> Vec<u8> {
        match self {
            Self::Ipv4(narrowed) => narrowed.expected(&models.ipv4),
            Self::Ipv6(narrowed) => narrowed.expected(&models.ipv6),
        }
    }

    /// Gets one page, in a buffer that may have any size and alignment, and says whether there is more.
    pub(crate) fn page(
        &self,
        walk: &Walk<'_>,
        random: &mut Random,
        batches: &mut Batches,
    ) -> Result<bool, String> {
        let record_bytes = self.record_bytes();
        // Now and then too small for one record, and often for a record and a part of one.
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

    /// Gets all pages that are left.
    pub(crate) fn rest(
        &self,
        walk: &Walk<'_>,
        random: &mut Random,
        batches: &mut Batches,
    ) -> Result<(), String> {
        while self.page(walk, random, batches)? {}
        Ok(())
    }

    /// Gets all pages that are left by so many threads, and returns what each was given.
    pub(crate) fn share(
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

    /// Checks that the batches of some threads are runs of what was to be shown, that those of each
    /// thread ascend, and that no record is missing or was given twice.
    pub(crate) fn compare(&self, expected: &[u8], threads: &[Batches]) -> Result<(), String> {
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

/// What threads returned. They are joined one by one, for a sanitizer does not see the end of a scope.
pub(crate) fn ends<T>(
    threads: Vec<ScopedJoinHandle<'_, Result<T, String>>>,
) -> Result<Vec<T>, String> {
    let ended: Vec<_> = threads.into_iter().map(ScopedJoinHandle::join).collect();
    ended.into_iter().map(|end| end.map_err(|_| "a thread panicked")?).collect()
}

impl<F: Small> Narrowed<F> {
    fn random(random: &mut Random, world: &World) -> Self {
        let interface = membership::<F>(0, 0, random.small(world.interfaces), 0, 0).interface;
        let mut filter = Filter::all();
        if random.one_in(3) {
            filter = filter.group(prefix(random, world.groups));
        }
        if random.one_in(4) {
            filter = filter.source(prefix(random, world.sources));
        }
        if random.one_in(4) {
            filter = filter.interface(interface);
        }
        let view = (!random.one_in(5)).then(|| *random.pick(&VIEWS));
        Self { view, interface, filter }
    }

    fn start(&self, snapshot: &Snapshot) -> Walk<'static> {
        match self.view {
            Some(view) => walk(snapshot.enumerate(view, self.filter)),
            None => walk(snapshot.enumerate_memberships(self.interface, self.filter)),
        }
    }

    fn record_bytes(&self) -> usize {
        match self.view {
            Some(_) => size_of::<F::Entry>(),
            None => size_of::<F::MembershipEntry>(),
        }
    }

    fn expected(&self, model: &Model<F>) -> Vec<u8> {
        let Interface { index, next_hop } = self.interface;
        match self.view {
            Some(view) => {
                let shown = model.shown(view, self.filter).into_iter();
                let records: Vec<_> = shown.map(|(g, s)| F::entry(g, s)).collect();
                bytemuck::cast_slice(&records).to_vec()
            }
            None => {
                let shown = model.memberships_on(self.interface, self.filter).into_iter();
                let record = |(g, s, p, flags)| {
                    F::membership_entry(F::entry(g, s), index, next_hop, p, flags)
                };
                let records: Vec<_> = shown.map(record).collect();
                bytemuck::cast_slice(&records).to_vec()
            }
        }
    }
}

/// The prefix of an address that may be there, of a length at which some others have it, too.
fn prefix<F: Small>(random: &mut Random, addresses: u8) -> Prefix<F> {
    let (address, host_bits) = (random.small(addresses), random.small(4));
    let length = *random.pick(&[F::BITS, F::BITS - host_bits, 16, 8]);
    match Prefix::new(F::small(address), length) {
        Err(PrefixError::BitsBeyondLength { prefix }) => prefix.parse().unwrap_or_default(),
        prefix => prefix.unwrap_or_default(),
    }
}

fn walk<F: Family, K: Kind>(enumeration: Enumeration<F, K>) -> Walk<'static> {
    Box::new(move |buffer| {
        let batch = enumeration.get_next(buffer)?;
        Ok((batch.entries().len(), batch.more()))
    })
}
