//! Checks rules for volumes, configs and secrets that the schema can't express. It changes nothing.

use crate::reading::Reading;
use crate::text::names::list;
use crate::tree::Node;

/// Reports volumes, configs and secrets that break these rules.
pub(crate) fn check(reading: &mut Reading<'_>, document: &Node) {
    for (name, volume) in document.entries("volumes") {
        if volume.get("external").and_then(Node::as_bool) != Some(true) {
            continue;
        }
        for (key, value) in volume.as_map().into_iter().flatten() {
            if !matches!(key.as_str(), "name" | "external") && !key.starts_with("x-") {
                let message = format!("an external volume can't have `{key}`: it is created elsewhere");
                reading.problem(value.entry_spot(), format!("volumes.{name}"), message);
            }
        }
    }
    for (kind, keys) in
        [("configs", &["file", "environment", "content"][..]), ("secrets", &["file", "environment"][..])]
    {
        for (name, resource) in document.entries(kind) {
            check_source(reading, resource, &format!("{kind}.{name}"), keys);
        }
    }
}

/// For a config, a driver or any value of `external` is enough.
fn is_made_elsewhere(resource: &Node, path: &str) -> bool {
    let external = resource.get("external");
    if path.starts_with("secrets.") {
        external.and_then(Node::as_bool) == Some(true)
    } else {
        external.is_some() || resource.get("driver").is_some()
    }
}

fn check_source(reading: &mut Reading<'_>, resource: &Node, path: &str, keys: &[&str]) {
    let given: Vec<&str> = keys.iter().copied().filter(|key| resource.get(key).is_some()).collect();
    let all = list(keys.iter().copied());
    // For a config, an empty name is valid.
    let names_nothing = path.starts_with("secrets.")
        && given == ["environment"]
        && resource.text_at("environment") == Some("");
    if given.len() > 1 {
        let message = format!("only one of {all} can be given");
        reading.problem(resource.entry_spot(), path, message);
    } else if (given.is_empty() || names_nothing) && !is_made_elsewhere(resource, path) {
        let message = format!("has no content: one of {all} is needed");
        reading.problem(resource.entry_spot(), path, message).hint =
            Some("or write `external: true` if it is created elsewhere".to_owned());
    }
}
