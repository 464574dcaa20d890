//! How the shared library is linked.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_elf = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix")
        && env::var("CARGO_CFG_TARGET_VENDOR").is_ok_and(|vendor| vendor != "apple");
    if is_elf && env::var_os("CARGO_FEATURE_CAPI").is_some() {
        // Threads keep locals of the library, whose destructors run when they end: it must not be
        // unloaded before.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
