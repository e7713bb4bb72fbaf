//! What greenroom keeps on the disk: a small file a stack, the evidence of what went wrong, and locks.
//!
//! The engine's labels are the truth about what exists; a lost state file loses no stack, only its ready times.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::compose::Hook;

/// Names another folder for greenroom's state, for tests and for machines without a home.
const DIRECTORY_VARIABLE: &str = "GREENROOM_STATE_DIR";

/// Evidence older than this is removed by the next start.
const EVIDENCE_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What is remembered of a stack besides its labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StackState {
    pub total_ms: u64,
    pub services: BTreeMap<String, ServiceState>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceState {
    pub ready_after_ms: u64,
    pub probe: String,
    pub restarts: u32,
    /// The image that the file names, when another one runs.
    pub stands_in_for: Option<String>,
    /// What is to be run in the container before it is stopped. Its words and variables may be secrets, which no label may
    /// hold: those everybody can read who may talk to the engine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pre_stop: Vec<Hook>,
    /// How long that may take.
    #[serde(default)]
    pub stop_grace_ms: u64,
}

/// The folder in which all of it lies.
#[derive(Clone, Debug)]
pub(crate) struct StateFolder {
    /// `None` on a machine without a home: what needs the folder fails, and a start needs it only to keep a volume.
    path: Option<PathBuf>,
}

impl StateFolder {
    /// `GREENROOM_STATE_DIR`, else the platform's (`~/.local/state/greenroom`).
    pub(crate) fn of_user() -> StateFolder {
        if let Some(path) = std::env::var_os(DIRECTORY_VARIABLE).filter(|value| !value.is_empty()) {
            return StateFolder::at(path);
        }
        let names = AppStrategyArgs {
            top_level_domain: "rs".to_owned(),
            author: "greenroom".to_owned(),
            app_name: "greenroom".to_owned(),
        };
        // Not every platform tells state from data.
        let path = choose_app_strategy(names)
            .ok()
            .map(|strategy| strategy.state_dir().unwrap_or_else(|| strategy.data_dir()));
        StateFolder { path }
    }

    pub(crate) fn at(path: impl Into<PathBuf>) -> StateFolder {
        StateFolder { path: Some(path.into()) }
    }

    fn path(&self) -> Result<&Path, Error> {
        self.path.as_deref().ok_or_else(|| {
            Error::state("there is no home folder for greenroom's state")
                .with_hint(format!("set {DIRECTORY_VARIABLE}"))
        })
    }

    /// The folder in which a stack's evidence is saved.
    pub(crate) fn evidence_directory(&self, stack: &str) -> Result<PathBuf, Error> {
        Ok(self.path()?.join("evidence").join(stack))
    }

    pub(crate) fn save(&self, stack: &str, state: &StackState) -> Result<(), Error> {
        let path = self.state_file(stack)?;
        let text = serde_json::to_string_pretty(state)
            .map_err(|error| Error::state(format!("cannot write {}", path.display())).with_source(error))?;
        write_private(&path, text.as_bytes())
    }

    /// What was saved of the stack; nothing when there is no file or it cannot be read.
    pub(crate) fn load(&self, stack: &str) -> StackState {
        self.state_file(stack)
            .ok()
            .and_then(|path| fs::read(path).ok())
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    /// Writes a file that a container of the stack mounts. Its folder is its user's alone; who may read the file inside
    /// the container, `mode` says.
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
            fs::set_permissions(&path, mode).map_err(|error| {
                Error::state(format!("cannot set the mode of {}", path.display())).with_source(error)
            })?;
        }
        #[cfg(not(unix))]
        let _ = mode;
        Ok(path)
    }

    fn file_folder(&self, stack: &str) -> Result<PathBuf, Error> {
        Ok(self.path()?.join("files").join(stack))
    }

    pub(crate) fn forget(&self, stack: &str) {
        if let Ok(folder) = self.file_folder(stack) {
            // Most stacks have none.
            let _ = fs::remove_dir_all(folder);
        }
        if let Ok(path) = self.state_file(stack) {
            // A file that stays is overwritten by nobody and read by nobody: its stack's name never comes back.
            let _ = fs::remove_file(path);
        }
    }

    fn state_file(&self, stack: &str) -> Result<PathBuf, Error> {
        Ok(self.path()?.join("stacks").join(format!("{stack}.json")))
    }

    /// Opens the lock file of `name`, for [`File::lock`] and [`File::try_lock`]: the lock goes with the process that has it.
    pub(crate) fn lock_file(&self, name: &str) -> Result<(File, PathBuf), Error> {
        let path = self.path()?.join("locks").join(name);
        let failed =
            |error: io::Error| Error::state(format!("cannot open {}", path.display())).with_source(error);
        create_private_folder(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        Ok((file, path))
    }

    /// Takes the lock of `name`, waiting for whoever has it; it goes with the file.
    pub(crate) async fn lock(&self, name: String) -> Result<File, Error> {
        let folder = self.clone();
        // On a thread that may block.
        let locked = tokio::task::spawn_blocking(move || {
            let (file, path) = folder.lock_file(&name)?;
            file.lock().map_err(|error| {
                Error::state(format!("cannot lock {}", path.display())).with_source(error)
            })?;
            Ok(file)
        });
        locked.await.unwrap_or_else(|_| Err(Error::interrupted()))
    }

    /// Removes evidence that is a week old. Failing to changes nothing for this start.
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

/// Writes a file that only its user can read, all of it or nothing.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    let failed =
        |error: io::Error| Error::state(format!("cannot write {}", path.display())).with_source(error);
    let folder = path.parent().unwrap_or(Path::new("."));
    create_private_folder(folder).map_err(failed)?;
    let temporary = path.with_extension(format!("{}.part", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&temporary)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(failed)
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
