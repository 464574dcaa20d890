//! The membership state that an IGMPv3 router keeps for one link (RFC 3376, section 6).
//!
//! The state behaves as if the router were the querier of the link. Where the RFC sends a group-specific
//! query, timers are lowered as the querier lowers them. A query that is received lowers them too. All
//! intervals have the default values of section 8.
//!
//! ```text
//!                    IS_EX, TO_EX, v1 or v2 report
//!   INCLUDE (A)  ─────────────────────────────────────▶  EXCLUDE (X,Y)
//!   A: sources   ◀─────────────────────────────────────  X: sources with a running timer
//!                    the group timer runs out            Y: excluded sources
//! ```
//!
//! A timer is the point in time at which it runs out, on the clock of the messages. A timer that has run out
//! takes effect when its group is next looked at.
//!
//! Section numbers below are those of RFC 3376.
//!
//! # Invariants
//!
//! - G1: a stored group in INCLUDE mode has a source. A group that loses its last source is removed.
//! - G2: in EXCLUDE mode a source with a running timer is forwarded, and a source whose timer has run out is
//!   excluded (section 6.2.3).
//!
//! # Costs
//!
//! A message takes O(log n) for each group and source that it names, and O(n) for the n sources of each group
//! that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Group Membership Interval: robustness 2 × query interval 125 s + query response interval 10 s (section
/// 8.4).
pub(crate) const GROUP_MEMBERSHIP_INTERVAL: Duration = Duration::from_secs(2 * 125 + 10);

/// Last Member Query Time: last member query interval 1 s × count 2 (section 8.10).
const LAST_MEMBER_QUERY_TIME: Duration = Duration::from_secs(2);

/// Older Host Present Interval: equal to the Group Membership Interval (section 8.13).
const OLDER_HOST_PRESENT_INTERVAL: Duration = GROUP_MEMBERSHIP_INTERVAL;

/// The value of a timer that does not run.
const STOPPED: Duration = Duration::ZERO;

/// The type of a group record (section 4.2.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupRecordType {
    IsInclude,
    IsExclude,
    ToInclude,
    ToExclude,
    Allow,
    Block,
}

/// A group record of an IGMPv3 report.
#[derive(Debug)]
pub(crate) struct GroupRecord {
    pub(crate) record_type: GroupRecordType,
    pub(crate) group: Ipv4Addr,
    pub(crate) sources: BTreeSet<Ipv4Addr>,
}

/// The membership state of one link: its groups.
#[derive(Debug, Default)]
pub(crate) struct MembershipState {
    groups: BTreeMap<Ipv4Addr, GroupState>,
}

/// The router's filter mode for a group (section 6.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Include,
    Exclude,
}

/// The state of one group. The value of a timer is the time at which it runs out.
#[derive(Debug, Default)]
struct GroupState {
    mode: Mode,
    /// The group timer. Used in EXCLUDE mode only.
    timer: Duration,
    sources: BTreeMap<Ipv4Addr, Duration>,
    v1_host_present: Duration,
    v2_host_present: Duration,
}

/// The group compatibility mode: the oldest version that hosts of the group use (section 7.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Compatibility {
    V1,
    V2,
    V3,
}

impl MembershipState {
    /// An IGMPv1 report: IS_EX({}), and a host of version 1 is present.
    pub(crate) fn report_v1(&mut self, now: Duration, group: Ipv4Addr) {
        self.update(now, group, |group| {
            group.v1_host_present = now.saturating_add(OLDER_HOST_PRESENT_INTERVAL);
            group.apply_record(now, GroupRecordType::IsExclude, &BTreeSet::new());
        });
    }

    /// An IGMPv2 report: IS_EX({}), and a host of version 2 is present.
    pub(crate) fn report_v2(&mut self, now: Duration, group: Ipv4Addr) {
        self.update(now, group, |group| {
            group.v2_host_present = now.saturating_add(OLDER_HOST_PRESENT_INTERVAL);
            group.apply_record(now, GroupRecordType::IsExclude, &BTreeSet::new());
        });
    }

    /// An IGMPv2 leave: TO_IN({}).
    pub(crate) fn leave(&mut self, now: Duration, group: Ipv4Addr) {
        let (record_type, sources) = (GroupRecordType::ToInclude, BTreeSet::new());
        self.group_record(now, &GroupRecord { record_type, group, sources });
    }

    /// A group record of an IGMPv3 report. What the group compatibility mode excludes is ignored (section
    /// 7.3.2).
    pub(crate) fn group_record(&mut self, now: Duration, record: &GroupRecord) {
        let GroupRecord { record_type, group, ref sources } = *record;
        self.update(now, group, |group| {
            let compatibility = group.compatibility(now);
            match record_type {
                // Hosts of version 1 cannot answer a query for their group.
                GroupRecordType::ToInclude if compatibility == Compatibility::V1 => {}
                GroupRecordType::Block if compatibility < Compatibility::V3 => {}
                GroupRecordType::ToExclude if compatibility < Compatibility::V3 => {
                    group.apply_record(now, record_type, &BTreeSet::new());
                }
                _ => group.apply_record(now, record_type, sources),
            }
        });
    }

    /// A group-specific query that does not suppress router-side processing (section 6.6.1).
    pub(crate) fn group_query(&mut self, now: Duration, group: Ipv4Addr) {
        self.update(now, group, |group| group.query_group(now));
    }

    /// A group-and-source-specific query that does not suppress router-side processing.
    pub(crate) fn source_query(
        &mut self,
        now: Duration,
        group: Ipv4Addr,
        sources: &BTreeSet<Ipv4Addr>,
    ) {
        self.update(now, group, |group| {
            group.query_sources(now, |source| sources.contains(source))
        });
    }

    /// The joins at `now`, ascending: (group, unspecified) for a group in EXCLUDE mode, each (group, source)
    /// for one in INCLUDE mode.
    pub(crate) fn joins(&self, now: Duration) -> impl Iterator<Item = (Ipv4Addr, Ipv4Addr)> {
        self.groups.iter().flat_map(move |(address, group)| {
            let mode = group.mode_at(now);
            let any_source = (mode == Mode::Exclude).then_some(Ipv4Addr::UNSPECIFIED);
            let sources = group
                .sources
                .iter()
                .filter(move |(_, timer)| mode == Mode::Include && **timer > now)
                .map(|(source, _)| *source);
            any_source.into_iter().chain(sources).map(|source| (*address, source))
        })
    }

    /// Changes a group, which is added if it is new, after running its timers up to `now`.
    fn update(&mut self, now: Duration, address: Ipv4Addr, change: impl FnOnce(&mut GroupState)) {
        let group = self.groups.entry(address).or_default();
        group.run_timers(now);
        if group.is_over() {
            // The rest of its state, such as the versions of its hosts, ended with its last member.
            *group = GroupState::default();
        }
        change(group);
        if group.is_over() {
            self.groups.remove(&address);
        }
    }

    /// Removes the groups without members at `now`. Returns whether any groups remain.
    pub(crate) fn sweep(&mut self, now: Duration) -> bool {
        self.groups.retain(|_, group| {
            group.run_timers(now);
            !group.is_over()
        });
        !self.groups.is_empty()
    }
}

impl GroupState {
    /// The mode at `now`: EXCLUDE becomes INCLUDE when the group timer runs out (section 6.5).
    fn mode_at(&self, now: Duration) -> Mode {
        if self.timer > now { self.mode } else { Mode::Include }
    }

    /// Applies the timers that have run out by `now` (sections 6.3 and 6.5).
    fn run_timers(&mut self, now: Duration) {
        if self.mode == Mode::Exclude && self.mode_at(now) == Mode::Include {
            // The sources that were forwarded at that time remain; the excluded ones are removed.
            let ran_out = self.timer;
            self.mode = Mode::Include;
            self.sources.retain(|_, timer| *timer > ran_out);
        }
        if self.mode == Mode::Include {
            self.sources.retain(|_, timer| *timer > now);
        }
    }

    /// Whether the group has no members left (G1).
    fn is_over(&self) -> bool {
        self.mode == Mode::Include && self.sources.is_empty()
    }

    fn compatibility(&self, now: Duration) -> Compatibility {
        if self.v1_host_present > now {
            Compatibility::V1
        } else if self.v2_host_present > now {
            Compatibility::V2
        } else {
            Compatibility::V3
        }
    }

    /// The tables of sections 6.4.1 and 6.4.2, with their letters: the state is A or (X, Y); the sources of
    /// the record are B in INCLUDE mode and A in EXCLUDE mode.
    fn apply_record(
        &mut self,
        now: Duration,
        record_type: GroupRecordType,
        sources: &BTreeSet<Ipv4Addr>,
    ) {
        let interval_from_now = now.saturating_add(GROUP_MEMBERSHIP_INTERVAL);
        match (self.mode, record_type) {
            // INCLUDE (A): becomes INCLUDE (A+B), (B)=GMI, and queries A-B on TO_IN.
            // EXCLUDE (X,Y): becomes EXCLUDE (X+A,Y-A), (A)=GMI, and queries X-A and G on TO_IN.
            (
                _,
                GroupRecordType::IsInclude | GroupRecordType::Allow | GroupRecordType::ToInclude,
            ) => {
                if record_type == GroupRecordType::ToInclude {
                    self.query_sources(now, |source| !sources.contains(source));
                    self.query_group(now);
                }
                self.sources.extend(sources.iter().map(|source| (*source, interval_from_now)));
            }
            // INCLUDE (A): stays, and queries A*B.
            (Mode::Include, GroupRecordType::Block) => {
                self.query_sources(now, |source| sources.contains(source));
            }
            // INCLUDE (A): becomes EXCLUDE (A*B,B-A), (B-A)=0, and queries A*B on TO_EX.
            (Mode::Include, GroupRecordType::IsExclude | GroupRecordType::ToExclude) => {
                self.keep_only(sources, STOPPED);
                if record_type == GroupRecordType::ToExclude {
                    self.query_sources(now, |_| true);
                }
                self.mode = Mode::Exclude;
                self.timer = interval_from_now;
            }
            // EXCLUDE (X,Y): becomes EXCLUDE (X+(A-Y),Y), (A-X-Y)=Group Timer, and queries A-Y.
            (Mode::Exclude, GroupRecordType::Block) => {
                for source in sources {
                    self.sources.entry(*source).or_insert(self.timer);
                }
                self.query_sources(now, |source| sources.contains(source));
            }
            // EXCLUDE (X,Y): becomes EXCLUDE (A-Y,Y*A), (A-X-Y)=GMI.
            (Mode::Exclude, GroupRecordType::IsExclude) => {
                self.keep_only(sources, interval_from_now);
                self.timer = interval_from_now;
            }
            // EXCLUDE (X,Y): becomes EXCLUDE (A-Y,Y*A), (A-X-Y)=Group Timer, and queries A-Y.
            (Mode::Exclude, GroupRecordType::ToExclude) => {
                self.keep_only(sources, self.timer);
                self.query_sources(now, |_| true);
                self.timer = interval_from_now;
            }
        }
    }

    /// Removes the sources that are not in `sources`, and adds those that are new, with `timer`.
    fn keep_only(&mut self, sources: &BTreeSet<Ipv4Addr>, timer: Duration) {
        self.sources.retain(|source, _| sources.contains(source));
        for source in sources {
            self.sources.entry(*source).or_insert(timer);
        }
    }

    /// Q(G): lowers the group timer to the last member query time (section 6.6.3.1).
    fn query_group(&mut self, now: Duration) {
        self.timer = self.timer.min(now.saturating_add(LAST_MEMBER_QUERY_TIME));
    }

    /// Q(G,A): lowers the timers of the sources that `queried` selects to the last member query time (section
    /// 6.6.3.2). Timers that have run out do not change.
    fn query_sources(&mut self, now: Duration, queried: impl Fn(&Ipv4Addr) -> bool) {
        let lowered = now.saturating_add(LAST_MEMBER_QUERY_TIME);
        for (_, timer) in self.sources.iter_mut().filter(|(source, _)| queried(source)) {
            *timer = (*timer).min(lowered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
    const GMI: u64 = 260;

    fn source(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, number)
    }

    fn set(sources: &[u8]) -> BTreeSet<Ipv4Addr> {
        sources.iter().map(|number| source(*number)).collect()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000_000 + seconds)
    }

    /// The state of a link, and short names for what happens to `GROUP`.
    #[derive(Default)]
    struct Tested(MembershipState);

    impl Tested {
        fn record(
            &mut self,
            seconds: u64,
            record_type: GroupRecordType,
            sources: &[u8],
        ) -> &mut Self {
            let record = GroupRecord { record_type, group: GROUP, sources: set(sources) };
            self.0.group_record(at(seconds), &record);
            self
        }

        /// The mode with the sources forwarded and the sources excluded, as the RFC writes them.
        fn state(&mut self, seconds: u64) -> String {
            let now = at(seconds);
            let from_joins: Vec<_> = self.0.joins(now).collect();
            let Some(group) = self.0.groups.get_mut(&GROUP) else {
                assert_eq!(from_joins, []);
                return "none".into();
            };
            group.run_timers(now);
            if group.is_over() {
                assert_eq!(from_joins, []);
                return "none".into();
            }
            let (runs, stopped): (Vec<_>, Vec<_>) =
                group.sources.iter().partition(|(_, timer)| **timer > now);
            let list = |sources: &[(&Ipv4Addr, &Duration)]| -> String {
                let numbers: Vec<_> =
                    sources.iter().map(|(source, _)| source.octets()[3].to_string()).collect();
                numbers.join(" ")
            };
            match group.mode {
                Mode::Include => {
                    let joins: Vec<_> = runs.iter().map(|(s, _)| (GROUP, **s)).collect();
                    assert_eq!(from_joins, joins);
                    format!("INCLUDE ({})", list(&runs))
                }
                Mode::Exclude => {
                    assert_eq!(from_joins, [(GROUP, Ipv4Addr::UNSPECIFIED)]);
                    format!("EXCLUDE ({},{})", list(&runs), list(&stopped))
                }
            }
        }

        /// How many seconds the timer of a source still runs.
        fn source_timer(&self, seconds: u64, number: u8) -> u64 {
            self.0.groups[&GROUP].sources[&source(number)].saturating_sub(at(seconds)).as_secs()
        }

        fn group_timer(&self, seconds: u64) -> u64 {
            self.0.groups[&GROUP].timer.saturating_sub(at(seconds)).as_secs()
        }
    }

    /// INCLUDE (1 2), timers set at 0.
    fn include() -> Tested {
        let mut tested = Tested::default();
        tested.record(0, GroupRecordType::IsInclude, &[1, 2]);
        tested
    }

    /// EXCLUDE (1 2,3 4), timers set at 0.
    fn exclude() -> Tested {
        let mut tested = Tested::default();
        tested.record(0, GroupRecordType::IsExclude, &[3, 4]).record(
            0,
            GroupRecordType::Allow,
            &[1, 2],
        );
        assert_eq!(tested.state(0), "EXCLUDE (1 2,3 4)");
        tested
    }

    #[test]
    fn current_state_records_in_include_mode() {
        let mut tested = include();
        assert_eq!(
            tested.record(10, GroupRecordType::IsInclude, &[2, 3]).state(10),
            "INCLUDE (1 2 3)"
        );
        assert_eq!(tested.source_timer(10, 1), GMI - 10);
        assert_eq!(tested.source_timer(10, 2), GMI);

        let mut tested = include();
        assert_eq!(
            tested.record(10, GroupRecordType::IsExclude, &[2, 3]).state(10),
            "EXCLUDE (2,3)"
        );
        assert_eq!(tested.source_timer(10, 2), GMI - 10);
        assert_eq!(tested.group_timer(10), GMI);
    }

    #[test]
    fn change_records_in_include_mode() {
        let mut tested = include();
        assert_eq!(tested.record(10, GroupRecordType::Allow, &[2, 3]).state(10), "INCLUDE (1 2 3)");
        assert_eq!((tested.source_timer(10, 1), tested.source_timer(10, 3)), (GMI - 10, GMI));

        let mut tested = include();
        assert_eq!(tested.record(10, GroupRecordType::Block, &[2, 3]).state(10), "INCLUDE (1 2)");
        assert_eq!((tested.source_timer(10, 1), tested.source_timer(10, 2)), (GMI - 10, 2));

        let mut tested = include();
        assert_eq!(
            tested.record(10, GroupRecordType::ToExclude, &[2, 3]).state(10),
            "EXCLUDE (2,3)"
        );
        assert_eq!((tested.source_timer(10, 2), tested.group_timer(10)), (2, GMI));

        let mut tested = include();
        assert_eq!(
            tested.record(10, GroupRecordType::ToInclude, &[2, 3]).state(10),
            "INCLUDE (1 2 3)"
        );
        assert_eq!((tested.source_timer(10, 1), tested.source_timer(10, 2)), (2, GMI));
        assert_eq!(tested.state(12), "INCLUDE (2 3)");
    }

    #[test]
    fn current_state_records_in_exclude_mode() {
        let mut tested = exclude();
        let state = tested.record(10, GroupRecordType::IsInclude, &[2, 3, 5]).state(10);
        assert_eq!(state, "EXCLUDE (1 2 3 5,4)");
        assert_eq!((tested.source_timer(10, 1), tested.source_timer(10, 3)), (GMI - 10, GMI));
        assert_eq!(tested.group_timer(10), GMI - 10);

        let mut tested = exclude();
        let state = tested.record(10, GroupRecordType::IsExclude, &[2, 3, 5]).state(10);
        assert_eq!(state, "EXCLUDE (2 5,3)");
        assert_eq!((tested.source_timer(10, 2), tested.source_timer(10, 5)), (GMI - 10, GMI));
        assert_eq!(tested.group_timer(10), GMI);
    }

    #[test]
    fn change_records_in_exclude_mode() {
        let mut tested = exclude();
        let state = tested.record(10, GroupRecordType::Allow, &[2, 3, 5]).state(10);
        assert_eq!(state, "EXCLUDE (1 2 3 5,4)");
        assert_eq!((tested.source_timer(10, 5), tested.group_timer(10)), (GMI, GMI - 10));

        let mut tested = exclude();
        let state = tested.record(10, GroupRecordType::Block, &[2, 3, 5]).state(10);
        assert_eq!(state, "EXCLUDE (1 2 5,3 4)");
        assert_eq!(
            ["1", "2", "5"].map(|n| tested.source_timer(10, n.parse().unwrap())),
            [250, 2, 2]
        );
        assert_eq!(tested.state(12), "EXCLUDE (1,2 3 4 5)");

        let mut tested = exclude();
        let state = tested.record(10, GroupRecordType::ToExclude, &[2, 3, 5]).state(10);
        assert_eq!(state, "EXCLUDE (2 5,3)");
        assert_eq!((tested.source_timer(10, 2), tested.source_timer(10, 5)), (2, 2));
        assert_eq!(tested.group_timer(10), GMI);

        let mut tested = exclude();
        let state = tested.record(10, GroupRecordType::ToInclude, &[2, 3, 5]).state(10);
        assert_eq!(state, "EXCLUDE (1 2 3 5,4)");
        assert_eq!((tested.source_timer(10, 1), tested.source_timer(10, 2)), (2, GMI));
        assert_eq!(tested.group_timer(10), 2);
        assert_eq!(tested.state(12), "INCLUDE (2 3 5)");
    }

    #[test]
    fn timers_run_out() {
        let mut tested = include();
        assert_eq!(tested.state(GMI - 1), "INCLUDE (1 2)");
        assert_eq!(tested.state(GMI), "none");

        let mut tested = exclude();
        tested.record(100, GroupRecordType::IsInclude, &[1]);
        assert_eq!(tested.state(GMI - 1), "EXCLUDE (1 2,3 4)");
        // The source that is still forwarded when the group timer runs out stays.
        assert_eq!(tested.state(GMI), "INCLUDE (1)");
        assert_eq!(tested.state(GMI + 100), "none");

        let mut tested = exclude();
        tested.record(100, GroupRecordType::IsExclude, &[1, 3]);
        assert_eq!(tested.state(GMI), "EXCLUDE (,1 3)", "excluded when its own timer runs out");
    }

    #[test]
    fn a_leave_takes_the_last_member_query_time() {
        let mut tested = Tested::default();
        tested.0.report_v2(at(0), GROUP);
        assert_eq!(tested.state(0), "EXCLUDE (,)");
        tested.0.leave(at(5), GROUP);
        assert_eq!(tested.state(6), "EXCLUDE (,)");
        assert_eq!(tested.state(7), "none");

        tested.0.report_v2(at(10), GROUP);
        tested.0.leave(at(15), GROUP);
        tested.0.report_v2(at(16), GROUP);
        assert_eq!(tested.state(20), "EXCLUDE (,)", "another member answered");
    }

    #[test]
    fn queries_on_the_wire_lower_timers_and_never_raise_them() {
        let mut tested = exclude();
        tested.0.group_query(at(10), GROUP);
        assert_eq!(tested.group_timer(10), 2);
        tested.0.group_query(at(11), GROUP);
        assert_eq!(tested.group_timer(11), 1);

        let mut tested = include();
        tested.0.source_query(at(10), GROUP, &set(&[1, 9]));
        assert_eq!((tested.source_timer(10, 1), tested.source_timer(10, 2)), (2, GMI - 10));
        assert_eq!(tested.state(12), "INCLUDE (2)");

        let mut tested = Tested::default();
        tested.0.group_query(at(0), GROUP);
        tested.0.source_query(at(0), GROUP, &set(&[1]));
        assert_eq!(tested.0.groups.len(), 0, "a query adds no group");
    }

    #[test]
    fn a_version_1_host_disables_leaves_and_changes() {
        let mut tested = Tested::default();
        tested.0.report_v1(at(0), GROUP);
        tested.0.leave(at(1), GROUP);
        tested.record(1, GroupRecordType::ToInclude, &[]).record(1, GroupRecordType::Block, &[1]);
        tested.record(1, GroupRecordType::ToExclude, &[2]);
        assert_eq!(tested.state(100), "EXCLUDE (,)");
        assert_eq!(tested.group_timer(1), GMI);
        // Version 2 reports keep the group, but not the version 1 host.
        tested.0.report_v2(at(200), GROUP);
        tested.0.leave(at(GMI), GROUP);
        assert_eq!(tested.state(GMI + 2), "none");
    }

    #[test]
    fn a_version_2_host_disables_blocks() {
        let mut tested = Tested::default();
        tested.0.report_v2(at(0), GROUP);
        tested.record(1, GroupRecordType::Block, &[1]).record(1, GroupRecordType::ToExclude, &[2]);
        assert_eq!(tested.state(100), "EXCLUDE (,)");
        tested.record(2, GroupRecordType::ToInclude, &[]);
        assert_eq!(tested.state(4), "none");
        // Once the version 2 host is gone, source lists count again.
        tested.0.report_v2(at(10), GROUP);
        tested.record(100, GroupRecordType::IsExclude, &[]);
        tested.record(10 + GMI, GroupRecordType::Block, &[1]);
        assert_eq!(tested.state(12 + GMI), "EXCLUDE (,1)");
    }

    #[test]
    fn groups_without_members_are_removed_by_a_sweep() {
        let mut state = MembershipState::default();
        for number in 0..100 {
            state.report_v2(at(0), Ipv4Addr::new(239, 0, 0, number));
        }
        state.report_v2(at(GMI / 2), GROUP);
        assert!(state.sweep(at(GMI)));
        assert_eq!(state.groups.len(), 1);
        assert!(!state.sweep(at(2 * GMI)));
    }

    #[test]
    fn a_group_that_is_joined_again_starts_without_state() {
        let mut tested = Tested::default();
        tested.0.report_v2(at(0), GROUP);
        tested.0.leave(at(1), GROUP);
        // Over at 3, and the version 2 host with it: source lists count.
        tested.record(10, GroupRecordType::IsInclude, &[1, 2]).record(
            11,
            GroupRecordType::Block,
            &[1],
        );
        assert_eq!(tested.state(20), "INCLUDE (2)");
    }
}
