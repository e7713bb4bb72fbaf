//! What is not the stack's own: external networks and volumes, which have to be there, and what an engine has only once,
//! which somebody else may hold.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::Error;
use crate::engine::{Engine, EngineError, Filter, FoundContainer, FoundObject};
use crate::plan::{Fate, Plan, PlannedNetwork, PlannedService, label};

/// Complains of an external network or volume that does not exist. An engine would make the volume, empty and for good.
pub(super) async fn check(plan: &Plan, engine: &dyn Engine) -> Result<(), Error> {
    let networks: Vec<_> = plan.networks.iter().filter(|network| network.network.external).collect();
    if !networks.is_empty() {
        let found = engine.networks(&Filter::default()).await?;
        for network in networks {
            there_is("network", &network.key, &network.name, &found)?;
        }
    }
    let volumes: Vec<_> = plan.volumes.iter().filter(|volume| volume.fate == Fate::External).collect();
    if !volumes.is_empty() {
        let found = engine.volumes(&Filter::default()).await?;
        for volume in volumes {
            there_is("volume", &volume.key, &volume.name, &found)?;
        }
    }
    Ok(())
}

fn there_is(what: &str, key: &str, name: &str, found: &[FoundObject]) -> Result<(), Error> {
    if found.iter().any(|object| object.name == name) {
        return Ok(());
    }
    Err(Error::missing_external(what, key, name))
}

/// Why a network could not be created: names the network that has its addresses, where one has.
pub(super) async fn network_refused(
    engine: &dyn Engine,
    planned: &PlannedNetwork,
    refusal: EngineError,
) -> Error {
    let error = Error::from(refusal);
    let wanted: Vec<IpNet> =
        planned.network.ipam.iter().filter_map(|pool| pool.subnet.as_ref()?.parse().ok()).collect();
    // What cannot be listed now leaves the engine's own words.
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
        format!("network `{key}` asks for the subnet {wanted}, and network `{}` has {taken}", holder.name);
    match holder.labels.get(label::STACK) {
        Some(stack) => error
            .with_detail(format!("{held}; it belongs to stack `{stack}`"))
            .with_hint(format!("wait for that stack, or take it down: `greenroom down --stack {stack}`; without a fixed subnet any number of stacks run side by side")),
        None => error
            .with_detail(held)
            .with_hint(format!("choose another subnet, or remove that network: `docker network rm {}`", holder.name)),
    }
}

/// Who holds a fixed address that `planned` asks for, in words.
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

/// A container, and whose it is.
fn owned(name: &str, found: Option<&FoundContainer>) -> String {
    match found.and_then(|container| container.labels.get(label::STACK)) {
        Some(stack) => {
            format!("container `{name}` of stack `{stack}` (`greenroom down --stack {stack}` takes it down)")
        }
        None => format!("container `{name}`"),
    }
}
