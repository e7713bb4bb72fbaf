//! Leftovers: stacks that nobody uses any more and nobody has taken down.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::lease::{discard, end_on, remove_unknown};
use super::teardown::Evidence;
use crate::engine::{self, Engine, Filter};
use crate::event::Observer;
use crate::lease::{self, Folder, Lifetime, Seen, Standing};
use crate::plan::label;
use crate::stack::listing;
use crate::state::StateFolder;
use crate::{Error, liveness, runtime};

/// How often, at most, a user's `up` looks for stacks that no lease records.
const ORPHANS_EVERY: Duration = Duration::from_secs(10);

/// A stack that nobody uses any more and nobody has taken down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// The stack's name.
    pub stack: String,
    /// The project's name; empty if the stack's record is lost.
    pub project: String,
    /// The project's folder.
    pub directory: PathBuf,
    /// The lifetime it was started with.
    pub lifetime: Option<Lifetime>,
    /// The stack's lease; `None` if that is lost.
    lease: Option<Folder>,
}

/// The user's unwatched leases that have expired, are empty, or hold a stack whose start was killed.
fn abandoned(state: &StateFolder) -> Result<Vec<Folder>, Error> {
    let is_abandoned = |folder: &Folder| {
        let Some(terms) = folder.terms() else { return false };
        folder.is_of_this_host()
            && terms.engine == engine::address()
            && !folder.is_watched()
            && (folder.is_over() || (terms.kept && !folder.is_held() && is_unfinished(folder)))
    };
    Ok(Folder::all(state)?.into_iter().filter(is_abandoned).collect())
}

/// Whether one of the lease's stacks never finished coming up, or the lease has no stack.
fn is_unfinished(folder: &Folder) -> bool {
    let coming_up = |stack: &String| {
        folder.record(stack).is_ok_and(|record| record.is_some_and(|record| record.facts.is_none()))
    };
    folder.stacks().is_ok_and(|stacks| stacks.is_empty() || stacks.iter().any(coming_up))
}

/// The stacks on the engine that no lease records, and what is to become of each.
async fn unrecorded(
    engine: &dyn Engine,
    state: &StateFolder,
    filter: &Filter,
    now: u64,
) -> Result<Vec<(String, Seen, Standing)>, Error> {
    let mut found = Vec::new();
    for (stack, seen) in listing::stacks(engine, filter).await? {
        match seen.standing(state, now)? {
            Standing::Owned => {}
            standing => found.push((stack, seen, standing)),
        }
    }
    Ok(found)
}

fn of_this_user() -> Filter {
    Filter::label(label::USER, &lease::user())
}

/// The stacks on the engine that nobody uses and no lease records.
pub(in crate::stack) async fn orphans(
    engine: &dyn Engine,
    state: &StateFolder,
    now: u64,
) -> Result<Vec<Leftover>, Error> {
    let found = unrecorded(engine, state, &of_this_user(), now).await?.into_iter();
    let orphans = found.filter(|(.., standing)| *standing == Standing::Leftover);
    Ok(orphans
        .map(|(stack, seen, _)| Leftover {
            stack,
            project: seen.get(label::PROJECT).to_owned(),
            directory: seen.get(label::DIRECTORY).into(),
            lifetime: Lifetime::of_label(seen.get(label::LIFETIME)),
            lease: None,
        })
        .collect())
}

/// Removes an orphan, if it is still one.
pub(in crate::stack) async fn remove_orphan(
    engine: &dyn Engine,
    state: &StateFolder,
    stack: &str,
    now: u64,
) -> Result<(), Error> {
    let found = unrecorded(engine, state, &Filter::label(label::STACK, stack), now).await?;
    if !found.iter().any(|(.., standing)| *standing == Standing::Leftover) {
        return Ok(());
    }
    remove_unknown(engine, state, stack, Evidence::Skip).await?;
    // A lease of another host, which shares this state folder, may have a record.
    for folder in Folder::all(state)?.into_iter().filter(|folder| folder.records(stack)) {
        folder.forget(stack);
        folder.remove_if_empty();
    }
    Ok(())
}

/// Starts a watcher for every expired, unwatched lease, and removes stacks that no lease records. Runs in the
/// background of an `up`, and neither delays it nor makes it fail.
pub(in crate::stack) fn collect_in_the_background(engine: Arc<dyn Engine>, state: StateFolder) {
    let collection = async move {
        let looked = state.clone();
        let collected = runtime::blocking(move || {
            for folder in abandoned(&looked)? {
                tracing::info!(
                    lease = folder.id(),
                    "removing the stacks that an earlier process left behind"
                );
                // The watcher is a separate process, so the removal goes on after this process exits.
                lease::spawn_watcher(&folder);
            }
            Ok(looked.is_due("orphans", ORPHANS_EVERY))
        });
        if collected.await.unwrap_or_default() {
            remove_orphans(engine.as_ref(), &state).await;
        }
    };
    // Without a runtime, `up` fails, too.
    let _ = runtime::spawn(collection);
}

async fn remove_orphans(engine: &dyn Engine, state: &StateFolder) {
    let now = lease::now();
    for orphan in orphans(engine, state, now).await.unwrap_or_default() {
        if let Err(error) = remove_orphan(engine, state, &orphan.stack, now).await {
            tracing::warn!(
                stack = orphan.stack,
                ?error,
                "could not remove a stack that an earlier process left behind"
            );
        }
    }
}

/// The stacks of this user that nobody uses any more and nobody has taken down.
///
/// # Errors
///
/// There is no container engine, or it does not answer.
pub async fn leftovers() -> Result<Vec<Leftover>, Error> {
    runtime::run(async {
        let state = StateFolder::of_user();
        let mut leftovers =
            orphans(liveness::connect(&Observer::NOBODY).await?.as_ref(), &state, lease::now()).await?;
        for folder in abandoned(&state)? {
            for stack in folder.stacks()? {
                let record = folder.record(&stack)?.unwrap_or_default();
                leftovers.push(Leftover {
                    lifetime: Lifetime::of_label(&record.lifetime),
                    stack,
                    project: record.project,
                    directory: record.directory,
                    lease: Some(folder.clone()),
                });
            }
        }
        Ok(leftovers)
    })
    .await
}

/// A stack of this user whose lease cannot be seen from here: it belongs to another host or container, or to another
/// state folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elsewhere {
    /// The stack's name.
    pub stack: String,
    /// The project's name.
    pub project: String,
    /// The project's folder, on that host.
    pub directory: PathBuf,
    /// The lifetime it was started with.
    pub lifetime: Option<Lifetime>,
    /// Without a sign of life before this moment, it is a leftover then.
    pub until: SystemTime,
}

/// The stacks of this user whose leases cannot be seen from here, except kept ones.
///
/// # Errors
///
/// There is no container engine, or it does not answer.
pub async fn elsewhere() -> Result<Vec<Elsewhere>, Error> {
    runtime::run(async {
        let (engine, state) = (liveness::connect(&Observer::NOBODY).await?, StateFolder::of_user());
        let found = unrecorded(engine.as_ref(), &state, &of_this_user(), lease::now()).await?.into_iter();
        let elsewhere = found.filter_map(|(stack, seen, standing)| {
            let Standing::Elsewhere { until } = standing else { return None };
            Some(Elsewhere {
                stack,
                project: seen.get(label::PROJECT).to_owned(),
                directory: seen.get(label::DIRECTORY).into(),
                lifetime: Lifetime::of_label(seen.get(label::LIFETIME)),
                until: UNIX_EPOCH + Duration::from_secs(until),
            })
        });
        Ok(elsewhere.collect())
    })
    .await
}

impl Leftover {
    /// Removes the stack's containers, networks and fresh volumes. A stack that has come into use again stays.
    ///
    /// # Errors
    ///
    /// The engine could not remove something; the error lists what is left.
    pub async fn remove(self) -> Result<(), Error> {
        runtime::run(async move {
            let engine = liveness::connect(&Observer::NOBODY).await?;
            let Some(folder) = self.lease else {
                let state = StateFolder::of_user();
                return remove_orphan(engine.as_ref(), &state, &self.stack, lease::now()).await;
            };
            // If the lease is watched by now, its watcher removes the stack.
            let Some(_watch) = folder.watch() else { return Ok(()) };
            if folder.is_over() {
                return match folder.end_if(Folder::is_over)? {
                    Some(ending) => end_on(engine.as_ref(), &ending).await,
                    None => Ok(()),
                };
            }
            discard(&folder).await?;
            folder.remove_if_empty();
            Ok(())
        })
        .await
    }
}
