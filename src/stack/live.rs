//! A stack that is up, with everything this process needs to use and remove it.

use std::sync::Arc;
use std::time::Instant;

use super::end::{Evidence, Hooks, evidence, teardown};
use super::hook::HookFailure;
use super::listing;
use super::owner::Owner;
use super::running::Running;
use crate::Error;
use crate::engine::Engine;
use crate::event::{Event, Observer};
use crate::lease::{Lifetime, Process};
use crate::state::{self, StateFolder};

/// A stack that is up. Dropping it removes nothing: [`Stack`](super::Stack) decides when to remove it.
#[derive(Clone)]
pub(super) struct Live {
    pub running: Arc<Running>,
    pub engine: Arc<dyn Engine>,
    pub observer: Observer,
    pub owner: Owner,
}

impl Live {
    /// Whether nobody shares the stack, so that it is removed with its `Stack` value.
    pub(super) fn is_unshared(&self) -> bool {
        self.owner.lifetime == Lifetime::Test
    }

    /// Saves the evidence of a shared stack after a panic; the stack stays as it is. Evidence that an earlier panic saved
    /// is replaced, except for the list of the tests that panicked.
    pub(super) async fn save_evidence(self, panicked: String) -> Result<(), Error> {
        let Live { running, engine, observer, .. } = self;
        let stack = &running.plan.stack;
        let containers = listing::containers_of(engine.as_ref(), stack).await?;
        let directory =
            evidence::save(engine.as_ref(), &StateFolder::of_user(), stack, &containers, &[]).await?;
        let line = format!("{panicked}, in process {}\n", Process::own());
        state::append_private(&directory.join("panics.txt"), &line)?;
        observer.notify(&Event::EvidenceSaved { directory });
        Ok(())
    }

    /// Removes the stack and notifies the observer.
    pub(super) async fn remove(self, evidence: Evidence) -> Result<(), Error> {
        let Live { running, engine, observer, owner } = self;
        let begin = Instant::now();
        let stack = running.plan.stack.clone();
        let facts = running.facts(engine.version());
        let on_failure = |service: &str, failure: HookFailure| {
            observer.notify(&failure.into_event(service, &running.plan.secrets));
        };
        let hooks = Hooks { known: Some(&facts), on_failure: &on_failure };
        let saved =
            teardown::remove(engine.as_ref(), &StateFolder::of_user(), &stack, &evidence, hooks).await?;
        owner.forget(&stack);
        if let Some(directory) = saved {
            observer.notify(&Event::EvidenceSaved { directory });
        }
        observer.notify(&Event::Removed { stack, after: begin.elapsed() });
        Ok(())
    }
}
