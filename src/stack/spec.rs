//! From the plan to what the engine is told: bodies and labels. Pure.

use std::collections::BTreeMap;

use crate::compose::Service;
use crate::engine::{AttachmentSpec, ContainerSpec, NetworkSpec, VolumeSpec};
use crate::plan::{
    Fate, Plan, PlannedNetwork, PlannedService, PlannedVolume, is_readable, label, mount_on_engine,
};

use super::owner::Owner;

/// Stopped with its signal and this many seconds of grace before it is removed; without it, a container is killed.
pub(super) const STOP_GRACE_LABEL: &str = "greenroom.stop-grace";

pub(super) fn container(plan: &Plan, planned: &PlannedService, image: &str, owner: &Owner) -> ContainerSpec {
    let service = &planned.service;
    let mut labels = service.labels.clone();
    labels.extend(stack_labels(plan, owner));
    labels.extend(
        [
            (label::SERVICE, service.name.as_str()),
            (label::COMPOSE_SERVICE, &service.name),
            (label::COMPOSE_NUMBER, &planned.number.to_string()),
            (label::COMPOSE_ONEOFF, "False"),
            (label::COMPOSE_CONFIG_HASH, &planned.config_hash),
        ]
        .map(owned),
    );
    if plan.kept_volumes_of(service).next().is_some() {
        labels.insert(STOP_GRACE_LABEL.to_owned(), planned.stop_grace.as_secs_f64().ceil().to_string());
    }
    ContainerSpec {
        name: planned.container.clone(),
        image: image.to_owned(),
        labels,
        ports: planned.ports.clone(),
        networks: planned
            .networks
            .iter()
            .map(|attachment| AttachmentSpec {
                network: plan
                    .network(&attachment.network)
                    .map_or_else(|| attachment.network.clone(), |network| network.name.clone()),
                aliases: attachment.aliases.clone(),
                links: links(plan, service),
                written: attachment.written.clone(),
            })
            .collect(),
        mounts: service.volumes.iter().map(|mount| mount_on_engine(plan, mount)).collect(),
        logging: service.logging.clone().filter(is_readable),
        network_mode: match &planned.network_of {
            Some(owner) => Some(format!("container:{owner}")),
            None => service.network_mode.clone(),
        },
        ipc: service.ipc.as_deref().map(|mode| shared(plan, mode)),
        pid: service.pid.as_deref().map(|mode| shared(plan, mode)),
        volumes_from: service.volumes_from.iter().map(|from| volumes_from(plan, from)).collect(),
        service: service.clone(),
        ..ContainerSpec::default()
    }
}

/// `links` and `external_links` as `CONTAINER:ALIAS`; without an alias, what is linked keeps its name.
fn links(plan: &Plan, service: &Service) -> Vec<String> {
    let split = |link: &String| {
        let (name, alias) = link.split_once(':').unwrap_or((link, link));
        (name.to_owned(), alias.to_owned())
    };
    let own = service.links.iter().map(split).map(|(name, alias)| (container_of(plan, &name), alias));
    let external = service.external_links.iter().map(split);
    own.chain(external).map(|(container, alias)| format!("{container}:{alias}")).collect()
}

/// A namespace that is shared with a service is its container's.
fn shared(plan: &Plan, mode: &str) -> String {
    match mode.strip_prefix("service:") {
        Some(name) => format!("container:{}", container_of(plan, name)),
        None => mode.to_owned(),
    }
}

fn volumes_from(plan: &Plan, from: &str) -> String {
    if let Some(container) = from.strip_prefix("container:") {
        return container.to_owned();
    }
    match from.split_once(':') {
        Some((name, mode)) => format!("{}:{mode}", container_of(plan, name)),
        None => container_of(plan, from),
    }
}

/// The container of a service; the reader has seen to it that there is one.
fn container_of(plan: &Plan, service: &str) -> String {
    plan.service(service).map_or_else(|| service.to_owned(), |planned| planned.container.clone())
}

pub(super) fn network(plan: &Plan, planned: &PlannedNetwork, owner: &Owner) -> NetworkSpec {
    let mut labels = planned.network.labels.clone();
    labels.extend(stack_labels(plan, owner));
    labels.insert(label::COMPOSE_NETWORK.to_owned(), planned.key.clone());
    NetworkSpec { name: planned.name.clone(), network: planned.network.clone(), labels }
}

pub(super) fn volume(plan: &Plan, planned: &PlannedVolume, owner: &Owner) -> VolumeSpec {
    let mut labels = planned.volume.labels.clone();
    labels.insert(label::VOLUME_KEY.to_owned(), planned.key.clone());
    match planned.fate {
        Fate::Kept => {
            // Not the stack's label: nothing that removes a stack may find it.
            labels.extend(project_labels(plan));
            labels.insert(label::VOLUME.to_owned(), "kept".to_owned());
        }
        Fate::Fresh | Fate::External => {
            labels.extend(stack_labels(plan, owner));
            labels.insert(label::VOLUME.to_owned(), "fresh".to_owned());
            labels.insert(label::COMPOSE_VOLUME.to_owned(), planned.key.clone());
        }
    }
    VolumeSpec { name: planned.name.clone(), volume: planned.volume.clone(), labels }
}

fn stack_labels(plan: &Plan, owner: &Owner) -> BTreeMap<String, String> {
    let mut labels = project_labels(plan);
    labels.extend(
        [
            (label::STACK, plan.stack.as_str()),
            (label::PLAN, &plan.fingerprint),
            (label::COMPOSE_PROJECT, &plan.stack),
        ]
        .map(owned),
    );
    labels.extend(owner.labels.clone());
    labels
}

fn project_labels(plan: &Plan) -> BTreeMap<String, String> {
    [(label::PROJECT, plan.project.as_str()), (label::DIRECTORY, &plan.directory.to_string_lossy())]
        .map(owned)
        .into()
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
