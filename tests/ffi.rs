//! The C ABI from C: the libraries are built as a user builds them, and programs are compiled against the
//! header and run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// What the shared library shows, and nothing else.
const SYMBOLS: [&str; 11] = [
    "MgmAddGroupMembershipEntry",
    "MgmDeRegisterMProtocol",
    "MgmDeleteGroupMembershipEntry",
    "MgmGetProtocolOnInterface",
    "MgmGroupEnumerationEnd",
    "MgmGroupEnumerationGetNext",
    "MgmGroupEnumerationStart",
    "MgmRegisterMProtocol",
    "MgmReleaseInterfaceOwnership",
    "MgmTakeInterfaceOwnership",
    "groupscan_version",
];

/// Debian's package mingw-w64-common.
const FOREIGN_HEADER: &str = "/usr/share/mingw-w64/include/mgm.h";

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn outputs() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Runs a command, which must succeed, and returns what it printed.
fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(status.success(), "{command:?}: {status}\n{stdout}{stderr}");
    stdout
}

fn exists(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Where the libraries are.
fn libraries() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let target = outputs().join("capi");
        let build = ["build", "--release", "--lib", "--features", "capi"];
        run(Command::new(env!("CARGO"))
            .args(build)
            .arg("--target-dir")
            .arg(&target)
            .current_dir(project()));
        target.join("release")
    });
    &BUILT
}

/// Compiles a program of `tests/c` and links it, with the static library unless it is told otherwise.
fn compile<A: AsRef<OsStr>>(source: &str, name: &str, compiler: &[&str], linked: &[A]) -> PathBuf {
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

fn static_library() -> PathBuf {
    libraries().join("libgroupscan.a")
}

fn contract(name: &str, compiler: &[&str]) -> PathBuf {
    compile("mgm_contract.c", name, compiler, &[static_library()])
}

fn passes(command: &mut Command) {
    let printed = run(command);
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.ends_with("cases passed") && !last.starts_with("0 "), "{printed}");
}

#[test]
fn the_contract_holds_in_c() {
    for standard in ["-std=c99", "-std=c11", "-std=c17"] {
        passes(&mut Command::new(contract(&format!("contract{standard}"), &["cc", standard])));
    }
}

#[test]
fn the_contract_holds_in_cpp() {
    if !exists("c++") {
        eprintln!("skipped: there is no C++ compiler");
        return;
    }
    for standard in ["-std=c++98", "-std=c++17"] {
        let compiler = ["c++", standard, "-x", "c++"];
        passes(&mut Command::new(contract(&format!("contract{standard}"), &compiler)));
    }
}

#[test]
fn the_contract_holds_with_the_shared_library() {
    let library = libraries();
    let linked = [
        format!("-L{}", library.display()),
        "-lgroupscan".into(),
        format!("-Wl,-rpath,{}", library.display()),
    ];
    passes(&mut Command::new(compile("mgm_contract.c", "contract-shared", &["cc"], &linked)));
}

#[test]
fn the_contract_holds_under_sanitizers() {
    let compiler = ["cc", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    passes(&mut Command::new(contract("contract-sanitized", &compiler)));
}

#[test]
fn the_contract_holds_under_valgrind() {
    if !exists("valgrind") {
        eprintln!("skipped: there is no valgrind");
        return;
    }
    let program = contract("contract-valgrind", &["cc", "-g"]);
    let valgrind = ["-q", "--error-exitcode=9", "--leak-check=full"];
    let leaks = "--errors-for-leak-kinds=definite";
    passes(Command::new("valgrind").args(valgrind).arg(leaks).arg(program).env("MGM_QUICK", "1"));
}

#[test]
fn the_contract_holds_against_a_foreign_header() {
    if !Path::new(FOREIGN_HEADER).exists() {
        eprintln!("skipped: mingw-w64-common is not installed");
        return;
    }
    let header = format!("-DMGM_FOREIGN_HEADER=\"{FOREIGN_HEADER}\"");
    passes(&mut Command::new(contract("contract-foreign", &["cc", &header])));
}

#[test]
fn a_thread_may_end_after_the_library_was_unloaded() {
    let program = compile::<&str>("unload.c", "unload", &["cc"], &[]);
    for _ in 0..20 {
        run(Command::new(&program).arg(libraries().join("libgroupscan.so")));
    }
}

#[test]
fn only_our_symbols_are_exported() {
    let library = libraries().join("libgroupscan.so");
    let listed =
        run(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library));
    let names = listed.lines().filter_map(|line| line.split(' ').next());
    let names: Vec<&str> = names.collect();
    assert_eq!(names, SYMBOLS);
}

#[test]
fn the_header_declares_what_is_exported() {
    let header = std::fs::read_to_string(project().join("include/mgm.h")).unwrap();
    for symbol in SYMBOLS {
        assert!(header.contains(&format!("{symbol}(")), "{symbol} is not in the header");
    }
}

#[test]
fn the_example_runs() {
    let program = outputs().join("enumerate");
    run(Command::new("cc")
        .args(STRICT)
        .args(["-std=c99", "-I"])
        .arg(project().join("include"))
        .arg(project().join("examples/c/enumerate.c"))
        .arg("-o")
        .arg(&program)
        .arg(static_library())
        .args(["-pthread", "-ldl", "-lm"]));
    let printed = run(&mut Command::new(program));
    assert!(printed.contains("(*, "), "{printed}");
}
