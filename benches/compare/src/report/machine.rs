//! The machine and the versions of the measurement.

use std::fs;
use std::thread;
use std::time::SystemTime;

use crate::allocator;
use crate::peers::Kind;

/// The lock file, with the versions of all packages.
const LOCK: &str = include_str!("../../../../Cargo.lock");

/// The machine, the compiler, the allocator and the day, in one sentence.
pub fn sentence() -> String {
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a processor of an unknown kind", |(_, model)| model.trim());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let (date, _) = date.split_once('T').unwrap_or((&date, ""));
    format!(
        "{model}, {cores} cores, Linux {}, {}, {}, {date}",
        kernel.trim(),
        env!("COMPARE_RUSTC"),
        allocator::NAME
    )
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The versions of a peer's packages.
pub fn versions(kind: &Kind) -> String {
    let versions = kind.packages.iter().map(|package| {
        let version = locked_version(LOCK, package).unwrap_or("of an unknown version");
        format!("{package} {version}")
    });
    let versions: Vec<String> = versions.collect();
    if versions.is_empty() { "std".into() } else { versions.join(", ") }
}

/// The version of a package in a lock file.
fn locked_version<'l>(lock: &'l str, package: &str) -> Option<&'l str> {
    let mut lines = lock.lines();
    lines
        .find(|line| line.strip_prefix("name = ").is_some_and(|name| unquoted(name) == package))?;
    lines.next()?.strip_prefix("version = ").map(unquoted)
}

fn unquoted(text: &str) -> &str {
    text.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let lock = "[[package]]\nname = \"ab\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\n\
                    version = \"2.1.0\"\n";
        assert_eq!(locked_version(lock, "a"), Some("2.1.0"));
        assert_eq!(locked_version(lock, "b"), None);
        for package in peers::ALL.iter().flat_map(|kind| kind.packages) {
            assert!(locked_version(LOCK, package).is_some(), "{package}");
        }
    }
}
