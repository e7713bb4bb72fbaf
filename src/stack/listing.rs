//! Lists stacks on the engine by their labels.

use std::collections::BTreeMap;

use crate::Error;
use crate::address::Addresses;
use crate::engine::{Engine, EngineError, Filter, FoundContainer};
use crate::plan::{PlannedService, label};

/// The labels of an object on the engine.
pub(super) type Labels = BTreeMap<String, String>;

/// The stacks that match, by name, each with the labels of one of its objects. Networks and volumes count too: a start
/// that was killed early may have left nothing else.
pub(super) async fn stacks(engine: &dyn Engine, filter: &Filter) -> Result<BTreeMap<String, Labels>, Error> {
    let (containers, networks, volumes) =
        tokio::try_join!(engine.containers(filter), engine.networks(filter), engine.volumes(filter))?;
    let labels = containers
        .into_iter()
        .map(|container| container.labels)
        .chain(networks.into_iter().chain(volumes).map(|object| object.labels));
    let mut stacks = BTreeMap::new();
    for labels in labels {
        if let Some(name) = labels.get(label::STACK).filter(|name| !name.is_empty()) {
            stacks.entry(name.clone()).or_insert(labels);
        }
    }
    Ok(stacks)
}

/// The containers of a stack.
pub(super) async fn containers_of(engine: &dyn Engine, stack: &str) -> Result<Vec<FoundContainer>, Error> {
    Ok(engine.containers(&Filter::label(label::STACK, stack)).await?)
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
