//! How the shared library is linked.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_elf = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix")
        && env::var("CARGO_CFG_TARGET_VENDOR").is_ok_and(|vendor| vendor != "apple");
    if is_elf {
        // Threads hold thread-locals of the library, whose destructors run when a thread ends: the library
        // must not be unloaded before.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
