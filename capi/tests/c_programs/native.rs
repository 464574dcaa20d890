//! The C ABI of `groupscan.h`, from C.

use std::process::Command;

use crate::building::{compile, passes_everywhere, run, static_library};

#[test]
fn the_promises_of_the_header_hold() {
    passes_everywhere("native.c", "native");
}

#[test]
fn a_process_with_one_thread_may_fork() {
    let compiler = ["cc", "-std=c99", "-g", "-fsanitize=address"];
    run(&mut Command::new(compile("fork.c", "fork", &compiler, &[static_library()])));
}
