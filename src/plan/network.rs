//! The networks of a service, or the container whose network it shares.

use std::collections::BTreeMap;

use super::{PlannedAttachment, names, problem};
use crate::compose::{Attachment, Problem, Project, Service};

/// The owner of a network that a service shares.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#network_mode>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    /// `network_mode: service:NAME`
    Service(&'a str),
    /// `network_mode: container:NAME`, a container outside the stack
    Container(&'a str),
}

impl Owner<'_> {
    /// The container's name on the engine. If the owner has replicas, this is the first.
    pub(super) fn container(self, stack: &str) -> String {
        match self {
            Owner::Service(name) => names::container(stack, name, 1),
            Owner::Container(name) => name.to_owned(),
        }
    }
}

/// The owner of the network that `service` shares, followed through services that share a network themselves. The
/// reader has refused cycles.
pub(super) fn owner<'a>(project: &'a Project, service: &'a Service) -> Option<Owner<'a>> {
    let mode = service.network_mode.as_deref()?;
    if let Some(container) = mode.strip_prefix("container:") {
        return Some(Owner::Container(container));
    }
    let name = mode.strip_prefix("service:")?;
    let other = project.services.get(name)?;
    Some(owner(project, other).unwrap_or(Owner::Service(name)))
}

/// The services that share the network of the service `name`.
pub(super) fn sharers<'a>(project: &'a Project, name: &'a str) -> impl Iterator<Item = &'a Service> {
    let shares = move |service: &&Service| owner(project, service) == Some(Owner::Service(name));
    project.services.values().filter(shares)
}

/// Refuses a network that cannot be shared.
pub(super) fn check(project: &Project, service: &Service) -> Result<(), Box<Problem>> {
    let Some(owner) = owner(project, service) else { return Ok(()) };
    let path = |key: &str| format!("services.{}.{key}", service.name);
    if let Owner::Service(name) = owner
        && project.services[name].scale == 0
    {
        let message = format!("service `{name}`, whose network it shares, has no container: its scale is 0");
        return Err(problem(project, &path("network_mode"), message));
    }
    if !service.ports.is_empty() {
        let message = "a service that shares another's network cannot publish ports";
        let mut problem = problem(project, &path("ports"), message);
        if let Owner::Service(name) = owner {
            problem.hint = Some(format!("publish them under `ports:` of `{name}`"));
        }
        return Err(problem);
    }
    Ok(())
}

/// The service's networks, with every name that Compose would give the service there.
pub(super) fn attachments(service: &Service) -> Vec<PlannedAttachment> {
    if service.network_mode.is_some() {
        return Vec::new();
    }
    let mut mac_address = service.mac_address.clone();
    by_priority(&service.networks)
        .into_iter()
        .map(|(network, attachment)| {
            let mut aliases = vec![service.name.clone()];
            let names = service.container_name.iter().chain(&service.hostname).chain(&attachment.aliases);
            for name in names {
                if !aliases.contains(name) {
                    aliases.push(name.clone());
                }
            }
            let mut written = attachment.clone();
            written.mac_address = mac_address.take().or(written.mac_address);
            PlannedAttachment { network: network.clone(), aliases, written }
        })
        .collect()
}

/// The networks of a service in the order in which its container is connected to them: by descending priority, then by
/// name.
pub(super) fn by_priority(networks: &BTreeMap<String, Attachment>) -> Vec<(&String, &Attachment)> {
    let mut networks: Vec<_> = networks.iter().collect();
    networks.sort_by_key(|(_, attachment)| std::cmp::Reverse(attachment.priority));
    networks
}
