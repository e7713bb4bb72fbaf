//! Stacks that are already running, found by their labels.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::builder::StackBuilder;
use super::end::{Evidence, teardown};
use super::listing::{self, Labels, containers_of};
use crate::engine::{Filter, State};
use crate::event::{Event, Observer};
use crate::known::{Known, UsedImage};
use crate::lease::{self, Folder, Lifetime};
use crate::plan::{is_word, label};
use crate::report::{Report, ServiceStatus};
use crate::state::{Lock, Mode, StateFolder};
use crate::{Error, liveness, runtime};

/// A stack found on the engine by its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundStack {
    /// The stack's name.
    pub name: String,
    /// The project's name.
    pub project: String,
    /// The project's folder.
    pub directory: PathBuf,
    /// How long the stack lives; `None` if a newer version of greenroom brought it up.
    pub lifetime: Option<Lifetime>,
    /// The id of the user who owns the stack; empty on platforms without numeric user ids.
    pub user: String,
    /// When its start began.
    pub since: SystemTime,
    labels: Labels,
}

/// A process that holds a stack. The stack stays while the process lives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The process id.
    pub pid: u32,
    /// The command line, shortened, without secrets.
    pub command: String,
}

/// All greenroom stacks on this machine, including those of tests that are running right now.
///
/// # Errors
///
/// There is no container engine, or it does not answer.
pub async fn stacks() -> Result<Vec<FoundStack>, Error> {
    list(Filter { labels: vec![label::STACK.to_owned()], volume: None }).await
}

impl StackBuilder {
    /// The kept stacks that this user has of this file.
    ///
    /// # Errors
    ///
    /// As for [`read`](StackBuilder::read); also when there is no container engine.
    pub async fn found(&self) -> Result<Vec<FoundStack>, Error> {
        let project = self.read()?;
        let labels = vec![
            format!("{}={}", label::PROJECT, project.name),
            format!("{}={}", label::DIRECTORY, project.directory.display()),
            format!("{}={}", label::LIFETIME, Lifetime::Keep.as_label()),
            format!("{}={}", label::USER, lease::user()),
        ];
        list(Filter { labels, volume: None }).await
    }
}

async fn list(filter: Filter) -> Result<Vec<FoundStack>, Error> {
    runtime::run(async move {
        let stacks = listing::stacks(liveness::connect(&Observer::NOBODY).await?.as_ref(), &filter).await?;
        Ok(stacks.into_iter().map(|(name, seen)| FoundStack::of(name, seen.labels)).collect())
    })
    .await
}

impl FoundStack {
    fn of(name: String, labels: Labels) -> FoundStack {
        let get = |name: &str| labels.get(name).cloned().unwrap_or_default();
        FoundStack {
            name,
            project: get(label::PROJECT),
            directory: get(label::DIRECTORY).into(),
            lifetime: Lifetime::of_label(&get(label::LIFETIME)),
            user: get(label::USER),
            since: UNIX_EPOCH + Duration::from_secs(get(label::SINCE).parse().unwrap_or_default()),
            labels,
        }
    }

    /// Takes the stack down, no matter who brought it up: its containers, networks and fresh volumes. Waits for a
    /// process that is starting it.
    ///
    /// # Errors
    ///
    /// The engine could not remove something; the error lists what is left.
    pub async fn down(self) -> Result<(), Error> {
        self.down_observed(|_| {}).await
    }

    /// Like [`down`](FoundStack::down), and calls `observe` for each event, on one of greenroom's own threads.
    ///
    /// # Errors
    ///
    /// As for [`down`](FoundStack::down).
    pub async fn down_observed(self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Result<(), Error> {
        let observer = Observer::new(observe);
        runtime::run(async move {
            let engine = liveness::connect(&observer).await?;
            let (state, folder) = (StateFolder::of_user(), self.lease());
            let _lock = self.lock(folder.as_ref(), &observer).await?;
            observer.notify(&Event::Removing { stack: self.name.clone() });
            let (engine, stack) = (engine.as_ref(), &self.name);
            let record = folder.as_ref().and_then(|folder| folder.record(stack).ok().flatten());
            let facts = record.and_then(|record| record.facts);
            teardown::remove_found(engine, &state, stack, &Evidence::Skip, facts.as_ref(), &observer).await?;
            if let Some(folder) = folder {
                folder.forget(stack);
                folder.remove_if_empty();
            }
            Ok(())
        })
        .await
    }

    /// The stack's lease, if this process's state folder has it.
    fn lease(&self) -> Option<Folder> {
        lease::folder_of(&StateFolder::of_user(), &self.labels).ok().flatten()
    }

    /// Takes the lock of a shared stack, so that nobody starts it or attaches to it meanwhile.
    async fn lock(&self, folder: Option<&Folder>, observer: &Observer) -> Result<Option<Lock>, Error> {
        let key = self.labels.get(label::KEY).filter(|key| is_word(key));
        let (Some(folder), Some(key)) = (folder, key) else { return Ok(None) };
        match folder.key_lock(key) {
            Ok(lock) => lock.take_of_stack(Mode::Exclusive, observer).await.map(Some),
            // The lease is gone, or its folder is read-only. Then nobody can attach to the stack either.
            Err(_) => Ok(None),
        }
    }

    /// Whether the stack belongs to this user.
    #[must_use]
    pub fn is_of_this_user(&self) -> bool {
        self.user == lease::user()
    }

    /// The processes that hold the stack, and the test runner that its lifetime is tied to. Between two runs nobody
    /// holds a kept stack.
    #[must_use]
    pub fn holders(&self) -> Vec<Holder> {
        let Some(folder) = self.lease().filter(Folder::is_of_this_host) else {
            return Vec::new();
        };
        let holders = folder.holders().unwrap_or_default().into_iter();
        let users = holders.filter(|holder| holder.stacks.contains(&self.name));
        let processes = users.map(|holder| holder.process).chain(folder.runners().unwrap_or_default());
        processes.map(|process| Holder { pid: process.pid, command: process.command }).collect()
    }

    /// The logs of the services, by name; only the last `tail` lines of each if given.
    ///
    /// # Errors
    ///
    /// The engine does not answer.
    pub async fn logs(&self, tail: Option<usize>) -> Result<BTreeMap<String, String>, Error> {
        let stack = self.name.clone();
        runtime::run(async move {
            let engine = liveness::connect(&Observer::NOBODY).await?;
            let mut logs = BTreeMap::new();
            for container in containers_of(engine.as_ref(), &stack).await? {
                let name = container.service().unwrap_or(container.name);
                logs.insert(name, engine.logs(&container.id, tail).await?);
            }
            Ok(logs)
        })
        .await
    }

    /// The services as the engine shows them now, with the recorded ready times.
    ///
    /// # Errors
    ///
    /// The engine does not answer.
    pub async fn report(&self) -> Result<Report, Error> {
        let found = self.clone();
        runtime::run(async move {
            let engine = liveness::connect(&Observer::NOBODY).await?;
            let record = found.lease().and_then(|folder| folder.record(&found.name).ok().flatten());
            let remembered = record.and_then(|record| record.facts).unwrap_or_default();
            let mut services = BTreeMap::new();
            for container in containers_of(engine.as_ref(), &found.name).await? {
                let Some(name) = container.service() else { continue };
                let inspection = match engine.inspect(&container.id).await {
                    Ok(inspection) => inspection,
                    // The container may have been removed since it was listed.
                    Err(error) if error.is_not_found() => continue,
                    Err(error) => return Err(error.into()),
                };
                let facts = remembered.services.get(&name);
                let status = match inspection.state {
                    // Without a record, the start may still be waiting for the service.
                    State::Running if facts.is_some() => ServiceStatus::Ready,
                    State::Running | State::Paused => ServiceStatus::Running,
                    State::Exited(exit) if exit.code == 0 && facts.is_some() => ServiceStatus::Completed,
                    State::Exited(_) => ServiceStatus::Exited,
                    State::Created => ServiceStatus::Created,
                };
                let facts = facts.cloned().unwrap_or_default();
                let image = UsedImage { reference: inspection.image, ..facts.known.image };
                let known = Known { image, addresses: inspection.addresses, ..facts.known };
                services.insert(name, known.report(container.name, status, facts.probe));
            }
            Ok(Report {
                stack: found.name,
                project: found.project,
                services,
                total: remembered.total,
                // Warnings come from the file, which was not read here.
                warnings: Vec::new(),
            })
        })
        .await
    }
}
