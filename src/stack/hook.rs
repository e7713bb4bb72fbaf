//! Hooks: what the file wants run in a container once it has started, and before it is stopped.
//!
//! Compose runs them so since 2.30: <https://docs.docker.com/compose/how-tos/lifecycle/>.

use std::time::Duration;

use tokio::time::Instant;

use crate::compose::Hook;
use crate::compose::Secrets;
use crate::engine::Engine;
use crate::event::{Event, Observer};
use crate::plan::PlannedService;

/// A hook that did not end with 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HookFailure {
    /// Which of the service's hooks, counted from 1.
    pub number: usize,
    /// How it went: a code, or why it could not be run.
    pub what: String,
    /// What it printed.
    pub output: String,
    /// There is no container any more in which it could be run.
    pub is_gone: bool,
}

impl HookFailure {
    /// As a warning, secrets hidden.
    pub(super) fn into_event(self, service: &str, secrets: &Secrets) -> Event {
        Event::HookFailed {
            service: service.to_owned(),
            hook: format!("pre_stop[{}]", self.number - 1),
            message: secrets.hide(&self.what),
            output: secrets.hide(self.output.trim_end()),
        }
    }
}

/// Runs the hooks one after the other; the first that fails ends it.
pub(super) async fn run_all(
    engine: &dyn Engine,
    id: &str,
    hooks: &[Hook],
    deadline: Instant,
) -> Result<(), HookFailure> {
    for (index, hook) in hooks.iter().enumerate() {
        let failed = |what: String, output: String, is_gone: bool| {
            Err(HookFailure { number: index + 1, what, output, is_gone })
        };
        match tokio::time::timeout_at(deadline, engine.run_hook(id, hook)).await {
            Ok(Ok(done)) if done.code == 0 => {}
            Ok(Ok(done)) => return failed(format!("ended with {}", done.code), done.output, false),
            Ok(Err(error)) => {
                let is_gone = matches!(error.status, Some(404 | 409));
                return failed(format!("could not be run: {}", error.message), String::new(), is_gone);
            }
            Err(_) => return failed("had not ended at its deadline".to_owned(), String::new(), false),
        }
    }
    Ok(())
}

/// Runs the hooks of a container that is about to be stopped. They get its grace period together; a failure does not keep
/// it from being stopped.
pub(super) async fn pre_stop(
    engine: &dyn Engine,
    id: &str,
    hooks: &[Hook],
    grace: Duration,
) -> Option<HookFailure> {
    let failure = run_all(engine, id, hooks, Instant::now() + grace).await.err()?;
    // What has ended meanwhile needs no hook: Compose, too, passes over it.
    (!failure.is_gone).then_some(failure)
}

/// Runs the `pre_stop` hooks of a service's container, and tells the observer if one failed.
pub(crate) async fn run_pre_stop(
    engine: &dyn Engine,
    planned: &PlannedService,
    id: &str,
    secrets: &Secrets,
    observer: &Observer,
) {
    if let Some(failure) = pre_stop(engine, id, &planned.service.pre_stop, planned.stop_grace).await {
        observer.tell(&failure.into_event(&planned.name, secrets));
    }
}
