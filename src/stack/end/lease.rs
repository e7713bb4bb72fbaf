//! Ends a lease: takes down its stacks. The watcher does this, or whichever process finds that the watcher did not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::teardown::{self, Evidence};
use crate::engine::{self, Engine, Filter};
use crate::event::Observer;
use crate::lease::{Folder, Lifetime};
use crate::plan::label;
use crate::stack::listing;
use crate::state::StateFolder;
use crate::{Error, runtime};

/// An engine finishes creating an object even if the process that asked for it was killed. The clean-up looks this long
/// for objects that appear late.
const SETTLE: Duration = Duration::from_secs(3);
const SETTLE_PAUSE: Duration = Duration::from_millis(250);

/// How long a watcher retries while the engine does not answer: it may be restarting. After that, the next `up` removes
/// the stacks.
const PATIENCE: Duration = Duration::from_secs(600);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Removes the stacks of a lease that has ended, with retries. Runs in the watcher's process.
pub(crate) fn end_lease(ending: &Folder) {
    let begin = Instant::now();
    let mut pause = SETTLE_PAUSE;
    let again = || {
        let ending = ending.clone();
        async move { end(&ending).await }
    };
    while let Err(error) = runtime::block_on(again()) {
        ending.save_error(&error);
        if begin.elapsed() > PATIENCE {
            return;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Removes the stacks of a kept lease that were still coming up when their process was killed. Runs in the watcher's
/// process.
pub(crate) fn discard_unfinished(folder: &Folder) {
    let watched = folder.clone();
    if let Err(error) = runtime::block_on(async move { discard(&watched).await }) {
        folder.save_error(&error);
    }
}

pub(super) async fn discard(folder: &Folder) -> Result<(), Error> {
    for stack in folder.stacks() {
        let Some(record) = folder.record(&stack).filter(|record| record.facts.is_none()) else { continue };
        // A process that is bringing the stack up holds this lock.
        let (locked, key) = (folder.clone(), record.key.unwrap_or_default());
        let _lock = runtime::blocking(move || locked.lock_key(&key, false)).await?;
        if folder.record(&stack).is_some_and(|record| record.facts.is_none()) && !folder.is_held() {
            remove_unknown(
                engine::connect().await?.as_ref(),
                &folder.state(),
                &stack,
                Evidence::Save { seen: Vec::new() },
            )
            .await?;
            folder.forget(&stack);
        }
    }
    Ok(())
}

/// Removes a stack that never came up, or whose record is lost.
pub(super) async fn remove_unknown(
    engine: &dyn Engine,
    state: &StateFolder,
    stack: &str,
    evidence: Evidence,
) -> Result<(), Error> {
    teardown::remove_found(engine, state, stack, &evidence, None, &Observer::default()).await.map(drop)
}

/// Removes the stacks of a lease that has ended, then the lease.
async fn end(ending: &Folder) -> Result<(), Error> {
    let stacks = ending.stacks();
    if stacks.is_empty() {
        // The stacks were taken down before; no need to ask the engine.
        ending.remove();
        return Ok(());
    }
    let engine = engine::connect().await?;
    end_on(engine.as_ref(), ending).await
}

pub(in crate::stack) async fn end_on(engine: &dyn Engine, ending: &Folder) -> Result<(), Error> {
    let (state, id) = (ending.state(), ending.id());
    let records: BTreeMap<_, _> =
        ending.stacks().into_iter().map(|stack| (stack.clone(), ending.record(&stack))).collect();
    // The process may have been killed during a start.
    let is_whole =
        records.values().all(|record| record.as_ref().is_some_and(|record| record.facts.is_some()));
    let begin = tokio::time::Instant::now();
    let mut stacks: BTreeSet<String> = records.keys().cloned().collect();
    loop {
        stacks.extend(under_lease(engine, &state, &id).await?);
        let removals = stacks.iter().map(|stack| {
            let record = records.get(stack).and_then(Option::as_ref);
            // A regular end needs no explanation. A test's stack should have been taken down by its process.
            let is_regular = record
                .is_some_and(|record| record.facts.is_some() && record.lifetime != Lifetime::Test.as_label());
            let evidence = if is_regular { Evidence::Skip } else { Evidence::Save { seen: Vec::new() } };
            let (state, facts) = (&state, record.and_then(|record| record.facts.as_ref()));
            async move {
                let nobody = Observer::default();
                teardown::remove_found(engine, state, stack, &evidence, facts, &nobody).await
            }
        });
        join_all(removals).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        if is_whole || begin.elapsed() >= SETTLE {
            ending.remove();
            return Ok(());
        }
        stacks.clear();
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
}

/// The stacks on the engine with this lease's id, except those of a newer lease with the same id.
async fn under_lease(engine: &dyn Engine, state: &StateFolder, id: &str) -> Result<Vec<String>, Error> {
    let found = listing::stacks(engine, &Filter::label(label::LEASE, id)).await?;
    // Read after the engine was listed: a stack is recorded before anything of it is created.
    let others = Folder::of(state, id)?.stacks();
    Ok(found.into_keys().filter(|name| !others.contains(name)).collect())
}
