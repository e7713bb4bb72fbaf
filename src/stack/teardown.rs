//! Removing a stack: everything that carries its label, in parallel, and nothing else.

use futures_util::future::join_all;
use std::path::PathBuf;
use std::time::Duration;

use super::evidence;
use super::spec::STOP_GRACE_LABEL;
use crate::Error;
use crate::engine::{Engine, EngineError, Filter, FoundContainer};
use crate::plan::label;
use crate::state::StateFolder;

/// Whether logs and states are saved first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Something failed. What was last seen of each service goes with it.
    Save { seen: Vec<(String, String)> },
    /// It went well: there is nothing to explain.
    Skip,
}

/// Removes the containers, networks and fresh volumes of `stack`. Gives the folder of the evidence, where it was saved.
///
/// A container is killed, not asked: a process that ignores SIGTERM would cost ten seconds. One that uses a kept volume is
/// stopped first, with its own signal and grace period, so that what is kept is whole.
pub(super) async fn remove(
    engine: &dyn Engine,
    state: &StateFolder,
    stack: &str,
    evidence: &Evidence,
) -> Result<Option<PathBuf>, Error> {
    let own = Filter::label(label::STACK, stack);
    let (containers, networks, volumes) =
        tokio::try_join!(engine.containers(&own), engine.networks(&own), engine.volumes(&own))
            .map_err(Error::engine)?;

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
    if failures.is_empty() { Ok(saved) } else { Err(Error::teardown(stack, &failures)) }
}

async fn remove_container(engine: &dyn Engine, container: &FoundContainer) -> Result<(), EngineError> {
    let grace = container
        .labels
        .get(STOP_GRACE_LABEL)
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs);
    if let Some(grace) = grace.filter(|_| container.running) {
        engine.stop(&container.id, grace).await?;
    }
    engine.remove_container(&container.id).await
}
