//! What a start works with, and what the clean-up after it needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::task::JoinHandle;

use super::failure::{FailedService, Failure, ServiceFailure};
use crate::compose::Warning;
use crate::engine::{Engine, EngineError};
use crate::event::{Event, Observer};
use crate::plan::Plan;
use crate::stack::owner::Owner;
use crate::state::{self, StateFolder};

/// A start in progress.
pub(in crate::stack) struct Start {
    pub engine: Arc<dyn Engine>,
    pub plan: Arc<Plan>,
    pub observer: Observer,
    pub owner: Owner,
    pub state: StateFolder,
    /// Tells the claims of this start from all others.
    pub nonce: String,
    /// Creations in progress. They go on when the start is dropped, so a clean-up first waits for them.
    creations: Mutex<Vec<JoinHandle<()>>>,
    /// What was warned about since the plan was made.
    warnings: Mutex<Vec<Warning>>,
    /// The last observation of each service.
    last_seen: Mutex<BTreeMap<String, String>>,
}

impl Start {
    pub(in crate::stack) fn new(
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
            nonce: format!("{:016x}", state::random()),
            creations: Mutex::default(),
            warnings: Mutex::default(),
            last_seen: Mutex::default(),
        }
    }

    /// Creates an object in its own task. If the request were simply awaited, dropping the start would drop the request
    /// as well, and the engine might create the object after the clean-up.
    pub(super) async fn create<T: Send + 'static>(
        &self,
        creation: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            // If the start was dropped, the receiver is gone; the clean-up removes what was created.
            let _ = sender.send(creation.await);
        });
        lock(&self.creations).push(task);
        receiver
            .await
            .unwrap_or_else(|_| Err(EngineError::new("create", "greenroom's runtime is shutting down")))
    }

    /// Waits for the creations in progress. After that, the engine lists everything that was created.
    pub(super) async fn settle(&self) {
        let creations = std::mem::take(&mut *lock(&self.creations));
        for creation in creations {
            // Even if the task panicked, the engine lists what it created.
            let _ = creation.await;
        }
    }

    /// Notifies the observer of an image's progress, secrets hidden.
    pub(super) fn image_progress(&self, service: &str, line: &str) {
        self.observer.notify(&Event::ImageProgress {
            service: service.to_owned(),
            line: self.plan.secrets.hide(line),
        });
    }

    /// Notifies the observer of an engine's warning, and keeps it for the report.
    pub(super) fn engine_warns(&self, service: &str, what: &str) {
        self.warn(&format!("services.{service}: the engine warns: {}", what.trim()));
    }

    /// Notifies the observer of a warning, secrets hidden, and keeps it for the report.
    pub(super) fn warn(&self, message: &str) {
        let warning = Warning::new(None, self.plan.secrets.hide(message));
        self.observer.notify(&Event::Warned(warning.clone()));
        lock(&self.warnings).push(warning);
    }

    /// The warnings of the start so far.
    pub(super) fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut *lock(&self.warnings))
    }

    /// Records the latest observation of a service.
    pub(super) fn saw(&self, service: &str, what: &str) {
        lock(&self.last_seen).insert(service.to_owned(), what.to_owned());
    }

    /// Records an observation of a service, unless there is one already.
    pub(super) fn saw_first(&self, service: &str, what: &str) {
        lock(&self.last_seen).entry(service.to_owned()).or_insert_with(|| what.to_owned());
    }

    pub(super) fn last_seen(&self, service: &str) -> Option<String> {
        lock(&self.last_seen).get(service).cloned()
    }

    /// The last observation of each service, secrets hidden.
    pub(super) fn all_seen(&self) -> Vec<(String, String)> {
        let seen = lock(&self.last_seen).clone();
        seen.into_iter().map(|(service, what)| (service, self.plan.secrets.hide(&what))).collect()
    }

    /// A failure of `service`, which may be a replica, with the services that wait for it.
    pub(super) fn failed(&self, service: &str, failure: ServiceFailure) -> Failure {
        let written = self.plan.service(service).map_or(service, |planned| &planned.service.name);
        let waiting = self
            .plan
            .services
            .iter()
            .filter(|other| other.waits_for.iter().any(|dependency| dependency.service == written))
            .map(|other| other.name.clone())
            .collect();
        Failure::Services(vec![FailedService { service: service.to_owned(), failure, waiting }])
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds this lock")
}
