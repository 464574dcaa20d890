//! The output: a page to read, a table for programs, and plots.

mod csv;
pub mod figures;
mod machine;
mod markdown;
mod plots;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::questions::{Answer, Question};
use crate::scale::Scale;

/// A question and its answer.
pub type Answered = (&'static Question, Answer);

/// Writes all files into a directory, and returns their paths.
pub fn write(
    out: &Path,
    scale: &Scale,
    is_quick: bool,
    answers: &[Answered],
) -> Result<Vec<PathBuf>> {
    let mut files = vec![
        ("comparison.md", markdown::page(scale, is_quick, answers)),
        ("comparison.csv", csv::table(answers)),
    ];
    files.extend(plots::all(answers)?);
    let write = |(name, text): (&str, String)| {
        let path = out.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    files.into_iter().map(write).collect()
}
