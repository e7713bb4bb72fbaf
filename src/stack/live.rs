//! A stack that is up, with everything this process needs to use and remove it.

use std::sync::Arc;
use std::time::Instant;

use super::end::{Evidence, Hooks, teardown};
use super::hook::HookFailure;
use super::owner::Owner;
use super::running::Running;
use crate::Error;
use crate::engine::Engine;
use crate::event::{Event, Observer};
use crate::lease::Lifetime;
use crate::state::StateFolder;

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
