//! A watcher's life: it waits until its lease is over, and takes down the stacks.

mod constructor;

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use crate::lease::{Folder, say_that_it_watches};
use crate::stack::{discard_unfinished, end_lease};

/// The watcher's whole life.
fn watch(lease: &Path) {
    #[cfg(unix)]
    // A session of its own: it dies neither with the terminal nor with the runner's process group.
    let _ = rustix::process::setsid();
    let folder = Folder::at(lease);
    let watch = folder.watch();
    // When somebody else watches already, that is fine, too.
    let _ = say_that_it_watches();
    let_go_of_stdout();
    if watch.is_some() {
        tend(&folder);
    }
}

fn let_go_of_stdout() {
    #[cfg(unix)]
    if let Ok(nowhere) = OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nowhere);
    }
}

/// Waits until the lease is over, and ends it.
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
                // Whoever takes it meanwhile holds it, and is waited for above.
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
