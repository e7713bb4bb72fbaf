//! Ends a lease: takes down its stacks. The watcher does this, or whichever process finds that the watcher did not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::teardown::{self, Evidence};
use crate::engine::Engine;
use crate::event::Observer;
use crate::lease::{Folder, Lifetime, Record};
use crate::stack::listing;
use crate::state::{Mode, StateFolder};
use crate::{Error, liveness, runtime};

/// An engine finishes creating an object even if the process that asked for it was killed. The clean-up looks until no
/// object has appeared for this long.
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
    for stack in folder.stacks()? {
        if folder.record(&stack)?.is_some_and(|record| record.facts.is_none()) {
            discard_on(liveness::connect(&Observer::NOBODY).await?.as_ref(), folder, &stack).await?;
        }
    }
    Ok(())
}

/// Removes a stack whose start was killed, unless a process is bringing it up or holds the lease.
pub(in crate::stack) async fn discard_on(
    engine: &dyn Engine,
    folder: &Folder,
    stack: &str,
) -> Result<(), Error> {
    if remove_unfinished(engine, folder, stack).await? {
        remove_late(engine, folder, |late| late == stack).await?;
        folder.forget(stack);
    }
    Ok(())
}

/// Removes what there is of the stack, under the lock of its key, and takes the key from its record: from then on, its
/// successor can come up. Returns whether that was done, now or before.
async fn remove_unfinished(engine: &dyn Engine, folder: &Folder, stack: &str) -> Result<bool, Error> {
    let is_unfinished = |record: &Record| record.facts.is_none();
    let Some(record) = folder.record(stack)?.filter(is_unfinished) else { return Ok(false) };
    let Some(key) = record.key else { return Ok(true) };
    // A process that is bringing the stack up holds this lock.
    let _lock = folder.key_lock(&key)?.take_of_stack(Mode::Exclusive, &Observer::NOBODY).await?;
    let still = folder.record(stack)?.filter(is_unfinished);
    let Some(record) = still.filter(|_| !folder.is_held()) else { return Ok(false) };
    remove_unknown(engine, &folder.state(), stack, Evidence::Save { seen: Vec::new() }).await?;
    folder.write_record(&Record { key: None, ..record })?;
    Ok(true)
}

/// Removes what the engine creates late of the lease's stacks, until nothing has appeared for a while.
async fn remove_late(
    engine: &dyn Engine,
    lease: &Folder,
    is_meant: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let mut last = tokio::time::Instant::now();
    while last.elapsed() < SETTLE {
        tokio::time::sleep(SETTLE_PAUSE).await;
        for stack in listing::under_lease(engine, lease).await?.into_iter().filter(|stack| is_meant(stack)) {
            remove_unknown(engine, &lease.state(), &stack, Evidence::Save { seen: Vec::new() }).await?;
            last = tokio::time::Instant::now();
        }
    }
    Ok(())
}

/// Removes a stack that never came up, or whose record is lost.
pub(in crate::stack) async fn remove_unknown(
    engine: &dyn Engine,
    state: &StateFolder,
    stack: &str,
    evidence: Evidence,
) -> Result<(), Error> {
    teardown::remove_found(engine, state, stack, &evidence, None, &Observer::default()).await.map(drop)
}

/// Removes the stacks of a lease that has ended, then the lease.
async fn end(ending: &Folder) -> Result<(), Error> {
    if ending.stacks()?.is_empty() {
        // The stacks were taken down before; no need to ask the engine.
        ending.remove();
        return Ok(());
    }
    let engine = liveness::connect(&Observer::NOBODY).await?;
    end_on(engine.as_ref(), ending).await
}

pub(in crate::stack) async fn end_on(engine: &dyn Engine, ending: &Folder) -> Result<(), Error> {
    let state = ending.state();
    let mut stacks = BTreeMap::new();
    for stack in ending.stacks()? {
        let record = ending.record(&stack)?;
        stacks.insert(stack, record);
    }
    // The process may have been killed during a start.
    let is_whole = stacks.values().flatten().filter(|record| record.facts.is_some()).count() == stacks.len();
    for stack in listing::under_lease(engine, ending).await? {
        stacks.entry(stack).or_default();
    }
    let removals = stacks.iter().map(async |(stack, record)| {
        let facts = record.as_ref().and_then(|record| record.facts.as_ref());
        // A regular end needs no explanation. A test's stack should have been taken down by its process.
        let is_test = record.as_ref().is_some_and(|record| record.lifetime == Lifetime::Test.as_label());
        let evidence =
            if facts.is_some() && !is_test { Evidence::Skip } else { Evidence::Save { seen: Vec::new() } };
        teardown::remove_found(engine, &state, stack, &evidence, facts, &Observer::default()).await
    });
    join_all(removals).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    if !is_whole {
        remove_late(engine, ending, |_| true).await?;
    }
    ending.remove();
    Ok(())
}
