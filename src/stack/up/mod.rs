//! Bringing up a new stack.
//!
//! ```text
//! graph      starts everything in parallel that can run in parallel
//!   image    which image runs: present, pulled, built, or the declared fallback
//!   service  one service: created, started, waited for
//!     wait   until the container is ready, it has exited, or the deadline has passed
//! start      what all of these share, and what the clean-up needs afterwards
//! failure    how a failed start is reported
//!   excerpt  the part of a log that is shown: `error_lines` tells which lines look like errors, `line` which are alike
//! ```

mod claim;
mod external;
mod error_lines;
mod excerpt;
mod failure;
mod fallback;
mod files;
pub(super) mod graph;
mod hook;
mod image;
mod line;
pub(super) mod login;
pub(super) mod security;
pub(super) mod service;
mod start;
mod wait;

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::oneshot;

use super::end::leftover::collect_in_the_background;
use super::end::{Evidence, Hooks, teardown};
use super::live::Live;
use super::owner::Owner;
use super::running::Running;
use super::sign::Sign;
use super::spec;
use crate::Error;
use crate::engine::Engine;
use crate::event::{Event, Observer};
use crate::lease::Lifetime;
use crate::plan::Plan;
use crate::state::StateFolder;

pub(super) use fallback::{PREFIX as FALLBACK_PREFIX, name as fallback_name};
pub(super) use image::{build_all, changed_since};
pub(super) use start::Start;

/// Brings up a new stack.
pub(super) async fn start_new(
    engine: Arc<dyn Engine>,
    plan: Plan,
    observer: Observer,
    owner: Owner,
    state: StateFolder,
    cancelled: oneshot::Receiver<()>,
) -> Result<Live, Error> {
    let plan = plan.for_engine(&engine.version())?;
    observer.notify(&Event::Planned(plan.clone()));
    collect_in_the_background(engine.clone(), state.clone());
    // It may have waited long for another process.
    let owner = owner.starting_now();
    let start = Start::new(engine.clone(), Arc::new(plan), observer.clone(), owner.clone(), state);
    let running = start_or_clean_up(&start, cancelled).await?;
    if owner.lifetime == Lifetime::Keep {
        say_complete(engine.as_ref(), &running.plan, &owner).await;
    }
    owner.remember(&running, engine.as_ref());
    Ok(Live { running, engine, observer, owner })
}

/// Says on the engine that a kept stack has come up. Without this and its record, it would be taken for the rest of a
/// killed start.
async fn say_complete(engine: &dyn Engine, plan: &Plan, owner: &Owner) {
    let labels = spec::stack_labels(plan, owner, "");
    if let Err(error) = Sign::Complete.give(engine, &plan.stack, &labels).await {
        tracing::warn!(stack = plan.stack, %error, "could not say on the engine that the stack is complete");
    }
}

/// Runs the start. If it fails or is cancelled, saves the evidence and removes what was created.
pub(super) async fn start_or_clean_up(
    start: &Start,
    cancelled: oneshot::Receiver<()>,
) -> Result<Arc<Running>, Error> {
    start.state.prune_evidence(SystemTime::now());
    start.owner.begin(&start.plan)?;
    let failure = tokio::select! {
        result = graph::run(start) => match result {
            Ok(running) => return Ok(running),
            Err(failure) => Some(failure),
        },
        // The sender is dropped only after the start has ended.
        Ok(()) = cancelled => None,
    };
    start.settle().await;
    let evidence = Evidence::Save { seen: start.all_seen() };
    let no_hooks = Hooks { known: None, on_failure: &|_, _| {} };
    let (engine, stack) = (start.engine.as_ref(), &start.plan.stack);
    let removed = teardown::remove(engine, &start.state, stack, &evidence, no_hooks).await;
    let (saved, left) = match removed {
        Ok(saved) => {
            start.owner.forget(&start.plan.stack);
            (saved, None)
        }
        Err(error) => (start.state.evidence_directory(&start.plan.stack).ok(), Some(error)),
    };
    if let Some(directory) = &saved {
        start.observer.notify(&Event::EvidenceSaved { directory: directory.clone() });
    }
    let error = failure
        .map_or_else(Error::start_cancelled, |failure| failure.into_error(&start.plan, saved.as_deref()));
    Err(match left {
        Some(left) => error.and_then(left),
        None => error,
    })
}
