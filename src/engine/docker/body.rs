//! The request bodies: what a service of a compose file is in the engine's words.

use std::collections::{BTreeMap, HashMap};

use testcontainers::bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigIsolationEnum, HostConfigLogConfig, Ipam, IpamConfig,
    NetworkCreateRequest, NetworkingConfig, PortBinding, ResourcesUlimits, RestartPolicy,
    RestartPolicyNameEnum, VolumeCreateRequest,
};

use super::{mount, resources};
use crate::engine::{AttachmentSpec, ContainerSpec, NetworkSpec, VolumeSpec};

/// The option of the engine's network drivers that names an interface.
const INTERFACE_NAME: &str = "com.docker.network.endpoint.ifname";

/// `networks`: those that the container is created with. An engine before API 1.44 takes one; it is connected to the
/// others before it is started.
pub(super) fn container(spec: &ContainerSpec, networks: &[AttachmentSpec]) -> ContainerCreateBody {
    let service = &spec.service;
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        hostname: service.hostname.clone(),
        domainname: service.domainname.clone(),
        user: service.user.clone(),
        tty: Some(service.tty),
        open_stdin: Some(service.stdin_open),
        env: Some(environment(&service.environment)),
        cmd: service.command.clone(),
        entrypoint: service
            .entrypoint
            .clone()
            .map(|words| if words.is_empty() { vec![String::new()] } else { words }),
        working_dir: service.working_dir.clone(),
        labels: Some(to_map(&spec.labels)),
        stop_signal: service.stop_signal.clone(),
        stop_timeout: service.stop_grace_period.map(|grace| grace.as_secs_f64().ceil() as i64),
        exposed_ports: Some(exposed_ports(spec)),
        // greenroom runs the check itself, at its own cadence; the engine's would only run it a second time.
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

/// A name without `=` takes the variable out of the environment that is there already.
pub(super) fn environment(variables: &BTreeMap<String, Option<String>>) -> Vec<String> {
    let entry = |(name, value): (&String, &Option<String>)| {
        value.as_ref().map_or_else(|| name.clone(), |value| format!("{name}={value}"))
    };
    variables.iter().map(entry).collect()
}

/// What is published, and what `expose` names: `80`, `80/udp`.
fn exposed_ports(spec: &ContainerSpec) -> Vec<String> {
    let mut ports: Vec<_> = spec.ports.iter().map(|port| port.port.to_string()).collect();
    for port in &spec.service.expose {
        let port = if port.contains('/') { port.clone() } else { format!("{port}/tcp") };
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let service = &spec.service;
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &spec.ports {
        let binding =
            PortBinding { host_ip: Some(port.host_ip.clone()), host_port: Some(port.host_port.to_string()) };
        bindings.entry(port.port.to_string()).or_default().get_or_insert_default().push(binding);
    }
    let tmpfs = service.tmpfs.iter().map(|entry| {
        let (path, options) = entry.split_once(':').unwrap_or((entry, ""));
        (path.to_owned(), options.to_owned())
    });
    let body = HostConfig {
        network_mode: spec
            .network_mode
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
        init: service.init,
        privileged: Some(service.privileged),
        readonly_rootfs: Some(service.read_only),
        cap_add: some(&service.cap_add),
        cap_drop: some(&service.cap_drop),
        security_opt: some(&spec.security_opt),
        masked_paths: spec.shows_system_paths.then(Vec::new),
        readonly_paths: spec.shows_system_paths.then(Vec::new),
        group_add: some(&service.group_add),
        shm_size: service.shm_size,
        annotations: (!service.annotations.is_empty()).then(|| to_map(&service.annotations)),
        storage_opt: (!service.storage_opt.is_empty()).then(|| to_map(&service.storage_opt)),
        ipc_mode: spec.ipc.clone(),
        pid_mode: spec.pid.clone(),
        uts_mode: service.uts.clone(),
        userns_mode: service.userns_mode.clone(),
        cgroupns_mode: service
            .cgroup
            .as_deref()
            .and_then(|mode| mode.parse::<HostConfigCgroupnsModeEnum>().ok()),
        isolation: service.isolation.as_deref().and_then(|mode| mode.parse::<HostConfigIsolationEnum>().ok()),
        runtime: service.runtime.clone(),
        // Compose prints `name=address`; the engine takes `name:address`.
        extra_hosts: some(
            &service.extra_hosts.iter().map(|host| host.replacen('=', ":", 1)).collect::<Vec<_>>(),
        ),
        dns: some(&service.dns),
        dns_search: some(&service.dns_search),
        dns_options: some(&service.dns_opt),
        sysctls: (!service.sysctls.is_empty()).then(|| to_map(&service.sysctls)),
        ulimits: Some(
            service
                .ulimits
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
    resources::add(body, service)
}

pub(super) fn endpoint(attachment: &AttachmentSpec) -> EndpointSettings {
    let written = &attachment.written;
    let is_fixed = written.ipv4_address.is_some()
        || written.ipv6_address.is_some()
        || !written.link_local_ips.is_empty();
    let mut driver_opts = to_map(&written.driver_opts);
    if let Some(name) = &written.interface_name {
        driver_opts.insert(INTERFACE_NAME.to_owned(), name.clone());
    }
    EndpointSettings {
        aliases: Some(attachment.aliases.clone()),
        links: some(&attachment.links),
        ipam_config: is_fixed.then(|| EndpointIpamConfig {
            ipv4_address: written.ipv4_address.clone(),
            ipv6_address: written.ipv6_address.clone(),
            link_local_ips: some(&written.link_local_ips),
        }),
        mac_address: written.mac_address.clone(),
        driver_opts: (!driver_opts.is_empty()).then_some(driver_opts),
        gw_priority: written.gw_priority,
        ..EndpointSettings::default()
    }
}

pub(super) fn network(spec: &NetworkSpec) -> NetworkCreateRequest {
    let network = &spec.network;
    let pools: Vec<_> = network
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
        driver: network.driver.clone(),
        internal: Some(network.internal),
        attachable: Some(network.attachable),
        enable_ipv4: network.enable_ipv4,
        enable_ipv6: network.enable_ipv6,
        options: Some(to_map(&network.driver_opts)),
        labels: Some(to_map(&spec.labels)),
        ipam: (!pools.is_empty() || network.ipam_driver.is_some() || !network.ipam_options.is_empty()).then(
            || Ipam {
                driver: network.ipam_driver.clone(),
                config: Some(pools),
                options: (!network.ipam_options.is_empty()).then(|| to_map(&network.ipam_options)),
            },
        ),
        ..NetworkCreateRequest::default()
    }
}

pub(super) fn volume(spec: &VolumeSpec) -> VolumeCreateRequest {
    VolumeCreateRequest {
        name: Some(spec.name.clone()),
        driver: spec.volume.driver.clone(),
        driver_opts: Some(to_map(&spec.volume.driver_opts)),
        labels: Some(to_map(&spec.labels)),
        cluster_volume_spec: None,
    }
}

pub(super) fn to_map(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(super) fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}
