//! The libraries as they are installed, and programs that find them there.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::building::{
    STRICT, cargo_shared_library, exists, make, outputs, project, run, shared_library, skipped,
    try_make,
};

const PREFIX: &str = "/opt/groupscan";

/// Where the project was installed to, as a packager does it.
fn installed() -> &'static Path {
    static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
        let to = outputs().join("installed");
        install(&to);
        to
    });
    &INSTALLED
}

/// Installs into an empty folder.
fn install(to: &Path) {
    fs::remove_dir_all(to).ok();
    // Install takes what was built before.
    assert!(shared_library().exists());
    make(&["install", &format!("PREFIX={PREFIX}"), &format!("DESTDIR={}", to.display())]);
}

/// The files and links below a folder.
fn files(below: &Path) -> BTreeSet<String> {
    let printed =
        run(Command::new("find").arg(below).args(["-not", "-type", "d", "-printf", "%P\n"]));
    printed.lines().map(String::from).collect()
}

/// The symbols of the list that the project keeps.
fn listed() -> BTreeSet<String> {
    let map = fs::read_to_string(project().join("groupscan.map")).unwrap();
    let names = map.lines().filter_map(|line| line.strip_prefix("    ")?.strip_suffix(';'));
    names.filter(|name| *name != "*").map(String::from).collect()
}

/// What a shared library shows.
fn exported(library: &Path) -> BTreeSet<String> {
    let nm = ["-D", "--defined-only", "--format=posix"];
    let printed = run(Command::new("nm").args(nm).arg(library));
    printed.lines().filter_map(|line| Some(line.split_once(' ')?.0.into())).collect()
}

/// Compiles a program outside the project, with nothing but what pkg-config says, and returns how to
/// run it.
fn build_outside(source: &Path, name: &str) -> Command {
    let outside = outputs().join("outside");
    fs::create_dir_all(&outside).unwrap();
    let copy = outside.join(source.file_name().unwrap());
    fs::copy(source, &copy).unwrap();
    let found = installed().join(PREFIX.trim_start_matches('/')).join("lib");
    let said = run(Command::new("pkg-config")
        .args(["--cflags", "--libs", "groupscan"])
        .env("PKG_CONFIG_LIBDIR", found.join("pkgconfig"))
        .env("PKG_CONFIG_SYSROOT_DIR", installed()));
    let program = outside.join(name);
    run(Command::new("cc")
        .current_dir(&outside)
        .args(STRICT)
        .arg("-std=c99")
        .arg(copy)
        .arg("-o")
        .arg(&program)
        .args(said.split_whitespace())
        .arg("-pthread"));
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", found);
    command
}

/// An example, or nothing, said so, where it cannot be built.
fn example(name: &str) -> Option<Command> {
    if !exists("pkg-config") {
        skipped("there is no pkg-config");
        return None;
    }
    Some(build_outside(&project().join("examples").join(format!("{name}.c")), name))
}

#[test]
fn an_install_has_all_files_and_an_uninstall_takes_them_away() {
    let version = env!("CARGO_PKG_VERSION");
    let to = outputs().join("installed-and-gone");
    install(&to);
    let expected = [
        "include/groupscan/groupscan.h".to_string(),
        "include/groupscan/mgm.h".into(),
        "lib/libgroupscan.a".into(),
        "lib/libgroupscan.so".into(),
        "lib/libgroupscan.so.0.2".into(),
        format!("lib/libgroupscan.so.{version}"),
        "lib/pkgconfig/groupscan.pc".into(),
    ];
    assert_eq!(files(&to.join("opt/groupscan")), expected.into());
    assert_eq!(files(&to).len(), 7, "and nothing elsewhere");
    let pc = fs::read_to_string(to.join("opt/groupscan/lib/pkgconfig/groupscan.pc")).unwrap();
    assert!(pc.contains(&format!("Version: {version}")) && !pc.contains('@'), "{pc}");
    assert!(!pc.contains(to.to_str().unwrap()), "{pc}");
    make(&["uninstall", &format!("PREFIX={PREFIX}"), &format!("DESTDIR={}", to.display())]);
    assert_eq!(files(&to), BTreeSet::new());
}

#[test]
fn the_shared_library_has_its_soname_and_the_listed_symbols() {
    let library = installed().join("opt/groupscan/lib/libgroupscan.so");
    let dynamic = run(Command::new("readelf").arg("-d").arg(&library));
    assert!(dynamic.contains("soname: [libgroupscan.so.0.2]"), "{dynamic}");
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    let versioned = listed().iter().map(|name| format!("{name}@@GROUPSCAN_0.2")).collect();
    let mut exported = exported(&library);
    assert!(exported.remove("GROUPSCAN_0.2"));
    assert_eq!(exported, versioned);
}

#[test]
fn cargo_s_shared_library_shows_the_same_symbols() {
    assert_eq!(exported(&cargo_shared_library()), listed());
}

#[test]
fn a_symbol_that_appears_or_disappears_fails_the_build() {
    let map = fs::read_to_string(project().join("groupscan.map")).unwrap();
    let one = "    groupscan_strerror;\n";
    assert!(map.contains(one));
    let appeared = map.replace(one, "");
    let disappeared = map.replace(one, &format!("{one}    groupscan_that_was;\n"));
    for (name, map) in [("appeared", appeared), ("disappeared", disappeared)] {
        let path = outputs().join(format!("{name}.map"));
        fs::write(&path, map).unwrap();
        // In another folder, because a build that fails removes the library.
        let said = try_make(&[&format!("MAP={}", path.display()), "built=$(release)/drifted"]);
        let said = said.expect_err("the build fails");
        assert!(said.contains("does not list what the code exports"), "{said}");
    }
}

#[test]
fn the_checks_of_the_makefile_pass() {
    make(&["check-c"]);
}

#[test]
fn the_examples_run_with_an_installed_library() {
    for (name, argument, shown) in
        [("enumerate", None, "(*, "), ("walk", None, "239."), ("walk", Some("20000"), "20000")]
    {
        let Some(mut example) = example(name) else {
            return;
        };
        let printed = run(example.args(argument));
        assert!(printed.contains(shown), "{name}: {printed}");
    }
}

#[test]
fn the_daemon_joins_shows_and_expires() {
    let Some(mut daemon) = example("daemon") else {
        return;
    };
    let daemon = daemon.args(["--idle-ms", "50"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut daemon = daemon.spawn().unwrap();
    let commands = "join 239.1.1.1 on 2\njoin 232.1.1.1 10.0.0.1 on 2\nshow\nhold\nwho\n\
                    leave 239.1.1.1 on 2\nnonsense\nwait 400\nshow\nquit\n";
    daemon.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
    let output = daemon.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    assert_eq!(printed.matches("(*, 239.1.1.1)").count(), 1, "shown until it was left: {printed}");
    assert_eq!(printed.matches("(10.0.0.1, 232.1.1.1)").count(), 2, "{printed}");
    assert!(printed.contains("ended"), "the one that was held: {printed}");
}

#[test]
fn cargo_c_installs_the_same() {
    if !Command::new(env!("CARGO"))
        .args(["cinstall", "--version"])
        .output()
        .unwrap()
        .status
        .success()
    {
        skipped("there is no cargo-c");
        return;
    }
    let to = outputs().join("installed-by-cargo-c");
    fs::remove_dir_all(&to).ok();
    run(Command::new(env!("CARGO"))
        .args(["cinstall", "--package", "groupscan-capi", "--release", "--locked"])
        .args(["--prefix", PREFIX, "--libdir"])
        .arg(format!("{PREFIX}/lib"))
        .arg("--destdir")
        .arg(&to)
        .arg("--target-dir")
        .arg(outputs().join("cargo-c"))
        .current_dir(project()));
    assert_eq!(files(&to), files(installed()));
    assert_eq!(exported(&to.join("opt/groupscan/lib/libgroupscan.so")), listed());
}
