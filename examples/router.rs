//! A small simulated router: IGMP joins and leaves groups at full speed while clients read the table.
//!
//! `cargo run --release --example router -- [SECONDS]`
//!
//! - The show command enumerates in pages of 64 KiB and waits after each, as for a terminal.
//! - The SNMP walk keeps only its position between records, and reads each record from the version that is
//!   current at that time.
//! - PIM starts up later, learns the groups and adds joins of its own.
//! - The forgetful client starts an enumeration and never ends it. It expires.
//!
//! Joins of even numbers are always in the table, so every reader must meet them. Others come and go.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use groupscan::manager::{
    Client, EnumerationInfo, GroupManager, ManagerError, ManagerLimits, ProtocolHandle,
};
use groupscan::{Filter, Interface, Join, MembershipFlags, Position, SourceGroupEntry, V4, View};

type Failure = Box<dyn Error + Send + Sync>;

macro_rules! ensure {
    ($condition:expr, $($message:tt)*) => {
        if !$condition {
            return Err(format!($($message)*).into());
        }
    };
}

const IGMP: Client = Client::new(10, 0);
const PIM: Client = Client::new(0x0137_0020, 0);
const SHOW: Client = Client::new(0x0137_8001, 0);
const FORGETFUL: Client = Client::new(0x0137_8002, 0);
const STABLE_JOINS: u32 = 50_000;
const JOINS_A_GROUP: u32 = 8;
const IGMP_THREADS: u32 = 2;
const WAN: Interface<V4> = Interface::new(100);
const PIM_JOINS: usize = 1_000;
/// Odd, like the numbers of all joins that come and go.
const PIM_SOURCE: V4 = V4::new(10, 9, 9, 9);
const PAGE_BYTES: usize = 64 << 10;

/// The join of a number, and its interface. The first join of a group is an any-source join.
fn join(number: u32) -> (SourceGroupEntry, Interface<V4>) {
    let group = V4::from_bits(V4::new(239, 0, 0, 0).to_bits() + number / JOINS_A_GROUP);
    let source = match number % JOINS_A_GROUP {
        0 => V4::UNSPECIFIED,
        host => V4::from_bits(V4::new(10, 0, 0, 0).to_bits() + host),
    };
    (SourceGroupEntry::new(group, source), Interface::new(1 + number / 2 % 4))
}

/// The records that a reader has met, checked as they come.
struct Pass {
    reader: &'static str,
    version: u64,
    begun: Instant,
    records: usize,
    stable: u32,
    last: Option<(V4, V4)>,
}

impl Pass {
    fn new(reader: &'static str, version: u64) -> Self {
        Self { reader, version, begun: Instant::now(), records: 0, stable: 0, last: None }
    }

    fn take(&mut self, entries: &[SourceGroupEntry]) -> Result<(), Failure> {
        self.records += entries.len();
        for entry in entries {
            let key = (entry.group(), entry.source());
            let ascends = self.last.is_none_or(|last| last < key);
            ensure!(ascends, "{}: {entry} is not in ascending order", self.reader);
            self.last = Some(key);
            self.stable += u32::from(entry.source().to_bits() % 2 == 0);
        }
        Ok(())
    }

    /// Checks that nothing is missing, and prints a line about the pass.
    fn finish(&self, router: &Router) -> Result<(), Failure> {
        let Self { reader, version, records, stable, .. } = *self;
        ensure!(stable == STABLE_JOINS, "{reader}: {stable} of {STABLE_JOINS} lasting joins");
        let (took, changes) =
            (self.begun.elapsed().as_secs_f64() * 1e3, router.version()? - version);
        println!("{reader:<14}{records:>9}{version:>10}{took:>10.1}{changes:>10}");
        Ok(())
    }
}

struct Router {
    manager: GroupManager,
    igmp: ProtocolHandle,
    start: Instant,
    run: Duration,
}

impl Router {
    /// A router with its lasting joins.
    fn new(run: Duration) -> Result<Self, Failure> {
        let limits = ManagerLimits::default().with_idle(run.mul_f64(0.4));
        let manager = GroupManager::with_limits(limits);
        let igmp = manager.register(IGMP, None)?;
        for number in (0..2 * STABLE_JOINS).step_by(2) {
            let (entry, lan) = join(number);
            manager.add_membership(igmp, &entry, lan, MembershipFlags::JOIN)?;
        }
        Ok(Self { manager, igmp, start: Instant::now(), run })
    }

    fn version(&self) -> Result<u64, Failure> {
        Ok(self.manager.snapshot()?.version().number())
    }

    fn is_over(&self) -> bool {
        self.start.elapsed() >= self.run
    }

    /// Sleeps until a part of the run is over.
    fn sleep_until(&self, part: f64) {
        thread::sleep(self.run.mul_f64(part).saturating_sub(self.start.elapsed()));
    }

    /// Lets its own hosts join and leave at random. Returns the commits and the joins left.
    fn igmp(&self, thread: u32) -> Result<(u64, usize), Failure> {
        let mut joined = vec![false; (STABLE_JOINS / IGMP_THREADS) as usize];
        let (mut random, mut commits) = (u64::from(thread), 0);
        while !self.is_over() {
            // A linear congruential generator, because std has no random numbers.
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let host = ((random >> 33) % joined.len() as u64) as u32;
            let (entry, lan) = join(2 * (host * IGMP_THREADS + thread) + 1);
            let is_joined = &mut joined[host as usize];
            let change = match *is_joined {
                true => GroupManager::delete_membership,
                false => GroupManager::add_membership,
            };
            change(&self.manager, self.igmp, &entry, lan, MembershipFlags::JOIN)?;
            *is_joined = !*is_joined;
            commits += 1;
        }
        Ok((commits, joined.into_iter().filter(|is_joined| *is_joined).count()))
    }

    /// Enumerates all joins by a handle, and calls `page_read` after each page.
    fn enumerate(
        &self,
        reader: &'static str,
        client: ProtocolHandle,
        mut page_read: impl FnMut(&[SourceGroupEntry]),
    ) -> Result<(), Failure> {
        let handle = self.manager.start_enumeration(client, View::AllSources, Filter::all())?;
        let running = self.manager.enumerations();
        let info = running.iter().find(|info| info.handle == handle).ok_or("it is not listed")?;
        let mut pass = Pass::new(reader, info.version.number());
        let mut buffer = vec![0; PAGE_BYTES];
        let mut more = true;
        while more {
            let batch = self.manager.get_next(handle, &mut buffer)?;
            pass.take(batch.entries())?;
            page_read(batch.entries());
            more = batch.more();
        }
        self.manager.end_enumeration(handle)?;
        // The enumeration had not been read yet, so all joins of its version remained.
        let (records, expected) = (pass.records, info.remaining);
        ensure!(records == expected, "{reader}: {records} of {expected} records");
        pass.finish(self)
    }

    fn show_command(&self) -> Result<(), Failure> {
        let client = self.manager.register(SHOW, None)?;
        while !self.is_over() {
            self.enumerate("show command", client, |_| thread::sleep(self.run / 100))?;
        }
        Ok(self.manager.deregister(client)?)
    }

    fn snmp(&self) -> Result<(), Failure> {
        while !self.is_over() {
            let mut pass = Pass::new("SNMP walk", self.version()?);
            let mut buffer = [0; size_of::<SourceGroupEntry>()];
            let mut more = true;
            while more {
                // Nothing is held between two requests.
                let mut rest =
                    self.manager.snapshot()?.ipv4().enumerate(View::AllSources, Filter::all());
                if let Some((group, source)) = pass.last {
                    rest = rest.resume_after(Position::behind(Join::new(group, source)));
                }
                let batch = rest.get_next(&mut buffer)?;
                pass.take(batch.entries())?;
                more = batch.more();
            }
            pass.finish(self)?;
            thread::sleep(self.run / 8);
        }
        Ok(())
    }

    /// Returns the commits and the joins left.
    fn pim(&self) -> Result<(u64, usize), Failure> {
        self.sleep_until(0.3);
        let client = self.manager.register(PIM, None)?;
        self.manager.take_interface(client, WAN)?;
        let mut groups = Vec::new();
        self.enumerate("PIM", client, |page| groups.extend(page.iter().map(|e| e.group())))?;
        groups.dedup();
        for group in groups.iter().take(PIM_JOINS) {
            let entry = SourceGroupEntry::new(*group, PIM_SOURCE);
            self.manager.add_membership(client, &entry, WAN, MembershipFlags::JOIN)?;
        }
        Ok((PIM_JOINS as u64, PIM_JOINS))
    }

    fn forgetful(&self) -> Result<(), Failure> {
        self.sleep_until(0.2);
        let client = self.manager.register(FORGETFUL, None)?;
        let handle = self.manager.start_enumeration(client, View::AllSources, Filter::all())?;
        let mut buffer = [0; 1024];
        self.manager.get_next(handle, &mut buffer)?;
        self.sleep_until(0.9);
        match self.manager.get_next(handle, &mut buffer) {
            Err(ManagerError::InvalidHandle) => Ok(self.manager.deregister(client)?),
            other => Err(format!("forgetful: the handle did not expire: {other:?}").into()),
        }
    }

    /// Ends forgotten enumerations, and prints the holders halfway through.
    fn watch(&self) -> Result<(), Failure> {
        self.sleep_until(0.5);
        println!("\nHalfway\n{}", self.holders());
        let mut expired = 0;
        while !self.is_over() {
            expired += self.manager.expire_idle();
            thread::sleep(self.run / 100);
        }
        ensure!(expired == 1, "{expired} enumerations expired, not 1");
        Ok(())
    }

    /// The holders of memory.
    fn holders(&self) -> String {
        let kib = |bytes: usize| bytes >> 10;
        let stats = self.manager.stats();
        let (joins, versions, free) = (stats.ipv4.joins, stats.live_versions, stats.free_bytes);
        let [used, old, free] = [stats.in_use_bytes, stats.retained_bytes, free].map(kib);
        let rows: String = self.manager.enumerations().iter().map(row).collect();
        let head =
            "  CLIENT     VIEW         VERSION  BEHIND                     LEFT  AGE ms  IDLE ms  ";
        let of_table = format!("{joins} joins, {versions} live versions, {used} KiB in use");
        format!("{head}KiB HELD\n{rows}  {of_table}, {old} KiB by old versions, {free} KiB free\n")
    }
}

fn row(info: &EnumerationInfo) -> String {
    let names = [(PIM, "PIM"), (SHOW, "show"), (FORGETFUL, "forgetful")];
    let client = names.iter().find(|(client, _)| *client == info.client).map_or("", |one| one.1);
    let (view, version, left) = (format!("{:?}", info.view), info.version, info.remaining);
    let entry = info.position.map(|at| SourceGroupEntry::new(at.group, at.source).to_string());
    let (behind, held) = (entry.unwrap_or_default(), info.retained_bytes >> 10);
    let (age, idle) = (info.age.as_millis(), info.idle.as_millis());
    let times = format!("{age:>8}{idle:>9}");
    format!("  {client:<11}{view:<11}{version:>9}  {behind:<24}{left:>7}{times}{held:>10}\n")
}

fn simulate(run: Duration) -> Result<(), Failure> {
    let router = &Router::new(run)?;
    println!("READER          RECORDS   VERSION   TOOK ms   CHANGES");
    let written = thread::scope(|scope| {
        let igmp = (0..IGMP_THREADS).map(|thread| scope.spawn(move || router.igmp(thread)));
        let writers: Vec<_> = igmp.chain([scope.spawn(|| router.pim())]).collect();
        let readers = [Router::show_command, Router::snmp, Router::forgetful, Router::watch]
            .map(|read| scope.spawn(move || read(router)));
        for reader in readers {
            reader.join().map_err(|_| "a reader panicked")??;
        }
        let written = writers.into_iter().map(|writer| writer.join());
        written.map(|one| one.map_err(|_| "a writer panicked")?).collect::<Result<Vec<_>, _>>()
    })?;
    router.manager.reclaim();
    println!("\nAt the end\n{}", router.holders());
    // The table has exactly what was written.
    let preload = (u64::from(STABLE_JOINS), STABLE_JOINS as usize);
    let (commits, joins) = written.iter().fold(preload, |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let (version, found) = (router.version()?, router.manager.stats().ipv4.joins);
    ensure!(version == commits, "version {version} after {commits} commits");
    ensure!(found == joins, "{found} joins, not the {joins} that were left");
    println!("The table is as written: {commits} commits, {joins} joins.");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::env::args().nth(1).unwrap_or("2".into());
    let seconds = text.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
    let seconds = seconds.ok_or(format!("{text:?} is not a number of seconds from 1 to 3600"))?;
    simulate(Duration::from_secs(seconds)).map_err(|failure| failure as Box<dyn Error>)
}
