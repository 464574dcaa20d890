//! How the libraries and programs in C are built.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex, PoisonError};

pub(crate) const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// The folder of the C interfaces: Makefile, headers, symbol map, programs.
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

/// Cargo's target directory for the libraries.
fn target() -> PathBuf {
    outputs().join("capi")
}

/// Runs the Makefile of the C libraries. Returns what it printed if it failed.
pub(crate) fn try_make(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("make")
        .arg("-C")
        .arg(project())
        .arg(format!("CARGO={}", env!("CARGO")))
        .arg(format!("TARGET_DIR={}", target().display()))
        .args(arguments)
        // The options of an outer make are not for this one.
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

/// Where cargo puts the libraries, under the name of their package, once make has built them.
fn libraries() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        make(&[]);
        target().join("release")
    });
    &BUILT
}

/// The shared library that cargo links, which has no version and no soname.
pub(crate) fn cargo_shared_library() -> PathBuf {
    libraries().join("libgroupscan_capi.so")
}

/// The shared library that make links.
pub(crate) fn shared_library() -> PathBuf {
    libraries().join("capi/libgroupscan.so")
}

pub(crate) fn static_library() -> PathBuf {
    libraries().join("capi/libgroupscan.a")
}

/// Compiles a program of `tests/c` and links it with the given libraries.
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
        // What follows is not source code, whatever language was chosen above.
        .args(["-x", "none", "-o"])
        .arg(&program)
        .args(linked)
        .args(["-pthread", "-ldl", "-lm"]));
    program
}

/// Prints why something is skipped. The test runner hides what `eprintln!` prints in a test that passes.
pub(crate) fn skipped(reason: &str) {
    let _ = writeln!(io::stderr(), "skipped: {reason}");
}

/// Runs a program whose last line says how many cases passed.
pub(crate) fn passes(command: &mut Command) {
    let printed = run(command);
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.ends_with("cases passed") && !last.starts_with("0 "), "{printed}");
}

/// Builds a program in every way and runs its cases: as C and C++, under sanitizers and valgrind.
pub(crate) fn passes_everywhere(source: &str, name: &str) {
    let built = |way: &str, compiler: &[&str]| {
        compile(source, &format!("{name}{way}"), compiler, &[static_library()])
    };
    passes(&mut Command::new(built("-std=c99", &["cc", "-std=c99"])));
    // The long cases once: the language makes no difference to them.
    for standard in ["-std=c11", "-std=c17"] {
        passes(Command::new(built(standard, &["cc", standard])).env("MGM_QUICK", "1"));
    }
    if exists("c++") {
        for standard in ["-std=c++98", "-std=c++17"] {
            let program = built(standard, &["c++", standard, "-x", "c++"]);
            passes(Command::new(program).env("MGM_QUICK", "1"));
        }
    } else {
        skipped("there is no C++ compiler");
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
        skipped("there is no valgrind");
    }
}
