//! The start graph: everything that can start in parallel does, and a dependent starts as soon as its dependencies meet
//! their conditions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;

use super::failure::{Failure, ServiceFailure};
use super::image;
use super::service::{Progress, run_service};
use super::start::Start;
use super::{claim, external};
use crate::engine::State;
use crate::known::{RunningService, UsedImage};
use crate::plan::{Fate, Plan, PlannedService, ReadyWhen, Until};
use crate::stack::running::Running;
use crate::stack::{listing, spec};
#[cfg(feature = "postgres")]
use crate::volume;

/// How long the others are waited for after the first failure: what fails at about the same time is reported as well.
const FAILS_AS_WELL: Duration = Duration::from_millis(500);

/// Brings everything up. Dropping the future leaves what was created; see [`Start::settle`].
pub(in crate::stack) async fn run(start: &Start) -> Result<Arc<Running>, Failure> {
    let begin = Instant::now();
    let (images, ()) = tokio::try_join!(images(start), infrastructure(start))?;

    let progress: BTreeMap<&str, watch::Sender<Progress>> =
        start.plan.names().map(|name| (name, watch::Sender::new(Progress::Waiting))).collect();
    let services: FuturesUnordered<_> = start
        .plan
        .services
        .iter()
        .map(|planned| {
            let (progress, image) = (&progress, &images[planned.service.name.as_str()]);
            async move {
                let own = &progress[planned.name.as_str()];
                let dependencies = dependencies(start, planned, progress);
                (planned.name.as_str(), run_service(start, planned, image, own, dependencies).await)
            }
        })
        .collect();
    let services = all(services, |ended| may_end_soon(&start.plan, ended)).await?;
    let services = services.into_iter().map(|(name, service)| (name.to_owned(), service)).collect();
    still_running(start, &services).await?;
    #[cfg(feature = "postgres")]
    volume::check_durability(&start.plan, services.values(), start.engine.as_ref()).await?;
    Ok(Running::new(start.plan.clone(), services, begin.elapsed(), start.take_warnings()))
}

/// The image of each service, shared by its replicas.
async fn images(start: &Start) -> Result<BTreeMap<&str, UsedImage>, Failure> {
    let services = start.plan.services.iter().filter(|planned| planned.number == 1);
    let images =
        services.map(async |planned| (planned.service.name.as_str(), image::resolve(start, planned).await));
    all(images.collect(), |_| true).await
}

/// Waits until all have succeeded, or for the first failure. What fails shortly after it is part of the failure.
/// `is_worth_it` says whether waiting for that makes sense, given what has ended.
async fn all<'a, T>(
    mut pending: FuturesUnordered<impl Future<Output = (&'a str, Result<T, Failure>)>>,
    is_worth_it: impl Fn(&Ended<'a, T>) -> bool,
) -> Result<BTreeMap<&'a str, T>, Failure> {
    let mut ended = Ended { done: BTreeMap::new(), failed: BTreeSet::new() };
    let mut failure: Option<Failure> = None;
    let mut deadline = None;
    while failure.is_none() || is_worth_it(&ended) {
        let next = match deadline {
            None => pending.next().await,
            Some(deadline) => tokio::time::timeout_at(deadline, pending.next()).await.unwrap_or(None),
        };
        match next {
            None => break,
            Some((name, Ok(result))) => drop(ended.done.insert(name, result)),
            Some((name, Err(later))) => {
                ended.failed.insert(name);
                deadline.get_or_insert(Instant::now() + FAILS_AS_WELL);
                failure = Some(later.after(failure));
            }
        }
    }
    failure.map_or(Ok(ended.done), Err)
}

/// What has succeeded, and what has failed.
struct Ended<'a, T> {
    done: BTreeMap<&'a str, T>,
    failed: BTreeSet<&'a str>,
}

/// Whether a service is still coming up that does not wait for one that failed.
fn may_end_soon<T>(plan: &Plan, ended: &Ended<'_, T>) -> bool {
    // Services stand after those that they wait for.
    let mut stuck = ended.failed.clone();
    for planned in &plan.services {
        let replicas = planned.waits_for.iter().flat_map(|dependency| plan.replicas(&dependency.service));
        if replicas.into_iter().any(|replica| stuck.contains(replica.name.as_str())) {
            stuck.insert(&planned.name);
        }
    }
    plan.names().any(|name| !stuck.contains(name) && !ended.done.contains_key(name))
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
    let mut failure: Option<Failure> = None;
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
            let later = start.failed(name, ServiceFailure::EndedAfterReady(exit));
            failure = Some(later.after(failure));
        }
    }
    failure.map_or(Ok(()), Err)
}
