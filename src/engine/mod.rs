//! The container engine: images, networks, volumes, containers, logs, exec.
//!
//! The engine tells what is and does what it is told; it never waits for readiness and never decides. `testcontainers`
//! and `bollard` are named in this folder only, and none of their types leaves it.

mod build;
mod docker;
mod error;
mod found;
mod spec;

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use crate::compose::Hook;
use crate::plan::EngineVersion;

pub(crate) use build::{BuildSpec, Context, Dockerfile};
pub(crate) use docker::{address, connect, connect_again};
pub(crate) use error::{ConnectError, EngineError};
pub(crate) use found::{
    Created, ExecOutput, Exit, Filter, FoundContainer, FoundMount, FoundObject, Image, Inspection, Removal,
    State,
};
pub(crate) use spec::{
    AttachmentSpec, ContainerSpec, FileSpec, Namespaces, NetworkSpec, Process, Security, VolumeSpec,
};

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
    async fn import(&self, tar: &Path, reference: &str) -> Result<(), EngineError>;

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
    async fn remove_container(&self, id: &str) -> Result<Removal, EngineError>;
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

#[cfg(test)]
pub(crate) use docker::requests;
