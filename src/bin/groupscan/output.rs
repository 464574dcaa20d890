//! Printing what an enumeration gives: text for people, JSON for programs.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::ser::{SerializeSeq, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// A record as it is printed.
#[derive(serde::Serialize)]
pub(crate) struct Row<'a> {
    pub(crate) group: String,
    /// `*` for any.
    pub(crate) source: String,
    pub(crate) interfaces: Vec<&'a str>,
}

/// Where rows go.
pub(crate) trait Rows {
    /// Prints one row.
    fn row(&mut self, row: &Row<'_>) -> io::Result<()>;
}

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    Text {
        /// The characters of the longest address that may come.
        address_width: usize,
    },
    Json {
        pretty: bool,
    },
}

impl Format {
    /// Prints the rows that `rows` yields, with what belongs before and after them.
    pub(crate) fn print(
        self,
        mut out: impl Write,
        rows: impl FnOnce(&mut dyn Rows) -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Self::Text { address_width } => {
                let mut text = Text { out: &mut out, address_width };
                text.line("GROUP", "SOURCE", "INTERFACES")?;
                rows(&mut text)?;
            }
            Self::Json { pretty: false } => print_json(&mut out, CompactFormatter, rows)?,
            Self::Json { pretty: true } => print_json(&mut out, PrettyFormatter::new(), rows)?,
        }
        out.flush()
    }
}

struct Text<W> {
    out: W,
    address_width: usize,
}

impl<W: Write> Text<W> {
    fn line(&mut self, group: &str, source: &str, interfaces: &str) -> io::Result<()> {
        let width = self.address_width;
        writeln!(self.out, "{group:width$}  {source:width$}  {interfaces}")
    }
}

impl<W: Write> Rows for Text<W> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.line(&row.group, &row.source, &printable(&row.interfaces.join(",")))
    }
}

/// Names come from files: what would steer the terminal is escaped.
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
    rows: impl FnOnce(&mut dyn Rows) -> io::Result<()>,
) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    let mut array = Json(serializer.serialize_seq(None)?);
    rows(&mut array)?;
    array.0.end()?;
    writeln!(out)
}

struct Json<S>(S);

impl<S: SerializeSeq<Error = serde_json::Error>> Rows for Json<S> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        Ok(self.0.serialize_element(row)?)
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
    fn text_is_aligned_and_harmless() {
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
    fn nothing_to_print_is_still_json() {
        for pretty in [false, true] {
            let mut out = Vec::new();
            Format::Json { pretty }.print(&mut out, |_| Ok(())).unwrap();
            assert_eq!(out, b"[]\n");
        }
    }
}
