//! Locks on files, which a process holds while it lives. A wait for one has a deadline and can name the holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::create_private_folder;
use crate::event::Observer;
use crate::{Error, limits};

/// How often a lock is tried: each pause is half as long again as the one before, up to a cap. The kernel could wake a
/// waiting thread, but nothing could end its wait.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Who else may hold a lock at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Shared,
    Exclusive,
}

/// A file to lock. Dropping it releases the lock, and so does the end of the process.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Opens the file, which is made if necessary. Its folder must exist.
    pub(crate) fn open(path: PathBuf) -> Result<Lock, Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => Ok(Lock { file, path }),
            Err(error) => Err(Error::state("open", &path, error)),
        }
    }

    pub(super) fn open_in_private_folder(path: PathBuf) -> Result<Lock, Error> {
        create_private_folder(path.parent().unwrap_or(Path::new(".")))
            .map_err(|error| Error::state("open", &path, error))?;
        Lock::open(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock, unless another process has it.
    pub(super) fn attempt(&self, mode: Mode) -> Result<bool, Error> {
        let locked = match mode {
            Mode::Shared => self.file.try_lock_shared(),
            Mode::Exclusive => self.file.try_lock(),
        };
        match locked {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => Ok(false),
            Err(TryLockError::Error(error)) => Err(Error::state("lock", &self.path, error)),
        }
    }

    /// Takes the lock, and waits for it if necessary. `purpose` completes the announcement of a long wait: "waiting for
    /// process 12 (greenroom), …".
    pub(crate) async fn take(
        self,
        mode: Mode,
        within: Duration,
        purpose: &str,
        observer: &Observer,
    ) -> Result<Lock, Error> {
        let what = || format!("{}, {purpose}", self.holder());
        let taken = observer.announcing(what, async {
            let (deadline, mut pause) = (Instant::now() + within, FIRST_PAUSE);
            while !self.attempt(mode)? {
                if Instant::now() >= deadline {
                    return Err(self.held(within));
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            }
            Ok(())
        });
        taken.await.map(|()| self)
    }

    /// Takes the lock of a stack; see [`take`](Lock::take).
    pub(crate) async fn take_of_stack(self, mode: Mode, observer: &Observer) -> Result<Lock, Error> {
        let purpose = "which is starting, checking or removing the same stack";
        self.take(mode, limits::ANOTHER_PROCESS, purpose, observer).await
    }

    /// Like [`take`](Lock::take), alone, and blocks this thread.
    pub(super) fn take_blocking(self, within: Duration) -> Result<Lock, Error> {
        let (begin, mut pause) = (std::time::Instant::now(), FIRST_PAUSE);
        while !self.attempt(Mode::Exclusive)? {
            if begin.elapsed() >= within {
                return Err(self.held(within));
            }
            std::thread::sleep(pause);
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
        Ok(self)
    }

    fn held(&self, within: Duration) -> Error {
        Error::lock_held(&self.path, &self.holder(), within)
    }

    /// The process that has the lock, as far as the kernel tells.
    pub(crate) fn holder(&self) -> String {
        holder::of(&self.file).unwrap_or_else(|| "another process".to_owned())
    }
}

#[cfg(target_os = "linux")]
mod holder {
    use std::fs::File;
    use std::os::unix::fs::MetadataExt;

    use procfs::process::{ProcState, Process};

    /// The first process of those that hold a lock on the file. A process of another container is not listed.
    pub(super) fn of(file: &File) -> Option<String> {
        let inode = file.metadata().ok()?.ino();
        let locks = procfs::locks().ok()?;
        let mut pids = locks.into_iter().filter(|lock| lock.inode == inode).filter_map(|lock| lock.pid);
        pids.find_map(describe)
    }

    fn describe(pid: i32) -> Option<String> {
        let stat = Process::new(pid).and_then(|process| process.stat()).ok()?;
        let stopped = matches!(stat.state(), Ok(ProcState::Stopped | ProcState::Tracing));
        let name = stat.comm;
        Some(if stopped {
            format!("process {pid} ({name}), which is stopped (`kill -CONT {pid}` continues it)")
        } else {
            format!("process {pid} ({name})")
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod holder {
    pub(super) fn of(_: &std::fs::File) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::event::Event;

    fn lock(folder: &tempfile::TempDir) -> Lock {
        Lock::open(folder.path().join("lock")).expect("there is room")
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_for_a_lock_is_announced_with_its_holder_and_ends_at_its_deadline() {
        let folder = tempfile::TempDir::new().expect("there is room");
        let holder = lock(&folder);
        assert!(holder.attempt(Mode::Shared).expect("it can be locked"));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (begin, telling) = (Instant::now(), told.clone());
        let observer = Observer::new(move |event| {
            let Event::Waiting { what } = event else { panic!("{event:?}") };
            telling.lock().expect("nobody panics").push((begin.elapsed(), what.clone()));
        });
        let wait = lock(&folder).take(Mode::Exclusive, Duration::from_secs(60), "which works", &observer);
        let error = wait.await.expect_err("it is never released");
        assert!(begin.elapsed() - Duration::from_secs(60) < Duration::from_millis(100));
        let told = told.lock().expect("nobody panics").clone();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, Duration::from_secs(2));
        if cfg!(target_os = "linux") {
            let own = format!("process {} (", std::process::id());
            assert!(told[0].1.starts_with(&own) && told[0].1.ends_with("), which works"), "{told:?}");
            assert!(format!("{error:?}").contains(&own), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_lock_is_shared_or_exclusive_and_free_once_it_is_dropped() {
        let folder = tempfile::TempDir::new().expect("there is room");
        let take = |mode| lock(&folder).take(mode, Duration::ZERO, "", &Observer::NOBODY);
        let first = take(Mode::Shared).await.expect("nobody has it");
        let second = take(Mode::Shared).await.expect("it is shared");
        assert!(take(Mode::Exclusive).await.is_err());
        drop((first, second));
        take(Mode::Exclusive).await.expect("it is free");
    }
}
