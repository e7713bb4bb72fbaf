//! What a start works with, and what it leaves for whoever cleans up after it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::task::JoinHandle;

use super::failure::{Failure, ServiceFailure};
use crate::compose::Warning;
use crate::engine::{Engine, EngineError};
use crate::event::{Event, Observer};
use crate::plan::Plan;
use crate::stack::owner::Owner;
use crate::state::StateFolder;

/// A start under way.
pub(in crate::stack) struct Start {
    pub engine: Arc<dyn Engine>,
    pub plan: Arc<Plan>,
    pub observer: Observer,
    pub owner: Owner,
    pub state: StateFolder,
    /// Creations that are under way: they go on when the start is dropped, so a clean-up waits for them first.
    creations: Mutex<Vec<JoinHandle<()>>>,
    /// What the engine said it does differently from what it was told.
    warnings: Mutex<Vec<Warning>>,
    /// The last thing seen of each service.
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
            creations: Mutex::default(),
            warnings: Mutex::default(),
            last_seen: Mutex::default(),
        }
    }

    /// Creates something in a task of its own. Were it simply awaited, a start that is dropped would drop the request with
    /// it, and the engine might create the thing after the clean-up has looked.
    pub(super) async fn create<T: Send + 'static>(
        &self,
        creation: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            // The receiver is gone when the start was dropped; the clean-up removes what was created.
            let _ = sender.send(creation.await);
        });
        lock(&self.creations).push(task);
        receiver
            .await
            .unwrap_or_else(|_| Err(EngineError::new("create", "greenroom's runtime is shutting down")))
    }

    /// Waits for the creations that are under way; after it, listing the engine shows all there is.
    pub(super) async fn settle(&self) {
        let creations = std::mem::take(&mut *lock(&self.creations));
        for creation in creations {
            // A creation that panicked created nothing that listing would not show.
            let _ = creation.await;
        }
    }

    /// Tells the observer how far a service's image is, secrets hidden.
    pub(super) fn image_progress(&self, service: &str, line: &str) {
        self.observer
            .tell(&Event::ImageProgress { service: service.to_owned(), line: self.plan.secrets.hide(line) });
    }

    /// Tells the observer of a warning of the engine's, and keeps it for the report.
    pub(super) fn engine_warns(&self, service: &str, what: &str) {
        let message =
            self.plan.secrets.hide(&format!("services.{service}: the engine warns: {}", what.trim()));
        let warning = Warning { place: None, message };
        self.observer.tell(&Event::Warned(warning.clone()));
        lock(&self.warnings).push(warning);
    }

    /// The engine's warnings so far.
    pub(super) fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut *lock(&self.warnings))
    }

    /// Notes what was last seen of a service.
    pub(super) fn saw(&self, service: &str, what: &str) {
        lock(&self.last_seen).insert(service.to_owned(), what.to_owned());
    }

    /// Notes what was seen of a service, unless something was seen before.
    pub(super) fn saw_first(&self, service: &str, what: &str) {
        lock(&self.last_seen).entry(service.to_owned()).or_insert_with(|| what.to_owned());
    }

    pub(super) fn last_seen(&self, service: &str) -> Option<String> {
        lock(&self.last_seen).get(service).cloned()
    }

    /// The last thing seen of each service, secrets hidden.
    pub(super) fn all_seen(&self) -> Vec<(String, String)> {
        let seen = lock(&self.last_seen).clone();
        seen.into_iter().map(|(service, what)| (service, self.plan.secrets.hide(&what))).collect()
    }

    /// A failure of `service`, or of a replica of it, with those that wait for it.
    pub(super) fn failed(&self, service: &str, failure: ServiceFailure) -> Failure {
        let written = self.plan.service(service).map_or(service, |planned| &planned.service.name);
        let waiting = self
            .plan
            .services
            .iter()
            .filter(|other| other.waits_for.iter().any(|dependency| dependency.service == written))
            .map(|other| other.name.clone())
            .collect();
        Failure::Service { service: service.to_owned(), failure, waiting }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds this lock")
}
