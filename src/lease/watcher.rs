//! Spawns the watcher: a process that outlives the holders of a lease and takes down what they leave behind.
//!
//! The watcher runs the same executable; `crate::watcher` takes over before `main`.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use super::Folder;

/// Names the lease that a process should watch. Only [`spawn`] sets it.
pub(crate) const VARIABLE: &str = "GREENROOM_WATCHED_LEASE";

/// The first argument of a watcher, in place of its executable's name.
pub(crate) const NAME: &str = "greenroom-watcher";

/// How long the watcher may take to report that it is watching.
const READY_LIMIT: Duration = Duration::from_secs(10);

/// The watcher's report.
const READY: &[u8] = b"watching\n";

/// The watchers that this process has spawned. They normally outlive it; if one exits earlier, this process must reap
/// it.
static WATCHERS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Makes sure that the lease has a watcher; returns whether it has one.
///
/// Everything works without a watcher, but if a process is killed, what it leaves behind stays until the next `up`.
pub(crate) fn ensure_watched(folder: &Folder) -> bool {
    if folder.is_watched() {
        return true;
    }
    let watched = spawn(folder).is_some();
    if !watched {
        tracing::warn!(
            lease = folder.id(),
            "could not start a watcher: if this process is killed, its stacks stay until the next `up`"
        );
    }
    watched
}

/// Spawns a watcher for a lease, and waits until it is watching.
pub(crate) fn spawn(folder: &Folder) -> Option<()> {
    // Cargo may have replaced this process's executable since it was started.
    let itself = Path::new("/proc/self/exe");
    let executable = if itself.exists() { itself.to_owned() } else { std::env::current_exe().ok()? };
    let mut command = Command::new(executable);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut command, NAME);
    command
        .env(VARIABLE, folder.path())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let watches = child.stdout.take().is_some_and(reports_watching);
    let mut watchers = WATCHERS.lock().expect("nothing panics while it holds this lock");
    // Reap the watchers that have exited, so that no zombies stay.
    watchers.retain_mut(|watcher| matches!(watcher.try_wait(), Ok(None)));
    watchers.push(child);
    watches.then_some(())
}

#[cfg(unix)]
fn reports_watching(stdout: std::process::ChildStdout) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec { tv_sec: READY_LIMIT.as_secs() as i64, tv_nsec: 0 };
    let answered = poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&limit));
    let mut said = [0; READY.len()];
    answered.is_ok_and(|ready| ready > 0)
        && std::io::Read::read(&mut { stdout }, &mut said).is_ok_and(|read| said[..read] == *READY)
}

#[cfg(not(unix))]
fn reports_watching(_: std::process::ChildStdout) -> bool {
    false
}

/// Reports to the parent process that this one is watching.
pub(crate) fn report_watching() -> std::io::Result<()> {
    std::io::stdout().write_all(READY)?;
    std::io::stdout().flush()
}
