//! The state folder: leases, the evidence of failures, and locks.

mod lock;

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};

use crate::event::Observer;
use crate::{Error, limits};

pub(crate) use lock::{Lock, Mode};

/// Overrides the state folder, for tests and for machines without a home folder.
const DIRECTORY_VARIABLE: &str = "GREENROOM_STATE_DIR";

/// The next start removes evidence that is older than this.
const EVIDENCE_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The folder that holds greenroom's state.
#[derive(Clone, Debug)]
pub(crate) struct StateFolder {
    /// `None` on a machine without a home folder. Operations that need the folder then fail; a start needs it only for
    /// kept volumes.
    path: Option<PathBuf>,
}

impl StateFolder {
    /// `GREENROOM_STATE_DIR`, else the platform's folder (`~/.local/state/greenroom`).
    pub(crate) fn of_user() -> StateFolder {
        if let Some(path) = std::env::var_os(DIRECTORY_VARIABLE).filter(|value| !value.is_empty()) {
            return StateFolder::at(path);
        }
        let names = AppStrategyArgs {
            top_level_domain: "rs".to_owned(),
            author: "greenroom".to_owned(),
            app_name: "greenroom".to_owned(),
        };
        // Not every platform has a state folder apart from its data folder.
        let path = choose_app_strategy(names)
            .ok()
            .map(|strategy| strategy.state_dir().unwrap_or_else(|| strategy.data_dir()));
        StateFolder { path }
    }

    pub(crate) fn at(path: impl Into<PathBuf>) -> StateFolder {
        let path = path.into();
        // Absolute, because other processes with other working folders are given this path.
        StateFolder { path: Some(std::path::absolute(&path).unwrap_or(path)) }
    }

    /// The folder's path. Fails if others could change what is in it.
    fn path(&self) -> Result<&Path, Error> {
        let path = self.path.as_deref().ok_or_else(|| Error::no_state_folder(DIRECTORY_VARIABLE))?;
        #[cfg(unix)]
        check_access(path)?;
        Ok(path)
    }

    /// The folder for a stack's evidence.
    pub(crate) fn evidence_directory(&self, stack: &str) -> Result<PathBuf, Error> {
        Ok(self.path()?.join("evidence").join(stack))
    }

    /// The folder that holds the leases.
    pub(crate) fn leases(&self) -> Result<PathBuf, Error> {
        Ok(self.path()?.join("leases"))
    }

    /// Takes the lock that is held briefly while a process takes a lease or a lease ends, so that these never overlap.
    pub(crate) fn gate(&self) -> Result<Lock, Error> {
        self.lock_file("leases")?.take_blocking(limits::GATE)
    }

    /// Describes who has the gate, for the announcement of a long wait.
    pub(crate) fn gate_holder(&self) -> String {
        let holder = self.lock_file("leases").map(|lock| lock.holder());
        format!("{}, which has the lock on all leases", holder.unwrap_or_default())
    }

    /// Writes a file for a container of the stack to mount. Only its user can access its folder; `mode` decides who can
    /// read the file inside the container.
    pub(crate) fn save_file(
        &self,
        stack: &str,
        name: &str,
        content: &[u8],
        mode: u32,
    ) -> Result<PathBuf, Error> {
        let path = self.file_folder(stack)?.join(name);
        write_private(&path, content)?;
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(&path, mode)
                .map_err(|error| Error::state("set the mode of", &path, error))?;
        }
        #[cfg(not(unix))]
        let _ = mode;
        Ok(path)
    }

    fn file_folder(&self, stack: &str) -> Result<PathBuf, Error> {
        Ok(self.path()?.join("files").join(stack))
    }

    /// Removes the files written for the stack's containers.
    pub(crate) fn forget_files(&self, stack: &str) {
        if let Ok(folder) = self.file_folder(stack) {
            // Most stacks have no such folder.
            let _ = fs::remove_dir_all(folder);
        }
    }

    /// Whether no process has done `what` for this long. If so, it counts as done now.
    pub(crate) fn is_due(&self, what: &str, every: Duration) -> bool {
        let Ok(lock) = self.lock_file(&format!("last-{what}")) else { return false };
        let Ok(true) = lock.attempt(Mode::Exclusive) else { return false };
        let path = lock.path();
        // The file is empty until `what` was done once.
        let recent = fs::metadata(path)
            .ok()
            .filter(|metadata| metadata.len() > 0)
            .and_then(|metadata| SystemTime::now().duration_since(metadata.modified().ok()?).ok());
        let is_due = recent.is_none_or(|passed| passed >= every);
        is_due && fs::write(path, what).is_ok()
    }

    /// The folder's path, for labels.
    pub(crate) fn display(&self) -> String {
        self.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default()
    }

    fn lock_file(&self, name: &str) -> Result<Lock, Error> {
        Lock::open_in_private_folder(self.path()?.join("locks").join(name))
    }

    /// Takes the lock of `name`, and waits for a process that has it; see [`Lock::take`].
    pub(crate) async fn lock(&self, name: &str, purpose: &str, observer: &Observer) -> Result<Lock, Error> {
        self.lock_file(name)?.take(Mode::Exclusive, limits::ANOTHER_PROCESS, purpose, observer).await
    }

    /// Removes evidence that is older than a week. Failures are ignored: they do not matter to this start.
    pub(crate) fn prune_evidence(&self, now: SystemTime) {
        let Ok(directory) = self.path() else { return };
        let Ok(entries) = fs::read_dir(directory.join("evidence")) else { return };
        for entry in entries.flatten() {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let old = modified
                .is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > EVIDENCE_KEPT));
            if old {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Fails if another user owns the folder or can write to it. Others may list it: what it holds is private by itself.
#[cfg(unix)]
fn check_access(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    let Ok(found) = fs::metadata(path) else { return Ok(()) };
    let own = rustix::process::geteuid().as_raw();
    if found.uid() != own {
        let whose = format!("it belongs to the user with id {}, not to {own}", found.uid());
        return Err(Error::state_folder_of_others(path, &whose, DIRECTORY_VARIABLE));
    }
    if found.mode() & 0o022 != 0 {
        let mode = format!("others can write to it: its mode is {:04o}", found.mode() & 0o7777);
        return Err(Error::state_folder_of_others(path, &mode, DIRECTORY_VARIABLE));
    }
    Ok(())
}

/// Writes a file that only its user can read, atomically.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    write_private_parts(path, &[content])
}

/// As [`write_private`], from several parts.
pub(crate) fn write_private_parts(path: &Path, parts: &[&[u8]]) -> Result<(), Error> {
    let failed = |error: io::Error| Error::state("write", path, error);
    let folder = path.parent().unwrap_or(Path::new("."));
    create_private_folder(folder).map_err(failed)?;
    let temporary = path.with_extension(format!("{}{}.part", std::process::id(), unique()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&temporary)
        .and_then(|mut file| parts.iter().try_for_each(|part| file.write_all(part)))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(failed)
}

/// Adds a line to a file that only its user can read.
pub(crate) fn append_private(path: &Path, line: &str) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(line.as_bytes()));
    written.map_err(|error| Error::state("write", path, error))
}

/// A suffix that no other call in this process returns.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Random, from the system's randomness with which the standard library seeds its hashers.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

pub(crate) fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_state_folder_that_others_can_write_to_is_refused() {
        let folder = tempfile::TempDir::new().expect("there is room");
        let leases = |mode| {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(folder.path(), mode).expect("it is ours");
            StateFolder::at(folder.path()).leases()
        };
        for mode in [0o700, 0o755] {
            assert!(leases(mode).is_ok(), "{mode:o}");
        }
        for mode in [0o720, 0o777] {
            assert!(leases(mode).is_err_and(|error| error.is_usage()), "{mode:o}");
        }
        // The root folder is somebody else's, except for root.
        let own = rustix::process::geteuid().is_root();
        assert_eq!(StateFolder::at("/proc/1").leases().is_ok(), own);
    }
}
