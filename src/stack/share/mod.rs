//! Shares a stack between everyone who asks for the same one: the first brings it up, the others wait and attach to it.

mod adopt;
mod written;

use std::sync::Arc;

use tokio::sync::oneshot;

use super::builder::Wanted;
use super::end::{Evidence, teardown};
use super::listing;
use super::live::Live;
use super::owner::{LockFor, Owner};
use super::running::{Running, is_used_here};
use super::up::{Start, build_all, changed_since, start_new};
use crate::engine::{self, Engine, Filter};
use crate::event::Event;
use crate::lease::{Lease, Record, Request, ensure_watched};
use crate::plan::{Plan, id_of_stack, label};
use crate::state::{Lock, StateFolder};
use crate::{Error, liveness, runtime};

pub(super) use adopt::adopt;
pub(super) use written::running;

/// Attaches to the shared stack, or brings it up if it is not running.
pub(super) async fn up(
    wanted: Wanted,
    state: StateFolder,
    mut cancelled: oneshot::Receiver<()>,
) -> Result<Live, Error> {
    let prepared = tokio::select! {
        prepared = prepare(&wanted, &state) => prepared?,
        // The sender is dropped only after this has ended.
        Ok(()) = &mut cancelled => return Err(Error::start_cancelled()),
    };
    match prepared {
        Prepared::Found(stack) => Ok(stack),
        Prepared::New { lock: _lock, engine, owner } => {
            start_new(engine, wanted.plan, wanted.observer, owner, state, cancelled).await
        }
    }
}

/// What to do for the shared stack.
enum Prepared {
    Found(Live),
    /// Nobody has it up: start it, under this lock.
    New {
        lock: Option<Lock>,
        engine: Arc<dyn Engine>,
        owner: Owner,
    },
}

/// Looks for the shared stack, and waits for a process that is starting or removing it.
async fn prepare(wanted: &Wanted, state: &StateFolder) -> Result<Prepared, Error> {
    let shared = Shared::of(wanted, state).await?;
    if !wanted.build
        && let Some(stack) = shared.find_running().await?
    {
        return Ok(Prepared::Found(stack));
    }
    let lock = shared.lock(LockFor::Change).await?;
    // A start builds the images itself.
    if wanted.build && shared.has_come_up()? {
        shared.build(state).await?;
    }
    if let Some(stack) = shared.find_or_remove(state).await? {
        return Ok(Prepared::Found(stack));
    }
    let engine = liveness::connect(&wanted.observer).await?;
    let (owner, lease) = (shared.owner.clone(), shared.lease.clone());
    // Even a kept stack needs a watcher while it comes up.
    runtime::blocking(move || Ok(ensure_watched(&lease.folder))).await?;
    Ok(Prepared::New { lock, engine, owner })
}

/// Attaches to the shared stack if it is up.
pub(super) async fn find(wanted: Wanted) -> Result<Option<Live>, Error> {
    let state = StateFolder::of_user();
    let shared = Shared::of(&wanted, &state).await?;
    if let Some(stack) = shared.find_running().await? {
        return Ok(Some(stack));
    }
    let _lock = shared.lock(LockFor::Change).await?;
    shared.find_or_remove(&state).await
}

/// A stack to share, and this process's lease on it.
struct Shared<'a> {
    wanted: &'a Wanted,
    owner: Owner,
    lease: Arc<Lease>,
    key: String,
}

/// The outcome of looking for the shared stack.
enum Found {
    Live(Live),
    /// No record of a stack that came up.
    Nothing,
    /// The stack has a record, but cannot be used any more.
    Unusable {
        record: Box<Record>,
        reason: String,
    },
}

impl Shared<'_> {
    async fn of<'a>(wanted: &'a Wanted, state: &StateFolder) -> Result<Shared<'a>, Error> {
        let request = Request::new(&wanted.plan, wanted.lifetime, wanted.idle, state, &engine::address())?;
        let owner = Owner::take(state, request, &wanted.observer).await?;
        let lease = owner.lease.clone().expect("only an unshared stack may lack a lease");
        let key = owner.key.clone().expect("a shared stack has a key");
        Ok(Shared { wanted, owner, lease, key })
    }

    async fn lock(&self, purpose: LockFor) -> Result<Option<Lock>, Error> {
        self.owner.lock(purpose, &self.wanted.observer).await
    }

    /// Whether the stack came up, as far as its record says.
    fn has_come_up(&self) -> Result<bool, Error> {
        let record = self.lease.folder.record_of(&self.key)?;
        Ok(record.is_some_and(|record| record.facts.is_some()))
    }

    /// Builds all images that the file builds. A running stack that has an older one is then no longer usable. The caller
    /// holds the lock for a change.
    async fn build(&self, state: &StateFolder) -> Result<(), Error> {
        let observer = self.wanted.observer.clone();
        let engine = liveness::connect(&observer).await?;
        let plan = Arc::new(self.wanted.plan.clone());
        let start = Start::new(engine, plan.clone(), observer, self.owner.clone(), state.clone());
        build_all(&start).await.map_err(|failure| failure.into_error(&plan, None))
    }

    /// Returns the stack if it is up and usable.
    async fn find_running(&self) -> Result<Option<Live>, Error> {
        let _lock = self.lock(LockFor::Use).await?;
        match self.look().await? {
            Found::Live(stack) => Ok(Some(stack)),
            Found::Nothing | Found::Unusable { .. } => Ok(None),
        }
    }

    /// Reads the stack's record, and checks it with a single request to the engine.
    async fn look(&self) -> Result<Found, Error> {
        let Some(record) = self.lease.folder.record_of(&self.key)? else { return Ok(Found::Nothing) };
        let Some(facts) = &record.facts else { return Ok(Found::Nothing) };
        let plan = self.plan_of(&record.stack)?.for_engine(&facts.engine)?;
        // Announced before the check, so that no other process considers the stack unused meanwhile.
        self.lease.uses(&record.stack);
        let engine = liveness::connect_again(&facts.engine, &self.wanted.observer).await?;
        let listed = match engine.containers(&Filter::label(label::STACK, &record.stack)).await {
            Ok(listed) => listed,
            Err(error) if error.is_silent => return Err(error.into()),
            // Connecting anew gives the better error.
            Err(error) => {
                let connected = liveness::connect(&self.wanted.observer).await;
                return Err(connected.err().map_or_else(|| error.into(), Error::from));
            }
        };
        let found = match changed_since(&plan, facts).await {
            Some(name) => Err(format!("service `{name}` runs an image whose build context has changed")),
            None => running(plan, facts, &listed),
        };
        match found {
            Ok(running) => {
                self.wanted.observer.notify(&Event::Attached { stack: record.stack });
                Ok(Found::Live(self.live(running, engine)))
            }
            Err(reason) => Ok(Found::Unusable { record: Box::new(record), reason }),
        }
    }

    fn plan_of(&self, stack: &str) -> Result<Plan, Error> {
        (self.wanted.plan_again)(id_of_stack(stack, &self.wanted.plan.project))
    }

    fn live(&self, running: Arc<Running>, engine: Arc<dyn Engine>) -> Live {
        let (observer, owner) = (self.wanted.observer.clone(), self.owner.clone());
        Live { running, engine, observer, owner }
    }

    /// Returns the stack if another process has brought it up meanwhile, or if it runs but its record is lost.
    /// Otherwise removes what is left of it. The caller holds the lock for a change.
    async fn find_or_remove(&self, state: &StateFolder) -> Result<Option<Live>, Error> {
        let unusable = match self.look().await? {
            Found::Live(stack) => return Ok(Some(stack)),
            Found::Nothing => None,
            Found::Unusable { record, reason } => Some((record.stack, reason)),
        };
        let engine = liveness::connect(&self.wanted.observer).await?;
        let mut adopted = None;
        let found = listing::stacks(engine.as_ref(), &Filter::label(label::KEY, &self.key)).await?;
        for (stack, seen) in found {
            let record = self.lease.folder.record(&stack)?;
            // Another host or state folder may have a stack with the same key.
            if record.is_none() && !seen.may_be_taken_over(&self.lease.folder) {
                continue;
            }
            let reason = match (&unusable, &record) {
                (Some((unusable, reason)), _) if *unusable == stack => reason.clone(),
                (_, Some(record)) if record.facts.is_none() && record.key.is_some() => {
                    format!("the process that was bringing it up has exited: {}", record.by)
                }
                // Replaced before, while another process still used it.
                (_, Some(_)) => continue,
                (_, None) if adopted.is_some() => "another stack is used".to_owned(),
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
        if let Some((stack, reason)) = unusable
            && self.lease.folder.record(&stack)?.is_some_and(|record| record.key.is_some())
        {
            // The engine lists nothing of this stack any more.
            self.wanted.observer.notify(&Event::Replaced { stack: stack.clone(), reason });
            self.lease.forget(&stack);
        }
        Ok(adopted)
    }

    /// Adopts a stack whose record is lost or damaged, with what the engine knows of it. The error says why the stack
    /// is unusable.
    async fn adopt(&self, engine: &Arc<dyn Engine>, stack: &str) -> Result<Live, String> {
        let reason = |error: Error| error.to_string();
        let plan = self.plan_of(stack).and_then(|plan| plan.for_engine(&engine.version())).map_err(reason)?;
        let running = adopt(engine.clone(), plan).await?;
        self.lease.begin(&running.plan, self.owner.lifetime, Some(&self.key)).map_err(reason)?;
        self.owner.remember(&running, engine.as_ref());
        self.wanted.observer.notify(&Event::Attached { stack: stack.to_owned() });
        Ok(self.live(running, engine.clone()))
    }

    /// Removes an unusable stack. If a process still uses what is left of it, the stack stays until its lease ends.
    async fn replace(
        &self,
        engine: &dyn Engine,
        state: &StateFolder,
        stack: &str,
        record: Option<Record>,
        reason: String,
    ) -> Result<(), Error> {
        self.wanted.observer.notify(&Event::Replaced { stack: stack.to_owned(), reason });
        if self.lease.others_use(stack)? || is_used_here(stack) {
            if let Some(record) = record {
                // Without a key, nobody finds the stack any more.
                self.lease.folder.write_record(&Record { key: None, ..record })?;
            }
            return Ok(());
        }
        let facts = record.as_ref().and_then(|record| record.facts.as_ref());
        let evidence = Evidence::Save { seen: Vec::new() };
        teardown::remove_found(engine, state, stack, &evidence, facts, &self.wanted.observer).await?;
        match record.filter(|record| record.facts.is_none()) {
            // Its start was killed, so the engine may create a part of it late: it is removed with the lease.
            Some(record) => self.lease.folder.write_record(&Record { key: None, ..record }),
            None => {
                self.lease.forget(stack);
                Ok(())
            }
        }
    }
}
