//! The `Stack` value that a test holds.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::builder::StackBuilder;
use super::end::Evidence;
use super::live::Live;
use super::owner::LockFor;
use super::panicking::say_where_the_logs_are;
use super::running::Running;
use super::up::Start;
use super::up::service::restart;
use crate::engine::Engine;
use crate::known::RunningService;
use crate::plan::Plan;
use crate::report::{Report, Silent};
use crate::state::StateFolder;
use crate::{Error, runtime};

/// How long `Drop` waits for a removal before the process goes on.
pub(super) const DROP_LIMIT: Duration = Duration::from_secs(30);

/// A stack whose services are all ready.
///
/// ```no_run
/// use greenroom::Stack;
///
/// # async fn example() -> Result<(), greenroom::Error> {
/// let stack = Stack::up("docker-compose.yml").await?;
/// # #[cfg(feature = "postgres")]
/// let db = stack.postgres("db")?.pool().await?; // a sqlx pool
/// // … the test …
/// stack.down().await
/// # }
/// ```
///
/// # Without `down`
///
/// A stack may be dropped without [`down`](Stack::down): the test panicked, or returned early with an error. `Drop`
/// then saves the logs and removes the stack; it waits for that up to half a minute. If the test panicked, its standard
/// error says where the logs are. A process that is killed runs no `Drop`, so its watcher does the same instead.
///
/// # Shared stacks
///
/// With a [`Lifetime`](crate::Lifetime) other than `Test`, `down` and `Drop` only release this value's share. The
/// lifetime decides when the stack is removed; until then the next test finds it. If the test panicked, `Drop` saves
/// the logs as they are then, and the test's standard error says where. A value in a `static` is never dropped.
#[must_use = "an unbound stack is taken down at once: write `let stack = …`"]
pub struct Stack {
    /// `None` once the stack is down.
    live: Option<Live>,
}

impl Stack {
    /// Brings up the services of a compose file and waits until they all answer. As with Compose's `-f`, the file is read
    /// alone; [`StackBuilder::new`] finds the file itself, and reads its override file as well.
    ///
    /// # Errors
    ///
    /// - The file is invalid: [`Error::is_usage`].
    /// - There is no container engine: [`Error::is_engine_unavailable`].
    /// - An external network or volume does not exist: [`Error::is_missing_external`].
    /// - A kept volume is in use: [`Error::is_volume_held`].
    /// - A service exited or did not answer in time: [`Error::is_not_ready`].
    ///
    /// Everything that was started is removed.
    pub async fn up(file: impl AsRef<Path>) -> Result<Stack, Error> {
        Stack::builder(file).up().await
    }

    /// Configures the stack before starting it: volumes to keep, probes, deadlines.
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

    /// Takes the stack down: its containers, networks and fresh volumes. Kept volumes stay; the services that use them
    /// are stopped gracefully first. On a shared stack, this only releases this value's share.
    ///
    /// # Errors
    ///
    /// The engine could not remove something; the error lists what is left.
    pub async fn down(mut self) -> Result<(), Error> {
        match self.live.take().filter(Live::is_unshared) {
            Some(live) => runtime::run(live.remove(Evidence::Skip)).await,
            None => Ok(()),
        }
    }

    /// The stack's name on this machine, for example for `docker compose -p NAME logs`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.running().plan.stack
    }

    /// The plan that the stack was brought up from.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.running().plan
    }

    /// The services, and how long each took to become ready.
    #[must_use]
    pub fn report(&self) -> Report {
        self.running().report()
    }

    /// Probes every service once more. Returns the services that do not answer: an empty list means that all is well.
    ///
    /// # Errors
    ///
    /// The services could not be probed.
    pub async fn check(&self) -> Result<Vec<Silent>, Error> {
        let (engine, running) = (self.engine().clone(), self.running().clone());
        runtime::run(async move { Ok(running.silent(engine.as_ref()).await) }).await
    }

    /// Stops a service with its own signal and grace period, starts it again and waits until it answers. The service
    /// may get new ports, so existing handles are stale: ask for new ones.
    ///
    /// # Errors
    ///
    /// The file has no such service, or the service does not become ready again.
    pub async fn restart(&self, service: &str) -> Result<(), Error> {
        let old = self.find(service)?;
        let Live { running, engine, observer, owner } = self.live().clone();
        let plan = running.plan.clone();
        let start = Start::new(engine, plan, observer, owner, StateFolder::of_user());
        runtime::run(async move {
            // Without the lock, a process that attaches meanwhile would find the service stopped.
            let _lock = start.owner.lock(LockFor::Change, &start.observer).await?;
            let new = restart(&start, &old).await.map_err(|failure| failure.into_error(&start.plan, None))?;
            running.replace(new);
            start.owner.remember(&running, start.engine.as_ref());
            Ok(())
        })
        .await
    }

    pub(super) fn of(live: Live) -> Stack {
        Stack { live: Some(live) }
    }

    pub(crate) fn find(&self, name: &str) -> Result<Arc<RunningService>, Error> {
        let services = self.running().services();
        services
            .get(name)
            .cloned()
            .ok_or_else(|| Error::unknown("service", name, services.keys().map(String::as_str)))
    }

    fn live(&self) -> &Live {
        self.live.as_ref().expect("only `down` and `drop` take the services out of a stack")
    }

    pub(crate) fn running(&self) -> &Arc<Running> {
        &self.live().running
    }

    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.live().engine
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stack")
            .field("name", &self.live.as_ref().map(|live| &live.running.plan.stack))
            .finish_non_exhaustive()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let Some(live) = self.live.take() else { return };
        let is_panicking = std::thread::panicking();
        let stack = live.running.plan.stack.clone();
        if live.is_unshared() {
            end_without_down(live, &stack);
        } else if is_panicking {
            save_evidence_of_share(live, &stack);
        }
        let evidence = StateFolder::of_user().evidence_directory(&stack);
        if let Some(directory) = evidence.ok().filter(|directory| is_panicking && directory.is_dir()) {
            say_where_the_logs_are(&stack, &directory);
        }
    }
}

/// Removes a stack that nobody took down: something went wrong, so the evidence is saved first.
fn end_without_down(live: Live, stack: &str) {
    match runtime::block_on_at_most(DROP_LIMIT, live.remove(Evidence::Save { seen: Vec::new() })) {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::error!("{error:?}"),
        None => tracing::error!(
            stack,
            "the stack was not removed within {DROP_LIMIT:?}; `greenroom down --stack {stack}` removes it"
        ),
    }
}

/// Saves the evidence of a shared stack for a test that panicked.
fn save_evidence_of_share(live: Live, stack: &str) {
    let test = std::thread::current().name().unwrap_or("a thread without a name").to_owned();
    match runtime::block_on_at_most(DROP_LIMIT, live.save_evidence(test)) {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::error!("{error:?}"),
        None => tracing::error!(stack, "the logs were not saved within {DROP_LIMIT:?}"),
    }
}
