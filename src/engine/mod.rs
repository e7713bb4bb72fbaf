//! The container engine: images, networks, volumes, containers, logs, exec.
//!
//! The engine tells what is and does what it is told; it never waits for readiness and never decides. `testcontainers`
//! and `bollard` are named in this folder only, and none of their types leaves it.

mod docker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::compose::Mount;

/// The oldest engine API that greenroom works with: Docker Engine 20.10.
pub(crate) const OLDEST_API: (u32, u32) = (1, 41);

/// What greenroom asks of a container engine. The scripted engine of the tests is the other implementation.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
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
    /// Creates the container and connects it to all its networks; it does not run yet. Gives its id.
    async fn create_container(&self, container: &ContainerSpec) -> Result<String, EngineError>;
    /// Starts a created container, through testcontainers, which holds it from then on.
    async fn start_container(&self, container: &ContainerSpec) -> Result<(), EngineError>;
    /// Starts a container again that has exited.
    async fn restart_container(&self, id: &str) -> Result<(), EngineError>;

    async fn inspect(&self, id: &str) -> Result<Inspection, EngineError>;
    /// Runs a command in the container, as the user who runs the container unless told otherwise.
    async fn exec(&self, id: &str, argv: &[String]) -> Result<ExecOutput, EngineError>;
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
}

/// Where an engine operation tells how far it is, a line at a time.
pub(crate) type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// An engine operation that failed: what was tried, and what the engine said.
#[derive(Clone, Debug)]
pub(crate) struct EngineError {
    /// What was being done, as the end of "failed to …".
    pub operation: String,
    /// The engine's HTTP status, when it answered at all.
    pub status: Option<u16>,
    pub message: String,
}

impl EngineError {
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == Some(404)
    }
}

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed to {}: {}", self.operation, self.message)
    }
}

impl std::error::Error for EngineError {}

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
}

/// An image to be built by the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BuildSpec {
    pub reference: String,
    /// The folder that is sent to the engine.
    pub context: PathBuf,
    /// The Dockerfile's path, relative to the context, or its text.
    pub dockerfile: Dockerfile,
    pub args: BTreeMap<String, String>,
    pub target: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub network: Option<String>,
    pub platform: Option<String>,
    pub no_cache: bool,
    pub pull: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dockerfile {
    Path(String),
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
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub labels: BTreeMap<String, String>,
    pub service: crate::compose::Service,
    pub ports: Vec<PortSpec>,
    /// The networks by their name on the engine; the first is the one whose gateway the container uses.
    pub networks: Vec<AttachmentSpec>,
    /// `Mount::source` of a volume is its name on the engine here.
    pub mounts: Vec<Mount>,
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
    pub ipv4_address: Option<String>,
    pub ipv6_address: Option<String>,
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

/// A network or volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FoundObject {
    pub name: String,
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
pub(crate) async fn connect_again() -> Result<Arc<dyn Engine>, ConnectError> {
    docker::connect_again().await
}

/// What the engine's address was given as; empty for the usual one.
pub(crate) fn address() -> String {
    docker::address()
}

/// Why there is no engine to work with.
#[derive(Clone, Debug)]
pub(crate) struct ConnectError {
    pub message: String,
    pub hint: String,
}
