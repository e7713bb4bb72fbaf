//! The watcher process: waits until its lease is over, then takes down the lease's stacks.

mod constructor;
mod heartbeat;

use std::fs::OpenOptions;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use heartbeat::Heartbeat;

use crate::lease::{Folder, report_watching};
use crate::stack::{discard_unfinished, end_lease};

/// How long the watcher pauses before it looks again at a lease that it could not end. The pauses grow.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the watcher looks whether an idle lease is in use again, or has new terms.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long the watcher tries to end a lease whose state folder cannot be written to.
const PATIENCE: Duration = Duration::from_secs(60);

/// The watcher's main function. Returns whether the lease exists.
fn watch(lease: &Path) -> bool {
    let folder = Folder::at(lease);
    if !folder.exists() {
        return false;
    }
    #[cfg(unix)]
    // Its own session: the watcher dies neither with the terminal nor with the runner's process group.
    let _ = rustix::process::setsid();
    let watch = folder.watch();
    // If another watcher already has the lock, the lease is watched all the same.
    let _ = report_watching();
    detach_stdout();
    if watch.is_some() {
        tend(&folder);
    }
    true
}

fn detach_stdout() {
    #[cfg(unix)]
    if let Ok(nowhere) = OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nowhere);
    }
}

/// Waits until the lease is over, then ends it.
fn tend(folder: &Folder) {
    let heartbeat = Heartbeat::start(folder);
    let (mut failing, mut pause) = (None, PAUSE);
    while folder.exists() {
        folder.wait_until_free();
        let idle = until_over(folder);
        let paused = heartbeat.pause();
        match end(folder, idle) {
            End::Begun(ending) => return end_lease(&ending),
            End::Needless => return folder.remove_if_empty(),
            End::TooEarly => (failing, pause) = (None, PAUSE),
            // While the state folder is read-only, nobody can take the lease either.
            End::Failed if failing.get_or_insert_with(Instant::now).elapsed() > PATIENCE => {
                if !folder.is_held() {
                    end_lease(folder);
                }
                return;
            }
            End::Failed => pause *= 2,
        }
        drop(paused);
        sleep(pause);
    }
}

/// What became of an attempt to end a lease.
enum End {
    /// Its folder has this name now, and its stacks are to be removed.
    Begun(Folder),
    /// It needs no watcher.
    Needless,
    /// A process has taken it meanwhile, or it cannot be read just now.
    TooEarly,
    /// The state folder cannot be written to.
    Failed,
}

fn end(folder: &Folder, idle: Idle) -> End {
    let ended = match idle {
        Idle::Forever => return End::Needless,
        Idle::Used => return End::TooEarly,
        _ if !has_stacks(folder) => {
            folder.remove_if_empty();
            let is_left = folder.stacks().is_ok_and(|stacks| stacks.is_empty()) && !folder.is_held();
            return if is_left && folder.exists() { End::Failed } else { End::TooEarly };
        }
        Idle::NotKept => folder.end_if(Folder::is_over),
        Idle::Since(used) => folder.end_if(|folder| !folder.is_held() && folder.used() == used),
    };
    match ended {
        Ok(Some(ending)) => End::Begun(ending),
        Ok(None) => End::TooEarly,
        Err(_) => End::Failed,
    }
}

/// What is known of the use of a lease that nobody holds.
#[derive(Debug, PartialEq)]
enum Idle {
    /// It is not kept for later use.
    NotKept,
    /// A process uses it.
    Used,
    /// It is kept without a limit.
    Forever,
    /// Nobody has used it for its idle time, since this moment of the system's clock; or it has no stack.
    Since(Option<SystemTime>),
}

/// Waits until the lease may end as far as its terms go.
fn until_over(folder: &Folder) -> Idle {
    if folder.is_ending() || !folder.terms().is_some_and(|terms| terms.kept) {
        return Idle::NotKept;
    }
    folder.touch();
    discard_unfinished(folder);
    until_idle(folder)
}

/// Waits until nobody has used the lease for its idle time. That is measured by the monotonic clock: somebody may set
/// the system's.
fn until_idle(folder: &Folder) -> Idle {
    let (mut used, mut since) = (folder.used(), Instant::now());
    loop {
        // Each process that takes the lease sets the terms anew.
        let terms = folder.terms().filter(|_| !folder.is_held());
        let Some(terms) = terms else { return Idle::Used };
        let Some(idle) = terms.idle.map(Duration::from_secs) else { return Idle::Forever };
        if folder.used() != used {
            (used, since) = (folder.used(), Instant::now());
        }
        match idle.checked_sub(since.elapsed()).filter(|left| !left.is_zero() && has_stacks(folder)) {
            Some(left) => sleep(left.min(LOOK_AGAIN)),
            None => return Idle::Since(used),
        }
    }
}

fn has_stacks(folder: &Folder) -> bool {
    folder.stacks().is_ok_and(|stacks| !stacks.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use tempfile::TempDir;

    use super::*;
    use crate::lease::{Record, Terms};

    /// A kept lease with a stack, which nobody holds.
    fn lease(idle: u64) -> (TempDir, Folder) {
        let state = TempDir::new().expect("there is room");
        let folder = Folder::at(state.path().join("leases/keep-1"));
        let record = Record { stack: "greenroom-shop-1".to_owned(), ..Record::default() };
        folder.write_record(&record).expect("there is room");
        folder.touch();
        set_idle(&folder, idle);
        (state, folder)
    }

    fn set_idle(folder: &Folder, idle: u64) {
        let terms = Terms::of(true, Some(Duration::from_secs(idle)), "");
        let text = serde_json::to_vec(&terms).expect("it is plain data");
        fs::write(folder.path().join("lease.json"), text).expect("there is room");
    }

    #[test]
    fn a_shorter_idle_time_is_heeded_while_the_watcher_waits() {
        let (_state, folder) = lease(3600);
        let watched = folder.clone();
        let watcher = std::thread::spawn(move || until_idle(&watched));
        // The next `up --idle 1s`.
        set_idle(&folder, 1);
        assert_eq!(watcher.join().expect("it does not panic"), Idle::Since(folder.used()));
    }

    #[test]
    fn a_system_clock_that_is_set_back_does_not_keep_a_lease() {
        let (_state, folder) = lease(1);
        let used = File::open(folder.path().join("used")).expect("it is there");
        used.set_modified(SystemTime::now() + Duration::from_secs(3600)).expect("it is ours");
        assert_eq!(until_idle(&folder), Idle::Since(folder.used()));
    }

    #[test]
    fn a_lease_without_stacks_needs_no_idle_time() {
        let (_state, folder) = lease(3600);
        fs::remove_file(folder.path().join("stacks/greenroom-shop-1.json")).expect("it is there");
        assert_eq!(until_idle(&folder), Idle::Since(folder.used()));
        fs::write(folder.path().join("lease.json"), "").expect("it is ours");
        assert_eq!(until_idle(&folder), Idle::Used, "its terms are lost");
    }

    #[test]
    fn a_lease_that_cannot_be_renamed_is_tried_again() {
        let (state, folder) = lease(1);
        let Idle::Since(used) = until_idle(&folder) else { panic!("nobody uses it") };
        // As in a read-only folder, the lock on all leases cannot be opened.
        fs::create_dir_all(state.path().join("locks/leases")).expect("there is room");
        assert!(matches!(end(&folder, Idle::Since(used)), End::Failed));
        fs::remove_dir(state.path().join("locks/leases")).expect("it is ours");
        assert!(matches!(end(&folder, Idle::Since(used)), End::Begun(_)));
    }
}
