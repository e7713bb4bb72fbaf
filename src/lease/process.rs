//! Processes, identified by id and start time, because ids are reused.

use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::compose::{HIDDEN, Secrets, is_secret_name};

/// How much of a command line is shown.
const COMMAND_LENGTH: usize = 120;

/// How many ancestors of this process are inspected.
const MOST_ANCESTORS: usize = 64;

/// A process of this boot. Its id may be reused; the pair of id and start time is unique.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub pid: u32,
    /// The start time, in the platform's own format.
    pub start: String,
    /// The command line to show: shortened, and without the values of arguments that are secrets by their name.
    pub command: String,
}

/// A process as the process table shows it.
pub(crate) struct Entry {
    pub process: Process,
    /// The name of the executable, as the kernel shows it.
    pub name: String,
    pub parent: u32,
}

impl Process {
    pub(crate) fn own() -> Process {
        static OWN: OnceLock<Process> = OnceLock::new();
        let look = || {
            let pid = std::process::id();
            // Without a process table, the id has to do.
            known(pid).map_or(Process { pid, ..Process::default() }, |entry| entry.process)
        };
        OWN.get_or_init(look).clone()
    }

    /// Whether the process is still running. A zombie is not. If the process table cannot be read, the process counts
    /// as running.
    pub(crate) fn is_alive(&self) -> bool {
        is_alive(self.pid, |process| process.start == self.start)
    }

    /// Blocks this thread until the process has exited.
    pub(crate) fn wait(&self) {
        table::wait(self);
    }

    /// Id and start time in one word, for labels and file names.
    pub(crate) fn identity(&self) -> String {
        let start: String = self.start.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{}-{start}", self.pid)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.pid, self.command)
    }
}

/// The ancestors of this process, the nearest first.
pub(crate) fn ancestors() -> Vec<Entry> {
    let own = known(std::process::id());
    let parents = std::iter::successors(own, |entry| known(entry.parent).filter(|_| entry.parent != 0));
    parents.skip(1).take(MOST_ANCESTORS).collect()
}

/// The process's entry, if there is one and it can be read.
fn known(pid: u32) -> Option<Entry> {
    table::entry(pid).ok().flatten()
}

/// Whether the process with this [identity](Process::identity) is still running, as far as can be known.
pub(crate) fn is_running(identity: &str) -> bool {
    let pid = identity.split('-').next().and_then(|pid| pid.parse().ok());
    pid.is_some_and(|pid| is_alive(pid, |process| process.identity() == identity))
}

/// Without descriptors, for example, no entry can be read; that says nothing of the process.
fn is_alive(pid: u32, is_the_one: impl Fn(&Process) -> bool) -> bool {
    match table::entry(pid) {
        Ok(entry) => entry.is_some_and(|entry| is_the_one(&entry.process)),
        Err(_) => true,
    }
}

/// Identifies this machine or container, and with it the scope of its process ids.
pub(crate) fn host() -> String {
    #[cfg(unix)]
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let node = std::env::var("COMPUTERNAME").unwrap_or_default();
    crate::plan::hash(format!("{node} {}", table::namespace()).as_bytes())
}

/// Identifies this boot of the machine.
pub(crate) fn boot() -> String {
    table::boot()
}

/// Hides a command line's secrets, then shortens it.
fn shown<S: AsRef<str>>(arguments: &[S]) -> String {
    let mut words = Vec::new();
    let mut hides_next = false;
    // Nothing is known of the secrets, but the passwords of URLs can be told from the rest.
    let arguments = arguments.iter().map(|argument| Secrets::default().hide(argument.as_ref()));
    for (index, argument) in arguments.enumerate() {
        let argument = if index == 0 { argument.rsplit('/').next().unwrap_or_default() } else { &argument };
        let is_hidden = std::mem::take(&mut hides_next);
        hides_next = argument.starts_with('-') && !argument.contains(['=', ':']) && is_secret_name(argument);
        words.push(if is_hidden { HIDDEN.to_owned() } else { without_value(argument) });
    }
    let line = words.join(" ");
    match line.char_indices().nth(COMMAND_LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// `argument` without what follows a secret's name: `--env=API_TOKEN=…`, `X-Api-Key: …`, `API_TOKEN=… program`.
fn without_value(argument: &str) -> String {
    let mut separators = argument.match_indices(['=', ':']).filter(|(at, separator)| {
        (*separator == "=" || argument[at + 1..].starts_with(' ')) && is_secret_name(&argument[..*at])
    });
    match separators.next() {
        Some((at, separator)) => format!("{}{separator}{HIDDEN}", &argument[..at]),
        None => argument.to_owned(),
    }
}

#[cfg(target_os = "linux")]
mod table {
    use std::io;
    use std::path::Path;

    use procfs::ProcError;
    use procfs::process::{ProcState, Process as Found};
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::{Entry, Process, shown};

    /// The entry of a process; `None` if there is no such process.
    pub(super) fn entry(pid: u32) -> io::Result<Option<Entry>> {
        match look(pid) {
            Ok(entry) => Ok(entry),
            Err(ProcError::NotFound(_)) if Path::new("/proc/self").exists() => Ok(None),
            // It ended while its entry was read.
            Err(ProcError::Io(error, _)) if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn look(pid: u32) -> Result<Option<Entry>, ProcError> {
        // No process has an id that is out of range.
        let Ok(id) = pid.try_into() else { return Ok(None) };
        let found = Found::new(id)?;
        let stat = found.stat()?;
        if matches!(stat.state(), Ok(ProcState::Zombie | ProcState::Dead)) {
            return Ok(None);
        }
        let command = match found.cmdline() {
            Ok(words) if !words.is_empty() => shown(&words),
            _ => stat.comm.clone(),
        };
        Ok(Some(Entry {
            process: Process { pid, start: stat.starttime.to_string(), command },
            name: stat.comm,
            parent: stat.ppid.try_into().unwrap_or_default(),
        }))
    }

    /// Blocks in the kernel; polls if the kernel is too old for that.
    pub(super) fn wait(process: &Process) {
        let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
        let handle = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        while process.is_alive() {
            match &handle {
                Some(handle) => match poll(&mut [PollFd::new(handle, PollFlags::IN)], None) {
                    // A signal may end the poll early.
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(_) => std::thread::sleep(super::LOOK_AGAIN),
                },
                None => std::thread::sleep(super::LOOK_AGAIN),
            }
        }
    }

    pub(super) fn namespace() -> String {
        let link = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        link.to_string_lossy().into_owned()
    }

    pub(super) fn boot() -> String {
        procfs::sys::kernel::random::boot_id().unwrap_or_default()
    }
}

/// For platforms without `/proc`: parses the output of `ps`.
#[cfg(not(target_os = "linux"))]
mod table {
    use std::io;
    use std::process::Command;

    use super::{Entry, Process, shown};

    /// Empty if there is no such process.
    fn ps(pid: u32, column: &str) -> io::Result<String> {
        let output = Command::new("ps").args(["-o", &format!("{column}="), "-p", &pid.to_string()]).output();
        Ok(String::from_utf8_lossy(&output?.stdout).trim().to_owned())
    }

    /// The entry of a process; `None` if there is no such process.
    pub(super) fn entry(pid: u32) -> io::Result<Option<Entry>> {
        let [state, command, name, start, parent] =
            ["state", "command", "ucomm", "lstart", "ppid"].map(|column| ps(pid, column));
        let (state, command, name, start, parent) = (state?, command?, name?, start?, parent?);
        if state.starts_with('Z') || [&state, &name, &start].into_iter().any(String::is_empty) {
            return Ok(None);
        }
        let words: Vec<_> = command.split_whitespace().collect();
        let process = Process { pid, start, command: shown(&words) };
        Ok(Some(Entry { process, name, parent: parent.parse().unwrap_or_default() }))
    }

    pub(super) fn wait(process: &Process) {
        while process.is_alive() {
            std::thread::sleep(super::LOOK_AGAIN);
        }
    }

    pub(super) fn namespace() -> String {
        String::new()
    }

    pub(super) fn boot() -> String {
        let sysctl = Command::new("sysctl").args(["-n", "kern.bootsessionuuid"]).output();
        sysctl.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    }
}

/// How often a process is polled where the kernel cannot report its exit, and a lock where it cannot be waited for.
pub(super) const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_until_it_exits_and_is_not_identified_by_its_id_alone() {
        let own = Process::own();
        assert!(own.is_alive() && is_running(&own.identity()));
        let other = Process { start: "1".to_owned(), ..own };
        assert!(!other.is_alive() && !is_running(&other.identity()));

        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("`sleep` is installed");
        // A process that has just started may not show its whole command line yet.
        let process = std::iter::repeat_with(|| known(child.id()).expect("it runs").process)
            .find(|process| process.command.ends_with("60"))
            .expect("its command line appears");
        assert_eq!(process.command, "sleep 60");
        child.kill().expect("it is ours");
        process.wait();
        assert!(!process.is_alive(), "a zombie is not alive");
        child.wait().expect("it has exited");
    }

    #[test]
    fn this_process_has_a_parent() {
        let nearest = ancestors().into_iter().next().expect("somebody started this test");
        assert!(nearest.process.is_alive());
    }

    #[test]
    fn a_command_line_is_shortened_and_its_secrets_are_hidden() {
        for (arguments, expected) in [
            (
                &["/usr/bin/tool", "--password", "hunter2", "API_TOKEN=abc", "--jobs=4", "test"][..],
                "tool --password *** API_TOKEN=*** --jobs=4 test",
            ),
            (
                &["docker", "run", "--env=API_TOKEN=abc", "-e", "PORT=80"],
                "docker run --env=API_TOKEN=*** -e PORT=80",
            ),
            (
                &["curl", "-H", "X-Api-Key: abc", "http://me:hunter2@api/?q"],
                "curl -H X-Api-Key:*** http://me:***@api/?q",
            ),
            (
                &["psql", "postgres://app:hunter2@db/x", "--dbname=postgres://a:b@db/"],
                "psql postgres://app:***@db/x --dbname=postgres://a:***@db/",
            ),
            (&["sh", "-c", "PGPASSWORD=hunter2 psql"], "sh -c PGPASSWORD=***"),
        ] {
            assert_eq!(shown(arguments), expected);
        }
        assert_eq!(shown(&["tool", &"ä".repeat(300)]).chars().count(), COMMAND_LENGTH + 1);
        // A password that the end of the line cuts in two.
        let long = format!("{} postgres://app:hunter2-hunter2@db", "x".repeat(COMMAND_LENGTH - 25));
        assert!(!shown(&["tool", &long]).contains("hunter"));
    }
}
