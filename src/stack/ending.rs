//! Taking down what a lease leaves: by its watcher, or by whoever finds that the watcher did not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::teardown::{self, Evidence};
use crate::engine::{self, Engine, Filter};
use crate::event::Observer;
use crate::lease::{self, Folder, Lifetime};
use crate::plan::label;
use crate::state::StateFolder;
use crate::{Error, runtime};

/// An engine that is told to create something goes on with it when the one who told it is killed. For so long after that,
/// what appears late is looked for.
const SETTLE: Duration = Duration::from_secs(3);
const SETTLE_PAUSE: Duration = Duration::from_millis(250);

/// How long a watcher goes on trying where the engine does not answer, which may be restarting. Then it leaves the stacks to
/// whoever comes next.
const PATIENCE: Duration = Duration::from_secs(600);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

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

/// Removes the stacks of a lease that has ended, in the watcher's own process, and as often as it takes.
pub(crate) fn end_lease(ending: &Folder) {
    let begin = Instant::now();
    let mut pause = SETTLE_PAUSE;
    let again = || {
        let ending = ending.clone();
        async move { end(&ending).await }
    };
    while let Err(error) = runtime::block_on(again()) {
        ending.tell(&error);
        if begin.elapsed() > PATIENCE {
            return;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Removes what of a kept lease was only coming up when its process was killed, in the watcher's own process.
pub(crate) fn discard_unfinished(folder: &Folder) {
    let watched = folder.clone();
    if let Err(error) = runtime::block_on(async move { discard(&watched).await }) {
        folder.tell(&error);
    }
}

async fn discard(folder: &Folder) -> Result<(), Error> {
    for stack in folder.stacks() {
        let Some(record) = folder.record(&stack).filter(|record| record.facts.is_none()) else { continue };
        // Whoever brings it up has this lock.
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

/// Removes a stack that never came up, or of which nothing is written down any more.
async fn remove_unknown(
    engine: &dyn Engine,
    state: &StateFolder,
    stack: &str,
    evidence: Evidence,
) -> Result<(), Error> {
    teardown::remove_found(engine, state, stack, &evidence, None, &Observer::default()).await.map(drop)
}

/// Removes the stacks of a lease that has ended, and then the lease.
async fn end(ending: &Folder) -> Result<(), Error> {
    let stacks = ending.stacks();
    if stacks.is_empty() {
        // All was taken down by those who brought it up: nothing to ask the engine.
        ending.remove();
        return Ok(());
    }
    let engine = engine::connect().await?;
    end_on(engine.as_ref(), ending).await
}

pub(super) async fn end_on(engine: &dyn Engine, ending: &Folder) -> Result<(), Error> {
    let (state, id) = (ending.state(), ending.id());
    let records: BTreeMap<_, _> =
        ending.stacks().into_iter().map(|stack| (stack.clone(), ending.record(&stack))).collect();
    // A start may have been under way when its process was killed.
    let is_whole =
        records.values().all(|record| record.as_ref().is_some_and(|record| record.facts.is_some()));
    let begin = tokio::time::Instant::now();
    let mut stacks: BTreeSet<String> = records.keys().cloned().collect();
    loop {
        stacks.extend(under_lease(engine, &state, &id).await?);
        let removals = stacks.iter().map(|stack| {
            let record = records.get(stack).and_then(Option::as_ref);
            // What ends as it should has nothing to explain.
            let as_it_should = record
                .is_some_and(|record| record.facts.is_some() && record.lifetime != Lifetime::Test.as_label());
            let evidence = if as_it_should { Evidence::Skip } else { Evidence::Save { seen: Vec::new() } };
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

/// The stacks on the engine under a lease of this id, less those of a lease that has taken its place since.
async fn under_lease(engine: &dyn Engine, state: &StateFolder, id: &str) -> Result<Vec<String>, Error> {
    let found = super::attach::list(engine, &Filter::label(label::LEASE, id)).await?;
    // Looked at after the engine was: a stack is written down before anything of it is created.
    let others = Folder::of(state, id)?.stacks();
    Ok(found.into_iter().map(|stack| stack.name).filter(|name| !others.contains(name)).collect())
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
    for stack in super::attach::list(engine, &mine).await? {
        if lease::is_orphan(&stack.labels) {
            orphans.push(Leftover {
                lifetime: stack.lifetime,
                stack: stack.name,
                project: stack.project,
                directory: stack.directory,
                lease: None,
            });
        }
    }
    Ok(orphans)
}

/// Sets watchers over the leases that have none and are over, and removes what no lease knows of. In the background of an
/// `up`, which it neither delays nor fails.
pub(super) fn collect_in_the_background(engine: std::sync::Arc<dyn Engine>, state: StateFolder) {
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
