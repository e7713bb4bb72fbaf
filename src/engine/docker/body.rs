//! The requests that create containers, networks and volumes.

use std::collections::{BTreeMap, HashMap};

use testcontainers::bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigIsolationEnum, HostConfigLogConfig, Ipam, IpamConfig,
    NetworkCreateRequest, NetworkingConfig, PortBinding, ResourcesUlimits, RestartPolicy,
    RestartPolicyNameEnum, VolumeCreateRequest,
};
use testcontainers::bollard::query_parameters::{CreateContainerOptions, CreateContainerOptionsBuilder};

use super::options::{some, to_map};
use super::{mount, resources};
use crate::engine::{AttachmentSpec, ContainerSpec, Namespaces, NetworkSpec, VolumeSpec};

/// The network driver option that names an interface.
const INTERFACE_NAME: &str = "com.docker.network.endpoint.ifname";

/// `networks` are those to create the container with. An engine before API 1.44 accepts only one; the container is
/// connected to the others before it is started.
pub(super) fn container(spec: &ContainerSpec, networks: &[AttachmentSpec]) -> ContainerCreateBody {
    let process = &spec.process;
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        hostname: spec.hostname.clone(),
        domainname: spec.domainname.clone(),
        user: process.user.clone(),
        tty: Some(process.tty),
        open_stdin: Some(process.stdin_open),
        env: Some(environment(&process.environment)),
        cmd: process.command.clone(),
        entrypoint: process
            .entrypoint
            .clone()
            .map(|words| if words.is_empty() { vec![String::new()] } else { words }),
        working_dir: process.working_dir.clone(),
        labels: Some(to_map(&spec.labels)),
        stop_signal: process.stop_signal.clone(),
        stop_timeout: process.stop_grace_period.map(|grace| grace.as_secs_f64().ceil() as i64),
        exposed_ports: Some(exposed_ports(spec)),
        // greenroom runs the healthcheck itself, at its own cadence; the engine would only run it a second time.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        networking_config: (!networks.is_empty()).then(|| NetworkingConfig {
            endpoints_config: Some(
                networks.iter().map(|network| (network.network.clone(), endpoint(network))).collect(),
            ),
        }),
        host_config: Some(host_config(spec)),
        ..ContainerCreateBody::default()
    }
}

/// The query of the request whose body is [`container`].
pub(super) fn options(spec: &ContainerSpec) -> CreateContainerOptions {
    let mut options = CreateContainerOptionsBuilder::new().name(&spec.name);
    if let Some(platform) = &spec.platform {
        options = options.platform(platform);
    }
    options.build()
}

/// A name without `=` unsets a variable that the image sets.
pub(super) fn environment(variables: &BTreeMap<String, Option<String>>) -> Vec<String> {
    let entry = |(name, value): (&String, &Option<String>)| {
        value.as_ref().map_or_else(|| name.clone(), |value| format!("{name}={value}"))
    };
    variables.iter().map(entry).collect()
}

/// The published ports, and those of `expose`.
fn exposed_ports(spec: &ContainerSpec) -> Vec<String> {
    let mut ports: Vec<_> = spec.ports.iter().map(|port| port.port.to_string()).collect();
    for port in &spec.expose {
        let port = if port.contains('/') { port.clone() } else { format!("{port}/tcp") };
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let Namespaces { network, ipc, pid, uts, user, cgroup } = &spec.namespaces;
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &spec.ports {
        let binding =
            PortBinding { host_ip: Some(port.host_ip.clone()), host_port: Some(port.host_port.to_string()) };
        bindings.entry(port.port.to_string()).or_default().get_or_insert_default().push(binding);
    }
    let tmpfs = spec.tmpfs.iter().map(|entry| {
        let (path, options) = entry.split_once(':').unwrap_or((entry, ""));
        (path.to_owned(), options.to_owned())
    });
    let body = HostConfig {
        network_mode: network
            .clone()
            .or_else(|| spec.networks.first().map(|network| network.network.clone())),
        port_bindings: Some(bindings),
        mounts: Some(
            spec.mounts.iter().filter(|mount| !mount::is_bind_string(mount)).map(mount::body).collect(),
        ),
        binds: Some(
            spec.mounts.iter().filter(|mount| mount::is_bind_string(mount)).map(mount::bind_string).collect(),
        ),
        volumes_from: some(&spec.volumes_from),
        tmpfs: Some(tmpfs.collect()),
        log_config: spec.logging.as_ref().map(|logging| HostConfigLogConfig {
            typ: logging.driver.clone(),
            config: Some(to_map(&logging.options)),
        }),
        // An engine's own restart policy would revive a leaked container after a reboot.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        init: spec.process.init,
        privileged: Some(spec.privileged),
        readonly_rootfs: Some(spec.read_only),
        cap_add: some(&spec.cap_add),
        cap_drop: some(&spec.cap_drop),
        security_opt: some(&spec.security.options),
        masked_paths: spec.security.shows_system_paths.then(Vec::new),
        readonly_paths: spec.security.shows_system_paths.then(Vec::new),
        group_add: some(&spec.process.group_add),
        shm_size: spec.shm_size,
        annotations: (!spec.annotations.is_empty()).then(|| to_map(&spec.annotations)),
        storage_opt: (!spec.storage_opt.is_empty()).then(|| to_map(&spec.storage_opt)),
        ipc_mode: ipc.clone(),
        pid_mode: pid.clone(),
        uts_mode: uts.clone(),
        userns_mode: user.clone(),
        cgroupns_mode: cgroup.as_deref().and_then(|mode| mode.parse::<HostConfigCgroupnsModeEnum>().ok()),
        isolation: spec.isolation.as_deref().and_then(|mode| mode.parse::<HostConfigIsolationEnum>().ok()),
        runtime: spec.runtime.clone(),
        // Compose prints `name=address`; the engine expects `name:address`.
        extra_hosts: some(
            &spec.extra_hosts.iter().map(|host| host.replacen('=', ":", 1)).collect::<Vec<_>>(),
        ),
        dns: some(&spec.dns),
        dns_search: some(&spec.dns_search),
        dns_options: some(&spec.dns_opt),
        sysctls: (!spec.sysctls.is_empty()).then(|| to_map(&spec.sysctls)),
        ulimits: Some(
            spec.ulimits
                .iter()
                .map(|(name, limit)| ResourcesUlimits {
                    name: Some(name.clone()),
                    soft: Some(limit.soft),
                    hard: Some(limit.hard),
                })
                .collect(),
        ),
        ..HostConfig::default()
    };
    resources::add(body, spec)
}

pub(super) fn endpoint(attachment: &AttachmentSpec) -> EndpointSettings {
    let is_fixed = attachment.ipv4_address.is_some()
        || attachment.ipv6_address.is_some()
        || !attachment.link_local_ips.is_empty();
    let mut driver_opts = to_map(&attachment.driver_opts);
    if let Some(name) = &attachment.interface_name {
        driver_opts.insert(INTERFACE_NAME.to_owned(), name.clone());
    }
    EndpointSettings {
        aliases: Some(attachment.aliases.clone()),
        links: some(&attachment.links),
        ipam_config: is_fixed.then(|| EndpointIpamConfig {
            ipv4_address: attachment.ipv4_address.clone(),
            ipv6_address: attachment.ipv6_address.clone(),
            link_local_ips: some(&attachment.link_local_ips),
        }),
        mac_address: attachment.mac_address.clone(),
        driver_opts: (!driver_opts.is_empty()).then_some(driver_opts),
        gw_priority: attachment.gw_priority,
        ..EndpointSettings::default()
    }
}

pub(super) fn network(spec: &NetworkSpec) -> NetworkCreateRequest {
    let pools: Vec<_> = spec
        .ipam
        .iter()
        .map(|pool| IpamConfig {
            subnet: pool.subnet.clone(),
            gateway: pool.gateway.clone(),
            ip_range: pool.ip_range.clone(),
            auxiliary_addresses: (!pool.aux_addresses.is_empty()).then(|| to_map(&pool.aux_addresses)),
        })
        .collect();
    NetworkCreateRequest {
        name: spec.name.clone(),
        driver: spec.driver.clone(),
        internal: Some(spec.internal),
        attachable: Some(spec.attachable),
        enable_ipv4: spec.enable_ipv4,
        enable_ipv6: spec.enable_ipv6,
        options: Some(to_map(&spec.driver_opts)),
        labels: Some(to_map(&spec.labels)),
        ipam: (!pools.is_empty() || spec.ipam_driver.is_some() || !spec.ipam_options.is_empty()).then(|| {
            Ipam {
                driver: spec.ipam_driver.clone(),
                config: Some(pools),
                options: (!spec.ipam_options.is_empty()).then(|| to_map(&spec.ipam_options)),
            }
        }),
        ..NetworkCreateRequest::default()
    }
}

pub(super) fn volume(spec: &VolumeSpec) -> VolumeCreateRequest {
    VolumeCreateRequest {
        name: Some(spec.name.clone()),
        driver: spec.driver.clone(),
        driver_opts: Some(to_map(&spec.driver_opts)),
        labels: Some(to_map(&spec.labels)),
        cluster_volume_spec: None,
    }
}

/// The requests as JSON, to test which keys reach the engine.
#[cfg(test)]
pub(crate) mod requests {
    use serde_json::{Value as Json, json};

    use crate::engine::{ContainerSpec, NetworkSpec, VolumeSpec};

    pub(crate) fn container(spec: &ContainerSpec) -> Json {
        json!({"query": super::options(spec), "body": super::container(spec, &spec.networks)})
    }

    pub(crate) fn network(spec: &NetworkSpec) -> Json {
        json!(super::network(spec))
    }

    pub(crate) fn volume(spec: &VolumeSpec) -> Json {
        json!(super::volume(spec))
    }
}
