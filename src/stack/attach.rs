//! Stacks that run already, found by their labels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::image::UsedImage;
use super::service::{ports_of_owner, resolve_login};
use super::teardown::{self, Evidence};
use super::{Running, RunningService, containers_of, fallback};
use crate::engine::{self, Engine, Filter, State};
use crate::event::{Event, Observer};
use crate::lease::{self, Folder, Lifetime};
use crate::plan::{Plan, label};
use crate::report::{Report, ServiceReport, ServiceStatus};
use crate::state::StateFolder;
use crate::{Error, runtime};

/// A stack that is on the engine, as its labels tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundStack {
    /// The stack's name.
    pub name: String,
    /// The project's name.
    pub project: String,
    /// The project's folder.
    pub directory: PathBuf,
    /// How long it lives; none when a later version of greenroom brought it up.
    pub lifetime: Option<Lifetime>,
    /// The user that it belongs to, by number; empty where users have none.
    pub user: String,
    /// When it was begun.
    pub since: SystemTime,
    pub(super) labels: BTreeMap<String, String>,
}

/// A process that holds a stack: while it lives, the stack stays.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its command line, shortened, without secrets.
    pub command: String,
}

/// What made the names of a stack unique.
pub(super) fn id<'a>(stack: &'a str, project: &str) -> &'a str {
    stack.strip_prefix(&format!("greenroom-{project}-")).unwrap_or(stack)
}

/// Every stack of greenroom's on this machine, those of tests that run right now among them.
///
/// # Errors
///
/// There is no container engine, or it does not answer.
pub async fn stacks() -> Result<Vec<FoundStack>, Error> {
    let filter = Filter { labels: vec![label::STACK.to_owned()], volume: None };
    runtime::run(async move { list(connect().await?.as_ref(), &filter).await }).await
}

/// The stacks of a project's folder that live until they are taken down.
pub(super) async fn find(project: &str, directory: &Path) -> Result<Vec<FoundStack>, Error> {
    let filter = Filter {
        labels: vec![
            format!("{}={project}", label::PROJECT),
            format!("{}={}", label::DIRECTORY, directory.display()),
            format!("{}={}", label::LIFETIME, Lifetime::Keep.as_label()),
        ],
        volume: None,
    };
    runtime::run(async move { list(connect().await?.as_ref(), &filter).await }).await
}

async fn connect() -> Result<Arc<dyn Engine>, Error> {
    engine::connect().await.map_err(Error::engine_unavailable)
}

/// Stacks by the labels of their containers and, where a start was killed early, of their networks and volumes.
pub(super) async fn list(engine: &dyn Engine, filter: &Filter) -> Result<Vec<FoundStack>, Error> {
    let (containers, networks, volumes) =
        tokio::try_join!(engine.containers(filter), engine.networks(filter), engine.volumes(filter))
            .map_err(Error::engine)?;
    let labels = containers
        .into_iter()
        .map(|container| container.labels)
        .chain(networks.into_iter().chain(volumes).map(|object| object.labels));
    let mut stacks = BTreeMap::new();
    for labels in labels {
        let get = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let name = get(label::STACK);
        if !name.is_empty() {
            stacks.entry(name.clone()).or_insert(FoundStack {
                name,
                project: get(label::PROJECT),
                directory: get(label::DIRECTORY).into(),
                lifetime: Lifetime::of_label(&get(label::LIFETIME)),
                user: get(label::USER),
                since: UNIX_EPOCH + Duration::from_secs(get(label::SINCE).parse().unwrap_or_default()),
                labels: labels.clone(),
            });
        }
    }
    Ok(stacks.into_values().collect())
}

impl FoundStack {
    /// Takes it down, whoever brought it up: its containers, networks and fresh volumes.
    ///
    /// # Errors
    ///
    /// The engine could not remove something; the error says what.
    pub async fn down(self) -> Result<(), Error> {
        self.down_observed(|_| {}).await
    }

    /// The same; is told what happens, as it happens. Called from greenroom's own threads.
    ///
    /// # Errors
    ///
    /// As [`down`](FoundStack::down).
    pub async fn down_observed(self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Result<(), Error> {
        let observer = Observer::new(observe);
        runtime::run(async move {
            let engine = connect().await?;
            let folder = lease::folder_of(&self.labels);
            let state = folder.as_ref().map_or_else(StateFolder::of_user, Folder::state);
            let (engine, stack) = (engine.as_ref(), &self.name);
            let record = folder.as_ref().and_then(|folder| folder.record(stack));
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

    /// Whether it is this user's.
    #[must_use]
    pub fn is_of_this_user(&self) -> bool {
        self.user == lease::user()
    }

    /// The processes that hold it, and the test runner that it lasts for. None hold a kept stack between two runs.
    #[must_use]
    pub fn holders(&self) -> Vec<Holder> {
        let Some(folder) = lease::folder_of(&self.labels).filter(Folder::is_of_this_host) else {
            return Vec::new();
        };
        let users = folder.holders().into_iter().filter(|holder| holder.stacks.contains(&self.name));
        let processes = users.map(|holder| holder.process).chain(folder.runners());
        processes.map(|process| Holder { pid: process.pid, command: process.command }).collect()
    }

    /// The logs of its services, by name; the last `tail` lines of each when given.
    ///
    /// # Errors
    ///
    /// The engine does not answer.
    pub async fn logs(&self, tail: Option<usize>) -> Result<BTreeMap<String, String>, Error> {
        let stack = self.name.clone();
        runtime::run(async move {
            let engine = connect().await?;
            let mut logs = BTreeMap::new();
            for container in containers_of(engine.as_ref(), &stack).await? {
                let name = container.service().unwrap_or(container.name);
                logs.insert(name, engine.logs(&container.id, tail).await.map_err(Error::engine)?);
            }
            Ok(logs)
        })
        .await
    }

    /// What runs of it, as the engine tells; ready times as they were written down.
    ///
    /// # Errors
    ///
    /// The engine does not answer.
    pub async fn report(&self) -> Result<Report, Error> {
        let found = self.clone();
        runtime::run(async move {
            let engine = connect().await?;
            let record = lease::folder_of(&found.labels).and_then(|folder| folder.record(&found.name));
            let remembered = record.and_then(|record| record.facts).unwrap_or_default();
            let mut services = BTreeMap::new();
            for container in containers_of(engine.as_ref(), &found.name).await? {
                let Some(name) = container.service() else { continue };
                let inspection = match engine.inspect(&container.id).await {
                    Ok(inspection) => inspection,
                    // Another stack's end may come between listing it and looking at it.
                    Err(error) if error.is_not_found() => continue,
                    Err(error) => return Err(Error::engine(error)),
                };
                let known = remembered.services.get(&name);
                let status = match inspection.state {
                    // Without a state file it is not known whether the start was still waiting for it.
                    State::Running if known.is_some() => ServiceStatus::Ready,
                    State::Running | State::Paused => ServiceStatus::Running,
                    State::Exited(exit) if exit.code == 0 && known.is_some() => ServiceStatus::Completed,
                    State::Exited(_) => ServiceStatus::Exited,
                    State::Created => ServiceStatus::Created,
                };
                let known = known.cloned().unwrap_or_default();
                services.insert(
                    name,
                    ServiceReport {
                        image: inspection.image,
                        stands_in_for: known.stands_in_for,
                        container: container.name,
                        status,
                        ready_after: Duration::from_millis(known.ready_after_ms),
                        probe: known.probe,
                        restarts: known.restarts,
                        ports: inspection.ports.into_iter().collect(),
                    },
                );
            }
            Ok(Report {
                stack: found.name,
                project: found.project,
                services,
                total: Duration::from_millis(remembered.total_ms),
                // The file is not at hand.
                warnings: Vec::new(),
            })
        })
        .await
    }
}

/// Takes hold of a stack that runs, as the engine tells it: what was written down of it is lost. Every service is asked.
pub(super) async fn adopt(engine: Arc<dyn Engine>, plan: Plan) -> Result<Running, Error> {
    let mut services = BTreeMap::new();
    for planned in &plan.services {
        let name = &planned.name;
        let gone = |what: String| Error::not_ready(format!("service `{name}` {what}"));
        let inspection = match engine.inspect(&planned.container).await {
            Ok(inspection) => inspection,
            Err(error) if error.is_not_found() => return Err(gone("is gone".to_owned())),
            Err(error) => return Err(Error::engine(error)),
        };
        let completed = match &inspection.state {
            State::Running => false,
            State::Exited(exit) if exit.code == 0 => true,
            State::Exited(exit) => return Err(gone(format!("{exit}"))),
            State::Created | State::Paused => return Err(gone("does not run".to_owned())),
        };
        let ports = ports_of_owner(engine.as_ref(), planned).await.map_err(Error::engine)?;
        let image = engine.image(&inspection.image).await.map_err(Error::engine)?.unwrap_or_default();
        let login = match &planned.login {
            Some(login) if !completed => {
                let login = resolve_login(engine.as_ref(), &inspection.id, login);
                let login = tokio::time::timeout(planned.timeout, login).await;
                Some(
                    login
                        .unwrap_or_else(|_| Err("does not let its login be read".to_owned()))
                        .map_err(gone)?,
                )
            }
            _ => None,
        };
        let wanted = planned.service.image.clone();
        services.insert(
            name.clone(),
            RunningService {
                id: inspection.id,
                image: UsedImage {
                    stands_in_for: wanted.filter(|_| inspection.image.starts_with(fallback::PREFIX)),
                    reference: inspection.image,
                    healthcheck: image.healthcheck.clone(),
                },
                ports: ports.unwrap_or(inspection.ports),
                mounts: inspection.mounts,
                login,
                probes: planned.readiness.probes(image.healthcheck.as_deref()),
                ready_after: Duration::ZERO,
                restarts: 0,
                completed,
                planned: planned.clone(),
            },
        );
    }
    let running = Running::new(Arc::new(plan), services, Duration::ZERO, Vec::new(), Vec::new());
    match super::ask_all(engine.as_ref(), &running).await.into_iter().next() {
        None => Ok(running),
        Some((service, seen)) => {
            Err(Error::not_ready(format!("service `{service}` does not answer: {seen}")))
        }
    }
}

/// A volume that outlives its stacks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptVolume {
    /// Its name on the engine.
    pub name: String,
    /// Its key in the compose file.
    pub key: String,
    /// The project's name.
    pub project: String,
    /// The project's folder.
    pub directory: PathBuf,
}

/// The kept volumes of this machine.
///
/// # Errors
///
/// There is no container engine, or it does not answer.
pub async fn kept_volumes() -> Result<Vec<KeptVolume>, Error> {
    let filter = Filter::label(label::VOLUME, "kept");
    runtime::run(async move {
        let found = connect().await?.volumes(&filter).await.map_err(Error::engine)?;
        let kept = found.into_iter().map(|volume| {
            let get = |name: &str| volume.labels.get(name).cloned().unwrap_or_default();
            KeptVolume {
                key: get(label::VOLUME_KEY),
                project: get(label::PROJECT),
                directory: get(label::DIRECTORY).into(),
                name: volume.name.clone(),
            }
        });
        Ok(kept.collect())
    })
    .await
}

impl KeptVolume {
    /// Removes it and all that it keeps.
    ///
    /// # Errors
    ///
    /// A container uses it, or the engine does not answer.
    pub async fn remove(self) -> Result<(), Error> {
        runtime::run(async move {
            let engine = connect().await?;
            let using = Filter { labels: Vec::new(), volume: Some(self.name.clone()) };
            if let Some(user) = engine.containers(&using).await.map_err(Error::engine)?.first() {
                let hint = match user.labels.get(label::STACK) {
                    Some(stack) => format!("take the stack down first: `greenroom down --stack {stack}`"),
                    None => format!("remove the container first: `docker rm {}`", user.name),
                };
                let headline = format!("kept volume `{}` is in use by container `{}`", self.key, user.name);
                return Err(Error::volume_held(headline)
                    .with_detail(format!("volume: {}", self.name))
                    .with_hint(hint));
            }
            engine.remove_volume(&self.name).await.map_err(Error::engine)
        })
        .await
    }
}
