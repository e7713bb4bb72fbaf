//! The project as the rest of greenroom sees it: every short form brought to its long form, every path absolute.
//!
//! These types are a *view* of the canonical document (what `greenroom config` prints): they hold what greenroom
//! applies, the document holds everything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// One service as written, in canonical form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    pub name: String,
    pub image: Option<String>,
    pub build: Option<Build>,
    pub container_name: Option<String>,
    pub hostname: Option<String>,
    pub domainname: Option<String>,
    /// `None`: the image's own. Empty: cleared.
    pub command: Option<Vec<String>>,
    /// `None`: the image's own. Empty: cleared.
    pub entrypoint: Option<Vec<String>>,
    /// `None` as a value: unset in the container, even if the image sets it.
    pub environment: BTreeMap<String, Option<String>>,
    pub ports: Vec<Port>,
    pub expose: Vec<String>,
    pub volumes: Vec<Mount>,
    pub tmpfs: Vec<String>,
    pub networks: BTreeMap<String, Attachment>,
    pub network_mode: Option<String>,
    pub depends_on: BTreeMap<String, Dependency>,
    pub healthcheck: Option<Healthcheck>,
    pub labels: BTreeMap<String, String>,
    pub user: Option<String>,
    pub working_dir: Option<String>,
    pub stop_signal: Option<String>,
    pub stop_grace_period: Option<Duration>,
    pub restart: Option<String>,
    pub pull_policy: Option<String>,
    pub platform: Option<String>,
    pub init: Option<bool>,
    pub read_only: bool,
    pub privileged: bool,
    pub tty: bool,
    pub stdin_open: bool,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub security_opt: Vec<String>,
    pub group_add: Vec<String>,
    /// Bytes.
    pub shm_size: Option<i64>,
    /// Bytes.
    pub mem_limit: Option<i64>,
    /// `name=address`, as Compose prints them.
    pub extra_hosts: Vec<String>,
    pub dns: Vec<String>,
    pub dns_search: Vec<String>,
    pub dns_opt: Vec<String>,
    pub sysctls: BTreeMap<String, String>,
    pub ulimits: BTreeMap<String, Ulimit>,
    /// The raw `x-greenroom` value, typed by `plan`.
    pub greenroom: Option<serde_json::Value>,
}

/// `build:` in its long form; the context is absolute unless it is a URL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Build {
    pub context: String,
    pub dockerfile: Option<String>,
    pub dockerfile_inline: Option<String>,
    pub args: BTreeMap<String, Option<String>>,
    pub target: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub network: Option<String>,
    pub no_cache: bool,
    pub pull: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    pub target: u16,
    /// A port, a range (`8000-8010`), or `None` for one of the engine's choice.
    pub published: Option<String>,
    pub host_ip: Option<String>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub kind: MountKind,
    /// A host path for a bind, a key of the top-level `volumes` for a volume, `None` for an anonymous volume or tmpfs.
    pub source: Option<String>,
    pub target: String,
    pub read_only: bool,
    /// For a bind: make the host's folder when it is missing.
    pub create_host_path: bool,
    pub propagation: Option<String>,
    pub selinux: Option<String>,
    /// For a volume: do not copy the image's content into it.
    pub nocopy: bool,
    pub subpath: Option<String>,
    /// Bytes, for a tmpfs.
    pub size: Option<i64>,
    pub mode: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountKind {
    Bind,
    Volume,
    Tmpfs,
    /// `npipe`, `cluster`, `image`: read, not applied.
    Other,
}

/// How a service is attached to one network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    pub aliases: Vec<String>,
    pub ipv4_address: Option<String>,
    pub ipv6_address: Option<String>,
    pub priority: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    pub condition: Condition,
    pub required: bool,
    /// Whether the file wrote the condition out. Compose prints `service_started` for the short form too, but greenroom
    /// reads the short form as "ready".
    pub written_out: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    ServiceStarted,
    ServiceHealthy,
    ServiceCompletedSuccessfully,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`; `None`: the image's own.
    pub test: Option<Vec<String>>,
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub start_period: Option<Duration>,
    pub retries: Option<u64>,
    pub disable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ulimit {
    pub soft: i64,
    pub hard: i64,
}

/// A top-level network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// The name Compose would give it (`<project>_<key>` or `name:`).
    pub name: String,
    pub external: bool,
    pub driver: Option<String>,
    pub driver_opts: BTreeMap<String, String>,
    pub internal: bool,
    pub enable_ipv6: Option<bool>,
    pub labels: BTreeMap<String, String>,
    pub ipam_driver: Option<String>,
    /// Subnet, gateway, ip range.
    pub ipam: Vec<IpamPool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpamPool {
    pub subnet: Option<String>,
    pub gateway: Option<String>,
    pub ip_range: Option<String>,
}

/// A top-level volume.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volume {
    /// The name Compose would give it.
    pub name: String,
    pub external: bool,
    pub driver: Option<String>,
    pub driver_opts: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
}

/// Where a thing stands in a file; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As the user named it (relative stays relative).
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}
