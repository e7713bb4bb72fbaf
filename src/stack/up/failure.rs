//! How a failed start is reported.

use std::path::Path;
use std::time::Duration;

use super::excerpt::{excerpt, looked_at};
use crate::Error;
use crate::engine::{EngineError, Exit};
use crate::error::list;
use crate::plan::Plan;
use crate::poll::GaveUp;
use crate::probe::UnreachablePort;

/// Why a start failed.
#[derive(Debug)]
pub(in crate::stack) enum Failure {
    /// In the order in which they failed.
    Services(Vec<FailedService>),
    Other(Error),
}

/// A service that failed, with the services that wait for it.
#[derive(Debug)]
pub(in crate::stack) struct FailedService {
    pub service: String,
    pub failure: ServiceFailure,
    pub waiting: Vec<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Other(error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Failure {
        Failure::Other(error.into())
    }
}

/// What happened to the service.
#[derive(Debug)]
pub(in crate::stack) enum ServiceFailure {
    /// There is no image to run. `fallback` is why the declared fallback, if any, could not be built.
    NoImage {
        error: String,
        fallback: Option<String>,
    },
    /// The engine could not create or start its container.
    NotStarted {
        error: String,
        /// Who has the address it needs, if known.
        held: Option<String>,
    },
    /// A `post_start` hook failed.
    PostStart {
        command: String,
        what: String,
        output: String,
    },
    Exited {
        exit: Exit,
        last: Option<String>,
        after: Duration,
        restarts: u32,
    },
    /// The service was ready, but exited while others were still starting.
    EndedAfterReady(Exit),
    GaveUp {
        gave_up: GaveUp,
        /// Why the port that was asked last did not answer, if known.
        unreachable: Option<UnreachablePort>,
        after: Duration,
        restarts: u32,
        probe: String,
    },
    Engine(String),
}

impl Failure {
    /// This failure after an earlier one, if there is one.
    pub(super) fn after(self, earlier: Option<Failure>) -> Failure {
        match (earlier, self) {
            (Some(Failure::Services(mut failed)), Failure::Services(later)) => {
                failed.extend(later);
                Failure::Services(failed)
            }
            (Some(earlier), _) => earlier,
            (None, only) => only,
        }
    }

    /// The complete error. `evidence` is the folder where the evidence was saved.
    pub(in crate::stack) fn into_error(self, plan: &Plan, evidence: Option<&Path>) -> Error {
        let mut failed = match self {
            Failure::Other(error) => return error,
            Failure::Services(failed) => failed.into_iter(),
        };
        let first = failed.next().expect("something failed");
        let others: Vec<_> = failed.collect();
        let FailedService { service, failure, waiting } = first;
        // A saved log, even an empty one, means that there was a container.
        let log_file = evidence.map(|directory| directory.join(format!("{service}.log")));
        let log = log_file.as_deref().and_then(looked_at);
        let hide = |text: &str| plan.secrets.hide(text);
        let names: Vec<_> = others.iter().map(|other| &other.service).collect();
        let as_well =
            if others.is_empty() { String::new() } else { format!("; {} failed, too", list(&names)) };
        let mut error = Error::start_failed(hide(&(failure.headline(&service) + &as_well)));
        for detail in failure.details() {
            error = error.with_detail(hide(&detail));
        }
        if let (Some(_), Some(planned)) = (&log, plan.service(&service)) {
            error = error.with_detail(format!("container: {}, now removed", planned.container));
        }
        if !waiting.is_empty() {
            error = error.with_detail(format!("waited for by: {}", list(&waiting)));
        }
        if let (Some(path), Some(log)) = (&log_file, &log) {
            error = error.with_detail(excerpt(path, &hide(log)));
        }
        for other in &others {
            error = error.with_detail(hide(&other.failure.headline(&other.service)));
        }
        // Containers are created only once all images are there: without an image there is no evidence.
        let has_evidence = !matches!(failure, ServiceFailure::NoImage { .. });
        if let Some(directory) = evidence.filter(|_| has_evidence) {
            error = error.with_evidence(directory);
        }
        match failure.hint(plan, &service, &log.unwrap_or_default()) {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl ServiceFailure {
    pub(super) fn not_started(error: impl std::fmt::Display) -> ServiceFailure {
        ServiceFailure::NotStarted { error: error.to_string(), held: None }
    }

    fn headline(&self, service: &str) -> String {
        match self {
            ServiceFailure::NoImage { error, .. } => {
                format!("service `{service}` has no image to run: {error}")
            }
            ServiceFailure::NotStarted { error, .. } => {
                format!("service `{service}` could not be started: {error}")
            }
            ServiceFailure::PostStart { command, what, .. } => {
                format!("service `{service}` could not be started: its post_start hook `{command}` {what}")
            }
            ServiceFailure::Exited { exit, after, .. } => {
                // The engine's message may be long, so it gets its own line among the details.
                let exit = Exit { error: String::new(), ..exit.clone() };
                format!("service `{service}` {exit} before it was ready, {} after its start", seconds(*after))
            }
            ServiceFailure::EndedAfterReady(exit) => {
                format!("service `{service}` {exit} after it was ready, while the stack was still starting")
            }
            ServiceFailure::GaveUp { gave_up, after, .. } if gave_up.timed_out => format!(
                "service `{service}` was not ready after {}: {}, last: {}",
                seconds(*after),
                attempts(gave_up.attempts),
                gave_up.last
            ),
            ServiceFailure::GaveUp { gave_up, after, .. } => {
                format!(
                    "service `{service}` will never be ready ({} after its start): {}",
                    seconds(*after),
                    gave_up.last
                )
            }
            ServiceFailure::Engine(error) => format!("service `{service}` could not be watched: {error}"),
        }
    }

    fn details(&self) -> Vec<String> {
        let mut details = Vec::new();
        if let ServiceFailure::PostStart { output, .. } = self
            && !output.trim().is_empty()
        {
            details.push(format!("hook output: {}", output.trim_end().replace('\n', "\n  ")));
        }
        if let ServiceFailure::NoImage { fallback: Some(error), .. } = self {
            details.push(format!("its fallback could not be built: {error}"));
        }
        if let ServiceFailure::NotStarted { held: Some(held), .. } = self {
            details.push(held.clone());
        }
        if let ServiceFailure::Exited { exit, .. } = self
            && !exit.error.is_empty()
        {
            details.push(format!("the engine says: {}", exit.error));
        }
        if let ServiceFailure::Exited { last: Some(last), .. } = self {
            details.push(format!("last probe: {last}"));
        }
        if let ServiceFailure::GaveUp { unreachable: Some(unreachable), .. } = self {
            details.push(unreachable.to_string());
        }
        if let ServiceFailure::GaveUp { probe, .. } = self {
            details.push(format!("probe: {probe}"));
        }
        if let ServiceFailure::Exited { restarts: restarts @ 1.., .. }
        | ServiceFailure::GaveUp { restarts: restarts @ 1.., .. } = self
        {
            details.push(format!("restarted {restarts} {}", if *restarts == 1 { "time" } else { "times" }));
        }
        details
    }

    /// What to try, for failures with a usual cause.
    fn hint(&self, plan: &Plan, service: &str, log: &str) -> Option<String> {
        let says = |text: &str| log.contains(text);
        if says("database files are incompatible with server") {
            return Some("the volume was written by another PostgreSQL version; remove it with `greenroom volumes rm` to start clean".to_owned());
        }
        match self {
            ServiceFailure::NoImage { error, .. } if error.contains("requires BuildKit") => Some(
                "build it first with `docker compose build`; for tests, name the image in an override file: `image: NAME` and `build: !reset null`"
                    .to_owned(),
            ),
            ServiceFailure::NoImage { fallback: None, .. }
                if plan.service(service).is_some_and(|planned| planned.service.build.is_some()) =>
            {
                let build = plan.service(service)?.service.build.as_ref()?;
                Some(format!("`docker build {}` shows the whole output of the build", build.context))
            }
            ServiceFailure::NoImage { fallback: None, .. } => Some(
                "check the image's name, try `docker pull`, or declare `build:` or `x-greenroom: fallback:`"
                    .to_owned(),
            ),
            ServiceFailure::Exited { exit, .. } | ServiceFailure::EndedAfterReady(exit) if exit.out_of_memory => Some(format!("raise `mem_limit` of `{service}`")),
            ServiceFailure::NotStarted { error, .. } if error.contains("port is already allocated") || error.contains("address already in use") => {
                Some("something else on this machine uses the port; without fixed ports the engine picks free ones".to_owned())
            }
            ServiceFailure::NotStarted { error, .. } if error.contains("`create_host_path` is not set") => {
                Some("create it, or let greenroom create a folder: `bind: { create_host_path: true }`".to_owned())
            }
            ServiceFailure::GaveUp { gave_up, .. } if gave_up.last.contains("28P01") => Some(match plan.service(service) {
                Some(planned) if plan.kept_volumes_of(&planned.service).next().is_some() => {
                    "the kept volume was initialised with another password; use that one, or remove the volume with `greenroom volumes rm` to start clean".to_owned()
                }
                _ => "the password in the environment is not the one the server was initialised with".to_owned(),
            }),
            ServiceFailure::GaveUp { unreachable: Some(unreachable), .. } => Some(unreachable.hint()),
            ServiceFailure::GaveUp { gave_up, .. } if gave_up.timed_out => {
                let timeout = plan.service(service)?.timeout;
                Some(format!("if it only needs longer than {timeout:?}, raise `--timeout` or `x-greenroom: timeout:`"))
            }
            _ => None,
        }
    }
}

fn attempts(count: u32) -> String {
    format!("{count} {}", if count == 1 { "attempt" } else { "attempts" })
}

/// Seconds, rounded to a tenth.
fn seconds(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f64())
}
