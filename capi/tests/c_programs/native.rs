//! The C ABI of `groupscan.h`, from C.

use std::process::Command;

use crate::building::{compile, passes, passes_everywhere, run, static_library};

#[test]
fn the_promises_of_the_header_hold() {
    passes_everywhere("native.c", "native");
}

#[test]
fn a_process_with_one_thread_may_fork() {
    let compiler = ["cc", "-std=c99", "-g", "-fsanitize=address"];
    run(&mut Command::new(compile("fork.c", "fork", &compiler, &[static_library()])));
}

#[test]
fn no_call_ends_a_process_whose_heap_is_used_up() {
    // Not with a sanitizer, which has a heap of its own.
    let compiler = ["cc", "-std=c99", "-g"];
    let program = compile("refused_memory.c", "refused_memory", &compiler, &[static_library()]);
    passes(&mut Command::new(program));
}
