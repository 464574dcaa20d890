//! The C ABI of `mgm.h`, from C.

use std::path::Path;
use std::process::Command;

use crate::building::{
    cargo_shared_library, compile, passes, passes_everywhere, run, shared_library, skipped,
    static_library,
};

/// Debian's package mingw-w64-common.
const FOREIGN_HEADER: &str = "/usr/share/mingw-w64/include/mgm.h";

#[test]
fn the_contract_holds() {
    passes_everywhere("mgm_contract.c", "contract");
}

#[test]
fn the_contract_holds_against_a_foreign_header() {
    if !Path::new(FOREIGN_HEADER).exists() {
        skipped("mingw-w64-common is not installed");
        return;
    }
    let header = format!("-DMGM_FOREIGN_HEADER=\"{FOREIGN_HEADER}\"");
    let compiler = ["cc", header.as_str()];
    let program = compile("mgm_contract.c", "contract-foreign", &compiler, &[static_library()]);
    passes(&mut Command::new(program));
}

#[test]
fn a_thread_may_end_after_the_library_was_unloaded() {
    let program = compile::<&str>("unload.c", "unload", &["cc"], &[]);
    for library in [cargo_shared_library(), shared_library()] {
        for _ in 0..20 {
            run(Command::new(&program).arg(&library));
        }
    }
}
