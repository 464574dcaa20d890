//! How large and how long everything is.

use std::time::Duration;

/// The sizes and times of a run.
pub struct Scale {
    /// The joins that are enumerated.
    pub enumerated: &'static [usize],
    /// The joins of tables that change, and of those whose memory is counted.
    pub sizes: &'static [usize],
    /// The joins where one size must do.
    pub large: usize,
    /// The rounds of each side.
    pub rounds: usize,
    /// The rounds from `many_joins` on, where a turn takes long.
    pub rounds_of_many: usize,
    pub many_joins: usize,
    /// The least duration of a turn that enumerates.
    pub turn: Duration,
    /// The least duration of a turn that changes.
    pub update_turn: Duration,
    /// For how long a reader and a writer run beside each other.
    pub window: Duration,
    /// For how long the longest update is looked for.
    pub pause: Duration,
    /// For how long a reader stays at most while the writer that it is to be beside does not get on.
    pub patience: Duration,
    /// For how long a table changes while readers are parked.
    pub parked: Duration,
    /// After how long one more reader is parked.
    pub park_every: Duration,
    /// The bytes at which the changes end early, because a peer frees nothing.
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

    /// Seconds instead of minutes: it shows that all works, and little about speed.
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
