//! The plan's types.

use std::path::PathBuf;
use std::time::Duration;

use super::extension::Fallback;
use super::file::PlannedFile;
use super::need::Need;
use super::order::Dependency;
use super::pull::PullPolicy;
use super::readiness::Readiness;
use crate::address::Port;
use crate::compose::{Attachment, Mount, MountKind, Secrets, Service, Warning};
use crate::kind::{Kind, LoginSettings};

/// Which host ports the services get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ports {
    /// Ports on 127.0.0.1 that the engine picks: any number of stacks can run side by side.
    #[default]
    Picked,
    /// The addresses and ports that the file states.
    AsWritten,
}

/// What will run. `greenroom plan` prints it.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// The stack's name, unique on this machine. It is also the Compose project name of the stack.
    pub stack: String,
    /// The project's name, derived as Compose does.
    pub project: String,
    /// The project's folder.
    pub directory: PathBuf,
    /// The environment files that were read.
    pub env_files: Vec<PathBuf>,
    /// The services, each after its dependencies.
    pub services: Vec<PlannedService>,
    /// The networks.
    pub networks: Vec<PlannedNetwork>,
    /// The volumes.
    pub volumes: Vec<PlannedVolume>,
    /// The settings of the file that greenroom does not apply, and the warnings from reading it.
    pub warnings: Vec<Warning>,
    /// The engine features that the plan needs.
    pub(crate) needs: Vec<Need>,
    /// A fingerprint of the file and the options: stacks with the same input have the same fingerprint.
    pub(crate) fingerprint: String,
    pub(crate) secrets: Secrets,
}

/// A service, or one of its replicas, with everything that can be decided before its image is known.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct PlannedService {
    /// Its name in the stack: the service's name, with `#2` for the second replica (`web#2`).
    pub name: String,
    /// The replica's number, from 1.
    pub number: u32,
    /// The service as written.
    pub service: Service,
    /// The container's name.
    pub container: String,
    /// The kind of the service.
    pub kind: Kind,
    /// Its published ports.
    pub ports: Vec<PlannedPort>,
    /// Its networks, with the names under which other services reach it there.
    pub networks: Vec<PlannedAttachment>,
    /// The container whose network it shares, and which publishes its ports.
    pub network_of: Option<String>,
    /// The dependencies it waits for.
    pub waits_for: Vec<Dependency>,
    /// What makes it ready.
    pub readiness: Readiness,
    /// Its published TCP ports that it does not serve at its start.
    pub unserved: Vec<u16>,
    /// How long one run of its healthcheck may take.
    pub healthcheck_timeout: Duration,
    /// How long it may take to become ready, not counting its image.
    pub timeout: Duration,
    /// Whether it is restarted if it exits during start-up.
    pub restart: Restart,
    /// What may be built if its image is unavailable.
    pub fallback: Option<Fallback>,
    /// How to log in, if its kind has a login.
    pub login: Option<LoginSettings>,
    /// When its image is pulled.
    pub pull: PullPolicy,
    /// The secrets and configs that it gets as files.
    pub files: Vec<PlannedFile>,
    /// The time between its stop signal and its being killed, if it is stopped rather than killed at once.
    pub stop_grace: Duration,
    /// A fingerprint of the service's part of the file.
    pub(crate) config_hash: String,
}

/// A container port and where it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedPort {
    /// The port inside the container.
    pub port: Port,
    /// The address on the host.
    pub host_ip: String,
    /// The port on the host. 0 means that the engine picks one.
    pub host_port: u16,
}

/// A service's place in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedAttachment {
    /// The network's key.
    pub network: String,
    /// Every name that Compose would give the service there.
    pub aliases: Vec<String>,
    /// The attachment as written, with the service's own `mac_address` on its first network.
    pub written: Attachment,
}

/// Whether a service that exits during start-up is restarted.
///
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#restart>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restart {
    /// It is not restarted.
    No,
    /// It is restarted after every exit.
    Always,
    /// It is restarted after a non-zero exit code, at most this many times.
    OnFailure(Option<u32>),
}

impl Restart {
    /// The restart policy of `service`. As in Compose, `deploy.restart_policy` takes precedence over `restart`.
    pub(super) fn of(service: &Service) -> Restart {
        if let Some(policy) = &service.restart_policy {
            return match policy.condition.as_deref() {
                Some("any" | "always" | "unless-stopped") => Restart::Always,
                Some("on-failure") => Restart::OnFailure(policy.max_attempts),
                _ => Restart::No,
            };
        }
        match service.restart.as_deref() {
            Some("always" | "unless-stopped") => Restart::Always,
            Some("on-failure") => Restart::OnFailure(None),
            Some(text) => text
                .strip_prefix("on-failure:")
                .map_or(Restart::No, |most| Restart::OnFailure(most.parse().ok())),
            None => Restart::No,
        }
    }
}

/// A network, with its name on the engine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlannedNetwork {
    /// Its key in the file.
    pub key: String,
    /// Its name on the engine.
    pub name: String,
    /// The network as written. An external network is used, never created or removed.
    pub network: crate::compose::Network,
}

/// A volume, with its name on the engine and its fate.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlannedVolume {
    /// Its key in the file.
    pub key: String,
    /// Its name on the engine.
    pub name: String,
    /// Its fate when the stack goes down.
    pub fate: Fate,
    /// The volume as written.
    pub volume: crate::compose::Volume,
}

/// What happens to a volume when the stack goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It belongs to the stack and is removed with it.
    Fresh,
    /// It is kept, and the next stack that keeps it finds it again.
    Kept,
    /// It belongs to somebody else: used, never created or removed.
    External,
}

/// The same as `Display`, which hides secrets.
impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Leaves out probes, commands and other text that can hold secrets.
impl std::fmt::Debug for PlannedService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlannedService")
            .field("name", &self.name)
            .field("service", &self.service)
            .field("container", &self.container)
            .field("kind", &self.kind)
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// The service of this name. `web` is the first replica of a service, `web#2` the second.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&PlannedService> {
        self.services.iter().find(|service| service.name == name)
    }

    /// All replicas of the service of this name.
    pub fn replicas<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a PlannedService> {
        self.services.iter().filter(move |planned| planned.service.name == service)
    }

    /// The names of all services and replicas, each after its dependencies.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(|service| service.name.as_str())
    }

    pub(crate) fn volume(&self, key: &str) -> Option<&PlannedVolume> {
        self.volumes.iter().find(|volume| volume.key == key)
    }

    pub(crate) fn network(&self, key: &str) -> Option<&PlannedNetwork> {
        self.networks.iter().find(|network| network.key == key)
    }

    /// The mount, with its volume's key replaced by the volume's name on the engine.
    pub(crate) fn mount_on_engine(&self, mount: &Mount) -> Mount {
        let mut mount = mount.clone();
        if mount.kind == MountKind::Volume
            && let Some(volume) = mount.source.as_deref().and_then(|key| self.volume(key))
        {
            mount.source = Some(volume.name.clone());
        }
        mount
    }

    /// The kept volumes that `service` mounts, including those it takes over by `volumes_from`.
    pub(crate) fn kept_volumes_of<'a>(
        &'a self,
        service: &'a Service,
    ) -> impl Iterator<Item = &'a PlannedVolume> {
        let others = self.services.iter().map(|other| &other.service);
        let taken_over = others.filter(|other| service.takes_volumes_from(&other.name));
        std::iter::once(service)
            .chain(taken_over)
            .flat_map(|service| &service.volumes)
            .filter(|mount| mount.kind == MountKind::Volume)
            .filter_map(|mount| self.volume(mount.source.as_deref()?))
            .filter(|volume| volume.fate == Fate::Kept)
    }
}
