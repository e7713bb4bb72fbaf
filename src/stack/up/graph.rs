//! The start graph: everything that can start in parallel does, and a dependent starts as soon as its dependencies meet
//! their conditions.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use super::failure::{Failure, ServiceFailure};
use super::image;
use super::service::{Progress, run_service};
use super::start::Start;
use super::{claim, external};
use crate::engine::State;
use crate::known::{RunningService, UsedImage};
use crate::plan::{Fate, PlannedService, ReadyWhen, Until};
use crate::stack::running::Running;
use crate::stack::{listing, spec};
#[cfg(feature = "postgres")]
use crate::volume;

/// Brings everything up. Dropping the future leaves what was created; see [`Start::settle`].
pub(in crate::stack) async fn run(start: &Start) -> Result<Arc<Running>, Failure> {
    let begin = Instant::now();
    let (images, ()) = tokio::try_join!(images(start), infrastructure(start))?;

    let progress: BTreeMap<&str, watch::Sender<Progress>> =
        start.plan.names().map(|name| (name, watch::Sender::new(Progress::Waiting))).collect();
    let services = start.plan.services.iter().map(|planned| {
        let (progress, image) = (&progress, &images[planned.service.name.as_str()]);
        async move {
            let own = &progress[planned.name.as_str()];
            let dependencies = dependencies(start, planned, progress);
            let running = run_service(start, planned, image, own, dependencies).await?;
            Ok::<_, Failure>((planned.name.clone(), running))
        }
    });
    let services: BTreeMap<_, _> = try_join_all(services).await?.into_iter().collect();
    still_running(start, &services).await?;
    #[cfg(feature = "postgres")]
    volume::check_durability(&start.plan, services.values(), start.engine.as_ref()).await?;
    Ok(Running::new(start.plan.clone(), services, begin.elapsed(), start.take_warnings()))
}

/// The image of each service, shared by its replicas.
async fn images(start: &Start) -> Result<BTreeMap<&str, UsedImage>, Failure> {
    let services = start.plan.services.iter().filter(|planned| planned.number == 1).map(async |planned| {
        Ok::<_, Failure>((planned.service.name.as_str(), image::resolve(start, planned).await?))
    });
    Ok(try_join_all(services).await?.into_iter().collect())
}

/// Creates networks and volumes, with their labels.
async fn infrastructure(start: &Start) -> Result<(), Failure> {
    let (plan, engine) = (&start.plan, start.engine.as_ref());
    external::check(plan, engine).await?;
    claim::claim_all(start).await?;
    let networks = plan.networks.iter().filter(|network| !network.network.external).map(async |network| {
        let spec = spec::network(plan, network, &start.owner);
        let creating = start.engine.clone();
        let created = start.create(async move { creating.create_network(&spec).await }).await;
        match created {
            Ok(()) => Ok(()),
            Err(refusal) => Err(Failure::from(external::network_refused(engine, network, refusal).await)),
        }
    });
    let volumes = plan.volumes.iter().filter(|volume| volume.fate != Fate::External).map(async |volume| {
        let spec = spec::volume(plan, volume, &start.owner);
        let creating = start.engine.clone();
        start.create(async move { creating.create_volume(&spec).await }).await.map_err(Failure::from)
    });
    tokio::try_join!(try_join_all(networks), try_join_all(volumes)).map(drop)
}

/// Waits until everything that `planned` depends on meets its condition.
async fn dependencies(
    start: &Start,
    planned: &PlannedService,
    progress: &BTreeMap<&str, watch::Sender<Progress>>,
) {
    for dependency in &planned.waits_for {
        let enough = match dependency.until {
            Until::Started => Progress::Started,
            // A service with dependents that wait for its completion is ready when it has completed.
            Until::Ready | Until::Completed => Progress::Ready,
        };
        for replica in start.plan.replicas(&dependency.service) {
            let mut watched = progress[replica.name.as_str()].subscribe();
            // The sender lives as long as the start does.
            let _ = watched.wait_for(|progress| *progress >= enough).await;
        }
    }
}

/// Fails if a ready service has exited while others were still starting.
async fn still_running(start: &Start, services: &BTreeMap<String, RunningService>) -> Result<(), Failure> {
    let containers = listing::containers_of(start.engine.as_ref(), &start.plan.stack).await?;
    for (name, service) in services.iter().filter(|(_, service)| !service.known.completed) {
        let id = &service.known.id;
        if containers.iter().any(|container| container.id == *id && container.running) {
            continue;
        }
        if let State::Exited(exit) = start.engine.inspect(id).await?.state
            // A service without a probe may exit with 0.
            && (exit.code != 0 || service.ready_when() != ReadyWhen::StaysUp)
        {
            return Err(start.failed(name, ServiceFailure::EndedAfterReady(exit)));
        }
    }
    Ok(())
}
