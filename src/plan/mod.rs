//! Decides, before anything runs: which services, in what order, under which names and ports, what becomes of each
//! volume, how each service is asked whether it is ready, and how long it may take.
//!
//! Pure: a plan is a value that can be printed, compared and tested.

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

/// How long a service may take to become ready, not counting its image, unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a service gets between its stop signal and being killed, unless the file says otherwise.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#stop_grace_period>
const DEFAULT_STOP_GRACE: Duration = Duration::from_secs(10);

/// What is asked of a stack besides its compose file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// What makes the stack's names unique.
    pub id: String,
    /// Keys of the volumes to keep.
    pub keep_volumes: Vec<String>,
    pub ports: Ports,
    /// Every service's deadline; the file's own, or [`DEFAULT_TIMEOUT`], without it.
    pub timeout: Option<Duration>,
    /// Probes given in Rust, by service.
    pub probes: BTreeMap<String, Probe>,
}

/// Which host ports the services get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ports {
    /// On 127.0.0.1, at ports that the engine picks: any number of stacks run side by side.
    #[default]
    Picked,
    /// The addresses and ports that the file states.
    AsWritten,
}

/// What will run, before it does. Printed by `greenroom plan`.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// The stack's name: unique on this machine, and Compose's project name for it.
    pub stack: String,
    /// The project's name, as Compose derives it.
    pub project: String,
    /// The project's folder.
    pub directory: PathBuf,
    /// The environment files that were read.
    pub env_files: Vec<PathBuf>,
    /// The services, each after what it depends on.
    pub services: Vec<PlannedService>,
    /// The networks.
    pub networks: Vec<PlannedNetwork>,
    /// The volumes.
    pub volumes: Vec<PlannedVolume>,
    /// What the file says and greenroom does not apply, and what the reader warned of.
    pub warnings: Vec<Warning>,
    /// What the engine must have for it.
    pub(crate) needs: Vec<need::Need>,
    /// A fingerprint of the file and the options; the same for every stack of the same.
    pub(crate) fingerprint: String,
    pub(crate) secrets: Secrets,
}

/// A service with everything decided that can be known before its image is seen. One of several replicas, where the file
/// asks for them.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct PlannedService {
    /// Under which the stack knows it: the service's name, and for the second replica `web#2`.
    pub name: String,
    /// Which replica it is; the first, or only one is 1.
    pub number: u32,
    /// The service as written.
    pub service: Service,
    /// The container's name.
    pub container: String,
    /// What the service is known to be.
    pub kind: Kind,
    /// Which host ports it gets.
    pub ports: Vec<PlannedPort>,
    /// Its networks by key, with the names under which neighbours find it there.
    pub networks: Vec<PlannedAttachment>,
    /// The container whose network it shares; its ports are that one's.
    pub network_of: Option<String>,
    /// What it waits for.
    pub waits_for: Vec<Dependency>,
    /// What makes it ready.
    pub readiness: Readiness,
    /// How long one run of its healthcheck may take.
    pub healthcheck_timeout: Duration,
    /// How long it may take to become ready, not counting its image.
    pub timeout: Duration,
    /// Whether greenroom starts it again when it ends while it is waited for.
    pub restart: Restart,
    /// What may be built where its image is not to be had.
    pub fallback: Option<Fallback>,
    /// How to log in, where its kind has a login.
    pub login: Option<LoginSettings>,
    /// When its image is pulled.
    pub pull: PullPolicy,
    /// The secrets and configs that it finds as files.
    pub files: Vec<PlannedFile>,
    /// How long it gets between its stop signal and being killed, where it is stopped and not killed.
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
    /// The port on the host; 0: the engine picks one.
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
    /// As written, with the service's own `mac_address` on its first network.
    pub written: Attachment,
}

/// Which ends of a service, while it is waited for, are "not yet".
///
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#restart>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restart {
    /// An end is final.
    No,
    /// Any end is followed by another start.
    Always,
    /// An end with another code than 0 is, at most this many times.
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
    /// As written; an external one is used, never created or removed.
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
    /// What becomes of it.
    pub fate: Fate,
    /// As written.
    pub volume: crate::compose::Volume,
}

/// What becomes of a volume when the stack goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// The stack's own: removed with it.
    Fresh,
    /// Survives, and is found again by the next stack that keeps it.
    Kept,
    /// Somebody else's: used, never created or removed.
    External,
}

/// As it is printed, secrets hidden.
impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The service's own words and the commands that ask it, which can hold secrets, are left out.
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
    /// The service of this name; of one with replicas the first, and `web#2` is the second.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&PlannedService> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The containers of the service of this name.
    pub fn replicas<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a PlannedService> {
        self.services.iter().filter(move |planned| planned.service.name == service)
    }

    /// The names of all services and replicas, each after what it depends on.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(|service| service.name.as_str())
    }

    pub(crate) fn volume(&self, key: &str) -> Option<&PlannedVolume> {
        self.volumes.iter().find(|volume| volume.key == key)
    }

    pub(crate) fn network(&self, key: &str) -> Option<&PlannedNetwork> {
        self.networks.iter().find(|network| network.key == key)
    }

    /// The kept volumes that `service` mounts, those of another service's that it takes over among them.
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

/// Decides everything that can be decided before anything runs. What secrets and configs hold is read from `disk`.
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
        // A provider is no container: `support` has noted that it is left out.
        if project.services[name].provider.is_some() {
            continue;
        }
        let files = file::plan(project, disk, name, &mut problems, &mut warnings);
        file::add_secrets(&files, &mut secrets);
        // The replicas differ in their number alone, so what is wrong with one is wrong with all.
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

/// What a service is, and how it is asked whether it is ready.
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
    // Without a network nothing can be asked from outside, nor where somebody else's container publishes what it likes.
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

/// How to log in, by the settings of its kind; of the kind that a probe asks for, where the file or the test says one.
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

/// The ports that must be published so that `service` can be probed and handed out.
fn needed_ports(kind: Kind, service: &Service, readiness: &Readiness) -> impl Iterator<Item = u16> {
    let asked = match readiness {
        Readiness::Explicit(probe) => probe.needs_port(),
        Readiness::Completed | Readiness::Usual { .. } => None,
    };
    [kind.port(service), asked].into_iter().flatten()
}

/// Where the service publishes what: a sharer's ports are published by the owner of the network.
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

/// By `deploy.restart_policy` where there is one, as in Compose.
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

/// A mount with the engine's name of its volume.
pub(crate) fn mount_on_engine(plan: &Plan, mount: &Mount) -> Mount {
    let mut mount = mount.clone();
    if mount.kind == MountKind::Volume
        && let Some(volume) = mount.source.as_deref().and_then(|key| plan.volume(key))
    {
        mount.source = Some(volume.name.clone());
    }
    mount
}

/// A complaint about what stands at `path` of the document.
fn problem(project: &Project, path: &str, message: impl Into<String>) -> Box<Problem> {
    Box::new(project.problem(path, &message.into()))
}

/// What the service is made of: its part of the file, and what its secrets and configs hold.
fn config_hash(project: &Project, name: &str, files: &[PlannedFile]) -> String {
    let mut content = project.document()["services"][name].to_string().into_bytes();
    files.iter().for_each(|file| file.add_to_fingerprint(&mut content));
    hash(&content)
}

/// What the plan is made of, less what makes each stack unique.
fn fingerprint(project: &Project, options: &Options, services: &[PlannedService]) -> String {
    let mut content = project.document().to_string();
    for service in services {
        // What is asked depends on the build, too: its Cargo features.
        content.push_str(&format!("{}{:?}", service.config_hash, service.readiness));
    }
    content.push_str(&format!("{:?}{:?}", options.keep_volumes, options.ports));
    hash(content.as_bytes())
}
