//! Turns the plan into the engine's specs and labels. Pure.

use std::collections::BTreeMap;

use crate::compose::Service;
use crate::engine::{AttachmentSpec, ContainerSpec, Namespaces, NetworkSpec, Process, Security, VolumeSpec};
use crate::plan::{
    Fate, Plan, PlannedAttachment, PlannedNetwork, PlannedService, PlannedVolume, is_readable, label,
};

use super::owner::Owner;
use crate::volume::{self, Claim};

/// A container with this label is stopped gracefully before it is removed, within this many seconds. Others are killed;
/// their label is empty, so that no label of their image shows through.
pub(super) const STOP_GRACE_LABEL: &str = "greenroom.stop-grace";

pub(super) fn container(
    plan: &Plan,
    planned: &PlannedService,
    image: &str,
    security: Security,
    owner: &Owner,
) -> ContainerSpec {
    let service = &planned.service;
    let mut labels = service.labels.clone();
    labels.extend(stack_labels(plan, owner, &planned.container));
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
    let is_stopped = plan.kept_volumes_of(service).next().is_some();
    let grace = is_stopped.then(|| planned.stop_grace.as_secs_f64().ceil().to_string());
    labels.insert(STOP_GRACE_LABEL.to_owned(), grace.unwrap_or_default());
    ContainerSpec {
        name: planned.container.clone(),
        image: image.to_owned(),
        platform: service.platform.clone(),
        labels,
        annotations: service.annotations.clone(),
        process: process(service),
        hostname: service.hostname.clone(),
        domainname: service.domainname.clone(),
        ports: planned.ports.clone(),
        expose: service.expose.clone(),
        networks: planned.networks.iter().map(|network| attachment(plan, service, network)).collect(),
        extra_hosts: service.extra_hosts.clone(),
        dns: service.dns.clone(),
        dns_search: service.dns_search.clone(),
        dns_opt: service.dns_opt.clone(),
        namespaces: namespaces(plan, planned),
        mounts: service.volumes.iter().map(|mount| plan.mount_on_engine(mount)).collect(),
        tmpfs: service.tmpfs.clone(),
        volumes_from: service.volumes_from.iter().map(|from| volumes_from(plan, from)).collect(),
        read_only: service.read_only,
        shm_size: service.shm_size,
        storage_opt: service.storage_opt.clone(),
        privileged: service.privileged,
        cap_add: service.cap_add.clone(),
        cap_drop: service.cap_drop.clone(),
        security,
        resources: service.resources.clone(),
        ulimits: service.ulimits.clone(),
        sysctls: service.sysctls.clone(),
        devices: service.devices.clone(),
        device_requests: service.device_requests.clone(),
        device_cgroup_rules: service.device_cgroup_rules.clone(),
        cgroup_parent: service.cgroup_parent.clone(),
        logging: service.logging.clone().filter(is_readable),
        runtime: service.runtime.clone(),
        isolation: service.isolation.clone(),
    }
}

fn process(service: &Service) -> Process {
    Process {
        entrypoint: service.entrypoint.clone(),
        command: service.command.clone(),
        environment: service.environment.clone(),
        working_dir: service.working_dir.clone(),
        user: service.user.clone(),
        group_add: service.group_add.clone(),
        tty: service.tty,
        stdin_open: service.stdin_open,
        init: service.init,
        stop_signal: service.stop_signal.clone(),
        stop_grace_period: service.stop_grace_period,
    }
}

fn namespaces(plan: &Plan, planned: &PlannedService) -> Namespaces {
    let service = &planned.service;
    let owner = planned.network_of.as_ref().map(|owner| format!("container:{owner}"));
    Namespaces {
        network: owner.or_else(|| service.network_mode.clone()),
        ipc: service.ipc.as_deref().map(|mode| shared(plan, mode)),
        pid: service.pid.as_deref().map(|mode| shared(plan, mode)),
        uts: service.uts.clone(),
        user: service.userns_mode.clone(),
        cgroup: service.cgroup.clone(),
    }
}

fn attachment(plan: &Plan, service: &Service, planned: &PlannedAttachment) -> AttachmentSpec {
    let network = plan.network(&planned.network);
    let written = planned.written.clone();
    AttachmentSpec {
        network: network.map_or_else(|| planned.network.clone(), |network| network.name.clone()),
        aliases: planned.aliases.clone(),
        links: links(plan, service),
        ipv4_address: written.ipv4_address,
        ipv6_address: written.ipv6_address,
        link_local_ips: written.link_local_ips,
        mac_address: written.mac_address,
        driver_opts: written.driver_opts,
        interface_name: written.interface_name,
        gw_priority: written.gw_priority,
    }
}

/// `links` and `external_links` as `CONTAINER:ALIAS`. The default alias is the name that the file links to.
fn links(plan: &Plan, service: &Service) -> Vec<String> {
    let split = |link: &String| {
        let (name, alias) = link.split_once(':').unwrap_or((link, link));
        (name.to_owned(), alias.to_owned())
    };
    let own = service.links.iter().map(split).map(|(name, alias)| (container_of(plan, &name), alias));
    let external = service.external_links.iter().map(split);
    own.chain(external).map(|(container, alias)| format!("{container}:{alias}")).collect()
}

/// Translates `service:NAME` to the container of that service.
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

/// The container of a service. The reader has checked that the service exists.
fn container_of(plan: &Plan, service: &str) -> String {
    plan.service(service).map_or_else(|| service.to_owned(), |planned| planned.container.clone())
}

pub(super) fn network(plan: &Plan, planned: &PlannedNetwork, owner: &Owner) -> NetworkSpec {
    let mut labels = planned.network.labels.clone();
    labels.extend(stack_labels(plan, owner, &planned.name));
    labels.insert(label::COMPOSE_NETWORK.to_owned(), planned.key.clone());
    let network = planned.network.clone();
    NetworkSpec {
        name: planned.name.clone(),
        labels,
        driver: network.driver,
        driver_opts: network.driver_opts,
        internal: network.internal,
        attachable: network.attachable,
        enable_ipv4: network.enable_ipv4,
        enable_ipv6: network.enable_ipv6,
        ipam: network.ipam,
        ipam_driver: network.ipam_driver,
        ipam_options: network.ipam_options,
    }
}

pub(super) fn volume(plan: &Plan, planned: &PlannedVolume, owner: &Owner) -> VolumeSpec {
    let mut labels = planned.volume.labels.clone();
    labels.insert(label::VOLUME_KEY.to_owned(), planned.key.clone());
    match planned.fate {
        Fate::Kept => {
            // Without the stack's label, so that removing the stack does not remove the volume.
            labels.extend(project_labels(plan));
            labels.insert(label::VOLUME.to_owned(), "kept".to_owned());
        }
        Fate::Fresh | Fate::External => {
            labels.extend(stack_labels(plan, owner, &planned.name));
            labels.insert(label::VOLUME.to_owned(), "fresh".to_owned());
            labels.insert(label::COMPOSE_VOLUME.to_owned(), planned.key.clone());
        }
    }
    let volume = planned.volume.clone();
    VolumeSpec { name: planned.name.clone(), labels, driver: volume.driver, driver_opts: volume.driver_opts }
}

/// The claim on a kept volume. It has the stack's label, so that it is removed with the stack.
pub(super) fn claim<'a>(plan: &'a Plan, planned: &'a PlannedVolume, owner: &Owner, nonce: &str) -> Claim<'a> {
    let labels = stack_labels(plan, owner, &volume::claim_name(&planned.name));
    Claim::of_stack(&planned.name, &planned.key, &plan.stack, labels, nonce)
}

/// The labels on each object of the stack. `object` is its name on the engine.
pub(super) fn stack_labels(plan: &Plan, owner: &Owner, object: &str) -> BTreeMap<String, String> {
    let mut labels = project_labels(plan);
    labels.extend(
        [
            (label::STACK, plan.stack.as_str()),
            (label::OBJECT, object),
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
