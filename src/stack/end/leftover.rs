//! What nobody uses any more, and nobody has taken down.

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

/// How often, at most, a user's `up` looks for what no lease knows of any more.
const ORPHANS_EVERY: Duration = Duration::from_secs(10);

/// What nobody uses any more, and is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// The stack's name.
    pub stack: String,
    /// The project's name; empty when it is not known any more.
    pub project: String,
    /// The project's folder.
    pub directory: PathBuf,
    /// How long it was to live.
    pub lifetime: Option<Lifetime>,
    /// The lease that it is under; none when that is lost.
    lease: Option<Folder>,
}

/// The user's leases that are over, or nearly so, and that nobody tends.
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

/// Whether there is something in it that was only coming up; or nothing at all.
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

/// Sets watchers over the leases that have none and are over, and removes what no lease knows of. In the background of an
/// `up`, which it neither delays nor fails.
pub(in crate::stack) fn collect_in_the_background(engine: Arc<dyn Engine>, state: StateFolder) {
    let collection = async move {
        let looked = state.clone();
        let collected = runtime::blocking(move || {
            for folder in abandoned(&looked) {
                tracing::info!(lease = folder.id(), "collecting what an earlier process left");
                // It removes it in a process of its own, which does not end with this one.
                lease::spawn_watcher(&folder);
            }
            Ok(looked.is_due("orphans", ORPHANS_EVERY))
        });
        if collected.await.unwrap_or_default() {
            remove_orphans(engine.as_ref(), &state).await;
        }
    };
    // Without a runtime there is no `up` either.
    let _ = runtime::spawn(collection);
}

async fn remove_orphans(engine: &dyn Engine, state: &StateFolder) {
    let orphans = orphans(engine).await.unwrap_or_default();
    for orphan in orphans {
        if let Err(error) = remove_unknown(engine, state, &orphan.stack, Evidence::Skip).await {
            tracing::warn!(stack = orphan.stack, ?error, "what an earlier process left could not be removed");
        }
    }
}

/// The stacks of this user that nobody uses any more, and that nobody has taken down.
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
    /// Removes it: its containers, networks and fresh volumes. What somebody has begun to use meanwhile stays.
    ///
    /// # Errors
    ///
    /// The engine could not remove something; the error says what.
    pub async fn remove(self) -> Result<(), Error> {
        runtime::run(async move {
            let engine = engine::connect().await?;
            let Some(folder) = self.lease else {
                let state = StateFolder::of_user();
                return remove_unknown(engine.as_ref(), &state, &self.stack, Evidence::Skip).await;
            };
            // Somebody else removes it, when it is watched now.
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
