//! Whose a stack is: the labels that say so, and the lease under which it is written down.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Running;
use crate::engine::Engine;
use crate::lease::{self, Facts, Lease, Lifetime, Request, ServiceFacts};
use crate::plan::{EngineVersion, Plan};
use crate::report::millis;
use crate::state::StateFolder;
use crate::{Error, runtime};

/// The owner of a stack's parts.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub lifetime: Lifetime,
    /// On everything that is created.
    pub labels: BTreeMap<String, String>,
    /// What the stack is, for those who share it.
    pub key: Option<String>,
    pub lease: Option<Arc<Lease>>,
}

impl Owner {
    /// Takes the lease. A stack that nobody shares works without one, on a machine without a home for instance; only that
    /// nobody takes it down when its process is killed.
    pub(super) async fn take(state: &StateFolder, request: Request) -> Result<Owner, Error> {
        let state = state.clone();
        runtime::blocking(move || {
            let lease = match Lease::take(&state, &request) {
                Ok(lease) => lease,
                Err(error) if request.lifetime == Lifetime::Test => return Ok(Owner::without_lease(&error)),
                Err(error) => return Err(error),
            };
            let labels = lease::labels(request.lifetime, request.key.as_deref(), Some(&lease));
            Ok(Owner { lifetime: request.lifetime, labels, key: request.key, lease: Some(lease) })
        })
        .await
    }

    /// A stack of a test whose lease cannot be had.
    pub(super) fn without_lease(why: &Error) -> Owner {
        tracing::warn!(?why, "nobody watches over the stacks of this process");
        let labels = lease::labels(Lifetime::Test, None, None);
        Owner { lifetime: Lifetime::Test, labels, key: None, lease: None }
    }

    /// For tests on the scripted engine.
    #[cfg(test)]
    pub(super) fn nobody() -> Owner {
        let labels = [(crate::plan::label::LIFETIME.to_owned(), "test".to_owned())].into();
        Owner { lifetime: Lifetime::Test, labels, key: None, lease: None }
    }

    /// Writes down that there is going to be such a stack, before anything of it is.
    pub(super) fn begin(&self, plan: &Plan) -> Result<(), Error> {
        let Some(lease) = &self.lease else { return Ok(()) };
        lease.begin(plan, self.lifetime, self.key.as_deref())
    }

    /// Writes down what became known of it. Where that fails the stack works all the same, but nobody can share it.
    pub(super) fn remember(&self, running: &Running, engine: &dyn Engine) {
        let Some(lease) = &self.lease else { return };
        let stack = &running.plan.stack;
        let Some(mut record) = lease.folder.record(stack) else { return };
        record.facts = Some(facts(running, engine.version()));
        if let Err(error) = lease.folder.write_record(&record) {
            tracing::warn!(stack, %error, "the stack's state could not be saved");
        }
    }

    /// It is gone.
    pub(super) fn forget(&self, stack: &str) {
        if let Some(lease) = &self.lease {
            lease.forget(stack);
        }
    }
}

/// What another process needs to know of the stack.
pub(super) fn facts(running: &Running, engine: EngineVersion) -> Facts {
    let services = running.services().into_iter().map(|(name, service)| {
        let facts = ServiceFacts {
            id: service.id.clone(),
            image: service.image.reference.clone(),
            stands_in_for: service.image.stands_in_for.clone(),
            healthcheck: service.image.healthcheck.clone(),
            ports: service.ports.clone(),
            mounts: service.mounts.clone(),
            login: service.login.clone(),
            ready_after_ms: millis(service.ready_after),
            restarts: service.restarts,
            completed: service.completed,
            probe: running.plan.secrets.hide(&service.probe()),
            pre_stop: service.planned.service.pre_stop.clone(),
            stop_grace_ms: millis(service.planned.stop_grace),
        };
        (name, facts)
    });
    Facts { engine, total_ms: millis(running.total), services: services.collect() }
}
