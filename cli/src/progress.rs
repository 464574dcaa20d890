//! A progress bar for long work, on terminals only.

use std::io::{self, IsTerminal, Read};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long the work must last before the bar is shown.
const PATIENCE: Duration = Duration::from_millis(500);

/// Progress in bytes of the inputs, or in steps.
pub(crate) struct Progress {
    /// `None` if standard error is not a terminal.
    bar: Option<ProgressBar>,
    show_at: Instant,
}

impl Progress {
    /// Progress through `total_bytes`, if the total is known.
    pub(crate) fn through_bytes(total_bytes: Option<u64>, quiet: bool) -> Self {
        let template = match total_bytes {
            Some(_) => "reading {bar:30} {bytes} of {total_bytes}, {eta} left",
            None => "reading {spinner} {bytes}",
        };
        Self::new(total_bytes, template, quiet)
    }

    /// Progress through `steps` steps, each with a name.
    pub(crate) fn through_steps(steps: u64, quiet: bool) -> Self {
        Self::new(Some(steps), "{bar:30} {pos} of {len}: {msg}, {eta} left", quiet)
    }

    fn new(total: Option<u64>, template: &str, quiet: bool) -> Self {
        let watched = !quiet && io::stderr().is_terminal();
        let bar = watched.then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
            let style = ProgressStyle::with_template(template)
                .unwrap_or_else(|error| unreachable!("the templates are valid: {error}"));
            bar.with_style(style)
        });
        Self { bar, show_at: Instant::now() + PATIENCE }
    }

    /// Shows the name of the step that begins.
    pub(crate) fn begin(&self, step: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(step);
            self.show_in_time(bar);
        }
    }

    /// Counts a step.
    pub(crate) fn step(&self) {
        self.advance(1);
    }

    /// Counts the bytes that are read from `reader`.
    pub(crate) fn watch<'p>(&'p self, reader: impl Read + 'p) -> impl Read + 'p {
        Watched { reader, progress: self }
    }

    /// Hides the bar while `print` writes to the terminal.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn advance(&self, by: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(by as u64);
            self.show_in_time(bar);
        }
    }

    fn show_in_time(&self, bar: &ProgressBar) {
        if bar.is_hidden() && Instant::now() >= self.show_at {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

/// Removes the bar from the terminal.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

struct Watched<'p, R> {
    reader: R,
    progress: &'p Progress,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.progress.advance(count);
        Ok(count)
    }
}
