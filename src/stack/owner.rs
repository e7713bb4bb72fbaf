//! Whose a stack is: the labels that say so, and the lease under which it is written down.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use super::running::Running;
use crate::engine::Engine;
use crate::lease::{self, Lease, Lifetime, Request};
use crate::plan::Plan;
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

/// What the lock of a shared stack is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// To use the stack: many may do so at the same moment.
    Use,
    /// To bring the stack up, replace it, or stop a part of it.
    Change,
}

impl Owner {
    /// Takes the lease. A stack that nobody shares works without one, for instance on a machine without a home: then nobody
    /// takes it down when its process is killed.
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

    /// A stack of a test whose lease could not be taken.
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

    /// Takes the lock of a shared stack, waiting for the process that brings it up. A stack that nobody shares has none.
    pub(super) async fn lock(&self, what_for: For) -> Result<Option<File>, Error> {
        let (Some(lease), Some(key)) = (self.lease.clone(), self.key.clone()) else { return Ok(None) };
        runtime::blocking(move || lease.folder.lock_key(&key, what_for == For::Use).map(Some)).await
    }

    /// Writes down that the stack is coming up, before anything of it is created.
    pub(super) fn begin(&self, plan: &Plan) -> Result<(), Error> {
        let Some(lease) = &self.lease else { return Ok(()) };
        lease.begin(plan, self.lifetime, self.key.as_deref())
    }

    /// Writes down what became known of the stack. Where that fails the stack works all the same, but nobody can share it.
    pub(super) fn remember(&self, running: &Running, engine: &dyn Engine) {
        let Some(lease) = &self.lease else { return };
        let stack = &running.plan.stack;
        let Some(mut record) = lease.folder.record(stack) else { return };
        record.facts = Some(running.facts(engine.version()));
        if let Err(error) = lease.folder.write_record(&record) {
            tracing::warn!(stack, %error, "the stack's state could not be saved");
        }
    }

    /// Forgets a stack that is gone.
    pub(super) fn forget(&self, stack: &str) {
        if let Some(lease) = &self.lease {
            lease.forget(stack);
        }
    }
}
