//! Lists stacks on the engine, and only what greenroom created.

use std::collections::BTreeMap;

use super::sign::Sign;
use crate::Error;
use crate::address::Addresses;
use crate::engine::{Engine, EngineError, Filter, FoundContainer, FoundObject};
use crate::lease::{Folder, Seen};
use crate::plan::{PlannedService, is_word, label};
use crate::volume;

/// The labels of an object on the engine.
pub(super) type Labels = BTreeMap<String, String>;

/// What the engine has of one or more stacks.
pub(super) struct Objects {
    pub containers: Vec<FoundContainer>,
    pub networks: Vec<FoundObject>,
    pub volumes: Vec<FoundObject>,
}

/// The matching objects that greenroom created.
async fn objects(engine: &dyn Engine, filter: &Filter) -> Result<Objects, EngineError> {
    let (mut containers, mut networks, mut volumes) =
        tokio::try_join!(engine.containers(filter), engine.networks(filter), engine.volumes(filter))?;
    containers.retain(|container| is_ours(&container.name, &container.labels));
    networks.retain(|network| is_ours(&network.name, &network.labels));
    volumes.retain(|volume| is_ours(&volume.name, &volume.labels));
    Ok(Objects { containers, networks, volumes })
}

/// Whether greenroom created the object of this name for the stack that its labels state.
///
/// Labels alone prove nothing: anybody can write them, and an image that is committed from one of our containers hands
/// them down to its own containers. But names are unique on an engine, and an inherited label states another's name.
fn is_ours(name: &str, labels: &Labels) -> bool {
    let states = |label: &str| labels.get(label).map(String::as_str).unwrap_or_default();
    let stack = states(label::STACK);
    states(label::OBJECT) == name
        && is_word(stack)
        && (name.strip_prefix(stack).is_some_and(|rest| rest.starts_with(['-', '_', '.']))
            || volume::is_claim(name))
}

/// The stacks that match, by name. Networks and volumes count too: a start that was killed early may have left nothing
/// else.
pub(super) async fn stacks(engine: &dyn Engine, filter: &Filter) -> Result<BTreeMap<String, Seen>, Error> {
    let Objects { containers, networks, volumes } = objects(engine, filter).await?;
    let containers = containers.into_iter().map(|container| (container.name, container.labels));
    let others = networks.into_iter().chain(volumes).map(|object| (object.name, object.labels));
    let mut stacks: BTreeMap<String, Seen> = BTreeMap::new();
    for (name, labels) in containers.chain(others) {
        let stack = labels[label::STACK].clone();
        let sign = Sign::of(&stack, &name);
        let seen = stacks.entry(stack).or_default();
        match sign {
            Some(Sign::Complete) => seen.is_complete = true,
            Some(Sign::Alive(at)) => seen.alive = seen.alive.max(at),
            None => {}
        }
        seen.labels = labels;
    }
    Ok(stacks)
}

/// The stacks on the engine that were created under this very lease.
pub(super) async fn under_lease(engine: &dyn Engine, lease: &Folder) -> Result<Vec<String>, Error> {
    let Some(terms) = lease.terms() else { return Ok(Vec::new()) };
    let found = stacks(engine, &Filter::label(label::NONCE, &terms.nonce)).await?;
    Ok(found.into_iter().filter(|(_, seen)| seen.is_under(lease)).map(|(stack, _)| stack).collect())
}

/// Everything of a stack.
pub(super) async fn objects_of(engine: &dyn Engine, stack: &str) -> Result<Objects, EngineError> {
    objects(engine, &Filter::label(label::STACK, stack)).await
}

/// The containers of a stack.
pub(super) async fn containers_of(engine: &dyn Engine, stack: &str) -> Result<Vec<FoundContainer>, Error> {
    let mut containers = engine.containers(&Filter::label(label::STACK, stack)).await?;
    containers.retain(|container| is_ours(&container.name, &container.labels));
    Ok(containers)
}

/// The addresses of a service that shares another container's network: those of that container.
pub(super) async fn addresses_of_owner(
    engine: &dyn Engine,
    planned: &PlannedService,
) -> Result<Option<Addresses>, EngineError> {
    match &planned.network_of {
        Some(owner) => Ok(Some(engine.inspect(owner).await?.addresses)),
        None => Ok(None),
    }
}
