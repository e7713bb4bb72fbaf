//! Values of applied keys that are refused, or ignored with a warning.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{network, problem};
use crate::compose::{Logging, Mount, MountKind, Problem, Project, Service, Warning};

/// The log drivers whose log the engine can always read back. Other drivers send the log elsewhere, and greenroom could
/// not quote it when a start fails.
const READABLE_DRIVERS: &[&str] = &["journald", "json-file", "local"];

/// The maximum number of replicas: a larger number is a typo, and would overload the engine.
pub(super) const MOST_REPLICAS: u32 = 1000;

/// Whether the engine can read the log back. Only then is the file's driver applied.
pub(crate) fn is_readable(logging: &Logging) -> bool {
    logging.driver.as_deref().is_none_or(|driver| driver.is_empty() || READABLE_DRIVERS.contains(&driver))
}

/// Refuses unsupported values, and warns of those that are ignored.
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
        found.push(("network_mode".to_owned(), format!("greenroom does not run a service with `network_mode: {mode}`: another stack or another program may answer on its ports"), None));
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

/// A container has one MAC address per network. The service's own `mac_address` is for the first network.
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
        let message = "`readonly` and `writable` need a read-only mount".to_owned();
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
