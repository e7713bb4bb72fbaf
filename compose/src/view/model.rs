//! The typed values: every short form in its long form, every path absolute.
//!
//! These types are a *view* of the canonical document. They hold what greenroom applies; the document holds
//! everything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One service as written, in canonical form.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Service {
    /// Its key under `services`.
    pub name: String,
    /// The image.
    pub image: Option<String>,
    /// How the image is built.
    pub build: Option<Build>,
    /// The container's name, as Compose would give it.
    pub container_name: Option<String>,
    /// The host name inside the container.
    pub hostname: Option<String>,
    /// The domain name inside the container.
    pub domainname: Option<String>,
    /// `None`: the image's own. Empty: cleared.
    pub command: Option<Vec<String>>,
    /// `None`: the image's own. Empty: cleared.
    pub entrypoint: Option<Vec<String>>,
    /// `None` as a value: unset in the container, even if the image sets it.
    pub environment: BTreeMap<String, Option<String>>,
    /// What is published.
    pub ports: Vec<Port>,
    /// Ports that neighbours reach, without publishing them.
    pub expose: Vec<String>,
    /// What is mounted.
    pub volumes: Vec<Mount>,
    /// Temporary file systems: `path` or `path:options`.
    pub tmpfs: Vec<String>,
    /// The networks, by their key.
    pub networks: BTreeMap<String, Attachment>,
    /// `none`, `host`, `bridge`, `service:NAME` or `container:NAME`.
    pub network_mode: Option<String>,
    /// What it depends on, by the service's name.
    pub depends_on: BTreeMap<String, Dependency>,
    /// How its health is checked.
    pub healthcheck: Option<Healthcheck>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The user who runs the container's process.
    pub user: Option<String>,
    /// The folder in which the process starts.
    pub working_dir: Option<String>,
    /// The signal that asks it to stop.
    pub stop_signal: Option<String>,
    /// How long it gets after that signal.
    pub stop_grace_period: Option<Duration>,
    /// `no`, `always`, `on-failure[:max]` or `unless-stopped`.
    pub restart: Option<String>,
    /// How many containers it has: `scale`, or `deploy.replicas`.
    pub scale: u32,
    /// When its image is pulled.
    pub pull_policy: Option<String>,
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// Whether an init process runs first.
    pub init: Option<bool>,
    /// The root file system is read-only.
    pub read_only: bool,
    /// It runs with all privileges.
    pub privileged: bool,
    /// It has a terminal.
    pub tty: bool,
    /// Its standard input stays open.
    pub stdin_open: bool,
    /// Capabilities on top of the usual ones.
    pub cap_add: Vec<String>,
    /// Capabilities taken away.
    pub cap_drop: Vec<String>,
    /// Security options.
    pub security_opt: Vec<String>,
    /// Further groups of the user.
    pub group_add: Vec<String>,
    /// Bytes.
    pub shm_size: Option<i64>,
    /// What it may use, from the service's own keys and `deploy.resources`.
    pub resources: Resources,
    /// Devices of the host.
    pub devices: Vec<Device>,
    /// Devices that the engine's drivers choose: `gpus` and `deploy.resources.reservations.devices`.
    pub device_requests: Vec<DeviceRequest>,
    /// Which devices its control group may use: `c 1:3 mr`.
    pub device_cgroup_rules: Vec<String>,
    /// What the container's runtime is told.
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
    /// The control group that the container's own lies in.
    pub cgroup_parent: Option<String>,
    /// `default`; Windows knows others.
    pub isolation: Option<String>,
    /// The program that runs the container, as the engine's configuration names it.
    pub runtime: Option<String>,
    /// Where its log goes.
    pub logging: Option<Logging>,
    /// Its address on its first network.
    pub mac_address: Option<String>,
    /// `SERVICE` or `SERVICE:ALIAS`.
    pub links: Vec<String>,
    /// `CONTAINER` or `CONTAINER:ALIAS`, of a container that is not of this project.
    pub external_links: Vec<String>,
    /// `SERVICE`, `SERVICE:ro`, or `container:NAME` with or without `:ro`.
    pub volumes_from: Vec<String>,
    /// Options of the storage driver.
    pub storage_opt: BTreeMap<String, String>,
    /// How a service ends up running again, as `deploy` says it; where it does, `restart` does not count.
    pub restart_policy: Option<RestartPolicy>,
    /// The type of the provider that stands for a container.
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
    /// The secrets that it finds as files.
    pub secrets: Vec<FileReference>,
    /// The configs that it finds as files.
    pub configs: Vec<FileReference>,
    /// What is run in the container once it has started.
    pub post_start: Vec<Hook>,
    /// What is run in the container before it is stopped.
    pub pre_stop: Vec<Hook>,
    /// The raw `x-greenroom` value, typed by `plan`.
    pub greenroom: Option<serde_json::Value>,
}

/// What a container may use. Nothing said is `None`, or an empty list.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Resources {
    /// Processors; half a one is 0.5.
    pub cpus: Option<f64>,
    /// Processors of a Windows container.
    pub cpu_count: Option<i64>,
    /// The part of the processors that a Windows container gets.
    pub cpu_percent: Option<i64>,
    /// Microseconds.
    pub cpu_period: Option<i64>,
    /// Microseconds of each period.
    pub cpu_quota: Option<i64>,
    /// Microseconds.
    pub cpu_rt_period: Option<i64>,
    /// Microseconds of each period.
    pub cpu_rt_runtime: Option<i64>,
    /// Its weight against other containers.
    pub cpu_shares: Option<i64>,
    /// Which processors: `0-3`, `0,1`.
    pub cpuset: Option<String>,
    /// Bytes.
    pub memory: Option<i64>,
    /// Bytes that it keeps when memory gets scarce.
    pub memory_reservation: Option<i64>,
    /// Bytes of memory and swap together; -1 for any.
    pub memory_swap: Option<i64>,
    /// From 0 to 100.
    pub memory_swappiness: Option<i64>,
    /// It is not killed when memory runs out.
    pub oom_kill_disable: bool,
    /// Who is killed first, from -1000 to 1000.
    pub oom_score_adj: Option<i64>,
    /// Processes and threads; -1 for any number.
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
    /// The same for single devices, by path.
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
    /// On the host, or the name of a CDI device (`vendor.com/class=name`).
    pub source: String,
    /// In the container.
    pub target: String,
    /// Some of `r`, `w` and `m`.
    pub permissions: String,
}

/// Devices that one of the engine's drivers chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceRequest {
    /// The driver.
    pub driver: Option<String>,
    /// How many; -1 for all.
    pub count: Option<i64>,
    /// Which.
    pub ids: Vec<String>,
    /// What they must be able to do.
    pub capabilities: Vec<String>,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
}

/// Where a container's log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logging {
    /// The engine's own default without it.
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
    /// How often at most.
    pub max_attempts: Option<u32>,
}

impl Service {
    /// Whether its container mounts what that of `other` does.
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
    /// Builds every step anew.
    pub no_cache: bool,
    /// Pulls the base image even if it is there.
    pub pull: bool,
    /// Images whose steps may be taken over.
    pub cache_from: Vec<String>,
    /// `name=address`, as Compose prints them: in the `/etc/hosts` of the build's steps.
    pub extra_hosts: Vec<String>,
    /// Bytes.
    pub shm_size: Option<i64>,
    /// Resource limits of the build's steps.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// How the build's steps are isolated, where the engine has several ways.
    pub isolation: Option<String>,
    /// `os/arch[/variant]`.
    pub platforms: Vec<String>,
    /// Further names of the image.
    pub tags: Vec<String>,
}

impl Build {
    /// Whether the engine fetches the context: a repository, an archive, or a Dockerfile alone.
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
    /// A port, a range (`8000-8010`), or `None` for one of the engine's choice.
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
    /// Where, inside the container.
    pub target: String,
    /// It cannot be written.
    pub read_only: bool,
    /// For a bind: make the host's folder when it is missing.
    pub create_host_path: bool,
    /// For a bind: how mounts propagate.
    pub propagation: Option<String>,
    /// For a bind: `z` or `Z`.
    pub selinux: Option<String>,
    /// For a bind: what becomes of mounts below it: `enabled`, `disabled`, `writable` or `readonly`.
    pub recursive: Option<String>,
    /// For a volume: do not copy the image's content into it.
    pub nocopy: bool,
    /// For a volume: labels of one that is created by being mounted.
    pub labels: BTreeMap<String, String>,
    /// For a volume or an image: the folder in it that is mounted.
    pub subpath: Option<String>,
    /// Bytes, for a tmpfs.
    pub size: Option<i64>,
    /// The mode of a tmpfs.
    pub mode: Option<u32>,
}

/// What a mount mounts.
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
    /// A file or folder of the host that cannot be written.
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

/// A secret or config as a service finds it.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#long-syntax-5>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileReference {
    /// Its key below the top-level `secrets` or `configs`.
    pub source: String,
    /// Where, inside the container; `None`: where Compose puts it.
    pub target: Option<String>,
    /// Whose it is.
    pub uid: Option<String>,
    /// Whose group's it is.
    pub gid: Option<String>,
    /// Who may read it.
    pub mode: Option<u32>,
}

/// A top-level secret or config: where its content comes from.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileSource {
    /// It is somebody else's, which only a swarm has.
    pub external: bool,
    /// The file on the host, absolute.
    pub file: Option<PathBuf>,
    /// The variable.
    pub environment: Option<String>,
    /// The content itself.
    pub content: Option<String>,
}

/// How a service is attached to one network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attachment {
    /// Further names of the service there.
    pub aliases: Vec<String>,
    /// A fixed address.
    pub ipv4_address: Option<String>,
    /// A fixed address.
    pub ipv6_address: Option<String>,
    /// Further addresses of the link.
    pub link_local_ips: Vec<String>,
    /// A fixed address.
    pub mac_address: Option<String>,
    /// Options of the network's driver.
    pub driver_opts: BTreeMap<String, String>,
    /// The name of the interface inside the container.
    pub interface_name: Option<String>,
    /// The network of the highest is the first that the container is connected to.
    pub priority: i64,
    /// The network of the highest gives the container its gateway.
    pub gw_priority: Option<i64>,
}

/// What a service depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dependency {
    /// What the dependency has to reach.
    pub condition: Condition,
    /// Whether the dependency must be there.
    pub required: bool,
    /// Whether the file wrote the condition out. Compose prints `service_started` for the short form too, but
    /// greenroom reads the short form as "ready".
    pub written_out: bool,
}

/// How far a dependency must be.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#depends_on>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its container runs.
    ServiceStarted,
    /// It is healthy.
    ServiceHealthy,
    /// It has ended with 0.
    ServiceCompletedSuccessfully,
}

/// How a service's health is checked.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#healthcheck>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`; `None`: the image's own.
    pub test: Option<Vec<String>>,
    /// The pause between two checks, once it is healthy.
    pub interval: Option<Duration>,
    /// How long one check may take.
    pub timeout: Option<Duration>,
    /// How long failures do not count at first.
    pub start_period: Option<Duration>,
    /// After how many failures it is unhealthy.
    pub retries: Option<u64>,
    /// It has none.
    pub disable: bool,
}

/// A command that is run in a container at a turn of its life.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#post_start>
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hook {
    /// The program and its arguments; no shell reads them.
    pub command: Vec<String>,
    /// The user who runs it; `None`: the container's own.
    pub user: Option<String>,
    /// It runs with all privileges.
    pub privileged: bool,
    /// The folder in which it runs.
    pub working_dir: Option<String>,
    /// On top of the container's own. `None` as a value: unset.
    pub environment: BTreeMap<String, Option<String>>,
}

/// A limit of the process.
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
    /// The name Compose would give it (`<project>_<key>` or `name:`).
    pub name: String,
    /// It is somebody else's: used, never created.
    pub external: bool,
    /// The driver.
    pub driver: Option<String>,
    /// The driver's options.
    pub driver_opts: BTreeMap<String, String>,
    /// It leads nowhere else.
    pub internal: bool,
    /// It has IPv4 addresses.
    pub enable_ipv4: Option<bool>,
    /// It has IPv6 addresses.
    pub enable_ipv6: Option<bool>,
    /// Containers that are started by hand may join it, where it spans engines.
    pub attachable: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Who hands out its addresses.
    pub ipam_driver: Option<String>,
    /// That driver's options.
    pub ipam_options: BTreeMap<String, String>,
    /// Subnet, gateway, ip range.
    pub ipam: Vec<IpamPool>,
}

/// A range of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IpamPool {
    /// The addresses, in CIDR notation.
    pub subnet: Option<String>,
    /// The gateway.
    pub gateway: Option<String>,
    /// The part of the subnet that containers get.
    pub ip_range: Option<String>,
    /// Addresses that are taken already, by whom.
    pub aux_addresses: BTreeMap<String, String>,
}

/// A top-level volume.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Volume {
    /// The name Compose would give it.
    pub name: String,
    /// It is somebody else's: used, never created.
    pub external: bool,
    /// The driver.
    pub driver: Option<String>,
    /// The driver's options.
    pub driver_opts: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// What can hold a secret — environment, commands, labels — is left out.
impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("image", &self.image)
            .finish_non_exhaustive()
    }
}

/// Its words and variables, which can hold secrets, are left out.
impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The content is left out.
impl std::fmt::Debug for FileSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSource")
            .field("file", &self.file)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

/// The arguments, which can hold secrets, are left out.
impl std::fmt::Debug for Build {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Build").field("context", &self.context).finish_non_exhaustive()
    }
}
