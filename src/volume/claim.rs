//! Claims kept volumes, so that only one stack at a time uses each.
//!
//! Processes that share an engine may share nothing else: they have different state folders, users and hosts. So a claim
//! is an object on the engine that can exist only once: an empty volume whose name follows from the kept volume's. Asked
//! to create a volume that exists, an engine answers with the existing one, and its labels say whose claim it is. A
//! stack's claim has the stack's label, so it is removed with the stack, after the containers.
//!
//! # Rationale
//!
//! The claim decides who is first, and names the holder. It cannot be all that keeps two servers apart: anybody can
//! remove it (`docker volume prune`), and of two processes that remove it by its name, the second may hit a newer one.
//! So a start takes its claims once more between creating a container and starting it. Each stack then looks for the
//! containers of others after its own exists, so of two stacks at least one sees the other.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::engine::{Engine, EngineError, Filter, FoundContainer, FoundObject, VolumeSpec};
use crate::error::VolumeUser;
use crate::event::Observer;
use crate::lease::{self, Lifetime, Seen, Standing};
use crate::limits;
use crate::plan::label;
use crate::poll::{Answer, Cadence, Wait};
use crate::state::{self, StateFolder};

type Labels = BTreeMap<String, String>;

/// A claim on a kept volume.
pub(crate) struct Claim<'a> {
    /// The kept volume's name on the engine.
    volume: &'a str,
    /// The stack that claims it; `None` for the removal of the volume.
    stack: Option<&'a str>,
    spec: VolumeSpec,
}

/// Why a claim could not be taken.
#[derive(Debug)]
pub(crate) enum Taken {
    By(VolumeUser),
    Failed(EngineError),
}

impl From<EngineError> for Taken {
    fn from(error: EngineError) -> Taken {
        Taken::Failed(error)
    }
}

/// Creates the volume, or gives the one that exists.
pub(crate) type Create<'a> =
    dyn Fn(VolumeSpec) -> BoxFuture<'a, Result<FoundObject, EngineError>> + Send + Sync + 'a;

/// What one look at the engine says.
enum Look {
    Ours,
    /// The one who has the volume is about to release it.
    NotYet(VolumeUser),
    No(Taken),
}

impl<'a> Claim<'a> {
    /// The claim of `stack`. `labels` are those of everything in the stack; `nonce` tells this start from all others.
    pub(crate) fn of_stack(
        volume: &'a str,
        key: &str,
        stack: &'a str,
        labels: Labels,
        nonce: &str,
    ) -> Claim<'a> {
        Claim { volume, stack: Some(stack), spec: spec(volume, key, labels, nonce) }
    }

    /// The claim of a process that removes the volume.
    pub(crate) fn of_removal(volume: &'a str, key: &str) -> Claim<'a> {
        let labels = lease::labels(Lifetime::Process, None, None);
        let nonce = format!("{:016x}", state::random());
        Claim { volume, stack: None, spec: spec(volume, key, labels, &nonce) }
    }

    /// The volume to create on the engine.
    #[cfg(test)]
    pub(crate) fn spec(&self) -> &VolumeSpec {
        &self.spec
    }

    /// Takes the claim, if nobody has it and no container of anybody else uses the volume. Waits for a stack that is
    /// being taken down: the next run may start the moment the last one ends.
    pub(crate) async fn take(
        &self,
        engine: &dyn Engine,
        create: &Create<'_>,
        observer: &Observer,
    ) -> Result<(), Taken> {
        let what = || format!("kept volume {} to be released", self.volume);
        observer.announcing(what, self.until_taken(engine, create)).await
    }

    async fn until_taken(&self, engine: &dyn Engine, create: &Create<'_>) -> Result<(), Taken> {
        let mut wait = Wait::until(Instant::now() + limits::RELEASE, Cadence::CHEAP);
        loop {
            let user = match self.look(engine, create).await? {
                Look::Ours => return Ok(()),
                Look::No(taken) => return Err(taken),
                Look::NotYet(user) => user,
            };
            let not_yet = async { Answer::NotYet(String::new()) };
            if wait.attempt(not_yet).await.is_some() {
                return Err(Taken::By(user));
            }
        }
    }

    async fn look(&self, engine: &dyn Engine, create: &Create<'_>) -> Result<Look, EngineError> {
        let found = create(self.spec.clone()).await?;
        if found.labels.get(label::CLAIM) != self.spec.labels.get(label::CLAIM) {
            return self.others(engine, found).await;
        }
        let on_volume = Filter { labels: Vec::new(), volume: Some(self.volume.to_owned()) };
        let users = engine.containers(&on_volume).await?;
        let mut others = users.into_iter().filter(|user| !user.ended && !self.is_own(user));
        Ok(others.next().map_or(Look::Ours, |user| {
            judge(&user.labels).unwrap_or(Look::No(Taken::By(VolumeUser::Container(user.name))))
        }))
    }

    fn is_own(&self, user: &FoundContainer) -> bool {
        self.stack.is_some() && user.labels.get(label::STACK).map(String::as_str) == self.stack
    }

    /// Judges somebody else's claim.
    async fn others(&self, engine: &dyn Engine, found: FoundObject) -> Result<Look, EngineError> {
        if let Some(look) = judge(&found.labels) {
            return Ok(look);
        }
        let claim = found.name;
        if !found.labels.contains_key(label::CLAIM) {
            return Ok(Look::No(Taken::By(VolumeUser::Volume(claim))));
        }
        // A removal of the volume, which takes only moments.
        if is_leftover(&found.labels) {
            engine.remove_volume(&claim).await?;
        }
        Ok(Look::NotYet(VolumeUser::Removal { claim, holder: holder(&found.labels) }))
    }

    /// Removes the claim, unless it is somebody else's by now.
    pub(crate) async fn release(&self, engine: &dyn Engine) -> Result<(), EngineError> {
        let nonce = self.spec.labels.get(label::CLAIM).map_or("", String::as_str);
        match engine.volumes(&Filter::label(label::CLAIM, nonce)).await?.first() {
            Some(own) => engine.remove_volume(&own.name).await,
            None => Ok(()),
        }
    }
}

fn spec(volume: &str, key: &str, mut labels: Labels, nonce: &str) -> VolumeSpec {
    let name = name(volume);
    let own = [
        (label::OBJECT, name.as_str()),
        (label::VOLUME, "claim"),
        (label::VOLUME_KEY, key),
        (label::CLAIM, nonce),
    ];
    labels.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    VolumeSpec { name, labels, driver: None, driver_opts: BTreeMap::new() }
}

/// The names of kept volumes begin with `greenroom_`, those of stacks with `greenroom-`.
const PREFIX: &str = "greenroom.claim.";

/// The name of the claim on a kept volume.
pub(crate) fn name(volume: &str) -> String {
    format!("{PREFIX}{volume}")
}

/// Whether this is the name of a claim.
pub(crate) fn is_claim(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Judges the stack that has a volume; `None` if it is not a stack.
fn judge(labels: &Labels) -> Option<Look> {
    let stack = labels.get(label::STACK).filter(|stack| !stack.is_empty())?.clone();
    let user = VolumeUser::Stack { stack, holder: holder(labels), is_own: is_own(labels) };
    Some(if lease::is_ending(labels) { Look::NotYet(user) } else { Look::No(Taken::By(user)) })
}

/// Whether the process that left a claim is gone for certain.
fn is_leftover(labels: &Labels) -> bool {
    let seen = Seen { labels: labels.clone(), ..Seen::default() };
    seen.standing(&StateFolder::of_user(), lease::now()).is_ok_and(|standing| standing == Standing::Leftover)
}

/// Whether the object belongs to this user on this host.
fn is_own(labels: &Labels) -> bool {
    labels.get(label::USER).is_some_and(|user| *user == lease::user())
        && labels.get(label::HOST).is_some_and(|host| *host == lease::host())
}

/// Describes who created an object with these labels.
fn holder(labels: &Labels) -> String {
    let get = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
    let mut text = match (get(label::PROJECT), get(label::OWNER).split('-').next()) {
        ("", Some(pid)) => format!("process {pid}"),
        (project, _) => format!("project {project} in {}", get(label::DIRECTORY)),
    };
    let is_another = |name: &str, own: String| labels.get(name).is_some_and(|found| *found != own);
    if is_another(label::USER, lease::user()) {
        text.push_str(&format!(", of the user with id {}", get(label::USER)));
    }
    if is_another(label::HOST, lease::host()) {
        text.push_str(", from another host or container");
    }
    text
}
