//! Decides which services and resources take part (Compose specification, "Profiles").

use std::collections::{BTreeSet, HashSet};

use crate::tree::{Map, Node};

/// Removes the services that no active profile enables, and returns them.
pub(crate) fn apply(document: &mut Node, active: &[String]) -> Map {
    let mut inactive = Map::new();
    if active.iter().any(|profile| profile == "*") {
        return inactive;
    }
    let active: HashSet<&str> = active.iter().map(String::as_str).collect();
    if let Some(services) = document.get_mut("services").and_then(Node::as_map_mut) {
        for (name, service) in std::mem::take(services) {
            let profiles = service.items("profiles");
            let wanted = |profile: &Node| profile.as_text().is_some_and(|profile| active.contains(profile));
            if profiles.is_empty() || profiles.iter().any(wanted) {
                services.insert(name, service);
            } else {
                inactive.insert(name, service);
            }
        }
    }
    inactive
}

/// Removes the resources that no service uses.
pub(crate) fn drop_unused(document: &mut Node) {
    for kind in ["networks", "volumes", "configs", "secrets", "models"] {
        let used = used(document, kind);
        if let Some(map) = document.as_map_mut()
            && let Some(resources) = map.get_mut(kind).and_then(Node::as_map_mut)
        {
            resources.retain(|name, _| used.contains(name));
            if resources.is_empty() {
                map.shift_remove(kind);
            }
        }
    }
}

fn used(document: &Node, kind: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (_, service) in document.entries("services") {
        match kind {
            "networks" | "models" => used.extend(service.entries(kind).map(|(name, _)| name.clone())),
            "volumes" => {
                let volumes = service.items("volumes").iter();
                let named = volumes.filter(|mount| mount.text_at("type") == Some("volume"));
                used.extend(named.filter_map(|mount| mount.text_at("source")).map(str::to_owned));
            }
            _ => {
                let of = |holder: &Node| -> Vec<String> {
                    let references = holder.items(kind).iter();
                    references.filter_map(|item| item.text_at("source")).map(str::to_owned).collect()
                };
                used.extend(of(service));
                used.extend(service.get("build").map(of).unwrap_or_default());
            }
        }
    }
    used
}
