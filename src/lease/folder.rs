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
//!
//! Only what is not there counts as gone. A file or folder that exists but cannot be read or locked (no descriptors are
//! left, the content is damaged) counts as in use, so that nothing is removed too early.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Process;
use super::process::{LOOK_AGAIN, boot, host};
use super::record::Record;
use crate::Error;
use crate::plan::is_word;
use crate::state::{self, Lock, StateFolder};

const ENDING: &str = "ending-";

/// The conditions under which a lease ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// The stack stays when nobody holds the lease.
    pub kept: bool,
    /// How long a kept stack stays unused, in seconds; forever if `None`.
    pub idle: Option<u64>,
    /// Random, and a label on everything in the lease's stacks. Ids repeat: two state folders may each have a lease of
    /// the same run.
    #[serde(default)]
    pub nonce: String,
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
            nonce: format!("{:016x}{:016x}", state::random(), state::random()),
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

    /// All leases in a state folder.
    pub(crate) fn all(state: &StateFolder) -> Result<Vec<Folder>, Error> {
        let folders = entries(&state.leases()?)?.into_iter().map(Folder::at);
        Ok(folders.filter(Folder::exists).collect())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The state folder that contains the lease.
    pub(crate) fn state(&self) -> StateFolder {
        StateFolder::at(self.path.parent().and_then(Path::parent).unwrap_or(Path::new("/")))
    }

    pub(crate) fn exists(&self) -> bool {
        self.path.try_exists().unwrap_or(true)
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

    /// The terms, if they can be read. Without them, nobody knows when the lease ends.
    pub(crate) fn terms(&self) -> Option<Terms> {
        read(&self.path.join("lease.json")).ok().flatten()
    }

    /// Takes the lease for this process. Returns its terms, with the nonce that it has already, if any, and this
    /// process's lock. The caller holds the gate.
    pub(super) fn enter(
        &self,
        terms: &Terms,
        runner: Option<&Process>,
        holder: &Holder,
    ) -> Result<(Terms, File), Error> {
        for part in ["holders", "runners", "stacks"] {
            let part = self.path.join(part);
            state::create_private_folder(&part).map_err(|error| Error::state("make", &part, error))?;
        }
        self.sweep();
        let terms = Terms { nonce: self.nonce()?.unwrap_or_else(|| terms.nonce.clone()), ..terms.clone() };
        write(&self.path.join("lease.json"), &terms)?;
        if let Some(runner) = runner {
            write(&self.path.join("runners").join(runner.identity()), runner)?;
        }
        self.touch();
        let path = self.path.join("holders").join(holder.process.identity());
        let file = open(&path)?;
        file.lock().map_err(|error| Error::state("lock", &path, error))?;
        Ok((terms, file))
    }

    /// The lease's nonce; `None` if it is new or its terms are damaged.
    fn nonce(&self) -> Result<Option<String>, Error> {
        let text = read_if_there(&self.path.join("lease.json"))?.unwrap_or_default();
        let terms: Option<Terms> = serde_json::from_slice(&text).ok();
        Ok(terms.map(|terms| terms.nonce).filter(|nonce| !nonce.is_empty()))
    }

    /// Removes the files of holders that are gone.
    fn sweep(&self) {
        for path in entries(&self.path.join("holders")).unwrap_or_default() {
            if !is_locked(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// The files of the holders that live.
    fn holder_files(&self) -> Result<Vec<PathBuf>, Error> {
        let paths = entries(&self.path.join("holders"))?.into_iter();
        Ok(paths.filter(|path| is_locked(path)).collect())
    }

    /// The processes that hold the lease.
    pub(crate) fn holders(&self) -> Result<Vec<Holder>, Error> {
        let files = self.holder_files()?.into_iter();
        files.map(|path| Ok(read(&path)?.unwrap_or_default())).collect()
    }

    /// The live test runners that the lease is tied to.
    pub(crate) fn runners(&self) -> Result<Vec<Process>, Error> {
        // After a reboot, their ids belong to other processes.
        if self.terms().is_some_and(|terms| terms.boot != boot()) {
            return Ok(Vec::new());
        }
        let mut runners = Vec::new();
        for path in entries(&self.path.join("runners"))? {
            runners.extend(read::<Process>(&path)?.filter(Process::is_alive));
        }
        Ok(runners)
    }

    /// Whether a process holds the lease, or a runner that it is tied to is still alive.
    pub(crate) fn is_held(&self) -> bool {
        let is_free = self.holder_files().is_ok_and(|files| files.is_empty())
            && self.runners().is_ok_and(|runners| runners.is_empty());
        !is_free
    }

    /// Whether the lease's processes run on this machine, so that this process can see whether they live.
    pub(crate) fn is_of_this_host(&self) -> bool {
        self.terms().is_some_and(|terms| terms.host == host())
    }

    /// Blocks this thread until nobody holds the lease and no runner lives.
    pub(crate) fn wait_until_free(&self) {
        while self.is_held() {
            if self.wait_for_one().is_none() {
                std::thread::sleep(LOOK_AGAIN);
            }
        }
    }

    /// Waits for a runner or a holder to exit; `None` if it cannot wait for any.
    fn wait_for_one(&self) -> Option<()> {
        if let Some(runner) = self.runners().ok()?.first() {
            runner.wait();
            return Some(());
        }
        // Granted when the holder exits.
        File::open(self.holder_files().ok()?.first()?).ok()?.lock_shared().ok()
    }

    /// Records that the lease was in use just now.
    pub(crate) fn touch(&self) {
        // If this cannot be written, neither can the other files, and those errors are reported.
        let _ = open(&self.path.join("used")).map(|file| file.set_modified(SystemTime::now()));
    }

    /// When the lease was last used, by the system's clock, as far as known.
    pub(crate) fn used(&self) -> Option<SystemTime> {
        fs::metadata(self.path.join("used")).and_then(|metadata| metadata.modified()).ok()
    }

    /// How long the lease has been unused, as far as known.
    fn idle_for(&self) -> Duration {
        self.used().and_then(|used| SystemTime::now().duration_since(used).ok()).unwrap_or_default()
    }

    /// Whether the lease may end now: nobody holds it and, if it is kept, its idle time has passed.
    pub(crate) fn is_over(&self) -> bool {
        let may_end = |terms: Terms| {
            !terms.kept || terms.idle.is_some_and(|idle| self.idle_for() >= Duration::from_secs(idle))
        };
        self.is_ending() || (self.terms().is_some_and(may_end) && !self.is_held())
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

    /// Ends the lease if `is_over` still holds: renames its folder, so that the next process that asks for it gets a new
    /// lease. Returns the renamed folder, whose stacks are then to be removed.
    ///
    /// The caller holds the watcher's lock, so that nobody else ends the lease as well.
    pub(crate) fn end_if(&self, is_over: impl FnOnce(&Folder) -> bool) -> Result<Option<Folder>, Error> {
        if self.is_ending() {
            return Ok(Some(self.clone()));
        }
        let _gate = self.state().gate()?;
        if !is_over(self) {
            return Ok(None);
        }
        let unique = format!("{}{}", Process::own().identity(), state::unique());
        let ending = self.path.with_file_name(format!("{ENDING}{}.{unique}", self.name()));
        match fs::rename(&self.path, &ending) {
            Ok(()) => Ok(Some(Folder::at(ending))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::state("rename", &self.path, error)),
        }
    }

    /// Removes the lease if it has no stack and nobody holds it.
    pub(crate) fn remove_if_empty(&self) {
        let Ok(_gate) = self.state().gate() else { return };
        if !self.is_held() && self.stacks().is_ok_and(|stacks| stacks.is_empty()) {
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
    pub(crate) fn stacks(&self) -> Result<Vec<String>, Error> {
        let paths = entries(&self.path.join("stacks"))?;
        let names = paths.iter().filter_map(|path| path.file_name()?.to_str()?.strip_suffix(".json"));
        Ok(names.map(str::to_owned).collect())
    }

    /// Whether the lease has a record of the stack.
    pub(crate) fn records(&self, stack: &str) -> bool {
        is_word(stack) && self.record_file(stack).try_exists().unwrap_or(true)
    }

    fn record_file(&self, stack: &str) -> PathBuf {
        self.path.join("stacks").join(format!("{stack}.json"))
    }

    /// The record of a stack; `None` if there is none or it is damaged. Damage is logged.
    pub(crate) fn record(&self, stack: &str) -> Result<Option<Record>, Error> {
        let path = self.record_file(stack);
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        let record = serde_json::from_slice(&text).inspect_err(|error| {
            tracing::warn!(stack, path = %path.display(), %error, "ignoring a damaged state file");
        });
        Ok(record.ok())
    }

    /// The record of the stack with this key, whether it is up or still coming up.
    pub(crate) fn record_of(&self, key: &str) -> Result<Option<Record>, Error> {
        let stacks = self.stacks()?.into_iter();
        let records: Vec<_> = stacks.map(|stack| self.record(&stack)).collect::<Result<_, _>>()?;
        // A killed start may have left a second one: prefer the one that is up.
        Ok(records
            .into_iter()
            .flatten()
            .filter(|record| record.key.as_deref() == Some(key))
            .max_by_key(|record| record.facts.is_some()))
    }

    pub(crate) fn write_record(&self, record: &Record) -> Result<(), Error> {
        write(&self.record_file(&record.stack), record)
    }

    pub(crate) fn forget(&self, stack: &str) {
        // A file that stays only costs a request to the engine when the lease ends.
        let _ = fs::remove_file(self.record_file(stack));
    }

    /// The lock of the stack with this key: shared to use the stack, exclusive to start, change or remove it.
    pub(crate) fn key_lock(&self, key: &str) -> Result<Lock, Error> {
        Lock::open(self.path.join(format!("up-{key}")))
    }
}

/// Records which stacks a process uses, in the file that it has locked.
pub(super) fn write_holder(mut file: &File, holder: &Holder) -> io::Result<()> {
    let text = serde_json::to_vec(holder)?;
    // At no moment is the file empty: that would say that the process uses no stack.
    file.rewind()?;
    file.write_all(&text)?;
    file.set_len(text.len() as u64)
}

/// Whether the process that locked this file still lives.
fn is_locked(path: &Path) -> bool {
    match File::open(path).map(|file| file.try_lock_shared()) {
        Ok(Ok(())) => false,
        // Without working locks, every process counts as alive.
        Ok(Err(TryLockError::WouldBlock | TryLockError::Error(_))) => true,
        Err(error) => !is_gone(&error),
    }
}

/// Whether the error says that there is no such file. Any other says nothing of the file's owner.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// The paths in a folder; none if there is no such folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let paths = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    match paths {
        Err(error) if is_gone(&error) => Ok(Vec::new()),
        paths => paths.map_err(|error| Error::state("read", folder, error)),
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| Error::state("open", path, error))
}

/// The value in a file; `None` if there is no such file or nothing has been written to it yet. The end of a longer,
/// earlier value may follow: see [`write_holder`].
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let text = read_if_there(path)?.unwrap_or_default();
    let first = serde_json::Deserializer::from_slice(&text).into_iter().next().transpose();
    first.map_err(|error| Error::state("read", path, error.into()))
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Err(error) if is_gone(&error) => Ok(None),
        text => text.map(Some).map_err(|error| Error::state("read", path, error)),
    }
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
        let (_, file) = folder.enter(terms, None, &holder).expect("it can be written");
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
        release(file, || !folder.holders().expect("they can be read").is_empty());
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
        let end = |folder: &Folder| folder.end_if(Folder::is_over).expect("it can be written to");
        assert_eq!(end(&folder), None, "somebody holds it");
        no_longer_hold(&folder, file.take());
        assert!(!folder.is_held());
        let ending = end(&folder).expect("nobody holds it");
        assert!(!folder.exists() && ending.is_ending());
        assert_eq!(ending.id(), "run-1");
        assert_eq!(ending.stacks().expect("they can be read"), ["a"]);
        assert_eq!(end(&ending), Some(ending), "another process may continue");
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
        let terms = Terms { boot: "another".to_owned(), ..folder.terms().expect("they can be read") };
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
        let found = || folder.record_of("key").expect("it can be read").map(|record| record.stack);
        assert_eq!(found(), Some("a".to_owned()));
        fs::write(folder.record_file("a"), "{\"stack\": \"a").expect("it can be written");
        assert_eq!(found(), None);
        assert_eq!(folder.stacks().expect("they can be read"), ["a"]);
    }

    #[test]
    fn a_lease_with_damaged_terms_belongs_to_no_host_and_does_not_end() {
        let (_state, folder, file) = lease(&Terms::of(false, None, ""));
        fs::write(folder.path().join("lease.json"), "").expect("it can be written");
        no_longer_hold(&folder, file);
        assert!(!folder.is_of_this_host() && !folder.is_over());
    }

    /// A link to itself cannot be opened, as if no descriptors were left.
    #[cfg(unix)]
    fn make_unreadable(path: &Path) {
        std::os::unix::fs::symlink(path, path).expect("there is room");
    }

    #[cfg(unix)]
    #[test]
    fn what_cannot_be_read_counts_as_in_use() {
        for part in ["holders/other", "runners/other", "holders", "runners", "lease.json"] {
            let (_state, folder, file) = lease(&Terms::of(false, None, ""));
            write_stack(&folder, "a");
            no_longer_hold(&folder, file);
            assert!(folder.is_over(), "nobody uses it");
            let path = folder.path().join(part);
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
            make_unreadable(&path);
            assert!(!folder.is_over(), "{part}");
            assert_eq!(folder.end_if(Folder::is_over).expect("it can be written to"), None, "{part}");
            assert!(folder.is_held() || part == "lease.json", "{part}");
            // It cannot be waited for; the caller pauses.
            assert_eq!(folder.wait_for_one(), None, "{part}");
        }
        let (_state, folder, file) = lease(&Terms::of(false, None, ""));
        no_longer_hold(&folder, file);
        fs::remove_dir_all(folder.path().join("stacks")).expect("it is ours");
        make_unreadable(&folder.path().join("stacks"));
        folder.remove_if_empty();
        assert!(folder.exists() && folder.stacks().is_err());
    }

    #[test]
    fn the_files_of_dead_holders_are_removed() {
        let (_state, folder, file) = lease(&Terms::of(false, None, ""));
        no_longer_hold(&folder, file);
        let other = Holder { process: Process { pid: 1, ..Process::own() }, stacks: Vec::new() };
        let (_, file) = folder.enter(&Terms::of(false, None, ""), None, &other).expect("it can be written");
        write_holder(&file, &other).expect("it can be written");
        assert_eq!(entries(&folder.path().join("holders")).expect("it can be read").len(), 1);
        assert_eq!(folder.holders().expect("they can be read"), [other]);
    }

    #[test]
    fn a_shorter_list_of_stacks_replaces_a_longer_one() {
        let (_state, folder, file) = lease(&Terms::of(false, None, ""));
        let file = file.expect("it is held");
        for stacks in [&["a-long-name", "b"][..], &["c"], &[]] {
            let stacks = stacks.iter().map(|&name| name.to_owned()).collect();
            let holder = Holder { process: Process::own(), stacks };
            write_holder(&file, &holder).expect("it can be written");
            assert_eq!(folder.holders().expect("they can be read"), std::slice::from_ref(&holder));
            // As if the end of a longer list had not been cut off yet.
            let path = folder.path().join("holders").join(holder.process.identity());
            fs::write(&path, format!("{}\"]}}", fs::read_to_string(&path).expect("it is there")))
                .expect("it is ours");
            assert_eq!(folder.holders().expect("they can be read"), [holder]);
        }
    }

    #[test]
    fn a_lease_keeps_its_nonce_and_no_other_has_it() {
        let (_state, folder, _file) = lease(&Terms::of(false, None, ""));
        let nonce = folder.terms().expect("it has terms").nonce;
        assert_eq!(nonce.len(), 32);
        let other = Holder { process: Process { pid: 1, ..Process::own() }, stacks: Vec::new() };
        let new = Terms::of(true, None, "");
        assert_ne!(new.nonce, nonce);
        let (terms, _file) = folder.enter(&new, None, &other).expect("it can be written");
        assert_eq!((terms.nonce, terms.kept), (nonce, true));
        // Damaged terms are replaced; what has the old nonce is then nobody's.
        fs::write(folder.path().join("lease.json"), "{").expect("it is ours");
        let third = Holder { process: Process { pid: 2, ..Process::own() }, stacks: Vec::new() };
        let (terms, _file) = folder.enter(&new, None, &third).expect("it can be written");
        assert_eq!(terms.nonce, new.nonce);
    }
}
