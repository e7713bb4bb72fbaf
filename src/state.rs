//! The state folder: leases, the evidence of failures, and locks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};

use crate::Error;

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

    fn path(&self) -> Result<&Path, Error> {
        self.path.as_deref().ok_or_else(|| Error::no_state_folder(DIRECTORY_VARIABLE))
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
    pub(crate) fn gate(&self) -> Result<File, Error> {
        self.lock_blocking("leases")
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
        let Ok((file, path)) = self.lock_file(&format!("last-{what}")) else { return false };
        let Ok(()) = file.try_lock() else { return false };
        // The file is empty until `what` was done once.
        let recent = fs::metadata(&path)
            .ok()
            .filter(|metadata| metadata.len() > 0)
            .and_then(|metadata| SystemTime::now().duration_since(metadata.modified().ok()?).ok());
        let is_due = recent.is_none_or(|passed| passed >= every);
        is_due && fs::write(&path, what).is_ok()
    }

    /// The folder's path, for labels.
    pub(crate) fn display(&self) -> String {
        self.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default()
    }

    /// Opens the lock file of `name`, for [`File::lock`] and [`File::try_lock`]. The lock is released when its process
    /// ends.
    pub(crate) fn lock_file(&self, name: &str) -> Result<(File, PathBuf), Error> {
        let path = self.path()?.join("locks").join(name);
        let failed = |error: io::Error| Error::state("open", &path, error);
        create_private_folder(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok((options.open(&path).map_err(failed)?, path))
    }

    fn lock_blocking(&self, name: &str) -> Result<File, Error> {
        let (file, path) = self.lock_file(name)?;
        file.lock().map(|()| file).map_err(|error| Error::state("lock", &path, error))
    }

    /// Takes the lock of `name`, waiting if another process has it. Dropping the file releases it.
    pub(crate) async fn lock(&self, name: String) -> Result<File, Error> {
        let folder = self.clone();
        let locked = tokio::task::spawn_blocking(move || folder.lock_blocking(&name));
        locked.await.unwrap_or_else(|_| Err(Error::task_lost()))
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

/// A suffix that no other call in this process returns.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
