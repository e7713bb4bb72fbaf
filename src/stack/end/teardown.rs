//! Removing a stack: everything that carries its label, in parallel, and nothing else.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::evidence;
use crate::Error;
use crate::compose::Secrets;
use crate::engine::{Engine, EngineError, Filter, FoundContainer, Removal};
use crate::event::Observer;
use crate::lease::Facts;
use crate::plan::label;
use crate::poll::{Answer, Cadence, Wait};
use crate::stack::hook::{self, HookFailure};
use crate::stack::spec::STOP_GRACE_LABEL;
use crate::state::StateFolder;

/// How long somebody else's removal of a container may take.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Whether logs and states are saved first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::stack) enum Evidence {
    /// Something failed. What was last seen of each service goes with it.
    Save { seen: Vec<(String, String)> },
    /// It went well: there is nothing to explain.
    Skip,
}

/// The hooks that are run before anything ends.
pub(in crate::stack) struct Hooks<'a> {
    /// What was known of the stack when it had come up; nothing of one that never did, which runs none.
    pub known: Option<&'a Facts>,
    /// Who is told of a service's hook that failed.
    pub told: &'a (dyn Fn(&str, HookFailure) + Send + Sync),
}

/// Removes the containers, networks and fresh volumes of `stack`. Gives the folder of the evidence, where it was saved.
///
/// A container is killed, not asked: a process that ignores SIGTERM would cost ten seconds. One that uses a kept volume is
/// stopped first, with its own signal and grace period, so that what is kept is whole. Hooks that are to run before a stop are
/// run before anything ends: they may need another service.
pub(in crate::stack) async fn remove(
    engine: &dyn Engine,
    state: &StateFolder,
    stack: &str,
    evidence: &Evidence,
    hooks: Hooks<'_>,
) -> Result<Option<PathBuf>, Error> {
    let own = Filter::label(label::STACK, stack);
    let (containers, networks, volumes) =
        tokio::try_join!(engine.containers(&own), engine.networks(&own), engine.volumes(&own))?;

    let saved = match evidence {
        // Evidence that cannot be saved (a full disk) must not keep a stack from being removed.
        // Without a container there is nothing to explain anything.
        Evidence::Save { seen } if !containers.is_empty() => {
            evidence::save(engine, state, stack, &containers, seen)
                .await
                .inspect_err(|error| tracing::warn!(stack, %error, "evidence could not be saved"))
                .ok()
        }
        Evidence::Save { .. } | Evidence::Skip => None,
    };

    run_hooks(engine, &hooks, &containers).await;
    let mut failures = Vec::new();
    failures.extend(
        join_all(containers.iter().map(|container| remove_container(engine, container)))
            .await
            .into_iter()
            .filter_map(Result::err),
    );
    let (networks, volumes) = tokio::join!(
        join_all(networks.iter().map(|network| engine.remove_network(&network.name))),
        join_all(volumes.iter().map(|volume| engine.remove_volume(&volume.name))),
    );
    failures.extend(networks.into_iter().chain(volumes).filter_map(Result::err));
    if failures.is_empty() {
        state.forget_files(stack);
        Ok(saved)
    } else {
        Err(Error::teardown(stack, &failures))
    }
}

/// The same for a stack whose plan is not at hand: only what was written down of it, where there is that.
pub(in crate::stack) async fn remove_found(
    engine: &dyn Engine,
    state: &StateFolder,
    stack: &str,
    evidence: &Evidence,
    known: Option<&Facts>,
    observer: &Observer,
) -> Result<Option<PathBuf>, Error> {
    let told = |service: &str, failure: HookFailure| {
        // Without the plan it is not known what in a hook's output is a secret.
        let failure = HookFailure { output: String::new(), ..failure };
        observer.tell(&failure.into_event(service, &Secrets::default()));
    };
    remove(engine, state, stack, evidence, Hooks { known, told: &told }).await
}

/// Runs the services' `pre_stop` hooks, all at once.
async fn run_hooks(engine: &dyn Engine, hooks: &Hooks<'_>, containers: &[FoundContainer]) {
    let Some(remembered) = hooks.known else { return };
    let running = containers.iter().filter(|container| container.running);
    let runs = running.filter_map(|container| {
        let service = container.service()?;
        let known = remembered.services.get(&service).filter(|known| !known.pre_stop.is_empty())?;
        Some(async move {
            let failure = hook::pre_stop(engine, &container.id, &known.pre_stop, known.stop_grace).await;
            if let Some(failure) = failure {
                (hooks.told)(&service, failure);
            }
        })
    });
    join_all(runs).await;
}

/// Removes a container, or waits until whoever is removing it this very moment has done so.
async fn remove_container(engine: &dyn Engine, container: &FoundContainer) -> Result<(), EngineError> {
    let grace = container
        .labels
        .get(STOP_GRACE_LABEL)
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs);
    if let Some(grace) = grace.filter(|_| container.running) {
        engine.stop(&container.id, grace).await?;
    }
    match engine.remove_container(&container.id).await? {
        Removal::Gone => Ok(()),
        Removal::UnderWay(refusal) => until_gone(engine, &container.id, refusal).await,
    }
}

async fn until_gone(engine: &dyn Engine, id: &str, refusal: EngineError) -> Result<(), EngineError> {
    let mut wait = Wait::until(Instant::now() + GONE_WITHIN, Cadence::CHEAP);
    loop {
        let look = async {
            match engine.inspect(id).await {
                Ok(_) => Answer::NotYet("the engine still has it".to_owned()),
                Err(error) if error.is_not_found() => Answer::Ready,
                Err(error) => Answer::NotYet(error.to_string()),
            }
        };
        if let Some(end) = wait.attempt(look).await {
            return end.map_err(|gave_up| {
                let message = format!("{}; {GONE_WITHIN:?} later: {}", refusal.message, gave_up.last);
                EngineError { message, ..refusal }
            });
        }
    }
}
