//! Decides, before anything runs, which services start, in what order, under which names and ports, the fate of each
//! volume, how each service is probed, and how long it may take to become ready.
//!
//! This module has no side effects: a plan is a value that can be printed, compared and tested.

mod build;
mod extension;
mod feature;
mod file;
mod names;
mod need;
mod network;
mod order;
mod ports;
mod print;
mod pull;
mod readiness;
pub(crate) mod support;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::Error;
use crate::address::Port;
use crate::compose::Secrets;
use crate::compose::{Attachment, Files, Mount, MountKind, Problem, Problems, Project, Service, Warning};
use crate::kind::{Kind, LoginSettings, Probe};

pub use extension::{Base, Fallback};
pub use file::{Delivery, PlannedFile};
pub use order::{Dependency, Until};
pub use pull::PullPolicy;
pub use readiness::{Healthcheck, Readiness};

pub(crate) use build::cached_image;
pub(crate) use file::Content;
pub(crate) use names::{hash, id_of_stack, label, replica};
pub(crate) use need::EngineVersion;
pub(crate) use readiness::ReadyWhen;
pub(crate) use values::is_readable;

/// How long a service may take to become ready, without the time for its image, unless configured otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// The time between a service's stop signal and its being killed, unless the file says otherwise.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#stop_grace_period>
const DEFAULT_STOP_GRACE: Duration = Duration::from_secs(10);

/// The options for a stack besides its compose file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The suffix that makes the stack's names unique.
    pub id: String,
    /// Keys of the volumes to keep.
    pub keep_volumes: Vec<String>,
    pub ports: Ports,
    /// The deadline for every service. `None`: the file's, or else [`DEFAULT_TIMEOUT`].
    pub timeout: Option<Duration>,
    /// Probes set in Rust, by service.
    pub probes: BTreeMap<String, Probe>,
}

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
    pub(crate) needs: Vec<need::Need>,
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

/// Decides everything that can be decided before anything runs. Secrets and configs are read from `disk`.
pub(crate) fn plan(project: &Project, disk: &dyn Files, options: &Options) -> Result<Plan, Error> {
    let services = project.services.values().filter(|service| service.provider.is_none());
    let names: Vec<_> = services.map(|service| service.name.as_str()).collect();
    if let Some(name) = options.probes.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(Error::unknown("service", name, names));
    }
    let stack = names::stack(&project.name, &options.id);
    let volumes = plan_volumes(project, options, &stack)?;
    let networks = project
        .networks
        .iter()
        .map(|(key, network)| PlannedNetwork {
            key: key.clone(),
            name: if network.external { network.name.clone() } else { format!("{stack}_{key}") },
            network: network.clone(),
        })
        .collect();

    let mut problems = Vec::new();
    let mut warnings = project.warnings.clone();
    let mut secrets = project.secrets.clone();
    let mut services: Vec<PlannedService> = Vec::new();
    support::check(project, &mut problems, &mut warnings);
    for name in order::topological(&project.services) {
        build::check(project, name, &mut problems, &mut warnings);
        values::check(project, name, &mut problems, &mut warnings);
        // A provider has no container. `support` has already warned that the service is left out.
        if project.services[name].provider.is_some() {
            continue;
        }
        let files = file::plan(project, disk, name, &mut problems, &mut warnings);
        file::add_secrets(&files, &mut secrets);
        // Replicas differ only in their number, so a problem of one is a problem of all.
        let replicas = (1..=project.services[name].scale.min(values::MOST_REPLICAS))
            .map(|number| plan_service(project, options, &stack, name, number, files.clone()))
            .collect::<Result<Vec<_>, _>>();
        match replicas {
            Ok(replicas) => {
                let logins = replicas.iter().filter_map(|planned| planned.login.as_ref());
                logins.filter_map(LoginSettings::secret).for_each(|password| secrets.add(password));
                services.extend(replicas);
            }
            Err(problem) => problems.push(*problem),
        }
    }
    if let Some(problems) = Problems::from_list(problems) {
        return Err(Error::compose(&problems));
    }
    let mut plan = Plan {
        stack,
        project: project.name.clone(),
        directory: project.directory.clone(),
        env_files: project.env_files.clone(),
        networks,
        volumes,
        warnings,
        needs: need::of(project),
        fingerprint: fingerprint(project, options, &services),
        services,
        secrets,
    };
    plan.warnings.extend(feature::warnings(project, &plan));
    Ok(plan)
}

fn plan_volumes(project: &Project, options: &Options, stack: &str) -> Result<Vec<PlannedVolume>, Error> {
    if let Some(key) = options.keep_volumes.iter().find(|key| !project.volumes.contains_key(*key)) {
        return Err(Error::unknown("volume", key, project.volumes.keys().map(String::as_str)));
    }
    let planned = project.volumes.iter().map(|(key, volume)| {
        let (fate, name) = if volume.external {
            (Fate::External, volume.name.clone())
        } else if options.keep_volumes.contains(key) {
            (Fate::Kept, names::kept_volume(&project.name, &project.directory, key))
        } else {
            (Fate::Fresh, format!("{stack}_{key}"))
        };
        PlannedVolume { key: key.clone(), name, fate, volume: volume.clone() }
    });
    Ok(planned.collect())
}

fn plan_service(
    project: &Project,
    options: &Options,
    stack: &str,
    name: &str,
    number: u32,
    files: Vec<PlannedFile>,
) -> Result<PlannedService, Box<Problem>> {
    let service = project.services[name].clone();
    network::check(project, &service)?;
    let questions = Questions::of(project, options, &service)?;
    let ports = plan_ports(project, options, &service, &questions)?;
    let Questions { extension, kind, readiness } = questions;
    Ok(PlannedService {
        name: names::replica(name, number),
        number,
        container: names::container(stack, name, number),
        kind,
        ports,
        networks: network::attachments(&service),
        network_of: network::owner(project, &service).map(|owner| owner.container(stack)),
        waits_for: order::dependencies(project, &service),
        healthcheck_timeout: service
            .healthcheck
            .as_ref()
            .and_then(|check| check.timeout)
            .unwrap_or(Duration::from_secs(30)),
        timeout: match options.timeout {
            Some(timeout) => timeout,
            None => extension.timeout(project, name)?.unwrap_or(DEFAULT_TIMEOUT),
        },
        restart: plan_restart(&service),
        fallback: extension.fallback,
        pull: PullPolicy::of(project, name)?,
        login: plan_login(kind, &service, &readiness, &files),
        stop_grace: service.stop_grace_period.unwrap_or(DEFAULT_STOP_GRACE),
        config_hash: config_hash(project, name, &files),
        files,
        readiness,
        service,
    })
}

/// The kind of a service, and how it is probed.
struct Questions {
    extension: extension::Extension,
    kind: Kind,
    readiness: Readiness,
}

impl Questions {
    fn of(project: &Project, options: &Options, service: &Service) -> Result<Questions, Box<Problem>> {
        let extension = extension::Extension::of(project, &service.name)?;
        let kind =
            extension.kind.unwrap_or_else(|| service.image.as_deref().map_or(Kind::Other, Kind::of_image));
        let name = &service.name;
        let (explicit, path) = match options.probes.get(name) {
            Some(probe) => (Some(probe.clone()), format!("services.{name}")),
            None => (extension.probe(project, name)?, format!("services.{name}.x-greenroom.ready")),
        };
        if let Some(probe) = &explicit {
            feature::check(project, &path, probe)?;
        }
        let readiness = plan_readiness(project, service, kind, explicit);
        Ok(Questions { extension, kind, readiness })
    }
}

fn plan_readiness(project: &Project, service: &Service, kind: Kind, explicit: Option<Probe>) -> Readiness {
    let completes = project.services.values().any(|other| {
        other.depends_on.get(&service.name).is_some_and(|dependency| {
            dependency.condition == crate::compose::Condition::ServiceCompletedSuccessfully
        })
    });
    if completes {
        return Readiness::Completed;
    }
    if let Some(probe) = explicit {
        return Readiness::Explicit(probe);
    }
    let healthcheck = match &service.healthcheck {
        Some(check)
            if check.disable
                || check
                    .test
                    .as_deref()
                    .is_some_and(|test| test.first().is_some_and(|first| first == "NONE")) =>
        {
            Healthcheck::Disabled
        }
        Some(check) => check
            .test
            .as_deref()
            .and_then(readiness::healthcheck_command)
            .map_or(Healthcheck::Image, Healthcheck::File),
        None => Healthcheck::Image,
    };
    // A service without a network cannot be probed from outside. Nor can one on the network of a container outside
    // this stack, because that container decides which ports are published.
    let is_reachable = service.network_mode.as_deref() != Some("none")
        && !matches!(network::owner(project, service), Some(network::Owner::Container(_)));
    let mut tcp_ports = Vec::new();
    for port in service.ports.iter().filter(|port| port.protocol == "tcp" && is_reachable) {
        // The same container port may be published under several host ports.
        if !tcp_ports.contains(&port.target) {
            tcp_ports.push(port.target);
        }
    }
    let port = kind.port(service).filter(|_| is_reachable);
    Readiness::Usual {
        healthcheck,
        round_trip: port.and_then(|port| feature::round_trip(kind, port)),
        tcp_ports,
    }
}

/// How to log in, by the settings of the service's kind, or of the kind that an explicit probe logs in to.
fn plan_login(
    kind: Kind,
    service: &Service,
    readiness: &Readiness,
    files: &[PlannedFile],
) -> Option<LoginSettings> {
    let kind = match readiness {
        Readiness::Explicit(probe) => kind.asked_by(probe),
        Readiness::Completed | Readiness::Usual { .. } => kind,
    };
    kind.login(service, |path| files.iter().find_map(|file| file.text_at(path)).map(str::to_owned))
}

/// The ports that must be published so that `service` can be probed and reached by the test.
fn needed_ports(kind: Kind, service: &Service, readiness: &Readiness) -> impl Iterator<Item = u16> {
    let asked = match readiness {
        Readiness::Explicit(probe) => probe.needs_port(),
        Readiness::Completed | Readiness::Usual { .. } => None,
    };
    [kind.port(service), asked].into_iter().flatten()
}

/// The published ports of a service. The owner of a shared network publishes the ports of all services on it.
fn plan_ports(
    project: &Project,
    options: &Options,
    service: &Service,
    questions: &Questions,
) -> Result<Vec<PlannedPort>, Box<Problem>> {
    if network::owner(project, service).is_some() {
        return Ok(Vec::new());
    }
    let mut needed: Vec<_> = needed_ports(questions.kind, service, &questions.readiness).collect();
    for sharer in network::sharers(project, &service.name) {
        let questions = Questions::of(project, options, sharer)?;
        needed.extend(needed_ports(questions.kind, sharer, &questions.readiness));
    }
    ports::plan(project, service, options.ports, needed)
}

/// The restart policy. As in Compose, `deploy.restart_policy` takes precedence over `restart`.
fn plan_restart(service: &Service) -> Restart {
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
        Some(text) => {
            text.strip_prefix("on-failure:").map_or(Restart::No, |most| Restart::OnFailure(most.parse().ok()))
        }
        None => Restart::No,
    }
}

/// The mount, with its volume's key replaced by the volume's name on the engine.
pub(crate) fn mount_on_engine(plan: &Plan, mount: &Mount) -> Mount {
    let mut mount = mount.clone();
    if mount.kind == MountKind::Volume
        && let Some(volume) = mount.source.as_deref().and_then(|key| plan.volume(key))
    {
        mount.source = Some(volume.name.clone());
    }
    mount
}

/// A problem with the value at `path` of the document.
fn problem(project: &Project, path: &str, message: impl Into<String>) -> Box<Problem> {
    Box::new(project.problem(path, &message.into()))
}

/// A hash of the service's part of the file and of the contents of its secrets and configs.
fn config_hash(project: &Project, name: &str, files: &[PlannedFile]) -> String {
    let mut content = project.document()["services"][name].to_string().into_bytes();
    files.iter().for_each(|file| file.add_to_fingerprint(&mut content));
    hash(&content)
}

/// A hash of everything the plan is made from, except the stack's unique id.
fn fingerprint(project: &Project, options: &Options, services: &[PlannedService]) -> String {
    let mut content = project.document().to_string();
    for service in services {
        // Probes also depend on the Cargo features of this build.
        content.push_str(&format!("{}{:?}", service.config_hash, service.readiness));
    }
    content.push_str(&format!("{:?}{:?}", options.keep_volumes, options.ports));
    hash(content.as_bytes())
}
