//! Brings short forms to their long forms.
//!
//! The document has passed [`check`](crate::schema::check), so wrong types are passed over. What depends on the whole
//! project is not filled in here: see [`normalize`](crate::normalize).

pub(crate) mod defaults;
pub(crate) mod mount;
pub(crate) mod paths;
mod port;

use crate::reading::Reading;
use crate::tree::forms::{names, pairs};
use crate::tree::{Map, Node, Trail, Value};

/// Rewrites every short form of the document.
pub(crate) fn canonical(reading: &mut Reading<'_>, document: &mut Node) {
    let services = Trail::ROOT;
    let services = services.key("services");
    for (name, service) in document.entries_mut("services") {
        canonical_service(reading, service, &services.key(name));
    }
    for kind in ["networks", "volumes", "configs", "secrets"] {
        let trail = Trail::ROOT;
        let trail = trail.key(kind);
        for (name, resource) in document.entries_mut(kind) {
            canonical_external(reading, resource, &trail.key(name));
        }
    }
}

/// `{condition: service_started, required: true}`, placed where `origin` is: what a name alone means.
pub(crate) fn started(origin: &Node) -> Node {
    let dependency = Map::from([
        ("condition".to_owned(), Node::text("service_started", origin)),
        ("required".to_owned(), Node::implied(Value::Bool(true), origin)),
    ]);
    Node { key: Some(origin.spot), ..Node::implied(Value::Map(dependency), origin) }
}

fn canonical_service(reading: &mut Reading<'_>, service: &mut Node, trail: &Trail<'_>) {
    let Some(map) = service.as_map_mut() else { return };
    for (key, node) in map {
        let trail = trail.key(key);
        match key.as_str() {
            "build" => canonical_build(reading, node, &trail),
            "depends_on" => {
                to_names(node, started);
                for (_, dependency) in node.as_map_mut().into_iter().flatten() {
                    let required = Node::implied(Value::Bool(true), dependency);
                    if let Some(map) = dependency.as_map_mut() {
                        map.entry("required".to_owned()).or_insert(required);
                    }
                }
            }
            "networks" | "models" => to_names(node, |item| Node::implied(Value::Null, item)),
            "env_file" => {
                to_list(node);
                for item in node.as_list_mut().into_iter().flatten() {
                    to_map(item, "path");
                    let required = Node::implied(Value::Bool(true), item);
                    if let Some(map) = item.as_map_mut() {
                        map.entry("required".to_owned()).or_insert(required);
                    }
                }
            }
            "extends" => to_map(node, "service"),
            "label_file" | "dns_search" | "tmpfs" => to_list(node),
            "dns" => {
                to_list(node);
                if let Some(servers) = node.as_list_mut() {
                    servers.retain(|server| server.as_text() != Some(""));
                }
            }
            "develop" => canonical_develop(node),
            "gpus" => canonical_gpus(node),
            "configs" | "secrets" => to_maps(node, "source"),
            "devices" => canonical_devices(reading, node, &trail),
            "ports" => canonical_ports(reading, node, &trail),
            "volumes" => canonical_volumes(reading, node, &trail),
            "healthcheck" => canonical_healthcheck(node),
            _ => {}
        }
    }
}

fn canonical_build(reading: &mut Reading<'_>, build: &mut Node, trail: &Trail<'_>) {
    to_map(build, "context");
    for (name, context) in build.get("additional_contexts").map(pairs).unwrap_or_default() {
        let written = build.get("additional_contexts").and_then(|contexts| contexts.get(&name));
        if context.is_null() || written.is_some_and(|written| written.as_text().is_none()) {
            let message = format!("`{name}` has no context");
            reading.value_problem(&context, trail.key("additional_contexts"), message).hint =
                Some("write NAME=CONTEXT, or NAME: CONTEXT".to_owned());
        }
    }
    if let Some(secrets) = build.get_mut("secrets") {
        to_maps(secrets, "source");
    }
}

fn canonical_develop(develop: &mut Node) {
    for rule in develop.items_mut("watch") {
        for key in ["ignore", "include"] {
            if let Some(patterns) = rule.get_mut(key) {
                to_list(patterns);
            }
        }
    }
}

/// A string is a command for the shell.
fn canonical_healthcheck(healthcheck: &mut Node) {
    let Some(test) = healthcheck.get_mut("test") else { return };
    if let Value::Text(text) = &test.value {
        let words = ["CMD-SHELL", text].map(|word| Node::text(word, test)).to_vec();
        test.value = Value::List(words);
    }
}

fn canonical_gpus(gpus: &mut Node) {
    if let Value::Text(_) = gpus.value {
        let request = Map::from([("count".to_owned(), Node::text("all", gpus))]);
        gpus.value = Value::List(vec![Node::implied(Value::Map(request), gpus)]);
    }
}

fn canonical_devices(reading: &mut Reading<'_>, devices: &mut Node, trail: &Trail<'_>) {
    for (index, device) in devices.as_list_mut().into_iter().flatten().enumerate() {
        let Value::Text(text) = &device.value else {
            if device.get("target").is_none() {
                reading.problem(device.spot, trail.index(index), "the key `target` is missing").hint =
                    Some("it is the path inside the container".to_owned());
            }
            continue;
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, permissions) = match parts[..] {
            [source] => (source, source, "rwm"),
            [source, ""] => (source, source, "rwm"),
            [source, target] => (source, target, "rwm"),
            [source, target, permissions] => (source, target, permissions),
            _ => {
                let message = format!("`{text}` has too many colons");
                reading.value_problem(device, trail.index(index), message).hint =
                    Some("write SOURCE:TARGET:PERMISSIONS".to_owned());
                continue;
            }
        };
        device.value = Value::Map(
            [("source", source), ("target", target), ("permissions", permissions)]
                .map(|(key, value)| (key.to_owned(), Node::text(value, device)))
                .into(),
        );
    }
}

/// The long form of a port: the mapping and its values.
const VALUES_OF_A_PORT: usize = 5;

fn canonical_ports(reading: &mut Reading<'_>, ports: &mut Node, trail: &Trail<'_>) {
    let Some(list) = ports.as_list_mut() else { return };
    let mut long = Vec::with_capacity(list.len());
    for (index, entry) in std::mem::take(list).into_iter().enumerate() {
        if entry.as_map().is_some() {
            long.push(entry);
            continue;
        }
        if reading.is_spent() {
            return;
        }
        let text = entry.to_go_text().unwrap_or_default();
        match port::long_form(&entry, &text) {
            Ok(entries) => {
                if let Some(surplus) = port::surplus(&text) {
                    let message =
                        format!("`{surplus}` in the port `{text}` is ignored: a range has two ends");
                    reading.warn(Some(entry.spot), message);
                }
                let values = entries.len() * VALUES_OF_A_PORT;
                if reading.spend(values, entry.spot, trail.index(index)).is_err() {
                    return;
                }
                long.extend(entries);
            }
            Err(error) => {
                reading.value_problem(&entry, trail.index(index), error.message).hint = error.hint;
            }
        }
    }
    for (index, entry) in long.iter().enumerate() {
        if entry.get("target").is_none() {
            reading.value_problem(entry, trail.index(index), "has no container port").hint =
                Some("write `target: PORT`".to_owned());
        }
        if let Some(host) = entry.get("host_ip")
            && host.as_text().is_none_or(|host| host.parse::<std::net::IpAddr>().is_err())
        {
            let message = format!("`{}` is not an address", host.as_text().unwrap_or_default());
            reading.value_problem(host, trail.index(index).key("host_ip"), message);
        }
    }
    *list = long;
}

fn canonical_volumes(reading: &mut Reading<'_>, volumes: &mut Node, trail: &Trail<'_>) {
    for (index, entry) in volumes.as_list_mut().into_iter().flatten().enumerate() {
        let Value::Text(text) = &entry.value else { continue };
        match mount::long_form(entry, text) {
            Ok(long) => *entry = long,
            Err(message) => {
                let message = match text.as_str() {
                    "" => message.to_owned(),
                    text => format!("`{}` {message}", reading.hide(text)),
                };
                reading.value_problem(entry, trail.index(index), message).hint =
                    Some("write SOURCE:TARGET, as in \"./data:/data\" or \"data:/data:ro\"".to_owned());
            }
        }
    }
}

/// The old `external: {name: n}` is `external: true` and `name: n`.
fn canonical_external(reading: &mut Reading<'_>, resource: &mut Node, trail: &Trail<'_>) {
    let Some(map) = resource.as_map_mut() else { return };
    let Some(external) = map.get_mut("external") else { return };
    let Value::Map(old) = &external.value else { return };
    let name = old.get("name").cloned();
    external.value = Value::Bool(true);
    if let Some(name) = name {
        match map.get("name") {
            Some(known) if !known.same(&name) => {
                reading.problem(name.spot, trail, "`name` and `external.name` differ").hint =
                    Some("write `name` alone, beside `external: true`".to_owned());
            }
            _ => {
                map.insert("name".to_owned(), name);
            }
        }
    }
}

fn to_list(node: &mut Node) {
    if let Value::Text(_) = node.value {
        node.value = Value::List(vec![node.clone()]);
    }
}

fn to_map(node: &mut Node, key: &str) {
    if let Value::Text(_) = node.value {
        let value = Node { key: None, ..node.clone() };
        node.value = Value::Map(Map::from([(key.to_owned(), value)]));
        node.written = false;
    }
}

fn to_maps(node: &mut Node, key: &str) {
    node.as_list_mut().into_iter().flatten().for_each(|item| to_map(item, key));
}

fn to_names(node: &mut Node, value: impl Fn(&Node) -> Node) {
    if node.as_list().is_some()
        && let Some(map) = names(node, value)
    {
        node.value = Value::Map(map);
    }
}
