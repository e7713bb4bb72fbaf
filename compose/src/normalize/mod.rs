//! Fills in what the document implies: the default network, implied dependencies, names of resources.
//!
//! It checks nothing; [`consistency`] does. [`profiles`] decides what takes part.

pub(crate) mod consistency;
pub(crate) mod profiles;

use crate::canonical::started;
use crate::text::path;
use crate::tree::forms::pairs;
use crate::tree::{Map, Node, Value};
use crate::variable::Variables;

/// Fills in what Compose implies. `name` is the name of the project.
pub(crate) fn normalize(document: &mut Node, name: &str, variables: &Variables) {
    let mut uses_default = false;
    for (_, service) in document.entries_mut("services") {
        uses_default |= join_default_network(service);
        normalize_service(service, variables);
    }
    if uses_default {
        add_default_network(document);
    }
    for kind in ["networks", "volumes", "configs", "secrets"] {
        for (key, resource) in document.entries_mut(kind) {
            name_resource(resource, key, name);
        }
    }
}

/// Writes the project's name into the document, and adds `services` if it is missing.
pub(crate) fn add_name(document: &mut Node, name: &str) {
    let Some(map) = document.as_map_mut() else { return };
    let origin = map.get("name").map_or(Node::empty_map(Default::default()), Node::clone);
    map.insert("name".to_owned(), Node::text(name, &origin));
    map.entry("services".to_owned()).or_insert_with(|| Node::empty_map(origin.spot));
}

/// A service without networks is on `default` (Compose specification, "Networks", "The default network").
fn join_default_network(service: &mut Node) -> bool {
    if service.get("provider").is_some() || service.get("network_mode").is_some() {
        return false;
    }
    if let Some(networks) = service.get("networks").and_then(Node::as_map)
        && !networks.is_empty()
    {
        return networks.contains_key("default");
    }
    let mut networks = Node::empty_map(service.spot);
    networks.key = service.key;
    networks.value = Value::Map(Map::from([("default".to_owned(), Node::implied(Value::Null, service))]));
    if let Some(map) = service.as_map_mut() {
        map.insert("networks".to_owned(), networks);
    }
    true
}

fn add_default_network(document: &mut Node) {
    let spot = document.spot;
    let Some(map) = document.as_map_mut() else { return };
    let networks = map.entry("networks".to_owned()).or_insert_with(|| Node::empty_map(spot));
    if let Some(networks) = networks.as_map_mut() {
        networks.entry("default".to_owned()).or_insert_with(|| Node::empty_map(spot));
    }
}

fn normalize_service(service: &mut Node, variables: &Variables) {
    if let Some(policy) = service.get_mut("pull_policy")
        && policy.as_text() == Some("if_not_present")
    {
        policy.value = Value::Text("missing".to_owned());
    }
    if let Some(scale) = service.get("scale").cloned()
        && let Some(deploy) = service.get_mut("deploy").and_then(Node::as_map_mut)
    {
        deploy.entry("replicas".to_owned()).or_insert(scale);
    }
    if let Some(build) = service.get_mut("build") {
        normalize_build(build, variables);
    }
    if let Some(environment) = service.get_mut("environment") {
        environment.value = Value::Map(resolved_map(environment, variables, Unset::Kept));
    }
    for mount in service.items_mut("volumes") {
        if let Some(Value::Text(target)) = mount.get_mut("target").map(|target| &mut target.value) {
            *target = path::clean(target);
        }
    }
    let implied = implied_dependencies(service);
    if implied.is_empty() {
        return;
    }
    let spot = service.spot;
    let Some(map) = service.as_map_mut() else { return };
    let dependencies = map.entry("depends_on".to_owned()).or_insert_with(|| Node::empty_map(spot));
    if let Some(dependencies) = dependencies.as_map_mut() {
        for (name, dependency) in implied {
            dependencies.entry(name).or_insert(dependency);
        }
    }
}

fn normalize_build(build: &mut Node, variables: &Variables) {
    let dockerfile = Node::text("Dockerfile", build);
    if build.get("dockerfile").is_none()
        && build.get("dockerfile_inline").is_none()
        && let Some(map) = build.as_map_mut()
    {
        map.insert("dockerfile".to_owned(), dockerfile);
    }
    if let Some(args) = build.get_mut("args") {
        args.value = Value::Map(resolved_map(args, variables, Unset::Dropped));
    }
}

/// A service depends on every service that it is linked to or shares something with.
fn implied_dependencies(service: &Node) -> Vec<(String, Node)> {
    let mut implied = Vec::new();
    for link in service.items("links") {
        if let Some(text) = link.as_text() {
            let parts: Vec<&str> = text.split(':').collect();
            let name = if parts.len() == 2 { parts[0] } else { text };
            implied.push((name.to_owned(), restarted_with(link, started(link))));
        }
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        if let Some(node) = service.get(key)
            && let Some(other) = node.as_text().and_then(|text| text.strip_prefix("service:"))
        {
            implied.push((other.to_owned(), restarted_with(node, only_started(node))));
        }
    }
    for from in service.items("volumes_from") {
        if let Some(text) = from.as_text().filter(|text| !text.starts_with("container:")) {
            let name = text.split(':').next().unwrap_or(text);
            implied.push((name.to_owned(), only_started(from)));
        }
    }
    implied
}

/// Sharing a namespace or a volume needs a container that has started. Waiting for it to be ready could deadlock, if
/// its readiness needs the sharer. So this `service_started`, unlike that of the short form, means what it says.
fn only_started(origin: &Node) -> Node {
    let mut dependency = started(origin);
    if let Some(condition) = dependency.get_mut("condition") {
        condition.written = true;
    }
    dependency
}

fn restarted_with(origin: &Node, mut dependency: Node) -> Node {
    if let Some(map) = dependency.as_map_mut() {
        map.insert("restart".to_owned(), Node::implied(Value::Bool(true), origin));
    }
    dependency
}

fn name_resource(resource: &mut Node, key: &str, project: &str) {
    if resource.is_null() {
        resource.value = Value::Map(Map::new());
    }
    let external = resource.get("external").and_then(Node::as_bool) == Some(true);
    let name = if external { key.to_owned() } else { format!("{project}_{key}") };
    let name = Node::text(name, resource);
    if let Some(map) = resource.as_map_mut() {
        map.entry("name".to_owned()).or_insert(name);
    }
}

/// What happens to a name without a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unset {
    /// It stays, and is unset in the container.
    Kept,
    Dropped,
}

/// A mapping from either form. Names without a value take it from `variables`.
fn resolved_map(node: &Node, variables: &Variables, unset: Unset) -> Map {
    let mut map = Map::new();
    for (name, mut value) in pairs(node) {
        if value.is_null() {
            match variables.value(&name) {
                Some(found) => value.value = Value::Text(found.to_owned()),
                None if unset == Unset::Dropped => continue,
                None => {}
            }
        }
        map.insert(name, value);
    }
    map
}
