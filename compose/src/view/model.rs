//! The typed values: every short form in its long form, every path absolute.
//!
//! These types are a *view* of the canonical document. They hold what greenroom applies; the document holds
//! everything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A service, in canonical form.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Service {
    /// Its key under `services`.
    pub name: String,
    /// The image.
    pub image: Option<String>,
    /// How the image is built.
    pub build: Option<Build>,
    /// The container's name, if the file sets it.
    pub container_name: Option<String>,
    /// The host name inside the container.
    pub hostname: Option<String>,
    /// The domain name inside the container.
    pub domainname: Option<String>,
    /// `None`: that of the image. Empty: cleared.
    pub command: Option<Vec<String>>,
    /// `None`: that of the image. Empty: cleared.
    pub entrypoint: Option<Vec<String>>,
    /// Variables. A value of `None` unsets the variable, even if the image sets it.
    pub environment: BTreeMap<String, Option<String>>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Ports that other services can reach, without being published.
    pub expose: Vec<String>,
    /// Mounts.
    pub volumes: Vec<Mount>,
    /// Temporary file systems: `path` or `path:options`.
    pub tmpfs: Vec<String>,
    /// The networks, by key.
    pub networks: BTreeMap<String, Attachment>,
    /// `none`, `host`, `bridge`, `service:NAME` or `container:NAME`.
    pub network_mode: Option<String>,
    /// The services that it depends on, by name.
    pub depends_on: BTreeMap<String, Dependency>,
    /// The health check.
    pub healthcheck: Option<Healthcheck>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The user that runs the container's process.
    pub user: Option<String>,
    /// The folder in which the process starts.
    pub working_dir: Option<String>,
    /// The signal that stops it.
    pub stop_signal: Option<String>,
    /// How long it may take to stop after that signal.
    pub stop_grace_period: Option<Duration>,
    /// `no`, `always`, `on-failure[:max]` or `unless-stopped`.
    pub restart: Option<String>,
    /// The number of containers: `scale`, or `deploy.replicas`.
    pub scale: u32,
    /// When its image is pulled.
    pub pull_policy: Option<String>,
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// Whether an init process runs first.
    pub init: Option<bool>,
    /// Whether the root file system is read-only.
    pub read_only: bool,
    /// Whether it runs with all privileges.
    pub privileged: bool,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether its standard input stays open.
    pub stdin_open: bool,
    /// Capabilities in addition to the default ones.
    pub cap_add: Vec<String>,
    /// Capabilities that are removed.
    pub cap_drop: Vec<String>,
    /// Security options.
    pub security_opt: Vec<String>,
    /// Additional groups of the user.
    pub group_add: Vec<String>,
    /// The size of `/dev/shm`, in bytes.
    pub shm_size: Option<i64>,
    /// Limits, from the service's own keys and `deploy.resources`.
    pub resources: Resources,
    /// Devices of the host.
    pub devices: Vec<Device>,
    /// Devices that the engine's drivers choose: `gpus` and `deploy.resources.reservations.devices`.
    pub device_requests: Vec<DeviceRequest>,
    /// Devices that its control group may use, such as `c 1:3 mr`.
    pub device_cgroup_rules: Vec<String>,
    /// Annotations for the container's runtime.
    pub annotations: BTreeMap<String, String>,
    /// `shareable`, `private`, `host`, `none`, `service:NAME` or `container:NAME`.
    pub ipc: Option<String>,
    /// `host`, `service:NAME` or `container:NAME`.
    pub pid: Option<String>,
    /// `host`.
    pub uts: Option<String>,
    /// `host`.
    pub userns_mode: Option<String>,
    /// `host` or `private`.
    pub cgroup: Option<String>,
    /// The parent of the container's control group.
    pub cgroup_parent: Option<String>,
    /// `default`; Windows has others.
    pub isolation: Option<String>,
    /// The program that runs the container, as the engine's configuration names it.
    pub runtime: Option<String>,
    /// The logging configuration.
    pub logging: Option<Logging>,
    /// The MAC address on its first network.
    pub mac_address: Option<String>,
    /// `SERVICE` or `SERVICE:ALIAS`.
    pub links: Vec<String>,
    /// `CONTAINER` or `CONTAINER:ALIAS`, for containers outside this project.
    pub external_links: Vec<String>,
    /// `SERVICE`, `SERVICE:ro`, or `container:NAME` with or without `:ro`.
    pub volumes_from: Vec<String>,
    /// Options of the storage driver.
    pub storage_opt: BTreeMap<String, String>,
    /// `deploy.restart_policy`, which takes precedence over `restart`.
    pub restart_policy: Option<RestartPolicy>,
    /// The type of the provider that replaces a container.
    pub provider: Option<String>,
    /// `name=address`, as Compose prints them.
    pub extra_hosts: Vec<String>,
    /// DNS servers.
    pub dns: Vec<String>,
    /// DNS search domains.
    pub dns_search: Vec<String>,
    /// Resolver options.
    pub dns_opt: Vec<String>,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// Resource limits of the process.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Secrets that it gets as files.
    pub secrets: Vec<FileReference>,
    /// Configs that it gets as files.
    pub configs: Vec<FileReference>,
    /// Commands to run in the container after it starts.
    pub post_start: Vec<Hook>,
    /// Commands to run in the container before it is stopped.
    pub pre_stop: Vec<Hook>,
    /// The value of `x-greenroom`, as it is.
    pub greenroom: Option<serde_json::Value>,
}

/// The resources that a container may use. A limit that is not set is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Resources {
    /// Processors, such as 0.5.
    pub cpus: Option<f64>,
    /// Processors of a Windows container.
    pub cpu_count: Option<i64>,
    /// The percentage of the processors that a Windows container may use.
    pub cpu_percent: Option<i64>,
    /// Microseconds.
    pub cpu_period: Option<i64>,
    /// Microseconds of each period.
    pub cpu_quota: Option<i64>,
    /// Microseconds.
    pub cpu_rt_period: Option<i64>,
    /// Microseconds of each period.
    pub cpu_rt_runtime: Option<i64>,
    /// The weight relative to other containers.
    pub cpu_shares: Option<i64>,
    /// The processors that it may use, such as `0-3` or `0,1`.
    pub cpuset: Option<String>,
    /// Bytes.
    pub memory: Option<i64>,
    /// Bytes that it keeps when memory is scarce.
    pub memory_reservation: Option<i64>,
    /// Bytes of memory and swap together; -1 for no limit.
    pub memory_swap: Option<i64>,
    /// From 0 to 100.
    pub memory_swappiness: Option<i64>,
    /// Whether it is spared when memory runs out.
    pub oom_kill_disable: bool,
    /// How likely it is killed when memory runs out, from -1000 to 1000.
    pub oom_score_adj: Option<i64>,
    /// Processes and threads; -1 for no limit.
    pub pids: Option<i64>,
    /// Access to block devices.
    pub blkio: Blkio,
}

/// Access to block devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blkio {
    /// From 10 to 1000.
    pub weight: Option<u16>,
    /// Weights of single devices, by path.
    pub weight_device: Vec<(String, i64)>,
    /// Bytes a second, by path.
    pub device_read_bps: Vec<(String, i64)>,
    /// Bytes a second, by path.
    pub device_write_bps: Vec<(String, i64)>,
    /// Operations a second, by path.
    pub device_read_iops: Vec<(String, i64)>,
    /// Operations a second, by path.
    pub device_write_iops: Vec<(String, i64)>,
}

/// A device of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// The path on the host, or the name of a CDI device (`vendor.com/class=name`).
    pub source: String,
    /// The path in the container.
    pub target: String,
    /// Some of `r`, `w` and `m`.
    pub permissions: String,
}

/// A request for devices that one of the engine's drivers chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceRequest {
    /// The driver.
    pub driver: Option<String>,
    /// The number of devices; -1 for all.
    pub count: Option<i64>,
    /// The IDs of the devices.
    pub ids: Vec<String>,
    /// The capabilities that they need.
    pub capabilities: Vec<String>,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
}

/// The logging configuration of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logging {
    /// The driver; `None`: the engine's default.
    pub driver: Option<String>,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
}

/// `deploy.restart_policy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestartPolicy {
    /// `none`, `on-failure` or `any`.
    pub condition: Option<String>,
    /// The maximum number of attempts.
    pub max_attempts: Option<u32>,
}

impl Service {
    /// Whether it mounts the volumes of the service `other`.
    #[must_use]
    pub fn takes_volumes_from(&self, other: &str) -> bool {
        let services = self.volumes_from.iter().filter(|from| !from.starts_with("container:"));
        services.into_iter().any(|from| from.split(':').next() == Some(other))
    }
}

/// `build:` in its long form; the context is absolute unless it is a URL.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Build {
    /// The folder, or a URL.
    pub context: String,
    /// The Dockerfile, relative to the context.
    pub dockerfile: Option<String>,
    /// The Dockerfile's text.
    pub dockerfile_inline: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, Option<String>>,
    /// The stage to build.
    pub target: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The network of the build's steps.
    pub network: Option<String>,
    /// Whether the cache is not used.
    pub no_cache: bool,
    /// Whether the base image is pulled even if it is present.
    pub pull: bool,
    /// Images whose layers may be reused.
    pub cache_from: Vec<String>,
    /// `name=address`, as Compose prints them: in the `/etc/hosts` of the build's steps.
    pub extra_hosts: Vec<String>,
    /// Bytes.
    pub shm_size: Option<i64>,
    /// Resource limits of the build's steps.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// The isolation technology of the build's steps.
    pub isolation: Option<String>,
    /// `os/arch[/variant]`.
    pub platforms: Vec<String>,
    /// Additional names of the image.
    pub tags: Vec<String>,
}

impl Build {
    /// Whether the context is a URL that the engine fetches: a repository, an archive, or a single Dockerfile.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.context.contains("://")
            || ["github.com/", "git@"].iter().any(|prefix| self.context.starts_with(prefix))
    }
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Port {
    /// The port inside the container.
    pub target: u16,
    /// A port or a range (`8000-8010`); `None`: the engine chooses.
    pub published: Option<String>,
    /// The address on the host.
    pub host_ip: Option<String>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mount {
    /// What is mounted.
    pub kind: MountKind,
    /// A host path for a bind, a key of the top-level `volumes` for a volume, `None` for an anonymous volume or
    /// tmpfs.
    pub source: Option<String>,
    /// The path in the container.
    pub target: String,
    /// Whether it is read-only.
    pub read_only: bool,
    /// For a bind: whether a missing folder is created on the host.
    pub create_host_path: bool,
    /// For a bind: the propagation mode.
    pub propagation: Option<String>,
    /// For a bind: `z` or `Z`.
    pub selinux: Option<String>,
    /// For a bind: how mounts below it are handled: `enabled`, `disabled`, `writable` or `readonly`.
    pub recursive: Option<String>,
    /// For a volume: whether the image's content is not copied into it.
    pub nocopy: bool,
    /// For a volume: labels, if mounting creates it.
    pub labels: BTreeMap<String, String>,
    /// For a volume or an image: the folder in it that is mounted.
    pub subpath: Option<String>,
    /// For a tmpfs: the size in bytes.
    pub size: Option<i64>,
    /// For a tmpfs: the permissions.
    pub mode: Option<u32>,
}

/// The type of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// A file or folder of the host.
    Bind,
    /// A volume.
    Volume,
    /// A temporary file system.
    Tmpfs,
    /// The content of an image.
    Image,
    /// `npipe`, `cluster`: read, not applied.
    Other,
}

impl Mount {
    /// A read-only bind of a file or folder of the host.
    #[must_use]
    pub fn read_only_bind(source: String, target: String) -> Mount {
        Mount {
            kind: MountKind::Bind,
            source: Some(source),
            target,
            read_only: true,
            create_host_path: false,
            propagation: None,
            selinux: None,
            recursive: None,
            labels: BTreeMap::new(),
            nocopy: false,
            subpath: None,
            size: None,
            mode: None,
        }
    }
}

/// A secret or config as a service gets it.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#long-syntax-5>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileReference {
    /// Its key under the top-level `secrets` or `configs`.
    pub source: String,
    /// The path in the container; `None`: Compose's default.
    pub target: Option<String>,
    /// The owner's user ID.
    pub uid: Option<String>,
    /// The owner's group ID.
    pub gid: Option<String>,
    /// The permissions.
    pub mode: Option<u32>,
}

/// A top-level secret or config: where its content comes from.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileSource {
    /// Whether it exists outside the project; only a swarm has such.
    pub external: bool,
    /// The absolute path on the host.
    pub file: Option<PathBuf>,
    /// The variable that holds the content.
    pub environment: Option<String>,
    /// The content itself.
    pub content: Option<String>,
}

/// How a service is attached to one network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attachment {
    /// Additional names of the service on this network.
    pub aliases: Vec<String>,
    /// A fixed IPv4 address.
    pub ipv4_address: Option<String>,
    /// A fixed IPv6 address.
    pub ipv6_address: Option<String>,
    /// Link-local addresses.
    pub link_local_ips: Vec<String>,
    /// A fixed MAC address.
    pub mac_address: Option<String>,
    /// Options of the network's driver.
    pub driver_opts: BTreeMap<String, String>,
    /// The name of the interface inside the container.
    pub interface_name: Option<String>,
    /// The container is connected to the network with the highest priority first.
    pub priority: i64,
    /// The network with the highest priority provides the gateway.
    pub gw_priority: Option<i64>,
}

/// A dependency of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dependency {
    /// The state that the dependency must reach.
    pub condition: Condition,
    /// Whether the dependency must exist.
    pub required: bool,
    /// Whether the condition is written in the file. Compose prints `service_started` for the short form, too, but
    /// greenroom takes the short form to mean "ready".
    pub written_out: bool,
}

/// The state that a dependency must reach.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#depends_on>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its container is running.
    ServiceStarted,
    /// It is healthy.
    ServiceHealthy,
    /// It has exited with status 0.
    ServiceCompletedSuccessfully,
}

/// The health check of a service.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#healthcheck>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`; `None`: that of the image.
    pub test: Option<Vec<String>>,
    /// The time between two checks.
    pub interval: Option<Duration>,
    /// How long one check may take.
    pub timeout: Option<Duration>,
    /// The time at the start during which failures do not count.
    pub start_period: Option<Duration>,
    /// The number of failures after which it is unhealthy.
    pub retries: Option<u64>,
    /// Whether the health check is disabled.
    pub disable: bool,
}

/// A command that runs in a container after it starts or before it stops.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#post_start>
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hook {
    /// The program and its arguments, without a shell.
    pub command: Vec<String>,
    /// The user that runs it; `None`: that of the container.
    pub user: Option<String>,
    /// Whether it runs with all privileges.
    pub privileged: bool,
    /// The working directory.
    pub working_dir: Option<String>,
    /// Variables in addition to the container's. A value of `None` unsets the variable.
    pub environment: BTreeMap<String, Option<String>>,
}

/// A resource limit of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ulimit {
    /// The soft limit.
    pub soft: i64,
    /// The hard limit.
    pub hard: i64,
}

/// A top-level network.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Network {
    /// The name that Compose gives it: `name:`, or `<project>_<key>`.
    pub name: String,
    /// Whether it exists outside the project, and is never created.
    pub external: bool,
    /// The driver.
    pub driver: Option<String>,
    /// The driver's options.
    pub driver_opts: BTreeMap<String, String>,
    /// Whether it has no access to other networks.
    pub internal: bool,
    /// Whether it has IPv4 addresses.
    pub enable_ipv4: Option<bool>,
    /// Whether it has IPv6 addresses.
    pub enable_ipv6: Option<bool>,
    /// Whether standalone containers may join it, if it spans several engines.
    pub attachable: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The driver that assigns addresses.
    pub ipam_driver: Option<String>,
    /// That driver's options.
    pub ipam_options: BTreeMap<String, String>,
    /// Its ranges of addresses.
    pub ipam: Vec<IpamPool>,
}

/// A range of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IpamPool {
    /// The subnet, in CIDR notation.
    pub subnet: Option<String>,
    /// The gateway.
    pub gateway: Option<String>,
    /// The part of the subnet from which containers get addresses.
    pub ip_range: Option<String>,
    /// Addresses that are already in use, by host name.
    pub aux_addresses: BTreeMap<String, String>,
}

/// A top-level volume.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Volume {
    /// The name that Compose gives it.
    pub name: String,
    /// Whether it exists outside the project, and is never created.
    pub external: bool,
    /// The driver.
    pub driver: Option<String>,
    /// The driver's options.
    pub driver_opts: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// Leaves out everything that can hold a secret: environment, commands, labels.
impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("image", &self.image)
            .finish_non_exhaustive()
    }
}

/// Leaves out the command and the variables, which can hold secrets.
impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Leaves out the content.
impl std::fmt::Debug for FileSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSource")
            .field("file", &self.file)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

/// Leaves out the arguments, which can hold secrets.
impl std::fmt::Debug for Build {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Build").field("context", &self.context).finish_non_exhaustive()
    }
}
