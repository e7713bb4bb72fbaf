//! Resources outside the stack: external networks and volumes, which must exist, and addresses, which others may
//! already use.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::Error;
use crate::engine::{Engine, EngineError, Filter, FoundContainer, FoundObject};
use crate::plan::{Fate, Plan, PlannedNetwork, PlannedService, label};

/// Checks that all external networks and volumes exist. An engine would create a missing volume, empty and permanent.
pub(super) async fn check(plan: &Plan, engine: &dyn Engine) -> Result<(), Error> {
    let networks: Vec<_> = plan.networks.iter().filter(|network| network.network.external).collect();
    if !networks.is_empty() {
        let found = engine.networks(&Filter::default()).await?;
        for network in networks {
            require("network", &network.key, &network.name, &found)?;
        }
    }
    let volumes: Vec<_> = plan.volumes.iter().filter(|volume| volume.fate == Fate::External).collect();
    if !volumes.is_empty() {
        let found = engine.volumes(&Filter::default()).await?;
        for volume in volumes {
            require("volume", &volume.key, &volume.name, &found)?;
        }
    }
    Ok(())
}

fn require(what: &str, key: &str, name: &str, found: &[FoundObject]) -> Result<(), Error> {
    if found.iter().any(|object| object.name == name) {
        return Ok(());
    }
    Err(Error::missing_external(what, key, name))
}

/// Explains why a network could not be created: names the network that has an overlapping subnet, if there is one.
pub(super) async fn network_refused(
    engine: &dyn Engine,
    planned: &PlannedNetwork,
    refusal: EngineError,
) -> Error {
    let error = Error::from(refusal);
    let wanted: Vec<IpNet> =
        planned.network.ipam.iter().filter_map(|pool| pool.subnet.as_ref()?.parse().ok()).collect();
    // If the networks cannot be listed, the engine's own error has to do.
    let networks = engine.networks(&Filter::default()).await.unwrap_or_default();
    let overlap = networks.iter().find_map(|network| {
        let taken = network.subnets.iter().filter_map(|subnet| subnet.parse::<IpNet>().ok());
        let mut pairs = taken.flat_map(|taken| wanted.iter().map(move |wanted| (wanted, taken)));
        let (wanted, taken) =
            pairs.find(|(wanted, taken)| wanted.contains(taken) || taken.contains(*wanted))?;
        Some((network, wanted, taken))
    });
    let Some((holder, wanted, taken)) = overlap else { return error };
    let key = &planned.key;
    let held =
        format!("network `{key}` asks for the subnet {wanted}, but network `{}` has {taken}", holder.name);
    match holder.labels.get(label::STACK) {
        Some(stack) => error
            .with_detail(format!("{held}; it belongs to stack `{stack}`"))
            .with_hint(format!("wait for that stack, or take it down: `greenroom down --stack {stack}`; without a fixed subnet any number of stacks run side by side")),
        None => error
            .with_detail(held)
            .with_hint(format!("choose another subnet, or remove that network: `docker network rm {}`", holder.name)),
    }
}

/// Describes the container that has a fixed address that `planned` asks for.
pub(super) async fn address_holder(
    plan: &Plan,
    engine: &dyn Engine,
    planned: &PlannedService,
) -> Option<String> {
    for attachment in &planned.networks {
        let network = &plan.network(&attachment.network)?.name;
        let wanted: Vec<IpAddr> = [&attachment.written.ipv4_address, &attachment.written.ipv6_address]
            .into_iter()
            .filter_map(|address| address.as_ref()?.parse().ok())
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let taken = engine.network_addresses(network).await.ok()?;
        let held =
            taken.into_iter().find(|(address, name)| wanted.contains(address) && *name != planned.container);
        if let Some((address, name)) = held {
            let containers = engine.containers(&Filter::default()).await.unwrap_or_default();
            let holder = containers.iter().find(|container| container.name == name);
            return Some(format!(
                "{address} on network `{network}` is the address of {}",
                owned(&name, holder)
            ));
        }
    }
    None
}

/// Describes a container and the stack it belongs to.
fn owned(name: &str, found: Option<&FoundContainer>) -> String {
    match found.and_then(|container| container.labels.get(label::STACK)) {
        Some(stack) => {
            format!("container `{name}` of stack `{stack}` (`greenroom down --stack {stack}` takes it down)")
        }
        None => format!("container `{name}`"),
    }
}
