//! A lease's folder: who holds the lease, who watches it, and which stacks belong to it.
//!
//! ```text
//! leases/<id>/lease.json          the lease's terms
//!             watch               locked by the watcher
//!             used                touched when a process takes the lease or the last one is gone
//!             holders/<process>   locked by that process while it lives
//!             runners/<process>   a test runner: the lease lasts while it runs
//!             stacks/<stack>.json the records of the lease's stacks
//!             up-<key>            locked by the process that brings up the stack of that key
//! leases/ending-<id>.…            the same folder, once all holders are gone and its stacks are being removed
//! ```
//!
//! The kernel releases a lock when its process ends, however that happens, so a file that can be locked belongs to a
//! process that is gone. Readers take a shared lock, so that they don't mistake each other for the owner.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Process;
use super::process::{boot, host};
use super::record::Record;
use crate::Error;
use crate::state::{self, StateFolder};

const ENDING: &str = "ending-";

/// The conditions under which a lease ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// The stack stays when nobody holds the lease.
    pub kept: bool,
    /// How long a kept stack stays unused, in seconds; forever if `None`.
    pub idle: Option<u64>,
    /// The engine's address in the process that took the lease.
    pub engine: String,
    /// The machine of the holders: process ids mean nothing on another machine or in another container.
    pub host: String,
    /// The boot of the runners: process ids mean nothing after a reboot.
    pub boot: String,
}

impl Terms {
    pub(crate) fn of(kept: bool, idle: Option<Duration>, engine: &str) -> Terms {
        Terms {
            kept,
            idle: idle.map(|idle| idle.as_secs().max(1)),
            engine: engine.to_owned(),
            host: host(),
            boot: boot(),
        }
    }
}

/// A process that holds a lease, and the stacks it uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub process: Process,
    pub stacks: Vec<String>,
}

/// The folder of one lease. It may disappear at any moment unless this process holds the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn at(path: impl Into<PathBuf>) -> Folder {
        Folder { path: path.into() }
    }

    pub(crate) fn of(state: &StateFolder, id: &str) -> Result<Folder, Error> {
        Ok(Folder { path: state.leases()?.join(id) })
    }

    /// All leases of the user.
    pub(crate) fn all(state: &StateFolder) -> Vec<Folder> {
        let Some(entries) = state.leases().ok().and_then(|path| fs::read_dir(path).ok()) else {
            return Vec::new();
        };
        entries
            .flatten()
            .map(|entry| Folder::at(entry.path()))
            .filter(|folder| folder.path.is_dir())
            .collect()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The state folder that contains the lease.
    pub(crate) fn state(&self) -> StateFolder {
        StateFolder::at(self.path.parent().and_then(Path::parent).unwrap_or(Path::new("/")))
    }

    pub(crate) fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Whether the lease has ended and its stacks are being removed.
    pub(crate) fn is_ending(&self) -> bool {
        self.name().starts_with(ENDING)
    }

    fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The lease's id, which is a label on everything in its stacks.
    pub(crate) fn id(&self) -> String {
        let name = self.name();
        match name.strip_prefix(ENDING).and_then(|rest| rest.rsplit_once('.')) {
            Some((id, _)) => id.to_owned(),
            None => name,
        }
    }

    /// The terms. If they are lost or damaged, the defaults, which belong to no host, so that nothing is removed too
    /// early.
    pub(crate) fn terms(&self) -> Terms {
        read(&self.path.join("lease.json")).unwrap_or_default()
    }

    /// Takes the lease for this process. The caller holds the gate.
    pub(super) fn enter(
        &self,
        terms: &Terms,
        runner: Option<&Process>,
        holder: &Holder,
    ) -> Result<File, Error> {
        for part in ["holders", "runners", "stacks"] {
            let part = self.path.join(part);
            state::create_private_folder(&part).map_err(|error| Error::state("make", &part, error))?;
        }
        self.sweep();
        write(&self.path.join("lease.json"), terms)?;
        if let Some(runner) = runner {
            write(&self.path.join("runners").join(runner.identity()), runner)?;
        }
        self.touch();
        let path = self.path.join("holders").join(holder.process.identity());
        let file = open(&path)?;
        file.lock().map_err(|error| Error::state("lock", &path, error))?;
        Ok(file)
    }

    /// Removes the files of holders that are gone.
    fn sweep(&self) {
        for (path, holder) in self.holder_files() {
            if holder.is_none() {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// The holders' files, with the content of those whose process lives.
    fn holder_files(&self) -> Vec<(PathBuf, Option<Holder>)> {
        let Ok(entries) = fs::read_dir(self.path.join("holders")) else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        paths.map(|path| (path.clone(), is_locked(&path).then(|| read(&path).unwrap_or_default()))).collect()
    }

    /// The processes that hold the lease.
    pub(crate) fn holders(&self) -> Vec<Holder> {
        self.holder_files().into_iter().filter_map(|(_, holder)| holder).collect()
    }

    /// The live test runners that the lease is tied to.
    pub(crate) fn runners(&self) -> Vec<Process> {
        // After a reboot, their ids belong to other processes.
        if self.terms().boot != boot() {
            return Vec::new();
        }
        let Ok(entries) = fs::read_dir(self.path.join("runners")) else { return Vec::new() };
        let runners = entries.flatten().filter_map(|entry| read::<Process>(&entry.path()));
        runners.filter(Process::is_alive).collect()
    }

    /// Whether a process holds the lease, or a runner that it is tied to is still alive.
    pub(crate) fn is_held(&self) -> bool {
        !self.holders().is_empty() || !self.runners().is_empty()
    }

    /// Whether the lease's processes run on this machine, so that this process can see whether they live.
    pub(crate) fn is_of_this_host(&self) -> bool {
        self.terms().host == host()
    }

    /// Blocks this thread until nobody holds the lease and no runner lives.
    pub(crate) fn wait_until_free(&self) {
        loop {
            if let Some(runner) = self.runners().first() {
                runner.wait();
            } else if let Some((path, _)) =
                self.holder_files().into_iter().find(|(_, holder)| holder.is_some())
            {
                // Granted when the holder exits.
                if let Ok(file) = File::open(path) {
                    let _ = file.lock_shared();
                }
            } else {
                return;
            }
        }
    }

    /// Records that the lease was in use just now.
    pub(crate) fn touch(&self) {
        // If this cannot be written, neither can the other files, and those errors are reported.
        let _ = open(&self.path.join("used")).map(|file| file.set_modified(SystemTime::now()));
    }

    /// How long the lease has been unused, as far as known.
    pub(crate) fn idle_for(&self) -> Duration {
        let used = fs::metadata(self.path.join("used")).and_then(|metadata| metadata.modified());
        used.ok().and_then(|used| SystemTime::now().duration_since(used).ok()).unwrap_or_default()
    }

    /// Whether the lease may end now: nobody holds it and, if it is kept, its idle time has passed.
    pub(crate) fn is_over(&self) -> bool {
        let terms = self.terms();
        let may_end =
            !terms.kept || terms.idle.is_some_and(|idle| self.idle_for() >= Duration::from_secs(idle));
        self.is_ending() || (may_end && !self.is_held())
    }

    /// Takes the watcher's lock; `None` if another process has it.
    pub(crate) fn watch(&self) -> Option<File> {
        let file = open(&self.path.join("watch")).ok()?;
        while file.try_lock().is_err() {
            // The lock is the watcher's, unless a reader has it just now.
            if file.try_lock_shared().is_err() {
                return None;
            }
            file.unlock().ok()?;
            std::thread::yield_now();
        }
        Some(file)
    }

    pub(crate) fn is_watched(&self) -> bool {
        is_locked(&self.path.join("watch"))
    }

    /// Ends the lease if it is over: renames its folder, so that the next process that asks for it gets a new lease.
    /// Returns the renamed folder, whose stacks are then to be removed.
    ///
    /// The caller holds the watcher's lock, so that nobody else ends the lease as well.
    pub(crate) fn end(&self) -> Option<Folder> {
        if self.is_ending() {
            return Some(self.clone());
        }
        let _gate = self.state().gate().ok()?;
        if !self.is_over() {
            return None;
        }
        let unique = format!("{}{}", Process::own().identity(), state::unique());
        let ending = self.path.with_file_name(format!("{ENDING}{}.{unique}", self.name()));
        fs::rename(&self.path, &ending).ok().map(|()| Folder::at(ending))
    }

    /// Removes the lease if it has no stack and nobody holds it.
    pub(crate) fn remove_if_empty(&self) {
        let Ok(_gate) = self.state().gate() else { return };
        if !self.is_held() && self.stacks().is_empty() {
            self.remove();
        }
    }

    /// Removes the lease, once its stacks are gone.
    pub(crate) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }

    /// Saves why the lease could not be ended: a watcher has nowhere to print it.
    pub(crate) fn save_error(&self, error: &Error) {
        let _ = state::write_private(&self.path.join("error"), format!("{error:?}\n").as_bytes());
    }

    /// The names of the lease's stacks.
    pub(crate) fn stacks(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path.join("stacks")) else { return Vec::new() };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect()
    }

    fn record_file(&self, stack: &str) -> PathBuf {
        self.path.join("stacks").join(format!("{stack}.json"))
    }

    /// The record of a stack; `None` if there is none or it is damaged. Damage is logged.
    pub(crate) fn record(&self, stack: &str) -> Option<Record> {
        let path = self.record_file(stack);
        let text = fs::read(&path).ok()?;
        serde_json::from_slice(&text)
            .inspect_err(|error| {
                tracing::warn!(stack, path = %path.display(), %error, "ignoring a damaged state file");
            })
            .ok()
    }

    /// The record of the stack with this key, whether it is up or still coming up.
    pub(crate) fn record_of(&self, key: &str) -> Option<Record> {
        let records = self.stacks().into_iter().filter_map(|stack| self.record(&stack));
        // A killed start may have left a second one: prefer the one that is up.
        records
            .filter(|record| record.key.as_deref() == Some(key))
            .max_by_key(|record| record.facts.is_some())
    }

    pub(crate) fn write_record(&self, record: &Record) -> Result<(), Error> {
        write(&self.record_file(&record.stack), record)
    }

    pub(crate) fn forget(&self, stack: &str) {
        // A file that stays only costs a request to the engine when the lease ends.
        let _ = fs::remove_file(self.record_file(stack));
    }

    /// Takes the lock of the stack with this key: shared to use the stack, exclusive to change it.
    pub(crate) fn lock_key(&self, key: &str, shared: bool) -> Result<File, Error> {
        let path = self.path.join(format!("up-{key}"));
        let file = open(&path)?;
        let locked = if shared { file.lock_shared() } else { file.lock() };
        locked.map(|()| file).map_err(|error| Error::state("lock", &path, error))
    }
}

/// Records which stacks a process uses, in the file that it has locked.
pub(super) fn write_holder(mut file: &File, holder: &Holder) -> io::Result<()> {
    let text = serde_json::to_vec(holder)?;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&text)
}

/// Whether the process that locked this file still lives.
fn is_locked(path: &Path) -> bool {
    match File::open(path).map(|file| file.try_lock_shared()) {
        Ok(Err(TryLockError::WouldBlock)) => true,
        // Without working locks, assume that every process lives, so that nothing is removed too early.
        Ok(Err(TryLockError::Error(_))) => true,
        Ok(Ok(())) | Err(_) => false,
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| Error::state("open", path, error))
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut text = Vec::new();
    File::open(path).ok()?.read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| Error::state("write", path, error.into()))?;
    state::write_private(path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lease in a test's own state folder.
    fn lease(terms: &Terms) -> (tempfile::TempDir, Folder, Option<File>) {
        let state = tempfile::TempDir::new().expect("a temporary folder can be created");
        let folder = Folder::of(&StateFolder::at(state.path()), "run-1").expect("there is a state folder");
        let holder = Holder { process: Process::own(), stacks: Vec::new() };
        let file = folder.enter(terms, None, &holder).expect("it can be written");
        (state, folder, Some(file))
    }

    /// Releases a lock and waits: a process that another test is just starting may have a copy of it for a moment.
    fn release(file: Option<File>, is_locked: impl Fn() -> bool) {
        drop(file);
        while is_locked() {
            std::thread::yield_now();
        }
    }

    fn no_longer_hold(folder: &Folder, file: Option<File>) {
        release(file, || !folder.holders().is_empty());
    }

    fn write_stack(folder: &Folder, stack: &str) {
        let record = Record { stack: stack.to_owned(), key: Some("key".to_owned()), ..Record::default() };
        folder.write_record(&record).expect("it can be written");
    }

    #[test]
    fn a_lease_ends_once_its_last_holder_is_gone() {
        let (_state, folder, mut file) = lease(&Terms::of(false, None, ""));
        write_stack(&folder, "a");
        assert!(folder.is_held() && !folder.is_over());
        assert_eq!(folder.end(), None, "somebody holds it");
        no_longer_hold(&folder, file.take());
        assert!(!folder.is_held());
        let ending = folder.end().expect("nobody holds it");
        assert!(!folder.exists() && ending.is_ending());
        assert_eq!((ending.id(), ending.stacks()), ("run-1".to_owned(), vec!["a".to_owned()]));
        assert_eq!(ending.end(), Some(ending), "another process may continue");
    }

    #[test]
    fn a_lease_lasts_as_long_as_its_runner() {
        let (_state, folder, file) = lease(&Terms::of(false, None, ""));
        let mut runner = std::process::Command::new("sleep").arg("60").spawn().expect("`sleep` is installed");
        let above = crate::lease::process::ancestors();
        assert!(!above.is_empty());
        // Not this process's start time: the child may have started in the same tick.
        let process = Process { pid: runner.id(), start: "1".to_owned(), ..Process::own() };
        write(&folder.path().join("runners/another-start"), &process).expect("it can be written");
        no_longer_hold(&folder, file);
        assert!(!folder.is_held(), "a reused id is not the runner");
        write(&folder.path().join("runners/itself"), &Process::own()).expect("it can be written");
        assert!(folder.is_held());
        // After a reboot, all ids belong to other processes.
        let terms = Terms { boot: "another".to_owned(), ..folder.terms() };
        write(&folder.path().join("lease.json"), &terms).expect("it can be written");
        assert!(!folder.is_held());
        runner.kill().and_then(|()| runner.wait()).expect("it is ours");
    }

    #[test]
    fn a_kept_lease_ends_when_its_idle_time_has_passed() {
        let (_state, folder, file) = lease(&Terms::of(true, None, ""));
        no_longer_hold(&folder, file);
        assert!(!folder.is_over(), "it is kept forever");
        let (_state, folder, file) = lease(&Terms::of(true, Some(Duration::from_secs(60)), ""));
        no_longer_hold(&folder, file);
        assert!(!folder.is_over());
        let used = File::open(folder.path().join("used")).expect("it is there");
        used.set_modified(SystemTime::now() - Duration::from_secs(61)).expect("it is ours");
        assert!(folder.is_over());
    }

    #[test]
    fn only_one_process_watches_and_readers_do_not_count() {
        let (_state, folder, _file) = lease(&Terms::of(false, None, ""));
        assert!(!folder.is_watched());
        let watch = folder.watch();
        assert!(watch.is_some() && folder.is_watched() && folder.watch().is_none());
        release(watch, || folder.is_watched());
        let look = File::open(folder.path().join("watch")).expect("it is there");
        look.lock_shared().expect("nobody has it");
        assert!(!folder.is_watched(), "another reader does not watch");
    }

    #[test]
    fn a_damaged_record_is_ignored_but_its_stack_is_still_listed() {
        let (_state, folder, _file) = lease(&Terms::of(false, None, ""));
        write_stack(&folder, "a");
        assert_eq!(folder.record_of("key").map(|record| record.stack), Some("a".to_owned()));
        fs::write(folder.record_file("a"), "{\"stack\": \"a").expect("it can be written");
        assert_eq!(folder.record_of("key"), None);
        assert_eq!(folder.stacks(), ["a"]);
    }

    #[test]
    fn a_lease_with_lost_terms_belongs_to_no_host() {
        let (_state, folder, file) = lease(&Terms::of(false, None, ""));
        fs::write(folder.path().join("lease.json"), "").expect("it can be written");
        no_longer_hold(&folder, file);
        assert!(!folder.is_of_this_host());
    }

    #[test]
    fn the_files_of_dead_holders_are_removed() {
        let (_state, folder, file) = lease(&Terms::of(false, None, ""));
        no_longer_hold(&folder, file);
        let other = Holder { process: Process { pid: 1, ..Process::own() }, stacks: Vec::new() };
        let file = folder.enter(&folder.terms(), None, &other).expect("it can be written");
        write_holder(&file, &other).expect("it can be written");
        assert_eq!(folder.holder_files().len(), 1);
        assert_eq!(folder.holders(), [other]);
    }
}
