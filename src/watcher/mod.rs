//! The watcher process: waits until its lease is over, then takes down the lease's stacks.

mod constructor;
mod heart;

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use heart::Heart;

use crate::lease::{Folder, report_watching};
use crate::stack::{discard_unfinished, end_lease};

/// The watcher's main function.
fn watch(lease: &Path) {
    #[cfg(unix)]
    // Its own session: the watcher dies neither with the terminal nor with the runner's process group.
    let _ = rustix::process::setsid();
    let folder = Folder::at(lease);
    let watch = folder.watch();
    // If another watcher already has the lock, the lease is watched all the same.
    let _ = report_watching();
    detach_stdout();
    if watch.is_some() {
        tend(&folder);
    }
}

fn detach_stdout() {
    #[cfg(unix)]
    if let Ok(nowhere) = OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nowhere);
    }
}

/// How long the watcher pauses before it looks again at a lease that it could not read or end.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause of a watcher that waits until a kept lease has been idle long enough.
const IDLE_PAUSE: Duration = Duration::from_secs(10);

/// Waits until the lease is over, then ends it.
fn tend(folder: &Folder) {
    let heart = Heart::start(folder);
    while folder.exists() {
        folder.wait_until_free();
        let terms = folder.terms();
        if terms.as_ref().is_some_and(|terms| terms.kept) && !folder.is_ending() {
            folder.touch();
            discard_unfinished(folder);
            match terms.and_then(|terms| terms.idle) {
                Some(idle) => wait_until_idle(folder, Duration::from_secs(idle)),
                None => return folder.remove_if_empty(),
            }
        }
        let rest = heart.rest();
        if has_stacks(folder) {
            if let Some(ending) = folder.end() {
                return end_lease(&ending);
            }
        } else {
            folder.remove_if_empty();
        }
        drop(rest);
        // A process has taken the lease meanwhile, or the state folder cannot be read or written just now.
        std::thread::sleep(PAUSE);
    }
}

/// Waits until the lease has been idle for this long. Returns earlier if a process takes it or its stacks are gone.
fn wait_until_idle(folder: &Folder, idle: Duration) {
    while folder.exists() && !folder.is_held() && folder.idle_for() < idle && has_stacks(folder) {
        std::thread::sleep((idle - folder.idle_for()).min(IDLE_PAUSE));
    }
}

fn has_stacks(folder: &Folder) -> bool {
    folder.stacks().is_ok_and(|stacks| !stacks.is_empty())
}
