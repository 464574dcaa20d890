//! Prints the records of an enumeration: as text for people, as JSON for programs.

use std::fmt::Write as _;
use std::io::{self, Write};

use anyhow::Context;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// A record as it is printed.
#[derive(serde::Serialize)]
pub(crate) struct Row<'a> {
    pub(crate) group: String,
    /// `*` for any source.
    pub(crate) source: String,
    pub(crate) interfaces: Vec<&'a str>,
}

/// Prints rows one by one.
pub(crate) trait Rows {
    /// Prints one row.
    fn row(&mut self, row: &Row<'_>) -> anyhow::Result<()>;
}

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    Text {
        /// The length of the longest address, in characters.
        address_width: usize,
    },
    Json {
        pretty: bool,
    },
}

impl Format {
    /// Prints the rows that `rows` passes on, with a heading or the brackets of an array.
    ///
    /// # Errors
    ///
    /// An error of `rows`, or "cannot write the output" with an [`io::Error`] as its cause.
    pub(crate) fn print(
        self,
        mut out: impl Write,
        rows: impl FnOnce(&mut dyn Rows) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Text { address_width } => {
                let mut text = Text { out: &mut out, address_width };
                text.line("GROUP", "SOURCE", "INTERFACES")?;
                rows(&mut text)?;
            }
            Self::Json { pretty: false } => print_json(&mut out, CompactFormatter, rows)?,
            Self::Json { pretty: true } => print_json(&mut out, PrettyFormatter::new(), rows)?,
        }
        written(out.flush())
    }
}

/// The result of writing to the output, with what failed.
pub(crate) fn written<T>(result: Result<T, impl Into<io::Error>>) -> anyhow::Result<T> {
    result.map_err(Into::into).context("cannot write the output")
}

/// Whether writing failed because the reader of the output has closed it.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

struct Text<W> {
    out: W,
    address_width: usize,
}

impl<W: Write> Text<W> {
    fn line(&mut self, group: &str, source: &str, interfaces: &str) -> anyhow::Result<()> {
        let width = self.address_width;
        written(writeln!(self.out, "{group:width$}  {source:width$}  {interfaces}"))
    }
}

impl<W: Write> Rows for Text<W> {
    fn row(&mut self, row: &Row<'_>) -> anyhow::Result<()> {
        self.line(&row.group, &row.source, &printable(&row.interfaces.join(",")))
    }
}

/// Escapes control characters, because names come from files and must not control the terminal.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            let _ = write!(printable, "{}", character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

fn print_json(
    mut out: impl Write,
    formatter: impl Formatter,
    rows: impl FnOnce(&mut dyn Rows) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    let mut array = Json(written(serializer.serialize_seq(None))?);
    rows(&mut array)?;
    written(array.0.end())?;
    written(writeln!(out))
}

struct Json<S>(S);

impl<S: SerializeSeq<Error = serde_json::Error>> Rows for Json<S> {
    fn row(&mut self, row: &Row<'_>) -> anyhow::Result<()> {
        written(self.0.serialize_element(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(format: Format) -> String {
        let mut out = Vec::new();
        let row = |group: &str, source: &str, interfaces| Row {
            group: group.into(),
            source: source.into(),
            interfaces,
        };
        format
            .print(&mut out, |rows| {
                rows.row(&row("232.1.1.1", "10.0.0.1", vec!["lan1", "lan2"]))?;
                rows.row(&row("239.1.1.1", "*", vec!["\x1b[31m"]))
            })
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_aligned_and_has_no_control_characters() {
        let text = print(Format::Text { address_width: 10 });
        assert_eq!(
            text,
            "GROUP       SOURCE      INTERFACES\n\
             232.1.1.1   10.0.0.1    lan1,lan2\n\
             239.1.1.1   *           \\u{1b}[31m\n"
        );
    }

    #[test]
    fn json_is_an_array_of_objects() {
        let compact = print(Format::Json { pretty: false });
        assert!(compact.starts_with(
            r#"[{"group":"232.1.1.1","source":"10.0.0.1","interfaces":["lan1","lan2"]},{"#
        ));
        assert!(compact.ends_with("]\n"));
        let pretty = print(Format::Json { pretty: true });
        assert!(pretty.starts_with("[\n  {\n    \"group\": \"232.1.1.1\","));
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&compact), value(&pretty));
    }

    #[test]
    fn json_without_records_is_an_empty_array() {
        for pretty in [false, true] {
            let mut out = Vec::new();
            Format::Json { pretty }.print(&mut out, |_| Ok(())).unwrap();
            assert_eq!(out, b"[]\n");
        }
    }
}
