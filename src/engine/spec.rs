//! Networks, volumes and containers to create. A spec holds everything that the request to the engine needs, each fact
//! once, and refers to other objects by their names on the engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::compose::{Device, DeviceRequest, IpamPool, Logging, Mount, Resources, Ulimit};
use crate::plan::PlannedPort;

#[derive(Clone, Debug)]
pub(crate) struct NetworkSpec {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub driver: Option<String>,
    pub driver_opts: BTreeMap<String, String>,
    pub internal: bool,
    pub attachable: bool,
    pub enable_ipv4: Option<bool>,
    pub enable_ipv6: Option<bool>,
    pub ipam: Vec<IpamPool>,
    pub ipam_driver: Option<String>,
    pub ipam_options: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub(crate) struct VolumeSpec {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub driver: Option<String>,
    pub driver_opts: BTreeMap<String, String>,
}

#[derive(Clone)]
pub(crate) struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub platform: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub process: Process,
    pub hostname: Option<String>,
    pub domainname: Option<String>,
    pub ports: Vec<PlannedPort>,
    /// Ports that other containers may use although they are not published: `80`, `80/udp`.
    pub expose: Vec<String>,
    /// In the order in which the container is connected to them.
    pub networks: Vec<AttachmentSpec>,
    /// `name=address`, as Compose prints them.
    pub extra_hosts: Vec<String>,
    pub dns: Vec<String>,
    pub dns_search: Vec<String>,
    pub dns_opt: Vec<String>,
    pub namespaces: Namespaces,
    /// The [`Mount::source`] of a volume is its name on the engine.
    pub mounts: Vec<Mount>,
    /// `path` or `path:options`
    pub tmpfs: Vec<String>,
    /// `CONTAINER` or `CONTAINER:MODE`
    pub volumes_from: Vec<String>,
    pub read_only: bool,
    /// Bytes.
    pub shm_size: Option<i64>,
    pub storage_opt: BTreeMap<String, String>,
    pub privileged: bool,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub security: Security,
    pub resources: Resources,
    pub ulimits: BTreeMap<String, Ulimit>,
    pub sysctls: BTreeMap<String, String>,
    pub devices: Vec<Device>,
    pub device_requests: Vec<DeviceRequest>,
    pub device_cgroup_rules: Vec<String>,
    pub cgroup_parent: Option<String>,
    /// `None`: the engine's default driver.
    pub logging: Option<Logging>,
    pub runtime: Option<String>,
    pub isolation: Option<String>,
}

impl ContainerSpec {
    /// Whether other containers must exist before this one can be created.
    pub(crate) fn is_made_of_others(&self) -> bool {
        let Namespaces { network, ipc, pid, .. } = &self.namespaces;
        let mut modes = network.iter().chain(ipc).chain(pid);
        !self.volumes_from.is_empty() || modes.any(|mode| mode.starts_with("container:"))
    }
}

/// Leaves out environment, commands and labels, which can contain secrets.
impl std::fmt::Debug for ContainerSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContainerSpec")
            .field("name", &self.name)
            .field("image", &self.image)
            .finish_non_exhaustive()
    }
}

/// How the container's main process runs. `None` stands for the image's own setting.
#[derive(Clone)]
pub(crate) struct Process {
    /// Empty: the image's is cleared.
    pub entrypoint: Option<Vec<String>>,
    /// Empty: the image's is cleared.
    pub command: Option<Vec<String>>,
    /// A variable without a value is unset, even if the image sets it.
    pub environment: BTreeMap<String, Option<String>>,
    pub working_dir: Option<String>,
    pub user: Option<String>,
    pub group_add: Vec<String>,
    pub tty: bool,
    pub stdin_open: bool,
    /// Whether an init process runs first.
    pub init: Option<bool>,
    pub stop_signal: Option<String>,
    pub stop_grace_period: Option<Duration>,
}

/// The container's namespaces: `host`, `container:NAME` and so on; `None` is the engine's default.
#[derive(Clone, Debug)]
pub(crate) struct Namespaces {
    /// `None`: the first of [`ContainerSpec::networks`].
    pub network: Option<String>,
    pub ipc: Option<String>,
    pub pid: Option<String>,
    pub uts: Option<String>,
    pub user: Option<String>,
    pub cgroup: Option<String>,
}

/// `security_opt` in the form that the engine accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Security {
    /// With each seccomp profile's content instead of its path.
    pub options: Vec<String>,
    /// `systempaths=unconfined`: nothing below `/proc` and `/sys` is masked.
    pub shows_system_paths: bool,
}

/// A container's place in a network.
#[derive(Clone, Debug)]
pub(crate) struct AttachmentSpec {
    /// The network's name on the engine.
    pub network: String,
    pub aliases: Vec<String>,
    /// Names by which only this container can reach others: `CONTAINER:ALIAS`.
    pub links: Vec<String>,
    pub ipv4_address: Option<String>,
    pub ipv6_address: Option<String>,
    pub link_local_ips: Vec<String>,
    pub mac_address: Option<String>,
    pub driver_opts: BTreeMap<String, String>,
    pub interface_name: Option<String>,
    pub gw_priority: Option<i64>,
}

/// A file to copy into a container.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FileSpec {
    /// Absolute, inside the container.
    pub path: String,
    pub content: Arc<[u8]>,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

/// Leaves out the content, which may be a secret.
impl std::fmt::Debug for FileSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileSpec({} {:04o} {}:{})", self.path, self.mode, self.uid, self.gid)
    }
}
