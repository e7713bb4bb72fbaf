//! Features that a compose file needs and older engines lack.

use serde::{Deserialize, Serialize};

use super::{Plan, problem};
use crate::Error;
use crate::compose::{Attachment, Mount, MountKind, Network, Problem, Problems, Project, Service, Warning};

/// The versions that an engine reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EngineVersion {
    /// `28.5.1`
    pub engine: String,
    /// `(1, 51)`
    pub api: (u32, u32),
}

/// An API version, and the first engine release with that version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Since {
    api: (u32, u32),
    engine: &'static str,
}

/// <https://docs.docker.com/reference/api/engine/version-history/>
const ANNOTATIONS: Since = Since { api: (1, 43), engine: "24.0" };
const MAC_ADDRESS: Since = Since { api: (1, 44), engine: "25.0" };
const READ_ONLY_BELOW: Since = Since { api: (1, 44), engine: "25.0" };
const SUBPATH: Since = Since { api: (1, 45), engine: "26.0" };
const IMAGE_MOUNT: Since = Since { api: (1, 48), engine: "28.0" };
const GATEWAY_PRIORITY: Since = Since { api: (1, 48), engine: "28.0" };
const WITHOUT_IPV4: Since = Since { api: (1, 48), engine: "28.0" };
const INTERFACE_NAME: Since = Since { api: (1, 49), engine: "28.1" };

/// A value in the file that only newer engines support.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Need {
    since: Since,
    /// The value's place in the file; the message is filled in once the engine's version is known.
    problem: Problem,
    /// Whether the stack works without it too.
    optional: bool,
}

/// The features that the project needs.
pub(super) fn of(project: &Project) -> Vec<Need> {
    let mut found = Vec::new();
    for (name, service) in &project.services {
        let needs =
            of_service(service).into_iter().map(|(key, since)| (format!("services.{name}.{key}"), since));
        found.extend(needs);
    }
    for (name, network) in &project.networks {
        found.extend(of_network(network).map(|since| (format!("networks.{name}.enable_ipv4"), since)));
    }
    let need = |(path, since): (String, Since)| Need {
        since,
        optional: path.ends_with(".annotations") || path.ends_with(".gw_priority"),
        problem: *problem(project, &path, String::new()),
    };
    found.into_iter().map(need).collect()
}

fn of_service(service: &Service) -> Vec<(String, Since)> {
    let mut found = Vec::new();
    if !service.annotations.is_empty() {
        found.push(("annotations".to_owned(), ANNOTATIONS));
    }
    if service.mac_address.is_some() {
        found.push(("mac_address".to_owned(), MAC_ADDRESS));
    }
    for (network, attachment) in &service.networks {
        let needs = of_attachment(attachment).into_iter();
        found.extend(needs.map(|(key, since)| (format!("networks.{network}.{key}"), since)));
    }
    for (index, mount) in service.volumes.iter().enumerate() {
        found.extend(of_mount(mount).map(|(key, since)| (format!("volumes[{index}].{key}"), since)));
    }
    found
}

fn of_attachment(attachment: &Attachment) -> Vec<(&'static str, Since)> {
    let asked = [
        ("gw_priority", attachment.gw_priority.is_some(), GATEWAY_PRIORITY),
        ("interface_name", attachment.interface_name.is_some(), INTERFACE_NAME),
        ("mac_address", attachment.mac_address.is_some(), MAC_ADDRESS),
    ];
    asked.into_iter().filter(|(_, asked, _)| *asked).map(|(key, _, since)| (key, since)).collect()
}

fn of_mount(mount: &Mount) -> Option<(&'static str, Since)> {
    match mount.kind {
        MountKind::Image => Some(("type", IMAGE_MOUNT)),
        MountKind::Volume if mount.subpath.is_some() => Some(("volume.subpath", SUBPATH)),
        MountKind::Bind if matches!(mount.recursive.as_deref(), Some("readonly" | "writable")) => {
            Some(("bind.recursive", READ_ONLY_BELOW))
        }
        _ => None,
    }
}

fn of_network(network: &Network) -> Option<Since> {
    (network.enable_ipv4 == Some(false) && !network.external).then_some(WITHOUT_IPV4)
}

impl Plan {
    /// The plan for this engine, with a warning for each optional feature that the engine lacks.
    ///
    /// # Errors
    ///
    /// If the file needs features that the engine lacks. The error lists each with its place.
    pub(crate) fn for_engine(mut self, version: &EngineVersion) -> Result<Plan, Error> {
        let mut problems = Vec::new();
        for need in self.needs.iter().filter(|need| version.api < need.since.api) {
            let Since { api: (major, minor), engine } = need.since;
            let needs = format!("needs Docker Engine {engine} (API {major}.{minor}) or newer");
            let this = format!("this engine is {} (API {}.{})", version.engine, version.api.0, version.api.1);
            if need.optional {
                let message = format!("{}: not applied: it {needs}, and {this}", need.problem.path);
                self.warnings.push(Warning::new(need.problem.place.clone(), message));
            } else {
                let mut problem = need.problem.clone();
                let hint = "update the engine, or leave it out in an override file: `!reset null`";
                problem.message = format!("{needs}, and {this}");
                problem.hint = Some(hint.to_owned());
                problems.push(problem);
            }
        }
        match Problems::from_list(problems) {
            Some(problems) => Err(Error::compose(&problems)),
            None => Ok(self),
        }
    }
}
