//! Values of applied keys that are refused, or not applied with a warning.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{network, problem};
use crate::compose::{Logging, Mount, MountKind, Problem, Project, Service, Warning};

/// The drivers whose log the engine gives back whatever becomes of the one who collects it. The others send it elsewhere,
/// and a start that fails could not be explained from it.
const READABLE_DRIVERS: &[&str] = &["journald", "json-file", "local"];

/// More containers of one service are a slip of the pen, and would take an engine down.
pub(super) const MOST_REPLICAS: u32 = 1000;

/// Whether the container's log goes where the file says: only to where it can be read.
pub(crate) fn is_readable(logging: &Logging) -> bool {
    logging.driver.as_deref().is_none_or(|driver| driver.is_empty() || READABLE_DRIVERS.contains(&driver))
}

/// Complains of what cannot be had, and notes what is left out.
pub(super) fn check(project: &Project, name: &str, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) {
    let service = &project.services[name];
    let at = |key: &str| format!("services.{name}.{key}");
    for (key, message, hint) in refused(service, &project.document()["services"][name]) {
        let mut problem = problem(project, &at(&key), message);
        problem.hint = hint;
        problems.push(*problem);
    }
    for (key, message) in not_applied(service, &project.document()["services"][name]) {
        let path = at(&key);
        warnings.push(Warning::new(project.place(&path), format!("{path}: {message}")));
    }
}

/// Key, message and hint.
type Refused = (String, String, Option<String>);

fn refused(service: &Service, document: &Json) -> Vec<Refused> {
    let mut found: Vec<Refused> = Vec::new();
    if let Some(mode) = &service.network_mode
        && !matches!(mode.as_str(), "none" | "bridge")
        && !mode.starts_with("service:")
        && !mode.starts_with("container:")
    {
        found.push(("network_mode".to_owned(), format!("greenroom does not run a service with `network_mode: {mode}`: what answers at its ports may be another stack's, or none of ours"), None));
    }
    if service.scale > MOST_REPLICAS {
        let key = if document.get("scale").is_some() { "scale" } else { "deploy.replicas" };
        found.push((
            key.to_owned(),
            format!("greenroom runs at most {MOST_REPLICAS} containers a service"),
            None,
        ));
    }
    if let Some(isolation) = &service.isolation
        && !matches!(isolation.as_str(), "default" | "process" | "hyperv")
    {
        found.push(unknown("isolation", isolation, "default, process, hyperv"));
    }
    found.extend(refused_mac_address(service));
    for (index, mount) in service.volumes.iter().enumerate() {
        found.extend(
            refused_mount(mount)
                .map(|(key, message, hint)| (format!("volumes[{index}].{key}"), message, hint)),
        );
    }
    found
}

fn unknown(key: &str, word: &str, known: &str) -> Refused {
    (key.to_owned(), format!("`{word}` is not known"), Some(format!("one of {known}")))
}

/// A container has an address for each network: the service's own is that of the first.
fn refused_mac_address(service: &Service) -> Option<Refused> {
    let own = service.mac_address.as_ref()?;
    let refuse = |message: String| Some(("mac_address".to_owned(), message, None));
    let Some((network, attachment)) = network::by_priority(&service.networks).into_iter().next() else {
        return refuse("a service without a network of its own has no MAC address".to_owned());
    };
    match &attachment.mac_address {
        Some(other) if other != own => {
            refuse(format!("it differs from that of `networks.{network}`, the service's first network"))
        }
        _ => None,
    }
}

fn refused_mount(mount: &Mount) -> Option<Refused> {
    const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
    if mount.kind == MountKind::Other {
        return Some((
            "type".to_owned(),
            "greenroom mounts binds, volumes, tmpfs and images only".to_owned(),
            None,
        ));
    }
    if mount.kind != MountKind::Bind {
        return None;
    }
    if let Some(propagation) = &mount.propagation
        && !PROPAGATIONS.contains(&propagation.as_str())
    {
        return Some(unknown("bind.propagation", propagation, &PROPAGATIONS.join(", ")));
    }
    if mount.selinux.is_some() && mount.recursive.is_some() {
        let message = "`selinux` and `recursive` exclude each other: no engine takes both for one mount";
        return Some(("bind.selinux".to_owned(), message.to_owned(), None));
    }
    if matches!(mount.recursive.as_deref(), Some("readonly" | "writable")) && !mount.read_only {
        let message = "it says what is read-only below a mount that is not".to_owned();
        return Some((
            "bind.recursive".to_owned(),
            message,
            Some("write `read_only: true` beside it".to_owned()),
        ));
    }
    None
}

fn not_applied(service: &Service, document: &Json) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Some(logging) = &service.logging
        && !is_readable(logging)
    {
        let driver = logging.driver.as_deref().unwrap_or_default();
        let message = format!("greenroom does not apply the driver `{driver}`: it could not read the log");
        found.insert("logging.driver".to_owned(), message);
    }
    for (index, mount) in document["volumes"].as_array().into_iter().flatten().enumerate() {
        let kind = mount["type"].as_str().unwrap_or_default();
        for other in ["bind", "volume", "tmpfs", "image"] {
            if other != kind && mount[other].as_object().is_some_and(|options| !options.is_empty()) {
                let message = format!("options of another type than `{kind}` are not applied");
                found.insert(format!("volumes[{index}].{other}"), message);
            }
        }
    }
    found
}
