//! How much faster we are than the alternatives, and what we cost: every ratio and every bound that
//! the project claims is printed here.
//!
//! The two sides of a question alternate, round by round, in one process, because the speed of a
//! machine drifts by more than many an effect. Printed are the ratio of the medians, the other's time
//! over ours, and the quartiles of the rounds' own ratios: above 1 we are faster.
//!
//! Run with `cargo bench --bench ratio`; `cargo bench --bench ratio -- PART` asks only the questions
//! whose names have PART in them. Those about `mgm.h` and `groupscan.h` need `--features capi`.

#[cfg(feature = "capi")]
mod calling;
mod changing;
mod enumerating;
mod latency;
mod memory;
#[cfg(feature = "capi")]
mod native;
#[path = "../../src/bin/groupscan/pages.rs"]
mod pages;
mod reading;
mod rounds;
#[path = "../support/mod.rs"]
mod support;
mod writing;

fn main() {
    let asked = rounds::Asked::from_args();
    rounds::print_heads();
    enumerating::ask(&asked);
    reading::ask(&asked);
    writing::ask(&asked);
    memory::ask(&asked);
    latency::ask(&asked);
    #[cfg(feature = "capi")]
    {
        calling::ask(&asked);
        native::ask(&asked);
    }
}
