//! Hooks: commands that run in a container after it has started and before it is stopped.
//!
//! As in Compose since 2.30: <https://docs.docker.com/compose/how-tos/lifecycle/>.

use std::time::Duration;

use tokio::time::Instant;

use crate::compose::Hook;
use crate::compose::Secrets;
use crate::engine::Engine;
use crate::event::{Event, Observer};
use crate::plan::PlannedService;

/// A hook that did not exit with 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HookFailure {
    /// The hook's position in the service's list, counted from 1.
    pub number: usize,
    /// The exit code, or why the hook could not be run.
    pub what: String,
    /// What the hook printed.
    pub output: String,
    /// The container is gone or has exited.
    pub is_gone: bool,
}

impl HookFailure {
    /// The warning event, secrets hidden.
    pub(super) fn into_event(self, service: &str, secrets: &Secrets) -> Event {
        Event::HookFailed {
            service: service.to_owned(),
            hook: format!("pre_stop[{}]", self.number - 1),
            message: secrets.hide(&self.what),
            output: secrets.hide(self.output.trim_end()),
        }
    }
}

/// Runs the hooks one after the other, up to the first failure.
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
            Ok(Ok(done)) => return failed(format!("exited with {}", done.code), done.output, false),
            Ok(Err(error)) => {
                let is_gone = matches!(error.status, Some(404 | 409));
                return failed(format!("could not be run: {}", error.message), String::new(), is_gone);
            }
            Err(_) => return failed("had not exited by its deadline".to_owned(), String::new(), false),
        }
    }
    Ok(())
}

/// Runs the hooks of a container that is about to be stopped. They share its grace period; the container is stopped
/// even if one fails.
pub(super) async fn pre_stop(
    engine: &dyn Engine,
    id: &str,
    hooks: &[Hook],
    grace: Duration,
) -> Option<HookFailure> {
    let failure = run_all(engine, id, hooks, Instant::now() + grace).await.err()?;
    // A container that has exited meanwhile needs no hook; Compose skips it, too.
    (!failure.is_gone).then_some(failure)
}

/// Runs the `pre_stop` hooks of a service's container, and notifies the observer if one failed.
pub(crate) async fn run_pre_stop(
    engine: &dyn Engine,
    planned: &PlannedService,
    id: &str,
    secrets: &Secrets,
    observer: &Observer,
) {
    if let Some(failure) = pre_stop(engine, id, &planned.service.pre_stop, planned.stop_grace).await {
        observer.notify(&failure.into_event(&planned.name, secrets));
    }
}
