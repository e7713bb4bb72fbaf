//! Saves what explains a failure, before anything is removed.

use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::log;
use crate::Error;
use crate::engine::{Engine, FoundContainer, State};
use crate::state::{self, StateFolder};

/// How many containers are looked at at the same time: each log takes some memory.
const AT_ONCE: usize = 2;

/// Saves every container's log as `<service>.log`, and the containers' current states as `state.txt`. Of a very long
/// log, the beginning and the end are saved.
///
/// The logs are not redacted and may hold secrets, so only their user can read them.
pub(in crate::stack) async fn save(
    engine: &dyn Engine,
    state: &StateFolder,
    stack: &str,
    containers: &[FoundContainer],
    seen: &[(String, String)],
) -> Result<PathBuf, Error> {
    let directory = state.evidence_directory(stack)?;
    let places = Semaphore::new(AT_ONCE);
    let described =
        join_all(containers.iter().map(|container| describe(engine, container, &directory, &places))).await;
    let mut text = String::new();
    for line in described {
        text.push_str(&line?);
    }
    for (service, what) in seen {
        text.push_str(&format!("{service}: last probe: {what}\n"));
    }
    state::write_private(&directory.join("state.txt"), text.as_bytes())?;
    Ok(directory)
}

async fn describe(
    engine: &dyn Engine,
    container: &FoundContainer,
    directory: &Path,
    places: &Semaphore,
) -> Result<String, Error> {
    let _place = places.acquire().await;
    let service = container.service().unwrap_or_else(|| container.name.clone());
    let (log, inspection) = tokio::join!(log::read(engine, &container.id), engine.inspect(&container.id));
    log.save(&directory.join(format!("{service}.log")))?;
    let state = match inspection.map(|inspection| inspection.state) {
        Ok(State::Created) => "created, not started".to_owned(),
        Ok(State::Running) => "running".to_owned(),
        Ok(State::Paused) => "paused".to_owned(),
        Ok(State::Exited(exit)) => exit.to_string(),
        Err(error) => error.to_string(),
    };
    Ok(format!("{service}: {} ({}): {state}\n", container.name, container.image))
}
