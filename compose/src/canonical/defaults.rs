//! Fills in default values that depend on nothing else.

use crate::tree::{Map, Node, Value};

/// Fills in the defaults that the canonical document shows.
pub(crate) fn fill(document: &mut Node) {
    for (_, service) in document.entries_mut("services") {
        if let Some(build) = service.get_mut("build") {
            set(build, "context", ".");
        }
        fill_secret_targets(service);
        for port in service.items_mut("ports") {
            set(port, "protocol", "tcp");
            set(port, "mode", "ingress");
        }
        for request in service.items_mut("gpus") {
            fill_request(request);
        }
        let reservations = ["deploy", "resources", "reservations"];
        let mut at = Some(&mut *service);
        for key in reservations {
            at = at.and_then(|node| node.get_mut(key));
        }
        if let Some(reservations) = at {
            for request in reservations.items_mut("devices") {
                fill_request(request);
            }
        }
    }
}

fn fill_secret_targets(holder: &mut Node) {
    for secret in holder.items_mut("secrets") {
        if let Some(source) = secret.text_at("source").map(str::to_owned) {
            set(secret, "target", &format!("/run/secrets/{source}"));
        }
    }
}

/// All devices, unless the request says how many or which.
fn fill_request(request: &mut Node) {
    if request.get("count").is_none() && request.get("device_ids").is_none() {
        set(request, "count", "all");
    }
}

fn set(node: &mut Node, key: &str, value: &str) {
    let value = Node::text(value, node);
    if node.is_null() {
        node.value = Value::Map(Map::new());
    }
    if let Some(map) = node.as_map_mut() {
        map.entry(key.to_owned()).or_insert(value);
    }
}
