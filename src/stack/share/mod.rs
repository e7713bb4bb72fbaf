//! One stack for all who want the same: the first brings it up, the others wait for it and take hold of it.

mod adopt;
mod written;

use std::sync::Arc;

use tokio::sync::oneshot;

use super::builder::Wanted;
use super::end::{Evidence, teardown};
use super::listing;
use super::live::Live;
use super::owner::{For, Owner};
use super::running::{Running, is_used_here};
use super::up::start_new;
use crate::engine::{self, Engine, Filter};
use crate::event::Event;
use crate::lease::{Lease, Record, Request, ensure_watched};
use crate::plan::{Plan, id_of_stack, label};
use crate::state::StateFolder;
use crate::{Error, runtime};

pub(super) use adopt::adopt;
pub(super) use written::running;

/// The shared stack: the one that is up, else a new one.
pub(super) async fn up(
    wanted: Wanted,
    state: StateFolder,
    mut cancelled: oneshot::Receiver<()>,
) -> Result<Live, Error> {
    let shared = Shared::of(&wanted, &state).await?;
    let found = tokio::select! {
        found = shared.use_as_it_is() => found?,
        // The sender is dropped only after this has ended.
        Ok(()) = &mut cancelled => return Err(Error::start_cancelled()),
    };
    if let Some(stack) = found {
        return Ok(stack);
    }
    let _lock = tokio::select! {
        lock = shared.owner.lock(For::Change) => lock?,
        Ok(()) = &mut cancelled => return Err(Error::start_cancelled()),
    };
    if let Some(stack) = shared.find_or_clear_away(&state).await? {
        return Ok(stack);
    }
    let engine = engine::connect().await?;
    let (owner, lease) = (shared.owner.clone(), shared.lease.clone());
    // A kept stack is watched over while it comes up.
    runtime::blocking(move || Ok(ensure_watched(&lease.folder))).await?;
    start_new(engine, wanted.plan, wanted.observer, owner, state, cancelled).await
}

/// The shared stack when it is up.
pub(super) async fn find(wanted: Wanted) -> Result<Option<Live>, Error> {
    let state = StateFolder::of_user();
    let shared = Shared::of(&wanted, &state).await?;
    if let Some(stack) = shared.use_as_it_is().await? {
        return Ok(Some(stack));
    }
    let _lock = shared.owner.lock(For::Change).await?;
    shared.find_or_clear_away(&state).await
}

/// A stack to be shared, and this process's share in it.
struct Shared<'a> {
    wanted: &'a Wanted,
    owner: Owner,
    lease: Arc<Lease>,
    key: String,
}

/// What was found of it.
enum Found {
    Live(Live),
    /// Nothing is written down of one that is up.
    Nothing,
    /// It is written down, and it is not fit for use.
    Unfit {
        record: Box<Record>,
        reason: String,
    },
}

impl Shared<'_> {
    async fn of<'a>(wanted: &'a Wanted, state: &StateFolder) -> Result<Shared<'a>, Error> {
        let request = Request::new(&wanted.plan, wanted.lifetime, wanted.idle, state, &engine::address())?;
        let owner = Owner::take(state, request).await?;
        let lease = owner.lease.clone().expect("only a stack that nobody shares goes without a lease");
        let key = owner.key.clone().expect("a stack that is shared has a key");
        Ok(Shared { wanted, owner, lease, key })
    }

    /// The stack, when it is up and well.
    async fn use_as_it_is(&self) -> Result<Option<Live>, Error> {
        let _lock = self.owner.lock(For::Use).await?;
        match self.look().await? {
            Found::Live(stack) => Ok(Some(stack)),
            Found::Nothing | Found::Unfit { .. } => Ok(None),
        }
    }

    /// Reads what is written down of it, and asks the engine once whether that still is so.
    async fn look(&self) -> Result<Found, Error> {
        let Some(record) = self.lease.folder.record_of(&self.key) else { return Ok(Found::Nothing) };
        let Some(facts) = &record.facts else { return Ok(Found::Nothing) };
        let plan = self.plan_of(&record.stack)?.for_engine(&facts.engine)?;
        // Before the look, so that nobody who looks for users takes it for unused.
        self.lease.uses(&record.stack);
        let engine = engine::connect_again(&facts.engine).await?;
        let listed = match engine.containers(&Filter::label(label::STACK, &record.stack)).await {
            Ok(listed) => listed,
            // Connecting tells better what is wrong with an engine.
            Err(error) => {
                return Err(engine::connect().await.err().map_or_else(|| error.into(), Error::from));
            }
        };
        match running(plan, facts, &listed) {
            Ok(running) => {
                self.wanted.observer.tell(&Event::Attached { stack: record.stack });
                Ok(Found::Live(self.live(running, engine)))
            }
            Err(reason) => Ok(Found::Unfit { record: Box::new(record), reason }),
        }
    }

    fn plan_of(&self, stack: &str) -> Result<Plan, Error> {
        (self.wanted.plan_again)(id_of_stack(stack, &self.wanted.plan.project))
    }

    fn live(&self, running: Arc<Running>, engine: Arc<dyn Engine>) -> Live {
        let (observer, owner) = (self.wanted.observer.clone(), self.owner.clone());
        Live { running, engine, observer, owner }
    }

    /// With the lock for a change: the stack, when somebody has brought it up meanwhile, or what was written down of it was
    /// lost; else what is left of it is cleared away.
    async fn find_or_clear_away(&self, state: &StateFolder) -> Result<Option<Live>, Error> {
        let unfit = match self.look().await? {
            Found::Live(stack) => return Ok(Some(stack)),
            Found::Nothing => None,
            Found::Unfit { record, reason } => Some((record.stack, reason)),
        };
        let engine = engine::connect().await?;
        let mut adopted = None;
        let found = listing::stacks(engine.as_ref(), &Filter::label(label::KEY, &self.key)).await?;
        for stack in found.into_keys() {
            let record = self.lease.folder.record(&stack);
            let reason = match (&unfit, &record) {
                (Some((unfit, reason)), _) if *unfit == stack => reason.clone(),
                (_, Some(record)) if record.facts.is_none() => {
                    format!("the process that was bringing it up is gone: {}", record.by)
                }
                // It was replaced before, and somebody used it still.
                (_, Some(_)) => continue,
                (_, None) if adopted.is_some() => "another one is used".to_owned(),
                (_, None) => match self.adopt(&engine, &stack).await {
                    Ok(live) => {
                        adopted = Some(live);
                        continue;
                    }
                    Err(reason) => reason,
                },
            };
            self.replace(engine.as_ref(), state, &stack, record, reason).await?;
        }
        if let Some((stack, reason)) = unfit
            .filter(|(stack, _)| self.lease.folder.record(stack).is_some_and(|record| record.key.is_some()))
        {
            // Nothing is on the engine any more that could be listed.
            self.wanted.observer.tell(&Event::Replaced { stack: stack.clone(), reason });
            self.lease.forget(&stack);
        }
        Ok(adopted)
    }

    /// What was written down of the stack is lost, or damaged: the engine is asked for it all. Else why the stack is not fit
    /// for use.
    async fn adopt(&self, engine: &Arc<dyn Engine>, stack: &str) -> Result<Live, String> {
        let reason = |error: Error| error.to_string();
        let plan = self.plan_of(stack).and_then(|plan| plan.for_engine(&engine.version())).map_err(reason)?;
        let running = adopt(engine.clone(), plan).await?;
        self.lease.begin(&running.plan, self.owner.lifetime, Some(&self.key)).map_err(reason)?;
        self.owner.remember(&running, engine.as_ref());
        self.wanted.observer.tell(&Event::Attached { stack: stack.to_owned() });
        Ok(self.live(running, engine.clone()))
    }

    /// Removes a stack that is not fit for use, unless somebody still uses it, as far as it goes: then it stays until its
    /// lease ends.
    async fn replace(
        &self,
        engine: &dyn Engine,
        state: &StateFolder,
        stack: &str,
        record: Option<Record>,
        reason: String,
    ) -> Result<(), Error> {
        self.wanted.observer.tell(&Event::Replaced { stack: stack.to_owned(), reason });
        if self.lease.others_use(stack) || is_used_here(stack) {
            if let Some(record) = record {
                // Nobody finds it by its key any more.
                self.lease.folder.write_record(&Record { key: None, ..record })?;
            }
            return Ok(());
        }
        let facts = record.and_then(|record| record.facts);
        let evidence = Evidence::Save { seen: Vec::new() };
        teardown::remove_found(engine, state, stack, &evidence, facts.as_ref(), &self.wanted.observer)
            .await?;
        self.lease.forget(stack);
        Ok(())
    }
}
