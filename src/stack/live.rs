//! A stack that is up, with all that this process needs to work with it and to end it.

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

/// A stack that is up. Dropping it removes nothing: [`Stack`](super::Stack) decides when to.
#[derive(Clone)]
pub(super) struct Live {
    pub running: Arc<Running>,
    pub engine: Arc<dyn Engine>,
    pub observer: Observer,
    pub owner: Owner,
}

impl Live {
    /// Whether nobody shares it, so that it ends with the value that stands for it.
    pub(super) fn is_its_own(&self) -> bool {
        self.owner.lifetime == Lifetime::Test
    }

    /// Removes it and tells the observer.
    pub(super) async fn remove(self, evidence: Evidence) -> Result<(), Error> {
        let Live { running, engine, observer, owner } = self;
        let begin = Instant::now();
        let stack = running.plan.stack.clone();
        let facts = running.facts(engine.version());
        let told = |service: &str, failure: HookFailure| {
            observer.tell(&failure.into_event(service, &running.plan.secrets));
        };
        let hooks = Hooks { known: Some(&facts), told: &told };
        let saved =
            teardown::remove(engine.as_ref(), &StateFolder::of_user(), &stack, &evidence, hooks).await?;
        owner.forget(&stack);
        if let Some(directory) = saved {
            observer.tell(&Event::EvidenceSaved { directory });
        }
        observer.tell(&Event::Removed { stack, after: begin.elapsed() });
        Ok(())
    }
}
