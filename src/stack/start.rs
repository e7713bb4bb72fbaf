//! The start graph: everything that can run at the same moment does, and a dependent starts the moment its dependency
//! is where it has to be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::failure::{Failure, ServiceFailure};
use super::image::{self, UsedImage};
use super::service::{RunningService, run_service};
use super::{Owner, external, spec};
use crate::Error;
use crate::compose::Warning;
use crate::engine::{Engine, EngineError, Filter, State};
use crate::event::{Event, Observer};
use crate::plan::{Fate, Plan, Probe, Until, label};
use crate::report::{Report, ServiceReport, ServiceStatus};
use crate::state::StateFolder;
use crate::volume::{self, Claim};

/// What a start works with, and what it leaves for whoever has to clean up after it.
pub(super) struct Start {
    pub engine: Arc<dyn Engine>,
    pub plan: Arc<Plan>,
    pub observer: Observer,
    pub owner: Owner,
    pub state: StateFolder,
    /// Creations that are under way: they go on when the start is dropped, so a clean-up waits for them first.
    creations: Mutex<Vec<JoinHandle<()>>>,
    /// What the engine does otherwise than it was told.
    warnings: Mutex<Vec<Warning>>,
    /// The last thing seen of each service.
    pub last_seen: Mutex<BTreeMap<String, String>>,
}

/// A stack whose services are all ready.
pub(crate) struct Running {
    pub plan: Arc<Plan>,
    services: RwLock<BTreeMap<String, Arc<RunningService>>>,
    /// From the start of `up` to the last service's ready, images included.
    pub total: Duration,
    /// What the plan warns of, and what the engine did.
    warnings: Vec<Warning>,
    /// Locks on kept volumes, held as long as the stack is.
    _claims: Vec<Claim>,
}

impl Running {
    pub(super) fn new(
        plan: Arc<Plan>,
        services: BTreeMap<String, RunningService>,
        total: Duration,
        engine_warnings: Vec<Warning>,
        claims: Vec<Claim>,
    ) -> Running {
        let warnings = plan.warnings.iter().cloned().chain(engine_warnings).collect();
        let services = services.into_iter().map(|(name, service)| (name, Arc::new(service))).collect();
        Running { plan, services: RwLock::new(services), total, warnings, _claims: claims }
    }

    /// The services as they are now.
    pub(crate) fn services(&self) -> BTreeMap<String, Arc<RunningService>> {
        self.services.read().expect("nothing panics while it holds this lock").clone()
    }

    /// What runs, and how long each took.
    pub(crate) fn report(&self) -> Report {
        let services = self.services().into_iter().map(|(name, service)| {
            let report = ServiceReport {
                image: service.image.reference.clone(),
                stands_in_for: service.image.stands_in_for.clone(),
                container: service.planned.container.clone(),
                status: if service.completed { ServiceStatus::Completed } else { ServiceStatus::Ready },
                ready_after: service.ready_after,
                probe: self.plan.secrets.hide(&service.probe()),
                restarts: service.restarts,
                ports: service.ports.clone(),
            };
            (name, report)
        });
        Report {
            stack: self.plan.stack.clone(),
            project: self.plan.project.clone(),
            services: services.collect(),
            total: self.total,
            warnings: self.warnings.clone(),
        }
    }

    /// A service that was started again has other ports.
    pub(super) fn replace(&self, name: &str, service: RunningService) {
        self.services
            .write()
            .expect("nothing panics while it holds this lock")
            .insert(name.to_owned(), Arc::new(service));
    }
}

/// How far a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    Waiting,
    Started,
    Ready,
}

impl Start {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        plan: Arc<Plan>,
        observer: Observer,
        owner: Owner,
        state: StateFolder,
    ) -> Start {
        Start {
            engine,
            plan,
            observer,
            owner,
            state,
            creations: Mutex::default(),
            warnings: Mutex::default(),
            last_seen: Mutex::default(),
        }
    }

    /// Brings everything up. Dropping it leaves what was created; see [`Start::settle`].
    pub(super) async fn run(&self) -> Result<Running, Failure> {
        let begin = Instant::now();
        let (images, claims) = tokio::try_join!(self.images(), self.infrastructure())?;

        let progress: BTreeMap<&str, watch::Sender<Progress>> =
            self.plan.names().map(|name| (name, watch::Sender::new(Progress::Waiting))).collect();
        let services = self.plan.services.iter().map(|planned| {
            let (progress, image) = (&progress, &images[planned.service.name.as_str()]);
            async move {
                let running = run_service(
                    self,
                    planned,
                    image,
                    &progress[planned.name.as_str()],
                    self.dependencies(planned, progress),
                )
                .await?;
                Ok::<_, Failure>((planned.name.clone(), running))
            }
        });
        let services: BTreeMap<_, _> = try_join_all(services).await?.into_iter().collect();
        self.still_running(&services).await?;
        volume::check_durability(&self.plan, &services, self.engine.as_ref()).await?;
        let warnings =
            std::mem::take(&mut *self.warnings.lock().expect("nothing panics while it holds this lock"));
        Ok(Running::new(self.plan.clone(), services, begin.elapsed(), warnings, claims))
    }

    /// A service that was ready may have ended while the others were still starting: then the stack is not.
    async fn still_running(&self, services: &BTreeMap<String, RunningService>) -> Result<(), Failure> {
        let own = Filter::label(label::STACK, &self.plan.stack);
        let containers = self.engine.containers(&own).await.map_err(Error::engine)?;
        for (name, service) in services.iter().filter(|(_, service)| !service.completed) {
            if containers.iter().any(|container| container.id == service.id && container.running) {
                continue;
            }
            if let State::Exited(exit) = self.engine.inspect(&service.id).await.map_err(Error::engine)?.state
                // To have run, and to end with 0, is all that is asked of a service without any other sign.
                && (exit.code != 0 || service.probes != [Probe::Running])
            {
                return Err(self.failed(name, ServiceFailure::EndedAfterReady(exit)));
            }
        }
        Ok(())
    }

    /// Waits until all that `planned` depends on is as far as it has to be.
    async fn dependencies(
        &self,
        planned: &crate::plan::PlannedService,
        progress: &BTreeMap<&str, watch::Sender<Progress>>,
    ) {
        for dependency in &planned.waits_for {
            let enough = match dependency.until {
                Until::Started => Progress::Started,
                // A service that others wait to complete is ready when it has.
                Until::Ready | Until::Completed => Progress::Ready,
            };
            for replica in self.plan.replicas(&dependency.service) {
                let mut watched = progress[replica.name.as_str()].subscribe();
                // The sender lives as long as the start does.
                let _ = watched.wait_for(|progress| *progress >= enough).await;
            }
        }
    }

    /// The image of each service: its replicas have the same.
    async fn images(&self) -> Result<BTreeMap<&str, UsedImage>, Failure> {
        let services = self.plan.services.iter().filter(|planned| planned.number == 1).map(async |planned| {
            Ok::<_, Failure>((planned.service.name.as_str(), image::resolve(self, planned).await?))
        });
        Ok(try_join_all(services).await?.into_iter().collect())
    }

    /// Networks and volumes, labelled as they are created.
    async fn infrastructure(&self) -> Result<Vec<Claim>, Failure> {
        external::check(&self.plan, self.engine.as_ref()).await?;
        let claims = volume::claim_all(&self.plan, self.engine.as_ref(), &self.state).await?;
        let networks = self.plan.networks.iter().filter(|network| !network.network.external).map(|network| {
            let spec = spec::network(&self.plan, network, &self.owner);
            let engine = self.engine.clone();
            async move {
                let created = self.create(async move { engine.create_network(&spec).await }).await;
                match created {
                    Ok(()) => Ok(()),
                    Err(refusal) => {
                        Err(external::network_refused(self.engine.as_ref(), network, refusal).await)
                    }
                }
            }
        });
        let volumes = self.plan.volumes.iter().filter(|volume| volume.fate != Fate::External).map(|volume| {
            let spec = spec::volume(&self.plan, volume, &self.owner);
            let engine = self.engine.clone();
            async move {
                self.create(async move { engine.create_volume(&spec).await }).await.map_err(Error::engine)
            }
        });
        tokio::try_join!(try_join_all(networks), try_join_all(volumes))?;
        Ok(claims)
    }

    /// Creates something in a task of its own. Were it simply awaited, a start that is dropped would drop the request with
    /// it, and the engine might create the thing after the clean-up has looked.
    pub(super) async fn create<T: Send + 'static>(
        &self,
        creation: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            // The receiver is gone when the start was dropped; the clean-up removes what was created.
            let _ = sender.send(creation.await);
        });
        self.creations.lock().expect("nothing panics while it holds this lock").push(task);
        receiver.await.unwrap_or_else(|_| {
            Err(EngineError {
                operation: "create".to_owned(),
                status: None,
                message: "greenroom's runtime is shutting down".to_owned(),
            })
        })
    }

    /// Waits for the creations that are under way; after it, listing the engine shows all there is.
    pub(super) async fn settle(&self) {
        let creations =
            std::mem::take(&mut *self.creations.lock().expect("nothing panics while it holds this lock"));
        for creation in creations {
            // A creation that panicked created nothing that listing would not show.
            let _ = creation.await;
        }
    }

    /// Tells how far a service's image is, secrets hidden.
    pub(super) fn image_progress(&self, service: &str, line: &str) {
        self.observer
            .tell(&Event::ImageProgress { service: service.to_owned(), line: self.plan.secrets.hide(line) });
    }

    /// Tells what the engine does otherwise than it was told, and keeps it for the report.
    pub(super) fn engine_warns(&self, service: &str, what: &str) {
        let message =
            self.plan.secrets.hide(&format!("services.{service}: the engine warns: {}", what.trim()));
        let warning = Warning::new(None, message);
        self.observer.tell(&Event::Warned(warning.clone()));
        self.warnings.lock().expect("nothing panics while it holds this lock").push(warning);
    }

    pub(super) fn saw(&self, service: &str, what: &str) {
        self.last_seen
            .lock()
            .expect("nothing panics while it holds this lock")
            .insert(service.to_owned(), what.to_owned());
    }

    /// The same, unless something was seen before.
    pub(super) fn saw_first(&self, service: &str, what: &str) {
        self.last_seen
            .lock()
            .expect("nothing panics while it holds this lock")
            .entry(service.to_owned())
            .or_insert_with(|| what.to_owned());
    }

    /// A failure of `service`, or of a replica of it, with those who wait for it.
    pub(super) fn failed(&self, service: &str, failure: ServiceFailure) -> Failure {
        let written = self.plan.service(service).map_or(service, |planned| &planned.service.name);
        let waiting = self
            .plan
            .services
            .iter()
            .filter(|other| other.waits_for.iter().any(|dependency| dependency.service == written))
            .map(|other| other.name.clone())
            .collect();
        Failure::Service { service: service.to_owned(), failure, waiting }
    }
}
