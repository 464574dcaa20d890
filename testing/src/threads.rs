//! Threads that are known to wait.

use std::fs;
use std::sync::mpsc;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

/// Starts a thread in a scope, and returns when it sleeps, which it must do as soon as `run` begins to wait
/// for a lock.
///
/// Where the system does not tell what a thread does, this is after a while.
pub fn spawn_waiting<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    run: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let (told, number) = mpsc::channel();
    let thread = scope.spawn(move || {
        // Of the form PROCESS/task/THREAD.
        told.send(fs::read_link("/proc/thread-self").ok()).expect("the other thread receives");
        run()
    });
    match number.recv().expect("the thread sends first") {
        Some(link) => {
            let status = format!("/proc/{}/stat", link.display());
            // In the status, the state follows the name of the thread, which is in parentheses.
            let is_asleep = || {
                // A thread that has ended waits no more.
                let status = fs::read_to_string(&status).unwrap_or_else(|_| ") S".into());
                status.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
            };
            while !is_asleep() {
                thread::sleep(Duration::from_millis(1));
            }
        }
        None => thread::sleep(Duration::from_millis(200)),
    }
    thread
}
