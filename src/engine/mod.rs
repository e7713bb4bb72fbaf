//! The container engine: images, networks, volumes, containers, logs, exec.
//!
//! The engine tells what is and does what it is told; it never waits for readiness and never decides. `testcontainers`
//! and `bollard` are named in this folder only, and none of their types leaves it.

mod docker;
mod error;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::compose::{Attachment, Hook, Logging, Mount, Ulimit};
use crate::plan::{EngineVersion, label, replica};

pub(crate) use error::{ConnectError, EngineError};

/// The oldest engine API that greenroom works with: Docker Engine 20.10.
pub(crate) const OLDEST_API: (u32, u32) = (1, 41);

/// What greenroom asks of a container engine. The scripted engine of the tests is the other implementation.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// What the engine said of itself when it was connected to.
    fn version(&self) -> EngineVersion;

    /// What the image's configuration says, `None` when the engine does not have it.
    async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError>;
    async fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        progress: Progress<'_>,
    ) -> Result<(), EngineError>;
    async fn build(&self, build: &BuildSpec, progress: Progress<'_>) -> Result<(), EngineError>;
    /// Makes an image of one layer out of a root filesystem's tar file.
    async fn import(&self, tar: &std::path::Path, reference: &str) -> Result<(), EngineError>;

    async fn create_network(&self, network: &NetworkSpec) -> Result<(), EngineError>;
    async fn create_volume(&self, volume: &VolumeSpec) -> Result<(), EngineError>;
    /// Creates the container and connects it to all its networks; it does not run yet.
    async fn create_container(&self, container: &ContainerSpec) -> Result<Created, EngineError>;
    /// Puts files into a container that does not run yet, and makes the folders that they lie in where they are missing.
    async fn copy_into(&self, id: &str, files: &[FileSpec]) -> Result<(), EngineError>;
    /// Starts a created container, through testcontainers, which holds it from then on.
    async fn start_container(&self, container: &ContainerSpec) -> Result<(), EngineError>;
    /// Starts a container again that has exited.
    async fn restart_container(&self, id: &str) -> Result<(), EngineError>;

    async fn inspect(&self, id: &str) -> Result<Inspection, EngineError>;
    /// Runs a command in the container, as the user who runs the container unless told otherwise.
    async fn exec(&self, id: &str, argv: &[String]) -> Result<ExecOutput, EngineError>;
    /// Runs a hook in the container.
    async fn run_hook(&self, id: &str, hook: &Hook) -> Result<ExecOutput, EngineError>;
    /// The container's log, standard output and standard error as they came; the last `tail` lines when given.
    async fn logs(&self, id: &str, tail: Option<usize>) -> Result<String, EngineError>;

    /// Sends the container its stop signal and waits until it ends, at most `grace`; then it is killed.
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError>;
    /// Kills and removes the container with its anonymous volumes; one that is gone already is fine.
    async fn remove_container(&self, id: &str) -> Result<(), EngineError>;
    async fn remove_network(&self, name: &str) -> Result<(), EngineError>;
    async fn remove_volume(&self, name: &str) -> Result<(), EngineError>;

    /// The containers, running or not, that match.
    async fn containers(&self, filter: &Filter) -> Result<Vec<FoundContainer>, EngineError>;
    async fn networks(&self, filter: &Filter) -> Result<Vec<FoundObject>, EngineError>;
    async fn volumes(&self, filter: &Filter) -> Result<Vec<FoundObject>, EngineError>;
    /// The addresses on a network that running containers have, with the container's name.
    async fn network_addresses(&self, name: &str) -> Result<Vec<(IpAddr, String)>, EngineError>;
}

/// Where an engine operation tells how far it is, a line at a time.
pub(crate) type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// What greenroom needs to know of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    pub id: String,
    /// The `HEALTHCHECK` of its Dockerfile, as Compose writes it: `["CMD-SHELL", …]`.
    pub healthcheck: Option<Vec<String>>,
    /// `5432/tcp`
    pub exposed_ports: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub stop_signal: Option<String>,
    /// When it got a name on this engine, where the engine tells it.
    pub named_at: Option<SystemTime>,
}

/// An image to be built by the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BuildSpec {
    pub reference: String,
    /// Further names of the image.
    pub tags: Vec<String>,
    pub context: Context,
    pub dockerfile: Dockerfile,
    pub args: BTreeMap<String, String>,
    pub target: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// The network of the build's steps.
    pub network: Option<String>,
    pub platform: Option<String>,
    pub no_cache: bool,
    /// Pulls the base image even if it is there.
    pub pull: bool,
    /// Images whose steps may be taken over.
    pub cache_from: Vec<String>,
    /// `name:address`, in the `/etc/hosts` of the build's steps.
    pub extra_hosts: Vec<String>,
    /// Bytes.
    pub shm_size: Option<i64>,
    pub ulimits: BTreeMap<String, Ulimit>,
    pub isolation: Option<String>,
}

impl BuildSpec {
    /// A build with nothing said but what it is made of.
    pub(crate) fn new(reference: String, context: Context, dockerfile: Dockerfile) -> BuildSpec {
        BuildSpec {
            reference,
            tags: Vec::new(),
            context,
            dockerfile,
            args: BTreeMap::new(),
            target: None,
            labels: BTreeMap::new(),
            network: None,
            platform: None,
            no_cache: false,
            pull: false,
            cache_from: Vec::new(),
            extra_hosts: Vec::new(),
            shm_size: None,
            ulimits: BTreeMap::new(),
            isolation: None,
        }
    }
}

/// Where the build's files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// A folder, which is sent to the engine.
    Folder(PathBuf),
    /// A URL of a repository, an archive or a Dockerfile, which the engine fetches.
    Remote(String),
}

impl std::fmt::Display for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Context::Folder(path) => write!(f, "{}", path.display()),
            Context::Remote(url) => f.write_str(url),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dockerfile {
    /// Relative to the context, which it may lie outside of, or absolute.
    Path(String),
    /// Its text.
    Inline(String),
}

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
    pub ports: Vec<PortSpec>,
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

/// A container that has been created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Created {
    pub id: String,
    /// What the engine does otherwise than it was told, in its own words.
    pub warnings: Vec<String>,
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortSpec {
    /// `5432/tcp`
    pub container: String,
    pub host_ip: String,
    /// 0: the engine's choice.
    pub host_port: u16,
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

/// What a container is at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inspection {
    pub id: String,
    pub name: String,
    pub state: State,
    /// Host ports on 127.0.0.1 (or where the file asked for, with fixed ports) by container port: `5432/tcp`.
    pub ports: BTreeMap<String, (String, u16)>,
    pub mounts: Vec<FoundMount>,
    pub image: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Created,
    Running,
    Paused,
    Exited(Exit),
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exit {
    pub code: i64,
    pub out_of_memory: bool,
    /// What the engine itself said, such as why the process could not be started.
    pub error: String,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exited with {}", self.code)?;
        // 128 + the signal's number is how a shell, and so the engine, tells a death by signal.
        match self.code {
            _ if self.out_of_memory => write!(f, " (out of memory)")?,
            137 => write!(f, " (killed by SIGKILL)")?,
            139 => write!(f, " (killed by SIGSEGV)")?,
            143 => write!(f, " (killed by SIGTERM)")?,
            126 => write!(f, " (the command could not be executed)")?,
            127 => write!(f, " (the command was not found)")?,
            _ => {}
        }
        if self.error.is_empty() { Ok(()) } else { write!(f, ": {}", self.error) }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct FoundMount {
    /// The volume's name; `None` for a bind or tmpfs.
    pub volume: Option<String>,
    pub target: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExecOutput {
    pub code: i64,
    /// Standard output and standard error as they came.
    pub output: String,
}

/// Which objects of the engine to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// `name=value`, or `name` for any value; all must match.
    pub labels: Vec<String>,
    /// Containers that mount this volume.
    pub volume: Option<String>,
}

impl Filter {
    pub(crate) fn label(name: &str, value: &str) -> Filter {
        Filter { labels: vec![format!("{name}={value}")], volume: None }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FoundContainer {
    pub id: String,
    pub name: String,
    pub image: String,
    pub running: bool,
    pub labels: BTreeMap<String, String>,
    /// Host addresses by container port, as [`Inspection::ports`]; of a container that runs.
    pub ports: BTreeMap<String, (String, u16)>,
}

impl FoundContainer {
    /// Which service, or replica of one, it is of the stack that its labels name.
    pub(crate) fn service(&self) -> Option<String> {
        let service = self.labels.get(label::SERVICE)?;
        let number = self.labels.get(label::COMPOSE_NUMBER).and_then(|number| number.parse().ok());
        Some(replica(service, number.unwrap_or(1)))
    }
}

/// A network or volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FoundObject {
    pub name: String,
    /// A network's, in CIDR notation.
    pub subnets: Vec<String>,
    pub labels: BTreeMap<String, String>,
}

/// The engine of this machine, connected to once a process.
///
/// # Errors
///
/// No engine answers, its socket may not be opened, it is too old, or `DOCKER_HOST` names another machine. The next call tries anew.
pub(crate) async fn connect() -> Result<Arc<dyn Engine>, ConnectError> {
    docker::connect().await
}

/// The same, for a stack that runs: its engine is one to work with, and is not asked for its version first.
pub(crate) async fn connect_again(version: &EngineVersion) -> Result<Arc<dyn Engine>, ConnectError> {
    docker::connect_again(version).await
}

/// What the engine's address was given as; empty for the usual one.
pub(crate) fn address() -> String {
    docker::address()
}
