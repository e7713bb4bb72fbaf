//! The owner of a stack: its labels, and the lease that records it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::running::Running;
use crate::engine::Engine;
use crate::event::Observer;
use crate::lease::{self, BEAT, Lease, Lifetime, Request, ensure_watched};
use crate::plan::{Plan, label};
use crate::state::{Lock, Mode, StateFolder};
use crate::{Error, runtime};

/// The owner of a stack's containers, networks and volumes.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub lifetime: Lifetime,
    /// The labels on everything that is created.
    pub labels: BTreeMap<String, String>,
    /// Identifies the stack to everyone who shares it.
    pub key: Option<String>,
    pub lease: Option<Arc<Lease>>,
}

/// Why a process takes the lock of a shared stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockFor {
    /// To use the stack, together with others.
    Use,
    /// To bring the stack up, replace it, or stop a part of it, alone.
    Change,
}

impl Owner {
    /// Takes the lease. An unshared stack also works without one, for example on a machine without a home folder, but
    /// then nobody takes it down if its process is killed.
    pub(super) async fn take(
        state: &StateFolder,
        request: Request,
        observer: &Observer,
    ) -> Result<Owner, Error> {
        let (state, gate) = (state.clone(), state.clone());
        let taken = runtime::blocking(move || {
            let lease = match Lease::take(&state, &request) {
                Ok(lease) => lease,
                Err(error) if request.lifetime == Lifetime::Test && !error.is_usage() => {
                    return Ok(Owner::without_lease(&error));
                }
                Err(error) => return Err(error),
            };
            let labels = lease::labels(request.lifetime, request.key.as_deref(), Some(&lease));
            Ok(Owner { lifetime: request.lifetime, labels, key: request.key, lease: Some(lease) })
        });
        let owner = observer.announcing(|| gate.gate_holder(), taken).await?;
        if owner.lifetime != Lifetime::Keep
            && let Some(lease) = owner.lease.clone().filter(|lease| lease.is_new())
        {
            // Without a runtime, nothing can be brought up either.
            let _ = runtime::spawn(keep_watched(lease));
        }
        Ok(owner)
    }

    /// The owner of an unshared stack whose lease could not be taken.
    pub(super) fn without_lease(why: &Error) -> Owner {
        tracing::warn!(?why, "could not take a lease: this process's stacks stay if it is killed");
        let labels = lease::labels(Lifetime::Test, None, None);
        Owner { lifetime: Lifetime::Test, labels, key: None, lease: None }
    }

    /// An owner without a lease, for tests on the scripted engine.
    #[cfg(test)]
    pub(super) fn for_tests() -> Owner {
        let labels = [(crate::plan::label::LIFETIME.to_owned(), "test".to_owned())].into();
        Owner { lifetime: Lifetime::Test, labels, key: None, lease: None }
    }

    /// Takes the lock of a shared stack; waits for a process that is bringing it up. An unshared stack has no lock.
    pub(super) async fn lock(&self, purpose: LockFor, observer: &Observer) -> Result<Option<Lock>, Error> {
        let (Some(lease), Some(key)) = (&self.lease, &self.key) else { return Ok(None) };
        let mode = match purpose {
            LockFor::Use => Mode::Shared,
            LockFor::Change => Mode::Exclusive,
        };
        lease.folder.key_lock(key)?.take_of_stack(mode, observer).await.map(Some)
    }

    /// The owner of a stack whose start begins now. That is the stack's first sign of life.
    pub(super) fn starting_now(mut self) -> Owner {
        self.labels.insert(label::SINCE.to_owned(), lease::now().to_string());
        self
    }

    /// Records that the stack is coming up, before anything is created.
    pub(super) fn begin(&self, plan: &Plan) -> Result<(), Error> {
        let Some(lease) = &self.lease else { return Ok(()) };
        lease.begin(plan, self.lifetime, self.key.as_deref())
    }

    /// Records what became known of the stack. If that fails, the stack still works, but nobody can share it.
    pub(super) fn remember(&self, running: &Running, engine: &dyn Engine) {
        let Some(lease) = &self.lease else { return };
        let stack = &running.plan.stack;
        let Ok(Some(mut record)) = lease.folder.record(stack) else { return };
        record.facts = Some(running.facts(engine.version()));
        if let Err(error) = lease.folder.write_record(&record) {
            tracing::warn!(stack, %error, "could not save the stack's state");
        }
    }

    /// Removes the record of a stack that is gone.
    pub(super) fn forget(&self, stack: &str) {
        if let Some(lease) = &self.lease {
            lease.forget(stack);
        }
    }
}

/// Starts another watcher whenever the lease has none. Without signs of life, other hosts would take the lease's stacks
/// for leftovers. Runs as long as this process.
async fn keep_watched(lease: Arc<Lease>) {
    loop {
        tokio::time::sleep(BEAT).await;
        let folder = lease.folder.clone();
        // If that fails, a warning was logged, and the next beat tries again.
        let _ = runtime::blocking(move || Ok(folder.exists() && ensure_watched(&folder))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_lives_from_its_start_on_however_long_its_process_has_waited_for_it() {
        let before = lease::now();
        let mut owner = Owner::for_tests();
        owner.labels.insert(label::SINCE.to_owned(), "0".to_owned());
        let since = owner.starting_now().labels[label::SINCE].parse::<u64>();
        assert!(since.is_ok_and(|since| since >= before));
    }
}
