//! The watcher process: waits until its lease is over, then takes down the lease's stacks.

mod constructor;

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

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

/// Waits until the lease is over, then ends it.
fn tend(folder: &Folder) {
    while folder.exists() {
        folder.wait_until_free();
        let terms = folder.terms();
        if terms.kept && !folder.is_ending() {
            folder.touch();
            discard_unfinished(folder);
            let Some(idle) = terms.idle.map(Duration::from_secs) else { return folder.remove_if_empty() };
            while folder.exists()
                && !folder.is_held()
                && folder.idle_for() < idle
                && !folder.stacks().is_empty()
            {
                // A process that takes the lease meanwhile holds it, and the loop above waits for it.
                std::thread::sleep((idle - folder.idle_for()).min(Duration::from_secs(10)));
            }
            if folder.stacks().is_empty() {
                folder.remove_if_empty();
                continue;
            }
        }
        if let Some(ending) = folder.end() {
            return end_lease(&ending);
        }
    }
}
