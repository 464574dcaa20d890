//! Prints every ratio and every bound that the project claims, for speed and for memory.
//!
//! The two sides of a question alternate, round by round, in one process, because a machine's speed drifts
//! by more than many effects. The output has the ratio of the medians, the other side's time over ours, and
//! the quartiles of the rounds' own ratios. Above 1 we are faster.
//!
//! Run with `cargo bench --bench ratio`. `cargo bench --bench ratio -- PART` asks only the questions whose
//! names contain PART.

mod calling;
mod changing;
mod enumerating;
mod latency;
mod memory;
mod native;
#[path = "../../cli/src/pages.rs"]
mod pages;
mod reading;
mod rounds;
mod shrinking;
#[path = "../support/mod.rs"]
mod support;
mod viewing;
mod walking;
mod writing;

fn main() {
    let asked = rounds::Asked::from_args();
    rounds::print_heads();
    enumerating::ask(&asked);
    reading::ask(&asked);
    viewing::ask(&asked);
    walking::ask(&asked);
    writing::ask(&asked);
    memory::ask(&asked);
    shrinking::ask(&asked);
    latency::ask(&asked);
    calling::ask(&asked);
    native::ask(&asked);
}
