//! The engine's answers as greenroom's types.

use std::net::IpAddr;

use testcontainers::bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, ContainerSummaryStateEnum, Network,
    NetworkInspect, PortSummary, Volume,
};

use crate::address::{Address, Addresses, Port};
use crate::engine::{Exit, FoundContainer, FoundMount, FoundObject, Inspection, State};

pub(super) fn container(found: ContainerSummary) -> FoundContainer {
    FoundContainer {
        id: found.id.unwrap_or_default(),
        name: own_name(&found.names.unwrap_or_default()),
        image: found.image.unwrap_or_default(),
        running: found.state == Some(ContainerSummaryStateEnum::RUNNING),
        ended: matches!(
            found.state,
            Some(ContainerSummaryStateEnum::EXITED | ContainerSummaryStateEnum::DEAD)
        ),
        labels: found.labels.unwrap_or_default().into_iter().collect(),
        addresses: published(found.ports.unwrap_or_default()),
    }
}

pub(super) fn network(found: Network) -> FoundObject {
    let pools = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    FoundObject {
        name: found.name.unwrap_or_default(),
        subnets: pools.into_iter().filter_map(|pool| pool.subnet).collect(),
        labels: found.labels.unwrap_or_default().into_iter().collect(),
    }
}

pub(super) fn volume(found: Volume) -> FoundObject {
    FoundObject { name: found.name, subnets: Vec::new(), labels: found.labels.into_iter().collect() }
}

/// The addresses of a network's containers, each with its container's name.
pub(super) fn addresses(found: NetworkInspect) -> Vec<(IpAddr, String)> {
    let mut addresses = Vec::new();
    for container in found.containers.unwrap_or_default().into_values() {
        let name = container.name.unwrap_or_default();
        for address in [container.ipv4_address, container.ipv6_address].into_iter().flatten() {
            // The engine adds the prefix length: `172.30.0.2/24`.
            if let Ok(address) = address.split('/').next().unwrap_or_default().parse() {
                addresses.push((address, name.clone()));
            }
        }
    }
    addresses
}

/// A listed container's own name. If another container links to it, its name there is listed as well: `/web/database`.
fn own_name(names: &[String]) -> String {
    plain_name(names.iter().find(|name| !name.trim_start_matches('/').contains('/')))
}

/// The engine prefixes container names with a slash.
fn plain_name(name: Option<&String>) -> String {
    name.map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default()
}

/// The ports of a listed container. For a port published on several addresses the first counts, as in an inspection.
fn published(ports: Vec<PortSummary>) -> Addresses {
    let published = ports.into_iter().filter_map(|port| {
        let protocol = port.typ?.to_string().parse().ok()?;
        let address = Address::new(port.ip.unwrap_or_default(), port.public_port?);
        Some((Port { number: port.private_port, protocol }, address))
    });
    published.collect()
}

pub(super) fn inspection(found: ContainerInspectResponse) -> Inspection {
    let state = found.state.unwrap_or_default();
    let exit = Exit {
        code: state.exit_code.unwrap_or_default(),
        out_of_memory: state.oom_killed.unwrap_or_default(),
        error: state.error.unwrap_or_default(),
    };
    let pid = state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0);
    let state = match state.status {
        Some(ContainerStateStatusEnum::CREATED) if exit.error.is_empty() => State::Created,
        Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::RESTARTING) => State::Running,
        Some(ContainerStateStatusEnum::PAUSED) => State::Paused,
        _ => State::Exited(exit),
    };
    let ports = found.network_settings.and_then(|network| network.ports).unwrap_or_default();
    let addresses = ports.into_iter().filter_map(|(port, bindings)| {
        let address = bindings?.into_iter().find_map(|binding| {
            Some(Address::new(binding.host_ip.unwrap_or_default(), binding.host_port?.parse().ok()?))
        });
        Some((port.parse().ok()?, address?))
    });
    let mounts = found
        .mounts
        .unwrap_or_default()
        .into_iter()
        .map(|mount| FoundMount {
            volume: mount.name.filter(|_| mount.typ.as_deref() == Some("volume")),
            target: mount.destination.unwrap_or_default(),
        })
        .collect();
    Inspection {
        id: found.id.unwrap_or_default(),
        name: plain_name(found.name.as_ref()),
        state,
        pid,
        addresses: addresses.collect(),
        mounts,
        image: found.config.and_then(|config| config.image).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_its_own_name_however_others_link_to_it() {
        let names = ["/shop-web-1/database", "/shop-db-1"].map(str::to_owned);
        assert_eq!(own_name(&names), "shop-db-1");
    }
}
