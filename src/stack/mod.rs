//! What runs: brought up from a plan, and taken down again.

mod attach;
mod builder;
mod ending;
mod evidence;
mod external;
mod failure;
mod fallback;
mod files;
mod hook;
mod image;
mod security;
mod owner;
mod service;
mod share;
mod spec;
mod start;
mod teardown;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use crate::engine::{Engine, Filter, Inspection, State};
use crate::event::{Event, Observer};
use crate::kind::Probe;
use crate::lease::{Lifetime, Request};
use crate::plan::{Plan, label};
use crate::poll::Answer;
use crate::report::Report;
use crate::state::StateFolder;
use crate::{Error, engine, runtime};

pub use attach::{FoundStack, Holder, KeptVolume, kept_volumes, stacks};
pub use builder::StackBuilder;
pub use ending::{Leftover, leftovers};

pub(crate) use ending::{discard_unfinished, end_lease};

pub(crate) use service::RunningService;
pub(crate) use start::Running;

use hook::HookFailure;
use owner::Owner;
use start::Start;
use teardown::{Evidence, Hooks};

/// How long `Drop` waits for a removal before it lets the process go on.
const DROP_LIMIT: Duration = Duration::from_secs(30);

/// A stack whose services are all ready.
///
/// ```no_run
/// use greenroom::Stack;
///
/// # async fn example() -> Result<(), greenroom::Error> {
/// let stack = Stack::up("docker-compose.yml").await?;
/// let db = stack.postgres("db")?.pool().await?; // a sqlx pool
/// // … the test …
/// stack.down().await
/// # }
/// ```
///
/// # When it is not taken down
///
/// A stack that is dropped without [`down`](Stack::down) — the test panicked, or returned early with an error — saves its
/// logs and is removed all the same: `Drop` waits for that, at most half a minute. A process that is killed runs no
/// `Drop`: its watcher does the same in its place.
///
/// # When it is shared
///
/// With a [`Lifetime`] other than `Test`, `down` and `Drop` give up this value's share, and the stack ends as its lifetime
/// says: the next test finds it.
#[must_use = "a stack that is not bound is taken down at once: write `let stack = …`"]
pub struct Stack {
    /// `None` once it is down.
    running: Option<Arc<Running>>,
    engine: Arc<dyn Engine>,
    observer: Observer,
    owner: Owner,
}

impl Stack {
    /// Brings up the services of a compose file and waits until they all answer.
    ///
    /// # Errors
    ///
    /// The file is wrong ([`Error::is_usage`]), there is no container engine ([`Error::is_engine_unavailable`]), or a service
    /// ended or did not answer in time ([`Error::is_not_ready`]). Whatever had been started is removed.
    pub async fn up(file: impl AsRef<Path>) -> Result<Stack, Error> {
        Stack::builder(file).up().await
    }

    /// The same with more to say: volumes to keep, probes, deadlines.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), greenroom::Error> {
    /// use std::time::Duration;
    ///
    /// let stack = greenroom::Stack::builder("docker-compose.yml")
    ///     .keep_volume("db-data")
    ///     .timeout(Duration::from_secs(60))
    ///     .up()
    ///     .await?;
    /// # stack.down().await
    /// # }
    /// ```
    pub fn builder(file: impl AsRef<Path>) -> StackBuilder {
        StackBuilder::new().file(file)
    }

    /// Takes the stack down: its containers, networks and fresh volumes. Kept volumes stay, and their service is stopped
    /// gracefully first. One that is shared stays for the others: this gives up a share.
    ///
    /// # Errors
    ///
    /// The engine could not remove something; the error says what.
    pub async fn down(mut self) -> Result<(), Error> {
        match self.running.take().filter(|_| self.is_its_own()) {
            Some(running) => {
                let (engine, owner) = (self.engine.clone(), self.owner.clone());
                runtime::run(remove(engine, running, self.observer.clone(), owner, Evidence::Skip)).await
            }
            None => Ok(()),
        }
    }

    /// Nobody shares it, so it ends with this value.
    fn is_its_own(&self) -> bool {
        self.owner.lifetime == Lifetime::Test
    }

    /// The stack's name on this machine; for `docker compose -p NAME logs`, for example.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.running().plan.stack
    }

    /// The plan it was brought up from.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.running().plan
    }

    /// What runs, and how long each took.
    #[must_use]
    pub fn report(&self) -> Report {
        self.running().report()
    }

    /// Asks every service once more whether it answers; gives the names of those that do not, with what was seen.
    pub async fn check(&self) -> Vec<(String, String)> {
        let (engine, running) = (self.engine.clone(), self.running().clone());
        let asked = runtime::run(async move { Ok(ask_all(engine.as_ref(), &running).await) });
        asked.await.unwrap_or_else(|error| vec![("greenroom".to_owned(), error.to_string())])
    }

    /// Stops a service with its own signal and grace period, starts it again and waits until it answers. Handles that
    /// were asked for before have its old ports: ask for new ones.
    ///
    /// # Errors
    ///
    /// The file has no such service, or it does not become ready again.
    pub async fn restart(&self, service: &str) -> Result<(), Error> {
        let old = self.find(service)?;
        let running = self.running().clone();
        let start = Start::new(
            self.engine.clone(),
            running.plan.clone(),
            self.observer.clone(),
            self.owner.clone(),
            StateFolder::of_user(),
        );
        runtime::run(async move {
            // Whoever attaches meanwhile would find a service that does not run.
            let _lock = share::lock(&start.owner, share::For::Change).await?;
            let new = service::restart(&start, &old)
                .await
                .map_err(|failure| failure.into_error(&start.plan, None))?;
            running.replace(&old.planned.name, new);
            start.owner.remember(&running, start.engine.as_ref());
            Ok(())
        })
        .await
    }

    fn of(running: Running, engine: Arc<dyn Engine>, observer: Observer, owner: Owner) -> Stack {
        let running = Arc::new(running);
        share::note(&running);
        Stack { running: Some(running), engine, observer, owner }
    }

    pub(crate) fn find(&self, name: &str) -> Result<Arc<RunningService>, Error> {
        let services = self.running().services();
        services
            .get(name)
            .cloned()
            .ok_or_else(|| Error::unknown("service", name, services.keys().map(String::as_str)))
    }

    pub(crate) fn running(&self) -> &Arc<Running> {
        self.running.as_ref().expect("a stack is only without its services inside `down` and `drop`")
    }

    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stack")
            .field("name", &self.running.as_ref().map(|running| &running.plan.stack))
            .finish_non_exhaustive()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let Some(running) = self.running.take().filter(|_| self.is_its_own()) else { return };
        // Not taken down explicitly: something went wrong, and what explains it is saved.
        let stack = running.plan.stack.clone();
        let evidence = Evidence::Save { seen: Vec::new() };
        let (engine, owner) = (self.engine.clone(), self.owner.clone());
        let removal = remove(engine, running, self.observer.clone(), owner, evidence);
        match runtime::block_on_at_most(DROP_LIMIT, removal) {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::error!("{error:?}"),
            None => tracing::error!(
                stack,
                "the stack was not removed within {DROP_LIMIT:?}; `greenroom down --stack {stack}` removes it"
            ),
        }
    }
}

/// Removes a running stack and tells the observer.
async fn remove(
    engine: Arc<dyn Engine>,
    running: Arc<Running>,
    observer: Observer,
    owner: Owner,
    evidence: Evidence,
) -> Result<(), Error> {
    let begin = Instant::now();
    let stack = running.plan.stack.clone();
    let facts = owner::facts(&running, engine.version());
    let told = |service: &str, failure: HookFailure| {
        observer.tell(&failure.into_event(service, &running.plan.secrets));
    };
    let hooks = Hooks { known: Some(&facts), told: &told };
    let saved = teardown::remove(engine.as_ref(), &StateFolder::of_user(), &stack, &evidence, hooks).await?;
    owner.forget(&stack);
    if let Some(directory) = saved {
        observer.tell(&Event::EvidenceSaved { directory });
    }
    observer.tell(&Event::Removed { stack, after: begin.elapsed() });
    Ok(())
}

/// What is to be brought up, or found.
pub(super) struct Wanted {
    pub plan: Plan,
    /// The plan of the same for a stack that has a name already, by what makes that name unique.
    pub plan_again: Box<PlanAgain>,
    pub lifetime: Lifetime,
    /// How long a kept stack stays that nobody uses.
    pub idle: Option<Duration>,
    pub observer: Observer,
}

type PlanAgain = dyn Fn(&str) -> Result<Plan, Error> + Send + Sync;

/// Brings a stack up in the background. When the caller stops waiting — a test's time-out, Ctrl-C — the start is
/// cancelled, and what it had created is removed before the drop of this future returns.
async fn bring_up(wanted: Wanted) -> Result<Stack, Error> {
    let (cancel, cancelled) = oneshot::channel::<()>();
    let (done, is_done) = std::sync::mpsc::sync_channel::<()>(1);
    // Declared before the receiver, so dropped after it: a stack that is handed over to nobody is removed first.
    let mut guard = StartGuard { cancel: Some(cancel), is_done };
    let (hand_over, receiver) = oneshot::channel();
    runtime::spawn(async move {
        if let Err(Ok(stack)) = hand_over.send(start(wanted, cancelled).await) {
            let stack: Stack = stack;
            if let Err(error) = stack.down().await {
                tracing::error!("{error:?}");
            }
        }
        // The guard may be gone already.
        let _ = done.send(());
    })?;
    let result = receiver.await.unwrap_or_else(|_| Err(Error::interrupted()));
    guard.cancel = None;
    result
}

/// Cancels the start when the wait for it is dropped.
struct StartGuard {
    cancel: Option<oneshot::Sender<()>>,
    is_done: std::sync::mpsc::Receiver<()>,
}

impl Drop for StartGuard {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            // A start that has ended already needs no cancelling.
            let _ = cancel.send(());
            // At most as long as a drop may take; what is left by then is found by `greenroom down`.
            let _ = self.is_done.recv_timeout(DROP_LIMIT);
        }
    }
}

async fn start(wanted: Wanted, cancelled: oneshot::Receiver<()>) -> Result<Stack, Error> {
    let state = StateFolder::of_user();
    if wanted.lifetime != Lifetime::Test {
        return share::up(wanted, state, cancelled).await;
    }
    let request = Request::new(&wanted.plan, wanted.lifetime, None, &state);
    // The watcher starts while the engine is asked who it is.
    let (engine, owner) =
        tokio::join!(async { engine::connect().await.map_err(Error::engine_unavailable) }, async {
            match request {
                Ok(request) => Owner::take(&state, request).await,
                Err(error) => Ok(Owner::without_lease(&error)),
            }
        });
    start_new(engine?, wanted.plan, wanted.observer, owner?, state, cancelled).await
}

/// Brings a new stack up.
async fn start_new(
    engine: Arc<dyn Engine>,
    plan: Plan,
    observer: Observer,
    owner: Owner,
    state: StateFolder,
    cancelled: oneshot::Receiver<()>,
) -> Result<Stack, Error> {
    let plan = plan.for_engine(&engine.version())?;
    observer.tell(&Event::Planned(plan.clone()));
    ending::collect_in_the_background(engine.clone(), state.clone());
    let start = Start::new(engine.clone(), Arc::new(plan), observer.clone(), owner.clone(), state);
    let running = start_or_clean_up(&start, cancelled).await?;
    owner.remember(&running, engine.as_ref());
    Ok(Stack::of(running, engine, observer, owner))
}

/// Runs the start; when it fails or is cancelled, saves the evidence and removes what was created.
async fn start_or_clean_up(start: &Start, cancelled: oneshot::Receiver<()>) -> Result<Running, Error> {
    start.state.prune_evidence(SystemTime::now());
    start.owner.begin(&start.plan)?;
    let failure = tokio::select! {
        result = start.run() => match result {
            Ok(running) => return Ok(running),
            Err(failure) => Some(failure),
        },
        // The sender is dropped only after the start has ended.
        Ok(()) = cancelled => None,
    };
    start.settle().await;
    let seen = start.last_seen.lock().expect("nothing panics while it holds this lock").clone();
    let seen = seen.into_iter().map(|(service, what)| (service, start.plan.secrets.hide(&what))).collect();
    let evidence = Evidence::Save { seen };
    let no_hooks = Hooks { known: None, told: &|_, _| {} };
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
        start.observer.tell(&Event::EvidenceSaved { directory: directory.clone() });
    }
    let error =
        failure.map_or_else(Error::interrupted, |failure| failure.into_error(&start.plan, saved.as_deref()));
    Err(match left {
        Some(left) => error.and_then(left),
        None => error,
    })
}

/// Asks every service of a stack whether it answers; gives the names of those that do not, with what was seen.
async fn ask_all(engine: &dyn Engine, running: &Running) -> Vec<(String, String)> {
    let mut silent = Vec::new();
    for service in running.services().values().filter(|service| !service.completed) {
        for probe in &service.probes {
            let answer = match probe {
                Probe::Running => still_runs(engine, &service.id).await,
                probe => crate::probe::ask(probe, &service.target(engine)).await,
            };
            if let Answer::NotYet(seen) | Answer::Never(seen) = answer {
                silent.push((service.planned.name.clone(), running.plan.secrets.hide(&seen)));
            }
        }
    }
    silent
}

/// For a service without any other sign, nobody but the engine can be asked.
async fn still_runs(engine: &dyn Engine, id: &str) -> Answer {
    match engine.inspect(id).await {
        Ok(Inspection { state: State::Running, .. }) => Answer::Ready,
        Ok(Inspection { state: State::Exited(exit), .. }) => Answer::Never(format!("it {exit}")),
        Ok(_) => Answer::Never("it does not run".to_owned()),
        Err(error) => Answer::Never(error.to_string()),
    }
}

/// Runs a service's `pre_stop` hooks; that one failed goes to `tracing`.
pub(crate) async fn run_pre_stop(engine: &dyn Engine, plan: &Plan, service: &str, id: &str) {
    let Some(planned) = plan.service(service) else { return };
    if let Some(failure) = hook::pre_stop(engine, id, &planned.service.pre_stop, planned.stop_grace).await {
        Observer::default().tell(&failure.into_event(service, &plan.secrets));
    }
}

/// The log of one container of a stack.
pub(crate) async fn logs(engine: Arc<dyn Engine>, id: String, tail: Option<usize>) -> Result<String, Error> {
    runtime::run(async move { engine.logs(&id, tail).await.map_err(Error::engine) }).await
}

/// The containers of a stack by its label.
async fn containers_of(engine: &dyn Engine, stack: &str) -> Result<Vec<engine::FoundContainer>, Error> {
    engine.containers(&Filter::label(label::STACK, stack)).await.map_err(Error::engine)
}
