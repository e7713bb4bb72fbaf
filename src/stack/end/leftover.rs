//! Leftovers: stacks that nobody uses any more and nobody has taken down.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::lease::{discard, end_on, remove_unknown};
use super::teardown::Evidence;
use crate::engine::{self, Engine, Filter};
use crate::lease::{self, Folder, Lifetime};
use crate::plan::label;
use crate::stack::listing;
use crate::state::StateFolder;
use crate::{Error, runtime};

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
fn abandoned(state: &StateFolder) -> Vec<Folder> {
    let folders = Folder::all(state).into_iter();
    folders
        .filter(|folder| {
            let terms = folder.terms();
            folder.is_of_this_host()
                && terms.engine == engine::address()
                && !folder.is_watched()
                && (folder.is_over() || (terms.kept && !folder.is_held() && is_unfinished(folder)))
        })
        .collect()
}

/// Whether one of the lease's stacks never finished coming up, or the lease has no stack.
fn is_unfinished(folder: &Folder) -> bool {
    let stacks = folder.stacks();
    let coming_up = |stack: &String| folder.record(stack).is_some_and(|record| record.facts.is_none());
    stacks.is_empty() || stacks.iter().any(coming_up)
}

/// The stacks on the engine whose owner is gone and whose lease is lost.
async fn orphans(engine: &dyn Engine) -> Result<Vec<Leftover>, Error> {
    let mine = Filter::label(label::USER, &lease::user());
    let mut orphans = Vec::new();
    for (stack, labels) in listing::stacks(engine, &mine).await? {
        if lease::is_orphan(&labels) {
            let get = |name: &str| labels.get(name).cloned().unwrap_or_default();
            orphans.push(Leftover {
                stack,
                project: get(label::PROJECT),
                directory: get(label::DIRECTORY).into(),
                lifetime: Lifetime::of_label(&get(label::LIFETIME)),
                lease: None,
            });
        }
    }
    Ok(orphans)
}

/// Starts a watcher for every expired, unwatched lease, and removes stacks that no lease records. Runs in the
/// background of an `up`, and neither delays it nor makes it fail.
pub(in crate::stack) fn collect_in_the_background(engine: Arc<dyn Engine>, state: StateFolder) {
    let collection = async move {
        let looked = state.clone();
        let collected = runtime::blocking(move || {
            for folder in abandoned(&looked) {
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
    let orphans = orphans(engine).await.unwrap_or_default();
    for orphan in orphans {
        if let Err(error) = remove_unknown(engine, state, &orphan.stack, Evidence::Skip).await {
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
        let mut leftovers = orphans(engine::connect().await?.as_ref()).await?;
        for folder in abandoned(&state) {
            leftovers.extend(folder.stacks().into_iter().map(|stack| {
                let record = folder.record(&stack).unwrap_or_default();
                Leftover {
                    lifetime: Lifetime::of_label(&record.lifetime),
                    stack,
                    project: record.project,
                    directory: record.directory,
                    lease: Some(folder.clone()),
                }
            }));
        }
        Ok(leftovers)
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
            let engine = engine::connect().await?;
            let Some(folder) = self.lease else {
                let state = StateFolder::of_user();
                return remove_unknown(engine.as_ref(), &state, &self.stack, Evidence::Skip).await;
            };
            // If the lease is watched by now, its watcher removes the stack.
            let Some(_watch) = folder.watch() else { return Ok(()) };
            if folder.is_over() {
                return match folder.end() {
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
