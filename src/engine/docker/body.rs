//! The request bodies: what a service of a compose file is in the engine's words.

use std::collections::{BTreeMap, HashMap};

use testcontainers::bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig, Ipam, IpamConfig,
    Mount as EngineMount, MountBindOptions, MountBindOptionsPropagationEnum, MountTmpfsOptions, MountType,
    MountVolumeOptions, NetworkCreateRequest, NetworkingConfig, PortBinding, ResourcesUlimits, RestartPolicy,
    RestartPolicyNameEnum, VolumeCreateRequest,
};

use crate::compose::{Mount, MountKind};
use crate::engine::{AttachmentSpec, ContainerSpec, NetworkSpec, VolumeSpec};

pub(super) fn container(spec: &ContainerSpec) -> ContainerCreateBody {
    let service = &spec.service;
    let network = spec.networks.first();
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
        exposed_ports: Some(spec.ports.iter().map(|port| port.container.clone()).collect()),
        // greenroom runs the check itself, at its own cadence; the engine's would only run it a second time.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        networking_config: network.map(|network| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.network.clone(), endpoint(network))])),
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

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let service = &spec.service;
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &spec.ports {
        let binding =
            PortBinding { host_ip: Some(port.host_ip.clone()), host_port: Some(port.host_port.to_string()) };
        bindings.entry(port.container.clone()).or_default().get_or_insert_default().push(binding);
    }
    let tmpfs = service.tmpfs.iter().map(|entry| {
        let (path, options) = entry.split_once(':').unwrap_or((entry, ""));
        (path.to_owned(), options.to_owned())
    });
    HostConfig {
        network_mode: service
            .network_mode
            .clone()
            .or_else(|| spec.networks.first().map(|network| network.network.clone())),
        port_bindings: Some(bindings),
        mounts: Some(spec.mounts.iter().map(mount).collect()),
        tmpfs: Some(tmpfs.collect()),
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
        security_opt: some(&service.security_opt),
        group_add: some(&service.group_add),
        shm_size: service.shm_size,
        memory: service.mem_limit,
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
    }
}

pub(super) fn endpoint(attachment: &AttachmentSpec) -> EndpointSettings {
    let addresses = (attachment.ipv4_address.is_some() || attachment.ipv6_address.is_some()).then(|| {
        EndpointIpamConfig {
            ipv4_address: attachment.ipv4_address.clone(),
            ipv6_address: attachment.ipv6_address.clone(),
            link_local_ips: None,
        }
    });
    EndpointSettings {
        aliases: Some(attachment.aliases.clone()),
        ipam_config: addresses,
        ..EndpointSettings::default()
    }
}

fn mount(mount: &Mount) -> EngineMount {
    let bind = || MountBindOptions {
        propagation: mount
            .propagation
            .as_deref()
            .and_then(|word| word.parse::<MountBindOptionsPropagationEnum>().ok()),
        ..MountBindOptions::default()
    };
    let volume = || MountVolumeOptions {
        no_copy: Some(mount.nocopy),
        subpath: mount.subpath.clone(),
        ..MountVolumeOptions::default()
    };
    let tmpfs =
        || MountTmpfsOptions { size_bytes: mount.size, mode: mount.mode.map(i64::from), options: None };
    EngineMount {
        target: Some(mount.target.clone()),
        source: mount.source.clone(),
        read_only: Some(mount.read_only),
        typ: Some(match mount.kind {
            MountKind::Bind => MountType::BIND,
            MountKind::Volume | MountKind::Other => MountType::VOLUME,
            MountKind::Tmpfs => MountType::TMPFS,
        }),
        bind_options: (mount.kind == MountKind::Bind).then(bind),
        volume_options: (mount.kind == MountKind::Volume).then(volume),
        tmpfs_options: (mount.kind == MountKind::Tmpfs).then(tmpfs),
        ..EngineMount::default()
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
            auxiliary_addresses: None,
        })
        .collect();
    NetworkCreateRequest {
        name: spec.name.clone(),
        driver: network.driver.clone(),
        internal: Some(network.internal),
        enable_ipv6: network.enable_ipv6,
        options: Some(to_map(&network.driver_opts)),
        labels: Some(to_map(&spec.labels)),
        ipam: (!pools.is_empty() || network.ipam_driver.is_some()).then(|| Ipam {
            driver: network.ipam_driver.clone(),
            config: Some(pools),
            options: None,
        }),
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

fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}
