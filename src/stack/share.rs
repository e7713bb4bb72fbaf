//! One stack for all who want the same: the first brings it up, the others wait for it and take hold of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::oneshot;

use super::attach::{self, FoundStack};
use super::image::UsedImage;
use super::owner::Owner;
use super::teardown::{self, Evidence};
use super::{Running, RunningService, Stack, Wanted, fallback, start_new};
use crate::engine::{self, Engine, Filter, FoundContainer};
use crate::event::Event;
use crate::lease::{Facts, Lease, Record, Request, ensure_watched};
use crate::plan::{Plan, label};
use crate::state::StateFolder;
use crate::{Error, runtime};

/// What the lock of a shared stack is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// To take hold of it: many may at the same moment.
    Use,
    /// To bring it up, replace it, or stop a part of it.
    Change,
}

/// Takes the lock of a shared stack, waiting for whoever brings it up. A stack of one's own has none.
pub(super) async fn lock(owner: &Owner, what_for: For) -> Result<Option<File>, Error> {
    let (Some(lease), Some(key)) = (owner.lease.clone(), owner.key.clone()) else { return Ok(None) };
    runtime::blocking(move || lease.folder.lock_key(&key, what_for == For::Use).map(Some)).await
}

/// The shared stack: the one that is up, else a new one.
pub(super) async fn up(
    wanted: Wanted,
    state: StateFolder,
    mut cancelled: oneshot::Receiver<()>,
) -> Result<Stack, Error> {
    let shared = Shared::of(&wanted, &state).await?;
    let found = tokio::select! {
        found = shared.use_as_it_is() => found?,
        // The sender is dropped only after this has ended.
        Ok(()) = &mut cancelled => return Err(Error::interrupted()),
    };
    if let Some(stack) = found {
        return Ok(stack);
    }
    let _lock = tokio::select! {
        lock = lock(&shared.owner, For::Change) => lock?,
        Ok(()) = &mut cancelled => return Err(Error::interrupted()),
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
pub(super) async fn find(wanted: Wanted) -> Result<Option<Stack>, Error> {
    let state = StateFolder::of_user();
    let shared = Shared::of(&wanted, &state).await?;
    if let Some(stack) = shared.use_as_it_is().await? {
        return Ok(Some(stack));
    }
    let _lock = lock(&shared.owner, For::Change).await?;
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
    Stack(Box<Stack>),
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
        let request = Request::new(&wanted.plan, wanted.lifetime, wanted.idle, state)?;
        let owner = Owner::take(state, request).await?;
        match (owner.lease.clone(), owner.key.clone()) {
            (Some(lease), Some(key)) => Ok(Shared { wanted, owner, lease, key }),
            _ => Err(Error::state("a shared stack needs a lease")),
        }
    }

    /// The stack, when it is up and well.
    async fn use_as_it_is(&self) -> Result<Option<Stack>, Error> {
        let _lock = lock(&self.owner, For::Use).await?;
        match self.look().await? {
            Found::Stack(stack) => Ok(Some(*stack)),
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
            Err(error) => {
                // Connecting tells better what is wrong with an engine.
                engine::connect().await?;
                return Err(error.into());
            }
        };
        let running = running(plan, facts, &listed);
        match running {
            Ok(running) => {
                self.wanted.observer.tell(&Event::Attached { stack: record.stack });
                Ok(Found::Stack(Box::new(self.stack(running, engine))))
            }
            Err(reason) => Ok(Found::Unfit { record: Box::new(record), reason }),
        }
    }

    fn plan_of(&self, stack: &str) -> Result<Plan, Error> {
        (self.wanted.plan_again)(attach::id(stack, &self.wanted.plan.project))
    }

    fn stack(&self, running: Running, engine: Arc<dyn Engine>) -> Stack {
        Stack::of(running, engine, self.wanted.observer.clone(), self.owner.clone())
    }

    /// With the lock for a change: the stack, when somebody has brought it up meanwhile, or what was written down of it was
    /// lost; else what is left of it is cleared away.
    async fn find_or_clear_away(&self, state: &StateFolder) -> Result<Option<Stack>, Error> {
        let unfit = match self.look().await? {
            Found::Stack(stack) => return Ok(Some(*stack)),
            Found::Nothing => None,
            Found::Unfit { record, reason } => Some((record.stack, reason)),
        };
        let engine = engine::connect().await?;
        let mut adopted = None;
        for found in attach::list(engine.as_ref(), &Filter::label(label::KEY, &self.key)).await? {
            let record = self.lease.folder.record(&found.name);
            let reason = match (&unfit, &record) {
                (Some((stack, reason)), _) if *stack == found.name => reason.clone(),
                (_, Some(record)) if record.facts.is_none() => {
                    format!("the process that was bringing it up is gone: {}", record.by)
                }
                // It was replaced before, and somebody used it still.
                (_, Some(_)) => continue,
                (_, None) if adopted.is_some() => "another one is used".to_owned(),
                (_, None) => match self.adopt(&engine, &found).await {
                    Ok(stack) => {
                        adopted = Some(stack);
                        continue;
                    }
                    Err(error) => error.to_string(),
                },
            };
            self.replace(engine.as_ref(), state, &found, record, reason).await?;
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

    /// What was written down of the stack is lost, or damaged: the engine is asked for it all.
    async fn adopt(&self, engine: &Arc<dyn Engine>, found: &FoundStack) -> Result<Stack, Error> {
        let plan = self.plan_of(&found.name)?.for_engine(&engine.version())?;
        let running = attach::adopt(engine.clone(), plan).await?;
        self.lease.begin(&running.plan, self.owner.lifetime, Some(&self.key))?;
        self.owner.remember(&running, engine.as_ref());
        self.wanted.observer.tell(&Event::Attached { stack: found.name.clone() });
        Ok(self.stack(running, engine.clone()))
    }

    /// Removes a stack that is not fit for use, unless somebody still uses it, as far as it goes: then it stays until its
    /// lease ends.
    async fn replace(
        &self,
        engine: &dyn Engine,
        state: &StateFolder,
        found: &FoundStack,
        record: Option<Record>,
        reason: String,
    ) -> Result<(), Error> {
        let stack = &found.name;
        self.wanted.observer.tell(&Event::Replaced { stack: stack.clone(), reason });
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

/// The stacks that values in this process stand for.
static NOTED: Mutex<Vec<Weak<Running>>> = Mutex::new(Vec::new());

pub(super) fn note(running: &Arc<Running>) {
    let mut noted = NOTED.lock().expect("nothing panics while it holds this lock");
    noted.retain(|noted| noted.strong_count() > 0);
    noted.push(Arc::downgrade(running));
}

fn is_used_here(stack: &str) -> bool {
    let noted = NOTED.lock().expect("nothing panics while it holds this lock");
    noted.iter().filter_map(Weak::upgrade).any(|running| running.plan.stack == stack)
}

/// The stack as it is written down, with the ports that it has now; else why it is not fit for use any more.
pub(super) fn running(plan: Plan, facts: &Facts, listed: &[FoundContainer]) -> Result<Running, String> {
    let mut services = BTreeMap::new();
    for planned in &plan.services {
        let name = &planned.name;
        let facts =
            facts.services.get(name).ok_or_else(|| format!("service `{name}` is not written down"))?;
        let container = listed
            .iter()
            .find(|container| container.id == facts.id)
            .ok_or_else(|| format!("service `{name}` is gone"))?;
        if !facts.completed && !container.running {
            return Err(format!("service `{name}` does not run any more"));
        }
        // On another's network it has that one's ports.
        let on_its_network = match &planned.network_of {
            Some(owner) => listed.iter().find(|container| container.name == *owner),
            None => Some(container),
        };
        let ports = on_its_network.map(|container| &container.ports).filter(|ports| !ports.is_empty());
        // An engine tells an image by its name only as long as the name means that image.
        if container.image.starts_with("sha256:") && container.image != facts.image {
            return Err(format!(
                "service `{name}` runs what was `{}` before that was made anew",
                facts.image
            ));
        }
        if let Some(fallback) =
            planned.fallback.as_ref().filter(|_| facts.image.starts_with(fallback::PREFIX))
            && fallback::name(&plan.directory, fallback).is_ok_and(|(reference, _)| reference != facts.image)
        {
            return Err(format!("service `{name}` runs a fallback image whose sources have changed"));
        }
        let running = RunningService {
            id: facts.id.clone(),
            image: UsedImage {
                reference: facts.image.clone(),
                stands_in_for: facts.stands_in_for.clone(),
                healthcheck: facts.healthcheck.clone(),
            },
            ports: ports.unwrap_or(&facts.ports).clone(),
            mounts: facts.mounts.clone(),
            login: facts.login.clone(),
            probes: planned.readiness.probes(facts.healthcheck.as_deref()),
            ready_after: Duration::from_millis(facts.ready_after_ms),
            restarts: facts.restarts,
            completed: facts.completed,
            planned: planned.clone(),
        };
        services.insert(name.clone(), running);
    }
    let total = Duration::from_millis(facts.total_ms);
    Ok(Running::new(Arc::new(plan), services, total, Vec::new(), Vec::new()))
}
