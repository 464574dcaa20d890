//! The sizes and times of a run.

use std::time::Duration;

/// The sizes and times of a run.
pub struct Scale {
    /// The numbers of joins that are enumerated.
    pub enumerated: &'static [usize],
    /// The numbers of joins of tables that change, and of tables whose memory is counted.
    pub sizes: &'static [usize],
    /// The number of joins for questions with one size.
    pub large: usize,
    /// The rounds of each side.
    pub rounds: usize,
    /// The rounds from `many_joins` on, where turns are long.
    pub rounds_of_many: usize,
    pub many_joins: usize,
    /// The least duration of a turn that enumerates.
    pub turn: Duration,
    /// The least duration of a turn that changes.
    pub update_turn: Duration,
    /// The time for which a reader and a writer run beside each other.
    pub window: Duration,
    /// The time in which the longest update is measured.
    pub pause: Duration,
    /// The longest time that a reader stays while its writer makes no progress.
    pub patience: Duration,
    /// The time for which a table changes while readers are parked.
    pub parked: Duration,
    /// The time after which one more reader is parked.
    pub park_every: Duration,
    /// The bytes in use at which the changes end early, because a peer does not free memory.
    pub parked_limit_bytes: usize,
}

impl Scale {
    pub const FULL: Self = Self {
        enumerated: &[1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20],
        sizes: &[64 << 10, 1 << 20],
        large: 1 << 20,
        rounds: 15,
        rounds_of_many: 9,
        many_joins: 4 << 20,
        turn: Duration::from_millis(10),
        update_turn: Duration::from_millis(50),
        window: Duration::from_millis(500),
        pause: Duration::from_secs(1),
        patience: Duration::from_secs(10),
        parked: Duration::from_secs(60),
        park_every: Duration::from_secs(10),
        parked_limit_bytes: 4 << 30,
    };

    /// Seconds instead of minutes. Shows that everything works, but little about speed.
    pub const QUICK: Self = Self {
        enumerated: &[1 << 10, 16 << 10, 64 << 10],
        sizes: &[16 << 10],
        large: 16 << 10,
        rounds: 3,
        rounds_of_many: 3,
        many_joins: usize::MAX,
        turn: Duration::from_millis(2),
        update_turn: Duration::from_millis(5),
        window: Duration::from_millis(40),
        pause: Duration::from_millis(60),
        patience: Duration::from_millis(600),
        parked: Duration::from_secs(3),
        park_every: Duration::from_millis(500),
        parked_limit_bytes: 512 << 20,
    };

    /// The rounds at a size.
    pub fn rounds_at(&self, joins: usize) -> usize {
        if joins < self.many_joins { self.rounds } else { self.rounds_of_many.min(self.rounds) }
    }
}
