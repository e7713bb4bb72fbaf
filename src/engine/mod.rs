//! The container engine: images, networks, volumes, containers, logs, exec.
//!
//! The engine reports the current state and carries out requests. It makes no decisions and never polls: waiting is the
//! caller's. Only this folder names `testcontainers` and `bollard`, and none of their types leaves it.

mod build;
mod docker;
mod error;
mod found;
mod spec;

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use crate::compose::Hook;
use crate::plan::EngineVersion;

pub(crate) use build::{BuildSpec, Context, Dockerfile};
pub(crate) use docker::{address, connect, connect_again, fingerprint, shown_address};
pub(crate) use error::{ConnectError, EngineError};
pub(crate) use found::{
    Created, ExecOutput, Exit, Filter, FoundContainer, FoundMount, FoundObject, Image, Inspection, Keep,
    Removal, State,
};
pub(crate) use spec::{
    AttachmentSpec, ContainerSpec, FileSpec, Namespaces, NetworkSpec, Process, Security, VolumeSpec,
};

/// The oldest engine API that greenroom works with: Docker Engine 20.10.
pub(crate) const OLDEST_API: (u32, u32) = (1, 41);

/// A container engine. There are two implementations: Docker, and the tests' scripted engine.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// The version that the engine reported when greenroom connected to it.
    fn version(&self) -> EngineVersion;

    /// Asks for a sign of life.
    async fn ping(&self) -> Result<(), EngineError>;

    /// Inspects an image; `None` if the engine does not have it.
    async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError>;
    async fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        progress: Progress<'_>,
    ) -> Result<(), EngineError>;
    async fn build(&self, build: &BuildSpec, progress: Progress<'_>) -> Result<(), EngineError>;
    /// Creates an image with one layer from the tar file of a root file system.
    async fn import(&self, tar: &Path, reference: &str) -> Result<(), EngineError>;

    async fn create_network(&self, network: &NetworkSpec) -> Result<(), EngineError>;
    /// Creates the volume. If there is one of that name, nothing changes, and the answer is the existing one.
    async fn create_volume(&self, volume: &VolumeSpec) -> Result<FoundObject, EngineError>;
    /// Creates the container and connects it to all its networks, without starting it.
    async fn create_container(&self, container: &ContainerSpec) -> Result<Created, EngineError>;
    /// Copies files into a container that has not been started, and creates missing parent folders.
    async fn copy_into(&self, id: &str, files: &[FileSpec]) -> Result<(), EngineError>;
    /// Starts a created container through testcontainers, which holds it from then on.
    async fn start_container(&self, container: &ContainerSpec) -> Result<(), EngineError>;
    /// Starts a container again after it has exited.
    async fn restart_container(&self, id: &str) -> Result<(), EngineError>;

    async fn inspect(&self, id: &str) -> Result<Inspection, EngineError>;
    /// The TCP sockets that listen in the network of a container that has just been inspected. `None` if that cannot be
    /// seen from here.
    fn listening(&self, container: &Inspection) -> Option<Vec<SocketAddr>>;
    /// Runs a command in the container, as the container's user. `keep` says how much of its output is returned.
    async fn exec(&self, id: &str, argv: &[String], keep: Keep) -> Result<ExecOutput, EngineError>;
    /// Runs a hook in the container, as the user and with the environment that the hook asks for.
    async fn run_hook(&self, id: &str, hook: &Hook) -> Result<ExecOutput, EngineError>;
    /// Reads the container's log, with standard output and standard error interleaved; only the last `tail` lines if
    /// given. Passes it on as it comes, which is about line by line, until `sink` has enough.
    async fn read_log(&self, id: &str, tail: Option<usize>, sink: Sink<'_>) -> Result<(), EngineError>;
    /// As [`read_log`](Engine::read_log), in one piece: for logs that are known to be small, or wanted whole.
    async fn logs(&self, id: &str, tail: Option<usize>) -> Result<String, EngineError> {
        let mut log = Vec::new();
        let mut keep = |piece: &[u8]| {
            log.extend_from_slice(piece);
            ControlFlow::Continue(())
        };
        self.read_log(id, tail, &mut keep).await?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// Asks the engine to stop the container: its stop signal first, and SIGKILL after `grace`.
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError>;
    /// Kills the container and removes it with its anonymous volumes. Succeeds if the container is already gone.
    async fn remove_container(&self, id: &str) -> Result<Removal, EngineError>;
    async fn remove_network(&self, name: &str) -> Result<(), EngineError>;
    async fn remove_volume(&self, name: &str) -> Result<(), EngineError>;

    /// The matching containers, running or not.
    async fn containers(&self, filter: &Filter) -> Result<Vec<FoundContainer>, EngineError>;
    async fn networks(&self, filter: &Filter) -> Result<Vec<FoundObject>, EngineError>;
    async fn volumes(&self, filter: &Filter) -> Result<Vec<FoundObject>, EngineError>;
    /// The addresses of a network's running containers, each with its container's name.
    async fn network_addresses(&self, name: &str) -> Result<Vec<(IpAddr, String)>, EngineError>;
}

/// Receives an operation's progress, one line at a time.
pub(crate) type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Receives a log, piece by piece, and says whether it wants more.
pub(crate) type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> ControlFlow<()> + Send);

#[cfg(test)]
pub(crate) use docker::requests;
