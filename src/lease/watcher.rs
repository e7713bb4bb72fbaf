//! The process that outlives those it watches over, and takes down what they leave.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use super::Folder;
use super::constructor::VARIABLE;

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

/// The watcher's whole life.
pub(super) fn watch(lease: &Path) {
    #[cfg(unix)]
    // A session of its own: it dies neither with the terminal nor with the runner's process group.
    let _ = rustix::process::setsid();
    let folder = Folder::at(lease);
    let watch = folder.watch();
    // When somebody else watches already, that is fine, too.
    let _ = std::io::stdout().write_all(READY).and_then(|()| std::io::stdout().flush());
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
            crate::stack::discard_unfinished(folder);
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
            return crate::stack::end_lease(&ending);
        }
    }
}
