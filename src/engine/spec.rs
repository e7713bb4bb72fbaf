//! What the engine is told to create.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compose::{Attachment, Logging, Mount};
use crate::plan::PlannedPort;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NetworkSpec {
    pub name: String,
    pub network: crate::compose::Network,
    pub labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct VolumeSpec {
    pub name: String,
    pub volume: crate::compose::Volume,
    pub labels: BTreeMap<String, String>,
}

/// A container's whole body, as greenroom decided it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub labels: BTreeMap<String, String>,
    pub service: crate::compose::Service,
    pub ports: Vec<PlannedPort>,
    /// The networks by their name on the engine, in the order in which it is connected to them.
    pub networks: Vec<AttachmentSpec>,
    /// `Mount::source` of a volume is its name on the engine here.
    pub mounts: Vec<Mount>,
    /// Where its log goes; the engine's default without it.
    pub logging: Option<Logging>,
    /// As the service's, with `container:NAME` for a service.
    pub network_mode: Option<String>,
    /// As the service's, with `container:NAME` for a service.
    pub ipc: Option<String>,
    /// As the service's, with `container:NAME` for a service.
    pub pid: Option<String>,
    /// `CONTAINER` or `CONTAINER:MODE`.
    pub volumes_from: Vec<String>,
    /// As the service's, with the profiles themselves in the place of their files.
    pub security_opt: Vec<String>,
    /// Nothing below `/proc` and `/sys` is hidden.
    pub shows_system_paths: bool,
}

impl ContainerSpec {
    /// Whether the engine must know other containers before it can create this one.
    pub(crate) fn is_made_of_others(&self) -> bool {
        let modes = self.network_mode.iter().chain(&self.ipc).chain(&self.pid);
        !self.volumes_from.is_empty() || modes.into_iter().any(|mode| mode.starts_with("container:"))
    }
}

/// A file to be put into a container.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FileSpec {
    /// Absolute, inside the container.
    pub path: String,
    pub content: Arc<[u8]>,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

/// What it holds, which may be a secret, is left out.
impl std::fmt::Debug for FileSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileSpec({} {:04o} {}:{})", self.path, self.mode, self.uid, self.gid)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AttachmentSpec {
    pub network: String,
    pub aliases: Vec<String>,
    /// Names that this container alone has for others: `CONTAINER:ALIAS`.
    pub links: Vec<String>,
    /// As written, its aliases among [`aliases`](Self::aliases).
    pub written: Attachment,
}
