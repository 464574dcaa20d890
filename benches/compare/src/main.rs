//! Compares groupscan with the usual alternatives.
//!
//! One run asks seven questions of ten peers, all with the same joins, and writes tables, figures and
//! plots. See `--help`.

mod allocator;
mod check;
mod joins;
mod measure;
mod options;
mod page;
mod peers;
mod progress;
mod questions;
mod report;
mod rounds;
mod scale;
mod slices;

use anyhow::{Context, Result, ensure};

use crate::options::Options;
use crate::page::Page;
use crate::progress::Progress;
use crate::questions::{Question, Run};

fn main() -> Result<()> {
    let options = Options::from_args();
    let (scale, out) = (options.scale(), options.out());
    // Made before the measurements, so that a directory that cannot be written fails early.
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;

    let asked: Vec<&'static Question> =
        questions::ALL.iter().filter(|question| options.wants(question.name)).collect();
    let expected = asked.iter().map(|question| (question.seconds)(&scale)).sum();
    let mut progress = Progress::new(expected);
    let (mut answers, mut failures) = (Vec::new(), Vec::new());
    for question in asked {
        progress.ask(question.name, (question.seconds)(&scale));
        let mut run = Run { scale: &scale, progress: &mut progress, page: Page::boxed() };
        // The results of the other questions are still written.
        match (question.ask)(&mut run) {
            Ok(answer) => answers.push((question, answer)),
            Err(error) => failures.push(format!("{}: {error:#}", question.name)),
        }
    }
    progress.finish();

    for file in report::write(&out, &scale, options.is_quick(), &answers)? {
        println!("{}", file.display());
    }
    ensure!(failures.is_empty(), "not answered: {}", failures.join("; "));
    Ok(())
}
