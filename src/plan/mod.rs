//! Decides, before anything runs, which services start, in what order, under which names and ports, the fate of each
//! volume, how each service is probed, and how long it may take to become ready.
//!
//! This module has no side effects: a plan is a value that can be printed, compared and tested.

mod build;
mod extension;
mod feature;
mod file;
mod model;
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
use std::time::Duration;

use crate::Error;
use crate::compose::{Files, Problem, Problems, Project, Service};
use crate::kind::{Kind, LoginSettings, Probe};

pub use extension::{Base, Fallback};
pub use file::{Delivery, PlannedFile};
pub use model::{
    Fate, Plan, PlannedAttachment, PlannedNetwork, PlannedPort, PlannedService, PlannedVolume, Ports, Restart,
};
pub use order::{Dependency, Until};
pub use pull::PullPolicy;
pub use readiness::{Healthcheck, Readiness};

pub(crate) use build::cached_image;
pub(crate) use file::Content;
pub(crate) use names::{hash, id_of_stack, is_word, label, replica};
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
    /// Whether to build what the file builds even if the image is there.
    pub build: bool,
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
    let Questions { extension, kind, readiness, unserved } = questions;
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
        restart: Restart::of(&service),
        fallback: extension.fallback,
        pull: match service.build {
            Some(_) if options.build => PullPolicy::Build,
            _ => PullPolicy::of(project, name)?,
        },
        login: plan_login(kind, &service, &readiness, &files),
        stop_grace: service.stop_grace_period.unwrap_or(DEFAULT_STOP_GRACE),
        config_hash: config_hash(project, name, &files),
        files,
        readiness,
        unserved,
        service,
    })
}

/// The kind of a service, and how it is probed.
struct Questions {
    extension: extension::Extension,
    kind: Kind,
    readiness: Readiness,
    /// The published ports that are not served at the start.
    unserved: Vec<u16>,
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
        let unserved = extension.unserved(project, name)?;
        let readiness = Readiness::of(project, service, kind, explicit, &unserved);
        Ok(Questions { extension, kind, readiness, unserved })
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
