//! How the libraries and programs in C are built.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex, PoisonError};

pub(crate) const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn outputs() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Runs a command, which must succeed, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(status.success(), "{command:?}: {status}\n{stdout}{stderr}");
    stdout
}

pub(crate) fn exists(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Where cargo puts the libraries.
fn target() -> PathBuf {
    outputs().join("capi")
}

/// Makes what the project's Makefile is asked for, and returns what was said where it cannot.
pub(crate) fn try_make(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("make")
        .arg("-C")
        .arg(project())
        .arg(format!("CARGO={}", env!("CARGO")))
        .arg(format!("TARGET_DIR={}", target().display()))
        .args(arguments)
        // What an outer make said is not for this one.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .expect("there is make");
    let said = [output.stdout, output.stderr].concat();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) }
}

/// As [`try_make`], which must succeed.
pub(crate) fn make(arguments: &[&str]) {
    // One at a time: all write the same files.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    try_make(arguments).unwrap_or_else(|said| panic!("make {arguments:?}: {said}"));
}

/// Where the libraries are, as cargo has built them: the shared one without a version.
pub(crate) fn libraries() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        make(&[]);
        target().join("release")
    });
    &BUILT
}

/// Compiles a program of `tests/c` and links it, with the static library unless it is told otherwise.
pub(crate) fn compile<A: AsRef<OsStr>>(
    source: &str,
    name: &str,
    compiler: &[&str],
    linked: &[A],
) -> PathBuf {
    let program = outputs().join(name);
    run(Command::new(compiler[0])
        .args(&compiler[1..])
        .args(STRICT)
        .arg("-I")
        .arg(project().join("include"))
        .arg(project().join("tests/c").join(source))
        // What follows is no source, whatever language was asked for.
        .args(["-x", "none", "-o"])
        .arg(&program)
        .args(linked)
        .args(["-pthread", "-ldl", "-lm"]));
    program
}

pub(crate) fn static_library() -> PathBuf {
    libraries().join("libgroupscan.a")
}

/// Runs a program whose last word is how many cases passed.
pub(crate) fn passes(command: &mut Command) {
    let printed = run(command);
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.ends_with("cases passed") && !last.starts_with("0 "), "{printed}");
}

/// The ways in which a program's cases are built and run: as C and C++, with either library, under
/// sanitizers and valgrind.
pub(crate) fn passes_everywhere(source: &str, name: &str) {
    let built = |way: &str, compiler: &[&str]| {
        compile(source, &format!("{name}{way}"), compiler, &[static_library()])
    };
    for standard in ["-std=c99", "-std=c11", "-std=c17"] {
        passes(&mut Command::new(built(standard, &["cc", standard])));
    }
    if exists("c++") {
        for standard in ["-std=c++98", "-std=c++17"] {
            passes(&mut Command::new(built(standard, &["c++", standard, "-x", "c++"])));
        }
    } else {
        eprintln!("skipped: there is no C++ compiler");
    }
    let sanitizers = ["cc", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    passes(&mut Command::new(built("-sanitized", &sanitizers)));
    if exists("valgrind") {
        let program = built("-valgrind", &["cc", "-g"]);
        let valgrind = ["-q", "--error-exitcode=9", "--leak-check=full"];
        let leaks = "--errors-for-leak-kinds=definite";
        passes(
            Command::new("valgrind").args(valgrind).arg(leaks).arg(program).env("MGM_QUICK", "1"),
        );
    } else {
        eprintln!("skipped: there is no valgrind");
    }
}
