//! Removes a stack: everything that was created for it, in parallel, and nothing else.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::evidence;
use crate::Error;
use crate::compose::Secrets;
use crate::engine::{Engine, EngineError, FoundContainer, Removal};
use crate::event::Observer;
use crate::lease::Facts;
use crate::poll::{Answer, Cadence, Wait};
use crate::stack::hook::{self, HookFailure};
use crate::stack::listing::{self, Objects};
use crate::stack::spec::STOP_GRACE_LABEL;
use crate::state::StateFolder;

/// How long to wait for a container that somebody else is removing.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Whether logs and states are saved before the removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::stack) enum Evidence {
    /// Something failed. `seen` is the last observation of each service.
    Save { seen: Vec<(String, String)> },
    /// Nothing failed: there is nothing to explain.
    Skip,
}

/// The `pre_stop` hooks to run before anything is removed.
pub(in crate::stack) struct Hooks<'a> {
    /// The facts recorded once the stack was up. A stack that never came up has none and runs no hooks.
    pub known: Option<&'a Facts>,
    /// Called for each hook that failed, with the service's name.
    pub on_failure: &'a (dyn Fn(&str, HookFailure) + Send + Sync),
}

/// Removes the containers, networks and fresh volumes of `stack`. Returns the evidence folder if evidence was saved.
///
/// Containers are killed, not stopped: a process that ignores SIGTERM would cost ten seconds. Only a container that
/// uses a kept volume is stopped first, with its own signal and grace period, so that the kept data is consistent. All
/// `pre_stop` hooks run before any container ends: a hook may need another service.
pub(in crate::stack) async fn remove(
    engine: &dyn Engine,
    state: &StateFolder,
    stack: &str,
    evidence: &Evidence,
    hooks: Hooks<'_>,
) -> Result<Option<PathBuf>, Error> {
    let Objects { containers, networks, volumes } = listing::objects_of(engine, stack).await?;
    let saved = match evidence {
        // A stack must be removed even if its evidence cannot be saved (a full disk).
        // Without a container there is no evidence.
        Evidence::Save { seen } if !containers.is_empty() => {
            evidence::save(engine, state, stack, &containers, seen)
                .await
                .inspect_err(|error| tracing::warn!(stack, %error, "could not save the evidence"))
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

/// Removes a stack without its plan, only with its recorded facts, if there are any.
pub(in crate::stack) async fn remove_found(
    engine: &dyn Engine,
    state: &StateFolder,
    stack: &str,
    evidence: &Evidence,
    known: Option<&Facts>,
    observer: &Observer,
) -> Result<Option<PathBuf>, Error> {
    let on_failure = |service: &str, failure: HookFailure| {
        // Without the plan, the secrets in a hook's output are unknown.
        let failure = HookFailure { output: String::new(), ..failure };
        observer.notify(&failure.into_event(service, &Secrets::default()));
    };
    remove(engine, state, stack, evidence, Hooks { known, on_failure: &on_failure }).await
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
                (hooks.on_failure)(&service, failure);
            }
        })
    });
    join_all(runs).await;
}

/// Removes a container. If somebody else is removing it already, waits until it is gone.
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
