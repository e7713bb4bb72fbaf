//! Which values are secret, and how they are kept out of the printed document.

use serde_json::Value as Json;

use crate::secret::{HIDDEN, Secrets, is_secret_name};
use crate::tree::Node;
use crate::variable::Variables;

/// Adds the values that must not be printed: by their name, as content of `secrets`, or as a password in a URL.
pub(crate) fn gather(secrets: &mut Secrets, tree: &Node, document: &Json, variables: &Variables) {
    for service in document["services"].as_object().into_iter().flatten().map(|(_, service)| service) {
        let args = service.get("build").and_then(|build| build.get("args"));
        let hooks = ["post_start", "pre_stop"].into_iter().filter_map(|key| service.get(key)?.as_array());
        let of_hooks = hooks.flatten().filter_map(|hook| hook.get("environment"));
        let own = [service.get("environment"), args, service.get("labels")].into_iter().flatten();
        for values in own.chain(of_hooks) {
            for (name, value) in values.as_object().into_iter().flatten() {
                secrets.add_named(name, value.as_str().unwrap_or_default());
            }
        }
    }
    for (_, secret) in tree.entries("secrets") {
        if let Some(value) = secret.text_at("environment").and_then(|name| variables.value(name)) {
            secrets.add(value);
        }
    }
}

/// Hides a value by its name if it has one, and by its content otherwise.
pub(crate) fn redact(json: &mut Json, name: &str, secrets: &Secrets) {
    match json {
        Json::String(text) => {
            *text =
                if is_secret_name(name) && !text.is_empty() { HIDDEN.to_owned() } else { secrets.hide(text) };
        }
        Json::Array(list) => list.iter_mut().for_each(|item| redact(item, "", secrets)),
        Json::Object(map) => {
            let holds_values = matches!(name, "environment" | "args" | "labels");
            for (key, value) in map {
                let is_branch = value.is_object() || value.is_array();
                redact(value, if holds_values || is_branch { key } else { "" }, secrets);
            }
        }
        _ => {}
    }
}
