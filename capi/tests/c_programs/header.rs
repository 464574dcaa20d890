//! The headers declare what the code defines: cbindgen generates the declarations of the code for comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::building::{outputs, project};

/// What C sees in a text: the declarations, in a canonical spacing, and the named numbers.
#[derive(Debug, PartialEq)]
struct Declared {
    declarations: BTreeSet<String>,
    numbers: BTreeMap<String, String>,
}

impl Declared {
    fn of(text: &str) -> Self {
        let mut declared = Self { declarations: BTreeSet::new(), numbers: BTreeMap::new() };
        let mut rest = String::new();
        let mut for_cpp = false;
        for line in without_comments(text).replace("\\\n", " ").lines() {
            let Some(directive) = line.trim_start().strip_prefix('#') else {
                if !for_cpp {
                    rest += line;
                    rest += " ";
                }
                continue;
            };
            match directive.split_whitespace().collect::<Vec<_>>()[..] {
                ["ifdef", "__cplusplus"] => for_cpp = true,
                ["endif"] => for_cpp = false,
                ["define", name, number] if number.parse::<u64>().is_ok() => {
                    declared.numbers.insert(name.into(), number.into());
                }
                _ => {}
            }
        }
        let (mut depth, mut declaration) = (0, String::new());
        for c in rest.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ';' if depth == 0 => {
                    declared.declarations.insert(spaced(&declaration));
                    declaration.clear();
                    continue;
                }
                _ => {}
            }
            declaration.push(c);
        }
        assert_eq!(declaration.trim(), "", "text after the last declaration");
        declared
    }
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let mut code = String::from(parts.next().unwrap_or_default());
    for part in parts {
        code += part.split_once("*/").expect("a comment ends").1;
    }
    code
}

/// A declaration with one space between words and none elsewhere.
fn spaced(declaration: &str) -> String {
    let mut spaced = String::new();
    for word in declaration.split_whitespace() {
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if is_word(spaced.chars().last()) && is_word(word.chars().next()) {
            spaced.push(' ');
        }
        spaced += word;
    }
    // Without meaning: a trailing comma, `void` as a parameter list, `struct` before the name of a typedef.
    let spaced = spaced.replace(",}", "}").replace("(void)", "()");
    match ["typedef struct ", "typedef enum "].iter().find(|&start| spaced.starts_with(start)) {
        Some(start) => format!("{start}{}", untagged(&spaced[start.len()..])),
        None => untagged(&spaced),
    }
}

fn untagged(declaration: &str) -> String {
    declaration.replace("struct ", "").replace("enum ", "")
}

fn header(name: &str) -> String {
    fs::read_to_string(project().join("include").join(name)).unwrap()
}

/// A source file with its invocation of `both_families!` expanded, which cbindgen cannot do: each call once
/// for each family, with that family's name and structs.
fn expanded(code: &str) -> String {
    let Some((before, rest)) = code.split_once("\nboth_families! {\n") else {
        return code.into();
    };
    let (calls, after) = rest.split_once("\n}\n").expect("the invocation ends");
    let mut expanded = before.to_owned();
    for (family, key) in [("4", "u64"), ("6", "groupscan_key6")] {
        let mut calls = calls.replace(") {\n        ", ") -> groupscan_status {\n        ");
        for (associated, name) in [
            ("Join", "groupscan_join"),
            ("Interface", "groupscan_interface"),
            ("Membership", "groupscan_membership"),
            ("Filter", "groupscan_filter"),
            ("Place", "groupscan_place"),
            ("Record", "groupscan_membership_entry"),
        ] {
            calls = calls.replace(&format!("<F as InC>::{associated}"), &format!("{name}{family}"));
        }
        for line in calls.replace("<F as InC>::Key", key).lines() {
            let names = line.strip_prefix("    fn ").and_then(|names| names.strip_suffix('('));
            let mut names = names.into_iter().flat_map(|names| names.split(", "));
            match names.find(|name| name.trim_end_matches("_step").ends_with(family)) {
                Some(name) => {
                    expanded +=
                        &format!("\n#[unsafe(no_mangle)]\npub unsafe extern \"C\" fn {name}(");
                }
                None => expanded += &format!("\n{line}"),
            }
        }
    }
    expanded + "\n" + after
}

/// The declarations that cbindgen generates of some source files.
fn of_the_code(files: &[&str]) -> Declared {
    let records = ["source_group_entry", "membership_entry"];
    let enums = ["groupscan_view", "groupscan_membership_order"];
    let families =
        records.iter().flat_map(|record| ["4", "6"].map(|f| format!("groupscan_{record}{f}")));
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        style: cbindgen::Style::Both,
        documentation: false,
        usize_is_size_t: true,
        ..cbindgen::Config::default()
    };
    config.export.include = families.chain(enums.map(String::from)).collect();
    let sources = files.iter().map(|file| {
        let code = fs::read_to_string(project().join("src").join(file)).unwrap();
        let to = outputs().join(format!("expanded_{file}"));
        fs::write(&to, expanded(&code)).unwrap();
        to
    });
    let builder = sources.fold(cbindgen::Builder::new(), |builder, file| builder.with_src(file));
    let bindings = builder.with_config(config).generate().expect("the code can be declared in C");
    let mut text = Vec::new();
    bindings.write(&mut text);
    Declared::of(std::str::from_utf8(&text).unwrap())
}

#[test]
fn groupscan_h_declares_what_the_code_has() {
    let files = fs::read_dir(project().join("src")).unwrap();
    let files: Vec<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let mut files: Vec<&str> = files.iter().map(String::as_str).collect();
    files.retain(|file| Path::new(file).extension().is_some_and(|is| is == "rs"));
    // lib.rs has the modules, which are read one by one, and mgm.rs the calls of the other header.
    files.retain(|file| !["lib.rs", "mgm.rs"].contains(file));
    let code = of_the_code(&files);
    let header = Declared::of(&header("groupscan.h"));

    let only = |one: &Declared, other: &Declared| -> Vec<String> {
        one.declarations.difference(&other.declarations).cloned().collect()
    };
    assert_eq!(only(&header, &code), [""; 0], "only in the header");
    assert_eq!(only(&code, &header), [""; 0], "only in the code");
    for (name, number) in &code.numbers {
        assert_eq!(header.numbers.get(name), Some(number), "{name}");
    }
    assert!(code.declarations.len() > 80 && !code.numbers.is_empty(), "{code:?}");
}

#[test]
fn a_difference_would_be_seen() {
    let one = Declared::of(
        "#define A 1\nint f(int a,\n  int *b); /* g(); */ typedef enum e { X = 1, } e;",
    );
    assert_eq!(one, Declared::of("#define A 1\ntypedef enum e {X = 1} e; int f(int a, int *b);"));
    for other in [
        "#define A 2\nint f(int a, int *b); typedef enum e { X = 1 } e;",
        "#define A 1\nint f(int a, long *b); typedef enum e { X = 1 } e;",
        "#define A 1\nint f(int a, int *c); typedef enum e { X = 1 } e;",
        "#define A 1\nint f(int a, int *b); typedef enum e { X = 2 } e;",
        "#define A 1\nint f(int a, int *b);",
    ] {
        assert_ne!(one, Declared::of(other), "{other}");
    }
}

#[test]
fn mgm_h_declares_its_calls() {
    let header = Declared::of(&header("mgm.h"));
    let code = fs::read_to_string(project().join("src/mgm.rs")).unwrap();
    let calls: Vec<&str> = code
        .split("extern \"C\" fn ")
        .skip(1)
        .filter_map(|rest| rest.split_once('('))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(calls.len(), 10);
    for call in calls {
        let is_declared = |declared: &&String| declared.starts_with(&format!("DWORD {call}("));
        assert_eq!(header.declarations.iter().filter(is_declared).count(), 1, "{call}");
    }
}

#[test]
fn the_version_is_the_package_s() {
    let header = Declared::of(&header("groupscan.h"));
    for (part, of_package) in [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        let name = format!("GROUPSCAN_VERSION_{part}");
        assert_eq!(header.numbers.get(&name).map(String::as_str), Some(of_package), "{name}");
    }
    let text = self::header("groupscan.h");
    let string = format!("#define GROUPSCAN_VERSION_STRING \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&string), "{string}");
}
