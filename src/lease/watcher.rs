//! Spawning the process that outlives those it watches over, and takes down what they leave.
//!
//! The watcher is the same executable: `crate::watcher` takes over in it before `main`.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use super::Folder;

/// Names the lease that a process is to watch over. Only [`spawn`] sets it.
pub(crate) const VARIABLE: &str = "GREENROOM_WATCHED_LEASE";

/// How long the watcher may take to say that it watches.
const READY_LIMIT: Duration = Duration::from_secs(10);

/// What it says then.
const READY: &[u8] = b"watching\n";

/// The watchers that this process has spawned. They outlive it; until then they are its children.
static WATCHERS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Sees to it that somebody watches over the lease; gives whether that is so.
///
/// Without a watcher everything works, but for a process that is killed: what it leaves stays until the next `up`.
pub(crate) fn ensure_watched(folder: &Folder) -> bool {
    if folder.is_watched() {
        return true;
    }
    let watched = spawn(folder).is_some();
    if !watched {
        tracing::warn!(
            lease = folder.id(),
            "no watcher could be started: should this process be killed, its stacks stay until the next `up`"
        );
    }
    watched
}

/// Spawns a watcher for a lease, and waits until it watches.
pub(crate) fn spawn(folder: &Folder) -> Option<()> {
    // Cargo may have put another file where this process's executable was.
    let itself = Path::new("/proc/self/exe");
    let executable = if itself.exists() { itself.to_owned() } else { std::env::current_exe().ok()? };
    let mut command = Command::new(executable);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut command, "greenroom-watcher");
    command
        .env(VARIABLE, folder.path())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let watches = child.stdout.take().is_some_and(says_that_it_watches);
    let mut watchers = WATCHERS.lock().expect("nothing panics while it holds this lock");
    // Those that have ended are waited for, so that no zombie stays.
    watchers.retain_mut(|watcher| matches!(watcher.try_wait(), Ok(None)));
    watchers.push(child);
    watches.then_some(())
}

#[cfg(unix)]
fn says_that_it_watches(stdout: std::process::ChildStdout) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec { tv_sec: READY_LIMIT.as_secs() as i64, tv_nsec: 0 };
    let answered = poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&limit));
    let mut said = [0; READY.len()];
    answered.is_ok_and(|ready| ready > 0)
        && std::io::Read::read(&mut { stdout }, &mut said).is_ok_and(|read| said[..read] == *READY)
}

#[cfg(not(unix))]
fn says_that_it_watches(_: std::process::ChildStdout) -> bool {
    false
}

/// Tells the process that spawned this one that it watches.
pub(crate) fn say_that_it_watches() -> std::io::Result<()> {
    std::io::stdout().write_all(READY)?;
    std::io::stdout().flush()
}
